//! Takes requests, hands them to their protocol and to the script, and answers. Knows no protocol itself.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

use super::recorder::{self, Answered, Recorder, Seen};
use super::script::{Reply, Script};
use super::wire::{self, Wire};
use super::{anthropic, chat, gemini, responses};

/// The largest request body that is read, in bytes; real agents send some 100 KB.
const BODY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Most requests that hang at once; further ones are answered with an error instead.
const HANGING_MAX: usize = 1_000;

/// A running server; it stops when dropped.
pub struct ModelServer {
    url: String,
    recorder: Arc<Recorder>,
    server: Arc<Server>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start() -> io::Result<Self> {
        Self::start_on("127.0.0.1:0")
    }

    /// Starts on this address.
    ///
    /// # Errors
    /// If the address is taken or is none.
    pub fn start_on(address: &str) -> io::Result<Self> {
        let server = Arc::new(Server::http(address).map_err(io::Error::other)?);
        let port = server.server_addr().to_ip().ok_or_else(|| io::Error::other("not an address of the Internet protocol"))?;
        let recorder = Arc::new(Recorder::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(String::from("model-server")).spawn({
            let (server, recorder, stopping) = (Arc::clone(&server), Arc::clone(&recorder), Arc::clone(&stopping));
            move || serve(&server, &recorder, &stopping)
        })?;
        Ok(Self { url: format!("http://{port}"), recorder, server, stopping, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.recorder.all()
    }

    /// How many requests obeyed a directive that contains this text; side requests (titles, quota checks) do not count.
    #[must_use]
    pub fn count(&self, directive: &str) -> usize {
        self.recorder.count(directive)
    }

    /// Waits until `n` requests of any kind have come; `false` if that takes longer than `limit`.
    pub fn wait_for_request(&self, n: usize, limit: Duration) -> bool {
        self.recorder.wait(limit, |seen| seen.len() >= n)
    }

    /// Waits until `n` requests have obeyed a directive that contains this text; `false` if that takes longer than `limit`.
    #[must_use]
    pub fn wait_for(&self, directive: &str, n: usize, limit: Duration) -> bool {
        self.recorder.wait(limit, |seen| recorder::matching(seen, directive) >= n)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// One thread answers everything in turn: no answer takes time, and one that hangs is put aside, not waited for.
fn serve(server: &Server, recorder: &Recorder, stopping: &AtomicBool) {
    let mut script = Script::default();
    let mut hanging = Vec::new();
    while !stopping.load(Ordering::SeqCst) {
        let Ok(request) = server.recv() else { continue };
        if let Some(request) = answer(request, &mut script, recorder)
            && hanging.len() < HANGING_MAX
        {
            hanging.push(request);
        }
    }
}

/// Answers, or gives the request back so that it can hang.
fn answer(mut request: Request, script: &mut Script, recorder: &Recorder) -> Option<Request> {
    let (method, url) = (request.method().clone(), request.url().to_owned());
    let path = url.split('?').next().unwrap_or_default().to_owned();
    let mut seen = Seen { method: method.to_string(), path: path.clone(), directive: None, answered: Answered::Side };
    let mut body = Vec::new();
    if request.as_reader().take(BODY_BYTES_MAX).read_to_end(&mut body).is_err() {
        return None;
    }
    let Some(wire) = (method == Method::Post).then(|| wire_of(&path)).flatten() else {
        let (status, value) = plain(&method, &path);
        seen.answered = Answered::Status(status);
        recorder.add(seen);
        respond(request, status, "application/json", value.to_string(), None);
        return None;
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let ask = wire.ask(&body, &path);
    let decision = script.decide(&ask);
    seen.directive = decision.directive;
    match decision.reply {
        Reply::Hang => {
            seen.answered = Answered::Hang;
            recorder.add(seen);
            return Some(request);
        }
        Reply::Error { status, retry_after } => {
            seen.answered = Answered::Status(status);
            recorder.add(seen);
            respond(request, status, "application/json", wire.error(status).to_string(), retry_after);
        }
        Reply::Content(content) => {
            if seen.directive.is_some() {
                seen.answered = Answered::Status(200);
            }
            recorder.add(seen);
            let (content_type, text) = wire.answer(&content, &ask, decision.n);
            respond(request, 200, content_type, text, None);
        }
    }
    None
}

fn wire_of(path: &str) -> Option<&'static dyn Wire> {
    if path.ends_with("/messages") {
        Some(&anthropic::Messages)
    } else if path.ends_with("/responses") {
        Some(&responses::Responses)
    } else if path.ends_with("/chat/completions") {
        Some(&chat::Completions)
    } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
        Some(&gemini::Generate)
    } else {
        None
    }
}

/// What agents ask besides: is anybody there, how many tokens is this, which models are there.
fn plain(method: &Method, path: &str) -> (u16, Value) {
    if path.ends_with("/count_tokens") {
        (200, json!({"input_tokens": wire::INPUT_TOKENS}))
    } else if path.ends_with(":countTokens") {
        (200, json!({"totalTokens": wire::INPUT_TOKENS}))
    } else if path.ends_with("/models") {
        (200, json!({"object": "list", "data": [{"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}]}))
    } else if *method == Method::Head || path == "/" {
        (200, json!({"scripted": true}))
    } else {
        (404, json!({"error": {"type": "not_found_error", "message": "the scripted model server does not know this path"}}))
    }
}

fn respond(request: Request, status: u16, content_type: &str, text: String, retry_after: Option<u32>) {
    let mut response = Response::from_string(text).with_status_code(status);
    let headers = [("Content-Type", Some(content_type.to_owned())), ("Retry-After", retry_after.map(|s| s.to_string()))];
    for (name, value) in headers {
        if let Some(header) = value.and_then(|v| Header::from_bytes(name, v).ok()) {
            response.add_header(header);
        }
    }
    // An agent that was ended meanwhile does not listen any more; that is its business.
    drop(request.respond(response));
}
