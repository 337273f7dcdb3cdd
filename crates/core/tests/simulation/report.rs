//! What is shown of a simulation that broke a rule: the shortest one that breaks it in the same way, step by step.

use std::fmt::Debug;

use greenlane_core::coordinator::Step;
use greenlane_core::input::Input;
use greenlane_core::time::Time;

use crate::faults::{ALL, Fault};
use crate::run::{Setup, simulate};
use crate::scenario::{FULL, Scenario, Size};
use crate::world::Thing;

/// A rule that was broken.
#[derive(Debug)]
pub struct Failure {
    pub rule: &'static str,
    pub what: String,
    pub steps: u64,
    pub trace: String,
}

/// Lines, if anybody wants them.
pub struct Trace(Option<String>);

impl Trace {
    pub fn new(wanted: bool) -> Self {
        Self(wanted.then(String::new))
    }

    pub fn take(&mut self) -> String {
        self.0.take().unwrap_or_default()
    }

    pub fn say(&mut self, text: &str) {
        if let Some(out) = &mut self.0 {
            out.push_str(&format!("{:12}{text}\n", ""));
        }
    }

    fn line(&mut self, what: &str, thing: &impl Debug) {
        if self.0.is_some() {
            let mut shown = format!("{thing:?}");
            if shown.len() > 200 {
                shown = shown.chars().take(200).chain(['…']).collect();
            }
            self.say(&format!("{what} {shown}"));
        }
    }

    /// What the run is about.
    pub fn scenario(&mut self, scenario: &Scenario) {
        if self.0.is_none() {
            return;
        }
        self.say(&format!("{:?}", scenario.options));
        for ((at, submission), truth) in scenario.submissions.iter().zip(&scenario.plans) {
            self.say(&format!("plan {} at {at} ms; {truth:?}", submission.plan.id));
            for task in &submission.plan.tasks {
                let (depends, stage, owns) = (&task.depends, task.stage, &task.owns);
                let before = if task.ticked || submission.landed.contains_key(&task.id) { ", done before" } else { "" };
                self.say(&format!(
                    "  task {}: depends {depends:?}, stage {stage:?}, owns {owns:?}, retries {:?}{before}",
                    task.id, task.retries
                ));
            }
        }
    }

    /// What happens in the world.
    pub fn thing(&mut self, now: u64, thing: &Thing) {
        if let Some(out) = &mut self.0
            && !matches!(thing, Thing::Tell(_) | Thing::TellEnded(_))
        {
            let shown: String = format!("{thing:?}").chars().take(160).collect();
            out.push_str(&format!("{:>9.3} s {shown}\n", now as f64 / 1000.0));
        }
    }

    /// What the coordinator makes of an input.
    pub fn step(&mut self, now: Time, input: &Input, out: &Step) {
        if let Some(text) = &mut self.0 {
            text.push_str(&format!("{:>9.3} s input\n", now.0 as f64 / 1000.0));
        }
        self.line("  <", input);
        out.events.iter().for_each(|e| self.line("  !", e));
        out.actions.iter().for_each(|a| self.line("  >", a));
        if let Some(reply) = &out.reply {
            self.line("  =", reply);
        }
    }
}

/// The report of a failure: how to repeat it, and the smallest one like it.
pub fn report(setup: Setup, failure: &Failure) -> String {
    let small = smallest(setup, failure);
    format!(
        "broken rule: {}\n{}\nseed {} breaks it after {} steps: GREENLANE_SIM_SEED={} GREENLANE_SIM_RUNS=1\n\nthe smallest found \
         ({:?}, {:?}, seed {}): {}\n{}",
        failure.rule,
        failure.what,
        setup.seed,
        failure.steps,
        setup.seed,
        small.0.size,
        small.0.kinds,
        small.0.seed,
        small.1.what,
        small.1.trace
    )
}

/// Looks for a short trace: few tasks, few kinds of faults, many seeds.
fn smallest<'a>(setup: Setup<'a>, failure: &Failure) -> (Setup<'static>, Failure) {
    const NONE: &[Fault] = &[];
    let kinds: Vec<&'static [Fault]> = std::iter::once(NONE).chain(ALL.chunks(1)).chain(ALL.chunks(2)).chain([&ALL[..]]).collect();
    let full = Setup { size: FULL, kinds: &ALL, ..setup };
    let mut best: (Setup<'static>, u64) = (Setup { seed: full.seed, size: full.size, kinds: &ALL, bug: full.bug }, failure.steps);
    for size in [Size { plans: 1, tasks: 1 }, Size { plans: 1, tasks: 2 }, Size { plans: 1, tasks: 3 }, Size { plans: 2, tasks: 4 }, FULL] {
        let mut found = false;
        for kinds in &kinds {
            for seed in 0..60 {
                let tried = Setup { seed, size, kinds, bug: setup.bug };
                if let Err(other) = simulate(tried, false)
                    && other.rule == failure.rule
                {
                    found = true;
                    if other.steps < best.1 {
                        best = (tried, other.steps);
                    }
                }
            }
        }
        if found {
            break;
        }
    }
    match simulate(best.0, true) {
        Err(traced) => (best.0, traced),
        Ok(_) => unreachable!("a simulation is repeatable"),
    }
}
