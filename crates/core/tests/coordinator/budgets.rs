//! Caps: a task's over all of its attempts, the run's over everything.

use std::time::Duration;

use greenlane_core::attempt::{AgentReport, Exit, ExitRecord, Usage};
use greenlane_core::budget::Budget;
use greenlane_core::event::Event;
use greenlane_core::health::{Beat, Keeper, Reading};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Task;
use greenlane_core::state::Phase;
use greenlane_core::time::Time;

use crate::story::{Story, attempt, task};

fn usage(tokens: u64) -> Usage {
    Usage { input_tokens: tokens, ..Usage::default() }
}

fn limited(id: &str, budget: &str) -> Task {
    Task { run: None, agent: Some("claude".into()), budget: Budget::parse(budget).ok(), ..task(id, "") }
}

fn run_with(budget: &str, jobs: u32) -> RunOptions {
    RunOptions { jobs, budget: Budget::parse(budget).unwrap(), ..RunOptions::default() }
}

impl Story {
    fn used(&mut self, text: &str, tokens: u64, exit: Exit) -> Vec<String> {
        let finished = (exit == Exit::Code { code: 0 }).then_some(true);
        let record = ExitRecord {
            report: AgentReport { usage: Some(usage(tokens)), model_calls: 1, finished, ..AgentReport::default() },
            ..ExitRecord::new(exit, self.now, self.now)
        };
        self.feed(Input::AttemptExited { attempt: attempt(text), record: Box::new(record) })
    }

    fn seen(&mut self, uses: &[(&str, u64)]) -> Vec<String> {
        let readings = uses
            .iter()
            .map(|(text, tokens)| {
                let beat = Beat { usage: Some(usage(*tokens)), ..Beat::default() };
                (attempt(text), Reading { keeper: Keeper::Running, beat: Some(beat) })
            })
            .collect();
        self.feed(Input::HealthRead { readings })
    }

    fn warnings(&self) -> Vec<String> {
        let warned = |e: &Event| match e {
            Event::BudgetWarned { key, message, .. } => Some(format!("{}: {message}", key.as_ref().map_or("run", |k| k.task.as_str()))),
            _ => None,
        };
        self.journal.iter().filter_map(|(_, e)| warned(e)).collect()
    }
}

#[test]
fn a_tasks_cap_counts_all_of_its_attempts_also_after_a_crash() {
    let mut story = Story::new(RunOptions::default(), vec![limited("a", "tokens=100000")]);
    story.spawned("a#1");
    story.used("a#1", 60_000, Exit::TimedOut);
    story.crash_and_resume();
    story.now = story.now + Duration::from_secs(600);
    assert!(story.feed(Input::Tick).contains(&String::from("→ start a#2")));
    assert_eq!(story.state.allowance_of(&story.state.tasks[0]).spent.tokens, 60_000, "the next attempt is told");
    story.spawned("a#2");
    let over = Exit::OverBudget { message: String::from("120,400 of 100,000 tokens") };
    let out = story.used("a#2", 60_400, over);
    assert!(out.contains(&String::from("task_failed a")) && !out.iter().any(|o| o.starts_with("retry")), "{out:?}");
    assert_eq!(story.state.tasks[0].reason.as_deref(), Some("budget: 120,400 of 100,000 tokens"));
}

#[test]
fn what_failed_otherwise_is_not_tried_again_with_nothing_left() {
    let mut story = Story::new(RunOptions::default(), vec![limited("a", "model_calls=1")]);
    story.spawned("a#1");
    story.used("a#1", 1, Exit::TimedOut);
    let reason = story.state.tasks[0].reason.clone().unwrap();
    assert_eq!(reason, "ran longer than its timeout and was ended; no further attempt: budget: 1 of 1 calls of the model");
    // A person who asks for another attempt allows as much again.
    let out = story.ask(Request::Retry { tasks: vec![crate::story::key("a")], fresh: false, agent: None });
    assert!(out.contains(&String::from("→ start a#2")), "{out:?}");
}

#[test]
fn the_common_cap_of_tasks_holds_where_a_task_has_none_of_the_kind() {
    let options = RunOptions { task_budget: Budget::parse("tokens=5,model_calls=7").unwrap(), ..RunOptions::default() };
    let story = Story::new(options, vec![limited("a", "tokens=9"), task("b", "")]);
    let of = |n: usize| story.state.budget_of(&story.state.tasks[n]).to_string();
    assert_eq!((of(0), of(1)), (String::from("tokens=9,model_calls=7"), String::from("tokens=5,model_calls=7")));
}

#[test]
fn most_of_a_cap_is_warned_of_once() {
    let mut story = Story::new(run_with("tokens=1000", 2), vec![limited("a", "tokens=500"), limited("b", "tokens=500")]);
    story.spawned("a");
    story.spawned("b");
    story.seen(&[("a", 399), ("b", 100)]);
    assert!(story.warnings().is_empty());
    story.seen(&[("a", 400), ("b", 399)]);
    story.seen(&[("a", 450), ("b", 399)]);
    assert_eq!(story.warnings(), ["a: 400 of 500 tokens", "run: 849 of 1,000 tokens"]);
    let before = story.state.journalled();
    story.crash_and_resume();
    assert_eq!(story.state.journalled().tasks[0].warned, before.tasks[0].warned);
    story.seen(&[("a", 460), ("b", 399)]);
    assert_eq!(story.warnings().len(), 2, "nor again by the next coordinator");
}

#[test]
fn at_the_runs_cap_running_attempts_are_ended_and_nothing_starts_until_it_is_raised() {
    let mut story =
        Story::new(run_with("tokens=1000", 2), vec![limited("a", "cost_usd=9"), limited("b", "cost_usd=9"), limited("c", "cost_usd=9")]);
    story.spawned("a");
    story.spawned("b");
    assert!(story.seen(&[("a", 500), ("b", 499)]).iter().all(|o| !o.starts_with("run_halted")));
    let out = story.seen(&[("a", 501), ("b", 499)]);
    assert_eq!(out, ["run_halted", "end_requested a#1", "end_requested b#1", "→ terminate a#1", "→ terminate b#1"]);
    let out = story.used("a", 501, Exit::Cancelled);
    assert!(out.contains(&String::from("task_cancelled a")) && out.contains(&String::from("→ keep a#1")), "{out:?}");
    // It had finished when it was asked to end: its work is paid for.
    story.used("b", 499, Exit::Code { code: 0 });
    story.accepted("b");
    let out = story.lands(1, &["b"]);
    assert!(out.contains(&String::from("run_ended stopped")), "{out:?}");
    assert_eq!(story.state.tasks.iter().map(|t| t.phase).collect::<Vec<_>>(), [Phase::Cancelled, Phase::Done, Phase::Ready]);
    assert_eq!(story.state.halted.as_ref().map(|h| h.1.as_str()), Some("the run's budget is used up: 1,000 of 1,000 tokens"));

    // Taken up with the same cap it stops again; with a higher one it goes on where it was.
    let out = story.crash_and_resume();
    assert!(out.contains(&String::from("run_ended stopped")) && !out.iter().any(|o| o.starts_with("→ start")), "{out:?}");
    let budget = Budget::parse("tokens=2000").unwrap();
    assert_eq!(story.ask(Request::SetBudget { budget, task_budget: Budget::default() }), ["budget_changed"]);
    let out = story.feed(Input::Resume);
    assert!(out.contains(&String::from("→ start a#2")) && out.contains(&String::from("→ start c#1")), "{out:?}");
}

#[test]
fn the_runs_time_is_a_deadline_and_leaves_out_when_nobody_coordinated_it() {
    let mut story = Story::new(run_with("wall=1h", 1), vec![limited("a", "cost_usd=9")]);
    story.spawned("a");
    story.now = story.now + Duration::from_secs(1_800);
    story.feed(Input::Request(Request::Pause));
    let left = story.now + Duration::from_secs(7_200);
    story.now = left;
    story.crash_and_resume();
    let due = story.state.next_deadline().unwrap();
    assert!(due <= left + Duration::from_secs(61), "the next look");
    story.now = left + Duration::from_secs(1_700);
    assert!(!story.feed(Input::Tick).contains(&String::from("run_halted")));
    let due = story.state.wall(story.now);
    assert!(due < Duration::from_secs(3_600) && due > Duration::from_secs(3_400), "{due:?}");
    story.now = left + Duration::from_secs(1_801);
    let out = story.feed(Input::Tick);
    assert!(out.contains(&String::from("run_halted")) && out.contains(&String::from("→ terminate a#1")), "{out:?}");
}

#[test]
fn a_run_that_is_done_at_its_cap_is_done() {
    let mut story = Story::new(run_with("tokens=10", 1), vec![limited("a", "cost_usd=9")]);
    story.spawned("a");
    story.used("a", 10, Exit::Code { code: 0 });
    story.accepted("a");
    let out = story.lands(1, &["a"]);
    assert!(out.contains(&String::from("run_ended finished")), "{out:?}");
    assert_eq!(story.state.halted, None);
}

#[test]
fn a_lost_attempt_counts_by_what_was_seen_of_it_last() {
    let mut story = Story::new(RunOptions::default(), vec![limited("a", "tokens=100")]);
    story.spawned("a");
    story.seen(&[("a", 100)]);
    story.feed(Input::AttemptLost { attempt: attempt("a") });
    assert_eq!(story.state.tasks[0].phase, Phase::Failed);
    let before = story.state.journalled();
    story.crash_and_resume();
    assert_eq!((story.state.tasks[0].spent, story.state.spent), (before.tasks[0].spent, before.spent));
    assert_eq!(story.state.spent.tokens, 100);
    assert_ne!(story.state.last_event_at, Time(0));
}

#[test]
fn a_full_disk_ends_the_run_in_a_clear_state() {
    let mut story = Story::new(RunOptions { jobs: 1, ..RunOptions::default() }, vec![task("a", ""), task("b", "")]);
    story.spawned("a");
    let out = story.feed(Input::DiskFull { message: String::from("no space left") });
    assert_eq!(out, ["run_halted", "end_requested a#1", "→ terminate a#1"]);
    assert!(story.feed(Input::DiskFull { message: String::from("no space left") }).is_empty(), "said once");
    let out = story.exited("a", Exit::Cancelled);
    assert!(out.contains(&String::from("run_ended stopped")), "{out:?}");
    let out = story.crash_and_resume();
    assert!(out.contains(&String::from("→ start a#2")), "{out:?}");
}

#[test]
fn who_jumps_over_his_cap_between_two_looks_was_warned_all_the_same() {
    let mut story = Story::new(RunOptions::default(), vec![limited("a", "tokens=1000")]);
    story.spawned("a");
    let out = story.used("a", 1_300, Exit::OverBudget { message: String::from("1,300 of 1,000 tokens") });
    let at = |what: &str| out.iter().position(|o| o.starts_with(what)).unwrap_or_else(|| panic!("no {what}: {out:?}"));
    assert!(at("attempt_exited") < at("budget_warned") && at("budget_warned") < at("attempt_failed"), "{out:?}");
    assert_eq!(story.warnings(), ["a: 1,300 of 1,000 tokens"]);
}

#[test]
fn most_of_the_time_is_warned_of_when_it_is_used_up() {
    let mut story = Story::new(RunOptions { jobs: 1, ..run_with("wall=10m", 1) }, vec![limited("a", "wall=100s")]);
    story.spawned("a");
    let spawned = story.now;
    story.feed(Input::Tick);
    let mut looks = 0;
    while story.warnings().is_empty() && looks < 20 {
        story.now = Time(story.state.next_deadline().unwrap().0 - 1);
        story.feed(Input::Tick);
        looks += 1;
    }
    let late = story.now.since(spawned).checked_sub(Duration::from_secs(80)).unwrap();
    assert!(late <= Duration::from_millis(5), "{late:?}");
    assert_eq!(story.warnings(), ["a: 1m20s of 1m40s"]);
    assert!(story.state.next_deadline().unwrap() > story.now, "it sleeps again");
}

#[test]
fn what_is_counted_is_looked_at_more_often_than_health() {
    let mut story = Story::new(RunOptions::default(), vec![limited("a", "tokens=100")]);
    story.spawned("a");
    assert!(story.state.next_deadline().unwrap().since(story.now) <= Duration::from_secs(10));
    let mut story = Story::new(RunOptions::default(), vec![task("a", "")]);
    story.spawned("a");
    assert!(story.state.next_deadline().unwrap().since(story.now) > Duration::from_secs(50));
}

#[test]
fn a_cap_below_what_is_spent_is_refused_and_changes_nothing() {
    let mut story = Story::new(run_with("tokens=1000", 1), vec![limited("a", "cost_usd=9"), limited("b", "cost_usd=9")]);
    story.spawned("a");
    story.used("a", 484, Exit::Code { code: 0 });
    for (caps, said) in [
        ("tokens=300", Err("the run has spent 484 of 300 tokens already; name a cap above that")),
        ("tokens=2000,model_calls=1", Err("the run has spent 1 of 1 calls of the model already; name a cap above that")),
        ("tokens=1000", Ok(())),
        ("tokens=485", Ok(())),
    ] {
        let before = story.state.options().budget;
        story.ask(Request::SetBudget { budget: Budget::parse(caps).unwrap(), task_budget: Budget::default() });
        assert_eq!(story.reply.clone(), Some(said.map_err(String::from)), "{caps}");
        assert_eq!(story.state.options().budget == before, said.is_err() || caps == "tokens=1000", "{caps}");
    }
}

#[test]
fn a_cap_for_each_task_below_what_one_of_them_has_spent_is_refused() {
    let options = RunOptions { jobs: 2, task_budget: Budget::parse("tokens=1000").unwrap(), ..RunOptions::default() };
    let own = limited("own", "tokens=900");
    let plain = Task { budget: None, ..limited("plain", "tokens=1") };
    let mut story = Story::new(options, vec![own, plain]);
    story.spawned("own");
    story.spawned("plain");
    story.used("plain", 400, Exit::Code { code: 1 });
    story.seen(&[("own", 500)]);
    for (caps, answer) in [
        ("tokens=400", Err("task `p/plain` has spent 400 of 400 tokens already; name a cap above that")),
        // The plan's own cap holds for the other one.
        ("tokens=401", Ok(())),
        ("tokens=2000,model_calls=1", Err("task `p/plain` has spent 1 of 1 calls of the model already; name a cap above that")),
    ] {
        story.ask(Request::SetBudget { budget: Budget::default(), task_budget: Budget::parse(caps).unwrap() });
        assert_eq!(story.reply.clone(), Some(answer.map_err(String::from)), "{caps}");
    }
}
