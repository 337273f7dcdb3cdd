//! One simulation: a coordinator with its journal in a world that goes wrong, first with faults (safety), then without (liveness).

use std::collections::BTreeSet;

use fastrand::Rng;
use greenlane_core::coordinator::{Step, step};
use greenlane_core::event::{Event, Stopping};
use greenlane_core::ids::TaskKey;
use greenlane_core::input::{Input, Request};
use greenlane_core::planted::PlantedBug;
use greenlane_core::state::{Phase, State};
use greenlane_core::time::Time;

use crate::checks;
use crate::faults::{Fault, Faults};
use crate::report::{Failure, Trace};
use crate::scenario::{Scenario, Size};
use crate::talk;
use crate::world::{Ask, Broken, Thing, World};

/// What is simulated: repeatable from these alone.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    pub seed: u64,
    pub size: Size,
    pub kinds: &'a [Fault],
    pub bug: Option<PlantedBug>,
}

/// What a simulation came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub steps: u64,
    pub events: u64,
    pub crashes: u64,
    pub landed: u64,
    pub tasks: u64,
}

/// Simulates one run.
///
/// # Errors
/// The rule that was broken.
pub fn simulate(setup: Setup, traced: bool) -> Result<Stats, Failure> {
    let mut rng = Rng::with_seed(setup.seed);
    let faults = Faults::random(&mut rng, setup.kinds);
    let mut scenario = Scenario::random(&mut rng, setup.size, &faults);
    scenario.options.planted_bug = setup.bug;
    let world = World::new(rng, faults, scenario);
    let mut simulation = Simulation {
        world,
        state: Some(State::default()),
        journal: Vec::new(),
        seen: Vec::new(),
        called_off: BTreeSet::new(),
        calm_since: None,
        again: 3,
        stats: Stats::default(),
        trace: Trace::new(traced),
    };
    match simulation.run() {
        Ok(()) => Ok(simulation.stats),
        Err((rule, what)) => Err(Failure { rule, what, steps: simulation.stats.steps, trace: simulation.trace.take() }),
    }
}

struct Simulation {
    world: World,
    /// `None`: nobody coordinates.
    state: Option<State>,
    journal: Vec<(Time, Event)>,
    /// Results that were told and journalled: told again, they must change nothing.
    seen: Vec<Input>,
    /// Tasks that a person called off, and nobody asked for since.
    called_off: BTreeSet<TaskKey>,
    /// Step and time at which everything became calm.
    calm_since: Option<(u64, u64)>,
    /// How often a finished run may yet be taken up again.
    again: u32,
    stats: Stats,
    trace: Trace,
}

impl Simulation {
    fn run(&mut self) -> Result<(), Broken> {
        self.foresee();
        self.trace.scenario(&self.world.scenario);
        let options = self.world.scenario.options.clone();
        self.feed(Input::Begin(Box::new(options)), Told::Normally)?;
        loop {
            if self.is_over()? {
                return Ok(());
            }
            let deadline = self.state.as_ref().and_then(State::next_deadline).map(|t| t.0);
            match (self.world.next_at(), deadline) {
                (None, None) => return Err(("no_deadlock", self.what_is_left())),
                (next, Some(deadline)) if next.is_none_or(|next| deadline < next) => {
                    self.world.now = self.world.now.max(deadline);
                    self.feed(Input::Tick, Told::Normally)?;
                    if let Some(still) = self.state.as_ref().and_then(State::next_deadline).filter(|d| d.0 <= self.world.now) {
                        return Err(("deadlines_pass", format!("a tick at {} leaves a deadline at {still:?}", self.world.now)));
                    }
                }
                _ => {
                    if let Some(thing) = self.world.pop() {
                        self.happens(thing)?;
                    }
                }
            }
            if self.state.is_some() && self.world.faults.strikes(&mut self.world.rng, Fault::Stale) {
                self.repeat()?;
            }
            self.people_are_quick();
            self.they_talk()?;
            self.stays_lively()?;
        }
    }

    /// Plans what people and fate will do.
    fn foresee(&mut self) {
        let world = &mut self.world;
        let calm = world.rng.u64(60_000..7_200_000);
        for number in 0..world.scenario.submissions.len() {
            let at = world.scenario.submissions[number].0;
            world.after(at, Thing::Submit(number));
        }
        let some = |world: &mut World, kind: Fault, most: usize, things: &[Thing]| {
            if !world.faults.has(kind) {
                return;
            }
            for _ in 0..world.rng.usize(0..=most) {
                let at = world.rng.u64(0..calm);
                let thing = things[world.rng.usize(..things.len())].clone();
                world.after(at, thing);
            }
        };
        some(world, Fault::Crash, 3, &[Thing::Crash]);
        some(world, Fault::Race, 6, &[Thing::UserCommit]);
        some(world, Fault::Stop, 3, &[Thing::Ask(Ask::StopRun)]);
        let asks = [Ask::Pause, Ask::Unpause, Ask::Unpause, Ask::StopTasks, Ask::StopTasks, Ask::Retry, Ask::Retry, Ask::Nonsense];
        some(world, Fault::Requests, 12, &asks.map(Thing::Ask));
        world.after(calm, Thing::Calm);
    }

    fn happens(&mut self, thing: Thing) -> Result<(), Broken> {
        self.trace.thing(self.world.now, &thing);
        match thing {
            Thing::Do(action) => match self.state.take() {
                Some(state) => {
                    let done = self.world.perform(action, &state);
                    self.state = Some(state);
                    done
                }
                None => Ok(()),
            },
            Thing::Tell(input) => self.feed(input, Told::Normally),
            Thing::TellEnded(input) => self.feed(input, Told::Ended),
            Thing::Claim(attempt) => self.world.claim(attempt),
            Thing::End(attempt, plan, ending) => {
                self.world.agent_ends(&attempt, plan, *ending);
                Ok(())
            }
            Thing::Submit(number) => {
                let submission = Box::new(self.world.scenario.submissions[number].1.clone());
                if self.state.is_none() {
                    self.world.after(5_000, Thing::Submit(number));
                    return Ok(());
                }
                let id = submission.plan.id.clone();
                self.feed(Input::Submit(submission), Told::Normally)?;
                // Whoever gets no answer asks again.
                if self.state.is_none() && !self.journal.iter().any(|(_, e)| matches!(e, Event::PlanQueued(s) if s.plan.id == id)) {
                    self.world.after(100_000, Thing::Submit(number));
                }
                Ok(())
            }
            // Nobody asks for anything any more: what was paused is unpaused, what was stopped is resumed.
            Thing::Ask(_) if self.world.faults.is_calm() => Ok(()),
            Thing::Ask(ask) => match self.request(ask) {
                Some(request) => self.feed(Input::Request(request), Told::Normally),
                None => Ok(()),
            },
            Thing::UserCommit => {
                self.world.user_commits();
                Ok(())
            }
            Thing::Crash if self.world.faults.is_calm() => Ok(()),
            Thing::Crash => self.crash(Replay::Compared),
            Thing::Resume => self.resume(),
            Thing::Calm => {
                self.world.faults.calm_down();
                self.calm_since = Some((self.stats.steps, self.world.now));
                if self.state.as_ref().is_some_and(|s| s.paused) {
                    self.feed(Input::Request(Request::Unpause), Told::Normally)?;
                }
                Ok(())
            }
        }
    }

    /// The coordinator takes an input in; it may die before or after what it decides is journalled.
    fn feed(&mut self, input: Input, told: Told) -> Result<(), Broken> {
        let Some(state) = self.state.as_mut() else { return Ok(()) };
        self.stats.steps += 1;
        let now = Time(self.world.now);
        let dies = told != Told::Surely && self.world.faults.strikes(&mut self.world.rng, Fault::Crash);
        let expected = (told == Told::Again).then(|| step(&mut state.clone(), now, Input::Tick));
        let before: Vec<Phase> = state.tasks.iter().map(|t| t.phase).collect();
        let out = step(state, now, input.clone());
        self.trace.step(now, &input, &out);
        self.stats.events += out.events.len() as u64;
        for event in &out.events {
            if let Event::QuestionAsked { attempt, .. } = event {
                self.world.asked.insert(attempt.clone());
            }
        }
        if let Some(fault) = out.fault {
            return Err(("no_fault", fault.to_string()));
        }
        if let Some(expected) = expected
            && (expected.events != out.events || expected.actions != out.actions)
        {
            return Err(("stale_changes_nothing", format!("told again, this was believed: {input:?}")));
        }
        if told == Told::Ended {
            checks::ended_gates_prove_nothing(&out)?;
        }
        checks::after_step(state, &before, &out, &self.world, &self.called_off, self.stats.steps)?;
        if dies && self.world.rng.bool() {
            self.trace.say("the coordinator dies before it has journalled that");
            return self.crash(Replay::BehindTheLive);
        }
        self.remember(&input, &out);
        self.journal.extend(out.events.iter().map(|e| (now, e.clone())));
        let stopped = out.events.iter().any(|e| matches!(e, Event::RunEnded { finished: false }));
        if stopped {
            let delay = self.world.rng.u64(1_000..120_000);
            self.world.after(delay, Thing::Resume);
        }
        if !dies {
            out.actions.into_iter().for_each(|a| self.world.accept(a));
            return Ok(());
        }
        self.trace.say("the coordinator dies while it does that");
        if let Some(state) = self.state.take() {
            for action in out.actions {
                if self.world.rng.bool() {
                    self.trace.thing(self.world.now, &Thing::Do(action.clone()));
                    self.world.perform(action, &state)?;
                }
            }
            self.state = Some(state);
        }
        self.crash(Replay::Compared)
    }

    /// What people asked for and were granted; what was told and counts.
    fn remember(&mut self, input: &Input, out: &Step) {
        if let (Input::Request(request), Some(Ok(()))) = (input, &out.reply) {
            match request {
                Request::StopTasks { tasks, .. } => self.called_off.extend(tasks.iter().cloned()),
                Request::Retry { tasks, .. } => self.called_off.retain(|t| !tasks.contains(t)),
                _ => {}
            }
        }
        let ignored = self.state.as_ref().is_some_and(|s| s.stopping > Some(Stopping::Drain));
        let of_one = matches!(
            input,
            Input::AttemptSpawned { .. }
                | Input::AttemptNotSpawned { .. }
                | Input::AttemptExited { .. }
                | Input::AttemptLost { .. }
                | Input::AttemptVoided { .. }
                | Input::WorkJudged { .. }
                | Input::BatchMerged { .. }
                | Input::BatchVerified { .. }
                | Input::BranchMoved { .. }
                | Input::BranchRaced { .. }
                | Input::BranchNotMoved { .. }
        );
        if of_one && !ignored && self.world.faults.has(Fault::Stale) {
            self.seen.push(input.clone());
        }
    }

    /// Something is told that was told before, or a tick comes that nobody waits for.
    fn repeat(&mut self) -> Result<(), Broken> {
        let rng = &mut self.world.rng;
        let input = match self.seen.len() {
            0 => Input::Tick,
            _ if rng.u8(0..4) == 0 => Input::Tick,
            // The latest are the most dangerous.
            n => self.seen[n - 1 - rng.usize(..n).min(rng.usize(..n))].clone(),
        };
        self.feed(input, Told::Again)
    }

    /// People answer to what they see: the moments just after a step are the ones in which things are half done.
    fn people_are_quick(&mut self) {
        let world = &mut self.world;
        let soon = world.rng.u64(0..3_000);
        if world.faults.strikes(&mut world.rng, Fault::Requests) && world.rng.u8(0..8) == 0 {
            let ask = [Ask::StopTasks, Ask::StopTasks, Ask::Retry, Ask::Pause, Ask::Unpause, Ask::Unpause][world.rng.usize(0..6)];
            world.after(soon, Thing::Ask(ask));
        }
        if world.faults.strikes(&mut world.rng, Fault::Stop) && world.rng.u8(0..32) == 0 {
            world.after(soon, Thing::Ask(Ask::StopRun));
        }
        if world.faults.strikes(&mut world.rng, Fault::Crash) && world.rng.u8(0..4) == 0 {
            world.after(soon, Thing::Crash);
        }
    }

    /// Attempts at work say something now and then; people answer.
    fn they_talk(&mut self) -> Result<(), Broken> {
        if !self.world.faults.strikes(&mut self.world.rng, Fault::Talk) {
            return Ok(());
        }
        let Some(input) = self.state.as_ref().and_then(|state| talk::random(&mut self.world.rng, state)) else { return Ok(()) };
        self.feed(input, Told::Normally)
    }

    fn request(&mut self, ask: Ask) -> Option<Request> {
        let state = self.state.as_ref()?;
        let rng = &mut self.world.rng;
        let some = |rng: &mut Rng, wanted: &dyn Fn(Phase) -> bool| -> Vec<TaskKey> {
            let all: Vec<TaskKey> = state.tasks.iter().filter(|t| wanted(t.phase)).map(|t| t.key.clone()).collect();
            (0..rng.usize(1..=3)).filter(|_| !all.is_empty()).map(|_| all[rng.usize(..all.len())].clone()).collect()
        };
        Some(match ask {
            Ask::Pause => Request::Pause,
            Ask::Unpause => Request::Unpause,
            Ask::StopRun => Request::StopRun { how: [Stopping::Drain, Stopping::Terminate, Stopping::Kill][rng.usize(0..3)] },
            Ask::StopTasks => {
                let tasks = if rng.bool() { some(rng, &|p| p.active()) } else { some(rng, &|p| !p.ended()) };
                Request::StopTasks { tasks, now: rng.bool() }
            }
            Ask::Retry => {
                let tasks = some(rng, &|p| p.ended() && p != Phase::Done);
                Request::Retry { tasks, fresh: rng.bool(), agent: rng.bool().then(|| String::from("codex")) }
            }
            Ask::Nonsense => {
                let (nobody, anybody) = (TaskKey::new("nowhere", "nobody"), some(rng, &|_| true));
                match rng.u8(0..4) {
                    0 => Request::StopTasks { tasks: vec![nobody], now: false },
                    1 => Request::Retry { tasks: anybody, fresh: false, agent: None },
                    2 => Request::StopTasks { tasks: anybody, now: true },
                    _ => Request::RollBack { plan: "p0".into(), head: "base0".into(), tasks: vec![nobody], kept: String::new() },
                }
            }
        })
    }

    /// Everything that is not on disk is gone.
    fn crash(&mut self, replay: Replay) -> Result<(), Broken> {
        let Some(state) = self.state.take() else { return Ok(()) };
        self.stats.crashes += 1;
        if replay == Replay::Compared {
            checks::replay_is_identical(&state, &self.journal)?;
        }
        self.world.driver_dies();
        let delay = self.world.rng.u64(500..60_000);
        self.world.after(delay, Thing::Resume);
        Ok(())
    }

    /// A new coordinator replays the journal and goes on.
    fn resume(&mut self) -> Result<(), Broken> {
        match self.state.take() {
            Some(state) if state.is_live() || state.finished => {
                self.state = Some(state);
                return Ok(());
            }
            Some(state) => {
                checks::replay_is_identical(&state, &self.journal)?;
                self.world.driver_dies();
            }
            None => {}
        }
        self.load()?;
        if self.state.as_ref().is_some_and(|s| s.options.is_none()) {
            let options = self.world.scenario.options.clone();
            return self.feed(Input::Begin(Box::new(options)), Told::Normally);
        }
        let together = std::iter::once(Input::Resume).chain(self.world.look_at_agents()).collect();
        self.feed(Input::Together(together), Told::Normally)
    }

    fn load(&mut self) -> Result<(), Broken> {
        let mut state = State::default();
        for (at, event) in &self.journal {
            state.apply(*at, event).map_err(|illegal| ("replay_is_identical", illegal.to_string()))?;
        }
        self.state = Some(state);
        Ok(())
    }

    /// The run has finished, everything is checked, and nobody takes it up again.
    fn is_over(&mut self) -> Result<bool, Broken> {
        let Some(state) = self.state.as_ref().filter(|s| s.finished && s.ended_at.is_some()) else { return Ok(false) };
        if !self.world.driver_is_idle() {
            return Ok(false);
        }
        checks::replay_is_identical(state, &self.journal)?;
        checks::at_the_end(state, &self.world)?;
        self.stats.tasks = state.tasks.len() as u64;
        self.stats.landed = state.tasks.iter().filter(|t| t.phase == Phase::Done).count() as u64;
        if self.again == 0 || self.world.faults.is_calm() || self.world.rng.bool() {
            return Ok(true);
        }
        self.again -= 1;
        if self.world.faults.has(Fault::RollBack) && self.world.rng.bool() {
            let Some(request) = self.world.roll_back(state) else { return Ok(true) };
            self.world.driver_dies();
            self.feed(Input::Request(request), Told::Surely)?;
            self.feed(Input::Resume, Told::Normally)?;
            return Ok(false);
        }
        if !self.world.faults.has(Fault::Requests) {
            return Ok(true);
        }
        let Some(request) = self.request(Ask::Retry) else { return Ok(true) };
        if self.world.rng.bool() {
            self.world.driver_dies();
            self.load()?;
            self.feed(Input::Resume, Told::Normally)?;
        }
        self.feed(Input::Request(request), Told::Normally)?;
        Ok(false)
    }

    fn what_is_left(&self) -> String {
        let Some(state) = &self.state else { return String::from("nobody coordinates, and nobody will") };
        let plans: Vec<_> = state.plans.iter().map(|p| p.phase).collect();
        let tasks: Vec<_> = state.tasks.iter().filter(|t| !t.phase.ended()).map(|t| (&t.key, t.phase)).collect();
        format!(
            "nothing is under way, nothing is awaited, and the run goes on; plans {plans:?}, tasks {tasks:?}, stopping {:?}",
            state.stopping
        )
    }

    /// Once all is calm, every run ends, within bounds.
    fn stays_lively(&self) -> Result<(), Broken> {
        let Some((step, time)) = self.calm_since else { return Ok(()) };
        let (tasks, plans) = (self.world.scenario.tasks.len() as u64, self.world.scenario.plans.len() as u64);
        let (steps, since) = (self.stats.steps - step, self.world.now - time);
        // Each look is a tick and two answers.
        let looks = 3 * since / u64::try_from(self.world.scenario.options.health.interval.as_millis()).unwrap_or(u64::MAX);
        let steps = steps.saturating_sub(looks);
        if steps > 500 + 100 * (tasks + plans) || since > 4 * 3_600_000 + 6_000_000 * (tasks + plans) {
            return Err(("ends_in_time", format!("{steps} steps and {} minutes after all was calm it goes on", since / 60_000)));
        }
        Ok(())
    }
}

/// How an input comes to the coordinator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// For the first time.
    Normally,
    /// Of a gate that was ended with the run.
    Ended,
    /// A second time.
    Again,
    /// The branch is where it is already: that the journal follows is the driver's to see to.
    Surely,
}

/// Whether what is in memory is what is in the journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replay {
    Compared,
    BehindTheLive,
}
