//! Codex, `exec --json` (measured with 0.169.0).
//!
//! An item of type `error` is a remark, and so is an `error` event that says "Reconnecting": only `turn.failed` is fatal.
//! OpenAI counts cached input within the input. There is no cost.

use greenlane_core::attempt::Usage;
use serde_json::Value;

use super::Events;
use super::activity::command;
use super::notes::{Notes, count, error};

/// What Codex says for a status 500, and only for that; the number itself is not in the message.
const HIGH_DEMAND: &str = "currently experiencing high demand";

/// Reads Codex's events.
#[derive(Default)]
pub(super) struct Codex {
    notes: Notes,
}

impl Events for Codex {
    fn event(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "thread.started" => self.notes.session(&event["thread_id"]),
            "turn.started" => {
                self.notes.unfinished();
                self.notes.does("thinking");
            }
            "item.started" => self.item(&event["item"], Stage::Started),
            "item.updated" => self.item(&event["item"], Stage::Updated),
            "item.completed" => self.item(&event["item"], Stage::Completed),
            "error" => self.error(event["message"].as_str().unwrap_or_default()),
            "turn.failed" => {
                let message = event["error"]["message"].as_str().unwrap_or("the turn failed");
                self.notes.failed(error(message, status(message)));
            }
            "turn.completed" => {
                let usage = &event["usage"];
                if usage.is_object() {
                    self.notes.usage(Usage {
                        input_tokens: count(&usage["input_tokens"]),
                        cached_tokens: count(&usage["cached_input_tokens"]),
                        output_tokens: count(&usage["output_tokens"]),
                        cost_usd: None,
                    });
                }
                self.notes.succeeded();
            }
            _ => {}
        }
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn noted(&self) -> &Notes {
        &self.notes
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Started,
    Updated,
    Completed,
}

impl Codex {
    fn item(&mut self, item: &Value, stage: Stage) {
        // Calls of the model are not events of their own: each item that it asked for is the end of one.
        match item["type"].as_str().unwrap_or_default() {
            "command_execution" if stage == Stage::Started => {
                self.called_a_tool();
                let line = item["command"].as_str().unwrap_or_default();
                self.notes.does(&format!("runs `{}`", command(line)));
                self.notes.shows_call();
            }
            "mcp_tool_call" | "web_search" | "collab_tool_call" if stage == Stage::Started => {
                self.called_a_tool();
                let tool = item["tool"].as_str().or_else(|| item["query"].as_str()).unwrap_or("a tool");
                self.notes.does(&format!("uses {tool}"));
                self.notes.shows_call();
            }
            "file_change" if stage == Stage::Completed => {
                self.called_a_tool();
                let paths: Vec<_> = item["changes"].as_array().into_iter().flatten().filter_map(|c| c["path"].as_str()).take(3).collect();
                self.notes.does(&format!("edits {}", paths.join(", ")));
                self.notes.shows_call();
            }
            "agent_message" if stage == Stage::Completed => {
                self.notes.model_called();
                self.notes.says(item["text"].as_str().unwrap_or_default());
            }
            "todo_list" => self.notes.does("plans"),
            "command_execution" => {
                if stage == Stage::Completed {
                    self.notes.does(&format!("runs `{}`", command(item["command"].as_str().unwrap_or_default())));
                    let result = serde_json::json!([item["exit_code"], item["aggregated_output"]]);
                    self.notes.shows_result(&item["aggregated_output"], item["exit_code"].as_i64().is_some_and(|code| code != 0));
                    self.notes.call_done("command", &item["command"], &result);
                }
                self.notes.does("thinking");
            }
            "mcp_tool_call" if stage == Stage::Completed => {
                self.notes.does(&format!("uses {}", item["tool"].as_str().unwrap_or("a tool")));
                let answer = if item["error"].is_null() { &item["result"] } else { &item["error"] };
                self.notes.shows_result(answer, !item["error"].is_null());
                let input = serde_json::json!([item["server"], item["tool"], item["arguments"]]);
                self.notes.call_done("mcp", &input, &serde_json::json!([item["result"], item["error"]]));
                self.notes.does("thinking");
            }
            "reasoning" => self.notes.thinks(item["text"].as_str().unwrap_or_default()),
            "error" if stage == Stage::Completed => self.notes.remarks(item["message"].as_str().unwrap_or_default()),
            // Stages of something that is told with another one of them.
            "agent_message" | "file_change" | "web_search" | "mcp_tool_call" | "collab_tool_call" => self.notes.knows(),
            _ => {}
        }
    }

    fn called_a_tool(&mut self) {
        self.notes.model_called();
        self.notes.tool_called();
    }

    fn error(&mut self, message: &str) {
        // What is fatal comes once more, with the turn's end.
        self.notes.knows();
        if let Some(rest) = message.strip_prefix("Reconnecting...") {
            let which = rest.split_whitespace().next().filter(|w| w.contains('/')).map_or(String::new(), |w| format!(", {w}"));
            // "(429)" may be in what follows, but "1/5" is none.
            self.notes.retried(error(message, status(rest)), &which);
        }
    }
}

fn status(message: &str) -> Option<u16> {
    message.contains(HIGH_DEMAND).then_some(500)
}
