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

/// How much is said of tasks.
#[derive(Clone, Copy)]
struct Listing {
    /// Those that are done have a row each.
    done: bool,
    /// So many that wait have one.
    waiting: usize,
    /// Most lines of one task's reason.
    notes: usize,
    /// What to do next is said.
    advice: bool,
}

/// From the fullest to the shortest.
const LISTINGS: [Listing; 7] = [
    Listing { done: true, waiting: usize::MAX, notes: NOTE_LINES_MAX, advice: true },
    Listing { done: false, waiting: usize::MAX, notes: NOTE_LINES_MAX, advice: true },
    Listing { done: false, waiting: WAITING_LISTED_MAX, notes: NOTE_LINES_MAX, advice: true },
    Listing { done: false, waiting: 5, notes: 1, advice: true },
    Listing { done: false, waiting: 0, notes: 1, advice: true },
    Listing { done: false, waiting: 5, notes: 1, advice: false },
    Listing { done: false, waiting: 0, notes: 1, advice: false },
];
/// That of a run with very many tasks.
const OF_MANY: Listing = LISTINGS[2];

/// The whole text.
#[must_use]
pub fn status(doc: &Status, live: &Live, around: &Surroundings, look: Look) -> String {
    let listing = if doc.tasks.len() > TASKS_LISTED_MAX { OF_MANY } else { LISTINGS[0] };
    told(doc, live, around, look, listing)
}

/// The same in so many lines, if it can be: what is done is counted first, then what waits, so that what is at work or failed is seen.
#[must_use]
pub fn status_within(doc: &Status, live: &Live, around: &Surroundings, look: Look, lines_max: usize) -> String {
    let whole = status(doc, live, around, look);
    if whole.lines().count() <= lines_max {
        return whole;
    }
    let mut last = whole;
    for listing in &LISTINGS[1..] {
        last = told(doc, live, around, look, *listing);
        if last.lines().count() <= lines_max {
            break;
        }
    }
    last
}

fn told(doc: &Status, live: &Live, around: &Surroundings, look: Look, listing: Listing) -> String {
    let mut out = header(doc, look);
    if !doc.tasks.is_empty() {
        out.push('\n');
        out.push_str(&table(doc, live, look, listing));
    }
    out.push_str(&super::untold::untold_in_short(doc, look));
    if listing.advice {
        out.push_str(&advice(doc, around, look));
    }
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
    if columns(run.id.as_str()) + columns(&words) + columns(&elapsed) + columns(&counts) + 10 <= look.width {
        let _ = writeln!(out, "  {counts}");
    } else {
        let _ = writeln!(out, "\n{}", wrapped(&counts, look.width, usize::MAX).join("\n"));
    }
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
    let mut parts: Vec<(String, Option<Paint>)> = Vec::new();
    if named {
        let words = format!("Plan {} {} {}/{}", clean(&plan.id), plan.state, plan.progress.completed, plan.progress.total);
        parts.push((words, Some(state_paint(&plan.state))));
    }
    match &plan.branch {
        Some(branch) => parts.push((format!("branch {branch} at {}", short(&plan.head)), None)),
        None => parts.push((String::from("no branch yet"), None)),
    }
    parts.extend(match (plan.branch.is_some(), plan.verify.is_empty(), plan.verified) {
        (false, ..) => None,
        (true, true, _) => Some((String::from("not verified: no test suite was found"), Some(Paint::Yellow))),
        (true, false, true) if plan.head == plan.base => None,
        (true, false, true) => Some((format!("verified by {}", commands(&plan.verify)), None)),
        (true, false, false) => Some((String::from("not all of it verified"), Some(Paint::Yellow))),
    });
    let mut out = in_lines(&parts, look);
    if let Some(reason) = &plan.reason {
        for line in wrapped(&clean(reason), look.width.saturating_sub(2), NOTE_LINES_MAX).into_iter().chain(of_base(plan)) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// Two spaces between them, as many in a line as fit; what goes on in another stands below.
fn in_lines(parts: &[(String, Option<Paint>)], look: Look) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for (text, of) in parts {
        let painted = |text: &str| of.map_or_else(|| text.to_owned(), |of| paint(text, of, look.color));
        if used > 0 && used + 2 + columns(text) <= look.width {
            out.push_str("  ");
            out.push_str(&painted(text));
            used += 2 + columns(text);
            continue;
        }
        let indent = if used > 0 { 2 } else { 0 };
        for line in wrapped(text, look.width.saturating_sub(indent), usize::MAX) {
            if used > 0 {
                out.push('\n');
            }
            out.push_str(&" ".repeat(indent));
            out.push_str(&painted(&line));
            used = indent + columns(&line);
        }
    }
    out.push('\n');
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

fn table(doc: &Status, live: &Live, look: Look, listing: Listing) -> String {
    let (listed, folded) = listed(doc, listing);
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
        if indent > look.width + 2 {
            out.push_str(&in_two_lines(r, look));
        } else {
            let state = format!("{} {}", sign(&r.state), fit(&state_words(&r.state), state_width));
            let line = format!(
                "{}  {}  {}  {:>attempt_width$}  {:>time_width$}",
                paint(&state, state_paint(&r.state), look.color),
                fit(&r.id, id_width),
                paint(&fit(&r.agent, agent_width), Paint::Dim, look.color),
                r.attempt,
                r.time,
            );
            out.push_str(if below { line.trim_end() } else { &line });
        }
        let mut notes = wrapped(&r.note, look.width.saturating_sub(note_indent), listing.notes).into_iter();
        if !below && let Some(first) = notes.next() {
            out.push_str("  ");
            out.push_str(&first);
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        for note in notes {
            let _ = writeln!(out, "{}{note}", " ".repeat(note_indent));
        }
    }
    for line in folded.iter().flat_map(|l| wrapped(l, look.width, NOTE_LINES_MAX)) {
        let _ = writeln!(out, "{}", paint(&line, Paint::Dim, look.color));
    }
    out
}

/// A row where not even its columns fit: the name, and below it the rest.
fn in_two_lines(r: &Row, look: Look) -> String {
    let words = state_words(&r.state);
    let rest: Vec<&str> = [r.agent.as_str(), &r.attempt, &r.time].into_iter().filter(|t| !t.is_empty()).collect();
    let name = fit(&r.id, columns(&r.id).min(look.width.saturating_sub(2)));
    format!(
        "{} {name}\n    {}  {}",
        paint(sign(&r.state), state_paint(&r.state), look.color),
        paint(&words, state_paint(&r.state), look.color),
        rest.join("  ")
    )
}

/// Which tasks get a row, and what is said of the others.
fn listed(doc: &Status, listing: Listing) -> (Vec<&TaskView>, Vec<String>) {
    if listing.done {
        return (doc.tasks.iter().collect(), Vec::new());
    }
    let (mut rows, mut done, mut waiting) = (Vec::new(), 0, 0);
    for task in &doc.tasks {
        match task.state.as_str() {
            "done" => done += 1,
            "blocked" | "ready" | "queued" | "skipped" => {
                waiting += 1;
                if waiting <= listing.waiting {
                    rows.push(task);
                }
            }
            _ => rows.push(task),
        }
    }
    let hidden = waiting.saturating_sub(listing.waiting);
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
    fn nothing_is_wider_than_the_terminal() {
        let long = |plan: &str| (1..4).map(|i| samples::task(&format!("{plan}-catalogue-with-pictures-{i}"), &[])).collect();
        let mut run = samples::Sample::new(vec![samples::plan("shop", long("shop")), samples::plan("api", long("api"))], &["make check"]);
        run.spawn("shop", "shop-catalogue-with-pictures-1");
        run.spawn("shop", "shop-catalogue-with-pictures-2");
        run.wait_secs(5).accept("shop", "shop-catalogue-with-pictures-1");
        run.land("shop");
        run.exit("shop", "shop-catalogue-with-pictures-2", greenlane_core::attempt::Exit::Code { code: 0 }, "");
        let (command, output) = (String::from("make links"), String::from("dead"));
        let red = greenlane_core::attempt::Verdict::CheckFailed {
            commit: samples::commit("x"),
            command,
            exit_code: Some(2),
            output,
            timed_out: false,
        };
        run.judge("shop", "shop-catalogue-with-pictures-2", red);
        for width in [40, 60, 80, 100, 160] {
            let text = status(&run.status(Coordinator::Alive), &Live::new(), &Surroundings::default(), Look { width, color: false });
            // A command is not cut: it is there to be copied.
            let widest = text.lines().filter(|l| !l.starts_with("  greenlane ")).max_by_key(|l| columns(l)).unwrap();
            assert!(columns(widest) <= width, "{width}: {widest}");
        }
        let text = status(&run.status(Coordinator::Alive), &Live::new(), &Surroundings::default(), Look { width: 40, color: false });
        let name = "✓ shop/shop-catalogue-with-pictures-1\n    done  claude  #1  5.0s\n    Do shop";
        assert!(text.contains(name), "the whole name:\n{text}");
    }

    #[test]
    fn in_few_lines_what_is_at_work_and_what_failed_are_seen() {
        let tasks = (0..40).map(|i| samples::task(&format!("t{i:02}"), &[]));
        let mut run = samples::Sample::new(vec![samples::plan("p", tasks.collect())], &[]);
        for done in ["t00", "t01"] {
            run.spawn("p", done);
            run.wait_secs(1).accept("p", done);
            run.land("p");
        }
        run.spawn("p", "t03");
        run.spawn("p", "t02");
        let of = |lines| {
            let text = status_within(&run.status(Coordinator::Alive), &Live::new(), &Surroundings::default(), LOOK, lines);
            assert!(text.lines().count() <= lines, "{lines}:\n{text}");
            text
        };
        assert!(of(60).contains("✓ done     t00"), "it fits");
        for lines in [42, 23, 12] {
            let text = of(lines);
            assert!(text.contains("▶ running  t02") && text.contains("▶ running  t03") && text.contains("✓ 2 done, not listed"), "{text}");
        }
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
