//! The timeline as bars in per cent of its width, for drawings that scale: the HTML report and the dashboard in the browser draw the same
//! ones. Knows no language of pages.

use greenlane_core::ids::TaskKey;

use super::text::humane;

/// What is narrower than this cannot be seen, in per cent.
const WIDTH_MIN: f64 = 0.15;
/// Least width of a refusal, as a part of the whole.
const REFUSED: f64 = 0.005;
/// How many marks the axis has at least.
const MARKS_MIN: f64 = 4.0;
/// Steps of the axis, in seconds.
const STEPS: [f64; 18] =
    [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0, 604_800.0];

/// An attempt; seconds by the run's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its task.
    pub key: TaskKey,
    /// The same to be shown.
    pub name: String,
    /// It is on the longest chain of its plan.
    pub critical: bool,
    /// As which attempt people know it.
    pub number: u32,
    /// Who, to be shown.
    pub agent: String,
    /// When it was decided on.
    pub start: f64,
    /// When its processes were gone.
    pub exited: Option<f64>,
    /// When the gate had judged it.
    pub judged: Option<f64>,
    /// When it was over, or now.
    pub end: f64,
    /// What has become of it.
    pub fate: Fate,
}

/// What has become of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Open,
    /// Its work is on the branch.
    Landed,
    /// It failed, or was called off.
    Lost,
}

impl Fate {
    /// One word, also as a class of a style sheet.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Landed => "landed",
            Self::Lost => "lost",
        }
    }
}

/// One task's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The task.
    pub key: TaskKey,
    /// Its name.
    pub name: String,
    /// It is on the longest chain of its plan.
    pub critical: bool,
    /// Its bars, the earliest first.
    pub parts: Vec<Part>,
    /// How many attempts there were.
    pub attempts: usize,
    /// When the first one began, in seconds.
    pub start: f64,
    /// The seconds of its attempts together.
    pub seconds: f64,
    /// What has become of the newest.
    pub fate: Fate,
}

impl Row {
    /// Where its first bar begins and how far it is to the end of the last, in per cent.
    #[must_use]
    pub fn extent(&self) -> (f64, f64) {
        let (first, last) = (self.parts.first(), self.parts.last());
        let x = first.map_or(0.0, |p| p.x);
        (x, last.map_or(0.0, |p| p.x + p.width) - x)
    }
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
    /// What has become of its attempt.
    pub fate: Fate,
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

/// The rows in the order of their starts, and how many shorter ones are left out of more than `rows_max`. Attempts of a task stand side by
/// side in `attempts`. `seconds`: what the whole width stands for.
#[must_use]
pub fn rows(attempts: &[Attempt], rows_max: usize, seconds: f64) -> (Vec<Row>, usize) {
    let seconds = seconds.max(0.001);
    let mut of_task: Vec<&[Attempt]> = attempts.chunk_by(|a, b| a.key == b.key).collect();
    let spent = |of: &[Attempt]| of.iter().map(|a| a.end - a.start).sum::<f64>();
    let left_out = of_task.len().saturating_sub(rows_max);
    if left_out > 0 {
        of_task.sort_by(|a, b| spent(b).total_cmp(&spent(a)));
        of_task.truncate(rows_max);
    }
    // By their place in the run where several began at once.
    of_task.sort_by(|a, b| a[0].start.total_cmp(&b[0].start));
    let row = |of: &[Attempt]| {
        let (first, last) = (&of[0], &of[of.len() - 1]);
        Row {
            key: first.key.clone(),
            name: first.name.clone(),
            critical: of.iter().any(|a| a.critical),
            parts: parts(of, seconds),
            attempts: of.len(),
            start: first.start,
            seconds: spent(of),
            fate: last.fate,
        }
    };
    (of_task.into_iter().map(row).collect(), left_out)
}

fn parts(attempts: &[Attempt], seconds: f64) -> Vec<Part> {
    let mut out = Vec::new();
    let mut put = |what, fate, from: f64, to: f64, title: String| {
        if to > from {
            let x = (from / seconds * 100.0).clamp(0.0, 100.0 - WIDTH_MIN);
            let width = ((to - from) / seconds * 100.0).clamp(WIDTH_MIN, 100.0 - x);
            out.push(Part { what, x, width, fate, title });
        }
    };
    for (i, a) in attempts.iter().enumerate() {
        let title = |doing: &str, from: f64, to: f64| format!("attempt {} by {} {doing} {}", a.number, a.agent, span(to - from));
        if let Some(before) = i.checked_sub(1).map(|i| &attempts[i]) {
            put("wait", Fate::Open, before.end, a.start, format!("waits {} for attempt {}", span(a.start - before.end), a.number));
        }
        let worked = a.exited.unwrap_or(a.end);
        let failed = a.fate == Fate::Lost && a.exited.is_some() && a.judged.is_none();
        let (what, doing) = match a.fate {
            _ if failed => ("fail", "failed after"),
            Fate::Open if a.exited.is_none() => ("work", "has been at work for"),
            _ => ("work", "worked"),
        };
        put(what, a.fate, a.start, worked, title(doing, a.start, worked));
        match (a.exited, a.judged) {
            (Some(exited), None) if a.fate == Fate::Open => {
                put("check", a.fate, exited, a.end, title("has been checked for", exited, a.end));
            }
            (Some(exited), Some(judged)) => {
                put("check", a.fate, exited, judged, title("was checked", exited, judged));
                let (what, doing, end) = match a.fate {
                    Fate::Landed => ("land", "landed in", a.end),
                    Fate::Open => ("land", "has waited to land for", a.end),
                    // What was refused at once is seen as well.
                    Fate::Lost => ("fail", "did not land after", a.end.max(judged + seconds * REFUSED)),
                };
                put(what, a.fate, judged, end, title(doing, judged, a.end));
            }
            _ => {}
        }
    }
    out
}

/// Seconds for people.
fn span(seconds: f64) -> String {
    humane(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
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

    fn attempt(task: &str, number: u32, times: [Option<f64>; 4], fate: Fate) -> Attempt {
        let [start, exited, judged, end] = times;
        Attempt {
            key: TaskKey::new("p", task),
            name: task.into(),
            critical: task == "b",
            number,
            agent: "claude".into(),
            start: start.unwrap_or_default(),
            exited,
            judged,
            end: end.unwrap_or_default(),
            fate,
        }
    }

    #[test]
    fn bars_are_to_scale_and_say_what_they_are() {
        let attempts = [
            attempt("b", 1, [Some(32.0), Some(96.0), None, Some(96.0)], Fate::Lost),
            attempt("b", 2, [Some(186.0), Some(196.0), Some(200.0), Some(204.0)], Fate::Landed),
            attempt("a", 1, [Some(0.0), Some(10.0), Some(11.0), Some(11.0)], Fate::Lost),
        ];
        let (rows, left_out) = rows(&attempts, 10, 204.0);
        assert_eq!((rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), left_out), (vec!["a", "b"], 0));
        let b = &rows[1];
        assert!(b.critical && !rows[0].critical && b.attempts == 2 && b.fate == Fate::Landed && (b.seconds - 82.0).abs() < 1e-9);
        let what: Vec<(&str, &str)> = b.parts.iter().map(|p| (p.what, p.title.as_str())).collect();
        let expected = [
            ("fail", "attempt 1 by claude failed after 1m04s"),
            ("wait", "waits 1m30s for attempt 2"),
            ("work", "attempt 2 by claude worked 10s"),
            ("check", "attempt 2 by claude was checked 4.0s"),
            ("land", "attempt 2 by claude landed in 4.0s"),
        ];
        assert_eq!(what, expected);
        assert!((b.parts[1].width - 90.0 / 204.0 * 100.0).abs() < 0.01, "{:?}", b.parts[1]);
        let (x, width) = b.extent();
        assert!((x - 32.0 / 2.04).abs() < 0.01 && (x + width - 100.0).abs() < 0.01, "{x} {width}");
        let refused = rows[0].parts.last().unwrap();
        assert!(refused.what == "fail" && refused.width >= REFUSED * 100.0 - 1e-9, "what took no time is seen: {refused:?}");
    }

    #[test]
    fn what_goes_on_has_not_failed() {
        let what = |exited, judged| {
            let open = attempt("a", 1, [Some(0.0), exited, judged, Some(10.0)], Fate::Open);
            rows(&[open], 10, 10.0).0[0].parts.iter().map(|p| p.what).collect::<Vec<_>>()
        };
        assert_eq!(what(None, None), ["work"]);
        assert_eq!(what(Some(4.0), None), ["work", "check"]);
        assert_eq!(what(Some(4.0), Some(6.0)), ["work", "check", "land"]);
    }

    #[test]
    fn of_too_many_the_longest_are_drawn() {
        let of = |i: u32| attempt(&format!("t{i}"), 1, [Some(f64::from(i)), None, None, Some(f64::from(3 * i))], Fate::Open);
        let attempts: Vec<Attempt> = (0..10).map(of).collect();
        let (rows, left_out) = rows(&attempts, 3, 30.0);
        assert_eq!((rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), left_out), (vec!["t7", "t8", "t9"], 7));
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
