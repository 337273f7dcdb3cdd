//! What an action does to the model, and what is to be done outside of it. Pure: files, commands and the terminal are whoever's who runs
//! the effects.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use greenlane_core::ids::TaskKey;
use greenlane_core::time::Time;

use super::keys::Action;
use super::model::{Asking, Confirm, Filter, Message, Model, Purpose, Question, View};
use super::open::{Loaded, OpenSuite, OpenTask, Tab};
use super::rows::listed;
use super::search::{Jumped, is_list, jump};
use crate::board::{Board, Command, RunBoard, TaskRow};
use crate::report::wrapped;

/// How long a message stands.
const MESSAGE: Duration = Duration::from_secs(8);
/// Longest text that is typed or pasted.
const TEXT_CHARS_MAX: usize = 20_000;
/// Columns and lines of a question in its box.
const BOX_COLUMNS: usize = 66;
const BOX_LINES: usize = 12;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Quit,
    /// A command, on a thread of its own.
    Do(Command),
    /// Asks git for the diff of the open task.
    Diff,
    /// Looks back on the repository's runs.
    Runs,
    /// Finds out where to land, and asks for a yes.
    AskLand,
    Edit(PathBuf),
    /// As Ctrl-C does to a run.
    Interrupt,
    Suspend,
    Redraw,
}

impl Model {
    /// Takes a new board in; what is selected stays so.
    pub fn take(&mut self, board: Arc<Board>) {
        let run_before = self.run().map(|r| r.id.clone());
        self.board = Some(board);
        if run_before.is_some() && self.run().map(|r| r.id.clone()) != run_before {
            (self.selected, self.chosen, self.open, self.failure) = (None, false, None, 0);
            if self.view == View::Task {
                self.view = View::Tasks;
            }
        }
        let known = |key: &TaskKey| self.run().is_some_and(|run| run.task(key).is_some());
        if !self.chosen || !self.selected.as_ref().is_some_and(known) {
            self.selected = listed(self).first().and_then(|i| Some(self.run()?.tasks.get(*i)?.key.clone()));
        }
    }

    /// Says something at the bottom.
    pub fn say(&mut self, text: &str, is_error: bool, now: Time) {
        self.message = Some(Message { text: crate::report::clean(text), is_error, until: now + MESSAGE });
    }

    /// A message that is old enough is gone.
    pub fn forget_message(&mut self, now: Time) {
        self.message.take_if(|m| m.until <= now);
    }

    fn refuse(&mut self, why: &str, now: Time) -> Effect {
        self.say(why, true, now);
        Effect::Nothing
    }
}

/// Does it.
pub(super) fn update(model: &mut Model, action: Action, now: Time) -> Effect {
    match action {
        Action::Suspend => Effect::Suspend,
        Action::Redraw => Effect::Redraw,
        Action::Interrupt if model.inside => {
            model.say("no further attempts start; Ctrl-C again ends the running ones, once more kills them", true, now);
            Effect::Interrupt
        }
        Action::Quit | Action::Interrupt => Effect::Quit,
        Action::Yes | Action::YesAtOnce | Action::No => answered(model, action),
        Action::Type(_) | Action::Erase | Action::EraseWord | Action::EraseAll => {
            type_in(model, &action);
            Effect::Nothing
        }
        Action::Submit => submit(model, now),
        Action::Help => {
            model.asking = Asking::Help;
            Effect::Nothing
        }
        Action::View(view) => see(model, view),
        Action::NextView => see(model, View::ALL[(model.view.index() + 1) % View::ALL.len()]),
        Action::PreviousView => see(model, View::ALL[(model.view.index() + View::ALL.len() - 1) % View::ALL.len()]),
        Action::Up => moved(model, -1),
        Action::Down => moved(model, 1),
        Action::PageUp => moved(model, -(model.page as isize)),
        Action::PageDown => moved(model, model.page as isize),
        Action::Top => moved(model, isize::MIN),
        Action::Bottom => moved(model, isize::MAX),
        Action::Open => open(model),
        Action::Back => back(model),
        Action::NextTab | Action::PreviousTab => {
            let by = if action == Action::NextTab { 1 } else { -1 };
            tab(model, by)
        }
        Action::NextAttempt => attempt(model, 1, now),
        Action::PreviousAttempt => attempt(model, -1, now),
        Action::Follow => {
            if let Some(open) = &mut model.open {
                open.follows = !open.follows;
            }
            Effect::Nothing
        }
        Action::Search => {
            model.asking = Asking::Text(Question::new(Purpose::Search, String::from("/")));
            Effect::Nothing
        }
        Action::NextMatch => hit(model, true, false, now),
        Action::PreviousMatch => hit(model, false, false, now),
        Action::Suite => suite(model),
        Action::Filter => {
            let all = model.run().map_or(0, |run| run.tasks.len());
            let fits = model.filter == Filter::Fitting && listed(model).len() == all;
            model.filter = if fits { Filter::All.next() } else { model.filter.next() };
            keep_selected(model);
            Effect::Nothing
        }
        Action::Stop
        | Action::StopRun
        | Action::Retry
        | Action::RetryFresh
        | Action::Pause
        | Action::Land
        | Action::Answer
        | Action::Done
        | Action::Fail
        | Action::Edit => act(model, &action, now),
    }
}

fn see(model: &mut Model, view: View) -> Effect {
    if view == View::Task && model.open.is_none() {
        return open(model);
    }
    if view == View::Task && model.view != View::Task {
        model.back = model.view;
    }
    (model.view, model.hit) = (view, None);
    if view == View::Runs { Effect::Runs } else { diff_if_shown(model) }
}

fn open(model: &mut Model) -> Effect {
    let failed = model.run().filter(|_| model.view == View::Failures).and_then(|run| run.failures.get(model.failure)).cloned();
    let (key, number) = match failed {
        Some(failed) => (failed.key, failed.number),
        None => match model.task() {
            Some(task) => (task.key.clone(), None),
            None => return Effect::Nothing,
        },
    };
    model.back = match model.view {
        View::Task => model.back,
        View::Suite => View::Tasks,
        other => other,
    };
    (model.view, model.hit) = (View::Task, None);
    (model.selected, model.chosen) = (Some(key.clone()), true);
    let same = model.open.as_ref().is_some_and(|o| o.key == key && o.number == number);
    if !same {
        model.open = Some(OpenTask::new(key, number));
    }
    diff_if_shown(model)
}

fn back(model: &mut Model) -> Effect {
    if model.asking != Asking::Nothing {
        model.asking = Asking::Nothing;
    } else if !is_list(model.view) && !model.find.is_empty() {
        model.find.clear();
        model.hit = None;
    } else if model.view == View::Task {
        model.view = model.back;
    } else if model.view == View::Suite {
        return back_from_suite(model);
    } else if is_list(model.view) && !model.search.is_empty() {
        model.search.clear();
    } else if model.filter != Filter::Fitting {
        model.filter = Filter::Fitting;
    } else {
        model.view = View::Tasks;
    }
    Effect::Nothing
}

/// What the suite of the selected task's plan said; and back.
fn suite(model: &mut Model) -> Effect {
    if model.view == View::Suite {
        return back_from_suite(model);
    }
    let Some(run) = model.run() else { return Effect::Nothing };
    let Some(plan) = model.task().and_then(|t| run.plan_of(t)).or(run.plans.first()) else { return Effect::Nothing };
    model.suite = Some(OpenSuite::new(plan.id.clone(), model.view));
    (model.view, model.hit) = (View::Suite, None);
    Effect::Nothing
}

fn back_from_suite(model: &mut Model) -> Effect {
    model.view = model.suite.take().map_or(View::Tasks, |s| s.back);
    model.hit = None;
    diff_if_shown(model)
}

fn tab(model: &mut Model, by: isize) -> Effect {
    model.hit = None;
    if let Some(open) = &mut model.open {
        (open.tab, open.scroll) = (open.tab.moved(by), 0);
    }
    diff_if_shown(model)
}

/// A diff is asked for each time it comes in sight: the work goes on.
fn diff_if_shown(model: &mut Model) -> Effect {
    match &mut model.open {
        Some(open) if model.view == View::Task && open.tab == Tab::Diff => {
            if open.diff == Loaded::Not {
                open.diff = Loaded::Asked;
            }
            Effect::Diff
        }
        _ => Effect::Nothing,
    }
}

fn attempt(model: &mut Model, by: isize, now: Time) -> Effect {
    let Some((task, open)) = model.task().cloned().zip(model.open.as_mut()) else { return Effect::Nothing };
    let at = open.attempt(&task).and_then(|a| task.attempts.iter().position(|other| other.n == a.n));
    match at.and_then(|at| task.attempts.get(at.checked_add_signed(by)?)) {
        Some(other) => {
            open.select(other.number);
            diff_if_shown(model)
        }
        None => model.refuse("there is no other attempt on that side", now),
    }
}

/// Moves what is selected, or scrolls. The least and the greatest number mean the two ends.
fn moved(model: &mut Model, by: isize) -> Effect {
    model.hit = None;
    match model.view {
        View::Tasks | View::Timeline => {
            let rows = listed(model);
            let Some(run) = model.run() else { return Effect::Nothing };
            let at = rows.iter().position(|i| Some(&run.tasks[*i].key) == model.selected.as_ref());
            let to = at.map_or(0, |at| at.saturating_add_signed(by)).min(rows.len().saturating_sub(1));
            let key = rows.get(to).map(|i| run.tasks[*i].key.clone());
            // At the top one stays there, whatever comes to stand first.
            (model.selected, model.chosen) = (key, by != isize::MIN);
        }
        View::Failures => {
            let len = model.run().map_or(0, |run| run.failures.len() + run.lessons.len());
            model.failure = model.failure.saturating_add_signed(by).min(len.saturating_sub(1));
        }
        View::Health | View::Runs => {
            let offset = &mut model.offsets[model.view.index()];
            *offset = offset.saturating_add_signed(by);
        }
        View::Suite => {
            if let Some(suite) = &mut model.suite {
                suite.scroll = suite.scroll.saturating_add_signed(by);
            }
        }
        View::Task => {
            if let Some(open) = &mut model.open {
                // Where it is drawn it ends with the last page.
                open.scroll = open.scroll.saturating_add_signed(by);
                open.follows = open.tab == Tab::Log && (by == isize::MAX || open.follows && by > 0);
            }
        }
    }
    Effect::Nothing
}

/// What is selected must be listed.
fn keep_selected(model: &mut Model) {
    let rows = listed(model);
    let Some(run) = model.run() else { return };
    if !rows.iter().any(|i| Some(&run.tasks[*i].key) == model.selected.as_ref()) {
        let first = rows.first().map(|i| run.tasks[*i].key.clone());
        if first.is_some() {
            model.selected = first;
        }
    }
}

/// The next place of a text at which what is searched for stands; in a list of tasks the next row.
fn hit(model: &mut Model, forward: bool, here_too: bool, now: Time) -> Effect {
    if is_list(model.view) {
        return moved(model, if forward { 1 } else { -1 });
    }
    match jump(model, forward, here_too) {
        Jumped::There => Effect::Nothing,
        Jumped::NothingSought => model.refuse("nothing is searched for: / begins", now),
        Jumped::NotFound => {
            let words = format!("`{}` is not found here", model.find);
            model.refuse(&words, now)
        }
    }
}

fn type_in(model: &mut Model, action: &Action) {
    let Asking::Text(question) = &mut model.asking else { return };
    match action {
        Action::Type(c) if question.text.chars().count() < TEXT_CHARS_MAX && (!c.is_control() || *c == '\n') => question.text.push(*c),
        Action::Erase => drop(question.text.pop()),
        Action::EraseAll => question.text.clear(),
        Action::EraseWord => {
            let kept = question.text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
            question.text.truncate(kept);
        }
        _ => {}
    }
    if question.purpose == Purpose::Search {
        if is_list(model.view) {
            model.search = question.text.clone();
            keep_selected(model);
        } else {
            (model.find, model.hit) = (question.text.clone(), None);
        }
    }
}

fn submit(model: &mut Model, now: Time) -> Effect {
    let Asking::Text(question) = std::mem::take(&mut model.asking) else { return Effect::Nothing };
    match question.purpose {
        // Nothing typed: nothing is searched for any more.
        Purpose::Search if question.text.is_empty() => {
            forget_search(model);
            Effect::Nothing
        }
        Purpose::Search if is_list(model.view) => Effect::Nothing,
        Purpose::Search => hit(model, true, true, now),
        Purpose::Answer(_) if question.text.trim().is_empty() => model.refuse("an answer must say something", now),
        Purpose::Answer(number) => Effect::Do(Command::Answer { question: number, text: question.text }),
        Purpose::Done(task) => Effect::Do(Command::Done { task, message: question.text }),
        Purpose::Fail(task) => Effect::Do(Command::Fail { task, reason: question.text }),
    }
}

fn answered(model: &mut Model, action: Action) -> Effect {
    let searched = matches!(&model.asking, Asking::Text(q) if q.purpose == Purpose::Search);
    if searched && action == Action::No {
        forget_search(model);
    }
    match (std::mem::take(&mut model.asking), action) {
        (Asking::Confirm(confirm), Action::Yes) => confirm.yes.map_or(Effect::Nothing, Effect::Do),
        (Asking::Confirm(confirm), Action::YesAtOnce) => confirm.at_once.map_or(Effect::Nothing, Effect::Do),
        _ => Effect::Nothing,
    }
}

fn forget_search(model: &mut Model) {
    if is_list(model.view) {
        model.search.clear();
    } else {
        model.find.clear();
        model.hit = None;
    }
}

fn act(model: &mut Model, action: &Action, now: Time) -> Effect {
    let Some(run) = model.run() else { return model.refuse("nothing has run here yet", now) };
    let (alive, paused) = (run.alive, run.state == "paused");
    match action {
        Action::Pause if run.can_be_resumed() => {
            let stands = match (run.state.as_str(), run.attempts_alive()) {
                ("stopped", _) => {
                    String::from("It was stopped before its end. What was called off then is tried again, from the work that is there.")
                }
                (_, 0) => String::from("Its coordinator is gone, and none of its attempts runs."),
                (_, 1) => String::from("Its coordinator is gone; one attempt goes on, and is taken over."),
                (_, n) => format!("Its coordinator is gone; {n} attempts go on, and are taken over."),
            };
            let how = String::from("A coordinator is started in the background, as by `greenlane resume --detach`.");
            model.asking = Asking::Confirm(Confirm {
                title: String::from("Take the run up again?"),
                lines: vec![stands, how],
                yes: Some(Command::Resume),
                at_once: None,
            });
            return Effect::Nothing;
        }
        Action::Pause if !alive => return model.refuse("this run is over: there is nothing to pause", now),
        Action::Pause if run.state == "stopping" => {
            return model.refuse("the run is being stopped: nothing more starts anyhow. Once it has stopped, p takes it up again", now);
        }
        Action::Pause => return Effect::Do(if paused { Command::Unpause } else { Command::Pause }),
        Action::StopRun if run.state == "interrupted" => {
            return model.refuse("its coordinator is gone; `greenlane stop --all` ends what it left behind", now);
        }
        Action::StopRun if !alive => return model.refuse("this run is over: there is nothing to stop", now),
        Action::StopRun => {
            let at_work = run.summary.running;
            model.asking = Asking::Confirm(Confirm {
                title: String::from("Stop the whole run?"),
                lines: vec![
                    format!("{at_work} attempts are at work. They are asked to end, and killed after the grace period."),
                    String::from("Their work is kept; `greenlane resume` goes on with it."),
                ],
                yes: Some(Command::StopRun { now: false }),
                at_once: Some(Command::StopRun { now: true }),
            });
            return Effect::Nothing;
        }
        Action::Answer => return answer(model, now),
        Action::Land => return if run.plans.is_empty() { Effect::Nothing } else { Effect::AskLand },
        _ => {}
    }
    // As with questions: where the selected one is in nobody's hands, the only one that is in somebody's is meant.
    let in_hand = |run: &RunBoard| match run.tasks.iter().filter(|t| t.by_hand).collect::<Vec<_>>().as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    let gives_back = matches!(action, Action::Done | Action::Fail) && !model.task().is_some_and(|t| t.by_hand);
    let meant = model.run().filter(|_| gives_back).and_then(in_hand);
    let Some(task) = meant.or(model.task().cloned()) else { return model.refuse("no task is selected", now) };
    of_task(model, &task, action, alive, now)
}

fn of_task(model: &mut Model, task: &TaskRow, action: &Action, alive: bool, now: Time) -> Effect {
    let name = &task.name;
    let tasks = vec![task.key.clone()];
    match action {
        Action::Stop if task.ended() => model.refuse(&format!("`{name}` has ended already"), now),
        Action::Stop if !alive => {
            model.refuse("no coordinator is at work on this run; `greenlane stop --all` ends what was left behind", now)
        }
        Action::Stop => {
            model.asking = Asking::Confirm(Confirm {
                title: format!("Stop `{name}`?"),
                lines: vec![String::from(
                    "It is called off: its agent is asked to end, and killed after the grace period. Its work is kept.",
                )],
                yes: Some(Command::StopTasks { tasks: tasks.clone(), now: false }),
                at_once: Some(Command::StopTasks { tasks, now: true }),
            });
            Effect::Nothing
        }
        Action::Retry | Action::RetryFresh if !task.went_wrong() => {
            model.refuse(&format!("`{name}` is {}: only what ended without landing is tried again", task.words), now)
        }
        Action::Retry if alive => Effect::Do(Command::Retry { tasks, fresh: false, agent: None }),
        Action::Retry => {
            model.asking = Asking::Confirm(Confirm {
                title: format!("Retry `{name}`?"),
                lines: vec![String::from(
                    "Nobody is at work on this run. A coordinator is started for it in the background, as by `greenlane retry --detach`.",
                )],
                yes: Some(Command::Retry { tasks, fresh: false, agent: None }),
                at_once: None,
            });
            Effect::Nothing
        }
        Action::RetryFresh => {
            model.asking = Asking::Confirm(Confirm {
                title: format!("Retry `{name}` from the base?"),
                lines: vec![String::from("It begins anew; the work so far is kept in a ref.")],
                yes: Some(Command::Retry { tasks, fresh: true, agent: None }),
                at_once: None,
            });
            Effect::Nothing
        }
        Action::Done | Action::Fail if !task.by_hand => model.refuse(&format!("`{name}` is in nobody's hands"), now),
        Action::Done => {
            let title = format!("`{name}` is done: a word for the report (may be empty)");
            model.asking = Asking::Text(Question::new(Purpose::Done(task.key.clone()), title));
            Effect::Nothing
        }
        Action::Fail => {
            let title = format!("`{name}` is not to be expected: why");
            model.asking = Asking::Text(Question::new(Purpose::Fail(task.key.clone()), title));
            Effect::Nothing
        }
        Action::Edit => match &task.worktree {
            Some(worktree) => Effect::Edit(worktree.clone()),
            None if task.landed.is_some() => model.refuse(&format!("`{name}` has landed: its worktree is another task's now"), now),
            None => model.refuse(&format!("`{name}` has no worktree"), now),
        },
        _ => Effect::Nothing,
    }
}

fn answer(model: &mut Model, now: Time) -> Effect {
    let selected = model.task().map(|t| t.key.clone());
    let Some(run) = model.run() else { return Effect::Nothing };
    let of_selected = run.questions.iter().find(|q| Some(&q.key) == selected.as_ref());
    let Some(question) = of_selected.or(run.questions.first()).cloned() else {
        return model.refuse("nobody waits for an answer", now);
    };
    let about = question.text.iter().flat_map(|l| wrapped(l, BOX_COLUMNS, BOX_LINES)).take(BOX_LINES).collect();
    let title = format!("{} asks (question {})", question.name, question.number);
    model.asking = Asking::Text(Question { about, ..Question::new(Purpose::Answer(question.number), title) });
    Effect::Nothing
}
