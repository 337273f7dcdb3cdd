//! A plan before it runs, for a terminal. Computes nothing: the summary is the core's.

use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Ownership, Plan, Summary, Task};

use super::{heading, owners, span};
use crate::output::{Paint, paint};
use crate::plans::agent_of;

/// Most lines of a list that is not the plan itself; `--json` has all.
pub(super) const LIST_LINES_MAX: usize = 20;
/// Widest column; what is longer pushes the rest to the right.
const COLUMN_MAX: usize = 32;

/// What the configuration says where a plan says nothing: the agent; the suite, and where that stands.
pub type Defaults<'a> = (Option<&'a str>, Option<(&'a [String], &'a str)>);

/// The whole view, ended with a line's end. `assignment`: a section of its own, where that was asked for.
pub fn view(
    plan: &Plan,
    summary: &Summary,
    ownership: &Ownership,
    (default_agent, default_suite): Defaults<'_>,
    assignment: &str,
    color: bool,
) -> String {
    let mut out = header(plan, summary, default_suite, color);
    let tasks: std::collections::BTreeMap<&TaskId, &Task> = plan.tasks.iter().map(|t| (&t.id, t)).collect();
    let columns = |text: &dyn Fn(&Task) -> usize| plan.tasks.iter().map(text).max().unwrap_or(0).min(COLUMN_MAX);
    let id_width = columns(&|t| t.id.as_str().chars().count());
    let agent_width = columns(&|t| agent_of(t, default_agent).map_or(1, |a| a.chars().count()));
    for (n, wave) in summary.waves.iter().enumerate() {
        push(&mut out, format_args!("\n{}\n", heading(&format!("Wave {}", n + 1), color)));
        for task in wave.iter().filter_map(|id| tasks.get(id)) {
            let agent = agent_of(task, default_agent).unwrap_or("-");
            let title = if task.title == task.id.as_str() { "" } else { &task.title };
            let owns = if task.owns.is_empty() { String::new() } else { format!("  [{}]", task.owns.join(" ")) };
            let line = format!("  {:id_width$}  {agent:agent_width$}  {title}{}", task.id, paint(&owns, Paint::Dim, color));
            push(&mut out, format_args!("{}\n", line.trim_end()));
        }
    }
    out.push_str(assignment);
    owners::matrix(&mut out, ownership, color);
    overlaps(&mut out, summary, ownership, color);
    owners::inferred(&mut out, ownership, color);
    if !summary.without_owns.is_empty() {
        let some = names(&summary.without_owns, ", ");
        push(&mut out, format_args!("\n{}\n  {some}\n", heading("Without `owns`: may touch anything, overlap nobody", color)));
    }
    estimates(&mut out, summary, color);
    out
}

fn header(plan: &Plan, summary: &Summary, default_suite: Option<(&[String], &str)>, color: bool) -> String {
    let title = if plan.name == plan.id.as_str() { plan.name.clone() } else { format!("{} ({})", plan.name, plan.id) };
    let mut out = format!("{}  {}\n", heading(&title, color), paint(&plan.source, Paint::Dim, color));
    let ticked = if summary.ticked.is_empty() { String::new() } else { format!(", {} done already", summary.ticked.len()) };
    let groups = if summary.groups.is_empty() {
        String::new()
    } else {
        format!(" in {} group{}", summary.groups.len(), if summary.groups.len() == 1 { "" } else { "s" })
    };
    let (found, bound) = (summary.largest_set.len(), summary.largest_set_bound);
    // Of a long plan the largest set is not computed, only what it is at least and at most.
    let at_once = if found == bound { format!("at most {found}") } else { format!("at least {found} and at most {bound}") };
    push(&mut out, format_args!("  tasks   {}{groups}{ticked}; {at_once} can run at once\n", summary.total));
    push(&mut out, format_args!("  base    {}\n", plan.base.as_deref().unwrap_or("HEAD")));
    push(&mut out, format_args!("  branch  {}\n", plan.branch.as_deref().unwrap_or("greenlane/<run>/plan/<plan>")));
    let words = |commands: &[String]| match commands {
        [] => String::from("none: work lands on its own checks"),
        commands => commands.join("; "),
    };
    let verify = match (&plan.verify, default_suite) {
        (Some(own), _) => words(own),
        (None, Some((default, from))) => format!("{}  ({from})", words(default)),
        (None, None) => String::from("detected from the repository"),
    };
    push(&mut out, format_args!("  verify  {verify}\n"));
    out
}

fn overlaps(out: &mut String, summary: &Summary, ownership: &Ownership, color: bool) {
    let open: Vec<_> = summary.overlaps.iter().filter(|o| !o.ordered).collect();
    if open.is_empty() {
        return;
    }
    push(out, format_args!("\n{}\n", heading("Overlaps: these never run at once", color)));
    for (pair, way_out) in open.iter().zip(&ownership.suggestions).take(LIST_LINES_MAX) {
        let files = if pair.first_owns == pair.second_owns {
            pair.first_owns.clone()
        } else {
            format!("{} and {}", pair.first_owns, pair.second_owns)
        };
        push(out, format_args!("  {} before {}  [{files}]\n", pair.first, pair.second));
        push(out, format_args!("    {}\n", paint(&way_out.text, Paint::Dim, color)));
    }
    if open.len() > LIST_LINES_MAX {
        let more = if summary.overlaps_truncated { "at least " } else { "" };
        push(out, format_args!("  and {more}{} more; --json lists up to {}\n", open.len() - LIST_LINES_MAX, summary.overlaps.len()));
    }
}

fn estimates(out: &mut String, summary: &Summary, color: bool) {
    let (path, estimates) = (&summary.critical_path, &summary.estimates);
    push(out, format_args!("\n{}\n  {}\n", heading(&format!("Critical path: {}", span(path.seconds)), color), names(&path.tasks, " → ")));
    let slots = if estimates.jobs == 1 { String::from("1 slot") } else { format!("{} slots", estimates.jobs) };
    let forecast = span(estimates.forecast_seconds);
    push(
        out,
        format_args!("\n{}\n  {forecast} with {slots}, {} one at a time\n", heading("Estimate", color), span(estimates.sequential_seconds)),
    );
    if estimates.without_estimate > 0 {
        let (count, default) = (estimates.without_estimate, span(estimates.default_seconds));
        let (tasks, verb) = if count == 1 { (String::from("1 task has"), "counts") } else { (format!("{count} tasks have"), "count") };
        push(out, format_args!("  {tasks} no `estimate` and {verb} as {default}\n"));
    }
}

/// The names, the first of them if they are many.
fn names(ids: &[TaskId], separator: &str) -> String {
    let mut out = ids.iter().take(LIST_LINES_MAX).map(TaskId::as_str).collect::<Vec<_>>().join(separator);
    if ids.len() > LIST_LINES_MAX {
        push(&mut out, format_args!("{separator}… {} more", ids.len() - LIST_LINES_MAX));
    }
    out
}

pub(super) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.push_str(&text.to_string());
}
