//! An event as a line for people, where there is no terminal for live ones. Most events are of no interest and give none.

use greenlane_core::attempt::{Merge, Suite, Verdict};
use greenlane_core::event::{Event, Stopping};
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::state::State;
use greenlane_core::time::Time;

use super::text::{clean, columns, humane, short};

/// The line, without its end; `state` has the event already.
#[must_use]
pub fn event_line(state: &State, at: Time, event: &Event) -> Option<String> {
    let told = told(state, event)?;
    let since = humane(at.since(state.started_at));
    let pad = " ".repeat(7usize.saturating_sub(columns(&since)));
    Some(format!("{pad}{since}  {told}"))
}

fn told(state: &State, event: &Event) -> Option<String> {
    let name = |key: &TaskKey| clean(&if state.plans.len() > 1 { key.to_string() } else { key.task.to_string() });
    let of = |attempt: &AttemptId| name(&attempt.key);
    let line = match event {
        Event::RunStarted { options } => format!("run started, {} at once", options.jobs),
        Event::PlanQueued(submission) => {
            let plan = &submission.plan;
            let tasks = plan.tasks.len();
            format!("plan {}: {tasks} {}", clean(plan.id.as_str()), if tasks == 1 { "task" } else { "tasks" })
        }
        Event::PlanPrepared { plan, branch, verify } if verify.is_empty() => {
            format!("plan {}: lands on {branch}; no test suite was found", clean(plan.as_str()))
        }
        Event::PlanPrepared { plan, branch, verify } => {
            format!("plan {}: lands on {branch}, verified by {}", clean(plan.as_str()), super::status::commands(verify))
        }
        Event::BaseJudged { plan, suite: Suite::Red { command, .. } } => {
            format!("plan {}: `{}` fails on the base already", clean(plan.as_str()), clean(command))
        }
        Event::PlanEnded { plan, done: true, .. } => format!("plan {}: done", clean(plan.as_str())),
        Event::PlanEnded { plan, reason, .. } => {
            format!("plan {}: ended; {}", clean(plan.as_str()), clean(reason.as_deref().unwrap_or("not every task is done")))
        }
        Event::AttemptStarted { attempt, agent, .. } if attempt.n == 1 => format!("{}: started ({})", of(attempt), clean(agent)),
        Event::AttemptStarted { attempt, agent, .. } => format!("{}: started again, attempt {} ({})", of(attempt), attempt.n, clean(agent)),
        Event::EndRequested { attempt, now, .. } => format!("{}: {}", of(attempt), if *now { "being killed" } else { "told to end" }),
        Event::AttemptExited { attempt, record } => {
            format!("{}: ended after {}", of(attempt), humane(record.ended_at.since(record.started_at)))
        }
        Event::WorkJudged { attempt, verdict: Verdict::Accepted { files_changed, .. } } => {
            format!("{}: accepted, {files_changed} {} changed", of(attempt), if *files_changed == 1 { "file" } else { "files" })
        }
        Event::AttemptFailed { attempt, outcome, failure } => {
            let why = failure.as_ref().map_or_else(|| outcome.as_str().replace('_', " "), |f| clean(&f.message));
            format!("{}: attempt {} failed: {why}", of(attempt), attempt.n)
        }
        Event::BatchMerged { results, .. } => {
            let conflicts: Vec<String> =
                results.iter().filter(|r| matches!(r.merge, Merge::Conflict { .. })).map(|r| of(&r.attempt)).collect();
            if conflicts.is_empty() {
                return None;
            }
            format!("in conflict: {}", conflicts.join(", "))
        }
        Event::BatchVerified { batch, suite: Suite::Red { command, .. } } => {
            format!("batch {batch}: `{}` fails on the combined tree", clean(command))
        }
        Event::BatchLanded { head, verified, landed, .. } => {
            let tasks: Vec<String> = landed.iter().map(|l| of(&l.attempt)).collect();
            let how = if *verified { "verified" } else { "not verified" };
            format!("{}: landed ({how}), the branch is at {}", tasks.join(", "), short(head.as_str()))
        }
        Event::BatchRaced { head, .. } => format!("the branch was moved to {} by somebody else; merging anew", short(head.as_str())),
        Event::SuiteFlaky { plan, .. } => {
            format!("plan {}: the suite is flaky: red once and green once on the same work", clean(plan.as_str()))
        }
        Event::RetryScheduled { key, retry, until } => format!("{}: retry {retry} not before {}", name(key), until.rfc3339()),
        Event::TaskFailed { key, reason } => format!("{}: failed: {}", name(key), clean(reason)),
        Event::TaskNeedsHuman { key, reason } => format!("{}: needs your decision: {}", name(key), clean(reason)),
        Event::TaskSkipped { key, reason } => format!("{}: skipped: {}", name(key), clean(reason)),
        Event::TaskCancelled { key, reason, .. } => format!("{}: cancelled: {}", name(key), clean(reason)),
        Event::TaskReopened { key, fresh, .. } => {
            format!("{}: to be tried again{}", name(key), if *fresh { " from the base" } else { "" })
        }
        Event::RolledBack { plan, tasks, kept, .. } => {
            format!("plan {}: {} taken off the branch, kept in {kept}", clean(plan.as_str()), tasks.len())
        }
        Event::RunPaused => String::from("paused: no attempts are started"),
        Event::RunUnpaused => String::from("goes on"),
        Event::StopRequested { how: Stopping::Drain } => String::from("stopping: running attempts finish"),
        Event::StopRequested { how: Stopping::Terminate } => String::from("stopping: running attempts are told to end"),
        Event::StopRequested { how: Stopping::Kill } => String::from("stopping: running attempts are killed"),
        Event::RunResumed => String::from("taken up by a new coordinator"),
        Event::RunEnded { finished: true } => String::from("run ended"),
        Event::RunEnded { finished: false } => String::from("run stopped"),
        Event::PlanStarted { .. }
        | Event::BaseJudged { .. }
        | Event::AttemptSpawned { .. }
        | Event::WorkJudged { .. }
        | Event::AttemptVoided { .. }
        | Event::BatchFormed { .. }
        | Event::BatchVerified { .. }
        | Event::BatchDropped { .. }
        | Event::RetryDue { .. } => return None,
    };
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_run_reads_as_a_story() {
        let run = samples::ended();
        let lines: Vec<String> = run.records.iter().filter_map(|r| event_line(&run.state, r.at, &r.event)).collect();
        let expected = "   0.0s  run started, 3 at once
   0.0s  plan limits: 4 tasks
   0.0s  plan limits: lands on greenlane/r1/plan/limits, verified by `cargo test`
   0.0s  bucket: started (claude)
   0.0s  docs: started (claude)
    20s  docs: ended after 0.0s
    20s  docs: attempt 1 failed: check `make links` failed with exit code 2";
        assert!(lines.join("\n").starts_with(expected), "{}", lines.join("\n"));
        let all = lines.join("\n");
        for part in [
            "    32s  bucket: landed (verified), the branch is at 6d657267652d",
            "guide: skipped: depends on `docs`, which failed",
            "header: started again, attempt 2 (claude)",
            "run ended",
        ] {
            assert!(all.contains(part), "{part} is missing in\n{all}");
        }
    }
}
