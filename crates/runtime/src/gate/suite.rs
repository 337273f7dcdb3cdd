//! Runs a plan's test suite on a commit, in a worktree in which no agent ever worked. Decides nothing about landing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use greenlane_core::attempt::Suite;
use greenlane_core::ids::{Oid, RunId};

use super::hint::hint;
use super::judge::fenced;
use crate::workspace::{Pool, Release, ShellLine, Workspace, WorkspaceError};

/// What is run.
pub struct SuiteSpec<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The plan's slug.
    pub slug: &'a str,
    /// `sh -c` lines; all must pass.
    pub commands: &'a [String],
    /// The limit of all of them together.
    pub timeout: Duration,
    /// Their environment.
    pub env: &'a BTreeMap<OsString, OsString>,
    /// `verify.log` and `setup.log` go here.
    pub log_dir: &'a Path,
}

/// Verifies a commit.
pub fn verify(pool: &Pool, commit: &Oid, spec: &SuiteSpec<'_>) -> Suite {
    if spec.commands.is_empty() {
        return Suite::Broken { message: String::from("there is no command to verify with") };
    }
    let broken = |message: String| Suite::Broken { message };
    let ws = match pool.prepare_verify(spec.run, spec.slug, commit, spec.log_dir) {
        Ok(ws) => ws,
        // A set-up that fails says as much about the tree as a test that does: what it installs is named there.
        Err(WorkspaceError::Setup { command, exit_code, timed_out, output, log }) => {
            let log = log.display().to_string();
            let hint = format!(
                "repair the command under `[workspace] setup` in greenlane.toml, or what it needs; try it in a fresh clone. \
                 All that it printed is in {log}"
            );
            return Suite::Red { command, exit_code, output, timed_out, hint: Some(hint), set_up_log: Some(log) };
        }
        Err(error) => return broken(error.to_string()),
    };
    let suite = run(pool, &ws, spec);
    match pool.release(&ws, Release::Landed) {
        Ok(()) => suite,
        Err(error) => broken(error.to_string()),
    }
}

fn run(pool: &Pool, ws: &Workspace, spec: &SuiteSpec<'_>) -> Suite {
    let deadline = Instant::now() + spec.timeout;
    for command in spec.commands {
        let line = ShellLine {
            command: command.clone(),
            cwd: ws.path.clone(),
            env: fenced(spec.env, ws),
            timeout: deadline.saturating_duration_since(Instant::now()),
            log: spec.log_dir.join("verify.log"),
            label: format!("verify {}/{}", spec.run, spec.slug),
        };
        match pool.shell().run(&line) {
            Ok(outcome) if outcome.passed() => {}
            Ok(outcome) => {
                let hint = hint(command, outcome.exit_code, &outcome.output_tail);
                let (exit_code, output, timed_out) = (outcome.exit_code, outcome.output_tail, outcome.timed_out);
                return Suite::Red { command: command.clone(), exit_code, output, timed_out, hint, set_up_log: None };
            }
            Err(error) => return Suite::Broken { message: format!("`{command}` could not be run: {error}") },
        }
    }
    Suite::Green { cached: false }
}
