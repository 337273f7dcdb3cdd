//! What is looked at closely: a task, with its attempt, its tab, what was read of it; a plan's suite.

use std::collections::VecDeque;

use greenlane_core::ids::{PlanId, TaskKey};

use super::model::View;
use crate::board::detail::{self, Paper};
use crate::board::diff::{Diff, LineKind};
use crate::board::{AttemptRow, LogTail, PlanRow, Stream, TaskRow};

/// Lines of a log that are kept.
const LOG_LINES_MAX: usize = 20_000;

/// What of it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Log,
    Diff,
    Prompt,
    Gate,
    Attempts,
    Beats,
}

impl Tab {
    pub const ALL: [Self; 6] = [Self::Log, Self::Diff, Self::Prompt, Self::Gate, Self::Attempts, Self::Beats];

    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Diff => "diff",
            Self::Prompt => "prompt",
            Self::Gate => "gate",
            Self::Attempts => "attempts",
            Self::Beats => "beats",
        }
    }

    /// The one so many further on.
    pub fn moved(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|t| *t == self).unwrap_or(0);
        let len = Self::ALL.len();
        Self::ALL[at.saturating_add_signed(by + len as isize) % len]
    }
}

/// A diff on its way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Loaded {
    #[default]
    Not,
    Asked,
    Ready(Diff),
    Failed(String),
}

/// One task.
pub(super) struct OpenTask {
    pub key: TaskKey,
    /// As people count them; `None`: the newest, also when another begins.
    pub number: Option<u32>,
    pub tab: Tab,
    pub scroll: usize,
    /// The end of the log is kept in sight.
    pub follows: bool,
    pub log: VecDeque<String>,
    /// Of which attempt the log is read.
    read: Option<(u32, LogTail)>,
    ended: bool,
    pub prompt: Option<Vec<String>>,
    pub gate: Option<Vec<Paper>>,
    pub diff: Loaded,
}

impl OpenTask {
    pub fn new(key: TaskKey, number: Option<u32>) -> Self {
        Self {
            key,
            number,
            tab: Tab::Log,
            scroll: 0,
            follows: true,
            log: VecDeque::new(),
            read: None,
            ended: false,
            prompt: None,
            gate: None,
            diff: Loaded::Not,
        }
    }

    /// The attempt that is shown.
    pub fn attempt<'a>(&self, task: &'a TaskRow) -> Option<&'a AttemptRow> {
        task.attempt_row(self.number)
    }

    /// Forgets what was read, as another attempt is shown.
    fn anew(&mut self) {
        *self = Self { tab: self.tab, ..Self::new(self.key.clone(), self.number) };
    }

    pub fn select(&mut self, number: u32) {
        self.number = Some(number);
        self.anew();
    }

    /// What its tab shows has never been read.
    pub fn is_unread(&self) -> bool {
        self.read.is_none()
            || match self.tab {
                Tab::Prompt => self.prompt.is_none(),
                Tab::Gate => self.gate.is_none(),
                _ => false,
            }
    }

    /// Reads what its tab shows and has not been read. `true`: there is more than before.
    pub fn read(&mut self, task: &TaskRow) -> bool {
        let Some(attempt) = self.attempt(task) else { return false };
        if self.read.as_ref().is_some_and(|(n, _)| *n != attempt.n) {
            self.anew();
        }
        let mut news = self.read_log(attempt);
        match self.tab {
            Tab::Prompt if self.prompt.is_none() => self.prompt = Some(detail::prompt(attempt)),
            Tab::Gate if self.gate.is_none() || attempt.under_way => {
                let gate = Some(detail::gate(attempt));
                news |= gate != self.gate;
                self.gate = gate;
            }
            _ => {}
        }
        news
    }

    fn read_log(&mut self, attempt: &AttemptRow) -> bool {
        let (_, tail) = self.read.get_or_insert_with(|| (attempt.n, LogTail::open(&attempt.dir, Stream::Out, None)));
        if self.ended {
            return false;
        }
        let mut lines = tail.more();
        if !attempt.under_way && lines.is_empty() {
            self.ended = true;
            lines = tail.finish();
            if self.log.is_empty() && lines.is_empty() {
                // Nothing on standard output: its last words are elsewhere.
                lines = LogTail::open(&attempt.dir, Stream::Err, None).more();
            }
        }
        let news = !lines.is_empty();
        self.log.extend(lines);
        let surplus = self.log.len().saturating_sub(LOG_LINES_MAX);
        self.log.drain(..surplus);
        self.scroll = self.scroll.saturating_sub(surplus);
        news
    }

    /// The rows of the diff in which a part begins.
    pub fn parts(&self) -> Vec<usize> {
        let Loaded::Ready(diff) = &self.diff else { return Vec::new() };
        let rows = diff_lines(diff);
        (0..rows.len()).filter(|i| rows[*i].begins()).collect()
    }

    /// The texts of the tab, for searching; the diff's are numbered as they are drawn. Attempts and heartbeats are made when they are drawn.
    pub fn texts(&self) -> Vec<&str> {
        match self.tab {
            Tab::Log => self.log.iter().map(String::as_str).collect(),
            Tab::Prompt => self.prompt.iter().flatten().map(String::as_str).collect(),
            Tab::Gate => paper_lines(self.gate.as_deref().unwrap_or_default()).into_iter().map(|(_, text)| text).collect(),
            Tab::Diff => match &self.diff {
                Loaded::Ready(diff) => diff_lines(diff).into_iter().map(|l| l.text()).collect(),
                _ => Vec::new(),
            },
            Tab::Attempts | Tab::Beats => Vec::new(),
        }
    }
}

/// What the suite of one plan said.
pub(super) struct OpenSuite {
    pub plan: PlanId,
    /// Where `Esc` leads.
    pub back: View,
    pub scroll: usize,
    /// `None`: not read yet.
    pub papers: Option<Vec<Paper>>,
}

impl OpenSuite {
    pub fn new(plan: PlanId, back: View) -> Self {
        Self { plan, back, scroll: 0, papers: None }
    }

    /// Reads it; of a plan that is over once. `true`: there is another thing than before.
    pub fn read(&mut self, plan: &PlanRow) -> bool {
        if self.papers.is_some() && matches!(plan.state.as_str(), "done" | "failed") {
            return false;
        }
        let papers = Some(detail::suites(plan));
        let news = papers != self.papers;
        self.papers = papers;
        news
    }
}

/// Files one below the other; `true`: a file's name.
pub(super) fn paper_lines(papers: &[Paper]) -> Vec<(bool, &str)> {
    papers.iter().flat_map(|p| std::iter::once((true, p.name.as_str())).chain(p.lines.iter().map(|l| (false, l.as_str())))).collect()
}

/// A row of a diff as it is drawn.
pub(super) enum DiffRow<'a> {
    File(&'a crate::board::diff::DiffFile),
    Line(&'a crate::board::diff::DiffLine),
}

impl<'a> DiffRow<'a> {
    pub fn text(&self) -> &'a str {
        match self {
            Self::File(file) => &file.path,
            Self::Line(line) => &line.text,
        }
    }

    /// Something else begins here.
    pub fn begins(&self) -> bool {
        matches!(self, Self::File(_)) || matches!(self, Self::Line(line) if line.kind == LineKind::Hunk)
    }
}

/// A diff's files one below the other.
pub(super) fn diff_lines(diff: &Diff) -> Vec<DiffRow<'_>> {
    diff.files.iter().flat_map(|f| std::iter::once(DiffRow::File(f)).chain(f.lines.iter().map(DiffRow::Line))).collect()
}
