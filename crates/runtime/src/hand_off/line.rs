//! What the process that waits writes on its standard output, one JSON object a line; its reader reads it.

use serde::{Deserialize, Serialize};

use super::given_back::Word;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// It begins to wait.
    HandedOver {
        /// Where the work is to be done.
        worktree: String,
        /// Where the task stands.
        prompt: String,
    },
    /// There is a commit, and something that speaks against its being all.
    NotYet {
        /// What.
        why: String,
    },
    /// It is given back.
    GivenBack {
        /// How.
        word: Word,
        /// Who, where that is known.
        by: String,
        /// Their message, or the commit's subject.
        message: String,
        /// The commit that said so, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// It cannot be waited for any longer.
    Lost {
        /// Why.
        why: String,
    },
}

impl Line {
    /// `None`: it is something else.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Line::HandedOver { worktree, prompt } => format!("handed over: {worktree}; the task stands in {prompt}"),
            Line::NotYet { why } | Line::Lost { why } => why.clone(),
            Line::GivenBack { word, by, message, commit } => {
                let how = match (word, commit) {
                    (Word::Done, Some(commit)) => format!("given back with commit {}", commit.get(..8).unwrap_or(commit)),
                    (Word::Done, None) => String::from("given back as done"),
                    (Word::Failed, _) => String::from("given back undone"),
                };
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                let message = if message.is_empty() { String::new() } else { format!(": {message}") };
                format!("{how}{by}{message}")
            }
        }
    }
}
