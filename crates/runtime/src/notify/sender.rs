//! The process that speaks: from its cursor on, not more often than it may, until nothing is left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::notice::{Notice, is_notable, notice};
use greenlane_core::time::Time;

use super::channels::{Told, tell};
use super::store::{self, Remembered};
use super::{Order, channels};
use crate::clock;
use crate::journal::{Fact, Journal, JournalError};
use crate::subscriber::Runs;

/// What is older was missed: it is in the report, and nobody is woken for it.
const AGE_MAX: Duration = Duration::from_secs(3600);
/// Entries of the journal that are read at once.
const PAGE: u32 = 1_000;
/// Most notices that are told together; the others are counted.
const TOGETHER_MAX: usize = 20;
/// What is journalled together is told together.
const GATHER: Duration = Duration::from_millis(200);

/// Why nothing could be told.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its own file cannot be written.
    #[error("cannot keep book of notices: {0}")]
    Io(#[from] io::Error),
}

/// Tells what is to be told, and returns when nothing is left. One process at a time; another waits here.
///
/// # Errors
/// See [`SenderError`]. What a channel could not do is no error: it is remembered.
pub fn send(order: &Order, environment: &BTreeMap<OsString, OsString>) -> Result<(), SenderError> {
    let lock = File::create(order.state_dir.join("notify.lock"))?;
    lock.lock()?;
    let journal = Journal::read(&order.state_dir)?;
    let mut remembered = store::read(&order.state_dir).unwrap_or_default();
    loop {
        if pending(order, &journal, &mut remembered.clone())?.is_empty() {
            return Ok(());
        }
        let now = clock::now();
        let free_at = remembered.told_at.map_or(now, |at| at + order.config.every).min(now + order.config.every);
        std::thread::sleep(free_at.since(now).max(GATHER));
        let found = pending(order, &journal, &mut remembered)?;
        let Some((run, _)) = found.last().cloned() else { continue };
        let mut notices: Vec<Notice> = found.into_iter().map(|(_, n)| n).collect();
        let left_out = notices.len().saturating_sub(TOGETHER_MAX);
        // The newest say most.
        notices.drain(..left_out);
        remembered.told_at = Some(clock::now());
        // Before it speaks: a machine that dies meanwhile does not say it twice.
        store::write(&order.state_dir, &remembered)?;
        let told = Told { repository: order.top.display().to_string(), run, notices, left_out };
        remembered.trouble = channels(&order.config, environment, &order.top)
            .iter()
            .filter_map(|channel| tell(channel, &told, environment, &order.top).err().map(|why| format!("{}: {why}", channel.name())))
            .collect();
        store::write(&order.state_dir, &remembered)?;
    }
}

/// What is to be told of the entries behind the cursor, which is moved behind them.
fn pending(order: &Order, journal: &Journal, remembered: &mut Remembered) -> Result<Vec<(RunId, Notice)>, JournalError> {
    let (mut found, mut runs) = (Vec::new(), Runs::default());
    let since = Time(clock::now().0.saturating_sub(u64::try_from(AGE_MAX.as_millis()).unwrap_or(u64::MAX)));
    loop {
        let page = journal.entries(remembered.through, PAGE)?;
        for entry in &page {
            remembered.through = entry.position;
            let Fact::Event { run, event, .. } = &entry.fact else { continue };
            if entry.at < since || !is_notable(event) {
                continue;
            }
            // Only what may be told is worth the replay.
            runs.stand_at(journal, entry.position.seq.saturating_sub(1))?;
            let state = runs.after(journal, run, entry.position.seq, entry.at, event)?;
            let told = notice(run, entry.at, event, state, order.config.after);
            found.extend(told.filter(|n| order.config.events.contains(&n.kind)).map(|n| (run.clone(), n)));
        }
        if page.len() < PAGE as usize {
            return Ok(found);
        }
    }
}
