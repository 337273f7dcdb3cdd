//! Tasks in the hands of a person or of an editor. In place of an agent's process a small one of our own waits in the worktree, kept like
//! any other: it outlives the coordinator, and a resume finds it. A word ([`give_back`], `greenlane done|fail`) or a commit ends it.
//! What the work is worth is the gate's business, as for every agent.

mod body;
mod commit;
mod given_back;
mod line;
mod unready;

pub use body::{HIDDEN_VERB, dispatch, order};
pub use given_back::{GivenBack, Word, give_back};
pub use line::Line;
pub use unready::{Unready, unready};

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the prompt lies, from the worktree's root: there an editor sees it. Git does not, as it is the state's folder.
pub const TASK_FILE: &str = ".greenlane/TASK.md";

/// What is told of it as long as nobody has done anything.
pub const WAITING: &str = "waits for a person";

/// Puts the prompt where whoever opens the worktree finds it.
///
/// # Errors
/// If it cannot be written.
pub fn put_prompt(worktree: &Path, prompt: &str) -> io::Result<PathBuf> {
    let path = worktree.join(TASK_FILE);
    fs::create_dir_all(worktree.join(".greenlane"))?;
    fs::write(&path, prompt)?;
    Ok(path)
}

/// Takes it away again: what git ignores stays in a worktree, and the next agent in it is not to read another one's task.
pub fn take_prompt_away(worktree: &Path) {
    if fs::remove_file(worktree.join(TASK_FILE)).is_ok() {
        // Only if nothing else is in it.
        drop(fs::remove_dir(worktree.join(".greenlane")));
    }
}
