//! `agents`: which are known, installed and signed in; `agents check` tries one.

mod account;
mod check;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use greenlane_runtime::agent::{AgentDef, Presence, RegistryError, SignedIn};
use greenlane_runtime::clock;
use serde::Serialize;

use crate::args::duration;
use crate::context::Context;
use crate::error::Outcome;
use crate::output::{Paint, paint};
use crate::plans;
use crate::report::Look;

use account::{Account, Standings};

/// Flags of `agents`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane agents                which are known, installed and signed in; how their accounts stand
  greenlane agents --versions     and which versions, which starts each of them
  greenlane agents check codex    let one do a tiny task

Agents are configuration: [agents.NAME] in greenlane.toml extends one or adds one.")]
pub struct AgentsArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<AgentsVerb>,
    /// Ask each for its version
    #[arg(long)]
    pub versions: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with agents.
#[derive(Clone, Debug, Subcommand)]
pub enum AgentsVerb {
    /// Let an agent do a tiny task in a temporary repository
    Check(CheckArgs),
}

/// Flags of `agents check`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane agents check codex
  greenlane agents check claude --timeout 1m

The agent is asked to write one word into a file. This calls its model, which may cost a little. Exit code 3 if it could not.")]
pub struct CheckArgs {
    /// The agent
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Give up after this time
    #[arg(long, value_name = "DUR", default_value = "3m", value_parser = duration)]
    pub timeout: Duration,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    agents: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    command: String,
    /// Its tasks are put into somebody's hands; nothing is started for it.
    hand_off: bool,
    /// The program's file; `null`: not installed.
    path: Option<String>,
    version: Option<String>,
    /// `yes`, `no`, `unknown`, or `not needed`.
    signed_in: &'static str,
    /// What shows that it is signed in, or what to do.
    note: Option<String>,
    slots: Option<u32>,
    model: Option<String>,
    /// Whose quota it uses up, and how that stands.
    account: Option<Account>,
    /// The project's tests run this agent for real.
    tested: bool,
    /// Why its entry in the configuration makes no agent; `note` says what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// Lists the agents, or tries one.
///
/// # Errors
/// If the configuration is wrong, or the agent that is tried fails.
pub fn run(args: &AgentsArgs, context: &Context) -> Outcome {
    let configured = context.load_config(context.top().as_deref(), &[])?;
    let registry = plans::registry(&configured)?;
    let config = configured.config;
    if let Some(AgentsVerb::Check(check)) = &args.verb {
        return check::run(check, &registry, context);
    }
    // Side by side: an agent may take seconds to say its version.
    let standings = Standings::look(&registry, &config.quota, context);
    let mut agents: Vec<Entry> = std::thread::scope(|scope| {
        let entry = |def| entry(def, &standings, context, args.versions);
        let threads: Vec<_> = registry.iter().map(|def| scope.spawn(move || entry(def))).collect();
        threads.into_iter().filter_map(|t| t.join().ok()).collect()
    });
    agents.extend(registry.faults().map(|(name, fault)| faulty(name, fault)));
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    if args.json {
        context.output.json(&Document { agents })?;
    } else {
        context.output.data(&text(&agents, Look::of_list(context.output.color)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn entry(def: &AgentDef, standings: &Standings, context: &Context, ask_version: bool) -> Entry {
    let presence = if ask_version {
        def.presence_with_version(&context.env, &context.directory)
    } else {
        def.presence(&context.env, &context.directory)
    };
    let (path, version) = match presence {
        Presence::Found { path, version } => (Some(path.display().to_string()), version),
        Presence::Missing | Presence::HandOff => (None, None),
    };
    let (signed_in, note) = match def.signed_in(&context.env) {
        SignedIn::Yes(how) => ("yes", Some(how)),
        SignedIn::No(hint) => ("no", Some(hint)),
        SignedIn::Unknown => ("unknown", None),
    };
    let note = if path.is_some() { note } else { def.install_hint.clone() };
    let signed_in = if def.hand_off { "not needed" } else { signed_in };
    Entry {
        name: def.name.clone(),
        hand_off: def.hand_off,
        command: def.command.clone(),
        path,
        version,
        signed_in,
        note,
        slots: def.slots,
        model: def.model.clone(),
        account: Some(standings.of(&def.name)),
        tested: def.tested,
        fault: None,
    }
}

/// An entry of the configuration that makes no agent.
fn faulty(name: &str, fault: &RegistryError) -> Entry {
    Entry {
        name: name.to_owned(),
        hand_off: false,
        command: String::new(),
        path: None,
        version: None,
        signed_in: "unknown",
        note: Some(fault.hint()),
        slots: None,
        model: None,
        account: None,
        tested: false,
        fault: Some(fault.to_string()),
    }
}

fn text(agents: &[Entry], look: Look) -> String {
    let (color, now) = (look.color, clock::now());
    let width = agents.iter().map(|a| a.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for agent in agents {
        let note = agent.note.as_deref().unwrap_or_default();
        let (sign, style, found) = match (&agent.path, agent.signed_in) {
            _ if agent.fault.is_some() => ("✗", Paint::Red, agent.fault.clone().unwrap_or_default()),
            _ if agent.hand_off => {
                ("☞", Paint::Cyan, String::from("by hand: the task lies in a worktree until a commit or `greenlane done` gives it back"))
            }
            (None, _) => ("✗", Paint::Dim, String::from("not installed")),
            (Some(path), "no") => ("!", Paint::Yellow, format!("{path}, not signed in")),
            (Some(path), _) => ("✓", Paint::Green, path.clone()),
        };
        let version = agent.version.as_deref().map(|v| format!(" ({v})")).unwrap_or_default();
        let note = match (&agent.path, agent.signed_in, note) {
            (_, _, "") => String::new(),
            (Some(_), "yes", how) => format!(", signed in: {how}"),
            (_, _, hint) => format!("  {} {hint}", paint("→", Paint::Cyan, color)),
        };
        out.push_str(&format!("{} {:width$}  {found}{version}{note}\n", paint(sign, style, color), agent.name));
        if let Some(account) = agent.account.as_ref().filter(|_| agent.path.is_some() && !agent.hand_off) {
            out.push_str(&account.text(width + 4, look, now));
        }
    }
    out
}
