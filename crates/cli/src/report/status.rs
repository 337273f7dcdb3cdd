//! `status` as text: a header, a table of tasks, what to do next. Drawn from the document of `status --json` and from what
//! running attempts were last seen to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::ids::TaskKey;
use greenlane_core::view::{PlanView, Status, TaskView, brief};
use greenlane_runtime::clock;

use super::advice::advice;
use super::evidence::of_base;
use super::quota::local_times;
use super::signs::{sign, state_paint, state_words};
use super::surroundings::Surroundings;
use super::text::{Look, clean, columns, fit, humane, short, wrapped};
use crate::output::{Paint, paint};

/// What running attempts were last seen to do, a line each.
pub type Live = BTreeMap<TaskKey, String>;

/// With more tasks than this, finished and waiting ones are only counted.
const TASKS_LISTED_MAX: usize = 200;
/// So many waiting ones are still listed then.
const WAITING_LISTED_MAX: usize = 20;
/// Most lines of one task's reason.
const NOTE_LINES_MAX: usize = 4;
/// Widest columns; what is longer is cut.
const ID_WIDTH_MAX: usize = 36;
const AGENT_WIDTH_MAX: usize = 14;

/// The whole text.
#[must_use]
pub fn status(doc: &Status, live: &Live, around: &Surroundings, look: Look) -> String {
    let mut out = header(doc, look);
    if !doc.tasks.is_empty() {
        out.push('\n');
        out.push_str(&table(doc, live, look));
    }
    out.push_str(&super::untold::untold_in_short(doc, look));
    out.push_str(&advice(doc, around, look));
    out
}

/// The run in a line, each plan in another.
fn header(doc: &Status, look: Look) -> String {
    let run = &doc.run;
    let state = if run.paused && run.state == "running" { "paused" } else { run.state.as_str() };
    let elapsed = humane(seconds(doc.summary.elapsed_seconds));
    // A run that ended with something undone has no tick.
    let judged = if run.state == "finished" && !doc.all_done() { "failed" } else { run.state.as_str() };
    let words = format!("{} {state}", sign(judged));
    let mut out =
        format!("Run {}  {}  {elapsed}", paint(run.id.as_str(), Paint::Bold, look.color), paint(&words, state_paint(judged), look.color));
    let counts = counts(doc);
    let apart =
        if columns(run.id.as_str()) + columns(&words) + columns(&elapsed) + columns(&counts) + 10 > look.width { "\n" } else { "  " };
    let _ = writeln!(out, "{apart}{counts}");
    out.push_str(&super::summary::of_the_run(doc, look));
    for plan in &doc.plans {
        out.push_str(&plan_line(plan, doc.plans.len() > 1, look));
    }
    out
}

/// `9 tasks: 5 done, 1 failed, 3 running`, without the zeroes.
#[must_use]
pub(super) fn counts(doc: &Status) -> String {
    let s = &doc.summary;
    // Of an interrupted run only what a keeper still has goes on.
    let interrupted = doc.tasks.iter().filter(|t| shown_state(doc, t) == "interrupted").count().min(s.running);
    let all = [
        (s.done, "done"),
        (s.running - interrupted, "running"),
        (interrupted, "interrupted"),
        (s.waiting, "waiting"),
        (s.failed, "failed"),
        (s.needs_human, if s.needs_human == 1 { "needs a human" } else { "need a human" }),
        (s.skipped, "skipped"),
        (s.cancelled, "cancelled"),
    ];
    let parts: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let tasks = if s.total == 1 { "task" } else { "tasks" };
    if parts.is_empty() { format!("{} {tasks}", s.total) } else { format!("{} {tasks}: {}", s.total, parts.join(", ")) }
}

fn plan_line(plan: &PlanView, named: bool, look: Look) -> String {
    let mut parts = Vec::new();
    if named {
        let words = format!("{} {}", clean(&plan.id), plan.state);
        parts.push(format!("{} {}/{}", paint(&words, state_paint(&plan.state), look.color), plan.progress.completed, plan.progress.total));
    }
    match &plan.branch {
        Some(branch) => parts.push(format!("branch {branch} at {}", short(&plan.head))),
        None => parts.push(String::from("no branch yet")),
    }
    let verified = match (plan.branch.is_some(), plan.verify.is_empty(), plan.verified) {
        (false, ..) => None,
        (true, true, _) => Some(paint("not verified: no test suite was found", Paint::Yellow, look.color)),
        (true, false, true) if plan.head == plan.base => None,
        (true, false, true) => Some(format!("verified by {}", commands(&plan.verify))),
        (true, false, false) => Some(paint("not all of it verified", Paint::Yellow, look.color)),
    };
    parts.extend(verified);
    let mut out = format!("{}{}\n", if named { "Plan " } else { "" }, parts.join("  "));
    if let Some(reason) = &plan.reason {
        for line in wrapped(&clean(reason), look.width.saturating_sub(2), NOTE_LINES_MAX).into_iter().chain(of_base(plan)) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// The suite's commands in a few words.
pub(super) fn commands(verify: &[String]) -> String {
    match verify {
        [] => String::from("nothing"),
        [only] => format!("`{}`", fit(&clean(only), 60).trim_end()),
        [first, rest @ ..] => format!("`{}` and {} more", fit(&clean(first), 60).trim_end(), rest.len()),
    }
}

/// A task's name as short as it is clear: with its plan where there are several.
#[must_use]
pub fn name_of(doc: &Status, task: &TaskView) -> String {
    if doc.plans.len() > 1 { format!("{}/{}", task.plan, task.id) } else { task.id.clone() }
}

/// The state as it is shown: what an interrupted or stopped run's gate and suite had begun is not under way.
pub(crate) fn shown_state<'a>(doc: &Status, task: &'a TaskView) -> &'a str {
    if matches!(doc.run.state.as_str(), "interrupted" | "stopped") && matches!(task.state.as_str(), "gating" | "landing") {
        "interrupted"
    } else {
        &task.state
    }
}

/// Nothing more happens to it by itself.
pub(super) fn ended(state: &str) -> bool {
    matches!(state, "done" | "failed" | "needs_human" | "skipped" | "cancelled")
}

struct Row {
    state: String,
    id: String,
    agent: String,
    attempt: String,
    time: String,
    note: String,
}

fn table(doc: &Status, live: &Live, look: Look) -> String {
    let (listed, folded) = listed(doc);
    let rows: Vec<Row> = listed.iter().map(|t| row(doc, t, live)).collect();
    let widest = |of: &dyn Fn(&Row) -> usize, max: usize| rows.iter().map(of).max().unwrap_or(0).min(max);
    let state_width = widest(&|r| columns(&state_words(&r.state)), 20);
    let id_width = widest(&|r| columns(&r.id), ID_WIDTH_MAX.min(look.width / 3));
    let agent_width = widest(&|r| columns(&r.agent), AGENT_WIDTH_MAX);
    let attempt_width = widest(&|r| columns(&r.attempt), 4);
    let time_width = widest(&|r| columns(&r.time), 8);
    let indent = 2 + state_width + 2 + id_width + 2 + agent_width + 2 + attempt_width + 2 + time_width + 2;
    // On a narrow terminal the note goes below its row instead of into a column of three letters.
    let (note_indent, below) = if look.width >= indent + 24 { (indent, false) } else { (4, true) };
    let mut out = String::new();
    for r in &rows {
        let state = format!("{} {}", sign(&r.state), fit(&state_words(&r.state), state_width));
        let mut line = format!(
            "{}  {}  {}  {:>attempt_width$}  {:>time_width$}",
            paint(&state, state_paint(&r.state), look.color),
            fit(&r.id, id_width),
            paint(&fit(&r.agent, agent_width), Paint::Dim, look.color),
            r.attempt,
            r.time,
        );
        let mut notes = wrapped(&r.note, look.width.saturating_sub(note_indent), NOTE_LINES_MAX).into_iter();
        if !below && let Some(first) = notes.next() {
            line.push_str("  ");
            line.push_str(&first);
        }
        out.push_str(line.trim_end());
        out.push('\n');
        for note in notes {
            let _ = writeln!(out, "{}{note}", " ".repeat(note_indent));
        }
    }
    for line in folded {
        let _ = writeln!(out, "{}", paint(&line, Paint::Dim, look.color));
    }
    out
}

/// Which tasks get a row, and what is said of the others.
fn listed(doc: &Status) -> (Vec<&TaskView>, Vec<String>) {
    if doc.tasks.len() <= TASKS_LISTED_MAX {
        return (doc.tasks.iter().collect(), Vec::new());
    }
    let (mut rows, mut done, mut waiting) = (Vec::new(), 0, 0);
    for task in &doc.tasks {
        match task.state.as_str() {
            "done" => done += 1,
            "blocked" | "ready" | "queued" | "skipped" => {
                waiting += 1;
                if waiting <= WAITING_LISTED_MAX {
                    rows.push(task);
                }
            }
            _ => rows.push(task),
        }
    }
    let hidden = waiting.saturating_sub(WAITING_LISTED_MAX);
    let mut folded = Vec::new();
    if done > 0 {
        folded.push(format!("✓ {done} done, not listed"));
    }
    if hidden > 0 {
        folded.push(format!("· {hidden} more waiting or skipped, not listed (`status --json` has all)"));
    }
    (rows, folded)
}

fn row(doc: &Status, task: &TaskView, live: &Live) -> Row {
    let key = TaskKey::new(task.plan.as_str(), task.id.as_str());
    let seen = live.get(&key);
    let note = match (seen, &task.reason) {
        (Some(seen), _) => seen.clone(),
        (None, Some(reason)) if task.state == "awaiting_quota" => local_times(reason, clock::now()),
        (None, Some(reason)) if ended(&task.state) => brief(reason).to_owned(),
        (None, Some(reason)) => reason.clone(),
        (None, None) if task.title == task.id => String::new(),
        (None, None) => task.title.clone(),
    };
    let spent = time_spent(task);
    Row {
        state: shown_state(doc, task).to_owned(),
        id: clean(&name_of(doc, task)),
        agent: clean(&task.agent),
        attempt: task.begun().last().and_then(|a| a.number).map(|n| format!("#{n}")).unwrap_or_default(),
        time: if task.begun().next().is_none() || task.state == "queued" { String::new() } else { humane(spent) },
        note: clean(&note),
    }
}

/// What a task's attempts took by the clock, each to its landing or refusal, without the waits between them.
#[must_use]
pub fn time_spent(task: &TaskView) -> Duration {
    seconds(task.attempts.iter().map(|a| a.seconds).sum())
}

/// A document's seconds.
#[must_use]
pub(super) fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    const LOOK: Look = Look { width: 100, color: false };

    #[test]
    fn a_run_under_way() {
        let run = samples::half_way();
        let live = Live::from([(TaskKey::new("limits", "header"), "edits src/header.rs (3s ago)".to_owned())]);
        let text = status(&run.status(Coordinator::Alive), &live, &Surroundings::default(), LOOK);
        let expected = "\
Run r1  ▶ running  1m36s  4 tasks: 1 done, 1 running, 1 failed, 1 skipped
branch greenlane/r1/plan/limits at 6d657267652d  verified by `cargo test`

✓ done     bucket  claude  #1    32s  Do bucket
▶ running  header  claude  #1  1m04s  edits src/header.rs (3s ago)
✗ failed   docs    claude  #1    20s  check `make links` failed with exit code 2
- skipped  guide   claude             depends on `docs`, which failed

`docs` failed.
  greenlane status docs  # why, and where its work lies
  greenlane logs docs    # what it printed, and why it was refused
  greenlane retry docs   # another attempt, from the work that is there (--fresh: from the base)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_interrupted_run_says_how_to_go_on() {
        let run = samples::two_plans();
        let text = status(&run.status(Coordinator::Gone), &Live::new(), &Surroundings::default(), LOOK);
        assert!(text.starts_with("Run r1  ! interrupted  0.0s  5 tasks: 5 waiting\n"), "{text}");
        assert!(text.contains("Plan limits running 0/3  branch greenlane/r1/plan/limits at 000000000000\n"), "{text}");
        assert!(text.contains("· queued   search/a/b     claude        waits for a free slot\n"), "{text}");
        assert!(text.contains("  greenlane resume      # go on: adopt"), "{text}");
    }

    #[test]
    fn a_narrow_terminal_has_the_reason_below_and_hostile_text_does_no_harm() {
        let title = "Bad \u{1b}[2Jtitle with a word-that-is-much-longer-than-the-narrowest-terminal-is-wide";
        let task = greenlane_core::plan::Task { title: title.into(), ..samples::task("a-task-with-a-long-id", &[]) };
        let mut run = samples::Sample::new(vec![samples::plan("p", vec![task])], &[]);
        run.spawn("p", "a-task-with-a-long-id");
        let text = status(&run.status(Coordinator::Alive), &Live::new(), &Surroundings::default(), Look { width: 40, color: false });
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\n    Bad title with a\n    word-that-is"), "{text}");
    }

    #[test]
    fn of_very_many_tasks_the_finished_and_the_waiting_are_counted() {
        let first = (0..300).map(|i| samples::task(&format!("t{i}"), &[]));
        let mut run = samples::Sample::new(vec![samples::plan("p", first.collect())], &[]);
        run.spawn("p", "t0");
        run.wait_secs(1).accept("p", "t0");
        run.land("p");
        let text = status(&run.status(Coordinator::Alive), &Live::new(), &Surroundings::default(), LOOK);
        assert!(text.contains("✓ 1 done, not listed\n· 276 more waiting"), "{text}");
        assert!(text.lines().count() < 40);
    }
}
