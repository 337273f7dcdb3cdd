//! Which of many tasks overlap, and which of them hold their files now. Knows tasks only by number.
//!
//! *Approach*: equal globs are one glob, and overlaps are kept between globs, not between tasks, so ten thousand tasks that own
//! `src/**` cost one entry. Candidates are found by sorting the globs by their text before the first wildcard: only a glob whose
//! prefix begins mine can meet mine, and those stand on a stack while the sorted list is walked.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::{Glob, Pattern};

/// All overlaps among a list of tasks.
#[derive(Clone, Debug, Default)]
pub struct Overlaps {
    texts: Vec<String>,
    /// By task: its globs.
    globs_of: Vec<Vec<usize>>,
    /// By glob: its tasks.
    tasks_of: Vec<Vec<usize>>,
    /// By glob: the other globs that it meets, sorted.
    meets: Vec<Vec<usize>>,
}

/// Two tasks that own a common path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The task of the smaller number.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// The glob of `first`.
    pub first_glob: String,
    /// The glob of `second`.
    pub second_glob: String,
}

impl Overlaps {
    /// Finds the overlaps; the tasks' numbers are their places in the list. A glob that cannot be read counts as everything.
    pub fn new<'a>(owns: impl IntoIterator<Item = &'a [String]>) -> Self {
        let mut out = Self::default();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut globs = Vec::new();
        for (task, owns) in owns.into_iter().enumerate() {
            let mut mine = Vec::with_capacity(owns.len());
            for text in owns {
                let number = *numbers.entry(text).or_insert_with(|| {
                    globs.push(Glob::new(text).or_else(|_| Glob::new("**")).ok());
                    out.texts.push(text.clone());
                    out.tasks_of.push(Vec::new());
                    globs.len() - 1
                });
                if !mine.contains(&number) {
                    mine.push(number);
                    out.tasks_of[number].push(task);
                }
            }
            out.globs_of.push(mine);
        }
        out.meets = meetings(&globs);
        out
    }

    /// How many tasks the list had.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.globs_of.len()
    }

    /// Two globs, the first of `a`'s and the second of `b`'s, that have a path in common. `None` for a task and itself.
    #[must_use]
    pub fn between(&self, a: usize, b: usize) -> Option<(&str, &str)> {
        let (mine, theirs) = (self.globs_of.get(a)?, self.globs_of.get(b)?);
        if a == b {
            return None;
        }
        let meet = |x: usize, y: usize| x == y || self.meets[x].binary_search(&y).is_ok();
        mine.iter().find_map(|x| theirs.iter().find(|y| meet(*x, **y)).map(|y| (self.texts[*x].as_str(), self.texts[*y].as_str())))
    }

    /// The tasks that overlap this one, in order.
    #[must_use]
    pub fn of(&self, task: usize) -> BTreeSet<usize> {
        let mut out = BTreeSet::new();
        for glob in self.globs_of.get(task).into_iter().flatten() {
            for other in self.meets[*glob].iter().chain([glob]) {
                out.extend(self.tasks_of[*other].iter().copied());
            }
        }
        out.remove(&task);
        out
    }

    /// All overlapping pairs in order, at most `limit` of them: there can be as many as half the square of the tasks.
    #[must_use]
    pub fn pairs(&self, limit: usize) -> Vec<Overlap> {
        let mut out = Vec::new();
        for first in 0..self.globs_of.len() {
            for second in self.of(first).range(first + 1..) {
                if out.len() == limit {
                    return out;
                }
                if let Some((a, b)) = self.between(first, *second) {
                    out.push(Overlap { first, second: *second, first_glob: String::from(a), second_glob: String::from(b) });
                }
            }
        }
        out
    }
}

/// By glob: the others that it meets.
fn meetings(globs: &[Option<Glob>]) -> Vec<Vec<usize>> {
    let mut sorted: Vec<(&Pattern, usize)> = Vec::new();
    for (number, glob) in globs.iter().enumerate() {
        sorted.extend(glob.iter().flat_map(|g| &g.alternatives).map(|p| (p, number)));
    }
    sorted.sort_by(|a, b| a.0.prefix.cmp(&b.0.prefix));
    let mut meets: Vec<Vec<usize>> = vec![Vec::new(); globs.len()];
    let mut stack: Vec<(&Pattern, usize)> = Vec::new();
    for (pattern, number) in sorted {
        while stack.last().is_some_and(|(top, _)| !pattern.prefix.starts_with(&top.prefix)) {
            stack.pop();
        }
        for (other, other_number) in &stack {
            if *other_number != number && pattern.meets(other) {
                meets[number].push(*other_number);
                meets[*other_number].push(number);
            }
        }
        stack.push((pattern, number));
    }
    for list in &mut meets {
        list.sort_unstable();
        list.dedup();
    }
    meets
}

/// The tasks that hold their files now: what the scheduler asks before it starts one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// By glob: the tasks that hold it. Only tasks that overlap nobody can share one, so it is one at most in normal use.
    holders: BTreeMap<usize, BTreeSet<usize>>,
}

impl Claims {
    /// The first task found that holds files of this task's; itself never.
    #[must_use]
    pub fn blocker(&self, overlaps: &Overlaps, task: usize) -> Option<usize> {
        for glob in overlaps.globs_of.get(task)? {
            // The shorter of the two lists is walked: few tasks hold files, or few globs meet this one.
            let held = |g: &usize| self.holders.get(g).and_then(|h| h.iter().copied().find(|t| *t != task));
            let found = if overlaps.meets[*glob].len() < self.holders.len() {
                overlaps.meets[*glob].iter().chain([glob]).find_map(held)
            } else {
                let meets = |g: &&usize| *g == glob || overlaps.meets[*glob].binary_search(g).is_ok();
                self.holders.keys().filter(meets).find_map(held)
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The task takes its files.
    pub fn claim(&mut self, overlaps: &Overlaps, task: usize) {
        for glob in overlaps.globs_of.get(task).into_iter().flatten() {
            self.holders.entry(*glob).or_default().insert(task);
        }
    }

    /// The task gives its files back.
    pub fn release(&mut self, overlaps: &Overlaps, task: usize) {
        for glob in overlaps.globs_of.get(task).into_iter().flatten() {
            if let Some(holders) = self.holders.get_mut(glob) {
                holders.remove(&task);
                if holders.is_empty() {
                    self.holders.remove(glob);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlap::owns_overlap;

    fn owned(lists: &[&[&str]]) -> Vec<Vec<String>> {
        lists.iter().map(|l| l.iter().map(|g| String::from(*g)).collect()).collect()
    }

    #[test]
    fn the_pairs_name_the_two_globs() {
        let owns = owned(&[&["src/**"], &["docs/", "src/a.rs"], &[], &["docs/x.md"]]);
        let overlaps = Overlaps::new(owns.iter().map(Vec::as_slice));
        let pairs: Vec<String> =
            overlaps.pairs(10).iter().map(|p| format!("{} {} {} {}", p.first, p.second, p.first_glob, p.second_glob)).collect();
        assert_eq!(pairs, ["0 1 src/** src/a.rs", "1 3 docs/ docs/x.md"]);
        assert_eq!(overlaps.pairs(1).len(), 1);
        assert_eq!(overlaps.of(2), BTreeSet::new());
    }

    #[test]
    fn files_are_held_until_released() {
        let owns = owned(&[&["src/**"], &["src/a.rs"], &["src/b.rs"], &[]]);
        let overlaps = Overlaps::new(owns.iter().map(Vec::as_slice));
        let mut claims = Claims::default();
        claims.claim(&overlaps, 1);
        claims.claim(&overlaps, 3);
        assert_eq!((0..4).map(|t| claims.blocker(&overlaps, t)).collect::<Vec<_>>(), [Some(1), None, None, None]);
        claims.claim(&overlaps, 2);
        claims.release(&overlaps, 1);
        assert_eq!(claims.blocker(&overlaps, 0), Some(2));
        claims.release(&overlaps, 2);
        claims.release(&overlaps, 3);
        assert_eq!(claims.blocker(&overlaps, 0), None);
        assert_eq!(claims, Claims::default());
    }

    #[test]
    fn the_index_agrees_with_asking_every_pair() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        let names = ["a", "b", "ab", "*", "**", "a*", "{a,b}", "a?", "[ab]b"];
        for _ in 0..40 {
            let owns: Vec<Vec<String>> = (0..25)
                .map(|_| {
                    let glob = |rng: &mut fastrand::Rng| {
                        (0..rng.usize(1..4)).map(|_| names[rng.usize(..names.len())]).collect::<Vec<_>>().join("/")
                    };
                    (0..rng.usize(..3)).map(|_| glob(&mut rng)).collect()
                })
                .collect();
            let overlaps = Overlaps::new(owns.iter().map(Vec::as_slice));
            for a in 0..owns.len() {
                for b in 0..owns.len() {
                    let expected = a != b && owns_overlap(&owns[a], &owns[b]).is_some();
                    assert_eq!(overlaps.between(a, b).is_some(), expected, "{:?} and {:?}", owns[a], owns[b]);
                    assert_eq!(overlaps.of(a).contains(&b), expected);
                    let mut claims = Claims::default();
                    claims.claim(&overlaps, b);
                    assert_eq!(claims.blocker(&overlaps, a).is_some(), expected);
                }
            }
        }
    }
}
