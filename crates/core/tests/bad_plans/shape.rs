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
    ("groups that are a list", "p.toml",
     r##"groups = ["core"]
[[task]]
id = "a"
run = "x"
group = "core"
"##,
     r##"error: `groups` must be a table, not a list
 --> p.toml:1:10
  |
1 | groups = ["core"]
  |          ^^^^^^^^
  hint: write `[groups.NAME]` with `refresh` or `on_failure` below it; which task is in a group its own `group` says
"##),
    ("a group that nobody is in", "p.toml",
     r##"[groups.cor]
on_failure = "rollback"
[[task]]
id = "a"
run = "x"
group = "core"
"##,
     r##"error: no task is in group `cor`
 --> p.toml:1:9
  |
1 | [groups.cor]
  |         ^^^
  hint: did you mean `core`?
"##),
    ("what a group cannot do on failure", "p.toml",
     r##"[groups.core]
on_failure = "roll back"
refresh = ""
fresh = "make"
[[task]]
id = "a"
run = "x"
group = "core"
"##,
     r##"error: `on_failure` is `keep` or `rollback`, not `roll back`
 --> p.toml:2:14
  |
2 | on_failure = "roll back"
  |              ^^^^^^^^^^^
  hint: did you mean `rollback`?
error: `refresh` is empty
 --> p.toml:3:11
  |
3 | refresh = ""
  |           ^^
error: unknown key `fresh` of group `core`
 --> p.toml:4:1
  |
4 | fresh = "make"
  | ^^^^^
  hint: did you mean `refresh`?
"##),
    ("a group that is text, in Markdown", "p.md",
     r##"---
groups: { core: rollback }
---
- [ ] a thing [P:Group-core]
"##,
     r##"error: `groups.core` must be a table, not text
 --> p.md:2:17
  |
2 | groups: { core: rollback }
  |                 ^^^^^^^^^^
  hint: such as { on_failure = "rollback" }
"##),
];
