//! The agents of `tests/agents/install-more.sh` through `greenlane run`, where `GREENLANE_MORE_AGENTS` says where they are; and prompts
//! that no argument can hold, with every agent.

use greenlane_testkit::real_agent::{ACP_AGENTS, MORE_ACP_AGENTS, MORE_AGENTS, REAL_AGENTS};

use super::*;

/// The text of a prompt of more than 200 KB: more than one argument can have.
fn background() -> String {
    "Some background that has to be read.\n".repeat(6_000)
}

fn lands(name: &str, script: &str) -> Option<Told> {
    let stage = Stage::new(name)?;
    let told = stage.run(script, "check = [\"grep -qx hello hello.txt\"]");
    assert_eq!((told.ran.code, &told.task["state"], told.attempts().len()), (0, &json!("done"), 1), "{name}: {told:?}");
    let branch = told.status["run"]["branch"].as_str().unwrap();
    assert_eq!(stage.sandbox.files_on(branch), ["README.md", "greenlane.toml", "hello.txt"], "{name}: and nothing of its own");
    Some(told)
}

/// Each of them does its work, and what it leaves besides lands nowhere.
#[test]
fn each_of_more_lands_its_work() {
    for name in MORE_AGENTS.into_iter().chain(MORE_ACP_AGENTS) {
        let Some(told) = lands(name, WRITE) else { continue };
        let report = told.report(0);
        assert!(name == "aider" || report["tool_calls"] == 1, "{name}: {report}");
    }
}

/// All but cline, which is pointed at its prompt's file: its model would have to read it.
#[test]
fn each_takes_a_prompt_that_no_argument_can_hold() {
    for name in REAL_AGENTS.into_iter().chain(ACP_AGENTS).chain(MORE_AGENTS).chain(MORE_ACP_AGENTS).filter(|name| *name != "cline") {
        lands(name, &format!("{}{WRITE}", background()));
    }
}

/// It starts, and its model hears from it: whatever a task says, it is no argument that the system refuses.
#[test]
fn cline_is_pointed_at_a_prompt_that_no_argument_can_hold() {
    let Some(stage) = Stage::new("cline") else { return };
    let told = stage.run(&format!("{}{WRITE}", background()), "retries = 0\nrepairs = 0");
    assert_eq!((&told.task["state"], &told.attempts()[0]["outcome"]), (&json!("failed"), &json!("no_change")), "{told:?}");
    assert!(!stage.server.requests().is_empty());
}
