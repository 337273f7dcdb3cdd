//! What people see of an agent's output: what it said, which tools it called and what came of them, each bounded. Made by the readers,
//! which know the formats. Knows no terminal: what is in these texts came from an agent, and whoever prints them makes them harmless.

use greenlane_core::attempt::ExitRecord;
use serde_json::Value;

use super::{OutputKind, Reader, event, reader};

/// Lines of a tool's result that are shown; `--raw` has all.
const RESULT_LINES_MAX: usize = 4;
/// Most characters of each.
const RESULT_CHARS_MAX: usize = 200;
/// How deep a result's text is looked for.
const DEPTH_MAX: usize = 6;
/// Most bytes of a message that comes in pieces before it is shown.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// One thing to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The agent's own words; may have several lines.
    Said(String),
    /// The next piece of a message; [`Readable`] puts them together.
    Piece(String),
    /// It calls a tool: "runs `cargo test`".
    Calls(String),
    /// What came of a call.
    Result {
        /// Its first lines.
        lines: Vec<String>,
        /// How many more there are.
        more: usize,
        /// The tool said that it failed.
        failed: bool,
    },
    /// What went wrong.
    Failed(String),
    /// Whatever else is worth a line: its model, a retry, what it thinks.
    Remark(String),
    /// A line that is no event, or none that is known, as it is.
    Line(String),
}

impl Shown {
    /// As text without a colour, for who reads it as data.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Shown::Said(text) | Shown::Piece(text) | Shown::Line(text) => text.clone(),
            Shown::Calls(what) => format!("▸ {what}"),
            Shown::Result { lines, .. } => lines.iter().map(|l| format!("  | {l}")).collect::<Vec<_>>().join("\n"),
            Shown::Failed(text) => format!("✗ {text}"),
            Shown::Remark(text) => format!("· {text}"),
        }
    }
}

/// A result's first lines, wherever its text stands in the value; `None`: it succeeded without a word.
pub(super) fn result(of: &Value, failed: bool) -> Option<Shown> {
    let text = text_of(of, 0);
    let all = || text.lines().map(str::trim_end).filter(|l| !l.trim().is_empty());
    let cut = |line: &str| match line.char_indices().nth(RESULT_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    };
    let lines: Vec<String> = all().take(RESULT_LINES_MAX).map(cut).collect();
    (failed || !lines.is_empty()).then(|| Shown::Result { more: all().count() - lines.len(), lines, failed })
}

fn text_of(value: &Value, depth: usize) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) if depth < DEPTH_MAX => {
            let parts = parts.iter().map(|p| text_of(p, depth + 1)).filter(|t| !t.is_empty());
            parts.collect::<Vec<_>>().join("\n")
        }
        Value::Object(fields) if depth < DEPTH_MAX => {
            let known = ["text", "content", "output", "message", "error", "stdout", "result"].iter().find_map(|k| fields.get(*k));
            known.map_or_else(|| value.to_string(), |v| text_of(v, depth + 1))
        }
        _ => String::new(),
    }
}

/// Turns lines of an agent's output into what people see of them.
pub struct Readable {
    reader: Option<Box<dyn Reader>>,
    /// A message whose end has not come yet.
    message: String,
}

impl Readable {
    /// For this kind of output. Plain text is seen as it is.
    #[must_use]
    pub fn new(kind: OutputKind) -> Self {
        let reader = (!matches!(kind, OutputKind::Plain | OutputKind::Aider)).then(|| {
            let mut reader = reader(kind);
            reader.keep_shown();
            reader
        });
        Self { reader, message: String::new() }
    }

    /// A line, without its end.
    pub fn line(&mut self, line: &str) -> Vec<Shown> {
        let Some(reader) = &mut self.reader else { return vec![Shown::Line(line.to_owned())] };
        reader.line(line);
        let mut out = Vec::new();
        for shown in reader.take_shown() {
            match shown {
                Shown::Piece(text) if self.message.len() < MESSAGE_BYTES_MAX => self.message.push_str(&text),
                Shown::Piece(text) => out.extend([Shown::Said(std::mem::replace(&mut self.message, text))]),
                other => {
                    out.extend(said(&mut self.message));
                    out.push(other);
                }
            }
        }
        out
    }

    /// There is no more, or none for the moment.
    pub fn finish(&mut self) -> Vec<Shown> {
        said(&mut self.message).into_iter().collect()
    }
}

fn said(message: &mut String) -> Option<Shown> {
    let text = std::mem::take(message);
    (!text.trim().is_empty()).then(|| Shown::Said(text.trim().to_owned()))
}

/// Whose events these are, by the first line that tells; `None`: no agent's that is known.
#[must_use]
pub fn guess(text: &str) -> Option<OutputKind> {
    text.lines().filter_map(event).find_map(|e| {
        let kind = e["type"].as_str().unwrap_or_default();
        let begins = |all: &[&str]| all.iter().any(|start| kind.starts_with(start));
        if begins(&["handed_over", "not_yet", "given_back"]) {
            Some(OutputKind::HandOff)
        } else if begins(&["acp."]) {
            Some(OutputKind::Acp)
        } else if e["sessionID"].is_string() {
            Some(OutputKind::Opencode)
        } else if begins(&["thread.", "turn.", "item."]) {
            Some(OutputKind::Codex)
        } else if begins(&["assistant.", "tool.execution_", "model.call_", "session."]) {
            Some(OutputKind::Copilot)
        } else if begins(&["agent_event", "hook_event", "run_result"]) {
            Some(OutputKind::Cline)
        } else if kind == "session" || begins(&["agent_start", "agent_end", "message_end", "message_start", "tool_execution_", "turn_end"])
        {
            Some(OutputKind::Pi)
        } else if matches!(kind, "assistant" | "user" | "system" | "rate_limit_event") || e["is_error"].is_boolean() {
            Some(OutputKind::Claude)
        } else if e["tool_id"].is_string() || e["stats"].is_object() || e["role"].is_string() || kind == "init" {
            Some(OutputKind::Gemini)
        } else {
            None
        }
    })
}

/// The end of what an agent printed on standard output, for people: events as what they say. `None`: there are none.
#[must_use]
pub fn words_of(tail: &str) -> Option<Vec<Shown>> {
    let mut readable = Readable::new(guess(tail)?);
    // The first line may have lost its beginning.
    let whole = tail.lines().skip_while(|l| event(l).is_none());
    let mut all: Vec<Shown> = whole.flat_map(|l| readable.line(l)).collect();
    all.extend(readable.finish());
    // Who it was is known, and comes late where the beginning is not there.
    all.retain(|s| !matches!(s, Shown::Remark(text) if text.starts_with("session ") || text.starts_with("model ")));
    Some(all)
}

/// The same of an attempt that has ended, with plain text as it is.
#[must_use]
pub fn last_words(record: &ExitRecord) -> Vec<Shown> {
    words_of(&record.stdout_tail).unwrap_or_else(|| {
        // Of a last event that is longer than what is kept only a part is there: its words are known all the same.
        let of_events = record.report.session.is_some() || record.report.finished.is_some();
        let said = &record.report.last_message;
        let text = if of_events && !said.is_empty() { said } else { &record.stdout_tail };
        text.lines().map(|l| Shown::Line(l.to_owned())).collect()
    })
}
