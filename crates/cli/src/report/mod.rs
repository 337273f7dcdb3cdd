//! What verbs show of a run: tables, summaries, the report. Texts are drawn from the documents behind `--json`, so that
//! the two cannot tell different stories. Reads no files and changes nothing.

mod advice;
pub mod chart;
mod evidence;
mod forms;
mod history;
mod kinds;
mod landed;
mod learned;
mod over_time;
mod quota;
mod report_text;
mod retried;
mod run_report;
mod sections;
mod shared;
mod signs;
mod status;
mod summary;
mod surroundings;
mod task;
mod text;
mod timeline;
mod untold;
mod waits;

#[cfg(test)]
pub(crate) mod samples;

pub use advice::{advice, task_advice};
pub use evidence::{RedSuites, evidence, last_lines, of_base, visible};
pub use forms::{html, junit, markdown};
pub use history::{Flaky, Gatherer, History, TakenOff, Verifications};
pub use landed::landed;
pub use learned::{Learned, LearnedGatherer, learned};
pub use over_time::{OverTime, RunLine, Trends, over_time, runs, trend_lines};
pub use quota::{fallbacks, local, local_times};
pub use report_text::report;
pub use retried::Retries;
pub use run_report::{AgentUse, Chain, FailedAttempt, RunReport, run_report};
pub(crate) use run_report::{chains, failures};
pub use shared::suite_files;
pub use signs::{sign, state_paint, state_words};
pub(crate) use status::shown_state;
pub use status::{Live, name_of, status, status_within, time_spent};
pub use summary::{summary, times, usage};
pub use surroundings::{Surroundings, Whereabouts};
pub use task::{TaskPicture, task};
pub use text::{Look, clean, columns, fact_lines, fit, humane, quoted, short, wrapped};
pub use timeline::{Bar, gantt, timeline};
pub use untold::untold_lines;
