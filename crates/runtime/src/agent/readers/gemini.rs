//! Gemini CLI, `--output-format stream-json` (measured with 0.61.0).
//!
//! Its errors are of type "unknown" with the provider's answer inside the message; it retries in silence, but for standard
//! error ("Attempt 1 failed with status 429"). Google counts cached input within the input. There is no cost.

use greenlane_core::attempt::Usage;
use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, count, error};

/// Reads Gemini's events.
#[derive(Default)]
pub(super) struct Gemini {
    notes: Notes,
    /// Its message comes in pieces, and this is not the first.
    within_message: bool,
}

impl Events for Gemini {
    fn event(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        let piece = kind == "message" && event["role"] == "assistant";
        if piece && !self.within_message {
            self.notes.model_called();
            self.notes.begins_to_say();
        }
        self.within_message = piece && event["delta"] == true;
        match kind {
            "init" => {
                self.notes.session(&event["session_id"]);
                self.notes.model(&event["model"]);
                self.notes.does("thinking");
            }
            "message" if piece => {
                self.notes.says_more(event["content"].as_str().unwrap_or_default());
                self.notes.does("writing");
            }
            "tool_use" => {
                self.notes.model_called();
                self.notes.tool_called();
                let what = describe(event["tool_name"].as_str().unwrap_or("a tool"), &event["parameters"], "");
                self.notes.does(&what);
                self.notes.call_began(&event["tool_id"], event["tool_name"].as_str().unwrap_or_default(), &event["parameters"]);
            }
            "tool_result" => {
                let failed = event["status"] == "error";
                let said = if failed && !event["error"].is_null() { &event["error"] } else { &event["output"] };
                self.notes.shows_result(said, failed);
                self.notes.call_ended(&event["tool_id"], &serde_json::json!([event["status"], event["output"], event["error"]]));
                self.notes.does("thinking");
            }
            "result" => self.result(event),
            // Its prompt.
            "message" => self.notes.knows(),
            "error" => self.notes.remarks(event["message"].as_str().unwrap_or_default()),
            _ => {}
        }
    }

    fn error_line(&mut self, line: &str) {
        if let Some((n, rest)) = line.trim_start().strip_prefix("Attempt ").and_then(|r| r.split_once(" failed"))
            && n.parse::<u32>().is_ok()
            && rest.contains("Retrying")
        {
            self.notes.retried(error(rest, None), &format!(", try {n}"));
        } else if line.contains("must specify the GEMINI_API_KEY") || line.contains("Please set an Auth method") {
            // It ends with code 41 then, before its first event.
            self.notes.failed(error(line, Some(401)));
        }
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn noted(&self) -> &Notes {
        &self.notes
    }
}

impl Gemini {
    fn result(&mut self, event: &Value) {
        let stats = &event["stats"];
        if stats.is_object() {
            self.notes.usage(Usage {
                input_tokens: count(&stats["input_tokens"]),
                cached_tokens: count(&stats["cached"]),
                output_tokens: count(&stats["output_tokens"]),
                cost_usd: None,
            });
        }
        if event["status"] == "success" {
            self.notes.succeeded();
        } else {
            let failure = &event["error"];
            let message = failure["message"].as_str().unwrap_or("it ended with an error that it does not name");
            let mut error = error(message, None);
            error.status = error.status.or_else(|| self.notes.known_status());
            self.notes.failed(error);
        }
    }
}
