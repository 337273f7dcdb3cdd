//! The labelled task texts and how they are read.

use greenlane_core::classify::TaskType;
use greenlane_core::plan::Task;

const TEXT: &str = include_str!("labelled.txt");

/// For what a text may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Tuned,
    HeldOut,
    Public,
    Fresh,
    Last,
}

impl Part {
    pub const ALL: [Part; 5] = [Part::Tuned, Part::HeldOut, Part::Public, Part::Fresh, Part::Last];

    pub fn as_str(self) -> &'static str {
        match self {
            Part::Tuned => "tuned",
            Part::HeldOut => "held out",
            Part::Public => "public",
            Part::Fresh => "fresh",
            Part::Last => "last",
        }
    }
}

/// A task's text, and what a person says it is.
#[derive(Debug)]
pub struct Labelled {
    pub part: Part,
    pub kind: TaskType,
    pub title: &'static str,
    pub files: Vec<&'static str>,
    pub body: &'static str,
}

impl Labelled {
    pub fn task(&self) -> Task {
        let owns = self.files.iter().map(|f| (*f).to_owned()).collect();
        Task { title: self.title.to_owned(), prompt: self.body.to_owned(), owns, ..Task::new("t") }
    }
}

pub fn all() -> Vec<Labelled> {
    let mut part = None;
    let mut out = Vec::new();
    for line in TEXT.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            part = Some(Part::ALL.into_iter().find(|p| p.as_str() == name).unwrap_or_else(|| panic!("no part {name}")));
            continue;
        }
        let mut fields = line.split('|').map(str::trim);
        let kind = fields.next().and_then(TaskType::named).unwrap_or_else(|| panic!("no type: {line}"));
        let title = fields.next().filter(|t| !t.is_empty()).unwrap_or_else(|| panic!("no title: {line}"));
        let files = fields.next().unwrap_or_default().split_whitespace().collect();
        let body = fields.next().unwrap_or_default();
        assert!(fields.next().is_none(), "too many fields: {line}");
        out.push(Labelled { part: part.unwrap_or_else(|| panic!("no part above {line}")), kind, title, files, body });
    }
    out
}
