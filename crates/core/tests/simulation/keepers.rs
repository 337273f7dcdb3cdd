//! Keepers and the worktrees that they work in. They outlive the coordinator; nothing here is lost in a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use greenlane_core::attempt::{AgentError, AgentReport, Exit, ExitRecord};
use greenlane_core::health::{Beat, Keeper as Seen, Reading};
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::time::Time;

use crate::faults::{Fault, Faults};
use crate::git::Content;
use crate::scenario::{FILES, TaskTruth};

/// How far a keeper is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The process exists and has not taken its claim.
    Forked,
    /// It has its claim, and its agent works.
    Running,
    /// Its tree is gone, and there is a record.
    Exited(Box<ExitRecord>),
    /// It is gone without a record.
    Lost,
    /// Somebody took its claim: it never begins.
    Voided,
}

/// One keeper.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// How far it is.
    pub stage: Stage,
    /// The driver of this coordinator waits for its end.
    pub watched: bool,
    /// It waits for a person.
    pub by_hand: bool,
    /// Grows when its end is planned anew.
    pub plan: u32,
    /// When its agent began.
    pub began: u64,
}

/// Where a task's work lies.
#[derive(Clone, Debug, Default)]
pub struct Worktree {
    /// What it was made on.
    pub base: Content,
    /// Files that differ from the base.
    pub files: u8,
    /// The work is red.
    pub guilty: bool,
    /// Everything in it is kept in a ref.
    pub kept: bool,
    /// Its work has landed; it is anybody's.
    pub free: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Keepers {
    /// By attempt.
    pub all: BTreeMap<AttemptId, Keeper>,
    /// By task.
    pub worktrees: BTreeMap<TaskKey, Worktree>,
}

impl Keepers {
    /// What a look at an attempt shows: usually that it works, sometimes silence, an old heartbeat, or a keeper that somebody has stopped.
    pub fn look(&self, rng: &mut Rng, attempt: &AttemptId, now: u64) -> Reading {
        let stage = self.all.get(attempt).map(|k| (&k.stage, k.began));
        let keeper = match stage {
            None | Some((Stage::Forked | Stage::Voided, _)) => Seen::NotBegun,
            Some((Stage::Running, _)) if rng.u8(0..16) == 0 => Seen::Stopped(1),
            Some((Stage::Running, _)) => Seen::Running,
            Some((Stage::Exited(_), _)) => Seen::Ended,
            Some((Stage::Lost, _)) => Seen::Gone,
        };
        let began = stage.map_or(now, |(_, began)| began);
        let age = if rng.u8(0..4) == 0 { rng.u64(0..600) } else { rng.u64(0..30) };
        let quiet = if rng.u8(0..4) == 0 { rng.u64(0..600) } else { 0 };
        let beat = Beat {
            age: Duration::from_secs(age),
            quiet: Duration::from_secs(quiet),
            every: Duration::from_secs(30),
            stopped: if rng.u8(0..16) == 0 { vec![String::from("sh (7)")] } else { Vec::new() },
            ..Beat::default()
        };
        Reading { keeper, beat: (now > began + 1_000 && rng.u8(0..16) > 0).then_some(beat) }
    }
}

/// How an agent will end, if nobody ends it before.
pub struct Fate {
    /// After so many milliseconds.
    pub after: u64,
    /// The keeper dies instead.
    pub lost: bool,
    /// What the record will say.
    pub exit: Exit,
    /// What the agent's events will say.
    pub report: AgentReport,
    /// What it will have changed.
    pub files: u8,
}

impl Fate {
    /// Draws one.
    pub fn random(rng: &mut Rng, faults: &Faults, truth: &TaskTruth, now: u64) -> Self {
        let after = if rng.bool() { rng.u64(1_000..30_000) } else { rng.u64(1_000..900_000) };
        let mut fate =
            Self { after, lost: false, exit: Exit::Code { code: 0 }, report: AgentReport::default(), files: files(rng, faults, truth) };
        if faults.strikes(rng, Fault::Lost) {
            fate.lost = true;
        }
        if faults.strikes(rng, Fault::Quota) {
            let reset_at = rng.bool().then(|| Time(now + rng.u64(0..7_200_000)));
            fate.report.error = Some(AgentError { message: String::from("too many requests"), status: Some(429), reset_at });
            fate.report.finished = Some(false);
            return fate;
        }
        if !faults.strikes(rng, Fault::Exit) {
            return fate;
        }
        match rng.u8(0..10) {
            0 => fate.exit = Exit::TimedOut,
            1 => fate.exit = Exit::Stalled,
            2 => fate.exit = Exit::FailedToStart { message: String::from("no such program") },
            3 => fate.exit = Exit::Signal { signal: [9, 11, 15][rng.usize(0..3)] },
            4 => fate.exit = Exit::Cancelled,
            5 | 6 => {
                let reset_at = rng.bool().then(|| Time(now + rng.u64(0..3_600_000)));
                let status = Some([401, 429, 429, 500][rng.usize(0..4)]);
                fate.report.error = Some(AgentError { message: String::from("refused"), status, reset_at });
                fate.report.finished = [None, Some(false), Some(true)][rng.usize(0..3)];
            }
            _ => fate.exit = Exit::Code { code: [1, 2, 124, 127][rng.usize(0..4)] },
        }
        fate
    }
}

/// Usually files that the task owns; of one that owns none, any.
fn files(rng: &mut Rng, faults: &Faults, truth: &TaskTruth) -> u8 {
    if faults.strikes(rng, Fault::Gate) && rng.bool() {
        return 0;
    }
    let any = |rng: &mut Rng| 1 << rng.usize(..FILES.len());
    if truth.owned == 0 {
        return any(rng);
    }
    if faults.strikes(rng, Fault::Gate) {
        return any(rng);
    }
    loop {
        let some = rng.u8(..) & truth.owned;
        if some != 0 {
            return some;
        }
    }
}

/// A keeper's record.
pub fn record(exit: Exit, report: AgentReport, began: u64, now: u64) -> Box<ExitRecord> {
    Box::new(ExitRecord { report, ..ExitRecord::new(exit, Time(began), Time(now)) })
}
