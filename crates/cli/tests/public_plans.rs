//! Plans with the structure of public ones (`docs/plans/public/SOURCES.md`): each is read and planned as it was meant, and of each format
//! one is run to its end and ticked off.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};

use common::Sandbox;
use greenlane_core::plan::{Severity, summary};
use greenlane_runtime::plan_files::{LoadedPlan, load_plans};

const PLANS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plans/public/");

/// What a plan is: its format, its tasks and how many of them are ticked, what they wait for in all, the groups, the tasks that own files
/// and how many globs they own, how many can run at once, and the findings that are more than a note.
type Row = (&'static str, &'static str, [usize; 2], usize, usize, [usize; 2], usize, usize);

#[rustfmt::skip]
const TABLE: [Row; 18] = [
    // path                                       format           tasks, ticked  waits  groups  owners, globs  at once  warnings
    ("spec-kit/specs/001-analytics",               "spec-kit",      [85, 85],      7,     45,     [0, 0],        0,       0),
    ("spec-kit/.kiro/specs/support",               "spec-kit",      [28, 0],       0,     17,     [0, 0],        4,       0),
    ("spec-kit/.kiro/specs/albums",                "spec-kit",      [28, 0],       0,     28,     [0, 0],        1,       0),
    ("prd/task-priority",                          "prd",           [4, 0],        0,     0,      [0, 0],        4,       0),
    ("prd/web-ui",                                 "prd",           [24, 22],      49,    0,      [0, 0],        1,       0),
    ("prd/modes/prd_latest.json",                  "prd",           [10, 9],       0,     0,      [0, 0],        1,       0),
    ("prd/perspectives",                           "prd",           [12, 11],      0,     0,      [0, 0],        1,       0),
    ("work-packages/review",                       "work-packages", [7, 0],        0,     1,      [7, 9],        7,       8),
    ("phases/simple",                              "phases",        [2, 0],        0,     2,      [0, 0],        1,       0),
    ("phases/orchestrator",                        "phases",        [17, 0],       0,     8,      [0, 0],        3,       0),
    ("beads/rollout",                              "beads",         [6, 6],        11,    0,      [0, 0],        0,       0),
    ("beads/terminal",                             "beads",         [127, 109],    108,   0,      [0, 0],        10,      0),
    ("task-master/generator/.taskmaster",          "task-master",   [129, 80],     817,   0,      [0, 0],        27,      1),
    ("task-master/bridge/.taskmaster",             "task-master",   [96, 42],      1030,  0,      [0, 0],        8,       1),
    ("spec-kitty/kitty-specs/004-contract",        "spec-kitty",    [4, 4],        0,     0,      [4, 33],       0,       0),
    ("spec-kitty/kitty-specs/producers-01KS7JM3",  "spec-kitty",    [5, 5],        8,     0,      [5, 23],       0,       0),
    ("markdown/digest/tasks.md",                   "markdown",      [41, 38],      0,     0,      [0, 0],        3,       0),
    ("markdown/roadmap",                           "markdown",      [129, 0],      0,     0,      [0, 0],        129,     0),
];

fn loaded(path: &str) -> (LoadedPlan, usize) {
    let loaded = load_plans(None, Path::new(PLANS), &[PathBuf::from(path)], None);
    let found: String = loaded.diagnostics.iter().map(|d| d.render(false)).collect();
    assert!(!loaded.has_errors() && loaded.plans.len() == 1, "{path}: {found}");
    let warnings = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Warning).count();
    (loaded.plans.into_iter().next().unwrap(), warnings)
}

#[test]
fn each_is_read_and_planned_as_it_was_meant() {
    let mut wrong = Vec::new();
    for row in TABLE {
        let (one, warnings) = loaded(row.0);
        let plan = &one.plan;
        let summary = summary(plan, 5).unwrap();
        let owners: Vec<usize> = plan.tasks.iter().map(|t| t.owns.len()).filter(|n| *n > 0).collect();
        let found: Row = (
            row.0,
            one.format.map_or("?", |f| f.name()),
            [plan.tasks.len(), plan.tasks.iter().filter(|t| t.ticked).count()],
            plan.tasks.iter().map(|t| t.depends.len()).sum(),
            plan.groups.len(),
            [owners.len(), owners.iter().sum()],
            summary.largest_set.len(),
            warnings,
        );
        if found != row {
            wrong.push(format!("{found:?}\n  instead of {row:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn waits(plan: &LoadedPlan, id: &str) -> Vec<String> {
    let task = plan.plan.tasks.iter().find(|t| t.id.as_str() == id).unwrap_or_else(|| panic!("no {id}"));
    task.depends.iter().map(ToString::to_string).collect()
}

fn stage(plan: &LoadedPlan, id: &str) -> Option<u32> {
    plan.plan.tasks.iter().find(|t| t.id.as_str() == id).unwrap_or_else(|| panic!("no {id}")).stage
}

#[test]
fn what_is_odd_in_them_is_understood() {
    let (analytics, _) = loaded("spec-kit/specs/001-analytics");
    assert_eq!(waits(&analytics, "T014"), ["T008", "T009", "T010", "T011", "T012", "T013"]);
    assert_eq!(stage(&analytics, "T085"), stage(&analytics, "T020"), "it goes with those that it stands with");
    let (support, _) = loaded("spec-kit/.kiro/specs/support");
    assert!(stage(&support, "7.9") > stage(&support, "7.8"), "an optional task is a task");
    let (albums, _) = loaded("spec-kit/.kiro/specs/albums");
    let stages: Vec<Option<u32>> = albums.plan.tasks.iter().map(|t| t.stage).collect();
    assert_eq!(stages, (0..28).map(Some).collect::<Vec<_>>(), "one after the other");
    let (review, _) = loaded("work-packages/review");
    let wp5 = &review.plan.tasks[4];
    assert_eq!(wp5.owns.len(), 2, "what the matrix gives it: {:?}", wp5.owns);
    assert!(wp5.prompt.contains("Files to create:\n- /home/"), "{}", wp5.prompt);
    assert!(wp5.contracts.iter().any(|c| c.starts_with("enum_strategy: ")), "{:?}", wp5.contracts);
    assert!(review.plan.extra.contains_key("phase_3_sequential_aggregation"), "{:?}", review.plan.extra.keys());
    let (modes, _) = loaded("prd/modes/prd_latest.json");
    assert!(modes.plan.tasks[0].criteria[0].starts_with("It holds 1 "), "{:?}", modes.plan.tasks[0].criteria);
    let (orchestrator, _) = loaded("phases/orchestrator");
    let parser = &orchestrator.plan.tasks[1];
    assert!(parser.objective.is_some() && parser.activities.len() == 3 && !parser.deliverables.is_empty(), "{parser:?}");
    assert!(parser.criteria.iter().all(|c| c != "---"), "{:?}", parser.criteria);
    let (generator, _) = loaded("task-master/generator/.taskmaster");
    assert_eq!(waits(&generator, "1.2"), ["1.1"], "`1.1` is its sibling's whole name");
    let (producers, _) = loaded("spec-kitty/kitty-specs/producers-01KS7JM3");
    assert_eq!(waits(&producers, "WP01"), ["WP02"]);
}

/// A model agent that needs no model: it writes into a file of its task's own, or into the first that it owns.
fn with_owner(s: &Sandbox) {
    let bin = s.script(
        "owner",
        "#!/bin/sh\nname=$(echo \"${GREENLANE_TASK#*/}\" | tr -c 'A-Za-z0-9\\n' _)\n\
         first=$(sed -n 's/^- Change only `\\([^`]*\\)`.*/\\1/p' \"$1\" | head -n 1)\n\
         case \"$first\" in '') file=work/$name ;; *'*'*) file=${first%%\\**}$name ;; *) file=$first ;; esac\n\
         mkdir -p \"$(dirname \"$file\")\"\necho \"$name\" >> \"$file\"\n",
    );
    let text = format!(
        "[run]\nagent = \"owner\"\n[agents.owner]\ncommand = \"{}/owner\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\n",
        bin.display()
    );
    std::fs::create_dir_all(s.path("home").join(".config/greenlane")).unwrap();
    std::fs::write(s.path("home").join(".config/greenlane/config.toml"), text).unwrap();
}

fn copy(from: &Path, to: &Path, leave: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        if leave.iter().any(|l| name == *l) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(&name), leave)
        } else {
            std::fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

/// Runs a copy of the plan in the repository; at its end every task is ticked in it.
fn to_the_end(folder: &str, plan: &str, leave: &[&str]) {
    let s = Sandbox::new(&[("Makefile", "test:\n\t@true\n")]);
    with_owner(&s);
    copy(&Path::new(PLANS).join(folder), &s.repo().join("plan"), leave);
    let path = if plan.is_empty() { String::from("plan") } else { format!("plan/{plan}") };
    let ran = s.greenlane(&["run", &path, "--update-plan", "-j", "4"]);
    assert_eq!(ran.code, 0, "{folder}: {ran:?}");
    let now = load_plans(Some(&s.repo()), &s.repo(), &[PathBuf::from(&path)], None);
    let open: Vec<String> = now.plans[0].plan.tasks.iter().filter(|t| !t.ticked).map(|t| t.id.to_string()).collect();
    assert!(open.is_empty(), "{folder}: {open:?} {:?}", s.greenlane(&["tracker"]));
}

#[test]
fn spec_kit_and_spec_kitty_are_run_to_the_end() {
    to_the_end("spec-kit/.kiro/specs/support", "tasks.md", &[]);
    to_the_end("spec-kitty/kitty-specs/producers-01KS7JM3", "", &["status.events.jsonl"]);
}

#[test]
fn prds_and_work_packages_are_run_to_the_end() {
    to_the_end("prd/task-priority", "", &[]);
    to_the_end("prd/web-ui", "", &[]);
    to_the_end("prd/perspectives", "", &[]);
    to_the_end("work-packages/review", "", &[]);
}

#[test]
fn phases_lists_and_trackers_are_run_to_the_end() {
    to_the_end("phases/orchestrator", "", &[]);
    to_the_end("markdown/digest", "tasks.md", &[]);
    to_the_end("beads/terminal", "", &[]);
}

#[test]
fn a_big_task_master_file_is_run_to_the_end() {
    to_the_end("task-master/generator", ".taskmaster", &[]);
}
