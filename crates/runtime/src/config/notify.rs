//! `[notify]`: who is told when nobody looks.

use std::time::Duration;

use greenlane_core::notice::NoticeKind;
use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The settings of notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyConfig {
    /// On the desktop, where there is one.
    pub desktop: bool,
    /// An `sh -c` line, in the repository's root, with the notice as JSON on its standard input and in `GREENLANE_NOTICE_*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// An address that the notice is posted to as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// What is told.
    pub events: Vec<NoticeKind>,
    /// Not more often than this; what comes sooner is told together.
    #[serde(with = "duration_text")]
    pub every: Duration,
    /// The end of a run that took less is not told: whoever started it still looks.
    #[serde(with = "duration_text")]
    pub after: Duration,
}
