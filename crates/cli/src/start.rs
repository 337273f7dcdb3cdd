//! Everything between a command line and a coordinated run: the agents are there, the plans become submissions,
//! nobody else is at work. What fails here fails before anything was started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use greenlane_core::budget::Measure;
use greenlane_core::event::Submission;
use greenlane_core::ids::{RunId, TaskId};
use greenlane_core::plan::Plan;
use greenlane_core::state::State;
use greenlane_runtime::accounts::unusable;
use greenlane_runtime::agent::{Presence, SignedIn};
use greenlane_runtime::config::Origin;
use greenlane_runtime::driver::Layout;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::submission::{self, Prepared, Wish};

use crate::assign::{self, Assigned, History};
use crate::caps::{self, Unkept};
use crate::context::Context;
use crate::coordinate::Ready;
use crate::error::{Error, Kind, Problem};
use crate::leftovers::interrupted_runs;
use crate::plans;
use crate::session::{Session, require_outside, worktrees_of};

/// A plan with the files to be copied beside its prompts.
#[derive(Clone, Debug)]
pub struct PlanToRun {
    /// What was read.
    pub plan: Plan,
    /// Its file.
    pub file: PathBuf,
    /// Copy the whole folder (a PRD's), not the file alone.
    pub whole_folder: bool,
    /// Who does the tasks for which nobody is named. Apart from the plan, whose digests must not change when somebody else is assigned:
    /// what landed is not done again for that.
    pub assigned: BTreeMap<TaskId, Assigned>,
}

impl PlanToRun {
    /// The plan with who does what.
    #[must_use]
    pub fn with_agents(&self) -> Plan {
        let mut plan = self.plan.clone();
        assign::fill_in(&mut plan, &self.assigned);
        plan
    }
}

impl Ready {
    /// Opens the repository with its configuration and agents; makes the state directory.
    ///
    /// # Errors
    /// Exit code 3 where there is no repository or no commit, 2 where the configuration is wrong.
    pub fn open(context: &Context, settings: &[(&str, String)]) -> Result<Self, Error> {
        let Session { repo, state_dir } = Session::open(context)?;
        repo.require_head()?;
        let loaded = context.load_config(repo.top().or(repo.main_top()), settings)?;
        let worktrees = worktrees_of(&repo, &loaded.config, context)?;
        require_outside(&repo, &loaded, &worktrees)?;
        let strict_from = loaded.origins.get("budget.strict").cloned();
        let registry = plans::registry(&loaded)?;
        let config = loaded.config;
        let templates = plans::templates(repo.top().or(repo.main_top()), &registry)?;
        for path in [Some(repo.common_dir()), repo.top(), repo.main_top(), Some(&worktrees)].into_iter().flatten() {
            require_nameable(path)?;
        }
        std::fs::create_dir_all(&state_dir)
            .map_err(|e| Error::file(format!("cannot make {}: {e}", state_dir.display()), &e).hint("it holds the journal and the logs"))?;
        repo.exclude()?;
        Ok(Self { repo, state_dir, config, registry, templates, strict_from })
    }

    /// Every agent that the plans ask for is known, and each task has one, if only a fallback, that is on PATH and signed in, as far as
    /// that can be told.
    ///
    /// # Errors
    /// All that is missing, at once: exit code 2 for unknown names, else 3.
    pub fn require_agents(&self, context: &Context, plans: &[&Plan]) -> Result<(), Error> {
        let default = assign::default_agent(&self.config);
        let unknown: Vec<Problem> = plans.iter().flat_map(|p| plans::agent_problems(p, default, &self.registry, |_| false)).collect();
        if !unknown.is_empty() {
            return Err(Error { kind: Kind::Usage, problems: unknown });
        }
        let mut wanted = Vec::new();
        for plan in plans {
            for task in plan.tasks.iter().filter(|t| t.run.is_none() && !t.ticked) {
                if task.fallbacks.iter().any(|name| self.is_usable(context, name)) {
                    continue;
                }
                let location = (!plan.source.is_empty() && task.line > 0).then(|| format!("{}:{}", plan.source, task.line));
                wanted.extend(plans::agent_of(task, default).map(|name| (name.to_owned(), location)));
            }
        }
        self.require_present(context, &wanted)?;
        plans::warn_of_faulty_agents(context, &self.registry, |_| false);
        Ok(())
    }

    /// Assigns agents to tasks for which nobody is named, where that is asked for, and says who does what.
    ///
    /// # Errors
    /// If there is nobody to assign, or the journal cannot be read.
    pub fn assign(&self, context: &Context, history: History, plans: &mut [PlanToRun]) -> Result<(), Error> {
        let read: Vec<&Plan> = plans.iter().map(|p| &p.plan).collect();
        let all = assign::of_plans(context, &self.config, &self.registry, history, &read)?;
        for (one, assigned) in plans.iter_mut().zip(all) {
            if !assigned.is_empty() {
                let mut by_agent: BTreeMap<&str, usize> = BTreeMap::new();
                assigned.values().for_each(|a| *by_agent.entry(&a.agent).or_default() += 1);
                let shares: Vec<String> = by_agent.iter().map(|(agent, n)| format!("{n} to {agent}")).collect();
                context.output.say(&format!(
                    "{}: assigned {} (`greenlane plan --agent auto --why` says why)",
                    one.plan.id,
                    shares.join(", ")
                ));
            }
            one.assigned = assigned;
        }
        Ok(())
    }

    /// Says which caps cannot be kept, as an agent does not tell in time what it uses.
    ///
    /// # Errors
    /// Exit code 2 if caps are to be kept strictly and one cannot.
    pub fn require_keepable_caps(&self, context: &Context, plans: &[&Plan]) -> Result<(), Error> {
        let unkept = caps::unkept(&self.config, &self.registry, plans);
        let warning = |message: String| Problem { message, location: None, hints: Vec::new() };
        if !self.config.budget.strict || unkept.is_empty() {
            unkept.into_iter().for_each(|why| context.output.warn(&warning(why.message)));
            return Ok(());
        }
        let without = match &self.strict_from {
            Some(Origin::Flag(flag)) => format!("run without {flag}"),
            Some(Origin::Variable(name)) => format!("run without {name}"),
            _ => String::from("set `strict = false` under `[budget]`"),
        };
        let problem = |Unkept { message, instead }: Unkept| {
            let instead = instead.into_iter().map(Measure::as_str).collect::<Vec<_>>().join(" or ");
            let instead = if instead.is_empty() { instead } else { format!(", cap {instead} instead") };
            Problem { message, location: None, hints: vec![format!("leave the cap out{instead}, or {without}")] }
        };
        Err(Error { kind: Kind::Usage, problems: unkept.into_iter().map(problem).collect() })
    }

    /// Nothing is known against this agent.
    #[must_use]
    pub fn is_usable(&self, context: &Context, name: &str) -> bool {
        self.registry.get(name).is_ok_and(|agent| unusable(agent, &context.env, &context.directory).is_none())
    }

    /// These agents, each with the place that asks for it, are on PATH and signed in, as far as that can be told. Names that nobody
    /// has, and that of commands, are passed over.
    ///
    /// # Errors
    /// All that is missing, at once, with exit code 3.
    pub fn require_present(&self, context: &Context, wanted: &[(String, Option<String>)]) -> Result<(), Error> {
        let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
        for (name, location) in wanted {
            let Ok(agent) = self.registry.get(name) else { continue };
            if !seen.insert(agent.name.clone()) {
                continue;
            }
            let (message, hint) = match (agent.presence(&context.env, &context.directory), agent.signed_in(&context.env)) {
                (Presence::Missing, _) => {
                    let message = format!("agent `{}` is not installed: there is no `{}` on PATH", agent.name, agent.command);
                    (message, agent.install_hint.clone())
                }
                (_, SignedIn::No(hint)) => (format!("agent `{}` is not signed in", agent.name), Some(hint)),
                _ => continue,
            };
            problems.push(Problem { message, location: location.clone(), hints: hint.into_iter().collect() });
        }
        if problems.is_empty() { Ok(()) } else { Err(Error { kind: Kind::Environment, problems }) }
    }

    /// Makes submissions of the plans, and says what is to be known about them.
    ///
    /// # Errors
    /// If a base is no commit, or git or the journal fail.
    pub fn submissions(&self, context: &Context, plans: &[PlanToRun], wish: &Wish) -> Result<Vec<Submission>, Error> {
        let journal = match Journal::read(&self.state_dir) {
            Ok(journal) => Some(journal),
            Err(greenlane_runtime::journal::JournalError::Missing(_)) => None,
            Err(e) => return Err(e.into()),
        };
        let mut all = Vec::new();
        for one in plans {
            let prepared = submission::prepare(&self.repo, journal.as_ref(), one.plan.clone(), wish).map_err(|e| match e {
                submission::SubmissionError::Repo(e) => Error::from(e),
                e => Error::environment(e.to_string()),
            })?;
            tell(context, &prepared);
            let mut submission = prepared.submission;
            submission.file = Some(one.file.display().to_string());
            assign::fill_in(&mut submission.plan, &one.assigned);
            all.push(submission);
        }
        Ok(all)
    }

    /// Copies the plans' own files to where the prompts find them.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn copy_plans(&self, run: &RunId, plans: &[PlanToRun]) -> Result<(), Error> {
        let layout = Layout::new(&self.state_dir, run);
        for one in plans {
            submission::copy_files(&one.file, one.whole_folder, &layout.plan_dir(&one.plan.id))
                .map_err(|e| Error::file(format!("cannot copy {} for the agents: {e}", one.file.display()), &e))?;
        }
        Ok(())
    }

    /// A run of one of these plans that nobody has ended: going on with it is the user's to decide, a twin is never started.
    ///
    /// # Errors
    /// Exit code 2, with the way to go on; or if the journal cannot be read.
    pub fn refuse_twin(&self, plans: &[PlanToRun]) -> Result<(), Error> {
        let journal = match Journal::read(&self.state_dir) {
            Ok(journal) => journal,
            Err(greenlane_runtime::journal::JournalError::Missing(_)) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let session = Session { repo: self.repo.clone(), state_dir: self.state_dir.clone() };
        // Not the latest alone: other plans may have been run since.
        for opened in interrupted_runs(&session, &journal)? {
            if let Some(plan) = plans.iter().find(|p| opened.state.plan(&p.plan.id).is_some()) {
                let is_latest = journal.runs(1)?.first().is_some_and(|latest| latest.run == opened.run);
                return Err(interrupted(&opened.run, plan, &opened.state, is_latest));
            }
        }
        Ok(())
    }
}

/// Notes, orders and git's own files of a worktree name paths as text, a line each.
fn require_nameable(path: &Path) -> Result<(), Error> {
    let why = match path.to_str() {
        Some(text) if text.contains('\n') => "holds a line break",
        Some(_) => return Ok(()),
        None => "is not UTF-8",
    };
    let hint = "move the repository (or `dir` under [workspace]) to a path of plain text; a clone elsewhere does as well";
    Err(Error::environment(format!("the path {path:?} {why}, and Greenlane cannot work there")).hint(hint))
}

fn interrupted(run: &RunId, plan: &PlanToRun, state: &State, is_latest: bool) -> Error {
    let resume = if is_latest { String::from("greenlane resume") } else { format!("greenlane resume {run}") };
    let done = state.tasks.iter().filter(|t| t.phase == greenlane_core::state::Phase::Done).count();
    Error::usage(format!(
        "run {run} of plan `{}` was interrupted, with {done} of {} tasks done; no twin of it is started",
        plan.plan.id,
        state.tasks.len()
    ))
    .hint(format!("`{resume}` goes on with it: what runs is adopted, what finished is collected"))
    .hint("`greenlane stop --all` ends it for good; then `greenlane run` starts anew from what has landed")
}

fn tell(context: &Context, prepared: &Prepared) {
    let plan = &prepared.submission.plan;
    if let Some((run, branch, landed)) = &prepared.goes_on_from {
        context
            .output
            .say(&format!("{}: goes on from {branch} of run {run}, where {landed} of its tasks landed (--fresh does them again)", plan.id));
    }
    if prepared.landed_elsewhere > 0 {
        context.output.say(&format!(
            "{}: {} of its tasks landed in an earlier run, but the base does not have that work: they are done again (`greenlane land` first would keep them)",
            plan.id, prepared.landed_elsewhere
        ));
    }
    for task in plan.tasks.iter().filter(|t| prepared.submission.landed.contains_key(&t.id)) {
        context.output.detail(&format!("{}: `{}` has landed already", plan.id, task.id));
    }
}
