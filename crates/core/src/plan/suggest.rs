//! "Did you mean …?" Knows nothing of what the words stand for.

/// How alike two words must be, from 0 to 1: `schema` finds `db-schema`, `cat` does not find `dog`.
const ALIKE_MIN: f64 = 0.6;
/// What it counts if one word is a part of the other.
const CONTAINED: f64 = 0.75;
/// Shortest word that counts as a part of another.
const CONTAINED_CHARS_MIN: usize = 3;
/// Longest word of which one other letter easily makes another word.
const SHORT_CHARS_MAX: usize = 4;

/// Longer words, in characters, are nobody's slip, and comparing takes time and memory by the product of the lengths.
const COMPARED_CHARS_MAX: usize = 100;
/// To look for what was meant takes time for each name there is; beyond so many slips nobody reads the hints.
pub(super) const HINTS_MAX: usize = 20;

/// The candidate that the word was probably meant to be, case aside; of equally close ones the first.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    best(word, candidates, ALIKE_MIN)
}

/// The same with another measure of likeness, from 0 to 1.
pub(super) fn best<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, alike_min: f64) -> Option<&'a str> {
    let chars = word.chars().take(COMPARED_CHARS_MAX + 1).count();
    if chars > COMPARED_CHARS_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let letters = letters_of(&word);
    let mut found: Option<(f64, &str)> = None;
    for candidate in candidates {
        let others = candidate.chars().take(COMPARED_CHARS_MAX + 1).count();
        if others > COMPARED_CHARS_MAX {
            continue;
        }
        let other = candidate.to_lowercase();
        // Each character that the other has not, or not as often, is a difference: most words need not be compared at all.
        let more = chars.max(others);
        let common = letters.iter().zip(letters_of(&other)).map(|(a, b)| usize::from(*a.min(&b))).sum::<usize>();
        let comparable = common.min(chars).min(others) as f64 >= alike_min * more as f64;
        let mut alike = if comparable { strsim::normalized_damerau_levenshtein(&word, &other) } else { 0.0 };
        let (short, long) = if word.len() < other.len() { (&word, &other) } else { (&other, &word) };
        if short.len() >= CONTAINED_CHARS_MIN && long.contains(short.as_str()) {
            alike = alike.max(CONTAINED);
        }
        if alike >= alike_min && found.is_none_or(|(so_far, _)| alike > so_far) {
            found = Some((alike, candidate));
        }
    }
    found.map(|(_, candidate)| candidate)
}

/// How often each letter stands in it; several letters may share a place.
fn letters_of(word: &str) -> [u8; 32] {
    let mut counts = [0_u8; 32];
    for c in word.chars() {
        let count = &mut counts[c as usize % 32];
        *count = count.saturating_add(1);
    }
    counts
}

/// The candidate of at least three letters that has the word's letters in another order: `rnu`. Of short words a measure of likeness
/// tells nothing, as one letter is a third of them.
pub(super) fn shuffled<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let of_word = letters(word);
    candidates.into_iter().find(|c| c.len() >= CONTAINED_CHARS_MIN && letters(c) == of_word)
}

/// The short candidate with the word's length from which one letter is different: `rum`, `rule`. That may well be another word.
pub(super) fn one_letter_off<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let differing = |c: &&str| c.chars().zip(word.chars()).filter(|(a, b)| a != b).count() == 1;
    candidates.into_iter().find(|c| (CONTAINED_CHARS_MIN..=SHORT_CHARS_MAX).contains(&c.len()) && word.len() == c.len() && differing(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_words_only() {
        let words = ["db-schema", "api", "api-tests"];
        assert_eq!(closest("schema", words), Some("db-schema"));
        assert_eq!(closest("API-test", words), Some("api-tests"));
        assert_eq!(closest("zzz", words), None);
        assert_eq!(closest("", words), None);
        let long = "x".repeat(1_000_000);
        assert_eq!((closest(&long, words), closest("api", [long.as_str()])), (None, None), "within no time");
        assert_eq!((shuffled("rnu", ["id", "run"]), shuffled("di", ["id", "run"]), shuffled("ruin", ["run"])), (Some("run"), None, None));
        assert_eq!((one_letter_off("rum", ["env", "run"]), one_letter_off("note", ["role", "run"])), (Some("run"), None));
    }
}
