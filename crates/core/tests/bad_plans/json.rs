//! Plans in JSON.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
  hint: it has neither `tasks` (the native plan, task-master) nor `userStories` (a prd.json) nor `work_packages`, and is no list of tasks
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
];
