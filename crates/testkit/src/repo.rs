//! Temporary git repositories that do not see the configuration of whoever runs the tests. Removed when dropped.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The git of Debian 12, where the tests' machine has it beside a newer one.
pub const SYSTEM_GIT: &str = "/usr/bin/git";

/// A repository in a temporary directory, with an identity configured and the branch `main`.
pub struct TempRepo {
    dir: TempDir,
    top: PathBuf,
    program: OsString,
}

/// What must not change in a checkout that is nobody's business: HEAD, the index's bytes, what `git status` says.
#[derive(Debug, PartialEq, Eq)]
pub struct Fingerprint {
    head: String,
    index: Vec<u8>,
    status: String,
    branches: String,
}

impl Default for TempRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl TempRepo {
    /// An empty repository, made with the git on PATH.
    ///
    /// # Panics
    /// As everything here, if git fails: the test is over then.
    #[must_use]
    pub fn new() -> Self {
        Self::with_git("git")
    }

    /// An empty repository, made and used with this git.
    #[must_use]
    pub fn with_git(program: impl Into<OsString>) -> Self {
        Self::with_format(program, &[])
    }

    /// The same, made with these further arguments of `git init`: `--object-format=sha256`.
    #[must_use]
    pub fn with_format(program: impl Into<OsString>, format: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("greenlane-test-").tempdir().expect("a temporary directory");
        let root = dir.path().canonicalize().expect("its real path");
        let top = root.join("repo");
        fs::create_dir(&top).expect("a directory");
        fs::write(
            root.join("gitconfig"),
            "[user]\n\tname = Test\n\temail = test@example.org\n[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n",
        )
        .expect("a configuration");
        let repo = Self { dir, top, program: program.into() };
        repo.git(&[&["init", "-q", "-b", "main"], format].concat());
        repo
    }

    /// A repository with one commit: `README.md`.
    #[must_use]
    pub fn started() -> Self {
        let repo = Self::new();
        repo.start();
        repo
    }

    /// Makes the first commit: `README.md`.
    pub fn start(&self) -> String {
        self.write("README.md", "# Sample\n");
        self.commit("Start")
    }

    /// The checkout's top.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.top
    }

    /// A place beside the checkout, for pools and clones; not created.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.top.parent().map_or_else(|| self.dir.path().join(name), |p| p.join(name))
    }

    /// The git program that it is used with.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The environment that keeps git away from the configuration of whoever runs the tests.
    #[must_use]
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        vec![("GIT_CONFIG_GLOBAL".into(), self.beside("gitconfig").into()), ("GIT_CONFIG_NOSYSTEM".into(), "1".into())]
    }

    /// Runs git in the checkout and returns what it printed, trimmed.
    pub fn git<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.git_in(&self.top, args)
    }

    /// Runs git anywhere and returns what it printed, trimmed.
    pub fn git_in<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S]) -> String {
        let output = self.try_git_in(dir, args);
        let shown: Vec<_> = args.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect();
        assert!(output.status.success(), "git {}: {}", shown.join(" "), String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs git anywhere, whatever comes of it.
    pub fn try_git_in<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S]) -> Output {
        let mut command = Command::new(&self.program);
        command.current_dir(dir).envs(self.env()).args(args);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        command.output().expect("git starts")
    }

    /// Writes a file in the checkout, its directories included.
    pub fn write(&self, path: &str, text: &str) {
        write(&self.top, path, text);
    }

    /// Commits everything and returns the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// The commit that HEAD is at.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// The text of a file in a revision; `None` if it is not there.
    #[must_use]
    pub fn show(&self, rev: &str, path: &str) -> Option<String> {
        let output = self.try_git_in(&self.top, &["cat-file", "-p", &format!("{rev}:{path}")]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What must be the same before and after everything that Greenlane does: see [`Fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            head: fs::read_to_string(self.top.join(".git/HEAD")).unwrap_or_default(),
            index: fs::read(self.top.join(".git/index")).unwrap_or_default(),
            status: self.git(&["--no-optional-locks", "status", "--porcelain", "--ignored"]),
            branches: self
                .git(&["for-each-ref", "refs/heads"])
                .lines()
                .filter(|l| !l.contains("refs/heads/greenlane/"))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

/// Writes a file below a directory, its directories included.
///
/// # Panics
/// If it cannot.
pub fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fs::write(path, text).expect("a file");
}

impl Fingerprint {
    /// The same without the index's bytes, for what may refresh its stat data.
    #[must_use]
    pub fn without_index(&self) -> Self {
        Self { head: self.head.clone(), index: Vec::new(), status: self.status.clone(), branches: self.branches.clone() }
    }
}
