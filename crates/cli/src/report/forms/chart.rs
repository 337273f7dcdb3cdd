//! The timeline as bars in per cent of the run's time, for drawings that scale. Knows no language of pages.

use greenlane_core::ids::TaskKey;

use crate::report::run_report::Chain;
use crate::report::text::clean;
use crate::report::timeline::Bar;

/// More rows than this tell less: the tasks that took longest are drawn.
const ROWS_MAX: usize = 400;
/// What is narrower than this cannot be seen, in per cent.
const WIDTH_MIN: f64 = 0.15;
/// Least width of a refusal, as a part of the whole.
const REFUSED: f64 = 0.005;
/// How many marks the axis has at least.
const MARKS_MIN: f64 = 4.0;
/// Steps of the axis, in seconds.
const STEPS: [f64; 18] =
    [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0, 604_800.0];

/// One task's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// It is on the longest chain of its plan.
    pub critical: bool,
    /// Its bars, the earliest first.
    pub parts: Vec<Part>,
    /// The seconds of its attempts together.
    pub seconds: f64,
}

/// A stretch of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What happened: `wait`, `work`, `check`, `land`, `fail`.
    pub what: &'static str,
    /// Where it begins, in per cent.
    pub x: f64,
    /// How long it is, in per cent.
    pub width: f64,
    /// What it is in words.
    pub title: String,
}

/// A mark on the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where, in per cent.
    pub x: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// The rows in the order of their starts, and how many shorter ones are left out.
#[must_use]
pub fn rows(bars: &[Bar], chains: &[Chain], plans: usize, elapsed: f64) -> (Vec<Row>, usize) {
    let elapsed = elapsed.max(0.001);
    let mut of_task: Vec<(TaskKey, Vec<&Bar>)> = Vec::new();
    for bar in bars.iter().filter(|b| b.number.is_some()) {
        let key = TaskKey::new(bar.plan.as_str(), bar.task.as_str());
        match of_task.last_mut() {
            Some((last, bars)) if *last == key => bars.push(bar),
            _ => of_task.push((key, vec![bar])),
        }
    }
    let spent = |bars: &[&Bar]| bars.iter().map(|b| b.end - b.start).sum::<f64>();
    let left_out = of_task.len().saturating_sub(ROWS_MAX);
    if left_out > 0 {
        of_task.sort_by(|a, b| spent(&b.1).total_cmp(&spent(&a.1)));
        of_task.truncate(ROWS_MAX);
    }
    of_task.sort_by(|a, b| a.1[0].start.total_cmp(&b.1[0].start));
    let critical = |key: &TaskKey| chains.iter().any(|c| c.plan == key.plan.as_str() && c.tasks.iter().any(|t| t == key.task.as_str()));
    let row = |(key, bars): (TaskKey, Vec<&Bar>)| Row {
        name: clean(&if plans > 1 { key.to_string() } else { key.task.to_string() }),
        critical: critical(&key),
        parts: parts(&bars, elapsed),
        seconds: spent(&bars),
    };
    (of_task.into_iter().map(row).collect(), left_out)
}

fn parts(bars: &[&Bar], elapsed: f64) -> Vec<Part> {
    let mut out = Vec::new();
    let mut put = |what, from: f64, to: f64, title: String| {
        if to > from {
            let x = (from / elapsed * 100.0).clamp(0.0, 100.0 - WIDTH_MIN);
            let width = ((to - from) / elapsed * 100.0).clamp(WIDTH_MIN, 100.0 - x);
            out.push(Part { what, x, width, title });
        }
    };
    for (i, bar) in bars.iter().enumerate() {
        let number = bar.number.unwrap_or(bar.n);
        let title =
            |doing: &str, from: f64, to: f64| format!("attempt {number} by {} {doing} {}", clean(&bar.agent), super::seconds(to - from));
        if let Some(before) = i.checked_sub(1).map(|i| bars[i]) {
            put("wait", before.end, bar.start, format!("waits {} for attempt {number}", super::seconds(bar.start - before.end)));
        }
        let worked = bar.exited.unwrap_or(bar.end);
        let failed = !bar.landed && bar.exited.is_some() && bar.judged.is_none();
        put(
            if failed { "fail" } else { "work" },
            bar.start,
            worked,
            title(if failed { "failed after" } else { "worked" }, bar.start, worked),
        );
        if let (Some(exited), Some(judged)) = (bar.exited, bar.judged) {
            put("check", exited, judged, title("was checked", exited, judged));
            put(
                if bar.landed { "land" } else { "fail" },
                judged,
                // What was refused at once is seen as well.
                if bar.landed { bar.end } else { bar.end.max(judged + elapsed * REFUSED) },
                title(if bar.landed { "landed in" } else { "did not land after" }, judged, bar.end),
            );
        }
    }
    out
}

/// The axis.
#[must_use]
pub fn ticks(elapsed: f64) -> Vec<Tick> {
    let step = STEPS.iter().rev().copied().find(|s| elapsed / s >= MARKS_MIN).unwrap_or(STEPS[0]);
    let count = (elapsed / step).floor().clamp(0.0, 40.0) as u32;
    (0..=count).map(|i| f64::from(i) * step).map(|seconds| Tick { x: seconds / elapsed.max(0.001) * 100.0, seconds }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::report::timeline::timeline;

    #[test]
    fn bars_are_to_scale_and_the_chain_is_marked() {
        let run = samples::ended();
        let bars = timeline(&run.state, run.now);
        let chains = [Chain { plan: "limits".into(), tasks: vec!["header".into()], seconds: 1.0, base_suite_seconds: 0.0 }];
        let (rows, left_out) = rows(&bars, &chains, 1, 204.0);
        assert_eq!((rows.len(), left_out), (3, 0));
        let header = rows.iter().find(|r| r.name == "header").unwrap();
        assert!(header.critical && rows.iter().filter(|r| r.critical).count() == 1);
        let what: Vec<&str> = header.parts.iter().map(|p| p.what).collect();
        assert_eq!(what, ["fail", "wait", "work", "land"]);
        assert!((header.parts[1].width - 90.0 / 204.0 * 100.0).abs() < 0.01, "{:?}", header.parts[1]);
        assert_eq!(header.parts[1].title, "waits 1m30s for attempt 2");
    }

    #[test]
    fn the_axis_has_a_few_round_marks_whatever_the_time() {
        for elapsed in [0.0, 0.3, 3.0, 204.0, 9_000.0, 90_000.0, 9e6] {
            let ticks = ticks(elapsed);
            assert!((1..=41).contains(&ticks.len()), "{elapsed}: {}", ticks.len());
        }
        assert_eq!(ticks(204.0).iter().map(|t| t.seconds).collect::<Vec<_>>(), [0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0]);
    }
}
