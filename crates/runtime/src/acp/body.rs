//! The process between keeper and agent: `greenlane __acp DIR`. Starts the agent, listens to it and to signals, and ends it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::client::{Client, Outcome, Patience, wait_for_end};
use super::lines::Lines;
use super::order::Order;
use super::place::Place;
use super::terminals::Terminals;
use super::wire::{Heard, Outbox, listen};
use crate::keeper::Spec;

/// The verb that makes the program such a client. Not for people: it is not in the help.
pub const HIDDEN_VERB: &str = "__acp";

/// What is heard and not yet looked at; a message may have 16 MiB.
const HEARD_MAX: usize = 4;
/// For an agent's answers before its prompt. opencode needs 8 s on an idle machine.
const OPENING_PATIENCE: Duration = Duration::from_secs(180);
/// For the end of a turn that was cancelled, unless half of the attempt's grace is less.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);
/// From the end of the conversation to the signal, and from that to leaving the agent to the keeper, which kills it.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// The conversation could not begin: the order is unusable.
const UNUSABLE: u8 = 2;
/// The agent says that it failed.
const FAILED: u8 = 1;
/// As a shell tells a program that is not there, and one that cannot be executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
/// As a shell tells SIGTERM.
const TERMINATED: u8 = 143;

/// The client's exit code if these are its arguments (program name first). To be asked before anything else in `main`.
///
/// Exit codes: 0 the turn ended as it should, 1 it failed, 2 the order is unusable, 126 and 127 the agent's program is not to be had, 143
/// ended by SIGTERM; else the agent's own, where its process ended before its turn.
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    match (arguments.nth(1), arguments.next()) {
        (Some(verb), Some(dir)) if verb == HIDDEN_VERB => Some(ExitCode::from(run(Path::new(&dir)))),
        _ => None,
    }
}

fn run(dir: &Path) -> u8 {
    let spec = match Spec::read(dir) {
        Ok(spec) => spec,
        Err(e) => return complain(UNUSABLE, &format!("the order in {} cannot be read: {e}", dir.display())),
    };
    let Some(order) = &spec.acp else { return complain(UNUSABLE, "the order holds no conversation") };
    match converse(&spec, order) {
        Ok(code) => code,
        Err(e) => complain(UNUSABLE, &format!("the conversation cannot begin: {e}")),
    }
}

fn converse(spec: &Spec, order: &Order) -> io::Result<u8> {
    let place = Place::new(&spec.cwd)?;
    let (heard, hear) = mpsc::sync_channel(HEARD_MAX);
    // Before there is a process: a signal that comes early is a request too.
    heed_signals(heard.clone())?;
    let (program, arguments) = spec.argv.split_first().ok_or_else(|| io::Error::other("there is no command"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(complain(NOT_FOUND, &format!("cannot run `{program}`: not found"))),
        Err(e) => return Ok(complain(NOT_EXECUTABLE, &format!("cannot run `{program}`: {e}"))),
    };
    let pid = Pid::from_child(&child);
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(io::Error::other("it has no pipes")) };
    listen(output, heard.clone());
    wait_for(child, heard.clone());
    let patience = Patience { opening: OPENING_PATIENCE, cancel: CANCEL_PATIENCE.min(spec.grace / 2) };
    let terminals = Terminals::new(place.clone(), heard);
    let mut client = Client::new(order, place, hear, Outbox::new(input), Lines::new(io::stdout()), terminals, patience);
    let outcome = client.talk();
    if let Outcome::AgentEnded(code) = outcome {
        return Ok(u8::try_from(code).unwrap_or(FAILED));
    }
    // One that is to end at once is not waited for before it is told.
    let alone = if outcome == Outcome::Terminated { Duration::ZERO } else { END_PATIENCE };
    if let Some(hear) = client.close(alone) {
        end(pid, &hear);
    }
    Ok(match outcome {
        Outcome::Finished => 0,
        Outcome::Failed => FAILED,
        Outcome::Terminated | Outcome::AgentEnded(_) => TERMINATED,
    })
}

/// Asks the agent's process to end, and waits a little. What is left then is the keeper's.
fn end(agent: Pid, hear: &Receiver<Heard>) {
    // Not yet reaped, or its end would have been heard: nobody else has its pid. At worst it was reaped this instant.
    let _ = kill_process(agent, Signal::TERM);
    wait_for_end(hear, END_PATIENCE);
}

fn heed_signals(heard: SyncSender<Heard>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if heard.send(Heard::Terminate).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn wait_for(mut child: Child, heard: SyncSender<Heard>) {
    thread::spawn(move || {
        let code = child.wait().map_or(i32::from(FAILED), as_shell_tells);
        drop(heard.send(Heard::Ended(code)));
    });
}

fn as_shell_tells(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(i32::from(FAILED))
}

fn complain(code: u8, what: &str) -> u8 {
    // Not `eprintln`: that panics where nobody reads.
    let _ = writeln!(io::stderr(), "{what}");
    code
}
