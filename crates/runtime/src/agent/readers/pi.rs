//! pi, `-p --mode json` (measured with 0.73.1).
//!
//! Its exit code is 0 even when its provider refused every call: only the last `auto_retry_end` and the reason for which its last
//! message stopped tell. Usage comes with each message and is added up; cached input stands apart.

use greenlane_core::attempt::Usage;
use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, count, error};

/// Reads pi's events.
#[derive(Default)]
pub(super) struct Pi {
    notes: Notes,
}

impl Events for Pi {
    fn event(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "session" => self.notes.session(&event["id"]),
            "agent_start" => {
                self.notes.unfinished();
                self.notes.does("thinking");
            }
            "message_end" if event["message"]["role"] == "assistant" => self.message(&event["message"]),
            "tool_execution_start" => {
                self.notes.tool_called();
                let what = describe(event["toolName"].as_str().unwrap_or("a tool"), &event["args"], "");
                self.notes.does(&what);
                self.notes.call_began(&event["toolCallId"], event["toolName"].as_str().unwrap_or_default(), &event["args"]);
            }
            "tool_execution_end" => {
                self.notes.shows_result(&event["result"], event["isError"] == true);
                self.notes.call_ended(&event["toolCallId"], &serde_json::json!([event["isError"], event["result"]]));
                self.notes.does("thinking");
            }
            "auto_retry_start" => {
                let which = match (event["attempt"].as_u64(), event["maxAttempts"].as_u64()) {
                    (Some(n), Some(max)) => format!(", {n}/{max}"),
                    _ => String::new(),
                };
                self.notes.unfinished();
                self.notes.retried(error(event["errorMessage"].as_str().unwrap_or("the model could not be reached"), None), &which);
            }
            "auto_retry_end" if event["success"] == false => {
                self.notes.failed(error(event["finalError"].as_str().unwrap_or("it failed without a word"), None));
            }
            "agent_end" => {
                let last = event["messages"].as_array().and_then(|all| all.iter().rev().find(|m| m["role"] == "assistant"));
                match last.and_then(|m| m["stopReason"].as_str()) {
                    Some("stop" | "length" | "toolUse") => self.notes.succeeded(),
                    Some("error") => {
                        let message = last.and_then(|m| m["errorMessage"].as_str()).unwrap_or("it failed without a word");
                        self.notes.failed(error(message, None));
                    }
                    // Ended from outside.
                    _ => {}
                }
            }
            _ => self.notes.knows(),
        }
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn noted(&self) -> &Notes {
        &self.notes
    }
}

impl Pi {
    fn message(&mut self, message: &Value) {
        self.notes.knows();
        self.notes.model(&message["model"]);
        // A failed call is told by what follows it.
        if message["stopReason"] == "error" {
            return;
        }
        self.notes.model_called();
        let usage = &message["usage"];
        let cached = count(&usage["cacheRead"]);
        self.notes.used(&Usage {
            input_tokens: count(&usage["input"]) + cached + count(&usage["cacheWrite"]),
            cached_tokens: cached,
            output_tokens: count(&usage["output"]),
            cost_usd: usage["cost"]["total"].as_f64(),
        });
        let text: String = message["content"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect();
        self.notes.says(&text);
    }
}
