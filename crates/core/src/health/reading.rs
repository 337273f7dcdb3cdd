//! What a look at an attempt shows: its keeper's process, and what that told last. Judges nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attempt::Usage;
use crate::time::Time;

/// A sign of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It printed something; events of tool and model calls come this way.
    Output,
    /// Its tree used CPU time.
    Cpu,
    /// Bytes came or went on its connections: it waits for its model.
    Sockets,
    /// None is to be expected: it waits for a person.
    Person,
    /// It called one of Greenlane's own tools.
    Tools,
}

/// One look at an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was seen of its keeper.
    pub keeper: Keeper,
    /// What its keeper told last; `None` before the first heartbeat.
    pub beat: Option<Beat>,
}

/// What was seen of a keeper's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// It runs.
    Running,
    /// It is stopped (SIGSTOP, a debugger), with this pid.
    Stopped(u32),
    /// It has not begun yet.
    NotBegun,
    /// It has ended as it should; its record is being taken in.
    Ended,
    /// It is gone and left no record.
    Gone,
    /// It could not be looked at, with the system's word.
    Unseen(String),
}

/// A heartbeat, with its ages as the machine's uptime counts them: a clock that was set and a machine that slept add nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// When it was written, by the machine's clock.
    pub at: Time,
    /// How long ago that was.
    pub age: Duration,
    /// How long, when it was written, there had been no sign of work.
    pub quiet: Duration,
    /// The usual time between two heartbeats.
    pub every: Duration,
    /// The last sign of work.
    pub evidence: Option<Evidence>,
    /// The attempt is being ended.
    pub ending: bool,
    /// Processes that are stopped, `name (pid)`.
    pub stopped: Vec<String>,
    /// The tree's other processes: none of them means that all of it is stopped.
    pub not_stopped: u32,
    /// Why it tries its model again, in its own words, while it does.
    pub retrying: Option<String>,
    /// What else keeps it silent, as far as its tree tells: memory in swap, a disk that does not answer, connections without answers.
    pub waits_for: Option<String>,
    /// What it says that it does.
    pub step: Option<String>,
    /// Turns of its conversation so far, where its events tell.
    pub iteration: Option<u64>,
    /// Calls of its model, retries included.
    pub model_calls: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Tokens and money, where its events tell.
    pub usage: Option<Usage>,
    /// CPU time of the tree, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of the tree.
    pub memory_bytes: u64,
    /// How many processes there are.
    pub processes: u32,
    /// Bytes printed.
    pub output_bytes: u64,
}

/// What was seen of an attempt when its health changed: what is worth keeping of a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The keeper's pid where it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper_stopped: Option<u32>,
    /// When its last heartbeat was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Time>,
    /// How long there had been no sign of work by then, in milliseconds.
    #[serde(default)]
    pub quiet_ms: u64,
    /// The last sign of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What it said that it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Turns of its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u64>,
    /// Calls of its model.
    #[serde(default)]
    pub model_calls: u64,
    /// Calls of tools.
    #[serde(default)]
    pub tool_calls: u64,
    /// CPU time of its tree, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// Memory of its tree.
    #[serde(default)]
    pub memory_bytes: u64,
    /// How many processes there were.
    #[serde(default)]
    pub processes: u32,
}

impl Reading {
    /// With what the coordinator itself knows of the attempt ([`State::silence_of`](crate::state::State::silence_of)): its keeper sees its
    /// processes only, and may not have looked since.
    #[must_use]
    pub fn heard(mut self, silence: Option<(Duration, Evidence)>) -> Self {
        if let (Some(beat), Some((quiet, evidence))) = (&mut self.beat, silence)
            && quiet < beat.quiet
        {
            (beat.quiet, beat.evidence) = (quiet, Some(evidence));
        }
        self
    }

    /// When its keeper last saw it at work; waiting for a person is none.
    #[must_use]
    pub fn worked_at(&self) -> Option<Time> {
        let beat = self.beat.as_ref().filter(|b| b.evidence.is_some_and(|e| e != Evidence::Person))?;
        Some(Time(beat.at.0.saturating_sub(u64::try_from(beat.quiet.as_millis()).unwrap_or(u64::MAX))))
    }

    /// What is worth keeping of it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let keeper_stopped = if let Keeper::Stopped(pid) = self.keeper { Some(pid) } else { None };
        let Some(beat) = &self.beat else { return Seen { keeper_stopped, ..Seen::default() } };
        Seen {
            keeper_stopped,
            heartbeat_at: Some(beat.at),
            quiet_ms: u64::try_from(beat.quiet.as_millis()).unwrap_or(u64::MAX),
            evidence: beat.evidence,
            step: beat.step.clone(),
            iteration: beat.iteration,
            model_calls: beat.model_calls,
            tool_calls: beat.tool_calls,
            cpu_ms: beat.cpu_ms,
            memory_bytes: beat.memory_bytes,
            processes: beat.processes,
        }
    }
}
