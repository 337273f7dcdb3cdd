//! Running a plan once more: what has landed is not done again, unless it is asked for or its definition changed.
//! And where a plan starts and lands.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::Sandbox;

fn plan(of_b: &str) -> String {
    format!(
        r#"
[[task]]
id = "a"
run = "echo a >> $OUT/ran; echo a > a"
[[task]]
id = "b"
run = "echo b >> $OUT/ran; echo {of_b} > b"
[[task]]
id = "c"
depends = ["b"]
run = "echo c >> $OUT/ran; cat b > c; echo c >> c"
"#
    )
}

fn ran_now(s: &Sandbox) -> Vec<String> {
    let mut lines = s.out_lines("ran");
    lines.sort();
    drop(std::fs::remove_file(s.out("ran")));
    lines
}

#[test]
fn what_has_landed_is_skipped_and_fresh_does_it_again() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(&plan("1"), &[]).code, 0);
    assert_eq!(ran_now(&s), ["a", "b", "c"]);

    let again = s.run(&plan("1"), &[]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(ran_now(&s), Vec::<String>::new());
    assert_eq!(s.status()["summary"]["done"], 3, "they count as done, and the branch has them");
    assert_eq!(s.landed_files(), ["a", "b", "c"]);

    let fresh = s.run(&plan("1"), &["--fresh"]);
    assert_eq!(fresh.code, 0, "{fresh:?}");
    assert_eq!(ran_now(&s), ["a", "b", "c"]);
    assert_eq!(s.landed_files(), ["a", "b", "c"]);
}

#[test]
fn after_a_change_only_the_changed_and_what_depends_on_it_are_done_again() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(&plan("1"), &[]).code, 0);
    ran_now(&s);
    let ran = s.run(&plan("2"), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran_now(&s), ["b", "c"]);
    assert_eq!(s.git(&["show", &format!("{}:c", s.branch())]), "2\nc");
}

#[test]
fn also_after_it_was_landed_in_main() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(&plan("1"), &["--land", "main"]).code, 0);
    assert_eq!(s.files_on("main"), ["README.md", "a", "b", "c"]);
    assert_eq!(s.git(&["status", "--porcelain"]), "", "the checkout went along");
    ran_now(&s);
    s.write("more", "x\n");
    s.git(&["add", "-A"]);
    s.git(&["commit", "-qm", "The user goes on"]);
    assert_eq!(s.run(&plan("1"), &[]).code, 0);
    assert_eq!(ran_now(&s), Vec::<String>::new());
    assert_eq!(s.run(&plan("2"), &[]).code, 0);
    assert_eq!(ran_now(&s), ["b", "c"]);
    assert_eq!(s.landed_files(), ["a", "b", "c", "more"], "it starts from the user's newest commit");
}

#[test]
fn land_into_main_later_is_the_same() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(&plan("1"), &[]).code, 0);
    let landed = s.greenlane(&["land", "--into", "main"]);
    assert_eq!(landed.code, 0, "{landed:?}");
    ran_now(&s);
    assert_eq!(s.run(&plan("1"), &[]).code, 0);
    assert_eq!(ran_now(&s), Vec::<String>::new());
}

#[test]
fn a_second_run_does_only_what_failed_in_the_first() {
    let s = Sandbox::new(&[]);
    let text = "[[task]]\nid = \"a\"\nrun = \"echo a >> $OUT/ran; echo a > a\"\n[[task]]\nid = \"b\"\nretries = 0\nrun = \"echo b >> $OUT/ran; test -e $OUT/now && echo b > b\"\n";
    assert_eq!(s.run(text, &[]).code, 1);
    ran_now(&s);
    std::fs::write(s.out("now"), "").unwrap();
    assert_eq!(s.run(text, &[]).code, 0);
    assert_eq!(ran_now(&s), ["b"]);
    assert_eq!(s.landed_files(), ["a", "b"]);
}

#[test]
fn ticked_tasks_are_done_before_anything_starts() {
    let s = Sandbox::new(&[]);
    let path = s.plan("ticked.md", "# Ticked\n\n- [x] T1 was done by hand\n- [ ] T2 is left\n  - run: echo 2 > two\n  - depends: T1\n");
    let ran = s.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["two"]);
    assert_eq!(s.task("T1")["attempts"], serde_json::json!([]));
    assert_eq!(s.states()["T1"], "done");
}

#[test]
fn it_starts_where_it_is_told_and_lands_where_it_is_told() {
    let s = Sandbox::new(&[]);
    s.git(&["branch", "old"]);
    s.write("new", "x\n");
    s.git(&["add", "-A"]);
    s.git(&["commit", "-qm", "New"]);
    s.git(&["branch", "feature/x"]);
    let feature = s.git(&["rev-parse", "feature/x"]);
    let text = "id = \"p\"\nbranch = \"feature/x\"\n[[task]]\nid = \"a\"\nrun = \"ls > a\"\n";
    let ran = s.run(text, &["--base", "old"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.branch(), "feature/x-1", "a taken name is the user's");
    assert_eq!(s.git(&["rev-parse", "feature/x"]), feature);
    assert_eq!(s.files_on("feature/x-1"), ["README.md", "a"]);
    let ran = s.run(text, &["--base", "nowhere"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.starts_with("error: `nowhere` is not a commit or branch of this repository\n"), "{}", ran.stderr);
}

#[test]
fn the_plan_lies_beside_the_prompt_and_the_prompt_names_it() {
    let s = Sandbox::new(&[]);
    // Untracked, as PRDs often are: no worktree has it.
    s.write("prds/active/PRD-7/prd.json", r#"{"project":"P","branchName":"feature/prd-7","userStories":[{"id":"US-1","title":"One","description":"d","acceptanceCriteria":["x"],"priority":1,"passes":false},{"id":"US-0","title":"Zero","description":"d","acceptanceCriteria":[],"priority":1,"passes":true}]}"#);
    s.write("prds/active/PRD-7/notes.md", "secret of the notes\n");
    let bin = s.script(
        "reader",
        "#!/bin/sh\nplan=$(grep -o '/[^ `]*/plan/prd.json' \"$1\" | head -1)\ncat \"$(dirname \"$plan\")/notes.md\" > seen.txt\n",
    );
    s.write(
        "greenlane.toml",
        &format!("[agents.reader]\ncommand = \"{}/reader\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\n", bin.display()),
    );
    let ran = s.greenlane(&["run", "--agent", "reader"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.branch(), "feature/prd-7");
    assert_eq!(s.git(&["show", "feature/prd-7:seen.txt"]), "secret of the notes");
    assert_eq!(s.states()["US-0"], "done", "`passes` is a tick");
    let prompt = s.greenlane(&["logs", "US-1", "--prompt"]);
    assert!(prompt.code == 0 && prompt.stdout.contains("plan/prd.json"), "{prompt:?}");
}
