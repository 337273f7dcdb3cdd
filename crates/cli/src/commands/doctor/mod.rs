//! `doctor`: what is missing on this machine or in this repository, each finding with what to do. Changes nothing.

mod agents;
mod check;
mod ignored;
mod machine;
mod notices;
mod places;
mod prompts;
mod repository;
mod suite;
mod telemetry;
mod trackers;

use std::ffi::OsStr;
use std::process::ExitCode;

use greenlane_runtime::config::{Config, Loaded};
use serde::Serialize;

use self::check::{Check, Status};
use crate::context::Context;
use crate::error::{Kind, Outcome};
use crate::output::{Paint, paint};

/// Flags of `doctor`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane doctor                  is everything there?
  greenlane -C ~/project doctor     for that repository
  greenlane doctor --json | jq '.checks[] | select(.status != \"ok\")'

✓ is as it should be, ! works with a limit, ✗ is needed and missing: then the exit code is 3.")]
pub struct DoctorArgs {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    /// Nothing that is needed is missing.
    ok: bool,
    checks: Vec<Check>,
}

/// Looks at everything and prints it; exit code 3 if something that is needed is missing.
pub fn run(args: &DoctorArgs, context: &Context) -> Outcome {
    let checks = examine(context);
    let missing = checks.iter().filter(|c| c.status == Status::Missing).count();
    if args.json {
        context.output.json(&Document { ok: missing == 0, checks })?;
    } else {
        let color = context.output.color;
        let lines: String = checks.iter().map(|c| c.render(color)).collect();
        let end = match missing {
            0 => paint("Everything that is needed is there.", Paint::Bold, color),
            1 => paint("One thing that is needed is missing.", Paint::Bold, color),
            n => paint(&format!("{n} things that are needed are missing."), Paint::Bold, color),
        };
        context.output.data(&format!("{lines}\n{end}\n"))?;
    }
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::from(Kind::Environment.code()) })
}

fn examine(context: &Context) -> Vec<Check> {
    let path = context.env.get(OsStr::new("PATH")).map(|p| p.as_os_str());
    let mut checks = vec![machine::git(), machine::shell(path)];
    let (found, repo) = repository::repository(&context.directory);
    checks.extend(found);
    let top = repo.as_ref().and_then(|r| r.top().or(r.main_top()));
    let loaded = Config::load(top, &[], &context.env);
    checks.extend(configuration(&loaded));
    let badly_placed = repo.as_ref().zip(loaded.as_ref().ok()).and_then(|(repo, loaded)| places::worktrees_inside(repo, loaded, context));
    let config = loaded.ok().map(|l| l.config);
    if let Some(repo) = &repo {
        let top = repo.main_top().unwrap_or(repo.common_dir());
        checks.push(places::writable("git directory", repo.common_dir(), "branches and commits are written there: make it writable"));
        checks.push(places::writable("state", repo.state_dir(), "the journal and the logs are written there: make it writable"));
        checks.extend(places::journal(repo.state_dir()));
        let configured = config.as_ref().and_then(|c| c.workspace.dir.as_deref());
        let worktrees = || match places::worktrees_dir(configured, repo.home(), &context.env) {
            Some(dir) => places::writable("worktrees", &dir, "choose another place: `dir` under [workspace] in greenlane.toml"),
            None => Check::missing("worktrees", "neither HOME nor XDG_STATE_HOME is set", "set one of them, or `dir` under [workspace]"),
        };
        checks.push(badly_placed.unwrap_or_else(worktrees));
        if !repo.is_bare() {
            checks.extend(ignored::ignored(repo, repo.top().unwrap_or(top)));
        }
        if let Some(config) = &config {
            checks.extend(suite::suite(repo, top, config, path));
            checks.extend(prompts::prompts(repo.top().unwrap_or(top), config));
            checks.extend(trackers::trackers(repo, config, context));
            checks.extend(notices::notices(repo, config, context));
            checks.extend(telemetry::telemetry(config, context));
        }
    }
    checks.extend(config.as_ref().map(|config| agents::agents(config, context)).unwrap_or_default());
    checks.push(machine::open_files(config.as_ref().map_or(5, |c| c.run.jobs)));
    checks.extend(machine::platform());
    checks
}

fn configuration(loaded: &Result<Loaded, greenlane_runtime::config::ConfigError>) -> Vec<Check> {
    match loaded {
        Ok(loaded) => {
            let read: Vec<_> = loaded.files.iter().filter(|(_, there)| *there).map(|(path, _)| path.display().to_string()).collect();
            let from = if read.is_empty() { String::from("defaults; no file") } else { read.join(", ") };
            let warnings = loaded.warnings.iter().map(|w| Check {
                name: String::from("configuration"),
                status: Status::Warning,
                message: w.message.clone(),
                hint: w.hint.clone(),
            });
            std::iter::once(Check::ok("configuration", from)).chain(warnings).collect()
        }
        Err(e) => e
            .problems
            .iter()
            .map(|p| {
                let place = p.location.as_ref().map(|l| format!("{l}: ")).unwrap_or_default();
                Check {
                    name: String::from("configuration"),
                    status: Status::Missing,
                    message: format!("{place}{}", p.message),
                    hint: p.hint.clone(),
                }
            })
            .collect(),
    }
}
