//! What each tool does: its input read, the coordinator asked, the result in words for the model.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greenlane_core::exchange::{LEASE_DEFAULT, LockSight, Look, PLACE_MAX, QuestionSight, Sight, Talk};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::door::Door;
use super::input::check;
use super::tools::TOOLS;

/// A place in a lock's queue outlives the wait for it by this, so that whoever asks again at once keeps it.
const PLACE_MORE: Duration = Duration::from_secs(60);

/// What a tool does with its input; `Err` is for the model too.
type Tool = fn(&Calls, &Door, Map<String, Value>) -> Result<String, String>;

/// Answers calls of tools.
pub struct Calls {
    door: Result<Door, String>,
    wait: Duration,
    /// Tells notes and questions of this process apart.
    number: AtomicU64,
    process: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressInput {
    percent: f64,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteInput {
    task: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskInput {
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerInput {
    question: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimInput {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockInput {
    name: String,
    lease_seconds: Option<u64>,
    wait_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameInput {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValuesInput {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetInput {
    name: String,
    /// Must be there, be it null.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
    if_version: Option<u64>,
}

impl Calls {
    /// `door`: to the coordinator, or why there is none. `wait`: the longest that a call waits for a person or a lock.
    pub fn new(door: Result<Door, String>, wait: Duration) -> Self {
        let process = format!("{}-{}", std::process::id(), greenlane_runtime::clock::now().0);
        Self { door, wait, number: AtomicU64::new(0), process }
    }

    /// What the tool of this name gives; `Err` is for the model too. `None`: there is no such tool.
    pub fn call(&self, name: &str, input: Map<String, Value>) -> Option<Result<String, String>> {
        let call: Tool = match name {
            "task" => Self::task,
            "progress" => Self::progress,
            "note" => Self::note,
            "notes" => Self::notes,
            "ask" => Self::ask,
            "answer" => Self::answer,
            "claim" => Self::claim,
            "lock" => Self::lock,
            "unlock" => Self::unlock,
            "values" => Self::values,
            "set_value" => Self::set_value,
            _ => return None,
        };
        let fits = TOOLS.iter().find(|tool| tool.name == name).map_or(Ok(()), |tool| check(tool, &input));
        let door = self.door.as_ref().map_err(Clone::clone);
        Some(door.and_then(|door| fits.and_then(|()| call(self, door, input))))
    }

    fn token(&self) -> String {
        format!("{}-{}", self.process, self.number.fetch_add(1, Ordering::Relaxed))
    }

    fn task(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        read::<Nothing>(input)?;
        match door.look(Look::Task)? {
            Sight::Task(task) => pretty(&task),
            _ => Err(unexpected()),
        }
    }

    fn progress(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let ProgressInput { percent, text } = read(input)?;
        let percent = percent.round() as u32;
        door.say(Talk::Progress { percent, text })?;
        Ok(format!("noted: {percent} %"))
    }

    fn note(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let NoteInput { task, text } = read(input)?;
        door.say(Talk::Note { token: self.token(), to: task.clone(), text })?;
        Ok(format!("`{}` is told", task.trim()))
    }

    fn notes(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        read::<Nothing>(input)?;
        match door.look(Look::Notes)? {
            Sight::Notes(notes) if notes.is_empty() => Ok(String::from("no notes so far")),
            Sight::Notes(notes) => {
                let notes: Vec<String> = notes.iter().map(|n| format!("From `{}`, {}:\n{}", n.from, n.at, n.text)).collect();
                Ok(notes.join("\n\n"))
            }
            _ => Err(unexpected()),
        }
    }

    fn ask(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let AskInput { question } = read(input)?;
        let token = self.token();
        door.say(Talk::Ask { token: token.clone(), text: question })?;
        self.answered(door, &Look::Question { number: None, token: Some(token) })
    }

    fn answer(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let AnswerInput { question } = read(input)?;
        self.answered(door, &Look::Question { number: Some(question), token: None })
    }

    fn answered(&self, door: &Door, look: &Look) -> Result<String, String> {
        let mut number = 0;
        let answered = door.wait(look, self.wait, |sight| match sight {
            Sight::Question(Some(QuestionSight { answer: Some(text), .. })) => Some(Ok(format!("A person answered:\n\n{text}"))),
            Sight::Question(Some(QuestionSight { withdrawn: Some(why), .. })) => {
                Some(Ok(format!("There will be no answer: {why}. Decide for yourself.")))
            }
            Sight::Question(Some(open)) => {
                number = open.number;
                None
            }
            Sight::Question(None) => Some(Err(String::from("your task has asked no question of this number"))),
            _ => Some(Err(unexpected())),
        })?;
        answered.unwrap_or_else(|| {
            Ok(format!(
                "No answer yet; question {number} stays open. Work on at what does not depend on it, or call `answer` with question {number} \
                 to wait on. Or leave your work as it is and end your turn: when there is an answer you go on from there, and it is in your prompt."
            ))
        })
    }

    fn claim(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let ClaimInput { path } = read(input)?;
        door.say(Talk::Claim { path: path.clone() })?;
        Ok(format!("you may change `{}`", path.trim()))
    }

    fn lock(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let LockInput { name, lease_seconds, wait_seconds } = read(input)?;
        let lease = lease_seconds.map_or(LEASE_DEFAULT, Duration::from_secs);
        let wait = wait_seconds.map_or(self.wait, Duration::from_secs).min(self.wait);
        let place = if wait.is_zero() { wait } else { (wait + PLACE_MORE).min(PLACE_MAX) };
        door.say(Talk::Lock { name: name.clone(), lease, place })?;
        let mut last: Option<LockSight> = None;
        let held = door.wait(&Look::Lock { name: name.clone() }, wait, |sight| match sight {
            Sight::Lock(LockSight { held: true, until, .. }) => Some(Ok(until.unwrap_or_default())),
            Sight::Lock(other) => {
                last = Some(other);
                None
            }
            _ => Some(Err(unexpected())),
        })?;
        if let Some(until) = held.transpose()? {
            return Ok(format!("`{name}` is yours until {until}; give it back with `unlock` as soon as you can"));
        }
        let last = last.unwrap_or(LockSight { held: false, holder: None, until: None, place: None });
        let holder = last.holder.map_or_else(String::new, |h| format!(" by `{h}`"));
        let until = last.until.map_or_else(String::new, |u| format!(", until {u} at most"));
        let place = last.place.map_or_else(String::new, |p| {
            format!(
                "; you are number {p} in the queue, and keep your place for a minute: call `lock` again to wait on, or `unlock` to leave"
            )
        });
        Err(format!("`{name}` is taken{holder}{until}{place}"))
    }

    fn unlock(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let NameInput { name } = read(input)?;
        door.say(Talk::Unlock { name: name.clone() })?;
        Ok(format!("`{name}` is not yours any more"))
    }

    fn values(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let ValuesInput { name } = read(input)?;
        match door.look(Look::Values { name })? {
            Sight::Values(values) => pretty(&values),
            _ => Err(unexpected()),
        }
    }

    fn set_value(&self, door: &Door, input: Map<String, Value>) -> Result<String, String> {
        let SetInput { name, value, if_version } = read(input)?;
        door.say(Talk::Set { name: name.clone(), value, if_version })?;
        match door.look(Look::Values { name: Some(name.clone()) })? {
            Sight::Values(values) => Ok(values
                .get(name.trim())
                .map_or_else(|| format!("`{name}` is not set"), |v| format!("`{name}` is set; version {}", v.version))),
            _ => Err(unexpected()),
        }
    }
}

fn read<T: DeserializeOwned>(input: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(input)).map_err(|e| format!("this input does not fit the tool: {e}"))
}

fn pretty(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|e| e.to_string())
}

fn unexpected() -> String {
    String::from("the coordinator is of another version than these tools")
}
