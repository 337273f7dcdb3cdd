//! Real agents, started with the command line and the environment that their definitions give, against the scripted model.
//!
//! They need `tests/agents/install.sh`. An agent that is not installed is left out and named, unless `GREENLANE_REQUIRE_AGENTS` demands it.
//! With `RECORD_AGENT_OUTPUT=1` what they write is kept, redacted, in `tests/agent-output/`, for the tests of the readers. What Greenlane
//! makes of limit, failure and hang is asserted in `crates/cli/tests/real_agents.rs`; here it is what the agents themselves do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use greenlane_core::attempt::{AgentReport, Exit, ExitRecord};
use greenlane_core::failure::{FailureDetail, of_exit};
use greenlane_core::time::Time;
use greenlane_runtime::agent::{AgentDef, AgentOverride, Launch, Presence, Registry, SignedIn, reader};
use greenlane_runtime::keeper::end_strays;
use greenlane_testkit::model_server::ModelServer;
use greenlane_testkit::real_agent::{REAL_AGENTS, RealAgent, is_wanted};

#[path = "real_agents/more.rs"]
mod more;

/// An agent that has not ended of itself by then is ended.
const LIMIT: Duration = Duration::from_secs(150);

/// What one run of an agent came to.
struct Ran {
    report: AgentReport,
    /// The exit code; `None` where a signal ended it.
    code: Option<i32>,
    activities: Vec<String>,
    dir: tempfile::TempDir,
    server: ModelServer,
    stderr: String,
}

impl Ran {
    fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.dir.path().join("repo").join(path)).ok()
    }
}

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git").args(args).current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The same agent as somebody has it who never signed in.
fn not_signed_in(agent: &mut RealAgent) {
    let keys = [r#"ANTHROPIC_API_KEY = "sk-scripted", "#, r#"SCRIPTED_KEY = "scripted""#, r#", GEMINI_API_KEY = "scripted""#];
    for key in keys {
        agent.config = agent.config.replace(key, "");
    }
    if agent.name == "opencode" {
        agent.config =
            String::from("[agents.opencode]\nmodel = \"anthropic/claude-sonnet-4-5\"\nenv = { OPENCODE_DISABLE_MODELS_FETCH = \"1\" }\n");
    }
}

fn definition(agent: &RealAgent) -> AgentDef {
    #[derive(serde::Deserialize)]
    struct File {
        agents: BTreeMap<String, AgentOverride>,
    }
    let file: File = toml::from_str(&agent.config).expect("the configuration is TOML");
    Registry::load(&file.agents).expect("a registry").get(agent.name).expect("the agent").clone()
}

/// A temporary home, a repository with a linked worktree, and a model: what an agent meets in a run.
struct Place {
    dir: tempfile::TempDir,
    server: ModelServer,
    agent: RealAgent,
    def: AgentDef,
}

impl Place {
    fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    fn with(name: &str, change: impl FnOnce(&mut RealAgent)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let server = ModelServer::start().expect("a model server");
        let mut agent = RealAgent::new(name, server.url(), dir.path()).expect("an agent");
        change(&mut agent);
        let main = dir.path().join("main");
        fs::create_dir(&main).expect("a directory");
        git(&main, &["init", "-q"]);
        git(&main, &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "base"]);
        git(&main, &["worktree", "add", "-q", "-b", "task", "../repo"]);
        let def = definition(&agent);
        Self { dir, server, agent, def }
    }

    fn run(&self, prompt: &str, session: Option<&str>, until: Option<Until<'_>>) -> (Said, Option<i32>) {
        let (worktree, prompt_file) = (self.dir.path().join("repo"), self.dir.path().join("prompt.md"));
        fs::write(&prompt_file, prompt).expect("a prompt");
        let launch = Launch { prompt, prompt_file: &prompt_file, worktree: &worktree, model: None, session, tools: None };
        start(&self.def, &self.agent.env, &launch, &self.server, until)
    }

    fn read(&self, said: &Said) -> (AgentReport, Vec<String>) {
        let mut reader = reader(self.def.output);
        let mut activities = Vec::new();
        for line in said.stdout.lines() {
            reader.line(line);
            activities.extend(reader.activity().map(str::to_owned));
        }
        said.stderr.lines().for_each(|line| reader.error_line(line));
        (reader.report(), activities)
    }
}

fn recording() -> bool {
    std::env::var_os("RECORD_AGENT_OUTPUT").is_some()
}

/// Starts it, ends it where that is wanted, and gathers what it said.
fn run(name: &str, scenario: &str, prompt: &str, until: Option<Until<'_>>) -> Ran {
    run_in(Place::new(name), scenario, prompt, until)
}

fn run_in(place: Place, scenario: &str, prompt: &str, until: Option<Until<'_>>) -> Ran {
    let signal = until.as_ref().map(|u| u.signal);
    let (said, code) = place.run(prompt, None, until);
    if recording() {
        let exit =
            code.map_or_else(|| format!("signal {}\n", if signal == Some("KILL") { 9 } else { 15 }), |code| format!("code {code}\n"));
        record(place.agent.name, scenario, &place.dir, &place.server, &said, &exit);
    }
    let (report, activities) = place.read(&said);
    Ran { report, code, activities, dir: place.dir, server: place.server, stderr: said.stderr }
}

/// Ends the agent with this signal once this directive has been obeyed so often.
struct Until<'a> {
    directive: &'a str,
    times: usize,
    signal: &'static str,
}

struct Said {
    stdout: String,
    stderr: String,
}

fn start(
    def: &AgentDef,
    user_env: &BTreeMap<OsString, OsString>,
    launch: &Launch<'_>,
    server: &ModelServer,
    until: Option<Until<'_>>,
) -> (Said, Option<i32>) {
    let Presence::Found { path, .. } = def.presence(user_env, launch.worktree) else { panic!("{} is not on PATH", def.name) };
    let argv = def.argv(launch);
    let mut command = Command::new(path);
    command.args(&argv[1..]).current_dir(launch.worktree).env_clear().envs(def.environment(user_env)).process_group(0);
    // Some leave a process of their own session behind (cline, qwen): found again by this.
    let label = launch.worktree.display().to_string();
    command.env("GREENLANE_ATTEMPT", &label);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the agent starts");
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), def.stdin_text(launch)) {
        stdin.write_all(text.as_bytes()).expect("it reads its prompt");
    }
    let stdout = gather(child.stdout.take().expect("a pipe"));
    let stderr = gather(child.stderr.take().expect("a pipe"));
    if let Some(until) = until {
        assert!(server.wait_for(until.directive, until.times, LIMIT), "it never asked its model");
        end(&child, until.signal);
    }
    let (code, in_time) = wait(&mut child);
    end_strays(&label).expect("what it left behind ends");
    assert!(in_time, "it had to be killed");
    let said = |lines: mpsc::Receiver<String>| lines.iter().collect::<Vec<_>>().join("\n");
    (Said { stdout: said(stdout), stderr: said(stderr) }, code)
}

fn gather(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            drop(send.send(line));
        }
    });
    receive
}

fn end(child: &Child, signal: &str) {
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status().expect("kill");
}

/// Waits for the agent, at most [`LIMIT`], and ends what it leaves behind in its group. Whether it ended in time, too.
fn wait(child: &mut Child) -> (Option<i32>, bool) {
    let (ended, watch) = mpsc::channel::<()>();
    let id = child.id();
    let watchdog = std::thread::spawn(move || {
        let in_time = watch.recv_timeout(LIMIT) != Err(mpsc::RecvTimeoutError::Timeout);
        if !in_time {
            drop(Command::new("kill").args(["-s", "KILL", "--", &format!("-{id}")]).status());
        }
        in_time
    });
    let status = child.wait().expect("it ends");
    drop(ended);
    end(child, "KILL");
    (status.code(), watchdog.join().expect("the watchdog"))
}

fn record(name: &str, scenario: &str, dir: &tempfile::TempDir, server: &ModelServer, said: &Said, exit: &str) {
    let redact = |text: &str| {
        let text = text.replace(&dir.path().display().to_string(), "/w").replace(server.url(), "http://127.0.0.1:1");
        let text = std::env::var("GREENLANE_MORE_AGENTS").map_or_else(|_| text.clone(), |dir| text.replace(&dir, "/agents"));
        let text = text.replace(env!("CARGO_MANIFEST_DIR").trim_end_matches("/crates/runtime"), "/greenlane");
        // Aider looks for prices in the Internet.
        let lines = text.lines().filter(|line| !line.contains("raw.githubusercontent.com"));
        lines.map(|line| short(name, line)).collect::<Vec<_>>().join("\n") + "\n"
    };
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent-output").join(name);
    fs::create_dir_all(&to).expect("a directory");
    fs::write(to.join(format!("{scenario}.stdout")), redact(&said.stdout)).expect("a recording");
    fs::write(to.join(format!("{scenario}.exit")), exit).expect("a recording");
    let errors = redact(&said.stderr);
    // Of an agent that is not signed in everything: it hardly says more.
    let all = scenario == "not-signed-in";
    let telling: Vec<_> = errors
        .lines()
        .filter(|l| (all && !l.is_empty()) || l.contains("Attempt ") || l.contains("level=ERROR") || l.contains("\"type\":\"error\""))
        .collect();
    if !telling.is_empty() {
        fs::write(to.join(format!("{scenario}.stderr")), telling.join("\n") + "\n").expect("a recording");
    }
}

/// Claude and qwen list all that they can do in their first event, and copilot and cline do; that is long and says nothing here.
fn short(name: &str, line: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<serde_json::Value>(line) else { return line.to_owned() };
    if ["claude", "qwen"].contains(&name) && event["subtype"] == "init" {
        if let Some(fields) = event.as_object_mut() {
            fields.retain(|key, _| {
                let kept = ["type", "subtype", "cwd", "session_id", "model", "permissionMode", "claude_code_version", "qwen_code_version"];
                kept.contains(&key.as_str())
            });
        }
    } else if event["type"] == "session.skills_loaded" {
        event["data"] = serde_json::json!({"skills": []});
    } else if let Some(model) = event["model"].as_object_mut().filter(|m| m.contains_key("info")) {
        model.remove("info");
    } else {
        return line.to_owned();
    }
    event.to_string()
}

const TASK: &str = "Do it, {model} and \"all\".\nSCRIPT: write path=src/hello.txt text=hello\nSCRIPT: run echo ran > ran.txt\n";

fn does_its_task(name: &str, input_tokens: u64, output_tokens: u64) -> Ran {
    let ran = run(name, "ok", TASK, None);
    assert_eq!(ran.report.finished, Some(true), "{:?}\n{}", ran.report, ran.stderr);
    assert_eq!(ran.report.error, None);
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.file("src/hello.txt").as_deref(), Some("hello"));
    assert_eq!(ran.file("ran.txt").as_deref(), Some("ran\n"));
    assert_eq!(ran.report.tool_calls, 2);
    assert_eq!(ran.report.model_calls, 3);
    assert_eq!(ran.report.last_message, "scripted: done");
    assert!(ran.report.denied.is_empty() && ran.report.model_retries == 0 && ran.report.session.is_some(), "{:?}", ran.report);
    let usage = ran.report.usage.clone().unwrap_or_default();
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (input_tokens, 600, output_tokens));
    assert!(ran.activities.iter().any(|a| a.contains("hello.txt")), "{:?}", ran.activities);
    assert!(ran.activities.iter().any(|a| a == "runs `echo ran > ran.txt`"), "{:?}", ran.activities);
    assert_eq!(ran.server.count("write"), 1, "{:?}", ran.server.requests());
    ran
}

fn fails_with(name: &str, status: u16) -> Ran {
    let ran = run(name, &status.to_string(), &format!("Do it.\nSCRIPT: error {status}\n"), None);
    assert_eq!(ran.report.finished, Some(false), "{:?}\n{}", ran.report, ran.stderr);
    assert_eq!(ran.report.error.as_ref().and_then(|e| e.status), Some(status), "{:?}", ran.report);
    assert_ne!(ran.code, Some(0));
    ran
}

fn hangs(name: &str, signal: &'static str) -> Ran {
    let ran = run(name, "hang", "Do it.\nSCRIPT: hang\n", Some(Until { directive: "hang", times: 1, signal }));
    assert_eq!(ran.report.finished, None, "{:?}", ran.report);
    assert_eq!(ran.report.error, None);
    ran
}

mod claude {
    use super::*;

    #[test]
    fn does_its_task() {
        if !is_wanted("claude") {
            return;
        }
        // Anthropic counts the 200 cached tokens of each call besides the 1,000.
        let ran = super::does_its_task("claude", 3_600, 150);
        assert!(ran.report.usage.is_some_and(|u| u.cost_usd > Some(0.0)));
    }

    #[test]
    fn tells_an_error_of_its_api() {
        if !is_wanted("claude") {
            return;
        }
        assert_eq!(fails_with("claude", 429).report.model_retries, 1);
        assert_eq!(fails_with("claude", 500).report.model_retries, 1);
    }

    #[test]
    fn ends_on_a_signal_while_its_model_hangs() {
        if !is_wanted("claude") {
            return;
        }
        assert_eq!(hangs("claude", "TERM").code, Some(143));
    }
}

mod codex {
    use super::*;

    #[test]
    fn does_its_task() {
        if !is_wanted("codex") {
            return;
        }
        super::does_its_task("codex", 3_000, 150);
    }

    #[test]
    fn tells_an_error_of_its_api() {
        if !is_wanted("codex") {
            return;
        }
        fails_with("codex", 429);
        assert_eq!(fails_with("codex", 500).report.model_retries, 1);
    }

    #[test]
    fn ends_on_a_signal_while_its_model_hangs() {
        if !is_wanted("codex") {
            return;
        }
        assert_eq!(hangs("codex", "TERM").code, None);
    }
}

mod gemini {
    use super::*;

    #[test]
    fn does_its_task() {
        if !is_wanted("gemini") {
            return;
        }
        super::does_its_task("gemini", 3_000, 150);
    }

    #[test]
    fn tells_an_error_of_its_api() {
        if !is_wanted("gemini") {
            return;
        }
        fails_with("gemini", 429);
        fails_with("gemini", 500);
    }

    #[test]
    fn ends_on_a_signal_while_its_model_hangs() {
        if !is_wanted("gemini") {
            return;
        }
        // With success, as it says: its exit code is worth nothing.
        assert_eq!(hangs("gemini", "TERM").code, Some(0));
    }
}

mod opencode {
    use super::*;

    #[test]
    fn does_its_task() {
        if !is_wanted("opencode") {
            return;
        }
        let ran = super::does_its_task("opencode", 3_000, 150);
        assert!(ran.report.usage.is_some());
    }

    /// It tries for more than a minute and does not hear SIGTERM meanwhile; why it got nowhere is known all the same.
    #[test]
    fn tells_an_error_of_its_api_while_it_still_tries() {
        if !is_wanted("opencode") {
            return;
        }
        for status in [429, 500] {
            let directive = format!("error {status}");
            let ran = run(
                "opencode",
                &status.to_string(),
                &format!("Do it.\nSCRIPT: {directive}\n"),
                Some(Until { directive: &directive, times: 2, signal: "KILL" }),
            );
            assert_eq!(ran.report.finished, None, "{:?}", ran.report);
            assert_eq!(ran.report.error.as_ref().and_then(|e| e.status), Some(status), "{:?}\n{}", ran.report, ran.stderr);
        }
    }

    #[test]
    fn ends_only_when_killed_while_its_model_hangs() {
        if !is_wanted("opencode") {
            return;
        }
        assert_eq!(hangs("opencode", "KILL").code, None);
    }
}

#[test]
fn every_agent_tells_that_its_key_is_refused() {
    for name in REAL_AGENTS.into_iter().filter(|n| is_wanted(n)) {
        fails_with(name, 401);
    }
}

#[test]
fn every_agent_says_that_nobody_is_signed_in() {
    for name in REAL_AGENTS.into_iter().filter(|n| is_wanted(n)) {
        let ran = run_in(Place::with(name, not_signed_in), "not-signed-in", TASK, None);
        let record = ExitRecord {
            report: ran.report.clone(),
            stderr_tail: ran.stderr.clone(),
            ..ExitRecord::new(Exit::Code { code: ran.code.unwrap_or(-1) }, Time(0), Time(1))
        };
        let failure = of_exit(&record).unwrap_or_else(|| panic!("{name}: {:?}\n{}", ran.report, ran.stderr));
        assert_eq!(failure.detail, Some(FailureDetail::Authentication), "{name}: {failure:?}\n{:?}\n{}", ran.report, ran.stderr);
        assert!(failure.hopeless() && ran.file("src/hello.txt").is_none(), "{name}");
    }
}

#[test]
fn every_agent_that_is_killed_leaves_its_events_unfinished() {
    for name in REAL_AGENTS.into_iter().filter(|n| is_wanted(n)) {
        let prompt = "Do it.\nSCRIPT: write path=a.txt text=1\nSCRIPT: hang\n";
        let ran = run(name, "killed", prompt, Some(Until { directive: "hang", times: 1, signal: "KILL" }));
        assert_eq!((ran.code, ran.report.finished, ran.report.tool_calls), (None, None, 1), "{name}: {:?}", ran.report);
        assert_eq!(ran.report.error, None, "{name}");
    }
}

#[test]
fn every_agent_goes_on_with_its_session() {
    for name in REAL_AGENTS.into_iter().filter(|n| is_wanted(n)) {
        let place = Place::new(name);
        let (first, _) = place.run("Begin.\nSCRIPT: write path=a.txt text=1\n", None, None);
        let session = place.read(&first).0.session.expect("a session");
        let (second, _) = place.run("Go on.\nSCRIPT: write path=b.txt text=2\n", Some(&session), None);
        let report = place.read(&second).0;
        assert_eq!((report.finished, report.session.as_deref()), (Some(true), Some(session.as_str())), "{name}: {}", second.stderr);
        assert_eq!(fs::read_to_string(place.dir.path().join("repo/b.txt")).ok().as_deref(), Some("2"), "{name}");
    }
}

#[test]
fn every_agent_is_found_and_says_its_version() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, version) in [("claude", "2.1.329"), ("codex", "0.169.0"), ("gemini", "0.61.0"), ("opencode", "1.18.33")] {
        if !is_wanted(name) {
            continue;
        }
        let agent = RealAgent::new(name, "http://127.0.0.1:1", dir.path()).expect("an agent");
        let def = definition(&agent);
        match def.presence_with_version(&agent.env, dir.path()) {
            Presence::Found { version: Some(said), .. } => assert!(said.contains(version), "{name} says {said}"),
            other => panic!("{name}: {other:?}"),
        }
        let signed_in = match name {
            "claude" => SignedIn::Yes(String::from("ANTHROPIC_API_KEY")),
            "gemini" => SignedIn::Yes(String::from("GEMINI_API_KEY")),
            _ => SignedIn::Unknown,
        };
        assert_eq!(def.signed_in(&agent.env), signed_in, "{name}");
    }
}
