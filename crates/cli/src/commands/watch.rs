//! `watch`: the dashboard in a terminal, beside a run. Only reads, and asks the coordinator for what its keys say.

use crate::context::Context;
use crate::error::{Error, Outcome};

/// Flags of `watch`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane watch              the run that goes on here, else the latest; picks up one that begins
  greenlane watch RUN          that one; `greenlane runs` lists them
  greenlane run plan.toml --tui
                               the same, as the display of a run

? shows the keys. Leaving it (q) leaves the run alone, and several may look at once. NO_COLOR is honoured.")]
pub struct WatchArgs {
    /// Another run than the latest
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
}

/// Shows it until it is left.
///
/// # Errors
/// Exit code 2 for an unknown run and without a terminal, 3 where there is no repository or this program was built without it.
#[cfg(feature = "tui")]
pub fn run(args: &WatchArgs, context: &Context) -> Outcome {
    use crate::board::Which;
    use crate::error::Kind;
    use crate::session::Session;
    use crate::tui::{Left, Place, Warnings, show};

    require_terminal("`greenlane status --watch` goes without one")?;
    let session = Session::open(context)?;
    let which = match &args.run {
        Some(name) => Which::Run(session.find_run(&session.journal()?, Some(name))?),
        None => Which::Current,
    };
    match show(&session, Place::Beside(which), context.output.color, &Warnings::default())? {
        Left::Quit => Ok(std::process::ExitCode::SUCCESS),
        Left::Signal(signal) => Err(Error::silent(Kind::Signal(u8::try_from(signal).unwrap_or(u8::MAX)))),
    }
}

/// Says that this program cannot.
///
/// # Errors
/// Always: exit code 3.
#[cfg(not(feature = "tui"))]
pub fn run(_: &WatchArgs, _: &Context) -> Outcome {
    require_terminal("")?;
    Ok(std::process::ExitCode::SUCCESS)
}

/// There is a terminal to draw on.
///
/// # Errors
/// Exit code 2 where standard input or output is none, 3 where this program was built without a dashboard.
pub fn require_terminal(hint: &str) -> Result<(), Error> {
    #[cfg(feature = "tui")]
    if !crate::tui::is_possible() {
        return Err(Error::usage("the dashboard needs a terminal, and standard input or output is none").hint(hint));
    }
    if cfg!(not(feature = "tui")) {
        let _ = hint;
        return Err(Error::environment("this program was built without the dashboard in a terminal").hint(
            "`greenlane status --watch` goes without it; or build it with the cargo feature `tui`, which is among the default ones",
        ));
    }
    Ok(())
}
