//! `answer`: tells an agent what it has asked. The coordinator hands it on.

use std::io::Read as _;
use std::process::ExitCode;

use greenlane_core::exchange::{self, Question, TEXT_BYTES_MAX};
use greenlane_core::ids::TaskKey;
use greenlane_core::input::Request;
use greenlane_core::state::State;
use greenlane_runtime::control::Say;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::names;
use crate::progress::name;
use crate::session::Session;

/// Flags of `answer`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane questions                      what is asked
  greenlane answer api \"use port 8080\"    the open question of task api
  greenlane answer api --question 3 yes    where it has several
  greenlane answer api - < answer.md       from standard input")]
pub struct AnswerArgs {
    /// The task that asks (`ID` or `PLAN/ID`)
    #[arg(value_name = "TASK")]
    pub task: String,
    /// The answer; several words are joined, `-` reads standard input
    #[arg(value_name = "TEXT", required = true, num_args = 1.., allow_hyphen_values = true)]
    pub text: Vec<String>,
    /// This question, where the task has several
    #[arg(long, value_name = "N")]
    pub question: Option<u64>,
}

/// Answers.
///
/// # Errors
/// Exit code 2 where nobody asks, nothing runs, or the answer is empty or too long.
pub fn run(args: &AnswerArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let mut client = session.require_coordinator()?;
    let opened = session.open_run(None)?;
    let key = names::task(&opened.state, &args.task)?;
    let (question, asked) = question_meant(&opened.state, &key, args.question)?;
    let text = exchange::answer(&words(&args.text)?).map_err(Error::usage)?;
    let first = asked.text.lines().next().unwrap_or_default().to_owned();
    client
        .say(&Say::Ask(Request::Answer { question, text }))
        .map_err(|e| Error::from(e).hint("`greenlane questions` lists what is open"))?;
    context.output.say(&format!("answered question {question} of `{}`: {}", name(&opened.state, &key), crate::report::clean(&first)));
    Ok(ExitCode::SUCCESS)
}

/// The one open question of the task, or the one that is named.
fn question_meant<'a>(state: &'a State, key: &TaskKey, wanted: Option<u64>) -> Result<(u64, &'a Question), Error> {
    let of_task: Vec<(u64, &Question)> =
        state.exchange.questions.iter().filter(|(_, q)| q.attempt.key == *key).map(|(n, q)| (*n, q)).collect();
    let hint = "`greenlane questions` lists what is asked";
    if let Some(wanted) = wanted {
        let found = of_task.into_iter().find(|(n, _)| *n == wanted);
        return found.ok_or_else(|| Error::usage(format!("task `{}` has asked no question {wanted}", key.task)).hint(hint));
    }
    let open: Vec<_> = of_task.into_iter().filter(|(_, q)| q.ended.is_none()).collect();
    match open.as_slice() {
        [only] => Ok(*only),
        [] => Err(Error::usage(format!("task `{}` waits for no answer", key.task)).hint(hint)),
        several => {
            let numbers: Vec<String> = several.iter().map(|(n, _)| n.to_string()).collect();
            let what = format!("task `{}` has several open questions: {}", key.task, numbers.join(", "));
            Err(Error::usage(what).hint("name one with `--question N`; `greenlane questions` shows them"))
        }
    }
}

fn words(text: &[String]) -> Result<String, Error> {
    if text != ["-"] {
        return Ok(text.join(" "));
    }
    let mut read = String::new();
    // One more than is taken, so that the rest is noticed.
    let most = TEXT_BYTES_MAX as u64 + 1_024;
    std::io::stdin().take(most).read_to_string(&mut read).map_err(|e| Error::usage(format!("standard input cannot be read: {e}")))?;
    Ok(read)
}
