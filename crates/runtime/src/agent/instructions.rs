//! The project's own instructions for agents: which of the known files are there. Does not read them.

use std::path::Path;

/// Names that agents look for, at the top of a project. Nearer ones, in folders, the agents find by themselves.
const NAMES: &[&str] = &[
    "AGENTS.md",
    "CLAUDE.md",
    "GEMINI.md",
    "CONTRIBUTING.md",
    ".cursorrules",
    ".clinerules",
    ".windsurfrules",
    ".github/copilot-instructions.md",
];

/// Those that exist in this worktree, as paths from its top.
#[must_use]
pub fn instruction_files(worktree: &Path) -> Vec<String> {
    NAMES.iter().filter(|name| worktree.join(name).exists()).map(|name| (*name).to_owned()).collect()
}
