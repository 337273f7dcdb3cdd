//! What can go wrong with the journal's file, and what the user can do then. Reads and changes nothing.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What can go wrong with the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is none at this place.
    #[error("there is no journal at {}", .0.display())]
    Missing(PathBuf),
    /// SQLite refused.
    #[error("the journal {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Its word.
        source: rusqlite::Error,
    },
    /// It was written by a newer Greenlane.
    #[error("the journal {} has format {found}; this Greenlane knows formats up to {known}: use the newer version that wrote it", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// A line of it is not an event that this version knows.
    #[error("the journal {}, line {seq}: {message}", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// The event's number.
        seq: u64,
        /// What does not fit.
        message: String,
    },
}

impl JournalError {
    /// The file is damaged, as a look through all of it has shown.
    #[must_use]
    pub fn damaged(path: PathBuf, word: String) -> Self {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        JournalError::Sqlite { path, source: rusqlite::Error::SqliteFailure(code, Some(word)) }
    }

    /// What the user can do about it; nothing where the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let JournalError::Sqlite { path, .. } = self else { return None };
        if self.is_damaged() {
            let path = path.display();
            return Some(format!(
                "no work is in this file: what has landed is on the branches `greenlane/…`, the rest in its worktrees and under \
                 refs/greenlane. To go on without it: `for f in {path}*; do mv \"$f\" \"$f.damaged\"; done`, then run the plan again"
            ));
        }
        if self.code() == Some(ErrorCode::DatabaseBusy) || self.code() == Some(ErrorCode::DatabaseLocked) {
            return Some(format!(
                "another program holds it (`fuser {}` tells which): end that; running attempts go on, and `greenlane resume` takes an \
                 interrupted run up",
                path.display()
            ));
        }
        self.is_read_only().then(|| "what Greenlane keeps must be writable by you, there and in the repository's `.git`".to_owned())
    }

    /// What is in the file is not what was written.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let JournalError::Sqlite { source, .. } = self else { return false };
        let content = matches!(
            source,
            rusqlite::Error::Utf8Error(..) | rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
        );
        content || matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// It cannot be written, or what must lie beside it cannot be made.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied))
    }

    /// The same, of the file as its user knows it.
    pub(super) fn at(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            JournalError::Missing(_) => JournalError::Missing(path),
            JournalError::Sqlite { source, .. } => JournalError::Sqlite { path, source },
            JournalError::TooNew { found, known, .. } => JournalError::TooNew { path, found, known },
            JournalError::Event { seq, message, .. } => JournalError::Event { path, seq, message },
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        let JournalError::Sqlite { source, .. } = self else { return None };
        source.sqlite_error_code()
    }

    /// No space is left for it.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let JournalError::Sqlite { source, .. } = self else { return false };
        // The file that readers share is made at its full size, and SQLite calls it an input/output error if that finds no room.
        let no_room = |e: &rusqlite::ffi::Error| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        self.code() == Some(ErrorCode::DiskFull) || source.sqlite_error().is_some_and(no_room)
    }
}
