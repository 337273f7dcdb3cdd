//! `rollback`: takes a landing, and all that landed after it, off the run's branch. What is taken off stays in a ref.

use std::process::ExitCode;

use greenlane_core::coordinator::step;
use greenlane_core::event::Event;
use greenlane_core::ids::{Oid, PlanId, TaskKey};
use greenlane_core::input::{Input, Request};
use greenlane_core::state::{PlanState, State, TaskState};
use greenlane_runtime::clock;
use greenlane_runtime::git::{LandError, RollbackError};
use greenlane_runtime::journal::Journal;
use greenlane_runtime::lock::Lock;

use super::tracker::tell_what_changed;
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::names;
use crate::report::{clean, quoted, short};
use crate::session::{Opened, Session, held};

/// Flags of `rollback`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane rollback bucket    the branch as it was before this task landed
  greenlane rollback core      or before this group

What is taken off stays in a ref, which is named.")]
pub struct RollbackArgs {
    /// A group, or a task (`ID` or `PLAN/ID`)
    #[arg(value_name = "GROUP|TASK")]
    pub name: String,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Events that are read at once.
const PAGE: u32 = 10_000;

/// Rolls back.
///
/// # Errors
/// Exit code 2 for unknown names and for what has not landed, 4 while a coordinator is at work, 1 if something is in the way.
pub fn run(args: &RollbackArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let _lock = Lock::take(&session.state_dir).map_err(held)?;
    // Again, now that nobody else can go on with it.
    let opened = session.open_run(Some(opened.run.as_str()))?;
    if opened.state.is_live() {
        return Err(Error::new(Kind::NotDone, format!("run {} was interrupted, and work of it may still be landing", opened.run))
            .hint("`greenlane resume` brings it to its end, `greenlane stop --all` stops it; then it can be rolled back"));
    }
    let mut journal = Journal::create(&session.state_dir)?;
    let tasks = wanted(&opened.state, &args.name)?;
    let landings = landings(&journal, &opened)?;
    let off = taken_off(&landings, &tasks, &args.name).map_err(|e| landed_before(e, &opened.state, &tasks, &args.name))?;
    let Some(plan) = off.first().and_then(|l| opened.state.plan(&l.key.plan)) else {
        return Err(Error::usage(format!("`{}` has not landed", args.name)));
    };
    let keys: Vec<TaskKey> = off.iter().map(|l| l.key.clone()).collect();
    refuse_early(&opened.state, plan, &keys)?;
    let (head, kept) = take_back(&session, &opened, plan, &off[0].commit)?;
    write_down(&mut journal, &opened, &plan.submission.plan.id, &head, &keys, &kept)?;
    let names: Vec<String> = keys.iter().map(|k| format!("`{}`", clean(k.task.as_str()))).collect();
    let branch = plan.branch.as_deref().unwrap_or_default();
    context.output.data(&format!(
        "Taken off {branch}: {}\n{branch} is at {} again; what was taken off is kept in {kept}\n",
        names.join(", "),
        short(head.as_str())
    ))?;
    let (one, again) = if keys.len() == 1 { ("this one alone", keys[0].task.as_str()) } else { ("one of them", "TASK") };
    context.output.say(&format!(
        "`greenlane resume` does all that was taken off again, `greenlane retry {}` {one}; `git log {kept}` shows what was there",
        clean(again)
    ));
    tell_what_changed(&session, context);
    Ok(ExitCode::SUCCESS)
}

/// A task, a plan's whole work, or a group: `NAME`, or `PLAN/NAME` where several plans have such a group.
fn wanted(state: &State, name: &str) -> Result<Vec<TaskKey>, Error> {
    let groups: Vec<(PlanId, Vec<TaskKey>)> = state
        .plans
        .iter()
        .filter_map(|p| {
            let id = &p.submission.plan.id;
            let group = name.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            let is_member = |t: &&TaskState| state.definition(t).group.as_ref().is_some_and(|g| g.as_str() == group);
            let members: Vec<TaskKey> = state.tasks[p.tasks.clone()].iter().filter(is_member).map(|t| t.key.clone()).collect();
            (!members.is_empty()).then(|| (id.clone(), members))
        })
        .collect();
    match (names::tasks(state, &[name.to_owned()]), groups.as_slice()) {
        (Ok(tasks), []) => Ok(tasks),
        (Ok(tasks), [(_, members)]) if tasks.iter().all(|t| members.contains(t)) && members.len() == tasks.len() => Ok(tasks),
        (Ok(_), [(plan, _), ..]) => Err(Error::usage(format!("`{name}` is both a task and a group of plan `{plan}`"))
            .hint("name a task of the group instead: everything that landed after it goes as well")),
        (Err(_), [(_, members)]) => Ok(members.clone()),
        (Err(_), [_, _, ..]) => {
            let all: Vec<String> = groups.iter().map(|(plan, _)| format!("`{plan}/{name}`")).collect();
            Err(Error::usage(format!("several plans have a group `{name}`")).hint(format!("name one: {}", all.join(", "))))
        }
        (Err(e), []) if names::is_known(state, name) => Err(e),
        (Err(_), []) => Err(names::unknown(state, name, &all_groups(state, name.contains('/')))),
    }
}

/// The names of all groups, with their plans where a plan was named.
fn all_groups(state: &State, with_plan: bool) -> Vec<String> {
    let named = |t: &TaskState| {
        let group = state.definition(t).group.as_ref()?;
        Some(if with_plan { format!("{}/{group}", t.key.plan) } else { group.to_string() })
    };
    let mut all: Vec<String> = state.tasks.iter().filter_map(named).collect();
    all.sort();
    all.dedup();
    all
}

/// One task's work on its plan's branch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Landing {
    key: TaskKey,
    commit: Oid,
}

/// What is on the branches now, in the order in which it landed.
fn landings(journal: &Journal, opened: &Opened) -> Result<Vec<Landing>, Error> {
    let (mut landings, mut seq) = (Vec::new(), 0);
    loop {
        let page = journal.since(Some(&opened.run), seq, PAGE)?;
        for record in &page {
            take(&mut landings, &record.event);
            seq = record.seq;
        }
        if page.len() < PAGE as usize {
            return Ok(landings);
        }
    }
}

fn take(landings: &mut Vec<Landing>, event: &Event) {
    match event {
        Event::BatchLanded { landed, .. } => {
            landings.extend(landed.iter().map(|l| Landing { key: l.attempt.key.clone(), commit: l.commit.clone() }));
        }
        Event::RolledBack { plan, tasks, .. } => landings.retain(|l| l.key.plan != *plan || !tasks.contains(&l.key.task)),
        _ => {}
    }
}

/// The first landing of these tasks, and all of the same plan after it.
fn taken_off(landings: &[Landing], tasks: &[TaskKey], name: &str) -> Result<Vec<Landing>, Error> {
    let Some(first) = landings.iter().find(|l| tasks.contains(&l.key)) else {
        return Err(Error::usage(format!("nothing of `{name}` has landed in this run")).hint("`greenlane status` shows what has"));
    };
    if let Some(other) = landings.iter().find(|l| tasks.contains(&l.key) && l.key.plan != first.key.plan) {
        return Err(
            Error::usage(format!("`{name}` is in the plans `{}` and `{}`", first.key.plan, other.key.plan)).hint("name it as PLAN/ID")
        );
    }
    let of_plan = landings.iter().filter(|l| l.key.plan == first.key.plan);
    Ok(of_plan.skip_while(|l| *l != first).cloned().collect())
}

/// Where it landed in an earlier run, that one is named.
fn landed_before(error: Error, state: &State, tasks: &[TaskKey], name: &str) -> Error {
    let mut runs: Vec<&greenlane_core::ids::RunId> =
        tasks.iter().filter_map(|k| state.task(k)?.landed_before.as_ref()).map(|before| &before.run).collect();
    runs.sort();
    runs.dedup();
    match runs.as_slice() {
        [] => error,
        [only] => Error::usage(format!("`{name}` landed in run {only}, not in this one"))
            .hint(format!("`greenlane rollback {} --run {only}` takes it off the branch of that run", quoted(name))),
        [.., last] => Error::usage(format!("`{name}` landed in several earlier runs, the last of which is {last}"))
            .hint(format!("`greenlane rollback {} --run {last}` takes off what landed there", quoted(name))),
    }
}

/// Asks the core on a copy, before anything is touched.
fn refuse_early(state: &State, plan: &PlanState, tasks: &[TaskKey]) -> Result<(), Error> {
    let request = request(&plan.submission.plan.id, &plan.head, tasks, "");
    match step(&mut state.clone(), clock::now(), request).reply {
        Some(Err(why)) => Err(Error::new(Kind::NotDone, why)),
        _ => Ok(()),
    }
}

fn request(plan: &PlanId, head: &Oid, tasks: &[TaskKey], kept: &str) -> Input {
    Input::Request(Request::RollBack { plan: plan.clone(), head: head.clone(), tasks: tasks.to_vec(), kept: kept.to_owned() })
}

/// Moves the branch; gives its head and the ref that keeps what was there. The branch goes first and the journal after it: should this
/// process die in between, the same command finds the branch moved already, and only writes it down.
fn take_back(session: &Session, opened: &Opened, plan: &PlanState, landing: &Oid) -> Result<(Oid, String), Error> {
    let repo = &session.repo;
    let branch = plan.branch.as_deref().unwrap_or_default();
    let actual = repo.resolve(&format!("refs/heads/{branch}"))?;
    let before = repo.objects().require_commit(landing)?.parents.first().cloned();
    if let Some(there) = actual.as_ref().filter(|at| Some(*at) == before.as_ref()) {
        let kept = repo.keep_in_ref(&format!("refs/greenlane/{}/rolled-back", opened.run), &plan.head)?;
        return Ok((there.clone(), kept));
    }
    if actual.as_ref() != Some(&plan.head) {
        let place = actual.as_ref().map_or_else(|| String::from("is gone"), |at| format!("is at {}", short(at.as_str())));
        return Err(Error::new(
            Kind::NotDone,
            format!("{branch} {place}, and not at {}, where this run left it", short(plan.head.as_str())),
        )
        .hint(format!(
            "somebody moved it; put it back with `git branch -f {branch} {}`, or revert by hand: `git revert -m 1 {}`",
            short(plan.head.as_str()),
            short(landing.as_str())
        )));
    }
    let done = repo.rollback(&opened.run, branch, landing).map_err(|e| match e {
        RollbackError::Git(e) => e.into(),
        RollbackError::Checkout(LandError::Git(e)) => e.into(),
        RollbackError::Checkout(e) => {
            let error = Error::new(Kind::NotDone, e.to_string());
            match e.hint() {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        e => Error::new(Kind::NotDone, e.to_string()),
    })?;
    Ok((done.to, done.kept))
}

fn write_down(journal: &mut Journal, opened: &Opened, plan: &PlanId, head: &Oid, tasks: &[TaskKey], kept: &str) -> Result<(), Error> {
    let now = clock::now();
    let step = step(&mut opened.state.clone(), now, request(plan, head, tasks, kept));
    if let Some(fault) = step.fault {
        return Err(Error::environment(format!("a fault in the coordinator: {fault}")));
    }
    if let Some(Err(why)) = step.reply {
        return Err(Error::new(Kind::NotDone, why));
    }
    journal.append(&opened.run, now, &step.events)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn landed(run: &samples::Sample) -> Vec<Landing> {
        let mut landings = Vec::new();
        run.events().for_each(|e| take(&mut landings, e));
        landings
    }

    fn keys(landings: &[Landing]) -> Vec<String> {
        landings.iter().map(|l| l.key.to_string()).collect()
    }

    #[test]
    fn everything_that_landed_after_it_goes_as_well() {
        let mut run = samples::ended();
        let landings = landed(&run);
        assert_eq!(keys(&landings), ["limits/bucket", "limits/header"]);
        let off = |name: &str| taken_off(&landings, &wanted(&run.state, name).unwrap(), name).map(|l| keys(&l));
        assert_eq!(off("header").unwrap(), ["limits/header"]);
        assert_eq!(off("bucket").unwrap(), ["limits/bucket", "limits/header"]);
        assert!(off("docs").unwrap_err().render(false).contains("nothing of `docs` has landed"));

        let plan = PlanId::from("limits");
        let header = vec![TaskKey::new("limits", "header")];
        run.take(request(&plan, &samples::commit("merge-bucket"), &header, "refs/kept"));
        assert_eq!(keys(&landed(&run)), ["limits/bucket"], "once is enough");
    }

    #[test]
    fn a_group_is_all_of_its_tasks() {
        let in_group = |id: &str| greenlane_core::plan::Task { group: Some("core".into()), ..samples::task(id, &[]) };
        let plan = |id: &str| samples::plan(id, vec![in_group("a"), in_group("b"), samples::task("c", &[])]);
        let one = samples::Sample::new(vec![plan("p")], &[]);
        assert_eq!(wanted(&one.state, "core").map(|k| k.len()), Ok(2));
        assert_eq!(wanted(&one.state, "p/core").map(|k| k.len()), Ok(2));
        let two = samples::Sample::new(vec![plan("p"), plan("q")], &[]);
        assert!(wanted(&two.state, "core").unwrap_err().render(false).contains("`p/core`, `q/core`"));
        assert_eq!(wanted(&two.state, "q/core").map(|k| k[0].to_string()), Ok("q/a".into()));
        assert!(
            wanted(&two.state, "cor").unwrap_err().render(false).contains("task or group `cor` in this run\nhint: did you mean `core`?")
        );
        assert!(wanted(&two.state, "q/cor").unwrap_err().render(false).contains("did you mean `q/core`?"));
        let strange = wanted(&two.state, "zzzzz").unwrap_err().render(false);
        assert!(strange.contains("`greenlane groups list` the groups"), "{strange}");
    }
}
