//! `doctor` on the repository's own templates of prompts: can they be used? Changes nothing.

use std::path::Path;

use greenlane_runtime::agent::Registry;
use greenlane_runtime::config::Config;
use greenlane_runtime::prompts::load_templates;

use super::check::Check;
use crate::plans::template_problem;

/// Nothing where the repository has none; trouble with agents is told elsewhere.
pub fn prompts(top: &Path, config: &Config) -> Vec<Check> {
    let Ok(registry) = Registry::load(&config.agents) else { return Vec::new() };
    match load_templates(Some(top), &registry) {
        Ok(templates) => {
            let own: Vec<&str> = templates.own().into_iter().map(|(name, _)| name).collect();
            if own.is_empty() {
                Vec::new()
            } else {
                vec![Check::ok("prompts", format!("templates of this repository: {}", own.join(", ")))]
            }
        }
        Err(problems) => problems
            .into_iter()
            .map(template_problem)
            .map(|p| {
                let place = p.location.map(|l| format!("{l}: ")).unwrap_or_default();
                Check::missing("prompts", format!("{place}{}", p.message), p.hints.into_iter().next().unwrap_or_default())
            })
            .collect(),
    }
}
