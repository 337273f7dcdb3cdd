//! What the last lines of an output tell, where nothing better is known. The weakest evidence: an output may show code, a diff or a
//! test's report that speaks of anything. So only lines count that speak themselves, the last ones first, standard error before standard
//! output, and only by phrases that are hardly about something else.

use super::status::http_status;
use super::types::{FailureDetail, FailureType};
use super::words::Words;

/// Lines from the end that are looked at.
const LINES_MAX: usize = 40;
/// So many last lines count as they are; those before only if they call themselves an error.
const LAST: usize = 4;

/// A line that tells why a program ended.
pub(super) struct Told<'a> {
    pub(super) kind: FailureType,
    pub(super) detail: Option<FailureDetail>,
    pub(super) line: &'a str,
}

/// The last line that tells anything.
pub(super) fn told<'a>(stderr: &'a str, stdout: &'a str) -> Option<Told<'a>> {
    [stderr, stdout].into_iter().find_map(|text| {
        let lines = text.lines().rev().filter(|l| !l.trim().is_empty()).take(LINES_MAX).enumerate();
        let mut spoken = lines.filter(|(n, line)| speaks(line) && (*n < LAST || is_labelled(line)));
        spoken.find_map(|(_, line)| of_line(line))
    })
}

/// A line by which a program tells an error of its own: not code, nor a diff, nor a test's report.
#[must_use]
pub fn is_error_line(line: &str) -> bool {
    speaks(line) && (is_labelled(line) || is_telling(&Words::of_output(line)))
}

/// The marks of an uncaught error in the runtimes that programs are written in.
pub(super) fn crashed(stderr: &str, stdout: &str) -> bool {
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    text.lines().any(|l| {
        l.starts_with("Traceback (most recent call last)")
            || (l.starts_with("thread '") && l.contains("panicked at"))
            || l.starts_with("panic: ")
            || l.starts_with("Exception in thread ")
            || l.contains("Segmentation fault")
    })
}

fn of_line(line: &str) -> Option<Told<'_>> {
    use FailureDetail as D;
    let words = Words::of_output(line);
    let labelled = is_labelled(line);
    let strict = [
        (DISK_FULL, FailureType::ResourceExhaustion, D::DiskFull),
        (OUT_OF_MEMORY, FailureType::ResourceExhaustion, D::OutOfMemory),
        (CONTEXT, FailureType::ApiError, D::ContextOverflow),
        (AUTHENTICATION, FailureType::ApiError, D::Authentication),
        (RATE_LIMIT, FailureType::ApiError, D::RateLimit),
        (OVERLOAD, FailureType::ApiError, D::ModelOverload),
        (NETWORK, FailureType::ApiError, D::Network),
    ];
    let found = strict.into_iter().find(|(phrases, ..)| words.any(phrases)).map(|(_, kind, detail)| (kind, Some(detail)));
    let (kind, detail) = found.or_else(|| {
        // A number, or a word that may mean anything, only where the line calls itself an error.
        // Without what it quotes: the name of a file or a package says nothing.
        let own: String = line.split('`').step_by(2).collect();
        let status = http_status(&own).filter(|_| labelled && words.any(LABELLED))?;
        match super::provider::of(Some(status), line) {
            (kind, Some(detail)) => Some((kind, Some(detail))),
            _ => None,
        }
    })?;
    Some(Told { kind, detail, line })
}

fn is_telling(words: &Words) -> bool {
    [RATE_LIMIT, AUTHENTICATION, OVERLOAD, CONTEXT].into_iter().any(|phrases| words.any(phrases))
}

const DISK_FULL: &[&str] = &["no space left on device", "disk quota exceeded", "enospc", "database or disk is full"];
const OUT_OF_MEMORY: &[&str] =
    &["out of memory", "cannot allocate memory", "outofmemoryerror", "java heap space", "memoryerror", "memory exhausted", "std bad_alloc"];
const CONTEXT: &[&str] = &["context_length_exceeded", "context length exceeded", "maximum context length", "prompt is too long"];
const AUTHENTICATION: &[&str] = &[
    "invalid api key",
    "incorrect api key",
    "api key not valid",
    "not logged in",
    "please run login",
    "please log in",
    "401 unauthorized",
    "authentication_error",
    "authenticationerror",
    "authentication failed",
    "permission denied publickey",
    "missing api key",
];
const RATE_LIMIT: &[&str] = &[
    "too many requests",
    "rate limit exceeded",
    "rate limit reached",
    "rate limited you",
    "rate_limit_error",
    "rate_limit_exceeded",
    "ratelimiterror",
    "resource_exhausted",
    "insufficient_quota",
    "exceeded your current quota",
    "quota exceeded",
    "usage limit reached",
    "hit your usage limit",
    "hit your limit",
];
const OVERLOAD: &[&str] = &["overloaded_error", "model is overloaded", "503 service unavailable", "servers are down or overloaded"];
const NETWORK: &[&str] = &[
    "econnrefused",
    "econnreset",
    "enotfound",
    "etimedout",
    "ehostunreach",
    "eai_again",
    "connection refused",
    "connection reset by peer",
    "could not resolve host",
    "temporary failure in name resolution",
    "network is unreachable",
    "no route to host",
    "connection timed out",
];
/// A labelled line may also be about these.
const LABELLED: &[&str] = &[
    "429",
    "401",
    "402",
    "403",
    "500",
    "502",
    "503",
    "504",
    "529",
    "rate limit",
    "overloaded",
    "unauthorized",
    "service unavailable",
    "bad gateway",
    "gateway timeout",
    "internal server error",
    "quota",
    "internalservererror",
];

/// A sentence of the program's own, as opposed to what it shows: diffs, listings, quotations, tests' reports.
fn speaks(line: &str) -> bool {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    let field = ["\"message\"", "\"error\"", "\"type\"", "\"status\"", "\"code\""].iter().any(|f| trimmed.starts_with(f));
    let shown = trimmed.starts_with(['+', '-', '>', '|', '#', '*', '`', '<'])
        || ["@@", "diff ", "//", "index ", "E  ", "FAILED", "PASSED", "ok ", "not ok ", "test ", "assert", "---", "=== "].iter().any(|s| trimmed.starts_with(s))
        // A listing with numbers: `12 | let x`, `12: code`, `a.rs:12: code`.
        || numbered_listing(trimmed);
    let words = Words::of_output(line);
    let report = words.any(&["assert", "assertion", "assertionerror", "panicked", "expected", "undeclared", "undefined", "cannot find"]);
    (indent < 4 || field) && !line.starts_with('\t') && !shown && !report
}

fn numbered_listing(line: &str) -> bool {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    if digits > 0 {
        return line[digits..].trim_start().starts_with(['|', '→', ':', '\t']);
    }
    // `src/a.rs:12:` is where something stands, and what follows is what stands there.
    let place = line.split_whitespace().next().unwrap_or_default();
    let mut parts = place.splitn(3, ':');
    let (file, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (file.contains('.') || file.contains('/')) && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

/// It calls itself an error within its first words: `error: …`, `[ERROR] …`, `2026-01-02 fatal: …`, `openai.APIError: …`.
fn is_labelled(line: &str) -> bool {
    let head: String = line.chars().take(80).collect();
    let words = Words::of_output(&head);
    words.first(6).any(|w| {
        matches!(w, "error" | "fatal" | "exception" | "failed" | "failure" | "err" | "critical")
            || w.ends_with("error")
            || w.ends_with("exception")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stderr: &str, stdout: &str) -> Option<FailureDetail> {
        told(stderr, stdout).and_then(|t| t.detail)
    }

    #[test]
    fn lines_that_tell_why_a_program_ended() {
        use FailureDetail as D;
        for (line, detail) in [
            ("sh: 1: cannot create f: No space left on device", D::DiskFull),
            ("sqlite3.OperationalError: database or disk is full", D::DiskFull),
            ("cc1plus: out of memory allocating 65536 bytes", D::OutOfMemory),
            ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", D::OutOfMemory),
            ("java.lang.OutOfMemoryError: Java heap space", D::OutOfMemory),
            ("Error: too many requests", D::RateLimit),
            ("openai.RateLimitError: Error code: 429 - {'error': {'message': 'slow down'}}", D::RateLimit),
            ("Error: rate limit", D::RateLimit),
            ("[ERROR] request failed: HTTP 429", D::RateLimit),
            ("You've hit your usage limit. Try again at 3:05 PM.", D::RateLimit),
            ("    \"type\": \"rate_limit_error\",", D::RateLimit),
            ("Error: 401 Unauthorized", D::Authentication),
            ("fatal: Authentication failed for 'https://example.com/x.git/'", D::Authentication),
            ("curl: (7) Failed to connect to 127.0.0.1 port 9: Connection refused", D::Network),
            ("fatal: unable to access 'https://x/': Could not resolve host: x", D::Network),
            ("Error: 503 Service Unavailable", D::ModelOverload),
            ("litellm.InternalServerError: InternalServerError: OpenAIException - broke", D::ServerError),
            ("anthropic.BadRequestError: prompt is too long: 3 tokens > 2 maximum", D::ContextOverflow),
        ] {
            assert_eq!(of(line, ""), Some(detail), "{line}");
            assert_eq!(of("", &format!("working\n{line}\n")), Some(detail), "{line}");
        }
    }

    #[test]
    fn what_an_output_shows_is_not_what_it_says() {
        for line in [
            "rapid spaceship",
            "+    return Err(\"rate limit exceeded\")",
            "-  // Error: too many requests",
            "> Error: 429 Too Many Requests",
            " 12 | let limit = \"rate limit exceeded\";",
            "src/limit.rs:12: error \"too many requests\"",
            "test limit::answers_429_too_many_requests ... FAILED",
            "FAILED tests/test_limit.py::test_too_many_requests - AssertionError",
            "E       AssertionError: rate limit exceeded",
            "AssertionError: expected 'too many requests'",
            "error[E0425]: cannot find function `rate_limit` in this scope",
            "error: could not compile `overloaded` (lib) due to 1 previous error",
            "error: test failed, to rerun pass `-p limits --test rate_limit`",
            "warning: separate limits",
            "wrote 429 files",
            "        raise RateLimitError()",
            "# out of memory",
        ] {
            assert_eq!(of(line, ""), None, "{line}");
        }
    }

    #[test]
    fn the_end_counts_for_more_than_the_middle_and_standard_error_for_more_than_output() {
        let earlier = format!("too many requests\n{}", "going on\n".repeat(10));
        assert_eq!(of(&earlier, ""), None, "it was got over");
        assert_eq!(
            of(&format!("Error: too many requests\n{}", "at x\n".repeat(10)), ""),
            Some(FailureDetail::RateLimit),
            "it calls itself an error"
        );
        assert_eq!(of("Error: connection refused", "Error: too many requests"), Some(FailureDetail::Network));
        assert_eq!(of("make: *** [all] Error 1", "No space left on device"), Some(FailureDetail::DiskFull));
        assert_eq!(of(&format!("Error: too many requests\n{}", "at x\n".repeat(100)), ""), None, "too long ago");
    }
}
