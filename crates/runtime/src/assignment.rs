//! What assigning agents needs to know of a repository: the names of some of its files, and what agents have shown in earlier runs.
//! Looks; decides nothing.

use std::fs;
use std::path::Path;

use greenlane_core::classify::{Classifier, Record, RepositoryFiles, tally};

use crate::journal::{Journal, JournalError};

/// Most earlier runs that are looked at, the newest first.
const RUNS_MAX: u32 = 20;
/// Most names that are looked at; manifests stand at the top.
const NAMES_MAX: usize = 2_000;
/// Folders whose content says nothing about the repository.
const PASSED_OVER: [&str; 6] = [".git", ".greenlane", "node_modules", "target", "vendor", "dist"];

/// The paths of files and folders in the first two levels, folders with a slash at their end. What cannot be read is left out.
#[must_use]
pub fn repository_paths(top: &Path) -> Vec<String> {
    let mut out = Vec::new();
    for name in names(top) {
        if let Some(folder) = name.strip_suffix('/')
            && !PASSED_OVER.contains(&folder)
        {
            out.extend(names(&top.join(folder)).into_iter().map(|inside| format!("{name}{inside}")));
        }
        out.push(name);
        if out.len() >= NAMES_MAX {
            break;
        }
    }
    out.truncate(NAMES_MAX);
    out
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let name = |entry: fs::DirEntry| {
        let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
        entry.file_name().into_string().ok().map(|name| if is_folder { name + "/" } else { name })
    };
    let mut names: Vec<String> = entries.filter_map(Result::ok).take(NAMES_MAX).filter_map(name).collect();
    names.sort();
    names
}

/// What agents have shown in the newest runs of the repository; nothing where nothing ever ran.
///
/// # Errors
/// If the journal cannot be read.
pub fn track_record(state_dir: &Path, classifier: &Classifier, repository: &RepositoryFiles) -> Result<Record, JournalError> {
    let mut record = Record::default();
    let journal = match Journal::read(state_dir) {
        Ok(journal) => journal,
        Err(JournalError::Missing(_)) => return Ok(record),
        Err(e) => return Err(e),
    };
    for run in journal.runs(RUNS_MAX)? {
        tally(&journal.load(&run.run)?.0, classifier, repository, &mut record);
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_levels_are_looked_at_and_what_was_built_is_not() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        for path in ["src/deep/er", "target/debug", "ios"] {
            fs::create_dir_all(dir.path().join(path))?;
        }
        for path in ["Cargo.toml", "src/main.rs", "src/deep/x.rs", "target/y"] {
            fs::write(dir.path().join(path), "")?;
        }
        assert_eq!(repository_paths(dir.path()), ["Cargo.toml", "ios/", "src/deep/", "src/main.rs", "src/", "target/"]);
        assert!(repository_paths(&dir.path().join("nowhere")).is_empty());
        Ok(())
    }
}
