//! Where findings gather while a plan is read: turns places in the text into lines. Knows nothing of formats.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity};

/// Most findings that are kept: nobody reads more, and a wrong plan of 100,000 tasks has as many.
const FINDINGS_MAX: usize = 200;

/// A place in the plan's text, in bytes.
pub(super) type Span = Range<usize>;

/// The text that is read and what was found in it.
pub(super) struct Context<'a> {
    pub file: &'a str,
    pub text: &'a str,
    line_starts: Vec<usize>,
    found: Vec<(usize, Diagnostic)>,
    errors: usize,
    dropped: usize,
    /// While defaults are filled in: what is wrong with them was said once.
    pub muted: bool,
}

impl<'a> Context<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, line_starts, found: Vec::new(), errors: 0, dropped: 0, muted: false }
    }

    /// The line that a place is on, from 1.
    pub fn line(&self, at: usize) -> u32 {
        u32::try_from(self.line_starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
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
        let line = self.line(start);
        let line_start = self.line_starts.get(line as usize - 1).copied().unwrap_or(0);
        let source = self.text.get(line_start..).and_then(|t| t.lines().next()).unwrap_or("");
        let chars = |from: usize, to: usize| self.text.get(from..to).map_or(0, |t| t.chars().count());
        let end = span.end.clamp(start, line_start + source.len().max(start - line_start));
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let diagnostic = Diagnostic {
            severity,
            message,
            file: String::from(self.file),
            line,
            column: narrow(chars(line_start, start) + 1),
            width: narrow(chars(start, end)).max(1),
            hint,
            source_line: Some(String::from(source)),
        };
        self.found.push((start, diagnostic));
    }

    /// A finding without a place.
    pub fn whole_file(&mut self, severity: Severity, message: impl Into<String>, hint: Option<String>) {
        self.errors += usize::from(severity == Severity::Error);
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
