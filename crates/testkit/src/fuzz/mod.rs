//! Fuzzing: a reader gets thousands of damaged copies of real inputs, and must neither panic nor take long.
//!
//! *Approach*: no coverage is measured (that needs another compiler), but what a case returns tells what it made the reader do:
//! the kinds of findings, say. An input that brought something new is mutated further, so that damage adds up.
//!
//! `GREENLANE_FUZZ_SECONDS=n` lets each target run that long instead of its few cases; `GREENLANE_FUZZ_SEED=n` repeats a run;
//! `GREENLANE_FUZZ_INPUT=FILE` tries one input alone. `scripts/fuzz` runs all of it. Knows nothing of what is read.

mod mutate;
mod watch;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

pub use mutate::mutate;
use watch::{Watch, cpu_time};

/// Most inputs that are mutated further; beyond it new ones take the place of others.
const POOL_MAX: usize = 2_000;
/// Longest input that is kept to be mutated further.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Every so many cases a long input is made.
const LONG_EVERY: u64 = 50;

/// A reader under test.
pub struct Target<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// How many cases there are besides the seeds, without `GREENLANE_FUZZ_SECONDS`; 0: only the seeds, always.
    pub cases: u64,
    /// What real inputs look like.
    pub seeds: Vec<Vec<u8>>,
    /// Words that mean something to the reader.
    pub tokens: &'a [&'a str],
    /// Most processor time of one case, its checks included. Tests are built without optimisation and may share their machine.
    pub time_max: Duration,
    /// Longest input.
    pub bytes_max: usize,
}

impl Default for Target<'_> {
    fn default() -> Self {
        Self { name: "", cases: 1_000, seeds: Vec::new(), tokens: &[], time_max: Duration::from_secs(4), bytes_max: 1 << 20 }
    }
}

impl Target<'_> {
    /// Runs the cases. `case` panics where something is wrong; it returns what the input made the reader do.
    pub fn run<T: Hash>(&self, mut case: impl FnMut(&[u8]) -> T) {
        if let Some(path) = std::env::var_os("GREENLANE_FUZZ_INPUT") {
            let Ok(input) = std::fs::read(&path) else { panic!("{} cannot be read", path.display()) };
            self.one(&input, 0, 0, &mut case);
            return;
        }
        let (seed, mut rng) = generator();
        let (mut pool, mut seen) = (self.seeds.clone(), BTreeSet::new());
        for input in &self.seeds {
            seen.insert(self.one(input, seed, 0, &mut case));
        }
        let counted = each(self.cases, |n| {
            let long = n % LONG_EVERY == LONG_EVERY - 1;
            let input = mutate(&mut rng, &pool, self.tokens, if long { self.bytes_max } else { KEPT_BYTES_MAX }, long);
            if seen.insert(self.one(&input, seed, n, &mut case)) && input.len() <= KEPT_BYTES_MAX {
                if pool.len() < POOL_MAX {
                    pool.push(input);
                } else {
                    let place = rng.usize(self.seeds.len()..POOL_MAX.max(self.seeds.len() + 1));
                    pool.get_mut(place).into_iter().for_each(|p| p.clone_from(&input));
                }
            }
        });
        println!("{}: seed {seed}, {counted} cases, {} ways", self.name, seen.len());
    }

    fn one<T: Hash>(&self, input: &[u8], seed: u64, n: u64, case: &mut impl FnMut(&[u8]) -> T) -> u64 {
        let watch = Watch::over(self.name, input, seed, n);
        let before = cpu_time();
        let mut hasher = DefaultHasher::new();
        case(input).hash(&mut hasher);
        let took = cpu_time().saturating_sub(before);
        assert!(took <= self.time_max, "{}: {} bytes took {took:?} of processor time", self.name, input.len());
        watch.over_well();
        hasher.finish()
    }
}

/// Runs cases that make their own input from the generator. On a failure the seed is told.
pub fn random(name: &str, cases: u64, mut case: impl FnMut(&mut fastrand::Rng)) {
    let (seed, mut rng) = generator();
    let counted = each(cases, |n| {
        let watch = Watch::over(name, &[], seed, n);
        case(&mut rng);
        watch.over_well();
    });
    println!("{name}: seed {seed}, {counted} cases");
}

/// A generator for a test of random cases, whose seed is told, or repeated.
#[must_use]
pub fn seeded() -> fastrand::Rng {
    let (seed, rng) = generator();
    println!("GREENLANE_FUZZ_SEED={seed}");
    rng
}

fn generator() -> (u64, fastrand::Rng) {
    let seed = number("GREENLANE_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    (seed, fastrand::Rng::with_seed(seed))
}

/// Calls for every case: as many as there are, or for as long as the environment says.
fn each(cases: u64, mut call: impl FnMut(u64)) -> u64 {
    match number("GREENLANE_FUZZ_SECONDS").filter(|_| cases > 0) {
        Some(seconds) => {
            let (began, mut n) = (Instant::now(), 0);
            while began.elapsed() < Duration::from_secs(seconds) {
                call(n);
                n += 1;
            }
            n
        }
        None => {
            (0..cases).for_each(call);
            cases
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_panics_on_little_is_found() {
        let found = std::panic::catch_unwind(|| {
            let target = Target { name: "planted", cases: 20_000, seeds: vec![b"a = 1\nb = 2\n".to_vec()], ..Target::default() };
            target.run(|input| {
                let text = String::from_utf8_lossy(input);
                assert!(!text.lines().any(|l| l.starts_with("b = ") && l.len() > 12), "too long");
                text.lines().count().min(3)
            });
        });
        assert!(found.is_err());
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let made = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let pool = vec![b"[a]\nb = \"c\"\n".to_vec(), b"- [ ] x".to_vec()];
            (0..500).map(|_| mutate(&mut rng, &pool, &["[["], 10_000, false)).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
        assert!(made(7).iter().all(|i| i.len() <= 10_000));
    }
}
