//! What is known of an attempt: how its process ended, what it used, what the gate said.
//! Plain data, shared by the keeper (which observes), the coordinator (which decides) and the views.

use serde::{Deserialize, Serialize};

use crate::failure::Resources;
use crate::ids::Oid;
use crate::time::Time;

/// Tokens and money, as the agent's own events state them. Cached input is counted inside `input_tokens`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// All input, cached or not.
    pub input_tokens: u64,
    /// The part of the input that came from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// All output, reasoning included.
    pub output_tokens: u64,
    /// US dollars; `None` where the agent does not say.
    pub cost_usd: Option<f64>,
}

/// How an agent's process came to its end, as the keeper saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Exit {
    /// By itself, with this code.
    Code {
        /// 0–255.
        code: i32,
    },
    /// By a signal that the keeper did not send.
    Signal {
        /// The signal's number.
        signal: i32,
    },
    /// Ended by the keeper: the wall-clock limit.
    TimedOut,
    /// Ended by the keeper: no evidence of work for the whole stall timeout.
    Stalled,
    /// Ended by the keeper: a cap of its task's is exceeded.
    OverBudget {
        /// Which, and by how much: "120,400 of 100,000 tokens".
        message: String,
    },
    /// Ended by the keeper: it goes round in circles.
    Runaway {
        /// What it did over and over.
        message: String,
    },
    /// Ended by the keeper because it was asked to.
    Cancelled,
    /// It never started: the program is missing or not executable.
    FailedToStart {
        /// What the system said.
        message: String,
    },
}

/// An error that the agent itself reported in its events: judge by these before the exit code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentError {
    /// In the agent's words, one line, at most 1,000 characters.
    pub message: String,
    /// The provider's HTTP status where it is stated or can be told from the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When a rate limit ends, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<Time>,
}

/// What an output reader gathered from an agent's events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// The agent's word for its outcome, where its events have one: `true` finished, `false` failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<bool>,
    /// The last error that was fatal to the agent's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AgentError>,
    /// To go on with the same conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The model that the agent says it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its last words, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_message: String,
    /// Calls of the model that were seen, retries included.
    pub model_calls: u64,
    /// Calls of tools that were seen.
    pub tool_calls: u64,
    /// Retries of the model that were seen.
    #[serde(default)]
    pub model_retries: u64,
    /// Tools that the agent's own policy denied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// A person had it in hand and gave it back undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handed_back: bool,
    /// `None` where the agent reports no usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl AgentReport {
    /// The session, where going on with it is worth anything: the model has answered in it. One without an answer holds only a
    /// prompt, which the next attempt gets anyway, and some agents do not even keep it (gemini ends with code 42 when asked for it).
    #[must_use]
    pub fn session_to_resume(&self) -> Option<&str> {
        let answered = self.tool_calls > 0 || !self.last_message.is_empty();
        self.session.as_deref().filter(|_| answered)
    }
}

/// The keeper's durable record of one attempt: `exit.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// How the process ended.
    pub exit: Exit,
    /// When the agent process was started.
    pub started_at: Time,
    /// When its whole tree was gone.
    pub ended_at: Time,
    /// What its events said.
    #[serde(default)]
    pub report: AgentReport,
    /// Processes that outlived the agent and were ended by the keeper.
    #[serde(default)]
    pub strays_ended: u32,
    /// The most memory the tree was seen to use, in bytes.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    /// CPU time of the tree, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// What the tree and the machine used at the end; `None` in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many processes the kernel killed for want of memory while it ran, on the whole machine; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
    /// Processes that were stopped (SIGSTOP) when it was ended for want of evidence, `name (pid)`, at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<String>,
    /// The last lines of standard output, at most 20 lines and 4,000 characters, for messages and classification.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout_tail: String,
    /// The same of standard error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr_tail: String,
    /// How long it did nothing but wait for a person's answer, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl ExitRecord {
    /// An end of which nothing else is known.
    #[must_use]
    pub fn new(exit: Exit, started_at: Time, ended_at: Time) -> Self {
        Self {
            exit,
            started_at,
            ended_at,
            report: AgentReport::default(),
            strays_ended: 0,
            memory_peak_bytes: 0,
            cpu_ms: 0,
            resources: None,
            oom_kills: None,
            stopped: Vec::new(),
            stdout_tail: String::new(),
            stderr_tail: String::new(),
            waited_ms: 0,
        }
    }
}

/// What the gate found in a worktree after the agent's tree had ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Verdict {
    /// There is work, inside the owned files, and every check passed.
    Accepted {
        /// The commit that holds all of the task's work.
        commit: Oid,
        /// How many files it changes against the attempt's base.
        files_changed: u32,
        /// Files of the suite that it changed or removed without owning them; where there are checks, they say
        /// the same with the base's copies.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        suite_files: Vec<String>,
    },
    /// Nothing differs from the base.
    NoChange,
    /// Files were changed that the task does not own.
    OutsideOwnership {
        /// The commit that keeps the work.
        commit: Oid,
        /// Those files, at most 50.
        files: Vec<String>,
    },
    /// A check did not pass.
    CheckFailed {
        /// The commit that keeps the work.
        commit: Oid,
        /// The command.
        command: String,
        /// Its exit code; `None` where it timed out or was killed.
        exit_code: Option<i32>,
        /// The end of its output, at most 4,000 characters.
        output: String,
        /// It ran into `check_timeout`.
        timed_out: bool,
    },
    /// The work is not what the attempt was given to do: HEAD left the attempt's base, or the worktree lost its identity.
    NeedsHuman {
        /// What is wrong and where the work is kept.
        why: String,
        /// The ref or commit that keeps the work, where there is one.
        kept: Option<String>,
    },
    /// The gate itself could not be run (disk full, git failed).
    Broken {
        /// What failed.
        message: String,
    },
}

/// One candidate's part in an in-memory merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Merge {
    /// Merged; this commit is the branch's state after it.
    Merged {
        /// The merge commit.
        commit: Oid,
    },
    /// It conflicts with what was merged so far.
    Conflict {
        /// The files, at most 50.
        files: Vec<String>,
        /// `true`: with the branch itself. `false`: with another candidate of the same batch, which may yet be refused.
        definite: bool,
        /// They are generated, and could not be made anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_remade: Option<Box<NotRemade>>,
    },
}

/// A command that did not make generated files anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRemade {
    /// The command.
    pub command: String,
    /// What was wrong, to follow on its name: `failed with exit code 1`, `did not make list.txt`.
    pub why: String,
    /// The file that holds what it printed.
    pub log: String,
}

/// The outcome of running the suite on a combined tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Suite {
    /// Every command passed.
    Green {
        /// The verdict was known for this very tree.
        cached: bool,
    },
    /// A command did not pass.
    Red {
        /// The command.
        command: String,
        /// Its exit code; `None` where it timed out or was killed.
        exit_code: Option<i32>,
        /// The end of its output, at most 4,000 characters.
        output: String,
        /// It ran into `verify_timeout`.
        timed_out: bool,
        /// What to do about it, where the output tells (dependencies not installed, program missing).
        hint: Option<String>,
        /// It is no command of the suite but one that makes the worktree ready (`[workspace] setup`); its whole output is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_up_log: Option<String>,
    },
    /// The suite could not be run (no worktree, disk full).
    Broken {
        /// What failed.
        message: String,
    },
}
