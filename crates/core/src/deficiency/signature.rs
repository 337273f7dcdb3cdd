//! The one line of an output that tells what went wrong. Knows the habits of compilers, test runners and shells; knows nothing
//! of tasks.

/// Longest line in characters.
const CHARS_MAX: usize = 300;

/// Lines that only say that something above failed.
const CLOSERS: [&str; 14] = [
    "test failed, to rerun",
    "could not compile",
    "aborting due to",
    "make: ***",
    "make[",
    "npm err!",
    "npm error",
    "command failed",
    "failures:",
    "test result:",
    "failed (failures=",
    "process completed with",
    "elifecycle",
    "for more information about this error",
];

/// Which kind of line it is; a later one tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Telling {
    /// It says that something above failed.
    Closer,
    /// It has a word of failure in it.
    Word,
    /// `error: …`, `fatal: …`.
    Said,
    /// One failed test. Of several the first in the alphabet is taken: tests run in any order.
    Test,
    /// A compiler's or a runtime's error with its name or place.
    Named,
}

/// The line that tells most; of equals the first, and the last line where none speaks of a failure. `None` for an empty text.
#[must_use]
pub fn telling_line(output: &str) -> Option<String> {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|l| l.chars().any(char::is_alphanumeric)).collect();
    let best = lines.iter().filter_map(|l| telling(l)).max();
    let found = match best {
        None => lines.len().checked_sub(1)?,
        Some(best) => {
            let of_kind = || lines.iter().enumerate().filter(|(_, l)| telling(l) == Some(best));
            let one = if best == Telling::Test { of_kind().min_by_key(|(_, l)| **l) } else { of_kind().next() };
            one.map_or(0, |(n, _)| n)
        }
    };
    let mut line = String::from(*lines.get(found)?);
    // `thread 'x' panicked at src/lib.rs:3:5:` has its message on the next line.
    if line.ends_with(':')
        && let Some(next) = lines.get(found + 1)
    {
        line.push(' ');
        line.push_str(next);
    }
    Some(line.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect())
}

fn telling(line: &str) -> Option<Telling> {
    let lower = line.to_lowercase();
    if CLOSERS.iter().any(|c| lower.contains(c)) {
        return Some(Telling::Closer);
    }
    let first = line.split_whitespace().next().unwrap_or("");
    let named = lower.starts_with("error[")
        || lower.contains(": error:")
        || lower.contains(" error ts")
        || lower.starts_with("e   ")
        || (first.len() > 6 && (first.ends_with("Error:") || first.ends_with("Exception:")));
    let test = (lower.starts_with("test ") && lower.ends_with("... failed"))
        || lower.contains("panicked at")
        || line.starts_with("FAILED ")
        || line.starts_with("FAIL ")
        || lower.starts_with("--- fail:")
        || lower.starts_with("not ok ")
        || line.starts_with(['✕', '✗', '×']);
    let said = ["error:", "fatal:", "error in ", "err:"].iter().any(|s| lower.starts_with(s));
    let word = lower.split(|c: char| !c.is_alphanumeric()).any(|w| {
        matches!(w, "error" | "errors" | "failed" | "failure" | "fatal" | "panic" | "cannot" | "denied" | "undefined" | "missing")
    }) || lower.contains("not found");
    if named {
        Some(Telling::Named)
    } else if test {
        Some(Telling::Test)
    } else if said {
        Some(Telling::Said)
    } else if word {
        Some(Telling::Word)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most() {
        for (output, want) in [
            (
                "   Compiling a v0.1.0\nerror[E0425]: cannot find value `x`\n --> src/lib.rs:1:1\nerror: could not compile `a`\n",
                "error[E0425]: cannot find value `x`",
            ),
            (
                "running 2 tests\ntest b ... FAILED\ntest a ... FAILED\n\nfailures:\n\ntest result: FAILED. 0 passed; 2 failed\nerror: test failed, to rerun pass `--lib`\n",
                "test a ... FAILED",
            ),
            ("thread 'x' panicked at src/lib.rs:3:5:\nassertion failed\n", "thread 'x' panicked at src/lib.rs:3:5: assertion failed"),
            (
                "    def test_a():\n>       assert 1 == 2\nE       assert 1 == 2\nFAILED tests/t.py::test_a - assert 1 == 2\n",
                "E       assert 1 == 2",
            ),
            ("Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'x'\n", "KeyError: 'x'"),
            ("src/a.ts(3,4): error TS2304: Cannot find name 'foo'.\n", "src/a.ts(3,4): error TS2304: Cannot find name 'foo'."),
            ("cc -c a.c\na.c:1:2: error: expected ';'\nmake: *** [Makefile:2: a.o] Error 1\n", "a.c:1:2: error: expected ';'"),
            ("make: *** No rule to make target 'x'.  Stop.\n", "make: *** No rule to make target 'x'.  Stop."),
            ("ok 1 - a\nnot ok 2 - b\n# 1 failed\n", "not ok 2 - b"),
            ("fatal: not a git repository\n", "fatal: not a git repository"),
            ("one\ntwo\n---\n\n", "two"),
            ("sh: 1: frob: not found\nbye\n", "sh: 1: frob: not found"),
        ] {
            assert_eq!(telling_line(output).as_deref(), Some(want), "{output}");
        }
        assert_eq!(telling_line("\n  \n----\n"), None);
    }

    #[test]
    fn a_line_is_bounded_and_has_nothing_for_a_terminal() {
        let line = telling_line(&format!("error: \u{7}{}", "x".repeat(5_000))).unwrap_or_default();
        assert!(line.chars().count() <= CHARS_MAX && !line.contains('\u{7}'));
    }
}
