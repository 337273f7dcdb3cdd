//! What the four protocols have in common: a conversation in, one answer out.

use serde_json::Value;

/// Input tokens that every answer claims, cached ones included where the protocol counts them so.
pub(super) const INPUT_TOKENS: u64 = 1_000;
/// Input tokens from the cache; Anthropic's protocol counts them besides [`INPUT_TOKENS`].
pub(super) const CACHED_TOKENS: u64 = 200;
/// Output tokens that every answer claims.
pub(super) const OUTPUT_TOKENS: u64 = 50;

/// One protocol.
pub(super) trait Wire: Sync {
    /// Reads what the agent asks.
    fn ask(&self, body: &Value, path: &str) -> Ask;
    /// The answer's content type and body. `n` makes its ids unique.
    fn answer(&self, content: &Content, ask: &Ask, n: u64) -> (&'static str, String);
    /// The body that goes with an HTTP error.
    fn error(&self, status: u16) -> Value;
}

/// A request, without its protocol.
#[derive(Default)]
pub(super) struct Ask {
    pub model: String,
    /// System prompt and the like: where agents say which directory they work in.
    pub system: String,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub stream: bool,
    /// The agent wants JSON by a schema: a side request.
    pub wants_json: bool,
}

/// A step of the conversation, as far as a script cares.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    User(String),
    ToolResult,
}

/// A tool that the agent offers.
pub(super) struct Tool {
    pub name: String,
    /// The namespace in which it was offered (OpenAI Responses), to be named again in the call.
    pub namespace: Option<String>,
    /// `None`: it takes free text (OpenAI's custom tools).
    pub schema: Option<Value>,
}

/// What the model says.
pub(super) enum Content {
    Text(String),
    /// A tool call with its arguments.
    Call {
        name: String,
        namespace: Option<String>,
        input: Value,
    },
}

pub(super) const JSON: &str = "application/json";
pub(super) const EVENTS: &str = "text/event-stream";

/// Server-sent events; `name` is the field of each event that is also its event name, where the protocol has one.
pub(super) fn events(all: &[Value], name: Option<&str>) -> String {
    let mut out = String::new();
    for event in all {
        if let Some(kind) = name.and_then(|n| event[n].as_str()) {
            out.push_str(&format!("event: {kind}\n"));
        }
        out.push_str(&format!("data: {event}\n\n"));
    }
    out
}

/// The text of a field that is a string, or a list of parts with `text`.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect::<Vec<_>>().join("\n"),
        Value::Object(_) => text_of(&value["parts"]),
        _ => String::new(),
    }
}
