//! The files of a commit by name. Knows nothing of their content.

use greenlane_core::ids::Oid;

use super::{GitError, Repo};

/// Most files that are named: what only helps people to see is not worth more memory.
const FILES_MAX: usize = 1_000_000;

impl Repo {
    /// Paths of all files of a commit, relative to the repository's root; names that are no text are left out.
    ///
    /// # Errors
    /// If git fails.
    pub fn files_of(&self, commit: &Oid) -> Result<Vec<String>, GitError> {
        let listed = self.git().run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit.as_str()])?;
        Ok(listed.fields().filter(|name| !name.contains('\u{fffd}')).take(FILES_MAX).collect())
    }
}
