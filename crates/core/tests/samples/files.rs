//! The sample plans of `docs/plans`, one folder a format, as a plan's files: path and text, the first one named.

/// A plan's file and those that belong to it.
pub type Sample = &'static [(&'static str, &'static str)];

/// All of them.
pub const SAMPLES: &[Sample] = &[
    &[("toml/plan.toml", include_str!("../../../../docs/plans/toml/plan.toml"))],
    &[("json/plan.json", include_str!("../../../../docs/plans/json/plan.json"))],
    &[("markdown/plan.md", include_str!("../../../../docs/plans/markdown/plan.md"))],
    &[("array/tasks.json", include_str!("../../../../docs/plans/array/tasks.json"))],
    &[("prd/snarktank/prd.json", include_str!("../../../../docs/plans/prd/snarktank/prd.json"))],
    &[("prd/ralph-tui/prd.json", include_str!("../../../../docs/plans/prd/ralph-tui/prd.json"))],
    &[("prd/active/PRD-104/prd.json", include_str!("../../../../docs/plans/prd/active/PRD-104/prd.json"))],
    &[("spec-kit/specs/001-bookmarks/tasks.md", include_str!("../../../../docs/plans/spec-kit/specs/001-bookmarks/tasks.md"))],
    &[("spec-kit/cc-sdd/.kiro/specs/notes/tasks.md", include_str!("../../../../docs/plans/spec-kit/cc-sdd/.kiro/specs/notes/tasks.md"))],
    &[("phases/plan.md", include_str!("../../../../docs/plans/phases/plan.md"))],
    &[("work-packages/packages.json", include_str!("../../../../docs/plans/work-packages/packages.json"))],
    &[("beads/issues.jsonl", include_str!("../../../../docs/plans/beads/issues.jsonl"))],
    &[("task-master/.taskmaster/tasks/tasks.json", include_str!("../../../../docs/plans/task-master/.taskmaster/tasks/tasks.json"))],
    &[("spec-kitty/kitty-specs/005-alarms/wps.yaml", include_str!("../../../../docs/plans/spec-kitty/kitty-specs/005-alarms/wps.yaml"))],
    &[
        (
            "spec-kitty/kitty-specs/004-timers/tasks/WP01-clock.md",
            include_str!("../../../../docs/plans/spec-kitty/kitty-specs/004-timers/tasks/WP01-clock.md"),
        ),
        (
            "spec-kitty/kitty-specs/004-timers/tasks/WP02-timer.md",
            include_str!("../../../../docs/plans/spec-kitty/kitty-specs/004-timers/tasks/WP02-timer.md"),
        ),
        (
            "spec-kitty/kitty-specs/004-timers/tasks/WP03-sound.md",
            include_str!("../../../../docs/plans/spec-kitty/kitty-specs/004-timers/tasks/WP03-sound.md"),
        ),
    ],
];

/// What lies beside the samples and is read on demand.
pub fn beside(path: &str) -> Result<String, String> {
    match path {
        "../state.json" => Ok(String::from(include_str!("../../../../docs/plans/task-master/.taskmaster/state.json"))),
        "tasks/WP01-store.md" => {
            Ok(String::from(include_str!("../../../../docs/plans/spec-kitty/kitty-specs/005-alarms/tasks/WP01-store.md")))
        }
        _ => Err(String::from("there is no such file")),
    }
}
