//! Where words go: data to standard output, talk to standard error. Knows terminals and colours; knows nothing of what is said.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::{Color, Globals};
use crate::error::{Error, Kind, Problem};

/// The number of SIGPIPE; what reads from us has gone, and other programs end with 128 + 13 then.
const SIGPIPE: u8 = 13;

/// The two streams and how loud to be. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Data may be coloured.
    pub color: bool,
    /// Talk may be coloured.
    pub color_talk: bool,
    /// Standard error is a terminal: live lines make sense.
    pub live: bool,
    /// `-q`: only results and errors.
    pub quiet: bool,
    /// How many `-v`.
    pub verbose: u8,
}

/// Colours, by what they are for. Meaning is never only in colour: each goes with a word or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Good.
    Green,
    /// Odd.
    Yellow,
    /// Bad.
    Red,
    /// The word `error`.
    RedBold,
    /// The word `hint`.
    Cyan,
}

/// The text in that colour, or as it is.
#[must_use]
pub fn paint(text: &str, style: Paint, color: bool) -> String {
    if !color || text.is_empty() {
        return text.to_owned();
    }
    let code = match style {
        Paint::Bold => "1",
        Paint::Dim => "2",
        Paint::Green => "32",
        Paint::Yellow => "33",
        Paint::Red => "31",
        Paint::RedBold => "1;31",
        Paint::Cyan => "36",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

impl Output {
    /// From the global options, the environment and what the streams are.
    #[must_use]
    pub fn new(globals: &Globals) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        // https://no-color.org: present and not empty, whatever the value.
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let plain = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|t| t == OsStr::new("dumb"));
        let color = |terminal: bool| match globals.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        Self { color: color(out), color_talk: color(err), live: err, quiet: globals.quiet, verbose: globals.verbose }
    }

    /// Writes data as it is.
    ///
    /// # Errors
    /// Silent with exit code 141 when the reader has gone; told otherwise.
    pub fn data(&self, text: &str) -> Result<(), Error> {
        self.bytes(text.as_bytes())
    }

    /// The same for bytes.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(write_error)
    }

    /// Writes one JSON document, indented, with `"schema": 1` as its first field. `document` must be an object.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn json(&self, document: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(&Versioned { schema: 1, document }).map_err(|e| json_error(&e))?;
        self.data(&(text + "\n"))
    }

    /// Writes one line of JSON Lines, with `"schema": 1`.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn json_line(&self, document: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(&Versioned { schema: 1, document }).map_err(|e| json_error(&e))?;
        self.data(&(text + "\n"))
    }

    /// Talk: one or more lines, without the last line's end. Not with `-q`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.to_stderr(&format!("{text}\n"));
        }
    }

    /// Talk for `-v`.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.to_stderr(&format!("{text}\n"));
        }
    }

    /// Something odd that does not stop the work. Not with `-q`.
    pub fn warn(&self, problem: &Problem) {
        if !self.quiet {
            self.to_stderr(&problem.render("warning", Paint::Yellow, self.color_talk));
        }
    }

    /// An error, even with `-q`.
    pub fn error(&self, error: &Error) {
        self.to_stderr(&error.render(self.color_talk));
    }

    /// Talk as it is, even with `-q`.
    pub fn tell(&self, text: &str) {
        self.to_stderr(text);
    }

    fn to_stderr(self, text: &str) {
        // Nobody listens any more: there is no one left to tell.
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    schema: u32,
    #[serde(flatten)]
    document: &'a T,
}

fn write_error(e: io::Error) -> Error {
    if e.kind() == io::ErrorKind::BrokenPipe {
        return Error::silent(Kind::Signal(SIGPIPE));
    }
    Error::environment(format!("cannot write to standard output: {e}"))
}

fn json_error(e: &serde_json::Error) -> Error {
    Error::environment(format!("cannot write the result as JSON: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_added_only_where_they_are_wanted() {
        assert_eq!(paint("done", Paint::Green, true), "\u{1b}[32mdone\u{1b}[0m");
        assert_eq!(paint("done", Paint::Green, false), "done");
    }

    #[test]
    fn json_carries_its_schema_first() {
        #[derive(Serialize)]
        struct Document {
            a: u8,
        }
        let text = serde_json::to_string(&Versioned { schema: 1, document: &Document { a: 2 } });
        assert_eq!(text.ok().as_deref(), Some(r#"{"schema":1,"a":2}"#));
    }

    #[test]
    fn a_reader_that_has_gone_is_no_message() {
        let error = write_error(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((error.kind.code(), error.render(false)), (141, String::new()));
    }
}
