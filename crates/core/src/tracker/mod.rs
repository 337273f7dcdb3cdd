//! What others keep book of beside Greenlane: issues in trackers, the plan's own file. Says which, and what each is to be told as a run
//! stands. Asks and tells nobody.

mod issue;
mod letters;

pub use issue::{Issue, TrackerKind};
pub use letters::{GivenUp, Item, Letter, Untold, Word, letters};
