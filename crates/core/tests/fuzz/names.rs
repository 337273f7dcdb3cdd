//! Globs against every short path, slugs against each other, durations and branches against themselves.

use std::collections::BTreeMap;

use greenlane_core::ids::TaskKey;
use greenlane_core::overlap::{Glob, Overlaps, globs_overlap};
use greenlane_core::plan::check_branch;
use greenlane_core::slug::{SLUG_CHARS_MAX, key_slug, slug};
use greenlane_core::time::{format_duration, parse_duration};
use greenlane_testkit::fuzz::random;

const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    "ab",
    "*",
    "?",
    "**",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "{a,b}",
    "{a,**}",
    "{,a}",
    "{a/b,c}",
    "{a,{b,c}}",
    "/",
    "/",
    "/",
    ".",
    "./",
    "\\*",
    "\\a",
    "**/",
    "/**",
    "]",
    "[]a]",
    "é",
];

fn glob(rng: &mut fastrand::Rng) -> String {
    (0..rng.usize(1..8)).map(|_| PIECES[rng.usize(..PIECES.len())]).collect()
}

fn path(rng: &mut fastrand::Rng) -> String {
    let name = |rng: &mut fastrand::Rng| (0..rng.usize(1..4)).map(|_| ["a", "b", "c", "*", ".", "é"][rng.usize(..6)]).collect::<String>();
    (0..rng.usize(1..5)).map(|_| name(rng)).filter(|n| !n.chars().all(|c| c == '.')).collect::<Vec<_>>().join("/")
}

#[test]
fn globs_with_a_common_path_overlap() {
    random("globs", 3_000, |rng| {
        let texts: Vec<String> = (0..6).map(|_| glob(rng)).collect();
        let globs: Vec<Glob> = texts.iter().filter_map(|t| Glob::new(t).ok()).collect();
        let owns: Vec<Vec<String>> = globs.iter().map(|g| vec![String::from(g.as_str())]).collect();
        let index = Overlaps::new(owns.iter().map(Vec::as_slice));
        let pairs = index.pairs(100).list;
        for path in (0..40).map(|_| path(rng)).filter(|p| !p.is_empty()) {
            let of_path: Vec<usize> = (0..globs.len()).filter(|n| globs[*n].matches(&path)).collect();
            for (x, a) in of_path.iter().enumerate() {
                for b in &of_path[x + 1..] {
                    let (one, two) = (globs[*a].as_str(), globs[*b].as_str());
                    assert!(globs_overlap(one, two) && globs_overlap(two, one), "`{one}` and `{two}` have `{path}` in common");
                    assert!(pairs.iter().any(|p| (p.first, p.second) == (*a, *b)), "`{one}` and `{two}` in the index: `{path}`");
                }
            }
        }
        for (one, two) in texts.iter().zip(texts.iter().skip(1)) {
            assert_eq!(globs_overlap(one, two), globs_overlap(two, one), "`{one}` and `{two}`");
        }
    });
}

#[test]
fn slugs_stay_apart() {
    let alphabet: Vec<char> = "abAB01./-_ +\\:@~^*?[{éß日\u{1}\t\u{200d}ﬁİ".chars().collect();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut keys: BTreeMap<String, (String, String)> = BTreeMap::new();
    random("slugs", 20_000, |rng| {
        let mut word = |max: usize| (0..rng.usize(..max)).map(|_| alphabet[rng.usize(..alphabet.len())]).collect::<String>();
        let (id, plan, task) = (word(70), word(4), word(4));
        // What a slug was made into may be an id too.
        for id in [slug(&id), id] {
            let made = slug(&id);
            assert!(!made.is_empty() && made.len() <= SLUG_CHARS_MAX && check_branch(&made).is_ok(), "{id:?}: {made:?}");
            assert_eq!(made.to_lowercase(), made);
            if seen.len() < 1_000_000
                && let Some(other) = seen.insert(made.clone(), id.clone())
            {
                assert_eq!(other, id, "share {made}");
            }
        }
        let key = key_slug(&TaskKey::new(plan.as_str(), task.as_str()));
        if keys.len() < 1_000_000
            && let Some(other) = keys.insert(key.clone(), (plan.clone(), task.clone()))
        {
            assert_eq!(other, (plan, task), "share {key}");
        }
    });
}

#[test]
fn durations_are_read_as_they_are_written() {
    let pieces = [
        "0",
        "1",
        "90",
        "18446744073709551615",
        "9",
        ".",
        "e",
        "5",
        "-",
        "ms",
        "s",
        "m",
        "h",
        "d",
        " ",
        "min",
        "inf",
        "nan",
        "é",
        "584542046090",
    ];
    random("durations", 20_000, |rng| {
        let text: String = (0..rng.usize(1..6)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
        if let Ok(read) = parse_duration(&text) {
            let written = format_duration(read);
            assert_eq!(parse_duration(&written), Ok(read), "{text}: {written}");
        }
    });
}
