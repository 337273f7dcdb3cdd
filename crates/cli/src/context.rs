//! What every verb is handed: where it stands, the environment, the streams. Reads the world once, at the start.

use std::path::{Path, PathBuf};

use greenlane_runtime::config::{Config, Environment, Flags, Loaded};

use crate::args::Globals;
use crate::error::{Error, Problem};
use crate::output::Output;

/// Where a verb stands and what it may say.
#[derive(Debug)]
pub struct Context {
    /// The working directory, `-C` applied; absolute.
    pub directory: PathBuf,
    /// The environment.
    pub env: Environment,
    /// The streams.
    pub output: Output,
}

impl Context {
    /// Goes to `-C DIR`, so that every path of the command line counts from there, as with git.
    ///
    /// # Errors
    /// If that directory cannot be entered, or the working directory is gone.
    pub fn new(globals: &Globals, output: Output) -> Result<Self, Error> {
        if let Some(directory) = &globals.directory {
            std::env::set_current_dir(directory).map_err(|e| {
                Error::usage(format!("cannot work in `{}`: {e}", directory.display())).hint("give -C a directory that exists")
            })?;
        }
        let directory = std::env::current_dir().map_err(|e| {
            Error::environment(format!("the working directory is gone: {e}")).hint("change to a directory that exists, or use -C DIR")
        })?;
        Ok(Self { directory, env: std::env::vars_os().collect(), output })
    }

    /// The same, standing somewhere else.
    #[must_use]
    pub fn at(&self, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), env: self.env.clone(), output: self.output }
    }

    /// The configuration in force at `top`; says its warnings.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load_config(&self, top: Option<&Path>, flags: &Flags<'_>) -> Result<Loaded, Error> {
        let loaded = Config::load(top, flags, &self.env)?;
        for warning in &loaded.warnings {
            self.output.warn(&Problem::from(warning.clone()));
        }
        for (path, there) in &loaded.files {
            self.output.detail(&format!("configuration: {} {}", path.display(), if *there { "read" } else { "is not there" }));
        }
        Ok(loaded)
    }

    /// The top of the checkout that the user stands in; `None` outside a repository.
    #[must_use]
    pub fn top(&self) -> Option<PathBuf> {
        self.directory.ancestors().find(|dir| dir.join(".git").exists()).map(Path::to_path_buf)
    }
}
