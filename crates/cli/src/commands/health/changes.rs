//! What changed about the health of attempts, from `health.jsonl`: the newest first, or counted.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;

use greenlane_core::health::HealthStatus;
use greenlane_runtime::subscriber::{HealthRecord, Logs};
use serde::Serialize;

use super::HealthArgs;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::logbook::{PATIENCE, Stored, is_named};
use crate::output::{Paint, paint};
use crate::report::{Look, clean, columns, fit};
use crate::session::Session;

#[derive(Serialize)]
struct Document {
    changes: VecDeque<Stored<HealthRecord>>,
}

#[derive(Default, Serialize)]
struct Stats {
    /// Changes of status.
    total: u64,
    /// To which.
    by_status: BTreeMap<&'static str, u64>,
    /// Of those that were not to healthy.
    by_task: BTreeMap<String, u64>,
    by_agent: BTreeMap<String, u64>,
}

pub(super) fn run(args: &HealthArgs, session: &Session, context: &Context) -> Outcome {
    let run = match &args.run {
        Some(name) => Some(session.find_run(&session.journal()?, Some(name))?.to_string()),
        None => None,
    };
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let (mut changes, mut stats) = (VecDeque::new(), Stats::default());
    Logs::open(&session.state_dir)?.read("health", PATIENCE, &mut |line| {
        let Ok(stored) = serde_json::from_str::<Stored<HealthRecord>>(line) else { return };
        let of_run = run.as_ref().is_none_or(|run| stored.record.run == *run);
        let of_task = args.task.as_deref().is_none_or(|name| is_named(name, Some(&stored.record.plan), Some(&stored.record.task)));
        let wanted = !args.unhealthy || stored.record.status != HealthStatus::Healthy;
        if of_run && of_task && wanted {
            stats.count(&stored.record);
            changes.push_front(stored);
            changes.truncate(limit);
        }
    })?;
    let look = Look::of_list(context.output.color);
    match (args.stats, args.json) {
        (true, true) => context.output.json(&stats)?,
        (true, false) => context.output.data(&stats.text())?,
        (false, true) => context.output.json(&Document { changes })?,
        (false, false) if changes.is_empty() => context.output.say("no changes"),
        (false, false) => context.output.data(&table(&changes, look))?,
    }
    Ok::<_, Error>(ExitCode::SUCCESS)
}

impl Stats {
    fn count(&mut self, record: &HealthRecord) {
        self.total += 1;
        *self.by_status.entry(record.status.as_str()).or_default() += 1;
        if record.status != HealthStatus::Healthy {
            *self.by_task.entry(format!("{}/{}", record.plan, record.task)).or_default() += 1;
            *self.by_agent.entry(record.agent.clone().unwrap_or_default()).or_default() += 1;
        }
    }

    fn text(&self) -> String {
        let mut out = format!("{} changes\n", self.total);
        for (word, n) in &self.by_status {
            out.push_str(&format!("  to {word:<19}{n:>6}\n"));
        }
        for (heading, counts) in [("unhealthy, by task", &self.by_task), ("unhealthy, by agent", &self.by_agent)] {
            if !counts.is_empty() {
                out.push_str(&format!("{heading}\n"));
            }
            for (name, n) in counts {
                out.push_str(&format!("  {}{n:>6}\n", fit(&clean(name), 22)));
            }
        }
        out
    }
}

fn table(changes: &VecDeque<Stored<HealthRecord>>, look: Look) -> String {
    let name = |r: &HealthRecord| clean(&format!("{}/{}#{}", r.plan, r.task, r.number.unwrap_or(r.attempt)));
    let width = changes.iter().map(|s| columns(&name(&s.record))).max().unwrap_or(0).min(look.width / 3);
    let mut out = String::new();
    for Stored { record, .. } in changes {
        let at = record.timestamp.get(..19).unwrap_or(&record.timestamp).replace('T', " ") + "Z";
        let style = match record.status {
            HealthStatus::Healthy => Paint::Green,
            HealthStatus::Dead => Paint::Red,
            HealthStatus::Hung | HealthStatus::Unknown => Paint::Yellow,
        };
        let what = format!("{} → {}", record.from.as_str(), record.status.as_str());
        let head =
            format!("{}  {}  {}", paint(&at, Paint::Dim, look.color), fit(&name(record), width), paint(&fit(&what, 17), style, look.color));
        let rest = fit(&clean(record.reason.as_deref().unwrap_or_default()), look.width.saturating_sub(20 + width + 17 + 6));
        out.push_str(format!("{head}  {}", rest.trim_end()).trim_end());
        out.push('\n');
    }
    out
}
