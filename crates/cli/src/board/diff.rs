//! What an attempt changed, as typed lines: from git's own diff, with what is new in a worktree and not yet known to git. Bounded; changes
//! nothing.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use greenlane_runtime::git::{Git, Repo};
use serde::Serialize;

use super::rows::{AttemptRow, TaskRow};
use super::work::Work;
use crate::report::{clean, short, visible};

/// So much of a diff is read.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines that are kept of one.
const LINES_MAX: usize = 20_000;
/// Files that git does not know are shown up to this number and size.
const UNKNOWN_MAX: usize = 100;
const UNKNOWN_BYTES_MAX: u64 = 64 * 1024;

/// Two attempts are compared in so many files by name; in more, in all.
const PATHS_MAX: usize = 500;

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Of what, in words.
    pub of: String,
    /// File by file.
    pub files: Vec<DiffFile>,
    /// There is more than is shown.
    pub cut: bool,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DiffFile {
    /// Its path, to be shown.
    pub path: String,
    /// Where it was before, if elsewhere.
    pub old_path: Option<String>,
    /// `added`, `deleted`, `renamed` or `modified`.
    pub change: &'static str,
    /// It is not text.
    pub binary: bool,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
    /// Its lines.
    pub lines: Vec<DiffLine>,
}

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Where in the file the next ones are.
    Hunk,
    /// It is there before and after.
    Context,
    /// It came.
    Added,
    /// It went.
    Removed,
    /// A remark of git's, such as that the last line has no end.
    Remark,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiffLine {
    /// What it is.
    pub kind: LineKind,
    /// Its number before.
    pub old: Option<u32>,
    /// Its number after.
    pub new: Option<u32>,
    /// Its text, indentation kept, without anything that a terminal obeys.
    pub text: String,
}

impl Diff {
    /// What this attempt changed, as far as it can be seen now: what landed, what the gate saw, or what lies in its worktree.
    ///
    /// # Errors
    /// In words, if there is nothing to compare or git fails.
    pub fn of(repo: &Repo, task: &TaskRow, attempt: &AttemptRow) -> Result<Self, String> {
        let newest = task.attempts.last().is_some_and(|last| last.n == attempt.n);
        let between = |of: String, from: String, to: String| {
            let arguments = [from, to];
            Self::read(&repo.git().clone(), &arguments, &[], of)
        };
        if let Some(landed) = task.landed.as_deref().filter(|_| newest) {
            return between(format!("landed as {}", short(landed)), format!("{landed}^1"), landed.to_owned());
        }
        let base = attempt.base.as_ref().map(|b| b.to_string()).unwrap_or_default();
        match Work::of(repo, task, attempt)? {
            Work::Worktree(worktree) => Self::of_worktree(repo, &worktree, &base, false, &[]),
            Work::Commit(commit, told) => between(told, base, commit.to_string()),
            Work::Nothing(_) => Ok(Self { of: String::from("the gate saw no change"), ..Self::default() }),
        }
    }

    /// What makes the work of `second` of that of `first`: in files that one of the two has changed, so that what others landed between
    /// their beginnings is left out as far as possible.
    ///
    /// # Errors
    /// In words, if the work of one is not there, or git fails.
    pub fn between(repo: &Repo, task: &TaskRow, first: &AttemptRow, second: &AttemptRow) -> Result<Self, String> {
        let told = |attempt: &AttemptRow| {
            Work::of(repo, task, attempt).map_err(|why| format!("attempt {} cannot be compared: {why}", attempt.number))
        };
        let (a, b) = (told(first)?, told(second)?);
        let mut only = Vec::new();
        if first.base != second.base {
            only = touched(repo, first, &a)?;
            only.extend(touched(repo, second, &b)?);
            only.sort();
            only.dedup();
            if only.is_empty() {
                return Ok(Self { of: String::from("neither changed anything"), ..Self::default() });
            }
            if only.len() > PATHS_MAX {
                only.clear();
            }
        }
        let of = format!("attempt {}: {}; attempt {}: {}", first.number, a.told(), second.number, b.told());
        let mut diff = match (&a, &b) {
            (Work::Worktree(_), Work::Worktree(_)) => return Err(String::from("both are the same worktree")),
            (Work::Worktree(worktree), other) => Self::of_worktree(repo, worktree, oid(other), true, &only)?,
            (other, Work::Worktree(worktree)) => Self::of_worktree(repo, worktree, oid(other), false, &only)?,
            (a, b) => Self::read(&repo.git().clone(), &[oid(a).to_owned(), oid(b).to_owned()], &only, String::new())?,
        };
        diff.of = of;
        Ok(diff)
    }

    /// What makes the worktree of `base`; `back`: what makes `base` of it. `only`: in these files, where any are named.
    fn of_worktree(repo: &Repo, worktree: &Path, base: &str, back: bool, only: &[String]) -> Result<Self, String> {
        let git_dir = git_dir_of(worktree).ok_or_else(|| String::from("its worktree is not there any more"))?;
        let git = repo.git_in(&git_dir, worktree);
        let mut diff = Self::read(&git, &[base.to_owned()], only, String::from("in its worktree now"))?;
        let names = unknown(&git)?;
        for name in names.iter().filter(|n| only.is_empty() || only.contains(n)).take(UNKNOWN_MAX) {
            let Some(mut file) = new_file(worktree, name) else { continue };
            // What the base has and git does not know here, git calls deleted. It is there.
            if let Some(at) = diff.files.iter().position(|f| f.path == file.path) {
                let before = diff.files.remove(at);
                let texts = |f: &DiffFile| f.lines.iter().filter(|l| l.new.or(l.old).is_some()).map(|l| l.text.clone()).collect::<Vec<_>>();
                if texts(&before) == texts(&file) {
                    continue;
                }
                file.removed = before.removed;
                file.change = "modified";
                file.lines = before.lines.into_iter().filter(|l| l.kind == LineKind::Removed).chain(file.lines).collect();
            }
            diff.files.push(file);
        }
        diff.cut |= names.len() > UNKNOWN_MAX;
        if back {
            diff.files.iter_mut().for_each(DiffFile::turn);
        }
        diff.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(diff)
    }

    /// `only`: in these files, where any are named.
    fn read(git: &Git, what: &[String], only: &[String], of: String) -> Result<Self, String> {
        let mut arguments =
            ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "--src-prefix=a/", "--dst-prefix=b/"].map(String::from).to_vec();
        arguments.extend_from_slice(what);
        arguments.push(String::from("--"));
        arguments.extend(only.iter().map(|path| format!(":(top,literal){path}")));
        let mut command = git.command(&arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("git cannot be started: {e}"))?;
        let mut bytes = Vec::new();
        if let Some(out) = child.stdout.take() {
            // What was read until an error is worth showing; its exit code tells.
            drop(out.take(BYTES_MAX).read_to_end(&mut bytes));
        }
        let cut = bytes.len() as u64 == BYTES_MAX;
        if cut {
            drop(child.kill());
        }
        let done = child.wait_with_output().map_err(|e| format!("git cannot be waited for: {e}"))?;
        if !cut && !done.status.success() {
            return Err(format!("git cannot compare them: {}", clean(&String::from_utf8_lossy(&done.stderr))));
        }
        let mut diff = parse(&String::from_utf8_lossy(&bytes));
        diff.cut |= cut;
        diff.of = of;
        Ok(diff)
    }

    /// Lines that came, lines that went.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.files.iter().fold((0, 0), |(a, r), f| (a + f.added, r + f.removed))
    }
}

impl DiffFile {
    /// The other way round.
    fn turn(&mut self) {
        for line in &mut self.lines {
            (line.old, line.new) = (line.new, line.old);
            match line.kind {
                LineKind::Added => line.kind = LineKind::Removed,
                LineKind::Removed => line.kind = LineKind::Added,
                LineKind::Hunk => line.text = turned_hunk(&line.text),
                LineKind::Context | LineKind::Remark => {}
            }
        }
        // What goes stands before what comes in its place.
        for changed in self.lines.chunk_by_mut(|a, b| is_change(a.kind) && is_change(b.kind)) {
            changed.sort_by_key(|l| l.kind == LineKind::Added);
        }
        (self.added, self.removed) = (self.removed, self.added);
        if let Some(old) = &mut self.old_path {
            std::mem::swap(old, &mut self.path);
        }
        self.change = match self.change {
            "added" => "deleted",
            "deleted" => "added",
            other => other,
        };
    }
}

fn is_change(kind: LineKind) -> bool {
    matches!(kind, LineKind::Added | LineKind::Removed)
}

/// `@@ -1,2 +3,4 @@ x` as `@@ -3,4 +1,2 @@ x`.
fn turned_hunk(text: &str) -> String {
    let mut words = text.splitn(4, ' ');
    match (words.next(), words.next().and_then(|w| w.strip_prefix('-')), words.next().and_then(|w| w.strip_prefix('+')), words.next()) {
        (Some(begin), Some(old), Some(new), Some(rest)) => format!("{begin} -{new} +{old} {rest}"),
        _ => text.to_owned(),
    }
}

/// Files that git does not know.
fn unknown(git: &Git) -> Result<Vec<String>, String> {
    let listed = git.run(&["ls-files", "--others", "--exclude-standard", "-z"]).map_err(|e| e.to_string())?;
    Ok(listed.fields().filter(|n| !n.is_empty()).collect())
}

/// The paths that an attempt's work has changed against its own base.
fn touched(repo: &Repo, attempt: &AttemptRow, work: &Work) -> Result<Vec<String>, String> {
    let base = attempt.base.as_ref().map(|b| b.as_str()).unwrap_or_default();
    let told = |git: &Git, what: &[&str]| {
        let mut arguments = vec!["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z"];
        arguments.extend(what);
        let listed = git.run(&[arguments, vec!["--"]].concat()).map_err(|e| e.to_string())?;
        Ok::<Vec<String>, String>(listed.fields().filter(|n| !n.is_empty()).collect())
    };
    match work {
        Work::Worktree(worktree) => {
            let git_dir = git_dir_of(worktree).ok_or_else(|| String::from("its worktree is not there any more"))?;
            let git = repo.git_in(&git_dir, worktree);
            let mut all = told(&git, &[base])?;
            all.extend(unknown(&git)?);
            Ok(all)
        }
        other => told(&repo.git().clone(), &[base, oid(other)]),
    }
}

/// The commit of work that is in one.
fn oid(work: &Work) -> &str {
    work.commit().map(|c| c.as_str()).unwrap_or_default()
}

/// The git-dir that a linked worktree names.
fn git_dir_of(worktree: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(worktree.join(".git")).ok()?;
    let named = PathBuf::from(text.strip_prefix("gitdir:")?.trim());
    Some(if named.is_absolute() { named } else { worktree.join(named) })
}

/// A file that git does not know yet.
fn new_file(worktree: &Path, name: &str) -> Option<DiffFile> {
    let path = worktree.join(name);
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(&path).ok()?.take(UNKNOWN_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let binary = bytes.contains(&0);
    let text = if binary { String::new() } else { String::from_utf8_lossy(&bytes).into_owned() };
    let line =
        |(i, text): (usize, &str)| DiffLine { kind: LineKind::Added, old: None, new: u32::try_from(i + 1).ok(), text: visible(text) };
    let lines: Vec<DiffLine> = text.lines().enumerate().map(line).collect();
    Some(DiffFile { path: clean(name), change: "added", binary, added: lines.len(), lines, ..DiffFile::default() })
}

/// Reads a unified diff.
#[must_use]
pub fn parse(text: &str) -> Diff {
    let mut diff = Diff::default();
    let (mut old, mut new) = (0_u32, 0_u32);
    // How many lines of the hunk are still to come: a removed line may look like a header.
    let (mut old_left, mut new_left) = (0_u32, 0_u32);
    let mut lines = 0;
    for line in text.lines() {
        if old_left == 0
            && new_left == 0
            && let Some(rest) = line.strip_prefix("diff --git ")
        {
            diff.files.push(DiffFile { path: path_of_header(rest), change: "modified", ..DiffFile::default() });
            continue;
        }
        let Some(file) = diff.files.last_mut() else { continue };
        if old_left == 0 && new_left == 0 && !line.starts_with("@@ ") && !line.starts_with('\\') {
            header(file, line);
            continue;
        }
        lines += 1;
        if lines > LINES_MAX {
            diff.cut = true;
            break;
        }
        let mut push = |kind, old, new, text: &str| file.lines.push(DiffLine { kind, old, new, text: visible(text) });
        match line.chars().next() {
            Some('@') if old_left == 0 && new_left == 0 => {
                let Some(((o, on), (n, nn))) = hunk(line) else { continue };
                (old, old_left, new, new_left) = (o, on, n, nn);
                push(LineKind::Hunk, None, None, line);
            }
            Some('+') => {
                push(LineKind::Added, None, Some(new), &line[1..]);
                file.added += 1;
                (new, new_left) = (new + 1, new_left.saturating_sub(1));
            }
            Some('-') => {
                push(LineKind::Removed, Some(old), None, &line[1..]);
                file.removed += 1;
                (old, old_left) = (old + 1, old_left.saturating_sub(1));
            }
            Some('\\') => push(LineKind::Remark, None, None, line.trim_start_matches("\\ ")),
            _ => {
                push(LineKind::Context, Some(old), Some(new), line.get(1..).unwrap_or_default());
                (old, old_left, new, new_left) = (old + 1, old_left.saturating_sub(1), new + 1, new_left.saturating_sub(1));
            }
        }
    }
    diff
}

fn header(file: &mut DiffFile, line: &str) {
    let path = |text: &str| unquoted(text.trim_end_matches('\t'));
    if let Some(rest) = line.strip_prefix("+++ b/").or_else(|| line.strip_prefix("+++ \"b/")) {
        file.path = path(rest);
    } else if let Some(rest) = line.strip_prefix("rename from ") {
        file.old_path = Some(path(rest));
        file.change = "renamed";
    } else if let Some(rest) = line.strip_prefix("rename to ") {
        file.path = path(rest);
    } else if line.starts_with("new file mode") {
        file.change = "added";
    } else if line.starts_with("deleted file mode") {
        file.change = "deleted";
    } else if line.starts_with("Binary files ") {
        file.binary = true;
    }
}

/// `a/x b/x`: the same path twice, unless it was renamed, which other lines tell.
fn path_of_header(rest: &str) -> String {
    let quoted = rest.strip_prefix("\"a/").and_then(|r| r.split_once("\" \"b/")).map(|(a, _)| a);
    let half = (rest.len() - rest.len() % 2) / 2;
    let plain = rest.strip_prefix("a/").and_then(|r| r.get(..half.saturating_sub(2)));
    unquoted(quoted.or(plain).unwrap_or(rest))
}

/// Git quotes a path that holds what is no plain character; as such it is shown.
fn unquoted(text: &str) -> String {
    clean(text.strip_suffix('"').unwrap_or(text))
}

/// The two beginnings and lengths of `@@ -1,2 +3,4 @@`.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let mut words = line.split(' ').skip(1);
    let mut range = |sign: char| {
        let text = words.next()?.strip_prefix(sign)?;
        let (at, len) = text.split_once(',').unwrap_or((text, "1"));
        Some((at.parse().ok()?, len.parse().ok()?))
    };
    Some((range('-')?, range('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_also_where_they_look_like_headers() {
        let text = "\
diff --git a/src/a b.rs b/src/a b.rs
index 1..2 100644
--- a/src/a b.rs
+++ b/src/a b.rs
@@ -3,3 +3,3 @@ fn x()
 \tone\u{1b}[31m
--- a/two
+++ b/two
 three
\\ No newline at end of file
diff --git a/x.png b/x.png
new file mode 100644
Binary files /dev/null and b/x.png differ
diff --git a/old b/new
similarity index 90%
rename from old
rename to new
";
        let diff = parse(text);
        assert_eq!(
            diff.files.iter().map(|f| (f.path.as_str(), f.change, f.binary)).collect::<Vec<_>>(),
            [("src/a b.rs", "modified", false), ("x.png", "added", true), ("new", "renamed", false)]
        );
        let lines: Vec<_> = diff.files[0].lines.iter().map(|l| (l.kind, l.old, l.new, l.text.as_str())).collect();
        assert_eq!(
            lines,
            [
                (LineKind::Hunk, None, None, "@@ -3,3 +3,3 @@ fn x()"),
                (LineKind::Context, Some(3), Some(3), "    one"),
                (LineKind::Removed, Some(4), None, "-- a/two"),
                (LineKind::Added, None, Some(4), "++ b/two"),
                (LineKind::Context, Some(5), Some(5), "three"),
                (LineKind::Remark, None, None, "No newline at end of file"),
            ]
        );
        assert_eq!((diff.counts(), diff.files[2].old_path.as_deref()), ((1, 1), Some("old")));
    }

    #[test]
    fn a_diff_can_be_read_the_other_way_round() {
        let mut file = parse("diff --git a/x b/x\n@@ -1,2 +1,3 @@ f()\n a\n-b\n+c\n+d\n").files.remove(0);
        let before = file.clone();
        file.turn();
        let lines: Vec<_> = file.lines.iter().map(|l| (l.kind, l.old, l.new, l.text.as_str())).collect();
        assert_eq!(
            lines,
            [
                (LineKind::Hunk, None, None, "@@ -1,3 +1,2 @@ f()"),
                (LineKind::Context, Some(1), Some(1), "a"),
                (LineKind::Removed, Some(2), None, "c"),
                (LineKind::Removed, Some(3), None, "d"),
                (LineKind::Added, None, Some(2), "b"),
            ]
        );
        assert_eq!((file.added, file.removed), (1, 2));
        file.turn();
        assert_eq!(file, before);
    }

    #[test]
    fn what_is_no_diff_gives_nothing_and_panics_never() {
        for text in ["", "@@", "diff --git ", "diff --git a/é b/é\n@@ -x +y @@\n+a", "diff --git a b\n@@ -1 +1 @@\n\n+"] {
            assert!(parse(text).files.iter().all(|f| f.lines.len() < 3), "{text}");
        }
    }
}
