//! `run` where another coordinator has the repository: it takes the plans, and this process shows them and ends with their result.
//! Coordinates nothing itself.

use greenlane_core::event::Submission;
use greenlane_core::ids::{PlanId, RunId};
use greenlane_core::state::{PlanPhase, State};
use greenlane_runtime::clock;
use greenlane_runtime::control::{Answer, Say};
use greenlane_runtime::driver::Layout;
use greenlane_runtime::submission::Wish;

use super::run::RunArgs;
use crate::assign;
use crate::context::Context;
use crate::coordinate::{Ready, Tell};
use crate::error::{Error, Kind};
use crate::follow::{Following, News};
use crate::progress::{Scope, display};
use crate::session::{Opened, Session};
use crate::start::PlanToRun;

/// What is handed over, by whom.
pub struct HandingOver<'a> {
    /// Its flags.
    pub args: &'a RunArgs,
    /// Where it is called.
    pub context: &'a Context,
    /// The repository, with what is in force here.
    pub ready: &'a Ready,
    /// The plans.
    pub plans: &'a [PlanToRun],
    /// Where it is told.
    pub tell: Tell,
}

/// What came of it.
pub enum HandedOver {
    /// The plans have ended; so stood the run then.
    Ended {
        /// The other's run.
        run: RunId,
        /// Where it stood.
        state: Box<State>,
    },
    /// The run could not take them any more, and has ended by now: it is this process's turn, or another's.
    Waited,
    /// The coordinator takes nothing at this moment: soon there is another, or none.
    NotNow(Error),
}

impl HandingOver<'_> {
    /// Another coordinator has the repository; `held` says so.
    ///
    /// # Errors
    /// Exit code 4 if it is at work on one of the plans, 1 if it is gone before their end; or whatever keeps them from being taken.
    pub fn hand_over(&self, held: Error) -> Result<HandedOver, Error> {
        let Self { args, context, ready, plans, .. } = *self;
        let session = Session { repo: ready.repo.clone(), state_dir: ready.state_dir.clone() };
        let mut client = match session.connect() {
            Ok(Some(client)) => client,
            Ok(None) => return Ok(HandedOver::NotNow(held)),
            Err(e) => return Ok(HandedOver::NotNow(e)),
        };
        let Ok(Answer::Run { run, .. }) = client.say(&Say::Who) else { return Ok(HandedOver::NotNow(held)) };
        let opened = session.load(&session.journal()?, run.clone())?;
        if !opened.state.is_live() {
            return Ok(HandedOver::NotNow(held));
        }
        if let Some(taken) = plans.iter().find(|p| opened.state.plan(&p.plan.id).is_some_and(|p| !is_over(p.phase))) {
            return Err(Error::new(
                Kind::Held,
                format!("the coordinator that holds this repository works on a plan `{}` already", taken.plan.id),
            )
            .hint("`greenlane status` shows how far it is; `greenlane wait` waits for its end"));
        }
        let wish = Wish { base: args.base.clone(), fresh: args.fresh };
        let mut submissions = ready.submissions(context, plans, &wish)?;
        // A run has a plan once. What it is done with is as it would be in a run of its own: there is nothing to do.
        let known = |s: &Submission| opened.state.plan(&s.plan.id).is_some();
        if let Some(again) = submissions.iter().find(|s| known(s) && !has_landed(s)) {
            return self.wait_for_end(&session, opened, &again.plan.id);
        }
        submissions.retain(|s| {
            if known(s) {
                context.output.say(&format!("`{}` has landed already in run {run}, which goes on with other plans", s.plan.id));
            }
            !known(s)
        });
        // Who does what was said here, and does not change with the coordinator.
        let nobodys = submissions.iter_mut().flat_map(|s| &mut s.plan.tasks).filter(|t| t.run.is_none() && t.candidates.is_empty());
        nobodys.filter(|t| t.agent.is_none()).for_each(|t| t.agent = assign::default_agent(&ready.config).map(str::to_owned));
        if !submissions.is_empty() {
            ready.copy_plans(&run, plans)?;
            if let Err(refused) = client.say(&Say::SubmitAll(submissions)) {
                let ended = session.load(&session.journal()?, run)?.state.ended_at.is_some();
                return if ended { Ok(HandedOver::NotNow(held)) } else { Err(refused.into()) };
            }
            context.output.say(&format!("handed to the coordinator that is at work here (run {run})"));
            let names: Vec<&str> = args.settings().iter().map(|(key, _)| *key).filter(|key| *key != "run.agent").collect();
            if !names.is_empty() {
                context.output.say(&format!("its own limits and policies hold; not taken over: {}", names.join(", ")));
            }
        }
        if args.background {
            super::detach::begun(&run);
        }
        drop(client);
        let plans: Vec<PlanId> = plans.iter().map(|p| p.plan.id.clone()).collect();
        let state = Box::new(watch(context, &session, opened, &plans, self.tell)?);
        Ok(HandedOver::Ended { run, state })
    }

    /// A plan that the run has had, and that is to be done again: in a run of its own, after this one.
    fn wait_for_end(&self, session: &Session, opened: Opened, plan: &PlanId) -> Result<HandedOver, Error> {
        let what = format!("run {} has had plan `{plan}` already, and takes it only once", opened.run);
        if self.args.background {
            let hint = "`greenlane wait` waits for its end; then the plan can be run again";
            return Err(Error::new(Kind::Held, what).hint(hint));
        }
        self.context.output.say(&format!("{what}: it is run again as soon as that has ended (Ctrl-C gives up)"));
        let mut following = Following::begin(session, opened)?;
        while !matches!(following.next(None)?, News::Over) {}
        Ok(HandedOver::Waited)
    }
}

fn is_over(phase: PlanPhase) -> bool {
    matches!(phase, PlanPhase::Ended { .. })
}

/// Everything of it is on its branch, or in the base.
fn has_landed(submission: &Submission) -> bool {
    submission.plan.tasks.iter().all(|t| t.ticked || submission.landed.contains_key(&t.id))
}

/// Shows what happens from here on, until these plans have ended; gives the state then.
fn watch(context: &Context, session: &Session, opened: Opened, plans: &[PlanId], tell: Tell) -> Result<State, Error> {
    let layout = Layout::new(&session.state_dir, &opened.run);
    let mut observer = display(context.output, tell == Tell::Json, layout, Scope::of(plans));
    let mut following = Following::begin(session, opened)?;
    loop {
        let state = &following.opened.state;
        if state.ended_at.is_some() || plans.iter().all(|id| state.plan(id).is_some_and(|p| is_over(p.phase))) {
            return Ok(following.opened.state);
        }
        match following.next(observer.tick_interval())? {
            News::Events(records) => observer.journalled(&following.opened.state, &records),
            News::Nothing => observer.tick(&following.opened.state, clock::now()),
            News::Over => {
                return Err(Error::new(Kind::NotDone, "the coordinator is gone before the plan's end")
                    .hint("`greenlane resume` goes on with the run"));
            }
        }
    }
}
