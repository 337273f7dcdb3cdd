//! Plans: their model, their formats (text in, [`Plan`] out), their validation. Reads no files.

mod array;
mod beads;
mod branch;
mod context;
mod convert;
mod diagnostic;
mod digest;
mod draft;
mod fields;
mod forecast;
mod foreign;
mod inferred;
mod json;
mod kitty;
mod largest;
mod manifest;
mod markdown;
mod markdown_keys;
mod marker;
mod model;
mod native;
mod node;
mod outline;
mod ownership;
mod packages;
mod phases;
mod prd;
mod read;
mod scan;
mod select;
mod spec_kit;
mod stages;
mod suggest;
mod summary;
mod task_master;
mod toml;
mod validate;
mod yaml;

pub use branch::check_branch;
pub use convert::{Native, comments, convert, meaning};
pub use diagnostic::{Diagnostic, Severity};
pub use digest::digests;
pub use inferred::{Inferred, Paths, infer};
pub use manifest::{ManifestSource, check_manifest};
pub use model::{Group, OnFailure, Plan, SkillFailure, Task};
pub use native::{PLAN_KEYS, TASK_KEYS};
pub use ownership::{Ownership, Remedy, Row, Suggestion, ownership};
pub use read::{Format, PlanSource, Reading, read};
pub use select::{NotInPlan, select};
pub use suggest::closest;
pub use summary::{CriticalPath, Estimates, GroupSummary, OverlapSummary, Summary, summary};
pub use validate::check_together;

#[cfg(test)]
mod format_tests;
