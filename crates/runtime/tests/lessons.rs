//! The book of deficiencies and its log: each time counted once, whoever reads, dies or writes meanwhile.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use greenlane_core::attempt::Verdict;
use greenlane_core::deficiency::{Deficiency, DeficiencyType, Fact, Query};
use greenlane_core::event::{Event, Outcome, Submission};
use greenlane_core::failure::{Failure, FailureType};
use greenlane_core::ids::{AttemptId, RunId, TaskKey};
use greenlane_core::plan::{Plan, Task};
use greenlane_core::time::Time;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::lessons::{Reading, Teacher};
use greenlane_runtime::subscriber::{FAILURE_REPORT, FailureReport, Logs, Patience, Report};

const WAIT: Patience = Patience::For(Duration::from_secs(10));

/// One attempt that fails its check, as the coordinator would journal it.
fn fails(n: u32) -> Vec<Event> {
    let attempt = AttemptId { key: TaskKey::new("p", "a"), n };
    let verdict = Verdict::CheckFailed {
        commit: "c".into(),
        command: "make".into(),
        exit_code: Some(2),
        output: format!("error: no frob after {n}ms\n"),
        timed_out: false,
    };
    vec![
        Event::AttemptStarted { attempt: attempt.clone(), agent: "claude".into(), fresh: true, base: "b".into(), fallback: None },
        Event::WorkJudged { attempt: attempt.clone(), verdict },
        Event::AttemptFailed {
            attempt,
            outcome: Outcome::GateFailed,
            failure: Some(Failure::new(FailureType::QualityGateFailure, "x")),
            spent: None,
        },
    ]
}

fn append(dir: &Path, run: &str, at: u64, events: &[Event]) {
    Journal::create(dir).unwrap().append(&RunId::from(run), Time(at), events).unwrap();
}

fn begin(dir: &Path, run: &str) {
    let mut plan = Plan::new("p");
    plan.tasks.push(Task { owns: vec!["src/**".into()], ..Task::new("a") });
    let submission = Submission { plan, base: "b".into(), landed: Default::default(), file: None, digests: Default::default() };
    append(dir, run, 1, &[Event::RunStarted { options: Default::default() }, Event::PlanQueued(Box::new(submission))]);
}

fn states(dir: &Path) -> Vec<Deficiency> {
    let text = fs::read_to_string(dir.join("logs/deficiencies.jsonl")).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn catch_up(dir: &Path) {
    Logs::open(dir).unwrap().catch_up(WAIT).unwrap();
}

#[test]
fn each_time_is_one_line_whoever_writes_it_and_a_rebuild_gives_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    begin(dir, "r1");
    let mut long_lived = Logs::open(dir).unwrap();
    // Cut into pieces in the middle of attempts: whoever goes on has to know what stood before.
    for (n, event) in fails(1).into_iter().chain(fails(2)).chain(fails(3)).enumerate() {
        append(dir, "r1", 10 + n as u64, &[event]);
        if n % 2 == 0 { long_lived.catch_up(WAIT).unwrap() } else { catch_up(dir) }
    }
    catch_up(dir);
    let all = states(dir);
    assert_eq!(all.iter().map(|d| d.frequency).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(all.iter().all(|d| d.description == "check `make`: error: no frob after <duration>" && d.context.files == ["src/**"]));

    let id = all[0].id.clone();
    Reading::open(dir).unwrap().say(Time(50), &Fact::fixed(&id, "abc", Some("frob first"))).unwrap().unwrap();
    append(dir, "r1", 60, &fails(4));
    // A crash after the lines, before the cursor: they come again, once.
    let before = fs::read(dir.join("logs/.deficiencies.cursor")).unwrap();
    catch_up(dir);
    let text = fs::read_to_string(dir.join("logs/deficiencies.jsonl")).unwrap();
    fs::write(dir.join("logs/.deficiencies.cursor"), before).unwrap();
    catch_up(dir);
    assert_eq!(fs::read_to_string(dir.join("logs/deficiencies.jsonl")).unwrap(), text);
    assert_eq!(
        states(dir).iter().map(|d| (d.frequency, d.remediation_status.as_str())).collect::<Vec<_>>()[3..],
        [(3, "fixed"), (4, "open")]
    );

    Logs::open(dir).unwrap().rebuild(WAIT).unwrap();
    assert_eq!(fs::read_to_string(dir.join("logs/deficiencies.jsonl")).unwrap(), text, "also what people said");
}

#[test]
fn what_makes_no_sense_is_not_written_down() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), "r1");
    let mut reading = Reading::open(dir.path()).unwrap();
    assert!(reading.say(Time(1), &Fact::fixed("nope", "abc", None)).unwrap().is_err());
    let id = reading.say(Time(2), &Fact::recorded(DeficiencyType::ApiFailure, "x", &Default::default(), None)).unwrap().unwrap();
    let filed = Fact::IssueFiled { id: id.clone(), issue: "1".into() };
    assert_eq!(reading.say(Time(3), &filed).unwrap(), Ok(id));
    assert!(reading.say(Time(4), &filed).unwrap().is_err());
    assert_eq!(Journal::read(dir.path()).unwrap().end().unwrap().report, 2);
}

#[test]
fn what_scripts_report_as_a_failure_is_a_deficiency_too() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), "r1");
    let failure = FailureReport {
        kind: FailureType::ResourceExhaustion,
        message: "out of file handles at 12:00:01".into(),
        run: None,
        plan: Some("p".into()),
        task: Some("a".into()),
        exit_code: Some(3),
        signal: None,
        context: Default::default(),
        resources: Default::default(),
        worker_id: "ci-7".into(),
    };
    let report = Report { kind: FAILURE_REPORT.into(), body: serde_json::to_value(failure).unwrap() };
    Journal::create(dir.path()).unwrap().report(Time(9), &report).unwrap();
    let mut reading = Reading::open(dir.path()).unwrap();
    let all: Vec<&Deficiency> = reading.catch_up().unwrap().iter().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].deficiency_type, all[0].description.as_str()), (DeficiencyType::ResourceIssue, "out of file handles at <time>"));
    assert_eq!(all[0].context.tasks, ["p/a"]);
}

#[test]
fn a_teacher_knows_what_was_journalled_a_moment_ago() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), "r1");
    let teacher = Teacher::new(dir.path().to_owned());
    let checks = vec!["make".to_owned()];
    let query = Query { owns: &[], checks: &checks, suite: &[], agent: "claude", own: None, now: Time(99) };
    let ask = |task: &str| teacher.lessons(&RunId::from("r1"), &TaskKey::new("p", task), &[], &query).unwrap();
    assert!(ask("a").is_empty());
    append(dir.path(), "r1", 10, &fails(1));
    assert!(ask("a")[0].what.starts_with("As in attempt 1 of this task"));
    let begun = teacher.lessons(&RunId::from("r1"), &TaskKey::new("p", "a"), &[9, 1], &query).unwrap();
    assert!(begun[0].what.starts_with("As in attempt 2 of this task"), "as people count them");
    assert_eq!(ask("b")[0].quote.as_deref(), Some("error: no frob after 1ms"));
}
