//! Cline, `--json` (measured with 3.0.65).
//!
//! Silent while its provider refuses; ended by a signal it says "aborted" and its exit code is 0. Cached input is part of the input.

use greenlane_core::attempt::Usage;
use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, count, error};

/// Reads Cline's events.
#[derive(Default)]
pub(super) struct Cline {
    notes: Notes,
    said: Option<String>,
}

impl Events for Cline {
    fn event(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "hook_event" => self.notes.session(&event["taskId"]),
            "agent_event" => {
                self.notes.knows();
                self.agent(&event["event"]);
            }
            "run_result" => self.result(event),
            "error" => {
                self.notes.knows();
                self.said = event["message"].as_str().map(str::to_owned);
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

impl Cline {
    fn agent(&mut self, event: &Value) {
        match (event["type"].as_str().unwrap_or_default(), event["contentType"].as_str()) {
            ("iteration_start", _) => {
                self.notes.unfinished();
                self.notes.does("thinking");
            }
            ("usage", _) => {
                self.notes.model_called();
                self.notes.usage(usage(
                    ["totalInputTokens", "totalCacheReadTokens", "totalOutputTokens"].map(|f| &event[f]),
                    &event["totalCost"],
                ));
            }
            ("content_start", Some("tool")) => {
                self.notes.tool_called();
                let input = &event["input"];
                let what = match input["commands"][0].as_str() {
                    Some(command) => format!("runs `{command}`"),
                    None => describe(event["toolName"].as_str().unwrap_or("a tool"), input, ""),
                };
                self.notes.does(&what);
                self.notes.call_began(&event["toolCallId"], event["toolName"].as_str().unwrap_or_default(), input);
            }
            ("content_end", Some("tool")) => {
                let failed = !event["error"].is_null();
                self.notes.shows_result(if failed { &event["error"] } else { &event["output"] }, failed);
                self.notes.call_ended(&event["toolCallId"], &serde_json::json!([event["output"], event["error"]]));
            }
            ("content_end", Some("text")) => self.notes.says(event["text"].as_str().unwrap_or_default()),
            ("error", _) => self.said = event["message"].as_str().or_else(|| event["error"].as_str()).map(str::to_owned),
            _ => {}
        }
    }

    fn result(&mut self, event: &Value) {
        let sums = &event["aggregateUsage"];
        if sums.is_object() {
            self.notes.usage(usage(["inputTokens", "cacheReadTokens", "outputTokens"].map(|f| &sums[f]), &sums["totalCost"]));
        }
        match event["finishReason"].as_str().unwrap_or_default() {
            "completed" => {
                self.notes.says(event["text"].as_str().unwrap_or_default());
                self.notes.succeeded();
            }
            // By a signal; it did not finish.
            "aborted" => {}
            other => {
                let said = self.said.take().or_else(|| event["text"].as_str().filter(|t| !t.is_empty()).map(str::to_owned));
                self.notes.failed(error(&said.unwrap_or_else(|| format!("it stopped: {other}")), None));
            }
        }
    }
}

fn usage([input, cached, output]: [&Value; 3], cost: &Value) -> Usage {
    Usage { input_tokens: count(input), cached_tokens: count(cached), output_tokens: count(output), cost_usd: cost.as_f64() }
}
