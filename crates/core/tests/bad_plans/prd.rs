//! `prd.json`.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
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
