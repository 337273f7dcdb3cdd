//! What an attempt changed, side by side or in one column. Reads git's diff as the board gives it.

use askama::Template;
use greenlane_core::ids::TaskKey;

use super::text;
use crate::board::diff::{Diff, DiffFile, DiffLine, LineKind};
use crate::web::view::Links;

#[derive(Template)]
#[template(path = "diff.html", whitespace = "minimize")]
struct Page<'a> {
    links: &'a Links,
    name: &'a str,
    number: u32,
    back: String,
    other: String,
    split: bool,
    diff: &'a Diff,
    files: Vec<File<'a>>,
}

/// A file, and its rows where it is shown in two columns.
pub type File<'a> = (&'a DiffFile, Vec<Row<'a>>);

/// A row of two columns.
#[derive(Debug, PartialEq)]
pub enum Row<'a> {
    /// Across both.
    Mark(&'a str),
    /// Before and after; `None`: there is no such line.
    Sides(Option<Side<'a>>, Option<Side<'a>>),
}

/// One side of a row.
#[derive(Debug, PartialEq)]
pub struct Side<'a> {
    /// The line's number on that side.
    pub no: u32,
    /// How it is coloured.
    pub class: &'static str,
    /// What it says.
    pub text: &'a str,
}

impl Row<'_> {
    /// The same line before and after.
    #[must_use]
    pub fn is_context(&self) -> bool {
        matches!(self, Row::Sides(Some(old), Some(new)) if old.class.is_empty() && new.class.is_empty())
    }
}

/// The page's body. `split`: side by side.
#[must_use]
pub fn body(links: &Links, key: &TaskKey, name: &str, number: u32, diff: &Diff, split: bool) -> String {
    let other = links.attempt(key, number, "/diff", if split { "as=column" } else { "" });
    text(&Page { links, name, number, back: links.attempt(key, number, "", ""), other, split, diff, files: files(diff, split) })
}

/// The files of a diff, as templates draw them.
#[must_use]
pub fn files(diff: &Diff, split: bool) -> Vec<File<'_>> {
    diff.files.iter().map(|f| (f, if split { rows(&f.lines) } else { Vec::new() })).collect()
}

/// The class of a line.
#[must_use]
pub fn class_of(kind: &LineKind) -> &'static str {
    match kind {
        LineKind::Added => "add",
        LineKind::Removed => "del",
        _ => "",
    }
}

/// Lines that went beside those that came in their place.
fn rows(lines: &[DiffLine]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let (mut went, mut came): (Vec<Side<'_>>, Vec<Side<'_>>) = (Vec::new(), Vec::new());
    for line in lines {
        let side = |no: Option<u32>| Side { no: no.unwrap_or(0), class: class_of(&line.kind), text: &line.text };
        match line.kind {
            LineKind::Removed => went.push(side(line.old)),
            LineKind::Added => came.push(side(line.new)),
            LineKind::Hunk | LineKind::Remark => {
                flush(&mut rows, &mut went, &mut came);
                rows.push(Row::Mark(&line.text));
            }
            LineKind::Context => {
                flush(&mut rows, &mut went, &mut came);
                rows.push(Row::Sides(Some(side(line.old)), Some(side(line.new))));
            }
        }
    }
    flush(&mut rows, &mut went, &mut came);
    rows
}

/// Each line that went gets one of those that came, as far as there are any.
fn flush<'a>(rows: &mut Vec<Row<'a>>, went: &mut Vec<Side<'a>>, came: &mut Vec<Side<'a>>) {
    let (mut old, mut new) = (std::mem::take(went).into_iter(), std::mem::take(came).into_iter());
    loop {
        match (old.next(), new.next()) {
            (None, None) => return,
            (a, b) => rows.push(Row::Sides(a, b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::diff::parse;

    const TEXT: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n same\n-old one\n-old two\n+new <b>\n end\n+added\n";

    #[test]
    fn what_came_stands_beside_what_went() {
        let diff = parse(TEXT);
        let told: Vec<String> = rows(&diff.files[0].lines)
            .into_iter()
            .map(|row| match row {
                Row::Mark(text) => text.to_owned(),
                Row::Sides(a, b) => {
                    let side = |s: Option<Side<'_>>| s.map_or_else(|| String::from("-"), |s| format!("{} {}", s.no, s.text));
                    format!("{} | {}", side(a), side(b))
                }
            })
            .collect();
        assert_eq!(told, ["@@ -1,4 +1,4 @@", "1 same | 1 same", "2 old one | 2 new <b>", "3 old two | -", "4 end | 3 end", "- | 4 added"]);
    }

    #[test]
    fn what_stands_in_a_file_is_never_markup() {
        let diff = parse(TEXT);
        let links = Links::new("r", None);
        for split in [true, false] {
            let html = body(&links, &TaskKey::new("p", "a"), "a", 1, &diff, split);
            assert!(html.contains("new &#60;b&#62;") && !html.contains("<b>"), "{html}");
        }
    }
}
