//! The keeper process itself: `greenlane __keeper DIR`.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::signals::Signals;
use super::spec::{Lifetime, Spec};
use super::{claim, record, streams, supervise, system, wall_clock};

/// The verb that makes the program a keeper. Not for people: it is not in the help.
pub const HIDDEN_VERB: &str = "__keeper";

/// The order cannot be read, or nothing can be written: nothing was run.
const UNUSABLE: u8 = 2;
/// Somebody else has the claim: nothing was run.
const CLAIMED: u8 = 3;
/// The command was run, but its end could not be recorded.
const UNRECORDED: u8 = 4;

/// The keeper's exit code if these are a keeper's arguments (program name first). To be asked before anything else in `main`, so that a
/// keeper costs neither the time nor the memory of what it does not use.
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    match (arguments.nth(1), arguments.next()) {
        (Some(verb), Some(dir)) if verb == HIDDEN_VERB => Some(keeper_main(Path::new(&dir))),
        _ => None,
    }
}

/// Keeps the attempt whose directory this is, from its claim to its record. Says what goes wrong on standard error, which is `keeper.log`.
///
/// Exit codes: 0 recorded, 2 nothing was run because the directory or the order is unusable, 3 nothing was run because somebody else has the
/// claim, 4 the end could not be recorded.
#[must_use]
pub fn keeper_main(dir: &Path) -> ExitCode {
    match keep(dir) {
        Ok(code) => code,
        Err(e) => {
            complain(&format!("cannot keep {}: {e}", dir.display()));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn keep(dir: &Path) -> io::Result<ExitCode> {
    system::close_inherited();
    // Fails only for the leader of a group, which a keeper that was spawned is not.
    let _ = rustix::process::setsid();
    system::take_name();
    system::adopt_orphans();
    let dir = std::path::absolute(dir)?;
    // Where the coordinator stood is not held on to: it may be a mount that somebody wants to detach.
    std::env::set_current_dir(&dir)?;
    let spec = Spec::read(&dir)?;
    let signals = Signals::install()?;
    let Some(held) = claim::acquire(&dir)? else {
        complain("somebody else has the claim; nothing was run");
        return Ok(ExitCode::from(CLAIMED));
    };
    let reserved = record::Reserved::new(&dir)?;
    let streams = streams::Streams::create(&dir, spec.output_bytes_max, spec.reader)?;
    let record = supervise::supervise(&spec, &dir, &signals, streams, life_line(&spec));
    let written = reserved.write(&record, spec.lifetime, complain);
    drop(held);
    Ok(match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&format!("the end could not be recorded: {e}"));
            ExitCode::from(UNRECORDED)
        }
    })
}

/// Its end is the parent's end.
fn life_line(spec: &Spec) -> Option<io::Stdin> {
    (spec.lifetime == Lifetime::WithParent).then(io::stdin)
}

/// One line for `keeper.log`.
pub(super) fn complain(what: &str) {
    // Not `eprintln`: that panics when the disk is full, and the attempt would be lost for the sake of its log.
    let _ = writeln!(io::stderr(), "{} {what}", wall_clock().rfc3339());
}
