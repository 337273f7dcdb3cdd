//! Which of the files that a task changed are what it is judged by: tests, their configuration, scripts that its commands name,
//! CI. By names, of many ecosystems; the reasons stand in `docs/design/tampering.md`. Runs nothing.

use std::sync::OnceLock;

use globset::GlobSet;

use super::ownership::glob_set;
use crate::git::Change;

/// Tests and their configuration. Manifests (`pyproject.toml`, `Cargo.toml`) are left out: tasks change them every day.
const TESTS: &[&str] = &[
    "**/tests/**",
    "**/test/**",
    "**/__tests__/**",
    "**/e2e/**",
    "**/cypress/**",
    "**/test_*.py",
    "**/*_test.py",
    "**/*_test.go",
    "**/*_test.rs",
    "**/*_tests.rs",
    "**/tests.rs",
    "**/*.test.*",
    "**/*.spec.*",
    "**/*_spec.rb",
    "**/*_test.rb",
    "**/*Test.java",
    "**/*Tests.java",
    "**/*IT.java",
    "**/*Test.kt",
    "**/*Tests.cs",
    "**/*Test.php",
    "**/*_test.exs",
    "**/*_test.dart",
    "**/*Tests.swift",
    "**/*_test.c",
    "**/*_test.cc",
    "**/*_test.cpp",
    "**/*.snap",
    "**/conftest.py",
    "**/pytest.ini",
    "**/tox.ini",
    "**/noxfile.py",
    "**/.coveragerc",
    "**/jest.config.*",
    "**/vitest.config.*",
    "**/vitest.workspace.*",
    "**/playwright.config.*",
    "**/cypress.config.*",
    "**/karma.conf.*",
    "**/.mocharc*",
    "**/.nycrc*",
    "**/.rspec",
    "**/phpunit.xml*",
];

/// What judges elsewhere. No command here reads it, so no command says anything about it.
const CI: &[&str] = &[
    ".github/workflows/**",
    ".github/actions/**",
    ".gitea/workflows/**",
    ".forgejo/workflows/**",
    ".circleci/**",
    ".buildkite/**",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker.yml",
    ".woodpecker/**",
    ".cirrus.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    "Jenkinsfile",
];

/// Programs whose commands stand in a file that the command line does not name.
const IMPLIED: &[(&[&str], &[&str])] = &[
    (&["make", "gmake"], &["Makefile", "makefile", "GNUmakefile"]),
    (&["npm", "yarn", "pnpm", "bun"], &["package.json"]),
    (&["just"], &["justfile", "Justfile", ".justfile"]),
    (&["rake"], &["Rakefile"]),
    (&["task"], &["Taskfile.yml", "Taskfile.yaml"]),
];

/// Files of the suite that a task changed or removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SuiteFiles {
    /// All of them.
    pub all: Vec<String>,
    /// Those that a command may read.
    pub read: Vec<String>,
}

/// Finds them. What is new is not among them: a new test weakens none.
pub(super) fn suite_files(changed: &[Change], commands: &[&str]) -> SuiteFiles {
    static GLOBS: OnceLock<Option<(GlobSet, GlobSet)>> = OnceLock::new();
    let globs = GLOBS.get_or_init(|| Some((glob_set(TESTS.iter().copied()).ok()?, glob_set(CI.iter().copied()).ok()?)));
    let Some((tests, ci)) = globs else { return SuiteFiles::default() };
    let named = words(commands);
    let mut found = SuiteFiles::default();
    // A path that is not UTF-8 cannot be named to git here, and a submodule is no file.
    for change in changed.iter().filter(|c| c.old_mode.is_some_and(|m| m != 0o160_000) && !c.path.contains('\u{fffd}')) {
        let is_read = tests.is_match(&change.path) || named.contains(&change.path);
        if is_read {
            found.read.push(change.path.clone());
        }
        if is_read || ci.is_match(&change.path) {
            found.all.push(change.path.clone());
        }
    }
    found
}

/// Every word of the commands that could be a path from the top, and the files that their programs read by themselves.
fn words(commands: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    for command in commands {
        for word in command.split(|c: char| c.is_whitespace() || ";|&()<>\"'`=".contains(c)).filter(|w| !w.is_empty()) {
            words.push(word.trim_start_matches("./").to_owned());
            let implied = IMPLIED.iter().filter(|(programs, _)| programs.contains(&word));
            words.extend(implied.flat_map(|(_, files)| files.iter().map(|f| (*f).to_owned())));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, old: Option<u32>, new: Option<u32>) -> Change {
        Change { path: path.into(), old_mode: old, new_mode: new, new: None }
    }

    #[test]
    fn existing_tests_named_scripts_and_ci_count_and_new_files_do_not() {
        let file = Some(0o100_644);
        let edited = |path| change(path, file, file);
        let changed = [
            edited("src/lib.rs"),
            edited("tests/api.rs"),
            change("pkg/test_a.py", file, None),
            change("pkg/test_new.py", None, file),
            edited("web/src/a.test.ts"),
            edited("scripts/check.sh"),
            edited("scripts/other.sh"),
            edited("Makefile"),
            edited(".github/workflows/ci.yml"),
            edited("src/contest.py"),
            edited("package.json"),
        ];
        let found = suite_files(&changed, &["cd . && ./scripts/check.sh --fast; make test"]);
        let read = ["tests/api.rs", "pkg/test_a.py", "web/src/a.test.ts", "scripts/check.sh", "Makefile"];
        assert_eq!(found.read, read);
        assert_eq!(found.all.len(), read.len() + 1);
        assert!(found.all.contains(&String::from(".github/workflows/ci.yml")));
        assert_eq!(suite_files(&[edited("package.json")], &["npm test"]).read, ["package.json"]);
    }
}
