//! Plans of phases and stages.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("a stage without a number", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
### Stage: C
"#,
     r#"error: the stage has no number
 --> plan.md:3:1
  |
3 | ### Stage: C
  | ^^^^^^^^^^^^
  hint: write it as `### Stage 1.1: Name`
"#),
    ("a stage without a name", "plan.md",
     r#"## Phase 1: A
### Stage 1.1:
"#,
     r#"error: stage 1.1 has no name
 --> plan.md:2:1
  |
2 | ### Stage 1.1:
  | ^^^^^^^^^^^^^^
  hint: write it as `### Stage 1.1: Name`
error: task `phase1-stage1.1` has nothing to do: missing command
 --> plan.md:2:1
  |
2 | ### Stage 1.1:
  | ^^^^^^^^^^^^^^
  hint: give it a `run` (a command), or a `title` or `prompt` (for an agent)
"#),
    ("a stage before the phases", "plan.md",
     r#"# Plan
### Stage 1.1: B
"#,
     r#"error: stage 1.1 stands before the first phase
 --> plan.md:2:1
  |
2 | ### Stage 1.1: B
  | ^^^^^^^^^^^^^^^^
  hint: put a heading `## Phase 1: Name` above it
"#),
    ("a phase without a number", "plan.md",
     r#"## Phase: A
### Stage 1.1: B
"#,
     r#"error: the phase has no number
 --> plan.md:1:1
  |
1 | ## Phase: A
  | ^^^^^^^^^^^
  hint: write it as `## Phase 1: Name`
error: stage 1.1 stands before the first phase
 --> plan.md:2:1
  |
2 | ### Stage 1.1: B
  | ^^^^^^^^^^^^^^^^
  hint: put a heading `## Phase 1: Name` above it
"#),
    ("a stage that is there twice", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
### Stage 1.1: C
"#,
     r#"error: two tasks have the id `phase1-stage1.1`
 --> plan.md:3:1
  |
3 | ### Stage 1.1: C
  | ^^^^^^^^^^^^^^^^
  hint: it is defined on line 2 already
"#),
    ("a stage that depends on nobody", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
**Dependencies**: Stage 1.3
"#,
     r#"error: task `phase1-stage1.1` depends on `Stage 1.3`, which the plan does not define
 --> plan.md:3:19
  |
3 | **Dependencies**: Stage 1.3
  |                   ^^^^^^^^^
"#),
    ("a stage that depends on a later phase", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
**Dependencies:** Stage 2.1
## Phase 2: C
### Stage 2.1: D
"#,
     r#"error: task `phase1-stage1.1` depends on `phase2-stage2.1`, which is in a later stage (`phase-2`): that is a cycle, as `phase-2` waits for `phase-1`
 --> plan.md:3:19
  |
3 | **Dependencies:** Stage 2.1
  |                   ^^^^^^^^^
  hint: move `phase2-stage2.1` to an earlier group, or `phase1-stage1.1` to a later one
"#),
    ("stages that wait for each other", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
**Dependencies**: 1.2
### Stage 1.2: C
**Dependencies**: 1.1
"#,
     r#"error: the tasks wait for each other: phase1-stage1.1 → phase1-stage1.2 → phase1-stage1.1
 --> plan.md:3:19
  |
3 | **Dependencies**: 1.2
  |                   ^^^
"#),
    ("a stage's files outside", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
**Files**: ../x
"#,
     r#"error: `owns`: `../x` lies outside the repository: `..` is not allowed
 --> plan.md:3:12
  |
3 | **Files**: ../x
  |            ^^^^
"#),
    ("a stage whose effort is none", "plan.md",
     r#"## Phase 1: A
### Stage 1.1: B
**Estimated Effort**: soon
**Files**: src/[a
"#,
     r#"warning: `soon` is no effort that is understood, and is ignored
 --> plan.md:3:23
  |
3 | **Estimated Effort**: soon
  |                       ^^^^
  hint: write it as `3 hours`, `2 days` or `1 week`
error: `owns`: `src/[a` has a `[` without its `]`
 --> plan.md:4:12
  |
4 | **Files**: src/[a
  |            ^^^^^^
"#),
];
