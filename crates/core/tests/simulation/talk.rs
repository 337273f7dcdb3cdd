//! What attempts at work say, and people answer: mostly sense, sometimes not, sometimes too late.

use std::time::Duration;

use fastrand::Rng;
use greenlane_core::exchange::Talk;
use greenlane_core::ids::AttemptId;
use greenlane_core::input::{Input, Request};
use greenlane_core::state::{Phase, State};

use crate::scenario::FILES;

/// Something that is said now; `None`: nobody is there to say it.
pub fn random(rng: &mut Rng, state: &State) -> Option<Input> {
    let open: Vec<u64> = state.exchange.questions.iter().filter(|(_, q)| q.ended.is_none()).map(|(n, _)| *n).collect();
    if !open.is_empty() && rng.u8(0..3) == 0 {
        // Now and then to one that was never asked.
        let question = if rng.u8(0..8) == 0 { 9_999 } else { open[rng.usize(..open.len())] };
        return Some(Input::Request(Request::Answer { question, text: String::from("yes") }));
    }
    let speakers: Vec<AttemptId> = state
        .tasks
        .iter()
        .filter(|t| t.phase == Phase::Running || (t.phase.active() && rng.u8(0..8) == 0))
        .map(|t| t.attempt_id())
        .collect();
    if speakers.is_empty() {
        return None;
    }
    let attempt = speakers[rng.usize(..speakers.len())].clone();
    let somebody = &state.tasks[rng.usize(..state.tasks.len())].key;
    let token = format!("t{}", rng.u8(0..20));
    let name = format!("n{}", rng.u8(0..3));
    let talk = match rng.u8(0..10) {
        0 => Talk::Progress { percent: rng.u32(0..110), text: rng.bool().then(|| String::from("works")) },
        1 => Talk::Note { token, to: somebody.to_string(), text: String::from("mind the gap") },
        2 | 3 => Talk::Ask { token, text: String::from("which one?") },
        4 | 5 => Talk::Claim { path: String::from(FILES[rng.usize(..FILES.len())]) },
        6 | 7 => {
            let (lease, place) = (Duration::from_secs(rng.u64(1..1_000)), Duration::from_secs(rng.u64(0..700)));
            Talk::Lock { name, lease, place }
        }
        8 => Talk::Unlock { name },
        _ => {
            let value = rng.bool().then(|| String::from("v"));
            Talk::Set { name, value, if_version: rng.bool().then(|| rng.u64(0..5)) }
        }
    };
    Some(Input::Said { attempt, talk })
}
