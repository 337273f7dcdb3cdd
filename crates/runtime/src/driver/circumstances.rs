//! What is seen beside a failed attempt: the end of its logs, and the machine where no keeper could look. Read once, when the failure
//! is journalled, so that it is known for good: the logs on disk may be cleaned away. Decides nothing.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use greenlane_core::attempt::Verdict;
use greenlane_core::event::Event;
use greenlane_core::failure::{Circumstances, last_lines, stack_trace};
use greenlane_core::state::State;

use super::layout::Layout;
use crate::machine;

/// How much of a log's end is looked at.
const TAIL_BYTES: u64 = 256 * 1024;

/// For each failed attempt among these events: its place, and what is seen.
pub(super) fn of(events: &[Event], state: &State, layout: &Layout) -> Vec<(usize, Circumstances)> {
    let mut found = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Event::AttemptFailed { attempt, failure: Some(_), .. } = event else { continue };
        let dir = layout.attempt_dir(attempt);
        let known = state.attempt(attempt);
        let (output, errors) = (tail(&dir.join("stdout.log")), tail(&dir.join("stderr.log")));
        let check = match known.and_then(|a| a.verdict.as_ref()) {
            // What failed is the check, and not the agent.
            Some(Verdict::CheckFailed { output, .. }) => stack_trace(output),
            _ => None,
        };
        let looked = known.and_then(|a| a.record.as_ref()).is_some_and(|r| r.resources.is_some());
        found.push((
            index,
            Circumstances {
                output_lines: last_lines(&output),
                error_lines: last_lines(&errors),
                stack_trace: check.or_else(|| stack_trace(&errors)).or_else(|| stack_trace(&output)),
                resources: (!looked).then(|| machine::resources(&dir)),
            },
        ));
    }
    found
}

/// The end of a text file, from the first whole line on; nothing where there is none.
fn tail(path: &Path) -> String {
    read_tail(path).unwrap_or_default()
}

fn read_tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = if from == 0 { &*text } else { text.split_once('\n').map_or(&*text, |(_, rest)| rest) };
    Ok(whole.to_owned())
}
