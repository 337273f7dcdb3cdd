//! `[tracker]`: who else keeps book of the tasks, and is asked and told.

use std::collections::BTreeSet;
use std::path::Path;

use greenlane_core::tracker::TrackerKind;
use serde::{Deserialize, Serialize};

use super::Environment;

/// Whether a tracker is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// It is not.
    Off,
    /// Where there is one.
    Auto,
    /// Always.
    On,
}

/// The settings of trackers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerConfig {
    /// The store of beads.
    pub beads: Use,
    /// Issues on GitHub.
    pub github: Use,
    /// The plan's own file: checkboxes, `passes`, a PRD's folder.
    pub plan: Use,
    /// Comments on GitHub also when work begins and when it is given up.
    pub github_comments: bool,
}

impl TrackerConfig {
    /// Those that a run uses whose repository has this main checkout.
    #[must_use]
    pub fn in_force(&self, main: Option<&Path>, environment: &Environment) -> BTreeSet<TrackerKind> {
        let named = environment.iter().any(|(name, value)| name == "BEADS_DIR" && !value.is_empty());
        let beads = match self.beads {
            Use::Off => false,
            Use::Auto => main.is_some_and(|main| named || main.join(".beads").is_dir()),
            Use::On => main.is_some(),
        };
        let all = [(TrackerKind::Beads, beads), (TrackerKind::Github, self.github == Use::On), (TrackerKind::Plan, self.plan == Use::On)];
        all.into_iter().filter(|(_, used)| *used).map(|(kind, _)| kind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn beads_is_used_where_there_is_a_store_and_the_world_is_told_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults().unwrap().tracker;
        let none = Environment::new();
        let here = |c: &TrackerConfig, env: &Environment| c.in_force(Some(dir.path()), env).into_iter().collect::<Vec<_>>();
        assert!(here(&config, &none).is_empty());
        assert_eq!(here(&config, &Environment::from([("BEADS_DIR".into(), "/b".into())])), [TrackerKind::Beads]);
        std::fs::create_dir(dir.path().join(".beads")).unwrap();
        assert_eq!(here(&config, &none), [TrackerKind::Beads]);
        assert!(config.in_force(None, &none).is_empty(), "a bare repository has no main checkout");
        config.github = Use::On;
        config.beads = Use::Off;
        assert_eq!(here(&config, &none), [TrackerKind::Github]);
        config.plan = Use::On;
        assert_eq!(here(&config, &none), [TrackerKind::Github, TrackerKind::Plan]);
    }
}
