//! `doctor` on what builds leave: a folder that git does not ignore would be committed with an agent's work. Changes nothing.

use std::path::Path;

use greenlane_runtime::git::Repo;

use super::check::Check;

/// A file at the top that tells of a build tool, and the folder which that tool fills.
const FILLED: &[(&str, &str)] = &[
    ("Cargo.toml", "target"),
    ("package.json", "node_modules"),
    ("pyproject.toml", "__pycache__"),
    ("setup.py", "__pycache__"),
    ("requirements.txt", "__pycache__"),
    ("pom.xml", "target"),
    ("build.gradle", "build"),
    ("build.gradle.kts", "build"),
    ("mix.exs", "_build"),
    ("composer.json", "vendor"),
];

/// One finding for all folders that no rule ignores, and that are not in the repository on purpose.
pub fn ignored(repo: &Repo, top: &Path) -> Option<Check> {
    let git = repo.git_in(repo.git_dir(), top);
    let mut open: Vec<&str> = Vec::new();
    for (_, folder) in FILLED.iter().filter(|(marker, _)| top.join(marker).is_file()) {
        let inside = format!("{folder}/x");
        // 1: no rule. Anything else, errors included, is no reason to warn.
        let no_rule = git.run_allowing(&["check-ignore", "-q", "--no-index", &inside], &[0, 1]).is_ok_and(|o| o.code == 1);
        let tracked = git.run(&["ls-files", "--", folder]).is_ok_and(|o| !o.stdout.is_empty());
        if no_rule && !tracked && !open.contains(folder) {
            open.push(folder);
        }
    }
    let rules = open.iter().map(|folder| format!("{folder}/")).collect::<Vec<_>>();
    (!rules.is_empty()).then(|| {
        let message = format!("no rule ignores {}: a build there would be committed with an agent's work", rules.join(" and "));
        Check::warning("ignored files", message, format!("commit a .gitignore with {}", rules.join(", ")))
    })
}
