//! Configuration files and variables, damaged: every problem is told with its place, and nothing panics.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use greenlane_runtime::config::{Config, DEFAULTS, KEYS};
use greenlane_testkit::fuzz::{Target, random};

const OWN: &str = "[run]\njobs = 3\nagent = \"codex\"\ntimeout = \"1h30m\"\n[retry]\nmax = 2\nretry_types = [\"timeout\"]\n[workspace]\nsetup = [\"make\"]\n[agents.robot]\ncommand = \"robot\"\nargs = [\"{prompt}\"]\nenv = { A = \"1\" }\nslots = 2\n";

const TOKENS: &[&str] = &[
    "[run]\n",
    "[agents.x]\n",
    "[quota]\n",
    "jobs = ",
    "timeout = ",
    "\"1h\"",
    "\"100y\"",
    "factor = nan",
    "jitter = inf",
    "1e308",
    "-1",
    "0x7fffffffffffffff",
    "\"\"",
    "[[run]]\n",
    "run.jobs = 1\n",
    "agents.a.b.c = 1\n",
    "true",
    "[]",
    "{}",
    "'''",
    "\"\"\"",
    "command = ",
    "output = \"claude\"",
    "stall_timeout = ",
    "slots = ",
    "env = ",
    "1979-05-27",
];

#[test]
fn a_damaged_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let seeds = vec![OWN.as_bytes().to_vec(), DEFAULTS.as_bytes().to_vec()];
    let path = dir.path().join("greenlane.toml");
    let target = Target { name: "configuration", cases: 500, seeds, tokens: TOKENS, ..Target::default() };
    target.run(|bytes| {
        std::fs::write(&path, bytes).expect("written");
        let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
        match Config::load(Some(dir.path()), &[], &BTreeMap::new()) {
            Ok(loaded) => {
                assert!(serde_json::to_string(&loaded.config).is_ok());
                vec![String::from("in force")]
            }
            Err(error) => {
                assert!(!error.problems.is_empty());
                let told = error.to_string().len();
                assert!(told <= 4 << 20, "{told} bytes about {}", bytes.len());
                for problem in &error.problems {
                    assert!(problem.location.as_ref().is_none_or(|l| l.line <= lines), "{:?} of {lines}", problem.location);
                }
                error.problems.iter().take(8).map(|p| p.message.chars().filter(|c| c.is_alphabetic()).take(20).collect()).collect()
            }
        }
    });
}

#[test]
fn damaged_variables() {
    let values = [
        "",
        "1",
        "-1",
        "0",
        "1e999",
        "nan",
        "true",
        "1h",
        "9000000000000000000",
        "18446744073709551616",
        "a,b",
        "[\"a\"]",
        "é",
        "\u{0}",
        "stop",
        "allow",
        "'",
        "\n",
    ];
    random("variables", 1_000, |rng| {
        let mut env = BTreeMap::new();
        for _ in 0..rng.usize(1..6) {
            let name = match rng.u8(..4) {
                0 => format!("GREENLANE_{}", values[rng.usize(..values.len())]),
                _ => String::from(KEYS[rng.usize(..KEYS.len())].variable),
            };
            let mut value = values[rng.usize(..values.len())].as_bytes().to_vec();
            if rng.u8(..5) == 0 {
                value.push(0xff);
            }
            if rng.u8(..50) == 0 {
                value = value.repeat(10_000);
            }
            env.insert(OsString::from(name), OsString::from_vec(value));
        }
        match Config::load(None, &[], &env) {
            Ok(loaded) => assert!(serde_json::to_string(&loaded.config).is_ok()),
            Err(error) => assert!(error.problems.len() <= 6),
        }
    });
}
