//! The agents that speak the Agent Client Protocol, through the one client: the same agents, and the same is asked of them.

use super::*;

const CLAUDE: Habits = Habits { name: "claude-acp", ..super::CLAUDE };
const GEMINI: Habits = Habits { name: "gemini-acp", ..super::GEMINI };
const OPENCODE: Habits = Habits { name: "opencode-acp", ..super::OPENCODE };

/// It does its work, asks before it where it does, and tells its tokens.
fn lands_its_work(habits: &Habits, input_tokens: u64, output_tokens: u64) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let told = stage.run(&format!("{WRITE}\nSCRIPT: run grep -c hello hello.txt"), "check = [\"grep -qx hello hello.txt\"]");
    assert_eq!(told.ran.code, 0, "{told:?}");
    assert_eq!((&told.task["state"], &told.attempts()[0]["outcome"]), (&json!("done"), &json!("succeeded")), "{told:?}");
    let branch = told.status["run"]["branch"].as_str().unwrap();
    assert_eq!(stage.sandbox.files_on(branch), ["README.md", "greenlane.toml", "hello.txt"], "and nothing of the agent's own");
    let usage = &told.attempts()[0]["usage"];
    assert_eq!([&usage["input_tokens"], &usage["output_tokens"]], [input_tokens, output_tokens], "{usage}");
    let report = told.report(0);
    assert!(report["session"].as_str().is_some_and(|s| !s.is_empty()) && report["model"].is_string(), "{report}");
    assert_eq!((&report["tool_calls"], &report["last_message"]), (&json!(2), &json!("scripted: done")), "{report}");
    let logs = Ran::of(stage.sandbox.command(&["logs", "t"]).output().unwrap()).stdout;
    assert!(logs.contains("▸ edits hello.txt") && logs.contains("▸ runs `grep -c hello hello.txt`"), "{logs}");
    assert_eq!(stage.server.count("write"), 1, "{:?}", stage.server.requests());
}

#[test]
fn claude_lands_its_work() {
    lands_its_work(&CLAUDE, 3_600, 150);
}

#[test]
fn gemini_lands_its_work() {
    lands_its_work(&GEMINI, 3_000, 150);
}

/// Of its tokens it tells those of the last call.
#[test]
fn opencode_lands_its_work() {
    lands_its_work(&OPENCODE, 1_000, 50);
}

/// What it may not do outside of its worktree it does not do, and goes on.
#[test]
fn claude_is_refused_what_leaves_its_worktree() {
    let Some(stage) = Stage::new(CLAUDE.name) else { return };
    let outside = stage.sandbox.path("outside.txt");
    let script = format!("SCRIPT: write path=../../../../../../../..{} text=x\n{WRITE}", outside.display());
    let told = stage.run(&script, "");
    assert_eq!((told.ran.code, &told.task["state"]), (0, &json!("done")), "{told:?}");
    assert!(!outside.exists());
    let denied = told.report(0)["denied"][0].as_str().unwrap_or_default().to_owned();
    assert!(denied.contains("lies outside of the worktree"), "{denied} {told:?}");
}

/// By its entry it gets no permission at all: it can do nothing, and says that it is done.
#[test]
fn claude_that_may_do_nothing_changes_nothing() {
    let Some(stage) = Stage::new(CLAUDE.name) else { return };
    let config = stage.agent.config.replace("[agents.claude-acp]\n", "[agents.claude-acp]\npermissions = \"none\"\n");
    stage.sandbox.write("greenlane.toml", &config);
    stage.sandbox.git(&["commit", "-qam", "Nothing"]);
    let told = stage.run(WRITE, "retries = 0");
    assert_eq!((told.ran.code, &told.task["state"]), (1, &json!("failed")), "{told:?}");
    assert!(told.report(0)["denied"][0].as_str().unwrap_or_default().contains("its entry allows nothing"), "{told:?}");
}

/// The tools of `greenlane mcp` come with the session.
#[test]
fn each_is_given_tools_and_calls_one() {
    for habits in [CLAUDE, GEMINI, OPENCODE] {
        let Some(stage) = Stage::new(habits.name) else { continue };
        let told = stage.run(&format!("SCRIPT: tool progress {{\"percent\": 40, \"text\": \"half way\"}}\n{WRITE}"), "");
        assert_eq!((told.ran.code, &told.task["state"]), (0, &json!("done")), "{told:?}");
        assert_eq!(stage.server.count("tool progress"), 1, "{}: {:?}", habits.name, stage.server.requests());
        assert_eq!(stage.sandbox.count("attempt_progress"), 1, "{}: {told:?}", habits.name);
    }
}

#[test]
fn claude_fails_with_the_providers_rate_limit() {
    fails_as_its_provider(&CLAUDE, 429, "rate_limit");
}

#[test]
fn gemini_fails_with_the_providers_rate_limit() {
    fails_as_its_provider(&GEMINI, 429, "rate_limit");
}

#[test]
fn opencode_fails_with_the_providers_rate_limit() {
    fails_as_its_provider(&OPENCODE, 429, "rate_limit");
}

#[test]
fn claude_fails_with_the_providers_own_failure() {
    fails_as_its_provider(&CLAUDE, 500, "server_error");
}

#[test]
fn gemini_fails_with_the_providers_own_failure() {
    fails_as_its_provider(&GEMINI, 500, "server_error");
}

#[test]
fn each_is_ended_when_it_hangs() {
    for habits in [CLAUDE, GEMINI, OPENCODE] {
        is_ended_when_it_hangs(&habits);
    }
}

#[test]
fn claude_lands_on_the_second_attempt() {
    lands_on_the_second_attempt(&CLAUDE);
}

/// It loads the session that it wrote in an earlier minute. In the same minute it writes an empty one over it while it loads (its files' names
/// have minutes), does not find it, and the second attempt begins a new one and says so. Which of the two happens is the clock's choice.
#[test]
fn gemini_lands_on_the_second_attempt_whether_it_finds_its_session_or_not() {
    let Some(stage) = Stage::new(GEMINI.name) else { return };
    let script = format!("{WRITE}\nSCRIPT: error 429 times={}", GEMINI.tries_at_429);
    let told = stage.run_with(&script, "", &[("GREENLANE_QUOTA_PAUSE", "1s")]);
    assert_eq!((told.ran.code, &told.task["state"], told.attempts().len()), (0, &json!("done"), 2), "{told:?}");
    assert_eq!(told.failure(0), json!(["api_error", "rate_limit"]), "{told:?}");
    let session = |attempt: &str| {
        let logs = Ran::of(stage.sandbox.command(&["logs", "t", "--attempt", attempt, "--raw"]).output().unwrap()).stdout;
        let line = logs.lines().find(|l| l.contains("\"acp.session\"")).unwrap_or_else(|| panic!("{logs}"));
        (serde_json::from_str::<Value>(line).unwrap(), logs)
    };
    let ((first, _), (second, logs)) = (session("1"), session("2"));
    let begins_anew = logs.contains("it cannot go on with session ");
    assert_eq!((first["resumed"] == true, second["resumed"] == true), (false, !begins_anew), "{logs}");
    assert_eq!(first["session"] == second["session"], !begins_anew, "{logs}");
}

/// Stopped in the middle of its turn: the turn is cancelled, what was written is kept, and nothing is left running.
#[test]
fn each_is_stopped() {
    for habits in [CLAUDE, GEMINI, OPENCODE] {
        let Some(stage) = Stage::new(habits.name) else { continue };
        let child = stage.start(&format!("{WRITE}\nSCRIPT: hang"), "retries = 0", &[]);
        assert!(stage.server.wait_for("hang", 1, LIMIT), "it never asked its model: {:?}", stage.server.requests());
        let stopped = Ran::of(stage.sandbox.command(&["stop", "t"]).output().unwrap());
        assert_eq!(stopped.code, 0, "{stopped:?}");
        let told = stage.told(child);
        assert_eq!((&told.task["state"], &told.attempts()[0]["outcome"]), (&json!("cancelled"), &json!("cancelled")), "{told:?}");
        let logs = Ran::of(stage.sandbox.command(&["logs", "t", "--raw"]).output().unwrap()).stdout;
        let stop = logs.lines().rfind(|l| l.contains("\"acp.stop\"")).map(|l| serde_json::from_str::<Value>(l).unwrap());
        // opencode does not always hear it while its model hangs.
        let heard = stop.map(|s| s["asked"] == true);
        assert!(heard == Some(true) || (heard.is_none() && habits.name == OPENCODE.name), "{}: {logs}", habits.name);
    }
}
