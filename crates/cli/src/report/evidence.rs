//! What an attempt left behind that tells why it failed: the end of the check's output, of its own, of the suite's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use greenlane_core::attempt::{Suite, Verdict};
use greenlane_core::event::{BatchId, Event};
use greenlane_core::ids::AttemptId;
use greenlane_core::state::AttemptState;
use greenlane_core::view::PlanView;
use greenlane_runtime::driver::Layout;

/// Lines that are shown; the files have the rest.
const LINES_MAX: usize = 20;

/// The last lines of what tells most, each clean of what a terminal would obey. Empty where nothing was said.
#[must_use]
pub fn evidence(attempt: &AttemptState) -> Vec<String> {
    if attempt.failure.is_none() && !matches!(attempt.verdict, Some(Verdict::CheckFailed { .. })) {
        return Vec::new();
    }
    match (&attempt.verdict, &attempt.record) {
        (Some(Verdict::CheckFailed { output, .. }), _) => last_lines(output),
        // Its own words are beside the point once its work was accepted: then the suite was red.
        (Some(Verdict::Accepted { .. }), _) | (_, None) => Vec::new(),
        // What waited for a person has nothing of its own to say: the person's words are the failure's.
        (_, Some(record)) if record.report.handed_back => Vec::new(),
        (_, Some(record)) if record.stderr_tail.trim().is_empty() => last_lines(&crate::transcript::last_lines_of(record)),
        (_, Some(record)) => last_lines(&record.stderr_tail),
    }
}

/// Of a plan that was not started because of its base: the end of the suite's output, and the hint, as lines. Else empty.
#[must_use]
pub fn of_base(plan: &PlanView) -> Vec<String> {
    let Some(Suite::Red { output, hint, .. }) = &plan.base_suite else { return Vec::new() };
    let mut lines: Vec<String> = last_lines(output).into_iter().map(|l| format!("| {l}")).collect();
    lines.extend(hint.iter().map(|h| format!("hint: {}", super::text::clean(h))));
    lines
}

/// For each attempt that was alone on a red tree, the end of the suite's output.
#[derive(Clone, Debug, Default)]
pub struct RedSuites {
    members: BTreeMap<BatchId, Vec<AttemptId>>,
    output: BTreeMap<AttemptId, (BatchId, Vec<String>)>,
}

impl RedSuites {
    /// Takes one event of the run in; they must come in their order.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::BatchMerged { batch, results } => {
                let merged = results.iter().filter(|r| matches!(r.merge, greenlane_core::attempt::Merge::Merged { .. }));
                self.members.insert(*batch, merged.map(|r| r.attempt.clone()).collect());
            }
            Event::BatchVerified { batch, suite, again } => {
                let members = self.members.remove(batch).unwrap_or_default();
                // What it said once is nobody's yet.
                if !*again && let ([only], Suite::Red { output, .. }) = (members.as_slice(), suite) {
                    self.output.insert(only.clone(), (*batch, last_lines(output)));
                }
            }
            _ => {}
        }
    }

    /// What the suite said of this attempt's work.
    #[must_use]
    pub fn of(&self, attempt: &AttemptId) -> &[String] {
        self.output.get(attempt).map_or(&[], |(_, lines)| lines.as_slice())
    }

    /// Where the logs of that suite lie.
    #[must_use]
    pub fn files(&self, layout: &Layout, attempt: &AttemptId) -> Option<PathBuf> {
        self.output.get(attempt).map(|(batch, _)| layout.batch_dir(&attempt.key.plan, *batch))
    }
}

/// The last lines of a text.
#[must_use]
pub fn last_lines(text: &str) -> Vec<String> {
    let all: Vec<String> = text.lines().map(visible).collect();
    let end = all.iter().rposition(|l| !l.trim().is_empty()).map_or(0, |last| last + 1);
    all[end.saturating_sub(LINES_MAX)..end].to_vec()
}

/// As it was written, but for what a terminal would obey; indentation matters in output.
#[must_use]
pub fn visible(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).map(|c| if c == '\t' { "    " } else { " " }).collect();
    format!("{indent}{}", super::text::clean(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::ids::TaskKey;

    #[test]
    fn the_end_of_the_output_that_tells_most() {
        let run = samples::ended();
        let of = |task: &str| run.state.task(&TaskKey::new("limits", task)).unwrap().attempts.clone();
        assert_eq!(evidence(&of("docs")[0]), ["line one", "2 links are dead"]);
        assert_eq!(evidence(&of("header")[0]), ["Error: too many requests"]);
        assert!(evidence(&of("header")[1]).is_empty(), "it landed");
    }

    #[test]
    fn output_keeps_its_shape_without_its_colours() {
        assert_eq!(last_lines("a\n\n\t\u{1b}[31mb\u{1b}[0m  c\n\n \n"), ["a", "", "    b  c"]);
        assert_eq!(last_lines(&"x\n".repeat(50)).len(), LINES_MAX);
        assert!(last_lines(" \n").is_empty());
    }
}
