//! What Prometheus reads: the present boards as plain text, format 0.0.4. Counts are as of the present run of each repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use greenlane_core::health::HealthStatus;

use crate::board::Board;

/// The type of the answer.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One family of measures.
#[derive(Default)]
struct Family {
    help: &'static str,
    lines: Vec<String>,
}

/// The families in the order of their names.
#[derive(Default)]
struct Families(BTreeMap<&'static str, Family>);

impl Families {
    fn add(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let family = self.0.entry(name).or_default();
        family.help = help;
        family.lines.push(format!("{name}{{{}}} {value}", labels.join(",")));
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for (name, family) in &self.0 {
            let _ = write!(out, "# HELP {name} {}\n# TYPE {name} gauge\n{}\n", family.help, family.lines.join("\n"));
        }
        out
    }
}

/// The text of these repositories.
#[must_use]
pub fn text(boards: &[(&str, Arc<Board>)]) -> String {
    let mut all = Families::default();
    for (slug, board) in boards {
        of_board(&mut all, slug, board);
    }
    all.text()
}

fn of_board(all: &mut Families, slug: &str, board: &Board) {
    let Some(run) = &board.run else { return };
    let s = &run.summary;
    let of = ("repository", slug);
    all.add("greenlane_run_info", "The present run and its state.", &[of, ("run", run.id.as_str()), ("state", &run.state)], 1.0);
    all.add("greenlane_run_elapsed_seconds", "The run's clock.", &[of], run.elapsed);
    all.add("greenlane_run_speedup_ratio", "One task at a time over elapsed.", &[of], s.speedup);
    let counts = [
        ("done", s.done),
        ("failed", s.failed),
        ("needs_human", s.needs_human),
        ("skipped", s.skipped),
        ("cancelled", s.cancelled),
        ("running", s.running),
        ("waiting", s.waiting),
    ];
    for (state, n) in counts {
        all.add("greenlane_tasks", "Tasks by how far they are.", &[of, ("state", state)], n as f64);
    }
    all.add("greenlane_slots", "Most attempts at once.", &[of], f64::from(run.jobs));
    all.add("greenlane_slots_used", "Attempts that hold a slot.", &[of], f64::from(run.slots_used));
    for (kind, n) in [("input", run.usage.input_tokens), ("output", run.usage.output_tokens)] {
        all.add("greenlane_tokens", "Tokens of all attempts of the run.", &[of, ("kind", kind)], n as f64);
    }
    all.add("greenlane_cost_dollars", "Cost of all attempts of the run.", &[of], run.usage.cost_usd.unwrap_or_default());
    all.add("greenlane_questions_open", "Questions that wait for a person.", &[of], run.questions.len() as f64);
    let sick = run.health.iter().filter(|h| h.status != HealthStatus::Healthy).count();
    all.add("greenlane_attempts_unhealthy", "Attempts under way that are not healthy.", &[of], sick as f64);
    for agent in &run.agents {
        for (outcome, n) in [("accepted", agent.succeeded), ("failed", agent.failed), ("running", agent.running)] {
            let labels = [of, ("agent", agent.name.as_str()), ("outcome", outcome)];
            all.add("greenlane_attempts", "Attempts by agent and outcome.", &labels, f64::from(n));
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_told_once_with_all_its_repositories() {
        let mut all = Families::default();
        all.add("greenlane_slots", "Most attempts at once.", &[("repository", "shop")], 4.0);
        all.add("greenlane_cost_dollars", "Cost.", &[("repository", "shop")], 0.5);
        all.add("greenlane_slots", "Most attempts at once.", &[("repository", "a\"b\\\n")], 8.0);
        let expected = "\
# HELP greenlane_cost_dollars Cost.
# TYPE greenlane_cost_dollars gauge
greenlane_cost_dollars{repository=\"shop\"} 0.5
# HELP greenlane_slots Most attempts at once.
# TYPE greenlane_slots gauge
greenlane_slots{repository=\"shop\"} 4
greenlane_slots{repository=\"a\\\"b\\\\\\n\"} 8
";
        assert_eq!(all.text(), expected);
        assert_eq!(text(&[("empty", Arc::default())]), "");
    }
}
