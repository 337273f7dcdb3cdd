//! What of a plan's text is for people only, and stays behind when the plan is converted: comments, and prose outside of tasks.

use super::super::markdown::find;
use super::super::read::Format;
use super::super::scan::lines;

/// Line and text of each, in the order of the file.
#[must_use]
pub fn comments(text: &str, format: Format) -> Vec<(u32, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = match format {
        Format::Toml => toml(text),
        Format::SpecKitty => front_matter(text, !text.starts_with("---")),
        Format::Markdown | Format::SpecKit | Format::Phases => {
            let mut all = front_matter(text, false);
            all.extend(html(text));
            all
        }
        Format::Json | Format::Array | Format::Prd | Format::WorkPackages | Format::Beads | Format::TaskMaster => Vec::new(),
    };
    if format == Format::Markdown {
        out.extend(prose(text));
    }
    out.sort_by_key(|(line, _)| *line);
    out
}

fn line_of(text: &str, at: usize) -> u32 {
    u32::try_from(text[..at].matches('\n').count() + 1).unwrap_or(u32::MAX)
}

/// From `#` to the line's end, where it is not within a string.
fn toml(text: &str) -> Vec<(u32, String)> {
    let mut out = Vec::new();
    let (mut line, mut at) = (1, 0);
    let mut string: Option<&str> = None;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let c = rest.chars().next().unwrap_or(' ');
        line += u32::from(c == '\n');
        at += c.len_utf8();
        if let Some(end) = string {
            if c == '\\' && end.starts_with('"') {
                at += text[at..].chars().next().map_or(0, |escaped| {
                    line += u32::from(escaped == '\n');
                    escaped.len_utf8()
                });
            } else if rest.starts_with(end) || (end.len() == 1 && c == '\n') {
                string = None;
                // A long string may end in up to two quotes of its own.
                let same = rest.chars().take(5).take_while(|x| end.starts_with(*x)).count();
                at += if end.len() == 3 { same - 1 } else { 0 };
            }
            continue;
        }
        if c == '#' {
            let comment = rest.lines().next().unwrap_or("");
            out.push((line, String::from(comment.trim())));
            at += comment.len() - 1;
        }
        string = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote));
        at += string.map_or(0, |quote| quote.len() - 1);
    }
    out
}

/// Lines of YAML that are comments: of the front matter, or of the whole text.
fn front_matter(text: &str, whole: bool) -> Vec<(u32, String)> {
    let mut lines = text.lines().zip(1..);
    if !whole && lines.next().is_none_or(|(l, _)| l.trim_end() != "---") {
        return Vec::new();
    }
    let lines = lines.take_while(|(l, _)| whole || !matches!(l.trim_end(), "---" | "..."));
    lines.filter(|(l, _)| l.trim_start().starts_with('#')).map(|(l, n)| (n, String::from(l.trim()))).collect()
}

/// `<!-- … -->` outside of code.
fn html(text: &str) -> Vec<(u32, String)> {
    let without: Vec<(usize, String)> = lines(text, 0).iter().filter(|l| !l.code).map(|l| (l.at, l.text.to_string())).collect();
    let mut out: Vec<(u32, String)> = Vec::new();
    let mut number = 1;
    let mut counted = 0;
    for (at, cut) in without {
        number += u32::try_from(text[counted..at].matches('\n').count()).unwrap_or(0);
        counted = at;
        let whole = text[at..].lines().next().unwrap_or("");
        if whole.trim_end() != cut.trim_end() {
            // What was cut out begins where both differ.
            let same = whole.bytes().zip(cut.bytes()).take_while(|(a, b)| a == b).count();
            let from = (0..=same).rev().find(|n| whole.is_char_boundary(*n)).unwrap_or(0);
            let from = whole[..from].rfind("<!--").unwrap_or(from);
            out.push((number, String::from(whole[from..].trim())));
        }
    }
    out
}

/// Lines that belong to no task: headings, and text between them.
fn prose(text: &str) -> Vec<(u32, String)> {
    let body = match text.starts_with("---") {
        true => text.match_indices("\n---").map(|(at, _)| at + 4).next().unwrap_or(0),
        false => 0,
    };
    let lines = lines(text, body);
    let found = find(&lines);
    let mut inside = vec![false; lines.len()];
    for item in &found {
        inside[item.line..item.end.min(lines.len())].iter_mut().for_each(|i| *i = true);
    }
    let first = line_of(text, body);
    let outside = lines.iter().zip(first..).zip(&inside).filter(|((line, _), inside)| !**inside && !line.is_blank());
    outside.map(|((line, number), _)| (number, String::from(line.text.trim()))).filter(|(_, t)| !t.chars().all(|c| c == '-')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, format: Format) -> Vec<String> {
        comments(text, format).into_iter().map(|(line, text)| format!("{line} {text}")).collect()
    }

    #[test]
    fn of_toml() {
        let text =
            "# one\nname = \"a # b\" # two\nx = '''\n# no\n''''\ny = \"\"\"\\\"\"\" # no\n\"\"\"\n[[task]] # three\nz = 'c:\\' # four\n";
        assert_eq!(told(text, Format::Toml), ["1 # one", "2 # two", "8 # three", "9 # four"]);
    }

    #[test]
    fn of_markdown() {
        let text = "---\n# of YAML\nname: x\n---\n# Title\n\nProse.\n\n- [ ] a <!-- why -->\n  its own\n\n<!-- two\nlines -->\n## Next\n```\n<!-- code -->\n```\n- [ ] b\n";
        let expected = [
            "2 # of YAML",
            "5 # Title",
            "7 Prose.",
            "9 <!-- why -->",
            "12 <!-- two",
            "13 lines -->",
            "14 ## Next",
            "15 ```",
            "16 <!-- code -->",
            "17 ```",
        ];
        assert_eq!(told(text, Format::Markdown), expected);
        assert_eq!(told("{\"a\": \"# b\"}", Format::Json), Vec::<String>::new());
        assert_eq!(told("# x\nwork_packages:\n  # y\n", Format::SpecKitty), ["1 # x", "3 # y"]);
    }
}
