//! What the limits of providers mean: who waits for which account and until when, how many work on it at once, and who takes over.
//! Knows accounts by their names only; where they are written down, for other runs on the machine too, is elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Turn;
use super::retry::spread;
use crate::action::Action;
use crate::event::Event;
use crate::failure::{Failure, FailureDetail};
use crate::ids::AttemptId;
use crate::input::AccountReading;
use crate::state::{AccountState, COMMAND_AGENT, Phase, State, TaskState, account_label};
use crate::time::Time;

/// Refusals within so long of each other are one and the same limit: many attempts meet it at once.
const SAME_LIMIT: Duration = Duration::from_secs(30);
/// An end that lies so little after the known one is the same: nobody is told of it anew.
const SAME_END: Duration = Duration::from_secs(5);
/// Most of a wait that is added to it, so that not everybody comes back at the same moment.
const JITTER: f64 = 0.05;
/// The longest such addition.
const JITTER_MAX: Duration = Duration::from_secs(30);

/// Who makes a task's next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This agent; with the reason where it is not the first choice.
    Agent(String, Option<String>),
    /// Nobody before then: this account is limited.
    Wait(String, Time),
}

/// Whose failure it is that an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Its task's: the policy of retries decides.
    Tasks,
    /// Its account's or its agent's: the task waits, or goes to another agent, and that is decided.
    Accounts,
    /// Its account's, and nobody waits that long.
    Nobodys,
}

/// The first of a task's agents that can be used. One that is limited only for a while is waited for.
pub(crate) fn choose(state: &State, task: &TaskState, now: Time) -> Choice {
    let first = state.agent_of(task);
    let definition = state.definition(task);
    if first == COMMAND_AGENT || (definition.fallbacks.is_empty() && state.account_of(&first).is_none()) {
        return Choice::Agent(first, None);
    }
    let options = state.options();
    let mut why: Option<String> = None;
    let mut wait: Option<(Time, String)> = None;
    for agent in std::iter::once(&first).chain(&definition.fallbacks) {
        if let Some(reason) = state.unavailable.get(agent).or_else(|| options.unavailable.get(agent)) {
            why.get_or_insert_with(|| format!("{agent} cannot be used: {reason}"));
            continue;
        }
        let paused = state.account_of(agent).and_then(|a| Some((a, paused_until(state, a, now)?)));
        match paused {
            None => return Choice::Agent(agent.clone(), why.filter(|_| *agent != first)),
            Some((account, until)) => {
                if wait.as_ref().is_none_or(|(known, _)| until < *known) {
                    wait = Some((until, account.to_owned()));
                }
                if until.since(now) <= options.quota.fallback_after {
                    break;
                }
                why.get_or_insert_with(|| format!("{} is limited until {}", account_label(account), until.rfc3339()));
            }
        }
    }
    // With nobody to wait for, the first says itself what is wrong with it.
    let of_first = || state.account_of(&first).and_then(|a| Some((paused_until(state, a, now)?, a.to_owned())));
    match wait.or_else(of_first) {
        Some((until, account)) => Choice::Wait(account, until),
        None => Choice::Agent(first, None),
    }
}

/// The account's places that are taken, all that it has, and when there is one more, if that is known; `None`: one is free.
pub(crate) fn full(state: &State, account: &str) -> Option<(u32, u32, Option<Time>)> {
    let of_it = |t: &&TaskState| t.phase == Phase::Running && t.current().is_some_and(|a| state.account_of(&a.agent) == Some(account));
    let at_work = u32::try_from(state.tasks.iter().filter(of_it).count()).unwrap_or(u32::MAX);
    let (limit, quota) = (state.account_limit(account), state.options().quota);
    let known = state.accounts.get(account);
    let rises_at = known.filter(|_| limit < quota.api_limit).map(|a| a.calm_since() + quota.calm);
    (at_work >= limit).then_some((at_work, limit, rises_at))
}

fn too_long_words(account: &str, until: Time, said: &str) -> String {
    format!("{} is limited until {}, too long to wait for (`wait_max`); {said}", account_label(account), until.rfc3339())
}

/// When this run may use the account again; `None`: at once.
fn paused_until(state: &State, account: &str, now: Time) -> Option<Time> {
    let known = state.accounts.get(account)?;
    let until = known.paused_until?;
    let wait = until.since(known.changed_at).mul_f64(JITTER).min(JITTER_MAX);
    let seed = state.options.as_ref().map_or(0, |o| o.seed);
    let until = until + wait.mul_f64(spread(seed, &[account.as_bytes(), &until.0.to_le_bytes()]));
    (until > now).then_some(until)
}

impl Turn<'_> {
    /// Where the attempt ended because its provider refuses, or because its agent cannot be used at all, that is its account's or its
    /// agent's business, and costs the task no retry.
    pub(super) fn account_for(&mut self, attempt: &AttemptId, failure: &Failure) -> Whose {
        let Some(agent) = self.state.attempt(attempt).map(|a| a.agent.clone()).filter(|a| a != COMMAND_AGENT) else {
            return Whose::Tasks;
        };
        match failure.detail {
            Some(FailureDetail::RateLimit) => self.limited(attempt, &agent, failure),
            Some(FailureDetail::Authentication | FailureDetail::MissingProgram) => self.unavailable(attempt, &agent, failure),
            _ => Whose::Tasks,
        }
    }

    fn limited(&mut self, attempt: &AttemptId, agent: &str, failure: &Failure) -> Whose {
        let Some(account) = self.state.account_of(agent).map(str::to_owned) else { return Whose::Tasks };
        let quota = self.state.options().quota;
        let known = self.state.accounts.get(&account).cloned().unwrap_or_default();
        let doubled = i32::try_from(known.times).unwrap_or(i32::MAX).min(20);
        let pause = quota.pause.mul_f64(2_f64.powi(doubled)).min(quota.pause_max);
        // Each attempt counts "in 60 s" from its own refusal.
        let same_end = |reset: &Time| *reset <= known.paused_until.unwrap_or_default() + SAME_END;
        let until = match failure.reset_at.filter(|reset| !(known.is_paused(self.now) && same_end(reset))) {
            Some(reset) => reset,
            // Others have met the same limit just now; a pause of its own would double for each of them.
            None if known.is_paused(self.now) => known.paused_until.unwrap_or(self.now),
            None => self.now + pause,
        };
        let lowered_just_now = known.lowered_at.is_some_and(|at| self.now.since(at) < SAME_LIMIT);
        let limit = self.state.account_limit(&account);
        let limit = if lowered_just_now || known.is_paused(self.now) { limit } else { (limit / 2).max(1) };
        let reason = failure.message.clone();
        if !known.is_paused(self.now) || known.paused_until < Some(until) {
            self.emit(Event::AccountLimited { account: account.clone(), until, limit, reason: reason.clone() });
            self.act(Action::LimitAccount { account: account.clone(), until, limit, reason });
        }
        let since = self.state.accounts.get(&account).and_then(|a| a.limited_since).unwrap_or(self.now);
        let too_long = until.since(self.now) > quota.wait_max || self.now.since(since) > quota.wait_max;
        let Some(task) = self.state.task(&attempt.key) else { return Whose::Tasks };
        let other = matches!(choose(self.state, task, self.now), Choice::Agent(other, _) if other != agent);
        if too_long && !other {
            return Whose::Nobodys;
        }
        self.emit(Event::QuotaAwaited { key: attempt.key.clone(), account });
        Whose::Accounts
    }

    fn unavailable(&mut self, attempt: &AttemptId, agent: &str, failure: &Failure) -> Whose {
        let Some(task) = self.state.task(&attempt.key) else { return Whose::Tasks };
        if self.state.definition(task).fallbacks.is_empty() {
            return Whose::Tasks;
        }
        if !self.state.unavailable.contains_key(agent) {
            self.emit(Event::AgentUnavailable { agent: agent.to_owned(), reason: failure.message.clone() });
        }
        let Some(task) = self.state.task(&attempt.key) else { return Whose::Tasks };
        if matches!(choose(self.state, task, self.now), Choice::Agent(other, _) if other == agent) {
            return Whose::Tasks;
        }
        self.emit(Event::FallbackScheduled { key: attempt.key.clone() });
        Whose::Accounts
    }

    /// Why nobody waits for the account of this attempt, which has just met its limit.
    pub(super) fn too_long_to_wait(&self, attempt: &AttemptId, said: &str) -> String {
        let account = self.state.attempt(attempt).and_then(|a| self.state.account_of(&a.agent));
        let Some((account, known)) = account.and_then(|a| Some((a, self.state.accounts.get(a)?))) else { return said.to_owned() };
        let wait_max = self.state.options().quota.wait_max;
        match (known.paused_until.filter(|until| until.since(self.now) > wait_max), known.limited_since) {
            (None, Some(since)) => {
                format!("{} has been limited since {}, too long to wait on; {said}", account_label(account), since.rfc3339())
            }
            (until, _) => too_long_words(account, until.or(known.paused_until).unwrap_or(self.now), said),
        }
    }

    /// Nobody waits for longer than `wait_max`, also where the limit was met by another run, or before this one began.
    pub(super) fn give_up_on_accounts(&mut self) {
        let wait_max = self.state.options().quota.wait_max;
        let is_long = |a: &AccountState| a.paused_until.is_some_and(|until| until.since(self.now) > wait_max);
        if self.state.stopping.is_some() || !self.state.accounts.values().any(is_long) {
            return;
        }
        let too_long = |task: usize| {
            let task = &self.state.tasks[task];
            let Choice::Wait(account, _) = choose(self.state, task, self.now) else { return None };
            let known = self.state.accounts.get(&account).filter(|a| is_long(a))?;
            Some((task.key.clone(), too_long_words(&account, known.paused_until?, &known.reason)))
        };
        let given_up: Vec<_> = self.state.ready_in_order().filter_map(too_long).collect();
        given_up.into_iter().for_each(|(key, reason)| self.emit(Event::TaskFailed { key, reason }));
    }

    /// No further attempt of this account may start now. After a calm time its limit is raised by one instead.
    pub(super) fn account_is_full(&mut self, account: &str, in_use: u32) -> bool {
        let limit = self.state.account_limit(account);
        // Several runs share what there is: none of them has to fill it up alone.
        let none_free = self.state.accounts.get(account).is_some_and(|a| a.free == Some(0));
        if in_use < limit && !none_free {
            return false;
        }
        let quota = self.state.options().quota;
        let may_rise = in_use <= limit && limit < quota.api_limit;
        let Some(known) = self.state.accounts.get(account).filter(|_| may_rise) else { return true };
        let calm_at = known.calm_since() + quota.calm;
        if calm_at > self.now {
            self.look_again_at(calm_at);
            return true;
        }
        let (until, reason) = (known.paused_until, known.reason.clone());
        self.emit(Event::AccountChanged { account: account.to_owned(), until, limit: limit + 1, reason });
        self.act(Action::RaiseAccount { account: account.to_owned(), from: limit, to: limit + 1 });
        // Whether the new place is this run's is told by the answer.
        none_free
    }

    /// A place of the account is taken by an attempt that starts.
    pub(super) fn take_place(&mut self, account: &str) {
        if let Some(free) = self.state.accounts.get_mut(account).and_then(|a| a.free.as_mut()) {
            *free = free.saturating_sub(1);
        }
    }

    /// The same attempt is over, and its place is free.
    pub(super) fn give_place(&mut self, attempt: &AttemptId) {
        let Some(agent) = self.state.attempt(attempt).map(|a| a.agent.clone()) else { return };
        let Some(account) = self.state.account_of(&agent).map(str::to_owned) else { return };
        if let Some(free) = self.state.accounts.get_mut(&account).and_then(|a| a.free.as_mut()) {
            *free += 1;
        }
    }

    pub(super) fn attempt_deferred(&mut self, attempt: &AttemptId) {
        if !self.is_current(attempt, Phase::Running) || self.state.attempt(attempt).is_some_and(|a| a.spawned.is_some()) {
            return;
        }
        let agent = self.state.attempt(attempt).map(|a| a.agent.clone()).unwrap_or_default();
        let Some(account) = self.state.account_of(&agent).map(str::to_owned) else { return };
        self.state.accounts.entry(account.clone()).or_default().free = Some(0);
        self.void(attempt, Some(format!("other runs on this machine have every place of {}", account_label(&account))));
    }

    pub(super) fn account_read(&mut self, account: String, reading: AccountReading) {
        let most = self.state.options().quota.api_limit;
        let known = self.state.accounts.get(&account).cloned().unwrap_or_default();
        // A reading may be older than what this run has just decided.
        let lifted = reading.lifted_at.is_some_and(|at| at > known.paused_at);
        let same_end = |until: &Time| known.is_paused(self.now) && *until <= known.paused_until.unwrap_or_default() + SAME_END;
        let read_until = reading.paused_until.filter(|until| lifted || !same_end(until) || known.paused_until >= Some(*until));
        let until = read_until.max(known.paused_until.filter(|until| *until > self.now && !lifted));
        let stored = reading.limit.unwrap_or(most).clamp(1, most.max(1));
        let limit = self.risen(stored, &reading);
        let changed = limit != self.state.account_limit(&account)
            || until.filter(|until| *until > self.now) != known.paused_until.filter(|until| *until > self.now);
        if changed {
            let reason = if reading.paused_until >= known.paused_until { reading.reason } else { known.reason };
            self.emit(Event::AccountChanged { account: account.clone(), until, limit, reason });
        }
        if limit > stored {
            self.act(Action::RaiseAccount { account: account.clone(), from: stored, to: limit });
        }
        // Places are counted only while they are short.
        if let Some(known) = self.state.accounts.get_mut(&account).filter(|a: &&mut AccountState| a.free.is_some()) {
            known.free = reading.free.filter(|free| *free < limit);
        }
    }

    fn risen(&self, limit: u32, reading: &AccountReading) -> u32 {
        self.state.options().quota.risen(limit, reading, self.now)
    }

    pub(super) fn agents_checked(&mut self, accounts: BTreeMap<String, String>, unavailable: BTreeMap<String, String>) {
        let Some(options) = &self.state.options else { return };
        let same = options.accounts == accounts && options.unavailable == unavailable && self.state.unavailable.is_empty();
        if !same {
            self.emit(Event::AgentsChecked { accounts, unavailable });
        }
    }

    /// Something that is withheld now may start then.
    pub(super) fn look_again_at(&mut self, at: Time) {
        self.state.look_again_at = Some(self.state.look_again_at.map_or(at, |known| known.min(at)));
    }
}
