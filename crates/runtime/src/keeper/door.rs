//! The coordinator's side: starts keepers, asks them to end. Knows nothing of what they keep.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use greenlane_core::attempt::ExitRecord;
use rustix::process::{Pid, Signal};

use super::body::HIDDEN_VERB;
use super::child::LABEL_VARIABLE;
use super::claim::{Probe, probe, wait};
use super::spec::{Lifetime, Spec};
use super::strays::end_strays;
use super::system::{self, Process};

/// How an attempt is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// SIGTERM to the tree, the spec's grace, then SIGKILL.
    Terminate,
    /// SIGKILL at once.
    Kill,
}

/// Starts a keeper for the attempt whose directory this is: a fresh one, used once. `exe` is this program's binary, by its absolute path;
/// the environment is exactly `env` and `GREENLANE_ATTEMPT`.
///
/// The child is the keeper itself: wait for it, then [`probe`]. With [`Lifetime::WithParent`] its standard input is the life line, which
/// `Child::wait` closes: take it out first, or use [`run_supervised`].
///
/// # Errors
/// If the directory cannot be written or the program cannot be started.
pub fn spawn(exe: &Path, dir: &Path, spec: &Spec, env: &BTreeMap<OsString, OsString>) -> io::Result<Child> {
    spawn_with(exe, dir, spec, env, None)
}

/// The same for a keeper that holds on to an open file for as long as it lives, and by that to a lock on it, which ends with it whatever
/// it dies of. Only with [`Lifetime::Detached`]: the file is its standard input, which no process of its tree is given.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_with(exe: &Path, dir: &Path, spec: &Spec, env: &BTreeMap<OsString, OsString>, held: Option<File>) -> io::Result<Child> {
    // The keeper changes its directory.
    let dir = std::path::absolute(dir)?;
    fs::create_dir_all(&dir)?;
    spec.write(&dir)?;
    let log = OpenOptions::new().append(true).create(true).open(dir.join("keeper.log"))?;
    let stdin = match spec.lifetime {
        Lifetime::Detached => held.map_or_else(Stdio::null, Stdio::from),
        Lifetime::WithParent => Stdio::piped(),
    };
    let mut command = Command::new(exe);
    command.arg(HIDDEN_VERB).arg(&dir).env_clear().envs(env).env(LABEL_VARIABLE, &spec.label);
    command.stdin(stdin).stdout(log.try_clone()?).stderr(log).spawn()
}

/// Its keeper was killed: nobody knows how the command ended, and nothing of it runs any more.
#[derive(Debug, thiserror::Error)]
#[error("its keeper was ended ({0}) before it could say how the command ended")]
pub struct KeeperLost(ExitStatus);

/// Runs a command to its end under a keeper that dies with this process: checks, verification, hooks. Blocks. The label must be this
/// command's alone: by it what a killed keeper leaves is found and ended.
///
/// # Errors
/// As [`spawn`]; if the directory has been used before; [`KeeperLost`] inside if the keeper was killed.
pub fn run_supervised(exe: &Path, dir: &Path, spec: &Spec, env: &BTreeMap<OsString, OsString>) -> io::Result<ExitRecord> {
    let spec = Spec { lifetime: Lifetime::WithParent, ..spec.clone() };
    if probe(dir)? != Probe::NeverBegan {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} has been used before", dir.display())));
    }
    let mut child = spawn(exe, dir, &spec, env)?;
    let life_line = child.stdin.take();
    let status = child.wait()?;
    drop(life_line);
    match probe(dir)? {
        Probe::Exited(record) => Ok(*record),
        // It refused to begin, and says why.
        Probe::NeverBegan if status.code().is_some() => {
            let said = std::fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            Err(io::Error::other(format!("its keeper ended at once ({status}): {}", said.lines().last().unwrap_or_default())))
        }
        _ => {
            end_strays(&spec.label)?;
            Err(io::Error::other(KeeperLost(status)))
        }
    }
}

/// Ends what a supervised command of a process that died has left, and waits until it is gone.
///
/// # Errors
/// If it cannot be looked at or ended.
pub fn end_left_over(dir: &Path) -> io::Result<()> {
    if cancel(dir, Cancel::Kill)? {
        wait(dir)?;
    }
    if let (Probe::Lost(_), Ok(spec)) = (probe(dir)?, Spec::read(dir)) {
        end_strays(&spec.label)?;
    }
    Ok(())
}

/// Asks the attempt's keeper to end it. `false`: there is no keeper to ask (it has ended, or never began: [`super::void`]).
///
/// # Errors
/// As [`probe`].
pub fn cancel(dir: &Path, how: Cancel) -> io::Result<bool> {
    let Probe::Running(who) = probe(dir)? else { return Ok(false) };
    let signal = match how {
        Cancel::Terminate => Signal::TERM,
        Cancel::Kill => Signal::USR1,
    };
    let Some(pid) = i32::try_from(who.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    // The lock says that the keeper lives, the start time that this pid is the keeper.
    Ok(who.is_alive() && system::signal(&Process { pid, started_ticks: who.started_ticks, group: 0 }, signal))
}
