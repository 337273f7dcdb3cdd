//! `unpause`: go on after `pause`: asks the coordinator. Or with an account whose limit is over earlier than its provider said: tells all
//! coordinators of the user.

use std::process::ExitCode;

use greenlane_core::input::Request;
use greenlane_core::state::account_label;
use greenlane_runtime::accounts::Accounts;
use greenlane_runtime::clock;
use greenlane_runtime::control::Say;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Session;

/// Flags of `unpause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane unpause                     attempts start again
  greenlane unpause --account claude    its limit is over: nobody waits for it any more, in any run")]
pub struct UnpauseArgs {
    /// An account that its provider has limited, by its name or by that of its agent
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Asks.
///
/// # Errors
/// Exit code 2 where nobody is at work, or no such account was ever limited.
pub fn run(args: &UnpauseArgs, context: &Context) -> Outcome {
    if let Some(name) = &args.account {
        return lift(name, context);
    }
    let session = Session::open(context)?;
    session.require_coordinator()?.say(&Say::Ask(Request::Unpause))?;
    context.output.say("attempts start again");
    Ok(ExitCode::SUCCESS)
}

fn lift(name: &str, context: &Context) -> Outcome {
    let unusable = |e: std::io::Error| Error::file(format!("what is known of accounts cannot be read or written: {e}"), &e);
    let accounts =
        Accounts::of_user(&context.env).ok_or_else(|| Error::environment("there is no home, and so nothing is known of accounts"))?;
    let known = accounts.known().map_err(unusable)?;
    let meant: Vec<&String> = known.keys().filter(|account| *account == name || account_label(account) == name).collect();
    if meant.is_empty() {
        let error = Error::usage(format!("no account `{name}` was ever limited"));
        let names: Vec<&str> = known.keys().map(|account| account_label(account)).collect();
        return Err(if names.is_empty() { error } else { error.hint(format!("known: {}", names.join(", "))) });
    }
    for account in meant {
        accounts.lift(account, clock::now()).map_err(unusable)?;
        context.output.say(&format!("nobody waits for {} any more", account_label(account)));
    }
    Ok(ExitCode::SUCCESS)
}
