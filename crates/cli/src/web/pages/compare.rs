//! Two attempts at a task side by side: what is known of each, and what makes the work of one of that of the other.

use askama::Template;
use greenlane_runtime::git::Repo;

use super::attempts::{Changes, Row, rows};
use super::diff::{File, files};
use super::{filters, text};
use crate::board::TaskRow;
use crate::board::diff::Diff;
use crate::web::place::Place;
use crate::web::view::Links;

#[derive(Template)]
#[template(path = "compare.html", whitespace = "minimize")]
struct Page<'a> {
    links: &'a Links,
    task: &'a TaskRow,
    here: String,
    carried: Option<&'a str>,
    all: &'a [Row<'a>],
    pair: Option<[&'a Row<'a>; 2]>,
    other: String,
    back: String,
    split: bool,
    diff: Result<&'a Diff, &'a str>,
    files: Vec<File<'a>>,
}

impl Page<'_> {
    /// This attempt is the first or second of the two.
    fn is_chosen(&self, place: usize, row: &Row<'_>) -> bool {
        self.pair.is_some_and(|pair| pair[place].a.n == row.a.n)
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The run that the address names.
    pub run: Option<&'a str>,
    /// One attempt, as people count them; `None`: that before the newest.
    pub a: Option<u32>,
    /// The other; `None`: the newest.
    pub b: Option<u32>,
    /// Before and after beside each other, not in one column.
    pub split: bool,
}

/// The page's body.
#[must_use]
pub fn body(links: &Links, place: &Place, repo: &Repo, task: &TaskRow, asked: Asked<'_>) -> String {
    let all = rows(place, task);
    let find = |number: Option<u32>, from_end: usize| match number {
        Some(number) => all.iter().find(|r| r.a.number == number),
        None => all.len().checked_sub(from_end).and_then(|i| all.get(i)),
    };
    let pair = find(asked.a, 2).zip(find(asked.b, 1)).map(|(a, b)| [a, b]);
    let diff = match pair {
        Some([a, b]) if a.a.n == b.a.n => Err(String::from("these are the same attempt: choose two")),
        Some([a, b]) => Diff::between(repo, task, a.a, b.a),
        None if all.len() < 2 => Err(String::from("there are no two attempts at this task yet")),
        None => Err(String::from("there is no such attempt at this task")),
    };
    let words = |split: bool| {
        let [a, b] = pair.map_or([0, 0], |p| p.map(|r| r.a.number));
        format!("a={a}&b={b}{}", if split { "" } else { "&as=column" })
    };
    text(&Page {
        links,
        task,
        here: links.of_run(None).compare(&task.key, ""),
        carried: asked.run,
        all: &all,
        pair,
        other: links.compare(&task.key, &words(!asked.split)),
        back: links.task(&task.key),
        split: asked.split,
        files: diff.as_ref().map(|d| files(d, asked.split)).unwrap_or_default(),
        diff: diff.as_ref().map_err(String::as_str),
    })
}
