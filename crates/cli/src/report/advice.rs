//! What a person can do next, as commands: for what failed, what needs them, what was interrupted, and what is done.

use std::fmt::Write as _;

use greenlane_core::attempt::Suite;
use greenlane_core::event::HaltCause;
use greenlane_core::view::{Halted, Status, TaskView};

use super::status::name_of;
use super::text::{Look, clean, columns, quoted, wrapped};
use crate::output::{Paint, paint};

/// So many tasks of a kind are named; the others are counted.
const NAMED_MAX: usize = 5;
/// Most lines of a sentence.
const LINES_MAX: usize = 4;

/// A paragraph after an empty line, or nothing where nothing is to be done. Every line ended.
#[must_use]
pub fn advice(doc: &Status, look: Look) -> String {
    let mut out = Lines { text: String::new(), commands: Vec::new(), look };
    match doc.run.state.as_str() {
        "interrupted" => {
            out.line("The run was interrupted: its coordinator is gone.");
            out.command("greenlane resume", "go on: adopt what still runs, collect what has ended");
            out.command("greenlane stop --all", "or end what still runs");
        }
        "stopped" => match &doc.run.halted {
            Some(Halted { cause: HaltCause::Budget, message }) => {
                out.line(&format!("The run came to its end before it was done: {}.", clean(message)));
                out.command("greenlane resume --budget CAPS", "go on with higher caps, such as tokens=40M,cost_usd=80");
            }
            Some(Halted { cause: HaltCause::DiskFull, .. }) => {
                out.line("The run was ended because the disk is full.");
                out.command("greenlane resume", "go on with it, once there is space");
            }
            None => {
                out.line("The run was stopped before its end.");
                out.command("greenlane resume", "go on with it");
            }
        },
        "running" if doc.run.paused => {
            out.line("The run is paused: no attempts are started.");
            out.command("greenlane unpause", "go on");
        }
        _ => {}
    }
    of_bases(doc, &mut out);
    of_tasks(doc, &mut out, Shown::Row);
    if matches!(doc.run.state.as_str(), "finished" | "stopped") {
        landing(doc, &mut out);
    }
    out.done()
}

fn of_bases(doc: &Status, out: &mut Lines) {
    let red = doc.plans.iter().filter(|p| p.state == "failed" && matches!(p.base_suite, Some(Suite::Red { .. } | Suite::Broken { .. })));
    for plan in red.filter(|p| p.reason.is_some() && p.head == p.base).take(NAMED_MAX) {
        out.line(&format!("The suite is red on the base of `{}`.", clean(&plan.id)));
        let file = if plan.path.is_empty() { String::from("PLAN") } else { quoted(&clean(&plan.path)) };
        out.command(&format!("greenlane run {file} --base-red allow"), "start all the same: the plan may be there to make it green");
    }
}

/// The same for one task that is shown with everything that is known of it.
#[must_use]
pub fn task_advice(doc: &Status, look: Look) -> String {
    let mut out = Lines { text: String::new(), commands: Vec::new(), look };
    of_tasks(doc, &mut out, Shown::Whole);
    out.done()
}

/// How much of a task the reader has seen already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Row,
    Whole,
}

/// One set of commands for all of them, with a name that works.
fn of_tasks(doc: &Status, out: &mut Lines, shown: Shown) {
    let of = |state: &str| -> Vec<&TaskView> { doc.tasks.iter().filter(|t| t.state == state).collect() };
    let (failed, undecided) = (of("failed"), of("needs_human"));
    let all = || failed.iter().chain(&undecided);
    let Some(example) = all().find(|t| !t.attempts.is_empty()).or(all().next()) else { return };
    let mut said = Vec::new();
    if !failed.is_empty() {
        said.push(format!("{} failed", listed(&failed)));
    }
    if !undecided.is_empty() {
        said.push(format!("{} {} your decision", listed(&undecided), if undecided.len() == 1 { "needs" } else { "need" }));
    }
    let several = if failed.len() + undecided.len() > 1 { " For each, as here for one:" } else { "" };
    out.line(&format!("{}.{several}", said.join("; ")));
    let name = quoted(&clean(&name_of(doc, example)));
    if shown == Shown::Row {
        out.command(&format!("greenlane status {name}"), "why, and where its work lies");
    }
    if !example.attempts.is_empty() {
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

fn landing(doc: &Status, out: &mut Lines) {
    let with_work: Vec<_> = doc.plans.iter().filter(|p| p.branch.is_some() && p.head != p.base).collect();
    let several = doc.plans.len() > 1;
    for plan in with_work.iter().take(NAMED_MAX) {
        let Some(branch) = &plan.branch else { continue };
        if out.text.is_empty() || several {
            out.line(&format!("What has landed of `{}` is on {branch}.", clean(&plan.id)));
        } else {
            out.line(&format!("What has landed is on {branch}."));
        }
        out.command(&format!("git log --oneline {}..{}", super::text::short(&plan.base), quoted(branch)), "look at it");
        let named = if several { format!(" {}", quoted(&plan.id)) } else { String::new() };
        out.command(&format!("greenlane land{named}"), "merge it into the branch you stand on (--into BRANCH for another)");
    }
    if with_work.len() > NAMED_MAX {
        out.line(&format!("{} more plans have landed work; `greenlane land` takes them all.", with_work.len() - NAMED_MAX));
    }
}

/// Sentences, each with the commands that belong to it, their explanations in one column.
struct Lines {
    text: String,
    commands: Vec<(String, &'static str)>,
    look: Look,
}

impl Lines {
    fn line(&mut self, text: &str) {
        self.end();
        for line in wrapped(text, self.look.width, LINES_MAX) {
            let _ = writeln!(self.text, "{line}");
        }
    }

    fn command(&mut self, command: &str, what: &'static str) {
        self.commands.push((command.to_owned(), what));
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
            let told = paint(&format!("# {what}"), Paint::Dim, self.look.color);
            let apart = if 2 + taken + 2 + 2 + columns(what) <= self.look.width {
                format!("{}  ", " ".repeat(taken - columns(&command)))
            } else {
                String::from("\n      ")
            };
            let _ = writeln!(self.text, "  {}{apart}{told}", paint(&command, Paint::Cyan, self.look.color));
        }
    }
}
