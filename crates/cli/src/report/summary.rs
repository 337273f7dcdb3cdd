//! The end of a run in a few lines: what is done, what is not and why, how long it took against one task at a time.

use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::budget::thousands;
use greenlane_core::ids::RunId;
use greenlane_core::view::{Status, Summary, TaskView, UsageView, brief};
use greenlane_runtime::clock;

use super::evidence::of_base;
use super::signs::{sign, state_paint, state_words};
use super::status::{commands, counts, ended, name_of, shown_state};
use super::text::{Look, clean, columns, fit, humane, short, wrapped};
use crate::output::{Paint, paint};

/// So many tasks that are not done are listed with their reason.
const LISTED_MAX: usize = 20;
const REASON_LINES_MAX: usize = 6;

/// The whole text; every line ended. What to do next is [`super::advice`]'s.
#[must_use]
pub fn summary(doc: &Status, look: Look) -> String {
    let mut out = String::new();
    let state = if doc.run.state == "finished" && !doc.all_done() { "failed" } else { doc.run.state.as_str() };
    let words = format!("{} {}", sign(state), counts(doc));
    let _ = writeln!(out, "{}", paint(&words, state_paint(state), look.color));
    let _ = writeln!(out, "{}", if nothing_was_left(doc) { elapsed(&doc.summary) } else { times(&doc.summary) });
    if let Some(line) = usage(&doc.summary.usage) {
        let _ = writeln!(out, "{line}");
    }
    out.push_str(&of_the_run(doc, look));
    for plan in &doc.plans {
        let Some(branch) = &plan.branch else {
            if let Some(reason) = &plan.reason {
                let _ = writeln!(out, "Plan {}: {}", clean(&plan.id), clean(reason));
            }
            continue;
        };
        let what = format!("{}/{} of `{}`", plan.progress.completed, plan.progress.total, clean(&plan.id));
        let landed = plan.head != plan.base;
        let verified = match (landed, plan.verify.is_empty(), plan.verified) {
            (false, ..) if plan.progress.completed == plan.progress.total => all_before(doc, &plan.id),
            (false, ..) => String::from("nothing has landed"),
            (true, true, _) => paint("not verified: no test suite was found", Paint::Yellow, look.color),
            (true, false, true) => format!("verified by {}", commands(&plan.verify)),
            (true, false, false) => paint("not all of it verified", Paint::Yellow, look.color),
        };
        let what = format!("{what} on {branch} at {}:", short(&plan.head));
        let apart = if columns(&what) + 30 > look.width { "\n  " } else { " " };
        let _ = writeln!(out, "{what}{apart}{verified}");
        if let Some(reason) = &plan.reason {
            let _ = writeln!(out, "  {}", clean(reason));
            for line in of_base(plan) {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    out.push_str(&super::quota::fallbacks(doc, look, clock::now()));
    out.push_str(&super::shared::in_short(doc, look));
    out.push_str(&not_done(doc, look));
    out.push_str(&super::untold::untold_in_short(doc, look));
    out
}

/// Its caps, and what keeps it from going on.
pub(super) fn of_the_run(doc: &Status, look: Look) -> String {
    let mut out = String::new();
    if let Some(budget) = &doc.run.budget {
        let paint_of = if budget.warned.is_empty() { Paint::Dim } else { Paint::Yellow };
        for line in wrapped(&format!("Budget: {}", budget.words()), look.width, usize::MAX) {
            let _ = writeln!(out, "{}", paint(&line, paint_of, look.color));
        }
    }
    let why = doc.run.halted.as_ref().map(|h| h.message.clone());
    for line in why.into_iter().chain(doc.run.short_of.as_ref().map(|short| format!("Nothing starts for want of room: {short}"))) {
        for line in wrapped(&clean(&line), look.width, usize::MAX) {
            let _ = writeln!(out, "{}", paint(&line, Paint::Yellow, look.color));
        }
    }
    out
}

/// Everything was done before the run began: there is nothing that could be compared.
fn nothing_was_left(doc: &Status) -> bool {
    doc.all_done() && doc.tasks.iter().all(|t| t.begun().next().is_none())
}

fn elapsed(s: &Summary) -> String {
    humane(Duration::try_from_secs_f64(s.elapsed_seconds).unwrap_or_default())
}

/// Of a plan that was done before the run began: where.
fn all_before(doc: &Status, plan: &str) -> String {
    let mut runs: Vec<&RunId> = doc.tasks.iter().filter(|t| t.plan == plan).filter_map(|t| t.landed_in.as_ref()).collect();
    runs.sort();
    runs.dedup();
    match runs.as_slice() {
        [] => String::from("nothing was left to do"),
        [only] => format!("nothing was left to do, all of it landed in run {only}"),
        [.., last] => format!("nothing was left to do, all of it landed in earlier runs, the last of them {last}"),
    }
}

/// A shorter wait for a person is no news, in seconds.
const WAITED_MIN: f64 = 0.05;

/// `12s; one at a time 41s (speed-up 3.3, longest chain 9.8s, efficiency 87 %)`.
#[must_use]
pub fn times(s: &Summary) -> String {
    let of = |seconds: f64| humane(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let mut line = elapsed(s);
    if s.only_waited_seconds >= WAITED_MIN {
        let _ = write!(line, " ({} of it waiting for a person and nothing else)", of(s.only_waited_seconds));
    } else if s.waited_for_person_seconds >= WAITED_MIN {
        let _ = write!(line, " (tasks waited {} for a person beside other work)", of(s.waited_for_person_seconds));
    }
    if s.sequential_seconds > 0.0 {
        let _ = write!(
            line,
            "; one at a time {} (speed-up {:.1}, longest chain {}, efficiency {:.0} %)",
            of(s.sequential_seconds),
            s.speedup,
            of(s.critical_path_seconds),
            s.efficiency * 100.0
        );
    }
    line
}

/// Tokens and cost; `None` where no agent told any.
#[must_use]
pub fn usage(u: &UsageView) -> Option<String> {
    if u.input_tokens == 0 && u.output_tokens == 0 && u.cost_usd.is_none() {
        return None;
    }
    let cost = u.cost_usd.map(|c| format!(", ${c:.2}")).unwrap_or_default();
    Some(format!("{} tokens in, {} out{cost}", thousands(u.input_tokens), thousands(u.output_tokens)))
}

fn not_done(doc: &Status, look: Look) -> String {
    let tasks: Vec<&TaskView> = doc.tasks.iter().filter(|t| t.state != "done").collect();
    if tasks.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n");
    let shown = &tasks[..tasks.len().min(LISTED_MAX)];
    let state_width = shown.iter().map(|t| columns(&state_words(shown_state(doc, t)))).max().unwrap_or(0);
    let id_width = shown.iter().map(|t| columns(&clean(&name_of(doc, t)))).max().unwrap_or(0).min(look.width / 3);
    for task in shown {
        let state = shown_state(doc, task);
        let words = format!("{} {}", sign(state), fit(&state_words(state), state_width));
        let indent = 2 + state_width + 2 + id_width + 2;
        let reason = task.reason.as_deref().map(|r| if ended(&task.state) { brief(r) } else { r });
        let reason = clean(reason.unwrap_or(&task.title));
        let mut lines = wrapped(&reason, look.width.saturating_sub(indent).max(20), REASON_LINES_MAX).into_iter();
        let first = lines.next().unwrap_or_default();
        let line = format!("{}  {}  {first}", paint(&words, state_paint(state), look.color), fit(&clean(&name_of(doc, task)), id_width));
        let _ = writeln!(out, "{}", line.trim_end());
        for line in lines {
            let _ = writeln!(out, "{}{line}", " ".repeat(indent));
        }
    }
    if tasks.len() > LISTED_MAX {
        let _ = writeln!(out, "… and {} more; `greenlane status` lists them", tasks.len() - LISTED_MAX);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    const LOOK: Look = Look { width: 100, color: false };

    #[test]
    fn a_run_that_ended() {
        let run = samples::ended();
        let text = summary(&run.status(Coordinator::Gone), LOOK);
        let expected = "\
✗ 4 tasks: 2 done, 1 failed, 1 skipped
3m24s; one at a time 2m14s (speed-up 0.7, longest chain 1m54s, efficiency 56 %)
49,380 tokens in, 2,712 out, $2.00
2/4 of `limits` on greenlane/r1/plan/limits at 6d657267652d: verified by `cargo test`

✗ failed   docs   check `make links` failed with exit code 2
- skipped  guide  depends on `docs`, which failed
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_base_that_is_red_is_told_with_its_output_and_the_way_on() {
        let run = samples::red_base();
        let doc = run.status(Coordinator::Gone);
        let text = format!("{}{}", summary(&doc, LOOK), crate::report::advice(&doc, &Default::default(), LOOK));
        let expected = "\
0/1 of `p` on greenlane/r1/plan/p at 000000000000: nothing has landed
  `npm test` is red on the base, before any task
  | sh: 1: jest: not found
  hint: run `npm ci` first

- skipped  a  `npm test` is red on the base, before any task

The suite is red on the base of `p`.
  greenlane run p.toml --base-red allow
      # start all the same: the plan may be there to make it green
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn work_that_no_suite_verified_is_told_as_such() {
        let mut run = samples::Sample::new(vec![samples::plan("p", vec![samples::task("a", &[])])], &[]);
        run.spawn("p", "a");
        run.wait_secs(1).accept("p", "a");
        run.land("p");
        let text = summary(&run.status(Coordinator::Gone), LOOK);
        assert!(text.starts_with("✓ 1 task: 1 done\n") && text.contains("not verified: no test suite was found"), "{text}");
    }
}
