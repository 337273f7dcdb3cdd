//! What agents are told: templates of the repository, whole plans at once, skills that run first.

mod common;

use common::{Sandbox, await_file, wait_for};
use serde_json::Value;

const PLAN: &str = r#"
id = "p"
[defaults]
contracts = ["`take(n)` answers true or false"]
[[task]]
id = "bucket"
title = "Add the bucket"
agent = "claude"
prompt = "Write it."
objective = "Requests are limited."
deliverables = ["src/limit.rs"]
owns = ["src/limit/**"]
skills = ["./facts.sh"]
[[task]]
id = "gate"
agent = "codex"
prompt = "Open the gate."
owns = ["src/gate/**"]
[[task]]
id = "mod"
run = "true"
"#;

/// A sandbox with an agent `mine`, a script that keeps its prompt in `$OUT/prompt` and writes one file.
fn with_agent(files: &[(&str, &str)]) -> Sandbox {
    let s = Sandbox::new(files);
    let path = s.script("mine", "#!/bin/sh\ncp \"$1\" \"$OUT/prompt\"\necho 1 > done-it\n").join("mine");
    let config = format!("[agents.mine]\ncommand = \"{}\"\nargs = [\"{{prompt_file}}\"]\nenv_allow = [\"OUT\"]\n", path.display());
    s.write("greenlane.toml", &config);
    s
}

fn told(s: &Sandbox) -> String {
    std::fs::read_to_string(s.out("prompt")).unwrap()
}

/// A skill of the repository, executable.
fn skill(s: &Sandbox, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    s.write(name, text);
    std::fs::set_permissions(s.repo().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_prompts_of_a_whole_plan_without_any_run() {
    let s = Sandbox::new(&[("AGENTS.md", "Be kind.\n")]);
    let plan = s.plan("plan.toml", PLAN);
    let plan = plan.to_str().unwrap();
    let ran = s.greenlane(&["prompt", "--all", plan, "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let prompts = document["prompts"].as_array().unwrap();
    let of: Vec<_> = prompts.iter().map(|p| (p["task"].as_str().unwrap(), p["family"].as_str().unwrap())).collect();
    assert_eq!(of, [("bucket", "claude"), ("gate", "codex")], "a command has none");
    let bucket = prompts[0]["prompt"].as_str().unwrap();
    for part in [
        "## Objective\n\nRequests are limited.",
        "## Deliverables\n\n- src/limit.rs",
        "- `take(n)` answers true or false",
        "- `gate`: `src/gate/**`",
        "## From ./facts.sh",
        "## Your way of working",
        "`AGENTS.md`",
    ] {
        assert!(bucket.contains(part), "{part} in\n{bucket}");
    }
    assert_eq!(s.greenlane(&["prompt", "bucket", plan]).stdout, bucket, "one alone is the same");
    let stream = s.greenlane(&["prompt", "--all", plan]).stdout;
    assert!(
        stream.starts_with("<!-- prompt of p/bucket -->\n\n# Add the bucket\n") && stream.contains("\n<!-- prompt of p/gate -->\n"),
        "{stream}"
    );
    let out = s.out("prompts");
    let ran = s.greenlane(&["prompt", "--all", plan, "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut texts: Vec<String> = std::fs::read_dir(&out).unwrap().map(|e| std::fs::read_to_string(e.unwrap().path()).unwrap()).collect();
    texts.sort();
    let mut wanted: Vec<&str> = prompts.iter().map(|p| p["prompt"].as_str().unwrap()).collect();
    wanted.sort_unstable();
    assert_eq!(texts, wanted);
    assert!(!s.repo().join(".greenlane").exists(), "nothing was started");
    assert_eq!(s.greenlane(&["prompt"]).code, 2);
}

#[test]
fn what_is_shown_is_what_the_agent_gets_every_time() {
    let s = with_agent(&[("AGENTS.md", "Be kind.\n")]);
    let plan = "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\nowns = [\"done-it\"]\nobjective = \"It is there.\"\n[[task]]\nid = \"b\"\nrun = \"echo 2 > b\"\nowns = [\"b\"]\n";
    let plain = |text: &str| {
        let line = |l: &str| l.split_once(" A copy of the plan to read is at ").map_or(l, |(before, _)| before).to_owned();
        text.lines().map(line).collect::<Vec<_>>()
    };
    let first = s.run(plan, &[]);
    assert_eq!(first.code, 0, "{first:?}");
    let in_the_first = plain(&told(&s));
    let again = s.run(plan, &["--fresh"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(plain(&told(&s)), in_the_first);
    let shown = s.greenlane(&["prompt", "a", s.path("plan.toml").to_str().unwrap()]);
    assert_eq!(plain(&shown.stdout), in_the_first);
    assert!(in_the_first.contains(&String::from("- `b`: `b`")), "{in_the_first:#?}");
}

#[test]
fn who_is_assigned_is_told_why() {
    let s = with_agent(&[]);
    let plan = s.plan("plan.toml", "id = \"p\"\n[[task]]\nid = \"a\"\nagent = \"auto\"\nprompt = \"Write unit tests for the parser.\"\n");
    let ran = s.greenlane(&["prompt", "a", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("## Why you\n\nYou were assigned to it: "), "{}", ran.stdout);
    // Whichever agents are installed where this runs.
    let config = std::fs::read_to_string(s.repo().join("greenlane.toml")).unwrap();
    s.write("greenlane.toml", &format!("[assign]\ntypes = {{ testing = \"mine\" }}\n{config}"));
    let ran = s.greenlane(&["run", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(told(&s).contains("## Why you\n\nYou were assigned to it: `assign.types` gives testing to mine."), "{}", told(&s));
}

#[test]
fn a_template_of_the_repository_is_used_and_can_be_tracked() {
    let s = with_agent(&[]);
    s.write(
        ".greenlane/prompts/mine.md",
        "{% extends \"builtin/default\" %}\n{% block advice %}\n## House rules\n\nSay {{ agent }}.\n\n{% endblock %}\n",
    );
    let ran = s.run("[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(told(&s).contains("## House rules\n\nSay mine.\n\n## Rules\n"), "{}", told(&s));
    s.git(&["add", ".greenlane"]);
    assert_eq!(s.git(&["diff", "--cached", "--name-only"]), ".greenlane/prompts/mine.md", "the state beside it is ignored");
}

#[test]
fn a_wrong_template_is_told_before_anything_starts() {
    let s = with_agent(&[]);
    s.write(".greenlane/prompts/mine.md", "{{ task.words }}\n{{ rules | items }}\n{{ task.tilte }}\n");
    let plan = "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("error: .greenlane/prompts/mine.md:3: undefined value"), "{ran:?}");
    assert!(!s.out("prompt").exists() && !s.repo().join(".greenlane/state.db").exists());
    let file = s.path("plan.toml");
    for verb in ["plan", "prompt"] {
        let args: &[&str] = if verb == "plan" { &["plan"] } else { &["prompt", "a"] };
        let ran = s.greenlane(&[args, &[file.to_str().unwrap()]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("mine.md:3: "), "{ran:?}");
    }
    let ran = s.greenlane(&["doctor"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("✗ prompts: .greenlane/prompts/mine.md:3: undefined value"), "{ran:?}");
}

#[test]
fn skills_run_first_and_their_output_joins_the_prompt() {
    let s = with_agent(&[("docs/style.md", "Write short words.\n")]);
    skill(&s, "facts.sh", "#!/bin/sh\necho \"tables: a, b; $PORT\"\n");
    skill(&s, "broken.sh", "#!/bin/sh\necho half >&2\nexit 3\n");
    s.git(&["add", "-A"]);
    s.git(&["commit", "-qm", "skills"]);
    let plan = r#"
[[task]]
id = "a"
agent = "mine"
prompt = "Write it."
skills = ["./facts.sh", "docs/style.md", "./broken.sh", "sleep 100", "reboot", "echo `seq 3000`"]
skill_timeout = "300ms"
env = { PORT = "4007" }
"#;
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = told(&s);
    for part in [
        "## From ./facts.sh\n\n```\ntables: a, b; 4007\n```\n",
        "## From docs/style.md\n\nWrite short words.\n",
        "and failed: it ended with code 3. Work without it.\n\n```\nhalf\n```\n",
        "and failed: it took longer than 0.3 s.",
        "and failed: no file of the repository has this name",
        " 3000\n```\n",
        "- `PORT` = `4007`",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(told.len() < 9_000, "output is limited: {}", told.len());
    assert!(ran.stderr.contains("works without its skill `./broken.sh`: it ended with code 3 (half)"), "{ran:?}");
    let slug = std::fs::read_dir(s.repo().join(".greenlane/runs")).unwrap().next().unwrap().unwrap().path();
    let logs: Vec<_> = std::process::Command::new("find").arg(slug).args(["-name", "skills.log"]).output().unwrap().stdout;
    let log = std::fs::read_to_string(String::from_utf8(logs).unwrap().trim()).unwrap();
    assert!(log.contains("broken.sh'\nhalf\n"), "{log}");
}

#[test]
fn a_plan_can_ask_that_no_skill_fails() {
    let s = with_agent(&[]);
    let plan = "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\nskills = [\"echo lost; exit 4\"]\nskill_failure = \"stop\"\nretries = 0\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(s.reason("a").contains("its skill `echo lost; exit 4` failed: it ended with code 4 (lost)"), "{}", s.reason("a"));
    assert!(!s.out("prompt").exists(), "no agent was started");
}

#[test]
fn a_coordinator_that_goes_takes_its_skills_along_and_the_next_one_runs_them_again() {
    let s = with_agent(&[]);
    let wait = await_file("never");
    let plan = format!(
        "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\nskills = [\"[ -e $OUT/go ] && echo gone on && exit 0; echo $$ > $OUT/pid.new; mv $OUT/pid.new $OUT/pid; {wait}\"]\n"
    );
    let running = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("pid"));
    let pid: u32 = std::fs::read_to_string(s.out("pid")).unwrap().trim().parse().unwrap();
    running.signal("TERM");
    let ran = running.wait();
    assert_eq!(ran.code, 143, "{ran:?}");
    assert!(!common::lives(pid), "nothing of it is left");
    std::fs::write(s.out("go"), "").unwrap();
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(told(&s).contains("```\ngone on\n```"), "{}", told(&s));
    assert!(s.events("retry_scheduled").is_empty(), "it was nobody's failure");
}

#[test]
fn a_task_that_is_stopped_in_its_skills_ends_with_them() {
    let s = with_agent(&[]);
    let plan = format!(
        "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Write it.\"\nskills = [\"echo $$ > $OUT/pid.new; mv $OUT/pid.new $OUT/pid; {}\"]\n",
        await_file("never")
    );
    let running = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("pid"));
    let pid: u32 = std::fs::read_to_string(s.out("pid")).unwrap().trim().parse().unwrap();
    let began = std::time::Instant::now();
    let stopped = s.greenlane(&["stop", "a"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let ran = running.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "the skill was waited for");
    assert!(!common::lives(pid));
    assert_eq!(s.states()["a"], "cancelled");
    assert!(!s.out("prompt").exists());
}
