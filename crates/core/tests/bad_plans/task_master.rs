//! task-master's `tasks.json`.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("tags without a current one", "tasks.json",
     r#"{"a": {"tasks": [{"id": 1, "title": "x", "subtasks": []}]},
 "b": {"tasks": []}}"#,
     r#"error: the file has 2 tags, and nothing says which one is current
 --> tasks.json:1:1
  |
1 | {"a": {"tasks": [{"id": 1, "title": "x", "subtasks": []}]},
  | ^
  hint: name one of a, b as `currentTag` in .taskmaster/state.json
"#),
    ("tasks that are no list", "tasks.json",
     r#"{"a": {"tasks": {}}, "master": {"tasks": []}}"#,
     r#"error: the plan has no tasks
 --> tasks.json
  hint: write a `[[task]]` (TOML) or an entry of `tasks` or `userStories` (JSON) for each
note: the tag `master` is read, as nothing says which one is current; not a
 --> tasks.json:1:22
  |
1 | {"a": {"tasks": {}}, "master": {"tasks": []}}
  |                      ^^^^^^^^
"#),
    ("a current tag without tasks", "tasks.json",
     r#"{"master": {"tasks": []}, "metadata": {}}"#,
     r#"error: the plan has no tasks
 --> tasks.json
  hint: write a `[[task]]` (TOML) or an entry of `tasks` or `userStories` (JSON) for each
"#),
    ("a task of task-master's that is no object", "tasks.json",
     r#"{"tasks": [{"id": 1, "title": "x", "subtasks": []}, "y"]}"#,
     r#"error: a task must be an object, not text
 --> tasks.json:1:53
  |
1 | {"tasks": [{"id": 1, "title": "x", "subtasks": []}, "y"]}
  |                                                     ^^^
"#),
    ("a task of task-master's without id", "tasks.json",
     r#"{"tasks": [
 {"title": "x", "subtasks": []}
]}"#,
     r#"error: task 1 has no id
 --> tasks.json:2:2
  |
2 |  {"title": "x", "subtasks": []}
  |  ^
  hint: give it an `id`, a number
"#),
    ("a status that there is not", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "details": "", "status": "pendng"},
 {"id": 2, "title": "x", "status": "waiting"}
]}"#,
     r#"error: `status`: there is no `pendng`
 --> tasks.json:2:51
  |
2 |  {"id": 1, "title": "x", "details": "", "status": "pendng"},
  |                                                   ^^^^^^^^
  hint: did you mean `pending`?
error: `status`: there is no `waiting`
 --> tasks.json:3:36
  |
3 |  {"id": 2, "title": "x", "status": "waiting"}
  |                                    ^^^^^^^^^
  hint: there are pending, in-progress, done, completed, deferred, cancelled, blocked, review
"#),
    ("a priority that there is not", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "details": "y", "priority": "urgent"}
]}"#,
     r#"error: `priority`: there is no `urgent`
 --> tasks.json:2:54
  |
2 |  {"id": 1, "title": "x", "details": "y", "priority": "urgent"}
  |                                                      ^^^^^^^^
  hint: write one of critical, high, medium, low
"#),
    ("a dependency of task-master's on nobody", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "details": "y", "dependencies": [12]},
 {"id": 2, "title": "y"}
]}"#,
     r#"error: task `1` depends on `12`, which the plan does not define
 --> tasks.json:2:59
  |
2 |  {"id": 1, "title": "x", "details": "y", "dependencies": [12]},
  |                                                           ^^
"#),
    ("a subtask that waits for nobody", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "subtasks": [
  {"id": 1, "title": "y", "dependencies": [4]}
 ]}
]}"#,
     r#"error: task `1.1` depends on `4`, which the plan does not define
 --> tasks.json:3:44
  |
3 |   {"id": 1, "title": "y", "dependencies": [4]}
  |                                            ^
"#),
    ("subtasks that are no list", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "details": "z", "subtasks": "y"}
]}"#,
     r#"error: `subtasks` must be a list, not text
 --> tasks.json:2:42
  |
2 |  {"id": 1, "title": "x", "details": "z", "subtasks": "y"}
  |                                          ^^^^^^^^^^
"#),
    ("subtasks that wait for each other", "tasks.json",
     r#"{"tasks": [
 {"id": 1, "title": "x", "subtasks": [
  {"id": 1, "title": "y", "dependencies": [2]},
  {"id": 2, "title": "z", "dependencies": ["1.1"]}
 ]}
]}"#,
     r#"error: the tasks wait for each other: 1.1 → 1.2 → 1.1
 --> tasks.json:3:44
  |
3 |   {"id": 1, "title": "y", "dependencies": [2]},
  |                                            ^
"#),
];
