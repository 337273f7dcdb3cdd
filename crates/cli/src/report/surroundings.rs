//! What advice depends on and a run's document does not tell: whether verbs find the run without its name, and what has become of its
//! branches since. Whoever can look hands it in.

use std::collections::BTreeMap;

/// Beside the document. Its default is a run that was just at work: the latest, with branches that wait to be landed.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Verbs mean another run where none is named.
    pub is_older: bool,
    /// Plans whose branch does not wait to be landed any more, by their id.
    pub branches: BTreeMap<String, Whereabouts>,
}

/// What has become of a plan's branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Everything that landed is in the user's branch of this name.
    In(String),
    /// It is not there any more, and what landed is not in the branch that the user stands on.
    Gone,
}
