//! The same for external workers, which tell of themselves: their silence is all that can be judged.

use std::time::Duration;

use super::{HealthPolicy, HealthStatus, rounded};

/// A look at an external worker's record.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReading {
    /// How long ago it told of itself.
    pub age: Duration,
    /// What it said then.
    pub said: HealthStatus,
    /// In its words.
    pub message: Option<String>,
    /// Whether its process is there; `None` where it named none.
    pub alive: Option<bool>,
}

/// Judges it. What it says of itself counts while it says it often enough.
#[must_use]
pub fn judge_worker(reading: &WorkerReading, policy: &HealthPolicy) -> (HealthStatus, Option<String>) {
    let silent = || Some(format!("it has not told of itself for {}", rounded(reading.age)));
    if reading.alive == Some(false) {
        return (HealthStatus::Dead, Some(String::from("its process is gone")));
    }
    if reading.age >= policy.dead_after {
        return (HealthStatus::Dead, silent());
    }
    match reading.said {
        HealthStatus::Healthy if reading.age >= policy.hung_after => (HealthStatus::Hung, silent()),
        said => (said, reading.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_what_it_says_while_it_speaks() {
        use HealthStatus::{Dead, Healthy, Hung, Unknown};
        let table = [
            (10, Healthy, None, Healthy),
            (119, Healthy, Some(true), Healthy),
            (120, Healthy, Some(true), Hung),
            (299, Unknown, None, Unknown),
            (300, Healthy, Some(true), Dead),
            (1, Healthy, Some(false), Dead),
            (1, Hung, None, Hung),
        ];
        for (age, said, alive, expected) in table {
            let reading = WorkerReading { age: Duration::from_secs(age), said, message: Some(String::from("busy")), alive };
            let (status, reason) = judge_worker(&reading, &HealthPolicy::default());
            assert_eq!(status, expected, "{reading:?}");
            let own_words = reason.as_deref() == Some("busy");
            assert_eq!(own_words, age < 120 && alive != Some(false) || said == Unknown, "{reason:?}");
        }
    }
}
