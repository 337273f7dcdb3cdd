//! What an agent did, as lines for people: what it said, which tools it called, what came of them. Nothing in them moves a cursor.
//! Knows no format of any agent: that is the readers' business.

use greenlane_core::attempt::ExitRecord;
use greenlane_runtime::agent::{Shown, last_words};

use crate::output::{Paint, paint};
use crate::report::{clean, visible};

/// The lines of one thing.
#[must_use]
pub fn lines(shown: &Shown, color: bool) -> Vec<String> {
    let signed = |sign: &str, style: Paint, text: &str| format!("{} {}", paint(sign, style, color), clean(text));
    match shown {
        Shown::Said(text) | Shown::Piece(text) => text.lines().map(visible).collect(),
        Shown::Calls(what) => vec![signed("▸", Paint::Cyan, what)],
        Shown::Result { lines, more, failed } => {
            let (sign, style) = if *failed { ("✗", Paint::Red) } else { ("|", Paint::Dim) };
            let mut out: Vec<String> = lines.iter().map(|l| format!("  {} {}", paint(sign, style, color), visible(l))).collect();
            if out.is_empty() {
                out.push(format!("  {}", signed(sign, style, "it failed without a word")));
            }
            if *more > 0 {
                let more = format!("and {more} more {}", if *more == 1 { "line" } else { "lines" });
                out.push(format!("  {} {}", paint(sign, style, color), paint(&more, Paint::Dim, color)));
            }
            out
        }
        Shown::Failed(text) => vec![signed("✗", Paint::Red, text)],
        Shown::Remark(text) => vec![paint(&format!("· {}", clean(text)), Paint::Dim, color)],
        Shown::Line(line) => vec![visible(line)],
    }
}

/// The end of what an attempt printed, as one text.
#[must_use]
pub fn last_lines_of(record: &ExitRecord) -> String {
    let all: Vec<String> = last_words(record).iter().flat_map(|s| lines(s, false)).collect();
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_sign_and_nothing_moves_the_cursor() {
        let result = |failed| Shown::Result { lines: vec!["one\u{1b}[2J".into(), "  two\r".into()], more: 1, failed };
        let all = [
            Shown::Said("first\n\u{1b}]0;title\u{7}second".into()),
            Shown::Calls("runs `make \u{1b}[1A`".into()),
            result(false),
            result(true),
            Shown::Result { lines: Vec::new(), more: 0, failed: true },
            Shown::Failed("no".into()),
            Shown::Remark("model m".into()),
            Shown::Line("\tplain \u{9b}31m\u{202e}x".into()),
        ];
        let text: Vec<String> = all.iter().flat_map(|s| lines(s, false)).collect();
        let expected = [
            "first",
            "]0;title second",
            "▸ runs `make `",
            "  | one",
            "  |   two",
            "  | and 1 more line",
            "  ✗ one",
            "  ✗   two",
            "  ✗ and 1 more line",
            "  ✗ it failed without a word",
            "✗ no",
            "· model m",
            "    plain 31m x",
        ];
        assert_eq!(text, expected);
    }
}
