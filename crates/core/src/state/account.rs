//! What is known of the accounts that agents work on: limits that their providers have set, as this run and others on the machine
//! have met them. Says how things stand; what follows from it is decided elsewhere.

use crate::time::Time;

/// An account of a provider. Several agents may share one, and so do all runs of a user on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Its provider refuses until then.
    pub paused_until: Option<Time>,
    /// When that became known.
    pub paused_at: Time,
    /// In its provider's words.
    pub reason: String,
    /// Most attempts of it at once, where that was ever lowered.
    pub limit: Option<u32>,
    /// When the limit was changed last.
    pub changed_at: Time,
    /// When the refusals began that have not been followed by any work since.
    pub limited_since: Option<Time>,
    /// How many times in a row it was refused, several at the same time counted once.
    pub times: u32,
    /// Places that other runs leave free, while they are short. Told by the driver, never journalled.
    pub(crate) free: Option<u32>,
}

/// An account's name for people: without the mark, after a `#`, that tells accounts of the same name apart.
#[must_use]
pub fn account_label(account: &str) -> &str {
    account.split_once('#').map_or(account, |(label, _)| label)
}

impl AccountState {
    /// Its provider refuses at this moment.
    #[must_use]
    pub fn is_paused(&self, now: Time) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    pub(super) fn set_pause(&mut self, until: Option<Time>, at: Time) {
        if self.paused_until != until {
            self.paused_until = until;
            self.paused_at = at;
        }
    }

    pub(super) fn set_limit(&mut self, limit: u32, at: Time) {
        if self.limit != Some(limit) {
            self.limit = Some(limit);
            self.changed_at = at;
        }
    }
}
