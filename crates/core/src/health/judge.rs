//! The rule: from a reading to a status and the reason that is shown. Pure; the table of its tests is its definition.

use std::time::Duration;

use super::{Beat, Health, HealthPolicy, HealthStatus, Keeper, Look, Reading, rounded};
use crate::time::Time;

/// A heartbeat is too old only when so many in a row have not come.
const BEATS_MISSED: u32 = 3;

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
        Keeper::Stopped(pid) => {
            let reason = format!("its keeper is stopped, and nobody watches its agent and its limits: `kill -CONT {pid}` lets it go on");
            return judged(HealthStatus::Hung, Some(reason));
        }
        Keeper::Running => {}
    }
    let (age, quiet, every) = match &reading.beat {
        Some(beat) => (beat.age, beat.quiet, beat.every),
        // The first heartbeat comes within a second or two.
        None if running_for < policy.hung_after => return None,
        None => (running_for, running_for, policy.interval),
    };
    // The limits are the run's, the heartbeat's interval may be a later coordinator's: one that is in time is not too old.
    let in_time = reading.beat.as_ref().map_or(Duration::ZERO, |b| b.every.saturating_mul(BEATS_MISSED));
    let hung_after = policy.hung_after.max(in_time);
    if age >= policy.dead_after.max(hung_after) {
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
    if !beat.stopped.is_empty() && beat.not_stopped == 0 {
        return judged(HealthStatus::Hung, explained(beat, HealthStatus::Hung));
    }
    if age >= hung_after {
        return judged(HealthStatus::Hung, Some(format!("no heartbeat for {}, though its keeper runs", rounded(age))));
    }
    let status = if quiet >= policy.hung_after { HealthStatus::Hung } else { HealthStatus::Healthy };
    judged(status, explained(beat, status))
}

/// The same for whoever looks once, with no look before: the heartbeat's own age says how long it has been too old. `status` is the last that
/// is known of the attempt.
#[must_use]
pub fn judge_alone(reading: &Reading, status: HealthStatus, running_for: Duration, now: Time, policy: &HealthPolicy) -> Option<Judged> {
    let age = reading.beat.as_ref().map_or(running_for, |b| b.age);
    let too_old = age.checked_sub(policy.dead_after);
    let stale_since = too_old.map(|d| Time(now.0.saturating_sub(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))));
    let look = Look { at: now, reading: reading.clone(), worked_at: reading.worked_at(), reason: None, stale_since };
    judge(reading, &Health { status, look: Some(look), ..Health::default() }, running_for, now, policy)
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
        let slow = |age, quiet| Beat { every: S(120), ..beat(age, quiet) };
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
            (Running, Some(stopped(0, 0)), Hung, Some("its whole tree is stopped: sh (7); SIGCONT lets it go on")),
            (Running, Some(slow(119, 0)), Healthy, None),
            (Running, Some(slow(359, 0)), Healthy, None),
            (Running, Some(slow(360, 0)), Unknown, Some("no heartbeat for 6m, though its keeper runs; it is looked at again")),
            (Running, Some(slow(5, 120)), Hung, Some("no output, CPU time or traffic for 2m")),
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
        for beat in [None, Some(beat(0, 0)), Some(beat(130, 0)), Some(beat(3_000, 0))] {
            let (found, reason) = judged(&read(Stopped(7), beat), &Health::default()).unwrap();
            assert_eq!(found, Hung, "a stopped keeper is there: it is never dead, and nobody knows how its agent is");
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
    fn who_looks_once_goes_by_the_heartbeats_age() {
        let policy = HealthPolicy::default();
        let found = |age| {
            let reading = read(Keeper::Running, Some(beat(age, 0)));
            judge_alone(&reading, HealthStatus::Healthy, S(9_999), NOW, &policy).map(|j| j.status)
        };
        let expected = [(20, HealthStatus::Healthy), (130, HealthStatus::Hung), (310, HealthStatus::Unknown), (330, HealthStatus::Dead)];
        for (age, status) in expected {
            assert_eq!(found(age), Some(status), "{age}");
        }
    }

    #[test]
    fn only_a_second_look_calls_it_dead() {
        let policy = HealthPolicy::default();
        let stale = |now: Time, before: &Health| judge(&read(Keeper::Running, Some(beat(400, 0))), before, S(9_999), now, &policy).unwrap();
        let first = stale(NOW, &Health::default());
        assert_eq!((first.status, first.stale_since), (HealthStatus::Unknown, Some(NOW)));
        let look = Look { at: NOW, reading: read(Keeper::Running, None), worked_at: None, reason: None, stale_since: first.stale_since };
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
