//! `--detach`: the same verb again, in a session of its own, without a terminal. Its first word on standard output
//! says that it coordinates; until then the caller waits.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use greenlane_core::ids::RunId;

use crate::context::Context;
use crate::coordinate::this_program;
use crate::error::{Error, Outcome};
use crate::output::Output;

/// Most of the background process's last words that are shown.
const WORDS_BYTES_MAX: u64 = 64 * 1024;

/// Starts a verb with these words in the background and waits until it coordinates. The words come from what was read of the command
/// line, never from the line itself: `-qC DIR` and values that begin with `-C` are for clap to tell apart.
///
/// # Errors
/// What the background process says if it ends at once.
pub fn start_in_background(context: &Context, state_dir: &Path, words: Vec<OsString>) -> Outcome {
    let words = global_words(context.output).into_iter().chain(words).collect();
    match begin_in_background(&context.directory, state_dir, words)? {
        Background::Begun { run, log, child: _ } => {
            context.output.say(&format!(
                "Run {run} goes on in the background. `greenlane status` shows it, `greenlane wait` waits for its end; its words are in {}",
                log.display()
            ));
            Ok(ExitCode::SUCCESS)
        }
        Background::Ended { words, code } => {
            // With -q too: it is errors that a process says which ends before it has begun.
            context.output.tell(&words);
            Ok(ExitCode::from(code))
        }
    }
}

/// What became of a verb in the background.
#[derive(Debug)]
pub enum Background {
    /// It coordinates.
    Begun {
        /// This run.
        run: String,
        /// Where its words are.
        log: PathBuf,
        /// Its process, for whoever lives longer than it.
        child: Child,
    },
    /// It ended before.
    Ended {
        /// What it said.
        words: String,
        /// With which exit code.
        code: u8,
    },
}

/// Starts a verb in the background, in this directory, and waits until it coordinates or has ended. Says nothing.
///
/// # Errors
/// If it cannot be started or waited for.
pub fn begin_in_background(directory: &Path, state_dir: &Path, words: Vec<OsString>) -> Result<Background, Error> {
    let io = |what: &str, e: std::io::Error| Error::environment(format!("{what}: {e}"));
    let log = state_dir.join("coordinator.log");
    // Appended to: one that is at work in the background already has its words there.
    let file = File::options().create(true).append(true).open(&log).map_err(|e| io("cannot write the coordinator's log", e))?;
    let before = file.metadata().map_or(0, |m| m.len());
    let mut child = Command::new(this_program()?)
        .args(words)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(file)
        .spawn()
        .map_err(|e| io("cannot start in the background", e))?;
    let mut first = String::new();
    if let Some(stdout) = child.stdout.take() {
        drop(BufReader::new(stdout).read_line(&mut first));
    }
    if let Some(run) = first.trim().strip_prefix("run ") {
        return Ok(Background::Begun { run: run.to_owned(), log, child });
    }
    let status = child.wait().map_err(|e| io("the background process cannot be waited for", e))?;
    let code = status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(3);
    Ok(Background::Ended { words: words_since(&log, before), code })
}

/// What was written to the log after this many bytes.
fn words_since(log: &Path, before: u64) -> String {
    let mut said = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(before))?;
        file.take(WORDS_BYTES_MAX).read_to_end(&mut said)
    });
    // What could not be read cannot be told; the exit code tells the rest.
    drop(read);
    String::from_utf8_lossy(&said).into_owned()
}

/// The global options that hold in the background too: `-C` has been applied, and there is no terminal to colour.
fn global_words(output: Output) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--color=never".into()];
    words.extend(output.quiet.then(|| "--quiet".into()));
    words.extend((0..output.verbose).map(|_| OsString::from("--verbose")));
    words
}

/// In the background process: leaves the caller's session and tells it that the run is being coordinated.
pub fn begun(run: &RunId) {
    let _ = rustix::process::setsid();
    let mut out = std::io::stdout().lock();
    // The caller may be gone already; the run goes on all the same.
    drop(writeln!(out, "run {run}").and_then(|()| out.flush()));
}
