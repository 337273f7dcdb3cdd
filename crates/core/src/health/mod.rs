//! How an attempt under way is judged by what its keeper tells: healthy, hung, dead or unknown, and why. One pure rule for the
//! coordinator and for whoever looks without one. Ends nothing: what follows from it is shown and logged.

mod judge;
mod reading;
mod worker;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use judge::{Judged, judge, judge_alone};
pub use reading::{Beat, Evidence, Keeper, Reading, Seen};
pub use worker::{WorkerReading, judge_worker};

use crate::time::{Time, duration_text, format_duration};

/// When and by which limits attempts are looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthPolicy {
    /// From one look to the next, while attempts run. Ancestor's constant: 60 s.
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// Without evidence of any kind for so long it is hung. Ancestor's constant: 120 s.
    #[serde(with = "duration_text")]
    pub hung_after: Duration,
    /// Without a heartbeat for so long it is dead. Ancestor's constant: 300 s.
    #[serde(with = "duration_text")]
    pub dead_after: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self { interval: Duration::from_secs(60), hung_after: Duration::from_secs(120), dead_after: Duration::from_secs(300) }
    }
}

/// The ancestor's four words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// There was a sign of work lately. Assumed of what has just started.
    #[default]
    Healthy,
    /// No sign of work for a while, or nobody is there to see one.
    Hung,
    /// Its keeper is gone, or has told nothing for long.
    Dead,
    /// It cannot be told.
    Unknown,
}

impl HealthStatus {
    /// Every status, in this order.
    pub const ALL: [HealthStatus; 4] = [HealthStatus::Healthy, HealthStatus::Hung, HealthStatus::Dead, HealthStatus::Unknown];

    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Hung => "hung",
            HealthStatus::Dead => "dead",
            HealthStatus::Unknown => "unknown",
        }
    }
}

/// What is known of an attempt's health.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Why, when it became so.
    pub reason: Option<String>,
    /// Since when; `None`: from its start.
    pub since: Option<Time>,
    /// The last look. Never journalled.
    pub look: Option<Look>,
}

impl Health {
    /// Why it is as it is, or what else is to be said of it, as of the last look.
    #[must_use]
    pub fn reason_now(&self) -> Option<&str> {
        match &self.look {
            Some(look) => look.reason.as_deref(),
            None => self.reason.as_deref(),
        }
    }

    /// What its keeper told last.
    #[must_use]
    pub fn beat(&self) -> Option<&Beat> {
        self.look.as_ref()?.reading.beat.as_ref()
    }
}

/// A reading and what was made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When.
    pub at: Time,
    /// What was read, with what the coordinator itself knows.
    pub reading: Reading,
    /// When its keeper last saw it at work, whatever the coordinator knows beside that.
    pub worked_at: Option<Time>,
    /// Why it is as it is, or what else is to be said of it: also a healthy one may have a stopped process.
    pub reason: Option<String>,
    /// Since which look its heartbeat is too old, while it is.
    pub stale_since: Option<Time>,
}

/// Seconds are enough where there are any.
fn rounded(d: Duration) -> String {
    if d < Duration::from_secs(1) { format_duration(d) } else { format_duration(Duration::from_secs(d.as_secs())) }
}
