//! What people say of deficiencies. Unlike everything else here it follows from nothing, and is kept for itself.

use serde::{Deserialize, Serialize};

use super::context::{Context, cut};
use super::kind::DeficiencyType;
use super::normal::normalise;

/// Longest solution in characters.
const SOLUTION_CHARS_MAX: usize = 2_000;

/// One thing that somebody said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// It was seen.
    Recorded {
        /// Which of the eight.
        deficiency_type: DeficiencyType,
        /// In the reporter's words, normalised.
        description: String,
        /// What else is known.
        context: Box<Context>,
        /// What helps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        solution: Option<String>,
    },
    /// A commit remedies it.
    Fixed {
        /// Which.
        id: String,
        /// The commit, in full.
        commit: String,
        /// What helped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        solution: Option<String>,
    },
    /// An issue was filed for it on the forge.
    IssueFiled {
        /// Which.
        id: String,
        /// The issue's number, or its address.
        issue: String,
    },
}

impl Fact {
    /// That something was seen; the description is normalised and everything bounded.
    #[must_use]
    pub fn recorded(deficiency_type: DeficiencyType, description: &str, context: &Context, solution: Option<&str>) -> Self {
        let mut bounded = Context::default();
        bounded.merge(context);
        Fact::Recorded {
            deficiency_type,
            description: normalise(description, &[]),
            context: Box::new(bounded),
            solution: solution.map(|s| cut(s, SOLUTION_CHARS_MAX)),
        }
    }

    /// That a commit remedies it.
    #[must_use]
    pub fn fixed(id: &str, commit: &str, solution: Option<&str>) -> Self {
        Fact::Fixed { id: id.to_owned(), commit: commit.to_owned(), solution: solution.map(|s| cut(s, SOLUTION_CHARS_MAX)) }
    }
}
