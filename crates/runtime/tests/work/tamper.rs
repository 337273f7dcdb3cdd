//! The comparison of what worktrees share, with each git: who did it, what is put back, what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use greenlane_core::shared::{SharedChange, SharedKind};
use greenlane_runtime::tamper::{Subject, Watch};
use greenlane_runtime::workspace::Workspace;

use crate::common::{Place, environment, put, with_each_git};

/// One attempt's comparison.
struct Watched<'a> {
    place: &'a Place,
    ws: Workspace,
    watch: Watch,
    dir: PathBuf,
    variables: [(std::ffi::OsString, std::ffi::OsString); 3],
}

impl<'a> Watched<'a> {
    fn begin(place: &'a Place, task: &str) -> Self {
        let ws = place.prepare(task);
        let dir = place.temp.beside(&format!("attempt-{task}"));
        let watch = Watch::new(&place.repo, place.pool.dir(), &place.temp.beside("copies"));
        let variables = watch.begin(&dir, &[]).expect("begun");
        Self { place, ws, watch, dir, variables }
    }

    /// What the agent does.
    fn agent(&self, script: &str) {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = match Path::new(self.place.temp.program()).parent().filter(|p| p.is_absolute()) {
            Some(dir) => format!("{}:{path}", dir.display()),
            None => path,
        };
        let mut command = Command::new("sh");
        command.args(["-ec", script]).current_dir(&self.ws.path).env_clear().envs(environment(&self.place.temp));
        command.envs(self.variables.clone()).env("PATH", path).env("MAIN", self.place.temp.path());
        let done = command.output().expect("a shell");
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn settle(&self) -> Vec<SharedChange> {
        let kept = format!("refs/greenlane/r1/tamper/{}/1", self.dir.file_name().and_then(|n| n.to_str()).expect("a name"));
        let subject = Subject { kept: &kept, worktree: &self.ws.path, git_dir: &self.ws.git_dir, branch: &self.ws.branch };
        self.watch.settle(&self.dir, &subject).expect("settled").changes
    }
}

fn one<'a>(changes: &'a [SharedChange], name: &str) -> &'a SharedChange {
    changes.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name}: {changes:#?}"))
}

#[test]
fn housekeeping_and_honest_work_raise_no_alarm() {
    with_each_git(|place| {
        place.temp.git(&["branch", "other"]);
        let w = Watched::begin(&place, "a");
        put(&w.ws, "x", "1");
        w.agent("git add -A; git commit -qm mine; git stash list; git pack-refs --all; git gc -q; git config user.name; git branch -a; git log -1 other");
        // A person works on, too: his commits are told, and nothing is done about them.
        assert_eq!(w.settle(), []);
        assert_eq!(place.processes().iter().filter(|p| *p == "config").count(), 0, "nothing is asked where nothing changed");
    });
}

/// What became of the HEAD of the user's checkout.
fn head_of(changes: &[SharedChange]) -> &SharedChange {
    changes.iter().find(|c| c.what == SharedKind::Head).unwrap_or_else(|| panic!("{changes:#?}"))
}

#[test]
fn a_branch_that_was_renamed_comes_back_and_so_does_the_checkout_that_went_along() {
    with_each_git(|place| {
        let before = place.temp.fingerprint();
        let w = Watched::begin(&place, "a");
        w.agent("git branch -m main other");
        let changes = w.settle();
        assert!(one(&changes, "main").restored && one(&changes, "other").restored, "{changes:#?}");
        let head = head_of(&changes);
        assert_eq!((head.before.as_deref(), head.after.as_deref(), head.restored), (Some("main"), Some("other"), true), "{head:#?}");
        assert_eq!(place.temp.fingerprint(), before);
    });
}

#[test]
fn a_head_that_was_written_without_git_or_by_symbolic_ref_comes_back() {
    with_each_git(|place| {
        place.temp.git(&["branch", "other"]);
        place.temp.git(&["branch", "far", &place.temp.git(&["commit-tree", "-m", "far", "HEAD^{tree}"])]);
        let before = place.temp.fingerprint();
        for (n, script) in [
            "echo 'ref: refs/heads/other' > $MAIN/.git/HEAD",
            "echo 'ref: refs/heads/far' > $MAIN/.git/HEAD",
            "git rev-parse HEAD > $MAIN/.git/HEAD",
            "git -C $MAIN symbolic-ref HEAD refs/heads/nowhere",
            "git --git-dir=$MAIN/.git symbolic-ref HEAD refs/heads/far; git -C $MAIN status -s; git -C $MAIN commit -q --dry-run || true",
            "git -C $MAIN checkout -q --detach",
            "git -C $MAIN switch -q other; git -C $MAIN log -1 main",
        ]
        .into_iter()
        .enumerate()
        {
            let w = Watched::begin(&place, &format!("t{n}"));
            w.agent(script);
            let changes = w.settle();
            let head = head_of(&changes);
            assert!(head.restored && head.note.is_none(), "{script}: {changes:#?}");
            // The call that did it, not the last one.
            assert!(
                head.command.as_deref().is_none_or(|c| ["symbolic-ref", "checkout", "switch"].iter().any(|name| c.contains(name))),
                "{head:#?}"
            );
            assert_eq!(head.command.is_some(), !script.contains('>'), "{script}: {head:#?}");
            assert_eq!(place.temp.fingerprint(), before, "{script}");
        }
    });
}

#[test]
fn a_head_whose_files_went_along_stays_and_the_way_back_is_the_right_one() {
    with_each_git(|place| {
        let top = place.temp.path().display().to_string();
        let w = Watched::begin(&place, "a");
        w.agent("cd $MAIN; git checkout -q -b evil; echo evil >> README.md; git commit -qam evil; git status -s");
        let changes = w.settle();
        let head = head_of(&changes);
        assert_eq!((head.restored, head.command.as_deref()), (false, Some("git checkout -q -b evil")), "{head:#?}");
        assert!(head.note.as_deref().is_some_and(|n| n.contains(&format!("`git -C {top} switch main` goes back"))), "{head:#?}");
        let evil = one(&changes, "evil");
        assert_eq!((evil.restored, evil.command.as_deref()), (false, Some("git checkout -q -b evil")), "{evil:#?}");
        // What is staged there was not the user; what the user stages is not told.
        place.temp.git(&["switch", "-q", "main"]);
        let w = Watched::begin(&place, "b");
        w.agent("echo more >> $MAIN/README.md; git -C $MAIN symbolic-ref HEAD refs/heads/nowhere; git -C $MAIN add README.md; git -C $MAIN status -s");
        let changes = w.settle();
        let head = head_of(&changes);
        assert!(
            !head.restored && head.note.as_deref().is_some_and(|n| n.contains("symbolic-ref HEAD refs/heads/main` goes back")),
            "{head:#?}"
        );
        let index = changes.iter().find(|c| c.what == SharedKind::Index).expect("told");
        assert_eq!(index.command.as_deref(), Some("git add README.md"));
        place.temp.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        let w = Watched::begin(&place, "c");
        w.agent("git -C $MAIN status -s; git add -A");
        place.temp.git(&["reset", "-q", "--hard"]);
        assert_eq!(w.settle(), []);
    });
}

#[test]
fn commits_on_the_users_branch_from_the_attempts_own_worktree() {
    with_each_git(|place| {
        let before = place.temp.fingerprint();
        let w = Watched::begin(&place, "a");
        put(&w.ws, "x", "1");
        w.agent("git checkout -q --ignore-other-worktrees main; git add -A; git commit -qm one; git commit -q --allow-empty -m two; git checkout -q -");
        let changes = w.settle();
        let main = one(&changes, "main");
        assert!(main.restored && main.command.as_deref() == Some("git commit on main"), "{main:#?}");
        assert_eq!(place.temp.fingerprint(), before);
        assert_eq!(place.temp.git(&["log", "--format=%s", "-2", main.kept.as_deref().expect("kept")]), "two\none");
    });
}

#[test]
fn commands_in_the_users_checkout() {
    with_each_git(|place| {
        let main = place.temp.head();
        let w = Watched::begin(&place, "a");
        w.agent("cd $MAIN; git commit -q --allow-empty -m 'not mine to make'; git checkout -q -b elsewhere");
        let changes = w.settle();
        assert!(one(&changes, "main").restored, "{changes:#?}");
        assert_eq!(place.temp.git(&["rev-parse", "main"]), main);
        assert!(one(&changes, "elsewhere").restored && head_of(&changes).restored, "{changes:#?}");
        // A person who switches branches is told once, and stays where he went.
        place.temp.git(&["branch", "elsewhere"]);
        let (w, v) = (Watched::begin(&place, "b"), Watched::begin(&place, "c"));
        place.temp.git(&["checkout", "-q", "elsewhere"]);
        w.agent("git status -s; git -C $MAIN status -s");
        let changes = w.settle();
        assert_eq!((changes.len(), head_of(&changes).command.as_deref(), head_of(&changes).restored), (1, None, false), "{changes:#?}");
        assert!(head_of(&changes).note.as_deref().is_some_and(|n| n.contains("switch main")), "{changes:#?}");
        assert_eq!(place.temp.git(&["symbolic-ref", "HEAD"]), "refs/heads/elsewhere");
        drop(v.settle());
    });
}

#[test]
fn the_users_stash_and_the_agents() {
    with_each_git(|place| {
        let stashed = |text: &str| {
            place.temp.write("README.md", text);
            place.temp.git(&["stash", "-q"]);
        };
        stashed("first");
        stashed("second");
        let list = place.temp.git(&["stash", "list", "--format=%H"]);
        let w = Watched::begin(&place, "a");
        put(&w.ws, "README.md", "the agent's");
        w.agent("git stash drop -q stash@{0}; git stash -q");
        // In between a person stashes, too.
        stashed("third");
        let third = place.temp.git(&["rev-parse", "stash@{0}"]);
        let changes = w.settle();
        let (came, went): (Vec<_>, Vec<_>) = changes.iter().filter(|c| c.command.is_some()).partition(|c| c.before.is_none());
        assert!(came.len() == 1 && came[0].restored && went.len() == 1 && went[0].restored, "{changes:#?}");
        let now = place.temp.git(&["stash", "list", "--format=%H"]);
        let sorted = |list: &str| {
            let mut all: Vec<String> = list.lines().map(str::to_owned).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&now), sorted(&format!("{list}\n{third}")), "{changes:#?}");
        assert_eq!(place.show(came[0].kept.as_deref().expect("kept"), "README.md").as_deref(), Some("the agent's"));
    });
}

#[test]
fn settings_are_put_back_key_by_key_and_only_if_nobody_has_changed_them_since() {
    with_each_git(|place| {
        place.temp.git(&["config", "alias.mine", "log"]);
        let w = Watched::begin(&place, "a");
        w.agent("git config user.name Agent; git config user.email agent@x; git config --unset alias.mine; git config alias.evil '!true'; git config pull.rebase true");
        w.agent("printf '[core]\\n\\tsshCommand = evil\\n[fetch]\\n\\tprune = true\\n' >> $MAIN/.git/config");
        place.temp.git(&["config", "user.email", "person@x"]);
        place.temp.git(&["config", "remote.origin.url", "https://example.invalid/x"]);
        let changes = w.settle();
        for key in ["user.name", "alias.mine", "alias.evil", "pull.rebase", "core.sshcommand"] {
            assert!(one(&changes, key).restored, "{key}: {changes:#?}");
        }
        for key in ["user.email", "remote.origin.url", "fetch.prune"] {
            assert!(!one(&changes, key).restored, "{key}: {changes:#?}");
        }
        let get = |key: &str| {
            String::from_utf8_lossy(&place.temp.try_git_in(place.temp.path(), &["config", "--local", key]).stdout).trim().to_owned()
        };
        assert_eq!(["user.name", "alias.mine", "alias.evil", "pull.rebase", "core.sshCommand"].map(get), ["", "log", "", "", ""]);
        assert_eq!(["user.email", "remote.origin.url", "fetch.prune"].map(get), ["person@x", "https://example.invalid/x", "true"]);
    });
}

#[test]
fn hooks_are_disarmed_and_attempts_at_work_do_not_plant_them_again() {
    with_each_git(|place| {
        let hook = place.temp.path().join(".git/hooks/pre-commit");
        fs::create_dir_all(hook.parent().expect("a folder")).expect("hooks");
        fs::write(&hook, "#!/bin/sh\necho the user's\n").expect("a hook");
        let first = Watched::begin(&place, "a");
        first.agent("echo evil >> $MAIN/.git/hooks/pre-commit; ln -s /bin/true $MAIN/.git/hooks/post-commit");
        // This one begins while the planted hooks stand there.
        let second = Watched::begin(&place, "b");
        let changes = first.settle();
        assert!(one(&changes, "pre-commit").restored && one(&changes, "post-commit").restored, "{changes:#?}");
        assert_eq!(fs::read_to_string(&hook).expect("there"), "#!/bin/sh\necho the user's\n");
        assert!(!hook.with_file_name("post-commit").exists());
        assert_eq!(second.settle().iter().filter(|c| c.restored).count(), 0, "what was put back is no change of anybody's");
        assert_eq!(fs::read_to_string(&hook).expect("there"), "#!/bin/sh\necho the user's\n");
        assert_eq!(first.settle(), changes, "asked again it says the same");
        let left: Vec<_> = fs::read_dir(hook.parent().expect("a folder")).expect("read").flatten().map(|e| e.file_name()).collect();
        assert!(left.iter().all(|n| !n.to_string_lossy().contains("greenlane")), "{left:?}");
    });
}

#[test]
fn what_is_fetched_is_told_and_stays() {
    with_each_git(|place| {
        let clone = place.temp.beside("origin");
        place.temp.git(&["clone", "-q", "--bare", ".", clone.to_str().expect("text")]);
        place.temp.git(&["remote", "add", "origin", clone.to_str().expect("text")]);
        let w = Watched::begin(&place, "a");
        w.agent("git fetch -q origin");
        let changes = w.settle();
        let fetched = one(&changes, "origin/main");
        assert!(
            fetched.what == SharedKind::Remote && !fetched.restored && fetched.command.as_deref() == Some("git fetch -q origin"),
            "{changes:#?}"
        );
        assert_eq!(place.temp.git(&["rev-parse", "origin/main"]), place.temp.head());
    });
}

#[test]
fn a_move_that_was_packed_since_and_one_that_undoes_somebody_elses() {
    with_each_git(|place| {
        let first = place.temp.head();
        place.temp.git(&["branch", "feature"]);
        place.temp.git(&["branch", "shared"]);
        let second = place.temp.commit("Second");
        let w = Watched::begin(&place, "a");
        w.agent(&format!("git branch -f feature {second}; git pack-refs --all"));
        // A person moves it; the agent takes it back to where it was: no difference, but work that was there is gone.
        place.temp.git(&["branch", "-f", "shared", &second]);
        w.agent(&format!("git branch -f shared {first}"));
        let changes = w.settle();
        assert!(one(&changes, "feature").restored && one(&changes, "shared").restored, "{changes:#?}");
        assert_eq!(place.temp.git(&["rev-parse", "feature"]), first);
        assert_eq!(place.temp.git(&["rev-parse", "shared"]), second);
    });
}

#[test]
fn a_repository_whose_refs_lie_in_tables() {
    let temp = greenlane_testkit::repo::TempRepo::new();
    if !temp.try_git_in(temp.path(), &["init", "-q", "--ref-format=reftable", "../tables"]).status.success() {
        return; // This git knows no such format.
    }
    drop(temp);
    let temp = greenlane_testkit::repo::TempRepo::with_format("git", &["--ref-format=reftable"]);
    temp.start();
    temp.git(&["branch", "feature"]);
    let place = Place::of(temp, greenlane_runtime::workspace::PoolSettings::default());
    let w = Watched::begin(&place, "a");
    w.agent("git branch -D feature; git tag v1");
    let changes = w.settle();
    assert!(one(&changes, "feature").restored, "{changes:#?}");
    assert_eq!(place.temp.git(&["rev-parse", "feature"]), place.temp.head());
    // Nothing tells the time of a change there: it is told, and left.
    assert!(!one(&changes, "v1").restored, "{changes:#?}");
}
