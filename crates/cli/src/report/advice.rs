//! What a person can do next, as commands: for what failed, what needs them, what was interrupted, and what is done.

use std::borrow::Cow;
use std::fmt::Write as _;

use greenlane_core::attempt::Suite;
use greenlane_core::event::HaltCause;
use greenlane_core::view::{Halted, Status, TaskView};

use super::status::name_of;
use super::surroundings::{Surroundings, Whereabouts};
use super::text::{Look, clean, columns, fit, quoted, wrapped};
use crate::output::{Paint, paint};

/// So many tasks of a kind are named; the others are counted.
const NAMED_MAX: usize = 5;
/// Most lines of a sentence.
const LINES_MAX: usize = 4;

/// A paragraph after an empty line, or nothing where nothing is to be done. Every line ended.
#[must_use]
pub fn advice(doc: &Status, around: &Surroundings, look: Look) -> String {
    let mut out = Lines::new(doc, around, look);
    let resume = if around.is_older { format!("greenlane resume {}", doc.run.id) } else { String::from("greenlane resume") };
    match doc.run.state.as_str() {
        "interrupted" => {
            out.line("The run was interrupted: its coordinator is gone.");
            out.command(&resume, "go on: adopt what still runs, collect what has ended");
            out.command("greenlane stop --all", "or end what still runs");
        }
        "stopped" => match &doc.run.halted {
            Some(Halted { cause: HaltCause::Budget, message }) => {
                out.line(&format!("The run came to its end before it was done: {}.", clean(message)));
                out.command(&format!("{resume} --budget CAPS"), "go on with higher caps, such as tokens=40M,cost_usd=80");
            }
            Some(Halted { cause: HaltCause::DiskFull, .. }) => {
                out.line("The run was ended because the disk is full.");
                out.command(&resume, "go on with it, once there is space");
            }
            None => {
                out.line("The run was stopped before its end.");
                out.command(&resume, "go on with it");
            }
        },
        "running" if doc.run.paused => {
            out.line("The run is paused: no attempts are started.");
            out.command("greenlane unpause", "go on");
        }
        _ => {}
    }
    of_people(doc, &mut out);
    of_bases(doc, &mut out);
    of_tasks(doc, &mut out, Shown::Row);
    of_called_off(doc, &resume, &mut out);
    if matches!(doc.run.state.as_str(), "finished" | "stopped") {
        landing(doc, around, &mut out);
    }
    out.done()
}

/// What waits for a person while the run goes on.
fn of_people(doc: &Status, out: &mut Lines) {
    let asking: Vec<_> = doc.tasks.iter().filter_map(|t| Some((t, t.question.as_ref()?))).collect();
    let in_hand: Vec<&TaskView> = doc.tasks.iter().filter(|t| t.by_hand).collect();
    // What is in somebody's hands is given back without a coordinator, too; a question needs one to be answered.
    let asking = if doc.run.state == "running" { asking } else { Vec::new() };
    if !matches!(doc.run.state.as_str(), "running" | "interrupted") || asking.is_empty() && in_hand.is_empty() {
        return;
    }
    let of = |what: &str, n: usize| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let waiting: Vec<String> =
        [("question", asking.len()), ("task", in_hand.len())].into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| of(what, n)).collect();
    let verb = if asking.len() + in_hand.len() == 1 { "waits" } else { "wait" };
    out.line(&format!("{} {verb} for you.", waiting.join(" and ")));
    for (task, question) in asking.iter().take(NAMED_MAX) {
        let command = format!("greenlane answer {} --question {} TEXT", quoted(&clean(&name_of(doc, task))), question.id);
        out.command(
            &command,
            fit(&clean(question.text.lines().next().unwrap_or_default()), out.look.width.saturating_sub(8)).trim_end().to_owned(),
        );
    }
    for task in in_hand.iter().take(NAMED_MAX) {
        let place = task.worktree.as_deref().map(clean).unwrap_or_default();
        let before = task.begun().rev().nth(1).and_then(|a| a.outcome.as_deref());
        if before == Some("conflict")
            && let Some(branch) = doc.plans.iter().find(|p| p.id == task.plan).and_then(|p| p.branch.as_deref())
        {
            let what = "first: others have landed what its work conflicts with";
            out.command(&format!("git -C {} merge {}", quoted(&place), quoted(branch)), what);
        }
        out.command(&format!("greenlane done {}", quoted(&clean(&name_of(doc, task)))), format!("once it is done, in {place}"));
    }
}

fn of_bases(doc: &Status, out: &mut Lines) {
    let red = doc.plans.iter().filter(|p| p.state == "failed" && matches!(p.base_suite, Some(Suite::Red { .. } | Suite::Broken { .. })));
    for plan in red.filter(|p| p.reason.is_some() && p.head == p.base).take(NAMED_MAX) {
        if let Some(Suite::Red { set_up_log: Some(log), .. }) = &plan.base_suite {
            out.line(&format!("Worktrees cannot be made ready at the base of `{}`: a set-up command fails.", clean(&plan.id)));
            out.command(&format!("cat {}", quoted(log)), "all that it printed");
            out.command("greenlane config workspace.setup", "the commands, and where they come from");
            continue;
        }
        out.line(&format!("The suite is red on the base of `{}`.", clean(&plan.id)));
        let file = if plan.path.is_empty() { String::from("PLAN") } else { quoted(&clean(&plan.path)) };
        out.command(&format!("greenlane run {file} --base-red allow"), "start all the same: the plan may be there to make it green");
    }
}

/// The same for one task that is shown with everything that is known of it.
#[must_use]
pub fn task_advice(doc: &Status, around: &Surroundings, look: Look) -> String {
    let mut out = Lines::new(doc, around, look);
    of_people(doc, &mut out);
    of_tasks(doc, &mut out, Shown::Whole);
    let resume = if around.is_older { format!("greenlane resume {}", doc.run.id) } else { String::from("greenlane resume") };
    of_called_off(doc, &resume, &mut out);
    out.done()
}

/// How much of a task the reader has seen already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Row,
    Whole,
}

/// What a person took back, or off the branch: it can be done again.
fn of_called_off(doc: &Status, resume: &str, out: &mut Lines) {
    let of = |rolled_back: bool| -> Vec<&TaskView> {
        doc.tasks.iter().filter(|t| t.state == "cancelled" && t.rolled_back == rolled_back).collect()
    };
    let (off, back) = (of(false), of(true));
    // A resume of a stopped run takes up what was called off with it, and says so above.
    let off = if matches!(doc.run.state.as_str(), "running" | "finished") { off } else { Vec::new() };
    let was = |n: usize| if n == 1 { "was" } else { "were" };
    if let Some(example) = off.first() {
        out.line(&format!("{} {} called off.", listed(&off), was(off.len())));
        out.command(&format!("greenlane retry {}{}", quoted(&clean(&name_of(doc, example))), out.run), "go on from the work that is there");
    }
    if let Some(example) = back.first() {
        out.line(&format!("{} {} taken off the branch.", listed(&back), was(back.len())));
        if doc.run.state == "finished" {
            out.command(resume, if back.len() == 1 { "do it again" } else { "do all of it again" });
        }
        let name = quoted(&clean(&name_of(doc, example)));
        out.command(&format!("greenlane retry {name}{}", out.run), if back.len() == 1 { "the same" } else { "one of them" });
    }
}

/// One set of commands for all of them, with a name that works.
fn of_tasks(doc: &Status, out: &mut Lines, shown: Shown) {
    let of = |state: &str| -> Vec<&TaskView> { doc.tasks.iter().filter(|t| t.state == state).collect() };
    let (failed, undecided) = (of("failed"), of("needs_human"));
    let all = || failed.iter().chain(&undecided);
    let Some(example) = all().find(|t| t.begun().next().is_some()).or(all().next()) else { return };
    let mut said = Vec::new();
    if !failed.is_empty() {
        said.push(format!("{} failed", listed(&failed)));
    }
    if !undecided.is_empty() {
        said.push(format!("{} {} your decision", listed(&undecided), if undecided.len() == 1 { "needs" } else { "need" }));
    }
    let several = if failed.len() + undecided.len() > 1 { " For each, as here for one:" } else { "" };
    out.line(&format!("{}.{several}", said.join("; ")));
    let name = format!("{}{}", quoted(&clean(&name_of(doc, example))), out.run);
    if shown == Shown::Row {
        out.command(&format!("greenlane status {name}"), "why, and where its work lies");
    }
    if example.begun().next().is_some() {
        out.command(&format!("greenlane logs {name}"), "what it printed, and why it was refused");
    }
    out.command(&format!("greenlane retry {name}"), "another attempt, from the work that is there (--fresh: from the base)");
}

/// `a`, `b` and 3 more.
fn listed(tasks: &[&TaskView]) -> String {
    let named: Vec<String> = tasks.iter().take(NAMED_MAX).map(|t| format!("`{}`", clean(&t.id))).collect();
    match (tasks.len() - named.len(), named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, others))) => format!("{} and {last}", others.join(", ")),
        (more, _) => format!("{} and {more} more", named.join(", ")),
    }
}

fn landing(doc: &Status, around: &Surroundings, out: &mut Lines) {
    let landed = |id: &str| doc.tasks.iter().any(|t| t.plan == id && t.landed.is_some());
    let with_work: Vec<_> = doc.plans.iter().filter(|p| p.branch.is_some() && (p.head != p.base || landed(&p.id))).collect();
    // Of a plan that was handed over the run has others, which `land` would take along.
    let several = doc.plans.len() > 1 || doc.run.branch.is_none();
    for plan in with_work.iter().take(NAMED_MAX) {
        let Some(branch) = &plan.branch else { continue };
        match around.branches.get(&plan.id) {
            Some(Whereabouts::In(into)) => {
                out.line(&format!("What has landed of `{}` is in {} already.", clean(&plan.id), clean(into)));
                continue;
            }
            Some(Whereabouts::Gone) => {
                out.line(&format!(
                    "{branch}, on which `{}` landed, is gone; its head was {}.",
                    clean(&plan.id),
                    super::text::short(&plan.head)
                ));
                continue;
            }
            None => {}
        }
        if out.text.is_empty() || several {
            out.line(&format!("What has landed of `{}` is on {branch}.", clean(&plan.id)));
        } else {
            out.line(&format!("What has landed is on {branch}."));
        }
        let named = if several { format!(" {}", quoted(&plan.id)) } else { String::new() };
        let into = if plan.head == plan.base {
            // All of it is of earlier runs, and may have been merged since.
            "merge it into the branch you stand on, unless it is there (--into BRANCH for another)"
        } else {
            out.command(&format!("git log --oneline {}..{}", super::text::short(&plan.base), quoted(branch)), "look at it");
            "merge it into the branch you stand on (--into BRANCH for another)"
        };
        out.command(&format!("greenlane land{named}{}", out.run), into);
    }
    if with_work.len() > NAMED_MAX {
        out.line(&format!("{} more plans have landed work; `greenlane land` takes them all.", with_work.len() - NAMED_MAX));
    }
}

/// Sentences, each with the commands that belong to it, their explanations in one column.
struct Lines {
    text: String,
    commands: Vec<(String, Cow<'static, str>)>,
    look: Look,
    /// ` --run RUN`, where verbs would look at another run.
    run: String,
}

impl Lines {
    fn new(doc: &Status, around: &Surroundings, look: Look) -> Self {
        let run = if around.is_older { format!(" --run {}", doc.run.id) } else { String::new() };
        Self { text: String::new(), commands: Vec::new(), look, run }
    }

    fn line(&mut self, text: &str) {
        self.end();
        for line in wrapped(text, self.look.width, LINES_MAX) {
            let _ = writeln!(self.text, "{line}");
        }
    }

    fn command(&mut self, command: &str, what: impl Into<Cow<'static, str>>) {
        self.commands.push((command.to_owned(), what.into()));
    }

    fn done(mut self) -> String {
        self.end();
        if self.text.is_empty() { self.text } else { format!("\n{}", self.text) }
    }

    /// The explanations in one column; what does not fit there stands below its command.
    fn end(&mut self) {
        let room = |command: &str, what: &str| 2 + columns(command) + 2 + 2 + columns(what) <= self.look.width;
        let column = self.commands.iter().filter(|(c, what)| room(c, what)).map(|(c, _)| columns(c)).max().unwrap_or(0);
        for (command, what) in self.commands.drain(..) {
            let taken = columns(&command).max(column);
            let told = |what: &str| paint(&format!("# {what}"), Paint::Dim, self.look.color);
            let _ = write!(self.text, "  {}", paint(&command, Paint::Cyan, self.look.color));
            if 2 + taken + 2 + 2 + columns(&what) <= self.look.width {
                let _ = writeln!(self.text, "{}  {}", " ".repeat(taken - columns(&command)), told(&what));
                continue;
            }
            self.text.push('\n');
            for line in wrapped(&what, self.look.width.saturating_sub(6 + 2), usize::MAX) {
                let _ = writeln!(self.text, "      {}", told(&line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    const LOOK: Look = Look { width: 160, color: false };

    #[test]
    fn of_an_older_run_every_command_names_it() {
        let doc = samples::ended().status(Coordinator::Gone);
        let around = Surroundings { is_older: true, ..Surroundings::default() };
        let text = advice(&doc, &around, LOOK);
        let commands: Vec<&str> = text.lines().filter(|l| l.starts_with("  greenlane ")).collect();
        assert_eq!(commands.len(), 4, "{text}");
        assert!(commands.iter().all(|c| c.contains(" --run r1 ")), "{text}");
        assert!(!advice(&doc, &Surroundings::default(), LOOK).contains("--run"));
        let task = doc.only(&[greenlane_core::ids::TaskKey::new("limits", "docs")]);
        assert!(task_advice(&task, &around, LOOK).contains("greenlane retry docs --run r1 "));
    }

    #[test]
    fn what_was_called_off_or_taken_off_can_be_done_again() {
        let mut doc = samples::ended().status(Coordinator::Gone);
        let docs = doc.tasks.iter().position(|t| t.id == "docs").unwrap();
        doc.tasks[docs].state = String::from("cancelled");
        let text = advice(&doc, &Surroundings::default(), LOOK);
        assert!(text.starts_with("\n`docs` was called off.\n  greenlane retry docs  # go on"), "{text}");
        doc.tasks[docs].rolled_back = true;
        let text = advice(&doc, &Surroundings::default(), LOOK);
        assert!(
            text.starts_with("\n`docs` was taken off the branch.\n  greenlane resume      # do it again\n  greenlane retry docs"),
            "{text}"
        );
        doc.run.state = String::from("stopped");
        doc.tasks[docs].rolled_back = false;
        assert!(!advice(&doc, &Surroundings::default(), LOOK).contains("called off"), "`resume` takes it up");
    }

    #[test]
    fn what_is_in_the_users_branch_or_gone_is_not_advised_to_be_landed() {
        let doc = samples::ended().status(Coordinator::Gone);
        let of = |became| {
            let around = Surroundings { branches: [(String::from("limits"), became)].into(), ..Surroundings::default() };
            advice(&doc, &around, LOOK)
        };
        let there = of(Whereabouts::In("main".into()));
        assert!(there.contains("What has landed of `limits` is in main already.") && !there.contains("greenlane land"), "{there}");
        let gone = of(Whereabouts::Gone);
        assert!(gone.contains("is gone; its head was 6d657267652d") && !gone.contains("git log"), "{gone}");
    }
}
