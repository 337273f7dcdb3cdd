//! Draws up a board from what is known of a run. Pure, but for what the status document looks up on disk.

use std::collections::BTreeSet;

use greenlane_core::attempt::Suite;
use greenlane_core::ids::TaskKey;
use greenlane_core::state::{Phase, PlanPhase, State};
use greenlane_core::time::Time;
use greenlane_core::view::{RunClock, Status, Until, UsageView, attempt_end};
use jiff::Timestamp;

use super::activity::{Seen, said};
use super::machine::Machine;
use super::model::{PlanRow, RunBoard};
use super::rows::{FailureRow, HealthRow, LessonRow, QuestionRow, Span, TaskRow, WorkerRow};
use super::tasks::{kind_words, rank, row, used_so_far};
use super::use_of::{accounts, add, agents};
use crate::commands::health::survey::AttemptHealth;
use crate::progress::suite_words;
use crate::report::{self, Look, RedSuites, Surroundings, clean, visible};
use crate::session::Opened;

/// Failures that a board has at most, the newest.
const FAILURES_MAX: usize = 500;
/// Lines of one question.
const QUESTION_LINES_MAX: usize = 200;
/// Advice is broken into lines of so many columns.
const ADVICE_COLUMNS: usize = 100;

/// What a board is made from.
pub struct Sources<'a> {
    /// The run.
    pub opened: &'a Opened,
    /// What suites said of single attempts.
    pub suites: &'a RedSuites,
    /// What its attempts under way were last seen to do.
    pub seen: &'a Seen,
    /// What goes wrong again and again.
    pub lessons: &'a [LessonRow],
    /// Who tells of itself.
    pub workers: &'a [WorkerRow],
    /// What advice depends on beside the document.
    pub around: &'a Surroundings,
    /// The machine.
    pub machine: Machine,
}

/// The run as it is now.
#[must_use]
pub fn board(sources: &Sources<'_>, now: Time) -> RunBoard {
    let (opened, doc) = (sources.opened, sources.opened.status_at(now));
    let state = &opened.state;
    let mut tasks: Vec<TaskRow> = doc.tasks.iter().zip(&state.tasks).map(|(view, of)| row(sources, &doc, view, of)).collect();
    tasks.sort_by_key(|t| rank(state, t));
    let elapsed = std::time::Duration::try_from_secs_f64(doc.summary.elapsed_seconds).unwrap_or_default();
    // The clock of the status: that of an interrupted run stands.
    let until = RunClock::of(state).when(elapsed);
    let mut usage = doc.summary.usage.clone();
    let live: Vec<(String, UsageView)> =
        state.tasks.iter().filter_map(|t| Some((t.current()?.agent.clone(), used_so_far(sources, &t.key)?))).collect();
    live.iter().for_each(|(_, so_far)| add(&mut usage, so_far));
    let mut machine = sources.machine.clone();
    sources.seen.add_to(&mut machine);
    let health: Vec<HealthRow> = sources.seen.iter().filter_map(|g| g.health.clone()).collect();
    let advice = report::advice(&doc, sources.around, Look { width: ADVICE_COLUMNS, color: false });
    RunBoard {
        id: opened.run.clone(),
        state: run_state(&doc, state).to_owned(),
        alive: opened.is_alive(),
        is_older: opened.is_older,
        started_at: state.started_at,
        ended_at: state.ended_at,
        elapsed: doc.summary.elapsed_seconds,
        ticks: doc.run.state == "running",
        jobs: doc.run.jobs,
        slots_used: u32::try_from(state.tasks.iter().filter(|t| t.phase == Phase::Running && state.takes_a_slot(t)).count())
            .unwrap_or(u32::MAX),
        usage,
        model_calls: health.iter().map(|h| h.model_calls).sum(),
        budget: doc.run.budget.as_ref().map(|b| b.words()),
        budget_warned: doc.run.budget.iter().flat_map(|b| b.warned.iter().copied()).collect(),
        short_of: said(doc.run.short_of.as_deref()),
        halted: doc.run.halted.as_ref().and_then(|h| said(Some(&h.message))),
        advice: advice.lines().map(visible).skip_while(String::is_empty).collect(),
        plans: plans(opened, &doc, &tasks),
        questions: questions(state, &doc),
        failures: failures(sources, &doc, state),
        lessons: sources.lessons.to_vec(),
        timeline: spans(state, until, &name_by_key(&tasks)),
        health,
        workers: sources.workers.to_vec(),
        agents: agents(&doc, state, &live),
        accounts: accounts(state, now),
        machine,
        summary: doc.summary,
        tasks,
    }
}

/// The run's state in one word: a run that ended with something undone is no success, and one that starts nothing does not just run.
fn run_state<'a>(doc: &'a Status, state: &State) -> &'a str {
    match doc.run.state.as_str() {
        "running" if state.stopping.is_some() => "stopping",
        "running" if state.paused => "paused",
        "finished" if !doc.all_done() => "failed",
        other => other,
    }
}

fn name_by_key(tasks: &[TaskRow]) -> impl Fn(&TaskKey) -> String + use<> {
    let names: std::collections::BTreeMap<TaskKey, String> = tasks.iter().map(|t| (t.key.clone(), t.name.clone())).collect();
    move |key| names.get(key).cloned().unwrap_or_else(|| clean(&key.to_string()))
}

fn plans(opened: &Opened, doc: &Status, tasks: &[TaskRow]) -> Vec<PlanRow> {
    let (state, layout) = (&opened.state, &opened.layout);
    let row = |(i, (view, of)): (usize, (&greenlane_core::view::PlanView, &greenlane_core::state::PlanState))| {
        let first = tasks.iter().position(|t| t.plan == i).unwrap_or(tasks.len());
        let own = || tasks[first..].iter().take_while(|t| t.plan == i);
        let mut usage = UsageView::default();
        own().for_each(|t| add(&mut usage, &t.usage));
        let (done, total) = (view.progress.completed, view.progress.total);
        let waits = match of.phase {
            PlanPhase::Queued => Some("waits for its turn"),
            PlanPhase::Preparing => Some("its branch is being made"),
            PlanPhase::VerifyingBase => Some("the suite runs on the base"),
            PlanPhase::Running | PlanPhase::Ended { .. } => None,
        };
        PlanRow {
            id: of.submission.plan.id.clone(),
            name: clean(&view.id),
            title: clean(&of.submission.plan.name),
            branch: said(view.branch.as_deref()),
            state: view.state.clone(),
            reason: said(view.reason.as_deref()).or_else(|| waits.filter(|_| doc.run.state == "running").map(str::to_owned)),
            done,
            total,
            percent: percent(done, total),
            not_done: own().filter(|t| t.went_wrong()).count(),
            running: own().filter(|t| t.is_at_work()).count(),
            base_red: view.base_suite.as_ref().filter(|s| !matches!(s, Suite::Green { .. })).map(|s| clean(&suite_words(s))),
            base_said: report::of_base(view),
            suites_dir: layout.suites_dir(&of.submission.plan.id),
            set_up_log: match &view.base_suite {
                Some(Suite::Red { set_up_log: Some(log), .. }) => Some(log.into()),
                _ => None,
            },
            verified: view.verified,
            landable: view.branch.is_some() && (of.head != of.submission.base || own().any(|t| t.landed.is_some())),
            first,
            usage,
        }
    };
    doc.plans.iter().zip(&state.plans).enumerate().map(row).collect()
}

/// Cut off, so that 100 is said only when all are done.
fn percent(done: usize, total: usize) -> u8 {
    u8::try_from(done * 100 / total.max(1)).unwrap_or(100)
}

fn questions(state: &State, doc: &Status) -> Vec<QuestionRow> {
    let open = state.exchange.questions.iter().filter(|(_, q)| q.ended.is_none() && state.is_live());
    let row = |(number, q): (&u64, &greenlane_core::exchange::Question)| {
        let key = q.attempt.key.clone();
        let name = if doc.plans.len() > 1 { key.to_string() } else { key.task.to_string() };
        QuestionRow {
            number: *number,
            name: clean(&name),
            agent: state.attempt(&q.attempt).map(|a| clean(&a.agent)).unwrap_or_default(),
            text: q.text.lines().take(QUESTION_LINES_MAX).map(visible).collect(),
            asked_at: q.asked_at,
            key,
        }
    };
    open.map(row).collect()
}

fn failures(sources: &Sources<'_>, doc: &Status, state: &State) -> Vec<FailureRow> {
    let mut all: Vec<FailureRow> = Vec::new();
    for failed in report::failures(doc, state, sources.suites, &sources.opened.layout) {
        let key = TaskKey::new(failed.plan.as_str(), failed.task.as_str());
        let attempt = state.task(&key).and_then(|t| t.attempts.iter().find(|a| a.n == failed.attempt));
        let detail = attempt.and_then(|a| a.failure.as_ref()?.detail);
        let name = if doc.plans.len() > 1 { key.to_string() } else { failed.task.clone() };
        all.push(FailureRow {
            name: clean(&name),
            number: failed.number,
            agent: clean(&failed.agent),
            at: attempt.and_then(|a| a.ended_at.or(a.judged_at).or(a.exited_at)),
            kind: failed.kind.map_or_else(|| String::from("needs a human"), |k| kind_words(&k, detail.map(|d| d.as_str()))),
            message: clean(&failed.message),
            recovered: failed.recovered,
            evidence: failed.evidence,
            key,
        });
    }
    all.sort_by_key(|f| std::cmp::Reverse(f.at));
    all.truncate(FAILURES_MAX);
    all
}

fn spans(state: &State, now: Time, name: &impl Fn(&TaskKey) -> String) -> Vec<Span> {
    let chains = report::chains(state, &Until::now(state, now));
    let critical: BTreeSet<(&str, &str)> = chains.iter().flat_map(|c| c.tasks.iter().map(|t| (c.plan.as_str(), t.as_str()))).collect();
    let attempts = state.tasks.iter().flat_map(|t| t.attempts.iter().map(move |a| (t, a)));
    let span = |(bar, (task, attempt)): (report::Bar, (&greenlane_core::state::TaskState, &greenlane_core::state::AttemptState))| {
        Some(Span {
            number: bar.number?,
            name: name(&task.key),
            agent: clean(&bar.agent),
            start: bar.start,
            exited: bar.exited,
            judged: bar.judged,
            end: bar.end,
            open: attempt_end(task, attempt).is_none() && state.ended_at.is_none(),
            landed: bar.landed,
            critical: critical.contains(&(bar.plan.as_str(), bar.task.as_str())),
            key: task.key.clone(),
        })
    };
    report::timeline(state, now).into_iter().zip(attempts).filter_map(span).collect()
}

/// One attempt's health as a row.
pub(super) fn health_row(key: &TaskKey, opened: &Opened, h: AttemptHealth) -> HealthRow {
    let named = if opened.state.plans.len() > 1 { key.to_string() } else { key.task.to_string() };
    HealthRow {
        key: key.clone(),
        name: format!("{}#{}", clean(&named), h.number.unwrap_or(h.attempt)),
        agent: clean(&h.agent),
        status: h.status,
        reason: said(h.reason.as_deref()),
        step: said(h.step.as_deref()),
        beat_at: h.heartbeat_at.as_deref().and_then(time),
        quiet: h.quiet_seconds,
        evidence: h.evidence.and_then(|e| Some(serde_json::to_value(e).ok()?.as_str()?.to_owned())),
        iteration: h.iteration,
        model_calls: h.model_calls,
        tool_calls: h.tool_calls,
        tokens: h.tokens,
        cost_usd: h.cost_usd,
        cpu_seconds: h.cpu_seconds,
        memory_mb: h.memory_mb,
        processes: h.processes,
        output_bytes: h.output_bytes,
        keeper_pid: h.keeper_pid,
    }
}

/// What is written as RFC 3339.
fn time(text: &str) -> Option<Time> {
    let stamp: Timestamp = text.parse().ok()?;
    u64::try_from(stamp.as_millisecond()).ok().map(Time)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::samples::{self, Sample};
    use greenlane_core::ids::RunId;
    use greenlane_core::view::Coordinator;
    use greenlane_runtime::driver::Layout;

    /// The board of a sample run.
    pub(crate) fn of_sample(sample: Sample, coordinator: Coordinator) -> RunBoard {
        let run = RunId::from("r1");
        let opened = Opened {
            layout: Layout::new(std::path::Path::new("/nowhere"), &run),
            run,
            state: sample.state,
            last_seq: sample.records.len() as u64,
            coordinator,
            is_older: false,
        };
        let mut suites = RedSuites::default();
        sample.records.iter().for_each(|r| suites.take(&r.event));
        let (seen, around) = (Seen::default(), Surroundings::default());
        let sources = Sources {
            opened: &opened,
            suites: &suites,
            seen: &seen,
            lessons: &[],
            workers: &[],
            around: &around,
            machine: Machine::default(),
        };
        board(&sources, sample.now)
    }

    #[test]
    fn what_needs_somebody_stands_first_and_what_is_done_last() {
        let run = of_sample(samples::half_way(), Coordinator::Alive);
        let rows: Vec<_> = run.tasks.iter().map(|t| (t.name.as_str(), t.state.as_str(), t.attempt)).collect();
        let expected =
            [("docs", "failed", Some(1)), ("header", "running", Some(1)), ("guide", "skipped", None), ("bucket", "done", Some(1))];
        assert_eq!(rows, expected);
        assert!(run.ticks && run.alive && run.state == "running" && run.slots_used == 1, "{run:?}");
        let plan = &run.plans[0];
        assert_eq!((plan.done, plan.total, plan.percent, plan.not_done, plan.running, plan.landable), (1, 4, 25, 1 + 1, 1, true));
        assert_eq!(run.failures.len(), 1);
        assert_eq!(run.failures[0].evidence, ["line one", "2 links are dead"]);
        let open: Vec<_> = run.timeline.iter().filter(|s| s.open).map(|s| (s.name.as_str(), s.start, s.end)).collect();
        assert_eq!(open, [("header", 32.0, 96.0)]);
        assert!(serde_json::to_string(&run).is_ok_and(|json| json.contains(r#""state":"awaiting_"#) || json.contains("header")));
    }

    #[test]
    fn a_run_that_is_over_stands_still_and_one_without_a_coordinator_is_interrupted() {
        let run = of_sample(samples::ended(), Coordinator::Gone);
        assert_eq!((run.state.as_str(), run.ticks, run.alive), ("failed", false, false), "docs is not done");
        assert!(run.timeline.iter().all(|s| !s.open) && run.timeline.iter().any(|s| s.critical));
        let run = of_sample(samples::half_way(), Coordinator::Gone);
        assert_eq!((run.state.as_str(), run.ticks), ("interrupted", false));
        assert!(run.tasks.iter().all(|t| !t.ticks));
    }

    #[test]
    fn a_percentage_is_a_hundred_only_when_all_is_done() {
        assert_eq!([(0, 0), (999, 1_000), (1_000, 1_000)].map(|(done, total)| percent(done, total)), [0, 99, 100]);
    }
}
