//! The runs of a repository, the latest first. One that has ended is replayed once; what may go on is looked at anew each time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use askama::Template;
use greenlane_core::time::Time;
use greenlane_runtime::clock;
use greenlane_runtime::journal::{Journal, RunEntry};

use super::{filters, text};
use crate::report::{OverTime, Retries, RunLine, clean, sign, trend_lines};
use crate::session::Session;
use crate::web::pieces::Pieces;
use crate::web::place::Place;
use crate::web::view::{Links, segment};
use crate::web::words;

/// Most runs that are listed: each is replayed.
const RUNS_MAX: u32 = 50;

#[derive(Template)]
#[template(path = "runs_head.html", whitespace = "minimize")]
struct Head {
    no_rows: bool,
    trend: String,
    /// The older half against the newer, in words.
    trends: Vec<String>,
    /// The oldest first.
    bars: Vec<Bar>,
    told: String,
}

#[derive(Template)]
#[template(path = "runs_row.html", whitespace = "minimize")]
struct RowHtml<'a> {
    r: &'a Row,
    dom_id: &'a str,
}

const HEAD: &str = "<table class=\"flow\"><caption class=\"sr\">Runs, the latest first</caption>\
<thead><tr><th scope=\"col\">state</th><th scope=\"col\">run</th><th scope=\"col\">plans</th><th scope=\"col\">began</th><th scope=\"col\" class=\"num\">time</th>\
<th scope=\"col\" class=\"num\">done</th><th scope=\"col\" class=\"num\">speed-up</th><th scope=\"col\" class=\"num\">tokens</th><th scope=\"col\" class=\"num\">cost</th></tr></thead>";

/// How much of a run was done.
struct Bar {
    tone: &'static str,
    /// Of 40.
    height: usize,
    told: String,
}

#[derive(Clone)]
struct Row {
    id: String,
    href: String,
    state: String,
    sign: &'static str,
    plans: String,
    began: Time,
    seconds: f64,
    done: usize,
    total: usize,
    speedup: String,
    tokens: String,
    cost: String,
    dollars: Option<f64>,
    line: RunLine,
}

/// Runs that have ended, as they were when they were looked at last.
#[derive(Default)]
pub struct Ended(Mutex<BTreeMap<String, Row>>);

/// Adds them. `present`: the run that goes on, or went on last; it is looked at anew.
pub fn render(pieces: &mut Pieces, links: &Links, place: &Place, present: Option<&str>) {
    pieces.fixed("<h1>Runs</h1>");
    let (rows, problem) = match read(links, place, present) {
        Ok(rows) => (rows, String::new()),
        Err(why) => (Vec::new(), why),
    };
    pieces.part("runs-problem", text(&Problem { why: &problem }));
    if !problem.is_empty() {
        return;
    }
    pieces.part("runs-head", text(&head(&rows)));
    if rows.is_empty() {
        return;
    }
    pieces.open_list("runs", format!("{HEAD}<tbody id=\"runs\">"));
    for r in &rows {
        let id = format!("r-{}", segment(&r.id));
        pieces.part(id.clone(), text(&RowHtml { r, dom_id: &id }));
    }
    pieces.close_list("</tbody></table>");
}

#[derive(Template)]
#[template(ext = "html", source = "<div id=\"runs-problem\">{% if !why.is_empty() %}<p class=\"note odd\">{{ why }}</p>{% endif %}</div>")]
struct Problem<'a> {
    why: &'a str,
}

fn read(links: &Links, place: &Place, present: Option<&str>) -> Result<Vec<Row>, String> {
    let told = |e: crate::error::Error| e.problems.into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ");
    let session = place.session().map_err(told)?;
    let Some(journal) = session.journal_if_any().map_err(told)? else { return Ok(Vec::new()) };
    let entries = journal.runs(RUNS_MAX).map_err(|e| e.to_string())?;
    let mut ended = place.ended.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kept = BTreeMap::new();
    // One that cannot be read (a newer version's) does not hide the others.
    let rows = entries.into_iter().filter_map(|entry| {
        let known = ended.remove(entry.run.as_str()).filter(|_| present != Some(entry.run.as_str()));
        let row = known.or_else(|| replay(links, &session, &journal, entry))?;
        if matches!(row.state.as_str(), "finished" | "stopped") {
            kept.insert(row.id.clone(), row.clone());
        }
        Some(row)
    });
    let rows = rows.collect();
    *ended = kept;
    Ok(rows)
}

fn replay(links: &Links, session: &Session, journal: &Journal, entry: RunEntry) -> Option<Row> {
    let opened = session.load(journal, entry.run).ok()?;
    let doc = opened.status();
    let s = &doc.summary;
    let id = doc.run.id.to_string();
    Some(Row {
        line: RunLine::of(doc.clone(), &opened.state),
        href: links.of_run(Some(&id)).tasks(),
        sign: sign(&doc.run.state),
        plans: doc.plans.iter().map(|p| clean(&p.id)).collect::<Vec<_>>().join(", "),
        began: entry.started_at,
        seconds: s.elapsed_seconds,
        done: s.done,
        total: s.total,
        speedup: if s.done > 0 { format!("{:.1}×", s.speedup) } else { String::new() },
        tokens: words::tokens(&s.usage),
        cost: words::cost(&s.usage),
        dollars: s.usage.cost_usd,
        state: doc.run.state,
        id,
    })
}

fn head(rows: &[Row]) -> Head {
    let bar = |r: &Row| Bar {
        tone: if r.done == r.total { "good" } else { "odd" },
        height: r.done * 40 / r.total.max(1),
        told: format!("{}: {} of {} done", r.id, r.done, r.total),
    };
    let told = rows.iter().rev().map(|r| format!("{} %", r.done * 100 / r.total.max(1))).collect::<Vec<_>>().join(", ");
    let all = OverTime::new(rows.iter().map(|r| r.line.clone()).collect(), Retries::default(), None, clock::now());
    let kinds = all.failures.iter().map(|(kind, of)| format!("{}: {} → {}", kind.replace('_', " "), of.earlier, of.later));
    let trends = if all.trends.is_some() { trend_lines(&all).into_iter().chain(kinds).collect() } else { Vec::new() };
    Head { no_rows: rows.is_empty(), trends, trend: trend(rows), bars: rows.iter().rev().map(bar).collect(), told }
}

/// How these runs went together.
fn trend(rows: &[Row]) -> String {
    let (done, total) = rows.iter().fold((0, 0), |(d, t), r| (d + r.done, t + r.total));
    let spent: Vec<f64> = rows.iter().filter_map(|r| r.dollars).collect();
    let cost = if spent.is_empty() { String::new() } else { format!(", {} in all", words::dollars(spent.iter().sum())) };
    let runs = if rows.len() == 1 { String::from("one run") } else { format!("{} runs", rows.len()) };
    format!("{runs}: {done} of {total} tasks done ({} %){cost}", done * 100 / total.max(1))
}
