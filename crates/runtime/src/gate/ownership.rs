//! Which files a task may touch. Knows nothing of commits.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A glob that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{glob}` is not a glob: {message}")]
pub struct OwnershipError {
    /// As the plan spells it.
    pub glob: String,
    /// What is wrong with it.
    pub message: String,
}

/// The globs that a task owns.
#[derive(Clone, Debug)]
pub struct Ownership {
    globs: GlobSet,
    everything: bool,
}

impl Ownership {
    /// Reads a task's `owns`; an empty list owns everything. `src/limit` and `src/limit/` own what is below it, too.
    ///
    /// # Errors
    /// If one of them is not a glob.
    pub fn new(owns: &[String]) -> Result<Self, OwnershipError> {
        let globs = glob_set(owns.iter().map(String::as_str))?;
        Ok(Self { globs, everything: owns.is_empty() })
    }

    /// May the task touch this path (from the repository's top, with `/`)?
    #[must_use]
    pub fn allows(&self, path: &str) -> bool {
        self.everything || self.globs.is_match(path)
    }
}

/// Globs in which `*` stops at `/`, each also with everything below it.
pub(super) fn glob_set<'a>(globs: impl Iterator<Item = &'a str>) -> Result<GlobSet, OwnershipError> {
    let mut set = GlobSetBuilder::new();
    for written in globs {
        let glob = written.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
        for form in [glob.to_owned(), format!("{glob}/**")] {
            let built = GlobBuilder::new(&form).literal_separator(true).backslash_escape(true).build();
            set.add(built.map_err(|e| OwnershipError { glob: written.to_owned(), message: e.kind().to_string() })?);
        }
    }
    set.build().map_err(|e| OwnershipError { glob: e.glob().unwrap_or_default().to_owned(), message: e.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_owns_what_its_globs_name_and_what_lies_below() {
        let owns = Ownership::new(&["src/limit/**".into(), "docs".into(), "./*.toml".into(), "a/b/".into()]).expect("globs");
        for path in ["src/limit/a.rs", "src/limit/deep/b.rs", "docs/x/y.md", "docs", "Cargo.toml", "a/b/c"] {
            assert!(owns.allows(path), "{path}");
        }
        for path in ["src/limits/a.rs", "src/lib.rs", "docs2/x", "sub/Cargo.toml", "a/bc"] {
            assert!(!owns.allows(path), "{path}");
        }
        assert!(Ownership::new(&[]).expect("none").allows("anything"));
        assert!(Ownership::new(&["[".into()]).is_err());
    }
}
