//! A git process that lives on and answers questions line by line, so that a question costs no spawn.
//! Knows nothing of what is asked. One that died is started again by the next question.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use super::door::Git;
use super::error::GitError;
use super::trace::Traced;

/// The longest line that an answer may have.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// One living process and its two pipes.
pub(super) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    started: Instant,
    traced: Option<Traced>,
}

impl Session {
    /// Starts `git ARGS` at this place.
    pub(super) fn start(git: &Git, args: &[&str]) -> Result<Self, GitError> {
        let mut command = git.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let traced = Traced::begin(&command);
        let mut child = command.spawn().map_err(GitError::Spawn)?;
        if let Some(traced) = &traced {
            traced.lives_on();
        }
        let gone = || GitError::Spawn(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        let output = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        let input = child.stdin.take();
        Ok(Self { child, input, output, started: Instant::now(), traced })
    }

    /// How long it has been running.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes a question.
    pub(super) fn ask(&mut self, question: &[u8]) -> Result<(), GitError> {
        let input = self.input.as_mut().ok_or_else(|| GitError::Spawn(std::io::ErrorKind::BrokenPipe.into()))?;
        input.write_all(question).and_then(|()| input.flush()).map_err(GitError::Spawn)
    }

    /// Reads one line of the answer, without its end. An answer that ends early is an error: the process died.
    pub(super) fn line(&mut self) -> Result<String, GitError> {
        let mut line = Vec::new();
        (&mut self.output).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(GitError::Spawn)?;
        if line.pop() != Some(b'\n') {
            return Err(GitError::Spawn(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads so many bytes and the line end after them.
    pub(super) fn bytes(&mut self, size: usize) -> Result<Vec<u8>, GitError> {
        let mut bytes = vec![0; size + 1];
        self.output.read_exact(&mut bytes).map_err(GitError::Spawn)?;
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its input closed, it ends by itself; the wait only collects it.
        drop(self.input.take());
        let status = self.child.wait();
        if let Some(traced) = &self.traced {
            traced.ended(status.ok().and_then(|s| s.code()));
        }
    }
}
