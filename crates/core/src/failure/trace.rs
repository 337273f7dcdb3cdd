//! The stack trace in a program's output. Knows how Rust, Python, Node, Java and Go print theirs.

/// Most characters of a trace.
const CHARS_MAX: usize = 8_000;
/// Most lines of a trace.
const LINES_MAX: usize = 100;

/// The last stack trace in the text, from its first line to its last.
#[must_use]
pub fn stack_trace(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = (0..lines.len()).rev().find_map(|at| begins(&lines, at).map(|kind| (at, kind)));
    let (at, kind) = start?;
    let end = (at + 1..lines.len()).find(|n| !goes_on(kind, &lines, at, *n)).unwrap_or(lines.len()).min(at + LINES_MAX);
    let trace = lines[at..end].join("\n");
    let trace = trace.trim_end();
    Some(match trace.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &trace[..cut]),
        None => trace.to_owned(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rust,
    Python,
    /// Node and other JavaScript: `Error: …`, then `    at …`.
    JavaScript,
    Java,
    Go,
}

fn begins(lines: &[&str], at: usize) -> Option<Kind> {
    let line = lines[at].trim_end();
    let next = lines.get(at + 1).map_or("", |l| l.trim_end());
    if line.starts_with("thread '") && line.contains("panicked at") {
        Some(Kind::Rust)
    } else if line.trim_start().starts_with("Traceback (most recent call last):") {
        Some(Kind::Python)
    } else if line.starts_with("panic: ")
        || line.starts_with("fatal error: ") && !next.is_empty()
        || line.starts_with("goroutine ") && !follows_go(lines, at)
    {
        // `fatal error:` is the compiler of C's too; Go's is followed by an empty line.
        Some(Kind::Go)
    } else if is_java_frame(next) && !is_java_frame(line) && !line.trim_start().starts_with("Caused by:") && !line.trim().is_empty() {
        Some(if line.contains("Exception") || line.starts_with("java.") || next.contains(".java:") { Kind::Java } else { Kind::JavaScript })
    } else {
        None
    }
}

/// A goroutine of a panic that was told before belongs to it.
fn follows_go(lines: &[&str], at: usize) -> bool {
    lines[..at].iter().rev().take(LINES_MAX).any(|l| l.starts_with("panic: ") || l.starts_with("fatal error: "))
}

fn is_java_frame(line: &str) -> bool {
    let inner = line.trim_start();
    inner.len() < line.len() && inner.starts_with("at ") && (inner.ends_with(')') || inner.contains(':'))
}

fn goes_on(kind: Kind, lines: &[&str], start: usize, at: usize) -> bool {
    let line = lines[at];
    let indented = line.starts_with([' ', '\t']);
    match kind {
        // Message lines up to the note or the backtrace, then indented frames.
        Kind::Rust => {
            at == start + 1 && !line.is_empty()
                || indented
                || line.starts_with("stack backtrace:")
                || line.starts_with("note: ")
                || line.starts_with("  left:")
        }
        // Indented frames, then the exception itself, and what it was caused by.
        Kind::Python => indented || (lines[at - 1].starts_with([' ', '\t']) && !line.is_empty()),
        Kind::JavaScript => is_java_frame(line) || line.trim_start().starts_with("... ") || line == "}" || indented,
        Kind::Java => is_java_frame(line) || line.starts_with("Caused by:") || line.trim_start().starts_with("... "),
        Kind::Go => {
            line.is_empty()
                || indented
                || line.starts_with("goroutine ")
                || line.starts_with("created by ")
                || line.starts_with('[')
                || line.ends_with(')')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "thread 'main' (41) panicked at src/main.rs:3:5:\nindex out of bounds: the len is 0\nstack backtrace:\n   0: rust_begin_unwind\n   1: core::panicking::panic_fmt\nnote: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";
    const PYTHON: &str = "Traceback (most recent call last):\n  File \"/w/a.py\", line 2, in <module>\n    f()\n  File \"/w/a.py\", line 1, in f\n    1 / 0\nZeroDivisionError: division by zero";
    const NODE: &str = "TypeError: x is not a function\n    at Object.<anonymous> (/w/a.js:1:1)\n    at Module._compile (node:internal/modules/cjs/loader:1554:14)\n    at node:internal/main/run_main_module:36:49";
    const JAVA: &str = "Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat Main.f(Main.java:7)\n\tat Main.main(Main.java:3)\nCaused by: java.io.IOException: gone\n\tat Main.g(Main.java:9)\n\t... 2 more";
    const GO: &str = "panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\nmain.main()\n\t/w/main.go:6 +0x1d\nexit status 2";

    #[test]
    fn the_traces_of_five_runtimes_are_found_whole() {
        for trace in [RUST, PYTHON, NODE, JAVA] {
            let text = format!("building\nrunning 3 tests\n{trace}\nand so it ended\n");
            assert_eq!(stack_trace(&text).as_deref(), Some(trace));
            assert_eq!(stack_trace(trace).as_deref(), Some(trace), "at the very end");
        }
        assert_eq!(stack_trace(GO).as_deref(), Some(GO.trim_end_matches("\nexit status 2")));
    }

    #[test]
    fn of_several_the_last_is_told() {
        assert_eq!(stack_trace(&format!("{RUST}\nretrying\n{PYTHON}\n")).as_deref(), Some(PYTHON));
    }

    #[test]
    fn ordinary_output_has_none_and_a_trace_has_an_end() {
        assert_eq!(stack_trace("error: no such file\n  at least not here\nbye\n"), None);
        assert_eq!(stack_trace(""), None);
        let endless = format!("Error: deep\n{}", "    at f (/w/a.js:1:1)\n".repeat(5_000));
        let trace = stack_trace(&endless).unwrap_or_default();
        assert!(trace.lines().count() <= LINES_MAX && trace.chars().count() <= CHARS_MAX + 1);
    }
}
