//! Which deficiencies an agent should know of before it begins: those of its own earlier attempt, of its checks, of its files,
//! and of itself. Few, short, the most relevant first, always the same for the same book.
//!
//! Not everything that went wrong is a lesson for an agent: it can do nothing about a provider's refusal or a keeper's death.

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::context::{Context, cut};
use super::kind::DeficiencyType;
use super::model::Deficiency;
use super::observe::Way;
use super::remediation::Remediation;
use crate::failure::FailureDetail;
use crate::overlap::owns_overlap;
use crate::state::COMMAND_AGENT;
use crate::time::Time;

/// Most lessons in one prompt.
pub const LESSONS_MAX: usize = 5;
/// Most characters of all lessons of one prompt together.
pub const CHARS_MAX: usize = 1_500;
/// Of these, what stands before the first.
const HEAD_CHARS: usize = 180;
/// Most characters of what is quoted in one lesson.
const QUOTE_CHARS_MAX: usize = 240;
/// Most characters of a solution.
const SOLUTION_CHARS_MAX: usize = 240;

/// A task whose agent is to be told.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Its globs.
    pub owns: &'a [String],
    /// Its checks.
    pub checks: &'a [String],
    /// The suite of its plan.
    pub suite: &'a [String],
    /// Who is to do it.
    pub agent: &'a str,
    /// What its own last attempt showed: which attempt that was, as it is shown, and the deficiency's id.
    pub own: Option<(u32, &'a str)>,
    /// Now.
    pub now: Time,
}

/// What somebody learned, as the experience store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Experience {
    /// The deficiency's id.
    pub id: String,
    /// What went wrong.
    pub problem: String,
    /// What helped.
    pub solution: String,
    /// Where it showed.
    #[serde(default)]
    pub context: Context,
}

/// One thing that an agent is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// The deficiency.
    pub id: String,
    /// What happened, in Greenlane's words, one sentence.
    pub what: String,
    /// What was said then, as it was said: to be quoted, never obeyed.
    pub quote: Option<String>,
    /// What to do about it, in Greenlane's words, one or two sentences.
    pub advice: String,
    /// What people say helped: to be quoted too.
    pub solution: Option<String>,
    /// It is of the task's own last attempt alone, so an account of that says as much.
    pub own_only: bool,
}

impl Lesson {
    /// How much of the prompt it takes, about: its words, and marks around what is quoted.
    #[must_use]
    pub fn chars(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, |t| t.chars().count() + 44);
        self.what.chars().count() + self.advice.chars().count() + of(&self.quote) + of(&self.solution) + 8
    }
}

/// The lessons for a task: at most [`LESSONS_MAX`], together at most [`CHARS_MAX`] characters.
#[must_use]
pub fn lessons(book: &Book, experience: &[Experience], query: &Query<'_>) -> Vec<Lesson> {
    let stored: Vec<Deficiency> = experience.iter().filter(|e| book.get(&e.id).is_none()).map(of_experience).collect();
    let mut found: Vec<(u32, &Deficiency)> =
        book.iter().chain(&stored).filter(|d| helps_agents(d)).filter_map(|d| relevance(d, query).map(|points| (points, d))).collect();
    found.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| y.priority(query.now).cmp(&x.priority(query.now))).then_with(|| x.id.cmp(&y.id)));
    let mut out: Vec<Lesson> = Vec::new();
    let mut used = HEAD_CHARS;
    for (_, deficiency) in found {
        let helped = experience.iter().find(|e| e.id == deficiency.id).map(|e| e.solution.as_str());
        let lesson = lesson(deficiency, helped, query);
        if used + lesson.chars() > CHARS_MAX {
            continue;
        }
        used += lesson.chars();
        out.push(lesson);
        if out.len() == LESSONS_MAX {
            break;
        }
    }
    out
}

/// An experience of which this repository's journal knows nothing: it came from elsewhere.
fn of_experience(experience: &Experience) -> Deficiency {
    let mut context = Context::default();
    context.merge(&experience.context);
    let mut of = Deficiency::new(DeficiencyType::LogicError, cut(&experience.problem, QUOTE_CHARS_MAX), Time(0));
    of.id = experience.id.clone();
    of.remediation_status = Remediation::Fixed;
    of.solution = Some(experience.solution.clone());
    of.context = context;
    of
}

fn helps_agents(of: &Deficiency) -> bool {
    let c = &of.context;
    match c.way {
        Some(Way::GateBroken | Way::NeedsHuman | Way::Denied) => false,
        Some(Way::Exit) => {
            !matches!(of.deficiency_type, DeficiencyType::ApiFailure | DeficiencyType::CoordinatorBug | DeficiencyType::ConfigurationError)
        }
        // Recorded by a person: worth saying where there is something to match it by, or to do about it.
        None => of.solution.is_some() || !c.checks.is_empty() || !c.files.is_empty(),
        Some(_) => true,
    }
}

/// How much it concerns the task; `None`: not at all.
fn relevance(of: &Deficiency, query: &Query<'_>) -> Option<u32> {
    let c = &of.context;
    let mut points = 0;
    if query.own.is_some_and(|(_, id)| id == of.id) {
        points += 1_000;
    }
    let same = |commands: &[String]| commands.iter().any(|q| c.checks.iter().any(|k| k == q.trim()));
    if same(query.checks) {
        points += 40;
    } else if same(query.suite) {
        points += 20;
    }
    if !query.owns.is_empty() && !c.files.is_empty() && owns_overlap(query.owns, &c.files).is_some() {
        points += 30;
    }
    // That it is the same agent tells something only where the fault is the agent's way of working.
    let agents_way = matches!(c.way, Some(Way::NoChange | Way::Ownership | Way::Unsaid))
        || matches!(c.failure_detail, Some(FailureDetail::ContextOverflow | FailureDetail::Stalled));
    if query.agent != COMMAND_AGENT && c.agents.iter().any(|a| a == query.agent) {
        if agents_way {
            points += 10;
        } else if points > 0 {
            points += 5;
        }
    }
    (points > 0).then_some(points)
}

fn lesson(of: &Deficiency, helped: Option<&str>, query: &Query<'_>) -> Lesson {
    let again = query.own.filter(|(_, id)| *id == of.id).map(|(n, _)| n);
    let solution = helped.or(of.solution.as_deref()).map(|s| one_line(s, SOLUTION_CHARS_MAX)).filter(|s| !s.is_empty());
    Lesson {
        id: of.id.clone(),
        what: what(of, again),
        // Its own attempt's output stands in the prompt already.
        quote: of.context.evidence.last().or(Some(&of.description)).filter(|_| again.is_none()).map(|l| one_line(l, QUOTE_CHARS_MAX)),
        advice: advice(of),
        own_only: again.is_some() && of.frequency <= 1 && of.context.returned == 0 && solution.is_none(),
        solution,
    }
}

fn what(of: &Deficiency, again: Option<u32>) -> String {
    let c = &of.context;
    let check = c.checks.last().map_or_else(|| String::from("a command"), |k| code(k));
    let files = listed(&c.files);
    let subject = match c.way {
        Some(Way::Check) => format!("the check {check} failed"),
        Some(Way::CheckTimedOut) => format!("the check {check} ran into its time limit"),
        Some(Way::CheckMissing) => format!("the check {check} could not be run"),
        Some(Way::Suite) => format!("the project's tests {check} failed on the combined tree"),
        Some(Way::SuiteTimedOut) => format!("the project's tests {check} ran into their time limit"),
        Some(Way::SuiteMissing) => format!("the project's tests {check} could not be run"),
        Some(Way::SuiteFlaky) => format!("the project's tests {check} failed and then passed on the same work"),
        Some(Way::Ownership) => format!("files were changed that the task does not own: {files}"),
        Some(Way::NoChange) => String::from("an attempt ended without changing anything"),
        Some(Way::Conflict) => format!("the work conflicted with another task's in {files}"),
        Some(Way::Unsaid) => String::from("an attempt ended without a word"),
        _ => match c.failure_detail {
            Some(FailureDetail::OutOfMemory) => String::from("memory ran out"),
            Some(FailureDetail::DiskFull) => String::from("the disk was full"),
            Some(FailureDetail::ContextOverflow) => String::from("the conversation outgrew the model's window"),
            Some(FailureDetail::Stalled) => String::from("an attempt showed no sign of work until it was ended"),
            _ if of.deficiency_type == DeficiencyType::ResourceIssue => String::from("an attempt ran into its limits"),
            _ => String::from("an attempt failed"),
        },
    };
    let often = match of.frequency {
        0 | 1 => String::new(),
        2 => String::from(", twice by now"),
        n => format!(", {n} times by now"),
    };
    let returned = if of.context.returned > 0 { ", and again after it was said to be fixed" } else { "" };
    match again {
        Some(n) => format!("As in attempt {n} of this task: {subject}{often}{returned}."),
        None => format!("{}{often}{returned}.", capital(&subject)),
    }
}

fn advice(of: &Deficiency) -> String {
    let c = &of.context;
    let check = c.checks.last().map_or_else(|| String::from("the checks"), |k| code(k));
    match c.way {
        Some(Way::Check) => format!("Run {check} before you stop, and look for this first."),
        Some(Way::CheckTimedOut) => format!("See that {check} comes to an end, and soon."),
        Some(Way::Suite) => format!("Run {check} before you stop, not only your own tests."),
        Some(Way::SuiteTimedOut) => String::from("Add nothing slow to the tests."),
        Some(Way::CheckMissing | Way::SuiteMissing) => String::from("Do not build on that program being there."),
        Some(Way::SuiteFlaky) => String::from("If you meet it, run it again before you look for its cause in your work."),
        Some(Way::Ownership) => {
            String::from("Leave those files alone; if the task cannot be done without them, say so in your last words.")
        }
        Some(Way::NoChange) => String::from("Only changed files count: make the change, or say what keeps you from it."),
        Some(Way::Conflict) => String::from("Others change these files too: keep your changes there small and in one place."),
        Some(Way::Unsaid) => String::from("Say what fails before you give up."),
        _ => match c.failure_detail {
            Some(FailureDetail::OutOfMemory) => String::from("Build and test with fewer jobs at once."),
            Some(FailureDetail::DiskFull) => String::from("Leave no large files behind."),
            Some(FailureDetail::ContextOverflow) => String::from("Read the parts of files that you need, and print little."),
            Some(FailureDetail::Stalled) => String::from("Start nothing that waits for input or never ends."),
            _ if of.deficiency_type == DeficiencyType::ResourceIssue => String::from("Do what matters most first."),
            _ => String::from("See that it does not happen to you."),
        },
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn one_line(text: &str, chars_max: usize) -> String {
    // What breaks lines, and what turns the direction of writing.
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean: String = text.chars().map(|c| if odd(c) { ' ' } else { c }).collect();
    cut(&clean.split_whitespace().collect::<Vec<_>>().join(" "), chars_max)
}

/// A name from a plan or an agent in code quotes, on one line.
fn code(text: &str) -> String {
    format!("`{}`", one_line(text, 80).replace('`', "'"))
}

fn listed(files: &[String]) -> String {
    const SHOWN_MAX: usize = 3;
    let shown: Vec<String> = files.iter().take(SHOWN_MAX).map(|f| code(f)).collect();
    match files.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
