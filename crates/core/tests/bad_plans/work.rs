//! What a task is to do and how it is checked: nothing, empty; and keys that nobody knows.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
];
