//! The worktree as the only place: which paths lie in it, once links and `..` are followed. Looks at the disk, changes nothing.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a path is not to be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It leads elsewhere.
    #[error("{0} lies outside of the worktree")]
    Outside(PathBuf),
    /// It is git's own.
    #[error("{0} is git's own")]
    Git(PathBuf),
    /// It cannot be followed.
    #[error("{0} cannot be resolved: {1}")]
    Unresolved(PathBuf, io::Error),
}

/// A worktree by its real path.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// The worktree at this path.
    pub(super) fn new(worktree: &Path) -> io::Result<Self> {
        Ok(Self { root: worktree.canonicalize()? })
    }

    /// Its real path.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The real path behind this one, which need not exist yet; a relative one counts from the worktree's root.
    ///
    /// This is against mistakes: an agent that swaps a link between the look and the use has a shell, and needs no such trick.
    pub(super) fn inside(&self, path: &Path) -> Result<PathBuf, Refused> {
        let path = self.root.join(path);
        let mut rest = Vec::new();
        let mut known = path.as_path();
        let mut real = loop {
            match known.canonicalize() {
                Ok(real) => break real,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Refused::Unresolved(path, e)),
            }
            // A link that leads nowhere: writing would make a file wherever it points.
            if fs::symlink_metadata(known).is_ok() {
                return Err(Refused::Outside(path));
            }
            // What does not exist has no parent either: `new/../../x`.
            match (known.components().next_back(), known.parent()) {
                (Some(Component::Normal(name)), Some(parent)) => {
                    rest.push(name.to_owned());
                    known = parent;
                }
                _ => return Err(Refused::Outside(path)),
            }
        };
        real.extend(rest.into_iter().rev());
        match real.strip_prefix(&self.root).map(|below| below.components().next()) {
            Err(_) => Err(Refused::Outside(path)),
            Ok(Some(Component::Normal(first))) if first == ".git" => Err(Refused::Git(path)),
            Ok(_) => Ok(real),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn told(place: &Place, path: &str) -> String {
        match place.inside(Path::new(path)) {
            Ok(real) => format!("in {}", real.strip_prefix(place.root()).unwrap().display()),
            Err(Refused::Outside(_)) => String::from("outside"),
            Err(Refused::Git(_)) => String::from("git"),
            Err(Refused::Unresolved(..)) => String::from("unresolved"),
        }
    }

    #[test]
    fn only_what_ends_up_below_the_root_is_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::create_dir(dir.path().join("tree-2")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        fs::write(root.join("a"), "a").unwrap();
        fs::write(root.join(".git"), "gitdir: elsewhere").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("src", root.join("in")).unwrap();
        symlink("../nowhere", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let place = Place::new(&root).unwrap();
        for (path, expected) in [
            ("a", "in a"),
            ("src/../a", "in a"),
            ("new/file.txt", "in new/file.txt"),
            ("in/deep/new", "in src/deep/new"),
            (".", "in "),
            ("../secret", "outside"),
            ("../tree-2/x", "outside"),
            ("src/../../secret", "outside"),
            ("new/../../secret", "outside"),
            ("new/..", "outside"),
            ("out", "outside"),
            ("up/secret", "outside"),
            ("up/new", "outside"),
            ("dangling", "outside"),
            ("dangling/x", "outside"),
            ("/etc/passwd", "outside"),
            ("/", "outside"),
            (".git", "git"),
            (".git/config", "unresolved"),
            ("loop", "unresolved"),
            ("a/b", "unresolved"),
        ] {
            assert_eq!(told(&place, path), expected, "{path}");
        }
        let absolute = |name: &str| root.join(name).display().to_string();
        assert_eq!(told(&place, &absolute("a")), "in a");
        assert_eq!(told(&place, &absolute("../secret")), "outside");
        // The same worktree by another name.
        symlink(&root, dir.path().join("alias")).unwrap();
        assert_eq!(told(&place, &dir.path().join("alias/src/x").display().to_string()), "in src/x");
    }

    #[test]
    fn a_git_folder_is_gits_own_too() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        let place = Place::new(dir.path()).unwrap();
        assert_eq!(
            [".git/config", ".git/hooks/new", ".gitignore", "src/.git"].map(|p| told(&place, p)),
            ["git", "git", "in .gitignore", "in src/.git"]
        );
    }
}
