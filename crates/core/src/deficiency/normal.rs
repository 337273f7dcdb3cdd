//! The part of a message that is the same for the same fault: what differs from one attempt to the next (numbers, places,
//! ids, times, temporary names) becomes a placeholder. Knows nothing of what a message is about.
//!
//! *Approach*: words are cut at quotes and brackets into pieces; a piece is a time, a path, or a row of atoms (letters, digits,
//! `_`). An atom that begins with a letter is a name and stays (`E0425`, `test_case_2`); what begins with a digit is a number, a
//! duration or an id. Numbers stay only where they are the fault's name: behind `code`, `status`, `signal` and the like.

/// Longest result in characters.
const CHARS_MAX: usize = 300;
/// Longest text that is looked at, in characters; error lines of generated code can be megabytes long.
const INPUT_CHARS_MAX: usize = 2_000;

/// Words after which a short number says which fault it is.
const CODE_WORDS: [&str; 6] = ["code", "status", "signal", "errno", "http", "exit"];
/// Loudness, which programs spell as they like. All other words keep their case: names differ by it.
const SEVERITIES: [&str; 8] = ["error", "warning", "failed", "failure", "fatal", "panic", "fail", "err"];
const UNITS: [&str; 20] = [
    "ns",
    "us",
    "µs",
    "ms",
    "s",
    "m",
    "h",
    "d",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "hour",
    "hours",
    "millis",
    "milliseconds",
];

/// The text with placeholders for what differs between attempts. `roots`: folders that are cut off the front of paths, such as
/// the attempt's worktree; paths below them stay, any other absolute path keeps only its last name.
#[must_use]
pub fn normalise(text: &str, roots: &[&str]) -> String {
    let mut text = plain(text);
    for root in roots.iter().map(|r| r.trim_end_matches('/')).filter(|r| r.len() > 1) {
        text = text.replace(&format!("{root}/"), "").replace(root, "<tree>");
    }
    let mut scan = Scan::default();
    for word in text.split_whitespace() {
        scan.word(word);
    }
    let text = scan.words.join(" ");
    let text: String = text.chars().take(CHARS_MAX).collect();
    text.trim_end_matches([' ', '.', ':', ',', ';', '…']).to_owned()
}

/// Without what a terminal would obey.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().take(INPUT_CHARS_MAX).peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next_if(|c| matches!(c, '0'..='?' | ' '..='/')).is_some() {}
                chars.next();
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[derive(Default)]
struct Scan {
    words: Vec<String>,
    before: Before,
}

/// What a number follows on.
#[derive(Clone, Copy, Default, PartialEq)]
enum Before {
    #[default]
    Anything,
    /// One of [`CODE_WORDS`]: the number stays.
    CodeWord,
    /// `Error 2`: the number stays.
    Error,
    /// `Error: 429` is a status, `error: 4 tests` is a number.
    ErrorColon,
}

impl Scan {
    fn word(&mut self, word: &str) {
        let mut out = String::new();
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let end = if is_delimiter(first) { first.len_utf8() } else { rest.find(is_delimiter).unwrap_or(rest.len()) };
            let (piece, after) = rest.split_at(end);
            if is_delimiter(first) {
                out.push_str(piece);
            } else {
                self.piece(piece, &mut out);
            }
            rest = after;
        }
        match (self.words.last_mut(), out.as_str()) {
            (Some(last), "<time>") if last == "<time>" => {}
            // `1.5 seconds` is one thing.
            (Some(last), unit) if last == "<n>" && UNITS.contains(&unit.trim_end_matches(['.', ',', ':', ')'])) => {
                *last = String::from("<duration>");
            }
            _ => self.words.push(out),
        }
    }

    fn piece(&mut self, piece: &str, out: &mut String) {
        let bare = piece.trim_end_matches([':', '.', '!', '?']);
        let tail = &piece[bare.len()..];
        if is_time(bare) {
            out.push_str("<time>");
        } else if let Some(name) = last_name_of_absolute(bare).filter(|_| !out.ends_with("<path>")) {
            out.push_str("<path>/");
            self.atoms(name, out);
        } else {
            self.atoms(bare, out);
        }
        if self.before == Before::Error && tail.contains(':') {
            self.before = Before::ErrorColon;
        }
        out.push_str(tail);
    }

    fn atoms(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if !is_atom(first) {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            if let Some(taken) = known_id(rest) {
                out.push_str("<id>");
                rest = &rest[taken..];
                continue;
            }
            let end = rest.find(|c| !is_atom(c)).unwrap_or(rest.len());
            let atom = &rest[..end];
            if first.is_ascii_digit() {
                let (word, taken) = self.number(rest, atom);
                out.push_str(&word);
                rest = &rest[taken..];
                self.before = Before::Anything;
                continue;
            }
            if atom == "tmp" && rest[end..].starts_with('.') && rest[end + 1..].chars().take_while(|c| is_atom(*c)).count() >= 6 {
                let random: usize = rest[end + 1..].chars().take_while(|c| is_atom(*c)).map(char::len_utf8).sum();
                out.push_str("<temp>");
                rest = &rest[end + 1 + random..];
                continue;
            }
            let lower = atom.to_lowercase();
            self.before = match lower.as_str() {
                "error" => Before::Error,
                word if CODE_WORDS.contains(&word) => Before::CodeWord,
                _ => Before::Anything,
            };
            if is_temporary(atom) {
                out.push_str("<temp>");
            } else if SEVERITIES.contains(&lower.as_str()) {
                out.push_str(&lower);
            } else {
                out.push_str(atom);
            }
            rest = &rest[end..];
        }
    }

    /// What begins with a digit: the placeholder, and how many bytes it stands for.
    fn number(&self, rest: &str, atom: &str) -> (String, usize) {
        if is_hex_id(atom) {
            return (String::from("<id>"), atom.len());
        }
        let digits = atom.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(atom.len());
        let stays = match self.before {
            Before::Anything => false,
            Before::CodeWord | Before::Error => digits <= 4,
            Before::ErrorColon => digits == 3,
        };
        if stays && digits == atom.len() && !rest[digits..].starts_with(['.', ':']) {
            return (atom.to_owned(), digits);
        }
        // 1.5, 1,024, 3.11.2, 10.0.0.1
        let mut end = digits;
        while let Some(next) = rest[end..].strip_prefix(['.', ',']) {
            let more = next.find(|c: char| !c.is_ascii_digit()).unwrap_or(next.len());
            if more == 0 {
                break;
            }
            end += 1 + more;
        }
        let mut units = end;
        let mut found = false;
        loop {
            let letters = rest[units..].find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len() - units);
            if !UNITS.contains(&&rest[units..units + letters]) {
                break;
            }
            found = true;
            units += letters;
            // `1m30s`
            let more = rest[units..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - units);
            if more == 0 {
                break;
            }
            units += more;
        }
        if found { (String::from("<duration>"), units) } else { (String::from("<n>"), end) }
    }
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\'' | '"' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|' | '‘' | '’' | '“' | '”')
}

fn is_atom(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `2026-01-02`, `2026-01-02T03:04:05.6Z`, `03:04:05`.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let date = shape.starts_with("0000-00-00") || shape.starts_with("0000/00/00");
    let clock = shape.starts_with("00:00:00");
    (date || clock) && shape[8..].chars().all(|c| matches!(c, '0' | 'T' | 'Z' | ':' | '.' | '+' | '-'))
}

/// The last name of `/a/b/name`, `~/a/name`, `C:\a\name` or `\\host\share\name`; `None` for anything else.
fn last_name_of_absolute(text: &str) -> Option<&str> {
    let drive = |t: &str| matches!(t.as_bytes(), [letter, b':', b'\\' | b'/', _, ..] if letter.is_ascii_alphabetic());
    // A URL has no letter alone before its colon.
    if drive(text) || text.strip_prefix(r"\\").is_some_and(|rest| rest.contains('\\')) {
        return text.trim_end_matches(['\\', '/']).rsplit(['\\', '/']).next();
    }
    let path = text.strip_prefix('~').unwrap_or(text);
    if !path.starts_with('/') || path.len() < 2 || path.starts_with("//") {
        return None;
    }
    path.trim_end_matches('/').rsplit('/').next()
}

/// A UUID, a run's id (`260102-030405-abcd`) or `0x…` at the beginning: its length in bytes.
fn known_id(text: &str) -> Option<usize> {
    let hex = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_hexdigit());
    let groups = |lengths: &[usize], fits: &dyn Fn(usize, &str) -> bool| {
        let mut at = 0;
        for (n, length) in lengths.iter().enumerate() {
            if n > 0 {
                at = text[at..].starts_with('-').then_some(at + 1)?;
            }
            let group = text.get(at..at + length)?;
            at = fits(n, group).then_some(at + length)?;
        }
        (!text[at..].starts_with(is_atom)).then_some(at)
    };
    if let Some(digits) = text.strip_prefix("0x") {
        let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        return (length > 0).then_some(2 + length);
    }
    groups(&[8, 4, 4, 4, 12], &|_, g| hex(g))
        .or_else(|| {
            let run = |n: usize, g: &str| {
                if n < 2 { g.bytes().all(|b| b.is_ascii_digit()) } else { g.bytes().all(|b| b.is_ascii_alphanumeric()) }
            };
            groups(&[6, 6, 4], &run)
        })
        .or_else(|| {
            // A git id may begin with a letter.
            let end = text.find(|c| !is_atom(c)).unwrap_or(text.len());
            is_hex_id(&text[..end]).then_some(end)
        })
}

/// Seven hexadecimal characters or more, digits and letters among them: no word looks like that.
fn is_hex_id(atom: &str) -> bool {
    let digits = atom.bytes().filter(u8::is_ascii_digit).count();
    atom.len() >= 7 && digits >= 2 && digits < atom.len() && atom.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `tmpab12cd_x` (Python), `tmpXk3jd9` (Rust): `tmp` and something that no person would write.
fn is_temporary(atom: &str) -> bool {
    let Some(random) = atom.strip_prefix("tmp").or_else(|| atom.strip_prefix("temp")) else { return false };
    let has = |f: fn(char) -> bool| random.chars().any(f);
    let odd = has(|c| c.is_ascii_digit()) || (has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase()));
    (6..=12).contains(&random.chars().count()) && odd
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "/home/ada/.local/state/greenlane/shop-1a2b3c/4";

    #[test]
    fn two_attempts_at_one_fault_read_alike() {
        let other = TREE.replace("/4", "/11");
        for (first, second) in [
            // Compilers.
            (
                format!("error[E0425]: cannot find value `x` in this scope --> {TREE}/src/lib.rs:12:5"),
                format!("error[E0425]: cannot find value `x` in this scope --> {other}/src/lib.rs:112:9"),
            ),
            (
                "src/a.ts(3,14): error TS2304: Cannot find name 'foo'.".into(),
                "src/a.ts(30,1): error TS2304: Cannot find name 'foo'.".into(),
            ),
            ("main.c:7:3: error: expected ';'".into(), "main.c:19:12: error: expected ';'".into()),
            ("/tmp/ccAb12Cd.o: undefined reference to `frob'".into(), "/var/x/ccAb12Cd.o: undefined reference to `frob'".into()),
            // Windows.
            (
                r"C:\Users\ada\src\a.c(12,3): error C2065: 'x': undeclared identifier".into(),
                r"D:\b\4\src\a.c(7,14): error C2065: 'x': undeclared identifier".into(),
            ),
            (r"cannot open '\\host\share\x\a.obj'".into(), r"cannot open 'e:/y/a.obj'".into()),
            // Test runners.
            (
                "thread 'limit::refills' (4711) panicked at src/limit.rs:88:9: assertion `left == right` failed left: 3 right: 4".into(),
                "thread 'limit::refills' (901) panicked at src/limit.rs:90:9: assertion `left == right` failed left: 2 right: 4".into(),
            ),
            (
                "FAILED tests/test_a.py::test_b[x] - assert 3 == 4 in 0.12s".into(),
                "FAILED tests/test_a.py::test_b[x] - assert 5 == 4 in 11.3s".into(),
            ),
            ("--- FAIL: TestLimit (0.00s)".into(), "--- FAIL: TestLimit (1.20s)".into()),
            ("test_b failed in 1.5 seconds".into(), "test_b failed in 22 seconds".into()),
            ("  ✕ refills each second (12 ms)".into(), "✕ refills each second (9 ms)".into()),
            ("\u{1b}[31mFAIL\u{1b}[0m src/a.test.js".into(), "FAIL   src/a.test.js".into()),
            (
                "OSError: no such file '/tmp/pytest-of-ada/pytest-12/tmpab12cd_x/a.db'".into(),
                "OSError: no such file '/tmp/pytest-of-bob/pytest-3/tmpzz91kq2r/a.db'".into(),
            ),
            ("open .tmpXk3jd9: denied".into(), "open .tmpQ8vb2L: denied".into()),
            ("open tmp.Ab3dE6gH9k: denied".into(), "open tmp.xyzABC1234: denied".into()),
            // Agents.
            (
                "API Error: 429 request req_011 rate limited (request 3f2b8a10-1111-4222-8333-abcdefabcdef)".into(),
                "API Error: 429 request req_011 rate limited (request 9d0c1b22-5555-4666-8777-0123456789ab)".into(),
            ),
            ("2026-11-21T12:06:04.123Z stream closed after 31s".into(), "2026-11-22 09:00:00 stream closed after 1m30s".into()),
            ("connect ECONNREFUSED 127.0.0.1:41233".into(), "connect ECONNREFUSED 127.0.0.1:50001".into()),
            ("pid 4711 at 0x7ffd1 died".into(), "pid 99 at 0x55aa0 died".into()),
            ("ERROR: out of retries".into(), "error: out of retries".into()),
            ("error: 4 tests failed".into(), "error: 17 tests failed".into()),
            // git.
            ("fatal: bad object 6982ff7d0c".into(), "fatal: bad object ab51c0de99".into()),
            (
                "fatal: cannot lock ref 'refs/heads/greenlane/261121-120604-ab1d/task/x'".into(),
                "fatal: cannot lock ref 'refs/heads/greenlane/261122-090000-zzzz/task/x'".into(),
            ),
        ] {
            assert_eq!(normalise(&first, &[TREE]), normalise(&second, &[other.as_str()]), "{first}");
        }
    }

    #[test]
    fn two_faults_stay_two() {
        for (first, second) in [
            ("error[E0425]: cannot find value `x`", "error[E0432]: cannot find value `x`"),
            ("error[E0425]: cannot find value `x`", "error[E0425]: cannot find value `y`"),
            ("src/a.ts: cannot find name", "src/b.ts: cannot find name"),
            ("FAILED tests/test_a.py::test_case_1", "FAILED tests/test_a.py::test_case_2"),
            ("--- FAIL: TestA (0.00s)", "--- FAIL: TestB (0.00s)"),
            ("exit code 1", "exit code 101"),
            ("last status: 429", "last status: 500"),
            ("API Error: 429", "API Error: 500"),
            ("crashed with signal 11", "crashed with signal 6"),
            ("cannot open /etc/app/config.toml", "cannot open /etc/app/users.toml"),
            ("no module named Foo", "no module named foo"),
            ("Error 2", "Error 127"),
        ] {
            assert_ne!(normalise(first, &[]), normalise(second, &[]), "{first}");
        }
    }

    #[test]
    fn placeholders_say_what_stood_there() {
        for (text, want) in [
            (format!("{TREE}/src/lib.rs:12:5 in {TREE}"), "src/lib.rs:<n>:<n> in <tree>"),
            ("took 3.5s, 12 of 30 tests; commit 6982ff7d".into(), "took <duration>, <n> of <n> tests; commit <id>"),
            ("at 12:06:04 in /tmp/x/y.rs:3.".into(), "at <time> in <path>/y.rs:<n>"),
            ("utf8 e2e E0425 test_2 v18 deadbeef added".into(), "utf8 e2e E0425 test_2 v18 deadbeef added"),
            ("http://127.0.0.1:8080/v1/x".into(), "http://<n>:<n>/v1/x"),
            (String::new(), ""),
            ("  \n\t ".into(), ""),
        ] {
            assert_eq!(normalise(&text, &[TREE]), want, "{text}");
        }
    }

    #[test]
    fn a_normalised_text_stays_as_it_is() {
        for text in ["took 3.5s at /a/b.rs:3", "12 ms of 6982ff7d0c in tmpab12cd9", "error: 4 x"] {
            let once = normalise(text, &[]);
            assert_eq!(normalise(&once, &[]), once);
        }
    }

    #[test]
    fn whatever_an_agent_prints_is_read() {
        for text in ["é/ü 3µs µ", "0x", "-", "😀4s", "1.", "1..2", "tmp.", "12:", "9999-99-99\u{1b}[", "~/", "a\u{0}b", "1é", "0000-00-0é"]
        {
            let _ = normalise(text, &["/", ""]);
        }
        assert!(normalise(&"a1 ".repeat(100_000), &[]).chars().count() <= CHARS_MAX);
    }
}
