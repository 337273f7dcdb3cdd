//! Wrong plans of every format, and the exact message that each gets. A case: what is wrong, the file's name, its text, the message.

use greenlane_core::plan::{PlanSource, read};

/// The prompt file `ok.md` exists, no other.
fn files(path: &str) -> Result<String, String> {
    if path == "ok.md" { Ok(String::from("from the file")) } else { Err(String::from("no such file")) }
}

#[test]
fn every_wrong_plan_gets_its_message() {
    let mut wrong = Vec::new();
    for (name, path, text, expected) in CASES {
        let reading =
            read(&PlanSource { path: String::from(*path), text: String::from(*text), folder_id: None, files: &files, format: None });
        let message: String = reading.diagnostics.iter().map(|d| d.render(false)).collect();
        assert!(reading.plan.is_none(), "{name}: such a plan must not run");
        if message != *expected {
            wrong.push(format!("--- {name}\n{message}--- instead of\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(CASES.len() >= 40);
}

#[test]
fn what_grows_has_limits() {
    let errors = |text: String| {
        let reading = read(&PlanSource { path: String::from("p"), text, folder_id: None, files: &files, format: None });
        assert!(reading.plan.is_none());
        reading.diagnostics
    };
    let long = errors(format!("[[task]]\nid = 'a'\nprompt = '{}'", "x".repeat(11 << 20)));
    assert_eq!(long[0].render(false), "error: the plan is longer than 10 MB\n --> p\n");
    let many = errors("- [ ] a\n".repeat(100_001));
    assert_eq!(many[0].message, "the plan has 100001 tasks, more than 100000");
    let wrong = errors("[[task]]\n".repeat(5000));
    assert_eq!(wrong.len(), 201, "the first findings, and how many more");
    assert_eq!(wrong[200].message, "9800 more findings are not shown");
    let prompt = errors(format!("[[task]]\nid = 'a'\nprompt = '{}'", "x".repeat(2 << 20)));
    assert_eq!(prompt[0].message, "`prompt` is longer than 1048576 bytes");
}

#[rustfmt::skip]
const CASES: &[(&str, &str, &str, &str)] = &[
    ("an empty file", "p.toml",
     "",
     r#"error: the plan is empty
 --> p.toml
  hint: a plan needs at least one task
"#),
    ("TOML without tasks", "p.toml",
     r#"name = "x"
"#,
     r#"error: the plan has no tasks
 --> p.toml
  hint: write a `[[task]]` (TOML) or an entry of `tasks` or `userStories` (JSON) for each
"#),
    ("TOML that is not closed", "p.toml",
     r#"[[task]]
id = "a
run = "x"
"#,
     r#"error: this is not TOML: invalid basic string, expected `"`
 --> p.toml:2:8
  |
2 | id = "a
  |        ^
"#),
    ("TOML with one key twice", "p.toml",
     r#"[[task]]
id = "a"
id = "b"
run = "x"
"#,
     r#"error: this is not TOML: duplicate key
 --> p.toml:3:1
  |
3 | id = "b"
  | ^^
"#),
    ("one bracket too few", "p.toml",
     r#"[task]
id = "a"
run = "x"
"#,
     r#"error: `task` must be a list of tasks, not a table
 --> p.toml:1:2
  |
1 | [task]
  |  ^^^^
  hint: write `[[task]]`, with two brackets, for each task
"#),
    ("task and tasks", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
[[tasks]]
id = "b"
run = "x"
"#,
     r#"error: the plan has both `task` and `tasks`
 --> p.toml:4:3
  |
4 | [[tasks]]
  |   ^^^^^
"#),
    ("a task that is no table", "p.toml",
     r#"task = ["a"]
"#,
     r#"error: a task must be a table, not text
 --> p.toml:1:9
  |
1 | task = ["a"]
  |         ^^^
"#),
    ("no id", "p.toml",
     r#"[[task]]
run = "x"
"#,
     r#"error: task 1 has no id
 --> p.toml:1:1
  |
1 | [[task]]
  | ^^^^^^^^
  hint: give it an `id`
"#),
    ("a blank id", "p.toml",
     r#"[[task]]
id = " "
run = "x"
"#,
     r#"error: `id` is empty
 --> p.toml:2:6
  |
2 | id = " "
  |      ^^^
"#),
    ("an id that is a number", "p.toml",
     r#"[[task]]
id = 1
run = "x"
"#,
     r#"error: `id` must be text, not a number
 --> p.toml:2:6
  |
2 | id = 1
  |      ^
"#),
    ("an id with a control character", "p.toml",
     r#"[[task]]
id = "a\u0007b"
run = "x"
"#,
     r#"error: the task's name `a\u{7}b` holds a control character
 --> p.toml:2:6
  |
2 | id = "a\u0007b"
  |      ^^^^^^^^^^
"#),
    ("a long id", "p.toml",
     r#"[[task]]
id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
run = "x"
"#,
     r#"error: the task's name is longer than 200 characters
 --> p.toml:2:6
  |
2 | id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#),
    ("an id with a space at its end", "p.toml",
     r#"[[task]]
id = "a "
run = "x"
"#,
     r#"error: the task's name `a ` begins or ends with a space
 --> p.toml:2:6
  |
2 | id = "a "
  |      ^^^^
"#),
    ("two tasks with one id", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: two tasks have the id `a`
 --> p.toml:5:6
  |
5 | id = "a"
  |      ^^^
  hint: it is defined on line 2 already
"#),
    ("an unknown dependency", "p.toml",
     r#"[[task]]
id = "db-schema"
run = "x"

[[task]]
id = "api-tests"
run = "x"
depends = ["schema"]
"#,
     r#"error: task `api-tests` depends on `schema`, which the plan does not define
 --> p.toml:8:12
  |
8 | depends = ["schema"]
  |            ^^^^^^^^
  hint: did you mean `db-schema`?
"#),
    ("an unknown dependency like nothing", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["zzz"]
"#,
     r#"error: task `a` depends on `zzz`, which the plan does not define
 --> p.toml:4:12
  |
4 | depends = ["zzz"]
  |            ^^^^^
"#),
    ("a task that waits for itself", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["a"]
"#,
     r#"error: task `a` depends on itself
 --> p.toml:4:12
  |
4 | depends = ["a"]
  |            ^^^
"#),
    ("a cycle", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["c"]
[[task]]
id = "b"
run = "x"
depends = ["a"]
[[task]]
id = "c"
run = "x"
depends = ["b"]
"#,
     r#"error: the tasks wait for each other: a → c → b → a
 --> p.toml:4:12
  |
4 | depends = ["c"]
  |            ^^^
"#),
    ("a dependency on a later group", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
group = "core"
depends = ["b"]
[[task]]
id = "b"
run = "x"
group = "ui"
"#,
     r#"error: task `a` depends on `b`, which is in a later stage (`ui`): that is a cycle, as `ui` waits for `core`
 --> p.toml:5:12
  |
5 | depends = ["b"]
  |            ^^^
  hint: move `b` to an earlier group, or `a` to a later one
"#),
    ("a cycle by way of a barrier", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
group = "core"
depends = ["free"]
[[task]]
id = "b"
run = "x"
group = "ui"
[[task]]
id = "free"
run = "x"
depends = ["b"]
"#,
     r#"error: the tasks wait for each other: a → free → b → a (`b` waits for `a` by its group's turn)
 --> p.toml:5:12
  |
5 | depends = ["free"]
  |            ^^^^^^
"#),
    ("nothing to do", "p.toml",
     r#"[[task]]
id = "a"
"#,
     r#"error: task `a` has nothing to do: missing command
 --> p.toml:2:6
  |
2 | id = "a"
  |      ^^^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
"#),
    ("an empty command", "p.toml",
     r#"[[task]]
id = "a"
run = ""
"#,
     r#"error: `run` is empty
 --> p.toml:3:7
  |
3 | run = ""
  |       ^^
"#),
    ("an empty check", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
check = ["cargo test", " "]
"#,
     r#"error: `check` is empty
 --> p.toml:4:24
  |
4 | check = ["cargo test", " "]
  |                        ^^^
"#),
    ("an empty verify", "p.toml",
     r#"verify = [""]
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `verify` is empty
 --> p.toml:1:11
  |
1 | verify = [""]
  |           ^^
"#),
    ("a key with a slip", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depend = ["b"]
"#,
     r#"error: unknown key `depend` in task `a`
 --> p.toml:4:1
  |
4 | depend = ["b"]
  | ^^^^^^
  hint: did you mean `depends`?
"#),
    ("a key of another tool", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
dependencies = ["b"]
"#,
     r#"error: unknown key `dependencies` in task `a`
 --> p.toml:4:1
  |
4 | dependencies = ["b"]
  | ^^^^^^^^^^^^
  hint: did you mean `depends`?
"#),
    ("a plan key with a slip", "p.toml",
     r#"job = 3
[[task]]
id = "a"
run = "x"
"#,
     r#"error: unknown key `job` in the plan
 --> p.toml:1:1
  |
1 | job = 3
  | ^^^
  hint: did you mean `jobs`?
"#),
    ("a key that nobody knows", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
colour = "red"
depends = ["b"]
"#,
     r#"warning: unknown key `colour` in task `a` is ignored
 --> p.toml:4:1
  |
4 | colour = "red"
  | ^^^^^^
error: task `a` depends on `b`, which the plan does not define
 --> p.toml:5:12
  |
5 | depends = ["b"]
  |            ^^^
"#),
    ("a duration that is none", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
timeout = "soon"
"#,
     r#"error: `timeout`: `soon` is not a duration: write it as 600ms, 90s, 30m or 1h30m
 --> p.toml:4:11
  |
4 | timeout = "soon"
  |           ^^^^^^
"#),
    ("a negative duration", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
timeout = -5
"#,
     r#"error: `timeout`: it cannot be negative
 --> p.toml:4:11
  |
4 | timeout = -5
  |           ^^
"#),
    ("no time at all", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
stall_timeout = "0s"
"#,
     r#"error: `stall_timeout` is zero
 --> p.toml:4:17
  |
4 | stall_timeout = "0s"
  |                 ^^^^
  hint: leave `stall_timeout` out to have the default
"#),
    ("a duration in a list", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
estimate = ["1h"]
"#,
     r#"error: `estimate`: it must be text such as "30m", not a list
 --> p.toml:4:12
  |
4 | estimate = ["1h"]
  |            ^^^^^^
"#),
    ("a priority beyond 4", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
priority = 5
"#,
     r#"error: `priority` must be from 0 to 4, not 5
 --> p.toml:4:12
  |
4 | priority = 5
  |            ^
"#),
    ("a priority in words", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
priority = "high"
"#,
     r#"error: `priority` must be a number, not text
 --> p.toml:4:12
  |
4 | priority = "high"
  |            ^^^^^^
"#),
    ("half a retry", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
retries = 1.5
"#,
     r#"error: `retries` must be a whole number, not 1.5
 --> p.toml:4:11
  |
4 | retries = 1.5
  |           ^^^
"#),
    ("no jobs", "p.toml",
     r#"jobs = 0
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `jobs` must be from 1 to 1000, not 0
 --> p.toml:1:8
  |
1 | jobs = 0
  |        ^
"#),
    ("negative jobs", "p.toml",
     r#"jobs = -2
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `jobs` must be from 1 to 1000, not -2
 --> p.toml:1:8
  |
1 | jobs = -2
  |        ^^
"#),
    ("owns outside", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
owns = ["/etc/passwd", "../x"]
"#,
     r#"error: `owns`: `/etc/passwd` lies outside the repository: write it relative to the repository's root
 --> p.toml:4:9
  |
4 | owns = ["/etc/passwd", "../x"]
  |         ^^^^^^^^^^^^^
error: `owns`: `../x` lies outside the repository: `..` is not allowed
 --> p.toml:4:24
  |
4 | owns = ["/etc/passwd", "../x"]
  |                        ^^^^^^
"#),
    ("owns that is no glob", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
owns = ["src/[a"]
"#,
     r#"error: `owns`: `src/[a` has a `[` without its `]`
 --> p.toml:4:9
  |
4 | owns = ["src/[a"]
  |         ^^^^^^^^
"#),
    ("owns as a number", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
owns = 3
"#,
     r#"error: `owns` must be a list of texts, not a number
 --> p.toml:4:8
  |
4 | owns = 3
  |        ^
"#),
    ("generated outside", "p.toml",
     r#"generated = { "../Cargo.lock" = "cargo metadata" }
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `generated`: `../Cargo.lock` lies outside the repository: `..` is not allowed
 --> p.toml:1:15
  |
1 | generated = { "../Cargo.lock" = "cargo metadata" }
  |               ^^^^^^^^^^^^^^^
"#),
    ("a branch with a space", "p.toml",
     r#"branch = "my branch"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `my branch` cannot be a branch: it holds a space
 --> p.toml:1:10
  |
1 | branch = "my branch"
  |          ^^^^^^^^^^^
"#),
    ("a branch that is a lock", "p.toml",
     r#"branch = "a.lock"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `a.lock` cannot be a branch: it has a part that is empty, begins with `.` or ends with `.lock`
 --> p.toml:1:10
  |
1 | branch = "a.lock"
  |          ^^^^^^^^
"#),
    ("a base that is an option", "p.toml",
     r#"base = "--force"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `--force` cannot be a revision
 --> p.toml:1:8
  |
1 | base = "--force"
  |        ^^^^^^^^^
"#),
    ("a plan's id with a slash", "p.toml",
     r#"id = "a/b"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: the plan's id `a/b` holds `/`
 --> p.toml:1:6
  |
1 | id = "a/b"
  |      ^^^^^
  hint: a task is named as PLAN/TASK, so a plan's id cannot
"#),
    ("agent and candidates", "p.toml",
     r#"[[task]]
id = "a"
title = "x"
agent = "claude"
candidates = ["codex"]
"#,
     r#"error: a task has either `agent` or `candidates`, not both
 --> p.toml:5:1
  |
5 | candidates = ["codex"]
  | ^^^^^^^^^^
"#),
    ("two prompts", "p.toml",
     r#"[[task]]
id = "a"
prompt = "x"
prompt_file = "ok.md"
"#,
     r#"error: a task has either `prompt` or `prompt_file`, not both
 --> p.toml:4:1
  |
4 | prompt_file = "ok.md"
  | ^^^^^^^^^^^
"#),
    ("a prompt file that is not there", "p.toml",
     r#"[[task]]
id = "a"
prompt_file = "no.md"
"#,
     r#"error: the prompt file `no.md` cannot be read: no such file
 --> p.toml:3:15
  |
3 | prompt_file = "no.md"
  |               ^^^^^^^
  hint: the path is relative to the plan's folder
"#),
    ("a variable of Greenlane's", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
env = { GREENLANE_TASK = "x" }
"#,
     r#"error: `GREENLANE_TASK` is Greenlane's own to set
 --> p.toml:4:9
  |
4 | env = { GREENLANE_TASK = "x" }
  |         ^^^^^^^^^^^^^^
"#),
    ("a variable with a bad name", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
env = { "A-B" = "x" }
"#,
     r#"error: `A-B` cannot be the name of a variable
 --> p.toml:4:9
  |
4 | env = { "A-B" = "x" }
  |         ^^^^^
"#),
    ("env as text", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
env = "A=b"
"#,
     r#"error: `env` must be a table, not text
 --> p.toml:4:7
  |
4 | env = "A=b"
  |       ^^^^^
"#),
    ("a date", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
title = 2026-01-02
"#,
     r#"error: `title` must be text, not a date
 --> p.toml:4:9
  |
4 | title = 2026-01-02
  |         ^^^^^^^^^^
"#),
    ("defaults with an id", "p.toml",
     r#"[defaults]
id = "x"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `defaults` cannot give an id: each task needs its own
 --> p.toml:2:1
  |
2 | id = "x"
  | ^^
"#),
    ("what is wrong with the defaults is said once", "p.toml",
     r#"[defaults]
timeout = "soon"
[[task]]
id = "a"
run = "x"
[[task]]
id = "b"
run = "x"
"#,
     r#"error: `timeout`: `soon` is not a duration: write it as 600ms, 90s, 30m or 1h30m
 --> p.toml:2:11
  |
2 | timeout = "soon"
  |           ^^^^^^
"#),
    ("everything at once", "p.toml",
     r#"jobs = 0
[[task]]
id = "a"
depends = ["b"]
priority = 9
[[task]]
id = "a"
run = "x"
"#,
     r#"error: `jobs` must be from 1 to 1000, not 0
 --> p.toml:1:8
  |
1 | jobs = 0
  |        ^
error: task `a` has nothing to do: missing command
 --> p.toml:3:6
  |
3 | id = "a"
  |      ^^^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
error: task `a` depends on `b`, which the plan does not define
 --> p.toml:4:12
  |
4 | depends = ["b"]
  |            ^^^
error: `priority` must be from 0 to 4, not 9
 --> p.toml:5:12
  |
5 | priority = 9
  |            ^
error: two tasks have the id `a`
 --> p.toml:7:6
  |
7 | id = "a"
  |      ^^^
  hint: it is defined on line 3 already
"#),
    ("JSON that is not closed", "p.json",
     r#"{"tasks": [{"id": "a", "run": "x"}"#,
     r#"error: this is not JSON: expected `,` or `]`, but the file ends
 --> p.json:1:35
  |
1 | {"tasks": [{"id": "a", "run": "x"}
  |                                   ^
"#),
    ("JSON with a comma too many", "p.json",
     r#"{"tasks": [
  {"id": "a", "run": "x"},
]}"#,
     r#"error: this is not JSON: expected a value, found `]`
 --> p.json:3:1
  |
3 | ]}
  | ^
"#),
    ("JSON of another kind", "p.json",
     r#"{"packages": []}"#,
     r#"error: this JSON is not a plan that Greenlane knows
 --> p.json:1:1
  |
1 | {"packages": []}
  | ^
  hint: it has neither `tasks` (the native plan) nor `userStories` (a prd.json), and is no list of tasks
"#),
    ("JSON with one key twice", "p.json",
     r#"{"tasks": [{"id": "a", "run": "x", "run": "y"}]}"#,
     r#"error: the key `run` stands twice in one object
 --> p.json:1:36
  |
1 | {"tasks": [{"id": "a", "run": "x", "run": "y"}]}
  |                                    ^^^^^
"#),
    ("a slip in JSON", "p.json",
     r#"{
  "tasks": [
    {"id": "a", "run": "x", "own": ["src"]}
  ]
}"#,
     r#"error: unknown key `own` in task `a`
 --> p.json:3:29
  |
3 |     {"id": "a", "run": "x", "own": ["src"]}
  |                             ^^^^^
  hint: did you mean `owns`?
"#),
    ("an unknown dependency in JSON", "p.json",
     r#"{
  "tasks": [
    {"id": "a", "run": "x"},
    {"id": "b", "run": "x", "depends": ["A1"]}
  ]
}"#,
     r#"error: task `b` depends on `A1`, which the plan does not define
 --> p.json:4:41
  |
4 |     {"id": "b", "run": "x", "depends": ["A1"]}
  |                                         ^^^^
"#),
    ("JSON tasks that are no list", "p.json",
     r#"{"tasks": {"a": {"run": "x"}}}"#,
     r#"error: `tasks` must be a list of tasks, not a table
 --> p.json:1:2
  |
1 | {"tasks": {"a": {"run": "x"}}}
  |  ^^^^^^^
  hint: write a list: "tasks": [{…}, {…}]
"#),
    ("null for a text", "p.json",
     r#"{"tasks": [{"id": "a", "run": null}]}"#,
     r#"error: `run` must be text, not null
 --> p.json:1:31
  |
1 | {"tasks": [{"id": "a", "run": null}]}
  |                               ^^^^
"#),
    ("prose without tasks", "p.md",
     "# Title\n\nNothing here.\n",
     r#"error: the plan has no tasks
 --> p.md
  hint: a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`
"#),
    ("tasks that are all in code", "p.md",
     "```\n- [ ] a\n```\n<!-- - [ ] b -->\n",
     r#"error: the plan has no tasks
 --> p.md
  hint: a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`
"#),
    ("front matter that is not closed", "p.md",
     "---\nname: x\n- [ ] a\n",
     r#"error: the front matter is not closed
 --> p.md:1:1
  |
1 | ---
  | ^^^
  hint: end it with a line `---`
"#),
    ("front matter that is not YAML", "p.md",
     "---\nname: x\nverify: [a\n---\n- [ ] a\n",
     r#"error: this front matter is not YAML: unclosed bracket '['
 --> p.md:3:1
  |
3 | verify: [a
  | ^
"#),
    ("front matter of another kind", "p.md",
     "---\n- a\n---\n- [ ] a\n",
     r#"error: the front matter must be a table of keys
 --> p.md:2:1
  |
2 | - a
  | ^^^
"#),
    ("a slip in front matter", "p.md",
     "---\nname: x\nverfy: cargo test\n---\n- [ ] a\n",
     r#"error: unknown key `verfy` in the front matter
 --> p.md:3:1
  |
3 | verfy: cargo test
  | ^^^^^
  hint: did you mean `verify`?
"#),
    ("wrong values in front matter", "p.md",
     "---\nname: x\njobs: 0\nverify_timeout: soon\n---\n- [ ] a\n",
     r#"error: `jobs` must be from 1 to 1000, not 0
 --> p.md:3:7
  |
3 | jobs: 0
  |       ^
error: `verify_timeout`: `soon` is not a duration: write it as 600ms, 90s, 30m or 1h30m
 --> p.md:4:17
  |
4 | verify_timeout: soon
  |                 ^^^^
"#),
    ("a marker without a name", "p.md",
     "- [ ] 1.1 [P:Group-] x\n",
     r#"error: a group's marker has no name
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-] x
  |           ^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("a marker that is not closed", "p.md",
     "- [ ] 1.1 [P:Group-A x\n",
     r#"error: a group's marker is not closed
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-A x
  |           ^^^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("two markers", "p.md",
     "- [ ] 1.1 [P:Group-A] [P:Group-B] x\n",
     r#"error: a task can be in one group only
 --> p.md:1:23
  |
1 | - [ ] 1.1 [P:Group-A] [P:Group-B] x
  |                       ^^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("a marker and another group", "p.md",
     "- [ ] 1.1 [P:Group-A] x\n  - group: B\n",
     r#"error: a task can be in one group only
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-A] x
  |           ^^^^^^^^^^^
"#),
    ("a marker and nothing else", "p.md",
     "- [ ] [P:Group-A]\n",
     r#"error: the task has no text
 --> p.md:1:7
  |
1 | - [ ] [P:Group-A]
  |       ^^^^^^^^^^^
"#),
    ("a slip in Markdown", "p.md",
     "- [ ] 1.1 x\n  - depend: 1.0\n",
     r#"error: unknown key `depend`
 --> p.md:2:5
  |
2 |   - depend: 1.0
  |     ^^^^^^
  hint: did you mean `depends`? If it is text for the agent, begin it with a capital
"#),
    ("a key twice in Markdown", "p.md",
     "- [ ] 1.1 x\n  - timeout: 1h\n  - timeout: 2h\n",
     r#"error: the key `timeout` stands twice in one task
 --> p.md:3:5
  |
3 |   - timeout: 2h
  |     ^^^^^^^
"#),
    ("a key without a value", "p.md",
     "- [ ] 1.1 x\n  - owns:\n",
     r#"error: `owns` is empty
 --> p.md:2:5
  |
2 |   - owns:
  |     ^^^^
"#),
    ("a priority in words in Markdown", "p.md",
     "- [ ] 1.1 x\n  - priority: high\n",
     r#"error: `priority` must be a number, not text
 --> p.md:2:15
  |
2 |   - priority: high
  |               ^^^^
"#),
    ("a variable without a value", "p.md",
     "- [ ] 1.1 x\n  - env: FOO\n",
     r#"error: `FOO` sets no variable
 --> p.md:2:10
  |
2 |   - env: FOO
  |          ^^^
  hint: write it as `NAME=value`
"#),
    ("backticks around a glob", "p.md",
     "- [ ] 1.1 x\n  - owns: `src/**`\n  - depends: 1.2\n",
     r#"warning: the backticks are part of the value of `owns`
 --> p.md:2:11
  |
2 |   - owns: `src/**`
  |           ^^^^^^^^
  hint: write src/** without them
error: task `1.1` depends on `1.2`, which the plan does not define
 --> p.md:3:14
  |
3 |   - depends: 1.2
  |              ^^^
"#),
    ("two numbers alike in Markdown", "p.md",
     "- [ ] 1.1 x\n- [ ] 1.1 y\n",
     r#"error: two tasks have the id `1.1`
 --> p.md:2:7
  |
2 | - [ ] 1.1 y
  |       ^^^^^
  hint: it is defined on line 1 already
"#),
    ("a sequential task that waits for a later one", "p.md",
     "- [ ] 1 x\n  - depends: 2\n- [ ] 2 [P:Group-A] y\n",
     r#"error: task `1` depends on `2`, which is in a later stage (`A`): that is a cycle, as `A` waits for `1`
 --> p.md:2:14
  |
2 |   - depends: 2
  |              ^
  hint: move `2` to an earlier group, or `1` to a later one
"#),
    ("a group that goes on too late", "p.md",
     "- [ ] 1 [P:Group-A] x\n- [ ] 2 y\n- [ ] 3 [P:group-a] z\n  - depends: 2\n",
     r#"warning: task `3` joins group `A`, whose turn is before the tasks just above it
 --> p.md:3:9
  |
3 | - [ ] 3 [P:group-a] z
  |         ^^^^^^^^^^^
  hint: move it up to the others of `A`, or give it a group of its own
error: task `3` depends on `2`, which is in a later stage (`2`): that is a cycle, as `2` waits for `A`
 --> p.md:4:14
  |
4 |   - depends: 2
  |              ^
  hint: move `2` to an earlier group, or `3` to a later one
"#),
    ("an empty list", "p.json",
     "[]",
     r#"error: the plan has no tasks
 --> p.json:1:1
  |
1 | []
  | ^^
  hint: a task is an object such as {"id": "1", "description": "[P:Group-A] Add the parser"}
"#),
    ("a list of texts", "p.json",
     r#"["a"]"#,
     r#"error: a task must be an object, not text
 --> p.json:1:2
  |
1 | ["a"]
  |  ^^^
"#),
    ("a list's task without id", "p.json",
     r#"[
  {"description": "[P:Group-A] x"}
]"#,
     r#"error: task 1 has no id
 --> p.json:2:3
  |
2 |   {"description": "[P:Group-A] x"}
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: give it an `id`
"#),
    ("a list's task without text", "p.json",
     r#"[
  {"id": 1}
]"#,
     r#"error: task `1` has nothing to do: missing command
 --> p.json:2:10
  |
2 |   {"id": 1}
  |          ^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
"#),
    ("a list's broken marker", "p.json",
     r#"[
  {"id": "1", "description": "[P:Group-A x"}
]"#,
     r#"error: task `1`: a group's marker is not closed
 --> p.json:2:30
  |
2 |   {"id": "1", "description": "[P:Group-A x"}
  |                              ^^^^^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("a list's unknown dependency", "p.json",
     r#"[
  {"id": "task-1", "description": "x"},
  {"id": "task-2", "description": "y", "dependencies": ["task1"], "foo": 1}
]"#,
     r#"error: task `task-2` depends on `task1`, which the plan does not define
 --> p.json:3:57
  |
3 |   {"id": "task-2", "description": "y", "dependencies": ["task1"], "foo": 1}
  |                                                         ^^^^^^^
  hint: did you mean `task-1`?
note: the field `foo` is not used
 --> p.json:3:67
  |
3 |   {"id": "task-2", "description": "y", "dependencies": ["task1"], "foo": 1}
  |                                                                   ^^^^^
"#),
    ("a command and an agent", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
agent = "claude"
retries = -1
"#,
     r#"warning: task `a` has `run`, so its `agent` is not used
 --> p.toml:4:1
  |
4 | agent = "claude"
  | ^^^^^
error: `retries` must be from 0 to 100, not -1
 --> p.toml:5:11
  |
5 | retries = -1
  |           ^^
"#),
    ("a PRD without stories", "prd.json",
     r#"{"project": "x", "userStories": []}"#,
     r#"error: the plan has no tasks
 --> prd.json
  hint: write a `[[task]]` (TOML) or an entry of `tasks` or `userStories` (JSON) for each
"#),
    ("stories that are no list", "prd.json",
     r#"{"project": "x", "userStories": {}}"#,
     r#"error: `userStories` must be a list of stories, not a table
 --> prd.json:1:18
  |
1 | {"project": "x", "userStories": {}}
  |                  ^^^^^^^^^^^^^
"#),
    ("a story without id", "prd.json",
     r#"{"userStories": [
  {"title": "x"}
]}"#,
     r#"error: task 1 has no id
 --> prd.json:2:3
  |
2 |   {"title": "x"}
  |   ^^^^^^^^^^^^^^
  hint: give it an `id`
"#),
    ("a PRD's cycle", "prd.json",
     r#"{"userStories": [
  {"id": "US-001", "title": "x", "dependencies": ["US-002"]},
  {"id": "US-002", "title": "y", "dependsOn": ["US-001"]}
]}"#,
     r#"error: the tasks wait for each other: US-001 → US-002 → US-001
 --> prd.json:2:51
  |
2 |   {"id": "US-001", "title": "x", "dependencies": ["US-002"]},
  |                                                   ^^^^^^^^
"#),
    ("a PRD's unknown dependency", "prd.json",
     r#"{"userStories": [
  {"id": "US-001", "title": "x", "dependencies": ["US-01"]},
  {"id": "US-010", "title": "y"}
]}"#,
     r#"error: task `US-001` depends on `US-01`, which the plan does not define
 --> prd.json:2:51
  |
2 |   {"id": "US-001", "title": "x", "dependencies": ["US-01"]},
  |                                                   ^^^^^^^
  hint: did you mean `US-010`?
"#),
    ("a PRD's branch", "prd.json",
     r#"{"branchName": "a..b", "userStories": [
  {"id": "US-001", "title": "x"}
]}"#,
     r#"error: `a..b` cannot be a branch: it holds `..` or ends with `.`
 --> prd.json:1:16
  |
1 | {"branchName": "a..b", "userStories": [
  |                ^^^^^^
"#),
    ("a PRD's files", "prd.json",
     r#"{"userStories": [
  {"id": "US-001", "title": "x", "fileScope": ["../x"]}
]}"#,
     r#"error: `owns`: `../x` lies outside the repository: `..` is not allowed
 --> prd.json:2:48
  |
2 |   {"id": "US-001", "title": "x", "fileScope": ["../x"]}
  |                                                ^^^^^^
"#),
    ("a PRD's group of strangers", "prd.json",
     r#"{"userStories": [
  {"id": "US-001", "title": "x"}
], "parallelization": {"enabled": true, "maxWorkers": 0,
 "groups": [{"name": "g", "stories": ["US-002"]}]}}"#,
     r#"error: `maxWorkers` must be a number from 1 to 1000
 --> prd.json:3:55
  |
3 | ], "parallelization": {"enabled": true, "maxWorkers": 0,
  |                                                       ^
error: group `g` names the story `US-002`, which the PRD does not define
 --> prd.json:4:39
  |
4 |  "groups": [{"name": "g", "stories": ["US-002"]}]}}
  |                                       ^^^^^^^^
  hint: did you mean `US-001`?
"#),
];
