//! What each format gives, format by format.

use super::*;
use crate::ids::TaskId;
use std::time::Duration;

fn reading(path: &str, text: &str) -> Reading {
    let files = |p: &str| if p == "ok.md" { Ok(String::from("from the file")) } else { Err(String::from("no such file")) };
    read(&PlanSource::new(path, text, &files))
}

fn plan(path: &str, text: &str) -> Plan {
    let reading = reading(path, text);
    let found: String = reading.diagnostics.iter().map(|d| d.render(false)).collect();
    reading.plan.unwrap_or_else(|| panic!("{found}"))
}

fn task<'p>(plan: &'p Plan, id: &str) -> &'p Task {
    plan.task(&TaskId::from(id)).unwrap_or_else(|| panic!("no task {id} in {:?}", plan.tasks))
}

fn stages(plan: &Plan) -> Vec<(&str, Option<u32>)> {
    plan.tasks.iter().map(|t| (t.id.as_str(), t.stage)).collect()
}

const NATIVE_TOML: &str = r#"
name = "Rate limiting"
base = "main"
branch = "feature/rate-limit"
verify = ["cargo test"]
verify_timeout = "5m"
jobs = 5
generated = { "Cargo.lock" = "cargo metadata" }

[defaults]
timeout = "1h"
env = { A = "1", B = 2 }
candidates = ["claude", "codex"]

[[task]]
id = "bucket"
title = "Add the token bucket"
prompt_file = "ok.md"
group = "core"
owns = ["src/limit/**"]
env = { B = "3" }
agent = "codex"
priority = 0
retries = 1
check = "cargo test limit"

[[task]]
id = "api"
depends = ["bucket"]
group = "ui"
prompt = "Do it"
estimate = 90
stall_timeout = 1.5

[[task]]
id = "free"
run = "x"
"#;

#[test]
fn native_toml() {
    let p = plan("plans/rate-limit.toml", NATIVE_TOML);
    assert_eq!(
        (p.id.as_str(), p.name.as_str(), p.jobs, p.verify_timeout),
        ("rate-limit", "Rate limiting", Some(5), Some(Duration::from_secs(300)))
    );
    assert_eq!(p.generated["Cargo.lock"], "cargo metadata");
    assert_eq!(stages(&p), [("bucket", Some(0)), ("api", Some(1)), ("free", None)]);
    let bucket = task(&p, "bucket");
    assert_eq!((bucket.prompt.as_str(), bucket.line, bucket.priority, bucket.retries), ("from the file", 15, 0, Some(1)));
    assert_eq!(
        (bucket.agent.as_deref(), bucket.candidates.len(), &bucket.check[..]),
        (Some("codex"), 0, &[String::from("cargo test limit")][..])
    );
    assert_eq!((bucket.env["A"].as_str(), bucket.env["B"].as_str()), ("1", "3"));
    let api = task(&p, "api");
    assert_eq!(
        (api.title.as_str(), api.estimate, api.stall_timeout),
        ("api", Some(Duration::from_secs(90)), Some(Duration::from_millis(1500)))
    );
    assert_eq!((api.candidates.len(), api.timeout), (2, Some(Duration::from_secs(3600))));
    assert!(task(&p, "free").candidates.is_empty(), "a command needs no agent");
}

#[test]
fn native_json_is_the_same_plan() {
    let toml = plan("p.toml", NATIVE_TOML);
    let value: serde_json::Value = ::toml::from_str(NATIVE_TOML).expect("TOML");
    let mut json = plan("p.json", &serde_json::to_string_pretty(&value).expect("JSON"));
    json.source.clone_from(&toml.source);
    for (a, b) in json.tasks.iter_mut().zip(&toml.tasks) {
        assert!(a.line > 1, "JSON knows its lines too");
        a.line = b.line;
    }
    assert_eq!(json, toml);
}

#[test]
fn a_byte_order_mark_and_windows_lines_do_no_harm() {
    let p = plan("p.md", "\u{feff}# T\r\n\r\n- [ ] 1.1 x\r\n  - run: echo a\r\n");
    assert_eq!((p.name.as_str(), task(&p, "1.1").run.as_deref()), ("T", Some("echo a")));
    assert_eq!(plan("p.toml", "\u{feff}[[task]]\r\nid = 'a'\r\nrun = 'x'\r\n").tasks.len(), 1);
}

const MARKDOWN: &str = r#"---
name: Rate
verify:
  - cargo test
defaults: { agent: claude, timeout: 30m }
---
# Another title

- [ ] 1.1 [P:Group-A] Create User model
  - owns: src/{a,b}/**, src/_x_.rs
  - check: cargo test `a`, b
  - check: cargo clippy
  - Write **tests** first
    - and more
  Plain text.

  ```rust
  - [ ] not a task
  ```
- [x] **1.2** [p:group-a] Done already
- [ ] T003: Sequential thing
  - depends: 1.1, 1.2
  - priority: 0
  - env: FOO=bar
<!-- - [ ] hidden
- [ ] hidden -->
```
- [ ] hidden too
```
* [ ] [P:Group-auth-flow] Login page for `code`
  - check:
    - npm test
    - npm run lint
  - prompt: Do it
    and this
* [P:group-auth-flow] Login page for `code`
- just prose
- [ ] 2 Parent [P:Group-Z]
  - [ ] 2.1 Child one
  - [ ] 2.2 Child two
    body
  - [ ] a plain point of 2.2's
"#;

#[test]
fn native_markdown() {
    let p = plan("tasks.md", MARKDOWN);
    assert_eq!((p.id.as_str(), p.name.as_str(), p.verify.as_deref()), ("tasks", "Rate", Some(&[String::from("cargo test")][..])));
    let expected = [
        ("1.1", Some(0)),
        ("1.2", Some(0)),
        ("T003", Some(1)),
        ("login-page-for-code", Some(2)),
        ("login-page-for-code-2", Some(2)),
        ("2.1", Some(3)),
        ("2.2", Some(3)),
    ];
    assert_eq!(stages(&p), expected);
    assert_eq!(p.groups.iter().map(|g| g.id.as_str()).collect::<Vec<_>>(), ["A", "T003", "auth-flow", "Z"]);
    let first = task(&p, "1.1");
    assert_eq!((first.title.as_str(), first.line, first.agent.as_deref()), ("Create User model", 9, Some("claude")));
    assert_eq!(first.owns, ["src/{a,b}/**", "src/_x_.rs"]);
    assert_eq!(first.check, ["cargo test `a`, b", "cargo clippy"]);
    assert_eq!(first.prompt, "- Write **tests** first\n  - and more\nPlain text.\n\n```rust\n- [ ] not a task\n```");
    assert!(task(&p, "1.2").ticked && !first.ticked);
    let sequential = task(&p, "T003");
    assert_eq!((sequential.title.as_str(), sequential.priority, sequential.env["FOO"].as_str()), ("Sequential thing", 0, "bar"));
    assert_eq!(sequential.depends, [TaskId::from("1.1"), TaskId::from("1.2")]);
    let login = task(&p, "login-page-for-code");
    assert_eq!((login.check.len(), login.prompt.as_str()), (2, "Do it\nand this"));
    assert_eq!(task(&p, "2.2").prompt, "body");
    assert_eq!(
        reading("tasks.md", MARKDOWN).diagnostics.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
        ["`2 Parent` is read as a heading of the tasks below it"]
    );
}

#[test]
fn without_markers_nothing_is_a_barrier() {
    let p = plan(
        "p.md",
        "1. [ ] First thing\n2. [ ] Second thing\n   goes on\n\nEnd of it.\n- [ ] UTF-8 support\n\t- role: backend-architect\n",
    );
    assert_eq!(stages(&p), [("first-thing", None), ("second-thing", None), ("utf-8-support", None)]);
    assert_eq!((task(&p, "second-thing").prompt.as_str(), p.groups.len()), ("goes on", 0));
    assert_eq!(task(&p, "utf-8-support").role.as_deref(), Some("backend-architect"));
}

#[test]
fn a_list_without_markers_is_told_to_be_no_order() {
    let said = |text: &str| reading("p.md", text).diagnostics.iter().map(|d| format!("{}:{}", d.line, d.message)).collect::<Vec<_>>();
    let told = "3:nothing here says an order: the 2 open tasks wait for nobody, and may all run at once";
    assert_eq!(said("# X\n\n- [ ] 1.1 One\n- [ ] 1.2 Two\n"), [told]);
    for text in ["- [ ] 1 One\n- [x] 2 Two\n", "- [ ] 1 One\n- [ ] 2 Two\n  - depends: 1\n", "- [ ] 1 [P:Group-A] One\n- [ ] 2 Two\n"] {
        assert!(said(text).is_empty(), "{text}: {:?}", said(text));
    }
}

const STEPS: &str = "# Rate limits\n\n**Goal:** limits\n\n### Task 1: The bucket\n\n**Files:**\n- Create: `src/bucket.rs`\n\n- [ ] **Step 1: Write the failing test**\n\n```rust\n- [ ] no step\n```\n\n- [x] **Step 2: Run it**\n\n### Task 2: Use it\n\n#### How\n\n- [x] Step 1. Call it\n\n## Later\n\nNothing.\n";

#[test]
fn steps_below_headings_are_tasks_one_after_the_other() {
    let r = reading("docs/plans/limits.md", STEPS);
    assert_eq!(r.format, Some(Format::Markdown));
    let p = r.plan.unwrap();
    let short: Vec<_> = p.tasks.iter().map(|t| (t.id.as_str(), t.title.as_str(), t.ticked, t.activities.len())).collect();
    assert_eq!(short, [("task-1", "The bucket", false, 2), ("task-2", "Use it", true, 1)]);
    assert!(task(&p, "task-1").stage < task(&p, "task-2").stage, "{:?}", stages(&p));
    let prompt = &task(&p, "task-1").prompt;
    assert!(
        prompt.starts_with("**Files:**") && prompt.contains("\n- **Step 2: Run it**") && prompt.contains("\n- [ ] no step\n"),
        "{prompt}"
    );
    assert_eq!(task(&p, "task-2").prompt, "#### How\n\n- Step 1. Call it");
    assert_eq!(task(&p, "task-1").activities[0], "Step 1: Write the failing test");
    // A box that is ticked changes nothing of what is to be done.
    let ticked = plan("p.md", &STEPS.replace("[ ] **Step 1", "[x] **Step 1"));
    assert!(task(&ticked, "task-1").ticked && task(&ticked, "task-1").prompt == *prompt);
    // One checkbox that is no step, or outside of the headings, and all of them are tasks.
    for other in
        [STEPS.replace("Nothing.", "- [ ] Something"), STEPS.replace("Step 1. Call", "Call"), STEPS.replace("### Task 2", "### Part 2")]
    {
        assert!(plan("p.md", &other).tasks.iter().all(|t| !t.id.as_str().starts_with("task-")), "{other}");
    }
}

#[test]
fn markdown_keys_are_verbatim() {
    let text = "- [ ] x\n  - id: my id\n  - owns: **/*.rs, \"a,b.c\", [ab].rs\n  - skills: [codex, gemini]\n  - run: echo `date` *_* <b> [x](y)\n  - timeout: 1h30m\n  - check: [\"a, b\", 'c']\n  - env: { A = \"1\", B: 2 }\n  - retries: 0\n  - Role: none\n";
    let p = plan("p.md", text);
    let t = task(&p, "my id");
    assert_eq!(t.owns, ["**/*.rs", "a,b.c", "[ab].rs"]);
    assert_eq!((t.skills.join(" "), t.run.as_deref()), (String::from("codex gemini"), Some("echo `date` *_* <b> [x](y)")));
    assert_eq!((t.check.join("|"), t.retries, t.prompt.as_str()), (String::from("a, b|c"), Some(0), "- Role: none"));
    assert_eq!((t.env["A"].as_str(), t.env["B"].as_str()), ("1", "2"));
}

#[test]
fn what_prompts_have_sections_for_reads_the_same_in_every_format() {
    let toml = "[defaults]\ncontracts = [\"one, for all\"]\n[[task]]\nid = \"a\"\ntitle = \"a\"\nobjective = \"It is there.\"\nactivities = [\"x, y\", \"z\"]\ndeliverables = [\"f.rs\"]\nskills = [\"git log -3\"]\nskill_timeout = \"5s\"\nskill_failure = \"stop\"\n";
    let json = r#"{"defaults":{"contracts":["one, for all"]},"tasks":[{"id":"a","title":"a","objective":"It is there.","activities":["x, y","z"],"deliverables":["f.rs"],"skills":["git log -3"],"skill_timeout":"5s","skill_failure":"stop"}]}"#;
    let markdown = "- [ ] a\n  - id: a\n  - objective: It is there.\n  - activities:\n    - x, y\n    - z\n  - deliverables: f.rs\n  - contracts: one, for all\n  - skills: git log -3\n  - skill_timeout: 5s\n  - skill_failure: stop\n";
    let read = [("p.toml", toml), ("p.json", json), ("p.md", markdown)].map(|(path, text)| {
        let mut plan = plan(path, text);
        plan.tasks[0].line = 0;
        plan.tasks.remove(0)
    });
    assert_eq!((read[0].activities.join("|"), read[0].contracts.join("|")), (String::from("x, y|z"), String::from("one, for all")));
    assert_eq!((read[0].skill_timeout, read[0].skill_failure), (Some(Duration::from_secs(5)), SkillFailure::Stop));
    assert_eq!(read[0], read[1]);
    assert_eq!(read[0], read[2]);
}

#[test]
fn ordinary_words_before_a_colon_are_no_slips_of_keys() {
    let items =
        ["Note: be quick", "note: so", "retry: with backoff", "rule: no unwrap", "hint: look", "see: RFC 1", "fun: none", "en: English"];
    let text = format!("- [ ] 1.1 x\n{}", items.map(|i| format!("  - {i}\n")).concat());
    let read = reading("p.md", &text);
    let noted: Vec<String> = read.diagnostics.iter().map(|d| d.render(false).lines().take(2).collect()).collect();
    assert_eq!(noted.len(), 2, "{noted:#?}");
    assert!(noted[0].starts_with("note: `rule:` is read as text for the agent --> p.md:5:5") && noted[1].contains("`fun:`"), "{noted:#?}");
    assert_eq!(task(&read.plan.unwrap(), "1.1").prompt.lines().count(), items.len());
}

#[test]
fn a_json_array() {
    let text = r#"[
      {"id": 1, "description": "[P:Group-A] Do this\nand that", "priority": 1},
      {"id": "t-2", "title": "Two", "description": "more [p:group-a]", "subagent_type": "architect", "owner": "x"},
      {"id": 3, "description": "sequential", "dependencies": [1], "owns": "src/x.rs", "status": "done"}
    ]"#;
    let p = plan("list.json", text);
    assert_eq!(stages(&p), [("1", Some(0)), ("t-2", Some(0)), ("3", Some(1))]);
    let one = task(&p, "1");
    assert_eq!((one.title.as_str(), one.prompt.as_str(), one.priority, one.line), ("Do this", "Do this\nand that", 1, 2));
    let two = task(&p, "t-2");
    assert_eq!((two.title.as_str(), two.prompt.as_str(), two.role.as_deref()), ("Two", "more", Some("architect")));
    let three = task(&p, "3");
    assert_eq!((three.depends.as_slice(), three.ticked, three.owns.len()), (&[TaskId::from("1")][..], true, 1));
    let notes: Vec<String> = reading("list.json", text).diagnostics.iter().map(|d| format!("{:?} {}", d.severity, d.message)).collect();
    assert_eq!(notes, ["Note the field `owner` is not used"]);
}

#[test]
fn prd_of_snarktank() {
    let text = r#"{
      "project": "MyApp", "branchName": "ralph/task-priority", "description": "Task priorities",
      "userStories": [
        {"id": "US-001", "title": "Add priority field", "description": "As a developer, I store it.",
         "acceptanceCriteria": ["Column added", {"description": "Typecheck passes", "done": false}, {"given": "a", "then": "b"}],
         "priority": 1, "passes": true, "notes": ""},
        {"id": "US-002", "title": "Show it", "description": "As a user.", "acceptanceCriteria": [], "priority": 2, "passes": false, "notes": "Use the badge"}
      ]
    }"#;
    let p = plan("prds/active/PRD-042/prd.json", text);
    assert_eq!((p.id.as_str(), p.name.as_str(), p.branch.as_deref()), ("PRD-042", "MyApp", Some("ralph/task-priority")));
    let one = task(&p, "US-001");
    assert_eq!(one.criteria, ["Column added", "Typecheck passes", "given: a, then: b"]);
    assert_eq!((one.priority, one.ticked, one.prompt.as_str(), one.line), (0, true, "As a developer, I store it.", 4));
    let two = task(&p, "US-002");
    assert_eq!((two.priority, two.ticked, two.prompt.as_str()), (1, false, "As a user.\n\nNotes: Use the badge"));
    assert!(reading("prd.json", text).diagnostics.is_empty());
}

#[test]
fn prd_of_claude_loop_and_ralph_tui() {
    let text = r#"{
      "name": "Auth", "qualityGates": {"x": 1},
      "userStories": [
        {"id": "US-001", "title": "Models", "fileScope": ["src/models/**"], "estimatedComplexity": "simple", "suggestedModel": "haiku", "labels": ["db"]},
        {"id": "US-002", "title": "Routes", "dependencies": ["US-001"], "estimatedHours": 1.5, "labels": ["api"], "metadata": {"updatedAt": "x"}},
        {"id": "US-003", "title": "Docs", "dependsOn": ["US-001"]}
      ],
      "parallelization": {"enabled": true, "maxWorkers": 3, "modelStrategy": "auto",
        "groups": [{"name": "first", "stories": ["US-001"], "maxParallel": 1}, {"name": "second", "stories": ["US-002"]}]}
    }"#;
    let p = plan("x/prd.json", text);
    assert_eq!(stages(&p), [("US-001", Some(0)), ("US-002", Some(1)), ("US-003", None)]);
    assert_eq!((p.jobs, p.groups.len()), (Some(3), 2));
    let one = task(&p, "US-001");
    assert_eq!(
        (one.owns.join(" "), one.model.as_deref(), one.estimate),
        (String::from("src/models/**"), Some("haiku"), Some(Duration::from_secs(600)))
    );
    assert_eq!(task(&p, "US-002").estimate, Some(Duration::from_secs(5400)));
    assert_eq!(task(&p, "US-003").depends, [TaskId::from("US-001")]);
    let notes: Vec<String> = reading("x/prd.json", text).diagnostics.iter().map(|d| d.message.clone()).collect();
    let expected = ["qualityGates", "labels", "metadata", "modelStrategy", "maxParallel"]
        .map(|n| format!("the field `{n}` is not used{}", if n == "labels" { " (2 times)" } else { "" }));
    assert_eq!(notes, expected);
    let off = plan("x/prd.json", &text.replace("\"enabled\": true", "\"enabled\": false"));
    assert_eq!((off.jobs, off.groups.len()), (None, 0));
}

#[test]
fn the_folder_of_a_prd_is_its_id() {
    let files = |_: &str| Err(String::new());
    let text = String::from("{\"userStories\": [{\"id\": \"a\", \"title\": \"x\"}]}");
    let reading = read(&PlanSource { folder_id: Some(String::from("PRD-7")), ..PlanSource::new("prd.json", text, &files) });
    assert_eq!(reading.plan.expect("a plan").id.as_str(), "PRD-7");
}

#[test]
fn any_text_gives_findings_and_never_a_panic() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    let samples = [
        NATIVE_TOML,
        MARKDOWN,
        "[{\"id\": \"1\", \"description\": \"[P:Group-A] ä\"}]",
        "{\"userStories\": [{\"id\": \"a\", \"title\": \"ö\", \"priority\": 3}]}",
    ];
    let junk = [
        "[P:Group-",
        "ä",
        "```",
        "<!--",
        "- [ ] ",
        "---\n",
        "\"",
        "{",
        "]",
        "\t",
        ":",
        "\\",
        "`",
        "日本",
        "\r",
        "  - owns: ",
        "  - env: {",
    ];
    for _ in 0..3000 {
        let mut text = String::from(samples[rng.usize(..samples.len())]);
        for _ in 0..rng.usize(1..6) {
            let mut at = rng.usize(..=text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            if rng.bool() {
                text.insert_str(at, junk[rng.usize(..junk.len())]);
            } else {
                text.truncate(at);
            }
        }
        let format =
            [None, Some(Format::Toml), Some(Format::Json), Some(Format::Markdown), Some(Format::Array), Some(Format::Prd)][rng.usize(..6)];
        let files = |_: &str| Ok(String::from("x"));
        let reading = read(&PlanSource { format, ..PlanSource::new("p", text.clone(), &files) });
        let errors = reading.diagnostics.iter().filter(|d| d.is_error()).count();
        assert_eq!(reading.plan.is_none(), errors > 0, "{text:?} {format:?} {:?}", reading.diagnostics);
        for d in &reading.diagnostics {
            assert!(d.render(true).ends_with('\n'));
        }
    }
}

#[test]
fn a_budget_reads_the_same_in_every_format() {
    let wanted = crate::budget::Budget::parse("tokens=200000,cost_usd=1.5,wall=30m").unwrap();
    for (path, text) in [
        ("p.toml", "[[task]]\nid = \"x\"\nrun = \"y\"\nbudget = { tokens = \"200k\", cost_usd = 1.5, wall = \"30m\" }\n"),
        ("p.toml", "[defaults]\nbudget = \"tokens=200k, cost_usd=1.5, wall=30m\"\n[[task]]\nid = \"x\"\nrun = \"y\"\n"),
        ("p.json", r#"{"tasks": [{"id": "x", "run": "y", "budget": {"tokens": 200000, "cost_usd": 1.5, "wall": 1800}}]}"#),
        ("p.md", "- [ ] x\n  - id: x\n  - run: y\n  - budget: tokens=200k, cost_usd=1.5, wall=30m\n"),
    ] {
        assert_eq!(task(&plan(path, text), "x").budget.as_ref(), Some(&wanted), "{text}");
    }
    for wrong in ["{ tokens = 0 }", "{ pounds = 3 }", "{}", "[]", "5"] {
        let text = format!("[[task]]\nid = \"x\"\nrun = \"y\"\nbudget = {wrong}\n");
        assert!(reading("p.toml", &text).plan.is_none(), "{wrong}");
    }
}

#[test]
fn what_is_said_of_groups_reads_the_same_in_every_format_and_survives_conversion() {
    use super::{Native, OnFailure, convert};
    for (path, text) in [
        (
            "p.toml",
            "[groups.Core]\nrefresh = \"make context\"\non_failure = \"rollback\"\n[[task]]\nid = \"x\"\nrun = \"y\"\ngroup = \"core\"\n",
        ),
        (
            "p.json",
            r#"{"groups": {"core": {"refresh": "make context", "on_failure": "rollback"}}, "tasks": [{"id": "x", "run": "y", "group": "core"}]}"#,
        ),
        (
            "p.md",
            "---\ngroups:\n  core:\n    refresh: make context\n    on_failure: rollback\n---\n- [ ] x [P:Group-core]\n  - id: x\n  - run: y\n",
        ),
    ] {
        let read = plan(path, text);
        let [group] = read.groups.as_slice() else { panic!("{text}") };
        assert_eq!((group.refresh.as_deref(), group.on_failure), (Some("make context"), Some(OnFailure::Rollback)), "{text}");
        for (form, path) in [(Native::Toml, "p.toml"), (Native::Json, "p.json"), (Native::Markdown, "p.md")] {
            let text = convert(&read, form).unwrap();
            assert_eq!(super::meaning(&plan(path, &text)), super::meaning(&read), "{text}");
        }
    }
}
