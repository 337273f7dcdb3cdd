//! The world as the driver meets it: does what the coordinator asks for, in its own time and order, and tells what came of it.
//! Knows the truth about tasks; checks what only the world can know.
//!
//! What a driver must keep in order is kept in order here: the actions about one task, and what is told of one attempt
//! (that it was spawned comes before that it ended).

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use greenlane_core::action::Action;
use greenlane_core::attempt::{Exit, Suite, Verdict};
use greenlane_core::event::Outcome;
use greenlane_core::ids::{AttemptId, GroupId, Oid, PlanId, TaskKey};
use greenlane_core::input::{AccountReading, Input, Request};
use greenlane_core::room::Room;
use greenlane_core::state::{Spawned, State};
use greenlane_core::time::Time;

use crate::faults::{Fault, Faults};
use crate::git::{Content, Git, Work};
use crate::keepers::{Fate, Keeper, Keepers, Stage, Worktree, record};
use crate::scenario::Scenario;

/// Something that will happen.
#[derive(Clone, Debug)]
pub enum Thing {
    /// The driver does something. Gone when the coordinator dies.
    Do(Action),
    /// The driver tells the coordinator something. Gone when the coordinator dies.
    Tell(Input),
    /// The same, of a check or suite that was ended with the run: it proves nothing.
    TellEnded(Input),
    /// A keeper takes its claim, if nobody else has.
    Claim(AttemptId),
    /// An agent comes to its end, unless its end was planned anew.
    End(AttemptId, u32, Box<Ending>),
    /// A plan is handed in.
    Submit(usize),
    /// A person asks for something.
    Ask(Ask),
    /// A person commits to a plan's branch.
    UserCommit,
    /// The coordinator's machine loses power.
    Crash,
    /// A new coordinator takes the run up.
    Resume,
    /// From now on nothing goes wrong.
    Calm,
}

/// What a person asks for; of what, is chosen when the time has come.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Pause,
    Unpause,
    StopTasks,
    StopRun,
    Retry,
    Nonsense,
}

/// How an agent ends.
#[derive(Clone, Debug)]
pub struct Ending {
    pub lost: bool,
    pub exit: Exit,
    pub report: greenlane_core::attempt::AgentReport,
    pub files: u8,
}

/// A rule that was broken, and how.
pub type Broken = (&'static str, String);

/// Everything but the coordinator.
pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub faults: Faults,
    pub scenario: Scenario,
    pub git: Git,
    pub keepers: Keepers,
    /// Those that have ever asked a person.
    pub asked: BTreeSet<AttemptId>,
    /// What all runs on the machine know of the accounts.
    accounts: BTreeMap<String, AccountReading>,
    queue: BTreeMap<(u64, u64), Thing>,
    sequence: u64,
    /// When the last thing about a task is done, and when the last thing about it is told.
    busy: BTreeMap<TaskKey, u64>,
    told: BTreeMap<TaskKey, u64>,
    /// Checks and suites are being ended with the run.
    aborted: bool,
    /// What the suite last said of a tree.
    verdicts: BTreeMap<(PlanId, Content), bool>,
}

impl World {
    pub fn new(rng: Rng, faults: Faults, scenario: Scenario) -> Self {
        Self {
            now: 1_000,
            rng,
            faults,
            scenario,
            git: Git::default(),
            keepers: Keepers::default(),
            asked: BTreeSet::new(),
            accounts: BTreeMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            busy: BTreeMap::new(),
            told: BTreeMap::new(),
            aborted: false,
            verdicts: BTreeMap::new(),
        }
    }

    /// Plans something for `delay` milliseconds from now.
    pub fn after(&mut self, delay: u64, thing: Thing) {
        self.at(self.now + delay, thing);
    }

    fn at(&mut self, time: u64, thing: Thing) {
        self.sequence += 1;
        self.queue.insert((time, self.sequence), thing);
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<u64> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing.
    pub fn pop(&mut self) -> Option<Thing> {
        let ((at, _), thing) = self.queue.pop_first()?;
        self.now = self.now.max(at);
        Some(thing)
    }

    /// The driver has nothing more to do or to tell.
    pub fn driver_is_idle(&self) -> bool {
        !self.queue.values().any(|t| matches!(t, Thing::Do(_) | Thing::Tell(_) | Thing::TellEnded(_)))
    }

    /// What the driver was about to do is not done; what it was about to tell is not told.
    pub fn driver_dies(&mut self) {
        self.queue.retain(|_, t| !matches!(t, Thing::Do(_) | Thing::Tell(_) | Thing::TellEnded(_)));
        self.keepers.all.values_mut().for_each(|k| k.watched = false);
        self.busy.clear();
        self.told.clear();
        self.aborted = false;
    }

    /// The driver takes an action on.
    pub fn accept(&mut self, action: Action) {
        let work = match &action {
            Action::JudgeWork { .. } => self.rng.u64(10..60_000),
            Action::VerifyBatch { .. } | Action::VerifyBase { .. } => self.rng.u64(100..120_000),
            _ => self.rng.u64(1..2_000),
        };
        let mut at = self.now + work;
        if let Action::StartAttempt { attempt, .. }
        | Action::JudgeWork { attempt }
        | Action::FreeWorkspace { attempt }
        | Action::KeepWorkspace { attempt } = &action
        {
            let busy = self.busy.entry(attempt.key.clone()).or_default();
            at = at.max(*busy + 1);
            *busy = at;
        }
        self.at(at, Thing::Do(action));
    }

    fn tell(&mut self, input: Input) {
        let delay = self.rng.u64(0..200);
        self.after(delay, Thing::Tell(input));
    }

    /// What is told of one attempt is told in order.
    fn tell_of(&mut self, attempt: &AttemptId, input: Input) {
        let delay = self.now + self.rng.u64(0..200);
        let told = self.told.entry(attempt.key.clone()).or_default();
        *told = delay.max(*told + 1);
        let at = *told;
        self.at(at, Thing::Tell(input));
    }

    /// The driver does what it was asked for. `state` is what it can look up.
    pub fn perform(&mut self, action: Action, state: &State) -> Result<(), Broken> {
        match action {
            Action::PreparePlan { plan } => {
                if self.faults.strikes(&mut self.rng, Fault::Git) {
                    self.tell(Input::PlanNotPrepared { plan, message: String::from("no space left on device") });
                    return Ok(());
                }
                let base = state.plan(&plan).map(|p| p.submission.base.clone()).ok_or(("driver_can_look_up", format!("{plan}")))?;
                self.git.branches.entry(plan.clone()).or_insert_with(|| vec![base]);
                let suite = self.truth(&plan).is_some_and(|t| t.suite);
                let verify = if suite { vec![String::from("make test")] } else { Vec::new() };
                self.tell(Input::PlanPrepared { branch: format!("greenlane/{plan}"), plan, verify });
            }
            Action::VerifyBase { plan, commit } => {
                let suite = self.suite(&plan, &commit, false);
                let thing = Input::BaseJudged { plan, suite };
                self.tell_gate(thing);
            }
            Action::StartAttempt { attempt, fresh, base, onto, claim, .. } => {
                if claim.is_none() || self.claim_issue(&attempt)? {
                    self.start(attempt, fresh, &base, onto.is_some(), state)?;
                }
            }
            Action::ProbeAttempt { attempt } => self.probe(attempt, state),
            Action::EndAttempt { attempt, now } => self.end(&attempt, now),
            Action::JudgeWork { attempt } => {
                let verdict = self.judge(&attempt, state)?;
                self.tell_gate(Input::WorkJudged { attempt, verdict });
            }
            Action::MergeBatch { batch, onto, attempts, .. } => {
                let results = if self.faults.strikes(&mut self.rng, Fault::Git) {
                    Err(String::from("git merge-tree failed"))
                } else {
                    Ok(self.git.merge(&onto, &attempts))
                };
                self.tell(Input::BatchMerged { batch, results });
            }
            Action::VerifyBatch { batch, plan, commit, again } => {
                let suite = self.suite(&plan, &commit, !again);
                self.tell_gate(Input::BatchVerified { batch, suite });
            }
            Action::BeginGroup { plan, group, refresh, .. } => {
                if refresh.is_some() {
                    let problem = self.faults.strikes(&mut self.rng, Fault::Git).then(|| String::from("it ran into its time limit"));
                    self.tell(Input::GroupRefreshed { plan, group, problem });
                }
            }
            Action::RollBackGroup { plan, group, head, landing, landings } => self.roll_back_group(plan, group, &head, &landing, landings),
            Action::MoveBranch { batch, plan, from, to } => self.move_branch(batch, &plan, &from, to)?,
            Action::LimitAccount { account, until, limit, reason } => {
                let known = self.accounts.entry(account.clone()).or_default();
                let (paused_until, changed_at) = (known.paused_until.max(Some(until)), Some(Time(self.now)));
                *known = AccountReading { paused_until, reason, limit: Some(limit), changed_at, ..AccountReading::default() };
                self.tell_account(&account);
            }
            Action::RaiseAccount { account, from, to } => {
                let known = self.accounts.entry(account.clone()).or_default();
                if known.limit == Some(from) {
                    (known.limit, known.changed_at) = (Some(to), Some(Time(self.now)));
                }
                self.tell_account(&account);
            }
            Action::FreeWorkspace { attempt } => {
                if let Some(worktree) = self.keepers.worktrees.get_mut(&attempt.key) {
                    worktree.free = true;
                }
            }
            Action::KeepWorkspace { attempt } => {
                if let Some(worktree) = self.keepers.worktrees.get_mut(&attempt.key) {
                    worktree.kept = true;
                }
            }
            Action::CheckHealth { attempts } => {
                let readings = attempts.into_iter().map(|a| (a.clone(), self.keepers.look(&mut self.rng, &a, self.now))).collect();
                let delay = self.rng.u64(0..200);
                self.after(delay, Thing::Tell(Input::HealthRead { readings }));
                let short = self.faults.strikes(&mut self.rng, Fault::Room);
                let free = if short { self.rng.u64(0..512 << 20) } else { self.rng.u64(512 << 20..1 << 40) };
                // What is just enough is not enough after there was too little; what is calm has plenty.
                let free = if self.faults.is_calm() { 1 << 40 } else { free };
                let room = Room { disk_free: Some((String::from("/w"), free)), memory_free: None };
                let delay = self.rng.u64(0..200);
                self.after(delay, Thing::Tell(Input::RoomRead { room }));
            }
            Action::TellRest { .. } => {}
            Action::AbortGates => self.aborted = true,
        }
        Ok(())
    }

    /// What a new coordinator finds: somebody may have signed in, or out, or changed an account, and there may be limits of others.
    pub fn look_at_agents(&mut self) -> Vec<Input> {
        let options = &self.scenario.options;
        let (mut accounts, mut unavailable) = (options.accounts.clone(), options.unavailable.clone());
        if self.faults.strikes(&mut self.rng, Fault::Quota) {
            unavailable.clear();
            accounts.insert(String::from("gemini"), String::from("work"));
        }
        let known =
            self.accounts.iter().map(|(account, reading)| Input::AccountRead { account: account.clone(), reading: reading.clone() });
        std::iter::once(Input::AgentsChecked { accounts, unavailable }).chain(known).collect()
    }

    fn tell_account(&mut self, account: &str) {
        let mut reading = self.accounts.get(account).cloned().unwrap_or_default();
        reading.free = self.rng.bool().then(|| self.rng.u32(1..5));
        self.tell(Input::AccountRead { account: account.to_owned(), reading });
    }

    /// Another run has every place of the account, and leaves one after a while; it may have met a limit as well.
    fn defers(&mut self, attempt: &AttemptId, state: &State) -> bool {
        let Some(account) = state.attempt(attempt).and_then(|a| state.account_of(&a.agent)).map(str::to_owned) else { return false };
        if !self.faults.strikes(&mut self.rng, Fault::Quota) {
            return false;
        }
        self.keepers.all.insert(attempt.clone(), Keeper { stage: Stage::Voided, watched: false, by_hand: false, plan: 0, began: 0 });
        self.tell_of(attempt, Input::AttemptDeferred { attempt: attempt.clone() });
        let known = self.accounts.entry(account.clone()).or_default();
        if self.rng.u8(0..4) == 0 {
            let long = self.rng.u8(0..8) == 0;
            known.paused_until = Some(Time(self.now + self.rng.u64(0..if long { 10_000_000 } else { 600_000 })));
            known.limit = Some(self.rng.u32(1..5));
        }
        let reading = AccountReading { free: Some(self.rng.u32(1..3)), ..known.clone() };
        // After everything that is told of the attempt.
        let delay = self.rng.u64(1_000..60_000);
        self.after(delay, Thing::Tell(Input::AccountRead { account, reading }));
        true
    }

    fn tell_gate(&mut self, input: Input) {
        let delay = self.rng.u64(0..200);
        let thing = if self.aborted { Thing::TellEnded(input) } else { Thing::Tell(input) };
        self.after(delay, thing);
    }

    fn truth(&self, plan: &PlanId) -> Option<&crate::scenario::PlanTruth> {
        let number: usize = plan.as_str().strip_prefix('p')?.parse().ok()?;
        self.scenario.plans.get(number)
    }

    /// Asks the tracker; `false`: somebody else has the issue.
    fn claim_issue(&mut self, attempt: &AttemptId) -> Result<bool, Broken> {
        if self.keepers.all.contains_key(attempt) {
            return Err(("attempt_starts_once", format!("{attempt} is started a second time")));
        }
        let input = if self.faults.strikes(&mut self.rng, Fault::Tracker) {
            if self.rng.bool() {
                self.keepers
                    .all
                    .insert(attempt.clone(), Keeper { stage: Stage::Voided, watched: false, by_hand: false, plan: 0, began: 0 });
                self.tell_of(attempt, Input::IssueTaken { attempt: attempt.clone(), reason: String::from("claimed by Ann") });
                return Ok(false);
            }
            Input::ClaimUnanswered { attempt: attempt.clone(), reason: String::from("no answer") }
        } else {
            Input::IssueClaimed { attempt: attempt.clone(), from: None }
        };
        self.tell_of(attempt, input);
        Ok(true)
    }

    fn start(&mut self, attempt: AttemptId, fresh: bool, base: &Oid, combined: bool, state: &State) -> Result<(), Broken> {
        if self.keepers.all.contains_key(&attempt) {
            return Err(("attempt_starts_once", format!("{attempt} is started a second time")));
        }
        if self.defers(&attempt, state) {
            return Ok(());
        }
        if self.faults.strikes(&mut self.rng, Fault::Room) {
            self.keepers.all.insert(attempt.clone(), Keeper { stage: Stage::Voided, watched: false, by_hand: false, plan: 0, began: 0 });
            self.tell_of(&attempt.clone(), Input::AttemptHeldBack { attempt, short: String::from("no room") });
            return Ok(());
        }
        let content = self.git.content(base);
        if self.faults.strikes(&mut self.rng, Fault::Spawn) {
            self.keepers.all.insert(attempt.clone(), Keeper { stage: Stage::Voided, watched: false, by_hand: false, plan: 0, began: 0 });
            self.tell_of(
                &attempt.clone(),
                Input::AttemptNotSpawned { attempt, message: String::from("no worktree could be had"), detail: None },
            );
            return Ok(());
        }
        let fresh = fresh || !self.keepers.worktrees.contains_key(&attempt.key);
        if fresh {
            // The pool snapshots whatever it finds before it starts from the base.
            self.keepers.worktrees.insert(attempt.key.clone(), Worktree { base: content, ..Worktree::default() });
        }
        if let Some(worktree) = self.keepers.worktrees.get_mut(&attempt.key) {
            if combined {
                worktree.base = self.git.content(base);
            }
            // Whoever has it in hand merges what it conflicted with.
            let before = state.task(&attempt.key).and_then(|t| t.attempts.iter().rev().find(|a| a.n < attempt.n && a.spawned.is_some()));
            if before.is_some_and(|a| a.outcome == Some(Outcome::Conflict)) {
                worktree.base.extend(self.git.content(base));
            }
            worktree.free = false;
            self.starts_on_its_dependencies(&attempt, state)?;
        }
        let by_hand = state.attempt(&attempt).is_some_and(|a| state.is_hand_off(&a.agent));
        self.keepers.all.insert(attempt.clone(), Keeper { stage: Stage::Forked, watched: true, by_hand, plan: 0, began: 0 });
        let delay = self.rng.u64(0..500);
        self.after(delay, Thing::Claim(attempt));
        Ok(())
    }

    /// Whatever it depends on is in what it works on, some work of it at least.
    fn starts_on_its_dependencies(&self, attempt: &AttemptId, state: &State) -> Result<(), Broken> {
        let Some(task) = state.task(&attempt.key) else { return Ok(()) };
        let base = &self.keepers.worktrees[&attempt.key].base;
        for dependency in &state.definition(task).depends {
            let key = TaskKey { plan: attempt.key.plan.clone(), task: dependency.clone() };
            let Some(on) = state.task(&key) else { continue };
            let before = on.landed_before.is_some() || state.definition(on).ticked;
            let there = base.iter().any(|w| self.git.works[*w].attempt.as_ref().is_some_and(|a| a.key == key));
            if !before && !there {
                return Err(("starts_on_its_dependencies", format!("{attempt} starts without {key}, which it depends on")));
            }
        }
        Ok(())
    }

    /// A keeper takes its claim, and its agent starts.
    pub fn claim(&mut self, attempt: AttemptId) -> Result<(), Broken> {
        let Some(keeper) = self.keepers.all.get_mut(&attempt) else { return Ok(()) };
        if keeper.stage == Stage::Voided {
            return Ok(());
        }
        if keeper.stage != Stage::Forked {
            return Err(("attempt_starts_once", format!("{attempt} begins a second time")));
        }
        keeper.stage = Stage::Running;
        keeper.began = self.now;
        let watched = keeper.watched;
        if let Some((other, _)) = self.running().find(|(a, _)| a.key == attempt.key && **a != attempt) {
            return Err(("one_process_per_task", format!("{attempt} begins while {other} runs")));
        }
        let (count, jobs) = (self.running().filter(|(a, k)| !k.by_hand && !self.asked.contains(*a)).count(), self.scenario.options.jobs);
        if count > jobs as usize {
            return Err(("processes_fit_jobs", format!("{count} agents run on {jobs} slots")));
        }
        let fate = Fate::random(&mut self.rng, &self.faults, &self.scenario.tasks[&attempt.key], self.now);
        let ending = Ending { lost: fate.lost, exit: fate.exit, report: fate.report, files: fate.files };
        self.after(fate.after, Thing::End(attempt.clone(), 0, Box::new(ending)));
        if watched {
            self.tell_spawned(&attempt);
        }
        Ok(())
    }

    /// Agents that are at work.
    pub fn running(&self) -> impl Iterator<Item = (&AttemptId, &Keeper)> {
        self.keepers.all.iter().filter(|(_, k)| k.stage == Stage::Running)
    }

    fn tell_spawned(&mut self, attempt: &AttemptId) {
        let spawned = spawned(attempt);
        let (worktree, branch, base, pid) = (spawned.worktree, spawned.branch, spawned.base, spawned.pid);
        self.tell_of(attempt, Input::AttemptSpawned { attempt: attempt.clone(), worktree, branch, base, pid });
    }

    /// An agent's tree is gone.
    pub fn agent_ends(&mut self, attempt: &AttemptId, plan: u32, ending: Ending) {
        let Some(keeper) = self.keepers.all.get_mut(attempt).filter(|k| k.plan == plan && k.stage == Stage::Running) else { return };
        let record = record(ending.exit, ending.report, keeper.began, self.now);
        keeper.stage = if ending.lost { Stage::Lost } else { Stage::Exited(record) };
        let watched = keeper.watched;
        if let Some(worktree) = self.keepers.worktrees.get_mut(&attempt.key) {
            let truth = &self.scenario.tasks[&attempt.key];
            worktree.files |= ending.files;
            worktree.guilty |= truth.guilty && ending.files != 0;
            worktree.kept &= ending.files == 0;
        }
        if watched {
            self.tell_end(attempt);
        }
    }

    fn tell_end(&mut self, attempt: &AttemptId) {
        match self.keepers.all.get(attempt).map(|k| k.stage.clone()) {
            Some(Stage::Exited(record)) => self.tell_of(attempt, Input::AttemptExited { attempt: attempt.clone(), record }),
            Some(Stage::Lost) => self.tell_of(attempt, Input::AttemptLost { attempt: attempt.clone() }),
            _ => {}
        }
    }

    fn probe(&mut self, attempt: AttemptId, state: &State) {
        let known = state.attempt(&attempt).is_some_and(|a| a.spawned.is_some());
        let new = Keeper { stage: Stage::Voided, watched: false, by_hand: false, plan: 0, began: 0 };
        let keeper = self.keepers.all.entry(attempt.clone()).or_insert(new);
        keeper.watched = true;
        match &keeper.stage {
            Stage::Forked | Stage::Voided => {
                keeper.stage = Stage::Voided;
                self.tell_of(&attempt.clone(), Input::AttemptVoided { attempt });
            }
            Stage::Running | Stage::Exited(_) | Stage::Lost => {
                if !known {
                    self.tell_spawned(&attempt);
                }
                self.tell_end(&attempt);
            }
        }
    }

    fn end(&mut self, attempt: &AttemptId, now: bool) {
        let Some(keeper) = self.keepers.all.get_mut(attempt).filter(|k| k.stage == Stage::Running) else { return };
        keeper.plan += 1;
        let plan = keeper.plan;
        let exit = match self.rng.u8(0..8) {
            0 => Exit::Code { code: 0 },
            1 => Exit::Code { code: 143 },
            _ => Exit::Cancelled,
        };
        let grace = if now { self.rng.u64(1..100) } else { self.rng.u64(1..30_000) };
        let files = if self.rng.bool() { self.scenario.tasks[&attempt.key].owned.max(1) } else { 0 };
        let ending = Ending { lost: self.faults.strikes(&mut self.rng, Fault::Lost), exit, report: Default::default(), files };
        self.after(grace, Thing::End(attempt.clone(), plan, Box::new(ending)));
    }

    fn judge(&mut self, attempt: &AttemptId, state: &State) -> Result<Verdict, Broken> {
        if state.attempt(attempt).is_none_or(|a| a.spawned.is_none()) {
            return Err(("judged_has_a_worktree", format!("{attempt} is judged, and nobody knows where it worked")));
        }
        if self.running().any(|(a, _)| a.key == attempt.key) {
            return Err(("judged_when_gone", format!("{attempt} is judged while its task's agent runs")));
        }
        let worktree = self.keepers.worktrees.get(&attempt.key).cloned().unwrap_or_default();
        let ended = self.aborted && self.rng.u8(0..4) > 0;
        if ended || self.faults.strikes(&mut self.rng, Fault::Gate) && self.rng.u8(0..4) == 0 {
            return Ok(Verdict::Broken { message: String::from("killed") });
        }
        if worktree.files == 0 {
            return Ok(Verdict::NoChange);
        }
        let owned = self.scenario.tasks[&attempt.key].owned;
        let work = Work { attempt: Some(attempt.clone()), files: worktree.files, base: worktree.base, guilty: worktree.guilty };
        let (_, commit) = self.git.commit_work(work);
        if owned != 0 && worktree.files & !owned != 0 {
            return Ok(Verdict::OutsideOwnership { commit, files: vec![String::from("elsewhere")] });
        }
        if self.aborted || self.faults.strikes(&mut self.rng, Fault::Gate) {
            let output = String::new();
            return Ok(Verdict::CheckFailed { commit, command: String::from("make check"), exit_code: None, output, timed_out: false });
        }
        if self.faults.strikes(&mut self.rng, Fault::Gate) {
            return Ok(Verdict::NeedsHuman { why: String::from("HEAD left the base"), kept: None });
        }
        Ok(Verdict::Accepted { commit, files_changed: worktree.files.count_ones(), suite_files: Vec::new() })
    }

    /// Runs the suite on a commit, or believes what it said of the same tree before.
    fn suite(&mut self, plan: &PlanId, commit: &Oid, believe: bool) -> Suite {
        let ended = self.aborted && self.rng.u8(0..4) > 0;
        if ended && self.rng.bool() || self.faults.strikes(&mut self.rng, Fault::Gate) && self.rng.u8(0..8) == 0 {
            return Suite::Broken { message: String::from("no worktree could be had") };
        }
        let content = self.git.content(commit);
        let key = (plan.clone(), content);
        let remembered = self.verdicts.get(&key).copied().filter(|_| believe);
        let green = remembered.unwrap_or_else(|| !ended && self.is_green(plan, &key.1));
        if !ended {
            self.verdicts.insert(key, green);
        }
        if green {
            self.git.greens.insert(commit.clone());
            return Suite::Green { cached: remembered.is_some() };
        }
        *self.git.reds.entry(self.git.content(commit)).or_default() += 1;
        Suite::Red {
            command: String::from("make test"),
            exit_code: (!ended).then_some(1),
            output: String::new(),
            timed_out: false,
            hint: None,
            set_up_log: None,
        }
    }

    fn is_green(&mut self, plan: &PlanId, content: &Content) -> bool {
        let Some(truth) = self.truth(plan).cloned() else { return true };
        let flaked = !self.faults.is_calm() && self.rng.u32(0..1000) < truth.flaky;
        let has = |position: usize| {
            let of = |a: &AttemptId| self.scenario.tasks.get(&a.key).is_some_and(|t| t.position == position && a.key.plan == *plan);
            content.iter().any(|w| self.git.works[*w].attempt.as_ref().is_some_and(of))
        };
        let together = truth.red_together.iter().any(|(a, b)| a != b && has(*a) && has(*b));
        !truth.base_red && !flaked && !together && !content.iter().any(|w| self.git.works[*w].guilty)
    }

    fn move_branch(&mut self, batch: u64, plan: &PlanId, from: &Oid, to: Oid) -> Result<(), Broken> {
        let fails = self.faults.strikes(&mut self.rng, Fault::Git);
        let suite = self.truth(plan).is_some_and(|t| t.suite);
        if suite && !self.git.greens.contains(&to) {
            return Err(("branch_is_green", format!("{plan} is moved to {to}, on which the suite was never green")));
        }
        let Some(branch) = self.git.branches.get_mut(plan) else {
            return Err(("driver_can_look_up", format!("{plan} has no branch")));
        };
        match branch.last() {
            // It was moved by a coordinator that died before it knew; somebody may have committed on top since.
            Some(_) if branch.contains(&to) => self.tell(Input::BranchMoved { batch }),
            _ if fails => self.tell(Input::BranchNotMoved { batch, message: String::from("the ref is locked") }),
            Some(head) if head == from => {
                branch.push(to);
                self.tell(Input::BranchMoved { batch });
            }
            head => {
                let actual = head.cloned().unwrap_or_else(|| from.clone());
                self.tell(Input::BranchRaced { batch, actual, by: None });
            }
        }
        Ok(())
    }

    /// A person commits something to a branch.
    pub fn user_commits(&mut self) {
        let plans: Vec<PlanId> = self.git.branches.keys().cloned().collect();
        if plans.is_empty() {
            return;
        }
        let plan = &plans[self.rng.usize(..plans.len())];
        let Some(head) = self.git.head(plan).cloned() else { return };
        let mut content = self.git.content(&head);
        let files = if self.rng.bool() { 0 } else { 1 << self.rng.u8(0..8) };
        let work = Work { attempt: None, files, base: content.clone(), guilty: false };
        content.insert(self.git.commit_work(work).0);
        let commit = self.git.commit(content);
        self.git.branches.entry(plan.clone()).or_default().push(commit);
    }

    /// The coordinator wants what landed since a group began off the branch.
    fn roll_back_group(&mut self, plan: PlanId, group: GroupId, head: &Oid, landing: &Oid, landings: usize) {
        let mut before = self.git.content(landing);
        // What is in a merge beside its parent's content is the newest work in it that is not in the commit before.
        let first = self.git.merged_by(landing);
        before.retain(|work| Some(*work) != first);
        let kept = String::from("refs/greenlane/kept");
        let Some(at) = self.git.head(&plan).cloned() else { return };
        if first.is_some_and(|work| !self.git.content(&at).contains(&work)) {
            // A coordinator that died before it knew has done it; somebody may have committed on top since.
            self.tell(Input::GroupRolledBack { plan, group, head: at, kept });
            return;
        }
        let off: Vec<usize> = self.git.content(head).difference(&before).copied().collect();
        let of_people = off.iter().any(|work| self.git.works[*work].attempt.is_none());
        if at != *head || of_people || off.len() != landings || self.faults.strikes(&mut self.rng, Fault::Git) {
            self.tell(Input::GroupNotRolledBack { plan, group, message: String::from("somebody committed to the branch") });
            return;
        }
        let places = self.git.branches.get(&plan).cloned().unwrap_or_default();
        let Some(to) = places.iter().rposition(|place| self.git.content(place) == before) else {
            self.tell(Input::GroupNotRolledBack { plan, group, message: String::from("it never was there") });
            return;
        };
        self.git.branches.entry(plan.clone()).or_default().truncate(to + 1);
        for work in off {
            if let Some(attempt) = &self.git.works[work].attempt
                && let Some(worktree) = self.keepers.worktrees.get_mut(&attempt.key)
            {
                worktree.kept = true;
            }
        }
        self.tell(Input::GroupRolledBack { plan, group, head: places[to].clone(), kept });
    }

    /// Takes landings off a branch, back to an earlier place of it: the request that says so, if there is anything to take off.
    pub fn roll_back(&mut self, state: &State) -> Option<Request> {
        let idle: Vec<PlanId> = state
            .plans
            .iter()
            .filter(|p| p.lane.is_idle() && self.git.head(&p.submission.plan.id) == Some(&p.head))
            .map(|p| p.submission.plan.id.clone())
            .collect();
        let plan = idle.get(self.rng.usize(..idle.len().max(1)))?.clone();
        let branch = self.git.branches.get(&plan)?.clone();
        let to = self.rng.usize(..branch.len());
        let (before, after) = (self.git.content(&branch[to]), self.git.content(branch.last()?));
        let gone = after.difference(&before).filter_map(|w| self.git.works[*w].attempt.as_ref().map(|a| a.key.clone()));
        let tasks: Vec<TaskKey> = gone.collect();
        self.git.branches.get_mut(&plan)?.truncate(to + 1);
        // What is taken off stays in a ref, wherever its worktree has gone.
        for task in &tasks {
            if let Some(worktree) = self.keepers.worktrees.get_mut(task) {
                worktree.kept = true;
            }
        }
        Some(Request::RollBack { plan, head: branch[to].clone(), tasks, kept: String::from("refs/greenlane/kept") })
    }
}

fn spawned(attempt: &AttemptId) -> Spawned {
    let (worktree, branch) = (format!("/w/{}", attempt.key), format!("task/{}", attempt.key.task));
    Spawned { at: Time(0), worktree, branch, base: Oid::from("base"), pid: 1 }
}
