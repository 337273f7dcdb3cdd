//! Writes an attempt's prompt, with what belongs beside it.

use std::io;
use std::path::Path;

use greenlane_core::deficiency::{Lesson, Query};
use greenlane_core::prompt::{self, DEFAULT_FAMILY, PromptInput, Skill};

use super::context::Context;
use super::job::Job;
use crate::agent;
use crate::clock;
use crate::lessons::note_told;
use crate::prompts::family_of;
use crate::workspace::Workspace;

/// The prompt and the plan's own files, beside each other: what is untracked in the user's checkout is invisible in a worktree.
pub(super) fn write_prompt(context: &Context, job: &Job, workspace: &Workspace, dir: &Path, skills: &[Skill]) -> io::Result<String> {
    let copies = copy_plan(&context.layout.plan_dir(&job.plan.id), &dir.join("plan"))?;
    let plan_copy = copies.then(|| {
        let name = Path::new(&job.plan.source).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        dir.join("plan").join(name).display().to_string()
    });
    let generated: Vec<String> = job.plan.generated.keys().cloned().collect();
    let by_hand = context.registry.get(&job.agent).is_ok_and(|a| a.hand_off);
    let mut lessons = lessons(context, job);
    if by_hand {
        // A model gains by reading twice what went wrong; a person has just read it.
        lessons.retain(|l| !l.own_only);
    }
    let input = PromptInput {
        plan_name: &job.plan.name,
        plan_copy: plan_copy.as_deref(),
        task: &job.task,
        agent: &job.agent,
        ports: context.config.workspace.port_base.is_some(),
        by_hand,
        why: job.why.as_deref(),
        skills,
        neighbours: &job.neighbours,
        generated: &generated,
        instructions: &agent::instruction_files(&workspace.path),
        others: job.others,
        previous: job.earlier.as_ref().and_then(|e| Some((e, e.failure.as_deref()?))).map(|(e, why)| prompt::Previous {
            n: e.n,
            why,
            output: &e.output,
            work: match (&job.onto, job.fresh) {
                (Some(_), _) => prompt::Work::Combined,
                (None, true) => prompt::Work::Dropped,
                (None, false) => prompt::Work::Kept,
            },
        }),
        lessons: &lessons,
        said: &job.said,
    };
    // A command has no entry, and gets the plain one, for whoever reads it later.
    let family = context.registry.get(&job.agent).map_or(DEFAULT_FAMILY, |agent| family_of(&context.templates, agent));
    let prompt = context.templates.render(family, &input).map_err(|p| io::Error::other(format!("{}:{}: {}", p.path, p.line, p.message)))?;
    note_told(dir, &lessons)?;
    std::fs::write(dir.join("prompt.md"), &prompt)?;
    Ok(prompt)
}

/// What earlier failures teach this task's agent. Without them it works too, so trouble with them is only told.
fn lessons(context: &Context, job: &Job) -> Vec<Lesson> {
    let Some(teacher) = &context.teacher else { return Vec::new() };
    let query =
        Query { owns: &job.task.owns, checks: &job.task.check, suite: &job.plan.verify, agent: &job.agent, own: None, now: clock::now() };
    let found = teacher.lessons(&context.run, &job.attempt.key, &job.begun, &query);
    found.unwrap_or_else(|e| {
        context.warn(format!("{} starts without lessons: {e}", job.attempt));
        Vec::new()
    })
}

/// Links the plan's files; where the file system refuses, copies them. `false`: the plan had no files.
fn copy_plan(from: &Path, to: &Path) -> io::Result<bool> {
    let entries = match std::fs::read_dir(from) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    std::fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_plan(&entry.path(), &target)?;
        } else if !target.exists() && std::fs::hard_link(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(true)
}
