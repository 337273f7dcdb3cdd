//! Every format of a plan, damaged: read, checked, shown, written and read again.

use greenlane_core::plan::{Plan, PlanSource, Reading, check_together, digests, read, summary};
use greenlane_testkit::fuzz::Target;

use crate::plan_seeds::{SEEDS, TOKENS};

/// Findings, the word about those that are left out, and one for the whole file at most.
const FINDINGS_MAX: usize = 210;

fn read_as(path: &str, text: &str) -> Reading {
    let files = |p: &str| if p == "ok.md" { Ok(String::from("from the file")) } else { Err(String::from("no such file")) };
    read(&PlanSource { path: String::from(path), text: String::from(text), folder_id: None, files: &files, format: None })
}

/// What must be true of any text, and the kinds of findings it gave.
fn check(path: &str, bytes: &[u8]) -> Vec<String> {
    // What is not UTF-8 is refused where files are read.
    let text = String::from_utf8_lossy(bytes);
    let reading = read_as(path, &text);
    let lines = text.split('\n').count();
    assert!(reading.diagnostics.len() <= FINDINGS_MAX, "{} findings", reading.diagnostics.len());
    assert_eq!(reading.plan.is_none(), reading.diagnostics.iter().any(|d| d.is_error()), "an error, or a plan");
    let mut told = 0;
    for found in &reading.diagnostics {
        assert!(found.line as usize <= lines, "line {} of {lines}", found.line);
        assert!(!found.message.trim().is_empty() && !found.message.contains('\n'), "{:?}", found.message);
        told += found.message.len() + found.hint.as_ref().map_or(0, String::len) + found.source_line.as_ref().map_or(0, String::len);
        let shown = found.render(true);
        assert!(shown.len() <= 16_000, "{} bytes about one finding", shown.len());
    }
    assert!(told <= 2 << 20, "{told} bytes of findings about {}", bytes.len());
    if let Some(plan) = &reading.plan {
        same_again(plan);
        let shown = summary(plan, 5);
        assert!(shown.is_ok(), "a plan without errors has no cycle: {shown:?}");
        assert!(check_together(std::slice::from_ref(plan)).is_empty());
    }
    reading.diagnostics.iter().map(|d| d.message.chars().filter(|c| c.is_alphabetic() || *c == ' ').take(24).collect()).take(12).collect()
}

/// As the journal has it: what was written is read as the same plan.
fn same_again(plan: &Plan) {
    let written = serde_json::to_string(plan).unwrap_or_else(|e| panic!("it cannot be written: {e}"));
    let again: Plan = serde_json::from_str(&written).unwrap_or_else(|e| panic!("it cannot be read again: {e}"));
    assert!(again == *plan, "another plan came back: {written:.2000}");
    assert_eq!(digests(&again), digests(plan));
}

fn fuzz(path: &str, cases: u64) {
    let own = SEEDS.iter().filter(|(p, _)| p.rsplit('.').next() == path.rsplit('.').next());
    let seeds = own.map(|(_, text)| text.as_bytes().to_vec()).collect();
    Target { name: path, cases, seeds, tokens: TOKENS, ..Target::default() }.run(|bytes| check(path, bytes));
}

#[test]
fn damaged_toml() {
    fuzz("plan.toml", 800);
}

#[test]
fn damaged_json() {
    fuzz("plan.json", 800);
}

#[test]
fn damaged_markdown() {
    fuzz("plan.md", 800);
}
