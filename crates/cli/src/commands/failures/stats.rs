//! How many failures of which type, plan and agent. The ancestor's statistics, with more to count by. Reads nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use greenlane_runtime::subscriber::FailureRecord;
use serde::Serialize;

use super::text;
use crate::logbook::Stored;
use crate::output::{Paint, paint};
use crate::report::{Look, clean, columns, fit};

/// How many of the latest are shown. Ancestor's constant.
const RECENT: usize = 10;

/// The document of `--stats --json`.
#[derive(Default, Serialize)]
pub(super) struct Stats {
    total: u64,
    by_type: BTreeMap<String, u64>,
    by_detail: BTreeMap<String, u64>,
    /// The same as `by_plan`, as the ancestor calls it.
    by_prd: BTreeMap<String, u64>,
    by_plan: BTreeMap<String, u64>,
    by_task: BTreeMap<String, u64>,
    by_agent: BTreeMap<String, u64>,
    /// The newest first.
    recent: VecDeque<Stored<FailureRecord>>,
}

impl Stats {
    /// Counts one, which is newer than those before.
    pub(super) fn count(&mut self, stored: &Stored<FailureRecord>) {
        let record = &stored.record;
        self.total += 1;
        let mut add = |map: fn(&mut Self) -> &mut BTreeMap<String, u64>, key: Option<String>| {
            if let Some(key) = key {
                *map(self).entry(key).or_default() += 1;
            }
        };
        add(|s| &mut s.by_type, Some(record.failure_type.as_str().to_owned()));
        add(|s| &mut s.by_detail, record.detail().map(|d| d.as_str().to_owned()));
        add(|s| &mut s.by_prd, record.plan.clone());
        add(|s| &mut s.by_plan, record.plan.clone());
        let task = record.task.as_ref().map(|task| record.plan.as_ref().map_or_else(|| task.clone(), |plan| format!("{plan}/{task}")));
        add(|s| &mut s.by_task, task);
        add(|s| &mut s.by_agent, record.context.get("agent").and_then(|a| a.as_str()).map(str::to_owned));
        self.recent.push_front(stored.clone());
        self.recent.truncate(RECENT);
    }
}

/// The same for people.
pub(super) fn text(stats: &Stats, look: Look) -> String {
    let mut out = format!("{} {}\n", stats.total, if stats.total == 1 { "failure" } else { "failures" });
    let parts = [
        ("type", &stats.by_type),
        ("detail", &stats.by_detail),
        ("plan", &stats.by_plan),
        ("task", &stats.by_task),
        ("agent", &stats.by_agent),
    ];
    for (name, counts) in parts {
        if counts.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", paint(&format!("By {name}"), Paint::Bold, look.color));
        let mut sorted: Vec<(&String, u64)> = counts.iter().map(|(k, n)| (k, *n)).collect();
        sorted.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let shown = &sorted[..sorted.len().min(RECENT)];
        let width = shown.iter().map(|(k, _)| columns(&clean(k))).max().unwrap_or(0).min(look.width / 2);
        for (key, n) in shown {
            let _ = writeln!(out, "  {}  {n:>6}", fit(&clean(key), width));
        }
        if sorted.len() > shown.len() {
            let _ = writeln!(out, "  and {} more", sorted.len() - shown.len());
        }
    }
    if !stats.recent.is_empty() {
        let recent: Vec<_> = stats.recent.iter().cloned().collect();
        let _ = write!(out, "\n{}\n{}", paint("Latest", Paint::Bold, look.color), text::table(&recent, look));
    }
    out
}
