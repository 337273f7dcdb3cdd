//! The experience store: `.greenlane/experience/<id>.json`, one file for each deficiency that somebody solved. It may be copied from
//! one repository to another, so what is read here is not trusted: it is bounded, and quoted wherever it is shown.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use greenlane_core::deficiency::{Deficiency, Experience};
use serde::{Deserialize, Serialize};

/// Most files that are read, in the order of their names.
pub const FILES_MAX: usize = 512;
/// Most bytes of one file.
const BYTES_MAX: u64 = 64 * 1024;

/// What a file holds, with the ancestor's names.
#[derive(Serialize, Deserialize)]
struct Stored {
    problem: String,
    solution: String,
    #[serde(default)]
    context: greenlane_core::deficiency::Context,
}

/// What exporting did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// The file was written.
    Written(PathBuf),
    /// It said the same already.
    Unchanged(PathBuf),
}

/// The folder, under the state directory.
#[must_use]
pub fn experience_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("experience")
}

/// Writes a deficiency and its solution into the store. `None`: nobody has said what helps.
///
/// # Errors
/// If the file cannot be written.
pub fn export(state_dir: &Path, of: &Deficiency) -> io::Result<Option<Exported>> {
    let Some(solution) = of.solution.clone() else { return Ok(None) };
    let dir = experience_dir(state_dir);
    let path = dir.join(format!("{}.json", of.id));
    let stored = Stored { problem: of.description.clone(), solution, context: of.context.clone() };
    let text = serde_json::to_string_pretty(&stored).map_err(io::Error::other)? + "\n";
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(Some(Exported::Unchanged(path)));
    }
    fs::create_dir_all(&dir)?;
    let temporary = dir.join(format!(".{}.{}.new", of.id, std::process::id()));
    fs::write(&temporary, text)?;
    fs::rename(&temporary, &path)?;
    Ok(Some(Exported::Written(path)))
}

/// Everything in the store that can be read. What cannot is left out: a lesson less is no reason not to start.
#[must_use]
pub fn experiences(state_dir: &Path) -> Vec<Experience> {
    let Ok(entries) = fs::read_dir(experience_dir(state_dir)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    paths.truncate(FILES_MAX);
    paths.iter().filter_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Option<Experience> {
    let id = path.file_stem()?.to_str()?.to_owned();
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    let Stored { problem, solution, context } = serde_json::from_str(&text).ok()?;
    Some(Experience { id, problem, solution, context })
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_core::deficiency::DeficiencyType;
    use greenlane_core::time::Time;

    #[test]
    fn what_is_exported_is_read_back_and_exporting_again_changes_nothing() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let mut of = Deficiency::new(DeficiencyType::LogicError, "no frob".into(), Time(1));
        assert_eq!(export(dir.path(), &of)?, None, "nothing was solved");
        assert!(experiences(dir.path()).is_empty());
        of.solution = Some("call frob".into());
        of.context.checks.push("make".into());
        let path = experience_dir(dir.path()).join(format!("{}.json", of.id));
        assert_eq!(export(dir.path(), &of)?, Some(Exported::Written(path.clone())));
        assert_eq!(export(dir.path(), &of)?, Some(Exported::Unchanged(path.clone())));
        let value: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let keys: Vec<&String> = value.as_object().into_iter().flat_map(|o| o.keys()).collect();
        assert_eq!(keys, ["context", "problem", "solution"]);
        let all = experiences(dir.path());
        assert_eq!(
            all,
            [Experience { id: of.id.clone(), problem: "no frob".into(), solution: "call frob".into(), context: of.context.clone() }]
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_is_left_out() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let store = experience_dir(dir.path());
        fs::create_dir_all(store.join("folder.json"))?;
        fs::write(store.join("a.json"), "{")?;
        fs::write(store.join("b.json"), format!("{{\"problem\":\"{}\",\"solution\":\"s\"}}", "x".repeat(100_000)))?;
        fs::write(store.join("c.txt"), "{\"problem\":\"p\",\"solution\":\"s\"}")?;
        fs::write(store.join("d.json"), "{\"problem\":\"p\",\"solution\":\"s\"}")?;
        assert_eq!(experiences(dir.path()).iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["d"]);
        Ok(())
    }
}
