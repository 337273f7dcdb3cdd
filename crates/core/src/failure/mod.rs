//! Why an attempt failed, told from evidence. Knows nothing of retries: that is policy, elsewhere.
//!
//! Order of evidence: the gate's verdict, the keeper's observation, the agent's structured events,
//! the exit code and signal, then patterns in the output by whole words. The gate's is judged where it is asked, in the
//! coordinator; [`of_exit`] knows the order of the rest.

mod circumstances;
mod exit;
mod output;
mod provider;
mod reset;
mod status;
mod trace;
mod types;
mod words;

pub use circumstances::{Circumstances, LINES_MAX, Resources, last_lines};
pub use exit::of_exit;
pub use output::is_error_line;
pub use reset::{Offsets, UTC_ONLY, reset_at};
pub use status::http_status;
pub use trace::stack_trace;
pub use types::{Evidence, Failure, FailureDetail, FailureType};
