//! Values of keys: durations, numbers, globs, branches, ids, variables.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
    ("a word that says nothing of a failing skill", "p.toml",
     r#"[[task]]
id = "a"
title = "x"
skills = ["./x"]
skill_failure = "ignore"
"#,
     r#"error: `skill_failure` is `tell` or `stop`, not `ignore`
 --> p.toml:5:17
  |
5 | skill_failure = "ignore"
  |                 ^^^^^^^^
  hint: `tell` lets the agent work without it, `stop` fails the attempt
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
];
