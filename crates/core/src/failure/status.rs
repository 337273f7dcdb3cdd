//! The HTTP status that a message tells, where an agent gives nothing better. Knows shapes of text, not agents.

use super::words::Words;

/// Words that announce a number as a status, in lower case.
const ANNOUNCING: &[&str] =
    &["status", "code", "http", "error", "statuscode", "status_code", "http_status", "http/1.1", "http/2", "rejected"];

/// What providers say instead of a number, and what it stands for.
const SAYINGS: &[(&str, u16)] = &[
    ("too many requests", 429),
    ("rate limit", 429),
    ("rate limited", 429),
    ("ratelimit", 429),
    ("resource exhausted", 429),
    ("quota", 429),
    ("usage limit", 429),
    ("hit your limit", 429),
    ("overloaded", 529),
    ("service unavailable", 503),
    ("bad gateway", 502),
    ("gateway timeout", 504),
    ("internal server error", 500),
    ("unauthorized", 401),
    ("authentication error", 401),
    ("invalid api key", 401),
    ("invalid request error", 400),
];

/// The status that this message tells: a number from 400 to 599 as a word of its own that stands at the start, in brackets
/// or after a word such as "status", else a saying that stands for one, by whole words.
#[must_use]
pub fn http_status(message: &str) -> Option<u16> {
    numbered(message).or_else(|| {
        let words = Words::of_message(message);
        SAYINGS.iter().find(|(saying, _)| words.has(saying)).map(|(_, status)| *status)
    })
}

fn numbered(message: &str) -> Option<u16> {
    let bytes = message.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'.';
    let mut at = 0;
    while at < bytes.len() {
        if !is_digit(at) {
            at += 1;
            continue;
        }
        let start = at;
        while is_digit(at) {
            at += 1;
        }
        // "4.500", "E500", "127.0.0.1:500x" and "500ms" are no statuses; "429." at the end of a sentence is one.
        let after_ok = bytes.get(at).is_none_or(|c| !is_word(*c) || (*c == b'.' && !is_digit(at + 1)));
        let before_ok = start == 0 || !is_word(bytes[start - 1]);
        if at - start == 3 && after_ok && before_ok && announced(&message[..start], bytes.get(at).copied()) {
            match message[start..at].parse() {
                Ok(status) if (400..600).contains(&status) => return Some(status),
                _ => {}
            }
        }
    }
    None
}

/// Whether what stands before a number (and the character after it) makes it a status.
fn announced(before: &str, after: Option<u8>) -> bool {
    if before.ends_with('(') && after == Some(b')') {
        return true;
    }
    let before = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | '\'' | '\\' | '(' | '[' | '`'));
    if before.is_empty() {
        return true;
    }
    let word = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.'))).next().unwrap_or_default();
    ANNOUNCING.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::http_status;

    #[test]
    fn known_shapes_of_a_status() {
        for (message, status) in [
            ("exceeded retry limit, last status: 429 Too Many Requests", 429),
            ("unexpected status 401 Unauthorized: no", 401),
            ("API Error: Request rejected (429) · wait", 429),
            ("API Error: 500 it broke. Retry.", 500),
            (r#"[API Error: {"error":{"code":503,"message":"x"}}]"#, 503),
            (r#"{\"error\":{\"code\":500}}"#, 500),
            ("429 too fast", 429),
            ("the server said status=502.", 502),
            ("HTTP/1.1 504", 504),
            ("[API Error: scripted error 429]\nPlease wait", 429),
        ] {
            assert_eq!(http_status(message), Some(status), "{message}");
        }
    }

    #[test]
    fn sayings_that_stand_for_a_status() {
        for (message, status) in [
            ("You've hit your usage limit. Try again at 3:05 PM.", 429),
            ("RESOURCE_EXHAUSTED: request a quota increase", 429),
            ("Overloaded", 529),
            (r#"{"error":{"type":"invalid_request_error","message":"no such model"}}"#, 400),
        ] {
            assert_eq!(http_status(message), Some(status), "{message}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for message in [
            "failed at line 429",
            "wrote 500 files",
            "port 127.0.0.1:8429",
            "took 4.500 s",
            "status: 200",
            "error 429ms",
            "code 4290",
            "status E500",
            "separate limits for each",
            "a quotation",
            "",
        ] {
            assert_eq!(http_status(message), None, "{message}");
        }
    }
}
