//! `doctor` on agents: which are installed and signed in. Starts none.

use greenlane_runtime::agent::{Presence, Registry, SignedIn};
use greenlane_runtime::config::Config;

use super::check::Check;
use crate::assign;
use crate::context::Context;

/// One line for each agent that is installed, and for the one that the configuration names.
pub fn agents(config: &Config, context: &Context) -> Vec<Check> {
    let registry = match Registry::load(&config.agents) {
        Ok(registry) => registry,
        Err(e) => return vec![Check::missing("agents", e.to_string(), e.hint())],
    };
    let (mut checks, mut absent) = (Vec::new(), Vec::new());
    let used = assign::default_agent(config);
    let faults = registry.faults().filter(|(name, _)| used != Some(*name));
    checks.extend(faults.map(|(name, fault)| Check::warning(format!("agent {name}"), fault.to_string(), fault.hint())));
    // Whoever does a task by hand is not installed.
    for def in registry.iter().filter(|def| !def.hand_off) {
        let name = format!("agent {}", def.name);
        let Presence::Found { path, .. } = def.presence(&context.env, &context.directory) else {
            absent.push(def.name.as_str());
            continue;
        };
        // The same agent talked to in another way.
        if def.variant_of.is_some() && assign::default_agent(config) != Some(def.name.as_str()) {
            continue;
        }
        checks.push(match def.signed_in(&context.env) {
            SignedIn::Yes(how) => Check::ok(name, format!("{}, signed in: {how}", path.display())),
            SignedIn::Unknown => Check::ok(name, path.display().to_string()),
            SignedIn::No(hint) => Check::warning(name, format!("{}, not signed in", path.display()), hint),
        });
    }
    if let Some(wanted) = assign::default_agent(config) {
        match registry.get(wanted) {
            Err(e) => checks.push(Check::missing("agent", e.to_string(), e.hint())),
            Ok(def) if absent.contains(&wanted) => {
                let hint = def.install_hint.clone().unwrap_or_else(|| format!("install it, or set `command` under [agents.{wanted}]"));
                checks.push(Check::missing(format!("agent {wanted}"), "the default agent, and not installed", hint));
            }
            Ok(_) => {}
        }
    }
    if absent.len() == registry.iter().filter(|def| !def.hand_off).count() {
        checks.push(Check::warning(
            "agents",
            format!("none installed of {}: only tasks with `run`, and those done by hand, can be done", absent.join(", ")),
            "`greenlane agents` says how to install them",
        ));
    }
    checks
}
