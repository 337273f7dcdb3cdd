//! What an agent's output tells of what it uses, and when: a cap on what is not told cannot be kept.

use greenlane_core::budget::Measure;

use super::definition::OutputKind;

/// When something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// While the attempt runs: a cap ends it.
    Running,
    /// With the attempt's last event: a cap keeps a further attempt from starting, no more.
    AtEnd,
    /// Not at all.
    Never,
}

impl OutputKind {
    /// When this kind of output tells how much of this was used. Time is the keeper's own to measure.
    #[must_use]
    pub fn tells(self, measure: Measure) -> Told {
        use OutputKind as K;
        match (measure, self) {
            // A person uses none of it.
            (Measure::Wall, _) | (_, K::HandOff) => Told::Running,
            (_, K::Plain | K::Aider) => Told::Never,
            // What is told depends on the agent: most tell their tokens with the end of the turn.
            (Measure::ModelCalls | Measure::CostUsd, K::Acp) => Told::Never,
            (Measure::Tokens, K::Acp) => Told::AtEnd,
            (Measure::ModelCalls, _) => Told::Running,
            (Measure::Tokens, K::Claude | K::Qwen | K::Opencode | K::Pi | K::Cline) => Told::Running,
            (Measure::Tokens, K::Codex | K::Gemini) => Told::AtEnd,
            (Measure::CostUsd, K::Opencode | K::Pi | K::Cline) => Told::Running,
            (Measure::CostUsd, K::Claude) => Told::AtEnd,
            (Measure::Tokens, K::Copilot) => Told::Never,
            (Measure::CostUsd, K::Codex | K::Gemini | K::Qwen | K::Copilot) => Told::Never,
        }
    }

    /// Calls of tools are told, so that their absence tells something too.
    #[must_use]
    pub fn tells_tools(self) -> bool {
        !matches!(self, OutputKind::Plain | OutputKind::Aider | OutputKind::HandOff)
    }
}
