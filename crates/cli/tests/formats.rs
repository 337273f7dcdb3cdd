//! Every format of plan, through `run`; and what the streams of `run` look like to a program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::Sandbox;
use serde_json::Value;

/// A model agent that needs no model: it writes a file named after its task.
fn with_agent(s: &Sandbox) {
    let bin = s.script(
        "scribe",
        "#!/bin/sh\nname=$(echo \"${GREENLANE_TASK#*/}\" | tr -c 'A-Za-z0-9\\n' _)\necho \"$name\" >> $OUT/order\nls > \"$name\"\n",
    );
    let text = format!(
        "[run]\nagent = \"scribe\"\n[agents.scribe]\ncommand = \"{}/scribe\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\nenv_allow = [\"OUT\"]\n",
        bin.display()
    );
    std::fs::create_dir_all(s.path("home").join(".config/greenlane")).unwrap();
    std::fs::write(s.path("home").join(".config/greenlane/config.toml"), text).unwrap();
}

fn runs(name: &str, text: &str, want: &[&str]) -> Sandbox {
    let s = Sandbox::new(&[]);
    with_agent(&s);
    let path = s.plan(name, text);
    let ran = s.greenlane(&["run", path.to_str().unwrap(), "-j", "4"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), want);
    s
}

#[test]
fn native_toml_and_json() {
    runs("p.toml", "[[task]]\nid = \"a\"\nprompt = \"x\"\n[[task]]\nid = \"b/../c d\"\nprompt = \"x\"\n", &["a", "b____c_d"]);
    runs("p.json", r#"{"id":"p","task":[{"id":"a","prompt":"x"},{"id":"b","run":"echo > b","depends":["a"]}]}"#, &["a", "b"]);
}

#[test]
fn markdown_with_groups_in_any_case() {
    let text = "# A plan\n\n- [ ] one: the first\n- [ ] [P:Group-X] two: together\n- [ ] [p:group-x] three: together\n- [x] zero: ticked\n- [ ] [P:Group-Y-2] four: after them\n";
    let s = Sandbox::new(&[]);
    with_agent(&s);
    let path = s.plan("p.md", text);
    let ran = s.greenlane(&["run", path.to_str().unwrap(), "-j", "4"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let status = s.status();
    let tasks = status["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 5);
    let ran_in_order: Vec<String> = s.out_lines("order");
    assert_eq!(ran_in_order.len(), 4, "the ticked one is not run: {ran_in_order:?}");
    let groups: Vec<Option<&str>> = tasks.iter().map(|t| t["group"].as_str()).collect();
    assert!(groups[1].is_some() && groups[1] == groups[2], "{groups:?}");
    let last = ran_in_order.last().unwrap();
    let seen = s.git(&["show", &format!("{}:{last}", s.branch())]);
    assert_eq!(seen.lines().filter(|l| *l != "README.md").count(), 4, "the last group sees the work of all before it: {seen}");
}

#[test]
fn an_array_of_descriptions() {
    runs("tasks.json", r#"[{"id":"t1","description":"first"},{"id":2,"description":"second"}]"#, &["2", "t1"]);
}

#[test]
fn a_prd_of_each_dialect_and_every_active_one_without_an_argument() {
    let s = Sandbox::new(&[]);
    with_agent(&s);
    s.write(
        "prds/active/PRD-1/prd.json",
        r#"{"project":"P","branchName":"prd/one","description":"d","userStories":[{"id":"US-001","title":"t","description":"d","acceptanceCriteria":["c"],"priority":2,"passes":false,"notes":""},{"id":"US-002","title":"t","description":"d","acceptanceCriteria":[],"priority":1,"passes":false,"notes":""}]}"#,
    );
    s.write(
        "prds/active/PRD-2/prd.json",
        r#"{"project":"Q","branchName":"prd/two","parallelization":{"enabled":true},"userStories":[{"id":"US-001","title":"t","description":"d","acceptanceCriteria":[],"priority":1,"dependencies":[],"fileScope":["US_001"],"passes":false},{"id":"US-002","title":"t","description":"d","acceptanceCriteria":[],"priority":2,"dependencies":["US-001"],"passes":false}]}"#,
    );
    let ran = s.greenlane(&["run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.files_on("prd/one"), ["README.md", "US_001", "US_002"]);
    assert_eq!(s.files_on("prd/two"), ["README.md", "US_001", "US_002"]);
    let plans = s.status()["plans"].clone();
    let ids: Vec<&str> = plans.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["PRD-1", "PRD-2"], "a PRD's id is its folder");
}

#[test]
fn json_lines_have_the_contracts_fields_and_nothing_else_is_on_stdout() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        "[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo loud; echo > a\"\n[[task]]\nid = \"b\"\nretries = 0\nrun = \"false\"\n",
        &["--json"],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines: Vec<Value> = ran.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let run = lines[0]["run"].as_str().unwrap().to_owned();
    let mut last = 0;
    for line in &lines {
        assert_eq!(line["schema"], 1, "{line}");
        assert_eq!(line["run"], run.as_str(), "{line}");
        assert!(line["event"].is_string(), "{line}");
        let at = line["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.len() >= 20 && at.as_bytes()[10] == b'T', "{at}");
        let seq = line["seq"].as_u64().unwrap();
        assert!(seq > last, "in order");
        last = seq;
    }
    assert_eq!(lines.first().unwrap()["event"], "run_started");
    assert_eq!(lines.last().unwrap()["event"], "run_ended");
    assert_eq!(lines, s.events(""), "the same as `events` shows later");
    let started = lines.iter().find(|l| l["event"] == "attempt_started").unwrap();
    assert_eq!((started["plan"].as_str(), started["task"].as_str(), started["attempt"].as_u64()), (Some("p"), Some("a"), Some(1)));
}

#[test]
fn the_status_document_has_every_field_of_the_contract() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo > a\"\n[[task]]\nid = \"b\"\ndepends = [\"a\"]\nretries = 0\nrun = \"exit 4\"\n[[task]]\nid = \"c\"\ndepends = [\"b\"]\nrun = \"true\"\n", &[]);
    assert_eq!(ran.code, 1);
    let d = s.status();
    let has = |v: &Value, names: &str| {
        for name in names.split(' ') {
            assert!(v.get(name).is_some(), "no `{name}` in {v:#}");
        }
    };
    has(&d, "schema run plans tasks summary");
    has(&d["run"], "id state branch jobs started_at ended_at");
    has(&d["plans"][0], "id path state base branch head verified progress");
    has(&d["tasks"][0], "id plan title state reason group agent role depends branch worktree landed attempts");
    has(&d["tasks"][0]["attempts"][0], "id n agent outcome started_at ended_at exit_code signal pid usage");
    has(&d["tasks"][0]["attempts"][0]["usage"], "input_tokens output_tokens cost_usd");
    has(
        &d["summary"],
        "total done failed needs_human skipped cancelled running waiting verified elapsed_seconds sequential_seconds speedup critical_path_seconds efficiency",
    );
    let n = |name: &str| d["summary"][name].as_u64().unwrap();
    assert_eq!(n("total"), 3);
    assert_eq!(n("done") + n("failed") + n("needs_human") + n("skipped") + n("cancelled") + n("running") + n("waiting"), n("total"));
    assert_eq!(d["plans"][0]["progress"], serde_json::json!({"completed": 1, "total": 3}));
    assert_eq!(d["plans"][0]["head"].as_str().unwrap(), s.git(&["rev-parse", &s.branch()]));
    assert_eq!(d["tasks"][1]["attempts"][0]["outcome"], "exit_code");
    assert_eq!(d["tasks"][1]["attempts"][0]["exit_code"], 4);
    assert_eq!(d["run"]["state"], "finished");
}

/// A model agent that needs no model and keeps to its files: it writes into what its prompt says is its own.
fn with_owner(s: &Sandbox) {
    let bin = s.script(
        "owner",
        "#!/bin/sh\nname=$(echo \"${GREENLANE_TASK#*/}\" | tr -c 'A-Za-z0-9\\n' _)\n\
         first=$(sed -n 's/^- Change only `\\([^`]*\\)`.*/\\1/p' \"$1\" | head -n 1)\n\
         case \"$first\" in '') file=$name ;; *'*'*) file=${first%%\\**}$name ;; *) file=$first ;; esac\n\
         mkdir -p \"$(dirname \"$file\")\"\necho \"$name\" >> \"$file\"\n",
    );
    let text = format!(
        "[run]\nagent = \"owner\"\n[agents.owner]\ncommand = \"{}/owner\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\n",
        bin.display()
    );
    std::fs::create_dir_all(s.path("home").join(".config/greenlane")).unwrap();
    std::fs::write(s.path("home").join(".config/greenlane/config.toml"), text).unwrap();
}

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plans/");

/// Runs a sample to its end: so many tasks, all done.
fn sample(path: &str, tasks: u64) -> Sandbox {
    let s = Sandbox::new(&[]);
    with_owner(&s);
    let ran = s.greenlane(&["run", &format!("{SAMPLES}{path}"), "-j", "4"]);
    assert_eq!(ran.code, 0, "{path}: {ran:?}");
    let summary = s.status()["summary"].clone();
    assert_eq!((summary["total"].as_u64(), summary["done"].as_u64()), (Some(tasks), Some(tasks)), "{path}: {summary}");
    s
}

#[test]
fn samples_of_the_native_forms_run_to_the_end() {
    sample("toml/plan.toml", 3);
    sample("json/plan.json", 4);
    sample("markdown/plan.md", 6);
    sample("array/tasks.json", 4);
}

#[test]
fn samples_of_prds_run_to_the_end() {
    sample("prd/snarktank", 3);
    sample("prd/ralph-tui", 3);
    let s = sample("prd/active/PRD-104", 3);
    assert_eq!(s.files_on("feature/invoices"), ["README.md", "lib/layout.ex", "lib/pdf.ex", "lib/totals.ex"]);
}

#[test]
fn samples_of_spec_kit_and_spec_kitty_run_to_the_end() {
    sample("spec-kit/specs/001-bookmarks", 11);
    sample("spec-kit/cc-sdd/.kiro/specs/notes/tasks.md", 5);
    let s = sample("spec-kitty/kitty-specs/004-timers", 3);
    assert_eq!(s.landed_files(), ["src/sound/WP03", "src/timer/WP02"], "what is in the lane `done` is not done again");
    sample("spec-kitty/kitty-specs/005-alarms", 2);
}

#[test]
fn samples_of_trackers_and_other_tools_run_to_the_end() {
    sample("phases/plan.md", 4);
    let s = sample("work-packages/packages.json", 4);
    assert_eq!(s.landed_files(), ["app/importer.py", "app/main.py", "tests/test_importer.py"], "and README.md");
    sample("beads/issues.jsonl", 5);
    sample("task-master/.taskmaster", 5);
}

#[test]
fn bd_is_asked_where_it_is_there_and_its_file_read_where_it_fails() {
    let s = Sandbox::new(&[]);
    with_owner(&s);
    s.write(".beads/issues.jsonl", "{\"id\":\"old-1\",\"title\":\"t\",\"status\":\"open\"}\n");
    let bin = s.script(
        "bd",
        "#!/bin/sh\n[ \"$1\" = export ] && [ -d .beads ] || exit 7\necho '{\"id\":\"new-1\",\"title\":\"t\",\"status\":\"open\"}'\n",
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let shown = |args: &[&str]| {
        let output = s.command(args).env("PATH", &path).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, err) = shown(&["plan", ".beads"]);
    assert!(out.contains("new-1") && !out.contains("old-1"), "{out}{err}");
    let (out, _) = shown(&["plan", ".beads/issues.jsonl"]);
    assert!(out.contains("old-1"), "a file that is named is read as it is: {out}");
    s.script("bd", "#!/bin/sh\nexit 3\n");
    let (out, err) = shown(&["plan", ".beads"]);
    assert!(out.contains("old-1") && err.contains("warning: `bd export` failed: exit status: 3"), "{out}{err}");
}

#[test]
fn a_converted_plan_lists_what_stays_behind() {
    let s = Sandbox::new(&[]);
    let ran = s.greenlane(&["plan", &format!("{SAMPLES}toml/plan.toml"), "--convert", "markdown"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("  1: # A small plan with everything that a task usually needs.\n  9: # The bucket"), "{ran:?}");
    let path = s.plan("again.md", &ran.stdout);
    let again = s.greenlane(&["plan", path.to_str().unwrap(), "--convert", "markdown"]);
    assert_eq!((again.stdout, again.stderr.as_str()), (ran.stdout, ""));
    let path = s.plan("p.toml", "[[task]]\nid = \"a\"\nprompt = \"see <!-- this -->\"\n");
    let refused = s.greenlane(&["plan", path.to_str().unwrap(), "--convert", "markdown"]);
    assert!(refused.code == 2 && refused.stdout.is_empty(), "{refused:?}");
    assert!(
        refused.stderr.contains("task `a`: its `prompt` cannot be written there") && refused.stderr.contains("--convert toml"),
        "{refused:?}"
    );
    let wrong = s.greenlane(&["plan", path.to_str().unwrap(), "--format", "spec-kt"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("a similar value exists: 'spec-kit'"), "{wrong:?}");
}

#[test]
fn files_that_the_text_names_are_told_and_hold_nothing_back() {
    let s = Sandbox::new(&[("src/a.py", "x\n")]);
    let path = s.plan("p.md", "- [ ] one Change src/a.py\n- [ ] two Change src/a.py, and create src/b.py\n");
    let ran = s.greenlane(&["plan", path.to_str().unwrap(), "--agent", "claude"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for expected in [
        "; at most 2 can run at once\n",
        "  src/b.py  two-change-src-a-py-and-create-src-b-py  (inferred, new)\n",
        "Overlaps by files that the text names: only a warning, `owns` keeps them apart\n  one-change-src-a-py and two-change-src-a-py-and-create-src-b-py  [src/a.py]\n",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}\n{}", ran.stdout);
    }
}
