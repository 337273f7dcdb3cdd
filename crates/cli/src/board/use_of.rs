//! What agents and accounts do in a run, and what they have used.

use std::collections::BTreeMap;

use greenlane_core::state::{COMMAND_AGENT, Phase, State, account_label};
use greenlane_core::time::Time;
use greenlane_core::view::{Status, UsageView};

use super::activity::said;
use super::model::{AccountRow, AgentRow};
use crate::report::clean;

/// Adds up what was used.
pub(super) fn add(to: &mut UsageView, more: &UsageView) {
    to.input_tokens += more.input_tokens;
    to.output_tokens += more.output_tokens;
    if let Some(cost) = more.cost_usd {
        *to.cost_usd.get_or_insert(0.0) += cost;
    }
}

/// Every agent that tried something or would try what waits; `live`: what attempts under way have used, by agent.
pub(super) fn agents(doc: &Status, state: &State, live: &[(String, UsageView)]) -> Vec<AgentRow> {
    let mut all: BTreeMap<&str, AgentRow> = BTreeMap::new();
    let slots = state.options().agent_slots;
    let new = |name: &str| AgentRow {
        name: clean(name),
        slots: slots.get(name).copied(),
        account: state.account_of(name).map(|a| clean(account_label(a))),
        ..AgentRow::default()
    };
    for task in &doc.tasks {
        for a in task.begun() {
            let row = all.entry(&a.agent).or_insert_with(|| new(&a.agent));
            row.attempts += 1;
            row.succeeded += u32::from(a.outcome.as_deref() == Some("succeeded"));
            row.failed += u32::from(a.failure.is_some());
            add(&mut row.usage, &a.usage);
        }
        if task.landed.is_none() && !task.agent.is_empty() {
            all.entry(&task.agent).or_insert_with(|| new(&task.agent));
        }
    }
    for task in state.tasks.iter().filter(|t| t.phase == Phase::Running) {
        if let Some(row) = task.current().and_then(|a| all.get_mut(a.agent.as_str())) {
            row.running += 1;
        }
    }
    for (agent, usage) in live {
        if let Some(row) = all.get_mut(agent.as_str()) {
            add(&mut row.usage, usage);
        }
    }
    all.into_values().collect()
}

/// Accounts that are at work, limited, or were.
pub(super) fn accounts(state: &State, now: Time) -> Vec<AccountRow> {
    let mut at_work: BTreeMap<&str, u32> = state.accounts.keys().map(|account| (account.as_str(), 0)).collect();
    for task in state.tasks.iter().filter(|t| t.phase == Phase::Running) {
        let agent = task.current().map(|a| a.agent.as_str()).filter(|a| *a != COMMAND_AGENT);
        if let Some(account) = agent.and_then(|a| state.account_of(a)) {
            *at_work.entry(account).or_default() += 1;
        }
    }
    let row = |(account, at_work): (&str, u32)| {
        let known = state.accounts.get(account);
        let paused = known.filter(|a| a.is_paused(now));
        AccountRow {
            name: clean(account_label(account)),
            at_work,
            limit: state.account_limit(account),
            free_at: paused.and_then(|a| a.paused_until),
            reason: paused.and_then(|a| said(Some(&a.reason))),
        }
    };
    at_work.into_iter().map(row).collect()
}
