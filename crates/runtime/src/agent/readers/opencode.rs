//! opencode, `run --format json --print-logs --log-level ERROR` (measured with 1.18.33).
//!
//! Tokens and cost come step by step and are added up. While it retries its model (six calls in 75 s, and it does not hear
//! SIGTERM meanwhile) standard output is silent: its log on standard error is the only sign.

use greenlane_core::attempt::{AgentError, Usage};
use serde_json::Value;

use super::Events;
use super::activity::describe;
use super::notes::{Notes, count, error, status_field};

/// Reads opencode's events.
#[derive(Default)]
pub(super) struct Opencode {
    notes: Notes,
    /// Its log has said what its events only call an unexpected error.
    explained: bool,
}

impl Events for Opencode {
    fn event(&mut self, event: &Value) {
        self.notes.session(&event["sessionID"]);
        let part = &event["part"];
        match event["type"].as_str().unwrap_or_default() {
            "step_start" => {
                self.notes.unfinished();
                self.notes.recovered();
                self.notes.does("thinking");
            }
            "text" => {
                self.notes.says(part["text"].as_str().unwrap_or_default());
                self.notes.does("writing");
            }
            "tool_use" => {
                self.notes.tool_called();
                let (tool, state) = (part["tool"].as_str().unwrap_or("a tool"), &part["state"]);
                // Its own title is the path below the worktree.
                let what = match (tool, state["title"].as_str()) {
                    ("write", Some(title)) => format!("writes {title}"),
                    ("edit", Some(title)) => format!("edits {title}"),
                    _ => describe(tool, &state["input"], ""),
                };
                self.notes.does(&what);
                self.notes.shows_call();
                if !state["output"].is_null() || !state["error"].is_null() {
                    let failed = !state["error"].is_null();
                    self.notes.shows_result(if failed { &state["error"] } else { &state["output"] }, failed);
                    self.notes.call_done(tool, &state["input"], &serde_json::json!([state["output"], state["error"]]));
                }
                let refused =
                    state["error"].as_str().is_some_and(|e| e.contains("rejected permission") || e.contains("prevents you from using"));
                if refused {
                    self.notes.denied(tool.to_owned());
                }
            }
            "step_finish" => self.step(part),
            "reasoning" => self.notes.thinks(part["text"].as_str().unwrap_or_default()),
            "error" => {
                let failure = &event["error"];
                let data = &failure["data"];
                let message = data["message"].as_str().or_else(|| failure["message"].as_str()).or_else(|| failure["name"].as_str());
                // The log has told the last call as one to be made again, and it was not.
                self.notes.gave_up();
                if self.explained {
                    return;
                }
                self.notes.failed(error(message.unwrap_or("it failed without a word"), status_field(&data["statusCode"])));
            }
            _ => {}
        }
    }

    fn error_line(&mut self, line: &str) {
        if line.contains("level=ERROR")
            && let Some((_, rest)) = line.split_once("ProviderModelNotFoundError: ")
        {
            // Providers that nobody is signed in to have no models for it.
            let model = rest.split([',', '"', ')']).next().unwrap_or_default().split(". ").next().unwrap_or_default();
            self.explained = true;
            self.notes.failed(error(&format!("{model}: nobody is signed in to its provider, or it has no such model"), Some(401)));
            return;
        }
        if let Some(error) = retried(line) {
            self.notes.retried(error, "");
        }
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn noted(&self) -> &Notes {
        &self.notes
    }
}

/// The failure of a call of the model that is made again, where this line of its log tells of one.
pub(super) fn retried(line: &str) -> Option<AgentError> {
    // Titles and summaries are made by a small model beside the work.
    let told = line.contains("level=ERROR") && line.contains("message=\"stream error\"") && !line.contains("small=true");
    let (_, message) = line.split_once("error.error=").filter(|_| told)?;
    Some(error(message.trim_matches('"'), None))
}

impl Opencode {
    fn step(&mut self, part: &Value) {
        let tokens = &part["tokens"];
        let cache = &tokens["cache"];
        // It has subtracted the cached input before, whatever the provider.
        let cached = count(&cache["read"]);
        self.notes.used(&Usage {
            input_tokens: count(&tokens["input"]) + cached + count(&cache["write"]),
            cached_tokens: cached,
            output_tokens: count(&tokens["output"]) + count(&tokens["reasoning"]),
            cost_usd: part["cost"].as_f64(),
        });
        self.notes.model_called();
        match part["reason"].as_str() {
            Some("length" | "content-filter" | "error") => {
                let why = part["reason"].as_str().unwrap_or_default();
                self.notes.failed(error(&format!("the model stopped: {why}"), None));
            }
            // It goes on after these, and ends after every other.
            Some("tool-calls" | "unknown") | None => {}
            Some(_) => self.notes.succeeded(),
        }
    }
}
