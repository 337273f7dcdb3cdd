//! What can be named as a plan, and what is said where it cannot.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Loaded, load_plans};

const PLAN: &str = "[[task]]\nid = \"a\"\nrun = \"true\"\n";
const PRD: &str = r#"{"project": "x", "userStories": [{"id": "US-1", "title": "a", "description": "b"}]}"#;

fn repository(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn load(dir: &Path, named: &[&str]) -> Loaded {
    load_plans(Some(dir), dir, &named.iter().map(PathBuf::from).collect::<Vec<_>>(), None)
}

/// The plans' ids and sources, or what is wrong.
fn outcome(dir: &Path, named: &[&str]) -> String {
    let loaded = load(dir, named);
    let plans = loaded.plans.iter().map(|p| format!("{}={} ", p.plan.id, p.plan.source));
    let errors = loaded.diagnostics.iter().filter(|d| d.is_error()).map(|d| d.render(false).replace('\n', " "));
    plans.chain(errors).collect::<String>().trim().to_owned()
}

#[test]
fn plans_are_files_folders_and_ids() {
    let dir = repository(&[
        ("plan.toml", PLAN),
        ("plans/limit.toml", PLAN),
        ("prds/active/PRD-002/prd.json", PRD),
        ("prds/active/PRD-001/prd.json", PRD),
        ("prds/active/notes.txt", "no plan"),
        ("work/x/plan.toml", PLAN),
    ]);
    let prds = "PRD-001=prds/active/PRD-001/prd.json PRD-002=prds/active/PRD-002/prd.json";
    for (named, expected) in [
        (&["plans/limit.toml"][..], "limit=plans/limit.toml"),
        (&[], prds),
        (&["prds/active"], prds),
        (&["prds/active/PRD-002"], "PRD-002=prds/active/PRD-002/prd.json"),
        (&["PRD-002"], "PRD-002=prds/active/PRD-002/prd.json"),
        (&["prds/active/PRD-002/prd.json", "plan.toml"], "PRD-002=prds/active/PRD-002/prd.json plan=plan.toml"),
        (&["work/x"], "plan=work/x/plan.toml"),
    ] {
        assert_eq!(outcome(dir.path(), named), expected, "{named:?}");
    }
    let below = load_plans(Some(dir.path()), &dir.path().join("plans"), &[PathBuf::from("limit.toml"), PathBuf::from("PRD-001")], None);
    assert_eq!(below.plans.iter().map(|p| p.plan.source.as_str()).collect::<Vec<_>>(), ["limit.toml", "prds/active/PRD-001/prd.json"]);
    let whole: Vec<bool> = load(dir.path(), &["PRD-001", "plan.toml"]).plans.iter().map(|p| p.whole_folder).collect();
    assert_eq!(whole, [true, false], "a PRD's folder is its own, the repository is not the plan's");
}

#[test]
fn what_cannot_be_read_is_told_with_a_way_out() {
    let dir = repository(&[("plan.toml", PLAN), ("empty/readme", "")]);
    std::fs::write(dir.path().join("latin.toml"), b"# x\nname = \"caf\xe9\"\n").unwrap();
    std::fs::File::create(dir.path().join("big.toml")).unwrap().set_len((10 << 20) + 1).unwrap();
    for (named, expected) in [
        (&["plam.toml"][..], "error: there is no such plan  --> plam.toml   hint: did you mean `plan.toml`?"),
        (&["nowhere/p.toml"], "error: there is no such plan  --> nowhere/p.toml"),
        (&["empty"], "error: there is no plan in this folder  --> empty   hint: looked for prd.json, plan.toml"),
        (&[], "error: no plan is named, and there is no PRD here  --> prds/active   hint: name a plan: greenlane run plan.toml"),
        (&["latin.toml"], "error: it is not UTF-8 text: line 2 has other bytes  --> latin.toml   hint: save it as UTF-8"),
        (&["big.toml"], "error: it is longer than 10 MB  --> big.toml"),
    ] {
        let told = outcome(dir.path(), named);
        assert!(told.starts_with(expected), "{named:?}: {told}");
    }
}

#[test]
fn all_plans_findings_come_at_once() {
    let dir = repository(&[("a.toml", "[[task]]\nid = \"a\"\ndepends = [\"b\"]\nrun = \"true\"\n"), ("b.toml", "[[task]]\n")]);
    let loaded = load(dir.path(), &["a.toml", "b.toml", "c.toml"]);
    let mut files: Vec<_> = loaded.diagnostics.iter().filter(|d| d.is_error()).map(|d| d.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    assert!(loaded.has_errors() && loaded.plans.is_empty());
    assert_eq!(files, ["a.toml", "b.toml", "c.toml"]);
}

#[test]
fn the_same_id_twice_is_an_error() {
    let dir = repository(&[("a/plan.toml", PLAN), ("b/plan.toml", PLAN)]);
    assert!(outcome(dir.path(), &["a", "b"]).contains("the plan's id `plan` is that of a/plan.toml too"));
}

#[test]
fn prompt_files_are_read_beside_the_plan() {
    let plan = "[[task]]\nid = \"a\"\nagent = \"claude\"\nprompt_file = \"texts/a.md\"\n";
    let dir = repository(&[("plans/p.toml", plan), ("plans/texts/a.md", "Do it well.\n")]);
    let loaded = load(dir.path(), &["plans/p.toml"]);
    assert_eq!(loaded.plans[0].plan.tasks[0].prompt.trim(), "Do it well.", "{:?}", loaded.diagnostics);
    std::fs::remove_file(dir.path().join("plans/texts/a.md")).unwrap();
    let told = outcome(dir.path(), &["plans/p.toml"]);
    assert!(told.contains("there is no such file") && told.contains("p.toml:4:"), "{told}");
}

#[test]
fn what_would_be_waited_for_is_refused() {
    let dir = repository(&[]);
    assert!(std::process::Command::new("mkfifo").arg(dir.path().join("f.toml")).status().unwrap().success());
    let told = outcome(dir.path(), &["f.toml"]);
    assert!(told.contains("it is not a regular file") && told.contains("/dev/stdin"), "{told}");
    assert!(outcome(dir.path(), &["/dev/null"]).contains("it is not a regular file"));
}

#[test]
fn a_folder_with_a_plan_by_another_name_is_told() {
    let dir = repository(&[
        ("prds/active/a/prd.json", PRD),
        ("prds/active/b/todo.md", "- [ ] x\n"),
        ("prds/active/c/README.md", "About.\n"),
        ("prds/active/d/picture.png", ""),
    ]);
    let loaded = load(dir.path(), &[]);
    let told: Vec<String> = loaded.diagnostics.iter().filter(|d| d.file != "prds/active/a/prd.json").map(|d| d.render(false)).collect();
    assert_eq!((loaded.plans.len(), told.len()), (1, 1), "{told:?}");
    assert!(told[0].starts_with("warning: there is no plan in this folder, and it is left out\n --> prds/active/b\n"), "{told:?}");
    assert!(told[0].contains("name the file itself if it is one: prds/active/b/todo.md"), "{told:?}");
}

#[test]
fn the_folders_of_other_tools_are_plans() {
    let package = |id: &str, depends: &str| format!("---\nwork_package_id: {id}\ntitle: t\ndependencies: [{depends}]\n---\nText.\n");
    let (one, two) = (package("WP01", ""), package("WP02", "WP01"));
    let dir = repository(&[
        ("specs/001-x/tasks.md", "## Phase 1: Setup\n- [ ] T001 x\n"),
        ("specs/001-x/plan.md", "# How\n\nProse.\n"),
        ("specs/001-x/spec.md", "# What\n"),
        ("kitty-specs/002-y/tasks/WP02-b.md", &two),
        ("kitty-specs/002-y/tasks/WP01-a.md", &one),
        ("kitty-specs/002-y/tasks.md", "- [ ] T001 x\n"),
        (".taskmaster/tasks/tasks.json", r#"{"a": {"tasks": [{"id": 1, "title": "t"}]}, "b": {"tasks": []}}"#),
        (".taskmaster/state.json", r#"{"currentTag": "a"}"#),
        (".beads/issues.jsonl", "{\"id\": \"b-1\", \"title\": \"t\", \"status\": \"open\"}\n"),
    ]);
    for (named, expected) in [
        ("specs/001-x", "001-x=specs/001-x/tasks.md"),
        ("specs", "001-x=specs/001-x/tasks.md"),
        ("kitty-specs/002-y", "002-y=kitty-specs/002-y/tasks/WP01-a.md"),
        (".taskmaster", "a=.taskmaster/tasks/tasks.json"),
        (".beads", "beads=.beads/issues.jsonl"),
    ] {
        assert_eq!(outcome(dir.path(), &[named]), expected, "{named}");
    }
    let both = load(dir.path(), &["kitty-specs/002-y"]);
    assert_eq!(both.plans[0].plan.tasks.len(), 2);
    let alone = outcome(dir.path(), &["kitty-specs/002-y/tasks/WP02-b.md"]);
    assert!(alone.contains("task `WP02` depends on `WP01`, which the plan does not define"), "{alone}");
}

#[test]
fn a_prd_is_held_against_its_approval() {
    let hash = "1d53a41f7ff8ae8cbb7bff7b4ddd1a2ecf8d1b02b1f0c4c8b6a6e0b2a7f00000";
    let manifest = |hash: &str| {
        format!(
            "id: PRD-001\ntitle: t\nstatus: active\nowner: o\ncreated_at: 2026-01-01\napproval:\n  approved_by: a\n  approved_at: 2026-01-01\n  approval_hash: {hash}\n"
        )
    };
    let dir = repository(&[("prds/active/PRD-001/prd.json", PRD), ("prds/active/PRD-001/MANIFEST.yaml", &manifest(hash))]);
    let told = outcome(dir.path(), &["PRD-001"]);
    assert!(told.starts_with("error: prd.json is not what was approved") && told.contains("prds/active/PRD-001/MANIFEST.yaml:9"), "{told}");
    // The hint has the hash that is right.
    let right = told.split("`approval_hash: ").nth(1).unwrap().split('`').next().unwrap();
    std::fs::write(dir.path().join("prds/active/PRD-001/MANIFEST.yaml"), manifest(right)).unwrap();
    assert_eq!(outcome(dir.path(), &["PRD-001"]), "PRD-001=prds/active/PRD-001/prd.json");
}
