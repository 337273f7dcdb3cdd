//! Programs that a test writes and then runs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable script. Another process writes it: a child that a thread of this one starts meanwhile would have a copy of the
/// descriptor until it runs its own program, and whoever runs the script at that moment is told "text file busy".
///
/// # Panics
/// If it cannot be written.
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn write_program(path: &Path, text: &str) {
    let mut writer = Command::new("sh");
    writer.args(["-c", "cat > \"$0\" && chmod 755 \"$0\""]).arg(path).stdin(Stdio::piped());
    let mut child = writer.spawn().expect("sh");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the script is taken");
    assert!(child.wait().expect("sh ends").success(), "{} cannot be written", path.display());
}
