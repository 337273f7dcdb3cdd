//! The order to an attempt's keeper: what is started, with which limits and surroundings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use greenlane_core::budget::Allowance;
use greenlane_core::state::COMMAND_AGENT;

use super::context::Context;
use super::job::Job;
use super::layout::label;
use crate::agent::{self, Launch, OutputKind};
use crate::hand_off;
use crate::keeper::{Lifetime, Limits, Spec};
use crate::workspace::{Workspace, ignore_in};

/// What the keeper is told: the command line, the limits, the environment.
pub(super) fn order(
    context: &Context,
    job: &Job,
    workspace: &Workspace,
    dir: &Path,
    prompt: &str,
) -> Result<(Spec, BTreeMap<OsString, OsString>), String> {
    let config = &context.config;
    let mut spec = Spec {
        label: label(&context.run, &job.attempt),
        argv: Vec::new(),
        cwd: workspace.path.clone(),
        stdin: None,
        hand_off: false,
        timeout: Some(job.task.timeout.unwrap_or(config.run.timeout)),
        stall_timeout: job.task.stall_timeout,
        grace: config.run.grace,
        output_bytes_max: config.output.bytes_max,
        // A command's words are its own; a test log that ends in "error 429" is no provider's error.
        reader: None,
        lifetime: Lifetime::Detached,
        heartbeat: config.run.heartbeat,
        allowance: job.allowance.clone(),
        acp: None,
        runaway: Limits {
            same_calls_max: Some(config.bounds.same_calls_max).filter(|n| *n > 0),
            idle_bytes_max: Some(config.bounds.idle_output_max).filter(|n| *n > 0),
        },
    };
    let environment = match (&job.task.run, job.agent.as_str()) {
        (Some(run), COMMAND_AGENT) => {
            spec.argv = agent::command_argv(run);
            context.command_environment(&job.task.env)
        }
        (_, name) => {
            let agent = context.registry.get(name).map_err(|e| e.to_string())?;
            if agent.hand_off {
                hand_over(context, job, workspace, dir, prompt, &mut spec)?;
                return Ok((spec, environment_of(context, job, workspace, context.command_environment(&job.task.env))));
            }
            let prompt_file = dir.join("prompt.md");
            let tools = context.tools(name, &job.attempt, dir).map_err(|e| format!("its tools could not be written down: {e}"))?;
            let launch = Launch {
                tools: tools.as_ref(),
                prompt,
                prompt_file: &prompt_file,
                worktree: &workspace.path,
                model: job.task.model.as_deref(),
                session: job.earlier.as_ref().filter(|_| !job.fresh).and_then(|e| e.session.as_deref()),
            };
            spec.argv = agent.argv(&launch);
            spec.stdin = agent.stdin_text(&launch);
            spec.acp = agent.conversation(&launch);
            spec.reader = Some(agent.output);
            spec.stall_timeout = job.task.stall_timeout.or(agent.stall_timeout).or(Some(config.run.stall_timeout));
            let mut environment = agent.environment(&context.environment);
            environment.extend(job.task.env.iter().map(|(k, v)| (k.into(), v.into())));
            environment.extend(agent.tools_environment(&launch, &environment));
            environment
        }
    };
    Ok((spec, environment_of(context, job, workspace, environment)))
}

/// With what tells a process whose it is.
fn environment_of(
    context: &Context,
    job: &Job,
    workspace: &Workspace,
    mut environment: BTreeMap<OsString, OsString>,
) -> BTreeMap<OsString, OsString> {
    environment.extend(context.attempt_variables(&job.attempt));
    environment.extend(context.port_of(&workspace.path));
    environment.extend(context.trace_of(&job.attempt));
    ignore_in(&mut environment, &workspace.git_dir);
    environment
}

/// In place of an agent something waits for a person. What limits agents limits nobody else, but a time that the task itself names.
fn hand_over(context: &Context, job: &Job, workspace: &Workspace, dir: &Path, prompt: &str, spec: &mut Spec) -> Result<(), String> {
    hand_off::put_prompt(&workspace.path, prompt)
        .map_err(|e| format!("the prompt cannot be put into {}: {e}", workspace.path.display()))?;
    spec.argv = hand_off::order(&context.exe, dir, &workspace.git_dir)?;
    spec.hand_off = true;
    spec.reader = Some(OutputKind::HandOff);
    spec.timeout = job.task.timeout;
    spec.stall_timeout = None;
    spec.allowance = Allowance::default();
    Ok(())
}
