//! What somebody asks for with a form: reads it, does it, says what came of it. Each form says what its page showed (which run, which
//! attempt, which commits): sent again later, it finds that something else is there, and does nothing.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use greenlane_core::ids::{PlanId, TaskKey};
use serde::{Deserialize, Serialize};

use super::pages::land::require_seen;
use super::place::Place;
use super::site::Site;
use super::view::{Links, segment};
use crate::board::{Command, Target};
use crate::error::Error;
use crate::report::clean;
use crate::session::Opened;

/// Longest answer, in characters; the core has its own limit in bytes.
pub const TEXT_CHARS_MAX: usize = 16_000;

/// What a form holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// What is to be done; of a task's button with what [`Asked::task`] has.
    #[serde(rename = "do")]
    what: String,
    /// The run that the page showed.
    of: String,
    /// `ATTEMPT PLAN TASK`: the newest attempt that the page showed, 0 for none; the names as parts of an address.
    task: String,
    /// An answer, or a word about a task that is given back.
    text: String,
    question: Option<u64>,
    plan: Option<String>,
    into: String,
    squash: String,
    sure: String,
    /// The commits that the page showed.
    heads: String,
}

/// What came of it, for the script.
#[derive(Serialize)]
struct Told {
    ok: bool,
    words: String,
}

/// What a form asks for.
#[derive(Debug, PartialEq)]
enum Wish {
    /// Of the run or of its tasks.
    Do(Command, Option<Seen>),
    /// Take the run up again.
    Resume,
}

/// A task as the page showed it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    key: TaskKey,
    attempt: u32,
}

/// Takes a form.
pub async fn act(State(site): State<Arc<Site>>, Path(slug): Path<String>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    let Some((index, _)) = site.place(&slug) else { return StatusCode::NOT_FOUND.into_response() };
    let back = back(&Links::new(&slug, None), &asked);
    let worker = site.clone();
    let done = tokio::task::spawn_blocking(move || perform(&worker.places[index], &asked)).await;
    let (status, words) = match done {
        Ok(Ok(words)) => (StatusCode::OK, words),
        Ok(Err(e)) => (StatusCode::CONFLICT, told(&e)),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, String::from("this went wrong inside Greenlane")),
    };
    site.places[index].refresh();
    let by_script = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with("application/json"));
    if by_script {
        let told = Told { ok: status == StatusCode::OK, words };
        let json = serde_json::to_string(&told).unwrap_or_default();
        return (status, [(header::CONTENT_TYPE, "application/json")], json).into_response();
    }
    let mark = if back.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{back}{mark}said={}", site.keep_words(words))).into_response()
}

/// An error in one paragraph.
#[must_use]
pub fn told(error: &Error) -> String {
    let each = error.problems.iter().map(|p| [vec![p.message.clone()], p.hints.clone()].concat().join("; "));
    clean(&each.collect::<Vec<_>>().join(". "))
}

/// Where somebody wants to be afterwards.
fn back(links: &Links, asked: &Asked) -> String {
    match Wish::of(asked) {
        Ok(Wish::Do(Command::Answer { .. } | Command::Done { .. } | Command::Fail { .. }, _)) => links.page("questions", ""),
        Ok(Wish::Do(_, Some(seen))) => links.task(&seen.key),
        _ => links.tasks(),
    }
}

impl Wish {
    fn of(asked: &Asked) -> Result<Self, String> {
        let (what, target) = asked.what.split_once(' ').unwrap_or((&asked.what, &asked.task));
        let of_task = || Seen::of(target).ok_or_else(|| String::from("this form names no task"));
        let run = |command| Ok(Wish::Do(command, None));
        let text = || asked.text.trim().to_owned();
        match what {
            "pause" => run(Command::Pause),
            "unpause" => run(Command::Unpause),
            "stop-run" | "kill-run" => run(Command::StopRun { now: what == "kill-run" }),
            "resume" => Ok(Wish::Resume),
            "stop" | "kill" => {
                let seen = of_task()?;
                Ok(Wish::Do(Command::StopTasks { tasks: vec![seen.key.clone()], now: what == "kill" }, Some(seen)))
            }
            "retry" | "retry-fresh" => {
                let seen = of_task()?;
                Ok(Wish::Do(Command::Retry { tasks: vec![seen.key.clone()], fresh: what == "retry-fresh", agent: None }, Some(seen)))
            }
            "done" => {
                let seen = of_task()?;
                Ok(Wish::Do(Command::Done { task: seen.key.clone(), message: text() }, Some(seen)))
            }
            "fail" => {
                let seen = of_task()?;
                Ok(Wish::Do(Command::Fail { task: seen.key.clone(), reason: text() }, Some(seen)))
            }
            "answer" => {
                let question = asked.question.ok_or("this form names no question")?;
                if asked.text.chars().count() > TEXT_CHARS_MAX {
                    return Err(format!("an answer has at most {TEXT_CHARS_MAX} characters"));
                }
                run(Command::Answer { question, text: text() })
            }
            "land" if asked.sure != "yes" => Err(String::from("say that you are sure, then land")),
            "land" => run(Command::Land {
                plan: asked.plan.as_deref().map(PlanId::from),
                into: Some(asked.into.trim().to_owned()).filter(|i| !i.is_empty()),
                squash: asked.squash == "yes",
            }),
            _ => Err(String::from("this form asks for nothing that is known")),
        }
    }
}

impl Seen {
    fn of(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (attempt, plan, task) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        if words.next().is_some() || plan.is_empty() || task.is_empty() {
            return None;
        }
        Some(Self { key: TaskKey::new(unsegment(plan)?.as_str(), unsegment(task)?.as_str()), attempt })
    }
}

/// The opposite of [`segment`]; `None` for what that never gives.
fn unsegment(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok().filter(|t| segment(t) == text)
}

fn perform(place: &Place, asked: &Asked) -> Result<String, Error> {
    let wish = Wish::of(asked).map_err(Error::usage)?;
    let session = place.session()?;
    let journal = session.journal()?;
    let run = session.find_run(&journal, Some(&asked.of))?;
    let opened = session.load(&journal, run.clone())?;
    let (command, seen) = match wish {
        Wish::Resume => (Command::Resume, None),
        Wish::Do(command, seen) => (command, seen),
    };
    if let Some(seen) = &seen {
        require_same_attempt(&opened, seen)?;
    }
    if let Command::Land { plan, .. } = &command {
        require_seen(&opened, plan.as_ref().map(|p| p.as_str()), &asked.heads)?;
    }
    command.perform(Target { session: &session, run: &run })
}

/// A form that was sent twice, or kept for a while, does not end or repeat an attempt that nobody meant.
fn require_same_attempt(opened: &Opened, seen: &Seen) -> Result<(), Error> {
    let task = opened.state.task(&seen.key).ok_or_else(|| Error::usage("there is no such task in this run"))?;
    if task.attempts.last().map_or(0, |a| a.n) == seen.attempt {
        return Ok(());
    }
    Err(Error::usage("another attempt has been made since you looked").hint("look at it, then ask again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(what: &str) -> Result<Wish, String> {
        Wish::of(&Asked { what: what.into(), ..Asked::default() })
    }

    #[test]
    fn a_button_says_what_it_was_pressed_for() {
        let key = TaskKey::new("p", "a/b c");
        let seen = Seen { key: key.clone(), attempt: 3 };
        let button = format!("stop 3 p {}", segment("a/b c"));
        assert_eq!(wish(&button), Ok(Wish::Do(Command::StopTasks { tasks: vec![key], now: false }, Some(seen))));
        for bad in
            ["stop", "stop 3 p", "stop x p t", "stop 3 p t more", "stop 3 p %zz", "stop 3 p %", "stop 3  t", "", "drop", "stop 3 p %74"]
        {
            assert!(wish(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_lands_by_a_slip() {
        let asked = |sure: &str| Asked { what: "land".into(), sure: sure.into(), into: " main ".into(), ..Asked::default() };
        assert!(Wish::of(&asked("")).is_err());
        let land = Command::Land { plan: None, into: Some("main".into()), squash: false };
        assert_eq!(Wish::of(&asked("yes")), Ok(Wish::Do(land, None)));
    }

    #[test]
    fn afterwards_one_is_where_one_was() {
        let links = Links::new("r", None);
        let of = |what: &str| back(&links, &Asked { what: what.into(), question: Some(1), ..Asked::default() });
        assert_eq!([of("stop 1 p t"), of("answer"), of("pause"), of("?")], ["/r/r/task/p/t", "/r/r/questions", "/r/r/", "/r/r/"]);
    }
}
