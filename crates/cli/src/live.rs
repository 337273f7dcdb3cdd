//! What running attempts were last seen to do: their keeper's heartbeat, and the ends of their logs, which are fresher. Of those that a
//! dead coordinator left behind, what became of them.
//! Reads files; decides nothing, and never waits.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use greenlane_core::health::{HealthPolicy, Reading, judge_alone};
use greenlane_core::state::{Phase, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::{Left, LeftBehind, asks, brief, came_back};
use greenlane_runtime::driver::Layout;
use greenlane_runtime::hand_off;
use greenlane_runtime::health;
use greenlane_runtime::keeper::{self, Heartbeat, Probe};

use crate::report::{Live, clean, fit, humane};

/// The end of a log in which its last line is looked for.
const END_BYTES: u64 = 4096;
/// Longest activity, in columns.
const WIDTH_MAX: usize = 100;
/// What is more recent than this goes without its age.
const RECENT: Duration = Duration::from_secs(2);

/// Every running attempt's activity.
#[must_use]
pub fn live(layout: &Layout, state: &State, now: Time) -> Live {
    let running = state.tasks.iter().filter(|t| t.phase == Phase::Running);
    running.filter_map(|t| Some((t.key.clone(), activity(layout, state, t, now)?))).collect()
}

/// Of a run whose coordinator is gone: what became of the attempts that were under way, as their keepers recorded it.
#[must_use]
pub fn left_behind(layout: &Layout, state: &State) -> LeftBehind {
    let running = state.tasks.iter().filter(|t| t.phase == Phase::Running);
    let told = |t: &TaskState| match keeper::probe(&layout.attempt_dir(&t.attempt_id())).ok()? {
        Probe::Running(keeper) => Some(Left::Running { pid: keeper.pid }),
        Probe::Exited(record) => Some(Left::Ended { at: record.ended_at }),
        Probe::Lost(_) => Some(Left::Lost),
        Probe::NeverBegan | Probe::Voided => Some(Left::NeverBegan),
    };
    LeftBehind(running.filter_map(|t| Some((t.key.clone(), told(t)?))).collect())
}

/// One attempt's: what it says that it does, else its last line; how long ago; and whether it seems stuck. `None` before there is any.
#[must_use]
pub fn activity(layout: &Layout, state: &State, task: &TaskState, now: Time) -> Option<String> {
    if let Some(asks) = asks(state, task) {
        return Some(clean(&asks));
    }
    let dir = layout.attempt_dir(&task.attempt_id());
    let heartbeat = keeper::read_heartbeat(&dir);
    let trouble = match heartbeat.as_ref().map(|h| h.phase) {
        Some(phase) if phase != keeper::Phase::Running => Some(ending(phase).to_owned()),
        _ => trouble(&health::look(&dir).heard(state.silence_of(&task.attempt_id(), now)), task, &state.options().health, now),
    };
    // How long ago something was written says nothing of a person.
    let where_to = || {
        let again = came_back(task).map_or(String::new(), |why| format!("; it came back: {}", clean(brief(why))));
        Some(format!("by hand in {}{again}", task.current()?.spawned.as_ref()?.worktree))
    };
    let told = match trouble {
        None if state.is_with_a_person(task) => match heartbeat.and_then(|h| h.activity).filter(|a| a != hand_off::WAITING) {
            // Something speaks against a commit.
            Some(why) => Some(clean(&why)),
            None => where_to(),
        },
        trouble => told(&dir, heartbeat.as_ref(), trouble, now),
    };
    let Some(said) = task.current().and_then(|a| a.progress.as_ref()) else { return told };
    // Its own words on how far it is go before a line of its output.
    let words = said.text.as_deref().map(clean).filter(|t| !t.is_empty());
    Some(match words.or(told) {
        Some(words) => format!("{} %: {words}", said.percent),
        None => format!("{} %", said.percent),
    })
}

fn told(dir: &Path, heartbeat: Option<&Heartbeat>, trouble: Option<String>, now: Time) -> Option<String> {
    let newest = newest_log(dir);
    let said = heartbeat.and_then(|h| h.activity.clone());
    let line = || newest.as_ref().and_then(|(path, _)| last_line(path)).filter(|l| !l.starts_with('{'));
    let told = said.or_else(line).map(|t| fit(&clean(&t), WIDTH_MAX).trim_end().to_owned()).filter(|t| !t.is_empty());
    let heard_at = newest.map(|(_, at)| at).or(heartbeat.and_then(|h| h.last_output_at));
    let age = heard_at.map(|at| now.since(at)).filter(|age| *age >= RECENT).map(|age| format!("{} ago", humane(age)));
    let parts: Vec<String> = [age, trouble].into_iter().flatten().collect();
    match (told, parts.is_empty()) {
        (Some(told), true) => Some(told),
        (Some(told), false) => Some(format!("{told} ({})", parts.join(", "))),
        (None, false) => Some(format!("last output {}", parts.join(", "))).filter(|_| heard_at.is_some()).or(Some(parts.join(", "))),
        (None, true) => None,
    }
}

/// What its tree and its keeper tell of why it is silent, by the coordinator's own rule.
fn trouble(reading: &Reading, task: &TaskState, policy: &HealthPolicy, now: Time) -> Option<String> {
    let attempt = task.current()?;
    let running_for = now.since(attempt.spawned.as_ref()?.at);
    judge_alone(reading, attempt.health.status, running_for, now, policy)?.reason.map(|r| clean(&r))
}

fn ending(phase: keeper::Phase) -> &'static str {
    match phase {
        keeper::Phase::Running => "",
        keeper::Phase::Ending => "told to end",
        keeper::Phase::Leftovers => "ended; processes that it left are being ended",
        keeper::Phase::Killing => "being killed",
    }
}

/// The log that was written to last, if it holds anything.
fn newest_log(dir: &Path) -> Option<(PathBuf, Time)> {
    ["stdout.log", "stdout.log.tail", "stderr.log", "stderr.log.tail"]
        .iter()
        .filter_map(|name| {
            let path = dir.join(name);
            let meta = fs::metadata(&path).ok().filter(|m| m.len() > 0)?;
            let since = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some((path, Time(u64::try_from(since.as_millis()).ok()?)))
        })
        .max_by_key(|(_, at)| *at)
}

/// The last line that says anything, of the log's end only.
fn last_line(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(END_BYTES))).ok()?;
    let mut end = Vec::new();
    file.take(END_BYTES).read_to_end(&mut end).ok()?;
    let end = String::from_utf8_lossy(&end);
    // A program that draws a progress bar ends its lines with a return.
    end.split(['\n', '\r']).rev().map(clean).find(|l| !l.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_runtime::clock;

    fn written_at(dir: &Path) -> Time {
        newest_log(dir).map(|(_, at)| at).unwrap()
    }

    #[test]
    fn the_last_line_is_the_activity_and_gets_older() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(told(dir.path(), None, None, clock::now()), None, "nothing yet");
        fs::write(dir.path().join("stdout.log"), "first\n\u{1b}[32mcompiling\u{1b}[0m a\r\n\n").unwrap();
        let at = written_at(dir.path());
        assert_eq!(told(dir.path(), None, None, at).as_deref(), Some("compiling a"));
        assert_eq!(told(dir.path(), None, None, at + Duration::from_secs(65)).as_deref(), Some("compiling a (1m05s ago)"));
    }

    #[test]
    fn what_the_agent_says_goes_before_its_events_and_a_hung_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("stdout.log"), "{\"type\":\"assistant\"}\n").unwrap();
        let at = written_at(dir.path());
        let later = at + Duration::from_secs(200);
        assert_eq!(told(dir.path(), None, None, later).as_deref(), Some("last output 3m20s ago"), "events are no words for people");
        let heartbeat = serde_json::json!({
            "at": at, "started_at": at, "pid": 1, "phase": "running", "last_output_at": at, "last_evidence_at": at,
            "last_evidence": "output", "stopped": [], "cpu_ms": 0, "memory_bytes": 0, "memory_peak_bytes": 0,
            "processes": 1, "output_bytes": 9, "socket_bytes": null, "tool_calls": 1, "model_calls": 1,
            "activity": "edits a.rs", "usage": null,
        });
        let heartbeat: Heartbeat = serde_json::from_value(heartbeat).unwrap();
        let silent = Some(String::from("no output, CPU time or traffic for 3m20s"));
        let line = told(dir.path(), Some(&heartbeat), silent, later);
        assert_eq!(line.as_deref(), Some("edits a.rs (3m20s ago, no output, CPU time or traffic for 3m20s)"));
    }

    #[test]
    fn of_a_large_log_only_the_end_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout.log");
        fs::write(&path, format!("{}\nthe end\n", "x".repeat(100_000))).unwrap();
        assert_eq!(last_line(&path).as_deref(), Some("the end"));
        fs::write(&path, "y".repeat(100_000)).unwrap();
        assert_eq!(last_line(&path).map(|l| l.len()), Some(4096));
    }
}
