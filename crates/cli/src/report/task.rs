//! `status TASK` as text: one task, its attempts from the first to the newest, what each left, and where.

use std::fmt::Write as _;

use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::slug::key_slug;
use greenlane_core::state::{State, TaskState};
use greenlane_core::view::{AttemptView, Status, TaskView};
use greenlane_runtime::clock;
use greenlane_runtime::driver::Layout;

use super::advice::task_advice;
use super::evidence::{RedSuites, evidence};
use super::quota::local_times;
use super::signs::{sign, state_paint, state_words};
use super::status::{Live, seconds, shown_state};
use super::surroundings::Surroundings;
use super::text::{Look, clean, humane, short, wrapped};
use crate::output::{Paint, paint};

/// Most lines of a reason.
const REASON_LINES_MAX: usize = 12;

/// What the text is drawn from.
pub struct TaskPicture<'a> {
    /// The document, of this task only.
    pub doc: &'a Status,
    /// The run's state.
    pub state: &'a State,
    /// Where its files lie.
    pub layout: &'a Layout,
    /// What running attempts were last seen to do.
    pub live: &'a Live,
    /// What the suite said of attempts.
    pub suites: &'a RedSuites,
    /// What its advice depends on.
    pub around: &'a Surroundings,
}

/// The whole text; empty if the document has no task.
#[must_use]
pub fn task(picture: &TaskPicture<'_>, look: Look) -> String {
    let mut out = String::new();
    for view in &picture.doc.tasks {
        let key = TaskKey::new(view.plan.as_str(), view.id.as_str());
        let Some(of) = picture.state.task(&key) else { continue };
        head(&mut out, picture, view, of, look);
        // What never began left nothing that could be shown.
        for (a, attempt) in view.attempts.iter().zip(&of.attempts).filter(|(a, _)| a.number.is_some()) {
            one_attempt(&mut out, picture, view, a, attempt, look);
        }
    }
    out.push_str(&task_advice(picture.doc, picture.around, look));
    out
}

fn head(out: &mut String, picture: &TaskPicture<'_>, view: &TaskView, of: &TaskState, look: Look) {
    let state = shown_state(picture.doc, view);
    let words = format!("{} {}", sign(state), state_words(state));
    let _ = write!(out, "{}  {}", paint(&clean(&view.id), Paint::Bold, look.color), paint(&words, state_paint(state), look.color));
    let _ = writeln!(out, "{}", if view.title == view.id { String::new() } else { format!("  {}", clean(&view.title)) });
    if let Some(reason) = &view.reason {
        let reason = if view.state == "awaiting_quota" { local_times(reason, clock::now()) } else { reason.clone() };
        for line in wrapped(&clean(&reason), look.width.saturating_sub(2), REASON_LINES_MAX) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if let Some(seen) = picture.live.get(&of.key).filter(|seen| view.reason.as_ref() != Some(*seen) && !view.by_hand) {
        let _ = writeln!(out, "  {seen}");
    }
    let definition = picture.state.definition(of);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            let _ = writeln!(out, "  {name:<9} {value}");
        }
    };
    fact("plan", Some(clean(&view.plan)));
    fact("group", view.group.as_deref().map(clean));
    fact("needs", Some(view.depends.iter().map(|d| clean(d)).collect::<Vec<_>>().join(", ")));
    fact("owns", Some(definition.owns.iter().map(|o| clean(o)).collect::<Vec<_>>().join(", ")));
    fact("checks", Some(definition.check.iter().map(|c| format!("`{}`", clean(c))).collect::<Vec<_>>().join(", ")));
    fact("agent", Some(clean(&view.agent)));
    fact("why", view.assigned.as_deref().map(clean));
    fact("budget", view.budget.as_ref().map(|b| b.words()));
    fact("role", view.role.as_deref().map(clean));
    fact("branch", view.branch.clone());
    // After the landing the worktree is another task's.
    let had_one = of.current().is_some_and(|a| a.spawned.is_some());
    let gone =
        || format!("is not there any more; kept work: `git for-each-ref refs/greenlane/{}/kept/{}`", picture.doc.run.id, key_slug(&of.key));
    fact("worktree", view.worktree.clone().or_else(|| had_one.then(gone)).filter(|_| view.landed.is_none()));
    fact("landed", view.landed.as_deref().map(|l| short(l).to_owned()));
}

fn one_attempt(
    out: &mut String,
    picture: &TaskPicture<'_>,
    view: &TaskView,
    a: &AttemptView,
    of: &greenlane_core::state::AttemptState,
    look: Look,
) {
    let newest = view.attempts.last().is_some_and(|last| last.n == a.n);
    let under_way = newest && matches!(view.state.as_str(), "running" | "gating" | "landing");
    let handed_back = of.record.as_ref().is_some_and(|r| r.report.handed_back);
    let by_hand = picture.state.is_hand_off(&of.agent);
    let outcome = match (&a.outcome, a.exit_code, a.signal) {
        _ if handed_back && a.outcome.is_some() => String::from("given back undone"),
        (Some(o), ..) if by_hand && matches!(o.as_str(), "exit_code" | "signal") => String::from("could not be waited for"),
        (Some(o), ..) if o == "conflict" => String::from("could not be merged"),
        (Some(o), Some(code), _) if o == "exit_code" => format!("exit code {code}"),
        (Some(o), _, Some(signal)) if o == "signal" => format!("signal {signal}"),
        (Some(o), ..) => o.replace('_', " "),
        (None, ..) if under_way => state_words(shown_state(picture.doc, view)),
        (None, ..) => String::from("no outcome yet"),
    };
    let spent = humane(seconds(a.seconds));
    let pid = a.pid.filter(|_| under_way).map(|p| format!(", keeper {p}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{} {}: {outcome}, {spent} from {}{pid}",
        paint(&format!("#{}", a.number.unwrap_or(a.n)), Paint::Bold, look.color),
        clean(&a.agent),
        a.started_at
    );
    if let Some(why) = &a.fallback {
        for line in
            wrapped(&format!("took over: {}", clean(&local_times(why, clock::now()))), look.width.saturating_sub(4), REASON_LINES_MAX)
        {
            let _ = writeln!(out, "    {line}");
        }
    }
    if let Some(failure) = &a.failure {
        let kind = failure.kind.as_str().replace('_', " ");
        let detail = failure.detail.and_then(|d| serde_json::to_value(d).ok()).and_then(|d| d.as_str().map(|d| d.replace('_', " ")));
        let kind = detail.map_or(kind.clone(), |d| format!("{kind}, {d}"));
        // That it was given back stands above, with nothing else to be said of its kind.
        let kind = if handed_back { String::new() } else { format!(" ({kind})") };
        for line in wrapped(&format!("{}{kind}", clean(&failure.message)), look.width.saturating_sub(4), REASON_LINES_MAX) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.push_str(&super::shared::attempt_lines(a, look, 4));
    let id = AttemptId { key: TaskKey::new(view.plan.as_str(), view.id.as_str()), n: a.n };
    let own = evidence(of);
    for line in if own.is_empty() { picture.suites.of(&id) } else { own.as_slice() } {
        let _ = writeln!(out, "    {} {line}", paint("|", Paint::Dim, look.color));
    }
    if let Some(tokens) = super::summary::usage(&a.usage) {
        let _ = writeln!(out, "    {tokens}");
    }
    if let Some(files) = picture.suites.files(picture.layout, &id) {
        let _ = writeln!(out, "    suite: {}", files.display());
    }
    let _ = writeln!(out, "    files: {}", picture.layout.attempt_dir(&id).display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::ids::RunId;
    use greenlane_core::view::Coordinator;
    use std::path::Path;

    #[test]
    fn a_task_with_its_attempts() {
        let run = samples::ended();
        let layout = Layout::new(Path::new("/s"), &RunId::from("r1"));
        let show = |task_id: &str| {
            let doc = run.status(Coordinator::Gone).only(&[TaskKey::new("limits", task_id)]);
            let (live, suites, around) = (Live::new(), RedSuites::default(), Surroundings::default());
            let picture = TaskPicture { doc: &doc, state: &run.state, layout: &layout, live: &live, suites: &suites, around: &around };
            task(&picture, Look { width: 100, color: false })
        };
        let docs = show("docs");
        let expected = "\
docs  ✗ failed  Do docs
  check `make links` failed with exit code 2
  plan      limits
  agent     claude
  branch    greenlane/r1/task/docs
  worktree  /w/docs

#1 claude: gate failed, 20s from 2026-01-02T03:04:05.000Z
    check `make links` failed with exit code 2 (quality gate failure)
    | line one
    | 2 links are dead
    12,345 tokens in, 678 out, $0.50
    files: /s/runs/r1/limits+docs/1";
        assert!(docs.starts_with(expected), "{docs}");
        let header = show("header");
        assert!(header.contains("  needs     bucket\n") && header.contains("  landed    6d657267652d\n"), "{header}");
        assert!(header.contains("#1 claude: exit code 1, 1m04s") && header.contains("(api error, rate limit)"), "{header}");
        assert!(header.contains("#2 claude: succeeded, 18s"), "{header}");
    }
}
