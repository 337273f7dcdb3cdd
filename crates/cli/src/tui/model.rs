//! What the dashboard knows of itself: the board, what is selected, searched and asked. Data; changed in `update`.

use std::sync::Arc;

use greenlane_core::ids::TaskKey;
use greenlane_core::time::Time;

use super::open::{OpenSuite, OpenTask};
use super::theme::Theme;
use crate::board::{Board, Command, RunBoard, TaskRow};
use crate::report::OverTime;

/// The views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Tasks,
    Timeline,
    Task,
    Failures,
    Health,
    Runs,
    /// Of the selected task's plan; it has a key, and no place among the others.
    Suite,
}

impl View {
    /// Those with a number.
    pub const ALL: [Self; 6] = [Self::Tasks, Self::Timeline, Self::Task, Self::Failures, Self::Health, Self::Runs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "Tasks",
            Self::Timeline => "Timeline",
            Self::Task => "Task",
            Self::Failures => "Failures",
            Self::Health => "Health",
            Self::Runs => "Runs",
            Self::Suite => "Suite",
        }
    }

    pub fn index(self) -> usize {
        Self::ALL.iter().position(|v| *v == self).unwrap_or(0)
    }
}

/// Which tasks are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    /// All, as far as they fit: what waits or is over is counted where it does not.
    #[default]
    Fitting,
    All,
    Unfinished,
    AtWork,
    NotDone,
    Done,
}

impl Filter {
    pub fn next(self) -> Self {
        match self {
            Self::Fitting => Self::All,
            Self::All => Self::Unfinished,
            Self::Unfinished => Self::AtWork,
            Self::AtWork => Self::NotDone,
            Self::NotDone => Self::Done,
            Self::Done => Self::Fitting,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Fitting => "all that fit",
            Self::All => "all",
            Self::Unfinished => "unfinished",
            Self::AtWork => "at work",
            Self::NotDone => "not done",
            Self::Done => "done",
        }
    }

    pub fn keeps(self, task: &TaskRow) -> bool {
        match self {
            Self::Fitting | Self::All => true,
            Self::Unfinished => !task.ended(),
            Self::AtWork => task.is_at_work(),
            Self::NotDone => task.went_wrong() || task.question.is_some() || task.by_hand,
            Self::Done => task.state == "done",
        }
    }
}

/// The runs of the repository, on their way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Runs {
    #[default]
    Not,
    Ready(OverTime),
    Failed(String),
}

/// What is asked of the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Asking {
    #[default]
    Nothing,
    Help,
    Confirm(Confirm),
    Text(Question),
}

/// A yes or no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirm {
    pub title: String,
    pub lines: Vec<String>,
    /// What is done on yes; and at once, where that is another thing.
    pub yes: Option<Command>,
    pub at_once: Option<Command>,
}

/// A text to be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub purpose: Purpose,
    pub title: String,
    /// What it is about.
    pub about: Vec<String>,
    pub text: String,
}

impl Question {
    pub fn new(purpose: Purpose, title: String) -> Self {
        Self { purpose, title, about: Vec::new(), text: String::new() }
    }
}

/// What a text is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Search,
    Answer(u64),
    Done(TaskKey),
    Fail(TaskKey),
}

/// A line at the bottom that goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub text: String,
    pub is_error: bool,
    pub until: Time,
}

/// Everything.
pub(super) struct Model {
    pub theme: Theme,
    /// The run is coordinated by this very process.
    pub inside: bool,
    /// `None` until the first one has come.
    pub board: Option<Arc<Board>>,
    pub view: View,
    /// Where `Esc` in the view of one task leads.
    pub back: View,
    /// The task that is selected, in every view that lists tasks.
    pub selected: Option<TaskKey>,
    /// Somebody has chosen it; else it is the first one, whichever that is.
    pub chosen: bool,
    /// Rows that the list of tasks had when it was drawn last.
    pub list_rows: usize,
    /// Where the lists of tasks, of the timeline and of failures begin on the screen; what the texts of health are scrolled by.
    pub offsets: [usize; 6],
    /// Which failure or lesson is selected.
    pub failure: usize,
    /// The runs of the repository, as of when they came in sight.
    pub runs: Runs,
    pub filter: Filter,
    /// What the lists of tasks are narrowed by.
    pub search: String,
    /// What is searched for in texts.
    pub find: String,
    /// The row to which the search jumped last, while nobody has scrolled since.
    pub hit: Option<usize>,
    /// The text in sight, where it is made while it is drawn: what is searched.
    pub drawn: Vec<String>,
    pub open: Option<OpenTask>,
    pub suite: Option<OpenSuite>,
    pub asking: Asking,
    pub message: Option<Message>,
    /// Rows of the list that were drawn last: what a page is.
    pub page: usize,
}

impl Model {
    pub fn new(theme: Theme, inside: bool) -> Self {
        Self {
            theme,
            inside,
            board: None,
            view: View::Tasks,
            back: View::Tasks,
            selected: None,
            chosen: false,
            list_rows: 0,
            offsets: [0; 6],
            runs: Runs::Not,
            failure: 0,
            filter: Filter::Fitting,
            search: String::new(),
            find: String::new(),
            hit: None,
            drawn: Vec::new(),
            open: None,
            suite: None,
            asking: Asking::Nothing,
            message: None,
            page: 10,
        }
    }

    /// The run that is shown.
    pub fn run(&self) -> Option<&RunBoard> {
        self.board.as_ref()?.run.as_ref()
    }

    /// The task that keys are about.
    pub fn task(&self) -> Option<&TaskRow> {
        let run = self.run()?;
        match (self.view, &self.open) {
            (View::Task, Some(open)) => run.task(&open.key),
            (View::Failures, _) => run.failures.get(self.failure).and_then(|f| run.task(&f.key)),
            _ => run.task(self.selected.as_ref()?),
        }
    }

    /// Seconds that have passed since the board was drawn up.
    pub fn passed(&self, now: Time) -> f64 {
        self.board.as_ref().map_or(0.0, |board| now.since(board.at).as_secs_f64())
    }

    /// Something on the screen goes on by itself.
    pub fn ticks(&self) -> bool {
        self.message.is_some() || self.board.as_ref().is_some_and(|b| b.ticks())
    }
}
