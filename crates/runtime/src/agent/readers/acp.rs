//! Any agent that speaks the Agent Client Protocol, by the lines of Greenlane's client (`src/acp/lines.rs`).
//!
//! A call of a tool is told in pieces, in any order: some agents begin it without its input (claude), some tell its input only when they ask
//! for permission (gemini). Calls of the model are told by qwen alone.

use std::collections::VecDeque;

use greenlane_core::attempt::Usage;
use serde_json::{Value, json};

use super::Events;
use super::activity::{command, relative};
use super::notes::{Notes, count, error, status_field};
use super::opencode;

/// Calls that are remembered: those that are open, and those that are done and may be told of once more.
const CALLS_MAX: usize = 64;

/// Reads the client's lines.
#[derive(Default)]
pub(super) struct Acp {
    notes: Notes,
    worktree: String,
    open: VecDeque<Call>,
    done: VecDeque<String>,
    /// The message whose pieces come one line each.
    message: Option<String>,
    usage: Usage,
}

/// What is known of a call so far.
#[derive(Default)]
struct Call {
    id: String,
    name: String,
    title: String,
    kind: String,
    input: Value,
    path: String,
    shown: bool,
}

impl Events for Acp {
    fn event(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "acp.agent" => {
                let words = [&event["name"], &event["version"]].map(|v| v.as_str().unwrap_or_default());
                self.notes.remarks(format!("agent {} {}", words[0], words[1]).trim_end());
            }
            "acp.session" => {
                self.worktree = event["cwd"].as_str().unwrap_or_default().to_owned();
                self.notes.session(&event["session"]);
                self.notes.model(&event["model"]);
                self.notes.unfinished();
                self.notes.does("thinking");
            }
            "acp.update" => {
                if let Some(usage) = tokens(&event["usage"]) {
                    self.notes.model_called();
                    self.notes.used(&usage);
                }
                self.update(&event["update"]);
            }
            "acp.permission" => self.permission(&event["call"], event["rejected"].as_str()),
            "acp.refused" => {
                let what = if event["method"] == "terminal/create" { "a command" } else { "a file" };
                self.notes.denied(format!("{what}: {}", event["why"].as_str().unwrap_or_default()));
            }
            "acp.note" => self.notes.remarks(event["text"].as_str().unwrap_or_default()),
            "acp.stray" => self.notes.line(event["text"].as_str().unwrap_or_default()),
            "acp.stop" => self.stop(event),
            "acp.error" => {
                let message = event["message"].as_str().unwrap_or("it failed without a word");
                self.notes.failed(error(message, status_field(&event["status"])));
            }
            _ => {}
        }
    }

    /// What agents write there is for people; opencode's log tells what its messages do not.
    fn error_line(&mut self, line: &str) {
        if let Some(error) = opencode::retried(line) {
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

impl Acp {
    fn update(&mut self, update: &Value) {
        let kind = update["sessionUpdate"].as_str().unwrap_or_default();
        if kind == "agent_message_chunk" {
            return self.says(update);
        }
        // Whatever else comes between two pieces is between two messages.
        if kind != "usage_update" {
            self.message = None;
        }
        match kind {
            "agent_thought_chunk" => self.notes.does("thinking"),
            "tool_call" | "tool_call_update" => self.call(update),
            "plan" => self.notes.does("plans"),
            "usage_update" if update["cost"]["currency"] == "USD" => {
                self.usage.cost_usd = update["cost"]["amount"].as_f64();
                self.notes.usage(self.usage.clone());
                self.notes.knows();
            }
            "notice" => self.notes.remarks(update["message"].as_str().unwrap_or_default()),
            _ => self.notes.knows(),
        }
    }

    fn says(&mut self, update: &Value) {
        let text = update["content"]["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return self.notes.knows();
        }
        let id = update["messageId"].as_str().unwrap_or_default();
        if self.message.as_deref() != Some(id) {
            self.message = Some(id.to_owned());
            self.notes.begins_to_say();
        }
        self.notes.says_more(text);
        self.notes.does("writing");
    }

    fn permission(&mut self, call: &Value, rejected: Option<&str>) {
        self.message = None;
        self.call(call);
        if let Some(why) = rejected {
            let id = call["toolCallId"].as_str().unwrap_or_default();
            let what = self.open.iter().find(|c| c.id == id).map_or_else(|| String::from("a tool"), |c| c.words(&self.worktree));
            self.notes.denied(format!("{what}: {why}"));
        }
    }

    /// Adds what a line says of a call, and tells it once enough is known.
    fn call(&mut self, update: &Value) {
        let Some(id) = update["toolCallId"].as_str().filter(|id| !id.is_empty()) else { return self.notes.knows() };
        self.notes.knows();
        if self.done.iter().any(|done| done == id) {
            return;
        }
        let at = self.open.iter().position(|c| c.id == id).unwrap_or_else(|| {
            self.notes.tool_called();
            if self.open.len() == CALLS_MAX {
                self.open.pop_front();
            }
            self.open.push_back(Call { id: id.to_owned(), ..Call::default() });
            self.open.len() - 1
        });
        let Some(call) = self.open.get_mut(at) else { return };
        call.learn(update);
        let status = update["status"].as_str().unwrap_or_default();
        let ended = matches!(status, "completed" | "failed");
        self.notes.does(&call.words(&self.worktree));
        if !call.shown && (ended || status == "in_progress" || call.says_enough()) {
            call.shown = true;
            self.notes.shows_call();
        }
        if ended && let Some(call) = self.open.remove(at) {
            let output = if update["rawOutput"].is_null() { &update["content"] } else { &update["rawOutput"] };
            self.notes.shows_result(output, status == "failed");
            let input = if call.has_input() { call.input } else { json!([call.title, call.path]) };
            self.notes.call_done(if call.name.is_empty() { &call.kind } else { &call.name }, &input, &json!([status, output]));
            if self.done.len() == CALLS_MAX {
                self.done.pop_front();
            }
            self.done.push_back(call.id);
            self.notes.does("thinking");
        }
    }

    fn stop(&mut self, event: &Value) {
        if let Some(usage) = tokens(&event["usage"]) {
            self.usage = Usage { cost_usd: self.usage.cost_usd, ..usage };
            self.notes.usage(self.usage.clone());
        }
        self.notes.knows();
        let failed = match event["reason"].as_str().unwrap_or_default() {
            // Its end has another reason, which the keeper knows: some call a turn that was cancelled a success (opencode).
            _ if event["asked"] == true => return,
            "end_turn" => return self.notes.succeeded(),
            "max_tokens" => "its model stopped at its limit of tokens for one turn (max_tokens)",
            "max_turn_requests" => "it stopped at its limit of requests for one turn (max_turn_requests)",
            "refusal" => "its model refused to go on (refusal)",
            "cancelled" => "its turn was cancelled, and not by Greenlane (cancelled)",
            _ => "its turn ended for a reason that is not known",
        };
        self.notes.failed(error(failed, None));
    }
}

impl Call {
    fn learn(&mut self, update: &Value) {
        for (field, value) in [(&mut self.name, "name"), (&mut self.title, "title"), (&mut self.kind, "kind")] {
            if let Some(text) = update[value].as_str().filter(|t| !t.is_empty()) {
                text.clone_into(field);
            }
        }
        if update["rawInput"].as_object().is_some_and(|fields| !fields.is_empty()) {
            self.input = update["rawInput"].clone();
        }
        if let Some(path) = update["locations"][0]["path"].as_str() {
            path.clone_into(&mut self.path);
        }
    }

    fn has_input(&self) -> bool {
        !self.input.is_null()
    }

    /// opencode tells a command's folder first.
    fn says_enough(&self) -> bool {
        self.has_input() && (self.kind != "execute" || !self.input["command"].is_null())
    }

    /// A sentence without a subject.
    fn words(&self, worktree: &str) -> String {
        let title = if self.title.is_empty() { &self.name } else { &self.title };
        let path = if self.path.is_empty() { title } else { relative(&self.path, worktree) };
        match self.kind.as_str() {
            _ if title.is_empty() && self.path.is_empty() => String::from("uses a tool"),
            "execute" => match self.input["command"].as_array() {
                Some(words) => format!("runs `{}`", words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
                None => format!("runs `{}`", command(self.input["command"].as_str().unwrap_or(title))),
            },
            "edit" => format!("edits {path}"),
            "read" => format!("reads {path}"),
            "delete" => format!("deletes {path}"),
            "move" => format!("moves {path}"),
            "search" => format!("searches for {title}"),
            "fetch" => format!("looks up {title}"),
            "think" => String::from("thinking"),
            _ => format!("uses {title}"),
        }
    }
}

/// Agents follow no one rule here: claude and opencode the protocol's, in which cached input stands apart; gemini its own names.
fn tokens(usage: &Value) -> Option<Usage> {
    usage.as_object()?;
    let one = |names: [&str; 2]| names.into_iter().map(|name| count(&usage[name])).find(|n| *n > 0).unwrap_or(0);
    let (input, output) = (one(["inputTokens", "input_tokens"]), one(["outputTokens", "output_tokens"]));
    let (cached, written) = (one(["cachedReadTokens", "cachedInputTokens"]), one(["cachedWriteTokens", "cached_write_tokens"]));
    let total = one(["totalTokens", "total_tokens"]);
    let besides = if total == input + output { 0 } else { cached + written };
    Some(Usage { input_tokens: input + besides, cached_tokens: cached, output_tokens: output, cost_usd: None })
}
