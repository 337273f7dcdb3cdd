//! One conversation: from `initialize` to the end of the turn, with an answer to whatever the agent asks meanwhile.
//!
//! Knows no process: it hears messages and sends them. What became of the agent's process is told to it.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::files;
use super::lines::Lines;
use super::order::Order;
use super::permission::{Decision, answer, decide};
use super::place::Place;
use super::terminals::Terminals;
use super::wire::{self, Code, Heard, MESSAGE_BYTES_MAX, Outbox, Refusal};

/// The version of the protocol that is spoken here.
const VERSION: u64 = 1;
/// The protocol's code for "sign in first".
const AUTH_REQUIRED: i64 = -32000;

/// How long what is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the answers before the prompt: an agent starts, signs in, opens a session.
    pub(super) opening: Duration,
    /// For the end of a turn that was asked to end.
    pub(super) cancel: Duration,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The turn has ended as it should.
    Finished,
    /// It failed; the lines tell why.
    Failed,
    /// Somebody wanted it to end.
    Terminated,
    /// The agent's process ended before its turn did: with this exit code, as a shell would tell it.
    AgentEnded(i32),
}

/// Why a request got no result.
enum Trouble {
    /// The agent answered with an error.
    Error { code: i64, message: String, data: Value },
    /// It did not answer in time.
    Silent(Duration),
    /// Its process has ended.
    Ended(i32),
    /// It closed its output and runs on.
    Closed,
    /// Somebody wants this to end.
    Terminated,
    /// It does not read.
    Deaf,
}

/// The client's side of a conversation.
pub(super) struct Client<'a, W> {
    order: &'a Order,
    place: Place,
    heard: Receiver<Heard>,
    outbox: Outbox,
    lines: Lines<W>,
    terminals: Terminals,
    patience: Patience,
    session: Option<String>,
    requests: u64,
    /// What the agent does belongs to the prompt, and is told.
    prompted: bool,
    cancelled: bool,
    /// The exit code of the agent's process, once it has ended.
    ended: Option<i32>,
}

impl<'a, W: Write> Client<'a, W> {
    pub(super) fn new(
        order: &'a Order,
        place: Place,
        heard: Receiver<Heard>,
        outbox: Outbox,
        lines: Lines<W>,
        terminals: Terminals,
        patience: Patience,
    ) -> Self {
        Self {
            order,
            place,
            heard,
            outbox,
            lines,
            terminals,
            patience,
            session: None,
            requests: 0,
            prompted: false,
            cancelled: false,
            ended: None,
        }
    }

    /// Talks to the end of the turn.
    pub(super) fn talk(&mut self) -> Outcome {
        let outcome = match self.turn() {
            Ok(outcome) => outcome,
            Err((_, Trouble::Terminated)) => Outcome::Terminated,
            Err((during, trouble)) => self.fails(during, trouble),
        };
        self.terminals.kill_all();
        outcome
    }

    /// The conversation is over: the agent's input is closed. Whoever hears of its end, where it still runs after this time.
    pub(super) fn close(self, patience: Duration) -> Option<Receiver<Heard>> {
        drop(self.outbox);
        (self.ended.is_none() && !wait_for_end(&self.heard, patience)).then_some(self.heard)
    }

    fn turn(&mut self) -> Result<Outcome, (&'static str, Trouble)> {
        let files = self.order.files;
        let hello = json!({
            "protocolVersion": VERSION,
            "clientCapabilities": {
                "fs": {"readTextFile": files, "writeTextFile": files},
                "terminal": self.order.terminals,
            },
            "clientInfo": {"name": "greenlane", "title": "Greenlane", "version": env!("CARGO_PKG_VERSION")},
        });
        let opening = Some(self.patience.opening);
        let agent = self.ask("initialize", hello, opening)?;
        self.lines.agent(&agent["agentInfo"]);
        if agent["protocolVersion"] != VERSION {
            let message =
                format!("it speaks version {} of the Agent Client Protocol, and Greenlane version {VERSION}", agent["protocolVersion"]);
            self.lines.error(&message, None);
            return Ok(Outcome::Failed);
        }
        let (session, opened, resumed) = self.open_session(&agent["agentCapabilities"])?;
        let model = self.choose_model(&session, &opened)?;
        let cwd = self.place.root().display().to_string();
        self.lines.session(&session, resumed, &model, &cwd);
        self.session = Some(session.clone());
        self.prompted = true;
        let prompt = json!({"sessionId": session, "prompt": [{"type": "text", "text": self.order.prompt}]});
        let result = self.ask("session/prompt", prompt, None)?;
        self.lines.stop(&result, self.cancelled);
        Ok(match result["stopReason"].as_str() {
            _ if self.cancelled => Outcome::Terminated,
            Some("end_turn") => Outcome::Finished,
            _ => Outcome::Failed,
        })
    }

    /// The session to go on with, where the agent can and still has it; else a new one.
    fn open_session(&mut self, can: &Value) -> Result<(String, Value, bool), (&'static str, Trouble)> {
        let opening = Some(self.patience.opening);
        let place = json!({"cwd": self.place.root().display().to_string(), "mcpServers": []});
        let earlier = self.order.session.as_deref().filter(|s| !s.is_empty());
        // Resuming does not tell the whole conversation again.
        let method = match can {
            can if can["sessionCapabilities"]["resume"].is_object() => Some("session/resume"),
            can if can["loadSession"] == true => Some("session/load"),
            _ => None,
        };
        if let (Some(session), Some(method)) = (earlier, method) {
            let mut params = place.clone();
            params["sessionId"] = Value::from(session);
            match self.ask(method, params, opening) {
                Ok(opened) => return Ok((session.to_owned(), opened, true)),
                Err((_, Trouble::Error { code, message, data })) if code != AUTH_REQUIRED => {
                    let (why, _) = told(method, code, &message, &data);
                    self.lines.note(&format!("it cannot go on with session {session}, and begins a new one: {why}"));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let opened = self.ask("session/new", place, opening)?;
        match opened["sessionId"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => Ok((id.to_owned(), opened, false)),
            None => Err(("session/new", trouble("it names no session"))),
        }
    }

    /// Has the agent use the model of the order, where its command line did not name it. The model that it then uses, where it says so.
    fn choose_model(&mut self, session: &str, opened: &Value) -> Result<Value, (&'static str, Trouble)> {
        let mut options = opened["configOptions"].as_array().into_iter().flatten();
        let option = options.find(|o| o["category"] == "model").unwrap_or(&Value::Null);
        let known = Some(&option["currentValue"]).filter(|v| v.is_string()).unwrap_or(&opened["models"]["currentModelId"]).clone();
        let Some(wanted) = self.order.model.as_deref().filter(|m| known != *m) else { return Ok(known) };
        let (method, params) = if let Some(id) = option["id"].as_str() {
            ("session/set_config_option", json!({"sessionId": session, "configId": id, "value": wanted}))
        } else if opened["models"].is_object() {
            ("session/set_model", json!({"sessionId": session, "modelId": wanted}))
        } else {
            return Err(("session/new", trouble(&format!("it offers no choice of models, and its task wants `{wanted}`"))));
        };
        self.ask(method, params, Some(self.patience.opening))?;
        Ok(Value::from(wanted))
    }

    /// Sends a request and answers the agent's own until its result is there.
    fn ask(&mut self, method: &'static str, params: Value, patience: Option<Duration>) -> Result<Value, (&'static str, Trouble)> {
        self.requests += 1;
        let id = self.requests;
        let mut deadline = patience.map(|p| Instant::now() + p);
        let mut closed = false;
        if !self.outbox.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})) {
            return Err((method, Trouble::Deaf));
        }
        loop {
            let heard = match self.hear(deadline) {
                Ok(heard) => heard,
                // Nobody is left who could tell.
                Err(RecvTimeoutError::Disconnected) => return Err((method, Trouble::Closed)),
                Err(RecvTimeoutError::Timeout) if closed => {
                    return Err((method, if self.cancelled { Trouble::Terminated } else { Trouble::Closed }));
                }
                Err(RecvTimeoutError::Timeout) => return Err((method, self.silence(patience))),
            };
            match heard {
                Heard::Message(message) if message["method"].is_null() && message["id"] == id => {
                    return result_of(message).map_err(|t| (method, t));
                }
                Heard::Message(message) => {
                    if !self.answer(&message) {
                        return Err((method, Trouble::Deaf));
                    }
                }
                Heard::TerminalEnded(id) => {
                    let (waiting, answer) = self.terminals.ended(id).unwrap_or_default();
                    if !waiting.iter().all(|request| self.outbox.send(&wire::answer(request, Ok(answer.clone())))) {
                        return Err((method, Trouble::Deaf));
                    }
                }
                Heard::Stray(line) => self.lines.stray(&line),
                Heard::TooLong(bytes) => {
                    self.lines.note(&format!(
                        "a message of {bytes} bytes was passed over: more than {} MiB are not read",
                        MESSAGE_BYTES_MAX >> 20
                    ));
                }
                Heard::Terminate => match self.session.as_ref().filter(|_| !self.cancelled) {
                    Some(session) => {
                        self.cancelled = true;
                        deadline = Some(Instant::now() + self.patience.cancel);
                        self.terminals.kill_all();
                        if !self.outbox.send(&json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}})) {
                            return Err((method, Trouble::Terminated));
                        }
                    }
                    None => return Err((method, Trouble::Terminated)),
                },
                // What it said at last may still be on its way; a process that it left may hold its output open for ever.
                Heard::Ended(code) => {
                    self.ended = Some(code);
                    deadline = Some(Instant::now() + ENDING_PATIENCE);
                }
                // Its process ends with that, as a rule.
                Heard::Closed => {
                    closed = true;
                    deadline = Some(Instant::now() + ENDING_PATIENCE);
                }
            }
            if closed && self.ended.is_some() {
                return Err((method, self.silence(patience)));
            }
            if self.lines.is_lost() {
                return Err((method, Trouble::Terminated));
            }
        }
    }

    /// What it means that nothing came any more.
    fn silence(&self, patience: Option<Duration>) -> Trouble {
        match self.ended {
            _ if self.cancelled => Trouble::Terminated,
            Some(code) => Trouble::Ended(code),
            None => Trouble::Silent(patience.unwrap_or_default()),
        }
    }

    fn hear(&self, until: Option<Instant>) -> Result<Heard, RecvTimeoutError> {
        match until {
            Some(at) => self.heard.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => self.heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Takes a message that is not the awaited result. `false`: its answer could not be sent.
    fn answer(&mut self, message: &Value) -> bool {
        let (method, id, params) = (message["method"].as_str(), &message["id"], &message["params"]);
        match (method, id) {
            (Some("session/update"), Value::Null) => {
                if self.prompted && self.session.as_deref().is_some_and(|s| params["sessionId"] == s) {
                    self.lines.update(&params["update"]);
                }
                true
            }
            // Another notification, or the answer to something that is not waited for any more.
            (Some(_), Value::Null) | (None, _) => true,
            (Some(method), id) => match self.fulfil(method, id, params) {
                Some(answer) => {
                    if let Err(refusal) = &answer
                        && refusal.outside
                    {
                        self.lines.refused(method, &refusal.message);
                    }
                    self.outbox.send(&wire::answer(id, answer))
                }
                None => true,
            },
        }
    }

    /// Does what the agent asks for; `None`: the answer comes later.
    fn fulfil(&mut self, method: &str, id: &Value, params: &Value) -> Option<Result<Value, Refusal>> {
        let not_offered = |what: &str| Some(Err(Refusal::new(Code::Method, format!("{what} are not offered here"))));
        Some(match method {
            "session/request_permission" => Ok(self.permit(params)),
            "fs/read_text_file" | "fs/write_text_file" if !self.order.files => return not_offered("files"),
            "fs/read_text_file" => files::read(&self.place, params),
            "fs/write_text_file" => files::write(&self.place, params),
            _ if method.starts_with("terminal/") && !self.order.terminals => return not_offered("terminals"),
            // No command begins in a turn that is to end.
            "terminal/create" if self.cancelled => Err(Refusal::new(Code::Internal, "the turn was cancelled")),
            "terminal/create" => self.terminals.create(params),
            "terminal/output" => self.terminals.output(params),
            "terminal/wait_for_exit" => return self.terminals.wait(params, id),
            "terminal/kill" => self.terminals.kill(params),
            "terminal/release" => self.terminals.release(params),
            _ => Err(Refusal::new(Code::Method, format!("there is no method {method:?} here"))),
        })
    }

    fn permit(&mut self, params: &Value) -> Value {
        if self.cancelled {
            return json!({"outcome": {"outcome": "cancelled"}});
        }
        let call = &params["toolCall"];
        let decision = decide(self.order.permissions, &self.place, call);
        let rejected = match &decision {
            Decision::Allow => None,
            Decision::Reject(why) => Some(why.as_str()),
        };
        self.lines.permission(call, rejected);
        answer(&params["options"], &decision)
    }

    fn fails(&mut self, during: &'static str, trouble: Trouble) -> Outcome {
        let (message, status) = match trouble {
            Trouble::Terminated => return Outcome::Terminated,
            // Before it ever answered, success is none: it is no such agent.
            Trouble::Ended(0) if during == "initialize" => {
                (String::from("it ended before it answered: it does not speak the Agent Client Protocol"), None)
            }
            Trouble::Ended(code) => return Outcome::AgentEnded(code),
            Trouble::Error { code, message, data } => told(during, code, &message, &data),
            Trouble::Silent(patience) => (format!("it did not answer `{during}` for {} s", patience.as_secs()), None),
            Trouble::Closed => (format!("it closed its output in the middle of `{during}`"), None),
            Trouble::Deaf => (format!("it does not read what it is sent, in the middle of `{during}`"), None),
        };
        self.lines.error(&message, status);
        Outcome::Failed
    }
}

/// After its process has ended, or it has closed its output, the other of the two is waited for so long.
const ENDING_PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the end of the agent's process. `false`: it still runs after this time.
pub(super) fn wait_for_end(heard: &Receiver<Heard>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        match heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Heard::Ended(_)) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn trouble(message: &str) -> Trouble {
    Trouble::Error { code: 0, message: message.to_owned(), data: Value::Null }
}

fn result_of(mut message: Value) -> Result<Value, Trouble> {
    let error = &message["error"];
    if error.is_object() {
        let text = error["message"].as_str().filter(|m| !m.trim().is_empty()).unwrap_or("it failed without a word").to_owned();
        return Err(Trouble::Error { code: error["code"].as_i64().unwrap_or(0), message: text, data: error["data"].clone() });
    }
    Ok(message["result"].take())
}

/// An error as people and the classification read it. Agents put what matters into any of the three.
fn told(during: &str, code: i64, message: &str, data: &Value) -> (String, Option<u16>) {
    let detail = match data {
        Value::String(text) => Some(text.as_str()),
        data => ["details", "message", "errorKind", "error", "reason"].into_iter().find_map(|key| data[key].as_str()),
    };
    let detail = detail.filter(|d| !d.trim().is_empty() && !message.contains(d)).map(|d| format!(" ({d})")).unwrap_or_default();
    let during = if during == "session/prompt" { String::new() } else { format!(" (answer to `{during}`)") };
    let status = u16::try_from(code).ok().filter(|c| (400..600).contains(c));
    let stated = data["status"].as_u64().or_else(|| data["statusCode"].as_u64()).and_then(|c| u16::try_from(c).ok());
    let sign_in = (code == AUTH_REQUIRED).then_some(401);
    (format!("{message}{detail}{during}"), status.or(stated.filter(|c| (400..600).contains(c))).or(sign_in))
}
