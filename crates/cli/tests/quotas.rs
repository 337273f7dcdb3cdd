//! Limits of providers, with real processes: coordinators in several repositories share one account; places end with their keeper; other
//! agents take over. The provider is a file: the agents are scripts that are refused or served by what lies in `$OUT`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::process::Command;

use common::{Ran, Sandbox, eventually, signal, wait_for};
use serde_json::Value;

/// Notes its request, waits while it is held, is refused once where a limit lies, else does its task.
const ROBOT: &str = r#"#!/bin/sh
task=${GREENLANE_TASK##*/}
echo "$(date +%s%3N) $task" >> "$OUT/requests"
if [ -e "$OUT/hold-$task" ]; then
  mv "$OUT/hold-$task" "$OUT/held-$task"
  n=0; until [ -e "$OUT/go-$task" ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 99; sleep 0.02; done
fi
if [ -e "$OUT/limit-$task" ]; then
  reset=$(( $(date +%s) + $(cat "$OUT/limit-$task") ))
  rm "$OUT/limit-$task"
  echo $reset > "$OUT/reset"
  echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'$reset'}}'
  echo '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You have hit your limit"}'
  exit 1
fi
echo "$task" > "$task.txt"
echo '{"type":"result","subtype":"success","is_error":false,"result":"done"}'
"#;

/// A repository of its own whose agents, user and provider are those of `user`; `None`: it is the first.
fn stage(user: Option<&Sandbox>) -> Sandbox {
    let sandbox = Sandbox::new(&[]);
    let of = user.unwrap_or(&sandbox);
    if user.is_none() {
        sandbox.script("robot", ROBOT);
    }
    let agent = |name: &str| {
        let (robot, out) = (of.path("bin").join("robot"), of.path("out"));
        format!("[agents.{name}]\ncommand = {robot:?}\nargs = [\"{{prompt_file}}\"]\noutput = \"claude\"\nenv = {{ OUT = {out:?} }}\n")
    };
    let absent = "[agents.absent]\ncommand = \"no-such-agent\"\nargs = [\"{prompt}\"]\n";
    sandbox.write("greenlane.toml", &format!("{}{}{absent}", agent("robot"), agent("spare")));
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-qm", "Agents"]);
    sandbox
}

fn task(id: &str, more: &str) -> String {
    format!("[[task]]\nid = \"{id}\"\nprompt = \"Do {id}.\"\nowns = [\"{id}.txt\"]\n{more}\n")
}

/// `run` in this repository, as the user of that one.
fn run_as(user: &Sandbox, repository: &Sandbox, plan: &str, flags: &[&str]) -> Command {
    let mut command = repository.run_command(plan, flags);
    command.env("HOME", user.path("home")).env("XDG_STATE_HOME", user.path("state"));
    command
}

/// When the provider was asked, in milliseconds since 1970, by whom.
fn requests(user: &Sandbox) -> Vec<(u64, String)> {
    let split = |line: String| line.split_once(' ').map(|(at, who)| (at.parse().unwrap(), who.to_owned())).unwrap();
    user.out_lines("requests").into_iter().map(split).collect()
}

fn attempts(sandbox: &Sandbox, task: &str) -> Vec<Value> {
    sandbox.task(task)["attempts"].as_array().unwrap().clone()
}

#[test]
fn a_limit_that_one_run_meets_holds_for_all_of_the_user_until_its_end_and_costs_no_retry() {
    let first = stage(None);
    let second = stage(Some(&first));
    for (name, text) in [("limit-a", "8"), ("hold-b", "")] {
        fs::write(first.out(name), text).unwrap();
    }
    let plan = format!("{}{}", task("b", "agent = \"robot\""), task("c", "agent = \"robot\""));
    let other = second.start(run_as(&first, &second, &plan, &["-j", "1"]));
    wait_for(&first.out("held-b"));
    let one = first.start(run_as(&first, &first, &task("a", "agent = \"robot\"\nretries = 0"), &[]));
    // The other one learns of it from nobody but the shared file.
    eventually("the other run knows of the limit", || second.count("account_changed") == 1);
    assert_eq!(first.count("account_limited"), 1);
    let reason = first.reason("a");
    assert!(reason.starts_with("waits for the quota of robot until ") && reason.contains("You have hit your limit"), "{reason}");
    assert_eq!(first.task("a")["state"], "awaiting_quota");
    let shown = first.greenlane(&["status"]).stdout;
    // A date of this century, but not twenty o'clock.
    let told = shown.split_once("waits for the quota of robot until ").map(|(_, rest)| rest).unwrap_or_default();
    assert!(!told.is_empty() && (!told.starts_with("20") || told[2..].starts_with(':')), "the user's own time: {shown}");
    fs::write(first.out("go-b"), "").unwrap();
    eventually("the other run waits", || second.task("c")["state"] == "awaiting_quota");

    let (one, other) = (one.wait(), other.wait());
    assert_eq!((one.code, other.code), (0, 0), "{one:?}\n{other:?}");
    assert!(one.stderr.contains("robot is limited until ") && other.stderr.contains("as another run has met"), "{one:?}\n{other:?}");
    let reset: u64 = first.out_lines("reset")[0].parse::<u64>().unwrap() * 1_000;
    let asked = requests(&first);
    let (early, late): (Vec<_>, Vec<_>) = asked.iter().partition(|(at, _)| *at < reset);
    let names = |list: &[&(u64, String)]| {
        let mut names: Vec<_> = list.iter().map(|(_, who)| who.clone()).collect();
        names.sort();
        names
    };
    assert_eq!((names(&early), names(&late)), (vec!["a".into(), "b".into()], vec!["a".into(), "c".into()]), "{asked:?}, {reset}");
    assert_eq!((attempts(&first, "a").len(), attempts(&second, "c").len()), (2, 1));
    assert_eq!((first.count("retry_scheduled"), first.count("quota_awaited"), second.count("retry_scheduled")), (0, 1, 0));
}

#[test]
fn places_are_shared_by_all_runs_of_the_user_and_end_with_their_keeper() {
    let first = stage(None);
    let second = stage(Some(&first));
    fs::write(first.out("hold-a"), "").unwrap();
    let with_one_place = |mut command: Command| {
        command.env("GREENLANE_API_LIMIT", "1");
        command
    };
    let one = first.start(with_one_place(run_as(&first, &first, &task("a", "agent = \"robot\""), &[])));
    wait_for(&first.out("held-a"));
    let other = second.start(with_one_place(run_as(&first, &second, &task("b", "agent = \"robot\""), &[])));
    eventually("the other run finds no place", || second.count("attempt_voided") >= 1);
    let voided = &second.events("attempt_voided")[0];
    assert_eq!(voided["reason"], "other runs on this machine have every place of robot");
    assert_eq!(requests(&first).len(), 1, "only the one that has the place");
    assert!(agent_line(&first).ends_with("account robot: 1 of 10 places in use"), "{}", agent_line(&first));
    let keeper = attempts(&first, "a")[0]["pid"].as_u64().unwrap();
    signal(u32::try_from(keeper).unwrap(), "KILL");
    let (one, other) = (one.wait(), other.wait());
    assert_eq!((one.code, other.code), (0, 0), "{one:?}\n{other:?}");
    assert_eq!(attempts(&first, "a")[0]["outcome"], "lost");
    assert_eq!(second.count("retry_scheduled"), 0);

    // Whoever was held back was no attempt, for people; programs find each under its id.
    let all = attempts(&second, "b");
    let (held_back, begun): (Vec<_>, Vec<_>) = all.iter().partition(|a| a["number"].is_null());
    assert_eq!((held_back.len(), begun.len(), &begun[0]["number"]), (all.len() - 1, 1, &1.into()), "{all:#?}");
    assert!(begun[0]["n"].as_u64() > Some(1) && held_back.iter().all(|a| a["outcome"] == "cancelled"), "{all:#?}");
    assert!(!other.stderr.contains("attempt 2") && other.stderr.matches("started (robot)").count() == all.len(), "{other:?}");
    let shown = second.greenlane(&["status", "b"]).stdout;
    assert!(shown.contains("#1 robot: succeeded") && !shown.contains("#2"), "{shown}");
    let table = second.greenlane(&["status"]).stdout;
    assert!(table.contains("#1") && !table.contains("#2"), "{table}");
    assert!(second.greenlane(&["report"]).stdout.contains("  1 attempt, "));
    for named in ["1", begun[0]["id"].as_str().unwrap()] {
        let ran = second.greenlane(&["logs", "b", "--raw", "--attempt", named]);
        assert!(ran.code == 0 && ran.stdout.contains("\"result\":\"done\""), "{named}: {ran:?}");
    }
    let ran = second.greenlane(&["logs", "b", "--attempt", "99"]);
    assert!(ran.code == 2 && ran.stderr.contains("has no attempt 99\nhint: it has had just one attempt"), "{ran:?}");
}

/// What a run says at its end, and what `report` does.
fn told(sandbox: &Sandbox, ran: &Ran) -> String {
    assert_eq!(ran.code, 0, "{ran:?}");
    format!("{}\n{}", ran.stderr, sandbox.greenlane(&["report"]).stdout)
}

#[test]
fn a_fallback_takes_over_from_an_agent_that_is_not_there_or_not_signed_in() {
    let sandbox = stage(None);
    let plan = format!("{}{}", task("a", "agent = \"absent\"\nfallbacks = [\"robot\"]"), task("b", "agent = \"robot\""));
    let ran = sandbox.run(&plan, &[]);
    let said = told(&sandbox, &ran);
    let line = "robot took over `a`: absent cannot be used: it is not installed";
    assert_eq!(said.matches(line).count(), 2, "at its end and in the report: {said}");
    assert_eq!(attempts(&sandbox, "a").len(), 1, "it was not even tried");

    let path = std::env::join_paths(std::iter::once(sandbox.script("claude", "#!/bin/sh\nexit 7\n")).chain(paths())).unwrap();
    let plan = task("c", "agent = \"claude\"\nfallbacks = [\"absent\", \"robot\"]").replace("[[task]]", "id = \"q\"\n[[task]]");
    let mut command = sandbox.run_command(&plan, &[]);
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"] {
        command.env_remove(name);
    }
    let ran = Ran::of(command.env("PATH", path).output().unwrap());
    assert!(told(&sandbox, &ran).contains("robot took over `c`: claude cannot be used: it is not signed in"), "{ran:?}");
}

fn paths() -> Vec<std::path::PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

#[test]
fn a_task_with_nobody_to_do_it_is_refused_before_anything_starts() {
    let sandbox = stage(None);
    let ran = sandbox.run(&task("a", "agent = \"absent\"\nfallbacks = [\"absent\"]"), &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("agent `absent` is not installed"), "{ran:?}");
}

#[test]
fn a_fallback_takes_over_for_a_long_limit_in_later_runs_too() {
    let sandbox = stage(None);
    fs::write(sandbox.out("limit-a"), "18000").unwrap();
    let ran = sandbox.run(&task("a", "agent = \"robot\"\nfallbacks = [\"spare\"]\nretries = 0"), &[]);
    assert!(told(&sandbox, &ran).contains("spare took over `a`: robot is limited until "), "{ran:?}");
    let agents: Vec<_> = attempts(&sandbox, "a").iter().map(|a| a["agent"].clone()).collect();
    assert_eq!(agents, ["robot", "spare"]);

    let later = stage(Some(&sandbox));
    let ran = Ran::of(run_as(&sandbox, &later, &task("b", "agent = \"robot\"\nfallbacks = [\"spare\"]"), &[]).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let agents: Vec<_> = attempts(&later, "b").iter().map(|a| a["agent"].clone()).collect();
    assert_eq!(agents, ["spare"], "it was known before the run began");
}

/// What `agents` says of the robot's account.
fn agent_line(sandbox: &Sandbox) -> String {
    let shown = sandbox.greenlane(&["agents"]).stdout;
    shown.lines().find(|l| l.contains("account robot: ")).unwrap_or_default().to_owned()
}

#[test]
fn a_limit_is_lifted_for_all_runs_when_a_person_says_so() {
    let sandbox = stage(None);
    fs::write(sandbox.out("limit-a"), "18000").unwrap();
    let run = sandbox.start(run_as(&sandbox, &sandbox, &task("a", "agent = \"robot\""), &[]));
    wait_for(&sandbox.path("state").join("greenlane/accounts/robot.json"));
    eventually("the refused attempt has given its place back", || agent_line(&sandbox).contains("account robot: 0 of "));
    let shown = sandbox.greenlane(&["agents"]).stdout;
    assert!(agent_line(&sandbox).contains(" (lowered from 10)") && shown.contains("its provider refuses until "), "{shown}");
    assert!(shown.contains("You have hit your limit"), "{shown}");
    let agents: Value = serde_json::from_str(&sandbox.greenlane(&["agents", "--json"]).stdout).unwrap();
    let robot = agents["agents"].as_array().unwrap().iter().find(|a| a["name"] == "robot").unwrap()["account"].clone();
    assert!(robot["paused_until"].is_string() && robot["reason"].is_string() && robot["limit_max"] == 10, "{robot}");
    let ran = sandbox.greenlane(&["unpause", "--account", "robt"]);
    assert!(ran.code == 2 && ran.stderr.contains("no account `robt` was ever limited\nhint: known: robot"), "{ran:?}");
    let ran = sandbox.greenlane(&["unpause", "--account", "robot"]);
    assert!(ran.code == 0 && ran.stderr.contains("nobody waits for robot any more"), "{ran:?}");
    let ran = run.wait();
    assert_eq!((ran.code, attempts(&sandbox, "a").len()), (0, 2), "{ran:?}");
}
