//! One deficiency: the ancestor's schema, its id, its priority. Does not know how it was found.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::context::Context;
use super::kind::DeficiencyType;
use super::remediation::Remediation;
use crate::time::Time;

/// Seen so often, it is a pattern. The ancestor's figure.
pub const PATTERN_FREQUENCY: u64 = 3;
/// Seen so often, it is worth an issue on the forge. The ancestor's figure.
pub const ISSUE_FREQUENCY: u64 = 5;

const MILLIS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// A fault that shows again and again, with every field of the ancestor's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deficiency {
    /// [`deficiency_id`] of the next two fields.
    pub id: String,
    /// Which of the eight.
    pub deficiency_type: DeficiencyType,
    /// What goes wrong, with placeholders for what differs from time to time.
    pub description: String,
    /// Where and how it showed.
    pub context: Context,
    /// What helped; `None` where nobody has said.
    pub solution: Option<String>,
    /// When it first showed.
    #[serde(with = "time_text")]
    pub first_seen: Time,
    /// When it last showed.
    #[serde(with = "time_text")]
    pub last_seen: Time,
    /// How often it showed.
    pub frequency: u64,
    /// How far its remedy is.
    pub remediation_status: Remediation,
    /// The commit that is said to remedy it; it stays when the fault returns.
    pub remediation_commit: Option<String>,
    /// The issue on the forge, by its number or address.
    pub github_issue: Option<String>,
    /// What could be done, drawn from the evidence.
    pub improvement_suggestions: Vec<String>,
    /// When it was said to be fixed.
    #[serde(default, with = "time_text::option", skip_serializing_if = "Option::is_none")]
    pub fixed_at: Option<Time>,
}

/// The first 16 hexadecimal digits of SHA-256 of `type:description`; the description is the normalised one.
#[must_use]
pub fn deficiency_id(kind: DeficiencyType, description: &str) -> String {
    let digest = Sha256::digest(format!("{}:{description}", kind.as_str()).as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Deficiency {
    /// One that was seen once.
    #[must_use]
    pub fn new(kind: DeficiencyType, description: String, at: Time) -> Self {
        Self {
            id: deficiency_id(kind, &description),
            deficiency_type: kind,
            description,
            context: Context::default(),
            solution: None,
            first_seen: at,
            last_seen: at,
            frequency: 1,
            remediation_status: Remediation::Open,
            remediation_commit: None,
            github_issue: None,
            improvement_suggestions: Vec::new(),
            fixed_at: None,
        }
    }

    /// 0 to 100: `min(40, 5 × frequency)`, 30 or 15 by the type, and a point for each day less than thirty since it last
    /// showed (whole days). The ancestor's formula.
    #[must_use]
    pub fn priority(&self, now: Time) -> u32 {
        let often = u32::try_from(self.frequency.saturating_mul(5).min(40)).unwrap_or(40);
        let days = now.0.saturating_sub(self.last_seen.0) / MILLIS_PER_DAY;
        let lately = 30u32.saturating_sub(u32::try_from(days).unwrap_or(u32::MAX));
        (often + self.deficiency_type.weight() + lately).min(100)
    }

    /// It shows so often that it is no accident.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.frequency >= PATTERN_FREQUENCY
    }

    /// It shows so often that an issue should be filed, and none is.
    #[must_use]
    pub fn wants_issue(&self) -> bool {
        self.frequency >= ISSUE_FREQUENCY && self.remediation_status == Remediation::Open && self.github_issue.is_none()
    }
}

/// Serde for a [`Time`] as RFC 3339.
pub(super) mod time_text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::time::Time;

    pub fn serialize<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&time.rfc3339())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = String::deserialize(d)?;
        let at: jiff::Timestamp = text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not a time")))?;
        Ok(Time(u64::try_from(at.as_millisecond()).unwrap_or(0)))
    }

    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        use crate::time::Time;

        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] Time);

        pub fn serialize<S: Serializer>(time: &Option<Time>, s: S) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, s),
                None => s.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(d)?.map(|w| w.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_767_323_045_678);

    fn seen(kind: DeficiencyType, frequency: u64, days_ago: u64) -> Deficiency {
        let at = Time(NOW.0 - days_ago * MILLIS_PER_DAY);
        Deficiency { frequency, ..Deficiency::new(kind, "x".into(), at) }
    }

    #[test]
    fn the_id_is_the_ancestors() {
        // `printf 'logic_error:off by one' | sha256sum | cut -c1-16`
        assert_eq!(deficiency_id(DeficiencyType::LogicError, "off by one"), "d66674241ae881f7");
    }

    #[test]
    fn the_priority_at_its_edges() {
        use DeficiencyType::{ApiFailure, CoordinatorBug, LogicError, SilentFailure};
        for (kind, frequency, days_ago, want) in [
            (ApiFailure, 1, 0, 5 + 15 + 30),
            (LogicError, 1, 0, 5 + 30 + 30),
            (SilentFailure, 7, 0, 35 + 30 + 30),
            (CoordinatorBug, 8, 0, 100),
            (CoordinatorBug, 9, 0, 100),
            (ApiFailure, u64::MAX, 0, 40 + 15 + 30),
            (ApiFailure, 8, 29, 40 + 15 + 1),
            (ApiFailure, 8, 30, 40 + 15),
            (ApiFailure, 8, 31, 40 + 15),
            (ApiFailure, 0, 400, 15),
        ] {
            assert_eq!(seen(kind, frequency, days_ago).priority(NOW), want, "{kind:?} {frequency} {days_ago}");
        }
        let almost_a_day = Deficiency { last_seen: Time(NOW.0 - MILLIS_PER_DAY + 1), ..seen(ApiFailure, 1, 0) };
        assert_eq!(almost_a_day.priority(NOW), 50, "whole days count");
        let ahead = Deficiency { last_seen: Time(NOW.0 + MILLIS_PER_DAY), ..seen(ApiFailure, 1, 0) };
        assert_eq!(ahead.priority(NOW), 50, "a clock that went back adds nothing");
    }

    #[test]
    fn a_pattern_at_three_an_issue_at_five() {
        let of = |frequency| seen(DeficiencyType::LogicError, frequency, 0);
        assert_eq!([2, 3, 4].map(|f| of(f).is_pattern()), [false, true, true]);
        assert_eq!([4, 5, 6].map(|f| of(f).wants_issue()), [false, true, true]);
        assert!(!Deficiency { github_issue: Some("7".into()), ..of(9) }.wants_issue());
        for status in [Remediation::InProgress, Remediation::Fixed] {
            assert!(!Deficiency { remediation_status: status, ..of(9) }.wants_issue());
        }
    }

    #[test]
    fn a_record_has_the_ancestors_fields_and_reads_back() {
        let record = seen(DeficiencyType::LogicError, 3, 0);
        let value = serde_json::to_value(&record).unwrap();
        for field in [
            "id",
            "deficiency_type",
            "description",
            "context",
            "solution",
            "first_seen",
            "last_seen",
            "frequency",
            "remediation_status",
            "remediation_commit",
            "github_issue",
            "improvement_suggestions",
        ] {
            assert!(value.get(field).is_some(), "{field}");
        }
        assert_eq!(value["last_seen"], "2026-01-02T03:04:05.678Z");
        assert_eq!(serde_json::from_value::<Deficiency>(value).unwrap(), record);
    }
}
