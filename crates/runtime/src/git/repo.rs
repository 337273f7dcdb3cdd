//! One repository: where it lies, its objects, its refs, who commits in it. Knows nothing of tasks or of worktrees' contents.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use greenlane_core::ids::Oid;

use super::ancestry;
use super::discover::{RepoError, find};
use super::door::{Caller, Git};
use super::error::GitError;
use super::objects::Objects;
use super::refs::{Applied, RefChange, Refs};
use super::writer::{Idents, Writer};

/// Who commits where the user has configured nobody.
const IDENTITY_FALLBACK: (&str, &str) = ("Greenlane", "greenlane@localhost");

/// What is kept out of git's sight, in `info/exclude`: the state, but not what a repository
/// brings itself: templates of prompts, skills, the source of the context files.
const EXCLUDED: &str = "/.greenlane/*\n!/.greenlane/prompts/\n!/.greenlane/skills/\n!/.greenlane/context.md\n";
/// What stood there before there were templates.
const EXCLUDED_BEFORE: &[u8] = b"/.greenlane/";

/// A repository. Cheap to clone; usable from many threads.
#[derive(Clone)]
pub struct Repo(Arc<Inner>);

struct Inner {
    common_dir: PathBuf,
    git_dir: PathBuf,
    top: Option<PathBuf>,
    main_top: Option<PathBuf>,
    state_dir: PathBuf,
    bare: bool,
    version: String,
    caller: Arc<Caller>,
    git: Git,
    objects: Objects,
    idents: OnceLock<(Idents, bool)>,
    with_identity: OnceLock<(Writer, Refs)>,
}

impl Repo {
    /// Finds the repository of this directory: from anywhere inside a checkout, a linked worktree, or a bare repository.
    ///
    /// # Errors
    /// Each with its kind and hint; a repository without commits is found (see [`Repo::require_head`]).
    pub fn discover(dir: &Path) -> Result<Self, RepoError> {
        Self::discover_with(dir, Caller::default())
    }

    /// The same, calling git as this says.
    ///
    /// # Errors
    /// As [`Repo::discover`].
    pub fn discover_with(dir: &Path, caller: Caller) -> Result<Self, RepoError> {
        let found = find(dir, &caller)?;
        let caller = Arc::new(caller);
        let git = Git::new(&found.common_dir).with_caller(Arc::clone(&caller));
        // A linked worktree's main checkout lies around the common git-dir, unless that was put elsewhere.
        let around =
            found.common_dir.parent().filter(|p| p.join(".git").canonicalize().is_ok_and(|d| d == found.common_dir)).map(Path::to_owned);
        let state_dir = match &around {
            Some(top) if !found.bare => top.join(".greenlane"),
            _ => found.common_dir.join("greenlane"),
        };
        let main_top = if found.bare {
            None
        } else if found.git_dir == found.common_dir {
            found.top.clone()
        } else {
            around
        };
        Ok(Self(Arc::new(Inner {
            objects: Objects::new(git.clone()),
            common_dir: found.common_dir,
            git_dir: found.git_dir,
            top: found.top,
            main_top,
            state_dir,
            bare: found.bare,
            version: found.version,
            caller,
            git,
            idents: OnceLock::new(),
            with_identity: OnceLock::new(),
        })))
    }

    /// The git-dir that all worktrees share.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.0.common_dir
    }

    /// The git-dir of the worktree that the user stands in.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.0.git_dir
    }

    /// The top of the checkout that the user stands in; `None` in a bare repository.
    #[must_use]
    pub fn top(&self) -> Option<&Path> {
        self.0.top.as_deref()
    }

    /// The top of the main checkout, also where the user stands in a linked worktree.
    #[must_use]
    pub fn main_top(&self) -> Option<&Path> {
        self.0.main_top.as_deref()
    }

    /// Has it no checkout of its own?
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.0.bare
    }

    /// The git program's version, as it says it.
    #[must_use]
    pub fn git_version(&self) -> &str {
        &self.0.version
    }

    /// `.greenlane` in the checkout that the git-dir lies in; `greenlane` in the git-dir where that lies elsewhere (a bare
    /// repository, a submodule, `--separate-git-dir`). The same from every worktree. Not created here.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.0.state_dir
    }

    /// The folder that the state directory is in: what the repository is called by.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.state_dir().parent().unwrap_or(self.common_dir())
    }

    /// Git on the common git-dir, without files.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.0.git
    }

    /// Git in a worktree; its own git-dir is named.
    #[must_use]
    pub fn git_in(&self, git_dir: &Path, work_tree: &Path) -> Git {
        Git::new(git_dir).with_work_tree(work_tree).with_caller(Arc::clone(&self.0.caller))
    }

    /// The reading side.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// The writing side.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.identified().0
    }

    fn identified(&self) -> &(Writer, Refs) {
        self.0.with_identity.get_or_init(|| {
            let git = if self.idents().1 {
                self.git().clone()
            } else {
                self.git().clone().with_identity(IDENTITY_FALLBACK.0, IDENTITY_FALLBACK.1)
            };
            (Writer::new(&git, self.common_dir().join("greenlane")), Refs::new(git))
        })
    }

    /// Who commits, and whether the user configured it (`false`: the fallback).
    pub fn idents(&self) -> &(Idents, bool) {
        self.0.idents.get_or_init(|| {
            // Asked where the user stands: a worktree may have its own configuration.
            let git = Git::new(self.git_dir()).with_caller(Arc::clone(&self.0.caller));
            let ask = |name: &str| git.run(&["var", name]).ok().and_then(|o| split_ident(&o.text()));
            if let (Some((author, _)), Some((committer, zone))) = (ask("GIT_AUTHOR_IDENT"), ask("GIT_COMMITTER_IDENT")) {
                return (Idents { author, committer, zone }, true);
            }
            let nobody = format!("{} <{}>", IDENTITY_FALLBACK.0, IDENTITY_FALLBACK.1);
            (Idents { author: nobody.clone(), committer: nobody, zone: String::from("+0000") }, false)
        })
    }

    /// The commit that this name stands for now; `None` if there is none. A long-lived process answers.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn resolve(&self, rev: &str) -> Result<Option<Oid>, GitError> {
        self.objects().resolve(rev)
    }

    /// The commit that the user named.
    ///
    /// # Errors
    /// [`RepoError::UnknownRevision`], or [`RepoError::NoCommits`] where there are none at all.
    pub fn require_revision(&self, rev: &str) -> Result<Oid, RepoError> {
        // `HEAD` and its relatives are those of the worktree that the user stands in.
        let here = if self.git_dir() == self.common_dir() { None } else { self.git_dir().file_name().and_then(|n| n.to_str()) };
        if let (Some(id), Some(rest)) = (here, rev.strip_prefix("HEAD").or_else(|| rev.strip_prefix('@')))
            && (rest.is_empty() || rest.starts_with(['~', '^']))
            && let Some(oid) = self.resolve(&format!("worktrees/{id}/HEAD{rest}"))?
        {
            return Ok(oid);
        }
        match self.resolve(rev)? {
            Some(oid) => Ok(oid),
            None if rev == "HEAD" => Err(RepoError::NoCommits),
            None => Err(RepoError::UnknownRevision(rev.to_owned())),
        }
    }

    /// The commit that the user's checkout is at.
    ///
    /// # Errors
    /// [`RepoError::NoCommits`] where there is none.
    pub fn require_head(&self) -> Result<Oid, RepoError> {
        self.require_revision("HEAD")
    }

    /// A commit's tree.
    ///
    /// # Errors
    /// If there is no such commit.
    pub fn tree_of(&self, commit: &Oid) -> Result<Oid, GitError> {
        self.objects().require_commit(commit).map(|c| c.tree.clone())
    }

    /// Is `ancestor` reachable from `commit`?
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn descends(&self, commit: &Oid, ancestor: &Oid) -> Result<bool, GitError> {
        ancestry::descends(self.git(), self.objects(), commit, ancestor)
    }

    /// Was nothing merged between `base` and `commit`, which descends from it?
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn is_straight(&self, commit: &Oid, base: &Oid) -> Result<bool, GitError> {
        ancestry::is_straight(self.objects(), commit, base)
    }

    /// Writes a commit by the user, or by Greenlane where nobody is configured.
    ///
    /// # Errors
    /// If git cannot write it.
    pub fn write_commit(&self, tree: &Oid, parents: &[Oid], message: &str) -> Result<Oid, GitError> {
        self.writer().commit(&self.idents().0, tree, parents, message)
    }

    /// Moves refs by compare-and-swap, all or none.
    ///
    /// # Errors
    /// If git cannot be asked; a lost race is [`Applied::Refused`].
    pub fn move_refs(&self, changes: &[RefChange]) -> Result<Applied, GitError> {
        self.identified().1.apply(self.objects(), changes)
    }

    /// Points a ref that does not exist yet, `<prefix>/<n>` with the first free `n` from 1, at a commit, and names it.
    ///
    /// # Errors
    /// If git refuses.
    pub fn keep_in_ref(&self, prefix: &str, commit: &Oid) -> Result<String, GitError> {
        for n in 1..10_000 {
            let name = format!("{prefix}/{n}");
            match self.resolve(&name)? {
                Some(held) if held == *commit => return Ok(name),
                Some(_) => {}
                None => {
                    if self.move_refs(&[RefChange::created(&name, commit)])? == Applied::Done {
                        return Ok(name);
                    }
                }
            }
        }
        Err(super::objects::answer("update-ref", &format!("no free name below {prefix}")))
    }

    /// Keeps Greenlane's state out of `git status`, once, through `info/exclude`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn exclude(&self) -> Result<(), RepoError> {
        let path = self.common_dir().join("info/exclude");
        let io = |source| RepoError::Io { path: path.clone(), source };
        // Any bytes: a pattern is spelled as the file's name is.
        let mut text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(io(e)),
        };
        let lines = || text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
        if EXCLUDED.lines().all(|ours| lines().any(|l| l == ours.as_bytes())) {
            return Ok(());
        }
        if lines().any(|l| l == EXCLUDED_BEFORE) {
            // In a folder that is ignored as a whole nothing can be taken out again.
            text = text.split_inclusive(|b| *b == b'\n').filter(|l| l.trim_ascii() != EXCLUDED_BEFORE).collect::<Vec<_>>().concat();
        }
        if text.last().is_some_and(|b| *b != b'\n') {
            text.push(b'\n');
        }
        text.extend_from_slice(EXCLUDED.as_bytes());
        fs::create_dir_all(self.common_dir().join("info")).and_then(|()| fs::write(&path, text)).map_err(io)
    }
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repo").field(&self.0.common_dir).finish()
    }
}

/// `Name <address> 1700000000 +0100` into `Name <address>` and the zone.
fn split_ident(line: &str) -> Option<(String, String)> {
    let (rest, zone) = line.rsplit_once(' ')?;
    let (who, _time) = rest.rsplit_once(' ')?;
    who.ends_with('>').then(|| (who.to_owned(), zone.to_owned()))
}
