//! The dashboard beside a run in the foreground, for `run --web`: a process of its own, so that nothing that happens to it happens to the
//! run. It ends with the run: its standard input is held open until then.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::context::Context;
use crate::coordinate::this_program;
use crate::error::Error;

/// How long it may take to say its last words to open pages.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// The server beside the run, until this is dropped.
pub struct Beside {
    child: Child,
}

/// The line that `serve --json` prints.
#[derive(Deserialize)]
struct Address {
    url: String,
}

impl Beside {
    /// Starts it and says where it is.
    ///
    /// # Errors
    /// If it does not start; it has said why.
    pub fn start(context: &Context) -> Result<Self, Error> {
        let failed = |why: String| Error::environment(format!("the dashboard cannot be started: {why}"));
        let mut child = Command::new(this_program()?)
            .args(["serve", "--json", "--with-parent"])
            .current_dir(&context.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            drop(BufReader::new(stdout).read_line(&mut line));
        }
        let beside = Self { child };
        let address: Address = serde_json::from_str(&line).map_err(|_| failed(String::from("it gave no address")))?;
        context.output.say(&format!("The dashboard is at {} until the run ends.", address.url));
        Ok(beside)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let began = Instant::now();
        while began.elapsed() < LAST_WORDS_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
