//! Pieces of Markdown that hold foreign text and are not left by it: code quotes, fences, lists. Knows nothing of prompts.

/// Most entries of a list of names; the rest is counted.
pub(super) const LIST_MAX: usize = 50;

/// Names in code quotes, joined by commas.
pub(super) fn names(all: &[String]) -> String {
    let mut shown: Vec<_> = all.iter().take(LIST_MAX).map(|name| quoted(name.trim())).collect();
    if all.len() > LIST_MAX {
        shown.push(format!("{} more", all.len() - LIST_MAX));
    }
    shown.join(", ")
}

/// A text in code quotes.
pub(super) fn quoted(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// A list, an item a line, without the last line's end; blank items are left out.
pub(super) fn items(all: &[String]) -> String {
    // A line break within an item stays within it.
    let lines = all.iter().map(|item| item.trim()).filter(|item| !item.is_empty()).map(|item| format!("- {}", item.replace('\n', "\n  ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// The text as a code block, whose fence is longer than any within.
pub(super) fn fenced(text: &str) -> String {
    let text = text.trim_end();
    // Up to three spaces may stand before a fence.
    let longest = text.lines().map(|l| l.trim_start().chars().take_while(|c| *c == '`').count()).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

/// The end of a text, which tells most of an output.
pub(super) fn end_of(text: &str, chars_max: usize) -> String {
    let text = text.trim_end();
    match text.chars().count().checked_sub(chars_max) {
        None | Some(0) => text.to_owned(),
        Some(more) => format!("…\n{}", text.chars().skip(more).collect::<String>()),
    }
}

/// The beginning of a text, which tells most of what a person wrote.
pub(super) fn beginning_of(text: &str, chars_max: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}\n…", &text[..at]),
    }
}

/// A text as one line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}
