//! `status`: how far the run is, once or again at every change. Changes nothing.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::ids::TaskKey;
use greenlane_core::view::{RunClock, Status};
use greenlane_runtime::clock;
use greenlane_runtime::journal::{Journal, Record};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::follow::{Following, News};
use crate::live;
use crate::names;
use crate::progress;
use crate::report::{self, Look, TaskPicture};
use crate::session::{Opened, Session};

/// Flags of `status`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane status                 the run and all its tasks
  greenlane status bucket          one task with its attempts
  greenlane status --watch         again at every change, until the run ends
  greenlane status --json | jq .summary

A task's time is by the clock, here as in `run` and `report`: from the start of each attempt to its
landing or refusal, waiting for the suite included, without the waits between attempts.

Exit code 1 if anything failed.")]
pub struct StatusArgs {
    /// A task (`ID` or `PLAN/ID`) or a plan; without it, everything
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Another run than the latest; `greenlane runs` lists them
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Show it again at every change, until the run ends
    #[arg(short, long)]
    pub watch: bool,
    /// One JSON document; with --watch one line for each change
    #[arg(long)]
    pub json: bool,
}

/// Elapsed times move on so often while nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// A picture stands at least so long: a reader cannot follow more, and a burst of events is one change.
const PICTURE_MIN: Duration = Duration::from_millis(100);

/// Shows it.
///
/// # Errors
/// Exit code 2 where nothing ran, or no such run or task is known.
pub fn run(args: &StatusArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let part =
        Part::named(args.task.as_deref(), &opened).map_err(|e| names::elsewhere(e, &session, &opened, args.task.as_slice(), "status"))?;
    // Of a run that has ended there is nothing to watch.
    if args.watch && opened.is_alive() {
        return watch(&session, opened, &part, args.json, context);
    }
    let doc = part.of(opened.status());
    if args.json {
        let form = if args.watch { Form::Line } else { Form::Indented };
        context.output.data(&document(&doc, form)?)?;
    } else {
        let journal = session.journal()?;
        context.output.data(&picture((&session, &opened, &journal), &doc, &part, Look::of_stdout(context.output.color), usize::MAX)?)?;
    }
    Ok(exit_code(&doc, &part))
}

/// What of the run is shown.
enum Part {
    All,
    Tasks(Vec<TaskKey>),
    One(TaskKey),
}

impl Part {
    fn named(name: Option<&str>, opened: &Opened) -> Result<Self, Error> {
        let Some(name) = name else { return Ok(Self::All) };
        let mut keys = names::tasks(&opened.state, &[name.to_owned()])?;
        Ok(match (keys.len(), keys.pop()) {
            (1, Some(only)) => Self::One(only),
            (_, last) => Self::Tasks(keys.into_iter().chain(last).collect()),
        })
    }

    fn of(&self, doc: Status) -> Status {
        match self {
            Self::All => doc,
            Self::Tasks(keys) => doc.only(keys),
            Self::One(key) => doc.only(std::slice::from_ref(key)),
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a file or a reader.
    Indented,
    /// As one line of a stream.
    Line,
}

/// The document as JSON, with the end of its last line.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn document(doc: &Status, form: Form) -> Result<String, Error> {
    let text = if form == Form::Line { serde_json::to_string(doc) } else { serde_json::to_string_pretty(doc) };
    text.map(|t| t + "\n").map_err(|e| Error::environment(format!("cannot write the status as JSON: {e}")))
}

/// Exit code 1 if anything failed; of the tasks that were asked for.
fn exit_code(doc: &Status, part: &Part) -> ExitCode {
    let bad = |state: &str| matches!(state, "failed" | "needs_human" | "skipped" | "cancelled");
    let plans = matches!(part, Part::All) && doc.plans.iter().any(|p| p.state == "failed");
    ExitCode::from(u8::from(plans || doc.tasks.iter().any(|t| bad(&t.state))))
}

/// `within`: so many lines are seen of it.
fn picture(
    (session, opened, journal): (&Session, &Opened, &Journal),
    doc: &Status,
    part: &Part,
    look: Look,
    within: usize,
) -> Result<String, Error> {
    let now = clock::now();
    let live = if opened.is_alive() { live::live(&opened.layout, &opened.state, now) } else { report::Live::new() };
    let around = opened.surroundings(session);
    if !matches!(part, Part::One(_)) {
        return Ok(report::status_within(doc, &live, &around, look, within));
    }
    let suites = super::report::history(journal, opened)?.suites;
    Ok(report::task(
        &TaskPicture { doc, state: &opened.state, layout: &opened.layout, live: &live, suites: &suites, around: &around },
        look,
    ))
}

/// On a terminal the picture is drawn over itself; elsewhere it stands at the start and the end, and each change between is a line.
fn watch(session: &Session, opened: Opened, part: &Part, json: bool, context: &Context) -> Outcome {
    let journal = session.journal()?;
    let way = match (json, std::io::stdout().is_terminal()) {
        (true, _) => Way::Documents,
        (false, true) => Way::Picture(Screen { drawn_lines: 0 }),
        (false, false) => Way::Lines,
    };
    let mut watch = Watch { session, following: Following::begin(session, opened)?, journal, part, context, way };
    watch.show(Moment::First)?;
    let (mut drawn_at, mut changed) = (Instant::now(), false);
    loop {
        // Lines and documents wait for events only; a picture's times move on.
        let patience = match (changed, &watch.way) {
            (true, _) => Some(PICTURE_MIN.saturating_sub(drawn_at.elapsed())),
            (false, Way::Picture(_)) => Some(TICK),
            (false, _) => None,
        };
        match watch.following.next(patience)? {
            News::Events(records) => {
                changed = true;
                if matches!(watch.way, Way::Lines) {
                    let opened = &watch.following.opened;
                    context.output.data(&records.iter().map(|r| line(opened, r, context.output.color)).collect::<String>())?;
                }
            }
            News::Nothing => changed |= matches!(watch.way, Way::Picture(_)),
            News::Over => {
                watch.show(Moment::Last)?;
                return Ok(exit_code(&part.of(watch.following.opened.status()), part));
            }
        }
        if changed && drawn_at.elapsed() >= PICTURE_MIN {
            watch.show(Moment::Between)?;
            (drawn_at, changed) = (Instant::now(), false);
        }
    }
}

/// How a run is shown while it goes on.
enum Way {
    Documents,
    Picture(Screen),
    Lines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    First,
    Between,
    Last,
}

struct Watch<'a> {
    session: &'a Session,
    following: Following,
    journal: Journal,
    part: &'a Part,
    context: &'a Context,
    way: Way,
}

impl Watch<'_> {
    fn show(&mut self, moment: Moment) -> Result<(), Error> {
        let (opened, output) = (&self.following.opened, self.context.output);
        let doc = self.part.of(opened.status());
        let within = match (&self.way, moment) {
            (Way::Picture(_), Moment::First | Moment::Between) => rows() - 1,
            _ => usize::MAX,
        };
        let draw = || picture((self.session, opened, &self.journal), &doc, self.part, Look::of_stdout(output.color), within);
        match (&mut self.way, moment) {
            (Way::Documents, _) => output.data(&document(&doc, Form::Line)?),
            (Way::Picture(screen), _) => output.data(&screen.redraw(&draw()?, moment)),
            (Way::Lines, Moment::Between) => Ok(()),
            (Way::Lines, Moment::First) => output.data(&format!("{}\n", draw()?)),
            (Way::Lines, Moment::Last) => output.data(&format!("\n{}", draw()?)),
        }
    }
}

/// An event in the words of `run`, with the time since the start; nothing where it is not worth a line.
fn line(opened: &Opened, record: &Record, color: bool) -> String {
    let since = progress::clock(RunClock::of(&opened.state).at(record.at));
    progress::lines(&opened.state, record).iter().map(|l| format!("[{since}] {}\n", l.render(color))).collect()
}

/// Rows of the terminal.
fn rows() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(24, |size| usize::from(size.ws_row)).max(4)
}

/// A part of the terminal that is drawn over itself.
struct Screen {
    drawn_lines: usize,
}

impl Screen {
    /// The text with what makes a terminal replace the last one by it; cut to the terminal's height unless it is the last.
    fn redraw(&mut self, text: &str, moment: Moment) -> String {
        let last = moment == Moment::Last;
        let lines: Vec<&str> = text.lines().collect();
        let shown = if last { lines.len() } else { lines.len().min(rows() - 1) };
        let up = if self.drawn_lines > 0 { format!("\u{1b}[{}A", self.drawn_lines) } else { String::new() };
        self.drawn_lines = shown;
        // Without wrapping while it is drawn, so that a line is a line; back on at once, whatever ends us.
        let mut out = format!("{up}\r\u{1b}[J");
        if !last {
            out.push_str("\u{1b}[?7l");
        }
        for line in &lines[..shown] {
            out.push_str(line);
            out.push('\n');
        }
        if !last {
            out.push_str("\u{1b}[?7h");
        }
        out
    }
}
