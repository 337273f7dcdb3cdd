//! Decides what happens next: `step(state, now, input)` gives events (to be journalled) and actions (to be done once
//! they are). No I/O, no clock, no randomness but the seed in the options.
//!
//! Approach: an input is first checked against the state; what is no longer current is ignored. Then it becomes
//! events, each of which is applied at once. At the end of every step [`settle`] draws the consequences that follow
//! from the state alone: skip what cannot run, land what waits, start what is ready, end what is over.

mod attempt;
mod budget;
mod cancel;
mod claim;
mod exchange;
mod groups;
mod health;
mod keep;
mod land;
mod plans;
mod quota;
mod recover;
mod retry;
mod room;
mod schedule;
mod settle;

pub(crate) use quota::{Choice, choose, full};
pub(crate) use schedule::{backlog_is_full, owner_at_work};

use crate::action::Action;
use crate::event::{Event, HaltCause};
use crate::input::{Input, Request};
use crate::state::{Illegal, Phase, State};
use crate::time::Time;

/// What one step decided.
#[derive(Debug, Default)]
pub struct Step {
    /// To be journalled, in this order, before any action starts. The state has them already.
    pub events: Vec<Event>,
    /// To be done once the events are durable.
    pub actions: Vec<Action>,
    /// The answer to a request: `Err` says in the user's words why nothing was done.
    pub reply: Option<Result<(), String>>,
    /// A fault in the coordinator itself: drop the state and reload it from the journal.
    pub fault: Option<Illegal>,
}

/// Takes one input in.
pub fn step(state: &mut State, now: Time, input: Input) -> Step {
    let mut turn = Turn { state, now, out: Step::default() };
    turn.take(input);
    if turn.state.is_live() && turn.out.fault.is_none() {
        turn.settle();
    }
    turn.keep_what_ended();
    turn.out
}

/// One step under way.
struct Turn<'a> {
    state: &'a mut State,
    now: Time,
    out: Step,
}

impl Turn<'_> {
    fn take(&mut self, input: Input) {
        match input {
            Input::Begin(options) => {
                if self.state.options.is_none() {
                    self.emit(Event::RunStarted { options });
                }
            }
            Input::Submit(submission) => self.submit(vec![*submission]),
            Input::SubmitAll(submissions) => self.submit(submissions),
            Input::Request(request) => self.request(request),
            Input::Together(inputs) => inputs.into_iter().for_each(|input| self.take(input)),
            Input::Tick => {}
            Input::Resume => self.resume(),
            Input::PlanPrepared { plan, branch, verify } => self.plan_prepared(&plan, branch, verify),
            Input::PlanNotPrepared { plan, message } => self.plan_not_prepared(&plan, &message),
            Input::BaseJudged { plan, suite } => self.base_judged(&plan, suite),
            Input::Said { attempt, talk } => {
                let reply = self.said(&attempt, talk);
                self.out.reply = Some(reply);
            }
            Input::AttemptSpawned { attempt, worktree, branch, base, pid } => {
                let waits_for_it =
                    self.is_current(&attempt, Phase::Running) && self.state.attempt(&attempt).is_some_and(|a| a.spawned.is_none());
                if waits_for_it {
                    self.emit(Event::AttemptSpawned { attempt: attempt.clone(), worktree, branch, base, pid });
                    self.end_if_called_off(&attempt);
                }
            }
            Input::AttemptNotSpawned { attempt, message, detail } => self.attempt_not_spawned(&attempt, &message, detail),
            Input::AttemptExited { attempt, record } => self.attempt_exited(&attempt, record),
            Input::AttemptLost { attempt } => self.attempt_lost(&attempt),
            Input::AttemptVoided { attempt } => self.attempt_voided(&attempt),
            Input::AttemptDeferred { attempt } => self.attempt_deferred(&attempt),
            Input::AccountRead { account, reading } => self.account_read(account, reading),
            Input::HealthRead { readings } => self.health_read(readings),
            Input::RoomRead { room } => self.room_read(&room),
            Input::FloorsSet { room } => self.floors_set(room),
            Input::AttemptHeldBack { attempt, short } => self.attempt_held_back(&attempt, short),
            Input::DiskFull { message } => self.halt(HaltCause::DiskFull, format!("the disk is full: {message}")),
            Input::AgentsChecked { accounts, unavailable } => self.agents_checked(accounts, unavailable),
            Input::SharedStateChanged { attempt, changes, more } => self.shared_state_changed(attempt, changes, more),
            Input::IssueClaimed { attempt, from } => self.issue_claimed(attempt, from),
            Input::ClaimUnanswered { attempt, reason } => self.claim_unanswered(attempt, reason),
            Input::IssueTaken { attempt, reason } => self.issue_taken(&attempt, reason),
            Input::WorkJudged { attempt, verdict } => self.work_judged(&attempt, verdict),
            Input::GroupRefreshed { plan, group, problem } => self.group_refreshed(plan, group, problem),
            Input::GroupRolledBack { plan, group, head, kept } => self.group_rolled_back(plan, &group, head, kept),
            Input::GroupNotRolledBack { plan, group, message } => self.group_not_rolled_back(plan, group, message),
            Input::BatchMerged { batch, results } => self.batch_merged(batch, results),
            Input::BatchVerified { batch, suite } => self.batch_verified(batch, suite),
            Input::BranchMoved { batch } => self.branch_moved(batch),
            Input::BranchRaced { batch, actual, by } => self.branch_raced(batch, actual, by),
            Input::BranchNotMoved { batch, message } => self.branch_not_moved(batch, &message),
        }
    }

    fn request(&mut self, request: Request) {
        let reply = match request {
            Request::StopRun { how } => self.stop_run(how),
            Request::StopTasks { tasks, now } => self.stop_tasks(&tasks, now),
            Request::Pause => self.pause(true),
            Request::Unpause => self.pause(false),
            Request::Retry { tasks, fresh, agent } => self.reopen(&tasks, fresh, agent.as_deref()),
            Request::SetBudget { budget, task_budget } => self.set_budget(budget, task_budget),
            Request::Answer { question, text } => self.answered(question, &text),
            Request::RollBack { plan, head, tasks, kept } => self.roll_back(plan, head, &tasks, kept),
        };
        self.out.reply = Some(reply);
    }

    /// Applies and records; after a fault nothing more is recorded.
    fn emit(&mut self, event: Event) {
        if self.out.fault.is_some() {
            return;
        }
        match self.state.apply(self.now, &event) {
            Ok(()) => self.out.events.push(event),
            Err(illegal) => self.out.fault = Some(illegal),
        }
    }

    fn act(&mut self, action: Action) {
        if self.out.fault.is_none() {
            self.out.actions.push(action);
        }
    }

    fn is_current(&self, attempt: &crate::ids::AttemptId, phase: Phase) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.state.options.as_ref().and_then(|o| o.planted_bug) == Some(crate::planted::PlantedBug::BelieveStaleResults) {
            return self.state.task(&attempt.key).is_some_and(|t| t.phase == phase);
        }
        self.state.is_current(attempt, phase)
    }
}
