//! Who may come in: looks at every request before a page does, and at every response on its way out. Knows nothing of pages.
//!
//! 1. `Host` names this machine: a foreign name that leads here (DNS rebinding) is turned away.
//! 2. The cookie of the opening URL, or `Authorization: Bearer` with its token, for everything but that URL itself; `/metrics` takes the
//!    token in its address, too.
//! 3. What changes anything comes from a page of ours: `Origin`, or where a browser leaves that out, `Sec-Fetch-Site`. The cookie is
//!    `SameSite=Strict`, so that another site's form comes without it in the first place.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::site::Site;
use super::token::Secret;

/// Nothing from elsewhere, nothing inline, no frames.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                          form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// On every response.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// No answer takes longer; a stream has answered when it begins.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Who is let in.
pub struct Door {
    /// Of the opening URL.
    pub token: Secret,
    /// What the cookie holds.
    session: Secret,
    /// The cookie's name. Cookies do not know ports: several servers on a machine must not take each other's.
    cookie: String,
    /// Names beside this machine's own by which it may be reached.
    names: Vec<String>,
    /// Any address is as good as a name: it listens beyond this machine.
    beyond: bool,
}

impl Door {
    /// A door with new secrets.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new(names: Vec<String>, beyond: bool) -> std::io::Result<Self> {
        let of_cookie = Secret::new()?;
        let cookie = format!("greenlane-{}", of_cookie.reveal().get(..8).unwrap_or_default());
        Ok(Self { token: Secret::new()?, session: Secret::new()?, cookie, names, beyond })
    }

    /// The header that gives a browser its cookie; until the browser is closed.
    #[must_use]
    pub fn cookie_header(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie, self.session.reveal())
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
        if let Some(token) = bearer {
            return self.token.is(token.trim());
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        cookies.filter_map(|c| c.trim().split_once('=')).any(|(name, value)| name == self.cookie && self.session.is(value))
    }

    /// The port is not looked at: a tunnel ends at another. It is the name that rebinding needs.
    fn is_this_machine(&self, host: &str) -> bool {
        let name = name_of(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match address {
            Ok(address) => self.beyond || address.is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost") || self.names.iter().any(|n| n.eq_ignore_ascii_case(name)),
        }
    }
}

/// `HOST:PORT` without the port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// The request was made by a page of this server. A program with the token in its hands is no browser: nobody can make it send that.
fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    if headers.contains_key(header::AUTHORIZATION) {
        return true;
    }
    match (text(header::ORIGIN), text(HeaderName::from_static("sec-fetch-site"))) {
        (Some(origin), _) => origin.strip_prefix("http://").is_some_and(|from| from.eq_ignore_ascii_case(host)),
        (None, Some(site)) => site == "same-origin",
        (None, None) => false,
    }
}

/// Looks at a request, and lets it in or not.
pub async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut response = match refuse(&site.door, &request) {
        Some(refusal) => refusal,
        None => match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "this took too long\n").into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // To ourselves, browsers say where a form comes from only if they may say so; to others, never. The opening URL says nothing to anybody.
    if !headers.contains_key(header::REFERRER_POLICY) {
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn refuse(door: &Door, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let hosts: Vec<&HeaderValue> = headers.get_all(header::HOST).iter().collect();
    let host = match hosts.as_slice() {
        [only] => only.to_str().unwrap_or_default(),
        _ => "",
    };
    if !door.is_this_machine(host) {
        return Some((StatusCode::FORBIDDEN, "this address is not served under that name\n").into_response());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return Some(StatusCode::METHOD_NOT_ALLOWED.into_response());
    }
    // The opening URL looks at its token itself.
    if request.uri().path() == super::OPEN_PATH && request.method() == Method::GET {
        return None;
    }
    // Not every program that reads measures can send a header; a page is never opened this way.
    let words = request.uri().query().unwrap_or_default().split('&');
    let by_address = request.uri().path() == super::METRICS_PATH
        && request.method() == Method::GET
        && words.filter_map(|word| word.strip_prefix("token=")).any(|token| door.token.is(token));
    if !by_address && !door.is_known(headers) {
        return Some((StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], UNKNOWN).into_response());
    }
    if *request.method() == Method::POST && !is_from_here(headers, host) {
        return Some((StatusCode::FORBIDDEN, "this did not come from a page of this server\n").into_response());
    }
    None
}

/// A link of another site brings no cookie along; one of this very page does.
const UNKNOWN: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Greenlane</title>\
<main><h1>Greenlane does not know this browser</h1>\
<p>Open the address that <code>greenlane serve</code> has printed: it holds a token.</p>\
<p>If you have done so before and came here by a link: <a href=\"/\">go on</a>.</p></main></html>\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let local = Door::new(vec!["box.lan".into()], false).unwrap();
        for good in ["127.0.0.1:1", "127.0.0.1", "localhost:80", "LOCALHOST", "[::1]:80", "[::1]", "box.lan:9"] {
            assert!(local.is_this_machine(good), "{good}");
        }
        for bad in ["", "evil.example:80", "127.0.0.1.evil.example", "192.168.1.2:80", "localhost.evil:80", "localhost:80@evil", "a:b:c"] {
            assert!(!local.is_this_machine(bad), "{bad}");
        }
        let beyond = Door::new(Vec::new(), true).unwrap();
        assert!(beyond.is_this_machine("192.168.1.2:80") && !beyond.is_this_machine("evil.example"));
    }

    #[test]
    fn what_changes_comes_from_a_page_of_ours() {
        let from = |pairs: &[(&'static str, &str)]| is_from_here(&headers(pairs), "127.0.0.1:80");
        assert!(from(&[("origin", "http://127.0.0.1:80")]));
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        for bad in ["http://127.0.0.1:81", "https://127.0.0.1:80", "null", "http://evil.example", ""] {
            assert!(!from(&[("origin", bad), ("sec-fetch-site", "same-origin")]), "{bad}");
        }
        assert!(!from(&[("sec-fetch-site", "same-site")]) && !from(&[("sec-fetch-site", "none")]) && !from(&[]));
    }

    #[test]
    fn the_cookie_is_this_servers_own() {
        let (a, b) = (Door::new(Vec::new(), false).unwrap(), Door::new(Vec::new(), false).unwrap());
        let header = a.cookie_header();
        let cookie = header.split(';').next().unwrap();
        assert!(a.is_known(&headers(&[("cookie", &format!("other=1; {cookie}"))])));
        assert!(!b.is_known(&headers(&[("cookie", cookie)])));
        assert!(!a.is_known(&headers(&[("cookie", cookie.split('=').next().unwrap())])));
        assert!(a.is_known(&headers(&[("authorization", &format!("Bearer {}", a.token.reveal()))])));
        assert!(!a.is_known(&headers(&[("authorization", "Bearer "), ("cookie", cookie)])));
        assert!(!a.is_known(&headers(&[("authorization", &format!("Bearer {}", a.session.reveal()))])), "the two are not the same");
    }
}
