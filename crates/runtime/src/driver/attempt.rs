//! Performs what concerns one attempt: start it, take it up again, end it, judge it.
//! Everything that it learns goes back to the driver as an input.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use greenlane_core::attempt::{ExitRecord, Verdict};
use greenlane_core::branch;
use greenlane_core::budget::Allowance;
use greenlane_core::deficiency::{Lesson, Query};
use greenlane_core::event::Outcome;
use greenlane_core::failure::FailureDetail;
use greenlane_core::ids::{AttemptId, Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::plan::{Plan, Task};
use greenlane_core::prompt::{self, DEFAULT_FAMILY, Neighbour, PromptInput, Said, Skill};
use greenlane_core::room::RoomPolicy;
use greenlane_core::slug::key_slug;
use greenlane_core::state::{COMMAND_AGENT, State};
use greenlane_core::tracker::Issue;

use super::context::Context;
use super::layout::{PreparedWorkspace, label};
use super::skills::{self, Hindered};
use super::{exchange, shared};
use crate::accounts::Lease;
use crate::agent::{self, Launch, OutputKind, Shown};
use crate::clock;
use crate::gate::{self, Generated, JudgeSpec};
use crate::hand_off;
use crate::keeper::{self, Cancel, Lifetime, Limits, Probe, Spec};
use crate::lessons::note_told;
use crate::prompts::family_of;
use crate::tracker::Claim;
use crate::workspace::{From, Prepare, Workspace, ignore_in};

/// What is known of a task when one of its attempts starts.
struct Job {
    attempt: AttemptId,
    agent: String,
    /// Whose quota it uses up.
    account: Option<String>,
    fresh: bool,
    base: Oid,
    branch: String,
    /// Go on from this merge commit.
    onto: Option<Oid>,
    task: Task,
    plan: PlanFacts,
    /// Why this agent has it.
    why: Option<String>,
    /// The run's other tasks.
    others: usize,
    neighbours: Vec<Neighbour>,
    /// Greenlane's refs that it has to leave alone.
    refs_of_others: Vec<String>,
    earlier: Option<Earlier>,
    /// What people and other tasks have said to it.
    said: Said,
    /// The ids of the task's attempts that began.
    begun: Vec<u32>,
    /// What the task may use, and has used.
    allowance: Allowance,
    room: RoomPolicy,
}

/// How an attempt begins.
pub(super) struct Beginning {
    /// From the plan's branch, or from the work that is there.
    pub fresh: bool,
    pub base: Oid,
    /// Go on from this merge commit.
    pub onto: Option<Oid>,
    /// Claim this first.
    pub claim: Option<Issue>,
}

/// The attempt before this one, for its prompt and its session.
struct Earlier {
    /// As it is shown.
    n: u32,
    /// `None`: it ended its turn with a question.
    failure: Option<String>,
    output: String,
    session: Option<String>,
}

struct PlanFacts {
    id: PlanId,
    name: String,
    source: String,
    generated: BTreeMap<String, String>,
    /// The suite.
    verify: Vec<String>,
}

impl PlanFacts {
    fn of(plan: &Plan, verify: &[String]) -> Self {
        let Plan { id, name, source, generated, .. } = plan;
        Self { id: id.clone(), name: name.clone(), source: source.clone(), generated: generated.clone(), verify: verify.to_vec() }
    }
}

pub(super) fn start(context: &Arc<Context>, state: &State, attempt: AttemptId, agent: &str, beginning: Beginning) {
    let Beginning { fresh, base, onto, claim } = beginning;
    let (Some(task), Some(plan)) = (state.task(&attempt.key), state.plan(&attempt.key.plan)) else { return };
    let said = exchange::said(state, task, context.gives_tools(agent));
    let earlier = task.attempts.iter().rev().find(|a| a.n < attempt.n && (a.failure.is_some() || a.outcome == Some(Outcome::Asked)));
    let earlier = earlier.map(|a| {
        let record = a.record.as_deref();
        let output = match (&a.refused, &a.verdict) {
            (Some(refused), _) => refused.output.clone(),
            (None, Some(Verdict::CheckFailed { output, .. })) => output.clone(),
            _ => record.map(printed).unwrap_or_default(),
        };
        Earlier {
            n: task.number_of(a.n).unwrap_or(a.n),
            failure: a.failure.as_ref().map(|f| f.message.clone()),
            output,
            session: record.filter(|_| a.agent == agent).and_then(|r| r.report.session_to_resume()).map(str::to_owned),
        }
    });
    let job = Job {
        // What is claimed is as good as owned.
        task: Task { owns: state.owned_by(task), ..state.definition(task).clone() },
        said,
        plan: PlanFacts::of(&plan.submission.plan, &plan.verify),
        agent: agent.to_owned(),
        account: state.account_of(agent).map(str::to_owned),
        why: prompt::why(state.definition(task), state.options().agent.as_deref(), agent),
        others: state.plans.iter().flat_map(|p| &p.submission.plan.tasks).filter(|t| !t.ticked).count().saturating_sub(1),
        neighbours: prompt::neighbours(state.plans.iter().map(|p| &p.submission.plan), &plan.submission.plan, state.definition(task)),
        refs_of_others: shared::refs_of_others(context, state, &attempt),
        branch: branch::of_task(state.branch_prefix(), &context.run, &attempt.key),
        attempt,
        fresh,
        base,
        onto,
        earlier,
        begun: task.begun().map(|a| a.n).collect(),
        allowance: state.allowance_of(task),
        room: state.options().room,
    };
    let key = job.attempt.key.clone();
    context.perform_for(&key, move |context| {
        let attempt = job.attempt.clone();
        if let Some(short) = job.room.short_of(&context.room(), false) {
            drop(keeper::void(&context.layout.attempt_dir(&attempt)));
            context.observed(Input::AttemptHeldBack { attempt, short });
            return;
        }
        let lease = match job.account.as_ref().map(|account| context.quotas.take(account)) {
            None => None,
            Some(Ok(lease)) => lease,
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                defer(context, attempt, &job.account.unwrap_or_default());
                return;
            }
            Some(Err(e)) => {
                context.warn(format!("{attempt} starts without a place that others see: {e}"));
                None
            }
        };
        if claim.is_some_and(|issue| !claimed(context, &attempt, &issue)) {
            return;
        }
        match spawn(context, &job, lease) {
            Ok(mut child) => {
                let context = Arc::clone(context);
                Context::perform("watch", move || {
                    drop(child.wait());
                    finish(&context, &attempt);
                });
            }
            Err(NotSpawned::CalledOff) => {
                drop(keeper::void(&context.layout.attempt_dir(&attempt)));
                context.observed(Input::AttemptVoided { attempt });
            }
            Err(NotSpawned::Failed(message, detail)) => {
                // Whatever was begun, its keeper never runs.
                drop(keeper::void(&context.layout.attempt_dir(&attempt)));
                context.observed(Input::AttemptNotSpawned { attempt, message, detail });
            }
        }
    });
}

/// Claims the issue of an attempt's task; `false`: somebody else has it, and the attempt never begins.
fn claimed(context: &Context, attempt: &AttemptId, issue: &Issue) -> bool {
    let attempt = attempt.clone();
    match context.trackers.claim(&context.run, issue) {
        Claim::Claimed { from } => context.observed(Input::IssueClaimed { attempt, from }),
        Claim::Unavailable { why, .. } => context.observed(Input::ClaimUnanswered { attempt, reason: why }),
        Claim::Taken { why } => {
            drop(keeper::void(&context.layout.attempt_dir(&attempt)));
            context.observed(Input::IssueTaken { attempt, reason: why });
            return false;
        }
    }
    true
}

/// The end of what an attempt printed, its events as what they say.
fn printed(record: &ExitRecord) -> String {
    let words: Vec<String> = agent::last_words(record).iter().map(Shown::plain).collect();
    format!("{}\n{}", words.join("\n"), record.stderr_tail).trim().to_owned()
}

/// Others have every place of its account. It never begins; the core waits until a place is free.
fn defer(context: &Context, attempt: AttemptId, account: &str) {
    // A resume would find no claim, and take it.
    context.observed(Input::AttemptDeferred { attempt });
    // A place that came free meanwhile was told to a core that did not wait for it yet.
    context.quotas.tell(context, account);
}

/// Why no keeper was started.
enum NotSpawned {
    /// What went wrong.
    Failed(String, Option<FailureDetail>),
    /// Nobody wants it any more.
    CalledOff,
}

impl std::convert::From<String> for NotSpawned {
    fn from(message: String) -> Self {
        Self::Failed(message, None)
    }
}

impl std::convert::From<Hindered> for NotSpawned {
    fn from(hindered: Hindered) -> Self {
        match hindered {
            Hindered::Failed(message) => Self::Failed(message, Some(FailureDetail::SetUpFailed)),
            Hindered::CalledOff => Self::CalledOff,
        }
    }
}

fn spawn(context: &Context, job: &Job, lease: Option<Lease>) -> Result<std::process::Child, NotSpawned> {
    let workspace = prepare(context, job).map_err(|(message, detail)| NotSpawned::Failed(message, detail))?;
    spawn_in(context, job, &workspace, lease)
}

fn prepare(context: &Context, job: &Job) -> Result<Workspace, (String, Option<FailureDetail>)> {
    let attempt = &job.attempt;
    let dir = context.layout.attempt_dir(attempt);
    std::fs::create_dir_all(&dir).map_err(|e| (format!("cannot make {}: {e}", dir.display()), None))?;
    let slug = key_slug(&attempt.key);
    let prepare = Prepare {
        run: context.run.clone(),
        key: attempt.key.clone(),
        branch: job.branch.clone(),
        slug,
        base: job.base.clone(),
        from: match &job.onto {
            Some(merged) => From::Commit(merged.clone()),
            None if job.fresh => From::Fresh,
            None => From::Continue,
        },
        log_dir: dir,
    };
    let workspace = context.pool.prepare(&prepare).map_err(|e| (format!("no workspace: {e}"), e.detail()))?;
    context.hold(&attempt.key, &workspace);
    Ok(workspace)
}

fn spawn_in(context: &Context, job: &Job, workspace: &Workspace, lease: Option<Lease>) -> Result<std::process::Child, NotSpawned> {
    let attempt = &job.attempt;
    let dir = context.layout.attempt_dir(attempt);
    let prepared = PreparedWorkspace {
        path: workspace.path.clone(),
        git_dir: workspace.git_dir.clone(),
        branch: workspace.branch.clone(),
        base: workspace.base.clone(),
    };
    context.layout.write_workspace(attempt, &prepared).map_err(|e| format!("cannot write to {}: {e}", dir.display()))?;
    let skills = skills::run(context, attempt, &job.task, workspace)?;
    let prompt = write_prompt(context, job, workspace, &dir, &skills).map_err(|e| format!("the prompt could not be written: {e}"))?;
    // Of whoever had the worktree before.
    hand_off::take_prompt_away(&workspace.path);
    let (spec, mut environment) = order(context, job, workspace, &dir, &prompt)?;
    shared::begin(context, &context.layout.shared_dir(attempt), &job.refs_of_others, &mut environment)?;
    let child =
        keeper::spawn_with(&context.exe, &dir, &spec, &environment, lease.map(Lease::into_file)).map_err(|e| format!("no keeper: {e}"))?;
    context.observed(Input::AttemptSpawned {
        attempt: attempt.clone(),
        worktree: workspace.path.display().to_string(),
        branch: workspace.branch.clone(),
        base: workspace.base.clone(),
        pid: child.id(),
    });
    Ok(child)
}

/// The prompt and the plan's own files, beside each other: what is untracked in the user's checkout is invisible in a worktree.
fn write_prompt(context: &Context, job: &Job, workspace: &Workspace, dir: &Path, skills: &[Skill]) -> io::Result<String> {
    let copies = copy_plan(&context.layout.plan_dir(&job.plan.id), &dir.join("plan"))?;
    let plan_copy = copies.then(|| {
        let name = Path::new(&job.plan.source).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        dir.join("plan").join(name).display().to_string()
    });
    let generated: Vec<String> = job.plan.generated.keys().cloned().collect();
    let lessons = lessons(context, job);
    let input = PromptInput {
        plan_name: &job.plan.name,
        plan_copy: plan_copy.as_deref(),
        task: &job.task,
        agent: &job.agent,
        by_hand: context.registry.get(&job.agent).is_ok_and(|a| a.hand_off),
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

/// What the keeper is told: the command line, the limits, the environment.
fn order(
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

/// Says what became of an attempt whose keeper is gone.
fn finish(context: &Context, attempt: &AttemptId) {
    let dir = context.layout.attempt_dir(attempt);
    let attempt = attempt.clone();
    match keeper::probe(&dir) {
        Ok(Probe::Exited(record)) => {
            shared::settle(context, &attempt, &context.layout.shared_dir(&attempt), None);
            context.observed(Input::AttemptExited { attempt, record });
        }
        Ok(Probe::Lost(_)) => {
            if let Err(e) = keeper::end_strays(&label(&context.run, &attempt)) {
                context.warn(format!("processes of {attempt} may be left: {e}"));
            }
            shared::settle(context, &attempt, &context.layout.shared_dir(&attempt), None);
            context.observed(Input::AttemptLost { attempt });
        }
        Ok(Probe::Voided) => context.observed(Input::AttemptVoided { attempt }),
        Ok(Probe::NeverBegan) => {
            drop(keeper::void(&dir));
            let message = std::fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            context.observed(Input::AttemptNotSpawned {
                attempt,
                message: format!("its keeper did not begin: {}", message.trim()),
                detail: None,
            });
        }
        // Somebody else's keeper has it; it is watched like one of an earlier coordinator's.
        Ok(Probe::Running(_)) => watch(context, &attempt),
        Err(e) => {
            context.warn(format!("the record of {attempt} cannot be read: {e}"));
            context.observed(Input::AttemptLost { attempt });
        }
    }
}

fn watch(context: &Context, attempt: &AttemptId) {
    match keeper::wait(&context.layout.attempt_dir(attempt)) {
        Ok(_) => finish(context, attempt),
        Err(e) => {
            context.warn(format!("the keeper of {attempt} cannot be watched: {e}"));
            context.observed(Input::AttemptLost { attempt: attempt.clone() });
        }
    }
}

/// After a resume: adopts a keeper that runs, collects one that finished, voids one that never began.
pub(super) fn take_up(context: Arc<Context>, state: &State, attempt: AttemptId) {
    let known = state.attempt(&attempt).is_some_and(|a| a.spawned.is_some());
    Context::perform("adopt", move || {
        let dir = context.layout.attempt_dir(&attempt);
        let begun = match keeper::probe(&dir) {
            Ok(Probe::NeverBegan) => match std::fs::create_dir_all(&dir).and_then(|()| keeper::void(&dir)) {
                Ok(voided) => !voided,
                Err(e) => {
                    context.warn(format!("{attempt} cannot be voided: {e}"));
                    false
                }
            },
            Ok(Probe::Voided) => false,
            _ => true,
        };
        if !begun {
            context.observed(Input::AttemptVoided { attempt });
            return;
        }
        if !known && let Some(workspace) = context.layout.workspace_of(&attempt) {
            let pid = match keeper::probe(&dir) {
                Ok(Probe::Running(identity)) => identity.pid,
                _ => 0,
            };
            context.observed(Input::AttemptSpawned {
                attempt: attempt.clone(),
                worktree: workspace.path.display().to_string(),
                branch: workspace.branch,
                base: workspace.base,
                pid,
            });
        }
        watch(&context, &attempt);
    });
}

/// Asks the keeper to end an attempt; one that has not begun never will.
pub(super) fn end(context: Arc<Context>, attempt: AttemptId, now: bool) {
    Context::perform("end", move || {
        let dir = context.layout.attempt_dir(&attempt);
        let how = if now { Cancel::Kill } else { Cancel::Terminate };
        match keeper::cancel(&dir, how) {
            Ok(true) => {}
            Ok(false) => {
                // No keeper yet: take its claim. If it was quicker, it can be asked now.
                let asked = keeper::void(&dir).and_then(|voided| if voided { Ok(true) } else { keeper::cancel(&dir, how) });
                // What prepares it is of no use any more.
                context.end_lines(&skills::label_of(&context, &attempt));
                if let Err(e) = asked {
                    context.warn(format!("{attempt} cannot be kept from beginning: {e}"));
                }
            }
            Err(e) => context.warn(format!("{attempt} cannot be asked to end: {e}")),
        }
    });
}

pub(super) fn judge(context: &Arc<Context>, state: &State, attempt: AttemptId) {
    let (Some(task), Some(plan)) = (state.task(&attempt.key), state.plan(&attempt.key.plan)) else { return };
    let definition = Task { owns: state.owned_by(task), ..state.definition(task).clone() };
    let facts = PlanFacts::of(&plan.submission.plan, &plan.verify);
    let key = attempt.key.clone();
    let others = shared::refs_of_others(context, state, &attempt);
    let (plan_branch, verify) = (plan.branch.clone(), plan.verify.clone());
    let verify_timeout = plan.submission.plan.verify_timeout;
    let agent = state.attempt(&attempt).map(|a| a.agent.clone()).unwrap_or_default();
    context.perform_for(&key, move |context| {
        let litter = context.registry.get(&agent).map(|def| def.litter.as_slice()).unwrap_or_default();
        let mut settled = shared::settled_before(context, &attempt);
        let mut verdict = match (context.workspace(&attempt), Generated::new(&facts.generated)) {
            (Ok(workspace), Ok(generated)) => {
                if let Err(e) = context.pool.sweep(&workspace, litter) {
                    context.warn(format!("what {agent} left for itself cannot be taken away: {e}"));
                }
                let mut env = context.command_environment(&definition.env);
                env.extend(context.attempt_variables(&attempt));
                // Checks run what the agent wrote.
                let checks_dir = context.layout.gate_dir(&attempt).join("shared");
                // A gate that died with its coordinator is finished first.
                settled.changes.extend(shared::settle(context, &attempt, &checks_dir, Some("checks")).changes);
                let watched = !definition.check.is_empty() && shared::begin(context, &checks_dir, &others, &mut env).is_ok();
                let spec = JudgeSpec {
                    run: &context.run,
                    key: &attempt.key,
                    slug: &key_slug(&attempt.key),
                    title: &definition.title,
                    owns: &definition.owns,
                    generated: &generated,
                    checks: &definition.check,
                    verify: &verify,
                    verify_timeout: verify_timeout.unwrap_or(context.config.run.verify_timeout),
                    check_timeout: definition.check_timeout.unwrap_or(context.config.run.check_timeout),
                    env: &env,
                    log_dir: &context.layout.gate_dir(&attempt),
                };
                let verdict = gate::judge(&context.pool, &workspace, &spec);
                if watched {
                    settled.changes.extend(shared::settle(context, &attempt, &checks_dir, Some("checks")).changes);
                }
                verdict
            }
            (Err(message), _) => Verdict::Broken { message },
            (_, Err(e)) => Verdict::Broken { message: e.to_string() },
        };
        if let (Verdict::Accepted { commit, .. }, Some(change)) = (&verdict, settled.lost_branch(plan_branch.as_deref())) {
            let why = format!("it changed what is not its own: {}", change.line());
            verdict = Verdict::NeedsHuman { why, kept: Some(commit.to_string()) };
        }
        context.observed(Input::WorkJudged { attempt, verdict });
    });
}
