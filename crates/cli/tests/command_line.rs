//! The wiring of the command line, with the real program: exit codes, which stream, what is said.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program in an empty home, with none of the tester's own settings.
fn greenlane(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home).current_dir(home);
    command
}

fn code_out_err(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn mistakes_on_the_command_line_are_exit_2_with_a_way_out() {
    let home = TempDir::new().unwrap();
    let table: &[(&[&str], &str)] = &[
        (&[], "Usage: greenlane"),
        (&["confg"], "a similar subcommand exists: 'config'"),
        (&["config", "--jsn"], "a similar argument exists: '--json'"),
        (&["config", "jobs"], "error: `jobs` is not a setting of Greenlane\nhint: `greenlane config` lists all of them\n"),
        (&["-C", "nowhere", "config"], "error: cannot work in `nowhere`: No such file or directory"),
        (&["-q", "-v", "config"], "cannot be used with"),
        (&["--color", "sometimes", "config"], "[possible values: auto, always, never]"),
        (&["completions", "tcsh"], "invalid value 'tcsh'"),
        (&["failures", "log", "--type", "bug", "--message", "x", "--exit-code", "99999"], "99999 is not in 0..=255"),
        (&["failures", "log", "--type", "bug", "--message", "x", "--exit-code", "-1"], "-1 is not in 0..=255"),
        (&["man", "walk"], "error: no verb `walk`\nhint: `greenlane --help` lists the verbs\n"),
    ];
    for (args, said) in table {
        let (code, out, err) = code_out_err(&greenlane(home.path(), args).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn what_is_too_long_is_quoted_by_its_beginning() {
    let home = TempDir::new().unwrap();
    let long = "x".repeat(90_000);
    let pair = format!("k={long}");
    for args in [
        &["failures", "log", "--type", "bug", "--message", "m", "--context", &pair][..],
        &["failures", "log", "--type", "bug", "--message", "m", "--context", &long],
        &["failures", "--type", &long],
        &["failures", &long],
        &[&long],
    ] {
        let (code, _, err) = code_out_err(&greenlane(home.path(), args).output().unwrap());
        assert!(code == Some(2) && err.len() < 2_000 && err.contains("xxx… ("), "{}: {}", args.len(), &err[..err.len().min(500)]);
    }
}

#[test]
fn configuration_mistakes_are_exit_2_and_name_the_line() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir(home.path().join(".git")).unwrap();
    std::fs::write(home.path().join("greenlane.toml"), "[run]\njosb = 2\n").unwrap();
    let (code, out, err) = code_out_err(&greenlane(home.path(), &["config"]).output().unwrap());
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let path = home.path().canonicalize().unwrap().join("greenlane.toml");
    assert_eq!(err, format!("error: {}:2:1: unknown key `josb` in [run]\nhint: did you mean `jobs`?\n", path.display()));
}

#[test]
fn config_shows_each_value_with_its_origin() {
    let home = TempDir::new().unwrap();
    let mut command = greenlane(home.path(), &["config", "run", "--json"]);
    command.env("GREENLANE_GRACE", "1s").env("GREENLANE_TASK", "x").env("GREENLANE_JOSB", "1");
    let (code, out, err) = code_out_err(&command.output().unwrap());
    assert_eq!(code, Some(0));
    assert_eq!(err, "warning: GREENLANE_JOSB is not a setting of Greenlane\nhint: did you mean GREENLANE_JOBS?\n");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["schema"], 1);
    let grace = document["values"].as_array().unwrap().iter().find(|v| v["key"] == "run.grace").unwrap();
    assert_eq!((grace["value"].as_str(), grace["origin"].as_str()), (Some("1s"), Some("GREENLANE_GRACE")));
}

#[test]
fn config_names_an_agents_variables_but_not_their_values() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir_all(home.path().join(".config/greenlane")).unwrap();
    std::fs::write(home.path().join(".config/greenlane/config.toml"), "[agents.mine]\nenv = { API_KEY = \"s3cret\" }\n").unwrap();
    for args in [&["config", "agents"][..], &["config", "--json"]] {
        let (code, out, _) = code_out_err(&greenlane(home.path(), args).output().unwrap());
        assert_eq!(code, Some(0));
        assert!(out.contains("API_KEY") && !out.contains("s3cret"), "{out}");
    }
}

#[test]
fn a_reader_that_goes_away_is_not_a_panic() {
    let home = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = greenlane(home.path(), &["completions", "bash"]).stdout(writer).output().unwrap();
    let (code, _, err) = code_out_err(&output);
    assert_eq!((code, err.as_str()), (Some(141), ""));
}

#[test]
fn the_manual_is_written_page_by_page() {
    let home = TempDir::new().unwrap();
    let (code, out, err) = code_out_err(&greenlane(home.path(), &["man", "--dir", "pages"]).output().unwrap());
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    let page = std::fs::read_to_string(home.path().join("pages/greenlane-config.1")).unwrap();
    assert!(page.contains(".TH greenlane-config 1") && page.contains("greenlane config retry"), "{page}");
}

#[test]
fn completions_know_the_verbs() {
    let home = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = code_out_err(&greenlane(home.path(), &["completions", shell]).output().unwrap());
        assert!(code == Some(0) && out.contains("completions") && out.contains("config"), "{shell}");
    }
}

#[test]
fn colour_follows_the_flag_and_the_environment() {
    let home = TempDir::new().unwrap();
    let colored = |args: &[&str]| {
        let mut command = greenlane(home.path(), args);
        let output = command.env("NO_COLOR", "1").output().unwrap();
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    assert!(!colored(&["config"]) && !colored(&["config", "nothing"]));
    assert!(colored(&["--color", "always", "config"]) && colored(&["config", "nothing", "--color=always"]));
    assert!(colored(&["--color", "always", "confg"]));
}
