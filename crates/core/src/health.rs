//! How an attempt under way is judged by what its keeper tells: healthy, hung, dead or unknown, and why. One pure rule for the
//! coordinator and for whoever looks without one. Ends nothing: what follows from it is shown and logged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attempt::Usage;
use crate::time::{Time, duration_text, format_duration};

/// When and by which limits attempts are looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthPolicy {
    /// From one look to the next, while attempts run. Ancestor's constant: 60 s.
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// Without evidence of any kind for so long it is hung. Ancestor's constant: 120 s.
    #[serde(with = "duration_text")]
    pub hung_after: Duration,
    /// Without a heartbeat for so long it is dead. Ancestor's constant: 300 s.
    #[serde(with = "duration_text")]
    pub dead_after: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self { interval: Duration::from_secs(60), hung_after: Duration::from_secs(120), dead_after: Duration::from_secs(300) }
    }
}

/// The ancestor's four words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// There was a sign of work lately. Assumed of what has just started.
    #[default]
    Healthy,
    /// No sign of work for a while, or nobody is there to see one.
    Hung,
    /// Its keeper is gone, or has told nothing for long.
    Dead,
    /// It cannot be told.
    Unknown,
}

impl HealthStatus {
    /// Every status, in this order.
    pub const ALL: [HealthStatus; 4] = [HealthStatus::Healthy, HealthStatus::Hung, HealthStatus::Dead, HealthStatus::Unknown];

    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Hung => "hung",
            HealthStatus::Dead => "dead",
            HealthStatus::Unknown => "unknown",
        }
    }
}

/// A sign of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It printed something; events of tool and model calls come this way.
    Output,
    /// Its tree used CPU time.
    Cpu,
    /// Bytes came or went on its connections: it waits for its model.
    Sockets,
}

/// One look at an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was seen of its keeper.
    pub keeper: Keeper,
    /// What its keeper told last; `None` before the first heartbeat.
    pub beat: Option<Beat>,
}

/// What was seen of a keeper's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// It runs.
    Running,
    /// It is stopped (SIGSTOP, a debugger), with this pid.
    Stopped(u32),
    /// It has not begun yet.
    NotBegun,
    /// It has ended as it should; its record is being taken in.
    Ended,
    /// It is gone and left no record.
    Gone,
    /// It could not be looked at, with the system's word.
    Unseen(String),
}

/// A heartbeat, with its ages as the machine's uptime counts them: a clock that was set and a machine that slept add nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// When it was written, by the machine's clock.
    pub at: Time,
    /// How long ago that was.
    pub age: Duration,
    /// How long, when it was written, there had been no sign of work.
    pub quiet: Duration,
    /// The usual time between two heartbeats.
    pub every: Duration,
    /// The last sign of work.
    pub evidence: Option<Evidence>,
    /// The attempt is being ended.
    pub ending: bool,
    /// Processes that are stopped, `name (pid)`.
    pub stopped: Vec<String>,
    /// The tree's other processes: none of them means that all of it is stopped.
    pub not_stopped: u32,
    /// Why it tries its model again, in its own words, while it does.
    pub retrying: Option<String>,
    /// What else keeps it silent, as far as its tree tells: memory in swap, a disk that does not answer, connections without answers.
    pub waits_for: Option<String>,
    /// What it says that it does.
    pub step: Option<String>,
    /// Turns of its conversation so far, where its events tell.
    pub iteration: Option<u64>,
    /// Calls of its model, retries included.
    pub model_calls: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Tokens and money, where its events tell.
    pub usage: Option<Usage>,
    /// CPU time of the tree, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of the tree.
    pub memory_bytes: u64,
    /// How many processes there are.
    pub processes: u32,
    /// Bytes printed.
    pub output_bytes: u64,
}

/// What was seen of an attempt when its health changed: what is worth keeping of a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The keeper's pid where it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper_stopped: Option<u32>,
    /// When its last heartbeat was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Time>,
    /// How long there had been no sign of work by then, in milliseconds.
    #[serde(default)]
    pub quiet_ms: u64,
    /// The last sign of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What it said that it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Turns of its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u64>,
    /// Calls of its model.
    #[serde(default)]
    pub model_calls: u64,
    /// Calls of tools.
    #[serde(default)]
    pub tool_calls: u64,
    /// CPU time of its tree, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// Memory of its tree.
    #[serde(default)]
    pub memory_bytes: u64,
    /// How many processes there were.
    #[serde(default)]
    pub processes: u32,
}

impl Reading {
    /// What is worth keeping of it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let keeper_stopped = if let Keeper::Stopped(pid) = self.keeper { Some(pid) } else { None };
        let Some(beat) = &self.beat else { return Seen { keeper_stopped, ..Seen::default() } };
        Seen {
            keeper_stopped,
            heartbeat_at: Some(beat.at),
            quiet_ms: u64::try_from(beat.quiet.as_millis()).unwrap_or(u64::MAX),
            evidence: beat.evidence,
            step: beat.step.clone(),
            iteration: beat.iteration,
            model_calls: beat.model_calls,
            tool_calls: beat.tool_calls,
            cpu_ms: beat.cpu_ms,
            memory_bytes: beat.memory_bytes,
            processes: beat.processes,
        }
    }
}

/// What is known of an attempt's health.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Why, when it became so.
    pub reason: Option<String>,
    /// Since when; `None`: from its start.
    pub since: Option<Time>,
    /// The last look. Never journalled.
    pub look: Option<Look>,
}

impl Health {
    /// Why it is as it is, or what else is to be said of it, as of the last look.
    #[must_use]
    pub fn reason_now(&self) -> Option<&str> {
        match &self.look {
            Some(look) => look.reason.as_deref(),
            None => self.reason.as_deref(),
        }
    }

    /// What its keeper told last.
    #[must_use]
    pub fn beat(&self) -> Option<&Beat> {
        self.look.as_ref()?.reading.beat.as_ref()
    }
}

/// A reading and what was made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When.
    pub at: Time,
    /// What was read.
    pub reading: Reading,
    /// Why it is as it is, or what else is to be said of it: also a healthy one may have a stopped process.
    pub reason: Option<String>,
    /// Since which look its heartbeat is too old, while it is.
    pub stale_since: Option<Time>,
}

/// What a reading means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// How it is.
    pub status: HealthStatus,
    /// Why, or what else is to be said.
    pub reason: Option<String>,
    /// Since when its heartbeat is too old.
    pub stale_since: Option<Time>,
}

/// Judges a reading of an attempt whose keeper was started `running_for` ago. `None`: nothing new can be said.
///
/// One whose keeper runs is called dead only by a second look, at least a heartbeat later: after everything on the machine stood still
/// the first look may come before the keepers had their turn.
#[must_use]
pub fn judge(reading: &Reading, before: &Health, running_for: Duration, now: Time, policy: &HealthPolicy) -> Option<Judged> {
    let judged = |status, reason| Some(Judged { status, reason, stale_since: None });
    match &reading.keeper {
        Keeper::Ended => return None,
        Keeper::Gone => {
            return judged(
                HealthStatus::Dead,
                Some(String::from("its keeper is gone and left no record; what is left of its tree is ended")),
            );
        }
        Keeper::Unseen(why) => return judged(HealthStatus::Unknown, Some(format!("it cannot be looked at: {why}"))),
        Keeper::NotBegun if running_for < policy.hung_after => return None,
        Keeper::NotBegun => return judged(HealthStatus::Unknown, Some(String::from("its keeper has not begun"))),
        Keeper::Running | Keeper::Stopped(_) => {}
    }
    let (age, quiet, every) = match &reading.beat {
        Some(beat) => (beat.age, beat.quiet, beat.every),
        // The first heartbeat comes within a second or two.
        None if running_for < policy.hung_after => return None,
        None => (running_for, running_for, policy.interval),
    };
    if let Keeper::Stopped(pid) = reading.keeper {
        let reason = format!("its keeper is stopped, and nobody watches its agent and its limits: `kill -CONT {pid}` lets it go on");
        let status = if age.max(quiet) >= policy.hung_after { HealthStatus::Hung } else { HealthStatus::Healthy };
        return judged(status, Some(reason));
    }
    if age >= policy.dead_after {
        let earlier = before.look.as_ref().and_then(|l| l.stale_since);
        let since = earlier.unwrap_or(now);
        let confirmed = before.status == HealthStatus::Dead || (earlier.is_some() && now.since(since) >= every);
        let told = match &reading.beat {
            Some(_) => format!("no heartbeat for {}, though its keeper runs", rounded(age)),
            None => format!("no heartbeat in {}, though its keeper runs", rounded(age)),
        };
        let (status, reason) = match confirmed {
            true => (HealthStatus::Dead, format!("{told}: is the disk full?")),
            false => (HealthStatus::Unknown, format!("{told}; it is looked at again")),
        };
        return Some(Judged { status, reason: Some(reason), stale_since: Some(since) });
    }
    let Some(beat) = &reading.beat else {
        return judged(HealthStatus::Unknown, Some(format!("no heartbeat in {}, though its keeper runs", rounded(age))));
    };
    if beat.ending {
        return judged(HealthStatus::Healthy, Some(String::from("it is being ended")));
    }
    if age >= policy.hung_after {
        return judged(HealthStatus::Hung, Some(format!("no heartbeat for {}, though its keeper runs", rounded(age))));
    }
    let status = if quiet >= policy.hung_after { HealthStatus::Hung } else { HealthStatus::Healthy };
    judged(status, explained(beat, status))
}

/// What its tree and its events tell of why it is silent, the most certain first.
fn explained(beat: &Beat, status: HealthStatus) -> Option<String> {
    let silent = || format!("no output, CPU time or traffic for {}", rounded(beat.quiet));
    let hung = status == HealthStatus::Hung;
    if !beat.stopped.is_empty() {
        let what = if beat.not_stopped == 0 { "its whole tree is stopped" } else { "stopped" };
        return Some(format!("{what}: {}; SIGCONT lets it go on", beat.stopped.join(", ")));
    }
    if let Some(why) = &beat.retrying {
        let why = format!("tries its model again: {why}");
        return Some(if hung { format!("{why}; {}", silent()) } else { why });
    }
    match (&beat.waits_for, hung) {
        (Some(what), true) => Some(format!("{}; {what}", silent())),
        (None, true) => Some(silent()),
        (_, false) => None,
    }
}

fn rounded(d: Duration) -> String {
    if d < Duration::from_secs(10) { format_duration(d) } else { format_duration(Duration::from_secs(d.as_secs())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const NOW: Time = Time(10_000_000);

    fn beat(age: u64, quiet: u64) -> Beat {
        Beat { age: S(age), quiet: S(quiet), every: S(30), not_stopped: 2, ..Beat::default() }
    }

    fn read(keeper: Keeper, beat: Option<Beat>) -> Reading {
        Reading { keeper, beat }
    }

    fn judged(reading: &Reading, before: &Health) -> Option<(HealthStatus, Option<String>)> {
        judge(reading, before, S(1_000), NOW, &HealthPolicy::default()).map(|j| (j.status, j.reason))
    }

    #[test]
    fn the_rule() {
        use HealthStatus::{Dead, Healthy, Hung, Unknown};
        use Keeper::{Ended, Gone, NotBegun, Running, Stopped, Unseen};
        let stopped = |not_stopped, quiet| Beat { stopped: vec!["sh (7)".into()], not_stopped, ..beat(5, quiet) };
        let retrying = |quiet| Beat { retrying: Some("overloaded, 3rd time".into()), ..beat(5, quiet) };
        let swapped = |quiet| Beat { waits_for: Some("900 MB of it are in swap".into()), ..beat(5, quiet) };
        let ending = Beat { ending: true, ..beat(5, 400) };
        let table: Vec<(Keeper, Option<Beat>, HealthStatus, Option<&str>)> = vec![
            (Running, Some(beat(0, 0)), Healthy, None),
            (Running, Some(beat(30, 119)), Healthy, None),
            (Running, Some(beat(119, 0)), Healthy, None),
            (Running, Some(beat(5, 120)), Hung, Some("no output, CPU time or traffic for 2m")),
            (Running, Some(beat(5, 5_000)), Hung, Some("no output, CPU time or traffic for 1h23m20s")),
            (Running, Some(beat(120, 0)), Hung, Some("no heartbeat for 2m, though its keeper runs")),
            (Running, Some(stopped(1, 0)), Healthy, Some("stopped: sh (7); SIGCONT lets it go on")),
            (Running, Some(stopped(0, 130)), Hung, Some("its whole tree is stopped: sh (7); SIGCONT lets it go on")),
            (Running, Some(retrying(0)), Healthy, Some("tries its model again: overloaded, 3rd time")),
            (
                Running,
                Some(retrying(130)),
                Hung,
                Some("tries its model again: overloaded, 3rd time; no output, CPU time or traffic for 2m10s"),
            ),
            (Running, Some(swapped(10)), Healthy, None),
            (Running, Some(swapped(130)), Hung, Some("no output, CPU time or traffic for 2m10s; 900 MB of it are in swap")),
            (Running, Some(ending), Healthy, Some("it is being ended")),
            (Running, Some(beat(300, 0)), Unknown, Some("no heartbeat for 5m, though its keeper runs; it is looked at again")),
            (Running, None, Unknown, Some("no heartbeat in 16m40s, though its keeper runs; it is looked at again")),
            (Gone, Some(beat(5, 0)), Dead, Some("its keeper is gone and left no record; what is left of its tree is ended")),
            (Unseen("no".into()), None, Unknown, Some("it cannot be looked at: no")),
            (NotBegun, None, Unknown, Some("its keeper has not begun")),
        ];
        for (keeper, beat, status, reason) in table {
            let reading = read(keeper, beat);
            assert_eq!(judged(&reading, &Health::default()), Some((status, reason.map(str::to_owned))), "{reading:?}");
        }
        assert_eq!(judged(&read(Ended, Some(beat(900, 900))), &Health::default()), None);
        for (age, status) in [(10, Healthy), (130, Hung), (3_000, Hung)] {
            let (found, reason) = judged(&read(Stopped(7), Some(beat(age, 0))), &Health::default()).unwrap();
            assert_eq!(found, status, "a stopped keeper is there: it is never dead");
            assert!(reason.is_some_and(|r| r.contains("`kill -CONT 7`")));
        }
    }

    #[test]
    fn what_has_just_started_is_left_alone() {
        for keeper in [Keeper::Running, Keeper::NotBegun] {
            let reading = read(keeper, None);
            assert_eq!(judge(&reading, &Health::default(), S(119), NOW, &HealthPolicy::default()), None);
        }
    }

    #[test]
    fn only_a_second_look_calls_it_dead() {
        let policy = HealthPolicy::default();
        let stale = |now: Time, before: &Health| judge(&read(Keeper::Running, Some(beat(400, 0))), before, S(9_999), now, &policy).unwrap();
        let first = stale(NOW, &Health::default());
        assert_eq!((first.status, first.stale_since), (HealthStatus::Unknown, Some(NOW)));
        let look = Look { at: NOW, reading: read(Keeper::Running, None), reason: None, stale_since: first.stale_since };
        let seen = Health { status: first.status, look: Some(look), ..Health::default() };
        assert_eq!(stale(NOW + S(29), &seen).status, HealthStatus::Unknown, "its keeper may not have had its turn");
        let second = stale(NOW + S(30), &seen);
        assert_eq!((second.status, second.stale_since), (HealthStatus::Dead, Some(NOW)));
        assert!(second.reason.is_some_and(|r| r.starts_with("no heartbeat for 6m40s")));
        let fresh = judge(&read(Keeper::Running, Some(beat(5, 0))), &seen, S(9_999), NOW + S(60), &policy).unwrap();
        assert_eq!((fresh.status, fresh.stale_since), (HealthStatus::Healthy, None), "it was only late");
        let told = Health { status: HealthStatus::Dead, ..Health::default() };
        assert_eq!(stale(NOW, &told).status, HealthStatus::Dead, "a new coordinator believes the journal");
    }
}
