//! Follows a run as it goes on: sleeps until the coordinator says that something was journalled, then reads the journal.
//! Never polls; keeps the replayed state up to date.

use std::time::Duration;

use greenlane_core::view::Coordinator;
use greenlane_runtime::control::{Client, Followed};
use greenlane_runtime::journal::{Journal, Record};

use crate::error::Error;
use crate::session::{Opened, Session};

/// Most events that are taken at once.
const PAGE: u32 = 1_000;
/// How long a burst of messages is gathered, and at most how many.
const BURST: Duration = Duration::from_millis(1);
const BURST_MAX: usize = 64;

/// A run that is followed.
pub struct Following {
    /// The run, as far as it was read.
    pub opened: Opened,
    journal: Journal,
    client: Option<Client>,
}

/// What came.
#[derive(Debug)]
pub enum News {
    /// These events; the state has them already.
    Events(Vec<Record>),
    /// Nothing, for as long as was asked.
    Nothing,
    /// Nothing more will come: nobody is at work on the run any more.
    Over,
}

impl Following {
    /// Begins. A run on which nobody is at work is [`News::Over`] at once.
    ///
    /// # Errors
    /// If the journal cannot be read, or a living coordinator does not answer.
    pub fn begin(session: &Session, opened: Opened) -> Result<Self, Error> {
        let journal = session.journal()?;
        let client = if opened.coordinator == Coordinator::Alive { session.reach()? } else { None };
        let mut following = Self { opened, journal, client };
        if let Some(client) = &mut following.client {
            client.follow()?;
        }
        Ok(following)
    }

    /// Waits for the next news, for at most `patience` (`None`: for ever).
    ///
    /// # Errors
    /// If the journal cannot be read or does not fit together.
    pub fn next(&mut self, patience: Option<Duration>) -> Result<News, Error> {
        loop {
            let records = self.catch_up()?;
            if !records.is_empty() {
                return Ok(News::Events(records));
            }
            let Some(client) = &mut self.client else {
                self.opened.coordinator = Coordinator::Gone;
                return Ok(News::Over);
            };
            match client.next(patience)? {
                Followed::Journalled(_) => {
                    // Every message is taken before the journal is read, since a slow follower misses some.
                    for _ in 0..BURST_MAX {
                        match client.next(Some(BURST))? {
                            Followed::Journalled(_) => {}
                            Followed::Nothing => break,
                            Followed::Ended => {
                                self.client = None;
                                break;
                            }
                        }
                    }
                }
                Followed::Nothing => return Ok(News::Nothing),
                Followed::Ended => self.client = None,
            }
        }
    }

    /// There are events that were not taken yet. What cannot be read has none.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.journal.since(Some(&self.opened.run), self.opened.last_seq, 1).is_ok_and(|records| !records.is_empty())
    }

    fn catch_up(&mut self) -> Result<Vec<Record>, Error> {
        let records = self.journal.since(Some(&self.opened.run), self.opened.last_seq, PAGE)?;
        for record in &records {
            let applied = self.opened.state.apply(record.at, &record.event);
            applied.map_err(|e| Error::environment(format!("the journal does not fit together at number {}: {e}", record.seq)))?;
            self.opened.last_seq = record.seq;
        }
        Ok(records)
    }
}
