//! Another process's end of the socket. Knows nothing of the journal.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Answer, Say};

/// Why a coordinator could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("no coordinator answers: {0}")]
    Unreachable(#[source] io::Error),
    /// It went away before it answered.
    #[error("the coordinator went away before it answered")]
    Gone,
    /// It answered what is no answer.
    #[error("the coordinator answered in an unknown form: {0}")]
    Answer(String),
    /// It refused; why.
    #[error("{0}")]
    Refused(String),
}

/// A connection to the coordinator.
pub struct Client {
    reader: BufReader<UnixStream>,
    patience: Option<Duration>,
}

/// What a follower is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Something was journalled; the last number by now.
    Journalled(u64),
    /// The coordinator is gone: the run has ended, or it was killed.
    Ended,
    /// Nothing, for as long as was asked.
    Nothing,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ControlError::Unreachable`] if nobody listens.
    pub fn connect(socket: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(socket).map_err(ControlError::Unreachable)?;
        Ok(Self { reader: BufReader::new(stream), patience: None })
    }

    /// Waits no longer than this for an answer; without it, for ever.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = Some(patience.max(Duration::from_millis(1)));
        self
    }

    /// Says something and gives the answer.
    ///
    /// # Errors
    /// If the coordinator is gone, or refuses.
    pub fn say(&mut self, say: &Say) -> Result<Answer, ControlError> {
        self.send(say)?;
        self.reader.get_ref().set_read_timeout(self.patience).map_err(ControlError::Unreachable)?;
        match self.receive()? {
            Some(Answer::Refused(why)) => Err(ControlError::Refused(why)),
            Some(answer) => Ok(answer),
            None => Err(ControlError::Gone),
        }
    }

    /// Asks to be told whenever something is journalled; see [`Client::next`].
    ///
    /// # Errors
    /// If the coordinator is gone.
    pub fn follow(&mut self) -> Result<(), ControlError> {
        self.send(&Say::Follow)
    }

    /// Waits until something is journalled, for at most `patience` (`None`: for ever).
    ///
    /// # Errors
    /// If the coordinator answers what is no answer.
    pub fn next(&mut self, patience: Option<Duration>) -> Result<Followed, ControlError> {
        let patience = patience.map(|p| p.max(Duration::from_millis(1)));
        self.reader.get_ref().set_read_timeout(patience).map_err(ControlError::Unreachable)?;
        match self.receive() {
            Ok(Some(Answer::Journalled(seq))) => Ok(Followed::Journalled(seq)),
            Ok(Some(other)) => Err(ControlError::Answer(format!("{other:?}"))),
            Ok(None) | Err(ControlError::Gone) => Ok(Followed::Ended),
            Err(ControlError::Unreachable(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(Followed::Nothing)
            }
            Err(ControlError::Unreachable(_)) => Ok(Followed::Ended),
            Err(e) => Err(e),
        }
    }

    fn send(&mut self, say: &Say) -> Result<(), ControlError> {
        let mut line = serde_json::to_vec(say).map_err(|e| ControlError::Answer(e.to_string()))?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line).map_err(|_| ControlError::Gone)
    }

    fn receive(&mut self) -> Result<Option<Answer>, ControlError> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_str(&line).map(Some).map_err(|e| ControlError::Answer(e.to_string())),
            Err(e) => Err(ControlError::Unreachable(e)),
        }
    }
}
