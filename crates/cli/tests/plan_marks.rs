//! Plans that are ticked off while they run: every format through `run --update-plan`, and what may come in between.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use common::{Ran, Sandbox, await_file, wait_for};
use serde_json::Value;

/// A model agent that needs no model: it keeps to its files, and fails at tasks whose prompt says so.
fn with_owner(s: &Sandbox) {
    let bin = s.script(
        "owner",
        "#!/bin/sh\nname=$(echo \"${GREENLANE_TASK#*/}\" | tr -c 'A-Za-z0-9\\n' _)\necho \"$name\" >> $OUT/order\n\
         if grep -q 'FAILS NOW' \"$1\" && [ ! -e $OUT/mended ]; then echo 'it does not work'; exit 7; fi\n\
         first=$(sed -n 's/^- Change only `\\([^`]*\\)`.*/\\1/p' \"$1\" | head -n 1)\n\
         case \"$first\" in '') file=$name ;; *'*'*) file=${first%%\\**}$name ;; *) file=$first ;; esac\n\
         mkdir -p \"$(dirname \"$file\")\"\necho \"$name\" >> \"$file\"\n",
    );
    let text = format!(
        "[run]\nagent = \"owner\"\n[retry]\nmax = 0\n[agents.owner]\ncommand = \"{}/owner\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\nenv_allow = [\"OUT\"]\n",
        bin.display()
    );
    std::fs::create_dir_all(s.path("home").join(".config/greenlane")).unwrap();
    std::fs::write(s.path("home").join(".config/greenlane/config.toml"), text).unwrap();
}

/// A repository with a test suite that is always green.
fn sandbox() -> Sandbox {
    let s = Sandbox::new(&[("Makefile", "test:\n\t@true\n")]);
    with_owner(&s);
    s
}

fn text(s: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(s.repo().join(path)).unwrap()
}

/// Which tasks of a plan are ticked, as our own reader has it.
fn ticked(s: &Sandbox, plan: &str) -> BTreeMap<String, bool> {
    let ran = s.greenlane(&["plan", plan, "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let tasks = document["plans"][0]["tasks"].as_array().unwrap().clone();
    tasks.iter().map(|t| (t["id"].as_str().unwrap().to_owned(), t["ticked"] == true)).collect()
}

fn all_ticked(s: &Sandbox, plan: &str) -> bool {
    ticked(s, plan).values().all(|t| *t)
}

/// What `tracker` says, on one line.
fn untold(s: &Sandbox, args: &[&str]) -> (i32, String) {
    let ran = s.greenlane(&[&["tracker"], args].concat());
    (ran.code, format!("{} {}", ran.stdout, ran.stderr).split_whitespace().collect::<Vec<_>>().join(" "))
}

const FORMATS: [(&str, &str, &str, &str); 11] = [
    (
        "p.toml",
        "[[task]]\nid = \"a\"\ntitle = \"One\"\n\n[[task]]\nid = \"b\"\ntitle = \"FAILS NOW\"\n",
        "b",
        "id = \"a\"\nticked = true\n",
    ),
    (
        "p.json",
        "{\"task\": [\n  {\"id\": \"a\", \"title\": \"One\"},\n  {\"id\": \"b\", \"title\": \"FAILS NOW\"}\n]}\n",
        "b",
        "\"One\", \"ticked\": true",
    ),
    ("p.md", "# P\r\n\r\n- [ ] 1.1 One\r\n- [ ] FAILS NOW\r\n", "fails-now", "- [x] 1.1 One\r\n"),
    (
        "a.json",
        "[{\"id\": 1, \"description\": \"One\"},\n {\"id\": 2, \"description\": \"FAILS NOW\"}]\n",
        "2",
        "{\"id\": 1, \"done\": true, \"description\"",
    ),
    (
        "prd.json",
        "{\"userStories\": [\n  {\"id\": \"US-1\", \"title\": \"One\", \"passes\": false},\n  {\"id\": \"US-2\", \"title\": \"FAILS NOW\", \"passes\": false}]}\n",
        "US-2",
        "\"One\", \"passes\": true",
    ),
    (
        "specs/001-x/tasks.md",
        "# Tasks: X\n\n## Phase 1: Setup\n\n- [ ] T001 [P] One\n- [ ] T002 [P] FAILS NOW\n",
        "T002",
        "- [x] T001 [P] One\n",
    ),
    (
        "stages.md",
        "# S\n\n## Phase 1: A\n\n### Stage 1.1: One (Week 1)\n\n**Objective**: One.\n\n### Stage 1.2: Two\n\n**Status**: Not started\n\n**Objective**: FAILS NOW.\n",
        "phase1-stage1.2",
        "### Stage 1.1: One (Week 1) ✅\n",
    ),
    (
        "packages.json",
        "{\"work_packages\": [\n  {\"package_id\": \"WP1\", \"title\": \"One\", \"files_to_modify\": [\"a.txt\"]},\n  {\"package_id\": \"WP2\", \"title\": \"FAILS NOW\"}]}\n",
        "WP2",
        "\"One\", \"status\": \"completed\"",
    ),
    (
        "issues.jsonl",
        "{\"id\":\"b-1\",\"title\":\"One\",\"status\":\"open\",\"issue_type\":\"task\"}\n{\"id\":\"b-2\",\"title\":\"FAILS NOW\",\"status\":\"open\",\"issue_type\":\"task\"}\n",
        "b-2",
        "\"title\":\"One\",\"status\":\"closed\"",
    ),
    (
        ".taskmaster/tasks/tasks.json",
        "{\"master\": {\"tasks\": [\n  {\"id\": 1, \"title\": \"Whole\", \"status\": \"pending\", \"dependencies\": [], \"subtasks\": [{\"id\": 1, \"title\": \"One\", \"status\": \"pending\", \"dependencies\": []}]},\n  {\"id\": 2, \"title\": \"FAILS NOW\", \"status\": \"pending\", \"dependencies\": []}]}}\n",
        "2",
        "\"Whole\", \"status\": \"done\", \"dependencies\": [], \"subtasks\": [{\"id\": 1, \"title\": \"One\", \"status\": \"done\"",
    ),
    (
        "wps.yaml",
        "work_packages:\n  - id: WP01\n    title: One # first\n    owned_files: [a.txt]\n  - id: WP02\n    title: FAILS NOW\n",
        "WP02",
        "  - id: WP01\n    lane: done\n    title: One # first\n",
    ),
];

#[test]
fn what_has_landed_is_ticked_in_every_format_and_a_second_run_does_the_rest() {
    for (path, plan, fails, expected) in FORMATS {
        let s = sandbox();
        s.write(path, plan);
        let ran = s.greenlane(&["run", path, "--update-plan"]);
        assert_eq!(ran.code, 1, "{path}: {ran:?}");
        let now = text(&s, path);
        assert!(now.contains(expected), "{path}:\n{now}");
        let marks = ticked(&s, path);
        assert!(marks.len() == 2 && marks.iter().all(|(id, done)| *done == (id != fails)), "{path}: {marks:?}");
        // The second run begins with what is left, and goes on from where the first one's work is.
        s.write("../out/mended", "");
        std::fs::write(s.out("order"), "").unwrap();
        let ran = s.greenlane(&["run", path, "--update-plan"]);
        assert_eq!(ran.code, 0, "{path}: {ran:?}");
        assert_eq!(s.out_lines("order").len(), 1, "{path}: {:?}", s.out_lines("order"));
        assert!(all_ticked(&s, path), "{path}:\n{}", text(&s, path));
    }
}

#[test]
fn a_plan_stays_as_it_is_unless_the_user_asks() {
    let s = sandbox();
    s.write("p.md", "- [ ] 1.1 One\n");
    let before = s.users_own();
    assert_eq!(s.greenlane(&["run", "p.md"]).code, 0);
    assert_eq!(text(&s, "p.md"), "- [ ] 1.1 One\n");
    assert_eq!(s.users_own(), before);
    // Asked for by a file of the repository, it goes without the flag.
    s.write("greenlane.toml", "[tracker]\nplan = \"on\"\n");
    s.write("q.md", "- [ ] 1.1 One\n");
    assert_eq!(s.greenlane(&["run", "q.md"]).code, 0);
    assert_eq!(text(&s, "q.md"), "- [x] 1.1 One\n");
}

/// A PRD with two stories, approved as it stands.
fn prd(s: &Sandbox, second: &str) -> &'static str {
    let text = format!(
        "{{\n  \"project\": \"Lists\",\n  \"branchName\": \"feature/lists\",\n  \"userStories\": [\n    {{\"id\": \"US-001\", \"title\": \"One\", \"passes\": false, \"fileScope\": [\"a.txt\"]}},\n    {{\"id\": \"US-002\", \"title\": \"{second}\", \"passes\": false, \"fileScope\": [\"b.txt\"], \"dependencies\": [\"US-001\"]}}\n  ]\n}}\n"
    );
    s.write("prds/active/LST-001/prd.json", &text);
    let sum = std::process::Command::new("sha256sum").arg(s.repo().join("prds/active/LST-001/prd.json")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let hash = sum.split(' ').next().unwrap();
    s.write(
        "prds/active/LST-001/MANIFEST.yaml",
        &format!(
            "# Ours\nid: LST-001\ntitle: Lists\nstatus: active\nowner: me\ncreated_at: 2026-01-01T00:00:00Z\nstory_count: 2\ncompleted_stories: 0\napproval:\n  approved_by: you\n  approved_at: 2026-01-02T00:00:00Z\n  approval_hash: {hash}\n"
        ),
    );
    s.write("prds/active/LST-001/progress.txt", "What we know already.\n");
    s.git(&["add", "prds"]);
    s.git(&["commit", "-qm", "The PRD"]);
    "LST-001"
}

#[test]
fn a_finished_prd_moves_with_every_story_marked() {
    let s = sandbox();
    let id = prd(&s, "Two");
    let before = s.git(&["rev-parse", "HEAD"]);
    let ran = s.greenlane(&["run", id, "--update-plan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!s.repo().join("prds/active/LST-001").exists());
    let folder = "prds/completed/LST-001";
    assert_eq!(text(&s, &format!("{folder}/prd.json")).matches("\"passes\": true").count(), 2);
    let manifest = text(&s, &format!("{folder}/MANIFEST.yaml"));
    assert!(
        manifest.starts_with("# Ours\nid: LST-001\n")
            && manifest.contains("status: completed\n")
            && manifest.contains("completed_stories: 2\n")
    );
    let log = text(&s, &format!("{folder}/progress.txt"));
    assert!(log.starts_with("What we know already.\n## "), "{log}");
    for story in ["US-001: One", "US-002: Two"] {
        assert_eq!(log.matches(&format!(" - {story}\n- Landed as ")).count(), 1, "{log}");
    }
    assert_eq!(log.matches(" on feature/lists\n- Done by owner in ").count(), 2, "{log}");
    assert_eq!(s.git(&["rev-parse", "HEAD"]), before, "the commit is the user's to make");
    // What is asked of it afterwards says where it went, and the completed one is good.
    let again = s.greenlane(&["run", id]);
    assert!(again.code == 2 && again.stderr.contains("it is completed, and lies in prds/completed/LST-001"), "{again:?}");
    // Taken off its branch again, a story does not pass any more; the PRD stays where it is, and that is told.
    let back = s.greenlane(&["rollback", "US-002"]);
    assert_eq!(back.code, 0, "{back:?}");
    let told = back.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("plan: was taken off its branch again: it is marked as open in prds/completed; the PRD stays there as completed"),
        "{told}"
    );
    let (code, synced) = untold(&s, &["sync"]);
    let now = text(&s, &format!("{folder}/prd.json"));
    assert_eq!((now.matches("\"passes\": true").count(), now.matches("\"passes\": false").count()), (1, 1), "{synced} {now}");
    assert!(text(&s, &format!("{folder}/progress.txt")).contains("US-002: Two\n- Taken off its branch again"));
    assert!(code == 0 && synced.starts_with("1 told"), "told once, it is known: {synced}");
    let there = s.greenlane(&["run", folder]);
    assert!(there.code == 0 && there.stderr.contains("the PRD is completed"), "{there:?}");
}

#[test]
fn an_unfinished_prd_stays_with_the_stories_that_landed_marked() {
    let s = sandbox();
    let id = prd(&s, "FAILS NOW");
    let ran = s.greenlane(&["run", id, "--update-plan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let folder = "prds/active/LST-001";
    assert!(text(&s, &format!("{folder}/prd.json")).contains("\"One\", \"passes\": true"));
    let manifest = text(&s, &format!("{folder}/MANIFEST.yaml"));
    assert!(manifest.contains("status: active\n") && manifest.contains("completed_stories: 1\n"), "{manifest}");
    // It is still approved: marks are no change of what is to be done. Retried in the same run, it is finished and moves.
    s.write("../out/mended", "");
    let ran = s.greenlane(&["retry", "US-002"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(text(&s, "prds/completed/LST-001/progress.txt").contains("- Learned: "), "{}", text(&s, "prds/completed/LST-001/progress.txt"));
}

#[test]
fn a_place_that_is_taken_and_work_without_a_green_suite_leave_the_prd_where_it_is() {
    let s = sandbox();
    let id = prd(&s, "Two");
    s.write("prds/completed/LST-001/prd.json", "{}");
    let ran = s.greenlane(&["run", id, "--update-plan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_, all) = untold(&s, &[]);
    assert!(all.contains("LST-001 stays in prds/active: ") && all.contains("prds/completed/LST-001 is there already"), "{all}");
    assert_eq!(text(&s, "prds/completed/LST-001/prd.json"), "{}");
}

#[test]
fn without_a_suite_no_story_passes_which_is_told_once_and_made_good_by_naming_one() {
    let s = Sandbox::new(&[]);
    with_owner(&s);
    let id = prd(&s, "Two");
    assert_eq!(s.greenlane(&["run", id, "--update-plan"]).code, 0);
    let cause = "US-001, US-002 landed without a green test suite and so do not pass: name one with `verify` under [run] in greenlane.toml";
    let (_, told) = untold(&s, &[]);
    assert!(told.starts_with("LST-001/ plan: ") && told.contains(cause) && told.matches("plan: ").count() == 1, "{told}");
    assert!(!text(&s, "prds/active/LST-001/prd.json").contains("true"));
    let (code, told) = untold(&s, &["sync"]);
    assert!(code == 1 && told.starts_with("LST-001/ plan: ") && told.contains("0 told"), "nothing has changed: {told}");
    // As it says: what has landed is tested, marked, noted with who did it, and the PRD moves; nothing is left to be told.
    s.write("greenlane.toml", "[run]\nverify = [\"test -e a.txt || test ! -e prds\"]\n");
    let plan = s.greenlane(&["plan", id]);
    assert!(plan.stdout.contains("verify  test -e a.txt || test ! -e prds  (") && plan.stdout.contains("greenlane.toml:2)"), "{plan:?}");
    std::fs::write(s.out("order"), "").unwrap();
    let ran = s.greenlane(&["run", id, "--update-plan"]);
    assert_eq!((ran.code, s.out_lines("order").len()), (0, 0), "{ran:?}");
    assert_eq!(text(&s, "prds/completed/LST-001/prd.json").matches("\"passes\": true").count(), 2);
    let log = text(&s, "prds/completed/LST-001/progress.txt");
    assert_eq!(log.matches("- Done by owner in ").count(), 2, "{log}");
    assert_eq!(untold(&s, &[]).1, "nothing is left to be told", "the older run's word is superseded");
}

#[test]
fn a_wrong_configuration_is_told_first_and_by_tracker_too() {
    let s = sandbox();
    prd(&s, "Two");
    s.write("prds/active/LST-001/prd.json", "{}");
    s.write("greenlane.toml", "[tracker]\nplan = \"maybe\"\n");
    for args in [&["run", "LST-001"][..], &["tracker"], &["tracker", "forget"]] {
        let ran = s.greenlane(args);
        let told = ran.stderr.lines().next().unwrap_or_default().to_owned();
        assert!(ran.code == 2 && told.contains("greenlane.toml:2") && told.contains("tracker.plan"), "{args:?}: {ran:?}");
    }
}

#[test]
fn what_a_newer_run_has_told_or_made_moot_is_listed_no_more() {
    // Of a task that is called otherwise by now nothing could be told.
    let (s, ran) = while_it_runs(&waiting("One"), |s| s.write("p.md", &waiting("Another")));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(untold(&s, &[]).1.contains("`1.1` is called \"Another\" there now"));
    let ran = s.greenlane(&["run", "p.md", "--update-plan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("not told"), "{ran:?}");
    assert_eq!(text(&s, "p.md"), waiting("Another").replace("[ ]", "[x]"));
    assert_eq!(untold(&s, &[]).1, "nothing is left to be told");
    // Nor when the newer one's work is taken off again.
    let back = s.greenlane(&["rollback", "1.1"]);
    assert!(back.code == 0 && !back.stderr.contains("not told"), "{back:?}");
    assert_eq!(untold(&s, &[]).1, "nothing is left to be told");
    assert_eq!(text(&s, "p.md"), waiting("Another"));
}

#[test]
fn what_landed_before_anybody_asked_for_marks_is_marked_by_the_first_run_that_is_asked_and_opened_by_its_rollback() {
    let s = sandbox();
    s.write("p.md", "- [ ] 1.1 One\n");
    assert_eq!(s.greenlane(&["run", "p.md"]).code, 0);
    assert_eq!(text(&s, "p.md"), "- [ ] 1.1 One\n");
    assert_eq!(s.greenlane(&["run", "p.md", "--update-plan"]).code, 0);
    assert_eq!(text(&s, "p.md"), "- [x] 1.1 One\n");
}

#[test]
fn a_coordinator_that_is_killed_between_landing_and_ticking_is_made_good_by_the_next() {
    let s = sandbox();
    s.write("p.md", "- [ ] 1.1 One\n- [ ] 1.2 Two\n");
    let mut command = s.command(&["run", "p.md", "--update-plan", "-j", "1"]);
    let killed = Ran::of(command.env("GREENLANE_CRASH_AFTER", "batch_landed:1").output().unwrap());
    assert_eq!(killed.code, -1, "{killed:?}");
    assert_eq!(text(&s, "p.md"), "- [ ] 1.1 One\n- [ ] 1.2 Two\n");
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(text(&s, "p.md"), "- [x] 1.1 One\n- [x] 1.2 Two\n");
}

/// A plan in the repository whose one task waits for a file, while the test does something to the plan.
fn while_it_runs(plan: &str, change: impl FnOnce(&Sandbox)) -> (Sandbox, Ran) {
    let s = sandbox();
    s.write("p.md", plan);
    let running = s.start(s.command(&["run", "p.md", "--update-plan"]));
    wait_for(&s.out("began"));
    change(&s);
    s.write("../out/go", "");
    let ran = running.wait();
    (s, ran)
}

fn waiting(title: &str) -> String {
    format!("- [ ] 1.1 {title}\n  - run: touch $OUT/began; {}; echo > a\n", await_file("go"))
}

#[test]
fn a_plan_that_was_edited_meanwhile_keeps_the_edit() {
    let (s, ran) = while_it_runs(&waiting("One"), |s| s.write("p.md", &format!("# Mine\n\n- [ ] 9.9 New\n{}", waiting("One"))));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(text(&s, "p.md"), format!("# Mine\n\n- [ ] 9.9 New\n{}", waiting("One").replace("[ ]", "[x]")));
    // The same id with other words may be another task: it is told, not guessed.
    let (s, ran) = while_it_runs(&waiting("One"), |s| s.write("p.md", &waiting("Another")));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(text(&s, "p.md"), waiting("Another"));
    let (_, told) = untold(&s, &[]);
    assert!(told.contains("`1.1` is called \"Another\" there now"), "{told}");
}

#[test]
fn a_plan_that_is_read_only_gone_or_elsewhere_is_told_and_made_good_later() {
    let (s, ran) = while_it_runs(&waiting("One"), |s| {
        std::fs::set_permissions(s.repo().join("p.md"), std::fs::Permissions::from_mode(0o444)).unwrap();
    });
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("read-only") || ran.stdout.contains("read-only"), "the run's end says what could not be told: {ran:?}");
    assert_eq!(text(&s, "p.md"), waiting("One"));
    std::fs::set_permissions(s.repo().join("p.md"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(s.greenlane(&["tracker", "sync"]).code, 0);
    assert_eq!(text(&s, "p.md"), waiting("One").replace("[ ]", "[x]"));

    let (s, ran) = while_it_runs(&waiting("One"), |s| std::fs::remove_file(s.repo().join("p.md")).unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_, told) = untold(&s, &[]);
    assert!(told.contains("is not there any more"), "{told}");
    s.write("p.md", &waiting("One"));
    assert_eq!(s.greenlane(&["tracker", "sync"]).code, 0);
    assert_eq!(text(&s, "p.md"), waiting("One").replace("[ ]", "[x]"));

    let s = sandbox();
    let outside = s.plan("p.md", "- [ ] 1.1 One\n");
    assert_eq!(s.greenlane(&["run", outside.to_str().unwrap(), "--update-plan"]).code, 0);
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "- [ ] 1.1 One\n");
    let (_, told) = untold(&s, &[]);
    assert!(told.contains("lies outside of the repository"), "{told}");
}

#[test]
fn what_was_ticked_here_is_opened_again_by_a_rollback_and_a_persons_tick_is_not() {
    let s = sandbox();
    s.write("p.md", "- [ ] 1.1 One\n- [ ] 1.2 Two\n");
    assert_eq!(s.greenlane(&["run", "p.md", "--update-plan", "-j", "1"]).code, 0);
    assert_eq!(text(&s, "p.md"), "- [x] 1.1 One\n- [x] 1.2 Two\n");
    assert_eq!(s.greenlane(&["rollback", "1.2"]).code, 0);
    assert_eq!(s.greenlane(&["tracker", "sync"]).code, 0);
    assert_eq!(text(&s, "p.md"), "- [x] 1.1 One\n- [ ] 1.2 Two\n");

    let (s, ran) = while_it_runs(&waiting("FAILS"), |s| {
        s.write("p.md", &waiting("FAILS").replace("[ ]", "[x]"));
        s.write("../out/broken", "");
    });
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.greenlane(&["rollback", "1.1"]).code, 0);
    assert_eq!(s.greenlane(&["tracker", "sync"]).code, 0);
    assert!(text(&s, "p.md").starts_with("- [x] 1.1"), "a person ticked it");
}
