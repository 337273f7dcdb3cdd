//! `run`: the main job. Its flags, what of them is configuration, and the way from a command line to a run's end.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use greenlane_core::ids::PlanId;
use greenlane_core::plan::Plan;
use greenlane_core::state::State;
use greenlane_core::time::format_duration;
use greenlane_runtime::clock;
use greenlane_runtime::config::Config;
use greenlane_runtime::driver::{Layout, Start};
use greenlane_runtime::git::{DryRun, LandMode, Repo};
use greenlane_runtime::submission::Wish;

use super::hand_over::{HandedOver, HandingOver};
use super::plan::PlanArgs;
use crate::args::duration;
use crate::assign::History;
use crate::beside::Beside;
use crate::caps::Caps;
use crate::context::Context;
use crate::coordinate::{Ended, Ready, Tell, conclude};
use crate::error::{Error, Kind, Outcome};
use crate::plans::{self, Kept, NamedPlans};
use crate::start::PlanToRun;

/// Flags of `run`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:
  greenlane run plan.toml                         run one plan to its end
  greenlane run                                   every PRD under prds/active/
  greenlane run a.toml b.toml --max-plans 2       two plans, each on its own branch
  greenlane run plan.toml -j 8 --agent claude     eight attempts at once
  greenlane run plan.toml --agent auto            each task by the agent that fits it
  greenlane run plan.toml --only bucket           one task and what it depends on
  greenlane run plan.toml --land main             bring it into main when it is green
  greenlane run plan.toml --web                   and watch it in the browser
  greenlane run plan.toml --dry-run               show it, start nothing

The first Ctrl-C starts no further attempts, the second ends the running ones, the third kills them.
After SIGTERM or a crash `greenlane resume` goes on.")]
pub struct RunArgs {
    /// Which plans.
    #[command(flatten)]
    pub named: NamedPlans,
    /// Attempts at once [default: 5]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub jobs: Option<u32>,
    /// Plans at once; more wait in a queue [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_plans: Option<u32>,
    /// The agent of tasks that name none; `auto` assigns one to each
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// With `--agent auto`: by the rules alone, whatever agents have shown here
    #[arg(long)]
    pub no_history: bool,
    /// Time limit of an attempt, such as 90s or 1h30m [default: 1h]
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Most further attempts at a task [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: Option<u32>,
    /// How often work that a check or the suite refused goes back to its agent [default: 1, for commands 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub repairs: Option<u32>,
    /// Caps on tokens, cost, calls of the model and time.
    #[command(flatten)]
    pub caps: Caps,
    /// The revision that plans start from which name none [default: HEAD]
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Only these tasks and what they depend on; put PLAN before it
    #[arg(long, value_name = "TASK", num_args = 1..)]
    pub only: Vec<String>,
    /// Only the tasks of this group and what they depend on
    #[arg(long, value_name = "ID")]
    pub group: Option<String>,
    /// Go on with later groups when a member of a group failed
    #[arg(long)]
    pub keep_going: bool,
    /// Merge into BRANCH when everything is green
    #[arg(long, value_name = "BRANCH")]
    pub land: Option<String>,
    /// Work for which no test suite is found needs a human
    #[arg(long)]
    pub require_verify: bool,
    /// What a red test suite on the base does [default: stop]
    #[arg(long, value_name = "WHAT")]
    pub base_red: Option<BaseRedArg>,
    /// Tick in the plan's file what has landed; a finished PRD moves to prds/completed
    #[arg(long)]
    pub update_plan: bool,
    /// Do again what has landed already
    #[arg(long)]
    pub fresh: bool,
    /// Serve the dashboard to browsers until the run ends; its address is printed
    #[arg(long, conflicts_with_all = ["detach", "dry_run"])]
    pub web: bool,
    /// Return at once; the run goes on in the background
    #[arg(long, conflicts_with = "json")]
    pub detach: bool,
    /// This is the process that `--detach` started
    #[arg(long, hide = true)]
    pub background: bool,
    /// Show the dashboard of `greenlane watch` meanwhile; q leaves it, and the run goes on
    #[arg(long, conflicts_with_all = ["json", "detach", "dry_run", "background"])]
    pub tui: bool,
    /// Show what would happen and start nothing
    #[arg(long, conflicts_with = "detach")]
    pub dry_run: bool,
    /// Every event as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// What a red suite on the base does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BaseRedArg {
    /// End before money is spent
    Stop,
    /// Go on: the plan may be there to make it green
    Allow,
}

impl RunArgs {
    /// Which tasks of its plans are meant.
    fn kept(&self) -> Kept<'_> {
        Kept { only: &self.only, group: self.group.as_deref() }
    }

    /// The flags that are configuration, as `Config::load` takes them.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let on = |flag: bool| flag.then(|| String::from("true"));
        let base_red = self.base_red.map(|b| match b {
            BaseRedArg::Stop => String::from("stop"),
            BaseRedArg::Allow => String::from("allow"),
        });
        let all = [
            ("run.jobs", self.jobs.map(|n| n.to_string())),
            ("run.max_plans", self.max_plans.map(|n| n.to_string())),
            ("run.agent", self.agent.clone()),
            ("run.timeout", self.timeout.map(format_duration)),
            ("retry.max", self.retries.map(|n| n.to_string())),
            ("retry.repairs", self.repairs.map(|n| n.to_string())),
            ("run.keep_going", on(self.keep_going)),
            ("run.require_verify", on(self.require_verify)),
            ("run.base_red", base_red),
            ("tracker.plan", self.update_plan.then(|| String::from("on"))),
        ];
        all.into_iter().chain(self.caps.settings()).filter_map(|(key, value)| value.map(|v| (key, v))).collect()
    }

    /// The words that mean the same to the process in the background: `--detach` is being done, and goes with neither `--json` nor
    /// `--dry-run`. Taken apart by name, so that no flag can be forgotten.
    fn words(&self) -> Vec<OsString> {
        let Self {
            named,
            jobs,
            max_plans,
            agent,
            no_history,
            timeout,
            retries,
            repairs,
            caps,
            base,
            only,
            group,
            keep_going,
            land,
            require_verify,
            base_red,
            update_plan,
            fresh,
            web: _,
            detach: _,
            background: _,
            tui: _,
            dry_run: _,
            json: _,
        } = self;
        let mut words: Vec<OsString> = vec!["run".into(), "--background".into()];
        let mut value = |flag: &str, value: Option<String>| words.extend(value.map(|v| OsString::from(format!("--{flag}={v}"))));
        value("jobs", jobs.map(|n| n.to_string()));
        value("max-plans", max_plans.map(|n| n.to_string()));
        value("agent", agent.clone());
        value("timeout", timeout.map(format_duration));
        value("retries", retries.map(|n| n.to_string()));
        value("repairs", repairs.map(|n| n.to_string()));
        value("budget", caps.budget.as_ref().map(ToString::to_string));
        value("task-budget", caps.task_budget.as_ref().map(ToString::to_string));
        value("base", base.clone());
        only.iter().for_each(|task| value("only", Some(task.clone())));
        value("group", group.clone());
        value("land", land.clone());
        value("base-red", base_red.and_then(|b| b.to_possible_value()).map(|v| v.get_name().to_owned()));
        value("format", named.format.map(|f| f.name().to_owned()));
        let switches = [
            ("--no-history", no_history),
            ("--keep-going", keep_going),
            ("--require-verify", require_verify),
            ("--strict-budget", &caps.strict_budget),
            ("--update-plan", update_plan),
            ("--fresh", fresh),
        ];
        words.extend(switches.iter().filter(|(_, on)| **on).map(|(word, _)| OsString::from(word)));
        words.push("--".into());
        words.extend(named.plans.iter().map(|p| p.as_os_str().to_owned()));
        words
    }
}

/// Runs the plans to their end, or hands them to the coordinator that has the repository.
///
/// # Errors
/// Whatever keeps the run from starting or going on.
pub fn run(args: &RunArgs, context: &Context) -> Outcome {
    let tell = if args.tui { Tell::Dashboard } else { Tell::of(args.json, args.background) };
    if args.tui {
        super::watch::require_terminal("`greenlane run` without --tui shows plain lines")?;
    }
    if args.dry_run {
        let (named, agent) = (args.named.clone(), args.agent.clone());
        require_plan_before_only(args, context)?;
        let (jobs, caps, json, no_history) = (args.jobs, args.caps.clone(), args.json, args.no_history);
        return super::plan::show(
            &PlanArgs { named, jobs, agent, why: false, no_history, caps, json, convert: None },
            &args.kept(),
            context,
        );
    }
    // What is wrong with the configuration is told first: what a plan is held to may depend on it.
    Config::load(context.top().as_deref(), &args.settings(), &context.env)?;
    let mut plans = read_plans(args, context)?;
    let ready = Ready::open(context, &args.settings())?;
    ready.assign(context, if args.no_history { History::Ignored } else { History::Configured }, &mut plans)?;
    let with_agents: Vec<Plan> = plans.iter().map(PlanToRun::with_agents).collect();
    let with_agents: Vec<&Plan> = with_agents.iter().collect();
    ready.require_agents(context, &with_agents)?;
    ready.require_keepable_caps(context, &with_agents)?;
    if let Some(branch) = &args.land
        && ready.repo.resolve(&format!("refs/heads/{branch}"))?.is_none()
    {
        return Err(
            Error::usage(format!("there is no branch `{branch}` to land on")).hint("--land takes the name of an existing local branch")
        );
    }
    if args.detach {
        return super::detach::start_in_background(context, &ready.state_dir, args.words());
    }
    let _beside = if args.web { Some(Beside::start(context)?) } else { None };
    let mut began = Instant::now();
    let _lock = loop {
        match ready.lock() {
            Ok(lock) => break lock,
            Err(e) if e.kind != Kind::Held => return Err(e),
            Err(e) => {
                let handing = HandingOver { args, context, ready: &ready, plans: &plans, tell };
                match handing.hand_over(e)? {
                    HandedOver::Ended { run, state } => {
                        let plans: Vec<PlanId> = plans.iter().map(|p| p.plan.id.clone()).collect();
                        let code = conclude(
                            context,
                            &Ended {
                                run: &run,
                                state: &state,
                                layout: &Layout::new(&ready.state_dir, &run),
                                signal: None,
                                is_older: false,
                            },
                            &plans,
                            tell,
                        )?;
                        return land_if_asked(args, context, &ready.repo, &state, &plans, code);
                    }
                    HandedOver::Waited => began = Instant::now(),
                    HandedOver::NotNow(_) if began.elapsed() < HAND_OVER_MAX => std::thread::sleep(HAND_OVER_POLL),
                    HandedOver::NotNow(why) => return Err(why),
                }
            }
        }
    };
    ready.refuse_twin(&plans)?;
    let wish = Wish { base: args.base.clone(), fresh: args.fresh };
    let submissions = ready.submissions(context, &plans, &wish)?;
    let run = clock::new_run_id();
    ready.copy_plans(&run, &plans)?;
    context.output.detail(&format!("run {run}"));
    let (repo, layout) = (ready.repo.clone(), Layout::new(&ready.state_dir, &run));
    let start = Start::New { options: Box::new(ready.options(context)), submissions };
    let finished = ready.coordinate(context, &run, start, tell)?;
    let code = conclude(
        context,
        &Ended { run: &run, state: &finished.state, layout: &layout, signal: finished.signal, is_older: false },
        &[],
        tell,
    )?;
    land_if_asked(args, context, &repo, &finished.state, &[], code)
}

/// Everything behind `--only` is a task of its.
fn require_plan_before_only(args: &RunArgs, context: &Context) -> Result<(), Error> {
    if args.named.plans.is_empty()
        && let Some(plan) = args.only.iter().find(|word| context.directory.join(word).exists())
    {
        let tasks: Vec<&str> = args.only.iter().filter(|word| *word != plan).map(String::as_str).collect();
        let tasks = if tasks.is_empty() { String::from("TASK") } else { tasks.join(" ") };
        return Err(Error::usage(format!("`{plan}` is read as a task, since it stands behind --only"))
            .hint(format!("put the plan first: `greenlane run {plan} --only {tasks}`")));
    }
    Ok(())
}

/// Reads the plans, says everything that is wrong with any of them, and keeps what was asked for.
fn read_plans(args: &RunArgs, context: &Context) -> Result<Vec<PlanToRun>, Error> {
    require_plan_before_only(args, context)?;
    let loaded = plans::load(context, context.top().as_deref(), &args.named)?;
    let kept = args.kept().of(loaded)?;
    let plans = kept.into_iter();
    Ok(plans.map(|p| PlanToRun { plan: p.plan, file: p.path, whole_folder: p.whole_folder, assigned: Default::default() }).collect())
}

/// So long is a coordinator waited for that holds the repository, but is at its very start or end.
const HAND_OVER_MAX: Duration = Duration::from_secs(10);
const HAND_OVER_POLL: Duration = Duration::from_millis(50);

/// `--land`, of these plans (none: all), where everything is green: bring each plan's branch where the user said.
fn land_if_asked(args: &RunArgs, context: &Context, repo: &Repo, state: &State, plans: &[PlanId], code: ExitCode) -> Outcome {
    match &args.land {
        Some(branch) if code == ExitCode::SUCCESS => land(context, repo, state, plans, branch)?,
        Some(branch) => context.output.say(&format!("Nothing was brought into {branch}: not everything is done.")),
        None => {}
    }
    Ok(code)
}

fn land(context: &Context, repo: &Repo, state: &State, plans: &[PlanId], into: &str) -> Result<(), Error> {
    for plan in state.plans.iter().filter(|p| plans.is_empty() || plans.contains(&p.submission.plan.id)) {
        let Some(branch) = &plan.branch else { continue };
        let message = format!("Merge {} into {into}", plan.submission.plan.name);
        repo.land_into(into, branch, LandMode::Merge, &message, DryRun::No).map_err(|e| {
            let error = Error::new(Kind::NotDone, format!("everything is done and on {branch}, but not in {into}: {e}"));
            e.hint().map_or(error.clone(), |hint| error.hint(hint))
        })?;
        context.output.say(&format!("{branch} is in {into}."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, Command, FromArgMatches as _};

    fn read(words: impl IntoIterator<Item = OsString>) -> RunArgs {
        let matches = RunArgs::augment_args(Command::new("run")).get_matches_from(words);
        RunArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_background_is_told_all_that_was_said() {
        let line = "run -j 4 --max-plans 2 --agent -Ccd --no-history --timeout 1h30m --retries 1 --repairs 2 --budget tokens=5,wall=1h --task-budget cost_usd=0.5 --strict-budget --base -x --only a -Cb --group g --keep-going --land main \
                    --require-verify --base-red allow --fresh --detach --format toml -- -C.toml b.toml";
        let line = line.replace("--agent -Ccd", "--agent=-Ccd").replace("--base -x", "--base=-x").replace("a -Cb", "a --only=-Cb");
        let asked = read(line.split_whitespace().map(OsString::from));
        assert_eq!((asked.agent.as_deref(), asked.only.len(), asked.named.plans.len()), (Some("-Ccd"), 2, 2));
        assert_eq!(read(asked.words()), RunArgs { detach: false, background: true, ..asked });
        let nothing = read(["run"].map(OsString::from));
        assert_eq!(read(nothing.words()), RunArgs { background: true, ..nothing });
    }
}
