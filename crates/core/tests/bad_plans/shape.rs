//! What is no plan at all, in TOML: nothing in it, not closed, of the wrong kind.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
];
