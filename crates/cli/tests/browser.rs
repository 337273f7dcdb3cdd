//! The dashboard in a real browser: a run is watched to its end, a task stopped and tried again, a question answered, a diff opened, the
//! timeline read, work landed; without complaints of the browser or of axe-core. What is done there stands in tests/browser/dashboard.mjs.
//!
//! It needs `chromium` and `tests/browser/install.sh`. Without them it is left out and says so, unless `GREENLANE_REQUIRE_BROWSER` demands it.
//! `GREENLANE_SHOTS=DIR` keeps pictures of every view: light, dark, and as wide as a phone.
#![cfg(feature = "web")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::served::Served;
use common::{Sandbox, await_file, eventually};
use serde_json::{Value, json};

const PLAN: &str = r#"
name = "A shop that ships"
verify = ["test -f README.md"]

[[task]]
id = "first"
title = "Tables for orders <img src=x onerror=document.title='owned'>"
owns = ["first.txt", "README.md"]
run = "echo '<script>owned</script>' > first.txt; echo 'Another sample.' > README.md; echo wrote first.txt"

[[task]]
id = "fails"
title = "Old data"
owns = ["old.txt"]
retries = 0
run = "echo '<b>no such table</b>' >&2; exit 7"

[[task]]
id = "twice"
title = "Right at the second attempt"
owns = ["twice.txt"]
check = ["test -f twice.txt", "grep -q good twice.txt"]
retries = 0
run = "echo \"as <i>$(ls $OUT | grep -c second)</i>\" > twice.txt; if [ -e $OUT/second ]; then echo good >> twice.txt; else touch $OUT/second; fi"
"#;

fn browser() -> Option<PathBuf> {
    let named = env::var_os("GREENLANE_BROWSER").map(PathBuf::from);
    let on_path = || env::split_paths(&env::var_os("PATH")?).map(|d| d.join("chromium")).find(|p| p.exists());
    named.or_else(on_path)
}

fn wanted() -> Option<(PathBuf, PathBuf)> {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    let found = browser().filter(|_| driver.join("node_modules/.greenlane-installed").exists());
    let demanded = env::var("GREENLANE_REQUIRE_BROWSER").is_ok_and(|v| !v.is_empty());
    assert!(found.is_some() || !demanded, "GREENLANE_REQUIRE_BROWSER demands chromium and tests/browser/install.sh");
    if found.is_none() {
        eprintln!("left out: there is no chromium, or tests/browser/install.sh has not run");
    }
    Some((found?, driver))
}

/// An agent's question, by its tools; `answered` appears with the answer in it.
fn ask(s: &Sandbox) {
    let mut command = s.command(&["mcp", "--task", "asks", "--wait", "10m"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let question = json!({"name": "ask", "arguments": {"question": "Which port?\n<script>owned</script>"}});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": question}),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    let out = s.out("answered");
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == 2 {
                std::fs::write(&out, answer["result"]["content"][0]["text"].as_str().unwrap_or_default()).unwrap();
                break;
            }
        }
        drop(stdin);
        drop(child.wait());
    });
}

#[test]
fn a_run_is_watched_and_led_from_a_browser() {
    let Some((chromium, driver)) = wanted() else { return };
    let s = Sandbox::new(&[]);
    let waits = |id: &str, keys: &str, file: &str| {
        let wait = await_file(file).replace("1500", "6000");
        format!(
            "[[task]]\nid = \"{id}\"\ntitle = \"Work on {id}\"\nowns = [\"{id}.txt\"]\n{keys}run = '''\necho step one; {wait}; echo step two; echo {id} > {id}.txt\n'''\n"
        )
    };
    let plan = format!(
        "{PLAN}{}{}{}",
        waits("long", "", "go-long"),
        waits("asks", "", "answered"),
        waits("last", "depends = [\"first\", \"long\"]\n", "go-last")
    );
    let run = s.start(s.run_command(&plan, &["--keep-going", "-j", "4"]));
    eventually("the one that asks is at work", || {
        s.count("attempt_spawned") >= 3 && s.states().get("asks").is_some_and(|t| t == "running")
    });
    ask(&s);
    let web = Served::of(&s);
    let shots = env::var_os("GREENLANE_SHOTS").map_or_else(|| s.path("shots"), PathBuf::from);
    let done = Command::new("node")
        .arg(driver.join("dashboard.mjs"))
        .args([&web.url, chromium.to_str().unwrap()])
        .args([s.path("profile"), s.path("out"), shots])
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    eprintln!("{said}");
    assert_eq!(run.wait().code, 1, "one task fails on purpose");
    let states = s.states();
    let all = ["first", "twice", "long", "asks", "last", "fails"].map(|t| states[t].as_str());
    assert_eq!(all, ["done", "done", "done", "done", "done", "failed"]);
    assert_eq!(s.out_lines("answered").last().map(String::as_str), Some("port 8080"), "the agent was told what somebody typed");
    assert!(s.files_on("main").contains(&String::from("last.txt")), "it was landed from the page");
}
