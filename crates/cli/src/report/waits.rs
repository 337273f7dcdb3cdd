//! How often and how long tasks waited for a provider's quota, by account. Fed the run's events in their order.

use std::collections::BTreeMap;
use std::time::Duration;

use greenlane_core::event::Event;
use greenlane_core::ids::TaskKey;
use greenlane_core::state::account_label;
use greenlane_core::time::Time;
use serde::Serialize;

/// The waits of all tasks for one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    /// How often an attempt met a limit and its task waited.
    pub times: u32,
    /// How long, of all tasks together; of waits that go on, until now.
    pub seconds: f64,
}

/// Gathers them, by the account's name for people.
#[derive(Clone, Debug, Default)]
pub struct WaitsGatherer {
    waits: BTreeMap<String, Waits>,
    since: BTreeMap<TaskKey, (String, Time)>,
}

impl WaitsGatherer {
    /// Takes one event in.
    pub fn take(&mut self, at: Time, event: &Event) {
        let over = match event {
            Event::QuotaAwaited { key, account } => {
                let account = account_label(account).to_owned();
                self.waits.entry(account.clone()).or_default().times += 1;
                self.since.insert(key.clone(), (account, at));
                return;
            }
            Event::AttemptStarted { attempt, .. } => &attempt.key,
            Event::TaskFailed { key, .. } | Event::TaskCancelled { key, .. } | Event::TaskSkipped { key, .. } => key,
            _ => return,
        };
        if let Some((account, since)) = self.since.remove(over) {
            let waited: Duration = at.since(since);
            self.waits.entry(account).or_default().seconds += waited.as_secs_f64();
        }
    }

    /// What was gathered, and how long those that wait have waited by now.
    #[must_use]
    pub fn until(mut self, now: Time) -> BTreeMap<String, Waits> {
        for (account, since) in self.since.into_values() {
            self.waits.entry(account).or_default().seconds += now.since(since).as_secs_f64();
        }
        self.waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_lasts_until_the_next_attempt_or_the_tasks_end() {
        let mut gatherer = WaitsGatherer::default();
        let (a, b) = (TaskKey::new("p", "a"), TaskKey::new("p", "b"));
        let waits = |key: &TaskKey| Event::QuotaAwaited { key: key.clone(), account: String::from("claude#12") };
        let fails = |key: &TaskKey| Event::TaskFailed { key: key.clone(), reason: String::from("no") };
        for (at, event) in [(1_000, waits(&a)), (2_000, waits(&b)), (4_000, fails(&a)), (9_000, fails(&a))] {
            gatherer.take(Time(at), &event);
        }
        assert_eq!(gatherer.until(Time(9_500))["claude"], Waits { times: 2, seconds: 3.0 + 7.5 }, "b waits by now");
    }
}
