//! The fault suite: what dies, stops, floods, fills up or lies, with real processes. `docs/reliability.md` has a row for each of these
//! tests: what is promised, and what was seen.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

#[path = "faults/agents.rs"]
mod agents;
#[path = "faults/clocks.rs"]
mod clocks;
#[path = "faults/files.rs"]
mod files;
#[path = "faults/kills.rs"]
mod kills;

use common::{Running, Sandbox, await_file, wait_for};

/// A task that notes that it ran, its shell's process id, and waits until `$OUT/go` is there.
fn waits(id: &str) -> String {
    format!(
        "[[task]]\nid = \"{id}\"\nrun = \"echo {id} >> $OUT/ran; echo $$ > $OUT/{id}.pid; echo half > {id}; touch $OUT/{id}.on; {}; echo all > {id}\"\n",
        await_file("go")
    )
}

/// A task that comes after `a`.
const AFTER: &str = "[[task]]\nid = \"after\"\ndepends = [\"a\"]\nrun = \"echo after >> $OUT/ran; echo > after\"\n";

fn go(s: &Sandbox) {
    std::fs::write(s.out("go"), "").unwrap();
}

/// The run of [`waits`]`("a")` and [`AFTER`], with `a` at work.
fn at_work(s: &Sandbox, flags: &[&str]) -> Running {
    let run = s.start(s.run_command(&plan(), flags));
    wait_for(&s.out("a.on"));
    run
}

fn plan() -> String {
    waits("a") + AFTER
}

/// The shell of `a`'s latest attempt.
fn agent(s: &Sandbox) -> u32 {
    common::eventually("the pid is written", || !s.out_lines("a.pid").is_empty());
    s.out_lines("a.pid")[0].trim().parse().unwrap()
}

/// The keeper of `a`'s first attempt.
fn keeper(s: &Sandbox) -> u32 {
    u32::try_from(s.task("a")["attempts"][0]["pid"].as_u64().unwrap()).unwrap()
}

/// Both tasks landed, exactly once, nothing of Greenlane's runs any more, and no worktree is held.
fn all_is_well(s: &Sandbox) {
    let states = s.states();
    assert!(states.values().all(|s| s == "done"), "{states:?}");
    assert_eq!(s.landed_files(), ["a", "after"]);
    assert_eq!(s.git(&["show", &format!("{}:a", s.branch())]), "all");
    assert_eq!(s.events("batch_landed").len(), 2, "each landed once");
    assert!(s.worktree_notes().iter().all(|note| note["holding"] == "free"), "{:#?}", s.worktree_notes());
    assert_eq!(ours(s), Vec::<String>::new(), "no process is left");
}

/// What runs of this sandbox's attempts and keepers: whoever has it in its environment or its arguments.
fn ours(s: &Sandbox) -> Vec<String> {
    let mark = s.path("").display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name| std::fs::read(entry.path().join(name)).map(|b| String::from_utf8_lossy(&b).replace('\0', " "));
        let (Ok(environ), Ok(line)) = (read("environ"), read("cmdline")) else { continue };
        let keeper = line.contains("__keeper") && line.contains(&mark);
        if (keeper || environ.contains(&mark) && environ.contains("GREENLANE_ATTEMPT=")) && common::lives(pid) {
            found.push(format!("{pid} {line}"));
        }
    }
    found
}

/// The table of what is promised names each test of this suite, and no test that is not there.
#[test]
fn the_table_and_the_suite_agree() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let doc = std::fs::read_to_string(crates.join("../../docs/reliability.md")).unwrap();
    let rows = doc.lines().filter(|l| l.starts_with('|'));
    let named: Vec<&str> = rows.filter_map(|l| l.rsplit('|').nth(1)?.trim().strip_prefix('`')?.strip_suffix('`')).collect();
    let texts = |dir: std::path::PathBuf| {
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file());
        files.map(|p| std::fs::read_to_string(p).unwrap()).collect::<String>()
    };
    let (suite, others) = (texts(crates.join("tests/faults")), texts(crates.join("tests")) + &texts(crates.join("tests/git_reality")));
    for name in &named {
        let is_there = format!("fn {name}(");
        assert!(suite.contains(&is_there) || others.contains(&is_there), "docs/reliability.md names `{name}`, which is no test");
    }
    for test in suite.split("#[test]\nfn ").skip(1) {
        let name = test.split('(').next().unwrap();
        assert!(named.contains(&name), "docs/reliability.md has no row for `{name}`");
    }
    assert!(named.len() > 30, "{named:?}");
}
