//! `questions`: what agents wait to be told by a person. Reads the journal; `answer` answers.

use std::process::ExitCode;

use greenlane_core::exchange::{Question, QuestionEnd};
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::progress::name;
use crate::report::{clean, quoted};
use crate::session::Session;

/// Flags of `questions`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane questions          those that wait for an answer
  greenlane questions --all    answered and withdrawn ones too
  greenlane answer api \"use port 8080\"")]
pub struct QuestionsArgs {
    /// Answered and withdrawn ones too
    #[arg(long)]
    pub all: bool,
    /// Of this run (an id, or its beginning), instead of the present or latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// As one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `questions --json`.
#[derive(Serialize)]
struct Document {
    run: RunId,
    questions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: u64,
    plan: String,
    task: String,
    attempt: u32,
    agent: Option<String>,
    /// `open`, `answered` or `withdrawn`.
    state: &'static str,
    text: String,
    asked_at: String,
    ended_at: Option<String>,
    answer: Option<String>,
    /// Why it was withdrawn.
    reason: Option<String>,
}

/// Lists them.
///
/// # Errors
/// Exit code 2 where nothing ever ran.
pub fn run(args: &QuestionsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let state = &opened.state;
    let wanted: Vec<(u64, &Question)> =
        state.exchange.questions.iter().filter(|(_, q)| args.all || q.ended.is_none()).map(|(n, q)| (*n, q)).collect();
    if args.json {
        let questions = wanted.iter().map(|(n, q)| row(state, *n, q)).collect();
        context.output.json(&Document { run: opened.run.clone(), questions })?;
    } else if wanted.is_empty() {
        context.output.say(if args.all { "nobody has asked anything" } else { "nobody waits for an answer" });
    } else {
        let texts: Vec<String> = wanted.iter().map(|(n, q)| text(state, *n, q)).collect();
        context.output.data(&texts.join("\n"))?;
        if let Some((_, first)) = wanted.iter().find(|(_, q)| q.ended.is_none()) {
            context.output.say(&format!("answer with `greenlane answer {} TEXT`", quoted(&name(state, &first.attempt.key))));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(state: &State, id: u64, question: &Question) -> Row {
    let key = &question.attempt.key;
    let (of, answer, reason) = match &question.ended {
        None => ("open", None, None),
        Some((_, QuestionEnd::Answered(text))) => ("answered", Some(text.clone()), None),
        Some((_, QuestionEnd::Withdrawn(why))) => ("withdrawn", None, Some(why.clone())),
    };
    Row {
        id,
        plan: key.plan.to_string(),
        task: key.task.to_string(),
        attempt: state.task(key).and_then(|t| t.number_of(question.attempt.n)).unwrap_or(question.attempt.n),
        agent: state.attempt(&question.attempt).map(|a| a.agent.clone()),
        state: of,
        text: question.text.clone(),
        asked_at: question.asked_at.rfc3339(),
        ended_at: question.ended.as_ref().map(|(at, _)| at.rfc3339()),
        answer,
        reason,
    }
}

/// What an agent wrote may be anything: each line by itself, without what a terminal obeys.
fn text(state: &State, id: u64, question: &Question) -> String {
    let lines = |text: &str| text.lines().map(|l| format!("  {}\n", clean(l))).collect::<String>();
    let row = row(state, id, question);
    let agent = row.agent.map(|a| format!(" ({a})")).unwrap_or_default();
    let mut out = format!("question {id} of {}{agent}, {}\n", clean(&name(state, &question.attempt.key)), row.state);
    out.push_str(&lines(&row.text));
    if let Some(said) = row.answer.or(row.reason) {
        out.push_str(&format!("  → {}\n", lines(&said).trim_start()).replace("\n\n", "\n"));
    }
    out
}
