//! Which of many tasks overlap, and which of them hold their files now. Knows tasks only by number.
//!
//! *Approach*: equal globs are one glob, and overlaps are kept between globs, not between tasks, so ten thousand tasks that own
//! `src/**` cost one entry. Two globs can meet only if the text before the first wildcard of one begins with the other's, and the
//! text behind the last wildcard of one ends with the other's. So the globs are sorted by the former, which puts those that can meet
//! mine on a stack while the list is walked, and those on the stack are looked up by the latter. Where even that leaves too many
//! pairs, nothing is kept and each question is answered when it is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::{COMPARED_STEPS_MAX, Glob, Pattern};

/// All overlaps among a list of tasks.
#[derive(Clone, Debug, Default)]
pub struct Overlaps {
    texts: Vec<String>,
    globs: Vec<Option<Glob>>,
    /// By task: its globs.
    globs_of: Vec<Vec<usize>>,
    /// By glob: its tasks.
    tasks_of: Vec<Vec<usize>>,
    /// By glob: the other globs that it meets, sorted. `None`: there were too many pairs to look at.
    meets: Option<Vec<Vec<usize>>>,
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
        for (task, owns) in owns.into_iter().enumerate() {
            let mut mine = Vec::with_capacity(owns.len());
            for text in owns {
                let number = *numbers.entry(text).or_insert_with(|| {
                    out.globs.push(Glob::new(text).or_else(|_| Glob::new("**")).ok());
                    out.texts.push(text.clone());
                    out.tasks_of.push(Vec::new());
                    out.globs.len() - 1
                });
                if !mine.contains(&number) {
                    mine.push(number);
                    out.tasks_of[number].push(task);
                }
            }
            out.globs_of.push(mine);
        }
        out.meets = meetings(&out.globs);
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
        mine.iter().find_map(|x| theirs.iter().find(|y| self.meet(*x, **y)).map(|y| (self.texts[*x].as_str(), self.texts[*y].as_str())))
    }

    /// Whether the two globs have a path in common.
    fn meet(&self, x: usize, y: usize) -> bool {
        x == y
            || match &self.meets {
                Some(meets) => meets[x].binary_search(&y).is_ok(),
                None => matches!((&self.globs[x], &self.globs[y]), (Some(a), Some(b)) if a.overlaps(b)),
            }
    }

    /// The tasks that overlap this one, in order.
    #[must_use]
    pub fn of(&self, task: usize) -> BTreeSet<usize> {
        let mut out = BTreeSet::new();
        for glob in self.globs_of.get(task).into_iter().flatten() {
            let mut add = |other: usize| out.extend(self.tasks_of[other].iter().copied());
            match &self.meets {
                Some(meets) => meets[*glob].iter().chain([glob]).for_each(|other| add(*other)),
                None => (0..self.globs.len()).filter(|other| self.meet(*glob, *other)).for_each(&mut add),
            }
        }
        out.remove(&task);
        out
    }

    /// For how many looks it counts, at most, to compare two of the globs.
    fn longest(&self) -> usize {
        self.globs.iter().flatten().flat_map(|g| &g.alternatives).map(|p| looks(p, p)).max().unwrap_or(1)
    }

    /// Overlapping pairs in order, at most `limit` of them: there can be as many as half the square of the tasks. Where overlaps are
    /// so many that they could not be looked at beforehand, it stops after the first tasks that have any; `complete` tells.
    #[must_use]
    pub fn pairs(&self, limit: usize) -> Pairs {
        let mut out = Pairs { list: Vec::new(), complete: true };
        let longest = if self.meets.is_none() { self.longest() } else { 1 };
        let mut looked_at = 0;
        for first in 0..self.globs_of.len() {
            if self.meets.is_none() {
                looked_at += self.globs_of[first].len() * self.globs.len() * longest;
                if looked_at > MEETINGS_MAX {
                    return Pairs { complete: false, ..out };
                }
            }
            for second in self.of(first).range(first + 1..) {
                if out.list.len() == limit {
                    return Pairs { complete: false, ..out };
                }
                if let Some((a, b)) = self.between(first, *second) {
                    out.list.push(Overlap { first, second: *second, first_glob: String::from(a), second_glob: String::from(b) });
                }
            }
        }
        out
    }
}

/// Overlapping pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// In order of the tasks.
    pub list: Vec<Overlap>,
    /// Whether there are no more.
    pub complete: bool,
}

/// Most pairs of globs that are looked at to find overlaps beforehand: a quarter of a second's work.
const MEETINGS_MAX: usize = 500_000;

/// To compare long patterns counts for several looks.
const STEPS_OF_A_LOOK: usize = 256;

fn looks(one: &Pattern, other: &Pattern) -> usize {
    1 + one.steps(other).min(COMPARED_STEPS_MAX) / STEPS_OF_A_LOOK
}

/// Globs with one prefix, by their suffix read backwards.
struct Shelf<'g> {
    prefix: &'g str,
    by_suffix: BTreeMap<Vec<u8>, Vec<(&'g Pattern, usize)>>,
    lengths: BTreeSet<usize>,
}

impl<'g> Shelf<'g> {
    /// Those whose suffix ends with mine, or mine with theirs.
    fn candidates<'s>(&'s self, suffix: &'s [u8]) -> impl Iterator<Item = &'s (&'g Pattern, usize)> {
        let shorter = self.lengths.range(..suffix.len()).filter_map(|n| self.by_suffix.get(&suffix[..*n]));
        let longer = self.by_suffix.range(suffix.to_vec()..).take_while(|(s, _)| s.starts_with(suffix)).map(|(_, list)| list);
        shorter.chain(longer).flatten()
    }
}

/// By glob: the others that it meets.
fn meetings(globs: &[Option<Glob>]) -> Option<Vec<Vec<usize>>> {
    let mut sorted: Vec<(&Pattern, usize)> = Vec::new();
    for (number, glob) in globs.iter().enumerate() {
        sorted.extend(glob.iter().flat_map(|g| &g.alternatives).map(|p| (p, number)));
    }
    sorted.sort_by(|a, b| a.0.prefix.cmp(&b.0.prefix));
    let mut meets: Vec<Vec<usize>> = vec![Vec::new(); globs.len()];
    let mut stack: Vec<Shelf<'_>> = Vec::new();
    let mut looked_at = 0;
    for (pattern, number) in sorted {
        while stack.last().is_some_and(|top| !pattern.prefix.starts_with(top.prefix)) {
            stack.pop();
        }
        let suffix: Vec<u8> = pattern.suffix.bytes().rev().collect();
        for (other, other_number) in stack.iter().flat_map(|shelf| shelf.candidates(&suffix)) {
            looked_at += looks(pattern, other);
            if looked_at > MEETINGS_MAX {
                return None;
            }
            if *other_number != number && pattern.overlaps(other) {
                meets[number].push(*other_number);
                meets[*other_number].push(number);
            }
        }
        if stack.last().is_none_or(|top| top.prefix != pattern.prefix) {
            stack.push(Shelf { prefix: &pattern.prefix, by_suffix: BTreeMap::new(), lengths: BTreeSet::new() });
        }
        if let Some(shelf) = stack.last_mut() {
            shelf.lengths.insert(suffix.len());
            shelf.by_suffix.entry(suffix).or_default().push((pattern, number));
        }
    }
    for list in &mut meets {
        list.sort_unstable();
        list.dedup();
    }
    Some(meets)
}

/// The tasks that hold their files now: what the scheduler asks before it starts one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// By glob: the tasks that hold it; one, unless tasks were let run together on purpose.
    holders: BTreeMap<usize, BTreeSet<usize>>,
}

impl Claims {
    /// The first task found that holds files of this task's; itself never.
    #[must_use]
    pub fn blocker(&self, overlaps: &Overlaps, task: usize) -> Option<usize> {
        for glob in overlaps.globs_of.get(task)? {
            let held = |g: &usize| self.holders.get(g).and_then(|h| h.iter().copied().find(|t| *t != task));
            // The shorter of the two lists is walked: few tasks hold files, or few globs meet this one.
            let found = match &overlaps.meets {
                Some(meets) if meets[*glob].len() < self.holders.len() => meets[*glob].iter().chain([glob]).find_map(held),
                _ => self.holders.keys().filter(|g| overlaps.meet(*glob, **g)).find_map(held),
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
            overlaps.pairs(10).list.iter().map(|p| format!("{} {} {} {}", p.first, p.second, p.first_glob, p.second_glob)).collect();
        assert_eq!(pairs, ["0 1 src/** src/a.rs", "1 3 docs/ docs/x.md"]);
        assert!(overlaps.pairs(10).complete && !overlaps.pairs(1).complete);
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
        let mut rng = greenlane_testkit::fuzz::seeded();
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
            let mut overlaps = Overlaps::new(owns.iter().map(Vec::as_slice));
            if rng.bool() {
                // As it is where there are too many pairs to look at.
                overlaps.meets = None;
            }
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
