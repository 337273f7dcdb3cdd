//! The layers as a user sees them: what wins, where it came from, what is said about mistakes.

use std::path::Path;
use std::time::Duration;

use greenlane_core::failure::FailureType;
use tempfile::TempDir;

use super::{BaseRed, Config, ConfigError, DEFAULTS, Environment, KEYS, Loaded, Origin, RetryConfig};

/// A home and a repository with these files, and what loading them yields.
fn load(user: &str, repository: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> (TempDir, Result<Loaded, ConfigError>) {
    let dir = TempDir::new().unwrap();
    let (home, repo) = (dir.path().join("home"), dir.path().join("repo"));
    std::fs::create_dir_all(home.join("greenlane")).unwrap();
    std::fs::create_dir_all(&repo).unwrap();
    write(&home.join("greenlane/config.toml"), user);
    write(&repo.join("greenlane.toml"), repository);
    let mut environment = Environment::from([("XDG_CONFIG_HOME".into(), home.into())]);
    environment.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let flags: Vec<_> = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    let loaded = Config::load(Some(&repo), &flags, &environment);
    (dir, loaded)
}

fn write(path: &Path, text: &str) {
    if !text.is_empty() {
        std::fs::write(path, text).unwrap();
    }
}

/// The problems, with the temporary folder's name taken out.
fn problems(user: &str, repository: &str, env: &[(&str, &str)]) -> Vec<String> {
    let (dir, loaded) = load(user, repository, env, &[]);
    let root = format!("{}/", dir.path().display());
    loaded.unwrap_err().problems.iter().map(|p| p.to_string().replace(&root, "")).collect()
}

#[test]
fn silence_is_measured_by_two_heartbeats_at_least() {
    let text = "[run]\nheartbeat = \"2m\"\n";
    assert_eq!(
        problems("", text, &[]),
        [String::from(
            "repo/greenlane.toml:2:1: `run.hung_after` (2m, default) is less than twice `run.heartbeat` (2m, repo/greenlane.toml:2) \
             (set `heartbeat` to at most half of `hung_after`, in `[run]`)"
        )]
    );
    let by_both = problems("[run]\nhung_after = \"10s\"\n", "", &[("GREENLANE_HEARTBEAT", "6s")]);
    assert!(by_both[0].starts_with("home/greenlane/config.toml:2:1: ") && by_both[0].contains("(6s, GREENLANE_HEARTBEAT)"), "{by_both:?}");
    assert!(load("", "[run]\nhung_after = \"1m\"\n", &[], &[]).1.is_ok(), "just twice");
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = Config::defaults().unwrap();
    assert_eq!((config.run.jobs, config.run.max_plans, config.run.agent), (5, 3, None));
    assert_eq!(config.run.timeout, Duration::from_secs(3600));
    assert_eq!(config.run.stall_timeout, Duration::from_secs(900));
    assert_eq!((config.run.check_timeout, config.run.verify_timeout), (Duration::from_secs(600), Duration::from_secs(600)));
    assert_eq!((config.run.grace, config.run.base_red), (Duration::from_secs(30), BaseRed::Stop));
    assert_eq!((config.run.heartbeat, config.run.health_interval), (Duration::from_secs(30), Duration::from_secs(60)));
    let RetryConfig { max, base, factor, jitter, retry_types, .. } = config.retry;
    assert_eq!((max, base, factor, jitter), (3, Duration::from_secs(60), 2.0, 0.1));
    assert_eq!(retry_types, FailureType::RETRIED);
    assert_eq!((config.workspace.keep_failed, config.workspace.dir), (5, None));
    assert_eq!(config.output.bytes_max, 64 << 20);
}

#[test]
fn every_key_is_explained_in_the_defaults() {
    for key in KEYS {
        let named = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{} =", key.name()));
        assert!(DEFAULTS.lines().any(named), "{}", key.path);
    }
}

#[test]
fn a_later_layer_wins_and_says_so() {
    let user = "[run]\njobs = 2\ngrace = \"2s\"\n[retry]\nbase = 1\nfactor = 3\n";
    let repository = "[run]\ngrace = \"3s\"\nagent = \"codex\"\n[retry]\nfactor = 4\n";
    let (_dir, loaded) =
        load(user, repository, &[("GREENLANE_RETRY_FACTOR", "5"), ("GREENLANE_AGENT", "gemini")], &[("run.agent", "claude")]);
    let loaded = loaded.unwrap();
    assert_eq!((loaded.config.run.jobs, loaded.config.run.grace), (2, Duration::from_secs(3)));
    assert_eq!((loaded.config.retry.base, loaded.config.retry.factor), (Duration::from_secs(1), 5.0));
    assert_eq!(loaded.config.run.agent.as_deref(), Some("claude"));
    let origin = |key: &str| loaded.origins[key].clone();
    assert_eq!(origin("run.max_plans"), Origin::Default);
    assert!(matches!(origin("run.jobs"), Origin::File { path, line: 2 } if path.ends_with("greenlane/config.toml")));
    assert!(matches!(origin("run.grace"), Origin::File { path, line: 2 } if path.ends_with("greenlane.toml")));
    assert_eq!(origin("retry.factor"), Origin::Variable("GREENLANE_RETRY_FACTOR".into()));
    assert_eq!(origin("run.agent"), Origin::Flag("--agent".into()));
    assert!(loaded.files.iter().all(|(_, there)| *there) && loaded.warnings.is_empty());
}

#[test]
fn a_variable_has_a_short_and_a_long_name() {
    let (_dir, loaded) = load("", "", &[("GREENLANE_GRACE", "1s"), ("GREENLANE_RETRY_MAX", "1")], &[]);
    let config = loaded.unwrap().config;
    assert_eq!((config.run.grace, config.retry.max), (Duration::from_secs(1), 1));
    let (_dir, loaded) = load("", "", &[("GREENLANE_RETRIES", "2"), ("GREENLANE_RUN_GRACE", "4s"), ("GREENLANE_JOBS", "")], &[]);
    let config = loaded.unwrap().config;
    assert_eq!((config.run.grace, config.retry.max, config.run.jobs), (Duration::from_secs(4), 2, 5));
}

#[test]
fn an_attempts_own_variables_are_never_configuration() {
    let own: Vec<_> = super::NEVER_CONFIGURATION.iter().map(|name| (*name, "x")).collect();
    let (_dir, loaded) = load("", "", &own, &[]);
    let loaded = loaded.unwrap();
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.config, Config::defaults().unwrap());
}

#[test]
fn an_unknown_variable_is_a_warning_with_a_suggestion() {
    let (_dir, loaded) = load("", "", &[("GREENLANE_JOSB", "1"), ("GREENLANE_WEATHER", "fine"), ("OTHER", "1")], &[]);
    let warnings: Vec<_> = loaded.unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(warnings[0], "GREENLANE_JOSB is not a setting of Greenlane (did you mean GREENLANE_JOBS?)");
}

#[test]
fn agents_are_joined_key_by_key() {
    let user = "[agents.codex]\nslots = 2\nenv = { A = \"1\", B = \"1\" }\n";
    let repository =
        "[agents.codex]\nenv = { B = \"2\" }\nstall_timeout = 90\n[agents.mine]\ncommand = \"my-agent\"\nargs = [\"{prompt}\"]\n";
    let (_dir, loaded) = load(user, repository, &[], &[]);
    let agents = loaded.unwrap().config.agents;
    assert_eq!(agents["codex"].slots, Some(2));
    assert_eq!(agents["codex"].env, [("A".into(), "1".into()), ("B".into(), "2".into())].into());
    assert_eq!(agents["codex"].stall_timeout, Some(Duration::from_secs(90)));
    assert_eq!(agents["mine"].args.as_deref(), Some(&["{prompt}".to_owned()][..]));
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_way_out() {
    let table: &[(&str, &str)] = &[
        ("jobs = 3\n", "repo/greenlane.toml:1:1: unknown key `jobs` (`jobs` belongs under [run])"),
        ("[rnu]\n", "repo/greenlane.toml:1:2: unknown key `rnu` (did you mean [run]?)"),
        ("[run]\njosb = 3\n", "repo/greenlane.toml:2:1: unknown key `josb` in [run] (did you mean `jobs`?)"),
        ("[run]\nbase = 3\n", "repo/greenlane.toml:2:1: unknown key `base` in [run] (`base` belongs under [retry])"),
        ("[run]\njobs = 0\n", "repo/greenlane.toml:2:8: `run.jobs` cannot be 0 (write a whole number from 1 to 1000)"),
        ("[run]\njobs = \"many\"\n", "repo/greenlane.toml:2:8: `run.jobs` cannot be \"many\" (write a whole number from 1 to 1000)"),
        (
            "[run]\ngrace = \"soon\"\n",
            "repo/greenlane.toml:2:9: `run.grace` cannot be \"soon\" (write a duration such as \"0s\", \"90s\" or \"30m\")",
        ),
        (
            "[run]\ntimeout = -3\n",
            "repo/greenlane.toml:2:11: `run.timeout` cannot be \"-3\" (write a duration above zero such as \"90s\", \"30m\" or \"1h30m\")",
        ),
        ("[run]\nbase_red = \"alow\"\n", "repo/greenlane.toml:2:12: `run.base_red` cannot be `alow` (did you mean `allow`?)"),
        ("[retry]\njitter = 2\n", "repo/greenlane.toml:2:10: `retry.jitter` cannot be 2.0 (write a number from 0 to 1)"),
        (
            "[retry]\nretry_types = [\"timeuot\"]\n",
            "repo/greenlane.toml:2:15: `retry.retry_types` cannot be `timeuot` (did you mean `timeout`?)",
        ),
        (
            "[workspace]\nsetup = \"npm ci\"\n",
            "repo/greenlane.toml:2:9: `workspace.setup` cannot be \"npm ci\" (write a list of texts such as [\"one\", \"two\"])",
        ),
        ("run = 3\n", "repo/greenlane.toml:1:1: `run` must be a section (write [run] on a line of its own)"),
        (
            "[agents]\ncodex = 1\n",
            "repo/greenlane.toml:2:1: `agents.codex` must be a table (write [agents.codex] on a line of its own, its keys under it)",
        ),
        ("[agents.codex]\nslot = 1\n", "repo/greenlane.toml:2:1: unknown key `slot` in [agents.codex] (did you mean `slots`?)"),
        (
            "[agents.codex]\nenv = { A = 1 }\n",
            "repo/greenlane.toml:2:7: `agents.codex.env` gives `A` the value 1 (write it as text: A = \"…\")",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(problems("", text, &[]), [*expected], "{text}");
    }
}

#[test]
fn broken_toml_names_the_line() {
    let told = problems("", "[run]\njobs = = 3\n", &[]);
    assert!(told[0].starts_with("repo/greenlane.toml:2:8: is not valid TOML:"), "{told:?}");
}

#[test]
fn all_layers_problems_are_told_at_once() {
    let told = problems("[run]\njobs = 0\nnonsense = 1\n", "[retry]\nmax = 1000\n", &[("GREENLANE_GRACE", "soon")]);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[3].starts_with("GREENLANE_GRACE: `run.grace` cannot be \"soon\""), "{told:?}");
}

#[test]
fn a_wrong_flag_is_named_as_it_was_typed() {
    let (_dir, loaded) = load("", "", &[], &[("retry.max", "lots")]);
    assert_eq!(loaded.unwrap_err().to_string(), "--retries cannot be \"lots\" (write a whole number from 0 to 100)");
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("greenlane.toml"), [0xff, 0xfe, 0x00]).unwrap();
    let error = Config::load(Some(dir.path()), &[], &Environment::new()).unwrap_err();
    assert!(error.to_string().contains("is not UTF-8 text"), "{error}");
}

#[test]
fn the_users_file_lies_where_the_xdg_rules_say() {
    let env = |pairs: &[(&str, &str)]| -> Environment { pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect() };
    let file = |pairs: &[(&str, &str)]| super::user_file(&env(pairs)).map(|p| p.display().to_string());
    assert_eq!(file(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]).as_deref(), Some("/c/greenlane/config.toml"));
    assert_eq!(file(&[("XDG_CONFIG_HOME", "relative"), ("HOME", "/h")]).as_deref(), Some("/h/.config/greenlane/config.toml"));
    assert_eq!(file(&[]), None);
}
