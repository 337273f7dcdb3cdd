//! GitHub Copilot CLI, `--output-format json` (measured with 1.0.102).
//!
//! Its exit code is 0 after a signal too; then an `abort` stands before its `result`. It states no tokens.

use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, error, status_field};

/// Reads Copilot's events.
#[derive(Default)]
pub(super) struct Copilot {
    notes: Notes,
    aborted: bool,
    failed: bool,
}

impl Events for Copilot {
    fn event(&mut self, event: &Value) {
        let data = &event["data"];
        match event["type"].as_str().unwrap_or_default() {
            "assistant.turn_start" => {
                self.notes.unfinished();
                self.notes.model(&data["model"]);
                self.notes.does("thinking");
            }
            "model.call_start" => {
                self.notes.knows();
                self.notes.model(&data["model"]);
            }
            "model.call_finished" if data["outcome"] == "success" => self.notes.model_called(),
            "model.call_failure" => self.notes.retried(error(&inner(&data["errorMessage"]), status_field(&data["statusCode"])), ""),
            "tool.execution_start" => {
                self.notes.tool_called();
                let what = describe(data["toolName"].as_str().unwrap_or("a tool"), &data["arguments"], "");
                self.notes.does(&what);
                self.notes.call_began(&data["toolCallId"], data["toolName"].as_str().unwrap_or_default(), &data["arguments"]);
            }
            "tool.execution_complete" => {
                let failed = data["success"] == false;
                self.notes.shows_result(if failed { &data["error"] } else { &data["result"] }, failed);
                self.notes.call_ended(&data["toolCallId"], &serde_json::json!([data["success"], data["result"], data["error"]]));
                self.notes.does("thinking");
            }
            "assistant.message" => self.notes.says(data["content"].as_str().unwrap_or_default()),
            "abort" => {
                self.notes.remarks("it was interrupted");
                self.aborted = true;
            }
            "session.error" => {
                self.failed = true;
                // The last call was told as one to be made again, and it was not.
                self.notes.gave_up();
                self.notes.failed(error(data["message"].as_str().unwrap_or("it failed without a word"), status_field(&data["statusCode"])));
            }
            "result" => {
                self.notes.knows();
                self.notes.session(&event["sessionId"]);
                match event["exitCode"].as_i64() {
                    Some(0) if !self.aborted && !self.failed => self.notes.succeeded(),
                    Some(code) if code != 0 && !self.failed => self.notes.failed(error(&format!("it ended with code {code}"), None)),
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

/// The provider's answer is JSON within a string.
fn inner(message: &Value) -> String {
    let text = message.as_str().unwrap_or("the model could not be reached");
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    parsed.and_then(|v| v["message"].as_str().map(str::to_owned)).unwrap_or_else(|| text.to_owned())
}
