//! Spec Kitty's work packages.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("a list of work packages that is none", "wps.yaml",
     r#"work_packages: none
"#,
     r#"error: `work_packages` must be a list, not text
 --> wps.yaml:1:1
  |
1 | work_packages: none
  | ^^^^^^^^^^^^^
"#),
    ("a list without work packages", "wps.yaml",
     r#"title: x
"#,
     r#"error: the file has no `work_packages`
 --> wps.yaml
  hint: it needs a list of them, each with `id` and `title`
"#),
    ("a work package of YAML that is no table", "wps.yaml",
     r#"work_packages:
  - WP01
"#,
     r#"error: work package 1 must be a table, not text
 --> wps.yaml:1:1
  |
1 | work_packages:
  | ^^^^^^^^^^^^^
"#),
    ("a work package of YAML without id", "wps.yaml",
     r#"work_packages:
  - title: x
"#,
     r#"error: task 1 has no id
 --> wps.yaml:2:12
  |
2 |   - title: x
  |            ^
  hint: give it an `id`
"#),
    ("a work package of YAML that waits for nobody", "wps.yaml",
     r#"work_packages:
  - id: WP01
    title: x
  - id: WP02
    title: why
    dependencies: [WP1]
"#,
     r#"error: task `WP02` depends on `WP1`, which the plan does not define
 --> wps.yaml:6:19
  |
6 |     dependencies: [WP1]
  |                   ^^^^^
  hint: did you mean `WP01`?
"#),
    ("work packages that wait for each other", "wps.yaml",
     r#"work_packages:
  - id: WP01
    title: x
    dependencies: [WP02]
  - id: WP02
    title: why
    dependencies: [WP01]
"#,
     r#"error: the tasks wait for each other: WP01 → WP02 → WP01
 --> wps.yaml:4:19
  |
4 |     dependencies: [WP02]
  |                   ^^^^^^
"#),
    ("a work package's prompt file", "wps.yaml",
     r#"work_packages:
  - id: WP01
    title: x
    prompt_file: tasks/WP01.md
"#,
     r#"error: the prompt file `tasks/WP01.md` cannot be read: no such file
 --> wps.yaml:4:18
  |
4 |     prompt_file: tasks/WP01.md
  |                  ^^^^^^^^^^^^^
  hint: the path is relative to the folder of wps.yaml
"#),
    ("a work package's files outside", "wps.yaml",
     r#"work_packages:
  - id: WP01
    title: x
    owned_files: [/etc]
"#,
     r#"error: `owns`: `/etc` lies outside the repository: write it relative to the repository's root
 --> wps.yaml:4:18
  |
4 |     owned_files: [/etc]
  |                  ^^^^^^
"#),
    ("YAML that is none", "wps.yaml",
     r#"work_packages:
  - id: WP01
   title: x
"#,
     r#"error: this file is not YAML: while parsing a block collection, did not find expected '-' indicator
 --> wps.yaml:3:1
  |
3 |    title: x
  | ^
"#),
    ("a lane that there is not", "WP01.md",
     r#"---
work_package_id: WP01
title: x
lane: planed
---
Text.
"#,
     r#"error: `lane`: there is no lane `planed`
 --> WP01.md:4:7
  |
4 | lane: planed
  |       ^^^^^^
  hint: did you mean `planned`?
"#),
    ("a work package's front matter that is not closed", "WP01.md",
     r#"---
work_package_id: WP01
title: x
"#,
     r#"error: the front matter is not closed
 --> WP01.md:1:1
  |
1 | ---
  | ^^^
  hint: end it with a line `---`
"#),
    ("a work package that waits for another file's", "WP02.md",
     r#"---
work_package_id: WP02
title: x
dependencies: [WP01]
---
Text.
"#,
     r#"error: task `WP02` depends on `WP01`, which the plan does not define
 --> WP02.md:4:15
  |
4 | dependencies: [WP01]
  |               ^^^^^^
"#),
    ("a work package of nothing", "WP01.md",
     r#"---
work_package_id: WP01
---
"#,
     r#"error: task `WP01` has nothing to do: missing command
 --> WP01.md:2:18
  |
2 | work_package_id: WP01
  |                  ^^^^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
"#),
];
