//! The way from an agent's tools to the coordinator: which attempt speaks, one connection a call, patience while nobody answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use greenlane_core::exchange::{Look, Sight, Talk};
use greenlane_core::state::Phase;
use greenlane_runtime::control::{Answer, Client, ControlError, Followed, Say, socket_path};
use greenlane_runtime::driver::label;

use crate::context::Context;
use crate::error::Error;
use crate::names;
use crate::session::Session;

/// So long a call is tried again while no coordinator answers: it may be on its way back.
const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Where an attempt's coordinator listens.
#[derive(Clone, Debug)]
pub struct Door {
    socket: PathBuf,
    label: String,
    patience: Duration,
}

impl Door {
    /// The attempt that the environment names, or the one under way at this task. `Ok(Err(why))`: there is none, which each tool says.
    ///
    /// `wait`: the longest that a call may take.
    ///
    /// # Errors
    /// Exit code 2 if a task is named that is not under way.
    pub fn find(task: Option<&str>, wait: Duration, context: &Context) -> Result<Result<Self, String>, Error> {
        let patience = wait.min(PATIENCE_MAX);
        let Some(task) = task else {
            let of = |name: &str| context.env.iter().find(|(n, _)| n.as_os_str() == name).map(|(_, value)| value.clone());
            return Ok(match (of("GREENLANE_SOCKET"), of("GREENLANE_ATTEMPT").and_then(|l| l.into_string().ok())) {
                (Some(socket), Some(label)) => Ok(Self { socket: socket.into(), label, patience }),
                _ => Err(String::from(
                    "this is not within a run of Greenlane (GREENLANE_SOCKET and GREENLANE_ATTEMPT are not set); to try the tools, start `greenlane mcp --task TASK` with a task that is at work",
                )),
            });
        };
        let session = Session::open(context)?;
        session.require_coordinator()?;
        let opened = session.open_run(None)?;
        let key = names::task(&opened.state, task)?;
        let running = opened.state.task(&key).filter(|t| t.phase == Phase::Running);
        let running =
            running.ok_or_else(|| Error::usage(format!("task `{}` is not at work", key.task)).hint("`greenlane status` shows what is"))?;
        let socket = socket_path(&session.state_dir).map_err(|e| Error::environment(format!("no place for the control socket: {e}")))?;
        Ok(Ok(Self { socket, label: label(&opened.run, &running.attempt_id()), patience }))
    }

    /// Says something.
    pub fn say(&self, talk: Talk) -> Result<(), String> {
        self.ask(&Say::Said { label: self.label.clone(), talk }).map(drop)
    }

    /// Looks.
    pub fn look(&self, look: Look) -> Result<Sight, String> {
        match self.ask(&Say::Look { label: self.label.clone(), look })? {
            Answer::Seen(sight) => Ok(sight),
            other => Err(format!("the coordinator answered something else: {other:?}")),
        }
    }

    /// Looks again whenever something has happened, until there is what is wanted, for at most so long. `None`: it is not there yet.
    pub fn wait<T>(&self, look: &Look, wait: Duration, mut wanted: impl FnMut(Sight) -> Option<T>) -> Result<Option<T>, String> {
        let began = Instant::now();
        loop {
            let following = Client::connect(&self.socket).and_then(|mut client| client.follow().map(|()| client));
            let Ok(mut following) = following else {
                // Looking has the patience, and the words.
                if let Some(found) = wanted(self.look(look.clone())?) {
                    return Ok(Some(found));
                }
                continue;
            };
            loop {
                if let Some(found) = wanted(self.look(look.clone())?) {
                    return Ok(Some(found));
                }
                let Some(left) = wait.checked_sub(began.elapsed()).filter(|l| !l.is_zero()) else { return Ok(None) };
                match following.next(Some(left)) {
                    Ok(Followed::Journalled(_)) => {}
                    Ok(Followed::Nothing) => return Ok(None),
                    Ok(Followed::Ended) | Err(_) => {
                        std::thread::sleep(PAUSE);
                        break;
                    }
                }
            }
        }
    }

    /// Every request may come twice: the coordinator may be gone after it has written something down and before it has answered.
    fn ask(&self, say: &Say) -> Result<Answer, String> {
        let began = Instant::now();
        loop {
            let left = self.patience.saturating_sub(began.elapsed());
            match Client::connect(&self.socket).and_then(|client| client.patient(left).say(say)) {
                Ok(answer) => return Ok(answer),
                Err(ControlError::Refused(why)) => return Err(why),
                Err(e @ ControlError::Answer(_)) => return Err(e.to_string()),
                Err(ControlError::Unreachable(_) | ControlError::Gone) if began.elapsed() + PAUSE < self.patience => {
                    std::thread::sleep(PAUSE)
                }
                Err(ControlError::Unreachable(_) | ControlError::Gone) => {
                    return Err(String::from(
                        "Greenlane's coordinator does not answer at the moment; your work is safe: go on, and try this again later",
                    ));
                }
            }
        }
    }
}
