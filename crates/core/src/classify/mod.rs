//! What kind of work a task is, and who should do it: type, complexity, stacks and role from words, files and the repository's own
//! files; the agent from rules and from what agents have shown here. Text and lists in, reasons out.
//!
//! Every weight is data (`rules.toml`, `assign.toml`). Looks at no disk and knows no machine: what the repository holds and which agents
//! are there is handed in.

mod assign;
mod complexity;
mod evidence;
mod history;
mod rules;
mod scorer;
mod types;
mod words;

pub use assign::{Assigner, Assignment, Choice, Overrides};
pub use complexity::Sized;
pub use evidence::Evidence;
pub use history::{EVIDENCE_MIN, MARGIN_MIN, PRIOR_ATTEMPTS, PRIOR_RATE, Record, Shown, tally};
pub use rules::Rules;
pub use scorer::{Classification, Classifier, RepositoryFiles};
pub use types::{Complexity, TaskType};
