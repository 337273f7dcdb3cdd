//! Issues on GitHub through the real `gh`, against a server that has issues only.

use std::process::Command;
use std::time::Duration;

use greenlane_testkit::github::{Github, GithubIssue, GithubMood};
use serde_json::Value;

use crate::common::{Ran, Sandbox, await_file, eventually, wait_for};

const ISSUE: &str = "acme/widget#7";

struct Hub {
    sandbox: Sandbox,
    github: Github,
}

impl Hub {
    /// `None`: there is no `gh`, and nobody requires it.
    fn new() -> Option<Self> {
        let required = std::env::var("GREENLANE_REQUIRE_GH").is_ok_and(|v| !v.is_empty());
        if Command::new("gh").arg("--version").output().is_err() {
            assert!(!required, "GREENLANE_REQUIRE_GH is set, and there is no `gh`");
            return None;
        }
        let sandbox = Sandbox::new(&[]);
        sandbox.git(&["remote", "add", "origin", "https://github.com/acme/widget.git"]);
        let github = Github::start(&sandbox.path("home"));
        github.issue(ISSUE, |_| {});
        Some(Self { sandbox, github })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        for name in ["GITHUB_TOKEN", "GH_HOST", "GH_ENTERPRISE_TOKEN", "GH_REPO"] {
            command.env_remove(name);
        }
        command.env("GREENLANE_TRACKER_GITHUB", "on").envs(self.github.environment());
        command
    }

    /// Runs tasks: id, issue, command line.
    fn plan(&self, tasks: &[(&str, &str, &str)]) -> Command {
        let text: String =
            tasks.iter().map(|(id, issue, run)| format!("[[task]]\nid = \"{id}\"\nissue = \"{issue}\"\nrun = '{run}'\n")).collect();
        let path = self.sandbox.plan("p.toml", &text);
        self.command(&["run", path.to_str().unwrap(), "--retries", "0"])
    }

    fn run(&self, tasks: &[(&str, &str, &str)]) -> Ran {
        Ran::of(self.plan(tasks).output().unwrap())
    }

    fn issue(&self) -> GithubIssue {
        self.github.issue(ISSUE, |_| {})
    }

    fn untold(&self) -> Vec<Value> {
        self.sandbox.status()["untold"].as_array().cloned().unwrap_or_default()
    }

    fn sync(&self) -> Ran {
        Ran::of(self.command(&["tracker", "sync"]).output().unwrap())
    }
}

#[test]
fn an_issue_is_assigned_and_closed_with_a_comment_after_all_of_its_tasks_have_landed() {
    let Some(h) = Hub::new() else { return };
    // By number, from the checkout's remote; the second task stands for the same issue.
    let wait = await_file("go");
    let running = h.sandbox.start(h.plan(&[("a", "github:#7", "echo x > a.txt"), ("b", "github:#7", &format!("{wait}; echo x > b.txt"))]));
    eventually("a has landed", || h.sandbox.count("batch_landed") == 1);
    assert_eq!(h.issue(), GithubIssue { assignees: vec!["ann".into()], ..GithubIssue::default() });
    std::fs::write(h.sandbox.out("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    let issue = h.issue();
    assert_eq!((issue.closed.as_deref(), issue.comments.len()), (Some("completed"), 1), "{:#?}", h.github.calls());
    let landed = h.sandbox.task("b")["landed"].as_str().unwrap()[..12].to_owned();
    assert!(issue.comments[0].starts_with(&format!("This has landed as `{landed}` on the branch `greenlane/")), "{issue:?}");
    assert!(issue.comments[0].contains("task `a`, `b` of the plan `p`"), "{issue:?}");
    assert!(h.untold().is_empty(), "{:#?}", h.untold());
}

#[test]
fn what_is_assigned_to_others_or_closed_is_left_alone() {
    let Some(h) = Hub::new() else { return };
    h.github.issue(ISSUE, |i| i.assignees.push("bob".into()));
    h.github.issue("acme/gadget#1", |i| i.closed = Some("completed".into()));
    let ran = h.run(&[
        ("a", "https://github.com/acme/widget/issues/7", "echo x > a.txt"),
        ("b", "github:acme/gadget#1", "echo x > b.txt"),
        ("c", "github:acme/gadget#2", "echo x > c.txt"),
    ]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(h.sandbox.reason("a"), "`acme/widget#7` is assigned to bob on GitHub");
    assert_eq!(h.sandbox.reason("b"), "`acme/gadget#1` was closed on GitHub meanwhile");
    assert_eq!(h.sandbox.landed_files(), ["c.txt"], "an issue that is not there holds nothing up");
    assert_eq!(h.issue().assignees, ["bob"]);
    let untold = h.untold();
    assert_eq!(untold.len(), 1, "{untold:#?}");
    assert!(untold[0]["problem"].as_str().unwrap().contains("GitHub has no issue `acme/gadget#2`"), "{untold:#?}");
    assert!(ran.stderr.contains("GitHub was not told everything"), "{ran:?}");
}

#[test]
fn without_being_asked_github_is_told_nothing() {
    let Some(h) = Hub::new() else { return };
    let ran = Ran::of(h.plan(&[("a", "github:#7", "echo x > a.txt")]).env_remove("GREENLANE_TRACKER_GITHUB").output().unwrap());
    assert_eq!((ran.code, h.github.calls().len()), (0, 0), "{ran:?}");
}

#[test]
fn what_is_given_up_is_given_back_and_said_where_comments_are_wanted() {
    let Some(h) = Hub::new() else { return };
    let mut command = h.plan(&[("a", "github:#7", &format!("{}; exit 3", await_file("go")))]);
    command.env("GREENLANE_TRACKER_GITHUB_COMMENTS", "true");
    let running = h.sandbox.start(command);
    eventually("its beginning is told", || h.issue().comments.len() == 1);
    std::fs::write(h.sandbox.out("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let issue = h.issue();
    assert_eq!((issue.assignees.len(), issue.closed.is_none(), issue.comments.len()), (0, true, 2), "{issue:#?}");
    assert!(issue.comments[0].starts_with("Work on this has begun."), "{issue:#?}");
    assert!(issue.comments[1].starts_with("This is not done: it failed."), "{issue:#?}");
    // Whoever was assigned before stays so.
    h.github.issue(ISSUE, |i| *i = GithubIssue { assignees: vec!["ann".into()], ..GithubIssue::default() });
    h.run(&[("a", "github:#7", "exit 4")]);
    assert_eq!(h.issue(), GithubIssue { assignees: vec!["ann".into()], ..GithubIssue::default() });
}

#[test]
fn a_landing_that_is_taken_off_opens_its_issue_again() {
    let Some(h) = Hub::new() else { return };
    assert_eq!(h.run(&[("a", "github:#7", "echo x > a.txt")]).code, 0);
    assert!(h.issue().closed.is_some());
    let ran = Ran::of(h.command(&["rollback", "a"]).output().unwrap());
    let issue = h.issue();
    assert_eq!((ran.code, issue.closed, issue.assignees.len(), issue.comments.len()), (0, None, 0, 2), "{ran:?}");
}

#[test]
fn a_used_up_limit_is_waited_for_and_told_of() {
    let Some(h) = Hub::new() else { return };
    let headers = vec![("X-RateLimit-Remaining".into(), "0".into()), ("Retry-After".into(), "2".into())];
    h.github.mood(GithubMood::Refuses { status: 403, headers, body: r#"{"message":"API rate limit exceeded"}"#.into() });
    let wait = await_file("go");
    let running = h.sandbox.start(h.plan(&[("a", "github:#7", &format!("touch $OUT/began; {wait}; echo x > a.txt"))]));
    wait_for(&h.sandbox.out("began"));
    assert_eq!(h.sandbox.count("claim_unanswered"), 1);
    h.github.mood(GithubMood::Fine);
    eventually("it is assigned once the limit is over", || h.issue().assignees == ["ann"]);
    std::fs::write(h.sandbox.out("go"), "").unwrap();
    let ran = running.wait();
    assert!(ran.code == 0 && h.issue().closed.is_some(), "{ran:?}");
}

#[test]
fn servers_that_fail_tokens_that_expired_and_nonsense_are_listed_and_tried_again() {
    let Some(h) = Hub::new() else { return };
    let refuses = |status: u16, body: &str| GithubMood::Refuses { status, headers: Vec::new(), body: body.into() };
    for (n, (mood, why)) in [
        (refuses(502, "<html>"), "GitHub fails (502)"),
        (refuses(401, r#"{"message":"Bad credentials"}"#), "not signed in, or not any more: Bad credentials"),
        (refuses(200, "Hello"), "not JSON"),
        (refuses(200, r#"{"hello":1}"#), "something else than what was asked for"),
        (GithubMood::NobodyAssigned, "cannot be assigned"),
    ]
    .into_iter()
    .enumerate()
    {
        h.github.issue(ISSUE, |i| *i = GithubIssue::default());
        h.github.mood(mood.clone());
        let began = std::time::Instant::now();
        let ran = h.run(&[(&format!("t{n}"), "github:#7", &format!("echo x > {n}.txt"))]);
        assert_eq!(ran.code, 0, "{why}: {ran:?}");
        assert!(began.elapsed() < Duration::from_secs(30), "{why}");
        let claims = h.sandbox.events("claim_unanswered");
        assert!(claims.last().unwrap()["reason"].as_str().unwrap().contains(why), "{why}: {claims:#?}");
        if mood == GithubMood::NobodyAssigned {
            // Whoever cannot be assigned may still close it.
            assert!(h.issue().closed.is_some() && h.untold().is_empty(), "{:#?}", h.untold());
            continue;
        }
        assert!(h.untold()[0]["problem"].as_str().unwrap().contains(why), "{why}: {:#?}", h.untold());
        h.github.mood(GithubMood::Fine);
        let ran = h.sync();
        assert!(ran.code == 0 && h.issue().closed.is_some(), "{why}: {ran:?}");
    }
}

#[test]
fn a_coordinator_that_dies_before_it_told_anybody_has_it_told_by_the_next_and_nothing_is_said_twice() {
    let Some(h) = Hub::new() else { return };
    let ran = Ran::of(h.plan(&[("a", "github:#7", "echo x > a.txt")]).env("GREENLANE_CRASH_AFTER", "batch_landed:1").output().unwrap());
    assert_eq!(ran.code, -1, "{ran:?}");
    // It had said it, and died before it closed.
    let run = h.sandbox.status()["run"]["id"].as_str().unwrap().to_owned();
    let landed = h.sandbox.task("a")["landed"].as_str().unwrap()[..12].to_owned();
    h.github.issue(ISSUE, |i| i.comments.push(format!("This has landed.\n\n<!-- greenlane {run} landed {landed} -->")));
    assert_eq!(h.sync().code, 0);
    let issue = h.issue();
    assert_eq!((issue.closed.is_some(), issue.comments.len()), (true, 1), "{issue:?}");
}
