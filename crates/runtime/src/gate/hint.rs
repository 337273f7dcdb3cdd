//! Why a suite could not be run at all, where its exit code or its output tells: programs and dependencies that are missing.

/// Where what is missing belongs, for the end of a hint.
const WHERE: &str = "under `[workspace] setup` in greenlane.toml, or name the ignored files that are needed in .worktreeinclude";

/// What to do about a command that failed; `None` where it seems to have failed on its merits.
#[must_use]
pub fn hint(command: &str, exit_code: Option<i32>, output: &str) -> Option<String> {
    let has = |needle: &str| output.contains(needle);
    let program = command.split_whitespace().find(|w| !w.contains('=')).unwrap_or(command);
    let missing_module =
        |module: &str| format!("the dependencies are not installed ({module}): put the command that installs them {WHERE}");
    if exit_code == Some(126) {
        return Some(format!("`{program}` cannot be executed: `chmod +x` it and commit that"));
    }
    if let Some(module) = after(output, "No module named ") {
        return Some(missing_module(&format!("No module named {module}")));
    }
    if has("node_modules missing")
        || has("Cannot find module")
        || has("ERR_MODULE_NOT_FOUND")
        || (exit_code == Some(127) && command.contains("npm"))
    {
        return Some(format!("node_modules is not there or not complete: put `npm ci` {WHERE}"));
    }
    if exit_code == Some(127) || has("command not found") && exit_code != Some(0) {
        return Some(format!("`{program}`, or a program that it calls, is not installed or not on PATH"));
    }
    if command.contains("pytest") && exit_code == Some(5) {
        return Some(String::from(
            "pytest found no tests: name another command with `verify` (in the plan, or under [run]), or `verify = []` for none",
        ));
    }
    if has("Could not find gem") || has("Bundler::GemNotFound") {
        return Some(format!("gems are not installed: put `bundle install` {WHERE}"));
    }
    if has("missing go.sum entry") {
        return Some(String::from("go.sum is not complete: run `go mod tidy` and commit it"));
    }
    if has("No rule to make target") {
        return Some(String::from("the Makefile has no such target: name another command with `verify` (in the plan, or under [run])"));
    }
    if has("no override and no default toolchain set") || has("rustup could not choose a version of cargo") {
        return Some(String::from("no Rust toolchain is chosen: `rustup default stable`"));
    }
    None
}

/// The word after a text.
fn after<'a>(output: &'a str, text: &str) -> Option<&'a str> {
    let rest = &output[output.find(text)? + text.len()..];
    rest.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_cannot_run_says_what_is_missing() {
        for (command, code, output, says) in [
            ("python3 -m pytest", 1, "/usr/bin/python3: No module named pytest", "No module named pytest"),
            ("npm test", 127, "sh: 1: vitest: not found", "npm ci"),
            ("npm test", 1, "Error: Cannot find module 'express'", "npm ci"),
            ("cargo test", 127, "sh: 1: cargo: not found", "`cargo`"),
            ("A=1 ./test.sh", 126, "Permission denied", "`./test.sh`"),
            ("python3 -m pytest", 5, "no tests ran in 0.01s", "no tests"),
        ] {
            let hint = hint(command, Some(code), output).unwrap_or_default();
            assert!(hint.contains(says), "{command}: {hint}");
        }
        assert_eq!(hint("cargo test", Some(101), "test result: FAILED. 1 failed"), None);
    }
}
