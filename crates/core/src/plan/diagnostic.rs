//! What is wrong with a plan, where, and what to do. Knows nothing of plans.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan cannot be run.
    Error,
    /// It can, but probably not as it was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// The file as it was given.
    pub file: String,
    /// From 1; 0 where it is the whole file's.
    pub line: u32,
    /// In characters from 1; 0 where it is the whole line's.
    pub column: u32,
    /// How many characters it is about, on that line.
    pub width: u32,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The line as it stands in the file, without its end; of a long line the piece around the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
    /// How many characters of the line are left out before `source_line`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub source_from: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Longest piece of a source line that is shown, in characters: JSON may hold a whole plan in one line.
const SHOWN_CHARS_MAX: usize = 120;

impl Diagnostic {
    /// Whether it keeps the plan from running.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// A finding that belongs to a whole file.
    pub fn file_wide(severity: Severity, file: impl Into<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { severity, message: message.into(), file: file.into(), line: 0, column: 0, width: 0, hint, source_line: None, source_from: 0 }
    }

    /// As text of a few lines for a terminal, each ended; with ANSI colours if asked for.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let paint = |code: &str, text: &str| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { String::from(text) };
        let (word, code) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
            Severity::Note => ("note", "1;36"),
        };
        let mut out = format!("{}: {}\n", paint(code, word), self.message);
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        match (self.line, self.column) {
            (0, _) => writeln!(out, "{gutter}{} {}", paint("34", "-->"), self.file),
            (line, 0) => writeln!(out, "{gutter}{} {}:{line}", paint("34", "-->"), self.file),
            (line, column) => writeln!(out, "{gutter}{} {}:{line}:{column}", paint("34", "-->"), self.file),
        }
        .unwrap_or(());
        if let Some(source) = &self.source_line {
            let (shown, indent) = self.window(source);
            let bar = paint("34", "|");
            let carets = "^".repeat((self.width.max(1) as usize).min(shown.chars().count().saturating_sub(indent).max(1)));
            let marks = if self.column > 0 { format!(" {}{}", " ".repeat(indent), paint(code, &carets)) } else { String::new() };
            out.push_str(&format!("{gutter} {bar}\n{} {bar} {shown}\n{gutter} {bar}{marks}\n", paint("34", &number)));
        }
        if let Some(hint) = &self.hint {
            out.push_str(&format!("{gutter} {} {hint}\n", paint("1", "hint:")));
        }
        out
    }

    /// The piece of the line to show, and how many characters stand in it before the marks.
    fn window(&self, source: &str) -> (String, usize) {
        // A control character would take no place, or move the cursor.
        let chars: Vec<char> = source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = (self.column.max(1).saturating_sub(self.source_from).max(1) as usize - 1).min(chars.len());
        if chars.len() <= SHOWN_CHARS_MAX {
            return (chars.into_iter().collect::<String>().trim_end().to_owned(), at);
        }
        let from = at.saturating_sub(SHOWN_CHARS_MAX / 3);
        let to = (from + SHOWN_CHARS_MAX).min(chars.len());
        let (head, tail) = (if from > 0 { "…" } else { "" }, if to < chars.len() { "…" } else { "" });
        let piece: String = chars[from..to].iter().collect();
        (format!("{head}{piece}{tail}"), at - from + usize::from(from > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: String::from("task `a` depends on `b`"),
            file: String::from("plan.toml"),
            line: 12,
            column: 5,
            width: 3,
            hint: Some(String::from("did you mean `c`?")),
            source_line: Some(String::from("\tx = \"b\"")),
            source_from: 0,
        }
    }

    #[test]
    fn rendered_as_rustc_does() {
        let expected =
            "error: task `a` depends on `b`\n  --> plan.toml:12:5\n   |\n12 |  x = \"b\"\n   |     ^^^\n   hint: did you mean `c`?\n";
        assert_eq!(example().render(false), expected);
        let colored = example().render(true);
        assert!(colored.starts_with("\x1b[1;31merror\x1b[0m: ") && colored.contains("\x1b[1;31m^^^\x1b[0m"), "{colored:?}");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let mut d = example();
        d.source_line = Some(format!("{}HERE{}", "x".repeat(500), "y".repeat(500)));
        (d.column, d.width) = (501, 4);
        let text = d.render(false);
        let lines: Vec<&str> = text.lines().collect();
        let at = lines[4].find('^').expect("marks");
        let shown: Vec<char> = lines[3].chars().collect();
        assert_eq!(shown[at..at + 4].iter().collect::<String>(), "HERE");
        assert!(shown.len() < 140);
    }

    #[test]
    fn a_whole_file_has_no_line() {
        let d = Diagnostic::file_wide(Severity::Warning, "x.md", "no tasks", None);
        assert_eq!(d.render(false), "warning: no tasks\n --> x.md\n");
    }
}
