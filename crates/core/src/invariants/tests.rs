//! A rule that cannot be broken proves nothing: each is shown a state that breaks it.

use super::check;
use crate::attempt::Suite;
use crate::coordinator::step;
use crate::event::Submission;
use crate::ids::{AttemptId, Oid, PlanId, TaskKey};
use crate::input::Input;
use crate::options::RunOptions;
use crate::plan::{Plan, Task};
use crate::state::{Phase, PlanPhase, State};
use crate::time::Time;

/// A plan `p` under way on two slots: `a` runs, `b` waits for it, `c` overlaps with it, `d` runs too.
fn state() -> State {
    let mut state = State::default();
    let mut plan = Plan::new("p");
    let task = |id: &str, depends: &[&str], owns: &[&str]| Task {
        depends: depends.iter().map(Into::into).collect(),
        owns: owns.iter().map(|g| String::from(*g)).collect(),
        ..Task::new(id)
    };
    plan.tasks = vec![task("a", &[], &["x"]), task("b", &["a"], &[]), task("c", &[], &["x"]), task("d", &[], &["w"])];
    let submission = Submission { plan, base: Oid::from("c0"), landed: Default::default(), file: None, digests: Default::default() };
    let options = RunOptions { jobs: 2, agent: Some(String::from("claude")), ..RunOptions::default() };
    let id = PlanId::from("p");
    for input in [
        Input::Begin(Box::new(options)),
        Input::Submit(Box::new(submission)),
        Input::PlanPrepared { plan: id.clone(), branch: "p".into(), verify: vec!["true".into()] },
        Input::BaseJudged { plan: id, suite: Suite::Green { cached: false } },
    ] {
        let out = step(&mut state, Time(1), input);
        assert_eq!(out.fault, None);
    }
    assert_eq!(check(&state), Ok(()));
    assert_eq!(phases(&state), [Phase::Running, Phase::Blocked, Phase::Ready, Phase::Running]);
    state
}

fn phases(state: &State) -> Vec<Phase> {
    state.tasks.iter().map(|t| t.phase).collect()
}

fn attempt(id: &str) -> AttemptId {
    AttemptId { key: TaskKey::new("p", id), n: 1 }
}

fn claim(state: &mut State, id: &str, path: &str) {
    let talk = crate::exchange::Talk::Claim { path: path.into() };
    let out = step(state, Time(2), Input::Said { attempt: attempt(id), talk });
    assert_eq!(out.reply, Some(Ok(())));
}

#[test]
fn each_rule_can_be_broken() {
    type Damage = fn(&mut State);
    let table: [(&str, Damage); 22] = [
        ("jobs_are_respected", |s| s.options.as_mut().unwrap().jobs = 1),
        ("agent_slots_are_respected", |s| {
            s.options.as_mut().unwrap().agent_slots.insert("claude".into(), 1);
        }),
        ("plan_jobs_are_respected", |s| s.plans[0].submission.plan.jobs = Some(1)),
        ("backlog_is_respected", |s| {
            s.options.as_mut().unwrap().backlog = 1;
            s.tasks[1].phase = Phase::Landing;
        }),
        ("gates_are_respected", |s| {
            s.options.as_mut().unwrap().check_jobs = 1;
            for task in [0, 3] {
                s.tasks[task].phase = Phase::Gating;
                s.tasks[task].attempts[0].gate_started = true;
            }
        }),
        ("retries_are_respected", |s| s.tasks[0].retries = 9),
        ("owned_files_apart", |s| s.tasks[2].phase = Phase::Gating),
        ("one_attempt_at_a_time", |s| s.tasks[0].phase = Phase::Failed),
        ("done_means_landed", |s| {
            s.tasks[2].phase = Phase::Done;
        }),
        ("done_means_landed", |s| s.tasks[2].landed_unverified = true),
        ("dependencies_have_landed", |s| s.tasks[1].phase = Phase::Ready),
        ("work_is_in_plans_that_run", |s| s.plans[0].phase = PlanPhase::Ended { done: false }),
        ("ended_plans_are_over", |s| {
            for task in &mut s.tasks {
                task.attempts.clear();
                task.phase = Phase::Blocked;
            }
            s.plans[0].phase = PlanPhase::Ended { done: true };
        }),
        ("ended_runs_are_over", |s| s.ended_at = Some(Time(5))),
        ("landing_is_in_a_lane", |s| s.tasks[0].phase = Phase::Landing),
        ("lanes_hold_only_landing", |s| {
            let attempt = AttemptId { key: TaskKey::new("p", "a"), n: 1 };
            s.plans[0].lane.queue.push_back(crate::event::AttemptRef { attempt, commit: Oid::from("w") });
        }),
        ("claims_are_apart", |s| [1, 3].into_iter().for_each(|task| s.tasks[task].claims.push(String::from("y")))),
        ("claims_are_apart", |s| {
            claim(s, "d", "y");
            claim(s, "a", "z");
            s.tasks[3].claims.push(String::from("x"));
        }),
        ("locks_are_of_those_at_work", |s| {
            let lock = crate::exchange::Lock::default();
            s.exchange.locks.insert(String::from("db"), lock);
        }),
        ("locks_are_of_those_at_work", |s| {
            let holder = Some(crate::exchange::Holder { attempt: attempt("b"), since: Time(1), until: Time(9) });
            s.exchange.locks.insert(String::from("db"), crate::exchange::Lock { holder, queue: Default::default() });
        }),
        ("questions_are_waited_for", |s| {
            let (attempt, token, text) = (attempt("c"), String::from("t"), String::from("?"));
            let question = crate::exchange::Question { attempt, token, text, asked_at: Time(1), ended: None };
            s.exchange.questions.insert(1, question);
        }),
        ("what_is_said_is_bounded", |s| {
            s.tasks[0].attempts[0].progress = Some(crate::exchange::Progress { percent: 101, text: None, at: Time(1) });
        }),
    ];
    for (rule, damage) in table {
        let mut state = state();
        damage(&mut state);
        assert_eq!(check(&state).map_err(|b| b.rule), Err(rule));
    }
    let mut state = state();
    state.tasks[2].phase = Phase::Blocked;
    assert_eq!(check(&state).map_err(|b| b.rule), Err("derived_is_right"));
}
