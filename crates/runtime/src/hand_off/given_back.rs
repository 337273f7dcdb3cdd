//! The word of whoever has a task in hand: a small file in the attempt's directory, written whole or not at all. It needs no coordinator.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

const FILE: &str = "given-back.json";
/// Longest message: it stands in a line of `status`.
const MESSAGE_CHARS_MAX: usize = 500;
const BYTES_MAX: u64 = 64 * 1024;

/// What somebody says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The work is there, to be verified.
    Done,
    /// It is not to be expected.
    Failed,
}

/// A task that is given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenBack {
    /// How.
    pub word: Word,
    /// Who says so; empty: nobody knows.
    #[serde(default)]
    pub by: String,
    /// Why, or what else there is to be said; may be empty.
    #[serde(default)]
    pub message: String,
}

/// Gives the attempt whose directory this is back. Of two words the first counts.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if it was given back before; or if nothing can be written.
pub fn give_back(dir: &Path, given: &GivenBack) -> io::Result<()> {
    let message: String = given.message.trim().chars().take(MESSAGE_CHARS_MAX).collect();
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&serde_json::to_vec(&GivenBack { message, ..given.clone() })?)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(dir.join(FILE)).map_err(|e| e.error)?;
    Ok(())
}

/// What was said; `None`: nothing yet.
pub(super) fn read(dir: &Path) -> io::Result<Option<GivenBack>> {
    let path = dir.join(FILE);
    match fs::metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
        Ok(meta) if meta.len() > BYTES_MAX => return Err(io::Error::other(format!("{} is too long to be a word", path.display()))),
        Ok(_) => {}
    }
    Ok(Some(serde_json::from_slice(&fs::read(&path)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let given = |word, message: &str| GivenBack { word, by: String::from("Ada"), message: message.to_owned() };
        give_back(dir.path(), &given(Word::Failed, " no schema yet \n")).unwrap();
        let again = give_back(dir.path(), &given(Word::Done, "")).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(dir.path()).unwrap(), Some(given(Word::Failed, "no schema yet")));
    }
}
