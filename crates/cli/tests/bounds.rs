//! Caps, circles and floors through the whole program, with agents that are scripts and print what Claude prints.

mod common;

use common::{Ran, Sandbox, wait_for};

/// A sandbox with an agent `spender`: each call uses 1,000 tokens. `body` may `call WHAT`, `result WHAT` and `end`.
fn with_spender(body: &str, more: &str) -> Sandbox {
    let s = Sandbox::new(&[]);
    let script = format!(
        r#"#!/bin/sh
echo "$GREENLANE_ATTEMPT" >> "$OUT/calls"
n=0
call() {{ n=$((n + 1)); printf '{{"type":"assistant","message":{{"id":"m%s","content":[{{"type":"tool_use","id":"t%s","name":"Bash","input":{{"command":"%s"}}}}],"usage":{{"input_tokens":990,"output_tokens":10}}}}}}\n' $n $n "$1"; }}
result() {{ printf '{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"t%s","content":"%s"}}]}}}}\n' $n "$1"; }}
end() {{ printf '{{"type":"result","subtype":"success","is_error":false,"result":"done","usage":{{"input_tokens":%s,"output_tokens":0}}}}\n' $((n * 1000)); }}
echo '{{"type":"system","subtype":"init","session_id":"s-1","model":"m"}}'
{body}
"#
    );
    let path = s.script("spender", &script).join("spender");
    let agent = format!(
        "[agents.spender]\ncommand = \"{}\"\nargs = [\"{{prompt_file}}\"]\noutput = \"claude\"\nenv_allow = [\"OUT\"]\n",
        path.display()
    );
    s.write("greenlane.toml", &format!("{more}\n{agent}"));
    s
}

fn task(id: &str, keys: &str) -> String {
    format!("[[task]]\nid = \"{id}\"\nagent = \"spender\"\nprompt = \"Spend.\"\n{keys}\n")
}

fn plan(tasks: &[String]) -> String {
    format!("verify = []\n{}", tasks.concat())
}

#[test]
fn a_task_that_exceeds_its_cap_is_ended_while_it_runs_and_not_tried_again() {
    let s = with_spender("while :; do call $n; result $n; done", "");
    let ran = s.run(&plan(&[task("a", "budget = { tokens = \"20k\" }")]), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.out_lines("calls").len(), 1, "once");
    let reason = s.reason("a");
    assert!(reason.starts_with("budget: ") && reason.ends_with(" of 20,000 tokens"), "{reason}");
    let attempt = &s.task("a")["attempts"][0];
    assert_eq!((attempt["outcome"].as_str(), attempt["failure"]["detail"].as_str()), (Some("over_budget"), Some("budget")));
    assert!(attempt["usage"]["input_tokens"].as_u64().unwrap() > 19_000, "{attempt}");
    let failures = s.greenlane(&["failures", "--stats"]);
    assert!(failures.stdout.contains("budget"), "{failures:?}");
    assert_eq!(s.events("budget_warned").len(), 1, "that most was used up was said before");
}

/// Who is warned can still do something: the attempt that has used most of its cap is at work then.
#[test]
fn most_of_a_cap_is_told_while_the_attempt_is_at_work() {
    let body = "for i in 1 2 3 4 5 6 7 8; do call $i; result $i; done\nuntil [ -e \"$OUT/warned\" ]; do sleep 0.02; done\necho x > a; end";
    let s = with_spender(body, "[run]\nheartbeat = \"1h\"\nhung_after = \"2h\"\ndead_after = \"3h\"\nhealth_interval = \"100ms\"");
    let running = s.start(s.run_command(&plan(&[task("a", "budget = { tokens = \"10k\" }")]), &[]));
    common::eventually("it is warned of", || s.count("budget_warned") == 1);
    std::fs::write(s.out("warned"), "").unwrap();
    let ran: Ran = running.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("8,000 of 10,000 tokens of its budget are used"), "{ran:?}");
    assert_eq!(s.events("budget_warned").len(), 1, "once");
}

#[test]
fn what_a_task_used_before_counts_for_its_next_attempt() {
    let s = with_spender("for i in 1 2 3; do call $i; result $i; done; exit 9", "");
    let ran = s.run(&plan(&[task("a", "budget = { model_calls = 5 }\nretries = 9")]), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.out_lines("calls").len(), 2, "three calls, then three more of the two that are left");
    // Whether its keeper or its own end comes first is the machine's affair.
    assert!(s.reason("a").ends_with("budget: 6 of 5 calls of the model"), "{}", s.reason("a"));
}

#[test]
fn at_the_runs_cap_it_stops_in_a_clear_state_and_a_higher_cap_goes_on() {
    // The first spends most of it; the second goes on until it is ended, or until it may finish.
    let body = r#"task=${GREENLANE_TASK#*/}
call 1; result 1; echo x > $task
[ $task = first ] && { call 2; result 2; end; exit 0; }
[ -e "$OUT/enough" ] && { end; exit 0; }
trap 'exit 7' TERM; for i in $(seq 600); do sleep 0.05; done; exit 8"#;
    let s = with_spender(body, "[run]\nheartbeat = \"100ms\"\nhealth_interval = \"100ms\"\ngrace = \"5s\"");
    let text = plan(&[task("first", ""), task("second", "depends = [\"first\"]"), task("third", "depends = [\"second\"]")]);
    let ran = s.run(&text, &["--budget", "tokens=3000"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("3,000 of 3,000 tokens") && ran.stderr.contains("greenlane resume --budget CAPS"), "{ran:?}");
    let status = s.status();
    assert_eq!((status["run"]["state"].as_str(), status["run"]["halted"]["cause"].as_str()), (Some("stopped"), Some("budget")));
    assert_eq!(status["run"]["budget"]["spent"]["tokens"], 3000);
    assert_eq!(s.events("budget_warned").len(), 1, "once");
    assert_eq!(s.states()["first"], "done");

    let same = s.greenlane(&["resume"]);
    assert_eq!(same.code, 1, "{same:?}");
    assert_eq!(s.out_lines("calls").len(), 2, "nothing was started");
    std::fs::write(s.out("enough"), "").unwrap();
    for (caps, said) in [("tokens=2k", "the run has spent 3,000 of 2,000 tokens already"), ("tokens=1,tokens=2", "`tokens` is named twice")]
    {
        let refused = s.greenlane(&["resume", "--budget", caps]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    assert_eq!(s.events("budget_changed").len(), 0, "nothing was lowered");
    let more = s.greenlane(&["resume", "--budget", "tokens=1M"]);
    assert_eq!(more.code, 0, "{more:?}");
    assert_eq!(s.landed_files(), ["first", "second", "third"]);
    assert!(s.greenlane(&["report"]).stdout.contains(" of 1,000,000 tokens"));
}

#[test]
fn what_cannot_be_kept_is_said_before_and_refused_where_asked() {
    let s = with_spender("echo x > a; end", "");
    let path = s.plan("p.toml", "verify = []\n[[task]]\nid = \"a\"\nagent = \"codex\"\nprompt = \"x\"\nbudget = \"tokens=5,cost_usd=1\"\n");
    let path = path.to_str().unwrap();
    let shown = s.greenlane(&["plan", path]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stderr.contains("agent `codex` tells its tokens only with an attempt's end"), "{shown:?}");
    assert!(shown.stderr.contains("agent `codex` does not tell its cost: the cap cannot be kept for it; its tokens are told"), "{shown:?}");
    let refused = s.greenlane(&["plan", path, "--strict-budget"]);
    assert_eq!(refused.code, 2, "{refused:?}");

    // An agent that tells both in time is not spoken of, and one that tells no cost before its end is.
    let told = s.run(&plan(&[task("a", "budget = \"tokens=5000\"")]), &["--strict-budget"]);
    assert_eq!(told.code, 0, "{told:?}");
    let costs = plan(&[task("b", "budget = \"cost_usd=1\"")]);
    let refused = s.run(&costs, &["--strict-budget"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("hint: leave the cap out, cap tokens or model_calls instead, or run without --strict-budget"),
        "{refused:?}"
    );
    assert_eq!(s.out_lines("calls").len(), 1, "nothing was started");
    let warned = s.run(&costs, &[]);
    assert!(warned.stderr.contains("tells its cost only with an attempt's end"), "{warned:?}");
}

/// The guide's own words are run: whoever copies them has a run that starts.
#[test]
fn the_sample_of_the_guide_starts_with_what_claude_tells() {
    let guide = include_str!("../../../docs/tuning.md");
    let sample = guide.split("```toml").nth(1).and_then(|t| t.split("```").next()).unwrap();
    assert!(sample.contains("strict = true"), "{sample}");
    // Floors of a large machine need not be had here.
    let sample =
        sample.replace("disk_free_min = \"5GiB\"", "disk_free_min = 0").replace("memory_free_min = \"2GiB\"", "memory_free_min = 0");
    let s = with_spender("call 1; result 1; echo x > a; end", &sample);
    let ran = s.run(&plan(&[task("a", "")]), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");

    // A command tells nothing, and nothing that it could tell is advised; the flag was never given.
    let refused = s.run("verify = []\n[[task]]\nid = \"b\"\nrun = \"echo b > b\"\nbudget = \"tokens=5\"\n", &[]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("hint: leave the cap out, or set `strict = false` under `[budget]`"), "{refused:?}");
}

#[test]
fn an_agent_that_goes_in_circles_is_named_and_not_tried_again() {
    let s = with_spender("while :; do call 'make test'; result 'no rule'; done", "[bounds]\nsame_calls_max = 7");
    let ran = s.run(&plan(&[task("a", "")]), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.reason("a"), "runaway: the same call with the same result 7 times, and nothing new between: runs `make test`");
    assert_eq!((s.out_lines("calls").len(), s.task("a")["attempts"][0]["outcome"].as_str()), (1, Some("runaway")));
}

#[test]
fn below_the_floor_nothing_starts_and_it_is_said_why() {
    let s = Sandbox::new(&[]);
    let text = "verify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n";
    let mut command = s.run_command(text, &[]);
    command.env("GREENLANE_DISK_FREE_MIN", "4000000GiB");
    let running = s.start(command);
    common::eventually("it waits", || s.count("room_changed") > 0 && s.states().get("a").is_some_and(|s| s == "queued"));
    assert!(s.reason("a").starts_with("waits for room: ") && s.reason("a").contains(" of disk are free at "), "{}", s.reason("a"));
    running.signal("INT");
    let ran: Ran = running.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stderr.contains("`[bounds] disk_free_min`") && ran.stderr.contains("Ctrl-C"), "{ran:?}");
    // Taken up below the same floor it waits again, says so, and goes at the first Ctrl-C.
    let mut command = s.command(&["resume"]);
    command.env("GREENLANE_DISK_FREE_MIN", "4000000GiB");
    let running = s.start(command);
    common::eventually("it waits again", || s.events("room_changed").len() > 1);
    running.signal("INT");
    let ran: Ran = running.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stderr.contains("nothing starts for want of room"), "{ran:?}");
    // The floor is the machine's: with one that there is room for the same run goes on.
    s.write("greenlane.toml", "[bounds]\ndisk_free_min = \"1MiB\"\n");
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn what_agents_checks_suites_and_hooks_print_is_kept_within_the_limit() {
    const FLOOD: &str = "seq -w 100000";
    let s = Sandbox::new(&[]);
    s.write("greenlane.toml", &format!("[output]\nbytes_max = 8192\n[workspace]\nsetup = [\"{FLOOD}\"]\n"));
    let text = format!("verify = [\"{FLOOD}\"]\n[[task]]\nid = \"a\"\nrun = \"{FLOOD}; {FLOOD} >&2; echo a > a\"\ncheck = [\"{FLOOD}\"]\n");
    let ran = s.run(&text, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut floods = Vec::new();
    let mut dirs = vec![s.repo().join(".greenlane")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path)
                && text.contains("000002\n")
            {
                // The gap's line is on top of the limit; a log of several commands holds each within it.
                assert!(text.len() < 8192 * 2 + 1_000, "{} has {} bytes", path.display(), text.len());
                assert!(text.contains(" bytes left out …]") && text.contains("\n099999\n"), "head and tail are kept in {}", path.display());
                floods.push(path);
            }
        }
    }
    assert!(floods.len() >= 3, "the agent's two streams and the commands': {floods:?}");
    wait_for(&s.repo().join(".greenlane"));
}
