//! An event as a line for people. The same words in every display.

use std::time::Duration;

use greenlane_core::attempt::{Merge, Suite, Verdict};
use greenlane_core::event::{Event, Outcome, Stopping};
use greenlane_core::health::HealthStatus;
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::state::{State, account_label};
use greenlane_core::view::{brief, task_time};
use greenlane_runtime::hand_off;
use greenlane_runtime::journal::Record;

use crate::output::{Paint, paint};
use crate::report::{clean, columns, humane, local, local_times, quoted, short, wrapped};

/// Before what goes on below a line.
const INDENT: &str = "    ";
/// Most lines that one thing may take on a terminal.
const LINES_MAX: usize = 4;

/// So many changes of what is shared are told of one attempt.
const SHARED_MAX: usize = 5;

/// One line: a sign, whom it concerns, what happened.
pub struct Line {
    /// One character that says good, bad or neither; never only a colour.
    pub sign: char,
    /// For the sign.
    pub paint: Paint,
    /// The task, or the plan, or nothing.
    pub subject: String,
    /// What happened.
    pub text: String,
}

impl Line {
    /// Ids come from plans, messages from agents and suites: nothing in them may move the cursor or make a second line.
    fn new(sign: char, paint: Paint, subject: impl ToString, text: impl AsRef<str>) -> Self {
        Self { sign, paint, subject: clean(&subject.to_string()), text: clean(text.as_ref()) }
    }

    /// As printed: one line, however long.
    pub fn render(&self, color: bool) -> String {
        self.rendered(&self.text, color)
    }

    /// For a terminal of so many columns: what is longer goes on below, indented, broken between words.
    pub fn render_in(&self, width: usize, color: bool) -> Vec<String> {
        let head = 2 + if self.subject.is_empty() { 0 } else { columns(&self.subject) + 2 };
        // The first line begins after the head, the others after the indent; in a very narrow terminal the head is alone.
        let padded = format!("{}{}", "\u{a0}".repeat(head.saturating_sub(INDENT.len())), self.text);
        let rows = wrapped(&padded, width.saturating_sub(INDENT.len()), LINES_MAX);
        let mut rows = rows.iter().map(|r| r.trim_start_matches('\u{a0}'));
        let first = self.rendered(rows.next().unwrap_or_default(), color);
        std::iter::once(first).chain(rows.map(|r| format!("{INDENT}{r}"))).collect()
    }

    fn rendered(&self, text: &str, color: bool) -> String {
        let sign = paint(&self.sign.to_string(), self.paint, color);
        let subject = paint(&self.subject, Paint::Bold, color);
        if self.subject.is_empty() { format!("{sign} {text}") } else { format!("{sign} {subject}  {text}") }
    }
}

/// A task's name as people see it: without its plan where the run has only one.
pub fn name(state: &State, key: &TaskKey) -> String {
    if state.plans.len() > 1 { key.to_string() } else { key.task.to_string() }
}

/// As which attempt people know it.
pub fn number(state: &State, attempt: &AttemptId) -> u32 {
    state.task(&attempt.key).and_then(|t| t.number_of(attempt.n)).unwrap_or(attempt.n)
}

/// A person or an editor does it.
fn is_by_hand(state: &State, attempt: &AttemptId) -> bool {
    state.attempt(attempt).is_some_and(|a| state.is_hand_off(&a.agent))
}

/// What was found of an attempt under way, where that is news.
fn health(of: String, to: HealthStatus, reason: Option<&str>) -> Vec<Line> {
    let why = reason.map(|r| format!(": {r}")).unwrap_or_default();
    vec![match to {
        HealthStatus::Healthy => Line::new('·', Paint::Dim, of, "shows signs of work again"),
        HealthStatus::Hung => Line::new('!', Paint::Yellow, of, format!("seems to hang{why}")),
        HealthStatus::Dead => Line::new('!', Paint::Red, of, format!("seems dead{why}")),
        HealthStatus::Unknown => Line::new('!', Paint::Yellow, of, format!("it is not known whether it works{why}")),
    }]
}

/// The lines that an event is worth. `state` is the state after it and what came with it.
pub fn lines(state: &State, record: &Record) -> Vec<Line> {
    let of = |key: &TaskKey| name(state, key);
    let took = |key: &TaskKey| state.task(key).map_or(Duration::ZERO, |t| task_time(state, t, record.at));
    match &record.event {
        Event::PlanStarted { plan } if state.plans.len() > 1 => vec![Line::new('·', Paint::Dim, plan, "its turn has come")],
        Event::PlanPrepared { plan, branch, verify } => {
            let mut all = vec![Line::new('·', Paint::Dim, plan, format!("lands on {branch}"))];
            all.push(match verify.as_slice() {
                [] => Line::new(
                    '!',
                    Paint::Yellow,
                    plan,
                    "no test suite was found: work lands on its own checks alone (name one: `verify` in the plan, or under [run] in greenlane.toml)",
                ),
                commands => Line::new(
                    '·',
                    Paint::Dim,
                    plan,
                    format!("verified by `{}`; first on the base, before any task", commands.join("` and `")),
                ),
            });
            all
        }
        Event::BaseJudged { plan, suite } => match suite {
            Suite::Green { cached: true } => vec![Line::new('·', Paint::Dim, plan, "the base is known to be green")],
            Suite::Green { cached: false } => vec![Line::new('✓', Paint::Green, plan, "the base is green")],
            red => vec![Line::new('✗', Paint::Red, plan, suite_words(red))],
        },
        Event::AttemptStarted { attempt, agent, fresh, fallback, .. } => {
            let agent = fallback.as_ref().map_or(agent.clone(), |why| format!("{agent}: {}", brief(&local_times(why, record.at))));
            let how = match (number(state, attempt), fresh) {
                (1, _) => format!("started ({agent})"),
                (n, true) => format!("attempt {n} ({agent}), from the base again"),
                (n, false) => format!("attempt {n} ({agent}), goes on from the work that is there"),
            };
            vec![Line::new('▸', Paint::Cyan, of(&attempt.key), how)]
        }
        Event::AttemptSpawned { attempt, worktree, .. } if is_by_hand(state, attempt) => {
            let id = &attempt.key.task;
            let to_do = format!(
                "is yours: do it in {worktree} (the task stands in {}); a commit there or `greenlane done {id}` gives it back",
                hand_off::TASK_FILE
            );
            vec![Line::new('☞', Paint::Cyan, of(&attempt.key), to_do)]
        }
        // Where the task has ended with it, the next line says the same.
        Event::AttemptFailed { attempt, outcome, failure: Some(failure), .. }
            if *outcome != Outcome::Cancelled && state.task(&attempt.key).is_some_and(|t| !t.phase.ended()) =>
        {
            vec![Line::new(
                '✗',
                Paint::Yellow,
                of(&attempt.key),
                format!("attempt {}: {}", number(state, attempt), brief(&failure.message)),
            )]
        }
        // Of one that has ended with it, its end is told.
        Event::HealthChanged { attempt, .. } if state.attempt(attempt).is_some_and(|a| a.outcome.is_some()) => Vec::new(),
        Event::HealthChanged { attempt, to, reason, .. } => health(of(&attempt.key), *to, reason.as_deref()),
        // Where its task has ended with it, that is told.
        Event::AttemptVoided { attempt, .. } if state.task(&attempt.key).is_some_and(|t| t.phase.ended()) => Vec::new(),
        Event::AttemptVoided { attempt, reason } => {
            let why = reason.clone().unwrap_or_else(|| String::from("had not begun; starts anew"));
            vec![Line::new('·', Paint::Dim, of(&attempt.key), why)]
        }
        Event::AccountLimited { account, until, limit, reason } => {
            let (account, end) = (account_label(account), local(*until, record.at));
            let text = format!("{account} is limited until {end}, then at most {limit} at once: {reason}");
            vec![Line::new('…', Paint::Yellow, String::new(), text)]
        }
        Event::AccountChanged { account, until: Some(until), limit, reason } if *until > record.at => {
            let (account, end) = (account_label(account), local(*until, record.at));
            vec![Line::new(
                '…',
                Paint::Yellow,
                String::new(),
                format!("{account} is limited until {end}, then at most {limit} at once, as another run has met: {reason}"),
            )]
        }
        Event::BudgetWarned { key, message, .. } => {
            let whose = if key.is_some() { "its" } else { "the run's" };
            vec![Line::new('!', Paint::Yellow, key.as_ref().map(of).unwrap_or_default(), format!("{message} of {whose} budget are used"))]
        }
        Event::RunHalted { message, .. } => {
            let what = "no further attempts start, running ones are ended and their work is kept";
            vec![Line::new('■', Paint::Yellow, "", format!("{message}: {what}"))]
        }
        Event::RoomChanged { short_of: Some(short) } => {
            let how = "it goes on by itself when there is a quarter more; `greenlane resume` after Ctrl-C takes another floor";
            vec![Line::new('…', Paint::Yellow, "", format!("nothing starts for want of room: {short}; {how}"))]
        }
        Event::RoomChanged { short_of: None } => vec![Line::new('▸', Paint::Cyan, "", "there is room again")],
        Event::AttemptRequeued { key }
            if state.task(key).is_some_and(|t| {
                t.attempts.iter().rev().any(|a| a.outcome == Some(Outcome::Conflict) && a.ended_at == Some(record.at))
            }) =>
        {
            vec![Line::new('↻', Paint::Yellow, of(key), "goes back into the same hands, to be merged")]
        }
        Event::AttemptRequeued { key } => {
            vec![Line::new('↻', Paint::Yellow, of(key), "was ended to make room, as the youngest; waits for its turn again")]
        }
        Event::AgentUnavailable { agent, reason } => {
            vec![Line::new('✗', Paint::Yellow, String::new(), format!("{agent} cannot be used: {reason}"))]
        }
        Event::SharedStateChanged { attempt, changes, .. } => {
            let mut worth: Vec<_> = changes.iter().filter(|c| c.is_notable()).collect();
            // What was not put back is a person's to do.
            worth.sort_by_key(|c| c.restored);
            let mut lines: Vec<Line> =
                worth.iter().take(SHARED_MAX).map(|c| Line::new('!', Paint::Yellow, of(&attempt.key), clean(&c.line()))).collect();
            if worth.len() > SHARED_MAX {
                let more = format!("and {} more changes beside its work (`greenlane report` tells them)", worth.len() - SHARED_MAX);
                lines.push(Line::new('!', Paint::Yellow, of(&attempt.key), more));
            }
            lines
        }
        Event::WorkJudged { attempt, verdict: Verdict::Accepted { suite_files, .. } } if !suite_files.is_empty() => {
            let text = format!("changed files of the suite that it does not own: {}", crate::report::suite_files(suite_files));
            vec![Line::new('!', Paint::Yellow, of(&attempt.key), text)]
        }
        Event::QuestionAsked { attempt, question, text, .. } => {
            let key = &attempt.key;
            let text = format!("asks: {} (`greenlane answer {} TEXT`; question {question})", first_line(text), quoted(&of(key)));
            vec![Line::new('?', Paint::Yellow, of(key), text)]
        }
        Event::QuestionAnswered { attempt, text, .. } => {
            vec![Line::new('·', Paint::Dim, of(&attempt.key), format!("was answered: {}", first_line(text)))]
        }
        Event::QuestionWithdrawn { attempt, question, reason } => {
            vec![Line::new('·', Paint::Dim, of(&attempt.key), format!("question {question} is withdrawn: {reason}"))]
        }
        Event::AnswerAwaited { key } => vec![Line::new('…', Paint::Yellow, of(key), "has ended its turn and waits for the answer")],
        Event::FileClaimed { attempt, path } => vec![Line::new('·', Paint::Dim, of(&attempt.key), format!("may change {path} too"))],
        Event::NoteSent { attempt, to, .. } => vec![Line::new('·', Paint::Dim, of(&attempt.key), format!("has a note for {}", of(to)))],
        // One of many stands for all: what could not be told is listed at the end.
        Event::ClaimUnanswered { attempt, issue, reason } if state.unanswered.as_ref() == Some(attempt) => {
            let (issue, tracker) = (&issue.id, issue.tracker.label());
            let text = format!("`{issue}` is worked on without a claim in {tracker}, and so is any other: {}", brief(reason));
            vec![Line::new('!', Paint::Yellow, of(&attempt.key), text)]
        }
        Event::RetryScheduled { key, retry, until } => {
            let max = state.task(key).map_or(*retry, |t| state.definition(t).retries.unwrap_or(state.options().retry.max));
            vec![Line::new('↻', Paint::Yellow, of(key), format!("retry {retry} of {max} in {}", humane(until.since(record.at))))]
        }
        Event::RepairScheduled { key, .. }
            if state
                .task(key)
                .and_then(|t| t.attempts.iter().rev().find(|a| a.failure.is_some()))
                .is_some_and(|a| state.is_hand_off(&a.agent)) =>
        {
            vec![Line::new('↻', Paint::Yellow, of(key), "goes back into the same hands, to be put right")]
        }
        Event::RepairScheduled { key, repair } => {
            vec![Line::new('↻', Paint::Yellow, of(key), format!("repair {repair}: what was said goes back to its agent"))]
        }
        Event::BatchMerged { results, .. } => results
            .iter()
            .filter(|r| matches!(r.merge, Merge::Conflict { definite: false, .. }))
            .map(|r| Line::new('·', Paint::Dim, of(&r.attempt.key), "conflicts with work that is landing now; waits for that"))
            .collect(),
        Event::BatchVerified { suite: red @ Suite::Red { .. }, again: true, .. } => {
            vec![Line::new('·', Paint::Yellow, "", format!("{}; run once more, as it may be flaky", suite_words(red)))]
        }
        // A red batch of one needs no line of its own: the task's says it.
        Event::BatchVerified { batch, suite: red @ Suite::Red { .. }, .. } => {
            match state.plans.iter().map(|p| p.lane.in_doubt(*batch)).sum() {
                0 => Vec::new(),
                n => vec![Line::new('✗', Paint::Yellow, "", format!("{n} tasks together: {}; looking for the guilty", suite_words(red)))],
            }
        }
        Event::SuiteFlaky { plan, .. } => {
            vec![Line::new('!', Paint::Yellow, plan, "the suite was red and then green on the same work: it is flaky")]
        }
        Event::GroupRefreshed { group, problem: Some(problem), .. } => {
            let text = format!("the context could not be refreshed before group `{group}`: {}", brief(problem));
            vec![Line::new('!', Paint::Yellow, group, text)]
        }
        Event::GroupEnded { group, rollback: true, .. } => {
            vec![Line::new('·', Paint::Yellow, group, "the group failed; what landed of it is taken off the branch")]
        }
        Event::GroupNotRolledBack { group, message, .. } => {
            vec![Line::new('!', Paint::Red, group, format!("what landed of it stays on the branch: {}", brief(message)))]
        }
        Event::RolledBack { tasks, kept, .. } => {
            let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
            vec![Line::new('-', Paint::Yellow, "", format!("taken off the branch, and kept in {kept}: {}", names.join(", ")))]
        }
        Event::BatchRaced { head, from, by, .. } => {
            let plan = state.plans.iter().find(|p| p.head == *head);
            let branch = plan.and_then(|p| p.branch.as_deref()).unwrap_or("the branch");
            let from = from.as_ref().map(|f| format!(" from {}", short(f.as_str()))).unwrap_or_default();
            let by = by.as_deref().unwrap_or("somebody else");
            let text = format!("{branch} was moved{from} to {} by {by}; merging anew onto that", short(head.as_str()));
            vec![Line::new('·', Paint::Dim, "", text)]
        }
        Event::BatchLanded { landed, verified, .. } => landed
            .iter()
            .map(|l| {
                let unverified = if *verified { "" } else { ", not verified by a suite" };
                Line::new('✓', Paint::Green, of(&l.attempt.key), format!("landed after {}{unverified}", humane(took(&l.attempt.key))))
            })
            .collect(),
        Event::TaskFailed { key, reason } => vec![Line::new('✗', Paint::Red, of(key), format!("failed: {}", brief(reason)))],
        Event::TaskNeedsHuman { key, reason } => vec![Line::new('?', Paint::Red, of(key), format!("needs you: {}", brief(reason)))],
        Event::TaskSkipped { key, reason } => vec![Line::new('-', Paint::Yellow, of(key), format!("skipped: {}", brief(reason)))],
        Event::TaskCancelled { key, reason, .. } => vec![Line::new('-', Paint::Yellow, of(key), format!("cancelled: {}", brief(reason)))],
        Event::TaskReopened { key, .. } => vec![Line::new('↻', Paint::Cyan, of(key), "will be tried again")],
        Event::PlanEnded { plan, done, reason } if state.plans.len() > 1 || reason.is_some() => match (done, reason) {
            (true, _) => vec![Line::new('✓', Paint::Green, plan, "all of its tasks are done")],
            (false, Some(reason)) => vec![Line::new('✗', Paint::Red, plan, format!("ended: {reason}"))],
            (false, None) => vec![Line::new('✗', Paint::Red, plan, "ended; not all of its tasks are done")],
        },
        Event::RunPaused => vec![Line::new('‖', Paint::Yellow, "", "paused: no further attempts start (`greenlane unpause` goes on)")],
        Event::RunUnpaused => vec![Line::new('▸', Paint::Cyan, "", "goes on")],
        Event::StopRequested { how } => vec![Line::new(
            '■',
            Paint::Yellow,
            "",
            match how {
                Stopping::Drain => "no further attempts start; running ones finish (Ctrl-C again ends them)",
                Stopping::Terminate => "ending the running attempts; their work is kept (Ctrl-C again kills them)",
                Stopping::Kill => "killing the running attempts; their work is kept",
            },
        )],
        Event::RunResumed => vec![Line::new('▸', Paint::Cyan, "", "resumed")],
        _ => Vec::new(),
    }
}

/// The first line of what somebody wrote.
fn first_line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    if first.len() < text.trim_end().len() { format!("{first} …") } else { first.to_owned() }
}

/// What a suite said, as half a sentence; not yet clean.
#[must_use]
pub fn suite_words(suite: &Suite) -> String {
    match suite {
        Suite::Green { .. } => String::from("green"),
        Suite::Red { command, set_up_log: Some(_), .. } => format!("the set-up command `{command}` fails"),
        Suite::Red { command, timed_out: true, .. } => format!("`{command}` ran into its time limit"),
        Suite::Red { command, exit_code: Some(code), .. } => format!("`{command}` is red (exit code {code})"),
        Suite::Red { command, .. } => format!("`{command}` was killed"),
        Suite::Broken { message } => format!("the suite could not be run: {message}"),
    }
}

/// Time since the start as a clock: `03:07`, `1:02:03`.
#[must_use]
pub fn clock(d: Duration) -> String {
    let s = d.as_secs();
    if s < 3600 { format!("{:02}:{:02}", s / 60, s % 60) } else { format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_moves_no_cursor_and_a_long_line_breaks_between_words() {
        let line = Line::new('✗', Paint::Red, "a\u{1b}[2Jtask", "failed: \u{1b}[31mone two\nthree four");
        assert_eq!(line.render(false), "✗ atask  failed: one two three four");
        assert_eq!(line.render_in(80, false), ["✗ atask  failed: one two three four"]);
        assert_eq!(line.render_in(24, false), ["✗ atask  failed: one two", "    three four"]);
        assert_eq!(line.render_in(23, false), ["✗ atask  failed: one", "    two three four"]);
    }

    #[test]
    fn a_clock_is_as_short_as_it_can_be() {
        assert_eq!(clock(Duration::from_secs(187)), "03:07");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }
}
