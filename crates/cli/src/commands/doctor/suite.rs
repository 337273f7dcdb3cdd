//! `doctor` on the test suite: is one found, is its program there, will its dependencies be in a worktree? Runs nothing.

use std::ffi::OsStr;
use std::path::Path;

use greenlane_runtime::config::Config;
use greenlane_runtime::gate::detect_suite;
use greenlane_runtime::git::Repo;

use super::check::Check;
use super::machine::find_program;

/// A `.worktreeinclude` is written by hand; more of it is not read.
const INCLUDE_BYTES_MAX: u64 = 1 << 20;

/// What would verify a plan that names no `verify`. Empty where there is no commit to look at: that is told elsewhere.
pub fn suite(repo: &Repo, top: &Path, config: &Config, path: Option<&OsStr>) -> Vec<Check> {
    if let Some(named) = &config.run.verify {
        let message = if named.is_empty() { String::from("none") } else { format!("`{}`", named.join("` and `")) };
        return vec![Check::ok("test suite", format!("{message}, as `verify` under [run] has it"))];
    }
    let Ok(head) = repo.require_head() else { return Vec::new() };
    let found = match detect_suite(repo, &head) {
        Ok(found) => found,
        Err(e) => return vec![Check::warning("test suite", e.to_string(), "name it in the plan or under [run]: verify = [\"…\"]")],
    };
    if found.is_empty() {
        let hint = "name it in the plan or under [run] in greenlane.toml, verify = [\"…\"]; without one, work lands on its own checks and is marked as not verified";
        return vec![Check::warning("test suite", "none is found in this repository", hint)];
    }
    let mut checks = Vec::new();
    for detected in &found {
        let program = detected.command.split_whitespace().next().unwrap_or_default();
        let there = if program.contains('/') { top.join(program).is_file() } else { find_program(program, path).is_some() };
        let message = format!("`{}`, told from {}", detected.command, detected.reason);
        checks.push(if there {
            Check::ok("test suite", message)
        } else {
            let hint = "install it, or name another command in the plan or under [run]: verify = [\"…\"]";
            Check::missing("test suite", format!("{message}; `{program}` is not there"), hint)
        });
        if needs_node_modules(program) && config.workspace.setup.is_empty() && !included(top, "node_modules") {
            checks.push(Check::warning(
                "dependencies",
                "node_modules will not be there in a worktree: git does not know it, and no set-up hook installs it",
                format!(
                    "in greenlane.toml: [workspace] setup = [\"{}\"]; or name node_modules in .worktreeinclude",
                    if program == "npm" { String::from("npm ci") } else { format!("{program} install") }
                ),
            ));
        }
    }
    checks
}

fn needs_node_modules(program: &str) -> bool {
    matches!(program, "npm" | "pnpm" | "yarn" | "bun")
}

/// Whether `.worktreeinclude` mentions it: a guess that only silences a warning.
fn included(top: &Path, name: &str) -> bool {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(top.join(".worktreeinclude")).and_then(|f| f.take(INCLUDE_BYTES_MAX).read_to_string(&mut text));
    read.is_ok() && text.lines().any(|line| !line.trim_start().starts_with(['#', '!']) && line.contains(name))
}
