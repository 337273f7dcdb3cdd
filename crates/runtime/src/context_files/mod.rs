//! The files in which agents look for a project's instructions, kept up to date from one source in the repository. Writes only
//! Greenlane's own block of each, only below one checkout, and nothing at all where anything stands against it.

mod block;
mod json;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

pub use block::Theirs;
use block::{Refusal, is_marker, with_block};

/// Most bytes of the source, and of a file that is changed.
const SOURCE_BYTES_MAX: u64 = 256 * 1024;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The words by which the configuration chooses files.
pub const KINDS: &[&str] = &["agents", "claude", "cursor", "copilot", "gemini", "cline", "windsurf"];

/// What a file holds.
enum Holds {
    /// The source's text.
    Text,
    /// A line that imports `AGENTS.md`, as Claude Code reads it.
    Import,
    /// Gemini CLI's settings, which name `AGENTS.md`.
    Settings,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Created,
    /// Its block changes.
    Updated,
    /// It is as it should be.
    Same,
}

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// From the top of the checkout.
    pub path: String,
    /// What has to be done for it.
    pub change: Change,
    text: String,
}

/// What stands against writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The file, and the line where there is one.
    pub location: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The system refused; else something is not as it must be.
    pub system: bool,
}

impl Obstacle {
    fn new(location: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { location: location.into(), message: message.into(), hint: hint.into(), system: false }
    }

    fn io(path: &str, e: &io::Error) -> Self {
        let hint = "the files lie in your checkout and must be readable and writable by you";
        Self { system: true, ..Self::new(path, format!("it cannot be read or written: {e}"), hint) }
    }
}

/// What the files should be. Writes nothing.
///
/// # Errors
/// Everything that stands against it, at once.
pub fn wanted(top: &Path, source: &str, kinds: &[String], theirs: Theirs) -> Result<Vec<Wanted>, Vec<Obstacle>> {
    let body = read_source(top, source).map_err(|o| vec![o])?;
    let targets = targets(top, source, kinds);
    let (mut all, mut obstacles) = (Vec::new(), Vec::new());
    for (path, holds) in &targets {
        match one(top, path, holds, (&body, source), theirs, &targets) {
            Ok(wanted) => all.push(wanted),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if obstacles.is_empty() { Ok(all) } else { Err(obstacles) }
}

/// Writes what has to change, each file in one go.
///
/// # Errors
/// At the first file that cannot be written.
pub fn write(top: &Path, all: &[Wanted]) -> Result<(), Obstacle> {
    for one in all.iter().filter(|w| w.change != Change::Same) {
        put(&top.join(&one.path), &one.text).map_err(|e| Obstacle::io(&one.path, &e))?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = dir.join(format!(".{name}.greenlane-{}", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        if let Ok(meta) = fs::metadata(path) {
            file.set_permissions(meta.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

fn read_source(top: &Path, source: &str) -> Result<String, Obstacle> {
    let inside = Path::new(source).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err(Obstacle::new(source, "the source must lie in the repository", "name it from the repository's top, without `..`"));
    }
    let path = top.join(source);
    match fs::metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let hint = "write into it what every agent should know of the project, or name another file: `source` under [context]";
            return Err(Obstacle::new(source, "this is the source of the files, and it is not there", hint));
        }
        Err(e) => return Err(Obstacle::io(source, &e)),
        Ok(meta) if !meta.is_file() => return Err(Obstacle::new(source, "it is no file", "name a file of Markdown")),
        Ok(meta) if meta.len() > SOURCE_BYTES_MAX => {
            let message = format!("it is longer than {} KiB", SOURCE_BYTES_MAX / 1024);
            return Err(Obstacle::new(source, message, "every agent reads all of it in every task: say less"));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(&path).map_err(|e| Obstacle::io(source, &e))?.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err(Obstacle::new(source, "it is empty", "write into it what every agent should know of the project"));
    }
    if let Some(n) = text.lines().position(is_marker) {
        return Err(Obstacle::new(format!("{source}:{}", n + 1), "it holds a marker of Greenlane's own blocks", "leave that line out"));
    }
    Ok(text.trim().to_owned())
}

/// The files for these kinds, without the source itself. Where there is no `AGENTS.md`, nothing can refer to it.
fn targets(top: &Path, source: &str, kinds: &[String]) -> Vec<(String, Holds)> {
    let has = |kind: &str| kinds.iter().any(|k| k == kind);
    let is_source = |path: &str| top.join(path).canonicalize().is_ok_and(|p| top.join(source).canonicalize().is_ok_and(|s| s == p));
    let agents = has("agents") || is_source("AGENTS.md");
    let mut all = Vec::new();
    for kind in KINDS.iter().filter(|kind| has(kind)) {
        let (path, holds) = match (*kind, agents) {
            ("agents", _) => ("AGENTS.md", Holds::Text),
            ("claude", true) => ("CLAUDE.md", Holds::Import),
            ("claude", false) => ("CLAUDE.md", Holds::Text),
            ("cursor", _) => (".cursorrules", Holds::Text),
            ("copilot", _) => (".github/copilot-instructions.md", Holds::Text),
            ("gemini", true) => (".gemini/settings.json", Holds::Settings),
            ("gemini", false) => ("GEMINI.md", Holds::Text),
            // It may be a folder of rules.
            ("cline", _) if top.join(".clinerules").is_dir() => (".clinerules/greenlane.md", Holds::Text),
            ("cline", _) => (".clinerules", Holds::Text),
            _ => (".windsurfrules", Holds::Text),
        };
        if !is_source(path) {
            all.push((path.to_owned(), holds));
        }
    }
    all
}

fn one(
    top: &Path,
    path: &str,
    holds: &Holds,
    (body, source): (&str, &str),
    theirs: Theirs,
    targets: &[(String, Holds)],
) -> Result<Wanted, Obstacle> {
    let same = |text: String| Wanted { path: path.to_owned(), change: Change::Same, text };
    if let Some(link) = link_within(top, path) {
        // `CLAUDE.md` is often a link to `AGENTS.md`.
        let full = top.join(&link);
        let same_file = |other: &Path| full.canonicalize().is_ok_and(|a| top.join(other).canonicalize().is_ok_and(|b| a == b));
        // The other file may be about to be made.
        let says = |other: &Path| fs::read_link(&full).is_ok_and(|to| link.parent().unwrap_or(Path::new("")).join(to) == other);
        let points_to = |other: &String| other != path && (same_file(other.as_ref()) || says(other.as_ref()));
        if targets.iter().any(|(other, _)| points_to(other)) {
            return Ok(same(String::new()));
        }
        let hint = "put a file in its place, or leave it out: `files` under [context]";
        return Err(Obstacle::new(link.display().to_string(), "it is a link, and what it points to is not Greenlane's to change", hint));
    }
    let existing = existing(top, path)?;
    let text = match holds {
        Holds::Settings => {
            let new = json::with_file_name(existing.as_deref().unwrap_or("{}\n"), "AGENTS.md").map_err(|why| {
                Obstacle::new(
                    path,
                    format!("it {why}"),
                    "add \"AGENTS.md\" to `fileName` under `context` there yourself, or leave it out: `files` under [context]",
                )
            })?;
            match (new, existing.clone()) {
                (Some(new), _) => new,
                (None, existing) => return Ok(same(existing.unwrap_or_default())),
            }
        }
        Holds::Text | Holds::Import => {
            let body = if matches!(holds, Holds::Import) { "@AGENTS.md" } else { body };
            with_block(existing.as_deref(), body, source, theirs).map_err(|refusal| refused(path, source, &refusal))?
        }
    };
    let change = match &existing {
        None => Change::Created,
        Some(old) if *old == text => Change::Same,
        Some(_) => Change::Updated,
    };
    Ok(Wanted { path: path.to_owned(), change, text })
}

fn refused(path: &str, source: &str, refusal: &Refusal) -> Obstacle {
    match refusal {
        Refusal::Theirs => Obstacle::new(
            path,
            "somebody else wrote this file, and it is not overwritten",
            "`--append` adds Greenlane's block at its end; `files` under [context] leaves it out",
        ),
        Refusal::Edited(line) => Obstacle::new(
            format!("{path}:{line}"),
            "Greenlane's block was edited, and the edit is not overwritten",
            format!("bring the edit into {source} or move it out of the block; then remove the block, and `--append` makes it anew"),
        ),
        Refusal::Torn(line) => Obstacle::new(
            format!("{path}:{line}"),
            "one of the two lines around Greenlane's block is missing here, or stands twice",
            "put both back as they were, or remove what is left of the block; then `--append` makes it anew",
        ),
    }
}

fn existing(top: &Path, path: &str) -> Result<Option<String>, Obstacle> {
    let full = top.join(path);
    match fs::metadata(&full) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Obstacle::io(path, &e)),
        Ok(meta) if !meta.is_file() || meta.len() > FILE_BYTES_MAX => {
            return Err(Obstacle::new(path, "it is no file of text that Greenlane could change", "leave it out: `files` under [context]"));
        }
        Ok(_) => {}
    }
    match fs::read_to_string(&full) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            Err(Obstacle::new(path, "it is not UTF-8", "leave it out: `files` under [context]"))
        }
        Err(e) => Err(Obstacle::io(path, &e)),
    }
}

/// The first part of the path that is a symbolic link: writing through it would leave the checkout.
fn link_within(top: &Path, path: &str) -> Option<PathBuf> {
    let mut part = PathBuf::new();
    Path::new(path).components().find_map(|component| {
        part.push(component);
        fs::symlink_metadata(top.join(&part)).is_ok_and(|m| m.is_symlink()).then(|| part.clone())
    })
}
