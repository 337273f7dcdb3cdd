//! How attempts under way are, external workers, agents, accounts and the machine.

use askama::Template;

use super::{filters, text};
use crate::board::{Board, HealthRow, RunBoard};
use crate::web::pieces::Pieces;
use crate::web::view::{Links, segment};
use crate::web::words;

#[derive(Template)]
#[template(path = "health_row.html", whitespace = "minimize")]
struct Row<'a> {
    h: &'a HealthRow,
    id: &'a str,
    link: String,
}

#[derive(Template)]
#[template(path = "health_rest.html", whitespace = "minimize")]
struct Rest<'a> {
    run: &'a RunBoard,
}

#[derive(Template)]
#[template(path = "gauges.html", whitespace = "minimize")]
struct Gauges {
    gauges: Vec<Gauge>,
}

struct Gauge {
    name: &'static str,
    value: String,
    percent: Option<u32>,
    tone: &'static str,
}

const HEAD: &str = "<table class=\"flow\"><caption class=\"sr\">Attempts under way</caption><thead><tr><th scope=\"col\">state</th>\
<th scope=\"col\">attempt</th><th scope=\"col\">step</th><th scope=\"col\" class=\"num\">quiet</th><th scope=\"col\" class=\"num\">CPU</th>\
<th scope=\"col\" class=\"num\">memory</th><th scope=\"col\" class=\"num\">processes</th><th scope=\"col\" class=\"num\">model calls</th>\
<th scope=\"col\" class=\"num\">tool calls</th><th scope=\"col\" class=\"num\">heartbeat</th></tr></thead>";

/// Adds it.
pub fn render(pieces: &mut Pieces, links: &Links, _: &Board, run: &RunBoard) {
    pieces.fixed("<h1>Health</h1>");
    pieces.part("gauges", text(&Gauges { gauges: gauges(run) }));
    let empty = if run.health.is_empty() { "<p class=\"empty\">No attempt is under way.</p>" } else { "" };
    pieces.part("no-health", format!("<div id=\"no-health\">{empty}</div>"));
    pieces.open_list("health-rows", format!("{HEAD}<tbody id=\"health-rows\">"));
    for h in &run.health {
        let id = format!("h-{}-{}", segment(h.key.plan.as_str()), segment(h.key.task.as_str()));
        pieces.part(id.clone(), text(&Row { h, id: &id, link: links.task(&h.key) }));
    }
    pieces.close_list("</tbody></table>");
    pieces.part("health-rest", text(&Rest { run }));
}

fn gauges(run: &RunBoard) -> Vec<Gauge> {
    let m = &run.machine;
    let of = |name, percent: Option<f64>, more: String| {
        let percent = percent.map(|p| p.clamp(0.0, 100.0).round() as u32);
        let told = percent.map(|p| format!("{p} %"));
        let value = [told, Some(more).filter(|m| !m.is_empty())].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let tone = match percent {
            Some(95..) => "bad",
            Some(85..) => "odd",
            _ => "live",
        };
        Gauge { name, value, percent, tone }
    };
    let slots = 100.0 * f64::from(run.slots_used) / f64::from(run.jobs.max(1));
    let mut slots = of("slots", Some(slots), String::new());
    (slots.value, slots.tone) = (format!("{} of {}", run.slots_used, run.jobs), "live");
    let free = m.disk_free.map(|f| format!("{} free", words::bytes(f))).unwrap_or_default();
    let agents =
        format!("{} · {} process{}", words::bytes(m.agents_memory), m.agents_processes, if m.agents_processes == 1 { "" } else { "es" });
    let mut all = vec![
        slots,
        of("CPU", m.cpu_percent, format!("{} cores", m.cores)),
        of("memory", m.memory_percent, String::new()),
        of("disk", m.disk_percent, free),
    ];
    if m.agents_processes > 0 {
        let cpu = m.agents_cpu_percent.map(|p| format!("{p:.0} % of a core · ")).unwrap_or_default();
        all.push(Gauge { name: "agents", value: format!("{cpu}{agents}"), percent: None, tone: "live" });
    }
    all
}
