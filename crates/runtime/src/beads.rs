//! The issues of beads through its own program, `bd`. Knows nothing of their fields; changes nothing.

use std::path::Path;
use std::time::Duration;

use crate::program::{Failed, Patience, Program};

/// Its name.
pub const PROGRAM: &str = "bd";
/// Longest that it may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// All issues as JSON Lines, asked for in the main checkout: in a worktree `bd` would look at another store. `None`: there is no `bd`.
/// An error says what went wrong, in words that follow "`bd export` ".
#[must_use]
pub fn export(top: &Path) -> Option<Result<String, String>> {
    let environment = std::env::vars_os().collect();
    let program = Program { name: PROGRAM, directory: top, environment: &environment };
    match program.run(&["export"], &Patience::of(TIMEOUT)) {
        Ok(said) if said.is_good() => Some(Ok(said.out)),
        Ok(said) => Some(Err(format!("failed: {}", said.complaint()))),
        Err(Failed::Missing) => None,
        Err(Failed::Other(why)) => Some(Err(why)),
    }
}
