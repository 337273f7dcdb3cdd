//! Attempts under way are looked at now and then; only what changes is told.

use std::time::Duration;

use greenlane_core::attempt::{Exit, Usage};
use greenlane_core::exchange::Talk;
use greenlane_core::health::{Beat, Evidence, HealthStatus, Keeper, Reading};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::state::{AttemptState, Phase};
use greenlane_core::time::Time;

use crate::story::{Story, attempt, key, task};

const S: fn(u64) -> Duration = Duration::from_secs;

fn two() -> Story {
    let mut story = Story::new(RunOptions { jobs: 2, ..RunOptions::default() }, vec![task("a", ""), task("b", "")]);
    story.spawned("a");
    story.spawned("b");
    story
}

fn beat(age: u64, quiet: u64) -> Beat {
    Beat { age: S(age), quiet: S(quiet), every: S(30), not_stopped: 1, ..Beat::default() }
}

impl Story {
    /// Its next look, when it is due.
    fn looks(&mut self) -> Vec<String> {
        self.now = Time(self.state.next_deadline().expect("a look is due").0 - 1);
        self.feed(Input::Tick)
    }

    fn read(&mut self, readings: &[(&str, Keeper, Beat)]) -> Vec<String> {
        let one = |(of, keeper, beat): &(&str, Keeper, Beat)| (attempt(of), Reading { keeper: keeper.clone(), beat: Some(beat.clone()) });
        self.feed(Input::HealthRead { readings: readings.iter().map(one).collect() })
    }

    fn of(&self, id: &str) -> &AttemptState {
        self.state.task(&key(id)).and_then(|t| t.current()).expect("an attempt")
    }
}

#[test]
fn all_that_runs_is_looked_at_once_a_minute_and_only_changes_are_told() {
    let mut story = two();
    let spawned = story.of("a").spawned.as_ref().map(|s| s.at).unwrap_or_default();
    assert_eq!(story.state.next_deadline(), Some(spawned + S(60)));
    assert_eq!(story.looks(), ["→ look at a#1 b#1"]);
    let usage = Usage { input_tokens: 9, ..Usage::default() };
    let first = Beat { usage: Some(usage), model_calls: 3, ..beat(5, 0) };
    assert!(story.read(&[("a", Keeper::Running, first.clone()), ("b", Keeper::Running, beat(3, 10))]).is_empty());
    assert_eq!(story.of("a").health.beat(), Some(&first), "the last reading is at hand");
    assert_eq!(story.looks(), ["→ look at a#1 b#1"]);
    let hung = [("a", Keeper::Running, beat(5, 130)), ("b", Keeper::Running, beat(3, 10))];
    assert_eq!(story.read(&hung), ["health_changed a#1 healthy to hung"]);
    let since = story.of("a").health.since;
    assert_eq!(since, Some(story.now));
    let still = Beat { stopped: vec![String::from("sh (7)")], ..beat(5, 190) };
    assert!(story.read(&[("a", Keeper::Running, still)]).is_empty(), "hung as before");
    assert!(story.of("a").health.reason_now().is_some_and(|r| r.starts_with("stopped: sh (7)")), "and what is known now is shown");
    assert_eq!(story.of("a").health.since, since);
    assert_eq!(story.read(&[("a", Keeper::Running, beat(1, 0))]), ["health_changed a#1 hung to healthy"]);
    assert_eq!(story.of("a").health.reason_now(), None);
}

#[test]
fn a_look_ends_nothing_and_its_answer_may_come_too_late() {
    let mut story = two();
    assert_eq!(story.read(&[("a", Keeper::Gone, beat(5, 0))]), ["health_changed a#1 healthy to dead"]);
    assert_eq!(story.state.task(&key("a")).map(|t| t.phase), Some(Phase::Running));
    story.exited("b", Exit::Code { code: 0 });
    let before = story.state.clone();
    assert!(story.read(&[("b", Keeper::Running, beat(5, 900)), ("c", Keeper::Gone, beat(5, 900))]).is_empty());
    assert_eq!(story.state, before);
}

#[test]
fn who_says_something_or_waits_for_a_person_is_not_hung_whatever_its_keeper_saw_last() {
    let mut story = two();
    let silent = |story: &mut Story| {
        let told = story.read(&[("a", Keeper::Running, beat(5, 151)), ("b", Keeper::Running, beat(5, 0))]);
        told.into_iter().filter(|t| t.starts_with("health_changed")).collect::<Vec<_>>()
    };
    let says = |story: &mut Story, talk| story.feed(Input::Said { attempt: attempt("a"), talk });
    says(&mut story, Talk::Ask { token: String::from("t"), text: String::from("Which?") });
    story.now = story.now + S(400);
    assert!(silent(&mut story).is_empty(), "it waits for a person");
    // Also where another coordinator has taken the run up since, and the answer has just come.
    story.crash_and_resume();
    assert!(silent(&mut story).is_empty());
    story.ask(Request::Answer { question: 1, text: String::from("This.") });
    story.now = story.now + S(90);
    assert!(silent(&mut story).is_empty(), "it has had the answer for a minute and a half");
    story.now = story.now + S(40);
    assert_eq!(silent(&mut story), ["health_changed a#1 healthy to hung"]);
    assert_eq!(story.of("a").health.reason.as_deref(), Some("no output, CPU time or traffic for 2m10s"), "since the answer");
    // A call of a tool is a sign of life.
    says(&mut story, Talk::Progress { percent: 10, text: None });
    assert_eq!(silent(&mut story), ["health_changed a#1 hung to healthy"]);
    assert_eq!(story.of("a").health.beat().and_then(|b| b.evidence), Some(Evidence::Tools));
    story.now = story.now + S(121);
    assert_eq!(silent(&mut story), ["health_changed a#1 healthy to hung"]);
}

#[test]
fn a_status_outlives_the_coordinator_and_readings_do_not() {
    let mut story = two();
    story.looks();
    story.read(&[("a", Keeper::Running, beat(5, 130))]);
    let live = story.state.journalled();
    story.crash_and_resume();
    assert_eq!(story.of("a").health, live.task(&key("a")).and_then(|t| t.current()).map(|a| a.health.clone()).unwrap_or_default());
    assert_eq!((story.of("a").health.status, story.of("a").health.beat()), (HealthStatus::Hung, None));
    assert_eq!(story.of("a").health.reason_now(), Some("no output, CPU time or traffic for 2m10s"));
    assert_eq!(story.state.next_deadline(), Some(story.now + S(60)), "a new coordinator counts from its start");
    assert!(story.read(&[("a", Keeper::Running, beat(5, 190))]).is_empty(), "hung as before");
}

#[test]
fn the_timer_goes_on_while_a_run_is_paused_or_stopped_and_stands_while_nothing_runs() {
    let mut story = two();
    story.ask(Request::Pause);
    assert_eq!(story.looks(), ["→ look at a#1 b#1"]);
    story.ask(Request::StopRun { how: greenlane_core::event::Stopping::Terminate });
    assert_eq!(story.looks(), ["→ look at a#1 b#1"]);
    story.exited("a", Exit::Cancelled);
    assert_eq!(story.looks(), ["→ look at b#1"]);
    story.exited("b", Exit::Cancelled);
    assert_eq!(story.state.next_deadline(), None);
}

#[test]
fn one_that_stood_still_is_called_dead_by_the_second_look_only() {
    let mut story = two();
    story.looks();
    // The machine slept for a while; its clock has jumped, the keepers have not had their turn yet.
    story.now = story.now + S(7_200);
    assert_eq!(story.feed(Input::Tick), ["→ look at a#1 b#1"]);
    let out = story.read(&[("a", Keeper::Running, beat(7_200, 0)), ("b", Keeper::Running, beat(7_200, 0))]);
    assert_eq!(out, ["health_changed a#1 healthy to unknown", "health_changed b#1 healthy to unknown"]);
    story.looks();
    let out = story.read(&[("a", Keeper::Running, beat(7_260, 0)), ("b", Keeper::Running, beat(20, 0))]);
    assert_eq!(out, ["health_changed a#1 unknown to dead", "health_changed b#1 unknown to healthy"]);
}
