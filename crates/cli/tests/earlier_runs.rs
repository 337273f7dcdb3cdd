//! Runs that are not the latest any more, and runs whose work has gone on elsewhere: what is advised works, what cannot be done says why.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Ran, Sandbox};

/// A plan of this id whose task `bad` fails until `$OUT/now` is there.
fn plan(id: &str) -> String {
    format!(
        "id = \"{id}\"\n[[task]]\nid = \"good-{id}\"\nrun = \"echo 1 > good-{id}\"\n\
         [[task]]\nid = \"bad-{id}\"\nretries = 0\nrun = \"echo tried; test -e $OUT/now && echo 1 > bad-{id}\"\n"
    )
}

/// Runs the plan, and gives the run's id.
fn ran(s: &Sandbox, id: &str, code: i32) -> String {
    let path = s.plan(&format!("{id}.toml"), &plan(id));
    let ran = s.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(ran.code, code, "{ran:?}");
    s.status()["run"]["id"].as_str().unwrap().to_owned()
}

fn says(s: &Sandbox, args: &[&str], code: i32, parts: &[&str]) -> Ran {
    let ran = s.greenlane(args);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code == code && parts.iter().all(|p| said.contains(p)), "{args:?}, wanted {code} and {parts:?}: {ran:?}");
    ran
}

#[test]
fn a_task_of_an_earlier_run_is_tried_again_as_its_status_advises() {
    let s = Sandbox::new(&[]);
    let first = ran(&s, "p", 1);
    let second = ran(&s, "q", 1);
    let here = says(&s, &["status", "--run", &second], 1, &["greenlane retry bad-q "]);
    assert!(!here.stdout.contains("--run"), "the latest needs no name: {here:?}");
    let retry = format!("greenlane retry bad-p --run {first}");
    says(&s, &["status", "--run", &first], 1, &[&retry, &format!("greenlane logs bad-p --run {first}"), &format!("land --run {first}")]);
    let elsewhere = format!("there is no task `bad-p` in this run\nhint: did you mean `bad-q`?\nhint: run {first} knows it: `{retry}`");
    says(&s, &["retry", "bad-p"], 2, &[&elsewhere]);
    says(&s, &["logs", "bad-p"], 2, &[&format!("`greenlane logs bad-p --run {first}`")]);
    says(&s, &["status", "bad-p"], 2, &[&format!("`greenlane status bad-p --run {first}`")]);
    says(&s, &["retry", "bad-x"], 2, &["there is no task `bad-x`"]);
    assert_eq!(says(&s, &["logs", "bad-p", "--run", &first], 0, &[]).stdout, "tried\n");
    // Still failing: what is said at its end names the run, too.
    says(&s, &["retry", "bad-p", "--run", &first], 1, &[&retry]);

    std::fs::write(s.out("now"), "").unwrap();
    says(&s, &["retry", "bad-p", "--run", &first[..first.len() - 1]], 0, &["2 done"]);
    let files = s.files_on(&format!("greenlane/{first}/plan/p"));
    assert_eq!(files, ["README.md", "bad-p", "good-p"]);
    assert_eq!(s.status()["run"]["id"], second, "the latest is the latest");
}

#[test]
fn where_a_later_run_has_gone_on_with_the_plan_it_is_tried_there() {
    let s = Sandbox::new(&[]);
    let first = ran(&s, "p", 1);
    let second = ran(&s, "p", 1);
    let overtaken = format!("run {second} has gone on with plan `p` since run {first}");
    says(&s, &["retry", "bad-p", "--run", &first], 2, &[&overtaken, "`greenlane retry p/bad-p` tries it there"]);
    says(&s, &["logs", "good-p"], 2, &["it had landed before", &format!("`greenlane logs p/good-p --run {first}`")]);
    says(&s, &["logs", "p/good-p", "--run", &first], 0, &[]);
    std::fs::write(s.out("now"), "").unwrap();
    says(&s, &["retry", "p/bad-p"], 0, &[]);
    says(&s, &["retry", "bad-p", "--run", &first], 2, &["`bad-p` has landed there"]);
}

#[test]
fn after_landing_and_cleaning_nothing_is_advised_that_cannot_be_done() {
    let s = Sandbox::new(&[]);
    ran(&s, "p", 1);
    says(&s, &["status"], 1, &["greenlane land", "git log --oneline"]);
    says(&s, &["land"], 0, &[]);
    let landed = says(&s, &["status"], 1, &["What has landed of `p` is in main already."]);
    assert!(!landed.stdout.contains("greenlane land"), "{landed:?}");
    says(&s, &["clean"], 0, &[]);
    let cleaned = says(&s, &["status"], 1, &["is in main already"]);
    assert!(!cleaned.stdout.contains("git log"), "{cleaned:?}");
    says(&s, &["retry", "bad-p"], 2, &["the branch of plan `p` in run", "is gone", "does what is missing in a new run"]);
    s.git(&["reset", "-q", "--hard", "HEAD~1"]);
    says(&s, &["status"], 1, &["is gone; its head was"]);
}

/// A coordinator that is at work until `$OUT/go` is there.
fn under_way(s: &Sandbox) -> common::Running {
    let held = format!("[[task]]\nid = \"held\"\nrun = \"touch $OUT/held; {}; echo > held\"\n", common::await_file("go"));
    let run = s.start(s.run_command(&held, &["-j", "3"]));
    common::wait_for(&s.out("held"));
    run
}

#[test]
fn a_plan_that_has_landed_and_is_handed_over_again_gives_its_own_result() {
    let s = Sandbox::new(&[]);
    let first = under_way(&s);
    std::fs::write(s.out("now"), "").unwrap();
    let path = s.plan("q.toml", &plan("q"));
    let args = ["run", path.to_str().unwrap()];
    let handed = s.greenlane(&args);
    assert_eq!(handed.code, 0, "{handed:?}");
    let told = ["✓ 2 tasks: 2 done", "2/2 of `q` on ", "greenlane land q\n"];
    assert!(told.iter().all(|t| handed.stderr.contains(t)) && handed.stderr.contains("q/good-q  landed"), "{handed:?}");
    assert!(!handed.stderr.contains("held"), "the other plan is not its own: {handed:?}");

    let again = s.greenlane(&args);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stderr.contains("`q` has landed already in run ") && again.stderr.contains(told[0]), "{again:?}");
    let both = s.plan("r.toml", &plan("r"));
    let both = s.greenlane(&["run", args[1], both.to_str().unwrap(), "--land", "main"]);
    assert!(both.code == 0 && both.stderr.contains("✓ 4 tasks: 4 done"), "{both:?}");
    assert_eq!(s.files_on("main").len(), 5, "both were landed");

    // What is to be done again waits for the end of the run that has had it.
    let words = s.path("words");
    let mut fresh = s.command(&[args[0], args[1], "--fresh"]);
    let mut fresh = fresh.stderr(std::fs::File::create(&words).unwrap()).spawn().unwrap();
    let waits = || std::fs::read_to_string(&words).unwrap().contains("it is run again as soon as that has ended");
    common::eventually("it says that it waits", waits);
    let detached = s.greenlane(&["run", args[1], "--fresh", "--detach"]);
    assert!(detached.code == 4 && detached.stderr.contains("takes it only once"), "{detached:?}");
    let twin = s.greenlane(&["run", s.path("plan.toml").to_str().unwrap()]);
    assert!(twin.code == 4 && twin.stderr.contains("works on a plan `p` already"), "{twin:?}");
    std::fs::write(s.out("go"), "").unwrap();
    assert_eq!(first.wait().code, 0);
    // It was done again, and main has all of it: there was nothing left to change.
    assert_eq!(fresh.wait().unwrap().code(), Some(1), "{}", std::fs::read_to_string(&words).unwrap());
    assert_eq!(s.status()["plans"][0]["id"], "q");
}
