//! `notify`: tries the channels of notices, and says which work. Touches no run.

use std::process::ExitCode;

use greenlane_core::ids::RunId;
use greenlane_core::notice::{Notice, NoticeKind};
use greenlane_runtime::notify::{Told, channels, last_trouble, tell};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::clean;
use crate::session::Session;

/// Flags of `notify`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane notify                       a test through every channel that is set up
  greenlane notify \"the build machine is back\"
  GREENLANE_NOTIFY_WEBHOOK=https://hooks.example.org/x greenlane notify

Notices are set up under [notify] in greenlane.toml; `greenlane config notify` shows what is in force.
Exit code 1 if a channel failed.")]
pub struct NotifyArgs {
    /// What to say
    #[arg(value_name = "TEXT", default_value = "This is a test: notices of runs come this way.")]
    pub text: String,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Tried {
    channel: &'static str,
    error: Option<String>,
}

#[derive(Serialize)]
struct Document {
    channels: Vec<Tried>,
}

/// Tries them, one after another.
///
/// # Errors
/// Exit code 2 where no channel is set up, or this machine has none of them.
pub fn run(args: &NotifyArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let config = context.load_config(context.top().as_deref(), &Vec::new())?.config.notify;
    let top = session.repo.main_top().unwrap_or(session.repo.home()).to_owned();
    let channels = channels(&config, &context.env, &top);
    if channels.is_empty() {
        return Err(Error::usage("there is nobody to notify: no desktop session is here, and neither `command` nor `webhook` is set")
            .hint("set one under [notify] in greenlane.toml; docs/notices.md has examples"));
    }
    let notice = Notice { kind: NoticeKind::Person, title: String::from("Greenlane"), text: args.text.clone(), task: None, plan: None };
    let told = Told { repository: top.display().to_string(), run: RunId::from("test"), notices: vec![notice], left_out: 0 };
    let tried: Vec<Tried> = channels
        .iter()
        .map(|channel| Tried { channel: channel.name(), error: tell(channel, &told, &context.env, &top).err().map(|e| clean(&e)) })
        .collect();
    let failed = tried.iter().any(|t| t.error.is_some());
    if args.json {
        context.output.json(&Document { channels: tried })?;
    } else {
        for one in &tried {
            let words = one.error.as_ref().map_or_else(|| String::from("told"), |why| format!("failed: {why}"));
            context.output.data(&format!("{}: {words}\n", one.channel))?;
        }
        for trouble in last_trouble(&session.state_dir) {
            context.output.say(&format!("the last notice of a run failed: {}", clean(&trouble)));
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}
