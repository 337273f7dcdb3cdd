//! Globs against hand-made cases, against another implementation, and against every small path.

use super::*;

#[test]
fn overlaps_as_people_mean_them() {
    let yes = [
        ("src/**", "src/a.rs"),
        ("src/foo/", "src/foo/x/y.rs"),
        ("src/foo", "src/foo/x.rs"),
        ("src/foo", "src/foo"),
        ("./src/a.rs", "src/a.rs"),
        ("src//a.rs", "src/./a.rs"),
        ("**/*.rs", "src/limit/**"),
        ("*.{rs,toml}", "Cargo.*"),
        ("src/[a-c]*.rs", "src/[!a]*.rs"),
        ("a/**/z", "a/b/**"),
        ("a/**/z", "a/z"),
        ("**", "x"),
        (".", "deep/down.txt"),
        ("a?c", "a[b]c"),
        ("{src,tests}/**", "tests/it.rs"),
        ("src/a", "src/"),
        ("a*c", "*b*"),
        ("a/*/z", "a/z"),
        (".github", ".github/workflows/ci.yml"),
        ("docs/v1.2", "docs/v1.2/index.md"),
        (r"a\*b", r"a\*b"),
    ];
    for (a, b) in yes {
        assert!(globs_overlap(a, b) && globs_overlap(b, a), "{a} and {b} overlap");
    }
    let no = [
        ("src/**", "tests/**"),
        ("src/*", "src/a/b"),
        ("src/foo", "src/foobar"),
        ("*.rs", "src/a.rs"),
        ("*.rs", "*.toml"),
        ("src/[a-c]*.rs", "src/[!a-c]*.rs"),
        ("a/*/z.c", "a/z.c"),
        ("src/lib.rs", "**/*.md"),
        (".github/x.yml", ".github/*/y.yml"),
        ("a?c", "ac"),
        ("{a,b}/x", "c/x"),
        (r"a\*b", "axb"),
        ("SRC/a", "src/a"),
        ("a*b", "a*c"),
    ];
    for (a, b) in no {
        assert!(!globs_overlap(a, b) && !globs_overlap(b, a), "{a} and {b} have nothing in common");
    }
}

#[test]
fn a_wrong_glob_says_why() {
    let cases = [
        ("", "is empty"),
        ("/etc/passwd", "lies outside the repository: write it relative to the repository's root"),
        ("C:/x", "lies outside the repository: write it relative to the repository's root"),
        ("~/x", "lies outside the repository: write it relative to the repository's root"),
        ("src/../../x", "lies outside the repository: `..` is not allowed"),
        ("src/[a", "has a `[` without its `]`"),
        ("a[/]b", "has a `[` without its `]`"),
        ("src/[z-a]", "has the range `z-a`, which runs backwards"),
        ("{a,b", "has a `{` without its `}`"),
        ("a}", "has a `}` without its `{`"),
        ("a\\", "ends with a lone `\\`"),
        ("!src", "is a negation, which ownership does not know: name what is owned"),
        ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "stands for more than 256 alternatives"),
        ("a\nb", "has a control character"),
    ];
    for (glob, why) in cases {
        assert_eq!(Glob::new(glob).map(|g| g.text), Err(String::from(why)), "{glob}");
    }
    assert!(Glob::new(&"x".repeat(5000)).is_err());
}

#[test]
fn globs_that_nobody_writes_take_no_time() {
    let long = |letter: &str| format!("{letter}/{}x", format!("**/*{letter}*/").repeat(200));
    let (a, b) = (Glob::new(&long("a")).expect("a glob"), Glob::new(&long("b")).expect("a glob"));
    assert!(!a.overlaps(&b), "they begin differently");
    let many: Vec<Glob> = (0..100).map(|n| Glob::new(&format!("**/*{n}/{}x", "**/*a*/".repeat(400))).expect("a glob")).collect();
    assert!(many.iter().all(|a| many.iter().all(|b| a.overlaps(b))), "the safe side");
    let path = "a/".repeat(2_000) + "y";
    assert!(many.iter().all(|a| !a.matches(&path)), "matching is exact");
    assert!(Glob::new(&format!("{{{}}}{}", "ab,".repeat(200), "x".repeat(2_000))).is_err());
}

#[test]
fn ownership_names_the_glob_that_is_wrong() {
    assert_eq!(Ownership::new(&[String::from("src"), String::from("/x")]).err().map(|e| e.starts_with("`/x` lies outside")), Some(true));
    let own = Ownership::new(&[String::from("src/limit/**"), String::from("Cargo.toml")]).expect("both are globs");
    assert!(own.matches("src/limit/a/b.rs") && own.matches("Cargo.toml"));
    assert!(!own.matches("src/lib.rs") && !own.matches("x/Cargo.toml"));
    assert!(Ownership::new(&[]).expect("none").matches("anything"));
}

fn random_glob(rng: &mut fastrand::Rng) -> String {
    let names = ["a", "b", "ab", "*", "?", "**", "a*", "*b", "[ab]", "[!a]", "{a,b}", "a?", "[a-c]b", "{a,**}", "*a*"];
    let names: Vec<&str> = (0..rng.usize(1..4)).map(|_| names[rng.usize(..names.len())]).collect();
    names.join("/") + ["", "", "", "/"][rng.usize(..4)]
}

/// All paths of up to three names made of up to two of the letters a, b, c.
fn small_paths() -> Vec<String> {
    let letters = ["a", "b", "c"];
    let mut names: Vec<String> = letters.iter().map(|l| String::from(*l)).collect();
    for x in letters {
        names.extend(letters.iter().map(|y| format!("{x}{y}")));
    }
    let mut paths = names.clone();
    for _ in 0..2 {
        let longer: Vec<String> = paths.iter().flat_map(|p| names.iter().map(move |n| format!("{p}/{n}"))).collect();
        paths.extend(longer);
    }
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn matching_agrees_with_globset_and_overlap_with_brute_force() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    let paths = small_paths();
    let oracle = |text: &str| {
        globset::GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build().expect("a glob").compile_matcher()
    };
    let mut globs = Vec::new();
    for _ in 0..60 {
        let text = random_glob(&mut rng);
        let glob = Glob::new(&text).expect("a glob");
        // globset knows no bare folders, so they are spelled out for it; `**` inside braces it reads otherwise.
        let spelled = text.trim_end_matches('/');
        let own = oracle(spelled);
        let below = oracle(&format!("{spelled}/**"));
        let last = spelled.rsplit('/').next().unwrap_or("");
        let bare = !last.contains(['*', '?', '[']);
        let set: Vec<bool> = paths.iter().map(|p| glob.matches(p)).collect();
        if !text.contains("{a,**}") {
            for (path, mine) in paths.iter().zip(&set) {
                let theirs = if text.ends_with('/') { below.is_match(path) } else { own.is_match(path) || bare && below.is_match(path) };
                assert_eq!(*mine, theirs, "{text} and {path}");
            }
        }
        globs.push((glob, set));
    }
    for (a, in_a) in &globs {
        for (b, in_b) in &globs {
            let common = in_a.iter().zip(in_b).any(|(x, y)| *x && *y);
            // Three names of two letters are enough for a common path, unless the globs are longer than that.
            if common || a.text.matches('/').count() + b.text.matches('/').count() <= 2 {
                assert_eq!(a.overlaps(b), common, "{a:?} and {b:?}");
            }
        }
    }
}
