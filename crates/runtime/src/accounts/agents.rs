//! Whose quota each agent uses up, and which agents cannot be used at all. Looks at names, variables and files; starts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::record::Accounts;
use crate::agent::{AgentDef, Presence, Registry, SignedIn};

/// What a coordinator finds when it looks at its agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentsFound {
    /// The account of each.
    pub accounts: BTreeMap<String, String>,
    /// Those of the wanted ones that cannot be used, and why.
    pub unavailable: BTreeMap<String, String>,
}

/// Parts of the names of variables that say who pays, or to whom.
const TELLING: [&str; 6] = ["KEY", "TOKEN", "SECRET", "CREDENTIAL", "BASE_URL", "ENDPOINT"];

/// Of the hash: enough to tell the accounts of one user apart, too little to learn anything from.
const MARK_BYTES: usize = 4;
const KEY_BYTES: usize = 32;

impl AgentsFound {
    /// Looks at all agents for their accounts, and at the `wanted` ones whether they can be used. `dir`: where relative paths count from.
    #[must_use]
    pub fn look(registry: &Registry, environment: &BTreeMap<OsString, OsString>, dir: &Path, wanted: &BTreeSet<String>) -> Self {
        if wanted.is_empty() {
            // Commands have no accounts: nothing is made for them.
            return Self::default();
        }
        // Where the key cannot be had, accounts of one name are not told apart.
        let key = Accounts::of_user(environment).and_then(|a| key(&a.dir).ok());
        let accounts = registry.iter().map(|agent| (agent.name.clone(), account(agent, environment, key.as_deref()))).collect();
        let problem = |name: &String| Some((name.clone(), unusable(registry.get(name).ok()?, environment, dir)?));
        Self { accounts, unavailable: wanted.iter().filter_map(problem).collect() }
    }
}

/// Whose quota each agent uses up. Makes nothing: where no run has made a key yet, accounts of one name are not told apart.
#[must_use]
pub fn accounts_of(registry: &Registry, environment: &BTreeMap<OsString, OsString>) -> BTreeMap<String, String> {
    let key = Accounts::of_user(environment).and_then(|a| known_key(&a.dir));
    registry.iter().map(|agent| (agent.name.clone(), account(agent, environment, key.as_deref()))).collect()
}

/// Why an agent cannot be used, as far as that can be told without starting it; `None`: nothing is known against it.
#[must_use]
pub fn unusable(agent: &AgentDef, environment: &BTreeMap<OsString, OsString>, dir: &Path) -> Option<String> {
    match (agent.presence(environment, dir), agent.signed_in(environment)) {
        (Presence::Missing, _) => Some(String::from("it is not installed")),
        (_, SignedIn::No(_)) => Some(String::from("it is not signed in")),
        _ => None,
    }
}

/// The configured account; else the agent's name, with a mark for the credentials that apply: the same login in two repositories is one
/// account, two keys are two. The mark is a short hash under a key that never leaves this user's state folder.
fn account(agent: &AgentDef, user_env: &BTreeMap<OsString, OsString>, key: Option<&[u8]>) -> String {
    if let Some(account) = &agent.account {
        return account.clone();
    }
    // Whichever way it is talked to, it is the same account.
    let label = agent.variant_of.as_deref().unwrap_or(&agent.name);
    let environment = agent.environment(user_env);
    // Where its credentials lie is as telling as what they are.
    let folders: BTreeSet<&str> =
        agent.credential_files.iter().filter_map(|f| f.strip_prefix('$')?.split_once('/')).map(|(variable, _)| variable).collect();
    let common = ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"];
    let tells = |name: &str| {
        !common.contains(&name)
            && (folders.contains(name) || agent.credentials.iter().any(|c| c == name) || TELLING.iter().any(|part| name.contains(part)))
    };
    let mut hash = Sha256::new();
    let mut any = false;
    for (name, value) in environment.iter().filter(|(name, value)| !value.is_empty() && name.to_str().is_some_and(tells)) {
        any = true;
        for part in [name, value] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_encoded_bytes());
        }
    }
    let Some(key) = key.filter(|_| any) else { return label.to_owned() };
    // The key last: whatever precedes it, the end of the hash depends on all of it.
    hash.update(key);
    let mark: String = hash.finalize().iter().take(MARK_BYTES).map(|b| format!("{b:02x}")).collect();
    format!("{label}#{mark}")
}

fn known_key(dir: &Path) -> Option<Vec<u8>> {
    fs::read(dir.join("key")).ok().filter(|key| key.len() == KEY_BYTES)
}

/// This user's own; made where there is none yet.
fn key(dir: &Path) -> io::Result<Vec<u8>> {
    let path = dir.join("key");
    if let Some(key) = known_key(dir) {
        return Ok(key);
    }
    fs::create_dir_all(dir)?;
    let mut new = [0; KEY_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut new)?;
    // For the owner's eyes only, as all temporary files.
    let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
    temporary.write_all(&new)?;
    // Of two at once one wins, and both take what that one has made.
    drop(temporary.persist_noclobber(&path));
    known_key(dir).ok_or_else(|| io::Error::other(format!("{} is not a key", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path, more: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
        let more = more.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        [(OsString::from("HOME"), home.into())].into_iter().chain(more).collect()
    }

    #[test]
    fn an_account_is_one_login_and_tells_nothing_of_it() {
        let home = tempfile::tempdir().unwrap();
        let overrides = toml::from_str("[robot]\ncommand = \"true\"\nargs = [\"{prompt}\"]\naccount = \"work\"").unwrap();
        let registry = Registry::load(&overrides).unwrap();
        let all = |more: &[(&str, &str)]| {
            AgentsFound::look(&registry, &environment(home.path(), more), home.path(), &BTreeSet::from([String::from("claude")]))
        };
        let of = |more: &[(&str, &str)]| all(more).accounts["claude"].clone();
        let plain = all(&[]);
        assert_eq!((plain.accounts["claude"].as_str(), plain.accounts["robot"].as_str()), ("claude", "work"));
        assert_eq!(plain.unavailable, BTreeMap::from([(String::from("claude"), String::from("it is not installed"))]), "only the wanted");
        let key = [("ANTHROPIC_API_KEY", "sk-secret-1")];
        let with_key = of(&key);
        assert!(with_key.strip_prefix("claude#").is_some_and(|mark| mark.len() == 2 * MARK_BYTES), "{with_key}");
        assert_eq!(of(&key), with_key, "in every repository");
        assert_eq!(of(&[key[0], ("ANTHROPIC_MODEL", "big"), ("OPENAI_API_KEY", "sk-2")]), with_key, "what is no credential of it");
        assert_eq!(all(&key).accounts["claude-acp"], with_key, "whichever way it is talked to");
        let others = [[("ANTHROPIC_API_KEY", "sk-secret-2")], [("CLAUDE_CONFIG_DIR", "/other")], [("ANTHROPIC_BASE_URL", "http://proxy")]];
        let mut marks: BTreeSet<String> = others.iter().map(|e| of(e)).collect();
        marks.extend([with_key.clone(), of(&[])]);
        assert_eq!(marks.len(), 5, "{marks:?}");
        let elsewhere = tempfile::tempdir().unwrap();
        let found = AgentsFound::look(&registry, &environment(elsewhere.path(), &key), home.path(), &BTreeSet::from(["claude".to_owned()]));
        assert_ne!(found.accounts["claude"], with_key, "the key is of this user on this machine");
    }
}
