//! How much commits change: files and lines. Knows nothing of what landed or why.

use greenlane_core::ids::Oid;

use super::{GitError, Repo};

/// What one commit changed against its first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStat {
    /// The commit.
    pub commit: Oid,
    /// Its files, each with the lines that came and went; neither is known of a binary file.
    pub files: Vec<FileStat>,
}

/// What became of one file. A renamed one went under one name and came under another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// From the repository's root.
    pub path: String,
    /// Lines that came; `None`: it is binary.
    pub added: Option<u64>,
    /// Lines that went; `None`: it is binary.
    pub removed: Option<u64>,
}

/// Nothing of the user's settings may change what is counted.
const PLAIN: [&str; 5] = ["--no-renames", "--no-ext-diff", "--no-textconv", "--numstat", "-z"];
/// Stands before a commit's name; no path of git's can begin so in a field of three parts.
const MARK: char = '\u{1}';

impl Repo {
    /// What each commit from `base` (without it) to `head` changed, the oldest first: a merge against the branch that it was made on.
    ///
    /// # Errors
    /// If git fails, as where a commit is gone.
    pub fn stat_of_commits(&self, base: &Oid, head: &Oid) -> Result<Vec<CommitStat>, GitError> {
        let range = format!("{base}..{head}");
        let log = ["log", "--reverse", "--first-parent", "--diff-merges=first-parent", "--format=%x01%H"];
        let said = self.git().run(&[&log[..], &PLAIN, &[range.as_str()]].concat())?;
        let mut commits: Vec<CommitStat> = Vec::new();
        for field in said.fields() {
            let field = field.trim_start_matches('\n');
            if let Some(commit) = field.strip_prefix(MARK) {
                commits.push(CommitStat { commit: Oid::from(commit.trim()), files: Vec::new() });
            } else if let (Some(file), Some(commit)) = (file_stat(field), commits.last_mut()) {
                commit.files.push(file);
            }
        }
        Ok(commits)
    }

    /// What all of it together changed: a line that came and went again does not count.
    ///
    /// # Errors
    /// If git fails.
    pub fn stat_between(&self, base: &Oid, head: &Oid) -> Result<Vec<FileStat>, GitError> {
        let said = self.git().run(&[&["diff"], &PLAIN[..], &[base.as_str(), head.as_str(), "--"]].concat())?;
        Ok(said.fields().filter_map(|field| file_stat(&field)).collect())
    }
}

fn file_stat(field: &str) -> Option<FileStat> {
    let mut parts = field.splitn(3, '\t');
    let (added, removed, path) = (parts.next()?, parts.next()?, parts.next()?);
    Some(FileStat { path: path.to_owned(), added: added.parse().ok(), removed: removed.parse().ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_numbers_is_a_file_and_a_binary_one_has_none() {
        let of = |path: &str, added, removed| Some(FileStat { path: path.into(), added, removed });
        assert_eq!(file_stat("3\t1\tsrc/a b\tc.rs"), of("src/a b\tc.rs", Some(3), Some(1)));
        assert_eq!(file_stat("-\t-\tlogo.png"), of("logo.png", None, None));
        assert_eq!(file_stat("nothing"), None);
    }
}
