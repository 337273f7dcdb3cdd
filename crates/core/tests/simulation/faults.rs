//! What can go wrong, by kind: each simulation draws which kinds it has, so that a trace shows only what matters.

use fastrand::Rng;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The coordinator dies, before or after an append, or at any other moment.
    Crash,
    /// Agents end with codes, signals, timeouts, errors of their provider.
    Exit,
    /// Keepers die.
    Lost,
    /// Workspaces or keepers cannot be had.
    Spawn,
    /// Gates find fault, or cannot be run.
    Gate,
    /// Work is red, alone or with other work.
    Suite,
    /// Suites are red for no reason.
    Flaky,
    /// The user moves the branch.
    Race,
    /// Git fails: branches are not made, batches not merged, branches not moved.
    Git,
    /// People pause, unpause, stop tasks, retry.
    Requests,
    /// People stop the run.
    Stop,
    /// Results come twice or late; ticks come early and double.
    Stale,
    /// Providers refuse, and other runs have the places of an account.
    Quota,
    /// People take landings off the branch.
    RollBack,
    /// Disk or memory run out for a while.
    Room,
    /// Tasks have issues in a tracker: it answers, or not, or somebody else has them.
    Tracker,
    /// Some tasks are ticked, or landed in an earlier run.
    Earlier,
    /// Attempts say all sorts of things, and people answer some of their questions.
    Talk,
}

/// All kinds.
pub const ALL: [Fault; 18] = [
    Fault::Crash,
    Fault::Exit,
    Fault::Lost,
    Fault::Spawn,
    Fault::Gate,
    Fault::Suite,
    Fault::Flaky,
    Fault::Race,
    Fault::Git,
    Fault::Requests,
    Fault::Stop,
    Fault::Stale,
    Fault::Quota,
    Fault::RollBack,
    Fault::Room,
    Fault::Tracker,
    Fault::Earlier,
    Fault::Talk,
];

/// The kinds of one simulation.
#[derive(Clone, Debug)]
pub struct Faults {
    kinds: u32,
    per_mille: [u32; ALL.len()],
    calm: bool,
}

impl Faults {
    /// Draws some of these kinds, each with a frequency of its own.
    pub fn random(rng: &mut Rng, of: &[Fault]) -> Self {
        let mut faults = Self { kinds: 0, per_mille: [0; ALL.len()], calm: false };
        let share = rng.u8(0..=3);
        for kind in ALL {
            let (draw, often) = (rng.u8(0..3) < share, rng.u32(0..=100));
            if draw && of.contains(&kind) {
                faults.kinds |= 1 << kind as u32;
                faults.per_mille[kind as usize] = 5 + often * often / 40;
            }
        }
        faults
    }

    /// The kind is among them.
    pub fn has(&self, kind: Fault) -> bool {
        self.kinds & (1 << kind as u32) != 0
    }

    /// Whether it happens now; never once all is calm.
    pub fn strikes(&self, rng: &mut Rng, kind: Fault) -> bool {
        !self.calm && self.has(kind) && rng.u32(0..1000) < self.per_mille[kind as usize]
    }

    /// Nothing goes wrong from now on, except what lies in the plans themselves.
    pub fn calm_down(&mut self) {
        self.calm = true;
    }

    /// Nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.calm
    }
}
