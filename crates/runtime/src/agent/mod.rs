//! Which agents there are, how each is started, and what its output means.
//!
//! Built-in agents are data (`agents.toml`) plus a reader of their output; the user's configuration extends them or adds
//! whole ones without code. Knows nothing of tasks, plans or worktrees beyond their paths; starts no agent itself.

mod definition;
mod environment;
mod instructions;
mod launch;
mod presence;
mod readers;
mod registry;
mod tells;
mod tools;

pub use definition::{AgentDef, AgentOverride, OutputKind};
pub use instructions::instruction_files;
pub use launch::{COMMAND, Launch, PROMPT_ARGUMENT_BYTES_MAX, command_argv};
pub(crate) use presence::which;
pub use presence::{Presence, SignedIn, VERSION_TIMEOUT};
pub use readers::{LINE_BYTES_MAX, Readable, Reader, Shown, ToolCall, guess, last_words, reader, words_of};
pub use registry::{AUTO, Registry, RegistryError};
pub use tells::Told;
pub use tools::Tools;
