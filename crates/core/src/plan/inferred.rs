//! Files that a task's own words name. A guess, so nothing is refused or held back for it. Reads no files: the repository's paths are
//! an argument.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Plan, Task};

/// Longest path that is looked for, in bytes.
const PATH_BYTES_MAX: usize = 512;
/// Most files that are taken from one task's text: a longer list is data, not a to-do.
const FILES_MAX: usize = 200;
/// Longest extension.
const EXTENSION_CHARS_MAX: usize = 10;
/// Words before a path, in its line, that say that it is to be made.
const CREATING: [&str; 12] =
    ["create", "add", "new", "write", "implement", "generate", "introduce", "make", "scaffold", "creates", "creating", "adding"];

/// The repository's files by name.
#[derive(Clone, Debug, Default)]
pub struct Paths<'a> {
    /// Sorted.
    all: Vec<&'a str>,
    /// Files by the name behind the last slash.
    by_name: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Paths<'a> {
    /// Paths relative to the repository's root, with `/`.
    pub fn new(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<&str> = paths.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in &all {
            by_name.entry(path.rsplit('/').next().unwrap_or(path)).or_default().push(path);
        }
        Self { all, by_name }
    }

    /// All of them, sorted.
    #[must_use]
    pub fn all(&self) -> &[&'a str] {
        &self.all
    }

    /// Those that begin with this text.
    #[must_use]
    pub fn beginning_with(&self, prefix: &str) -> &[&'a str] {
        let start = self.all.partition_point(|p| *p < prefix);
        let count = self.all[start..].partition_point(|p| p.starts_with(prefix));
        &self.all[start..start + count]
    }

    fn file(&self, path: &str) -> bool {
        self.all.binary_search(&path).is_ok()
    }

    fn folder(&self, path: &str) -> bool {
        !path.is_empty() && !self.beginning_with(&format!("{}/", path.trim_end_matches('/'))).is_empty()
    }
}

/// A file or folder that a task's text names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Inferred {
    /// Relative to the repository's root; a folder ends with `/`.
    pub path: String,
    /// It is there already; else the text says that it is to be made.
    pub exists: bool,
}

/// By task: what its title, prompt and criteria name. Nothing for tasks that own files by the plan, that are ticked, or that are
/// commands.
#[must_use]
pub fn infer(plan: &Plan, paths: &Paths<'_>) -> Vec<Vec<Inferred>> {
    plan.tasks
        .iter()
        .map(|task| if task.owns.is_empty() && !task.ticked && task.run.is_none() { of_task(task, paths) } else { Vec::new() })
        .collect()
}

fn of_task(task: &Task, paths: &Paths<'_>) -> Vec<Inferred> {
    let mut found = BTreeSet::new();
    let listed = [&task.activities, &task.criteria].into_iter().flatten().map(|text| (text, false));
    // What is to be there at the end is to be made, where it is not there yet.
    let delivered = task.deliverables.iter().map(|text| (text, true));
    let texts = [Some(&task.title), Some(&task.prompt), task.objective.as_ref()].into_iter().flatten().map(|text| (text, false));
    let lines = texts.chain(listed).chain(delivered).flat_map(|(text, making)| text.lines().map(move |line| (line, making)));
    for (line, mut making) in lines {
        for word in line.split(|c: char| c.is_whitespace() || "()<>,;\"'`|".contains(c)) {
            let word = word.trim_matches(|c: char| "*_:!?".contains(c)).trim_end_matches('.');
            if CREATING.iter().any(|w| word.eq_ignore_ascii_case(w)) {
                making = true;
            } else if let Some(path) = path_of(word)
                && let Some(file) = known(path, making, paths)
            {
                found.insert(file);
            }
            if found.len() >= FILES_MAX {
                return found.into_iter().collect();
            }
        }
    }
    found.into_iter().collect()
}

/// The word as a path of the repository, if it looks like one. `./` in front and `:12` behind are taken away.
fn path_of(word: &str) -> Option<&str> {
    let word = word.strip_prefix("./").unwrap_or(word);
    let word = match word.rsplit_once(':') {
        Some((path, line)) if !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit() || b == b'-') => path,
        _ => word,
    };
    let outside = word.starts_with(['/', '~', '-', '@', '$']) || word.contains("://") || word.contains(':') || word.contains('\\');
    let odd = word.split('/').any(|name| name == "..") || word.contains("//") || word.chars().any(char::is_control);
    let shaped = word.contains('/') || extension(word).is_some();
    (shaped && !outside && !odd && (2..=PATH_BYTES_MAX).contains(&word.len())).then_some(word)
}

/// What stands behind the last dot of the last name, where that can be an extension: it has a letter. `1.2` has none.
fn extension(path: &str) -> Option<&str> {
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let good = !extension.is_empty()
        && extension.chars().count() <= EXTENSION_CHARS_MAX
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && extension.chars().any(|c| c.is_ascii_alphabetic());
    (good && (!stem.is_empty() || path.contains('/'))).then_some(extension)
}

fn known(path: &str, making: bool, paths: &Paths<'_>) -> Option<Inferred> {
    if paths.file(path) {
        return Some(Inferred { path: String::from(path), exists: true });
    }
    let folder = path.trim_end_matches('/');
    if path.contains('/') && paths.folder(folder) {
        return Some(Inferred { path: format!("{folder}/"), exists: true });
    }
    // A name alone means the file where there is only one of that name.
    if !path.contains('/')
        && let Some([one]) = paths.by_name.get(path).map(Vec::as_slice)
    {
        return Some(Inferred { path: String::from(*one), exists: true });
    }
    let new_file = making && path.contains('/') && !path.ends_with('/') && extension(path).is_some() && !path.contains(['*', '{', '[']);
    new_file.then(|| Inferred { path: String::from(path), exists: false })
}

/// As a glob that means this path and nothing else; of a folder, everything below.
#[must_use]
pub fn as_glob(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if "*?[]{}\\!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlap::Glob;

    fn found(text: &str, paths: &[&str]) -> Vec<String> {
        let mut plan = Plan::new("p");
        plan.tasks.push(Task { title: String::from(text), ..Task::new("a") });
        let paths = Paths::new(paths.iter().copied());
        let of_first = infer(&plan, &paths).swap_remove(0);
        of_first.into_iter().map(|f| format!("{}{}", if f.exists { "" } else { "+" }, f.path)).collect()
    }

    #[test]
    fn what_exists_or_is_to_be_made() {
        let repository = ["src/a.rs", "src/b/mod.rs", "docs/x.md", "src/lib.rs", "tests/lib.rs", "Makefile.am", "app/[id].tsx"];
        for (text, expected) in [
            ("Change src/a.rs and `docs/x.md`.", &["docs/x.md", "src/a.rs"][..]),
            ("See ./src/a.rs:12-30, and src/b/", &["src/a.rs", "src/b/"]),
            ("Create the store in src/store.rs", &["+src/store.rs"]),
            ("The store is in src/store.rs", &[]),
            ("Add x.md", &["docs/x.md"]),
            ("lib.rs is twice there, Makefile.am once", &["Makefile.am"]),
            ("Add version 1.2/3.4 of https://a.b/c.rs and ../x.rs, /etc/x.rs, ~/x.rs, and/or either/or", &[]),
            ("Write app/[id].tsx and app/[new].tsx", &["app/[id].tsx"]),
            ("**Files**: (src/a.rs), <src/lib.rs>", &["src/a.rs", "src/lib.rs"]),
            ("address the newer src/new.rs", &[]),
        ] {
            assert_eq!(found(text, &repository), expected, "{text}");
        }
    }

    #[test]
    fn tasks_that_own_files_need_no_guess() {
        let mut plan = Plan::new("p");
        let task = |id: &str| Task { title: String::from("Change a/b.c"), ..Task::new(id) };
        plan.tasks = vec![task("owns"), task("ticked"), task("runs"), task("open")];
        plan.tasks[0].owns.push(String::from("x"));
        plan.tasks[1].ticked = true;
        plan.tasks[2].run = Some(String::from("true"));
        let lengths: Vec<usize> = infer(&plan, &Paths::new(["a/b.c"])).iter().map(Vec::len).collect();
        assert_eq!(lengths, [0, 0, 0, 1]);
    }

    #[test]
    fn a_path_as_a_glob_means_itself() {
        for path in ["src/a.rs", "app/[id].tsx", "a{b,c}.x", "a*?.x", "!x.y"] {
            let glob = Glob::new(&as_glob(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(glob.matches(path), "{path}");
        }
        assert!(!Glob::new(&as_glob("app/[id].tsx")).unwrap().matches("app/i.tsx"));
    }

    #[test]
    fn folders_are_found_by_their_beginning() {
        let paths = Paths::new(["b/x", "a/y", "ab/z", "a/x"]);
        assert_eq!(paths.beginning_with("a/"), ["a/x", "a/y"]);
        assert_eq!(paths.beginning_with("c").len() + usize::from(paths.folder("")), 0);
        assert_eq!(paths.all(), ["a/x", "a/y", "ab/z", "b/x"]);
    }
}
