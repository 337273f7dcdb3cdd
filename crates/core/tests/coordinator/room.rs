//! Too little disk or memory: nothing starts, the youngest makes room, and all goes on when there is enough.

use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::room::Room;
use greenlane_core::state::Phase;
use greenlane_core::view::task_state;

use crate::story::{Story, attempt, task};

impl Story {
    fn free(&mut self, mib: u64) -> Vec<String> {
        let room = Room { disk_free: Some((String::from("/w"), mib << 20)), memory_free: None };
        self.feed(Input::RoomRead { room })
    }

    fn words(&self, n: usize) -> String {
        task_state(&self.state, &self.state.tasks[n], self.now).1.unwrap_or_default()
    }
}

fn three(jobs: u32) -> Story {
    Story::new(RunOptions { jobs, ..RunOptions::default() }, vec![task("a", ""), task("b", ""), task("c", "")])
}

#[test]
fn nothing_starts_below_the_floor_and_it_goes_on_by_itself() {
    let mut story = three(1);
    story.spawned("a");
    assert_eq!(story.free(511), ["room_changed"], "the only one that runs goes on");
    assert!(story.free(600).is_empty(), "not yet a quarter more");
    story.exited("a", Exit::Code { code: 0 });
    story.accepted("a");
    let out = story.lands(1, &["a"]);
    assert!(!out.iter().any(|o| o.starts_with("→ start")), "{out:?}");
    assert_eq!(story.words(1), "waits for room: 511 MiB of disk are free at /w, and 512 MiB are the least");
    // Nothing runs, and yet somebody looks again.
    let due = story.state.next_deadline().unwrap();
    assert!(due <= story.now + Duration::from_secs(60));
    story.now = due;
    let tick = story.feed(Input::Tick);
    assert!(tick.iter().any(|o| o.starts_with("→ look")), "{tick:?}");
    let out = story.free(700);
    assert_eq!(out, ["room_changed", "attempt_started b#1 from merge1 of a", "→ start b#1"]);
}

#[test]
fn the_youngest_makes_room_and_uses_no_retry() {
    let mut story = three(3);
    story.spawned("c");
    story.spawned("a");
    story.spawned("b");
    assert_eq!(story.free(100), ["room_changed", "end_requested b#1", "→ terminate b#1"]);
    assert!(story.free(100).is_empty(), "one at a time");
    let out = story.exited("b", Exit::Cancelled);
    assert!(out.contains(&String::from("attempt_requeued b")) && !out.iter().any(|o| o.starts_with("→ start")), "{out:?}");
    assert_eq!((story.state.tasks[1].phase, story.state.tasks[1].retries), (Phase::Ready, 0));
    assert_eq!(story.free(100), ["end_requested a#1", "→ terminate a#1"]);
    story.exited("a", Exit::Signal { signal: 15 });
    assert!(story.free(100).is_empty(), "the oldest goes on");
    let out = story.free(10_000);
    assert!(out.contains(&String::from("→ start a#2")) && out.contains(&String::from("→ start b#2")), "{out:?}");
    assert!(out.contains(&String::from("attempt_started b#2 going on")), "with the work that is there: {out:?}");
}

#[test]
fn one_that_had_finished_is_judged_all_the_same() {
    let mut story = three(2);
    story.spawned("a");
    story.spawned("b");
    story.free(0);
    let out = story.exited("b", Exit::Code { code: 0 });
    assert!(out.contains(&String::from("→ judge b#1")), "{out:?}");
}

#[test]
fn called_off_while_it_makes_room_it_stays_off() {
    let mut story = three(2);
    story.spawned("a");
    story.spawned("b");
    story.free(0);
    story.ask(Request::StopTasks { tasks: vec![crate::story::key("b")], now: false });
    let out = story.exited("b", Exit::Cancelled);
    assert!(out.contains(&String::from("task_cancelled b")), "{out:?}");
    assert_eq!(story.state.tasks[1].phase, Phase::Cancelled);
}

#[test]
fn an_attempt_for_which_there_was_no_room_waits_like_the_others() {
    let mut story = three(2);
    let short = String::from("1 MiB of disk are free at /w, and 512 MiB are the least");
    let out = story.feed(Input::AttemptHeldBack { attempt: attempt("a"), short: short.clone() });
    assert_eq!(out, ["room_changed", "attempt_voided a#1"]);
    story.feed(Input::AttemptHeldBack { attempt: attempt("b"), short: short.clone() });
    assert_eq!(story.words(0), format!("waits for room: {short}"));
    // A new coordinator finds out by itself.
    let out = story.crash_and_resume();
    assert!(out.contains(&String::from("→ start a#2")), "{out:?}");
}
