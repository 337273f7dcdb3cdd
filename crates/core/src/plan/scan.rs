//! Markdown by lines: what is code, what is a comment, what is a list item. Enough for task lists; knows no tasks.

/// A line that is no comment and no front matter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// Where it begins in the text, in bytes.
    pub at: usize,
    /// Without its end; comments are cut out with blanks in their place, so that columns stay true.
    pub text: std::borrow::Cow<'a, str>,
    /// Leading blanks; a tab counts to the next multiple of four.
    pub indent: usize,
    /// Within a fenced block, its fences included.
    pub code: bool,
}

impl Line<'_> {
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The text of the list item that the line begins, and where that text begins in the line.
    pub fn item(&self) -> Option<(&str, usize)> {
        if self.code {
            return None;
        }
        let item = item_text(self.text.trim_start())?;
        Some((item, item.as_ptr() as usize - self.text.as_ptr() as usize))
    }
}

/// The text after `- `, `* `, `+ `, `1. ` or `1) `.
pub(super) fn item_text(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix(['-', '*', '+']) {
        Some(rest) => rest,
        None => {
            let digits = line.find(|c: char| !c.is_ascii_digit()).filter(|n| (1..=9).contains(n))?;
            line[digits..].strip_prefix(['.', ')'])?
        }
    };
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// The text's lines from `from` on.
pub(super) fn lines(text: &str, from: usize) -> Vec<Line<'_>> {
    let mut out = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    let mut in_comment = false;
    let mut at = from;
    for raw in text.get(from..).unwrap_or("").split_inclusive('\n') {
        let line = raw.trim_end_matches(['\n', '\r']);
        let text = if fence.is_some() { line.into() } else { without_comments(line, &mut in_comment) };
        let body = text.trim_start();
        let marks = |c: char| body.chars().take_while(|x| *x == c).count();
        let mut code = fence.is_some();
        match fence {
            Some((c, n)) if marks(c) >= n && body.trim_start_matches(c).trim().is_empty() => fence = None,
            Some(_) => {}
            None => {
                // A fence may also stand right behind a list mark.
                let inner = item_text(body).unwrap_or(body);
                for c in ['`', '~'] {
                    let n = inner.chars().take_while(|x| *x == c).count();
                    if n >= 3 && !(c == '`' && inner[n..].contains('`')) {
                        fence = Some((c, n));
                        code = true;
                    }
                }
            }
        }
        let mut indent = 0;
        for c in text.chars() {
            match c {
                ' ' => indent += 1,
                '\t' => indent += 4 - indent % 4,
                _ => break,
            }
        }
        out.push(Line { at, text, indent, code });
        at += raw.len();
    }
    out
}

/// The line with blanks in place of `<!-- … -->`, which may go on over lines.
fn without_comments<'a>(line: &'a str, in_comment: &mut bool) -> std::borrow::Cow<'a, str> {
    if !*in_comment && !line.contains("<!--") {
        return line.into();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    // Those that are kept so far.
    let mut quotes = 0;
    while !rest.is_empty() {
        let (kept, after) = if *in_comment {
            let end = rest.find("-->").map(|e| e + 3);
            *in_comment = end.is_none();
            (false, end.unwrap_or(rest.len()))
        } else {
            // Within backticks it is text.
            let mut counted = 0;
            let start = rest.match_indices("<!--").map(|(s, _)| s).find(|s| {
                quotes += rest[counted..*s].matches('`').count();
                counted = *s;
                quotes.is_multiple_of(2)
            });
            *in_comment = start.is_some();
            (true, start.unwrap_or(rest.len()))
        };
        if kept {
            out.push_str(&rest[..after]);
        } else {
            out.extend(std::iter::repeat_n(' ', after));
        }
        rest = &rest[after..];
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_all_kinds() {
        for (line, item) in [
            ("- a", Some("a")),
            ("* a", Some("a")),
            ("+  a", Some("a")),
            ("12. a", Some("a")),
            ("1) a", Some("a")),
            ("-a", None),
            ("**a**", None),
            ("1.2 a", None),
            ("text", None),
            ("---", None),
        ] {
            assert_eq!(item_text(line), item, "{line}");
        }
    }

    #[test]
    fn code_and_comments_are_seen() {
        let text = "a\n```sh\n- [ ] x\n<!--\n```\nb <!-- c --> d <!-- e\nf\n--> g `<!--` h\n~~~\n```\n~~~\nz\n- ```\n  y\n  ```\nq";
        let seen: Vec<(String, bool)> = lines(text, 0).iter().map(|l| (l.text.trim().to_owned(), l.code)).collect();
        let expected = [
            ("a", false),
            ("```sh", true),
            ("- [ ] x", true),
            ("<!--", true),
            ("```", true),
            ("b            d", false),
            ("", false),
            ("g `<!--` h", false),
            ("~~~", true),
            ("```", true),
            ("~~~", true),
            ("z", false),
            ("- ```", true),
            ("y", true),
            ("```", true),
            ("q", false),
        ];
        assert_eq!(seen, expected.map(|(t, c)| (String::from(t), c)));
    }

    #[test]
    fn places_stay_true() {
        let text = "--\n\t- ä <!-- c --> [ ] x\r\n";
        let line = &lines(text, 3)[0];
        assert_eq!((line.at, line.indent), (3, 4));
        let (item, at) = line.item().expect("an item");
        assert!(item.starts_with('ä'));
        assert_eq!(&text[line.at + at..line.at + at + 2], "ä");
        assert!(line.text.ends_with("[ ] x"));
    }
}
