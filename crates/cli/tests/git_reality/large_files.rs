//! Git LFS, with the real git-lfs: pointers on the branch, contents in the store, the real files in every worktree.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Ran, Sandbox};
use crate::support::{each_git, git_at, users_own};

/// Set by `scripts/test`: without git-lfs the test has failed, not been left out.
const REQUIRED: &str = "GREENLANE_REQUIRE_LFS";

fn lfs_is_here() -> bool {
    let here = Command::new("git").args(["lfs", "version"]).output().is_ok_and(|o| o.status.success());
    if !here {
        assert!(std::env::var_os(REQUIRED).is_none_or(|v| v.is_empty()), "git-lfs is not installed, and {REQUIRED} is set");
        println!("skipped: git-lfs is not installed");
    }
    here
}

/// Where the store keeps the content of the pointer that a branch has at this path; the pointer is one.
fn stored(s: &Sandbox, branch: &str, path: &str) -> PathBuf {
    let pointer = s.git(&["cat-file", "blob", &format!("{branch}:{path}")]);
    assert!(pointer.starts_with("version https://git-lfs.github.com/spec/v1\n"), "{path} is no pointer: {pointer}");
    let oid = pointer.lines().find_map(|l| l.strip_prefix("oid sha256:")).unwrap();
    s.repo().join(".git/lfs/objects").join(&oid[..2]).join(&oid[2..4]).join(oid)
}

/// One task edits a large file; the next, in a worktree of its own making, and the suite see the real content.
const PLAN: &str = r#"
    verify = ["head -c 5 data.bin | grep -q large", "! grep -q git-lfs data.bin"]
    [[task]]
    id = "edit"
    run = "grep -qx large data.bin && echo edited >> data.bin && echo new > more.bin"
    owns = ["*.bin"]
    check = ["grep -qx edited data.bin"]
    [[task]]
    id = "beside"
    run = "grep -qx large data.bin && echo b > beside.txt"
    [[task]]
    id = "after"
    depends = ["edit", "beside"]
    run = "grep -qx edited data.bin && cp data.bin seen.txt"
"#;

fn with_large_file() -> Sandbox {
    let s = Sandbox::new(&[]);
    s.git(&["lfs", "install", "--local"]);
    s.git(&["lfs", "track", "*.bin"]);
    s.write("data.bin", "large\n");
    s.git(&["add", "-A"]);
    s.git(&["commit", "-qm", "Large"]);
    s
}

fn runs_and_lands(s: &Sandbox, change: impl Fn(&mut Command)) {
    let before = users_own(s);
    let mut command = s.run_command(PLAN, &["-j", "2"]);
    change(&mut command);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(users_own(s), before);
    let branch = s.branch();
    assert_eq!(fs::read_to_string(stored(s, &branch, "data.bin")).unwrap(), "large\nedited\n");
    assert_eq!(fs::read_to_string(stored(s, &branch, "more.bin")).unwrap(), "new\n");
    assert_eq!(s.git(&["show", &format!("{branch}:seen.txt")]), "large\nedited");
}

#[test]
fn large_files_are_edited_verified_and_landed() {
    if !lfs_is_here() {
        return;
    }
    for git in each_git() {
        let s = with_large_file();
        runs_and_lands(&s, |c| git.choose(c));
        let landed = s.greenlane(&["land", "--into", "main"]);
        assert_eq!(landed.code, 0, "{landed:?}");
        assert_eq!(fs::read_to_string(s.repo().join("data.bin")).unwrap(), "large\nedited\n", "the user's checkout has the content");
        assert_eq!(s.git(&["status", "--porcelain"]), "");
    }
}

/// A clone in which no content was fetched: worktrees fetch what they need, as a checkout of the user's would.
#[test]
fn large_files_that_must_be_fetched_first() {
    if !lfs_is_here() {
        return;
    }
    let s = with_large_file();
    let full = s.path("full");
    fs::rename(s.repo(), &full).unwrap();
    // Without filters: the clone holds pointers.
    let url = format!("file://{}", full.display());
    git_at(
        &s.path("."),
        &["-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false", "clone", "-q", &url, "repo"],
    );
    for (key, value) in [("user.name", "Tester"), ("user.email", "tester@example.invalid")] {
        s.git(&["config", key, value]);
    }
    s.git(&["lfs", "install", "--local", "--skip-smudge"]);
    s.git(&["lfs", "install", "--local", "--force"]);
    assert!(!stored(&s, "main", "data.bin").exists());
    runs_and_lands(&s, |_| {});
}

/// Content that is nowhere: the attempt ends in a clear state that says so, and nothing lands.
#[test]
fn large_files_that_are_lost() {
    if !lfs_is_here() {
        return;
    }
    let s = with_large_file();
    fs::remove_file(stored(&s, "main", "data.bin")).unwrap();
    let ran = s.run(PLAN, &["--retries", "0"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    let status = s.status();
    assert_eq!(status["summary"]["done"], 0, "{status:#}");
    assert!(format!("{status}{}", ran.stderr).contains("data.bin"), "{ran:?} {status:#}");
}
