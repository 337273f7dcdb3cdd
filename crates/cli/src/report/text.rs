//! Words and columns on a terminal: durations for people, wrapping, what must not reach a terminal. Knows nothing of runs.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Wider than any line: messages are bounded where they are made.
const WIDTH_UNCUT: usize = 10_000;

/// The width of a text where nobody says how wide the terminal is.
const WIDTH_DEFAULT: usize = 100;
/// Narrower than this, tables are allowed to stick out.
const WIDTH_MIN: usize = 40;
/// Wider than this, lines are hard to read.
const WIDTH_MAX: usize = 160;

/// How a text is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// With colours.
    pub color: bool,
}

impl Look {
    /// As wide as the terminal at standard output; `COLUMNS`, or a hundred columns, where it is none.
    #[must_use]
    pub fn of_stdout(color: bool) -> Self {
        let terminal = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|w| *w > 0);
        let named = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        Self::of_width(terminal.or_else(named).unwrap_or(WIDTH_DEFAULT), color)
    }

    /// For lists of one line each: as wide as the terminal, and where it is none, so wide that nothing is cut off: who searches them
    /// with grep must find what is in them.
    #[must_use]
    pub fn of_list(color: bool) -> Self {
        let look = Self::of_stdout(color);
        if rustix::termios::isatty(std::io::stdout()) || std::env::var_os("COLUMNS").is_some() {
            look
        } else {
            Self { width: WIDTH_UNCUT, ..look }
        }
    }

    /// Of this many columns, within reason.
    #[must_use]
    pub fn of_width(width: usize, color: bool) -> Self {
        Self { width: width.clamp(WIDTH_MIN, WIDTH_MAX), color }
    }
}

/// A duration for people: `0.4s`, `42s`, `3m12s`, `2h05m`, `3d04h`. Cut off, not rounded.
#[must_use]
pub fn humane(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..10 => format!("{s}.{}s", d.subsec_millis() / 100),
        10..60 => format!("{s}s"),
        60..3_600 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{:02}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3_600 % 24),
    }
}

/// One line without anything that a terminal would take for a command: titles and messages come from plans and agents.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A colour or a movement (ESC [ … letter): none of it is for us.
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next_if(|c| matches!(c, '0'..='?' | ' '..='/')).is_some() {}
                chars.next();
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// Columns that a text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text in exactly so many columns: padded, or cut with `…`.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    let taken = columns(text);
    if taken <= width {
        return format!("{text}{}", " ".repeat(width - taken));
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
        used += 1;
    }
    format!("{out}{}", " ".repeat(width.saturating_sub(used)))
}

/// The column of facts in what shows one thing in full.
const FACT_COLUMNS: usize = 11;

/// A fact under its name, in lines of its own, each ended; nothing for nothing.
#[must_use]
pub fn fact_lines(name: &str, value: Option<String>, look: Look, lines_max: usize) -> String {
    let Some(value) = value.filter(|v| !v.is_empty()) else { return String::new() };
    let lines = wrapped(&value, look.width.saturating_sub(FACT_COLUMNS + 2).max(20), lines_max);
    lines.iter().enumerate().map(|(n, line)| format!("  {:FACT_COLUMNS$}{line}\n", if n == 0 { name } else { "" })).collect()
}

/// The text in lines of at most so many columns, broken at spaces where there are any, at most `lines_max` of them.
#[must_use]
pub fn wrapped(text: &str, width: usize, lines_max: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        // A path or a command that is longer than a line goes on in the next one.
        for c in word.chars() {
            if columns(&line) + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
        if lines.len() > lines_max {
            break;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), width).trim_end().to_owned();
            if !last.ends_with('…') {
                *last = fit(&format!("{last}……"), width).trim_end().to_owned();
            }
        }
    }
    lines
}

/// An id as a word of a shell command.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | ',' | '=' | '%');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    let inner = word.replace('\'', r"'\''");
    if word.starts_with('-') { format!("-- '{inner}'") } else { format!("'{inner}'") }
}

/// A commit as people write it: its first twelve digits.
#[must_use]
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_long_as_a_glance() {
        let told = |ms: u64| humane(Duration::from_millis(ms));
        let all = [0, 430, 9_990, 42_900, 192_000, 7_500_000, 270_000_000].map(told);
        assert_eq!(all, ["0.0s", "0.4s", "9.9s", "42s", "3m12s", "2h05m", "3d03h"]);
    }

    #[test]
    fn what_a_terminal_obeys_does_not_reach_it() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\tand\n\nlines\u{7}"), "red and lines");
        assert_eq!(clean("a\u{1b}]0;title\u{7}b \u{202e}c"), "a ]0;title b c");
        assert_eq!(clean("\u{1b}[2"), "");
    }

    #[test]
    fn columns_are_a_terminals() {
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrapped("one two  three", 7, 9), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij k", 4, 9), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("", 4, 9), Vec::<String>::new());
        assert_eq!(wrapped("aaa bbb ccc ddd", 3, 2), ["aaa", "bb…"]);
        assert_eq!(wrapped("a bbb ccc", 5, 1), ["a bb…"]);
    }

    #[test]
    fn an_id_becomes_one_word_of_the_shell() {
        assert_eq!(["a/b-1", "it's", "", "-x"].map(quoted), ["a/b-1", r"'it'\''s'", "''", "-- '-x'"]);
    }
}
