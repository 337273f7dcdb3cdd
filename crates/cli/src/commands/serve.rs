//! `serve`: the dashboard in the browser, for one or many repositories. Says where it is, and serves until it is ended.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Flags of `serve`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane serve                        this repository, at an address that it prints
  greenlane serve ~/shop ~/api --open    two of them, and open the browser
  greenlane serve --listen 127.0.0.1:7171

The address holds a token, which makes a browser known; only this machine is listened to. See docs/dashboard.md.")]
pub struct ServeArgs {
    /// Directories in the repositories [default: this one]
    #[arg(value_name = "DIR")]
    pub directories: Vec<PathBuf>,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Listen to other machines, too, if --listen says so: nothing is encrypted
    #[arg(long)]
    pub beyond_this_machine: bool,
    /// A further name by which browsers may call this server
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Open the browser
    #[arg(long)]
    pub open: bool,
    /// Print the address as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// End when standard input does
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

#[cfg(feature = "web")]
mod with_web {
    use std::ffi::OsStr;
    use std::io::Read as _;
    use std::path::Path;
    use std::process::{Command, ExitCode, Stdio};

    use serde::Serialize;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::ServeArgs;
    use crate::context::Context;
    use crate::error::{Error, Outcome, Problem};
    use crate::web::{Opening, Wanted, serve};

    #[derive(Serialize)]
    struct Address<'a> {
        url: &'a str,
        /// The same for other machines, where they are listened to.
        elsewhere: &'a [String],
        pid: u32,
    }

    /// Serves until a signal ends it.
    ///
    /// # Errors
    /// Exit code 2 for an address beyond this machine without the flag, 3 where there is no repository or the address is taken.
    pub fn run(args: &ServeArgs, context: &Context) -> Outcome {
        let beyond = !args.listen.ip().is_loopback();
        if beyond && !args.beyond_this_machine {
            return Err(Error::usage(format!("{} can be reached from other machines", args.listen.ip()))
                .hint(
                    "whoever has the token can stop and land there, and anybody on the way can read along; `ssh -L` brings the page \
                       to another machine without that",
                )
                .hint("if that is wanted: `--beyond-this-machine`"));
        }
        if beyond {
            context.output.warn(&Problem {
                message: format!("the dashboard is served beyond this machine, at {}, and nothing is encrypted", args.listen.ip()),
                location: None,
                hints: vec![String::from("whoever reads along on the way has the token")],
            });
        }
        // Beside a run it hears of the end by its input: a Ctrl-C of the terminal is meant for the run.
        let heard: &[i32] = if args.with_parent { &[SIGINT, SIGHUP] } else { &[SIGINT, SIGTERM, SIGHUP] };
        let mut signals = Signals::new(heard).map_err(|e| Error::environment(format!("cannot hear signals: {e}")))?;
        let with_parent = args.with_parent;
        let wanted = Wanted { directories: args.directories.clone(), listen: args.listen, names: args.name.clone() };
        let ready = |opening: &Opening| {
            let Opening { url, elsewhere } = opening;
            if args.json {
                context.output.json_line(&Address { url, elsewhere, pid: std::process::id() })?;
            } else {
                context.output.data(&format!("{url}\n"))?;
                elsewhere.iter().for_each(|url| context.output.say(&format!("From another machine: {url}")));
                if beyond {
                    context.output.say("By any other name of this machine once `--name NAME` admits it.");
                }
                context.output.say("The token in it makes a browser known: keep it to yourself. Ctrl-C ends the server.");
            }
            if args.open && !open_browser(url, context.env.get(OsStr::new("BROWSER")).map(Path::new)) {
                context.output.say("No browser could be opened: open the address yourself.");
            }
            Ok(())
        };
        serve(wanted, context, ready, move || {
            if with_parent {
                // Whoever started this closes it, or is gone.
                drop(std::io::stdin().lock().read_to_end(&mut Vec::new()));
            } else {
                signals.forever().next();
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// By `$BROWSER`, else by what the system opens addresses with. Not waited for.
    fn open_browser(url: &str, named: Option<&Path>) -> bool {
        let programs = named.into_iter().chain(["xdg-open", "open"].map(Path::new));
        let start = |program: &Path| {
            Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
        };
        programs.into_iter().any(start)
    }
}

#[cfg(feature = "web")]
pub use with_web::run;

/// Says that this program cannot.
///
/// # Errors
/// Always: exit code 3.
#[cfg(not(feature = "web"))]
pub fn run(_: &ServeArgs, _: &crate::context::Context) -> crate::error::Outcome {
    let error = crate::error::Error::environment("this program was built without the dashboard for browsers");
    Err(error.hint("build it with the cargo feature `web`, which is among the default ones"))
}
