//! What a run was told on its command line and by its configuration, as far as decisions depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::failure::{FailureDetail, FailureType};
use crate::health::HealthPolicy;
use crate::input::AccountReading;
use crate::room::RoomPolicy;
use crate::time::{Time, duration_text};
use crate::tracker::TrackerKind;

/// The limits and policies of one run. Recorded in the journal, so that a resumed run decides as before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Most agent processes at once.
    pub jobs: u32,
    /// Most plans at once; further ones wait in a queue.
    pub max_plans: u32,
    /// Most gates (checks of finished attempts) at once.
    pub check_jobs: u32,
    /// Of one plan at most so many tasks wait to be checked or to land, or are at it, when another of it starts; 0: see
    /// [`RunOptions::backlog_max`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backlog: u32,
    /// The agent of tasks that name none.
    pub agent: Option<String>,
    /// Most processes of one agent at once, for agents that have such a limit.
    #[serde(default)]
    pub agent_slots: BTreeMap<String, u32>,
    /// Agents that are nobody's process: the task is put into the hands of a person or of an editor, and their attempts take no slot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hand_off: BTreeSet<String>,
    /// Later groups start although a member of an earlier one failed.
    pub keep_going: bool,
    /// Work without a suite that verifies it needs a human instead of landing.
    pub require_verify: bool,
    /// Start although the suite is red on the base.
    pub base_red_allowed: bool,
    /// When and how often a failed task is tried again.
    pub retry: RetryPolicy,
    /// The account of each agent that has one. Agents that are not here are limited by nobody.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
    /// Agents that cannot be used, and why: missing, or not signed in.
    #[serde(default)]
    pub unavailable: BTreeMap<String, String>,
    /// What is done about the limits of providers.
    #[serde(default)]
    pub quota: QuotaPolicy,
    /// What the names of the run's branches begin with; see [`crate::branch`].
    #[serde(default = "prefix_default")]
    pub branch_prefix: String,
    /// When and by which limits attempts under way are looked at.
    #[serde(default)]
    pub health: HealthPolicy,
    /// Caps of the whole run.
    #[serde(default, skip_serializing_if = "Budget::is_empty")]
    pub budget: Budget,
    /// Caps of each task, where its plan has none of the kind.
    #[serde(default, skip_serializing_if = "Budget::is_empty")]
    pub task_budget: Budget,
    /// Below what free disk and memory nothing starts.
    #[serde(default)]
    pub room: RoomPolicy,
    /// The command that refreshes the context before a group that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_refresh: Option<String>,
    /// What landed of a group that failed is taken off the branch, where its plan says nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub group_rollback: bool,
    /// A question to a person that nobody has answered for so long is withdrawn.
    #[serde(default = "question_max_default", with = "duration_text")]
    pub question_max: Duration,
    /// Who else keeps book of the tasks, and is asked and told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trackers: BTreeSet<TrackerKind>,
    /// Seed of the retry jitter.
    pub seed: u64,
    /// A scheduling bug for the simulation to find.
    #[cfg(feature = "planted-bugs")]
    #[serde(default)]
    pub planted_bug: Option<crate::planted::PlantedBug>,
}

/// When and how often a failed task is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Most further attempts where the task names no number. Ancestor's constant: 3.
    pub max: u32,
    /// Wait before the first further attempt. Ancestor's constant: 60 s.
    #[serde(with = "duration_text")]
    pub base: Duration,
    /// Each further wait is this many times longer. Ancestor's constant: 2.
    pub factor: f64,
    /// The longest wait.
    #[serde(with = "duration_text")]
    pub delay_max: Duration,
    /// The wait varies by this share, up or down, so that tasks do not return in step.
    pub jitter: f64,
    /// The failures after which it is tried again.
    pub types: Vec<FailureType>,
    /// How often work that the gate or the suite refused goes back to its agent, with what they said. Does not hold for commands,
    /// which would only do the same again.
    #[serde(default = "repairs_default")]
    pub repairs: u32,
}

fn prefix_default() -> String {
    String::from(crate::branch::PREFIX)
}

/// A day: people sleep.
pub(crate) const QUESTION_MAX: Duration = Duration::from_secs(24 * 3600);

fn question_max_default() -> Duration {
    QUESTION_MAX
}

fn repairs_default() -> u32 {
    1
}

/// What is done about the limits of providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaPolicy {
    /// Most attempts of one account at once, on the whole machine. Ancestor's constant: 10.
    pub api_limit: u32,
    /// The first pause where the provider states no end; each further one in a row is twice as long.
    #[serde(with = "duration_text")]
    pub pause: Duration,
    /// The longest such pause.
    #[serde(with = "duration_text")]
    pub pause_max: Duration,
    /// After so long without a refusal one more attempt at once is allowed again.
    #[serde(with = "duration_text")]
    pub calm: Duration,
    /// A task whose agent is limited for longer goes to the next of its fallbacks.
    #[serde(with = "duration_text")]
    pub fallback_after: Duration,
    /// Nobody waits longer for an account than this: the task fails instead.
    #[serde(with = "duration_text")]
    pub wait_max: Duration,
}

impl Default for QuotaPolicy {
    fn default() -> Self {
        Self {
            api_limit: 10,
            pause: Duration::from_secs(60),
            pause_max: Duration::from_secs(3600),
            calm: Duration::from_secs(300),
            fallback_after: Duration::from_secs(600),
            wait_max: Duration::from_secs(24 * 3600),
        }
    }
}

impl QuotaPolicy {
    /// A limit that was lowered while other runs worked, and has been left alone since, as it would have risen meanwhile.
    #[must_use]
    pub fn risen(&self, limit: u32, reading: &AccountReading, now: Time) -> u32 {
        let Some(changed_at) = reading.changed_at.filter(|_| limit < self.api_limit) else { return limit };
        let calm_since = changed_at.max(reading.paused_until.unwrap_or_default());
        let steps = now.since(calm_since).as_millis() / self.calm.as_millis().max(1);
        limit.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX)).min(self.api_limit)
    }
}

impl RetryPolicy {
    /// Whether such a failure is tried again at all. What another attempt cannot change never is, whatever the types say.
    #[must_use]
    pub fn is_retried(&self, kind: FailureType, detail: Option<FailureDetail>) -> bool {
        self.types.contains(&kind) && !detail.is_some_and(FailureDetail::is_hopeless)
    }

    /// The wait before the `retry`-th further attempt (from 1), without jitter: `base × factor^(retry − 1)`, at most `delay_max`.
    #[must_use]
    pub fn wait(&self, retry: u32) -> Duration {
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = self.base.as_millis() as f64 * self.factor.max(1.0).powi(exponent);
        Duration::from_millis(wait.min(self.delay_max.as_millis() as f64) as u64)
    }

    /// The same after this failure. A command that ended with an exit code and no sign of trouble that passes is not a provider that has
    /// to recover: waiting minutes for it helps nobody, so its waits begin with [`COMMAND_WAIT`].
    #[must_use]
    pub fn wait_after(&self, by_command: bool, kind: FailureType, detail: Option<FailureDetail>, retry: u32) -> Duration {
        let plain = by_command && kind == FailureType::Unknown && detail.is_none();
        if plain { Self { base: self.base.min(COMMAND_WAIT), ..self.clone() }.wait(retry) } else { self.wait(retry) }
    }
}

/// The first wait after a command's plain failure: long enough for a file or a port that is just being given back.
const COMMAND_WAIT: Duration = Duration::from_secs(1);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max: 3,
            base: Duration::from_secs(60),
            factor: 2.0,
            delay_max: Duration::from_secs(3600),
            jitter: 0.1,
            types: FailureType::RETRIED.to_vec(),
            repairs: repairs_default(),
        }
    }
}

/// Each of them keeps a worktree, build files and all. Four for each slot: a suite that takes four times as long as the tasks still
/// gets whole batches.
const BACKLOG_PER_JOB: u32 = 4;
const BACKLOG_LEAST: u32 = 16;

impl RunOptions {
    /// How many tasks of one plan may be between their agent's end and their landing when another one starts: beyond that, agents
    /// work faster than their work can be verified, and more of them would only fill the disk and work on an older base.
    #[must_use]
    pub fn backlog_max(&self) -> u32 {
        if self.backlog == 0 { self.jobs.saturating_mul(BACKLOG_PER_JOB).max(BACKLOG_LEAST) } else { self.backlog }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_false(is: &bool) -> bool {
    !*is
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            jobs: 5,
            max_plans: 3,
            check_jobs: 5,
            backlog: 0,
            agent: None,
            agent_slots: BTreeMap::new(),
            hand_off: BTreeSet::new(),
            keep_going: false,
            require_verify: false,
            base_red_allowed: false,
            retry: RetryPolicy::default(),
            accounts: BTreeMap::new(),
            unavailable: BTreeMap::new(),
            quota: QuotaPolicy::default(),
            branch_prefix: prefix_default(),
            health: HealthPolicy::default(),
            budget: Budget::default(),
            task_budget: Budget::default(),
            room: RoomPolicy::default(),
            group_refresh: None,
            group_rollback: false,
            question_max: QUESTION_MAX,
            trackers: BTreeSet::new(),
            seed: 0,
            #[cfg(feature = "planted-bugs")]
            planted_bug: None,
        }
    }
}
