//! Counts and durations of what has ended, and how much is under way. Knows nothing of when or where they are sent.

use std::sync::{Arc, Mutex, PoisonError};

use greenlane_core::event::Event;
use greenlane_core::state::{Phase, State};
use greenlane_core::time::Time;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{KeyValue, Value};

use super::fold::{AGENT, COST, OUTCOME, STATE, TOKENS};
use super::piece::{Kind, Piece, number};

/// Bounds of durations, in seconds: from a command to a night.
const BOUNDS: [f64; 14] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0];

/// What is counted.
pub(super) struct Measures {
    tasks: Counter<u64>,
    attempts: Counter<u64>,
    retries: Counter<u64>,
    pauses: Counter<u64>,
    tokens: Counter<u64>,
    cost: Counter<f64>,
    waits: Histogram<f64>,
    durations: [(Kind, Histogram<f64>); 6],
    now: Arc<Mutex<Now>>,
}

/// What a gauge shows: a number, for each state or for none.
type Shown = Vec<(u64, Option<&'static str>)>;

/// How it stands.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    slots: u64,
    running: u64,
    waiting: u64,
    landing: u64,
}

impl Measures {
    /// Counts from 0 on.
    pub(super) fn new(meter: &Meter) -> Self {
        let count = |name: &'static str, what: &'static str| meter.u64_counter(name).with_description(what).build();
        let duration = |name: &'static str, what: &'static str| {
            meter.f64_histogram(name).with_unit("s").with_description(what).with_boundaries(BOUNDS.to_vec()).build()
        };
        let now = Arc::new(Mutex::new(Now::default()));
        let gauge = |name: &'static str, what: &'static str, of: fn(&Now) -> Shown| {
            let now = Arc::clone(&now);
            let gauge = meter.u64_observable_gauge(name).with_description(what);
            let observed = gauge.with_callback(move |observer| {
                let now = *now.lock().unwrap_or_else(PoisonError::into_inner);
                for (n, state) in of(&now) {
                    observer.observe(n, &state.map(|s| KeyValue::new(STATE, s)).into_iter().collect::<Vec<_>>());
                }
            });
            // The meter keeps it.
            let _ = observed.build();
        };
        gauge("greenlane.slots", "Most attempts at once.", |now| vec![(now.slots, None)]);
        gauge("greenlane.tasks.open", "Tasks that have not ended.", |now| {
            vec![(now.running, Some("running")), (now.waiting, Some("waiting")), (now.landing, Some("landing"))]
        });
        Self {
            tasks: count("greenlane.tasks", "Tasks that ended, by how."),
            attempts: count("greenlane.attempts", "Attempts that ended, by agent and outcome."),
            retries: count("greenlane.retries", "Retries that were decided on."),
            pauses: count("greenlane.account.pauses", "Times that a provider limited an account."),
            tokens: meter.u64_counter("greenlane.tokens").with_unit("{token}").with_description("Tokens of ended attempts.").build(),
            cost: meter
                .f64_counter("greenlane.cost")
                .with_unit("USD")
                .with_description("Cost of ended attempts, where agents say it.")
                .build(),
            waits: duration("greenlane.queue.duration", "From ready to the start of an attempt."),
            durations: [
                (Kind::Run, duration("greenlane.run.duration", "Runs, from their beginning or resumption to their end.")),
                (Kind::Task, duration("greenlane.task.duration", "Tasks, from ready to their end.")),
                (Kind::Attempt, duration("greenlane.attempt.duration", "Attempts, preparation included.")),
                (Kind::Gate, duration("greenlane.gate.duration", "Judging an attempt's work, its wait for a turn included.")),
                (Kind::Suite, duration("greenlane.suite.duration", "Suites on the base or on a combined tree.")),
                (Kind::Landing, duration("greenlane.landing.duration", "From accepted to landed.")),
            ],
            now,
        }
    }

    /// Something ended.
    pub(super) fn count(&self, piece: &Piece) {
        let of = |names: &[&'static str]| -> Vec<KeyValue> {
            names.iter().filter_map(|name| piece.value(name).map(|v| KeyValue::new(*name, v.clone()))).collect()
        };
        let labels = match piece.kind {
            Kind::Attempt => of(&[AGENT, OUTCOME]),
            Kind::Task => of(&[STATE]),
            _ => of(&[OUTCOME]),
        };
        if let Some((_, histogram)) = self.durations.iter().find(|(kind, _)| *kind == piece.kind) {
            histogram.record(piece.to.since(piece.from).as_secs_f64(), &labels);
        }
        match piece.kind {
            Kind::Task => self.tasks.add(1, &labels),
            Kind::Attempt => {
                self.attempts.add(1, &labels);
                let agent = of(&[AGENT]);
                for (name, kind) in TOKENS {
                    if let Some(Value::I64(n)) = piece.value(name) {
                        let labels: Vec<KeyValue> = agent.iter().cloned().chain([KeyValue::new("kind", kind)]).collect();
                        self.tokens.add(u64::try_from(*n).unwrap_or(0), &labels);
                    }
                }
                if let Some(Value::F64(dollars)) = piece.value(COST) {
                    self.cost.add(*dollars, &agent);
                }
            }
            _ => {}
        }
    }

    /// Something happened that is no end of anything. `before`: the state without it.
    pub(super) fn note(&self, before: &State, at: Time, event: &Event) {
        match event {
            Event::AttemptStarted { attempt, agent, .. } => {
                if let Some(since) = before.task(&attempt.key).and_then(|t| t.ready_at) {
                    self.waits.record(at.since(since).as_secs_f64(), &[KeyValue::new(AGENT, agent.clone())]);
                }
            }
            Event::RetryScheduled { .. } => self.retries.add(1, &[]),
            Event::AccountLimited { account, .. } => self.pauses.add(1, &[KeyValue::new("greenlane.account", account.clone())]),
            _ => {}
        }
    }

    /// How it stands now.
    pub(super) fn stand(&self, state: &State) {
        let count = |holds: fn(Phase) -> bool| state.tasks.iter().filter(|t| holds(t.phase)).count() as u64;
        let running = count(|p| p == Phase::Running);
        let landing = count(|p| matches!(p, Phase::Gating | Phase::Landing));
        let open = count(|p| !p.ended());
        let slots = u64::try_from(number(state.options().jobs)).unwrap_or(0);
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) =
            Now { slots, running, landing, waiting: open.saturating_sub(running + landing) };
    }
}
