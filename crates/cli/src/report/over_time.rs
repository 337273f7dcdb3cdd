//! Runs over time: how each went, whether it gets better, what goes wrong again and again. Made of the runs' own documents and states,
//! for `runs`, `report --all` and the dashboards. Reads no files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::deficiency::Book;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_core::view::{Status, UsageView};
use serde::Serialize;

use super::retried::Retries;
use super::text::{Look, clean, columns, fit, humane, wrapped};
use super::{sections, sign, state_paint};
use crate::output::{Paint, paint};

/// With fewer runs than this that came to an end there is no trend.
const TREND_MIN: usize = 4;
/// So many recurring deficiencies are told.
const RECURRING_MAX: usize = 20;
const LINES_MAX: usize = 3;
const PLANS_WIDTH_MIN: usize = 10;
/// A sign and the longest state.
const STATE_WIDTH: usize = 13;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub id: String,
    /// As in `status --json`; `unreadable` where the journal cannot be replayed.
    pub state: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub ended_at: Option<String>,
    /// By the run's clock.
    pub elapsed_seconds: f64,
    /// Its plans.
    pub plans: Vec<PlanLine>,
    /// All tasks.
    pub total: usize,
    /// Landed.
    pub done: usize,
    /// Failed, needing a human, skipped or cancelled.
    pub not_done: usize,
    /// A suite was green on everything that landed.
    pub verified: bool,
    /// One-at-a-time over elapsed.
    pub speedup: f64,
    /// The best possible time over the elapsed one.
    pub efficiency: f64,
    /// Attempts that began.
    pub attempts: usize,
    /// Attempts after failed ones.
    pub retries: usize,
    /// Failed attempts by their kind.
    pub failures: BTreeMap<String, usize>,
    /// Tokens and cost, where agents tell.
    pub usage: UsageView,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// A plan of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanLine {
    /// Its id.
    pub id: String,
    /// Where it landed.
    pub branch: Option<String>,
    /// As in `status --json`.
    pub state: String,
}

impl RunLine {
    /// Of a run that could be replayed.
    #[must_use]
    pub fn of(doc: Status, state: &State) -> Self {
        let s = &doc.summary;
        let mut failures: BTreeMap<String, usize> = BTreeMap::new();
        for failure in state.tasks.iter().flat_map(|t| &t.attempts).filter_map(|a| a.failure.as_ref()) {
            *failures.entry(failure.kind.as_str().to_owned()).or_default() += 1;
        }
        Self {
            id: doc.run.id.to_string(),
            elapsed_seconds: s.elapsed_seconds,
            total: s.total,
            done: s.done,
            not_done: s.failed + s.needs_human + s.skipped + s.cancelled,
            verified: s.verified,
            speedup: s.speedup,
            efficiency: s.efficiency,
            usage: s.usage.clone(),
            attempts: doc.tasks.iter().map(|t| t.begun().count()).sum(),
            retries: Retries::of(state).attempts,
            failures,
            plans: doc.plans.into_iter().map(|p| PlanLine { id: p.id, branch: p.branch, state: p.state }).collect(),
            state: doc.run.state,
            started_at: doc.run.started_at,
            ended_at: doc.run.ended_at,
            error: None,
        }
    }

    /// Of one that could not.
    #[must_use]
    pub fn unreadable(id: &str, started_at: String, error: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: String::from("unreadable"),
            started_at,
            ended_at: None,
            elapsed_seconds: 0.0,
            plans: Vec::new(),
            total: 0,
            done: 0,
            not_done: 0,
            verified: false,
            speedup: 0.0,
            efficiency: 0.0,
            attempts: 0,
            retries: 0,
            failures: BTreeMap::new(),
            usage: UsageView::default(),
            error: Some(error.trim_start_matches("error: ").trim_end().to_owned()),
        }
    }

    fn came_to_an_end(&self) -> bool {
        self.error.is_none() && self.ended_at.is_some() && self.total > 0
    }
}

/// A figure in the older half of the runs and in the newer half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// In the older half.
    pub earlier: f64,
    /// In the newer half.
    pub later: f64,
}

/// Whether it gets better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trends {
    /// How many runs are in it.
    pub runs: usize,
    /// Tasks that landed, of all.
    pub success_rate: Trend,
    /// One-at-a-time over elapsed, the mean.
    pub speedup: Trend,
    /// Attempts for each task that landed.
    pub attempts_per_landed: Trend,
    /// US dollars for each task that landed, where agents tell.
    pub cost_per_landed: Option<Trend>,
}

/// A fault that came more than once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recurring {
    /// Its id.
    pub id: String,
    /// What goes wrong.
    pub description: String,
    /// How often.
    pub frequency: u64,
    /// RFC 3339, UTC.
    pub last_seen: String,
    /// How far its remedy is.
    pub remediation_status: String,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverTime {
    /// The newest first.
    pub runs: Vec<RunLine>,
    /// `None`: there are too few.
    pub trends: Option<Trends>,
    /// Failed attempts by kind, in the older and in the newer half of the runs; `earlier` and `later` are counts.
    pub failures: BTreeMap<String, Trend>,
    /// What was tried again, in all runs.
    pub retries: Retries,
    /// What goes wrong again and again, what matters most first.
    pub deficiencies: Vec<Recurring>,
}

impl OverTime {
    /// `runs`: the newest first.
    #[must_use]
    pub fn new(runs: Vec<RunLine>, retries: Retries, book: Option<&Book>, now: Time) -> Self {
        let ended: Vec<&RunLine> = runs.iter().filter(|r| r.came_to_an_end()).collect();
        let (later, earlier) = ended.split_at(ended.len() / 2);
        let mut failures: BTreeMap<String, Trend> = BTreeMap::new();
        for (half, is_later) in [(later, true), (earlier, false)] {
            for (kind, n) in half.iter().flat_map(|r| &r.failures) {
                let of = failures.entry(kind.clone()).or_insert(Trend { earlier: 0.0, later: 0.0 });
                *if is_later { &mut of.later } else { &mut of.earlier } += *n as f64;
            }
        }
        let trends = (ended.len() >= TREND_MIN).then(|| trends(earlier, later));
        let again = book.map(|b| b.by_priority(now)).unwrap_or_default().into_iter().filter(|d| d.frequency > 1).take(RECURRING_MAX);
        let deficiencies = again.map(|d| Recurring {
            id: d.id.clone(),
            description: d.description.clone(),
            frequency: d.frequency,
            last_seen: d.last_seen.rfc3339(),
            remediation_status: d.remediation_status.as_str().to_owned(),
        });
        let deficiencies = deficiencies.collect();
        Self { runs, trends, failures, retries, deficiencies }
    }
}

fn trends(earlier: &[&RunLine], later: &[&RunLine]) -> Trends {
    let both = |of: &dyn Fn(&[&RunLine]) -> f64| Trend { earlier: of(earlier), later: of(later) };
    let sum = |half: &[&RunLine], of: fn(&RunLine) -> f64| half.iter().map(|r| of(r)).sum::<f64>();
    let done = |r: &RunLine| r.done as f64;
    let paid = |r: &RunLine| r.usage.cost_usd.unwrap_or_default();
    let told = |half: &[&RunLine]| half.iter().any(|r| r.usage.cost_usd.is_some());
    Trends {
        runs: earlier.len() + later.len(),
        success_rate: both(&|half| sum(half, done) / sum(half, |r| r.total as f64).max(1.0)),
        speedup: both(&|half| sum(half, |r| r.speedup) / (half.len() as f64).max(1.0)),
        attempts_per_landed: both(&|half| sum(half, |r| r.attempts as f64) / sum(half, done).max(1.0)),
        cost_per_landed: (told(earlier) && told(later)).then(|| both(&|half| sum(half, paid) / sum(half, done).max(1.0))),
    }
}

/// What is left out where a terminal is narrow, by its place in the row, what is missed least first.
const LEFT_OUT: [usize; 4] = [0, 5, 4, 1];

/// A line for each run, in columns; every line ended.
#[must_use]
pub fn runs(all: &[RunLine], look: Look) -> String {
    let id = all.iter().map(|r| columns(&r.id)).max().unwrap_or(0);
    let rows: Vec<[String; 6]> = all.iter().map(cells).collect();
    let mut widths: [usize; 6] = std::array::from_fn(|i| rows.iter().map(|r| columns(&r[i])).max().unwrap_or(0));
    let taken = |widths: &[usize; 6]| id + 2 + STATE_WIDTH + widths.iter().filter(|w| **w > 0).map(|w| w + 2).sum::<usize>();
    for place in LEFT_OUT {
        if taken(&widths) + 2 + PLANS_WIDTH_MIN > look.width {
            widths[place] = 0;
        }
    }
    let mut out = String::new();
    for (run, row) in all.iter().zip(&rows) {
        // A run that ended with something undone has no tick.
        let judged = if run.state == "finished" && run.not_done > 0 { "failed" } else { &run.state };
        let state = fit(&format!("{} {}", sign(judged), run.state), STATE_WIDTH);
        let mut line = fit(&run.id, id);
        for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
            if i == 1 {
                line.push_str("  ");
                line.push_str(&paint(&state, state_paint(judged), look.color));
                if let Some(error) = &run.error {
                    line.push_str("  ");
                    line.push_str(&clean(error));
                    break;
                }
            }
            if width > 0 {
                let pad = " ".repeat(width - columns(cell));
                // Numbers at the right of their columns, words at the left.
                let cell = if i == 3 { paint(cell, Paint::Red, look.color) } else { cell.clone() };
                line.push_str(&if matches!(i, 0 | 3) { format!("  {cell}{pad}") } else { format!("  {pad}{cell}") });
            }
        }
        if run.error.is_none() {
            let plans = run.plans.iter().map(|p| clean(&p.id)).collect::<Vec<_>>().join(", ");
            line.push_str("  ");
            line.push_str(fit(&plans, look.width.saturating_sub(taken(&widths) + 2).max(PLANS_WIDTH_MIN)).trim_end());
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// When it began, how long it took, what is done and what is not, how much faster, for how much.
fn cells(run: &RunLine) -> [String; 6] {
    let started = run.started_at.get(..16).unwrap_or(&run.started_at).replace('T', " ");
    if run.error.is_some() {
        return [format!("{started}Z"), String::new(), String::new(), String::new(), String::new(), String::new()];
    }
    [
        format!("{started}Z"),
        humane(Duration::try_from_secs_f64(run.elapsed_seconds).unwrap_or_default()),
        format!("{}/{} done", run.done, run.total),
        if run.not_done > 0 { format!("{} not", run.not_done) } else { String::new() },
        if run.done > 0 && run.ended_at.is_some() { format!("{:.1}×", run.speedup) } else { String::new() },
        run.usage.cost_usd.map(|c| format!("${c:.2}")).unwrap_or_default(),
    ]
}

/// What the trends say, a line each; empty where there are none.
#[must_use]
pub fn trend_lines(all: &OverTime) -> Vec<String> {
    let Some(t) = &all.trends else { return Vec::new() };
    let percent = |v: f64| format!("{:.0} %", v * 100.0);
    let mut lines = vec![
        format!("tasks landed {} → {}", percent(t.success_rate.earlier), percent(t.success_rate.later)),
        format!("speed-up {:.1} → {:.1}", t.speedup.earlier, t.speedup.later),
        format!("attempts for each that landed {:.1} → {:.1}", t.attempts_per_landed.earlier, t.attempts_per_landed.later),
    ];
    lines.extend(t.cost_per_landed.map(|c| format!("cost of each that landed ${:.2} → ${:.2}", c.earlier, c.later)));
    lines
}

/// The whole as text.
#[must_use]
pub fn over_time(all: &OverTime, look: Look) -> String {
    let mut out = runs(&all.runs, look);
    let heading = |out: &mut String, text: &str| {
        let _ = writeln!(out, "\n{}", paint(text, Paint::Bold, look.color));
    };
    if let Some(t) = &all.trends {
        heading(&mut out, &format!("The older half of {} runs against the newer", t.runs));
        trend_lines(all).iter().for_each(|line| out.extend([line, "\n"]));
    }
    if !all.failures.is_empty() {
        heading(&mut out, "Failed attempts, older half → newer half");
        let width = all.failures.keys().map(|k| columns(k)).max().unwrap_or(0);
        for (kind, of) in &all.failures {
            let _ = writeln!(out, "{}  {} → {}", fit(&kind.replace('_', " "), width), of.earlier, of.later);
        }
    }
    if let Some(line) = sections::retries(&all.retries) {
        heading(&mut out, "Tried again");
        let _ = writeln!(out, "{line}");
    }
    if !all.deficiencies.is_empty() {
        heading(&mut out, "What goes wrong again and again");
        for one in &all.deficiencies {
            let last = one.last_seen.get(..10).unwrap_or(&one.last_seen);
            let head = format!("{:>4}×  ", one.frequency);
            let lines = wrapped(&clean(&one.description), look.width.saturating_sub(head.len()), LINES_MAX);
            for (i, line) in lines.iter().enumerate() {
                let _ = writeln!(out, "{}{line}", if i == 0 { head.clone() } else { " ".repeat(columns(&head)) });
            }
            let told = format!("last {last}, {} ({})", one.remediation_status.replace('_', " "), one.id);
            let _ = writeln!(out, "{}{}", " ".repeat(columns(&head)), paint(&told, Paint::Dim, look.color));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::deficiency::{DeficiencyType, Fact};
    use greenlane_core::view::Coordinator;

    const LOOK: Look = Look { width: 100, color: false };

    fn line(run: &samples::Sample, coordinator: Coordinator) -> RunLine {
        RunLine::of(run.status(coordinator), &run.state)
    }

    #[test]
    fn the_history_is_a_line_for_each_run() {
        let half = samples::half_way();
        let broken = RunLine::unreadable("r0", "2026-01-01T00:00:00.000Z".into(), "error: line 3: unknown event\n");
        let all = [line(&samples::ended(), Coordinator::Gone), line(&half, Coordinator::Gone), line(&half, Coordinator::Alive), broken];
        let expected = "\
r1  2026-01-02 03:04Z  ✗ finished     3m24s  2/4 done  2 not  0.7×  $2.00  limits
r1  2026-01-02 03:04Z  ! interrupted    32s  1/4 done  2 not        $1.00  limits
r1  2026-01-02 03:04Z  ▶ running      1m36s  1/4 done  2 not        $1.00  limits
r0  2026-01-01 00:00Z  · unreadable   line 3: unknown event
";
        assert_eq!(runs(&all, LOOK), expected);
        for width in [60, 80, 100] {
            let text = runs(&all, Look { width, color: false });
            let widest = text.lines().filter(|l| !l.contains("unreadable")).map(columns).max().unwrap();
            assert!(widest <= width && text.contains("2/4 done  2 not") && text.contains("limits"), "{width}:\n{text}");
        }
    }

    #[test]
    fn the_newer_half_is_held_against_the_older() {
        let sample = samples::ended();
        let old = line(&sample, Coordinator::Gone);
        let new = RunLine { done: 4, not_done: 0, speedup: 2.5, failures: BTreeMap::new(), ..old.clone() };
        let mut book = Book::default();
        for at in 1..=3 {
            book.apply(Time(at), &Fact::recorded(DeficiencyType::LogicError, "no frob", &Default::default(), None)).unwrap();
        }
        let all = OverTime::new(vec![new.clone(), new, old.clone(), old], Retries::of(&sample.state), Some(&book), sample.now);
        let text = over_time(&all, LOOK);
        for part in [
            "The older half of 4 runs against the newer\ntasks landed 50 % → 100 %\nspeed-up 0.7 → 2.5\n",
            "cost of each that landed $1.00 → $0.50\n",
            "Failed attempts, older half → newer half\napi error             2 → 0\n",
            "Tried again\n1 attempt after failures (1 api error)",
            "   3×  no frob\n",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert_eq!(OverTime::new(Vec::new(), Retries::default(), None, sample.now).trends, None);
    }
}
