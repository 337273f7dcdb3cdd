//! Wrong plans of every format, and the exact message that each gets; a file a topic.

mod beads;
mod ids;
mod json;
mod kitty;
mod lists;
mod markdown;
mod order;
mod packages;
mod phases;
mod prd;
mod shape;
mod spec_kit;
mod task_master;
mod values;
mod work;

use greenlane_core::plan::{PlanSource, read};

/// What is wrong, the file's name, its text, the message.
pub type Case = (&'static str, &'static str, &'static str, &'static str);

const TOPICS: [&[Case]; 15] = [
    shape::CASES,
    ids::CASES,
    order::CASES,
    work::CASES,
    values::CASES,
    json::CASES,
    markdown::CASES,
    lists::CASES,
    prd::CASES,
    spec_kit::CASES,
    phases::CASES,
    packages::CASES,
    beads::CASES,
    task_master::CASES,
    kitty::CASES,
];

/// The prompt file `ok.md` exists, no other.
fn files(path: &str) -> Result<String, String> {
    if path == "ok.md" { Ok(String::from("from the file")) } else { Err(String::from("no such file")) }
}

#[test]
fn every_wrong_plan_gets_its_message() {
    let mut wrong = Vec::new();
    for (name, path, text, expected) in TOPICS.concat() {
        let reading = read(&PlanSource::new(path, text, &files));
        let message: String = reading.diagnostics.iter().map(|d| d.render(false)).collect();
        if message != expected || reading.plan.is_some() {
            wrong.push(format!("--- {name}\n{message}--- instead of\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(TOPICS.concat().len() >= 170);
}

#[test]
fn what_grows_has_limits() {
    let errors = |text: String| {
        let reading = read(&PlanSource::new("p", text, &files));
        assert!(reading.plan.is_none());
        reading.diagnostics
    };
    let long = errors(format!("[[task]]\nid = 'a'\nprompt = '{}'", "x".repeat(11 << 20)));
    assert_eq!(long[0].render(false), "error: the plan is longer than 10 MB\n --> p\n");
    let many = errors("- [ ] a\n".repeat(100_001));
    assert_eq!(many[0].message, "the plan has 100001 tasks, more than 100000");
    let wrong = errors("[[task]]\n".repeat(5000));
    assert_eq!(wrong.len(), 201, "the first findings, and how many more");
    assert_eq!(wrong[200].message, "9800 more findings are not shown");
    let much = errors(format!("[defaults]\nprompt = '{}'\n{}", "x".repeat(500_000), "[[task]]\nid = 'a'\ntitle = 't'\n".repeat(5_000)));
    let told = "with defaults and prompt files the tasks hold more than 64 MB";
    assert_eq!(much.iter().filter(|d| d.message == told).count(), 1);
    let variables: String = (0..5_000).map(|n| format!("A{n}='x',")).collect();
    let much = errors(format!("[defaults]\nenv = {{{variables}}}\n{}", "[[task]]\nid = 'a'\nrun = 't'\n".repeat(5_000)));
    assert_eq!(much.iter().filter(|d| d.message == told).count(), 1);
    let prompt = errors(format!("[[task]]\nid = 'a'\nprompt = '{}'", "x".repeat(2 << 20)));
    assert_eq!(prompt[0].message, "`prompt` is longer than 1048576 bytes");
}
