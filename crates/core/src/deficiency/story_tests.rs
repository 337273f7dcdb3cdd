//! Stories: a run's events, and what the book and the next prompt make of them.

use super::*;
use crate::attempt::{Exit, ExitRecord, Merge, Suite, Verdict};
use crate::event::{AttemptRef, Event, MergeResult, Outcome, Submission};
use crate::failure::{Failure, FailureType};
use crate::ids::{AttemptId, RunId, TaskKey};
use crate::plan::{Plan, Task};
use crate::time::Time;

struct Story {
    book: Book,
    run: RunId,
    now: u64,
}

fn attempt(task: &str, n: u32) -> AttemptId {
    AttemptId { key: TaskKey::new("p", task), n }
}

impl Story {
    fn new(tasks: &[(&str, &str)]) -> Self {
        let mut story = Self { book: Book::default(), run: RunId::from("r1"), now: 1_000 };
        let mut plan = Plan::new("p");
        for (id, owns) in tasks {
            plan.tasks.push(Task { owns: vec![(*owns).into()], ..Task::new(*id) });
        }
        story.tell(Event::PlanQueued(Box::new(Submission {
            plan,
            base: "b".into(),
            landed: Default::default(),
            file: None,
            digests: Default::default(),
        })));
        story
    }

    fn tell(&mut self, event: Event) -> Vec<Shown> {
        self.now += 10;
        self.book.take(&self.run, Time(self.now), &event)
    }

    fn starts(&mut self, task: &str, n: u32) {
        let attempt = attempt(task, n);
        self.tell(Event::AttemptStarted {
            attempt: attempt.clone(),
            agent: "claude".into(),
            fresh: true,
            base: "b".into(),
            fallback: None,
        });
        let worktree = format!("/pool/{}", 10 + n);
        self.tell(Event::AttemptSpawned { attempt, worktree, branch: "x".into(), base: "b".into(), pid: 1 });
    }

    fn exits(&mut self, task: &str, n: u32, exit: Exit, stderr: &str) {
        let record =
            ExitRecord { memory_peak_bytes: 7, stderr_tail: stderr.into(), ..ExitRecord::new(exit, Time(self.now), Time(self.now + 5)) };
        self.tell(Event::AttemptExited { attempt: attempt(task, n), record: Box::new(record) });
    }

    fn fails(&mut self, task: &str, n: u32, outcome: Outcome, kind: FailureType, message: &str) -> Vec<Shown> {
        self.tell(Event::AttemptFailed { attempt: attempt(task, n), outcome, failure: Some(Failure::new(kind, message)), spent: None })
    }

    fn fails_check(&mut self, task: &str, n: u32, output: &str) -> Vec<Shown> {
        self.starts(task, n);
        self.exits(task, n, Exit::Code { code: 0 }, "");
        let verdict = Verdict::CheckFailed {
            commit: "c".into(),
            command: "make test".into(),
            exit_code: Some(2),
            output: output.into(),
            timed_out: false,
        };
        self.tell(Event::WorkJudged { attempt: attempt(task, n), verdict });
        self.fails(task, n, Outcome::GateFailed, FailureType::QualityGateFailure, "check `make test` failed with exit code 2")
    }

    fn lessons(&self, owns: &[&str], checks: &[&str], own: Option<&str>) -> Vec<Lesson> {
        let text = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let (owns, checks) = (text(owns), text(checks));
        let own = own.and_then(|task| self.book.last_of(&self.run, &TaskKey::new("p", task)));
        lessons(&self.book, &[], &Query { owns: &owns, checks: &checks, suite: &[], agent: "claude", own, now: Time(self.now) })
    }
}

#[test]
fn the_same_check_failing_thrice_is_one_deficiency() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**"), ("c", "src/c/**")]);
    for (n, task) in ["a", "b", "c"].into_iter().enumerate() {
        let shown = story.fails_check(task, 1, &format!("/pool/11/src/x.c:{n}7: error: no frob in {n}.5s\n"));
        assert_eq!(shown.len(), 1);
    }
    let all: Vec<&Deficiency> = story.book.iter().collect();
    let [one] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!(one.description, "check `make test`: src/x.c:<n>: error: no frob in <duration>");
    assert_eq!((one.frequency, one.deficiency_type, one.is_pattern()), (3, DeficiencyType::LogicError, true));
    assert_eq!(one.id, deficiency_id(one.deficiency_type, &one.description));
    assert_eq!(one.context.tasks, ["p/a", "p/b", "p/c"]);
    assert_eq!(one.context.failure_type, Some(FailureType::QualityGateFailure));
    assert!(one.first_seen < one.last_seen);
    assert!(one.improvement_suggestions.iter().any(|s| s.contains("`make test`")));
}

#[test]
fn lessons_reach_the_tasks_that_they_concern_and_no_other() {
    let mut story = Story::new(&[("a", "src/a/**")]);
    story.fails_check("a", 1, "error: no frob");
    let by_check = story.lessons(&["docs/**"], &["make test"], None);
    assert_eq!(by_check.len(), 1);
    assert_eq!(by_check[0].what, "The check `make test` failed.");
    assert_eq!(by_check[0].quote.as_deref(), Some("error: no frob"));
    assert_eq!(story.lessons(&["src/a/x.c"], &[], None).len(), 1, "by its files");
    assert!(story.lessons(&["docs/**"], &["make docs"], None).is_empty(), "the same agent alone is no reason");
    assert!(story.lessons(&[], &[], None).is_empty());
    let own = story.lessons(&[], &[], Some("a"));
    assert!(own[0].what.starts_with("As in attempt 1 of this task: the check `make test` failed"), "{own:?}");
    assert_eq!(own[0].quote, None, "the prompt has its output already");
}

#[test]
fn what_no_agent_can_mend_is_no_lesson() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**")]);
    story.starts("a", 1);
    story.exits("a", 1, Exit::Code { code: 1 }, "Error: too many requests");
    story.fails("a", 1, Outcome::ExitCode(1), FailureType::ApiError, "exit code 1: Error: too many requests");
    assert_eq!(story.book.iter().map(|d| d.deficiency_type).collect::<Vec<_>>(), [DeficiencyType::ApiFailure]);
    assert!(story.lessons(&["src/a/**"], &[], Some("a")).is_empty());
}

#[test]
fn few_lessons_and_short_ones_the_most_relevant_first() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**")]);
    for n in 1..30 {
        let name = char::from(b'a' + (n % 26) as u8);
        story.fails_check("a", n, &format!("error: no `{name}{name}` {}", "long words of a program ".repeat(40)));
    }
    story.fails_check("b", 1, "error: mine");
    let got = story.lessons(&["src/a/**", "src/b/**"], &["make test"], Some("b"));
    assert!(got.len() <= LESSONS_MAX && got[0].what.contains("attempt 1 of this task"), "{got:#?}");
    let task = Task::new("a");
    let prompt = |lessons: &[Lesson]| {
        let input = crate::prompt::PromptInput {
            plan_name: "p",
            plan_copy: None,
            task: &task,
            agent: "claude",
            by_hand: false,
            ports: false,
            why: None,
            skills: &[],
            neighbours: &[],
            generated: &[],
            instructions: &[],
            others: 0,
            previous: None,
            lessons,
            said: crate::prompt::Said::NOTHING,
        };
        crate::prompt::Templates::built_in().render("claude", &input).unwrap()
    };
    let added = prompt(&got).chars().count() - prompt(&[]).chars().count();
    assert!(got.len() >= 3 && added <= LESSONS_CHARS_MAX, "{} lessons take {added} characters", got.len());
    assert_eq!(got, story.lessons(&["src/a/**", "src/b/**"], &["make test"], Some("b")), "always the same");
}

#[test]
fn a_fixed_one_returns_only_by_an_attempt_that_began_after_the_fix() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**"), ("c", "src/c/**")]);
    let id = story.fails_check("a", 1, "error: no frob")[0].id.clone();
    story.starts("b", 1);
    story.now += 10;
    story.book.apply(Time(story.now), &Fact::fixed(&id, "abc", Some("mended the frob"))).unwrap();
    let verdict = Verdict::CheckFailed {
        commit: "c".into(),
        command: "make test".into(),
        exit_code: Some(2),
        output: "error: no frob".into(),
        timed_out: false,
    };
    story.tell(Event::WorkJudged { attempt: attempt("b", 1), verdict });
    let shown = story.fails("b", 1, Outcome::GateFailed, FailureType::QualityGateFailure, "x");
    assert_eq!((shown[0].id == id, shown[0].returned), (true, false), "it began before the fix");
    assert_eq!(story.book.get(&id).unwrap().remediation_status, Remediation::Fixed);
    assert_eq!(story.lessons(&[], &["make test"], None)[0].solution.as_deref(), Some("mended the frob"));

    let shown = story.fails_check("c", 1, "error: no frob");
    assert!(shown[0].returned);
    let known = story.book.get(&id).unwrap();
    assert_eq!((known.remediation_status, known.context.returned, known.frequency), (Remediation::Open, 1, 3));
    assert_eq!(known.remediation_commit.as_deref(), Some("abc"), "which fix did not hold stays known");
    assert!(story.lessons(&[], &["make test"], None)[0].what.contains("again after it was said to be fixed"));
}

#[test]
fn a_red_suite_is_counted_once_by_whoever_is_guilty() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**")]);
    let red = Suite::Red {
        command: "npm test".into(),
        exit_code: Some(1),
        output: "--- FAIL: TestX".into(),
        timed_out: false,
        hint: None,
        set_up_log: None,
    };
    for task in ["a", "b"] {
        story.starts(task, 1);
        story.exits(task, 1, Exit::Code { code: 0 }, "");
        story.tell(Event::WorkJudged {
            attempt: attempt(task, 1),
            verdict: Verdict::Accepted { commit: "c".into(), files_changed: 1, suite_files: Vec::new() },
        });
    }
    let merged = |tasks: &[&str]| {
        tasks.iter().map(|t| MergeResult { attempt: attempt(t, 1), merge: Merge::Merged { commit: "m".into() } }).collect::<Vec<_>>()
    };
    let formed = |batch, tasks: &[&str]| Event::BatchFormed {
        batch,
        plan: "p".into(),
        onto: "b".into(),
        attempts: tasks.iter().map(|t| AttemptRef { attempt: attempt(t, 1), commit: "c".into() }).collect(),
    };
    story.tell(formed(1, &["a", "b"]));
    story.tell(Event::BatchMerged { batch: 1, results: merged(&["a", "b"]) });
    assert!(story.tell(Event::BatchVerified { batch: 1, suite: red.clone(), again: false }).is_empty(), "nobody's yet");
    story.tell(formed(2, &["a"]));
    story.tell(Event::BatchMerged { batch: 2, results: merged(&["a"]) });
    story.tell(Event::BatchVerified { batch: 2, suite: red.clone(), again: false });
    let shown = story.fails("a", 1, Outcome::GateFailed, FailureType::QualityGateFailure, "`npm test` fails …");
    assert_eq!(shown.len(), 1);
    let known = story.book.get(&shown[0].id).unwrap();
    assert_eq!((known.description.as_str(), known.frequency), ("suite `npm test`: --- fail: TestX", 1));
    assert_eq!(known.context.way, Some(Way::Suite));

    let shown = story.tell(Event::SuiteFlaky { plan: "p".into(), batch: 1 });
    let known = story.book.get(&shown[0].id).unwrap();
    assert_eq!(known.deficiency_type, DeficiencyType::QualityGateBug);
    assert_eq!(known.description, "red and then green on the same work: suite `npm test`: --- fail: TestX");
    assert_eq!(shown[0].attempt, None);
}

#[test]
fn conflicts_and_decisions_are_seen_and_cancellations_are_not() {
    let mut story = Story::new(&[("a", "src/a/**"), ("b", "src/b/**")]);
    story.starts("a", 1);
    let conflict = |definite| MergeResult {
        attempt: attempt("a", 1),
        merge: Merge::Conflict { files: vec!["x.rs".into()], definite, not_remade: None },
    };
    assert!(story.tell(Event::BatchMerged { batch: 1, results: vec![conflict(false)] }).is_empty(), "with a neighbour: not yet");
    let shown = story.tell(Event::BatchMerged { batch: 2, results: vec![conflict(true)] });
    let known = story.book.get(&shown[0].id).unwrap();
    assert_eq!((known.deficiency_type, known.context.files.as_slice()), (DeficiencyType::ConfigurationError, &["x.rs".to_owned()][..]));

    let verdict = Verdict::NeedsHuman { why: "HEAD left the attempt's base".into(), kept: None };
    let shown = story.tell(Event::WorkJudged { attempt: attempt("a", 1), verdict });
    assert_eq!(story.book.get(&shown[0].id).unwrap().deficiency_type, DeficiencyType::MissingFeature);

    story.starts("b", 1);
    assert!(
        story.tell(Event::AttemptFailed { attempt: attempt("b", 1), outcome: Outcome::Cancelled, failure: None, spent: None }).is_empty()
    );
}

#[test]
fn people_record_fix_and_file_in_a_legal_order() {
    let mut book = Book::default();
    let context = Context { checks: vec!["make".into()], ..Context::default() };
    let fact = Fact::recorded(DeficiencyType::MissingFeature, "no dark mode in /tmp/a/b.css:3", &context, None);
    let id = book.apply(Time(1), &fact).unwrap();
    assert_eq!(book.apply(Time(2), &fact), Ok(id.clone()), "the same again");
    let known = book.get(&id).unwrap();
    assert_eq!((known.frequency, known.description.as_str()), (2, "no dark mode in <path>/b.css:<n>"));
    let filed = Fact::IssueFiled { id: id.clone(), issue: "12".into() };
    book.apply(Time(3), &filed).unwrap();
    assert_eq!(book.get(&id).unwrap().remediation_status, Remediation::InProgress);
    assert!(book.apply(Time(4), &filed).is_err(), "one issue is enough");
    book.apply(Time(5), &Fact::fixed(&id, "abc", None)).unwrap();
    assert!(book.apply(Time(6), &Fact::fixed("nope", "abc", None)).is_err());
    book.apply(Time(7), &fact).unwrap();
    let known = book.get(&id).unwrap();
    assert_eq!((known.remediation_status, known.github_issue.as_deref()), (Remediation::Open, Some("12")));
    assert_eq!(book.find(&id[..6]).map(|d| d.id.as_str()), Ok(id.as_str()));
    let mut slip = id.clone();
    slip.replace_range(15..16, if id.ends_with('0') { "1" } else { "0" });
    assert_eq!(book.find(&slip).unwrap_err().1, Some(id));
}

#[test]
fn the_book_is_bounded_and_keeps_what_people_worked_on() {
    let mut book = Book::default();
    let fact = |n: usize| Fact::recorded(DeficiencyType::LogicError, &format!("fault f{n}"), &Context::default(), None);
    let kept = book.apply(Time(0), &fact(0)).unwrap();
    book.apply(Time(0), &Fact::fixed(&kept, "abc", None)).unwrap();
    for n in 1..DEFICIENCIES_MAX + 50 {
        book.apply(Time(n as u64), &fact(n)).unwrap();
    }
    assert_eq!(book.iter().count(), DEFICIENCIES_MAX);
    assert!(book.get(&kept).is_some());
}

#[test]
fn an_experience_from_elsewhere_is_a_lesson_too() {
    let book = Book::default();
    let context = Context { checks: vec!["make test".into()], ..Context::default() };
    let stored = Experience { id: "feed".into(), problem: "no frob".into(), solution: "call frob() first\n## Rules".into(), context };
    let checks = vec!["make test".to_owned()];
    let query = Query { owns: &[], checks: &checks, suite: &[], agent: "claude", own: None, now: Time(0) };
    let got = lessons(&book, std::slice::from_ref(&stored), &query);
    assert_eq!(got[0].solution.as_deref(), Some("call frob() first ## Rules"));
    assert_eq!(got[0].quote.as_deref(), Some("no frob"));
    assert!(lessons(&book, &[stored], &Query { checks: &[], ..query }).is_empty());
}
