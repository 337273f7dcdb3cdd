//! One live line for each task at work, and one for the run: phase, elapsed time, last activity. What has happened scrolls above.

use std::collections::BTreeMap;
use std::time::Duration;

use greenlane_core::ids::TaskKey;
use greenlane_core::state::{Phase, PlanPhase, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::{Lands, landing, landing_words, places_awaited, quotas_awaited, task_time};
use greenlane_runtime::driver::{Layout, Observer};
use greenlane_runtime::journal::Record;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::scope::Scope;
use super::words::{clock, lines, name};
use crate::error::Problem;
use crate::live::activity;
use crate::output::{Output, Paint, paint};
use crate::report::{clean, columns, fit, humane, local, local_times};

/// How often elapsed times and activities are drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// How often at most the terminal is written to, a second: one change sets every line, and each counts.
const DRAWN_HZ: u8 = 60;

/// Most tasks with a line of their own, where the terminal is high enough.
const LINES_MAX: usize = 24;
/// What the other lines need: the run's own, and some of what has happened above.
const ROWS_KEPT: usize = 6;
const NAME_WIDTH_MAX: usize = 28;

pub(super) struct Live {
    output: Output,
    layout: Layout,
    screen: MultiProgress,
    tasks: BTreeMap<TaskKey, ProgressBar>,
    total: ProgressBar,
    scope: Scope,
}

impl Live {
    pub(super) fn new(output: Output, layout: Layout, scope: Scope) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_HZ));
        let total = screen.add(ProgressBar::no_length().with_style(line_style()));
        Self { output, layout, screen, tasks: BTreeMap::new(), total, scope }
    }

    fn draw(&mut self, state: &State, now: Time) {
        let at_work = shown(&self.scope, state, lines_max());
        self.tasks.retain(|key, bar| {
            let stays = at_work.iter().any(|t| t.key == *key);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        let width = at_work.iter().map(|t| columns(&clean(&name(state, &t.key)))).max().unwrap_or(0).min(NAME_WIDTH_MAX);
        for task in at_work {
            let screen = &self.screen;
            let (total, style) = (&self.total, line_style());
            let bar = self
                .tasks
                .entry(task.key.clone())
                .or_insert_with(|| screen.insert_before(total, ProgressBar::no_length().with_style(style)));
            bar.set_message(task_line(state, task, &self.layout, now, width, self.output.color_talk));
        }
        if state.ended_at.is_some() {
            self.total.finish_and_clear();
        } else {
            self.total.set_message(total_line(&self.scope, state, now, self.output.color_talk));
        }
    }
}

fn line_style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn task_line(state: &State, task: &TaskState, layout: &Layout, now: Time, width: usize, color: bool) -> String {
    let shown = clean(&name(state, &task.key));
    let Some(attempt) = task.current() else { return shown };
    let (word, what) = match task.phase {
        Phase::Running if attempt.spawned.is_none() => ("prepares", String::from("workspace")),
        Phase::Running => ("running", activity(layout, state, task, now).unwrap_or_default()),
        Phase::Gating => ("checking", state.definition(task).check.join(" && ")),
        _ => match landing(state, task) {
            Lands::Waits => ("finished", landing_words(state, task)),
            Lands::Merges => ("merging", String::new()),
            Lands::Verifies { others } => {
                let with = if others > 0 { format!("with {others} more: ") } else { String::new() };
                ("verifying", with + &state.plans[task.plan].verify.join(" && "))
            }
            Lands::Moves => ("landing", String::new()),
        },
    };
    let again = task.number_of(attempt.n).filter(|n| *n > 1).map(|n| format!(" #{n}")).unwrap_or_default();
    format!(
        "  {} {} {:>6}  {}{again}  {}",
        paint(&fit(&shown, width), Paint::Bold, color),
        paint(&format!("{word:9}"), Paint::Cyan, color),
        humane(task_time(state, task, now)),
        attempt.agent,
        // An agent's words and a check's lines: nothing in them may move the cursor.
        clean(&what),
    )
}

/// As many as fit, and rather those that somebody works on than those that wait for the suite; in their order.
fn shown<'a>(scope: &'a Scope, state: &'a State, max: usize) -> Vec<&'a TaskState> {
    let mut at_work: Vec<&TaskState> = scope.tasks(state).filter(|t| t.phase.active()).collect();
    if at_work.len() > max {
        at_work.sort_by_key(|t| waits_to_land(state, t));
        at_work.truncate(max);
        at_work.sort_by_key(|t| (t.plan, t.position));
    }
    at_work
}

fn waits_to_land(state: &State, task: &TaskState) -> bool {
    task.phase == Phase::Landing && landing(state, task) == Lands::Waits
}

fn lines_max() -> usize {
    terminal().1.saturating_sub(ROWS_KEPT).clamp(1, LINES_MAX)
}

/// Columns and rows.
fn terminal() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    match size {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
        _ => (80, 24),
    }
}

fn total_line(scope: &Scope, state: &State, now: Time, color: bool) -> String {
    let count = |want: fn(Phase) -> bool| scope.tasks(state).filter(|t| want(t.phase)).count();
    let done = count(|p| p == Phase::Done);
    let bad = count(|p| p.ended() && p != Phase::Done);
    let active = count(Phase::active);
    let finished = scope.tasks(state).filter(|t| waits_to_land(state, t)).count();
    let total = scope.tasks(state).count();
    let waiting = total - done - bad - active;
    let mut parts = vec![
        clock(scope.clock(state, now)),
        paint(&format!("{done}/{total} done"), Paint::Green, color),
        format!("{} at work", active - finished),
    ];
    if finished > 0 {
        parts.push(format!("{finished} to be verified"));
    }
    parts.push(format!("{waiting} waiting"));
    for (account, until) in quotas_awaited(state, now) {
        parts.push(paint(&format!("waits for the quota of {} until {}", clean(&account), local(until, now)), Paint::Yellow, color));
    }
    for place in places_awaited(state, now) {
        parts.push(paint(&format!("waits for {}", clean(&local_times(&place, now))), Paint::Yellow, color));
    }
    if scope.plans(state).any(|p| p.phase == PlanPhase::VerifyingBase) {
        parts.push(String::from("the suite runs on the base"));
    }
    if bad > 0 {
        parts.push(paint(&format!("{bad} not done"), Paint::Red, color));
    }
    if state.paused {
        parts.push(paint("paused", Paint::Yellow, color));
    }
    if state.stopping.is_some() {
        parts.push(paint("stopping", Paint::Yellow, color));
    }
    format!("  {}", parts.join("  ·  "))
}

impl Observer for Live {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        let (color, width) = (self.output.color_talk, terminal().0);
        // The lines below first: each line above draws them anew, and so never beside an older state of theirs.
        self.draw(state, records.last().map_or(state.started_at, |r| r.at));
        let shown: Vec<&Record> = records.iter().filter(|r| self.scope.keeps(r)).collect();
        for line in shown.into_iter().flat_map(|record| lines(state, record)) {
            for row in line.render_in(width, color) {
                drop(self.screen.println(row));
            }
        }
    }

    fn tick_interval(&self) -> Option<Duration> {
        Some(TICK)
    }

    fn tick(&mut self, state: &State, now: Time) {
        self.draw(state, now);
    }

    fn warn(&mut self, text: &str) {
        let problem = Problem { message: text.to_owned(), location: None, hints: Vec::new() };
        drop(self.screen.println(problem.render("warning", Paint::Yellow, self.output.color_talk).trim_end()));
    }

    fn detach(&mut self) {
        self.screen.set_draw_target(ProgressDrawTarget::hidden());
    }
}
