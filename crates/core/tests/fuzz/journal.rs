//! A journal that is old, new, damaged or shuffled: what cannot follow is refused, what is taken in can be shown.

use greenlane_core::deficiency::Watcher;
use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_core::view::{Coordinator, status};
use greenlane_testkit::fuzz::Target;

/// A run of a few tasks, one event a line, as the journal has it.
const JOURNAL: &str = include_str!("journal.jsonl");

const TOKENS: &[&str] = &[
    "\"event\":\"attempt_started\"",
    "\"event\":\"attempt_exited\"",
    "\"event\":\"batch_landed\"",
    "\"plan\":\"demo\"",
    "\"plan\":\"other\"",
    "\"task\":\"trim\"",
    "\"task\":\"none\"",
    "\"n\":",
    "\"batch\":",
    "\"retry\":",
    "18446744073709551615",
    "4294967295",
    "\"from_the_future\":{\"a\":[1,2]},",
    "\"future\":null,",
    "null",
    "{\"event\":\"tomorrow\",\"x\":1}\n",
    "{\"event\":\"run_ended\"}\n",
    "\"100y\"",
    "\"999999999h\"",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
];

/// JSON's reader may be off in a fraction's last digit.
fn without_fractions(event: &Event) -> String {
    let text = format!("{event:?}");
    let mut parts = text.split('.');
    let first = String::from(parts.next().unwrap_or_default());
    parts.fold(first, |kept, part| kept + "." + part.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, 'e' | '-')))
}

fn check(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let (mut state, mut watcher, mut ways) = (State::default(), Watcher::new(RunId::from("r")), Vec::new());
    let mut at = Time(1_767_323_045_000);
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        let again = serde_json::to_string(&event).unwrap_or_else(|e| panic!("it cannot be written: {e}"));
        let read = serde_json::from_str::<Event>(&again).unwrap_or_else(|e| panic!("{again:.1000} cannot be read again: {e}"));
        assert_eq!(without_fractions(&read), without_fractions(&event));
        at = Time(at.0 + 1_000);
        // Whoever only watches takes in what the coordinator would refuse.
        drop(watcher.take(at, &event));
        match state.apply(at, &event) {
            Ok(()) => {}
            Err(why) => {
                ways.push(why.why.chars().filter(|c| c.is_alphabetic()).take(20).collect());
                break;
            }
        }
    }
    let shown = status(&RunId::from("r"), &state, Coordinator::Gone, at);
    assert!(serde_json::to_string(&shown).is_ok());
    ways
}

#[test]
fn a_damaged_journal() {
    let seeds = vec![JOURNAL.as_bytes().to_vec()];
    let target = Target { name: "journal", cases: 3_000, seeds, tokens: TOKENS, bytes_max: 256 * 1024, ..Target::default() };
    target.run(check);
}

#[test]
fn fields_that_are_not_known_yet_are_passed_over() {
    let mut state = State::default();
    for (n, line) in JOURNAL.lines().enumerate() {
        let newer = line.replacen('{', "{\"from_the_future\":{\"a\":[1,null]},", 1);
        let event: Event = serde_json::from_str(&newer).unwrap_or_else(|e| panic!("{newer:.300}: {e}"));
        assert_eq!(event, serde_json::from_str(line).expect("the line itself"));
        state.apply(Time(n as u64), &event).unwrap_or_else(|e| panic!("{newer:.300}: {e}"));
    }
}
