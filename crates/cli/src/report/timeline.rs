//! When each attempt ran, was checked and landed, as data and as a picture in plain characters. Decides nothing.

use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::ids::TaskKey;
use greenlane_core::state::{Phase, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::{RunClock, attempt_end};
use serde::Serialize;

use super::text::{Look, clean, columns, fit, humane};

/// More rows than this tell less: the tasks that took longest are drawn.
const ROWS_MAX: usize = 60;
const NAME_WIDTH_MAX: usize = 28;

/// One attempt on the timeline; seconds by the run's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// The task.
    pub task: String,
    /// Its plan.
    pub plan: String,
    /// Which attempt: its id.
    pub n: u32,
    /// As which attempt people know it; `None`: it never began, and is not drawn.
    pub number: Option<u32>,
    /// Who.
    pub agent: String,
    /// When it was decided on.
    pub start: f64,
    /// When its keeper ran.
    pub spawned: Option<f64>,
    /// When its processes were gone.
    pub exited: Option<f64>,
    /// When the gate had judged it.
    pub judged: Option<f64>,
    /// When it was over: landed, or failed; or now.
    pub end: f64,
    /// It is on the branch.
    pub landed: bool,
    /// It was in a person's hands until its processes were gone.
    pub by_hand: bool,
}

/// The bars of a run, in the order of its tasks.
#[must_use]
pub fn timeline(state: &State, now: Time) -> Vec<Bar> {
    let clock = RunClock::of(state);
    state.tasks.iter().flat_map(|t| bars(state, &clock, t, now)).collect()
}

fn bars(state: &State, clock: &RunClock, task: &TaskState, now: Time) -> Vec<Bar> {
    let seconds = |at: Time| clock.at(at).as_secs_f64();
    let end_of_run = state.ended_at.unwrap_or(now);
    let newest = task.attempts.len().saturating_sub(1);
    let of = |(i, a): (usize, &greenlane_core::state::AttemptState)| {
        let landed = i == newest && task.phase == Phase::Done;
        Bar {
            task: task.key.task.to_string(),
            plan: task.key.plan.to_string(),
            n: a.n,
            number: task.number_of(a.n),
            agent: a.agent.clone(),
            start: seconds(a.started_at),
            spawned: a.spawned.as_ref().map(|s| seconds(s.at)),
            exited: a.exited_at.map(seconds),
            judged: a.judged_at.map(seconds),
            end: seconds(attempt_end(task, a).unwrap_or(end_of_run)),
            landed,
            by_hand: state.is_hand_off(&a.agent),
        }
    };
    task.attempts.iter().enumerate().map(of).collect()
}

/// The picture; every line ended. Empty where nothing was tried.
#[must_use]
pub fn gantt(bars: &[Bar], plans: usize, elapsed: Duration, look: Look) -> String {
    let mut rows: Vec<(TaskKey, Vec<&Bar>)> = Vec::new();
    for bar in bars.iter().filter(|b| b.number.is_some()) {
        let key = TaskKey::new(bar.plan.as_str(), bar.task.as_str());
        match rows.iter_mut().rev().find(|(k, _)| *k == key) {
            Some((_, bars)) => bars.push(bar),
            None => rows.push((key, vec![bar])),
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let hidden = keep_longest(&mut rows);
    rows.sort_by(|a, b| a.1[0].start.total_cmp(&b.1[0].start));
    let name = |key: &TaskKey| clean(&if plans > 1 { key.to_string() } else { key.task.to_string() });
    let name_width = rows.iter().map(|(k, _)| columns(&name(k))).max().unwrap_or(0).min(NAME_WIDTH_MAX);
    let width = look.width.saturating_sub(name_width + 12).max(20);
    let scale = width as f64 / elapsed.as_secs_f64().max(0.001);
    let mut out = String::new();
    let column = 1.0 / scale;
    let column = if column < 1.0 { format!("{:.0}ms", column * 1000.0) } else { format!("{column:.1}s") };
    let _ = writeln!(out, "a column is {column}");
    let by_hand = if bars.iter().any(|b| b.by_hand && b.number.is_some()) { "  ~ waits for a person" } else { "" };
    let _ = writeln!(out, "= works{by_hand}  + is checked  > lands  . waits to be tried again  x failed");
    for (key, bars) in &rows {
        let line: String = draw(bars, width, scale).into_iter().collect();
        let spent: f64 = bars.iter().map(|b| b.end - b.start).sum();
        let spent = humane(Duration::try_from_secs_f64(spent).unwrap_or_default());
        let _ = writeln!(out, "{} |{line}| {spent}", fit(&name(key), name_width));
    }
    if hidden > 0 {
        let _ = writeln!(out, "and {hidden} shorter ones");
    }
    out
}

fn keep_longest(rows: &mut Vec<(TaskKey, Vec<&Bar>)>) -> usize {
    let hidden = rows.len().saturating_sub(ROWS_MAX);
    if hidden > 0 {
        let spent = |bars: &[&Bar]| bars.iter().map(|b| b.end - b.start).sum::<f64>();
        rows.sort_by(|a, b| spent(&b.1).total_cmp(&spent(&a.1)));
        rows.truncate(ROWS_MAX);
    }
    hidden
}

fn draw(bars: &[&Bar], width: usize, scale: f64) -> Vec<char> {
    let mut line = vec![' '; width];
    let at = |seconds: f64| ((seconds * scale) as usize).min(width - 1);
    let mut fill = |from: f64, to: f64, c: char| {
        // What is shorter than a column still has one.
        for cell in &mut line[at(from)..=at(to).max(at(from))] {
            *cell = c;
        }
    };
    for (i, bar) in bars.iter().enumerate() {
        if let Some(before) = i.checked_sub(1).map(|i| bars[i]) {
            fill(before.end, bar.start, '.');
        }
        fill(bar.start, bar.exited.unwrap_or(bar.end), if bar.by_hand { '~' } else { '=' });
    }
    for bar in bars {
        if let (Some(exited), Some(judged)) = (bar.exited, bar.judged) {
            fill_between(&mut line, at(exited), at(judged), '+');
        }
        if let Some(judged) = bar.judged.filter(|_| bar.landed) {
            fill_between(&mut line, at(judged), at(bar.end), '>');
        }
        let over = if bar.landed { '>' } else { 'x' };
        if bar.landed || bar.exited.is_some() {
            line[at(bar.end)] = over;
        }
    }
    line
}

/// After the first column, which belongs to what was before.
fn fill_between(line: &mut [char], from: usize, to: usize, c: char) {
    for cell in line.iter_mut().take(to + 1).skip(from + 1) {
        *cell = c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn attempts_waits_and_landings_are_drawn_to_scale() {
        let run = samples::ended();
        let elapsed = run.now.since(run.state.started_at);
        let bars = timeline(&run.state, run.now);
        let header: Vec<&Bar> = bars.iter().filter(|b| b.task == "header").collect();
        assert_eq!(header.iter().map(|b| (b.start, b.end, b.landed)).collect::<Vec<_>>(), [(32.0, 96.0, false), (186.0, 204.0, true)]);
        let picture = gantt(&bars, 1, elapsed, Look { width: 69, color: false });
        let expected = "\
a column is 4.0s
= works  + is checked  > lands  . waits to be tried again  x failed
bucket |========>                                          | 32s
docs   |=====x                                             | 20s
header |        ================x.....................====>| 1m22s
";
        assert_eq!(picture, expected);
    }

    #[test]
    fn a_run_without_time_or_with_very_many_tasks_is_drawn_too() {
        let run = samples::two_plans();
        let bars = timeline(&run.state, run.now);
        let picture = gantt(&bars, 2, Duration::ZERO, Look { width: 60, color: false });
        assert!(picture.contains("limits/bucket |="), "{picture}");
        assert_eq!(gantt(&[], 1, Duration::ZERO, Look { width: 60, color: false }), "");
        let many: Vec<Bar> = (0..100).map(|i| Bar { task: format!("t{i}"), end: f64::from(i), ..bars[0].clone() }).collect();
        let picture = gantt(&many, 1, Duration::from_secs(100), Look { width: 60, color: false });
        assert!(picture.ends_with("and 40 shorter ones\n") && picture.contains("t99 "), "{picture}");
    }
}
