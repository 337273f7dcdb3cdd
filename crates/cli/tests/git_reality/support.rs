//! What these tests share: a plan that lands everywhere, the user's own things to be compared, each git that this machine has.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use greenlane_testkit::program::write_program;

use crate::common::{Ran, Sandbox};

/// Where Debian has its git; a newer one may come before it on PATH.
const SYSTEM_GIT: &str = "/usr/bin/git";

/// Two tasks, one after the other, with commits of the agent's own, a check and a suite.
pub const PLAN: &str = r#"id = "p"
verify = ["test -e README.md", "git rev-parse HEAD"]
[[task]]
id = "a"
run = "echo a > a; git add a; git -c user.name=A -c user.email=a@example.invalid -c commit.gpgsign=false commit -qnm mine; echo b > b"
check = ["git status --porcelain"]
[[task]]
id = "b"
depends = ["a"]
run = "cat a b > c"
"#;

/// Runs the plan in this directory; everything lands, and what is the user's stays as it was.
pub fn lands_in(s: &Sandbox, dir: &Path, change: impl Fn(&mut Command)) -> Ran {
    let before = users_own(s);
    let path = s.plan("p.toml", PLAN);
    let mut command = s.command(&["run", path.to_str().unwrap()]);
    command.current_dir(dir);
    change(&mut command);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    for file in ["a", "b", "c"] {
        assert!(s.landed_files().contains(&file.to_owned()), "{file}");
    }
    assert_eq!(users_own(s), before);
    assert!(s.git(&["log", "--format=%(trailers:key=Greenlane-Task)", &s.branch()]).contains("p/b"));
    ran
}

/// Runs a plan at the top with this git; exit code 0, and what is the user's stays as it was.
pub fn runs_green(s: &Sandbox, git: &Git, plan: &str) -> Ran {
    let before = users_own(s);
    let mut command = s.run_command(plan, &[]);
    git.choose(&mut command);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "with {git:?}: {ran:?}");
    assert_eq!(users_own(s), before, "with {git:?}");
    ran
}

/// What is the user's: HEAD, the index's bytes, every ref that is not Greenlane's, the configuration, what `git status` says, and
/// each file of the checkout with its mode and bytes.
pub fn users_own(s: &Sandbox) -> Vec<String> {
    let git_dir = s.repo().join(".git");
    let refs = s.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    let ours = |l: &&str| l.starts_with("refs/heads/greenlane/") || l.starts_with("refs/greenlane/");
    let status = git_bytes(s, &["--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "-z", "--ignored"]);
    let status = String::from_utf8_lossy(&status).replace("! .greenlane/\0", "");
    let bytes = |name: &str| format!("{name}: {:?}", fs::read(git_dir.join(name)).unwrap_or_default());
    let mut all = vec![bytes("HEAD"), bytes("index"), bytes("config"), bytes("config.worktree"), bytes("info/sparse-checkout"), status];
    all.extend(refs.lines().filter(|l| !ours(l)).map(str::to_owned));
    files(&s.repo(), &mut all);
    all
}

fn files(dir: &Path, into: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries.iter().filter(|p| !p.ends_with(".git") && !p.ends_with(".greenlane")) {
        let meta = fs::symlink_metadata(path).unwrap();
        if meta.is_dir() {
            files(path, into);
        } else {
            let content = fs::read_link(path).map(|l| l.as_os_str().as_bytes().to_vec()).or_else(|_| fs::read(path)).unwrap();
            into.push(format!("{path:?} {:o} {:?}", meta.permissions().mode(), String::from_utf8_lossy(&content)));
        }
    }
}

/// What git prints, as it is.
pub fn git_bytes(s: &Sandbox, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git").args(args).current_dir(s.repo()).env("HOME", s.path("home")).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Git anywhere; must succeed.
pub fn git_at(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").args(["-c", "protocol.file.allow=always"]).args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?} in {}: {}", dir.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The files of a branch as git has them: mode, object and name.
pub fn tree(s: &Sandbox, branch: &str) -> Vec<(String, Vec<u8>)> {
    let listed = git_bytes(s, &["ls-tree", "-r", "-z", branch]);
    let line = |l: &[u8]| {
        let tab = l.iter().position(|b| *b == b'\t').unwrap();
        (String::from_utf8_lossy(&l[..6]).into_owned(), l[tab + 1..].to_vec())
    };
    listed.split(|b| *b == 0).filter(|l| !l.is_empty()).map(line).collect()
}

/// A git that the program is to find first.
#[derive(Debug)]
pub struct Git(Option<String>);

impl Git {
    /// The one that is first on PATH.
    pub fn first() -> Self {
        Self(None)
    }

    /// Has the program, and what it starts, use it.
    pub fn choose(&self, command: &mut Command) {
        if let Some(path) = &self.0 {
            command.env("PATH", path);
        }
    }
}

/// Each git that this machine has: the first on PATH, and Debian's own where that is another one.
pub fn each_git() -> Vec<Git> {
    let version = |program: &str| Command::new(program).arg("version").output().ok().map(|o| o.stdout);
    let mut all = vec![Git::first()];
    match version(SYSTEM_GIT) {
        Some(old) if Some(&old) != version("git").as_ref() => {
            all.push(Git(Some(format!("/usr/bin:/bin:{}", std::env::var("PATH").unwrap()))));
        }
        _ => println!("this machine has one git only"),
    }
    all
}

/// An executable file.
pub fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_program(path, text);
}

/// A name that may be any bytes.
pub fn name(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
