//! How far the remedy of a deficiency is: the legal transitions, everything else refused. Knows no commits.

use serde::{Deserialize, Serialize};

/// The ancestor's `remediation_status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remediation {
    /// Nobody is at it.
    #[default]
    Open,
    /// An issue is filed.
    InProgress,
    /// A commit is said to remedy it, and it has not been seen since.
    Fixed,
}

/// What moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An issue was filed on the forge.
    IssueFiled,
    /// A commit remedies it.
    Fix,
    /// It was seen in an attempt that began after the fix.
    Return,
}

impl Remediation {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Remediation::Open => "open",
            Remediation::InProgress => "in_progress",
            Remediation::Fixed => "fixed",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Remediation::Open, Remediation::InProgress, Remediation::Fixed].into_iter().find(|s| s.as_str() == name)
    }

    /// Where the step leads.
    ///
    /// # Errors
    /// Says why the step makes no sense from here.
    pub fn step(self, step: Step) -> Result<Self, &'static str> {
        match (self, step) {
            (Remediation::Open, Step::IssueFiled) => Ok(Remediation::InProgress),
            (Remediation::InProgress, Step::IssueFiled) => Err("an issue was filed for it already"),
            (Remediation::Fixed, Step::IssueFiled) => Err("it is fixed"),
            // A second commit may have been needed: the last word counts.
            (_, Step::Fix) => Ok(Remediation::Fixed),
            (Remediation::Fixed, Step::Return) => Ok(Remediation::Open),
            (status, Step::Return) => Ok(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transition() {
        use Remediation as R;
        for (from, step, to) in [
            (R::Open, Step::IssueFiled, Some(R::InProgress)),
            (R::Open, Step::Fix, Some(R::Fixed)),
            (R::Open, Step::Return, Some(R::Open)),
            (R::InProgress, Step::IssueFiled, None),
            (R::InProgress, Step::Fix, Some(R::Fixed)),
            (R::InProgress, Step::Return, Some(R::InProgress)),
            (R::Fixed, Step::IssueFiled, None),
            (R::Fixed, Step::Fix, Some(R::Fixed)),
            (R::Fixed, Step::Return, Some(R::Open)),
        ] {
            assert_eq!(from.step(step).ok(), to, "{from:?} {step:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_json() {
        for status in [Remediation::Open, Remediation::InProgress, Remediation::Fixed] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(Remediation::named(status.as_str()), Some(status));
        }
        assert_eq!(Remediation::named("closed"), None);
    }
}
