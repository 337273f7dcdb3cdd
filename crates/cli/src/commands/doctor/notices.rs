//! `doctor` on notices: is there what tells people, and did it work the last time. Tells nobody anything.

use greenlane_runtime::config::Config;
use greenlane_runtime::git::Repo;
use greenlane_runtime::notify::last_trouble;
use greenlane_runtime::tracker::find_program;

use super::check::Check;
use crate::context::Context;
use crate::report::clean;

/// Nothing where nothing is set up.
pub fn notices(repo: &Repo, config: &Config, context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    let has_curl = || find_program("curl", &context.env, &context.directory).is_some();
    if config.notify.webhook.is_some() && !has_curl() {
        checks.push(Check::warning("notices", "there is no `curl` on PATH: the webhook is told nothing", "install `curl`"));
    }
    for trouble in last_trouble(repo.state_dir()) {
        checks.push(Check::warning("notices", format!("the last one failed: {}", clean(&trouble)), "`greenlane notify` tries again"));
    }
    checks
}
