//! What attempts say: progress, notes, questions, claims, locks, values.

use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_core::exchange::{Look, Sight, Talk, look};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::state::Phase;
use greenlane_core::time::Time;
use greenlane_core::view::task_state;

use crate::story::{Story, attempt, key, task};

const NOTHING: [&str; 0] = [];

fn options() -> RunOptions {
    RunOptions { jobs: 3, question_max: Duration::from_secs(3600), ..RunOptions::default() }
}

/// Three tasks at work: `a` owns `src/a`, `b` owns `src/b`, `c` owns everything.
fn at_work() -> Story {
    let mut story = Story::new(options(), vec![task("a", "owns src/a"), task("b", "owns src/b"), task("c", "")]);
    for each in ["a", "b", "c"] {
        story.spawned(each);
    }
    story
}

impl Story {
    fn says(&mut self, who: &str, talk: Talk) -> Vec<String> {
        self.feed(Input::Said { attempt: attempt(who), talk })
    }

    fn not_taken(&mut self, who: &str, talk: Talk) -> String {
        assert_eq!(self.says(who, talk), NOTHING);
        self.reply.clone().and_then(Result::err).expect("it is refused")
    }

    fn shown(&self, id: &str) -> (&'static str, String) {
        let (state, why) = task_state(&self.state, self.state.task(&key(id)).unwrap(), self.now);
        (state, why.unwrap_or_default())
    }
}

fn progress(percent: u32) -> Talk {
    Talk::Progress { percent, text: Some(String::from(" builds ")) }
}

fn question(token: &str) -> Talk {
    Talk::Ask { token: token.into(), text: String::from("Which port?\nThere are two.") }
}

fn claim(path: &str) -> Talk {
    Talk::Claim { path: path.into() }
}

fn lock(seconds: u64, place: u64) -> Talk {
    Talk::Lock { name: String::from("db"), lease: Duration::from_secs(seconds), place: Duration::from_secs(place) }
}

fn set(value: Option<&str>, if_version: Option<u64>) -> Talk {
    Talk::Set { name: String::from("port"), value: value.map(String::from), if_version }
}

fn answer(question: u64) -> Request {
    Request::Answer { question, text: String::from("8080") }
}

#[test]
fn progress_is_a_percentage_and_the_same_twice_is_one_event() {
    let mut story = at_work();
    assert_eq!(story.says("a", progress(40)), ["attempt_progress a#1 40"]);
    assert_eq!(story.says("a", progress(40)), NOTHING);
    assert_eq!(story.shown("a"), ("running", String::from("40 %: builds")));
    assert_eq!(story.says("a", progress(30)), ["attempt_progress a#1 30"], "more is left than was thought");
    assert_eq!(story.not_taken("a", progress(101)), "progress is 0 to 100, not 101");
    assert!(story.not_taken("a", Talk::Progress { percent: 1, text: Some("x".repeat(201)) }).contains("at most 200"));
    assert!(story.not_taken("a#2", progress(1)).contains("not at work"));
}

#[test]
fn a_note_reaches_a_task_once_and_nobody_who_has_landed() {
    let mut story = at_work();
    let note = |to: &str| Talk::Note { token: String::from("t"), to: to.into(), text: String::from("the API is done") };
    let another = Talk::Note { token: String::from("u"), to: String::from("b"), text: String::from("too late") };
    assert_eq!(story.says("a", note("b")), ["note_sent a#1 to b"]);
    assert_eq!(story.says("a", note("p/b")), NOTHING, "the same token is the same note");
    let Some(Sight::Notes(notes)) = look(&story.state, &attempt("b"), &Look::Notes, story.now) else { panic!() };
    assert_eq!(notes.iter().map(|n| (n.from.as_str(), n.text.as_str())).collect::<Vec<_>>(), [("a", "the API is done")]);
    assert!(story.not_taken("a", note("x")).contains("no task `x`"));
    assert!(story.not_taken("a", note("a")).contains("its own task"));
    story.exited("b", Exit::Code { code: 0 });
    story.accepted("b");
    story.lands(1, &["b"]);
    assert!(story.not_taken("a", another).contains("has landed"));
}

#[test]
fn a_question_rests_the_clocks_until_it_is_answered() {
    let mut story = at_work();
    assert_eq!(story.says("a", question("t")), ["question_asked 1 a#1", "→ rest a#1 begins"]);
    assert_eq!(story.says("a", question("t")), NOTHING, "the same token is the same question");
    assert_eq!(story.shown("a"), ("running", String::from("asks (question 1): Which port? …")));
    assert!(story.ask(answer(2)).is_empty() && story.reply == Some(Err(String::from("there is no question 2"))));
    story.now = Time(story.now.0 + 20_000);
    let looked = "→ look at a#1 b#1 c#1";
    assert_eq!(story.ask(answer(1)), ["question_answered 1 a#1", "→ rest a#1 ends", looked], "who asks is looked at more often");
    let rest = story.state.exchange.rest_of(&attempt("a"), Duration::from_secs(3600));
    assert_eq!((rest.rested.as_secs(), rest.since), (20, None));
    let sight = look(&story.state, &attempt("a"), &Look::Question { number: Some(1), token: None }, story.now);
    assert!(matches!(sight, Some(Sight::Question(Some(q))) if q.answer.as_deref() == Some("8080")));
    let of_another = look(&story.state, &attempt("b"), &Look::Question { number: Some(1), token: None }, story.now);
    assert_eq!(of_another, Some(Sight::Question(None)), "an answer goes to whoever asked");
    assert!(story.ask(answer(1)).is_empty() && story.reply.clone().unwrap().unwrap_err().contains("answered already"));
}

#[test]
fn questions_that_overlap_rest_the_clock_once() {
    let mut story = at_work();
    story.now = Time(100_000);
    story.says("a", question("1"));
    story.now = Time(110_000);
    story.says("a", question("2"));
    story.now = Time(120_000);
    story.ask(answer(1));
    let rest = |story: &Story| story.state.exchange.rest_of(&attempt("a"), Duration::from_secs(3600));
    assert_eq!((rest(&story).rested.as_secs(), rest(&story).since), (0, Some(Time(100_001))), "the second is still open");
    story.now = Time(140_000);
    story.ask(answer(2));
    assert_eq!((rest(&story).rested.as_secs(), rest(&story).since), (40, None));
}

#[test]
fn a_turn_that_ends_with_a_question_goes_on_with_the_answer_and_uses_up_no_retry() {
    let mut story = at_work();
    story.says("a", question("t"));
    let events = story.exited("a", Exit::Code { code: 0 });
    assert_eq!(events, ["attempt_exited a#1", "attempt_failed a#1 asked", "answer_awaited a"]);
    assert_eq!(story.shown("a"), ("awaiting_answer", String::from("asks (question 1): Which port? …")));
    assert_eq!(story.crash_and_resume()[..1], ["run_resumed"]);
    assert_eq!(story.ask(answer(1)), ["question_answered 1 a#1", "attempt_started a#2 going on", "→ start a#2"]);
    let a = story.state.task(&key("a")).unwrap();
    assert_eq!((a.retries, a.phase), (0, Phase::Running));
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let mut story = at_work();
    story.says("a", question("t"));
    story.says("b", question("t"));
    story.exited("a", Exit::Code { code: 0 });
    story.exited("b", Exit::Code { code: 1 });
    assert!(story.state.exchange.questions[&2].ended.is_some(), "its attempt failed");
    story.now = Time(story.now.0 + 3_600_000);
    let events = story.feed(Input::Tick);
    assert!(
        events.contains(&String::from("question_withdrawn 1 a#1")) && events.contains(&String::from("attempt_started a#2 going on")),
        "{events:?}"
    );
}

#[test]
fn a_file_is_claimed_if_it_is_nobodys() {
    let mut story = at_work();
    assert_eq!(story.says("a", claim("README.md")), ["file_claimed a#1 README.md"]);
    assert_eq!(story.says("a", claim("./README.md")), NOTHING);
    assert_eq!(story.says("a", claim("src/a")), NOTHING, "it owns that");
    assert_eq!(story.says("c", claim("src/b")), NOTHING, "it may change anything");
    assert!(story.not_taken("a", claim("src/b")).contains("belongs to `b`"));
    assert!(story.not_taken("b", claim("README.md")).contains("belongs to `a`"));
    assert!(story.not_taken("a", claim("../x")).contains("holds `..`"));
    let folder = story.not_taken("a", claim("src"));
    assert!(folder.starts_with("`src` overlaps with what others own and have not landed: `src/b` belongs to `b`. "), "{folder}");
    assert_eq!(story.state.owned_by(story.state.task(&key("a")).unwrap()), ["src/a", "README.md"]);
    // What failed and is tried again from where it was still has its claim; whoever comes in between does not get it.
    story.exited("a", Exit::Code { code: 1 });
    assert!(story.not_taken("b", claim("README.md")).contains("belongs to `a`"));
}

#[test]
fn who_owns_what_another_has_claimed_waits_for_it() {
    let mut story = Story::new(options(), vec![task("a", "owns src/a"), task("b", "owns src/b; retries 0")]);
    story.works("b");
    story.lands(1, &["b"]);
    story.spawned("a");
    assert_eq!(story.says("a", claim("src/b")), ["file_claimed a#1 src/b"], "`b` has landed");
    story.ask(Request::RollBack { plan: "p".into(), head: "base".into(), tasks: vec![key("b")], kept: String::from("ref") });
    story.ask(Request::Retry { tasks: vec![key("b")], fresh: false, agent: None });
    assert_eq!(story.shown("b"), ("queued", String::from("`a` owns some of the same files and is at work")));
    story.exited("a", Exit::Code { code: 0 });
    story.accepted("a");
    let events = story.lands(2, &["a"]);
    assert!(events.iter().any(|e| e.starts_with("attempt_started b#2")), "{events:?}");
}

#[test]
fn a_lock_has_one_holder_and_a_queue() {
    let mut story = at_work();
    assert_eq!(story.says("a", lock(60, 60)), ["lock_taken db a#1"]);
    assert_eq!(story.says("b", lock(60, 60)), ["lock_awaited db b#1"]);
    assert_eq!(story.says("c", lock(60, 0)), NOTHING, "it does not queue");
    let sight = |story: &Story, who: &str| match look(&story.state, &attempt(who), &Look::Lock { name: String::from("db") }, story.now) {
        Some(Sight::Lock(lock)) => (lock.held, lock.holder, lock.place),
        other => panic!("{other:?}"),
    };
    assert_eq!(sight(&story, "b"), (false, Some(String::from("a")), Some(1)));
    assert_eq!(story.says("a", lock(90, 60)), ["lock_taken db a#1"], "for longer");
    assert_eq!(story.says("a", Talk::Unlock { name: String::from("db") }), ["lock_left db a#1 Released", "lock_taken db b#1"]);
    assert!(sight(&story, "b").0);
    assert_eq!(story.says("a", lock(60, 600)), ["lock_awaited db a#1"]);
    assert_eq!(story.exited("b", Exit::Code { code: 0 })[1..3], ["lock_left db b#1 AttemptEnded", "lock_taken db a#1"]);
    assert!(story.not_taken("c", lock(0, 0)).contains("1 to 7200"));
}

#[test]
fn leases_and_places_end_by_themselves() {
    let mut story = at_work();
    story.says("a", lock(60, 0));
    story.says("b", lock(60, 30));
    story.says("c", lock(60, 600));
    assert_eq!(story.state.next_deadline().map(|t| t.0 / 1000), Some(30));
    story.now = Time(story.now.0 + 30_000);
    assert_eq!(story.feed(Input::Tick)[0], "lock_left db b#1 Expired", "it did not ask again");
    story.now = Time(story.now.0 + 30_000);
    assert_eq!(story.feed(Input::Tick)[..2], ["lock_left db a#1 Expired", "lock_taken db c#1"]);
}

#[test]
fn a_value_changes_only_from_what_was_seen() {
    let mut story = at_work();
    assert_eq!(story.says("a", set(Some("1"), Some(0))), ["value_set port 1"]);
    assert_eq!(story.says("a", set(Some("1"), Some(0))), NOTHING, "the answer was lost, it says so again");
    assert!(story.not_taken("b", set(Some("2"), Some(0))).contains("is set already, with version 1"));
    assert_eq!(story.says("b", set(Some("2"), Some(1))), ["value_set port 2"]);
    assert!(story.not_taken("a", set(Some("x".repeat(9000).as_str()), None)).contains("at most 8192"));
    assert_eq!(story.says("a", set(None, None)), ["value_set port 3"]);
    assert!(story.not_taken("a", set(Some("3"), Some(2))).contains("not set"));
    assert_eq!(story.says("a", set(Some("3"), None)), ["value_set port 4"], "a version is never used twice");
}

#[test]
fn who_goes_round_in_circles_is_not_written_down_for_ever() {
    let mut story = at_work();
    let mut taken = 0;
    for n in 0..3_000 {
        taken += story.says("a", progress(n % 2)).len();
    }
    assert_eq!(taken, 2_000);
    assert!(story.not_taken("a", progress(50)).contains("2000 things"));
}

#[test]
fn who_waits_for_an_answer_leaves_its_slot_to_others() {
    let tasks = ["a", "b", "c"].map(|id| task(id, "")).to_vec();
    let mut story = Story::new(RunOptions { jobs: 1, ..options() }, tasks);
    story.spawned("a");
    let events = story.says("a", question("t"));
    assert!(events.contains(&String::from("attempt_started b#1 from base")), "{events:?}");
    story.spawned("b");
    let events = story.ask(answer(1));
    assert!(!events.iter().any(|e| e.starts_with("attempt_started")), "both work now: {events:?}");
    let events = story.exited("b", Exit::Code { code: 0 });
    assert!(!events.iter().any(|e| e.starts_with("attempt_started")), "the slot is `a`'s: {events:?}");
    let events = story.exited("a", Exit::Code { code: 0 });
    assert!(events.iter().any(|e| e.starts_with("attempt_started c#1")), "{events:?}");
}

#[test]
fn who_works_on_without_the_answer_takes_its_slot_again() {
    use greenlane_core::health::{Beat, Evidence, Keeper, Reading};
    let begun = || {
        let tasks = ["a", "b", "c"].map(|id| task(id, "")).to_vec();
        let mut story = Story::new(RunOptions { jobs: 1, ..options() }, tasks);
        story.spawned("a");
        story.says("a", question("t"));
        story.spawned("b");
        story
    };
    let starts = |events: &[String]| events.iter().any(|e| e.starts_with("attempt_started c"));
    let mut waits = begun();
    assert!(starts(&waits.exited("b", Exit::Code { code: 0 })), "`a` waits");

    let mut speaks = begun();
    speaks.says("a", progress(50));
    assert!(!starts(&speaks.exited("b", Exit::Code { code: 0 })), "`a` speaks: it is at work");

    for (evidence, quiet, at_work) in [(Evidence::Cpu, 1, true), (Evidence::Person, 0, false), (Evidence::Output, 58, false)] {
        let mut seen = begun();
        seen.now = Time(seen.now.0 + 60_000);
        let beat = Beat { at: seen.now, quiet: Duration::from_secs(quiet), evidence: Some(evidence), ..Beat::default() };
        let reading = Reading { keeper: Keeper::Running, beat: Some(beat) };
        seen.feed(Input::HealthRead { readings: vec![(attempt("a"), reading)] });
        assert_eq!(!starts(&seen.exited("b", Exit::Code { code: 0 })), at_work, "{evidence:?}");
    }
}
