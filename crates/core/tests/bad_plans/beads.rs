//! Issues of beads.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("a line that is no JSON", "issues.jsonl",
     r#"{"id": "a", "title": "x", "status": "open"}
{"id": "b", "title": 
"#,
     r#"error: this line is not JSON: expected a value, but the line ends
 --> issues.jsonl:2:21
  |
2 | {"id": "b", "title":
  |                     ^
"#),
    ("a line with two issues", "issues.jsonl",
     r#"{"id": "a", "title": "x"} {"id": "b"}
"#,
     r#"error: this line is not JSON: nothing may follow the closing bracket on its line
 --> issues.jsonl:1:27
  |
1 | {"id": "a", "title": "x"} {"id": "b"}
  |                           ^
"#),
    ("an issue that is no object", "p.json",
     r#"[{"id": "a", "title": "x", "issue_type": "task"}, 5]"#,
     r#"error: an issue must be an object, not a number
 --> p.json:1:51
  |
1 | [{"id": "a", "title": "x", "issue_type": "task"}, 5]
  |                                                   ^
"#),
    ("an issue without id", "issues.jsonl",
     r#"{"title": "x", "status": "open"}
"#,
     r#"error: issue 1 has no id
 --> issues.jsonl:1:1
  |
1 | {"title": "x", "status": "open"}
  | ^
  hint: give it an `id` such as `bd-a1b2`
"#),
    ("an issue without text", "issues.jsonl",
     r#"{"id": "a", "status": "open"}
"#,
     r#"error: task `a` has nothing to do: missing command
 --> issues.jsonl:1:8
  |
1 | {"id": "a", "status": "open"}
  |        ^^^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
"#),
    ("issues that wait for each other", "issues.jsonl",
     r#"{"id": "a", "title": "x", "dependencies": [{"depends_on_id": "b", "type": "blocks"}]}
{"id": "b", "title": "y", "dependencies": [{"depends_on_id": "a", "type": "blocks"}]}
"#,
     r#"error: the tasks wait for each other: a → b → a
 --> issues.jsonl:1:62
  |
1 | {"id": "a", "title": "x", "dependencies": [{"depends_on_id": "b", "type": "blocks"}]}
  |                                                              ^^^
"#),
    ("dependencies that are no list", "issues.jsonl",
     r#"{"id": "a", "title": "x", "dependencies": "b"}
"#,
     r#"error: `dependencies` must be a list, not text
 --> issues.jsonl:1:43
  |
1 | {"id": "a", "title": "x", "dependencies": "b"}
  |                                           ^^^
"#),
    ("somebody else's dependency", "issues.jsonl",
     r#"{"id": "a", "title": "x", "dependencies": [{"issue_id": "b", "depends_on_id": "c"}]}
"#,
     r#"error: the dependency belongs to another issue than `a`
 --> issues.jsonl:1:44
  |
1 | {"id": "a", "title": "x", "dependencies": [{"issue_id": "b", "depends_on_id": "c"}]}
  |                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#),
    ("an issue's priority", "issues.jsonl",
     r#"{"id": "a", "title": "x", "priority": 7}
"#,
     r#"error: `priority` must be from 0 to 4, not 7
 --> issues.jsonl:1:39
  |
1 | {"id": "a", "title": "x", "priority": 7}
  |                                       ^
"#),
    ("an issue in two groups", "issues.jsonl",
     r#"{"id": "a", "title": "x", "labels": ["parallel:Group-A", "parallel:Group-B", "parallel:"]}
"#,
     r#"error: `a`: an issue can be in one group only
 --> issues.jsonl:1:58
  |
1 | {"id": "a", "title": "x", "labels": ["parallel:Group-A", "parallel:Group-B", "parallel:"]}
  |                                                          ^^^^^^^^^^^^^^^^^^
error: the label `parallel:` names no group
 --> issues.jsonl:1:78
  |
1 | {"id": "a", "title": "x", "labels": ["parallel:Group-A", "parallel:Group-B", "parallel:"]}
  |                                                                              ^^^^^^^^^^^
  hint: write it as `parallel:Group-NAME`
"#),
    ("issues that are all put off", "issues.jsonl",
     r#"{"id": "a", "title": "x", "status": "deferred"}
{"id": "b", "title": "y", "status": "tombstone"}
"#,
     r#"error: none of the issues is work to do
 --> issues.jsonl
  hint: an issue is work where its status is open, in_progress or blocked
note: `a` is `deferred`, so it is left out
 --> issues.jsonl:1:8
  |
1 | {"id": "a", "title": "x", "status": "deferred"}
  |        ^^^
"#),
    ("an epic below itself", "issues.jsonl",
     r#"{"id": "a", "title": "x", "issue_type": "epic", "parent": "b"}
{"id": "b", "title": "y", "issue_type": "epic", "parent": "a"}
"#,
     r#"error: `a` is below itself, or below more than 32 others
 --> issues.jsonl:1:8
  |
1 | {"id": "a", "title": "x", "issue_type": "epic", "parent": "b"}
  |        ^^^
error: `b` is below itself, or below more than 32 others
 --> issues.jsonl:2:8
  |
2 | {"id": "b", "title": "y", "issue_type": "epic", "parent": "a"}
  |        ^^^
"#),
];
