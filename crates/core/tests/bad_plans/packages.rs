//! Work packages in JSON.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("work packages that are no list", "p.json",
     r#"{"work_packages": "none"}"#,
     r#"error: a work package must be an object, not text
 --> p.json:1:19
  |
1 | {"work_packages": "none"}
  |                   ^^^^^^
"#),
    ("a file of phases without packages", "p.json",
     r#"{"execution_order": {"phase_1_parallel": []}}"#,
     r#"error: the file has no `work_packages`
 --> p.json:1:1
  |
1 | {"execution_order": {"phase_1_parallel": []}}
  | ^
  hint: it needs a list of them, each with a `package_id`
"#),
    ("a work package that is no object", "p.json",
     r#"{"work_packages": ["WP-01"]}"#,
     r#"error: a work package must be an object, not text
 --> p.json:1:20
  |
1 | {"work_packages": ["WP-01"]}
  |                    ^^^^^^^
"#),
    ("a work package without id", "p.json",
     r#"{"work_packages": [
 {"title": "x"}
]}"#,
     r#"error: task 1 has no id
 --> p.json:2:2
  |
2 |  {"title": "x"}
  |  ^^^^^^^^^^^^^^
  hint: give it an `id`
"#),
    ("a work package's priority", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x", "priority": "Urgent"}
]}"#,
     r#"error: `priority`: there is no `Urgent`
 --> p.json:2:52
  |
2 |  {"package_id": "WP-01", "title": "x", "priority": "Urgent"}
  |                                                    ^^^^^^^^
  hint: write Critical, Major or Minor
"#),
    ("a work package's hours", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x", "estimated_hours": "three"}
]}"#,
     r#"error: `estimated_hours` must be a number of hours, more than 0
 --> p.json:2:59
  |
2 |  {"package_id": "WP-01", "title": "x", "estimated_hours": "three"}
  |                                                           ^^^^^^^
"#),
    ("a work package's files", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x", "files_to_modify": [1, "/etc/passwd"]}
]}"#,
     r#"error: `files_to_modify` must be a list of paths, not of a number
 --> p.json:2:60
  |
2 |  {"package_id": "WP-01", "title": "x", "files_to_modify": [1, "/etc/passwd"]}
  |                                                            ^
warning: `files_to_modify`: `/etc/passwd` is a path of one machine only, and owns nothing here
 --> p.json:2:63
  |
2 |  {"package_id": "WP-01", "title": "x", "files_to_modify": [1, "/etc/passwd"]}
  |                                                               ^^^^^^^^^^^^^
  hint: write it from the repository's root; file_ownership_matrix counts, too
"#),
    ("a work package's dependency", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x"},
 {"package_id": "WP-02", "title": "y", "dependencies": ["WP-1"]}
]}"#,
     r#"error: task `WP-02` depends on `WP-1`, which the plan does not define
 --> p.json:3:57
  |
3 |  {"package_id": "WP-02", "title": "y", "dependencies": ["WP-1"]}
  |                                                         ^^^^^^
  hint: did you mean `WP-01`?
"#),
    ("a matrix with a stranger", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x"}
],
 "file_ownership_matrix": {"src/a.py": "WP-1"}}"#,
     r#"error: `file_ownership_matrix` names the work package `WP-1`, which the file does not define
 --> p.json:4:40
  |
4 |  "file_ownership_matrix": {"src/a.py": "WP-1"}}
  |                                        ^^^^^^
  hint: did you mean `WP-01`?
"#),
    ("a matrix with a path outside", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x"}
],
 "file_ownership_matrix": {"WP-01": ["../a.py"]}}"#,
     r#"error: `file_ownership_matrix`: `../a.py` lies outside the repository: `..` is not allowed
 --> p.json:4:38
  |
4 |  "file_ownership_matrix": {"WP-01": ["../a.py"]}}
  |                                      ^^^^^^^^^
"#),
    ("a phase with a stranger", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x"}
],
 "execution_order": {"phase_1_parallel": ["WP-01", "WP-02"], "phase_2": "later"}}"#,
     r#"error: `phase_1_parallel` names the work package `WP-02`, which the file does not define
 --> p.json:4:52
  |
4 |  "execution_order": {"phase_1_parallel": ["WP-01", "WP-02"], "phase_2": "later"}}
  |                                                    ^^^^^^^
  hint: did you mean `WP-01`?
error: `phase_2` must be a list of work packages
 --> p.json:4:73
  |
4 |  "execution_order": {"phase_1_parallel": ["WP-01", "WP-02"], "phase_2": "later"}}
  |                                                                         ^^^^^^^
"#),
    ("a work package in two phases", "p.json",
     r#"{"work_packages": [
 {"package_id": "WP-01", "title": "x", "parallel_safe": "yes"}
],
 "execution_order": {"phase_1_parallel": ["WP-01"], "phase_2_parallel": ["WP-01"], "afterwards": ["WP-01"]}}"#,
     r#"error: `parallel_safe` must be true or false, not text
 --> p.json:2:57
  |
2 |  {"package_id": "WP-01", "title": "x", "parallel_safe": "yes"}
  |                                                         ^^^^^
error: `WP-01` is in `phase_1_parallel` already: a work package is in one phase only
 --> p.json:4:74
  |
4 |  "execution_order": {"phase_1_parallel": ["WP-01"], "phase_2_parallel": ["WP-01"], "afterwards": ["WP-01"]}}
  |                                                                          ^^^^^^^
error: `afterwards` is no phase
 --> p.json:4:84
  |
4 |  "execution_order": {"phase_1_parallel": ["WP-01"], "phase_2_parallel": ["WP-01"], "afterwards": ["WP-01"]}}
  |                                                                                    ^^^^^^^^^^^^
  hint: name it such as `phase_1_parallel`
"#),
];
