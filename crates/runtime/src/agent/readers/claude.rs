//! Claude Code, `--output-format stream-json --verbose` (measured with 2.1.329); Qwen Code writes much the same.
//!
//! A failed call of the API ends in a `result` whose `subtype` says "success": only `is_error` counts. Usage stands whole
//! only in the `result` (a message states its input, and of its output what was there when it began), and Anthropic counts cached input apart from the rest. After a signal there is no `result`.

use greenlane_core::attempt::Usage;
use greenlane_core::time::Time;
use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, count, error, status_field};

/// Reads Claude's events.
#[derive(Default)]
pub(super) struct Claude {
    notes: Notes,
    worktree: String,
    /// The message whose parts come one event each.
    message: String,
}

impl Events for Claude {
    fn event(&mut self, event: &Value) {
        match (event["type"].as_str(), event["subtype"].as_str()) {
            (Some("system"), Some("init")) => {
                self.notes.session(&event["session_id"]);
                self.notes.model(&event["model"]);
                self.worktree = event["cwd"].as_str().unwrap_or_default().to_owned();
                self.notes.unfinished();
                self.notes.does("thinking");
            }
            (Some("system"), Some("api_retry")) => self.retry(event),
            // Qwen says one without a number when it begins anew, which is no further call.
            (Some("system"), Some("retry")) if event["data"]["attempt"].is_u64() => self.retry(&event["data"]),
            (Some("system"), Some(other)) => self.notes.remarks(&other.replace('_', " ")),
            (Some("stream_event"), _) => self.notes.knows(),
            (Some("assistant"), _) => self.assistant(event),
            (Some("user"), _) => {
                for part in event["message"]["content"].as_array().into_iter().flatten().filter(|p| p["type"] == "tool_result") {
                    self.notes.shows_result(&part["content"], part["is_error"] == true);
                    self.notes.call_ended(&part["tool_use_id"], &part["content"]);
                }
                self.notes.does("thinking");
            }
            (Some("rate_limit_event"), _) => self.rate_limit(&event["rate_limit_info"]),
            (Some("result"), _) => self.result(event),
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

impl Claude {
    fn retry(&mut self, event: &Value) {
        let status = status_field(&event["error_status"]);
        let message = event["error"].as_str().unwrap_or("the model could not be reached");
        let which = match (event["attempt"].as_u64(), event["max_retries"].as_u64().or_else(|| event["maxRetries"].as_u64())) {
            (Some(n), Some(max)) => format!(", {n}/{max}"),
            _ => String::new(),
        };
        self.notes.retried(error(message, status), &which);
    }

    fn assistant(&mut self, event: &Value) {
        let message = &event["message"];
        // The call that failed for good; those that were made again were told before.
        if event["is_api_error_message"] == true || message["model"] == "<synthetic>" {
            self.notes.knows();
            return;
        }
        let id = message["id"].as_str().unwrap_or_default();
        if id != self.message || id.is_empty() {
            self.message = id.to_owned();
            self.notes.model_called();
            // So long as there is no `result` this is all that is known: the input whole, of the output only what a message begins with.
            if let Some(usage) = tokens(&message["usage"], None) {
                self.notes.used(&usage);
            }
        }
        self.notes.model(&message["model"]);
        for part in message["content"].as_array().into_iter().flatten() {
            match part["type"].as_str() {
                Some("text") => {
                    // A helper's words are not the agent's own.
                    let text = part["text"].as_str().unwrap_or_default();
                    if event["parent_tool_use_id"].is_null() {
                        self.notes.says(text);
                    } else {
                        self.notes.remarks(&format!("a helper says: {text}"));
                    }
                    self.notes.does("writing");
                }
                Some("thinking") => self.notes.thinks(part["thinking"].as_str().unwrap_or_default()),
                Some("tool_use") => {
                    self.notes.tool_called();
                    let what = describe(part["name"].as_str().unwrap_or("a tool"), &part["input"], &self.worktree);
                    self.notes.does(&what);
                    self.notes.call_began(&part["id"], part["name"].as_str().unwrap_or_default(), &part["input"]);
                }
                _ => {}
            }
        }
    }

    /// Subscriptions say when their limit ends, in seconds since 1970.
    fn rate_limit(&mut self, info: &Value) {
        self.notes.knows();
        if info["status"] == "rejected"
            && let Some(seconds) = info["resetsAt"].as_u64()
        {
            self.notes.retried_until(Time(seconds.saturating_mul(1_000)));
        }
    }

    fn result(&mut self, event: &Value) {
        self.notes.session(&event["session_id"]);
        for denial in event["permission_denials"].as_array().into_iter().flatten() {
            let tool = denial["tool_name"].as_str().unwrap_or("a tool");
            let input = &denial["tool_input"];
            let detail = input["command"].as_str().or_else(|| input["file_path"].as_str());
            self.notes.denied(detail.map_or_else(|| tool.to_owned(), |d| format!("{tool}({d})")));
        }
        if let Some(usage) = usage(event) {
            self.notes.usage(usage);
        }
        let said = event["result"].as_str().unwrap_or_default();
        let subtype = event["subtype"].as_str().unwrap_or_default();
        if event["is_error"] != true && !subtype.starts_with("error") {
            self.notes.says(said);
            return self.notes.succeeded();
        }
        let first = event["errors"].as_array().and_then(|e| e.first()?.as_str()).or_else(|| event["error"]["message"].as_str());
        let message = if said.is_empty() { first.unwrap_or(subtype) } else { said };
        // Running out of turns or money is no failure of the API, whatever numbers its message holds.
        let api = event["terminal_reason"] == "api_error"
            || !event["api_error_status"].is_null()
            || subtype == "success"
            || message.contains("API Error");
        let mut error = error(message, status_field(&event["api_error_status"]));
        if !api {
            error.status = None;
        }
        self.notes.failed(error);
    }
}

/// What all models of the session used together, helpers included; else the main model's.
fn usage(event: &Value) -> Option<Usage> {
    let cost_usd = event["total_cost_usd"].as_f64();
    if let Some(models) = event["modelUsage"].as_object().filter(|m| !m.is_empty()) {
        let mut sum = Usage { cost_usd, ..Usage::default() };
        // A session has a handful.
        for model in models.values().take(1_000) {
            let cached = count(&model["cacheReadInputTokens"]);
            sum.input_tokens += count(&model["inputTokens"]) + cached + count(&model["cacheCreationInputTokens"]);
            sum.cached_tokens += cached;
            sum.output_tokens += count(&model["outputTokens"]);
        }
        return Some(sum);
    }
    tokens(&event["usage"], cost_usd)
}

/// What the main model used, or one of its messages.
fn tokens(usage: &Value, cost_usd: Option<f64>) -> Option<Usage> {
    usage.as_object()?;
    let (input, cached, output) = (count(&usage["input_tokens"]), count(&usage["cache_read_input_tokens"]), count(&usage["output_tokens"]));
    // Qwen speaks to OpenAI's protocols, where cached input is part of the input; it states a total, Claude does not.
    let apart = usage.get("total_tokens").is_none_or(|total| count(total) != input + output);
    let besides = if apart { cached + count(&usage["cache_creation_input_tokens"]) } else { 0 };
    Some(Usage { input_tokens: input + besides, cached_tokens: cached, output_tokens: output, cost_usd })
}
