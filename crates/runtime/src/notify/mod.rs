//! Tells people who do not look: on the desktop, by a command, by a webhook. Approach: the coordinator only starts a small process
//! (`greenlane __notify`) when something is worth it; that one reads the journal from a cursor of its own, waits until it may speak again,
//! speaks, and goes. So nothing waits for a slow webhook, nothing is told twice, and the last word is told though the run is over.

mod channels;
mod sender;
mod store;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use greenlane_core::notice::is_notable;
use serde::{Deserialize, Serialize};

pub use channels::{Channel, Told, channels, tell};
pub use sender::{SenderError, send};
pub use store::last_trouble;

use crate::config::NotifyConfig;
use crate::journal::{Journal, Record};

/// The hidden verb.
pub const VERB: &str = "__notify";

/// What the sender is told on its standard input: an address may hold a secret, which a command line would show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// `.greenlane`.
    pub state_dir: PathBuf,
    /// Where the command runs.
    pub top: PathBuf,
    /// Whom to tell, and what.
    pub config: NotifyConfig,
}

/// The sender's exit code if these are its arguments (program name first); its order comes on standard input. 0: nothing is left to be
/// told; 1: the journal cannot be read; 2: there is no order.
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.nth(1)? != VERB {
        return None;
    }
    let Ok(order) = serde_json::from_reader::<_, Order>(std::io::stdin().lock()) else { return Some(ExitCode::from(2)) };
    let environment = std::env::vars_os().collect();
    Some(ExitCode::from(u8::from(send(&order, &environment).is_err())))
}

/// The coordinator's part: starts the sender when something is worth it.
pub struct Notifier {
    exe: PathBuf,
    order: Order,
    environment: BTreeMap<OsString, OsString>,
    child: Option<Child>,
}

impl Notifier {
    /// `None`: there is nobody to tell. Marks where in the journal a repository that never told anything begins to.
    #[must_use]
    pub fn new(exe: &Path, order: Order, environment: &BTreeMap<OsString, OsString>) -> Option<Self> {
        if channels(&order.config, environment, &order.top).is_empty() || order.config.events.is_empty() {
            return None;
        }
        // Without a journal there is nothing before the first event.
        let end = Journal::read(&order.state_dir).and_then(|j| j.end()).unwrap_or_default();
        store::begin_at(&order.state_dir, end);
        Some(Self { exe: exe.to_owned(), order, environment: environment.clone(), child: None })
    }

    /// These were journalled.
    ///
    /// # Errors
    /// If the sender cannot be started.
    pub fn journalled(&mut self, records: &[Record]) -> std::io::Result<()> {
        if !records.iter().any(|r| is_notable(&r.event)) {
            return Ok(());
        }
        // One that still waits for its turn looks at the journal again before it goes; one that has gone leaves no zombie.
        if let Some(child) = &mut self.child
            && child.try_wait()?.is_none()
        {
            // It may be about to go: a second one waits for its lock, finds nothing, and goes.
            drop(self.start()?);
            return Ok(());
        }
        self.child = Some(self.start()?);
        Ok(())
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.exe);
        command.arg(VERB).env_clear().envs(&self.environment).current_dir("/").process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let order = serde_json::to_vec(&self.order).map_err(std::io::Error::other)?;
        // Dropped at once, which ends its input.
        child.stdin.take().map_or(Ok(()), |mut input| input.write_all(&order))?;
        Ok(child)
    }
}
