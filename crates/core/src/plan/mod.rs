//! Plans: their model, their formats (text in, [`Plan`] out), their validation. Reads no files.

mod array;
mod branch;
mod context;
mod diagnostic;
mod digest;
mod draft;
mod fields;
mod forecast;
mod foreign;
mod json;
mod markdown;
mod markdown_keys;
mod marker;
mod model;
mod native;
mod node;
mod prd;
mod read;
mod scan;
mod select;
mod stages;
mod suggest;
mod summary;
mod toml;
mod validate;
mod yaml;

pub use branch::check_branch;
pub use diagnostic::{Diagnostic, Severity};
pub use digest::digests;
pub use model::{Group, OnFailure, Plan, SkillFailure, Task};
pub use native::{PLAN_KEYS, TASK_KEYS};
pub use read::{Format, PlanSource, Reading, read};
pub use select::{NotInPlan, select};
pub use suggest::closest;
pub use summary::{CriticalPath, Estimates, GroupSummary, OverlapSummary, Summary, summary};
pub use validate::check_together;

#[cfg(test)]
mod format_tests;
