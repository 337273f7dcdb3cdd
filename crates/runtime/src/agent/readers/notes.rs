//! What all readers note down, each with its limit.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use greenlane_core::attempt::{AgentError, AgentReport, Usage};
use greenlane_core::failure::http_status;
use greenlane_core::time::Time;
use serde_json::Value;

use super::shown::{Shown, result};
use super::{ToolCall, limit};

/// Most characters of an error's message.
const ERROR_CHARS_MAX: usize = 1_000;
/// Most characters of the agent's last words.
const MESSAGE_CHARS_MAX: usize = 2_000;
/// Most characters of one line about what it does.
const ACTIVITY_CHARS_MAX: usize = 100;
/// Most denied tools that are named.
const DENIED_MAX: usize = 20;
/// Most characters of an id or a name.
const NAME_CHARS_MAX: usize = 200;

/// Calls of tools without a result that are remembered; the oldest are forgotten.
const OPEN_CALLS_MAX: usize = 64;
/// Finished calls that wait for somebody to take them.
const CALLS_MAX: usize = 256;
/// Most tokens, and most dollars, of one attempt: what says more is no count, and counts of many attempts are added up.
const TOKENS_MAX: u64 = 1_000_000_000_000;
const DOLLARS_MAX: f64 = 1e9;

/// A report in the making.
#[derive(Default)]
pub(super) struct Notes {
    report: AgentReport,
    /// The error of the last call of the model, as long as it is being retried.
    retrying: Option<AgentError>,
    activity: Option<String>,
    /// Calls of tools whose result is not known yet, by the agent's id of the call.
    open_calls: VecDeque<(String, u64, String)>,
    calls: Vec<ToolCall>,
    /// What people are to see of it; `None`: nobody looks.
    shown: Option<Vec<Shown>>,
    /// Something was noted, so the event was understood.
    touched: bool,
}

impl Notes {
    /// From now on what people are to see is kept for them.
    pub(super) fn keep_shown(&mut self) {
        self.shown = Some(Vec::new());
    }

    /// What there is to see since this was last asked.
    pub(super) fn take_shown(&mut self) -> Vec<Shown> {
        self.shown.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether anything was noted since this was last asked.
    pub(super) fn was_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// An event that is known, and tells people nothing.
    pub(super) fn knows(&mut self) {
        self.touched = true;
    }

    /// Somebody who looks sees this.
    pub(super) fn shows(&mut self, what: impl FnOnce() -> Shown) {
        self.touched = true;
        if let Some(shown) = &mut self.shown {
            shown.push(what());
        }
    }

    /// What it does just now is a call of a tool.
    pub(super) fn shows_call(&mut self) {
        let what = self.activity.clone().unwrap_or_default();
        self.shows(|| Shown::Calls(what));
    }

    /// What came of a call: its text, wherever that stands in this value.
    pub(super) fn shows_result(&mut self, of: &Value, failed: bool) {
        self.touched = true;
        if let Some(shown) = &mut self.shown {
            shown.extend(result(of, failed));
        }
    }

    /// A line that is no event, as it is.
    pub(super) fn line(&mut self, text: &str) {
        self.shows(|| Shown::Line(text.to_owned()));
    }

    /// Aside, on one line.
    pub(super) fn remarks(&mut self, text: &str) {
        self.shows(|| Shown::Remark(one_line(text, ERROR_CHARS_MAX)));
    }

    /// What the model thinks, the beginning of it.
    pub(super) fn thinks(&mut self, text: &str) {
        self.does("thinking");
        let text = one_line(text, NAME_CHARS_MAX);
        if !text.is_empty() {
            self.remarks(&format!("thinks: {text}"));
        }
    }

    /// A tool is called; what is done just now tells how it is shown.
    pub(super) fn call_began(&mut self, id: &Value, tool: &str, input: &Value) {
        self.shows_call();
        let Some(id) = id.as_str().filter(|id| !id.is_empty() && id.len() <= NAME_CHARS_MAX) else { return };
        if self.open_calls.len() == OPEN_CALLS_MAX {
            self.open_calls.pop_front();
        }
        let what = self.activity.clone().unwrap_or_else(|| tool.to_owned());
        self.open_calls.push_back((id.to_owned(), digest(&[tool, &input.to_string()]), what));
    }

    /// The call with this id has its result.
    pub(super) fn call_ended(&mut self, id: &Value, result: &Value) {
        let Some(at) = id.as_str().and_then(|id| self.open_calls.iter().position(|(open, ..)| open == id)) else { return };
        if let Some((_, call, what)) = self.open_calls.remove(at) {
            self.finished_call(call, what, result);
        }
    }

    /// A tool was called, and this came of it.
    pub(super) fn call_done(&mut self, tool: &str, input: &Value, result: &Value) {
        let what = self.activity.clone().unwrap_or_else(|| tool.to_owned());
        self.finished_call(digest(&[tool, &input.to_string()]), what, result);
    }

    fn finished_call(&mut self, call: u64, what: String, result: &Value) {
        if self.calls.len() < CALLS_MAX {
            self.calls.push(ToolCall { what, call, result: digest(&[&result.to_string()]) });
        }
    }

    /// The calls that have got their result since this was last asked.
    pub(super) fn take_calls(&mut self) -> Vec<ToolCall> {
        std::mem::take(&mut self.calls)
    }

    pub(super) fn report(&self) -> AgentReport {
        let mut report = self.report.clone();
        if report.error.is_none() && report.finished != Some(true) {
            report.error.clone_from(&self.retrying);
        }
        report
    }

    pub(super) fn activity(&self) -> Option<&str> {
        self.activity.as_deref()
    }

    pub(super) fn does(&mut self, what: &str) {
        self.touched = true;
        self.activity = Some(one_line(what, ACTIVITY_CHARS_MAX));
    }

    pub(super) fn session(&mut self, id: &Value) {
        if let Some(id) = id.as_str().filter(|id| !id.is_empty() && id.len() <= NAME_CHARS_MAX) {
            if self.report.session.as_deref() != Some(id) {
                self.remarks(&format!("session {id}"));
            }
            self.report.session = Some(id.to_owned());
        }
    }

    pub(super) fn model(&mut self, name: &Value) {
        // Claude's own messages about an error name a model that does not exist.
        if let Some(name) = name.as_str().filter(|n| !n.is_empty() && !n.starts_with('<')) {
            let name = one_line(name, NAME_CHARS_MAX);
            if self.report.model.as_ref() != Some(&name) {
                self.remarks(&format!("model {name}"));
            }
            self.report.model = Some(name);
        }
    }

    pub(super) fn model_called(&mut self) {
        self.touched = true;
        self.report.model_calls += 1;
        self.retrying = None;
    }

    pub(super) fn tool_called(&mut self) {
        self.report.tool_calls += 1;
        self.retrying = None;
    }

    /// A call of the model that failed and will be made again.
    pub(super) fn retried(&mut self, error: AgentError, which: &str) {
        self.report.model_calls += 1;
        self.report.model_retries += 1;
        let why = error.status.map_or(String::new(), |status| format!(" ({status})"));
        self.does(&format!("retrying the model{why}{which}"));
        self.remarks(&format!("the model is tried again{why}{which}: {}", error.message));
        self.retrying = Some(error);
    }

    /// The call that was noted last as failed is not made again after all.
    pub(super) fn gave_up(&mut self) {
        if self.retrying.is_some() {
            self.report.model_retries = self.report.model_retries.saturating_sub(1);
        }
    }

    /// The model has answered since.
    pub(super) fn recovered(&mut self) {
        self.retrying = None;
    }

    pub(super) fn denied(&mut self, tool: String) {
        let tool = one_line(&tool, NAME_CHARS_MAX);
        self.shows(|| Shown::Failed(format!("its own settings denied it {tool}")));
        if self.report.denied.len() < DENIED_MAX && !self.report.denied.contains(&tool) {
            self.report.denied.push(tool);
        }
    }

    pub(super) fn usage(&mut self, usage: Usage) {
        self.report.usage = Some(bounded(&usage));
    }

    /// Adds to what is known of the usage.
    pub(super) fn used(&mut self, more: &Usage) {
        let sum = self.report.usage.get_or_insert_default();
        let more = bounded(more);
        sum.input_tokens += more.input_tokens;
        sum.cached_tokens += more.cached_tokens;
        sum.output_tokens += more.output_tokens;
        sum.cost_usd = match (sum.cost_usd, more.cost_usd) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        *sum = bounded(sum);
    }

    pub(super) fn says(&mut self, text: &str) {
        let text = text.trim();
        self.touched = true;
        if !text.is_empty() {
            let last = last_chars(text, MESSAGE_CHARS_MAX);
            // Its last words come once more with its result.
            if last != self.report.last_message {
                self.shows(|| Shown::Said(text.to_owned()));
            }
            self.report.last_message = last;
        }
    }

    pub(super) fn says_more(&mut self, text: &str) {
        self.shows(|| Shown::Piece(text.to_owned()));
        let whole = format!("{}{text}", self.report.last_message);
        self.report.last_message = last_chars(&whole, MESSAGE_CHARS_MAX);
    }

    pub(super) fn begins_to_say(&mut self) {
        self.report.last_message.clear();
    }

    pub(super) fn succeeded(&mut self) {
        self.report.finished = Some(true);
        self.report.error = None;
        self.retrying = None;
        self.activity = None;
        let used = self.report.usage.as_ref().map(words).unwrap_or_default();
        self.remarks(&format!("done{used}"));
    }

    /// The work goes on after all, in a further turn.
    pub(super) fn unfinished(&mut self) {
        self.touched = true;
        self.report.finished = None;
    }

    pub(super) fn failed(&mut self, mut error: AgentError) {
        error.reset_at = error.reset_at.or_else(|| self.retrying.as_ref()?.reset_at);
        let status = error.status.map(|s| s.to_string()).filter(|s| !error.message.contains(s.as_str()));
        let status = status.map(|s| format!(" ({s})")).unwrap_or_default();
        // Some say it twice, in the end.
        self.touched = true;
        let again = self.report.finished == Some(false) && self.report.error.as_ref() == Some(&error);
        if !again {
            self.shows(|| Shown::Failed(format!("{}{status}", error.message)));
        }
        self.report.finished = Some(false);
        self.report.error = Some(error);
        self.activity = None;
    }

    /// The status of the failure that is being retried.
    pub(super) fn known_status(&self) -> Option<u16> {
        self.retrying.as_ref()?.status
    }

    /// A limit was hit that ends at this time.
    pub(super) fn retried_until(&mut self, at: Time) {
        self.remarks(&format!("its account is limited until {}", at.rfc3339()));
        match &mut self.retrying {
            Some(error) => error.reset_at = Some(at),
            None => {
                let message = String::from("the limit of the subscription is used up");
                self.retrying = Some(AgentError { message, status: Some(429), reset_at: Some(at) });
            }
        }
    }
}

/// An error with this message and the status that is stated, or else the one that the message tells.
pub(super) fn error(message: &str, stated: Option<u16>) -> AgentError {
    let status = stated.or_else(|| http_status(message));
    // Only then: other errors may speak of times too.
    let reset_at = matches!(status, Some(403 | 429 | 503 | 529)).then(|| limit::reset_at(message)).flatten();
    AgentError { message: one_line(message, ERROR_CHARS_MAX), status, reset_at }
}

/// A field that holds an HTTP status.
pub(super) fn status_field(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|s| (100..600).contains(s))
}

/// A count, 0 where there is none.
pub(super) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default().min(TOKENS_MAX)
}

fn words(usage: &Usage) -> String {
    let cost = usage.cost_usd.map(|c| format!(", ${c:.2}")).unwrap_or_default();
    format!(": {} tokens in, {} out{cost}", usage.input_tokens, usage.output_tokens)
}

fn bounded(usage: &Usage) -> Usage {
    let Usage { input_tokens, cached_tokens, output_tokens, cost_usd } = *usage;
    let tokens = |n: u64| n.min(TOKENS_MAX);
    Usage {
        input_tokens: tokens(input_tokens),
        cached_tokens: tokens(cached_tokens),
        output_tokens: tokens(output_tokens),
        cost_usd: cost_usd.map(|c| c.clamp(0.0, DOLLARS_MAX)),
    }
}

/// Printable text on one line, with an ellipsis where it was longer.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            if chars + 2 >= chars_max {
                out.push('…');
                return out;
            }
            out.push(' ');
            chars += 1;
        }
        for c in word.chars() {
            if chars + 1 >= chars_max {
                out.push('…');
                return out;
            }
            out.push(c);
            chars += 1;
        }
    }
    out
}

/// Equal texts have equal digests; others very seldom.
fn digest(texts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

fn last_chars(text: &str, max: usize) -> String {
    let skip = text.chars().count().saturating_sub(max);
    text.chars().skip(skip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_agent_becomes_one_bounded_printable_line() {
        assert_eq!(one_line("a\n  b\u{1b}[31m\tc", 100), "a b [31m c");
        assert_eq!(one_line(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
        assert_eq!([one_line("aaaa b", 6), one_line("aaaaa b", 6)], ["aaaa…", "aaaaa…"], "no blank goes beyond it");
        assert_eq!(last_chars("äöü", 2), "öü");
    }

    #[test]
    fn what_is_no_count_is_bounded_and_can_be_added_up() {
        let mut notes = Notes::default();
        let much = Usage { input_tokens: u64::MAX, cached_tokens: u64::MAX, output_tokens: u64::MAX, cost_usd: Some(1e308) };
        (0..3).for_each(|_| notes.used(&much));
        let sum = notes.report().usage.unwrap_or_default();
        assert_eq!((sum.input_tokens, sum.output_tokens, sum.cost_usd), (TOKENS_MAX, TOKENS_MAX, Some(DOLLARS_MAX)));
        notes.usage(Usage { cost_usd: Some(-1.0), ..much });
        assert_eq!(notes.report().usage.unwrap_or_default().cost_usd, Some(0.0));
    }
}
