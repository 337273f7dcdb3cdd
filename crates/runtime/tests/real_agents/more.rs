//! The agents of `tests/agents/install-more.sh`, where `GREENLANE_MORE_AGENTS` says where they are: what they do, and recorded.

use greenlane_testkit::real_agent::MORE_AGENTS;

use super::*;

/// Does its work, with so many calls.
fn works(name: &str, tool_calls: u64, model_calls: u64) -> Ran {
    let place = Place::new(name);
    // Copilot's tool for files makes no folders.
    fs::create_dir(place.dir.path().join("repo/src")).expect("a folder");
    let ran = run_in(place, "ok", TASK, None);
    assert_eq!((ran.report.finished, ran.code), (Some(true), Some(0)), "{:?}\n{}", ran.report, ran.stderr);
    assert_eq!(ran.report.error, None);
    assert_eq!(ran.file("src/hello.txt").as_deref(), Some("hello"), "{:?}", ran.server.requests());
    assert_eq!(ran.file("ran.txt").as_deref(), Some("ran\n"));
    assert_eq!((ran.report.tool_calls, ran.report.model_calls), (tool_calls, model_calls), "{:?}", ran.report);
    assert_eq!(ran.report.last_message, "scripted: done");
    assert!(ran.report.denied.is_empty() && ran.report.model_retries == 0 && ran.report.session.is_some(), "{:?}", ran.report);
    assert!(ran.activities.iter().any(|a| a.contains("hello.txt")), "{:?}", ran.activities);
    assert!(ran.activities.iter().any(|a| a == "runs `echo ran > ran.txt`"), "{:?}", ran.activities);
    ran
}

/// Runs into this status; ended by SIGTERM after so many requests, unless it is 0.
fn refused(name: &str, status: u16, times: usize) -> Ran {
    let directive = format!("error {status}");
    let until = (times > 0).then_some(Until { directive: &directive, times, signal: "TERM" });
    let ran = run(name, &status.to_string(), &format!("Do it.\nSCRIPT: {directive}\n"), until);
    assert_ne!(ran.report.finished, Some(true), "{:?}", ran.report);
    assert_eq!(ran.report.error.as_ref().and_then(|e| e.status), Some(status), "{:?}\n{}", ran.report, ran.stderr);
    ran
}

/// What becomes of it as a whole: why it failed, as Greenlane tells it.
fn nobody_is_signed_in(name: &str, until: Option<Until<'_>>) -> Ran {
    let ran = run_in(Place::with(name, without_a_key), "not-signed-in", TASK, until);
    assert!(ran.file("src/hello.txt").is_none(), "{name}");
    ran
}

fn without_a_key(agent: &mut RealAgent) {
    agent.config = match agent.name {
        "aider" => agent.config.replace("OPENAI_API_KEY = \"sk-nobodys-key\", ", ""),
        "qwen" => agent.config.replace(", OPENAI_API_KEY = \"sk-nobodys-key\"", ""),
        "pi" => String::from("[agents.pi]\nenv = { PI_OFFLINE = \"1\" }\n"),
        // Without a provider it asks its own, wherever that is.
        "cline" => String::from("[agents.cline]\nextra_args = [\"-P\", \"anthropic\"]\n"),
        name => format!("[agents.{name}]\n"),
    };
    let home = Path::new(&agent.env[std::ffi::OsStr::new("HOME")]).to_owned();
    for settings in [".pi", ".qwen", ".cline"] {
        drop(fs::remove_dir_all(home.join(settings)));
    }
}

fn is_killed(name: &str) {
    let prompt = "Do it.\nSCRIPT: write path=a.txt text=1\nSCRIPT: hang\n";
    let ran = run(name, "killed", prompt, Some(Until { directive: "hang", times: 1, signal: "KILL" }));
    assert_eq!((ran.code, ran.report.finished, ran.report.tool_calls), (None, None, 1), "{name}: {:?}", ran.report);
    assert_eq!(ran.report.error, None, "{name}");
}

#[test]
fn each_of_more_says_its_version() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let versions = [("aider", "0.86.2"), ("pi", "0.73.1"), ("qwen", "0.24.4"), ("cline", "3.0.65"), ("copilot", "1.0.102")];
    assert_eq!(versions.map(|(name, _)| name), MORE_AGENTS);
    for (name, version) in versions.into_iter().filter(|(name, _)| is_wanted(name)) {
        let agent = RealAgent::new(name, "http://127.0.0.1:1", dir.path()).expect("an agent");
        match definition(&agent).presence_with_version(&agent.env, dir.path()) {
            Presence::Found { version: Some(said), .. } => assert!(said.contains(version), "{name} says {said}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// It writes text, so nothing is known of its calls; it cannot run the script's command.
#[test]
fn aider() {
    if !is_wanted("aider") {
        return;
    }
    let ran = run("aider", "ok", TASK, None);
    assert_eq!((ran.code, ran.file("src/hello.txt").as_deref()), (Some(0), Some("hello\n")), "{:?}\n{}", ran.report, ran.stderr);
    // What it leaves besides is its map of the repository, and nothing says so in the user's files.
    let left =
        fs::read_dir(ran.dir.path().join("repo")).expect("a worktree").flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let own: Vec<_> = left.filter(|name| name.starts_with(".aider") || name == ".gitignore").collect();
    assert_eq!(own, [".aider.tags.cache.v4"]);
    assert_eq!((ran.report.finished, ran.report.error), (None, None));
    // After nine calls in a minute it gives up, with success.
    let limited = refused("aider", 429, 0);
    assert_eq!((limited.code, limited.report.finished), (Some(0), Some(false)), "{:?}", limited.report);
    assert_eq!(refused("aider", 500, 4).code, None);
    assert_eq!(refused("aider", 401, 0).code, Some(0));
    assert_eq!(hangs("aider", "TERM").code, None);
    let killed = run("aider", "killed", "Do it.\nSCRIPT: hang\n", Some(Until { directive: "hang", times: 1, signal: "KILL" }));
    assert_eq!((killed.code, killed.report.error), (None, None));
    nobody_is_signed_in("aider", None);
}

#[test]
fn pi() {
    if !is_wanted("pi") {
        return;
    }
    let usage = works("pi", 2, 3).report.usage.unwrap_or_default();
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (3_000, 600, 150));
    for (status, retries) in [(429, 3), (500, 3), (401, 0)] {
        let ran = refused("pi", status, 0);
        assert_eq!((ran.report.finished, ran.report.model_retries), (Some(false), retries), "{:?}", ran.report);
        assert_eq!(ran.code, Some(0), "its exit code is worth nothing");
    }
    assert_eq!(hangs("pi", "TERM").code, Some(143));
    is_killed("pi");
    nobody_is_signed_in("pi", None);
}

#[test]
fn qwen_works_and_ends() {
    if !is_wanted("qwen") {
        return;
    }
    let usage = works("qwen", 2, 3).report.usage.unwrap_or_default();
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (3_000, 600, 150));
    assert_eq!(hangs("qwen", "TERM").code, None);
    is_killed("qwen");
    nobody_is_signed_in("qwen", None);
}

/// It says nothing of it for more than a minute.
#[test]
fn qwen_is_refused() {
    if !is_wanted("qwen") {
        return;
    }
    for status in [429, 500, 401] {
        let ran = refused("qwen", status, 0);
        assert_eq!((ran.report.finished, ran.code), (Some(false), Some(1)), "{:?}", ran.report);
    }
}

#[test]
fn cline_works_and_ends() {
    if !is_wanted("cline") {
        return;
    }
    let usage = works("cline", 2, 3).report.usage.unwrap_or_default();
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (3_000, 600, 150));
    assert_eq!(hangs("cline", "KILL").code, None, "it does not hear SIGTERM meanwhile");
    is_killed("cline");
    nobody_is_signed_in("cline", None);
}

/// It says nothing of it for a minute.
#[test]
fn cline_is_refused() {
    if !is_wanted("cline") {
        return;
    }
    for status in [429, 500, 401] {
        let ran = refused("cline", status, 0);
        assert_eq!((ran.report.finished, ran.code), (Some(false), Some(1)), "{:?}", ran.report);
    }
}

#[test]
fn copilot_works_and_ends() {
    if !is_wanted("copilot") {
        return;
    }
    assert_eq!(works("copilot", 2, 3).report.usage, None);
    assert_eq!(hangs("copilot", "TERM").code, None);
    is_killed("copilot");
    nobody_is_signed_in("copilot", None);
}

#[test]
fn copilot_is_refused() {
    if !is_wanted("copilot") {
        return;
    }
    // It tries for longer than anybody waits.
    assert_eq!(refused("copilot", 429, 2).report.finished, None);
    for status in [500, 401] {
        let ran = refused("copilot", status, 0);
        assert_eq!((ran.report.finished, ran.code), (Some(false), Some(1)), "{:?}", ran.report);
    }
}
