//! What is around every page: the head, where its looks and its script come from, the place where words are told.

use std::sync::LazyLock;

use askama::Template;

/// The style sheet.
pub const STYLE: &str = include_str!("../assets/style.css");
/// The script.
pub const SCRIPT: &str = include_str!("../assets/page.js");
/// The icon.
pub const ICON: &str = include_str!("../assets/icon.svg");

/// In the addresses of both: browsers keep them until they change.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    // FNV-1a: it tells two builds apart, and nobody has anything of forging it.
    let digest =
        STYLE.bytes().chain(SCRIPT.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{digest:016x}")
});

/// A whole page.
#[derive(Template)]
#[template(path = "layout.html", whitespace = "minimize")]
struct Layout<'a> {
    title: &'a str,
    version: &'a str,
    body: &'a str,
    digest: &'a str,
    words: &'a str,
}

/// A page of this body. `version`: of the view; empty for what does not change by itself. `words`: what came of the last action.
#[must_use]
pub fn page(title: &str, body: &str, version: &str, words: &str) -> String {
    super::text(&Layout { title, version, body, digest: &DIGEST, words })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<main id=\"main\" tabindex=\"-1\"><h1>This cannot be shown</h1><p class=\"note odd\">{{ why }}</p><p><a href=\"/\">To the beginning</a></p></main>"
)]
struct Failure<'a> {
    why: &'a str,
}

/// The body of a page for what cannot be shown, with the reason.
#[must_use]
pub fn failure(why: &str) -> String {
    super::text(&Failure { why })
}
