//! The eight types of deficiency. Knows nothing of how one is found.

use serde::{Deserialize, Serialize};

/// The ancestor's eight types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeficiencyType {
    /// Greenlane's own machinery failed.
    CoordinatorBug,
    /// Something ended as if all were well, or said nothing at all.
    SilentFailure,
    /// Time, memory, disk or the model's window did not suffice.
    ResourceIssue,
    /// The model's provider refused or failed.
    ApiFailure,
    /// The work was done, and it is wrong.
    LogicError,
    /// The judge is at fault, not the work: flaky, too slow, or not able to run.
    QualityGateBug,
    /// Something is set up wrongly: sign-in, programs, the plan's own words.
    ConfigurationError,
    /// Only a person could go on.
    MissingFeature,
}

impl DeficiencyType {
    /// All of them, in the ancestor's order.
    pub const ALL: [DeficiencyType; 8] = [
        DeficiencyType::CoordinatorBug,
        DeficiencyType::SilentFailure,
        DeficiencyType::ResourceIssue,
        DeficiencyType::ApiFailure,
        DeficiencyType::LogicError,
        DeficiencyType::QualityGateBug,
        DeficiencyType::ConfigurationError,
        DeficiencyType::MissingFeature,
    ];

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeficiencyType::CoordinatorBug => "coordinator_bug",
            DeficiencyType::SilentFailure => "silent_failure",
            DeficiencyType::ResourceIssue => "resource_issue",
            DeficiencyType::ApiFailure => "api_failure",
            DeficiencyType::LogicError => "logic_error",
            DeficiencyType::QualityGateBug => "quality_gate_bug",
            DeficiencyType::ConfigurationError => "configuration_error",
            DeficiencyType::MissingFeature => "missing_feature",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }

    /// Its part of the priority: 30 for what spoils work unseen, else 15. The ancestor's figures.
    #[must_use]
    pub fn weight(self) -> u32 {
        match self {
            DeficiencyType::CoordinatorBug | DeficiencyType::SilentFailure | DeficiencyType::LogicError => 30,
            _ => 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for kind in DeficiencyType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(DeficiencyType::named(kind.as_str()), Some(kind));
        }
        assert_eq!(DeficiencyType::named("logic"), None);
    }
}
