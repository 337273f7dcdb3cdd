//! A page in pieces: what is always there, and parts that change by themselves, such as a task's row. Two renderings of a page are
//! compared part by part, so that open pages are told only what is new. Words that many parts have in common, such as what a thousand
//! tasks wait for, are told once, not with every part. Knows nothing of what the parts show.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

/// A rendered page, in order.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    pieces: Vec<Piece>,
    list: String,
    words: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// If it differs, the page is another.
    Fixed(String),
    /// What a page begins with, and looks after itself from then on: it is no news when it differs.
    Quiet(String),
    /// One element with this id; within the list of that id, where that is not empty.
    Part { id: String, list: String, html: String },
}

/// What turns one rendering into another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Patch<'a> {
    /// Parts that are new, changed or elsewhere, in the page's order.
    pub set: Vec<Set<'a>>,
    /// Parts that are not there any more.
    pub gone: Vec<&'a str>,
    /// Words in common that are new or changed, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub say: BTreeMap<&'a str, &'a str>,
}

/// A part as it is now, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Set<'a> {
    /// The element's id.
    pub id: &'a str,
    /// The list that it is in; empty: it stays where it is.
    #[serde(rename = "in")]
    pub list: &'a str,
    /// The part of that list that it stands behind; empty: it is the first.
    pub after: &'a str,
    /// The element.
    pub html: &'a str,
}

impl Pieces {
    /// Adds what is always there.
    pub fn fixed(&mut self, html: impl Into<String>) {
        self.pieces.push(Piece::Fixed(html.into()));
    }

    /// Adds what a page begins with, and looks after itself from then on.
    pub fn quiet(&mut self, html: impl Into<String>) {
        self.pieces.push(Piece::Quiet(html.into()));
    }

    /// Adds an element that may change by itself. Its id is `id`.
    pub fn part(&mut self, id: impl Into<String>, html: impl Into<String>) {
        self.pieces.push(Piece::Part { id: id.into(), list: self.list.clone(), html: html.into() });
    }

    /// What follows are elements of this list, which may come, go and move: `open` ends with its opening tag.
    pub fn open_list(&mut self, id: &str, open: impl Into<String>) {
        self.fixed(open);
        id.clone_into(&mut self.list);
    }

    /// The list ends; `close` begins with its closing tag.
    pub fn close_list(&mut self, close: impl Into<String>) {
        self.list.clear();
        self.fixed(close);
    }

    /// Adds words that parts have in common, and gives what stands for them in a part. `name`: of these words, in letters and digits.
    pub fn say(&mut self, name: &str, words: impl Into<String>) -> String {
        self.words.insert(name.to_owned(), words.into());
        stand_in(name, "")
    }

    /// All of it.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            out.push_str(match piece {
                Piece::Fixed(html) | Piece::Quiet(html) | Piece::Part { html, .. } => html,
            });
        }
        // Texts in parts are escaped: nobody else can have written what stands for words.
        self.words.iter().fold(out, |out, (name, words)| out.replace(&stand_in(name, ""), &stand_in(name, &escaped(words))))
    }

    fn parts(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Fixed(_) | Piece::Quiet(_) => None,
            Piece::Part { id, list, html } => Some((id.as_str(), list.as_str(), html.as_str())),
        })
    }

    /// What has to be the same for a patch to do.
    fn shape(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            let _ = match piece {
                Piece::Fixed(html) => write!(out, "{}\0{html}", html.len()),
                Piece::Part { id, list, .. } if list.is_empty() => write!(out, "\0{id}\0"),
                Piece::Quiet(_) => write!(out, "\0\0"),
                // Any number of them.
                Piece::Part { .. } => Ok(()),
            };
        }
        out
    }

    /// What makes this of `old`; `None` where it has to be shown anew. Elements of a list may move as long as they change, too:
    /// the others have kept their order then.
    #[must_use]
    pub fn patch_from<'a>(&'a self, old: &'a Pieces) -> Option<Patch<'a>> {
        if self.shape() != old.shape() {
            return None;
        }
        let before: HashMap<&str, &str> = old.parts().map(|(id, _, html)| (id, html)).collect();
        let now: HashMap<&str, &str> = self.parts().map(|(id, _, html)| (id, html)).collect();
        let kept = |id: &str| before.get(id).is_some_and(|html| now.get(id) == Some(html));
        let stayed =
            |pieces: &'a Pieces| pieces.parts().filter(|(id, list, _)| !list.is_empty() && kept(id)).map(|(id, list, _)| (id, list));
        if !stayed(self).eq(stayed(old)) {
            return None;
        }
        let say = self.words.iter().filter(|(name, words)| old.words.get(*name) != Some(words));
        let mut patch = Patch {
            gone: old.parts().map(|(id, _, _)| id).filter(|id| !now.contains_key(id)).collect(),
            set: Vec::new(),
            say: say.map(|(name, words)| (name.as_str(), words.as_str())).collect(),
        };
        let mut last = ("", "");
        for (id, list, html) in self.parts() {
            if !kept(id) {
                let after = if last.0 == list { last.1 } else { "" };
                patch.set.push(Set { id, list, after, html });
            }
            last = (list, id);
        }
        Some(patch)
    }
}

impl Patch<'_> {
    /// There is nothing new.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.gone.is_empty() && self.say.is_empty()
    }
}

/// What stands in a part for words that are told apart from it.
fn stand_in(name: &str, words: &str) -> String {
    format!("<span data-say=\"{name}\">{words}</span>")
}

fn escaped(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html).map(|e| e.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(head: &str, rows: &[(&str, &str)]) -> Pieces {
        let mut page = Pieces::default();
        page.part("head", head);
        page.open_list("rows", "<ul id=\"rows\">");
        rows.iter().for_each(|(id, html)| page.part(*id, *html));
        page.close_list("</ul>");
        page
    }

    fn told(old: &Pieces, new: &Pieces) -> Option<String> {
        let patch = new.patch_from(old)?;
        let set: Vec<String> = patch.set.iter().map(|s| format!("{}@{}>{}={}", s.id, s.list, s.after, s.html)).collect();
        Some(format!("{} -{}", set.join(" "), patch.gone.join(",")))
    }

    #[test]
    fn only_what_is_new_is_told() {
        let old = page("a", &[("1", "x"), ("2", "y"), ("3", "z")]);
        assert_eq!(old.html(), "a<ul id=\"rows\">xyz</ul>");
        assert!(old.patch_from(&old).is_some_and(|p| p.is_empty()));
        let changed = page("b", &[("1", "x"), ("2", "Y"), ("3", "z")]);
        assert_eq!(told(&old, &changed).as_deref(), Some("head@>=b 2@rows>1=Y -"));
        let moved = page("a", &[("2", "Y"), ("1", "x"), ("4", "n")]);
        assert_eq!(told(&old, &moved).as_deref(), Some("2@rows>=Y 4@rows>1=n -3"));
    }

    #[test]
    fn words_in_common_are_told_once() {
        let page = |words: &str, last: &str| {
            let mut page = Pieces::default();
            let wait = page.say("w0", words);
            page.open_list("rows", "<ul id=\"rows\">");
            (0..100).for_each(|i| page.part(format!("{i}"), format!("<li>{wait}")));
            page.part("last", last);
            page.close_list("</ul>");
            page
        };
        let (one, two) = (page("one <b>", "x"), page("two", "y"));
        assert_eq!(one.html().matches("<li><span data-say=\"w0\">one &#60;b&#62;</span>").count(), 100);
        assert_eq!(told(&one, &two).as_deref(), Some("last@rows>99=y -"));
        let patch = two.patch_from(&one).unwrap();
        assert_eq!(patch.say.into_iter().collect::<Vec<_>>(), [("w0", "two")]);
        assert!(!page("two", "x").patch_from(&one).unwrap().is_empty(), "words alone are news");
        assert!(one.patch_from(&page("one <b>", "z")).unwrap().say.is_empty(), "what is known is not told again");
    }

    #[test]
    fn another_page_is_shown_anew() {
        let old = page("a", &[("1", "x"), ("2", "y")]);
        assert_eq!(told(&old, &page("a", &[("2", "y"), ("1", "x")])), None, "two that did not change have changed places");
        let mut longer = page("a", &[("1", "x"), ("2", "y")]);
        longer.fixed("more");
        assert_eq!(told(&old, &longer), None);
    }
}
