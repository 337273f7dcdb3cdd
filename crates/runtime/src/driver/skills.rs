//! Runs what a task has to be run or read before its agent starts, so that its prompt can hold it. Decides only what a name stands for.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::ids::AttemptId;
use greenlane_core::plan::{SkillFailure, Task};
use greenlane_core::prompt::{Skill, SkillGave};

use super::context::Context;
use super::layout::label;
use crate::keeper::{self, Probe};
use crate::workspace::{ShellLine, ShellOutcome, Workspace, ignore_in};

/// Limit of a skill whose task names none; the same as other orchestrators give their refresh of the context.
const SKILL_TIMEOUT: Duration = Duration::from_secs(120);
/// Most bytes of a prompt file that are read; the prompt holds less.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Where a skill of one word is looked for, in this order; `{}` is the word.
const PLACES: [&str; 5] = [".greenlane/skills/{}.md", ".greenlane/skills/{}", ".claude/skills/{}/SKILL.md", "skills/{}.md", "{}"];

/// Why there is no prompt.
pub(super) enum Hindered {
    /// A skill failed that the plan says must not.
    Failed(String),
    /// The attempt was called off, or the run is being stopped.
    CalledOff,
}

/// What a skill stands for.
#[derive(Debug, PartialEq, Eq)]
enum Means {
    /// A file of the worktree with words for the agent.
    Words(PathBuf),
    /// An `sh -c` line.
    Line(String),
    /// No file has this name, and a bare word is never run: imported plans name skills that nobody here has.
    Nothing,
}

/// Runs or reads all of them, one after another, in the plan's order. What they print goes to `skills.log` beside the prompt.
pub(super) fn run(context: &Context, attempt: &AttemptId, task: &Task, workspace: &Workspace) -> Result<Vec<Skill>, Hindered> {
    let dir = context.layout.attempt_dir(attempt);
    let mut skills = Vec::new();
    for name in &task.skills {
        if matches!(keeper::probe(&dir), Ok(Probe::Voided)) {
            return Err(Hindered::CalledOff);
        }
        let gave = match means(&workspace.path, name) {
            Means::Nothing => failed("no file of the repository has this name, and it is no command line", ""),
            Means::Words(path) => read(&path).map_or_else(|e| failed(&format!("its file cannot be read: {e}"), ""), SkillGave::Text),
            Means::Line(command) => match context.run_line(&line(context, attempt, task, workspace, command)) {
                Ok(outcome) if outcome.passed() => SkillGave::Output(outcome.output_tail),
                Ok(outcome) => failed(&how(&outcome, task), &outcome.output_tail),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(Hindered::CalledOff),
                Err(e) => failed(&format!("it could not be run: {e}"), ""),
            },
        };
        if let SkillGave::Failed { why, output } = &gave {
            let last = output.lines().rev().find(|l| !l.trim().is_empty()).map(|l| format!(" ({})", l.trim())).unwrap_or_default();
            if task.skill_failure == SkillFailure::Stop {
                return Err(Hindered::Failed(format!("its skill `{name}` failed: {why}{last}")));
            }
            context.warn(format!("{attempt} works without its skill `{name}`: {why}{last}"));
        }
        skills.push(Skill { name: name.clone(), gave });
    }
    Ok(skills)
}

fn failed(why: &str, output: &str) -> SkillGave {
    SkillGave::Failed { why: why.to_owned(), output: output.to_owned() }
}

fn line(context: &Context, attempt: &AttemptId, task: &Task, workspace: &Workspace, command: String) -> ShellLine {
    let mut env = context.command_environment(&task.env);
    env.extend(context.attempt_variables(attempt));
    env.extend(context.port_of(&workspace.path));
    ignore_in(&mut env, &workspace.git_dir);
    ShellLine {
        command,
        cwd: workspace.path.clone(),
        env,
        timeout: task.skill_timeout.unwrap_or(SKILL_TIMEOUT),
        log: context.layout.attempt_dir(attempt).join("skills.log"),
        label: label_of(context, attempt),
    }
}

/// The label of an attempt's skills, by which they are ended with it.
pub(super) fn label_of(context: &Context, attempt: &AttemptId) -> String {
    format!("skill {}", label(&context.run, attempt))
}

fn how(outcome: &ShellOutcome, task: &Task) -> String {
    match (outcome.timed_out, outcome.exit_code, outcome.signal) {
        (true, ..) => format!("it took longer than {} s", task.skill_timeout.unwrap_or(SKILL_TIMEOUT).as_secs_f64()),
        (_, Some(code), _) => format!("it ended with code {code}"),
        (_, None, Some(signal)) => format!("signal {signal} ended it"),
        _ => String::from("it was ended"),
    }
}

/// A file of the worktree, by its path or, for one word, in the usual places; else a command line, if it can be one.
fn means(worktree: &Path, name: &str) -> Means {
    let name = name.trim();
    let one_word = !name.contains(char::is_whitespace);
    let places = if one_word && !name.contains('/') { &PLACES[..] } else { &PLACES[PLACES.len() - 1..] };
    let file = one_word.then(|| places.iter().find_map(|place| within(worktree, &place.replace("{}", name)))).flatten();
    match file {
        Some(path) if is_program(&path) => Means::Line(quoted(&path)),
        Some(path) => Means::Words(path),
        None if one_word && !name.contains('/') => Means::Nothing,
        None => Means::Line(name.to_owned()),
    }
}

/// A regular file of the worktree. What a link points to outside of it is not the repository's to tell.
fn within(worktree: &Path, path: &str) -> Option<PathBuf> {
    let (top, file) = (worktree.canonicalize().ok()?, worktree.join(path).canonicalize().ok()?);
    (file.starts_with(&top) && file.is_file()).then_some(file)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let words = path.extension().is_some_and(|x| x == "md" || x == "txt");
    !words && fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o111 != 0)
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_skill_is_a_file_of_the_repository_or_a_command_line() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = dir.path().canonicalize().unwrap();
        let put = |path: &str, mode: u32| {
            let path = top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let words = put("docs/style.md", 0o755);
        let claude = put(".claude/skills/tdd/SKILL.md", 0o644);
        let program = put("it's/run", 0o755);
        fs::write(outside.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), top.join("link")).unwrap();
        assert_eq!(means(&top, "docs/style.md"), Means::Words(words));
        assert_eq!(means(&top, "tdd"), Means::Words(claude));
        assert_eq!(means(&top, "./it's/run"), Means::Line(format!("'{}'", program.display().to_string().replace('\'', "'\\''"))));
        assert_eq!(means(&top, "git log -3"), Means::Line(String::from("git log -3")));
        assert_eq!(means(&top, "./not/there"), Means::Line(String::from("./not/there")));
        assert_eq!(means(&top, "reboot"), Means::Nothing, "no word of an imported plan is run");
        assert_eq!(means(&top, "link"), Means::Nothing);
        assert_eq!(means(&top, "docs"), Means::Nothing);
    }
}
