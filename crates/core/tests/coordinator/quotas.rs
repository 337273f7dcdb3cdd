//! Limits of providers: who waits, who takes over, how many work at once.

use std::time::Duration;

use greenlane_core::attempt::{AgentError, AgentReport, Exit, ExitRecord};
use greenlane_core::input::{AccountReading, Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Task;
use greenlane_core::state::Phase;
use greenlane_core::time::Time;
use greenlane_core::view::{places_awaited, task_state};

use crate::story::{Story, attempt, task};

fn options(jobs: u32) -> RunOptions {
    let accounts = [("claude", "claude"), ("codex", "codex")].map(|(agent, account)| (agent.into(), account.into()));
    RunOptions { jobs, accounts: accounts.into(), ..RunOptions::default() }
}

fn model(id: &str, fallbacks: &[&str]) -> Task {
    let fallbacks = fallbacks.iter().map(|f| String::from(*f)).collect();
    Task { run: None, agent: Some("claude".into()), fallbacks, ..task(id, "retries 1") }
}

impl Story {
    /// Its provider answers with this status; a limit ends at this time.
    fn refused(&mut self, text: &str, status: u16, reset_at: Option<Time>) -> Vec<String> {
        self.spawned(text);
        let error = AgentError { message: String::from("no"), status: Some(status), reset_at };
        let report = AgentReport { error: Some(error), finished: Some(false), ..AgentReport::default() };
        let record = ExitRecord { report, ..ExitRecord::new(Exit::Code { code: 1 }, Time(0), self.now) };
        self.feed(Input::AttemptExited { attempt: attempt(text), record: Box::new(record) })
    }

    fn state_of(&self, task: usize) -> (&'static str, Option<String>) {
        task_state(&self.state, &self.state.tasks[task], self.now)
    }
}

#[test]
fn a_limit_pauses_the_account_for_all_its_tasks_and_uses_no_retry() {
    let mut story = Story::new(options(1), vec![model("a", &[]), model("b", &[]), task("c", "")]);
    let reset = story.now + Duration::from_secs(120);
    for n in 1..=3 {
        let reset = story.now + Duration::from_secs(120);
        let out = story.refused(&format!("a#{n}"), 429, Some(reset));
        assert!(out.contains(&String::from("quota_awaited a of claude")), "{out:?}");
        if n == 1 {
            assert_eq!(out[4..], ["attempt_started c#1 from base", "→ limit claude to 5", "→ start c#1"].map(String::from), "no `b`");
            story.works("c");
        }
        let wakes = story.state.next_deadline().expect("a deadline");
        assert!(wakes >= reset && wakes.since(reset) <= Duration::from_secs(30), "{wakes:?} is not soon after {reset:?}");
        assert_eq!(story.state_of(1).0, "awaiting_quota");
        assert!(story.state_of(1).1.is_some_and(|why| why.starts_with("waits for the quota of claude until ")));
        story.now = wakes;
        let out = story.feed(Input::Tick);
        assert_eq!(out, [format!("attempt_started a#{} going on", n + 1), format!("→ start a#{}", n + 1)], "one at once");
    }
    assert!(story.now > reset);
    assert_eq!(story.state.tasks[0].retries, 0);
}

#[test]
fn pauses_without_an_end_double_and_nobody_waits_for_ever() {
    let mut story = Story::new(options(1), vec![model("a", &[])]);
    let mut waits = Vec::new();
    for n in 1.. {
        story.refused(&format!("a#{n}"), 429, None);
        if story.state.tasks[0].phase.ended() {
            break;
        }
        let wakes = story.state.next_deadline().expect("a deadline");
        waits.push(wakes.since(story.now).as_secs() / 60);
        story.now = wakes;
        story.feed(Input::Tick);
    }
    assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60], "minutes");
    assert!((24..30).contains(&waits.len()), "a day of them: {waits:?}");
    assert_eq!(story.state.tasks[0].phase, Phase::Failed);
    let reason = |story: &Story| story.state.tasks[0].reason.clone().unwrap_or_default();
    assert!(reason(&story).starts_with("claude has been limited since 1970-01-01T00:00:0"), "{}", reason(&story));

    let mut story = Story::new(options(1), vec![model("a", &[])]);
    let out = story.refused("a", 429, Some(story.now + Duration::from_secs(25 * 3600)));
    assert!(out.contains(&String::from("task_failed a")), "{out:?}");
    assert!(reason(&story).starts_with("claude is limited until 1970-01-02T01:00:00"), "{}", reason(&story));
    assert!(reason(&story).contains("too long to wait for (`wait_max`); "), "{}", reason(&story));
}

#[test]
fn many_at_once_meet_one_limit_it_is_halved_once_and_rises_after_calm() {
    let tasks = (0..8).map(|n| model(&format!("t{n}"), &[])).collect();
    let mut story = Story::new(RunOptions { jobs: 8, ..options(8) }, tasks);
    let mut told = 0;
    for n in 0..3 {
        let reset = story.now + Duration::from_secs(60);
        let out = story.refused(&format!("t{n}"), 429, Some(reset));
        told += out.iter().filter(|l| l.starts_with("account_limited")).count();
        story.now = story.now + Duration::from_millis(700);
    }
    assert_eq!((story.state.account_limit("claude"), told), (5, 1), "half of 10, told once, though only three attempts met it");
    (3..8).for_each(|n| drop(story.refused(&format!("t{n}"), 429, None)));
    assert_eq!(story.state.account_limit("claude"), 5);
    story.now = story.state.next_deadline().expect("a deadline");
    let started = |out: &[String]| out.iter().filter(|l| l.starts_with("attempt_started")).count();
    let out = story.feed(Input::Tick);
    assert_eq!(started(&out), 5);
    let calm = story.state.next_deadline().expect("a deadline");
    let place = format!("a place on the account claude: 5 of 5 at work; one more from {}", calm.rfc3339());
    let waits = story.state.tasks.iter().position(|t| t.phase == Phase::Ready).expect("one that waits");
    assert_eq!(story.state_of(waits), ("awaiting_quota", Some(format!("waits for {place}"))));
    assert_eq!(places_awaited(&story.state, story.now), [place]);
    assert!(calm.since(story.now) > Duration::from_secs(200), "{calm:?}");
    story.now = calm;
    let out = story.feed(Input::Tick);
    assert_eq!(out[0], "account_changed claude 6");
    assert!(started(&out) == 1 && out.contains(&String::from("→ raise claude to 6")), "{out:?}");
    let raced = story.state.tasks.iter().find(|t| t.phase == Phase::Running).map(|t| format!("{}#2", t.key.task)).expect("one");
    story.refused(&raced, 429, None);
    assert_eq!(story.state.account_limit("claude"), 3, "refused just after it was raised: halved all the same");
}

#[test]
fn a_fallback_takes_over_when_the_limit_is_long_or_the_agent_cannot_be_used() {
    let mut story = Story::new(options(2), vec![model("a", &["codex"]), model("b", &["codex"])]);
    let out = story.refused("a", 429, Some(story.now + Duration::from_secs(5 * 3600)));
    assert!(out.contains(&String::from("attempt_started a#2 going on")), "{out:?}");
    let second = &story.state.tasks[0].attempts[1];
    assert_eq!(second.agent, "codex");
    assert!(second.fallback.as_deref().is_some_and(|why| why.starts_with("claude is limited until")), "{:?}", second.fallback);

    let mut story = Story::new(options(3), vec![model("a", &["codex"]), model("b", &["codex"]), model("c", &[])]);
    let out = story.refused("a", 401, None);
    assert!(out.contains(&String::from("fallback_scheduled a")), "{out:?}");
    assert_eq!(story.state.tasks[0].current().map(|a| (a.n, a.agent.as_str())), Some((2, "codex")));
    story.refused("b", 401, None);
    let out = story.refused("c", 401, None);
    assert!(out.contains(&String::from("task_failed c")), "without a fallback it is told at once: {out:?}");
}

#[test]
fn what_other_runs_do_to_the_account_counts_here_too() {
    let mut story = Story::new(options(1), vec![model("a", &[]), model("b", &[])]);
    let out = story.feed(Input::AttemptDeferred { attempt: attempt("a") });
    assert_eq!(out, ["attempt_voided a#1"], "others have every place; nothing is tried meanwhile");
    assert_eq!(story.state_of(0).1.as_deref(), Some("other runs on this machine have every place of claude"));
    let reading = |free, paused_until| {
        let reading = AccountReading { paused_until, reason: String::from("too many"), limit: Some(3), free, ..Default::default() };
        Input::AccountRead { account: String::from("claude"), reading }
    };
    let until = story.now + Duration::from_secs(60);
    assert_eq!(story.feed(reading(Some(1), Some(until))), ["account_changed claude 3"], "one is free, but there is a limit now");
    story.now = story.state.next_deadline().expect("a deadline");
    assert_eq!(story.feed(Input::Tick)[0], "attempt_started a#2 from base");
}

#[test]
fn a_person_may_know_better_that_a_limit_is_over() {
    let mut story = Story::new(options(1), vec![model("a", &[])]);
    story.refused("a", 429, Some(story.now + Duration::from_secs(3600)));
    let read = |lifted_at| {
        let reading = AccountReading { limit: Some(5), lifted_at: Some(lifted_at), ..Default::default() };
        Input::AccountRead { account: String::from("claude"), reading }
    };
    assert_eq!(story.feed(read(story.now)), [""; 0], "that was before the refusal, or at the same moment");
    story.now = story.now + Duration::from_secs(1);
    let out = story.feed(read(story.now));
    assert_eq!(out[..2], ["account_changed claude 5", "attempt_started a#2 going on"], "{out:?}");
}

#[test]
fn nobody_waits_too_long_for_a_limit_that_others_have_met() {
    let mut story = Story::new(options(1), vec![model("a", &[]), model("b", &["codex"]), task("c", "depends a")]);
    let until = story.now + Duration::from_secs(25 * 3600);
    let reading = AccountReading { paused_until: Some(until), reason: String::from("weekly limit"), ..Default::default() };
    story.feed(Input::AccountRead { account: String::from("claude"), reading });
    story.refused("a", 500, None);
    story.now = story.state.next_deadline().expect("a deadline");
    let out = story.feed(Input::Tick);
    assert!(
        out.contains(&String::from("task_failed a")) && out.contains(&String::from("task_skipped c: depends on `a`, which failed")),
        "{out:?}"
    );
    let reason = story.state.tasks[0].reason.clone().unwrap_or_default();
    assert!(
        reason.starts_with("claude is limited until ") && reason.ends_with("too long to wait for (`wait_max`); weekly limit"),
        "{reason}"
    );
    assert_eq!(story.state.tasks[1].current().map(|a| a.agent.as_str()), Some("codex"), "a fallback has nothing to wait for");
}

#[test]
fn a_limit_that_several_runs_share_rises_after_calm_too() {
    let mut story = Story::new(options(1), vec![model("a", &[])]);
    story.feed(Input::AttemptDeferred { attempt: attempt("a") });
    let reading = |free, limit| {
        let reading = AccountReading { limit: Some(limit), free: Some(free), ..AccountReading::default() };
        Input::AccountRead { account: String::from("claude"), reading }
    };
    assert_eq!(story.feed(reading(0, 2)), ["account_changed claude 2"], "lowered by others, who have both places");
    story.now = story.state.next_deadline().expect("a deadline");
    assert_eq!(story.feed(Input::Tick), ["account_changed claude 3", "→ raise claude to 3"], "whose place it is, the answer tells");
    assert_eq!(story.feed(reading(1, 3))[0], "attempt_started a#2 from base");
}

#[test]
fn a_limit_of_yesterday_has_risen_by_today() {
    let mut story = Story::new(options(1), vec![task("a", "")]);
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let lowered = story.now;
    let reading =
        AccountReading { limit: Some(2), changed_at: Some(lowered), paused_until: Some(lowered + minutes(1)), ..Default::default() };
    let read = |reading: &AccountReading| Input::AccountRead { account: String::from("claude"), reading: reading.clone() };
    story.now = lowered + minutes(5);
    assert_eq!(story.feed(read(&reading)), ["account_changed claude 2"], "calm is counted from the pause's end");
    story.now = lowered + minutes(17);
    assert_eq!(story.feed(read(&reading)), ["account_changed claude 5", "→ raise claude to 5"]);
    story.now = lowered + minutes(600);
    assert_eq!(story.feed(read(&reading)), ["account_changed claude 10", "→ raise claude to 10"], "and no further");
}

#[test]
fn a_new_coordinator_looks_at_the_agents_anew_and_so_does_a_retry() {
    let mut story = Story::new(options(1), vec![model("a", &["codex"])]);
    story.refused("a", 401, None);
    assert!(story.state.unavailable.contains_key("claude"));
    let looked = |unavailable: &[&str]| Input::AgentsChecked {
        accounts: [(String::from("claude"), String::from("other"))].into(),
        unavailable: unavailable.iter().map(|a| ((*a).to_owned(), String::from("it is not signed in"))).collect(),
    };
    assert_eq!(story.feed(looked(&["codex"])), ["agents_checked"]);
    assert_eq!(story.feed(looked(&["codex"])), [""; 0], "nothing new");
    assert_eq!((story.state.account_of("claude"), story.state.account_of("codex")), (Some("other"), None));
    assert!(story.state.unavailable.is_empty(), "somebody has signed in");

    let mut story = Story::new(options(1), vec![model("a", &[])]);
    story.feed(looked(&["claude"]));
    story.refused("a", 401, None);
    assert_eq!(story.state.tasks[0].phase, Phase::Failed);
    story.feed(Input::Request(Request::Retry { tasks: vec![story.state.tasks[0].key.clone()], fresh: false, agent: None }));
    assert!(story.state.options().unavailable.is_empty(), "who asks again knows of a reason to");
}
