//! `completions`: a shell's completions, made from the command line's own definition.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::error::Outcome;

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane completions bash > ~/.local/share/bash-completion/completions/greenlane
  greenlane completions zsh > ~/.zfunc/_greenlane
  greenlane completions fish > ~/.config/fish/completions/greenlane.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the completions.
pub fn run(args: &CompletionsArgs, context: &Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "greenlane", &mut script);
    context.output.bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}
