//! `doctor` on trackers: are the programs there that tell those which are in force, and is anything left to be told. Starts none.

use greenlane_core::tracker::TrackerKind;
use greenlane_runtime::config::Config;
use greenlane_runtime::git::Repo;
use greenlane_runtime::tracker::{Outbox, find_program, program_of};

use super::check::Check;
use crate::context::Context;

/// One line for each tracker that a run here would use, and one if something could not be told.
pub fn trackers(repo: &Repo, config: &Config, context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    for kind in config.tracker.in_force(repo.main_top(), &context.env) {
        let Some(program) = program_of(kind) else { continue };
        let name = format!("tracker {}", kind.as_str());
        checks.push(match find_program(program, &context.env, &context.directory) {
            Some(path) => Check::ok(name, path.display().to_string()),
            None => {
                let issues = match kind {
                    TrackerKind::Beads => "issues of beads are neither claimed nor closed",
                    _ => "issues on GitHub are neither assigned nor closed",
                };
                let hint = format!("install `{program}`, or set `{} = \"off\"` under [tracker]", kind.as_str());
                Check::warning(name, format!("there is no `{program}` on PATH: {issues}"), hint)
            }
        });
    }
    match Outbox::untold(repo.state_dir()) {
        Ok(untold) if untold.is_empty() => {}
        Ok(untold) => {
            let message =
                format!("{} could not be told yet", if untold.len() == 1 { "1 thing".into() } else { format!("{} things", untold.len()) });
            checks.push(Check::warning("trackers", message, "`greenlane tracker` lists them, `greenlane tracker sync` tells them"));
        }
        Err(e) => checks.push(Check::warning("trackers", e.to_string(), "the next run makes it anew, once the file is removed")),
    }
    checks
}
