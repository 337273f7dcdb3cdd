//! JSON as nodes. `serde_json` gives no places for values, so the walk is our own; strings and numbers are its.

use super::context::Context;
use super::node::{Entry, Node, Table, Value};

/// Deepest nesting: no plan needs more than a handful, and the walk is recursive.
const DEPTH_MAX: usize = 64;

/// Reads the text; the first syntax error is reported, and then there is no node.
pub(super) fn parse(ctx: &mut Context<'_>) -> Option<Node> {
    let mut walk = Walk { text: ctx.text, at: 0, doubles: Vec::new() };
    let node = walk.value(0).and_then(|node| {
        walk.space();
        if walk.at < walk.text.len() { Err(String::from("nothing may follow the closing bracket")) } else { Ok(node) }
    });
    for (span, key) in walk.doubles {
        ctx.error(&span, format!("the key `{key}` stands twice in one object"));
    }
    match node {
        Ok(node) => Some(node),
        Err(why) => {
            ctx.error(&(walk.at..walk.at + 1), format!("this is not JSON: {why}"));
            None
        }
    }
}

/// Whether the text is JSON Lines: an object on its first line, and more behind it, or a file that is called so.
pub(super) fn is_lines(text: &str, path: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let Some(first) = lines.next().filter(|l| l.starts_with('{')) else { return false };
    let named = path.to_ascii_lowercase().ends_with(".jsonl") || path.to_ascii_lowercase().ends_with(".ndjson");
    named || (first.ends_with('}') && lines.next().is_some_and(|l| l.starts_with('{')))
}

/// Reads a value on each line. A line that is none is reported, and the others are read.
pub(super) fn parse_lines(ctx: &mut Context<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = 0;
    for line in ctx.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let end = start + line.trim_end().len();
        let mut walk = Walk { text: &ctx.text[..end], at: start, doubles: Vec::new() };
        let node = walk.value(0).and_then(|node| {
            walk.space();
            if walk.at < end { Err(String::from("nothing may follow the closing bracket on its line")) } else { Ok(node) }
        });
        let (doubles, stopped) = (walk.doubles, walk.at);
        for (span, key) in doubles {
            ctx.error(&span, format!("the key `{key}` stands twice in one object"));
        }
        match node {
            Ok(node) => nodes.push(node),
            Err(why) => {
                ctx.error(&(stopped..stopped + 1), format!("this line is not JSON: {}", why.replace("the file ends", "the line ends")))
            }
        }
    }
    nodes
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    doubles: Vec<(std::ops::Range<usize>, String)>,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), String> {
        self.space();
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(what))
        }
    }

    fn unexpected(&self, what: &str) -> String {
        match self.text[self.at..].chars().next() {
            Some(c) => format!("expected {what}, found `{c}`"),
            None => format!("expected {what}, but the file ends"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        self.space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => Value::Table(self.object(depth)?),
            Some(b'[') => Value::List(self.array(depth)?),
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { span: start..self.at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Table, String> {
        self.at += 1;
        let mut table = Table::default();
        let mut seen = std::collections::BTreeSet::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(table);
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.expect(b':', "`:` after the key")?;
            let node = self.value(depth + 1)?;
            if !seen.insert(key.clone()) {
                self.doubles.push((key_span.clone(), key.clone()));
            }
            table.entries.push(Entry { key, key_span, node });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(table);
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, String> {
        self.at += 1;
        let mut list = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(list);
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(list);
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        let mut end = start + 1;
        loop {
            match self.text.as_bytes().get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(String::from("a string is not closed")),
            }
        }
        let slice = self.text.get(start..=end).ok_or("a string is not closed")?;
        let text = serde_json::from_str(slice).map_err(|_| String::from("a string holds a raw control character or a wrong escape"))?;
        self.at = end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(rest.len());
        let number: serde_json::Number = serde_json::from_str(&rest[..end]).map_err(|_| format!("`{}` is not a number", &rest[..end]))?;
        self.at += end;
        Ok(match (number.as_i64(), number.as_f64()) {
            (Some(i), _) => Value::Int(i),
            (None, Some(f)) => Value::Float(f),
            (None, None) => Value::Other("a number beyond all bounds"),
        })
    }

    fn word(&mut self) -> Result<Value, String> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("a value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Option<Node>, Vec<String>) {
        let mut ctx = Context::new("x.json", text);
        let node = parse(&mut ctx);
        (node, ctx.finish().iter().map(|d| format!("{}:{} {}", d.line, d.column, d.message)).collect())
    }

    #[test]
    fn values_know_their_places() {
        let text = "{\n \"a\": [1, -2.5e1, true, null],\n \"ö\": \"x\\u00e4\\n\" }";
        let (node, errors) = found(text);
        assert!(errors.is_empty(), "{errors:?}");
        let node = node.expect("JSON");
        let table = node.table().expect("an object");
        let list = table.get("a").and_then(Node::list).expect("a list");
        assert_eq!(&text[list[1].span.clone()], "-2.5e1");
        assert_eq!(
            list.iter().map(|n| n.value.clone()).collect::<Vec<_>>(),
            [Value::Int(1), Value::Float(-25.0), Value::Bool(true), Value::Null]
        );
        assert_eq!(table.get("ö").and_then(Node::text), Some("xä\n"));
    }

    #[test]
    fn syntax_errors_are_plain() {
        for (text, message) in [
            ("{", "1:2 this is not JSON: expected a key in double quotes, but the file ends"),
            ("[1,\n 2,]", "2:4 this is not JSON: expected a value, found `]`"),
            ("{\"a\" 1}", "1:6 this is not JSON: expected `:` after the key, found `1`"),
            ("[\"a", "1:2 this is not JSON: a string is not closed"),
            ("[\"a\\\"", "1:2 this is not JSON: a string is not closed"),
            ("[\"\\x\"]", "1:2 this is not JSON: a string holds a raw control character or a wrong escape"),
            ("[1] x", "1:5 this is not JSON: nothing may follow the closing bracket"),
            ("[1-]", "1:2 this is not JSON: `1-` is not a number"),
            ("[ä]", "1:2 this is not JSON: expected a value, found `ä`"),
            ("{\"a\": 1,\n\"a\": 2}", "2:1 the key `a` stands twice in one object"),
        ] {
            assert_eq!(found(text).1, [message], "{text}");
        }
        assert!(found(&"[".repeat(100_000)).1[0].contains("nested deeper than 64 levels"));
    }

    #[test]
    fn agrees_with_serde_json_on_what_is_json() {
        let mut rng = greenlane_testkit::fuzz::seeded();
        let pieces = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "1", "-0.5", "true", "null", " ", "\\", "\"", "ä"];
        for _ in 0..50_000 {
            let text: String = (0..rng.usize(1..9)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            assert_eq!(found(&text).0.is_some(), theirs, "{text}");
        }
    }
}
