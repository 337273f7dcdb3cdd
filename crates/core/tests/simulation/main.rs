//! The coordinator under simulation: random plans, faults, reorderings and crashes, thousands of runs, and rules that must hold
//! throughout. `docs/design/invariants.md` lists the rules.
//!
//! `GREENLANE_SIM_SEED=n` repeats a run, `GREENLANE_SIM_RUNS=n` changes how many there are.

mod checks;
mod faults;
mod git;
mod keepers;
mod report;
mod run;
mod scenario;
mod talk;
mod world;

use greenlane_core::planted::PlantedBug;

use faults::ALL;
use run::{Setup, Stats, simulate};
use scenario::FULL;

/// Runs in CI.
const RUNS: u64 = 12_000;

/// Within so many runs a planted bug is found.
const RUNS_TO_FIND_A_BUG: u64 = 2_000;

#[expect(clippy::disallowed_methods, reason = "the core has no environment; its tests are told their seed by it")]
fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn many(base: u64, numbers: impl Iterator<Item = u64>) -> Stats {
    let mut sum = Stats::default();
    for number in numbers {
        let setup = Setup { seed: base.wrapping_add(number), size: FULL, kinds: &ALL, bug: None };
        match simulate(setup, false) {
            Ok(stats) => {
                sum.steps += stats.steps;
                sum.events += stats.events;
                sum.crashes += stats.crashes;
                sum.landed += stats.landed;
                sum.tasks += stats.tasks;
            }
            Err(failure) => panic!("{}", report::report(setup, &failure)),
        }
    }
    sum
}

#[test]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "the seed is the bug report; two halves use two cores")]
fn every_rule_holds_in_every_run() {
    let base = from_environment("GREENLANE_SIM_SEED").unwrap_or_else(|| fastrand::u64(..));
    let runs = from_environment("GREENLANE_SIM_RUNS").unwrap_or(RUNS);
    println!("simulation: seed {base}, {runs} runs");
    let other = std::thread::spawn(move || many(base, (1..runs).step_by(2)));
    let sums = [many(base, (0..runs).step_by(2)), other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))];
    let sum = |of: fn(&Stats) -> u64| sums.iter().map(of).sum::<u64>();
    let (tasks, landed, crashes) = (sum(|s| s.tasks), sum(|s| s.landed), sum(|s| s.crashes));
    println!("{} steps, {} events, {crashes} crashes, {landed} of {tasks} tasks landed", sum(|s| s.steps), sum(|s| s.events));
    // A world in which nothing happens proves nothing.
    if runs >= 1_000 {
        assert!(landed * 4 > tasks, "hardly anything lands: {landed} of {tasks}");
        assert!(crashes > runs / 10, "hardly anything crashes: {crashes}");
    }
}

#[test]
fn planted_bugs_are_found() {
    let table = [
        (PlantedBug::IgnoreOwnership, "owned_files_apart"),
        (PlantedBug::StartBeforeLanding, "dependencies_have_landed"),
        (PlantedBug::BelieveStaleResults, "no_fault"),
        (PlantedBug::LandRed, "branch_is_green"),
    ];
    for (bug, rule) in table {
        let found = (0..RUNS_TO_FIND_A_BUG).find_map(|seed| simulate(Setup { seed, size: FULL, kinds: &ALL, bug: Some(bug) }, false).err());
        assert_eq!(found.map(|f| f.rule), Some(rule), "{bug:?}");
    }
}
