//! Learning, where it touches the disk: the book of deficiencies as the journal tells it, what people say of them, the
//! experience store, and the lessons for a prompt. Which deficiency is which, and who should be told, is the core's business.

mod experience;
mod reading;
mod teaching;

pub use experience::{Exported, FILES_MAX, experience_dir, experiences, export};
pub use reading::{Change, DEFICIENCY_REPORT, Reading, report_of};
pub(crate) use teaching::note_told;
pub use teaching::{Teacher, told};
