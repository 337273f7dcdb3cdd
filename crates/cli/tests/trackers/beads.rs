//! A plan of beads: claimed before it is worked on, closed once it has landed, given back when it is given up.

use std::process::Command;

use greenlane_testkit::fake_bd::FakeBd;
use serde_json::Value;

use crate::common::{Ran, Sandbox, await_file, eventually, wait_for};

struct Beads {
    sandbox: Sandbox,
    bd: FakeBd,
}

impl Beads {
    /// A repository with these issues: id, command line, what it waits for.
    fn new(issues: &[(&str, &str, &str)]) -> Self {
        let sandbox = Sandbox::new(&[(".gitignore", ".beads\n")]);
        let bd = FakeBd::install(&sandbox.path("bin"), &sandbox.repo());
        issues.iter().for_each(|(id, run, depends)| bd.issue(id, run, depends));
        Self { sandbox, bd }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        let path = format!("{}:{}", self.sandbox.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env_remove("BEADS_DIR").env_remove("BEADS_ACTOR").env_remove("BD_ACTOR").env("USER", "nobody");
        command
    }

    fn greenlane(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    fn state(&self, id: &str) -> (String, String) {
        (self.bd.get(id, "status"), self.bd.get(id, "assignee"))
    }

    fn untold(&self) -> Vec<Value> {
        self.sandbox.status()["untold"].as_array().cloned().unwrap_or_default()
    }

    fn forget_bd(&self) {
        std::fs::remove_file(self.sandbox.path("bin/bd")).unwrap();
    }
}

fn is(status: &str, holder: &str) -> (String, String) {
    (status.to_owned(), holder.to_owned())
}

#[test]
fn issues_are_claimed_and_closed_with_the_commit_once_they_have_landed() {
    let b = Beads::new(&[("bd-a", "cp $MAIN/.beads/store/bd-a/status a.txt", ""), ("bd-b", "cp a.txt b.txt", "bd-a")]);
    let ran = Ran::of(b.command(&["run", ".beads"]).env("MAIN", b.sandbox.repo()).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(b.sandbox.git(&["show", &format!("{}:a.txt", b.sandbox.branch())]), "in_progress", "claimed before it was worked on");
    let run = b.sandbox.status()["run"]["id"].as_str().unwrap().to_owned();
    for id in ["bd-a", "bd-b"] {
        assert_eq!(b.state(id), is("closed", &format!("greenlane/{run}")), "{:?}", b.bd.calls());
        let landed = b.sandbox.task(id)["landed"].as_str().unwrap()[..12].to_owned();
        let reason = b.bd.get(id, "close_reason");
        assert!(reason.starts_with(&format!("landed as {landed} on greenlane/")), "{reason}");
        assert!(reason.ends_with(&format!("(greenlane run {run})")), "{reason}");
    }
    assert!(b.untold().is_empty() && !ran.stderr.contains("not told"), "{ran:?}");
    let again = b.greenlane(&["tracker", "sync"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn what_somebody_else_has_is_left_to_them() {
    let b = Beads::new(&[("bd-a", "echo x > a.txt", ""), ("bd-b", "echo x > b.txt", ""), ("bd-c", "echo x > c.txt", "")]);
    // Read as open, taken by others before anything starts.
    let plan = b.greenlane(&["plan", ".beads", "--convert", "toml"]);
    let path = b.sandbox.plan("p.toml", &plan.stdout);
    b.bd.set("bd-a", "status", "in_progress");
    b.bd.set("bd-a", "assignee", "Ann");
    b.bd.set("bd-b", "status", "closed");
    let ran = b.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(b.sandbox.task("bd-a")["state"], "needs_human");
    assert_eq!(b.sandbox.reason("bd-a"), "`bd-a` is claimed by Ann in beads");
    assert_eq!(b.sandbox.reason("bd-b"), "`bd-b` was closed in beads meanwhile");
    assert_eq!(b.sandbox.landed_files(), [".gitignore", "c.txt"]);
    assert_eq!((b.state("bd-a"), b.state("bd-b").0), (is("in_progress", "Ann"), "closed".into()), "untouched");
    // She gives it back, and it is tried again.
    b.bd.set("bd-a", "status", "open");
    b.bd.set("bd-a", "assignee", "");
    let ran = b.greenlane(&["retry", "bd-a"]);
    assert_eq!(b.sandbox.task("bd-a")["state"], "done", "{ran:?}");
    assert_eq!(b.bd.get("bd-a", "status"), "closed");
}

#[test]
fn what_is_given_up_is_given_back_also_to_whom_it_was_before() {
    let b = Beads::new(&[("bd-a", "exit 3", ""), ("bd-b", "exit 3", "")]);
    b.bd.set("bd-b", "assignee", "Tester");
    let ran = b.greenlane(&["run", ".beads", "--retries", "0"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!((b.state("bd-a"), b.state("bd-b")), (is("open", ""), is("open", "Tester")), "{:?}", b.bd.calls());
    assert!(b.untold().is_empty());
}

#[test]
fn what_could_not_be_told_of_an_older_run_is_moot_once_a_newer_one_has_landed_it() {
    let b = Beads::new(&[("bd-a", "test -e $OUT/mended && echo x > a.txt", "")]);
    let plan = b.greenlane(&["plan", ".beads", "--convert", "toml"]);
    let path = b.sandbox.plan("p.toml", &plan.stdout);
    let script = std::fs::read_to_string(b.sandbox.path("bin/bd")).unwrap();
    b.forget_bd();
    let ran = b.greenlane(&["run", path.to_str().unwrap(), "--retries", "0"]);
    assert_eq!((ran.code, b.untold().len()), (1, 1), "{ran:?}");
    std::fs::write(b.sandbox.out("mended"), "").unwrap();
    let ran = b.greenlane(&["run", path.to_str().unwrap(), "--retries", "0"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = b.greenlane(&["tracker", "--json"]);
    let all: Value = serde_json::from_str(&shown.stdout).unwrap();
    let words: Vec<_> = all["untold"].as_array().unwrap().iter().map(|u| u["word"]["word"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words, ["landed"], "the newer one's, and not that the older one gave it up: {shown:?}");
    b.sandbox.script("bd", &script);
    let ran = b.greenlane(&["tracker", "sync"]);
    assert!(ran.code == 0 && ran.stderr.contains("1 told"), "{ran:?}");
    assert_eq!(b.bd.get("bd-a", "status"), "closed", "{:?}", b.bd.calls());
}

#[test]
fn a_landing_that_is_taken_off_again_opens_its_issue_again() {
    let b = Beads::new(&[("bd-a", "echo x > a.txt", "")]);
    assert_eq!(b.greenlane(&["run", ".beads"]).code, 0);
    assert_eq!(b.bd.get("bd-a", "status"), "closed");
    let ran = b.greenlane(&["rollback", "bd-a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(b.state("bd-a"), is("open", ""), "{ran:?} {:?}", b.bd.calls());
    // Done again, and closed again.
    let ran = b.greenlane(&["resume"]);
    assert_eq!((ran.code, b.bd.get("bd-a", "status").as_str()), (0, "closed"), "{ran:?}");
    b.forget_bd();
    let ran = b.greenlane(&["rollback", "bd-a"]);
    assert!(ran.code == 0 && ran.stderr.contains("trackers were not told everything"), "{ran:?}");
}

#[test]
fn without_bd_nothing_is_held_up_and_what_it_was_not_told_is_listed_and_told_later() {
    let b = Beads::new(&[("bd-a", "echo x > a.txt", ""), ("bd-b", "exit 3", "")]);
    let plan = b.greenlane(&["plan", ".beads", "--convert", "toml"]);
    let path = b.sandbox.plan("p.toml", &plan.stdout);
    let script = std::fs::read_to_string(b.sandbox.path("bin/bd")).unwrap();
    b.forget_bd();
    let ran = b.greenlane(&["run", path.to_str().unwrap(), "--retries", "0"]);
    assert_eq!(b.sandbox.task("bd-a")["state"], "done", "{ran:?}");
    assert!(ran.stderr.contains("there is no `bd` on PATH"), "{ran:?}");
    assert!(ran.stderr.contains("greenlane tracker sync"), "{ran:?}");
    let untold = b.untold();
    assert_eq!(untold.len(), 2, "{untold:#?}");
    let of_a = untold.iter().find(|u| u["item"]["id"] == "bd-a").unwrap();
    assert_eq!((&of_a["word"]["word"], &of_a["problem"]), (&"landed".into(), &"there is no `bd` on PATH".into()));
    let shown = b.greenlane(&["tracker"]);
    assert!(shown.code == 0 && shown.stdout.contains("bd-a") && shown.stdout.contains("landed"), "{shown:?}");
    let doctor = b.greenlane(&["doctor"]);
    assert!(
        doctor.stdout.contains("! tracker beads: there is no `bd` on PATH") && doctor.stdout.contains("! trackers: 2 things could not"),
        "{doctor:?}"
    );
    let failed = b.greenlane(&["tracker", "sync"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    b.sandbox.script("bd", &script);
    let ran = b.greenlane(&["tracker", "sync"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((b.bd.get("bd-a", "status").as_str(), b.state("bd-b")), ("closed", is("open", "")));
    assert!(b.untold().is_empty());
}

#[test]
fn a_bd_that_hangs_or_talks_nonsense_holds_up_neither_the_work_nor_the_end() {
    for mode in ["hang", "garbage", "broken"] {
        let b = Beads::new(&[("bd-a", "echo x > a.txt", ""), ("bd-b", "echo x > b.txt", "bd-a")]);
        let plan = b.greenlane(&["plan", ".beads", "--convert", "toml"]);
        let path = b.sandbox.plan("p.toml", &plan.stdout);
        b.bd.behave(mode);
        let ran = b.greenlane(&["run", path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{mode}: {ran:?}");
        assert_eq!(b.untold().len(), 2, "{mode}");
        let claims = b.sandbox.events("claim_unanswered");
        assert_eq!(claims.len(), 2, "{mode}: {claims:?}");
        assert_eq!(b.state("bd-a"), is("open", ""), "{mode}");
        b.bd.behave("");
        // The next coordinator tells it, whatever it is about.
        let other = b.sandbox.plan("other.toml", "[[task]]\nid = \"x\"\nrun = \"echo x > x.txt\"\n");
        let ran = b.greenlane(&["run", other.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!((b.bd.get("bd-a", "status"), b.bd.get("bd-b", "status")), ("closed".into(), "closed".into()), "{mode}");
    }
}

#[test]
fn a_claim_that_was_not_answered_is_made_later_while_the_task_is_at_work() {
    let b = Beads::new(&[("bd-a", &format!("touch $OUT/began; {}; echo x > a.txt", await_file("go")), "")]);
    let plan = b.greenlane(&["plan", ".beads", "--convert", "toml"]);
    let path = b.sandbox.plan("p.toml", &plan.stdout);
    b.bd.behave("broken");
    let running = b.sandbox.start(b.command(&["run", path.to_str().unwrap()]));
    wait_for(&b.sandbox.out("began"));
    assert_eq!(b.state("bd-a"), is("open", ""));
    b.bd.behave("");
    eventually("it is claimed", || b.bd.get("bd-a", "status") == "in_progress");
    std::fs::write(b.sandbox.out("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!((ran.code, b.bd.get("bd-a", "status").as_str()), (0, "closed"), "{ran:?}");
}

#[test]
fn a_coordinator_that_dies_between_landing_and_closing_leaves_that_to_the_next() {
    for event in ["issue_claimed", "batch_landed", "run_ended"] {
        let b = Beads::new(&[("bd-a", "echo a >> $OUT/ran; echo x > a.txt", "")]);
        b.bd.behave("no-close");
        let ran = Ran::of(b.command(&["run", ".beads"]).env("GREENLANE_CRASH_AFTER", format!("{event}:1")).output().unwrap());
        assert_eq!(ran.code, -1, "{event}: {ran:?}");
        assert_eq!(b.bd.get("bd-a", "status"), "in_progress", "{event}");
        b.bd.behave("");
        let ran = if event != "issue_claimed" { b.greenlane(&["tracker", "sync"]) } else { b.greenlane(&["resume"]) };
        assert_eq!(ran.code, 0, "{event}: {ran:?}");
        assert_eq!(b.sandbox.out_lines("ran"), ["a"], "{event}");
        assert_eq!(b.bd.get("bd-a", "status"), "closed", "{event}: {:?}", b.bd.calls());
        let closes = b.bd.calls().iter().filter(|c| c.starts_with("close ")).count();
        assert!(closes <= 2, "{event}: {:?}", b.bd.calls());
    }
}

#[test]
fn what_a_stopped_run_had_is_free_until_it_is_resumed() {
    let b = Beads::new(&[("bd-a", &format!("touch $OUT/began; {}; echo x > a.txt", await_file("go")), "")]);
    let running = b.sandbox.start(b.command(&["run", ".beads"]));
    wait_for(&b.sandbox.out("began"));
    assert_eq!(b.greenlane(&["stop", "--all", "--now"]).code, 0);
    running.wait();
    assert_eq!(b.state("bd-a"), is("open", ""), "{:?}", b.bd.calls());
    std::fs::write(b.sandbox.out("go"), "").unwrap();
    let ran = b.greenlane(&["resume"]);
    assert_eq!((ran.code, b.bd.get("bd-a", "status").as_str()), (0, "closed"), "{ran:?}");
}

#[test]
fn an_issue_that_somebody_closed_or_took_meanwhile_is_left_as_it_is() {
    let line = format!("touch $OUT/began.$ID; {}; echo x > $ID.txt", await_file("go"));
    let b = Beads::new(&[("bd-a", &line.replace("$ID", "a"), ""), ("bd-b", &line.replace("$ID", "b"), "")]);
    let running = b.sandbox.start(b.command(&["run", ".beads"]));
    wait_for(&b.sandbox.out("began.a"));
    wait_for(&b.sandbox.out("began.b"));
    b.bd.set("bd-a", "status", "closed");
    b.bd.set("bd-a", "close_reason", "done by hand");
    b.bd.set("bd-b", "assignee", "Ann");
    std::fs::write(b.sandbox.out("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(b.bd.get("bd-a", "close_reason"), "done by hand");
    assert_eq!(b.state("bd-b"), is("in_progress", "Ann"));
    let untold = b.untold();
    assert_eq!(untold.len(), 1, "{untold:#?}");
    assert!(untold[0]["problem"].as_str().unwrap().starts_with("it is claimed by Ann by now"), "{untold:#?}");
    assert_eq!(untold[0]["given_up"], true);
    let ran = b.greenlane(&["tracker", "forget"]);
    assert_eq!((ran.code, b.untold().len()), (0, 0), "{ran:?}");
}

#[test]
fn beads_is_left_alone_where_it_is_turned_off_or_asked_from_a_worktree_of_the_users() {
    let b = Beads::new(&[("bd-a", "echo x > a.txt", "")]);
    let ran = Ran::of(b.command(&["run", ".beads"]).env("GREENLANE_TRACKER_BEADS", "off").output().unwrap());
    assert_eq!((ran.code, b.state("bd-a")), (0, is("open", "")), "{ran:?}");
    // From a worktree, `bd` is still called in the main checkout.
    let c = Beads::new(&[("bd-a", "echo x > a.txt", "")]);
    let plan = c.greenlane(&["plan", ".beads", "--convert", "toml"]);
    let path = c.sandbox.plan("p.toml", &plan.stdout);
    let elsewhere = c.sandbox.path("elsewhere");
    c.sandbox.git(&["worktree", "add", "-q", elsewhere.to_str().unwrap()]);
    let ran = Ran::of(c.command(&["run", path.to_str().unwrap()]).current_dir(&elsewhere).output().unwrap());
    assert_eq!((ran.code, c.bd.get("bd-a", "status").as_str()), (0, "closed"), "{ran:?} {:?}", c.bd.calls());
}
