//! The real agents, started by `greenlane run` on a plan, against the scripted model: judged by what Greenlane reports.
//!
//! They need `tests/agents/install.sh`. An agent that is not installed is left out and named, unless `GREENLANE_REQUIRE_AGENTS` demands it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "real_agents/acp.rs"]
mod acp;
mod common;
#[path = "real_agents/more.rs"]
mod more;

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Ran, Sandbox};
use greenlane_testkit::model_server::ModelServer;
use greenlane_testkit::real_agent::{RealAgent, is_wanted};
use serde_json::{Value, json};

/// An agent that has not asked its model by then never will; opencode needs 8 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Without evidence of work for so long, an attempt whose model hangs is ended.
const STALL: &str = "5s";
/// How long one that waits as its provider says may run: several times what it needs until its first call.
const PATIENCE: &str = "40s";

/// What one agent does where others end by themselves.
struct Habits {
    name: &'static str,
    /// How often it calls a model that answers with 429 before it gives up.
    tries_at_429: u32,
    /// It waits as long as the provider says, instead of giving up.
    patient: bool,
}

const CLAUDE: Habits = Habits { name: "claude", tries_at_429: 2, patient: false };
const CODEX: Habits = Habits { name: "codex", tries_at_429: 1, patient: false };
const GEMINI: Habits = Habits { name: "gemini", tries_at_429: 2, patient: false };
const OPENCODE: Habits = Habits { name: "opencode", tries_at_429: 1, patient: true };

/// A repository whose configuration points one agent at a model of its own.
struct Stage {
    server: ModelServer,
    sandbox: Sandbox,
    agent: RealAgent,
}

impl Stage {
    fn new(name: &str) -> Option<Self> {
        if !is_wanted(name) {
            return None;
        }
        let server = ModelServer::start().unwrap();
        let sandbox = Sandbox::new(&[]);
        let agent = RealAgent::new(name, server.url(), &sandbox.path("")).unwrap();
        sandbox.write("greenlane.toml", &agent.config);
        sandbox.git(&["add", "-A"]);
        sandbox.git(&["commit", "-qm", "Agents"]);
        Some(Self { server, sandbox, agent })
    }

    /// Starts `greenlane run` on one task with this script, in the environment of a user who has this agent and nothing else.
    fn start(&self, script: &str, keys: &str, variables: &[(&str, &str)]) -> Child {
        let name = self.agent.name;
        let script = script.replace('\\', "\\\\");
        let plan = format!(
            r#"
id = "real"
verify = ["test ! -e hello.txt || grep -qx hello hello.txt"]
[[task]]
id = "t"
title = "Greet"
agent = "{name}"
owns = ["hello.txt"]
prompt = """
Greet, please.
{script}
"""
{keys}
"#
        );
        let plan = self.sandbox.plan("real.toml", &plan);
        let mut command = self.sandbox.command(&["run", plan.to_str().unwrap(), "-j", "1"]);
        let own: Vec<_> = command.get_envs().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect();
        command.env_clear().envs(own).envs(&self.agent.env).envs(variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, script: &str, keys: &str) -> Told {
        self.run_with(script, keys, &[])
    }

    fn run_with(&self, script: &str, keys: &str, variables: &[(&str, &str)]) -> Told {
        self.told(self.start(script, keys, variables))
    }

    fn told(&self, child: Child) -> Told {
        let ran = Ran::of(child.wait_with_output().unwrap());
        let status = self.sandbox.status();
        let records = self.sandbox.events("attempt_exited");
        assert_eq!(processes_of(status["run"]["id"].as_str().unwrap()), Vec::<String>::new(), "nothing is left running");
        assert_eq!(self.sandbox.git(&["status", "--porcelain"]), "", "the user's checkout is untouched");
        let told = Told { ran, task: status["tasks"][0].clone(), status, records };
        if std::env::var_os("GREENLANE_SHOW_AGENTS").is_some() {
            println!("{}: {:#}\n{:#?}\n{}", self.agent.name, told.task, told.records, told.ran.stderr);
        }
        told
    }

    /// Whether the greeting is on the plan's branch.
    fn landed(&self, told: &Told) -> bool {
        let branch = told.status["run"]["branch"].as_str().unwrap();
        self.sandbox.files_on(branch).contains(&String::from("hello.txt"))
    }
}

/// What Greenlane said about a run.
#[derive(Debug)]
struct Told {
    ran: Ran,
    status: Value,
    task: Value,
    records: Vec<Value>,
}

impl Told {
    fn attempts(&self) -> &[Value] {
        self.task["attempts"].as_array().unwrap()
    }

    /// Type and detail of an attempt's failure.
    fn failure(&self, attempt: usize) -> Value {
        let failure = &self.attempts()[attempt]["failure"];
        json!([failure["type"], failure["detail"]])
    }

    fn report(&self, attempt: usize) -> &Value {
        &self.records[attempt]["record"]["report"]
    }
}

/// The command lines of processes that were started for this run, by their environment.
fn processes_of(run: &str) -> Vec<String> {
    let mark = format!("GREENLANE_ATTEMPT={run}/");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.split(|b| *b == 0).any(|variable| variable.starts_with(mark.as_bytes())) {
            found.push(String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).unwrap_or_default()).replace('\0', " "));
        }
    }
    found
}

const WRITE: &str = r"SCRIPT: write path=hello.txt text=hello\n";

fn lands_its_work(habits: &Habits) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let told = stage.run(&format!("{WRITE}\nSCRIPT: run grep -c hello hello.txt"), "check = [\"grep -qx hello hello.txt\"]");
    assert_eq!(told.ran.code, 0, "{told:?}");
    assert_eq!((&told.task["state"], &told.attempts()[0]["outcome"]), (&json!("done"), &json!("succeeded")), "{told:?}");
    assert_eq!(told.status["summary"]["verified"], true, "the suite ran on what landed: {told:?}");
    let branch = told.status["run"]["branch"].as_str().unwrap();
    assert_eq!(stage.sandbox.git(&["show", &format!("{branch}:hello.txt")]), "hello");
    assert_eq!(stage.sandbox.files_on(branch), ["README.md", "greenlane.toml", "hello.txt"], "and nothing of the agent's own");
    let usage = &told.attempts()[0]["usage"];
    // Three calls of the model, each with 1,000 tokens in (claude: 1,200, the cached ones besides) and 50 out.
    assert!(usage["input_tokens"].as_u64() >= Some(3_000) && usage["output_tokens"] == 150, "{usage}");
    assert_eq!(told.status["summary"]["usage"], *usage, "{told:?}");
    assert!(told.report(0)["session"].as_str().is_some_and(|s| !s.is_empty()), "{:?}", told.records);
    assert_eq!((&told.report(0)["tool_calls"], &told.report(0)["model_calls"]), (&json!(2), &json!(3)), "{:?}", told.records);
    assert_eq!(stage.server.count("write"), 1, "{:?}", stage.server.requests());
}

/// The provider fails to the end: the task fails with that reason, after as many attempts as the plan allows.
fn fails_as_its_provider(habits: &Habits, status: u16, detail: &str) {
    let Some(stage) = Stage::new(habits.name) else { return };
    // The patient one would wait for longer than it may run: it is ended, and all the same the provider is why.
    let (wait, keys) = match habits.patient {
        true => (" retry_after=600", format!("retries = 0\ntimeout = \"{PATIENCE}\"")),
        false => ("", String::from("retries = 1")),
    };
    // A limit is waited for, which is no attempt more, unless nobody is to wait at all.
    let attempts = if habits.patient || status == 429 { 1 } else { 2 };
    let told = stage.run_with(&format!("SCRIPT: error {status}{wait}"), &keys, &[("GREENLANE_QUOTA_WAIT_MAX", "0s")]);
    assert_eq!(told.ran.code, 1, "{told:?}");
    assert_eq!((&told.task["state"], told.attempts().len()), (&json!("failed"), attempts), "{told:?}");
    for attempt in 0..attempts {
        assert_eq!(told.failure(attempt), json!(["api_error", detail]), "{told:?}");
        let outcome = if habits.patient { "timed_out" } else { "exit_code" };
        assert_eq!(told.attempts()[attempt]["outcome"], outcome, "{told:?}");
    }
    let reason = told.task["reason"].as_str().unwrap_or_default();
    if habits.patient || status != 429 {
        assert!(reason.ends_with(if habits.patient { "and was ended)" } else { "(after 2 attempts)" }), "{reason}");
    }
    // What is long is shown up to the provider's own words, which stand in the line about its limit.
    let shown = if status != 429 { reason } else { reason.split_once(" (`wait_max`)").map_or("?", |(why, _)| why) };
    assert!(told.ran.stdout.contains(shown) || told.ran.stderr.contains(shown), "{shown}: {told:?}");
    assert!(!stage.landed(&told), "{told:?}");
}

/// Its model never answers: the stall timeout ends it, and all that it started.
fn is_ended_when_it_hangs(habits: &Habits) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let child = stage.start("SCRIPT: hang", &format!("retries = 0\nstall_timeout = \"{STALL}\""), &[]);
    assert!(stage.server.wait_for("hang", 1, LIMIT), "it never asked its model: {:?}", stage.server.requests());
    let run = stage.sandbox.status()["run"]["id"].as_str().unwrap().to_owned();
    assert!(!processes_of(&run).is_empty(), "its processes are known by their environment");
    let told = stage.told(child);
    assert_eq!(told.ran.code, 1, "{told:?}");
    assert_eq!((&told.task["state"], &told.attempts()[0]["outcome"]), (&json!("failed"), &json!("stalled")), "{told:?}");
    assert_eq!(told.failure(0), json!(["timeout", "stalled"]), "{told:?}");
    assert!(!stage.landed(&told), "{told:?}");
}

/// The provider refuses in the middle of the first attempt, and not the second, which goes on with the session.
fn lands_on_the_second_attempt(habits: &Habits) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let (wait, keys) = match habits.patient {
        // More than it may run, and not much: the account is paused until then.
        true => (" retry_after=50", format!("timeout = \"{PATIENCE}\"")),
        false => ("", String::new()),
    };
    let script = format!("{WRITE}\nSCRIPT: error 429 times={}{wait}", habits.tries_at_429);
    let told = stage.run_with(&script, &keys, &[("GREENLANE_QUOTA_PAUSE", "1s")]);
    assert_eq!(told.ran.code, 0, "{told:?}");
    assert_eq!((&told.task["state"], told.attempts().len()), (&json!("done"), 2), "{told:?}");
    assert_eq!(told.failure(0), json!(["api_error", "rate_limit"]), "{told:?}");
    assert_eq!(told.attempts()[1]["outcome"], "succeeded", "{told:?}");
    let limits = stage.sandbox.events("account_limited");
    assert!(limits.len() == 1 && stage.sandbox.count("retry_scheduled") == 0, "its account waited, which is no retry: {limits:?}");
    assert_eq!(told.report(0)["session"], told.report(1)["session"], "the second attempt goes on with the session: {:?}", told.records);
    assert!(stage.landed(&told), "{told:?}");
}

macro_rules! agents {
    ($($module:ident: $habits:expr;)*) => {
        $(mod $module {
            use super::*;

            #[test]
            fn lands_its_work() {
                super::lands_its_work(&$habits);
            }

            #[test]
            fn fails_with_the_providers_rate_limit() {
                fails_as_its_provider(&$habits, 429, "rate_limit");
            }

            #[test]
            fn fails_with_the_providers_own_failure() {
                fails_as_its_provider(&$habits, 500, "server_error");
            }

            #[test]
            fn is_ended_when_it_hangs() {
                super::is_ended_when_it_hangs(&$habits);
            }

            #[test]
            fn lands_on_the_second_attempt() {
                super::lands_on_the_second_attempt(&$habits);
            }
        })*
    };
}

agents! {
    claude: CLAUDE;
    codex: CODEX;
    gemini: GEMINI;
    opencode: OPENCODE;
}

/// An agent that tells its tokens while it runs is ended in the middle of its work, at the cap of its task.
fn is_ended_at_its_cap(habits: &Habits) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let steps: Vec<String> = (0..12).map(|n| format!("SCRIPT: run echo {n}")).collect();
    let told = stage.run(&format!("{WRITE}\n{}", steps.join("\n")), "budget = \"tokens=3500\"");
    assert_eq!(told.ran.code, 1, "{told:?}");
    assert_eq!(told.attempts().len(), 1, "not tried again: {told:?}");
    assert_eq!((&told.attempts()[0]["outcome"], told.failure(0)), (&json!("over_budget"), json!(["resource_exhaustion", "budget"])));
    let reason = told.task["reason"].as_str().unwrap();
    assert!(reason.starts_with("budget: ") && reason.ends_with(" of 3,500 tokens"), "{reason}");
    assert!(stage.server.requests().len() < 12, "{:?}", stage.server.requests());
}

#[test]
fn claude_is_ended_at_its_cap() {
    is_ended_at_its_cap(&CLAUDE);
}

#[test]
fn opencode_is_ended_at_its_cap() {
    is_ended_at_its_cap(&OPENCODE);
}

/// The same call with the same result, over and over.
#[test]
fn claude_in_circles_is_ended_and_the_circle_is_named() {
    let Some(stage) = Stage::new("claude") else { return };
    let steps = ["SCRIPT: run echo again"; 12];
    let told = stage.run_with(&format!("{WRITE}\n{}", steps.join("\n")), "", &[("GREENLANE_SAME_CALLS_MAX", "4")]);
    assert_eq!(told.failure(0), json!(["logic_error", "runaway"]), "{told:?}");
    let reason = told.task["reason"].as_str().unwrap();
    assert!(reason.ends_with("4 times, and nothing new between: runs `echo again`"), "{reason}");
}

/// It tells how far it is and asks a person, through the tools that it is given; the answer goes back to it, and its work lands.
fn asks_a_person(habits: &Habits) {
    let Some(stage) = Stage::new(habits.name) else { return };
    let script = format!(
        "SCRIPT: tool progress {{\"percent\": 40, \"text\": \"thinks of a word\"}}\nSCRIPT: tool ask {{\"question\": \"Which word?\"}}\n{WRITE}"
    );
    let child = stage.start(&script, "retries = 0", &[]);
    common::eventually("its question is there", || {
        let ran = stage.sandbox.greenlane(&["questions", "--json"]);
        serde_json::from_str::<Value>(&ran.stdout).is_ok_and(|all| all["questions"][0]["text"] == "Which word?")
    });
    let task = stage.sandbox.status()["tasks"][0].clone();
    assert_eq!((&task["state"], &task["reason"]), (&json!("running"), &json!("asks (question 1): Which word?")));
    assert_eq!((&task["progress"]["percent"], &task["question"]["id"]), (&json!(40), &json!(1)));
    let answered = stage.sandbox.greenlane(&["answer", "t", "the", "word", "is", "hello"]);
    assert_eq!(answered.code, 0, "{answered:?}");
    let told = stage.told(child);
    assert_eq!((&told.task["state"], told.attempts().len()), (&json!("done"), 1), "{told:?}");
    assert!(stage.landed(&told), "{told:?}");
    let printed = stage.sandbox.greenlane(&["logs", "t", "--raw"]).stdout;
    assert!(printed.contains("the word is hello"), "the answer came back to it: {printed}");
    assert_eq!(stage.sandbox.count("attempt_progress"), 1);
}

#[test]
fn claude_asks_a_person() {
    asks_a_person(&CLAUDE);
}

#[test]
fn codex_asks_a_person() {
    asks_a_person(&CODEX);
}

// Not gemini: it reads no settings from below a folder that others may write to, as temporary ones are.
#[test]
fn opencode_asks_a_person() {
    asks_a_person(&OPENCODE);
}
