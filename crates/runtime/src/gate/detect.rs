//! Which command tests this repository? Told from a commit's files, never from the user's checkout.

use greenlane_core::ids::Oid;

use crate::git::{GitError, Repo};

const FILE_BYTES_MAX: usize = 1 << 20;

/// A command that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The `sh -c` line.
    pub command: String,
    /// The file that it was told from, and what in it.
    pub reason: String,
}

/// The commands that test this commit; empty where nothing is known. A project with a manifest at its top is tested by that
/// manifest's tool; a Makefile counts only where there is none.
///
/// # Errors
/// If git cannot be asked.
pub fn detect_suite(repo: &Repo, commit: &Oid) -> Result<Vec<Detected>, GitError> {
    let top = repo.objects().tree(&repo.tree_of(commit)?)?;
    let look = Look { repo, commit, names: top.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect() };
    let mut found = Vec::new();
    let mut add = |command: &str, reason: String| found.push(Detected { command: command.to_owned(), reason });
    if look.has("Cargo.toml") {
        add("cargo test", String::from("Cargo.toml"));
    }
    if let Some(detected) = look.node()? {
        add(&detected.command, detected.reason);
    } else if let Some(file) = look.first(&["deno.json", "deno.jsonc"]) {
        add("deno test", file);
    }
    if let Some(reason) = look.pytest()? {
        add("python3 -m pytest", reason);
    }
    for (file, command) in
        [("go.mod", "go test ./..."), ("mix.exs", "mix test"), ("Package.swift", "swift test"), ("stack.yaml", "stack test")]
    {
        if look.has(file) {
            add(command, file.to_owned());
        }
    }
    if look.has("pom.xml") {
        add(if look.has("mvnw") { "./mvnw -q test" } else { "mvn -q test" }, String::from("pom.xml"));
    } else if let Some(file) = look.first(&["build.gradle", "build.gradle.kts"]) {
        add(if look.has("gradlew") { "./gradlew test" } else { "gradle test" }, file);
    }
    if let Some(file) = look.first(&["Rakefile"]).filter(|_| look.has("test") || look.has("spec")) {
        add(if look.has("Gemfile") { "bundle exec rake" } else { "rake" }, file);
    } else if look.has("Gemfile") && look.has("spec") {
        add("bundle exec rspec", String::from("Gemfile and spec/"));
    }
    if look.has("phpunit.xml") || look.has("phpunit.xml.dist") {
        add("vendor/bin/phpunit", String::from("phpunit.xml"));
    }
    if found.is_empty()
        && let Some(detected) = look.make()?
    {
        found.push(detected);
    }
    Ok(found)
}

struct Look<'a> {
    repo: &'a Repo,
    commit: &'a Oid,
    names: Vec<String>,
}

impl Look<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|n| self.has(n)).map(|n| (*n).to_owned())
    }

    fn text(&self, path: &str) -> Result<Option<String>, GitError> {
        if !path.contains('/') && !self.has(path) {
            return Ok(None);
        }
        Ok(self.repo.objects().file(self.commit, path, FILE_BYTES_MAX)?.map(|b| String::from_utf8_lossy(&b).into_owned()))
    }

    fn node(&self) -> Result<Option<Detected>, GitError> {
        let Some(text) = self.text("package.json")? else { return Ok(None) };
        let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let script = package.pointer("/scripts/test").and_then(serde_json::Value::as_str).unwrap_or_default();
        // What `npm init` writes: a script that fails on purpose.
        if script.trim().is_empty() || script.contains("no test specified") {
            return Ok(None);
        }
        let runner = match self.first(&["bun.lock", "bun.lockb", "pnpm-lock.yaml", "yarn.lock"]).as_deref() {
            Some("pnpm-lock.yaml") => "pnpm test",
            Some("yarn.lock") => "yarn test",
            Some(_) => "bun run test",
            None => "npm test",
        };
        Ok(Some(Detected { command: runner.to_owned(), reason: format!("package.json: scripts.test is `{script}`") }))
    }

    fn pytest(&self) -> Result<Option<String>, GitError> {
        if let Some(file) = self.first(&["pytest.ini", "conftest.py"]) {
            return Ok(Some(file));
        }
        for (file, section) in [("pyproject.toml", "[tool.pytest"), ("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")] {
            if self.text(file)?.is_some_and(|t| t.lines().any(|l| l.trim_start().starts_with(section))) {
                return Ok(Some(format!("{file}: {section}")));
            }
        }
        for dir in ["tests", "test"] {
            let Some(tree) = self.subtree(dir)? else { continue };
            let names = tree.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned());
            let mut tests = names.filter(|n| n.ends_with(".py") && (n.starts_with("test_") || n.ends_with("_test.py")));
            if let Some(name) = tests.next() {
                return Ok(Some(format!("{dir}/{name}")));
            }
        }
        Ok(None)
    }

    fn subtree(&self, dir: &str) -> Result<Option<Vec<crate::git::TreeEntry>>, GitError> {
        let top = self.repo.objects().tree(&self.repo.tree_of(self.commit)?)?;
        match top.iter().find(|e| e.is_tree() && e.name == dir.as_bytes()) {
            Some(entry) => self.repo.objects().tree(&entry.oid).map(Some),
            None => Ok(None),
        }
    }

    fn make(&self) -> Result<Option<Detected>, GitError> {
        for file in ["GNUmakefile", "makefile", "Makefile", "justfile"] {
            let Some(text) = self.text(file)? else { continue };
            for target in ["test", "check"] {
                let is_rule = |line: &str| {
                    line.strip_prefix(target).is_some_and(|r| r.trim_start().starts_with(':') && !r.trim_start().starts_with(":="))
                };
                if text.lines().any(is_rule) {
                    let program = if file == "justfile" { "just" } else { "make" };
                    return Ok(Some(Detected { command: format!("{program} {target}"), reason: format!("{file}: target `{target}`") }));
                }
            }
        }
        Ok(None)
    }
}
