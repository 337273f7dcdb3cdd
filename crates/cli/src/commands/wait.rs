//! `wait`: sleeps until the run has ended, and tells how. Changes nothing.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::time::format_duration;

use crate::args::duration;
use crate::commands::status::{Form, document};
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::follow::{Following, News};
use crate::report::{self, Look};
use crate::session::Session;

/// Flags of `wait`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane wait                  exit code as that of `run`
  greenlane wait --timeout 10m    exit code 124 if it has not ended by then")]
pub struct WaitArgs {
    /// Give up after this time
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// At the end the status as one JSON document
    #[arg(long)]
    pub json: bool,
}

/// After the run's end its coordinator keeps house for a moment; whoever waited can then go on with `land` or `rollback`.
const HOUSEKEEPING_MAX: Duration = Duration::from_secs(10);

/// Waits.
///
/// # Errors
/// Exit code 1 if some task is not done or the run was interrupted, 124 if the time is over, 2 if nothing ever ran.
pub fn run(args: &WaitArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(None)?;
    let began = Instant::now();
    let mut following = Following::begin(&session, opened)?;
    let mut ended_at: Option<Instant> = None;
    loop {
        let left = args.timeout.map(|t| t.saturating_sub(began.elapsed()));
        if !following.opened.state.is_live() {
            let since = *ended_at.get_or_insert_with(Instant::now);
            if since.elapsed() >= HOUSEKEEPING_MAX {
                break;
            }
        } else if left.is_some_and(|l| l.is_zero()) {
            let after = args.timeout.map(format_duration).unwrap_or_default();
            return Err(Error::new(Kind::WaitTimedOut, format!("run {} has not ended after {after}", following.opened.run))
                .hint("`greenlane status` shows how far it is"));
        }
        let patience = if ended_at.is_some() { Some(HOUSEKEEPING_MAX) } else { left };
        if matches!(following.next(patience)?, News::Over) {
            break;
        }
    }
    let opened = following.opened;
    let doc = opened.status();
    if args.json {
        context.output.data(&document(&doc, Form::Indented)?)?;
    }
    if opened.state.is_live() {
        return Err(Error::new(Kind::NotDone, format!("run {} was interrupted: its coordinator is gone", opened.run))
            .hint("`greenlane resume` goes on with it"));
    }
    if !args.json && !context.output.quiet {
        let look = Look::of_stdout(context.output.color);
        context.output.data(&format!("{}{}", report::summary(&doc, look), report::advice(&doc, &opened.surroundings(&session), look)))?;
    }
    Ok(ExitCode::from(u8::from(!doc.all_done())))
}
