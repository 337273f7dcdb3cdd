//! A GitHub for tests, as far as issues go: the few calls that Greenlane makes through the real `gh`, which reaches it over a Unix socket
//! (`gh config set http_unix_socket`). Keeps the rules: an issue has assignees, comments and a state; a used-up limit is told with its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

/// An issue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GithubIssue {
    /// It is closed, and why.
    pub closed: Option<String>,
    /// Who has it.
    pub assignees: Vec<String>,
    /// What was said, the first thing first.
    pub comments: Vec<String>,
}

/// How the server answers next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GithubMood {
    /// As it should.
    Fine,
    /// With this status, these headers and this body.
    Refuses {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// As it should, but nobody can be assigned.
    NobodyAssigned,
}

#[derive(Debug)]
struct Inner {
    issues: BTreeMap<String, GithubIssue>,
    calls: Vec<String>,
    mood: GithubMood,
}

/// The server; it ends when it is dropped. The user is called `ann`.
pub struct Github {
    inner: Arc<Mutex<Inner>>,
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
    config: PathBuf,
}

impl Github {
    /// Listens on a socket in this folder, where `gh`'s configuration is put as well.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let (socket, config) = (folder.join("github.sock"), folder.join("gh"));
        fs::create_dir_all(&config).unwrap_or_else(|e| panic!("{}: {e}", config.display()));
        let text = format!("version: 1\nhttp_unix_socket: {}\n", socket.display());
        fs::write(config.join("config.yml"), text).unwrap_or_else(|e| panic!("{}: {e}", config.display()));
        let server = Arc::new(Server::http_unix(&socket).unwrap_or_else(|e| panic!("{}: {e}", socket.display())));
        let inner = Arc::new(Mutex::new(Inner { issues: BTreeMap::new(), calls: Vec::new(), mood: GithubMood::Fine }));
        let (serving, state) = (Arc::clone(&server), Arc::clone(&inner));
        let thread = std::thread::spawn(move || {
            while let Ok(request) = serving.recv() {
                answer(request, &state);
            }
        });
        Self { inner, server, thread: Some(thread), config }
    }

    /// The variables with which `gh` comes here.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("GH_CONFIG_DIR", self.config.clone()), ("GH_TOKEN", PathBuf::from("token"))]
    }

    /// An issue by `owner/repo#n`, made where there is none; `change` it as somebody else would.
    pub fn issue(&self, id: &str, change: impl FnOnce(&mut GithubIssue)) -> GithubIssue {
        let mut inner = self.lock();
        let issue = inner.issues.entry(id.to_owned()).or_default();
        change(issue);
        issue.clone()
    }

    /// How it answers from now on.
    pub fn mood(&self, mood: GithubMood) {
        self.lock().mood = mood;
    }

    /// What was asked so far: `METHOD path body`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn answer(mut request: Request, state: &Mutex<Inner>) {
    let mut text = String::new();
    drop(request.as_reader().read_to_string(&mut text));
    let (method, url) = (request.method().clone(), request.url().to_owned());
    let mut inner = state.lock().unwrap_or_else(PoisonError::into_inner);
    inner.calls.push(format!("{method} {url} {text}").trim_end().to_owned());
    let (status, headers, body) = match inner.mood.clone() {
        GithubMood::Refuses { status, headers, body } => (status, headers, body),
        mood => {
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            let (status, answer) = act(&mut inner, &method, &url, &body, mood == GithubMood::NobodyAssigned);
            (status, Vec::new(), answer.to_string())
        }
    };
    drop(inner);
    let mut response = Response::from_string(body).with_status_code(status);
    let json = [(String::from("Content-Type"), String::from("application/json; charset=utf-8"))];
    for (name, value) in headers.into_iter().chain(json) {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    drop(request.respond(response));
}

fn act(inner: &mut Inner, method: &Method, url: &str, body: &Value, nobody: bool) -> (u16, Value) {
    let path = url.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let not_found = || (404, json!({"message": "Not Found"}));
    let (owner, repo, number, more) = match parts.as_slice() {
        ["user"] => return (200, json!({"login": "ann"})),
        ["repos", owner, repo, "issues", number, more @ ..] => (*owner, *repo, *number, more),
        _ => return not_found(),
    };
    let Some(issue) = inner.issues.get_mut(&format!("{owner}/{repo}#{number}")) else { return not_found() };
    let texts = |key: &str| body[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    match (method, more) {
        (Method::Get, []) => {}
        (Method::Patch, []) => {
            issue.closed = (body["state"] == "closed").then(|| body["state_reason"].as_str().unwrap_or_default().to_owned());
        }
        (Method::Post, ["assignees"]) => {
            for new in texts("assignees").into_iter().filter(|_| !nobody) {
                if !issue.assignees.contains(&new) {
                    issue.assignees.push(new);
                }
            }
            return (201, shown(issue));
        }
        (Method::Delete, ["assignees"]) => {
            let gone = texts("assignees");
            issue.assignees.retain(|a| !gone.contains(a));
        }
        (Method::Get, ["comments"]) => {
            return (200, issue.comments.iter().map(|c| json!({"body": c, "user": {"login": "ann"}})).collect());
        }
        (Method::Post, ["comments"]) => {
            let text = body["body"].as_str().unwrap_or_default();
            issue.comments.push(text.to_owned());
            return (201, json!({"body": text}));
        }
        _ => return not_found(),
    }
    (200, shown(issue))
}

fn shown(issue: &GithubIssue) -> Value {
    let assignees: Vec<Value> = issue.assignees.iter().map(|a| json!({"login": a})).collect();
    json!({"number": 1, "state": if issue.closed.is_some() { "closed" } else { "open" }, "state_reason": issue.closed, "assignees": assignees})
}
