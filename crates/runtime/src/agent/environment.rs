//! What of the user's environment an agent gets to see: a short list, its own credentials, and what the configuration names.
//!
//! A model reads what its tools print, and a tool prints its environment easily: what is not needed is not there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::definition::AgentDef;

/// Globs of the variables that every agent gets: what programs need to run at all.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_*",
    "TERM",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    // Homes and caches of tools: without them an agent would build with other versions than the user does.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOPROXY",
    "GOFLAGS",
    "JAVA_HOME",
    "MAVEN_HOME",
    "M2_HOME",
    "GRADLE_HOME",
    "GRADLE_USER_HOME",
    "SDKMAN_DIR",
    "ANDROID_HOME",
    "ANDROID_SDK_ROOT",
    "NVM_DIR",
    "NVM_BIN",
    "FNM_DIR",
    "VOLTA_HOME",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "COREPACK_HOME",
    "NPM_CONFIG_CACHE",
    "npm_config_cache",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PIPX_HOME",
    "POETRY_HOME",
    "UV_CACHE_DIR",
    "UV_PYTHON_INSTALL_DIR",
    "PIP_CACHE_DIR",
    "RBENV_ROOT",
    "GEM_HOME",
    "GEM_PATH",
    "BUNDLE_PATH",
    "COMPOSER_HOME",
    "MIX_HOME",
    "HEX_HOME",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "DOTNET_ROOT",
    "NUGET_PACKAGES",
    "NIX_PATH",
    "NIX_PROFILES",
    "HOMEBREW_PREFIX",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    // Proxies, and the certificates that come with them.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
];

/// The coordinator's own names; they come from the caller, never from around us (Greenlane may be started by an agent).
const NEVER: &str = "GREENLANE_";

impl AgentDef {
    /// The whole environment of an agent process, but for what the caller adds (`GREENLANE_*`, `GIT_CEILING_DIRECTORIES`, the task's `env`).
    ///
    /// A glob that cannot be read lets nothing through; `env_allow_errors` says so beforehand.
    #[must_use]
    pub fn environment(&self, user_env: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
        let allowed = globs(ALLOWED.iter().copied().chain(self.env_allow.iter().map(String::as_str)));
        let passes = |name: &OsStr| {
            name.to_str()
                .is_some_and(|name| !name.starts_with(NEVER) && (allowed.is_match(name) || self.credentials.iter().any(|c| c == name)))
        };
        let mut out: BTreeMap<_, _> = user_env.iter().filter(|(name, _)| passes(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        out.extend(self.env.iter().map(|(name, value)| (name.into(), value.into())));
        out
    }

    /// What is wrong with its `env_allow`, one line each.
    #[must_use]
    pub fn env_allow_errors(&self) -> Vec<String> {
        self.env_allow.iter().filter_map(|glob| Glob::new(glob).err()).map(|e| e.to_string()).collect()
    }
}

fn globs<'a>(all: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in all.filter_map(|g| Glob::new(g).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}
