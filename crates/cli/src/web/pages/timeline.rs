//! When each attempt ran, was checked and landed, as SVG, a lane for each task; the critical path is marked.

use askama::Template;
use greenlane_core::ids::TaskKey;

use super::text;
use crate::board::{RunBoard, Span};
use crate::web::pieces::Pieces;
use crate::web::view::{Links, segment};
use crate::web::words;

/// More lanes than this tell less: the tasks that took longest are drawn.
const LANES_MAX: usize = 300;
/// Units across a lane. The picture is as wide as the page leaves it.
const WIDTH: f64 = 1_000.0;
/// What is shorter is drawn as this wide.
const BAR_MIN: f64 = 2.0;
/// Parts of the axis.
const PARTS: u32 = 5;

#[derive(Template)]
#[template(path = "lane.html", whitespace = "minimize")]
struct Lane<'a> {
    id: String,
    link: String,
    name: &'a str,
    critical: bool,
    width: u32,
    told: String,
    spent: String,
    rules: Vec<u32>,
    wait: Option<(String, String)>,
    bars: Vec<Bar>,
    path: (String, String),
}

struct Bar {
    class: &'static str,
    work: (String, String),
    gate: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "timeline_head.html", whitespace = "minimize")]
struct Head {
    words: String,
}

#[derive(Template)]
#[template(path = "axis.html", whitespace = "minimize")]
struct Axis {
    marks: Vec<String>,
}

/// Adds it.
pub fn render(pieces: &mut Pieces, links: &Links, run: &RunBoard) {
    pieces.fixed("<h1>Timeline</h1>");
    let mut lanes: Vec<(&TaskKey, Vec<&Span>)> = Vec::new();
    for span in &run.timeline {
        match lanes.last_mut() {
            Some((key, spans)) if **key == span.key => spans.push(span),
            _ => lanes.push((&span.key, vec![span])),
        }
    }
    let hidden = lanes.len().saturating_sub(LANES_MAX);
    if hidden > 0 {
        lanes.sort_by(|a, b| spent(&b.1).total_cmp(&spent(&a.1)));
        lanes.truncate(LANES_MAX);
    }
    // In the order in which they began; by their place in the run where several began at once.
    lanes.sort_by(|a, b| a.1[0].start.total_cmp(&b.1[0].start));
    pieces.part("timeline-head", text(&Head { words: told(run, hidden) }));
    let scale = Scale::to(run.elapsed.max(run.timeline.iter().map(|s| s.end).fold(0.0, f64::max)));
    pieces.open_list("lanes", "<ol id=\"lanes\" class=\"lanes\" aria-label=\"Tasks over time\">");
    pieces.part("axis", text(&Axis { marks: scale.marks() }));
    for (key, spans) in &lanes {
        let id = format!("l-{}-{}", segment(key.plan.as_str()), segment(key.task.as_str()));
        pieces.part(id.clone(), text(&lane(id, links.task(key), spans, &scale)));
    }
    pieces.close_list("</ol>");
}

fn told(run: &RunBoard, hidden: usize) -> String {
    let s = &run.summary;
    let mut told = format!("{} so far", words::span(&run.elapsed));
    if !run.ticks {
        told = words::span(&run.elapsed);
    }
    told.push_str(&format!(
        "; the critical path takes {}; one task at a time would take {}, {:.1} times as long",
        words::span(&s.critical_path_seconds),
        words::span(&s.sequential_seconds),
        s.speedup
    ));
    if hidden > 0 {
        told.push_str(&format!(". {hidden} shorter tasks are not drawn"));
    }
    told
}

fn spent(spans: &[&Span]) -> f64 {
    spans.iter().map(|s| s.end - s.start).sum()
}

fn lane<'a>(id: String, link: String, spans: &[&'a Span], scale: &Scale) -> Lane<'a> {
    let (first, last) = (spans[0], spans[spans.len() - 1]);
    let bars = spans.iter().map(|s| {
        let worked = s.exited.unwrap_or(s.end);
        Bar {
            class: match (s.landed, s.open) {
                (true, _) => "landed",
                (_, true) => "open",
                _ => "lost",
            },
            work: scale.bar(s.start, worked),
            gate: (s.exited.is_some() && s.end > worked).then(|| scale.bar(worked, s.end)),
        }
    });
    let tries = if spans.len() > 1 { format!("{} attempts, ", spans.len()) } else { String::new() };
    let how = match (last.landed, last.open) {
        (true, _) => "landed",
        (_, true) => "at work",
        _ => "failed",
    };
    let critical = spans.iter().any(|s| s.critical);
    let path = if critical { ", on the critical path" } else { "" };
    let whole = spent(spans);
    Lane {
        told: format!("{}: {tries}{how}, from {} for {}{path}", first.name, words::span(&first.start), words::span(&whole)),
        spent: words::span(&whole),
        wait: (spans.len() > 1).then(|| scale.bar(first.end, last.start)),
        bars: bars.collect(),
        rules: (0..=PARTS).map(|i| i * (WIDTH as u32) / PARTS).collect(),
        path: scale.bar(first.start, last.end),
        width: WIDTH as u32,
        name: &first.name,
        id,
        link,
        critical,
    }
}

/// Seconds to units. It grows in steps, so that a bar which does not change is drawn as before.
struct Scale {
    seconds: f64,
}

impl Scale {
    fn to(seconds: f64) -> Self {
        let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
        let unit = 10_f64.powf(seconds.max(1.0).log10().floor());
        let step = steps.into_iter().find(|s| s * unit >= seconds).unwrap_or(10.0);
        Self { seconds: step * unit }
    }

    fn bar(&self, from: f64, to: f64) -> (String, String) {
        let x = (from / self.seconds * WIDTH).clamp(0.0, WIDTH);
        let width = ((to - from) / self.seconds * WIDTH).clamp(BAR_MIN, WIDTH);
        (format!("{x:.1}"), format!("{width:.1}"))
    }

    fn marks(&self) -> Vec<String> {
        (0..=PARTS).map(|i| words::span(&(self.seconds * f64::from(i) / f64::from(PARTS)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_everything_and_seldom_changes() {
        let seconds: Vec<f64> = [0.0, 1.0, 1.2, 9.0, 11.0, 100.0, 101.0, 7_000.0].into_iter().map(|s| Scale::to(s).seconds).collect();
        assert_eq!(seconds, [1.0, 1.0, 1.5, 10.0, 15.0, 100.0, 150.0, 8_000.0]);
        let scale = Scale { seconds: 100.0 };
        assert_eq!(scale.bar(50.0, 60.0), ("500.0".into(), "100.0".into()));
        assert_eq!(scale.bar(99.99, 99.99).1, "2.0", "what is short is seen, too");
        assert_eq!(scale.marks(), ["0.0s", "20s", "40s", "1m00s", "1m20s", "1m40s"]);
    }
}
