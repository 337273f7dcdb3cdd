//! JSON arrays of `{id, description}`.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
];
