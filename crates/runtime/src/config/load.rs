//! Reads all layers in their order and yields what is in force. Reads files and the environment that it is handed; prints nothing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use greenlane_core::plan::closest;
use greenlane_core::time::format_duration;

use super::error::{ConfigError, Location, Problem};
use super::file;
use super::keys::{KEYS, NEVER_CONFIGURATION, key_of_path, key_of_variable};
use super::layers::{Layers, Origin};
use super::{Config, DEFAULTS};

/// The repository's own configuration, at its top.
pub const FILE_NAME: &str = "greenlane.toml";

/// An environment, as `std::env::vars_os` gives it.
pub type Environment = BTreeMap<OsString, OsString>;

/// Values from flags: the key's path (`run.jobs`) and the text as typed.
pub type Flags<'a> = [(&'a str, String)];

/// What is in force and how it came to be.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// By dotted path (`run.jobs`, `agents.codex.slots`), of every value that is set.
    pub origins: BTreeMap<String, Origin>,
    /// Odd, but not wrong: variables that no key has.
    pub warnings: Vec<Problem>,
    /// The files that were looked for, in order, and whether each was there.
    pub files: Vec<(PathBuf, bool)>,
}

/// `$XDG_CONFIG_HOME/greenlane/config.toml`, else `~/.config/greenlane/config.toml`; `None` where neither variable is set.
#[must_use]
pub fn user_file(env: &Environment) -> Option<PathBuf> {
    // The XDG specification: a relative path there is invalid and is ignored.
    let absolute = |name: &str| env.get(OsStr::new(name)).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(base.join("greenlane").join("config.toml"))
}

impl Config {
    /// Reads every layer. `repo_top` is the directory that holds `greenlane.toml`; `None` outside a repository.
    ///
    /// # Errors
    /// Everything that is wrong in any layer, at once.
    pub fn load(repo_top: Option<&Path>, flags: &Flags<'_>, env: &Environment) -> Result<Loaded, ConfigError> {
        let mut layers = Layers::default();
        let mut problems = file::lay(DEFAULTS, Path::new("defaults.toml"), |_| Origin::Default, &mut layers);
        let mut files = Vec::new();
        for path in user_file(env).into_iter().chain(repo_top.map(|top| top.join(FILE_NAME))) {
            match file::read_text(&path) {
                Ok(Some(text)) => {
                    problems.extend(file::lay(&text, &path, |line| Origin::File { path: path.clone(), line }, &mut layers));
                    files.push((path, true));
                }
                Ok(None) => files.push((path, false)),
                Err(problem) => problems.push(problem),
            }
        }
        let warnings = lay_variables(env, &mut layers, &mut problems);
        lay_flags(flags, &mut layers, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let config: Config = layers.values.try_into().map_err(|e: toml::de::Error| ConfigError {
            problems: vec![Problem {
                message: format!("the configuration does not fit together: {}", e.message()),
                hint: None,
                location: None,
            }],
        })?;
        match heartbeat_misfit(&config, &layers.origins) {
            Some(problem) => Err(ConfigError { problems: vec![problem] }),
            None => Ok(Loaded { config, origins: layers.origins, warnings, files }),
        }
    }

    /// The built-in defaults alone: for tests, and for what runs without any configuration.
    ///
    /// # Errors
    /// If the embedded file is wrong, which a test rules out.
    pub fn defaults() -> Result<Config, ConfigError> {
        Config::load(None, &[], &Environment::new()).map(|loaded| loaded.config)
    }
}

/// Silence can be told only by several heartbeats: with fewer an attempt would be hung and healthy in turns.
fn heartbeat_misfit(config: &Config, origins: &BTreeMap<String, Origin>) -> Option<Problem> {
    let (hung_after, heartbeat) = (config.run.hung_after, config.run.heartbeat);
    if hung_after >= heartbeat.saturating_mul(2) {
        return None;
    }
    let told = |path: &str, value| {
        let origin = origins.get(path).map(|o| format!(", {o}")).unwrap_or_default();
        format!("`{path}` ({}{origin})", format_duration(value))
    };
    let location = ["run.hung_after", "run.heartbeat"].iter().find_map(|path| match origins.get(*path) {
        Some(Origin::File { path, line }) => Some(Location { path: path.clone(), line: *line, column: 1 }),
        _ => None,
    });
    let message = format!("{} is less than twice {}", told("run.hung_after", hung_after), told("run.heartbeat", heartbeat));
    let hint = Some(String::from("set `heartbeat` to at most half of `hung_after`, in `[run]`"));
    Some(Problem { message, hint, location })
}

fn lay_variables(env: &Environment, layers: &mut Layers, problems: &mut Vec<Problem>) -> Vec<Problem> {
    let mut warnings = Vec::new();
    let mut set_by: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|n| n.starts_with("GREENLANE_")) else { continue };
        if NEVER_CONFIGURATION.contains(&name) {
            continue;
        }
        let Some(key) = key_of_variable(name) else {
            warnings.push(unknown_variable(name));
            continue;
        };
        let problem = |message: String, hint: Option<String>| Problem { message: format!("{name}: {message}"), hint, location: None };
        let Some(text) = value.to_str() else {
            problems.push(problem(String::from("its value is not UTF-8 text"), Some(format!("write {}", key.kind.expected()))));
            continue;
        };
        // An empty variable is how shells and CI systems say "not set".
        if text.is_empty() {
            continue;
        }
        match key.kind.read(text) {
            Ok(value) => {
                layers.set(&[key.section(), key.name()], value, Origin::Variable(name.to_owned()));
                if let Some(other) = set_by.insert(key.path, name) {
                    let message = format!("{other} and {name} both set `{}`; {name} wins", key.path);
                    warnings.push(Problem { message, hint: Some(String::from("set one of them")), location: None });
                }
            }
            Err(refusal) => problems.push(problem(format!("`{}` {}", key.path, refusal.message), refusal.hint)),
        }
    }
    warnings
}

fn unknown_variable(name: &str) -> Problem {
    let hint = match closest(name, KEYS.iter().map(|k| k.variable)) {
        Some(near) => format!("did you mean {near}?"),
        None => String::from("`greenlane config` lists the variables that are"),
    };
    Problem { message: format!("{name} is not a setting of Greenlane"), hint: Some(hint), location: None }
}

fn lay_flags(flags: &Flags<'_>, layers: &mut Layers, problems: &mut Vec<Problem>) {
    for (path, text) in flags {
        let Some(key) = key_of_path(path) else {
            problems.push(Problem { message: format!("`{path}` is not a setting of Greenlane"), hint: None, location: None });
            continue;
        };
        let shown = key.flag.unwrap_or(key.path);
        match key.kind.read(text) {
            Ok(value) => layers.set(&[key.section(), key.name()], value, Origin::Flag(shown.to_owned())),
            Err(refusal) => {
                problems.push(Problem { message: format!("{shown} {}", refusal.message), hint: refusal.hint, location: None });
            }
        }
    }
}
