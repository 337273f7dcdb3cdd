//! `failures.jsonl`: one line for every attempt that failed, and for every failure that a script reported. The ancestor's schema, with
//! what else is known.

use greenlane_core::attempt::{Exit, Verdict};
use greenlane_core::event::{Event, Outcome};
use greenlane_core::failure::{Circumstances, Evidence, Failure, FailureDetail, FailureType, Resources, last_lines};
use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::state::{AttemptState, State};
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Entry, Fact, Lines, Subscriber};
use crate::driver::label;

pub(super) struct Failures;

/// The kind of report that `failures log` writes; its body is a [`FailureReport`].
pub const FAILURE_REPORT: &str = "failure";

/// A failure that a script reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureReport {
    /// Of which type.
    #[serde(rename = "type")]
    pub kind: FailureType,
    /// What happened.
    pub message: String,
    /// Of which run, where it is said or the environment tells.
    #[serde(default)]
    pub run: Option<String>,
    /// Of which plan.
    #[serde(default)]
    pub plan: Option<String>,
    /// Of which task.
    #[serde(default)]
    pub task: Option<String>,
    /// The exit code of what failed.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Whatever else the script has to say.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// What the machine was like when it was reported.
    #[serde(default)]
    pub resources: Resources,
    /// Who reported it.
    pub worker_id: String,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// When the attempt was found to have failed; RFC 3339 in UTC.
    pub timestamp: String,
    /// The plan, as the ancestor calls it.
    pub prd_id: Option<String>,
    /// The task, as the ancestor calls it.
    pub story_id: Option<String>,
    /// The plan.
    pub plan: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The type that the retry policy goes by.
    pub failure_type: FailureType,
    /// One line.
    pub error_message: String,
    /// The agent process's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The last stack trace in the output.
    pub stack_trace: Option<String>,
    /// The last lines of standard output, at most 100; of work that a check or the suite refused, those of its output.
    #[serde(default)]
    pub last_output_lines: Vec<String>,
    /// The last lines of the agent's standard error, at most 100.
    #[serde(default)]
    pub last_error_lines: Vec<String>,
    /// What the tree and the machine used.
    #[serde(default)]
    pub system_resources: Resources,
    /// What else is known: run, attempt (its id), number (as people know it), output_of (whose output it is: agent, check, suite), agent, outcome, detail, evidence, worktree, branch, model, session, usage, ….
    #[serde(default)]
    pub context: Map<String, Value>,
    /// The attempt's label, `run/slug/n`; for a report, who made it.
    pub worker_id: String,
}

impl FailureRecord {
    /// The detail, where the evidence has one.
    #[must_use]
    pub fn detail(&self) -> Option<FailureDetail> {
        serde_json::from_value(self.context.get("detail")?.clone()).ok()
    }

    /// As which attempt people know it, where it is one; its id in lines of older versions.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.context.get("number").or_else(|| self.context.get("attempt"))?.as_u64()
    }

    /// The run, where it is known.
    #[must_use]
    pub fn run(&self) -> Option<&str> {
        self.context.get("run")?.as_str()
    }

    fn of_attempt(
        run: &RunId,
        at: Time,
        (attempt, outcome, failure): (&AttemptId, &Outcome, &Failure),
        state: &State,
        seen: Option<&Circumstances>,
    ) -> Self {
        let known = state.attempt(attempt);
        let record = known.and_then(|a| a.record.as_deref());
        let (exit_code, signal) = match record.map(|r| &r.exit) {
            Some(Exit::Code { code }) => (Some(*code), None),
            Some(Exit::Signal { signal }) => (None, Some(*signal)),
            _ => (None, None),
        };
        let tail = |text: Option<&String>| text.map(|t| t.lines().map(str::to_owned).collect()).unwrap_or_default();
        let (output, errors, trace) = match seen {
            Some(c) => (c.output_lines.clone(), c.error_lines.clone(), c.stack_trace.clone()),
            None => (tail(record.map(|r| &r.stdout_tail)), tail(record.map(|r| &r.stderr_tail)), None),
        };
        // Of work that was judged, what the agent printed is beside the point; what the judge printed is not.
        let output = known.and_then(judge).map_or(output, |(_, said)| last_lines(said));
        let resources = record.and_then(|r| r.resources.clone()).or_else(|| seen.and_then(|c| c.resources.clone()));
        let (plan, task) = (attempt.key.plan.to_string(), attempt.key.task.to_string());
        Self {
            timestamp: at.rfc3339(),
            prd_id: Some(plan.clone()),
            story_id: Some(task.clone()),
            plan: Some(plan),
            task: Some(task),
            failure_type: failure.kind,
            error_message: failure.message.clone(),
            exit_code,
            signal,
            stack_trace: trace,
            last_output_lines: output,
            last_error_lines: errors,
            system_resources: resources.unwrap_or_default(),
            context: context(run, attempt, outcome, failure, state),
            worker_id: label(run, attempt),
        }
    }

    fn of_report(at: Time, report: FailureReport) -> Self {
        let mut context = report.context;
        context.entry("evidence").or_insert_with(|| json!(Evidence::Reported));
        if let Some(run) = report.run {
            context.entry("run").or_insert(Value::String(run));
        }
        Self {
            timestamp: at.rfc3339(),
            prd_id: report.plan.clone(),
            story_id: report.task.clone(),
            plan: report.plan,
            task: report.task,
            failure_type: report.kind,
            error_message: report.message,
            exit_code: report.exit_code,
            signal: report.signal,
            stack_trace: None,
            last_output_lines: Vec::new(),
            last_error_lines: Vec::new(),
            system_resources: report.resources,
            context,
            worker_id: report.worker_id,
        }
    }
}

/// Who refused the work, and what it printed, where it printed anything.
fn judge(attempt: &AttemptState) -> Option<(&'static str, &str)> {
    let (who, said) = match (&attempt.refused, &attempt.verdict) {
        (Some(refused), _) => ("suite", &refused.output),
        (None, Some(Verdict::CheckFailed { output, .. })) => ("check", output),
        _ => return None,
    };
    (!said.trim().is_empty()).then_some((who, said))
}

fn context(run: &RunId, attempt: &AttemptId, outcome: &Outcome, failure: &Failure, state: &State) -> Map<String, Value> {
    let (known, number) = (state.attempt(attempt), state.task(&attempt.key).and_then(|t| t.number_of(attempt.n)));
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            context.insert(name.to_owned(), value);
        }
    };
    put("run", json!(run));
    put("attempt", json!(attempt.n));
    put("number", json!(number));
    put("outcome", json!(outcome.as_str()));
    put("detail", json!(failure.detail));
    put("evidence", json!(failure.evidence));
    put("reset_at", json!(failure.reset_at.map(Time::rfc3339)));
    let Some(known) = known else { return context };
    put("agent", json!(known.agent));
    put("output_of", json!(judge(known).map_or("agent", |(who, _)| who)));
    if let Some(spawned) = &known.spawned {
        put("worktree", json!(spawned.worktree));
        put("branch", json!(spawned.branch));
        put("base", json!(spawned.base));
    }
    put("started_at", json!(known.started_at.rfc3339()));
    if let Some(record) = known.record.as_deref() {
        let report = &record.report;
        put("duration_ms", json!(u64::try_from(record.ended_at.since(record.started_at).as_millis()).ok()));
        put("model", json!(report.model));
        put("session", json!(report.session));
        put("usage", json!(report.usage));
        put("model_calls", json!(report.model_calls));
        put("model_retries", json!(report.model_retries));
        put("tool_calls", json!(report.tool_calls));
        put("http_status", json!(report.error.as_ref().and_then(|e| e.status)));
        put("denied", if report.denied.is_empty() { Value::Null } else { json!(report.denied) });
        put("strays_ended", json!(record.strays_ended));
        put("memory_peak_bytes", json!(record.memory_peak_bytes));
    }
    match &known.verdict {
        Some(Verdict::CheckFailed { commit, command, exit_code, output, timed_out }) => {
            put("commit", json!(commit));
            put("check", json!({"command": command, "exit_code": exit_code, "timed_out": timed_out, "output": output}));
        }
        Some(Verdict::OutsideOwnership { commit, files }) => {
            put("commit", json!(commit));
            put("files", json!(files));
        }
        Some(Verdict::Accepted { commit, .. }) => put("commit", json!(commit)),
        _ => {}
    }
    context
}

impl Subscriber for Failures {
    fn name(&self) -> &'static str {
        "failures"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        match &entry.fact {
            Fact::Event { run, event, circumstances } => match event.as_ref() {
                Event::AttemptFailed { attempt, outcome, failure: Some(failure), .. } => {
                    let what = (attempt, outcome, failure);
                    lines.push(&FailureRecord::of_attempt(run, entry.at, what, state, circumstances.as_deref()))
                }
                _ => Ok(()),
            },
            Fact::Report(report) if report.kind == FAILURE_REPORT => {
                lines.push(&FailureRecord::of_report(entry.at, serde_json::from_value(report.body.clone())?))
            }
            Fact::Report(_) => Ok(()),
        }
    }
}
