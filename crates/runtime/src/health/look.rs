//! One look at one attempt, from its directory alone: needs no coordinator, and waits for nothing.

use std::path::Path;
use std::time::Duration;

use greenlane_core::attempt::AgentReport;
use greenlane_core::health::{Beat, Keeper, Reading};

use crate::clock;
use crate::keeper::{self, Heartbeat, Phase, Probe};

/// Looks at the attempt whose directory this is.
#[must_use]
pub fn look(dir: &Path) -> Reading {
    // First the heartbeat, then the keeper: one that ends in between is seen as ended, not as silent.
    let beat = keeper::read_heartbeat(dir).map(beat);
    let keeper = match keeper::probe(dir) {
        Ok(Probe::Running(who)) if who.is_stopped() => Keeper::Stopped(who.pid),
        Ok(Probe::Running(_)) => Keeper::Running,
        Ok(Probe::NeverBegan) => Keeper::NotBegun,
        Ok(Probe::Exited(_) | Probe::Voided) => Keeper::Ended,
        Ok(Probe::Lost(_)) => Keeper::Gone,
        Err(e) => Keeper::Unseen(e.to_string()),
    };
    Reading { keeper, beat }
}

fn beat(h: Heartbeat) -> Beat {
    // One that an older version wrote tells no uptime.
    let by_clock = || clock::now().since(h.at);
    let age = h.uptime_ms.map_or_else(by_clock, |at| Duration::from_millis(clock::uptime_ms().saturating_sub(at)));
    let running = h.processes.saturating_sub(h.stopped_processes);
    Beat {
        at: h.at,
        age,
        quiet: h.at.since(h.last_evidence_at),
        every: Duration::from_millis(h.every_ms),
        evidence: h.last_evidence,
        ending: h.phase != Phase::Running,
        not_stopped: running,
        stopped: h.stopped,
        retrying: h.retrying,
        waits_for: h.waits_for,
        step: h.activity,
        iteration: h.iteration,
        model_calls: h.model_calls,
        tool_calls: h.tool_calls,
        usage: h.usage,
        cpu_ms: h.cpu_ms,
        memory_bytes: h.memory_bytes,
        processes: h.processes,
        output_bytes: h.output_bytes,
    }
}

/// Why an agent tries its model again, as long as it does.
pub(crate) fn retrying(report: &AgentReport) -> Option<String> {
    // Only events tell of retries; an error without any is the agent's end, or a guess.
    let error = report.error.as_ref().filter(|_| report.finished.is_none() && report.model_retries > 0)?;
    let times = match report.model_retries {
        1 => String::from("once so far"),
        n => format!("{n} times so far"),
    };
    let reset = error.reset_at.map(|at| format!(", limited until {}", at.rfc3339())).unwrap_or_default();
    Some(match error.status.filter(|s| !error.message.contains(&s.to_string())) {
        Some(status) => format!("{} ({status}){reset}, {times}", error.message),
        None => format!("{}{reset}, {times}", error.message),
    })
}

/// Turns of its conversation, where its events tell: calls of the model that were answered.
pub(crate) fn iteration(report: &AgentReport) -> Option<u64> {
    (report.model_calls > 0).then(|| report.model_calls.saturating_sub(report.model_retries))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::agent::{OutputKind, reader};

    /// What was said of retries while the recorded output of this agent came in, standard error first as it was recorded apart; and at the end.
    fn told(kind: OutputKind, agent: &str, case: &str) -> (Vec<String>, AgentReport) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent-output").join(agent);
        let text = |end: &str| fs::read_to_string(dir.join(format!("{case}.{end}"))).unwrap_or_default();
        let (mut reader, mut told) = (reader(kind), Vec::new());
        let (errors, output) = (text("stderr"), text("stdout"));
        for (line, of_errors) in errors.lines().map(|l| (l, true)).chain(output.lines().map(|l| (l, false))) {
            if of_errors {
                reader.error_line(line)
            } else {
                reader.line(line)
            }
            told.extend(retrying(&reader.report()));
        }
        (told, reader.report())
    }

    #[test]
    fn recorded_agents_say_that_they_try_their_model_again_as_far_as_they_tell() {
        let agents = [
            (OutputKind::Claude, "claude"),
            (OutputKind::Codex, "codex"),
            (OutputKind::Gemini, "gemini"),
            (OutputKind::Opencode, "opencode"),
        ];
        // codex tells nothing of a 429 before it gives up.
        let retries = [
            ("claude", "429", "429"),
            ("claude", "500", "500"),
            ("codex", "500", "high demand"),
            ("gemini", "429", "429"),
            ("gemini", "500", "500"),
            ("opencode", "429", "429"),
            ("opencode", "500", "500"),
        ];
        for (kind, agent) in agents {
            for (_, case, expected) in retries.iter().filter(|(of, ..)| *of == agent) {
                let (told, _) = told(kind, agent, case);
                let named = told.iter().any(|t| t.contains(expected)) && told.iter().all(|t| t.ends_with(" so far"));
                assert!(named, "{agent} {case}: {told:?}");
            }
            for case in ["ok", "hang", "killed", "not-signed-in"] {
                let (told, _) = told(kind, agent, case);
                assert!(told.is_empty(), "{agent} {case}: {told:?}");
            }
            let (_, report) = told(kind, agent, "ok");
            assert!(iteration(&report) > Some(0), "{agent}: {report:?}");
        }
    }
}
