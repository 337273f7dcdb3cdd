//! How the account of each agent stands: how many of its places are in use, over all runs of this user, and whether its provider
//! refuses. Looks, and makes nothing.

use std::collections::BTreeMap;

use greenlane_core::options::QuotaPolicy;
use greenlane_core::state::account_label;
use greenlane_core::time::Time;
use greenlane_runtime::accounts::{Accounts, accounts_of};
use greenlane_runtime::agent::Registry;
use greenlane_runtime::clock;
use serde::Serialize;

use crate::context::Context;
use crate::output::{Paint, paint};
use crate::report::{Look, clean, local, wrapped};

/// Most lines of a provider's words.
const LINES_MAX: usize = 3;

/// An account as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Account {
    /// For people; agents of the same one share what there is.
    name: String,
    /// As the journal has it: with a mark that tells the accounts of one name apart.
    id: String,
    /// Attempts at work on it at this moment; `null`: its files cannot be read.
    in_use: Option<u32>,
    /// Most at once.
    limit: u32,
    /// Most at once where its provider never refused: `[quota] api_limit`.
    limit_max: u32,
    /// Its provider refuses until then: RFC 3339, UTC.
    paused_until: Option<String>,
    /// In its provider's words.
    reason: Option<String>,
    #[serde(skip)]
    until: Option<Time>,
}

/// The accounts of all agents.
pub(super) struct Standings {
    of: BTreeMap<String, Account>,
}

impl Standings {
    /// Looks at each account once. Trouble with their files is told and hides no agent.
    pub(super) fn look(registry: &Registry, quota: &QuotaPolicy, context: &Context) -> Self {
        let (all, now) = (Accounts::of_user(&context.env), clock::now());
        let mut known: BTreeMap<String, Account> = BTreeMap::new();
        let of = accounts_of(registry, &context.env).into_iter().map(|(agent, id)| {
            let account = known.entry(id.clone()).or_insert_with(|| stands(all.as_ref(), &id, quota, now, context));
            (agent, account.clone())
        });
        Self { of: of.collect() }
    }

    /// That of this agent.
    pub(super) fn of(&self, agent: &str) -> Account {
        self.of.get(agent).cloned().unwrap_or_else(|| Account::idle(agent, 1))
    }
}

fn stands(all: Option<&Accounts>, id: &str, quota: &QuotaPolicy, now: Time, context: &Context) -> Account {
    let most = quota.api_limit.max(1);
    let idle = Account::idle(id, most);
    let (reading, held) = match all.map(|all| all.look(id)) {
        None => return idle,
        Some(Ok(found)) => found,
        Some(Err(e)) => {
            context.output.say(&format!("how the account {} stands cannot be read: {e}", idle.name));
            return Account { in_use: None, ..idle };
        }
    };
    let until = reading.paused_until.filter(|until| *until > now);
    let stored = reading.limit.unwrap_or(most).clamp(1, most);
    Account {
        in_use: Some(held),
        limit: quota.risen(stored, &reading, now),
        paused_until: until.map(Time::rfc3339),
        reason: until.map(|_| reading.reason).filter(|reason| !reason.is_empty()),
        until,
        ..idle
    }
}

impl Account {
    fn idle(id: &str, most: u32) -> Self {
        let name = clean(account_label(id));
        Self { name, id: id.to_owned(), in_use: Some(0), limit: most, limit_max: most, paused_until: None, reason: None, until: None }
    }

    /// A line below its agent's, and one more while its provider refuses.
    pub(super) fn text(&self, indent: usize, look: Look, now: Time) -> String {
        let lowered = if self.limit < self.limit_max { format!(" (lowered from {})", self.limit_max) } else { String::new() };
        let places = match self.in_use {
            Some(n) => format!("{n} of {} places in use{lowered}", self.limit),
            None => format!("{} places{lowered}", self.limit),
        };
        let mut out = format!("{:indent$}{}\n", "", paint(&format!("account {}: {places}", self.name), Paint::Dim, look.color));
        if let Some(until) = self.until {
            let why = self.reason.as_deref().map(|r| format!(": {}", clean(r))).unwrap_or_default();
            let text = format!("its provider refuses until {}{why}", local(until, now));
            for line in wrapped(&text, look.width.saturating_sub(indent), LINES_MAX) {
                out.push_str(&format!("{:indent$}{}\n", "", paint(&line, Paint::Yellow, look.color)));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_told_in_a_line_and_a_pause_in_another() {
        let look = Look { width: 80, color: false };
        let mut account = Account::idle("work#1a2b", 10);
        assert_eq!(account.text(4, look, Time(0)), "    account work: 0 of 10 places in use\n");
        account = Account { in_use: Some(5), limit: 5, until: Some(Time(90_000)), reason: Some("429\u{1b}[2J Too many".into()), ..account };
        let text = account.text(4, look, Time(60_000));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("    account work: 5 of 5 places in use (lowered from 10)"));
        let pause = lines.next().unwrap();
        assert!(pause.starts_with("    its provider refuses until ") && pause.ends_with(", in 30 s: 429 Too many"), "{text:?}");
    }
}
