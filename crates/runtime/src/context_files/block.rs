//! Greenlane's own block in a file of instructions: everything around it is a person's, and so is the block once it was edited by
//! hand. Text in, text out; knows no files.

use sha2::{Digest, Sha256};

/// How the line before the block begins; a digest of the block follows, by which an edit is noticed.
const BEGIN: &str = "<!-- greenlane:context ";
/// The line after the block.
const END: &str = "<!-- /greenlane:context -->";
/// Hexadecimal digits of the digest: it is against accidents.
const DIGITS: usize = 12;

/// Why a file is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It has no block: a person wrote it.
    Theirs,
    /// Somebody edited the block, which begins on this line.
    Edited(usize),
    /// On this line a block ends that never began, or begins a second time or without an end.
    Torn(usize),
}

/// Whether a file without a block gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theirs {
    /// No: it is refused.
    Refuse,
    /// At its end, when the user asks for that.
    Append,
}

/// The line that is the source's and nobody else's to hold.
pub(super) fn is_marker(line: &str) -> bool {
    line.trim_start().starts_with(BEGIN.trim_end()) || line.trim() == END
}

/// The file's text with the block brought up to date. `existing`: `None` where there is no file.
pub(super) fn with_block(existing: Option<&str>, body: &str, source: &str, theirs: Theirs) -> Result<String, Refusal> {
    let block = block(body, source);
    let Some(existing) = existing.filter(|text| !text.trim().is_empty()) else { return Ok(block) };
    // A file keeps its line ends.
    let crlf = existing.contains("\r\n");
    let block = if crlf { block.replace('\n', "\r\n") } else { block };
    match find(existing)? {
        Some(found) => Ok(format!("{}{block}{}", &existing[..found.start], &existing[found.end..])),
        None if theirs == Theirs::Append => {
            let line_end = if crlf { "\r\n" } else { "\n" };
            Ok(format!("{}{line_end}{line_end}{block}", existing.trim_end()))
        }
        None => Err(Refusal::Theirs),
    }
}

fn block(body: &str, source: &str) -> String {
    let body = body.trim_end();
    format!("{BEGIN}{}: from {source} by `greenlane context write`; change it there -->\n{body}\n{END}\n", digest(body))
}

/// Where the block stands, both markers and their line ends included.
fn find(text: &str) -> Result<Option<std::ops::Range<usize>>, Refusal> {
    let (mut begin, mut found, mut at) = (None, None, 0);
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let number = n + 1;
        if line.trim_start().starts_with(BEGIN.trim_end()) {
            if begin.is_some() || found.is_some() {
                return Err(Refusal::Torn(number));
            }
            begin = Some((at, at + line.len(), number, line));
        } else if line.trim() == END {
            let Some((start, inner, first, marker)) = begin.take() else { return Err(Refusal::Torn(number)) };
            let body = text[inner..at].replace("\r\n", "\n");
            let stated = marker.trim_start().trim_start_matches(BEGIN).get(..DIGITS);
            if stated != Some(digest(body.trim_end()).as_str()) {
                return Err(Refusal::Edited(first));
            }
            found = Some(start..at + line.len());
        }
        at += line.len();
    }
    match begin {
        Some((_, _, number, _)) => Err(Refusal::Torn(number)),
        None => Ok(found),
    }
}

fn digest(body: &str) -> String {
    Sha256::digest(body.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(existing: Option<&str>, body: &str) -> Result<String, Refusal> {
        with_block(existing, body, "S.md", Theirs::Refuse)
    }

    #[test]
    fn only_the_block_changes_and_twice_is_once() {
        let first = put(None, "One.\n").unwrap();
        assert_eq!(put(Some(&first), "One.\n").unwrap(), first);
        let around = format!("Mine before.\n\n{first}\nMine after, without an end");
        let second = put(Some(&around), "Two.\nThree.\n").unwrap();
        assert!(
            second.starts_with("Mine before.\n\n<!-- greenlane:context ") && second.ends_with("\nMine after, without an end"),
            "{second}"
        );
        assert!(second.contains("-->\nTwo.\nThree.\n<!-- /greenlane:context -->\n") && !second.contains("One."), "{second}");
    }

    #[test]
    fn what_a_person_wrote_is_left_alone() {
        assert_eq!(put(Some("Mine.\n"), "One."), Err(Refusal::Theirs));
        let edited = put(None, "One.").unwrap().replace("One.", "One, and mine.");
        assert_eq!(put(Some(&format!("x\n{edited}")), "Two."), Err(Refusal::Edited(2)));
        let one = put(None, "One.").unwrap();
        assert_eq!(put(Some(&format!("{one}{one}")), "Two."), Err(Refusal::Torn(4)));
        assert_eq!(put(Some(one.trim_end().trim_end_matches(END)), "Two."), Err(Refusal::Torn(1)));
        assert_eq!(put(Some(&format!("x\n{END}\n")), "Two."), Err(Refusal::Torn(2)));
    }

    #[test]
    fn a_block_can_be_added_where_that_is_asked_for_and_line_ends_stay() {
        let text = with_block(Some("Mine.\r\n"), "One.\nTwo.", "S.md", Theirs::Append).unwrap();
        assert!(text.starts_with("Mine.\r\n\r\n<!-- ") && text.contains("One.\r\nTwo.\r\n"), "{text:?}");
        assert_eq!(put(Some(&text), "One.\nTwo.").unwrap(), text);
    }
}
