//! The process that waits: `greenlane __hand_off ATTEMPT_DIR GIT_DIR`, in the worktree. Knows two files and git; nothing of the run.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::TASK_FILE;
use super::commit::{Commits, Found};
use super::given_back::{self, GivenBack, Word};
use super::line::Line;

/// The verb that makes the program wait. Not for people: it is not in the help.
pub const HIDDEN_VERB: &str = "__hand_off";

/// From look to look. Each costs two system calls.
const PAUSE: Duration = Duration::from_millis(500);
/// So often in a row git may fail before the worktree is given up.
const FAILURES_MAX: u32 = 20;

/// The command line of the process that waits.
///
/// # Errors
/// If a path is no text: orders to keepers are text.
pub fn order(exe: &Path, attempt_dir: &Path, git_dir: &Path) -> Result<Vec<String>, String> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", path.display()));
    Ok(vec![text(exe)?, HIDDEN_VERB.to_owned(), text(attempt_dir)?, text(git_dir)?])
}

/// Its exit code if these are its arguments (program name first).
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let verb = arguments.nth(1)?;
    if verb != OsStr::new(HIDDEN_VERB) {
        return None;
    }
    let (Some(dir), Some(git_dir)) = (arguments.next(), arguments.next()) else { return Some(ExitCode::from(2)) };
    Some(wait(Path::new(&dir), Path::new(&git_dir)))
}

/// Waits for a word or a commit. A signal ends it like any agent: the work is in the worktree.
fn wait(dir: &Path, git_dir: &Path) -> ExitCode {
    let lost = |why: String| {
        tell(&Line::Lost { why });
        ExitCode::FAILURE
    };
    let worktree = match std::env::current_dir() {
        Ok(worktree) => worktree,
        Err(e) => return lost(format!("there is no worktree to wait in: {e}")),
    };
    let mut commits = match Commits::begin(&worktree, git_dir) {
        Ok(commits) => commits,
        Err(e) => return lost(format!("the worktree cannot be watched: {e}")),
    };
    tell(&Line::HandedOver { worktree: worktree.display().to_string(), prompt: worktree.join(TASK_FILE).display().to_string() });
    let mut told = None;
    let mut failures = 0;
    loop {
        match given_back::read(dir) {
            Ok(Some(GivenBack { word, by, message })) => {
                tell(&Line::GivenBack { word, by, message, commit: None });
                return if word == Word::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            }
            Ok(None) => {}
            Err(e) => return lost(format!("what was said cannot be read: {e}")),
        }
        match commits.look() {
            Ok(found) => {
                failures = 0;
                match found {
                    Found::Committed { commit, by, subject } => {
                        tell(&Line::GivenBack { word: Word::Done, by, message: subject, commit: Some(commit) });
                        return ExitCode::SUCCESS;
                    }
                    Found::NotYet(why) if told.as_ref() != Some(&why) => {
                        tell(&Line::NotYet { why: why.clone() });
                        told = Some(why);
                    }
                    Found::NotYet(_) | Found::Nothing => {}
                }
            }
            // Somebody else's git may be at it.
            Err(_) if failures < FAILURES_MAX && git_dir.exists() => failures += 1,
            Err(e) => return lost(format!("the worktree cannot be watched any longer: {e}")),
        }
        std::thread::sleep(PAUSE);
    }
}

fn tell(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        // Nobody to read it is no reason to stop waiting.
        drop(writeln!(io::stdout(), "{text}"));
    }
}
