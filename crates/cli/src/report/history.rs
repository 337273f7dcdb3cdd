//! What a run's events tell beyond its state: flaky suites, red batches, how often the suite ran, who took the run up again.
//! Fed one event after another, so that a journal of any length is read page by page.

use greenlane_core::attempt::Suite;
use greenlane_core::event::Event;
use serde::Serialize;

use super::evidence::RedSuites;
use super::waits::WaitsGatherer;

/// What was gathered.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What suites said of single attempts.
    pub suites: RedSuites,
    /// Batches that were red though nobody in them was guilty.
    pub flaky: Vec<Flaky>,
    /// Landings that were taken off again.
    pub rolled_back: Vec<TakenOff>,
    /// How the suites went.
    pub verifications: Verifications,
    /// How often another coordinator took the run up.
    pub resumed: u32,
    /// Waits for providers' quotas, by account.
    pub quota_waits: WaitsGatherer,
}

/// A suite that was red once and green once on the same work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaky {
    /// Of this plan.
    pub plan: String,
    /// The first, red batch.
    pub batch: u64,
    /// The command that was red.
    pub command: Option<String>,
    /// The end of its output then.
    pub output: Vec<String>,
}

/// Landings that were taken off a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenOff {
    /// Of this plan.
    pub plan: String,
    /// These tasks.
    pub tasks: Vec<String>,
    /// The ref that keeps their work.
    pub kept: String,
}

/// How the suites went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verifications {
    /// Combined trees that were judged, known verdicts included.
    pub judged: u32,
    /// Of these, the verdict was known for that very tree.
    pub known: u32,
    /// Of these, red or not able to run.
    pub red: u32,
}

/// Red batches that are remembered until it is known whether they were flaky; a bound, not a tuning knob.
const RED_MAX: usize = 1_000;

/// Gathers a [`History`].
#[derive(Clone, Debug, Default)]
pub struct Gatherer {
    history: History,
    red: Vec<(u64, String, Vec<String>)>,
}

impl Gatherer {
    /// Takes one event in; they must come in their order.
    pub fn take(&mut self, event: &Event) {
        self.history.suites.take(event);
        match event {
            Event::BatchVerified { batch, suite, .. } => self.verified(*batch, suite),
            Event::SuiteFlaky { plan, batch } => {
                let red = self.red.iter().find(|(b, ..)| b == batch);
                self.history.flaky.push(Flaky {
                    plan: plan.to_string(),
                    batch: *batch,
                    command: red.map(|(_, command, _)| command.clone()),
                    output: red.map(|(.., output)| output.clone()).unwrap_or_default(),
                });
            }
            Event::RolledBack { plan, tasks, kept, .. } => self.history.rolled_back.push(TakenOff {
                plan: plan.to_string(),
                tasks: tasks.iter().map(ToString::to_string).collect(),
                kept: kept.clone(),
            }),
            Event::RunResumed => self.history.resumed += 1,
            _ => {}
        }
    }

    /// The same of what times tell; beside [`Gatherer::take`].
    pub fn take_at(&mut self, at: greenlane_core::time::Time, event: &Event) {
        self.history.quota_waits.take(at, event);
    }

    fn verified(&mut self, batch: u64, suite: &Suite) {
        let counts = &mut self.history.verifications;
        counts.judged += 1;
        match suite {
            Suite::Green { cached } => counts.known += u32::from(*cached),
            Suite::Red { command, output, .. } => {
                counts.red += 1;
                if self.red.len() < RED_MAX {
                    self.red.push((batch, command.clone(), super::evidence::last_lines(output)));
                }
            }
            Suite::Broken { .. } => counts.red += 1,
        }
    }

    /// What was gathered so far.
    #[must_use]
    pub fn so_far(&self) -> &History {
        &self.history
    }

    /// What was gathered.
    #[must_use]
    pub fn done(self) -> History {
        self.history
    }
}
