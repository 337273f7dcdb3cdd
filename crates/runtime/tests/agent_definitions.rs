//! Agents as data: what the built-in ones start, what a configuration makes of them, what of the environment they see.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use greenlane_runtime::acp::Permissions;
use greenlane_runtime::agent::{
    AgentDef, AgentOverride, Launch, OutputKind, PROMPT_ARGUMENT_BYTES_MAX, Presence, Registry, RegistryError, SignedIn, command_argv,
};

fn overrides(text: &str) -> BTreeMap<String, AgentOverride> {
    toml::from_str(text).expect("TOML")
}

fn registry(text: &str) -> Registry {
    Registry::load(&overrides(text)).expect("a registry")
}

fn agent(text: &str, name: &str) -> AgentDef {
    registry(text).get(name).expect("the agent").clone()
}

fn launch(prompt: &str) -> Launch<'_> {
    Launch { prompt, prompt_file: Path::new("/run/prompt.md"), worktree: Path::new("/w/1"), model: None, session: None, tools: None }
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    pairs.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect()
}

#[test]
fn the_four_start_without_a_terminal_and_take_the_prompt_from_standard_input() {
    let with = Launch { model: Some("M"), session: Some("S"), ..launch("do") };
    for (name, bare, full) in [
        (
            "claude",
            "claude -p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash",
            "claude -p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash --model M --resume S",
        ),
        ("codex", "codex exec --json -s workspace-write -", "codex exec --json -s workspace-write -m M resume S -"),
        (
            "gemini",
            "gemini --output-format stream-json --approval-mode yolo --skip-trust",
            "gemini --output-format stream-json --approval-mode yolo --skip-trust -m M --resume S",
        ),
        (
            "opencode",
            "opencode run --format json --auto --print-logs --log-level ERROR",
            "opencode run --format json --auto --print-logs --log-level ERROR --model M --session S",
        ),
    ] {
        let def = agent("", name);
        assert_eq!(def.argv(&launch("do")).join(" "), bare);
        assert_eq!(def.argv(&with).join(" "), full);
        assert_eq!(def.stdin_text(&launch("do")).as_deref(), Some("do"), "{name}");
        assert_eq!((def.stall_timeout, def.tested), (Some(Duration::from_secs(900)), true), "{name}");
        assert_eq!(def.name, name);
    }
}

#[test]
fn every_built_in_agent_gets_its_prompt_once() {
    // A prompt that is put into somebody's hands lies in the worktree.
    for def in registry("").iter().filter(|def| !def.hand_off) {
        let argv = def.argv(&launch("THE-PROMPT")).join("\n");
        let stdin = def.stdin_text(&launch("THE-PROMPT")).unwrap_or_default();
        let talked = def.conversation(&launch("THE-PROMPT")).map(|c| c.prompt).unwrap_or_default();
        let texts = [argv.as_str(), &stdin, &talked];
        let times: usize = texts.iter().map(|t| t.matches("THE-PROMPT").count() + t.matches("/run/prompt.md").count()).sum();
        assert_eq!(times, 1, "{}: {argv}", def.name);
        assert!(def.env_allow_errors().is_empty(), "{}", def.name);
    }
}

#[test]
fn the_configuration_extends_a_built_in_agent() {
    let def = agent(
        r#"
        [codex]
        extra_args = ["-c", "model_provider=local"]
        env = { LOCAL_KEY = "k" }
        env_allow = ["CORP_*"]
        slots = 2
        model = "o"
        stall_timeout = "0s"
        "#,
        "codex",
    );
    assert_eq!(def.argv(&launch("p")).join(" "), "codex exec --json -s workspace-write -m o -c model_provider=local -");
    assert_eq!((def.slots, def.stall_timeout, def.output), (Some(2), None, OutputKind::Codex));
    let task_model = Launch { model: Some("t"), ..launch("p") };
    assert!(def.argv(&task_model).join(" ").contains("-m t "), "the task's model goes before the configured one");
    let seen = def.environment(&env(&[("CORP_CA", "1"), ("OTHER", "2")]));
    assert_eq!(seen, env(&[("CORP_CA", "1"), ("LOCAL_KEY", "k")]));
}

#[test]
fn a_users_own_agent_needs_no_code() {
    let def = agent(
        r#"
        [mine]
        command = "my-agent"
        args = ["--dir={worktree}", "--model", "{model}", "--resume={session}", "--message", "{prompt}", "{other}"]
        "#,
        "mine",
    );
    assert_eq!(def.argv(&launch("fix {worktree}")), ["my-agent", "--dir=/w/1", "--message", "fix {worktree}", "{other}"]);
    let full = Launch { model: Some("M"), session: Some("S"), ..launch("p") };
    assert_eq!(def.argv(&full), ["my-agent", "--dir=/w/1", "--model", "M", "--resume=S", "--message", "p", "{other}"]);
    assert_eq!((def.output, def.stdin_text(&full), def.stall_timeout), (OutputKind::Plain, None, Some(Duration::from_secs(900))));
}

#[test]
fn an_agent_that_is_talked_to_gets_prompt_session_and_model_in_the_conversation() {
    let text = "[mine]\ncommand = \"m\"\nargs = [\"--acp\"]\noutput = \"acp\"\npermissions = \"all\"\nclient_files = false\n";
    let def = agent(text, "mine");
    let full = Launch { model: Some("M"), session: Some("S"), ..launch("p") };
    assert_eq!((def.argv(&full), def.stdin_text(&full)), (vec![s("m"), s("--acp")], None));
    let told = def.conversation(&full).expect("a conversation");
    assert_eq!((told.prompt.as_str(), told.session.as_deref(), told.model.as_deref()), ("p", Some("S"), Some("M")));
    assert_eq!((told.permissions, told.files, told.terminals), (Permissions::All, false, true));
    // One whose command line names the model is not asked for it again.
    let gemini = agent("", "gemini-acp");
    assert_eq!(gemini.argv(&full).join(" "), "gemini --acp --skip-trust -m M");
    assert_eq!(gemini.conversation(&full).map(|c| (c.model, c.permissions)), Some((None, Permissions::Worktree)));
    assert_eq!(agent("", "gemini").conversation(&full), None);
    assert!(toml::from_str::<BTreeMap<String, AgentOverride>>("[mine]\npermissions = \"some\"").is_err());
}

#[test]
fn arguments_that_name_the_prompt_take_it_from_standard_input() {
    let def = agent("[claude]\nargs = [\"--print\", \"{prompt}\"]", "claude");
    assert_eq!((def.argv(&launch("p")), def.stdin_text(&launch("p"))), (vec![s("claude"), s("--print"), s("p")], None));
    let def = agent("[claude]\nargs = [\"--print\"]", "claude");
    assert_eq!(def.stdin_text(&launch("p")).as_deref(), Some("p"));
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_prompt_that_no_argument_can_hold_is_pointed_at() {
    let long = "x".repeat(PROMPT_ARGUMENT_BYTES_MAX + 1);
    let def = agent("[mine]\ncommand = \"m\"\nargs = [\"{prompt}\"]\n", "mine");
    let argv = def.argv(&launch(&long));
    assert!(argv[1].len() < 200 && argv[1].contains("/run/prompt.md"), "{}", argv[1]);
    assert_eq!(agent("", "claude").stdin_text(&launch(&long)).map(|t| t.len()), Some(long.len()));
}

#[test]
fn an_unknown_agent_is_answered_with_the_one_that_was_meant() {
    let error = registry("").get("cluade").expect_err("no such agent");
    assert_eq!((error.to_string(), error.hint()), (s("there is no agent `cluade`"), s("did you mean `claude`?")));
    let error = registry("").get("zzz").expect_err("no such agent");
    assert!(error.hint().contains("claude") && error.hint().contains("[agents.zzz]"), "{}", error.hint());
}

#[test]
fn entries_that_cannot_be_agents_are_refused() {
    // For whoever asks for them, and nobody else.
    let error = |text: &str| {
        let registry = registry(text);
        assert!(registry.get("gemini").is_ok() && registry.iter().all(|a| !text.starts_with(&format!("[{}]", a.name))), "{text}");
        let name = text[1..].split(']').next().unwrap_or_default();
        match registry.get(name).expect_err(text) {
            RegistryError::Faulty { fault, .. } => *fault,
            other => panic!("{text}: {other}"),
        }
    };
    assert!(matches!(error("[codx]\nslots = 1"), RegistryError::NoCommand { suggestion: Some(s), .. } if s == "codex"));
    assert!(matches!(error("[mine]\ncommand = \"m\""), RegistryError::NoPrompt { .. }));
    assert!(matches!(error("[claude]\nstdin = \"\""), RegistryError::NoPrompt { .. }));
    assert_eq!(error("[command]\ncommand = \"m\""), RegistryError::Reserved);
    assert!(toml::from_str::<BTreeMap<String, AgentOverride>>("[mine]\ncomand = \"m\"").is_err());
    assert!(toml::from_str::<BTreeMap<String, AgentOverride>>("[mine]\noutput = \"xml\"").is_err());
}

#[test]
fn an_agent_sees_a_short_list_and_its_own_credentials() {
    let user = env(&[
        ("PATH", "/bin"),
        ("HOME", "/home/u"),
        ("LC_ALL", "C"),
        ("CARGO_HOME", "/c"),
        ("https_proxy", "p"),
        ("SSH_AUTH_SOCK", "/s"),
        ("ANTHROPIC_API_KEY", "a"),
        ("ANTHROPIC_BASE_URL", "b"),
        ("OPENAI_API_KEY", "o"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("GITHUB_TOKEN", "x"),
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_ENTRYPOINT", "cli"),
        ("GREENLANE_ATTEMPT", "outer"),
        ("GIT_DIR", "/elsewhere"),
    ]);
    let general =
        [("PATH", "/bin"), ("HOME", "/home/u"), ("LC_ALL", "C"), ("CARGO_HOME", "/c"), ("https_proxy", "p"), ("SSH_AUTH_SOCK", "/s")];
    let with = |more: &[(&str, &str)]| env(&general.iter().chain(more).copied().collect::<Vec<_>>());
    let registry = registry("[mine]\ncommand = \"m\"\nargs = [\"{prompt}\"]\nenv_allow = [\"*\"]\n[aider]\nenv_allow = [\"[\"]");
    let seen = |name: &str| registry.get(name).expect("an agent").environment(&user);
    assert_eq!(seen("claude"), with(&[("ANTHROPIC_API_KEY", "a"), ("ANTHROPIC_BASE_URL", "b")]));
    assert_eq!(seen("codex"), with(&[("OPENAI_API_KEY", "o")]));
    assert_eq!(seen("gemini"), with(&[("GEMINI_CLI_NO_RELAUNCH", "1")]));
    assert!(seen("mine").contains_key(&OsString::from("AWS_SECRET_ACCESS_KEY")), "the user said so");
    assert!(!seen("mine").contains_key(&OsString::from("GREENLANE_ATTEMPT")), "never another coordinator's");
    assert_eq!(registry.get("aider").expect("an agent").env_allow_errors().len(), 1);
}

#[test]
fn a_program_is_looked_for_where_the_user_would_find_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    for place in [&first, &second] {
        fs::create_dir(place).expect("a directory");
    }
    let path = std::env::join_paths([&first, &second]).expect("a path");
    let user = BTreeMap::from([(OsString::from("PATH"), path)]);
    let def = agent("[mine]\ncommand = \"my-agent\"\nargs = [\"{prompt}\"]\n", "mine");
    assert_eq!(def.presence(&user, dir.path()), Presence::Missing);
    fs::write(first.join("my-agent"), "not executable").expect("a file");
    assert_eq!(def.presence(&user, dir.path()), Presence::Missing);
    let program = second.join("my-agent");
    greenlane_testkit::program::write_program(&program, "#!/bin/sh\necho\necho \"my-agent 1.2 $1\"\n");
    assert_eq!(def.presence(&user, dir.path()), Presence::Found { path: program.clone(), version: None });
    let here = agent("[mine]\ncommand = \"./second/my-agent\"\nargs = [\"{prompt}\"]\n", "mine");
    let version = Some(s("my-agent 1.2 --version"));
    match here.presence_with_version(&user, dir.path()) {
        Presence::Found { version: said, .. } => assert_eq!(said, version),
        other => panic!("{other:?}"),
    }
}

#[test]
fn signed_in_is_denied_only_where_nothing_speaks_for_it() {
    let home = tempfile::tempdir().expect("a directory");
    let user = env(&[("HOME", &home.path().display().to_string())]);
    let claude = agent("", "claude");
    assert_eq!(claude.signed_in(&user), SignedIn::No(s("run `claude` once and sign in, or set ANTHROPIC_API_KEY")));
    let mut with_key = user.clone();
    with_key.insert(OsString::from("ANTHROPIC_API_KEY"), OsString::from("k"));
    assert_eq!(claude.signed_in(&with_key), SignedIn::Yes(s("ANTHROPIC_API_KEY")));
    assert_eq!(agent("[claude]\nextra_args = [\"--settings\", \"x\"]", "claude").signed_in(&user), SignedIn::Unknown);
    fs::create_dir(home.path().join(".claude")).expect("a directory");
    fs::write(home.path().join(".claude/settings.json"), "{}").expect("a file");
    assert_eq!(claude.signed_in(&user), SignedIn::Unknown, "an apiKeyHelper may stand there");
    fs::write(home.path().join(".claude/.credentials.json"), "{}").expect("a file");
    assert_eq!(claude.signed_in(&user), SignedIn::Yes(s("~/.claude/.credentials.json")));
    assert_eq!(agent("", "opencode").signed_in(&user), SignedIn::Unknown, "it has models without an account");
    assert_eq!(agent("[mine]\ncommand = \"m\"\nargs = [\"{prompt}\"]\n", "mine").signed_in(&user), SignedIn::Unknown);
}

#[test]
fn the_command_agent_is_a_shell_line() {
    assert_eq!(command_argv("make -j 2 | tail"), ["sh", "-c", "make -j 2 | tail"]);
}

#[test]
fn a_hand_off_agent_has_no_command() {
    let load = |text: &str| Registry::load(&toml::from_str(text).unwrap());
    let own = load("[ada]\nhand_off = true\n").unwrap();
    let ada = own.get("ada").unwrap();
    assert!(ada.hand_off && ada.slots == Some(4) && ada.stall_timeout.is_none());
    assert_eq!(own.hand_off().into_iter().collect::<Vec<_>>(), ["ada", "cursor-editor", "person", "windsurf"]);
    let faulty = load("[windsurf]\ncommand = \"windsurf\"\n").unwrap().placed(|name, keys| Some(format!("c.toml:2 {name} {}", keys[0])));
    let refused = faulty.get("windsurf").unwrap_err().to_string();
    assert_eq!(
        refused,
        "agent `windsurf` is handed its tasks (`hand_off`), and has a command that would never be started (c.toml:2 windsurf command)"
    );
    assert!(faulty.get("claude").is_ok() && faulty.iter().all(|a| a.name != "windsurf") && faulty.faults().count() == 1);
}
