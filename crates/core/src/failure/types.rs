//! The types of failure, their details, and a failure itself. Decides nothing.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The ancestor's eight types of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The agent's program crashed.
    Bug,
    /// Memory, disk or another resource ran out.
    ResourceExhaustion,
    /// The wall clock or a stall ended it.
    Timeout,
    /// The model's provider refused or failed.
    ApiError,
    /// Greenlane's own machinery failed: workspace, keeper, git.
    CoordinatorError,
    /// The work was done and is not good enough.
    QualityGateFailure,
    /// The agent ended as if all were well, and did not do the task.
    LogicError,
    /// None of these can be shown.
    Unknown,
}

impl FailureType {
    /// Every one.
    pub const ALL: [FailureType; 8] = [
        FailureType::Bug,
        FailureType::ResourceExhaustion,
        FailureType::Timeout,
        FailureType::ApiError,
        FailureType::CoordinatorError,
        FailureType::QualityGateFailure,
        FailureType::LogicError,
        FailureType::Unknown,
    ];

    /// The types that are tried again by default. Ancestor's policy.
    pub const RETRIED: [FailureType; 5] =
        [FailureType::ApiError, FailureType::Timeout, FailureType::ResourceExhaustion, FailureType::CoordinatorError, FailureType::Unknown];

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureType::Bug => "bug",
            FailureType::ResourceExhaustion => "resource_exhaustion",
            FailureType::Timeout => "timeout",
            FailureType::ApiError => "api_error",
            FailureType::CoordinatorError => "coordinator_error",
            FailureType::QualityGateFailure => "quality_gate_failure",
            FailureType::LogicError => "logic_error",
            FailureType::Unknown => "unknown",
        }
    }
}

/// What is known beyond the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureDetail {
    /// The account's limit is reached; see `reset_at`.
    RateLimit,
    /// Not signed in, or the key is refused: trying again cannot help.
    Authentication,
    /// The provider's server failed or is overloaded.
    ServerError,
    /// The provider cannot be reached.
    Network,
    /// The conversation is longer than the model allows.
    ContextOverflow,
    /// A program is missing or cannot be executed: trying again cannot help.
    MissingProgram,
    /// The model has more to do than it can; others of the same provider may have less.
    ModelOverload,
    /// Killed for want of memory, or refused more of it.
    OutOfMemory,
    /// No space is left on the disk.
    DiskFull,
    /// The agent's own policy denied what the task needs: trying again cannot help.
    PermissionDenied,
    /// No evidence of work for the whole stall timeout.
    Stalled,
    /// The keeper died; the agent's work is in the worktree.
    KeeperLost,
    /// A cap of the task's is used up: trying again would spend more.
    Budget,
    /// The same call with the same result over and over, or output without end: trying again would do the same.
    Runaway,
    /// A set-up command (`[workspace] setup`) did not pass, so no agent was started.
    SetUpFailed,
    /// Whoever had it in hand says that it is not done: trying again cannot help before somebody has read why.
    HandedBack,
    /// No worktree can be made ready before somebody changes something: trying again cannot help.
    NoWorkspace,
}

impl FailureDetail {
    /// Every one.
    pub const ALL: [FailureDetail; 17] = [
        FailureDetail::RateLimit,
        FailureDetail::Authentication,
        FailureDetail::ServerError,
        FailureDetail::Network,
        FailureDetail::ContextOverflow,
        FailureDetail::MissingProgram,
        FailureDetail::ModelOverload,
        FailureDetail::OutOfMemory,
        FailureDetail::DiskFull,
        FailureDetail::PermissionDenied,
        FailureDetail::Stalled,
        FailureDetail::KeeperLost,
        FailureDetail::Budget,
        FailureDetail::Runaway,
        FailureDetail::SetUpFailed,
        FailureDetail::NoWorkspace,
        FailureDetail::HandedBack,
    ];

    /// Another attempt could not end differently.
    #[must_use]
    pub fn is_hopeless(self) -> bool {
        use FailureDetail::{Authentication, Budget, HandedBack, MissingProgram, NoWorkspace, PermissionDenied, Runaway};
        matches!(self, Authentication | MissingProgram | PermissionDenied | NoWorkspace | Budget | Runaway | HandedBack)
    }

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureDetail::RateLimit => "rate_limit",
            FailureDetail::Authentication => "authentication",
            FailureDetail::ServerError => "server_error",
            FailureDetail::Network => "network",
            FailureDetail::ContextOverflow => "context_overflow",
            FailureDetail::MissingProgram => "missing_program",
            FailureDetail::ModelOverload => "model_overload",
            FailureDetail::OutOfMemory => "out_of_memory",
            FailureDetail::DiskFull => "disk_full",
            FailureDetail::PermissionDenied => "permission_denied",
            FailureDetail::Stalled => "stalled",
            FailureDetail::KeeperLost => "keeper_lost",
            FailureDetail::Budget => "budget",
            FailureDetail::Runaway => "runaway",
            FailureDetail::SetUpFailed => "set_up_failed",
            FailureDetail::NoWorkspace => "no_workspace",
            FailureDetail::HandedBack => "handed_back",
        }
    }
}

/// What decided on a failure's type; in this order one goes before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The gate's verdict on the work, or the suite's.
    Gate,
    /// What the keeper did or saw: it ended the attempt, or could not begin it; or there is no keeper any more.
    Keeper,
    /// The agent's structured events.
    AgentEvents,
    /// The exit code or the signal.
    Exit,
    /// Words in what was printed.
    Output,
    /// Greenlane's own machinery: no worktree, no keeper could be started.
    Coordinator,
    /// A script's word: `greenlane failures log`.
    Reported,
}

/// One failure of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind that the retry policy goes by.
    #[serde(rename = "type")]
    pub kind: FailureType,
    /// More, where the evidence has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<FailureDetail>,
    /// What decided on it; `None` in journals of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// One line for people, in their words.
    pub message: String,
    /// When a rate limit ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<Time>,
}

impl Failure {
    /// A failure without further detail, by the evidence that such a failure usually has: the gate's for the quality and the logic of
    /// work, Greenlane's own for its machinery, the exit's for the rest.
    pub fn new(kind: FailureType, message: impl Into<String>) -> Self {
        let evidence = match kind {
            FailureType::QualityGateFailure | FailureType::LogicError => Evidence::Gate,
            FailureType::CoordinatorError => Evidence::Coordinator,
            _ => Evidence::Exit,
        };
        Self { kind, detail: None, evidence: Some(evidence), message: message.into(), reset_at: None }
    }

    /// The same, by this evidence.
    #[must_use]
    pub fn by(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// The same, with a detail.
    #[must_use]
    pub fn with(mut self, detail: FailureDetail) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Whether another attempt could end differently at all.
    #[must_use]
    pub fn hopeless(&self) -> bool {
        self.detail.is_some_and(FailureDetail::is_hopeless)
    }
}
