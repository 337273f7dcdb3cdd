//! What there is to see of one attempt beside its row: its prompt, what the gate and the suite said, its output; and of one plan what its
//! suite said. Read when it is looked at, in part where it is long; every line is one that no terminal obeys.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use greenlane_core::ids::TaskKey;
use serde::Serialize;

use super::log::{LogTail, Stream};
use super::model::{PlanRow, RunBoard};
use super::rows::{AttemptRow, HealthRow, QuestionRow, TaskRow};
use crate::report::{clean, visible};

/// So much of a file is read.
const BYTES_MAX: u64 = 256 * 1024;
/// Files of a gate that are shown.
const FILES_MAX: usize = 50;

/// One attempt in full, but for its diff, for which git is asked: [`super::diff::Diff::of`].
#[derive(Clone, Debug, Serialize)]
pub struct TaskDetail {
    /// Its task, with all attempts.
    pub task: TaskRow,
    /// Which of them this is about; `None`: it was never tried.
    pub attempt: Option<AttemptRow>,
    /// What the agent was told.
    pub prompt: Vec<String>,
    /// What the gate and the suite said.
    pub gate: Vec<Paper>,
    /// The end of what it printed.
    pub log: Vec<String>,
    /// Where that ends: a [`LogTail`] goes on from there.
    pub log_offset: u64,
    /// How it is, while it runs.
    pub health: Option<HealthRow>,
    /// What it asks.
    pub question: Option<QuestionRow>,
}

/// A file as lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// Its beginning was left out.
    pub cut: bool,
}

impl TaskDetail {
    /// The attempt of this number (`None`: the newest) of a task; `None`: there is no such task.
    #[must_use]
    pub fn of(run: &RunBoard, key: &TaskKey, number: Option<u32>) -> Option<Self> {
        let task = run.task(key)?.clone();
        let attempt = task.attempt_row(number).cloned();
        let mut log = attempt.as_ref().map(|a| LogTail::open(&a.dir, Stream::Out, None));
        Some(Self {
            prompt: attempt.as_ref().map(prompt).unwrap_or_default(),
            gate: attempt.as_ref().map(gate).unwrap_or_default(),
            log: log.as_mut().map(LogTail::more).unwrap_or_default(),
            log_offset: log.as_ref().map_or(0, LogTail::offset),
            health: run.health.iter().find(|h| h.key == *key).filter(|_| attempt.as_ref().is_some_and(|a| a.under_way)).cloned(),
            question: run.questions.iter().find(|q| q.key == *key).cloned(),
            attempt,
            task,
        })
    }
}

/// What the agent was told.
#[must_use]
pub fn prompt(attempt: &AttemptRow) -> Vec<String> {
    read(&attempt.dir.join("prompt.md"), false).map(|p| p.lines).unwrap_or_default()
}

/// What the gate's checks said, and the suite that was red with it.
#[must_use]
pub fn gate(attempt: &AttemptRow) -> Vec<Paper> {
    let dirs = [Some(&attempt.gate_dir), attempt.suite_dir.as_ref()];
    let mut files: Vec<_> = dirs
        .into_iter()
        .flatten()
        .flat_map(|dir| fs::read_dir(dir).into_iter().flatten().flatten())
        .map(|e| e.path())
        .filter(|p| p.is_file() && p.metadata().is_ok_and(|m| m.len() > 0))
        .collect();
    files.sort();
    files.iter().take(FILES_MAX).filter_map(|p| read(p, true)).collect()
}

/// What a plan's suite said, on its base and on what was merged since, the newest first. Of a base that is red there is always something.
#[must_use]
pub fn suites(plan: &PlanRow) -> Vec<Paper> {
    let below = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let logs = below(&plan.suites_dir).into_iter().flat_map(|dir| below(&dir));
    let mut files: Vec<_> =
        logs.filter_map(|path| path.metadata().ok().filter(|m| m.is_file() && m.len() > 0).map(|m| (m.modified().ok(), path))).collect();
    files.sort_by(|one, other| other.cmp(one));
    let set_up = plan.set_up_log.as_ref().and_then(|log| read(log, true));
    let of = |path: &PathBuf| {
        let paper = read(path, true)?;
        let on = path.parent().and_then(Path::file_name).map(|on| clean(&on.to_string_lossy())).unwrap_or_default();
        Some(Paper { name: format!("{on}/{}", paper.name), ..paper })
    };
    let mut papers: Vec<Paper> = set_up.into_iter().chain(files.iter().take(FILES_MAX).filter_map(|(_, path)| of(path))).collect();
    match (&plan.base_red, papers.first_mut()) {
        (Some(words), None) => papers.push(Paper { name: words.clone(), lines: plan.base_said.clone(), cut: false }),
        // What to do about it stands in no log.
        (Some(_), Some(newest)) => newest.lines.extend(plan.base_said.iter().filter(|l| l.starts_with("hint: ")).cloned()),
        (None, _) => {}
    }
    papers
}

/// The end or the beginning of a file.
fn read(path: &Path, end: bool) -> Option<Paper> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    let skipped = if end { len.saturating_sub(BYTES_MAX) } else { 0 };
    file.seek(SeekFrom::Start(skipped)).ok()?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().skip(usize::from(skipped > 0)).map(visible).collect();
    let name = clean(&path.file_name()?.to_string_lossy());
    Some(Paper { name, lines, cut: len > BYTES_MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_file_the_part_that_tells_most_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("check-1.log");
        let text: String = (0..60_000).map(|i| format!("line {i}\n")).collect();
        fs::write(&path, &text).unwrap();
        let (begin, end) = (read(&path, false).unwrap(), read(&path, true).unwrap());
        assert_eq!((begin.lines[0].as_str(), begin.cut), ("line 0", true));
        assert_eq!((end.lines.last().map(String::as_str), end.cut, end.name.as_str()), (Some("line 59999"), true, "check-1.log"));
        assert!(end.lines[0].starts_with("line "));
    }
}
