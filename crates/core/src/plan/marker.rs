//! The marker `[P:Group-NAME]` in a line of text. Knows nothing of where the line came from.

use std::ops::Range;

/// A marker: the group's name, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marker {
    pub name: String,
    pub range: Range<usize>,
}

/// Finds the marker: any case, hyphens and spaces in the name, `Group-` may be missing. What stands in backticks is text.
pub(super) fn find(text: &str) -> Result<Option<Marker>, (Range<usize>, &'static str)> {
    let lower = text.to_ascii_lowercase();
    let mut found: Option<Marker> = None;
    let (mut quotes, mut counted) = (0, 0);
    for (start, _) in lower.match_indices("[p:") {
        quotes += text[counted..start].matches('`').count();
        counted = start;
        if quotes % 2 == 1 {
            continue;
        }
        let Some(end) = text[start..].find(']').map(|e| start + e) else {
            return Err((start..text.len(), "a group's marker is not closed"));
        };
        let name = text[start + 3..end].trim();
        let prefix = name.get(..6).is_some_and(|p| p.eq_ignore_ascii_case("group-"));
        let name = if prefix { name[6..].trim() } else { name };
        if name.is_empty() || name.eq_ignore_ascii_case("group") {
            return Err((start..end + 1, "a group's marker has no name"));
        }
        if found.is_some() {
            return Err((start..end + 1, "a task can be in one group only"));
        }
        found = Some(Marker { name: String::from(name), range: start..end + 1 });
    }
    Ok(found)
}

/// The text without the marker, blanks around it closed up.
pub(super) fn without(text: &str, marker: Option<&Marker>) -> String {
    let Some(marker) = marker else { return String::from(text.trim()) };
    let (before, after) = (text[..marker.range.start].trim_end(), text[marker.range.end..].trim_start_matches([' ', '\t']));
    String::from(format!("{before}{}{after}", if before.is_empty() || after.is_empty() { "" } else { " " }).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free() {
        for (text, name, rest) in [
            ("1.2 [P:Group-A] Create", "A", "1.2 Create"),
            ("[p:group-auth-flow] x", "auth-flow", "x"),
            ("x [P:GROUP-1]", "1", "x"),
            ("x [P: Group-data base ] y", "data base", "x y"),
            ("[P:core] x", "core", "x"),
            ("[P:grouping] x", "grouping", "x"),
            ("ö [P:Group-é] x", "é", "ö x"),
        ] {
            let marker = find(text).expect("well-formed").expect("a marker");
            assert_eq!((marker.name.as_str(), without(text, Some(&marker)).as_str()), (name, rest));
        }
        assert_eq!(find("no [P] marker, `[P:Group-A]` is text"), Ok(None));
    }

    #[test]
    fn broken_markers_are_told_not_overlooked() {
        for (text, why) in [
            ("x [P:Group-A y", "a group's marker is not closed"),
            ("x [P:Group-] y", "a group's marker has no name"),
            ("x [P:Group] y", "a group's marker has no name"),
            ("x [P:] y", "a group's marker has no name"),
            ("[P:Group-A] [P:Group-B] y", "a task can be in one group only"),
        ] {
            assert_eq!(find(text).map_err(|(_, w)| w), Err(why), "{text}");
        }
    }
}
