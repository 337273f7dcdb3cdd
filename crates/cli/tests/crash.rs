//! The coordinator is killed after every kind of event; after `resume` each command has run exactly once and everything is landed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Ran, Sandbox};

/// A smudge filter that kills the coordinator and the checkout that asked for it, once, in the worktree that `$OUT/armed` names.
const KILLING_FILTER: &str = r#"#!/bin/sh
if [ "$(cat "$OUT/armed" 2>/dev/null)" = "$(pwd)" ] && mkdir "$OUT/killed" 2>/dev/null; then
    p=$$
    while [ "$(cat /proc/$p/comm)" != greenlane ]; do
        child=$p
        p=$(sed 's/.*) [A-Z] //; s/ .*//' /proc/$p/stat)
    done
    kill -KILL $p $child
fi
cat
"#;

/// Three tasks, one after two; each notes that it ran. The suite checks what is there.
const PLAN: &str = r#"
id = "crash"
verify = ["test ! -e bad"]
[[task]]
id = "a"
run = "echo a >> $OUT/ran; echo a > a.txt"
check = ["grep -q a a.txt"]
[[task]]
id = "b"
run = "echo b >> $OUT/ran; echo b > b.txt"
[[task]]
id = "c"
depends = ["a", "b"]
run = "cat a.txt b.txt > c.txt && echo c >> $OUT/ran"
"#;

/// One task fails once and is tried again; one fails its check; one depends on that.
const ROUGH_PLAN: &str = r#"
id = "rough"
verify = ["test ! -e bad"]
[[task]]
id = "again"
run = "echo again >> $OUT/ran; test $(grep -c again $OUT/ran) -gt 1 && echo x > again.txt"
[[task]]
id = "wrong"
run = "echo wrong >> $OUT/ran; echo x > wrong.txt"
check = ["false"]
[[task]]
id = "after"
depends = ["wrong"]
run = "echo after >> $OUT/ran"
[[task]]
id = "red"
run = "echo red >> $OUT/ran; echo x > bad"
"#;

fn rough_crash_after(event: &str) {
    let sandbox = Sandbox::new(&[]);
    let plan = sandbox.plan("rough.toml", ROUGH_PLAN);
    let crashed = sandbox.command(&["run", plan.to_str().unwrap()]).env("GREENLANE_CRASH_AFTER", format!("{event}:1")).output().unwrap();
    assert_eq!(Ran::of(crashed).code, -1, "it is to be killed after {event}");
    if sandbox.events("run_ended").is_empty() {
        assert_eq!(sandbox.greenlane(&["resume"]).code, 1, "after {event}");
    }
    let mut ran = sandbox.out_lines("ran");
    ran.sort();
    assert_eq!(ran, ["again", "again", "red", "wrong"], "each attempt exactly once, after {event}: {:#?}", sandbox.events(""));
    let states: Vec<String> = sandbox.states().into_iter().map(|(id, state)| format!("{id} {state}")).collect();
    assert_eq!(states, ["after skipped", "again done", "red failed", "wrong failed"], "after {event}");
    let branch = sandbox.status()["run"]["branch"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.files_on(&branch), ["README.md", "again.txt"], "after {event}");
}

fn crash_after(event: &str, n: u32) {
    let sandbox = Sandbox::new(&[]);
    let plan = sandbox.plan("crash.toml", PLAN);
    let crashed = sandbox.command(&["run", plan.to_str().unwrap()]).env("GREENLANE_CRASH_AFTER", format!("{event}:{n}")).output().unwrap();
    let crashed = Ran::of(crashed);
    assert_eq!(crashed.code, -1, "it is to be killed after {event}:{n}: {crashed:?}");

    // The last events of a run are journalled together: then there is nothing left to resume.
    if sandbox.events("run_ended").is_empty() {
        let resumed = sandbox.greenlane(&["resume"]);
        assert_eq!(resumed.code, 0, "after {event}:{n}: {resumed:?}");
        let held: Vec<_> = sandbox.worktree_notes().into_iter().filter(|note| note["holding"] != "free").collect();
        assert!(held.is_empty(), "what has landed needs no worktree, after {event}:{n}: {held:#?}");
    } else {
        assert_eq!(sandbox.greenlane(&["clean"]).code, 0);
        let left = sandbox.worktree_notes();
        assert!(left.is_empty(), "no worktree is held by a run that is over, after {event}:{n}: {left:#?}");
    }
    let mut ran = sandbox.out_lines("ran");
    ran.sort();
    assert_eq!(ran, ["a", "b", "c"], "each command exactly once, after {event}:{n}: {:#?}", sandbox.events(""));
    let status = sandbox.status();
    assert_eq!(status["summary"]["done"], 3, "after {event}:{n}: {status:#}");
    assert_eq!(status["run"]["state"], "finished", "after {event}:{n}");
    let branch = status["run"]["branch"].as_str().unwrap();
    assert_eq!(sandbox.files_on(branch), ["README.md", "a.txt", "b.txt", "c.txt"], "after {event}:{n}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "the user's checkout is untouched");
}

#[test]
fn a_worktree_that_was_being_filled_is_filled_again() {
    let sandbox = Sandbox::new(&[("x.slow", "1\n"), (".gitattributes", "*.slow filter=slow\n")]);
    let filter = sandbox.script("smudge", KILLING_FILTER).join("smudge");
    sandbox.git(&["config", "filter.slow.smudge", filter.to_str().unwrap()]);
    // `a` leaves its worktree with another x.slow; `b`, which stands on `c`, gets that worktree, and dies while it is filled.
    let plan = r#"
verify = ["test -e z.txt -o ! -e b.txt"]
[[task]]
id = "a"
priority = 0
retries = 0
run = "echo 2 > x.slow; pwd > $OUT/armed; exit 1"
[[task]]
id = "c"
run = "echo c > c.txt"
[[task]]
id = "b"
depends = ["c"]
run = "cat c.txt x.slow > b.txt; echo z > z.txt"
"#;
    let mut run = sandbox.run_command(plan, &["-j", "1"]);
    let killed = Ran::of(run.env("GREENLANE_KEEP_FAILED", "0").output().unwrap());
    assert_eq!(killed.code, -1, "{killed:?}");
    let resumed = sandbox.greenlane(&["resume"]);
    assert_eq!(sandbox.states()["b"], "done", "{resumed:?}\n{:#}", sandbox.task("b"));
    assert_eq!(
        sandbox.git(&["show", &format!("{}:b.txt", sandbox.branch())]),
        "c\n1",
        "it saw what it depends on, and nothing of the other's"
    );
    // What `a` left is in a ref; what nobody made is in none.
    let kept = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/greenlane"]);
    assert!(kept.contains("/kept/p+a/") && !kept.contains("/kept/p+b/"), "{kept}");
}

macro_rules! crashes {
    ({$($name:ident: $event:literal $n:literal;)*} {$($rough_name:ident: $rough_event:literal;)*}) => {
        $(#[test]
        fn $name() {
            crash_after($event, $n);
        })*

        $(#[test]
        fn $rough_name() {
            rough_crash_after($rough_event);
        })*

        /// Every kind of event that such a run journals has its test above: a new kind cannot be forgotten.
        #[test]
        fn every_kind_of_event_is_covered() {
            let sandbox = Sandbox::new(&[]);
            for (name, text, code) in [("crash.toml", PLAN, 0), ("rough.toml", ROUGH_PLAN, 1)] {
                let plan = sandbox.plan(name, text);
                let ran = sandbox.greenlane(&["run", plan.to_str().unwrap()]);
                assert_eq!(ran.code, code, "{ran:?}");
            }
            let covered = [$($event,)* $($rough_event),*];
            for event in sandbox.events("") {
                let kind = event["event"].as_str().unwrap();
                assert!(covered.contains(&kind), "no crash after {kind}");
            }
        }
    };
}

crashes! { {
    after_run_started: "run_started" 1;
    after_plan_queued: "plan_queued" 1;
    after_plan_started: "plan_started" 1;
    after_plan_prepared: "plan_prepared" 1;
    after_base_judged: "base_judged" 1;
    after_attempt_started: "attempt_started" 1;
    after_the_second_attempt_started: "attempt_started" 2;
    after_the_third_attempt_started: "attempt_started" 3;
    after_attempt_spawned: "attempt_spawned" 1;
    after_attempt_exited: "attempt_exited" 1;
    after_the_last_attempt_exited: "attempt_exited" 3;
    after_work_judged: "work_judged" 1;
    after_batch_formed: "batch_formed" 1;
    after_batch_merged: "batch_merged" 1;
    after_batch_verified: "batch_verified" 1;
    after_batch_landed: "batch_landed" 1;
    after_the_second_batch_landed: "batch_landed" 2;
    after_plan_ended: "plan_ended" 1;
    after_run_ended: "run_ended" 1;
} {
    after_attempt_failed: "attempt_failed";
    after_retry_scheduled: "retry_scheduled";
    after_retry_due: "retry_due";
    after_task_failed: "task_failed";
    after_task_skipped: "task_skipped";
}}
