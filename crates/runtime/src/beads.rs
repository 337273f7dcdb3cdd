//! The issues of beads through its own program, `bd`. Knows nothing of their fields; changes nothing.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest that `bd` may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer in bytes: as long as a plan may be.
const ANSWER_BYTES_MAX: u64 = 10 << 20;

/// All issues as JSON Lines, asked for in the main checkout: in a worktree `bd` would look at another store. `None`: there is no `bd`.
/// An error says what went wrong, in words that follow "`bd export` ".
#[must_use]
pub fn export(top: &Path) -> Option<Result<String, String>> {
    let mut command = Command::new("bd");
    command.arg("export").current_dir(top).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => return Some(Err(format!("cannot be started: {e}"))),
    };
    let (done, answer) = mpsc::channel();
    let out = child.stdout.take();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = out.map(|o| o.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes));
        // Nobody waits any more after the time limit.
        drop(done.send((read.is_some_and(|r| r.is_ok()), bytes)));
    });
    let told = answer.recv_timeout(TIMEOUT);
    if !matches!(&told, Ok((true, bytes)) if bytes.len() as u64 <= ANSWER_BYTES_MAX) {
        drop(child.kill());
    }
    let status = child.wait();
    Some(match (told, status) {
        (Err(_), _) => Err(format!("did not answer within {} seconds", TIMEOUT.as_secs())),
        (Ok((_, bytes)), _) if bytes.len() as u64 > ANSWER_BYTES_MAX => Err(format!("gave more than {} MB", ANSWER_BYTES_MAX >> 20)),
        (Ok((true, bytes)), Ok(status)) if status.success() => {
            String::from_utf8(bytes).map_err(|_| String::from("gave something that is not UTF-8 text"))
        }
        (Ok(_), Ok(status)) => Err(format!("failed: {status}")),
        (Ok(_), Err(e)) => Err(format!("cannot be waited for: {e}")),
    })
}
