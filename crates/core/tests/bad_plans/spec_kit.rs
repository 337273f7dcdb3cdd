//! Spec Kit's `tasks.md`, and cc-sdd's.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("a Spec Kit task without an id", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 [P] Create the project
- [ ] Create the tests
"#,
     r#"error: the task has no id
 --> tasks.md:3:7
  |
3 | - [ ] Create the tests
  |       ^^^^^^^^^^^^^^^^
  hint: begin it with one, such as `T012`
"#),
    ("a Spec Kit task without text", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 [P] [US1]
"#,
     r#"error: task `T001` has no text
 --> tasks.md:2:7
  |
2 | - [ ] T001 [P] [US1]
  |       ^^^^^^^^^^^^^^
  hint: write what is to be done behind its id
"#),
    ("a Spec Kit id twice", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 Create it
- [ ] T001 [P] Create it again
"#,
     r#"error: two tasks have the id `T001`
 --> tasks.md:3:7
  |
3 | - [ ] T001 [P] Create it again
  |       ^^^^^^^^^^^^^^^^^^^^^^^^
  hint: it is defined on line 2 already
"#),
    ("a Spec Kit dependency on nobody", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 Create it
- [ ] T002 Use it (depends on T010)
"#,
     r#"error: task `T002` depends on `T010`, which the plan does not define
 --> tasks.md:3:31
  |
3 | - [ ] T002 Use it (depends on T010)
  |                               ^^^^
  hint: did you mean `T001`?
"#),
    ("a Spec Kit dependency on itself", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 Create it (depends on T001)
"#,
     r#"error: task `T001` depends on itself
 --> tasks.md:2:34
  |
2 | - [ ] T001 Create it (depends on T001)
  |                                  ^^^^
"#),
    ("a Spec Kit dependency on a later phase", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 Create it (depends on T002)
## Phase 2: Rest
- [ ] T002 [P] Use it
"#,
     r#"error: task `T001` depends on `T002`, which is in a later stage (`phase-2`): that is a cycle, as `phase-2` waits for `T001`
 --> tasks.md:2:34
  |
2 | - [ ] T001 Create it (depends on T002)
  |                                  ^^^^
  hint: move `T002` to an earlier group, or `T001` to a later one
"#),
    ("a Spec Kit range that runs backwards", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 [P] Create it
- [ ] T002 [P] Use it (depends on T009-T003)
"#,
     r#"error: `T009-T003` is no range of tasks
 --> tasks.md:3:35
  |
3 | - [ ] T002 [P] Use it (depends on T009-T003)
  |                                   ^^^^^^^^^
  hint: write it as `T004-T010`, or name each task
"#),
    ("a Spec Kit cycle", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 [P] Create it (depends on T002)
- [ ] T002 [P] Use it (depends on T001)
"#,
     r#"error: the tasks wait for each other: T001 → T002 → T001
 --> tasks.md:2:38
  |
2 | - [ ] T001 [P] Create it (depends on T002)
  |                                      ^^^^
"#),
    ("Spec Kit phases without tasks", "tasks.md",
     r#"## Phase 1: Setup

```
- [ ] T001 An example
```

- [ ] TXXX [P] An example
"#,
     r#"error: the plan has no tasks
 --> tasks.md
  hint: a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`
note: this item is not read as a task: it is an example
 --> tasks.md:7:7
  |
7 | - [ ] TXXX [P] An example
  |       ^^^^^^^^^^^^^^^^^^^
"#),
    ("a Spec Kit task with a key that is none", "tasks.md",
     r#"## Phase 1: Setup
- [ ] T001 [P] Create it
  - depend: T002
"#,
     r#"error: unknown key `depend`
 --> tasks.md:3:5
  |
3 |   - depend: T002
  |     ^^^^^^
  hint: did you mean `depends`? If it is text for the agent, begin it with a capital
"#),
    ("front matter of Spec Kit that is not closed", "tasks.md",
     r#"---
description: x
# Tasks
- [ ] T001 [P] x
"#,
     r#"error: the front matter is not closed
 --> tasks.md:1:1
  |
1 | ---
  | ^^^
  hint: end it with a line `---`
"#),
];
