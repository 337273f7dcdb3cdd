//! `events`: the journal as JSON Lines, page by page, and on as it grows; `events rebuild` makes the logs anew from it.

use std::process::ExitCode;

use greenlane_runtime::journal::Record;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::follow::{Following, News};
use crate::logbook;
use crate::progress::EventLine;
use crate::session::Session;

/// Flags of `events`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane events                  everything so far
  greenlane events --since 120 -f   from there on, as it happens
  greenlane events | jq -r .event | sort | uniq -c
  greenlane events rebuild          make the logs under .greenlane/logs anew")]
pub struct EventsArgs {
    /// What to do instead of printing
    #[command(subcommand)]
    pub verb: Option<EventsVerb>,
    /// Go on as events happen, until the run ends
    #[arg(short, long)]
    pub follow: bool,
    /// Only events after this number
    #[arg(long, value_name = "SEQ")]
    pub since: Option<u64>,
    /// Only of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// JSON Lines, which it is anyway
    #[arg(long)]
    pub json: bool,
}

/// What to do with the journal.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum EventsVerb {
    /// Make all logs under .greenlane/logs anew from the journal
    #[command(after_help = "Examples:
  greenlane events rebuild

The logs (events, failures, retries, health, metrics, deficiencies) are derived from the journal: each line is made anew as it was, and
the new files take the old ones' place in one step. Also while a run goes on. Other files in the folder stay.")]
    Rebuild,
}

/// Events that are read and written at once.
const PAGE: u32 = 1_000;

/// Prints them.
///
/// # Errors
/// Exit code 2 where nothing ever ran, or no such run is known.
pub fn run(args: &EventsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    if let Some(EventsVerb::Rebuild) = args.verb {
        return logbook::rebuild(&session, context);
    }
    let journal = session.journal()?;
    let run = args.run.as_deref().map(|name| session.find_run(&journal, Some(name))).transpose()?;
    let mut seq = args.since.unwrap_or(0);
    loop {
        let page = journal.since(run.as_ref(), seq, PAGE)?;
        print(&page, context)?;
        seq = page.last().map_or(seq, |r| r.seq);
        if page.len() < PAGE as usize {
            break;
        }
    }
    if args.follow {
        follow(args, &session, seq, context)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// On until the run ends. Events of other runs cannot come meanwhile: one coordinator at a time has the repository.
fn follow(args: &EventsArgs, session: &Session, mut seq: u64, context: &Context) -> Result<(), Error> {
    let opened = session.open_run(args.run.as_deref())?;
    let journal = session.journal()?;
    // What came between the last page and the replay.
    while seq < opened.last_seq {
        let missed = journal.since(Some(&opened.run), seq, PAGE)?;
        print(&missed, context)?;
        seq = missed.last().map_or(opened.last_seq, |r| r.seq);
    }
    let mut following = Following::begin(session, opened)?;
    loop {
        match following.next(None)? {
            News::Events(records) => {
                let new: Vec<Record> = records.into_iter().filter(|r| r.seq > seq).collect();
                print(&new, context)?;
                if !following.opened.state.is_live() {
                    return Ok(());
                }
            }
            News::Nothing => {}
            News::Over => return Ok(()),
        }
    }
}

fn print(records: &[Record], context: &Context) -> Result<(), Error> {
    records.iter().try_for_each(|record| context.output.json_line(&EventLine::of(record)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::event::Event;

    #[test]
    fn a_line_is_the_contracts() {
        let run = samples::half_way();
        let started = run.records.iter().find(|r| matches!(r.event, Event::AttemptStarted { .. })).unwrap();
        let text = serde_json::to_string(&EventLine::of(started)).unwrap();
        let head = format!("{{\"seq\":{},\"at\":\"2026-01-02T03:04:05.000Z\",\"run\":\"r1\",\"event\":\"attempt_started\",", started.seq);
        assert!(text.starts_with(&head), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["plan"], &value["task"], &value["attempt"]), (&"limits".into(), &"bucket".into(), &1.into()));
        for record in &run.records {
            let read: Event = serde_json::from_str(&serde_json::to_string(&EventLine::of(record)).unwrap()).unwrap();
            assert_eq!(read, record.event, "a reader of the stream gets the event itself");
        }
    }
}
