//! Damages inputs as people, editors, disks and attackers do: by bits, words, lines and numbers, in depth and in length.

/// What breaks readers of all kinds.
const NASTY: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\t",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x98\x80",
    b"\xc3\xa4",
    b"\xe2\x82\xac",
    b"\"",
    b"'",
    b"\\",
    b"`",
    b"\\u0000",
    b"\\ud800",
    b"\"\"\"",
    b"'''",
    b"```",
    b"---\n",
    b"<!--",
    b"-->",
    b"#",
    b":",
    b"=",
    b",",
    b".",
    b"/",
    b"..",
    b"**",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"-",
    b"+",
    b" ",
    b"&a",
    b"*a",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"e",
    b"%",
    b"$",
    b"~",
    b"@",
];

const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1e308",
    "1e999",
    "-0.0",
    "255",
    "256",
    "32768",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "99999999999999999999999999",
    "0.1",
    "1.5",
    "0x10",
    "NaN",
    "inf",
    "9999999999",
    "1767323045",
    "1767323045000",
];

/// What is nested: openers, and what closes them.
const NESTS: &[(&str, &str)] = &[
    ("[", "]"),
    ("{\"a\":", "}"),
    ("(", ")"),
    ("- ", ""),
    ("  ", ""),
    ("a.", ""),
    ("{a=", "}"),
    ("> ", ""),
    ("[[", "]]"),
    ("*", "*"),
    ("\"", "\""),
    ("? ", ""),
    ("{a,", "}"),
    ("**/", ""),
];

/// A damaged copy of one of the pool, of at most `bytes_max` bytes. `long`: as long as that, or nearly.
pub fn mutate(rng: &mut fastrand::Rng, pool: &[Vec<u8>], tokens: &[&str], bytes_max: usize, long: bool) -> Vec<u8> {
    let mut input = if pool.is_empty() { Vec::new() } else { pool[rng.usize(..pool.len())].clone() };
    // Mostly little at a time: an input that is wrong in one place gets furthest.
    let times = [1, 1, 1, 2, 3, 5, 12][rng.usize(..7)];
    for _ in 0..times {
        step(rng, &mut input, pool, tokens);
        input.truncate(bytes_max);
    }
    if long {
        lengthen(rng, &mut input, tokens, bytes_max);
    }
    input.truncate(bytes_max);
    input
}

fn step(rng: &mut fastrand::Rng, input: &mut Vec<u8>, pool: &[Vec<u8>], tokens: &[&str]) {
    let at = rng.usize(..=input.len());
    match rng.u8(..20) {
        0 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
        1 if at < input.len() => input[at] = rng.u8(..),
        2 => drop(input.splice(at..at, NASTY[rng.usize(..NASTY.len())].iter().copied())),
        3 | 4 => {
            let token = token(rng, tokens);
            drop(input.splice(at..at, token));
        }
        5 | 6 => {
            // A word becomes another.
            let (token, word) = (token(rng, tokens), word_at(input, at));
            drop(input.splice(word, token));
        }
        7 => {
            let end = (at + 1 + small(rng)).min(input.len());
            drop(input.drain(at.min(end)..end));
        }
        8 => {
            let end = (at + 1 + small(rng)).min(input.len());
            let piece = input[at.min(end)..end].to_vec();
            let to = rng.usize(..=input.len());
            drop(input.splice(to..to, piece));
        }
        9 => lines(rng, input, |rng, lines| drop(lines.remove(rng.usize(..lines.len())))),
        10 => lines(rng, input, |rng, lines| {
            let line = lines[rng.usize(..lines.len())].clone();
            lines.insert(rng.usize(..=lines.len()), line);
        }),
        11 => lines(rng, input, |rng, lines| {
            let (a, b) = (rng.usize(..lines.len()), rng.usize(..lines.len()));
            lines.swap(a, b);
        }),
        12 => lines(rng, input, |rng, lines| {
            let n = rng.usize(..lines.len());
            let blanks = [&b"  "[..], b"\t", b"    ", b" "][rng.usize(..4)];
            if rng.bool() { drop(lines[n].splice(0..0, blanks.iter().copied())) } else { lines[n] = lines[n].trim_ascii_start().to_vec() }
        }),
        13 => input.truncate(at),
        14 | 15 => number(rng, input, at),
        16 => {
            let (open, close) = NESTS[rng.usize(..NESTS.len())];
            let depth = [2, 5, 70, 130, 600][rng.usize(..5)];
            let mut nest = open.repeat(depth).into_bytes();
            if rng.bool() {
                nest.extend(b"1");
                nest.extend(close.repeat(depth).into_bytes());
            }
            drop(input.splice(at..at, nest));
        }
        17 if !pool.is_empty() => {
            let other = &pool[rng.usize(..pool.len())];
            let from = rng.usize(..=other.len());
            let to = (from + 4 * small(rng)).min(other.len());
            drop(input.splice(at..at, other[from..to].iter().copied()));
        }
        18 if !pool.is_empty() => {
            // The begin of one and the end of another.
            let other = &pool[rng.usize(..pool.len())];
            input.truncate(at);
            input.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
        _ => match rng.u8(..4) {
            0 => *input = input.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect(),
            1 => drop(input.splice(0..0, *b"\xef\xbb\xbf")),
            2 => input.retain(|b| *b != b'\n'),
            _ => input.make_ascii_uppercase(),
        },
    }
}

/// Repeats a piece, so that whatever takes more than its share of time or memory shows.
fn lengthen(rng: &mut fastrand::Rng, input: &mut Vec<u8>, tokens: &[&str], bytes_max: usize) {
    let at = rng.usize(..=input.len());
    let mut piece = match rng.u8(..6) {
        0 => token(rng, tokens),
        1 => NASTY[rng.usize(..NASTY.len())].to_vec(),
        2 => NESTS[rng.usize(..NESTS.len())].0.as_bytes().to_vec(),
        3 => input[word_at(input, at)].to_vec(),
        4 => {
            let end = (at + 1 + 4 * small(rng)).min(input.len());
            input[at.min(end)..end].to_vec()
        }
        _ => {
            // A whole line with its end.
            let start = input[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
            let end = input[at..].iter().position(|b| *b == b'\n').map_or(input.len(), |n| at + n + 1);
            input[start..end].to_vec()
        }
    };
    if piece.is_empty() {
        piece.push(b'x');
    }
    let numbered = rng.bool();
    let room = bytes_max.saturating_sub(input.len());
    let mut long = Vec::with_capacity(room + piece.len());
    let mut n = 0_u32;
    while long.len() < room {
        long.extend_from_slice(&piece);
        if numbered {
            // Different ones each time: what is kept by name is many then.
            n += 1;
            let number = n.to_string();
            let to = long.len() - usize::from(piece.last() == Some(&b'\n')) - (piece.len() / 2).min(piece.len() - 1);
            drop(long.splice(to..to, number.bytes()));
        }
    }
    long.truncate(room);
    drop(input.splice(at..at, long));
}

fn token(rng: &mut fastrand::Rng, tokens: &[&str]) -> Vec<u8> {
    match tokens.len() {
        0 => NASTY[rng.usize(..NASTY.len())].to_vec(),
        n => tokens[rng.usize(..n)].as_bytes().to_vec(),
    }
}

/// Lengths of which most are short.
fn small(rng: &mut fastrand::Rng) -> usize {
    let bits = rng.u32(..9);
    rng.usize(..1 << bits)
}

fn word_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let start = input[..at].iter().rposition(|b| !is_word(b)).map_or(0, |n| n + 1);
    let end = input[at..].iter().position(|b| !is_word(b)).map_or(input.len(), |n| at + n);
    start..end
}

fn number(rng: &mut fastrand::Rng, input: &mut Vec<u8>, at: usize) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else { return };
    let end = input[start..].iter().position(|b| !b.is_ascii_digit()).map_or(input.len(), |n| start + n);
    drop(input.splice(start..end, NUMBERS[rng.usize(..NUMBERS.len())].bytes()));
}

fn lines(rng: &mut fastrand::Rng, input: &mut Vec<u8>, change: impl FnOnce(&mut fastrand::Rng, &mut Vec<Vec<u8>>)) {
    let mut lines: Vec<Vec<u8>> = input.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    if !lines.is_empty() {
        change(rng, &mut lines);
        *input = lines.concat();
    }
}
