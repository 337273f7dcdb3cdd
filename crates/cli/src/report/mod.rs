//! What verbs show of a run: tables, summaries, the report. Texts are drawn from the documents behind `--json`, so that
//! the two cannot tell different stories. Reads no files and changes nothing.

mod advice;
mod signs;
mod status;
mod summary;
mod text;

#[cfg(test)]
pub(crate) mod samples;

pub use advice::advice;
pub use signs::{sign, state_paint, state_words};
pub use status::{Live, status};
pub use summary::summary;
pub use text::{Look, clean, columns, fit, humane, quoted, short, wrapped};
