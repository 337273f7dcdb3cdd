//! Ids as names that git and every file system accept. Knows nothing of what is named.
//!
//! A slug is one component of a ref and of a path: at most [`SLUG_CHARS_MAX`] of `a-z 0-9 . _ -`. An id that is such a name already
//! is its own slug; any other id is tamed and gets 48 bits of its SHA-256, so that ids which differ only in case, in a `/` or in
//! letters outside ASCII stay apart, on file systems that ignore case too. It is a pure function: no table has to be kept.

use sha2::{Digest, Sha256};

use crate::ids::TaskKey;

/// Longest slug in characters: with a run's id, a branch stays well below what file systems allow for one name (255).
pub const SLUG_CHARS_MAX: usize = 60;

/// 48 bits: among the 100,000 tasks that a plan may have, a clash has odds of 1 in 50,000 even where all else is equal.
const HASH_CHARS: usize = 12;

/// Names that Windows keeps for devices, with any extension.
const RESERVED: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4",
    "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The slug of an id: the id itself where that is safe, else its tamed text and a hash.
#[must_use]
pub fn slug(id: &str) -> String {
    if is_slug(id) { String::from(id) } else { with_hash(id, id) }
}

/// The slug of a task among the tasks of several plans: `plan+task`. No slug holds a `+`, so `a/b` + `c` is another task than `a` + `b/c`.
#[must_use]
pub fn key_slug(key: &TaskKey) -> String {
    format!("{}+{}", slug(key.plan.as_str()), slug(key.task.as_str()))
}

/// Whether the id can stand as it is.
fn is_slug(id: &str) -> bool {
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    !id.is_empty()
        && id.len() <= SLUG_CHARS_MAX
        && id.chars().all(safe)
        && !id.starts_with(['.', '-'])
        && !id.ends_with(['.', '-'])
        && !id.contains("..")
        && !id.ends_with(".lock")
        && !RESERVED.contains(&id.split('.').next().unwrap_or(id))
        && !looks_hashed(id)
}

/// Such an id could be what another id's slug is, so it gets a hash of its own.
fn looks_hashed(id: &str) -> bool {
    id.rsplit('-')
        .next()
        .is_some_and(|end| end.len() == HASH_CHARS && end.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

fn with_hash(text: &str, hashed: &str) -> String {
    let mut out = String::with_capacity(SLUG_CHARS_MAX);
    for c in text.chars() {
        // One for the dash, one for the `x` below.
        if out.len() + 2 + HASH_CHARS >= SLUG_CHARS_MAX {
            break;
        }
        let c = c.to_ascii_lowercase();
        // Runs of anything unsafe become one dash; a dot is kept only where it cannot become `..`.
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(['-', '.']) {
            out.push(if c == '.' { '.' } else { '-' });
        }
    }
    while out.ends_with(['-', '.']) {
        out.pop();
    }
    if !out.is_empty() {
        out.push('-');
    }
    for byte in Sha256::digest(hashed.as_bytes()).iter().take(HASH_CHARS / 2) {
        out.push_str(&format!("{byte:02x}"));
    }
    // Windows reserves `con.txt` too; `con-…` is free.
    if RESERVED.contains(&out.split('.').next().unwrap_or("")) {
        out.insert(0, 'x');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_safe_id_is_its_own_slug() {
        for id in ["bucket", "1.2", "api-tests", "a_b", "t001", "v1.2.3", "x"] {
            assert_eq!(slug(id), id);
        }
    }

    #[test]
    fn ids_that_look_alike_stay_apart_on_any_file_system() {
        let ids = [
            "a/b",
            "a b",
            "a-b",
            "A-B",
            "a..b",
            "A/b",
            "Ä",
            "Ö",
            "日本",
            "..",
            ".",
            "-",
            "",
            " ",
            "con",
            "con.txt",
            "CON",
            "nul.tar.gz",
            "x.lock",
            "x.LOCK",
            ".git",
            "-rf",
            "a.",
            "a",
            "A",
            "HEAD",
            "head",
            "@",
            "@{u}",
            "a~1",
            "a^",
            "a:b",
            "a\\b",
            "a?b",
            "a*b",
            "[a",
            "\u{7f}",
        ];
        let mut seen = BTreeMap::new();
        for id in ids {
            let s = slug(id);
            assert!(s == id || looks_hashed(&s), "{id:?} -> {s}");
            if let Some(other) = seen.insert(s.clone(), id) {
                panic!("{id:?} and {other:?} share {s}");
            }
        }
        // What a hash made is an id too: it must not meet the id that it was made of.
        let made = slug("A");
        assert_ne!(slug(&made), made);
    }

    #[test]
    fn plan_and_task_are_told_apart_in_a_key() {
        assert_ne!(key_slug(&TaskKey::new("a/b", "c")), key_slug(&TaskKey::new("a", "b/c")));
        assert_ne!(key_slug(&TaskKey::new("a", "b-c")), key_slug(&TaskKey::new("a-b", "c")));
    }

    #[test]
    fn every_slug_of_random_ids_is_safe_and_its_own() {
        let mut rng = greenlane_testkit::fuzz::seeded();
        let alphabet: Vec<char> = "abAB01./-_ \\:@~^*?[{éß日\u{1}\t".chars().collect();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..20_000 {
            let id: String = (0..rng.usize(..90)).map(|_| alphabet[rng.usize(..alphabet.len())]).collect();
            let s = slug(&id);
            assert!(!s.is_empty() && s.len() <= SLUG_CHARS_MAX, "{id:?} -> {s:?}");
            assert!(s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b)), "{id:?} -> {s:?}");
            assert!(
                !s.starts_with(['.', '-']) && !s.ends_with(['.', '-']) && !s.contains("..") && !s.ends_with(".lock"),
                "{id:?} -> {s:?}"
            );
            assert_eq!(s, slug(&id), "the same each time");
            if let Some(other) = seen.insert(s.clone(), id.clone()) {
                assert_eq!(other, id, "share {s}");
            }
        }
    }
}
