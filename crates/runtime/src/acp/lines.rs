//! What a conversation tells Greenlane: a line of JSON each, on standard output, each with a limit. `agent/readers/acp.rs` reads them.

use std::io::{self, Write};

use serde_json::{Value, json};

/// Most characters of a text inside a line; the agent's own tools show more to it than anybody here reads.
const TEXT_CHARS_MAX: usize = 8 * 1024;
/// Most elements of a list.
const ELEMENTS_MAX: usize = 200;
/// Most bytes of a line that is still more than that.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// Lines of an agent's that are no messages: so many are told.
const STRAYS_MAX: u32 = 100;

/// Updates that say nothing to anybody here: lists of commands and settings, our own words, titles.
const DULL: [&str; 6] = [
    "available_commands_update",
    "user_message_chunk",
    "session_info_update",
    "current_mode_update",
    "config_option_update",
    "compaction_summary_chunk",
];

/// Where the lines go.
pub(super) struct Lines<W> {
    out: W,
    strays: u32,
    /// Nobody reads them any more.
    lost: bool,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, strays: 0, lost: false }
    }

    /// Nobody reads the lines any more: whoever supervised this is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    fn write(&mut self, line: &Value) {
        let written: io::Result<()> = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        self.lost |= written.is_err();
    }

    /// Which agent answered.
    pub(super) fn agent(&mut self, info: &Value) {
        let line = json!({"type": "acp.agent", "name": text(&info["name"]), "version": text(&info["version"])});
        self.write(&line);
    }

    /// The session in which the prompt is given.
    pub(super) fn session(&mut self, id: &str, resumed: bool, model: &Value, cwd: &str) {
        self.write(&json!({"type": "acp.session", "session": id, "resumed": resumed, "model": text(model), "cwd": cwd}));
    }

    /// One thing that the agent does or says.
    pub(super) fn update(&mut self, update: &Value) {
        let kind = update["sessionUpdate"].as_str().unwrap_or_default();
        if !DULL.contains(&kind) {
            let mut line = json!({"type": "acp.update", "update": trimmed(update)});
            // What a call of the model used, where an agent tells that beside the protocol (qwen).
            let usage = &update["_meta"]["usage"];
            if usage.is_object() {
                line["usage"] = trimmed(usage);
            }
            self.write(&line);
        }
    }

    /// It asked for permission, and got this answer.
    pub(super) fn permission(&mut self, call: &Value, rejected: Option<&str>) {
        self.write(&json!({"type": "acp.permission", "call": trimmed(call), "rejected": rejected}));
    }

    /// It wanted something outside of the worktree.
    pub(super) fn refused(&mut self, method: &str, why: &str) {
        self.write(&json!({"type": "acp.refused", "method": method, "why": cut(why)}));
    }

    /// Aside, for people.
    pub(super) fn note(&mut self, text: &str) {
        self.write(&json!({"type": "acp.note", "text": cut(text)}));
    }

    /// A line of the agent's that is no message.
    pub(super) fn stray(&mut self, text: &str) {
        self.strays = self.strays.saturating_add(1);
        if self.strays <= STRAYS_MAX {
            self.write(&json!({"type": "acp.stray", "text": cut(text)}));
        }
    }

    /// The turn has ended.
    pub(super) fn stop(&mut self, result: &Value, asked: bool) {
        let usage = Some(&result["usage"]).filter(|u| u.is_object()).unwrap_or(&result["_meta"]["quota"]["token_count"]);
        self.write(&json!({"type": "acp.stop", "reason": text(&result["stopReason"]), "asked": asked, "usage": trimmed(usage)}));
    }

    /// It failed for good.
    pub(super) fn error(&mut self, message: &str, status: Option<u16>) {
        self.write(&json!({"type": "acp.error", "message": cut(message), "status": status}));
    }
}

fn text(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |t| Value::from(cut(t)))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The same with what is long cut, without the notes of agents to themselves.
fn trimmed(value: &Value) -> Value {
    let whole = trim(value);
    if whole.to_string().len() <= LINE_BYTES_MAX {
        return whole;
    }
    let kept = ["sessionUpdate", "toolCallId", "status", "title", "kind", "name"];
    let fields = whole.as_object().into_iter().flatten().filter(|(key, _)| kept.contains(&key.as_str()));
    fields.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn trim(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(cut(text)),
        Value::Array(all) => all.iter().take(ELEMENTS_MAX).map(trim).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| *key != "_meta").take(ELEMENTS_MAX);
            kept.map(|(key, value)| (key.clone(), trim(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(tell: impl FnOnce(&mut Lines<&mut Vec<u8>>)) -> Vec<Value> {
        let mut out = Vec::new();
        tell(&mut Lines::new(&mut out));
        String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_longer_still_is_left_out() {
        let long = "ü".repeat(TEXT_CHARS_MAX + 5);
        let told = written(|lines| {
            lines.update(&json!({"sessionUpdate": "tool_call", "rawInput": {"content": long}, "_meta": {"x": 1}}));
            let many: Vec<String> = (0..150).map(|_| long.clone()).collect();
            lines.update(&json!({"sessionUpdate": "tool_call", "toolCallId": "7", "content": many}));
            lines.update(&json!({"sessionUpdate": "available_commands_update"}));
        });
        let content = told[0]["update"]["rawInput"]["content"].as_str().unwrap();
        assert!(content.chars().count() == TEXT_CHARS_MAX + 1 && told[0]["update"].get("_meta").is_none());
        assert_eq!(told[1]["update"], json!({"sessionUpdate": "tool_call", "toolCallId": "7"}));
        assert_eq!(told.len(), 2, "what says nothing is not told");
    }

    #[test]
    fn strays_are_told_up_to_a_number_and_a_lost_reader_is_noticed() {
        assert_eq!(written(|lines| (0..500).for_each(|_| lines.stray("noise"))).len(), 100);
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut lines = Lines::new(Broken);
        lines.note("x");
        assert!(lines.is_lost());
    }
}
