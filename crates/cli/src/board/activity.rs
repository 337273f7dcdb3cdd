//! What attempts under way were last seen to do: looked at again only when one of their files has changed, or is due to be older.
//! Reads files; decides nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use greenlane_core::attempt::Usage;
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::state::{Phase, TaskState};
use greenlane_core::time::Time;
use greenlane_runtime::keeper::{self, Heartbeat};

use super::machine::Machine;
use super::rows::HealthRow;
use crate::commands::health::survey::of_attempt;
use crate::live;
use crate::report::clean;
use crate::session::Opened;

/// How long ago something was said is told anew so often.
const AGES: Duration = Duration::from_secs(5);
/// The files whose change tells of something new.
const FILES: [&str; 5] = ["heartbeat.json", "stdout.log", "stderr.log", "stdout.log.tail", "stderr.log.tail"];

type Stamps = [Option<(SystemTime, u64)>; FILES.len()];

/// What was seen of one attempt.
#[derive(Clone, Debug)]
pub(super) struct Glimpse {
    attempt: AttemptId,
    stamps: Stamps,
    looked_at: Time,
    /// Its keeper's last word.
    beat: Option<Heartbeat>,
    /// What its tree used of a processor between the last two heartbeats, in percent.
    cpu_percent: Option<f64>,
    pub(super) activity: Option<String>,
    pub(super) health: Option<HealthRow>,
}

impl Glimpse {
    /// Tokens and cost so far, where its events tell.
    pub(super) fn usage(&self) -> Option<&Usage> {
        self.beat.as_ref()?.usage.as_ref()
    }

    /// Turns of its conversation.
    pub(super) fn iteration(&self) -> Option<u64> {
        self.beat.as_ref()?.iteration
    }
}

/// What was seen of all of them.
#[derive(Debug, Default)]
pub struct Seen {
    all: BTreeMap<TaskKey, Glimpse>,
}

impl Seen {
    pub(super) fn of(&self, key: &TaskKey) -> Option<&Glimpse> {
        self.all.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Glimpse> {
        self.all.values()
    }

    /// Looks at every attempt under way. `true`: there is something new.
    pub fn look(&mut self, opened: &Opened, now: Time) -> bool {
        let mut news = false;
        let running: Vec<&TaskState> = opened.state.tasks.iter().filter(|t| t.phase == Phase::Running).collect();
        let before = self.all.len();
        self.all.retain(|key, glimpse| running.iter().any(|t| t.key == *key && t.attempt_id() == glimpse.attempt));
        news |= before != self.all.len();
        for task in running {
            news |= self.look_at(opened, task, now);
        }
        news
    }

    fn look_at(&mut self, opened: &Opened, task: &TaskState, now: Time) -> bool {
        let attempt = task.attempt_id();
        let dir = opened.layout.attempt_dir(&attempt);
        let (stamps, last) = (stamps(&dir), self.all.get(&task.key));
        if last.is_some_and(|l| l.stamps == stamps && now.since(l.looked_at) < AGES) {
            return false;
        }
        let policy = opened.state.options().health;
        let beat = match last {
            Some(last) if last.stamps[0] == stamps[0] => last.beat.clone(),
            _ => keeper::read_heartbeat(&dir),
        };
        let cpu_percent = match (last.and_then(|l| l.beat.as_ref()), &beat) {
            (Some(before), Some(beat)) if beat.at > before.at => Some(cpu(before, beat)),
            _ => last.and_then(|l| l.cpu_percent),
        };
        let alive = opened.is_alive() || beat.is_some();
        let glimpse = Glimpse {
            stamps,
            looked_at: now,
            cpu_percent,
            activity: if alive { live::activity(&opened.layout, &opened.state, task, now) } else { None },
            health: of_attempt(opened, task, &policy, now).map(|h| super::make::health_row(&task.key, opened, h)),
            beat,
            attempt,
        };
        let same = |l: &Glimpse| l.activity == glimpse.activity && l.health == glimpse.health;
        let news = !last.is_some_and(same);
        self.all.insert(task.key.clone(), glimpse);
        news
    }

    /// Adds what all trees use.
    pub(super) fn add_to(&self, machine: &mut Machine) {
        let beats = || self.all.values().filter_map(|g| g.beat.as_ref());
        machine.agents_memory = beats().map(|b| b.memory_bytes).sum();
        machine.agents_processes = beats().map(|b| b.processes).sum();
        let told: Vec<f64> = self.all.values().filter_map(|g| g.cpu_percent).collect();
        machine.agents_cpu_percent = (!told.is_empty()).then(|| told.iter().sum::<f64>().round());
    }
}

fn stamps(dir: &Path) -> Stamps {
    FILES.map(|name| {
        let meta = fs::metadata(dir.join(name)).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn cpu(before: &Heartbeat, beat: &Heartbeat) -> f64 {
    let passed = beat.at.since(before.at).as_millis() as f64;
    100.0 * beat.cpu_ms.saturating_sub(before.cpu_ms) as f64 / passed.max(1.0)
}

/// The end of one line for people, or nothing.
pub(super) fn said(text: Option<&str>) -> Option<String> {
    text.map(clean).filter(|t| !t.is_empty())
}
