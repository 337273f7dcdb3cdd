//! A glob as an exact set of paths: does a path match, do two globs have a path in common. Knows nothing of tasks.
//!
//! Paths are relative to the repository's root and use `/`. `*` and `?` stay within a name, `**` as a whole name is any number of
//! folders, `[a-z]` and `[!a]` are one character, `{a,b}` alternatives, `\` takes the next character literally. A glob that ends in a
//! name without wildcard and without a file's extension (`src/foo`) also means everything below it, `src/foo/` only what is below.
//! Matching and overlap are the same code, so a path that belongs to two tasks is always seen as an overlap.

use std::fmt;

/// Most alternatives that one glob's braces may stand for.
const ALTERNATIVES_MAX: usize = 256;
/// Longest glob in bytes: no path that git handles well is longer (Linux' `PATH_MAX`).
const GLOB_BYTES_MAX: usize = 4096;

/// Longest text that one glob's braces may stand for, in bytes.
const EXPANDED_BYTES_MAX: usize = 16 * 1024;
/// Most steps to compare two globs; people's need a few thousand.
pub(super) const COMPARED_STEPS_MAX: usize = 1 << 13;

/// Longest extension that is taken for one: `.properties` is the longest in common use.
const EXTENSION_BYTES_MAX: usize = 10;

/// One parsed glob.
#[derive(Clone, PartialEq)]
pub struct Glob {
    text: String,
    pub(super) alternatives: Vec<Pattern>,
}

/// A glob without braces.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
    /// The text before the first wildcard: two patterns have a path in common only if one's prefix begins with the other's.
    pub(super) prefix: String,
    /// The same for the end, after the last wildcard.
    pub(super) suffix: String,
}

#[derive(Clone, PartialEq, Debug)]
enum Segment {
    Literal(String),
    Wild(Vec<Token>),
    /// `**`: any number of names, none included.
    AnyDepth,
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    /// Any number of characters.
    Star,
    /// One character of these ranges, both ends included; sorted and apart.
    One(Vec<(char, char)>),
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.text)
    }
}

impl Glob {
    /// Parses a glob.
    ///
    /// # Errors
    /// Says in a few words, that follow the quoted glob well, what is wrong: "is empty", "lies outside the repository", …
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(String::from("is empty"));
        }
        if text.len() > GLOB_BYTES_MAX {
            return Err(format!("is longer than {GLOB_BYTES_MAX} bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(String::from("has a control character"));
        }
        if text.starts_with('!') {
            return Err(String::from("is a negation, which ownership does not know: name what is owned"));
        }
        let mut drive = text.chars();
        if text.starts_with(['/', '~']) || (drive.next().is_some_and(|c| c.is_ascii_alphabetic()) && drive.next() == Some(':')) {
            return Err(String::from("lies outside the repository: write it relative to the repository's root"));
        }
        let mut alternatives = Vec::new();
        for plain in expand_braces(text)? {
            let pattern = Pattern::parse(&plain)?;
            if pattern.is_bare_name() {
                alternatives.push(pattern.below());
            }
            alternatives.push(pattern);
        }
        Ok(Self { text: String::from(text), alternatives })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What every path of its begins and ends with, for each of its alternatives.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&str, &str)> {
        self.alternatives.iter().map(|p| (p.prefix.as_str(), p.suffix.as_str()))
    }

    /// Whether the path is one of the glob's.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path = Pattern::literal(path);
        self.alternatives.iter().any(|p| p.meets(&path))
    }

    /// Whether some path is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Glob) -> bool {
        self.alternatives.iter().any(|a| other.alternatives.iter().any(|b| a.overlaps(b)))
    }
}

impl Pattern {
    fn size(&self) -> usize {
        let tokens = |s: &Segment| if let Segment::Wild(tokens) = s { tokens.len() + 1 } else { 1 };
        self.segments.iter().map(tokens).sum()
    }

    /// Most steps that it takes to compare the two.
    pub(super) fn steps(&self, other: &Pattern) -> usize {
        self.size().saturating_mul(other.size())
    }

    /// As [`Pattern::meets`]; where that would take too long, yes: the safe side, on which two tasks wait for each other that need not.
    pub(super) fn overlaps(&self, other: &Pattern) -> bool {
        self.may_meet(other) && (self.steps(other) > COMPARED_STEPS_MAX || self.meets(other))
    }

    /// Whether begin and end allow a path in common.
    fn may_meet(&self, other: &Pattern) -> bool {
        (self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix))
            && (self.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&self.suffix))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let directory = text.ends_with('/');
        let mut segments = Vec::new();
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => return Err(String::from("lies outside the repository: `..` is not allowed")),
                "**" => {
                    if segments.last() != Some(&Segment::AnyDepth) {
                        segments.push(Segment::AnyDepth);
                    }
                }
                name => segments.push(parse_name(name)?),
            }
        }
        // `a/` and `a/**` are what lies below `a`; the repository's root (`.`) is everything.
        if directory && segments.last() != Some(&Segment::AnyDepth) || segments.is_empty() {
            segments.push(Segment::AnyDepth);
        }
        if segments.last() == Some(&Segment::AnyDepth) {
            segments.push(Segment::Wild(vec![Token::Star]));
        }
        Ok(Self::of(segments))
    }

    fn of(segments: Vec<Segment>) -> Self {
        let mut prefix = String::new();
        for (i, segment) in segments.iter().enumerate() {
            if i > 0 && *segment != Segment::AnyDepth {
                prefix.push('/');
            }
            match segment {
                Segment::Literal(name) => prefix.push_str(name),
                // `a/**/b` also stands for `a/b`, so nothing of `**` but the slash before it is certain.
                Segment::AnyDepth => {
                    if i > 0 {
                        prefix.push('/');
                    }
                    break;
                }
                Segment::Wild(tokens) => {
                    prefix.extend(tokens.iter().map_while(single));
                    break;
                }
            }
        }
        let mut suffix: Vec<char> = Vec::new();
        for (i, segment) in segments.iter().enumerate().rev() {
            match segment {
                Segment::Literal(name) => suffix.extend(name.chars().rev()),
                Segment::AnyDepth => break,
                Segment::Wild(tokens) => {
                    suffix.extend(tokens.iter().rev().map_while(single));
                    break;
                }
            }
            if i > 0 && segments[i - 1] != Segment::AnyDepth {
                suffix.push('/');
            }
        }
        Self { segments, prefix, suffix: suffix.into_iter().rev().collect() }
    }

    fn literal(path: &str) -> Self {
        Self::of(path.split('/').filter(|s| !s.is_empty() && *s != ".").map(|s| Segment::Literal(String::from(s))).collect())
    }

    /// Whether it may name a folder. `src/lib.rs` does not: else it would overlap `**/*.md`, in a folder `lib.rs` that never is.
    fn is_bare_name(&self) -> bool {
        let Some(Segment::Literal(name)) = self.segments.last() else { return false };
        let extension = name.char_indices().rfind(|(_, c)| *c == '.').filter(|(at, _)| *at > 0).map(|(at, _)| &name[at + 1..]);
        // `v1.2` has no extension.
        !extension
            .is_some_and(|e| e.len() <= EXTENSION_BYTES_MAX && e.chars().any(char::is_alphabetic) && e.chars().all(char::is_alphanumeric))
    }

    fn below(&self) -> Self {
        let mut segments = self.segments.clone();
        segments.extend([Segment::AnyDepth, Segment::Wild(vec![Token::Star])]);
        Self::of(segments)
    }

    /// Whether some path matches both: a walk over the pairs of positions that a common path could reach.
    pub(super) fn meets(&self, other: &Pattern) -> bool {
        let (a, b) = (&self.segments, &other.segments);
        if !self.may_meet(other) {
            return false;
        }
        walk(a.len(), b.len(), |i, j, reach| {
            let (x, y) = (a.get(i), b.get(j));
            if x == Some(&Segment::AnyDepth) {
                reach(i + 1, j);
            }
            if y == Some(&Segment::AnyDepth) {
                reach(i, j + 1);
            }
            if let (Some(x), Some(y)) = (x, y)
                && names_meet(x, y)
            {
                reach(i + usize::from(*x != Segment::AnyDepth), j + usize::from(*y != Segment::AnyDepth));
            }
        })
    }
}

/// The character, where a token stands for exactly one.
fn single(token: &Token) -> Option<char> {
    match token {
        Token::One(ranges) => match ranges.as_slice() {
            [(from, to)] if from == to => Some(*from),
            _ => None,
        },
        Token::Star => None,
    }
}

/// Whether the corner (`rows`, `columns`) can be reached from (0, 0) by `steps`.
fn walk(rows: usize, columns: usize, steps: impl Fn(usize, usize, &mut dyn FnMut(usize, usize))) -> bool {
    let width = columns + 1;
    let area = (rows + 1) * width;
    if area <= SMALL {
        // Nearly every pair of globs is as small as that, and there are many pairs: no memory is asked for.
        let (mut seen, mut open, mut count) = (1_u128, [0_u8; SMALL], 1);
        while count > 0 {
            count -= 1;
            let at = usize::from(open[count]);
            if at == area - 1 {
                return true;
            }
            steps(at / width, at % width, &mut |i, j| {
                let next = i * width + j;
                if seen & (1 << next) == 0 {
                    seen |= 1 << next;
                    open[count] = u8::try_from(next).unwrap_or(0);
                    count += 1;
                }
            });
        }
        return false;
    }
    let mut seen = vec![false; area];
    let mut open = vec![0];
    seen[0] = true;
    while let Some(at) = open.pop() {
        if at == area - 1 {
            return true;
        }
        steps(at / width, at % width, &mut |i, j| {
            let next = i * width + j;
            if !std::mem::replace(&mut seen[next], true) {
                open.push(next);
            }
        });
    }
    false
}

/// The corners that fit into the bits of a `u128`.
const SMALL: usize = 128;

/// Whether one name matches both.
fn names_meet(a: &Segment, b: &Segment) -> bool {
    match (a, b) {
        (Segment::AnyDepth, _) | (_, Segment::AnyDepth) => true,
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Literal(name), Segment::Wild(tokens)) | (Segment::Wild(tokens), Segment::Literal(name)) => tokens_match(tokens, name),
        (Segment::Wild(a), Segment::Wild(b)) => tokens_meet(a, b),
    }
}

/// Whether the name matches: on a dead end the last star takes one character more.
fn tokens_match(tokens: &[Token], name: &str) -> bool {
    let (mut at, mut rest, mut star) = (0, name.chars(), None);
    loop {
        let before = rest.clone();
        match (tokens.get(at), rest.next()) {
            (Some(Token::Star), _) => {
                rest = before.clone();
                at += 1;
                star = Some((at, before));
            }
            (Some(Token::One(ranges)), Some(c)) if ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) => at += 1,
            (None, None) => return true,
            _ => {
                let Some((after, mut from)) = star.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (at, rest) = (after, from.clone());
                star = Some((after, from));
            }
        }
    }
}

/// Whether one name matches both. Only stars match an empty name, and those match others too, so emptiness needs no care.
fn tokens_meet(a: &[Token], b: &[Token]) -> bool {
    walk(a.len(), b.len(), |i, j, reach| {
        let (x, y) = (a.get(i), b.get(j));
        if x == Some(&Token::Star) {
            reach(i + 1, j);
        }
        if y == Some(&Token::Star) {
            reach(i, j + 1);
        }
        match (x, y) {
            (Some(Token::One(p)), Some(Token::One(q))) if p.iter().any(|(lo, hi)| q.iter().any(|(from, to)| lo <= to && from <= hi)) => {
                reach(i + 1, j + 1);
            }
            (Some(Token::One(_)), Some(Token::Star)) => reach(i + 1, j),
            (Some(Token::Star), Some(Token::One(_))) => reach(i, j + 1),
            _ => {}
        }
    })
}

fn parse_name(name: &str) -> Result<Segment, String> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut wild = false;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let one = match c {
            '*' => {
                wild = true;
                if tokens.last() != Some(&Token::Star) {
                    tokens.push(Token::Star);
                }
                continue;
            }
            '?' => {
                wild = true;
                tokens.push(Token::One(without_slash(vec![('\0', char::MAX)])));
                continue;
            }
            '[' => {
                wild = true;
                tokens.push(Token::One(parse_class(&mut chars)?));
                continue;
            }
            '\\' => chars.next().ok_or("ends with a lone `\\`")?,
            c => c,
        };
        literal.push(one);
        tokens.push(Token::One(vec![(one, one)]));
    }
    Ok(if wild { Segment::Wild(tokens) } else { Segment::Literal(literal) })
}

/// Parses the rest of a `[…]`.
fn parse_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Vec<(char, char)>, String> {
    let open = || String::from("has a `[` without its `]`");
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let mut from = chars.next().ok_or_else(open)?;
        if from == ']' && !first {
            break;
        }
        first = false;
        if from == '\\' {
            from = chars.next().ok_or_else(open)?;
        }
        let mut to = from;
        // A dash at the end of a class is a dash.
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            chars.next();
            to = chars.next().ok_or_else(open)?;
            if to == '\\' {
                to = chars.next().ok_or_else(open)?;
            }
            if to < from {
                return Err(format!("has the range `{from}-{to}`, which runs backwards"));
            }
        }
        ranges.push((from, to));
    }
    Ok(without_slash(if negated { complement(ranges) } else { ranges }))
}

fn complement(mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    ranges.sort_unstable();
    let mut out = Vec::new();
    let mut next = Some('\0');
    for (from, to) in ranges {
        let Some(start) = next else { break };
        if start < from
            && let Some(end) = before(from)
        {
            out.push((start, end));
        }
        next = if to < start { next } else { after(to) };
    }
    out.extend(next.map(|start| (start, char::MAX)));
    out
}

fn without_slash(ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    let mut out = Vec::new();
    for (from, to) in ranges {
        if from <= '/' && '/' <= to {
            out.extend((from < '/').then_some((from, '.')));
            out.extend(('/' < to).then_some(('0', to)));
        } else {
            out.push((from, to));
        }
    }
    out
}

fn before(c: char) -> Option<char> {
    ('\0'..c).next_back()
}

fn after(c: char) -> Option<char> {
    (c..=char::MAX).nth(1)
}

/// Writes out `{a,b}`, nested ones too.
fn expand_braces(text: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut open = vec![String::from(text)];
    while let Some(text) = open.pop() {
        let Some((start, end, commas)) = first_brace(&text)? else {
            out.push(text);
            continue;
        };
        let mut from = start + 1;
        for to in commas.into_iter().chain([end]) {
            open.push(format!("{}{}{}", &text[..start], &text[from..to], &text[end + 1..]));
            from = to + 1;
        }
        if open.len() + out.len() > ALTERNATIVES_MAX {
            return Err(format!("stands for more than {ALTERNATIVES_MAX} alternatives"));
        }
        if open.iter().chain(&out).map(String::len).sum::<usize>() > EXPANDED_BYTES_MAX {
            return Err(format!("stands for alternatives of more than {EXPANDED_BYTES_MAX} bytes together"));
        }
    }
    Ok(out)
}

/// The first brace: where it opens, where it closes, and its commas.
fn first_brace(text: &str) -> Result<Option<(usize, usize, Vec<usize>)>, String> {
    let (mut depth, mut start, mut commas) = (0_usize, 0, Vec::new());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => {
                // What stands in a class is no brace; an unclosed one is reported when the name is parsed.
                let inner: Vec<char> = text[at + 1..].chars().collect();
                let skip = usize::from(matches!(inner.first(), Some('!' | '^'))) + 1;
                if let Some(close) = inner.iter().skip(skip).position(|c| *c == ']') {
                    chars.nth(skip + close);
                }
            }
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at;
                }
            }
            ',' if depth == 1 => commas.push(at),
            '}' => match depth {
                0 => return Err(String::from("has a `}` without its `{`")),
                1 => return Ok(Some((start, at, commas))),
                _ => depth -= 1,
            },
            _ => {}
        }
    }
    if depth > 0 { Err(String::from("has a `{` without its `}`")) } else { Ok(None) }
}

/// Whether some path matches both globs. A glob that cannot be read counts as everything: the safe side.
#[must_use]
pub fn globs_overlap(a: &str, b: &str) -> bool {
    match (Glob::new(a), Glob::new(b)) {
        (Ok(a), Ok(b)) => a.overlaps(&b),
        _ => true,
    }
}

/// The first two globs, one of each list, that have a path in common.
#[must_use]
pub fn owns_overlap(a: &[String], b: &[String]) -> Option<(String, String)> {
    a.iter().find_map(|x| b.iter().find(|y| globs_overlap(x, y)).map(|y| (x.clone(), y.clone())))
}

/// The files that a task owns.
#[derive(Clone, Debug)]
pub struct Ownership {
    globs: Vec<Glob>,
}

impl Ownership {
    /// Parses a task's globs.
    ///
    /// # Errors
    /// Names the first glob that cannot be read, and why.
    pub fn new(owns: &[String]) -> Result<Self, String> {
        let globs = owns.iter().map(|g| Glob::new(g).map_err(|why| format!("`{g}` {why}"))).collect::<Result<_, _>>()?;
        Ok(Self { globs })
    }

    /// Whether the task may touch this path (relative to the repository's root, `/`-separated). Without globs it may touch anything.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.globs.is_empty() || self.globs.iter().any(|g| g.matches(path))
    }
}

#[cfg(test)]
#[path = "glob_tests.rs"]
mod tests;
