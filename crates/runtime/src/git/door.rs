//! The one door to the git program: every call names its git-dir and work-tree, is shielded from the user's
//! hooks, signing and prompts, and is traced. Knows nothing of tasks or plans.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Arc;

use super::error::GitError;
use super::trace::Traced;

/// Configuration for every call of ours: our commits neither prompt nor run the user's hooks, nothing is packed behind our back.
pub(super) const SHIELD: &[&str] = &[
    "core.hooksPath=/dev/null",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsmonitor=false",
    "advice.detachedHead=false",
    "core.quotePath=false",
    "core.safecrlf=false",
    "submodule.recurse=false",
    "advice.addEmbeddedRepo=false",
    // Somebody else's git holds a ref for milliseconds; git's own patience is 100 ms.
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=2000",
];

/// Variables of the caller's that would point git somewhere else.
const FORBIDDEN_ENV: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
];

/// Which git program is called, and with what added to its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// A name that is looked up on PATH, or a path.
    pub program: OsString,
    /// Added to the environment that this process has.
    pub env: Vec<(OsString, OsString)>,
}

impl Default for Caller {
    fn default() -> Self {
        Self { program: OsString::from("git"), env: Vec::new() }
    }
}

/// Git at one place: a git-dir and, for calls that need files, a work-tree and an index.
#[derive(Clone, Debug)]
pub struct Git {
    git_dir: PathBuf,
    work_tree: Option<PathBuf>,
    index: Option<PathBuf>,
    identity: Option<(String, String)>,
    settings: Vec<String>,
    caller: Arc<Caller>,
}

/// What a successful call wrote.
#[derive(Clone, Debug)]
pub struct Output {
    /// Standard output, whole.
    pub stdout: Vec<u8>,
    /// Standard error, whole.
    pub stderr: Vec<u8>,
    /// 0 unless the caller allowed others.
    pub code: i32,
}

impl Output {
    /// Standard output as text without the line end.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// The fields of a `-z` answer.
    pub fn fields(&self) -> impl Iterator<Item = String> + '_ {
        self.stdout.split(|b| *b == 0).filter(|f| !f.is_empty()).map(|f| String::from_utf8_lossy(f).into_owned())
    }
}

impl Git {
    /// Git on this git-dir, without files.
    pub fn new(git_dir: impl Into<PathBuf>) -> Self {
        Self { git_dir: git_dir.into(), work_tree: None, index: None, identity: None, settings: Vec::new(), caller: Arc::default() }
    }

    /// The same, called as this says.
    #[must_use]
    pub fn with_caller(mut self, caller: Arc<Caller>) -> Self {
        self.caller = caller;
        self
    }

    /// The same, with one more setting (`core.sparseCheckout=false`) that outranks every configuration file.
    #[must_use]
    pub fn with_setting(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// The same, with a work-tree. `git_dir` is that worktree's own.
    #[must_use]
    pub fn with_work_tree(mut self, work_tree: impl Into<PathBuf>) -> Self {
        self.work_tree = Some(work_tree.into());
        self
    }

    /// The same, with an index file other than the git-dir's own.
    #[must_use]
    pub fn with_index(mut self, index: impl Into<PathBuf>) -> Self {
        self.index = Some(index.into());
        self
    }

    /// The same, with a name and an address for commits, used where the user has configured none.
    #[must_use]
    pub fn with_identity(mut self, name: impl Into<String>, email: impl Into<String>) -> Self {
        self.identity = Some((name.into(), email.into()));
        self
    }

    /// The git-dir that every call names.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The work-tree, where there is one.
    #[must_use]
    pub fn work_tree(&self) -> Option<&Path> {
        self.work_tree.as_deref()
    }

    /// Runs git and wants exit code 0.
    ///
    /// # Errors
    /// [`GitError::Spawn`] if it cannot be started, [`GitError::Failed`] on any other exit code.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Output, GitError> {
        self.call(args, None, &[0])
    }

    /// Runs git with text on its standard input and wants exit code 0.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Output, GitError> {
        self.call(args, Some(input), &[0])
    }

    /// Runs git and accepts these exit codes.
    ///
    /// # Errors
    /// As [`Git::run`], for codes that are not listed.
    pub fn run_allowing<S: AsRef<OsStr>>(&self, args: &[S], codes: &[i32]) -> Result<Output, GitError> {
        self.call(args, None, codes)
    }

    fn call<S: AsRef<OsStr>>(&self, args: &[S], input: Option<&[u8]>, codes: &[i32]) -> Result<Output, GitError> {
        let shown = || args.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let mut command = self.command(args);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let traced = Traced::begin(&command);
        let done = feed(&mut command, input);
        if let Some(traced) = traced {
            traced.ended(done.as_ref().ok().and_then(|d| d.status.code()));
        }
        let done = done.map_err(GitError::Spawn)?;
        match done.status.code() {
            Some(code) if codes.contains(&code) => Ok(Output { stdout: done.stdout, stderr: done.stderr, code }),
            code => Err(GitError::Failed { command: shown(), code, stderr: String::from_utf8_lossy(&done.stderr).into_owned() }),
        }
    }

    /// The command itself, for callers that need its pipes (`cat-file --batch`).
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = base_command(&self.caller);
        for setting in SHIELD.iter().copied().chain(self.settings.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(&self.git_dir);
        command.arg(git_dir);
        if let Some(work_tree) = &self.work_tree {
            let mut arg = OsString::from("--work-tree=");
            arg.push(work_tree);
            command.arg(arg).current_dir(work_tree);
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        if let Some((name, email)) = &self.identity {
            for (variable, value) in
                [("GIT_AUTHOR_NAME", name), ("GIT_AUTHOR_EMAIL", email), ("GIT_COMMITTER_NAME", name), ("GIT_COMMITTER_EMAIL", email)]
            {
                command.env(variable, value);
            }
        }
        command.args(args);
        command
    }
}

/// Runs it to its end, with this on its standard input.
fn feed(command: &mut Command, input: Option<&[u8]>) -> io::Result<process::Output> {
    let mut child = command.spawn()?;
    // The writer is a thread of its own: git may answer before it has read everything, and both pipes are finite.
    let writer = input.map(|bytes| {
        let bytes = bytes.to_vec();
        let pipe = child.stdin.take();
        std::thread::spawn(move || pipe.map(|mut p| p.write_all(&bytes)))
    });
    let done = child.wait_with_output()?;
    if let Some(writer) = writer {
        drop(writer.join());
    }
    Ok(done)
}

/// Git without a place: for the questions that find the place out.
pub(super) fn base_command(caller: &Caller) -> Command {
    let mut command = Command::new(&caller.program);
    for name in FORBIDDEN_ENV {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C.UTF-8");
    command.envs(caller.env.iter().map(|(k, v)| (k, v)));
    // A group of its own: the terminal's Ctrl-C is for the coordinator, which decides what ends; a git cut off in the middle leaves locks.
    command.process_group(0);
    command
}
