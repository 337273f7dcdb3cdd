//! What a model's provider, or an agent about it, says when a call fails. Knows sayings and HTTP statuses, not agents.

use super::types::{FailureDetail, FailureType};
use super::words::Words;

const RATE_LIMIT: &[&str] = &[
    "rate limit",
    "rate limits",
    "rate limited",
    "ratelimit",
    "too many requests",
    "quota",
    "usage limit",
    "hit your limit",
    "limit reached",
    "resource exhausted",
];
const AUTHENTICATION: &[&str] = &[
    "unauthorized",
    "unauthenticated",
    "not logged in",
    "not signed in",
    "not authenticated",
    "please run login",
    "please log in",
    "please login",
    "please sign in",
    "sign in again",
    "login required",
    "invalid api key",
    "incorrect api key",
    "api key not valid",
    "api key invalid",
    "missing api key",
    "api key is missing",
    "no api key",
    "no authentication information",
    "authentication error",
    "authentication failed",
    "invalid authentication",
    "invalid x api key",
    "oauth token has expired",
    "token expired",
    "credit balance is too low",
    "auth method",
    "could not resolve authentication method",
    "missing environment variable",
    "reauthenticate",
];
const CONTEXT: &[&str] = &[
    "context length",
    "context window",
    "context length exceeded",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "input token count",
    "too many tokens in the prompt",
    "exceeds the maximum number of tokens",
    "request too large",
];
const OVERLOAD: &[&str] = &["overloaded", "at capacity", "over capacity", "high demand", "service unavailable", "model is busy"];
const SERVER: &[&str] = &["internal server error", "server error", "bad gateway", "gateway timeout", "api error 5xx"];
const NETWORK: &[&str] = &[
    "econnrefused",
    "econnreset",
    "enotfound",
    "etimedout",
    "ehostunreach",
    "enetunreach",
    "eai again",
    "epipe",
    "connection refused",
    "connection reset",
    "connection error",
    "connection closed",
    "connection timed out",
    "could not resolve host",
    "name resolution",
    "getaddrinfo",
    "network is unreachable",
    "no route to host",
    "unable to connect",
    "failed to connect",
    "fetch failed",
    "socket hang up",
    "stream disconnected",
    "error sending request",
    "tls handshake",
    "certificate",
    "network error",
];

/// What a message is about, by its status and its words. The status goes first where it leaves no choice.
pub(super) fn of(status: Option<u16>, message: &str) -> (FailureType, Option<FailureDetail>) {
    use FailureDetail as D;
    let words = Words::of_message(message);
    let detail = match status {
        Some(429) => Some(D::RateLimit),
        // Some say "forbidden" for a limit that is used up.
        Some(403) if words.any(&["rate limit", "quota"]) => Some(D::RateLimit),
        Some(401..=403) => Some(D::Authentication),
        Some(408) => Some(D::Network),
        Some(413) => Some(D::ContextOverflow),
        Some(503 | 529) => Some(D::ModelOverload),
        Some(500..=599) if words.has("overloaded") => Some(D::ModelOverload),
        Some(500..=599) => Some(D::ServerError),
        // The request itself is refused: not because there were too many of them, nor because of the server.
        Some(_) => detail_of(&words).filter(|d| matches!(d, D::Authentication | D::ContextOverflow)),
        None => detail_of(&words),
    };
    match (status, detail) {
        (Some(_), _) | (None, Some(_)) => (FailureType::ApiError, detail),
        (None, None) if words.any(&["api", "provider", "model", "stream"]) => (FailureType::ApiError, None),
        (None, None) => (FailureType::Unknown, None),
    }
}

fn detail_of(words: &Words) -> Option<FailureDetail> {
    use FailureDetail as D;
    // A prompt that is too long is told in tokens and limits: before those.
    let table = [
        (CONTEXT, D::ContextOverflow),
        (AUTHENTICATION, D::Authentication),
        (RATE_LIMIT, D::RateLimit),
        (OVERLOAD, D::ModelOverload),
        (SERVER, D::ServerError),
        (NETWORK, D::Network),
    ];
    table.into_iter().find(|(phrases, _)| words.any(phrases)).map(|(_, detail)| detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_and_agents_say() {
        use FailureDetail as D;
        for (status, message, expected) in [
            (Some(429), "anything", Some(D::RateLimit)),
            (Some(403), "RATE_LIMIT_EXCEEDED", Some(D::RateLimit)),
            (Some(403), "Forbidden", Some(D::Authentication)),
            (Some(402), "Payment required", Some(D::Authentication)),
            (Some(400), "API key not valid. Please pass a valid API key.", Some(D::Authentication)),
            (Some(400), "Your credit balance is too low to access the API", Some(D::Authentication)),
            (Some(400), "prompt is too long: 210000 tokens > 200000 maximum", Some(D::ContextOverflow)),
            (Some(400), "This model's maximum context length is 128000 tokens", Some(D::ContextOverflow)),
            (Some(400), "messages: at least one message is required", None),
            (Some(404), "model: no-such-model", None),
            (Some(529), "Overloaded", Some(D::ModelOverload)),
            (Some(503), "The model is overloaded. Please try again later.", Some(D::ModelOverload)),
            (Some(500), "overloaded_error", Some(D::ModelOverload)),
            (Some(500), "it broke", Some(D::ServerError)),
            (Some(504), "Gateway Timeout", Some(D::ServerError)),
            (None, "Not logged in · Please run /login", Some(D::Authentication)),
            (None, "Invalid API key · Please run /login", Some(D::Authentication)),
            (None, "You've hit your usage limit. Try again at 3:05 PM.", Some(D::RateLimit)),
            (None, "API Error: Connection error.", Some(D::Network)),
            (None, "stream disconnected before completion: error sending request for url (https://x)", Some(D::Network)),
            (None, "getaddrinfo ENOTFOUND api.example.com", Some(D::Network)),
            (None, "context_length_exceeded", Some(D::ContextOverflow)),
        ] {
            assert_eq!(of(status, message), (FailureType::ApiError, expected), "{status:?} {message}");
        }
        assert_eq!(of(None, "the model said nothing"), (FailureType::ApiError, None));
        assert_eq!(of(None, "rapid spaceship with separate limits"), (FailureType::Unknown, None));
    }
}
