//! Where findings gather while a plan is read: turns places in the text into lines. Knows nothing of formats.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity};

/// Most findings that are kept: nobody reads more, and a wrong plan of 100,000 tasks has as many.
const FINDINGS_MAX: usize = 200;

/// Longest message and longest hint in characters: they may quote what stands in the plan.
const MESSAGE_CHARS_MAX: usize = 1_000;
/// Most characters of a line that a finding brings along, of which so many stand before its place.
const LINE_CHARS_MAX: usize = 400;
const LINE_CHARS_BEFORE: usize = 200;

/// A place in the plan's text, in bytes.
pub(super) type Span = Range<usize>;

/// The text that is read and what was found in it.
pub(super) struct Context<'a> {
    pub file: &'a str,
    pub text: &'a str,
    line_starts: Vec<usize>,
    /// Where a plan is several files: where each begins in the text, and its name.
    parts: Vec<(usize, String)>,
    found: Vec<(usize, Diagnostic)>,
    errors: usize,
    dropped: usize,
    /// Bytes of all tasks so far, with what defaults and prompt files fill in.
    pub filled: usize,
    /// While defaults are filled in: what is wrong with them was said once.
    pub muted: bool,
}

impl<'a> Context<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, line_starts, parts: Vec::new(), found: Vec::new(), errors: 0, dropped: 0, filled: 0, muted: false }
    }

    /// The same for a plan of several files, one behind the other in the text: where each begins, and its name.
    pub fn of_parts(file: &'a str, text: &'a str, parts: Vec<(usize, String)>) -> Self {
        Self { parts, ..Self::new(file, text) }
    }

    /// Where the text's files begin; one, at 0, where it is one file.
    pub fn part_starts(&self) -> Vec<usize> {
        if self.parts.is_empty() { vec![0] } else { self.parts.iter().map(|(at, _)| *at).collect() }
    }

    /// The file that a place is in, and the lines of the text before it.
    pub fn file_at(&self, at: usize) -> (&str, u32) {
        match self.parts.iter().rev().find(|(start, _)| *start <= at) {
            Some((start, name)) => (name, self.text_line(*start) - 1),
            None => (self.file, 0),
        }
    }

    fn text_line(&self, at: usize) -> u32 {
        u32::try_from(self.line_starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    /// The line that a place is on in its file, from 1.
    pub fn line(&self, at: usize) -> u32 {
        self.text_line(at) - self.file_at(at).1
    }

    pub fn error(&mut self, span: &Span, message: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), None);
    }

    pub fn error_hint(&mut self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), Some(hint.into()));
    }

    pub fn push(&mut self, severity: Severity, span: &Span, message: String, hint: Option<String>) {
        if self.muted {
            return;
        }
        self.errors += usize::from(severity == Severity::Error);
        if self.found.len() >= FINDINGS_MAX {
            self.dropped += 1;
            return;
        }
        let start = span.start.min(self.text.len());
        let line = self.text_line(start);
        let line_start = self.line_starts.get(line as usize - 1).copied().unwrap_or(0);
        let source = self.text.get(line_start..).and_then(|t| t.lines().next()).unwrap_or("");
        let chars = |from: usize, to: usize| self.text.get(from..to).map_or(0, |t| t.chars().count());
        let end = span.end.clamp(start, line_start + source.len().max(start - line_start));
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let before = chars(line_start, start);
        let skipped = if source.len() > LINE_CHARS_MAX { before.saturating_sub(LINE_CHARS_BEFORE) } else { 0 };
        let (file, lines_before) = self.file_at(start);
        let diagnostic = Diagnostic {
            severity,
            message: told(&message),
            file: String::from(file),
            line: line - lines_before,
            column: narrow(before + 1),
            width: narrow(chars(start, end)).max(1),
            hint: hint.as_deref().map(told),
            source_line: Some(source.chars().skip(skipped).take(LINE_CHARS_MAX).collect()),
            source_from: narrow(skipped),
        };
        self.found.push((start, diagnostic));
    }

    /// A finding without a place.
    pub fn whole_file(&mut self, severity: Severity, message: impl Into<String>, hint: Option<String>) {
        self.errors += usize::from(severity == Severity::Error);
        let (message, hint) = (told(&message.into()), hint.as_deref().map(told));
        self.found.push((0, Diagnostic::file_wide(severity, self.file, message, hint)));
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The findings in the order of the text.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(at, _)| *at);
        let mut out: Vec<Diagnostic> = self.found.into_iter().map(|(_, d)| d).collect();
        if self.dropped > 0 {
            let message = format!("{} more findings are not shown", self.dropped);
            let severity = if out.iter().any(Diagnostic::is_error) || self.errors == 0 { Severity::Note } else { Severity::Error };
            out.push(Diagnostic::file_wide(severity, self.file, message, None));
        }
        out
    }
}

/// On one line, without what a terminal would obey, and not endless.
fn told(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MESSAGE_CHARS_MAX));
    for (n, c) in text.chars().enumerate() {
        match c {
            _ if n == MESSAGE_CHARS_MAX => {
                out.push('…');
                break;
            }
            c if c.is_control() => out.extend(c.escape_debug()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_short_however_long_the_line_and_the_name() {
        let text = format!("a\n{}HERE{}", "é".repeat(5_000), "y".repeat(1_000_000));
        let mut ctx = Context::new("x", &text);
        let at = 2 + 2 * 5_000;
        ctx.error_hint(&(at..at + 4), format!("wrong\n{}", "z".repeat(1_000_000)), "h".repeat(5_000));
        let found = &ctx.finish()[0];
        assert!(found.message.starts_with("wrong\\nzz") && found.message.chars().count() == 1_002);
        assert_eq!((found.line, found.column, found.width, found.source_from), (2, 5_001, 4, 4_800));
        let shown = found.render(false);
        let lines: Vec<Vec<char>> = shown.lines().map(|l| l.chars().collect()).collect();
        let at = lines[4].iter().position(|c| *c == '^').expect("marks");
        assert_eq!(lines[3][at..at + 4].iter().collect::<String>(), "HERE");
        assert!(shown.len() < 4_000);
    }
}
