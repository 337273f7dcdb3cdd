//! From what the user names to plans: finds the files, reads them within limits, hands their text to the core, gathers findings.
//! Knows nothing of formats, and starts nothing but `bd`, which is asked for its issues.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::beads;
use greenlane_core::plan::{Diagnostic, Format, ManifestSource, Plan, PlanSource, Severity, check_manifest, check_together, closest, read};

/// Longest plan and longest `prompt_file`.
const FILE_BYTES_MAX: u64 = 10 << 20;
/// Most plans that are read at once; a folder of more is surely not meant.
const PLANS_MAX: usize = 1000;
/// Where PRDs that are to be done lie, under the repository's top.
pub const ACTIVE_FOLDER: &str = "prds/active";
/// Where they go when they are done.
const COMPLETED_FOLDER: &str = "prds/completed";
/// What a plan's folder may hold, the first that is there.
const NAMES_IN_FOLDER: &[&str] = &[
    "prd.json",
    "plan.toml",
    "plan.json",
    "plan.md",
    "wps.yaml",
    "tasks.md",
    "tasks.json",
    "tasks/tasks.json",
    "issues.jsonl",
    "packages.json",
    "work_packages.json",
];
/// What says that a PRD is approved, beside its `prd.json`.
pub(crate) const MANIFESTS: &[&str] = &["MANIFEST.yaml", "MANIFEST.yml"];
/// Most files that one plan consists of.
const PARTS_MAX: usize = 1000;

/// What came of reading.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The plans without errors, in the order in which they were named.
    pub plans: Vec<LoadedPlan>,
    /// Everything that was found in any of them.
    pub diagnostics: Vec<Diagnostic>,
}

/// A plan and where it came from.
#[derive(Clone, Debug)]
pub struct LoadedPlan {
    /// The plan.
    pub plan: Plan,
    /// Its file, absolute.
    pub path: PathBuf,
    /// Its folder is all its own (a PRD's): what lies beside the file belongs to the plan.
    pub whole_folder: bool,
    /// The file's text as it was read.
    pub text: String,
    /// The format that it was read as.
    pub format: Option<Format>,
}

impl Loaded {
    /// Whether anything keeps the plans from running.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// A plan's file that was found.
struct Found {
    path: PathBuf,
    /// As the user would write it.
    shown: String,
    /// The PRD's folder, if it is one.
    folder_id: Option<String>,
    /// Further files of the same plan, each as it is shown.
    more: Vec<(PathBuf, String)>,
    /// It is the export of beads' store, which was named as a folder: the store itself may know more.
    ask_bd: bool,
}

/// Reads the plans that are named: files, folders with a plan in them, folders of such folders, or the ids of PRDs under
/// `prds/active/`. Without any: every PRD there. Relative paths count from `directory`; `top` is the repository's.
/// Never fails: what is wrong is in the diagnostics, all of it at once.
#[must_use]
pub fn load_plans(top: Option<&Path>, directory: &Path, named: &[PathBuf], format: Option<Format>) -> Loaded {
    let mut loaded = Loaded::default();
    for found in find(top, directory, named, &mut loaded.diagnostics) {
        match read_text(&found.path) {
            Ok(text) => {
                let text = if found.ask_bd { loaded.issues_of(top, &found, text) } else { text };
                loaded.read(found, text, format);
            }
            Err((message, hint)) => loaded.diagnostics.push(Diagnostic::file_wide(Severity::Error, found.shown, message, hint)),
        }
    }
    let plans: Vec<Plan> = loaded.plans.iter().map(|p| p.plan.clone()).collect();
    loaded.diagnostics.extend(check_together(&plans));
    loaded
}

impl Loaded {
    /// What `bd` has to say, where there is one and the checkout is the main one; else the file that it wrote.
    fn issues_of(&mut self, top: Option<&Path>, found: &Found, text: String) -> String {
        let answer = top.filter(|t| t.join(".git").is_dir()).and_then(beads::export);
        match answer {
            Some(Ok(issues)) => issues,
            Some(Err(why)) => {
                let hint = String::from("what it wrote last is read instead");
                self.diagnostics.push(Diagnostic::file_wide(Severity::Warning, &found.shown, format!("`bd export` {why}"), Some(hint)));
                text
            }
            None => text,
        }
    }

    fn read(&mut self, found: Found, text: String, format: Option<Format>) {
        let folder = found.path.parent().unwrap_or(Path::new("/")).to_owned();
        let files = |name: &str| read_text(&folder.join(name)).map_err(|(message, _)| message);
        let mut more = Vec::new();
        for (path, shown) in found.more {
            match read_text(&path) {
                Ok(text) => more.push((shown, text)),
                Err((message, hint)) => self.diagnostics.push(Diagnostic::file_wide(Severity::Error, shown, message, hint)),
            }
        }
        let manifest = found.folder_id.as_deref().map(|id| manifest(&folder, id, &found.shown, &text)).unwrap_or_default();
        let refused = manifest.iter().any(Diagnostic::is_error);
        self.diagnostics.extend(manifest);
        // A prd.json in a checkout's top has no folder of its own: what lies beside it is the repository.
        let whole_folder = found.folder_id.is_some() && !folder.join(".git").exists();
        let source = PlanSource { more, folder_id: found.folder_id, format, ..PlanSource::new(found.shown, text, &files) };
        let reading = read(&source);
        self.diagnostics.extend(reading.diagnostics);
        if let Some(plan) = reading.plan.filter(|_| !refused) {
            self.plans.push(LoadedPlan { plan, path: found.path, whole_folder, text: source.text, format: reading.format });
        }
    }
}

fn find(top: Option<&Path>, directory: &Path, named: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut skipped = Vec::new();
    let mut wrong = |shown: &Path, message: &str, hint: String| {
        diagnostics.push(Diagnostic::file_wide(Severity::Error, shown.display().to_string(), message, Some(hint)));
    };
    if named.is_empty() {
        let active = top.unwrap_or(directory).join(ACTIVE_FOLDER);
        found = plans_below(&active, Path::new(ACTIVE_FOLDER), &mut |at, message, hint| {
            skipped.push(Diagnostic::file_wide(Severity::Warning, at.display().to_string(), message, Some(hint)));
        });
        if found.is_empty() {
            wrong(
                Path::new(ACTIVE_FOLDER),
                "no plan is named, and there is no PRD here",
                String::from("name a plan: greenlane run plan.toml"),
            );
        }
    }
    for name in named {
        let path = directory.join(name);
        // A PRD may be called by its id from anywhere in the repository.
        let by_id = || top.map(|t| t.join(ACTIVE_FOLDER).join(name)).filter(|p| name.components().count() == 1 && p.is_dir());
        let (path, shown) = match (path.exists(), by_id()) {
            (false, Some(folder)) => (folder, Path::new(ACTIVE_FOLDER).join(name)),
            _ => (path, name.clone()),
        };
        if !path.is_dir() {
            if path.exists() {
                found.push(file(path, shown));
            } else {
                let hint = completed(top, name).unwrap_or_else(|| similar(&path));
                wrong(name, "there is no such plan", hint);
            }
            continue;
        }
        match plan_in(&path, &shown) {
            Some(plan) => {
                let ask_bd = path.file_name().is_some_and(|n| n == ".beads") && plan.path.ends_with("issues.jsonl");
                found.push(Found { ask_bd, ..plan });
            }
            None => {
                let below = plans_below(&path, &shown, &mut |at, message, hint| {
                    skipped.push(Diagnostic::file_wide(Severity::Warning, at.display().to_string(), message, Some(hint)));
                });
                if below.is_empty() {
                    wrong(
                        name,
                        "there is no plan in this folder",
                        format!("looked for {}, also one folder deeper", NAMES_IN_FOLDER.join(", ")),
                    );
                }
                found.extend(below);
            }
        }
    }
    if found.len() > PLANS_MAX {
        wrong(
            Path::new("."),
            &format!("these are {} plans", found.len()),
            format!("at most {PLANS_MAX} are taken at once: name some of them"),
        );
        found.clear();
    }
    diagnostics.extend(skipped);
    found
}

/// A file that was named. One that is called `prd.json` has its folder for itself.
fn file(path: PathBuf, shown: PathBuf) -> Found {
    // Through links, so that `prompt_file`s are looked for beside the file itself.
    let path = path.canonicalize().unwrap_or(path);
    let is_prd = path.file_name().is_some_and(|n| n == "prd.json");
    let folder_id = path.parent().and_then(Path::file_name).filter(|_| is_prd).map(|n| n.to_string_lossy().into_owned());
    Found { path, shown: shown.display().to_string(), folder_id, more: Vec::new(), ask_bd: false }
}

/// What a plan's file brings along by its name and place alone.
pub(crate) struct Parts {
    /// The PRD's folder, if it is one.
    pub folder_id: Option<String>,
    /// Further files of the same plan, each as it is shown.
    pub more: Vec<(PathBuf, String)>,
}

/// The parts of a plan that was read before, by its file.
pub(crate) fn parts_of(path: &Path) -> Parts {
    let own = file(path.to_owned(), path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("/"));
    let package = path.file_name().and_then(|n| n.to_str()).is_some_and(is_package);
    let more = if package { packages_in(folder, folder).into_iter().filter(|(p, _)| p != path).collect() } else { Vec::new() };
    Parts { folder_id: own.folder_id, more }
}

fn plan_in(folder: &Path, shown: &Path) -> Option<Found> {
    let has = |name: &str| folder.join(name).is_file();
    let own = |name: &str| Some(file(folder.join(name), shown.join(name)));
    // Spec Kit and Spec Kitty have a `plan.md` that is prose.
    if !has("prd.json") && !has("wps.yaml") {
        if let Some(packages) = work_packages(folder, shown) {
            return Some(packages);
        }
        if has("tasks.md") && has("spec.md") {
            return own("tasks.md");
        }
    }
    own(NAMES_IN_FOLDER.iter().find(|name| has(name))?)
}

/// Spec Kitty's files, one a work package, in the folder itself or under `tasks/`.
fn work_packages(folder: &Path, shown: &Path) -> Option<Found> {
    for (folder, shown) in [(folder.join("tasks"), shown.join("tasks")), (folder.to_owned(), shown.to_owned())] {
        let mut found = packages_in(&folder, &shown).into_iter();
        if let Some((first, shown)) = found.next() {
            return Some(Found { more: found.collect(), ..file(first, PathBuf::from(shown)) });
        }
    }
    None
}

/// `WP01-….md`.
fn is_package(name: &str) -> bool {
    let rest = name.strip_prefix("WP").unwrap_or("");
    name.ends_with(".md") && rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Those of a folder, by name, each as it is shown.
fn packages_in(folder: &Path, shown: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).filter(|n| is_package(n));
    let mut names: Vec<String> = names.take(PARTS_MAX).collect();
    names.sort();
    names.into_iter().map(|n| (folder.join(&n), shown.join(&n).display().to_string())).collect()
}

/// What the manifest beside a PRD has to say; nothing where there is none.
fn manifest(folder: &Path, id: &str, shown: &str, prd: &str) -> Vec<Diagnostic> {
    let Some(name) = MANIFESTS.iter().find(|name| folder.join(name).exists()) else { return Vec::new() };
    let path = Path::new(shown).with_file_name(name).display().to_string();
    match read_text(&folder.join(name)) {
        Ok(text) => check_manifest(&ManifestSource { path: &path, text: &text, prd, folder: id }),
        Err((message, hint)) => vec![Diagnostic::file_wide(Severity::Error, path, message, hint)],
    }
}

/// One plan for each folder right below, by name. A folder that has none, but a text that may be meant as one, is told.
fn plans_below(folder: &Path, shown: &Path, skipped: &mut dyn FnMut(&Path, &str, String)) -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.filter_map(|e| e.ok()).map(|e| e.file_name()).collect();
    names.sort();
    let mut found = Vec::new();
    for name in &names {
        let (folder, shown) = (folder.join(name), shown.join(name));
        match plan_in(&folder, &shown) {
            Some(plan) => found.push(plan),
            None => {
                if let Some(text) = may_be_meant(&folder) {
                    let hint = format!(
                        "looked for {}; name the file itself if it is one: {}",
                        NAMES_IN_FOLDER.join(", "),
                        shown.join(text).display()
                    );
                    skipped(&shown, "there is no plan in this folder, and it is left out", hint);
                }
            }
        }
    }
    found
}

/// The first text of a folder that may be a plan under another name.
fn may_be_meant(folder: &Path) -> Option<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|e| e.ok()).map(|e| e.file_name()).take(10_000).collect();
    names.sort();
    names.into_iter().find(|name| {
        let name = Path::new(name);
        let is_text = name.extension().is_some_and(|e| e == "md" || e == "toml" || e == "json" || e == "jsonl");
        is_text && !name.to_string_lossy().to_lowercase().starts_with("readme")
    })
}

/// Where a PRD went that was named by its id or its old place.
fn completed(top: Option<&Path>, name: &Path) -> Option<String> {
    let id = name.file_name().filter(|n| *n != "prd.json").or_else(|| name.parent()?.file_name())?;
    let folder = Path::new(COMPLETED_FOLDER).join(id);
    top?.join(&folder).is_dir().then(|| format!("it is completed, and lies in {}", folder.display()))
}

/// A file of nearly that name in the same folder.
fn similar(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("the folder {} is not there either", folder.display());
    };
    let mut names: Vec<String> =
        entries.filter_map(|e| e.ok()).map(|e| e.file_name().to_string_lossy().into_owned()).take(10_000).collect();
    names.sort();
    match closest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => String::from("a plan is a file, a folder with a prd.json, or the id of a PRD under prds/active/"),
    }
}

/// What was opened for this process, a pipe or a terminal: `/dev/stdin`, or a shell's `<(…)`. Somebody writes there, or has written.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|of| path.starts_with(of))
}

/// Text of a file, or what is wrong with it and what to do.
fn read_text(path: &Path) -> Result<String, (String, Option<String>)> {
    let told = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => String::from("there is no such file"),
        _ => e.to_string(),
    };
    let meta = std::fs::metadata(path).map_err(|e| (told(&e), None))?;
    if meta.is_dir() {
        return Err((String::from("it is a folder"), None));
    }
    if !meta.is_file() && !is_descriptor(path) {
        let hint = "to read from another program: `… | greenlane run /dev/stdin`";
        return Err((String::from("it is not a regular file"), Some(String::from(hint))));
    }
    let opened = std::fs::File::open(path).map_err(|e| (told(&e), None))?;
    let mut bytes = Vec::new();
    // The limit holds while reading too: a pipe has no size.
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| (told(&e), None))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err((format!("it is longer than {} MB", FILE_BYTES_MAX >> 20), Some(String::from("is this the right file?"))));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        (format!("it is not UTF-8 text: line {line} has other bytes"), Some(String::from("save it as UTF-8")))
    })
}

#[cfg(test)]
#[path = "plan_files_tests.rs"]
mod tests;
