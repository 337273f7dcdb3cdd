//! Runs a run: hands every observation to the core, journals what it decides, and only then does it.
//!
//! Approach: one thread owns the state, the journal and the decisions. It takes everything that has been observed,
//! steps the core for each, appends all their events in one transaction, and then starts the actions, each on a thread
//! of its own that sends back what it observed. Nothing polls: the thread sleeps until something is sent or the core's
//! next deadline. Knows nothing of terminals.

mod attempt;
mod circumstances;
mod context;
mod exchange;
mod groups;
mod health;
mod housekeeping;
mod interface;
mod job;
mod judge;
mod landing;
mod layout;
mod metadata;
mod order;
mod plan;
mod prompt;
mod quota;
mod recover;
mod shared;
mod shell;
mod skills;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};

use greenlane_core::action::Action;
use greenlane_core::branch::PREFIX;
use greenlane_core::coordinator::step;
use greenlane_core::event::{Event, Stopping};
use greenlane_core::failure::Circumstances;
use greenlane_core::ids::RunId;
use greenlane_core::input::{Input, Request};
use greenlane_core::plan::Plan;
use greenlane_core::state::{COMMAND_AGENT, State};
use greenlane_core::time::Time;

pub use context::{Context, Setup};
pub use interface::{DriverError, Finished, Observer, Start};
pub use layout::{Layout, PreparedWorkspace, label};
pub use shared::settle_leftover;

use crate::accounts::AgentsFound;
use crate::agent::AUTO;
use crate::background::Background;
use crate::clock;
use crate::control::{Answer, Call, Say, Server, socket_path};
use crate::journal::{Journal, JournalError, Record};
use crate::reserve::Reserve;
use crate::subscriber;
use crate::telemetry::Telemetry;
use crate::tracker::{Outbox, Post};

/// What the driver's thread is sent.
pub(crate) enum Message {
    /// An action's result.
    Input(Box<Input>),
    /// Another process says something.
    Call(Call),
    /// A signal came in.
    Signal(i32),
    /// After the run's end: everything that was asked for has been done to the worktrees.
    TasksDone,
    /// Something for the user that is not the core's business.
    Warning(String),
}

/// Most inputs that are journalled in one transaction.
const BATCH_MAX: usize = 256;

/// Coordinates a run to its end. The caller holds the repository's lock.
///
/// # Errors
/// See [`DriverError`].
pub fn coordinate(setup: Setup, run: &RunId, start: Start, observer: &mut dyn Observer) -> Result<Finished, DriverError> {
    let (sender, receiver) = channel();
    let journal = Journal::create(&setup.state_dir)?;
    let socket =
        socket_path(&setup.state_dir).map_err(|source| DriverError::Io { what: "no place for the control socket".into(), source })?;
    let to_driver = sender.clone();
    let to_user = sender.clone();
    let warn = move |text| drop(to_user.send(Message::Warning(text)));
    let begun = Arc::new(AtomicBool::new(false));
    let (is_begun, answer) = (Arc::clone(&begun), Answer::Run { run: run.clone(), pid: std::process::id() });
    // Who is there is answered also while the journal or an action holds the driver up: whoever only looks must not wait for it.
    let deliver = move |call: Call| match call.say {
        Say::Who if is_begun.load(Ordering::Acquire) => call.answers.try_send(answer.clone()).is_ok(),
        _ => to_driver.send(Message::Call(call)).is_ok(),
    };
    let server = Server::start(&socket, deliver, warn)
        .map_err(|source| DriverError::Io { what: format!("cannot listen on {}", socket.display()), source })?;
    let signals = listen_for_signals(sender.clone())?;
    let to_user = sender.clone();
    let logs = subscriber::background::start(setup.state_dir.clone(), move |text| drop(to_user.send(Message::Warning(text))))
        .map_err(|source| DriverError::Io { what: "cannot start a thread for the logs".into(), source })?;
    let reserve = hold_reserve(&setup, &sender);
    let context = Arc::new(Context::new(setup, run.clone(), socket, sender.clone())?);
    let mut driver = Driver {
        state: State::default(),
        journal,
        logs,
        telemetry: None,
        post: None,
        to_user: sender,
        metadata: metadata::Metadata::default(),
        context,
        reserve,
        observer,
        receiver,
        followers: Vec::new(),
        pending: VecDeque::new(),
        interrupts: 0,
        signal: None,
        last_seq: 0,
        clock: clock::Steady::new(),
        begun,
    };
    let result = driver.run(start);
    let finished = result.map(|()| Finished { state: std::mem::take(&mut driver.state), signal: driver.signal });
    if matches!(&finished, Ok(f) if f.state.ended_at.is_some()) {
        // At a proper end what was asked for is finished. On SIGTERM, and where the journal fails, it is left to whoever resumes:
        // checks and suites may take long, and nobody would write down what they say.
        driver.finish_tasks();
    }
    driver.context.end_gates();
    if matches!(&finished, Ok(f) if f.state.ended_at.is_some()) {
        driver.post.take().into_iter().for_each(Post::finish);
    }
    driver.telemetry.take().into_iter().for_each(Telemetry::finish);
    driver.pass_on_warnings();
    drop(driver);
    drop(server);
    signals.close();
    finished
}

struct Driver<'a> {
    state: State,
    journal: Journal,
    logs: Background,
    /// Where anything is to be exported.
    telemetry: Option<Telemetry>,
    /// Where there is anything to be told to trackers.
    post: Option<Post>,
    to_user: Sender<Message>,
    metadata: metadata::Metadata,
    context: Arc<Context>,
    /// Disk for the run's last words.
    reserve: Option<Reserve>,
    observer: &'a mut dyn Observer,
    receiver: Receiver<Message>,
    followers: Vec<SyncSender<Answer>>,
    pending: VecDeque<Message>,
    interrupts: u32,
    signal: Option<i32>,
    last_seq: u64,
    clock: clock::Steady,
    /// The run's first events are in the journal.
    begun: Arc<AtomicBool>,
}

impl Driver<'_> {
    fn run(&mut self, start: Start) -> Result<(), DriverError> {
        let first = self.begin(start)?;
        self.take(first, Vec::new())?;
        self.begun.store(true, Ordering::Release);
        self.begin_telemetry();
        self.begin_post();
        while self.state.ended_at.is_none() && self.signal != Some(SIGTERM) {
            self.wait();
            let (mut inputs, mut replies) = (Vec::new(), Vec::new());
            while let Some(message) = self.pending.pop_front() {
                self.sort(message, &mut inputs, &mut replies);
            }
            if inputs.is_empty() {
                inputs.push(Input::Tick);
            }
            self.take(inputs, replies)?;
        }
        Ok(())
    }

    /// Whoever collects traces and metrics is sent this run's, and what an earlier coordinator could not send.
    fn begin_telemetry(&mut self) {
        let to_user = self.to_user.clone();
        let warn = move |text| drop(to_user.send(Message::Warning(text)));
        match Telemetry::start(&self.context.state_dir, &self.context.run, &self.context.config.telemetry, &self.context.environment, warn)
        {
            Ok(telemetry) => self.telemetry = telemetry,
            Err(e) => self.observer.warn(&format!("no telemetry is sent: {e}")),
        }
    }

    /// What somebody beside the coordinator had to say while it came to its end.
    fn pass_on_warnings(&mut self) {
        let left = self.pending.drain(..).chain(std::iter::from_fn(|| self.receiver.try_recv().ok()));
        for message in left {
            if let Message::Warning(text) = message {
                self.observer.warn(&text);
            }
        }
    }

    /// Trackers are told of this run, and of what earlier ones could not tell.
    fn begin_post(&mut self) {
        if self.state.options().trackers.is_empty() && !Outbox::exists(&self.context.state_dir) {
            return;
        }
        let to_user = self.to_user.clone();
        let warn = move |text| drop(to_user.send(Message::Warning(text)));
        let outbox = Outbox::new(self.context.state_dir.clone());
        match Post::start(outbox, Arc::clone(&self.context.trackers), warn) {
            Ok(post) => self.post = Some(post),
            Err(e) => self.observer.warn(&format!("trackers are told nothing by this run: {e}")),
        }
    }

    fn begin(&mut self, start: Start) -> Result<Vec<Input>, DriverError> {
        let inputs = self.inputs_of(start)?;
        recover::settle_worktrees(&self.context, &self.journal)?;
        Ok(inputs)
    }

    fn inputs_of(&mut self, start: Start) -> Result<Vec<Input>, DriverError> {
        match start {
            Start::New { mut options, submissions } => {
                // Journalled with the rest: a resumed run's branches are called as before, whatever the user has made meanwhile.
                options.branch_prefix = self.context.repo.free_prefix(PREFIX)?;
                let wanted = quota::wanted_by(submissions.iter().map(|s| &s.plan), options.agent.as_deref());
                let AgentsFound { accounts, unavailable } = quota::look(&self.context, &wanted);
                let known = quota::begin(&self.context, &wanted, &accounts, options.quota.api_limit);
                (options.accounts, options.unavailable) = (accounts, unavailable);
                let mut inputs = vec![Input::Begin(options), Input::Together(known)];
                inputs.extend(submissions.into_iter().map(|s| Input::Submit(Box::new(s))));
                Ok(inputs)
            }
            Start::Resume { run, requests } => {
                self.context.end_gates_left_over();
                crate::git::wait_for_left_over(self.context.repo.common_dir());
                let (state, seq) = self.journal.load(&run)?;
                let over = state.finished;
                self.clock = self.clock.not_before(state.last_event_at);
                self.state = state;
                self.last_seq = seq;
                let mut together = if over { Vec::new() } else { vec![Input::Resume] };
                if self.state.options.is_some() {
                    together.push(Input::FloorsSet { room: self.context.config.room() });
                    together.extend(self.look_at_agents(&[]));
                }
                // Other caps with the taking up: under the old ones the run might end at once.
                let (caps, requests): (Vec<_>, Vec<_>) = requests.into_iter().partition(|r| matches!(r, Request::SetBudget { .. }));
                together.extend(caps.into_iter().map(Input::Request));
                let mut inputs = vec![Input::Together(together)];
                inputs.extend(recover::rolled_back(&self.context, &self.state).into_iter().map(Input::Request));
                inputs.extend(requests.into_iter().map(Input::Request));
                Ok(inputs)
            }
        }
    }

    /// Why these plans cannot join: whoever hands them over has read the configuration later than this coordinator, and none of its
    /// tries could start an agent that only the newer one has.
    fn unknown_agent(&self, plans: &[&Plan]) -> Option<String> {
        // The run's own default is this coordinator's own.
        let named = quota::wanted_by(plans.iter().copied(), None);
        let is_known = |name: &str| name == COMMAND_AGENT || name == AUTO || self.context.registry.get(name).is_ok();
        let unknown = named.into_iter().find(|name| !is_known(name))?;
        Some(format!(
            "the coordinator at work here does not know the agent `{unknown}`, which was configured after its start: run the plan when it is done, or \
             stop it and `greenlane resume`, which reads the configuration again"
        ))
    }

    /// The agents that the run wants, and those of plans that are about to join it: whose accounts they use up, how those stand, and who
    /// cannot be used.
    fn look_at_agents(&self, plans: &[&Plan]) -> Vec<Input> {
        let options = self.state.options();
        let known = self.state.plans.iter().map(|p| &p.submission.plan);
        let mut wanted = quota::wanted_by(known.chain(plans.iter().copied()), options.agent.as_deref());
        wanted.extend(self.state.tasks.iter().filter_map(|t| t.agent_override.clone()));
        let AgentsFound { accounts, unavailable } = quota::look(&self.context, &wanted);
        let known = quota::begin(&self.context, &wanted, &accounts, options.quota.api_limit);
        std::iter::once(Input::AgentsChecked { accounts, unavailable }).chain(known).collect()
    }

    /// Steps the core for each input, journals all their events at once, and only then answers and acts.
    fn take(&mut self, inputs: Vec<Input>, mut replies: Vec<Option<SyncSender<Answer>>>) -> Result<(), DriverError> {
        let now = self.clock.now();
        replies.resize_with(inputs.len(), || None);
        let (mut events, mut actions, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (input, reply) in inputs.into_iter().zip(replies) {
            let step = step(&mut self.state, now, input);
            events.extend(step.events);
            actions.extend(step.actions);
            match (step.reply, reply) {
                (Some(said), Some(to)) => answers.push((to, said)),
                // Asked for by whoever started this coordinator: a refusal ends it before anything was done.
                (Some(Err(why)), None) => return Err(DriverError::Refused(why)),
                _ => {}
            }
            if let Some(fault) = step.fault {
                return Err(fault.into());
            }
        }
        self.append(now, events)?;
        for (to, said) in answers {
            let answer = said.map_or_else(Answer::Refused, |()| Answer::Done);
            drop(to.try_send(answer));
        }
        for action in actions {
            self.perform(action);
        }
        Ok(())
    }

    fn append(&mut self, now: Time, events: Vec<Event>) -> Result<(), DriverError> {
        if events.is_empty() {
            return Ok(());
        }
        let seen = circumstances::of(&events, &self.state, &self.context.layout);
        let last = match self.journal.append_with(&self.context.run, now, &events, &seen) {
            Err(e) if e.is_disk_full() => self.append_with_reserve(now, &events, &seen, e)?,
            appended => appended?,
        };
        self.logs.wake();
        self.telemetry.iter().for_each(Telemetry::wake);
        self.post.iter().for_each(Post::wake);
        for problem in self.metadata.keep(&events, &self.state, &self.context.layout, now) {
            self.observer.warn(&problem);
        }
        let first = last + 1 - events.len() as u64;
        self.last_seq = last;
        let run = &self.context.run;
        let records: Vec<Record> =
            events.into_iter().zip(first..).map(|(event, seq)| Record { seq, run: run.clone(), at: now, event }).collect();
        #[cfg(debug_assertions)]
        crash_point(&records);
        // A follower that is slow to read misses a number, not an event: it reads the journal itself.
        self.followers.retain(|f| !matches!(f.try_send(Answer::Journalled(last)), Err(std::sync::mpsc::TrySendError::Disconnected(_))));
        self.observer.journalled(&self.state, &records);
        Ok(())
    }

    /// The disk is full: gives back the reserve and writes the same once more, which is sound only where nothing of it was written. The
    /// run then comes to its end.
    fn append_with_reserve(
        &mut self,
        now: Time,
        events: &[Event],
        seen: &[(usize, Circumstances)],
        full: JournalError,
    ) -> Result<u64, DriverError> {
        let given_back = self.reserve.take().is_some_and(|reserve| matches!(reserve.release(), Ok(true)));
        if !given_back || !self.journal.since(Some(&self.context.run), self.last_seq, 1)?.is_empty() {
            return Err(full.into());
        }
        let last = self.journal.append_with(&self.context.run, now, events, seen)?;
        self.context.observed(Input::DiskFull { message: full.to_string() });
        Ok(last)
    }

    /// Sleeps until something is sent, the core's next deadline, or the observer's next tick.
    fn wait(&mut self) {
        loop {
            let now = self.clock.now();
            let deadline = self.state.next_deadline().map(|at| at.since(now));
            let tick = self.observer.tick_interval();
            let patience = [deadline, tick].into_iter().flatten().min();
            let received = match patience {
                Some(patience) => self.receiver.recv_timeout(patience),
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(message) => {
                    self.pending.push_back(message);
                    while self.pending.len() < BATCH_MAX
                        && let Ok(message) = self.receiver.try_recv()
                    {
                        self.pending.push_back(message);
                    }
                    return;
                }
                Err(_) if tick.is_some() => {
                    let now = self.clock.now();
                    self.observer.tick(&self.state, now);
                    if self.state.next_deadline().is_some_and(|at| at <= now) {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn sort(&mut self, message: Message, inputs: &mut Vec<Input>, replies: &mut Vec<Option<SyncSender<Answer>>>) {
        let mut push = |input, reply| {
            inputs.push(input);
            replies.push(reply);
        };
        match message {
            Message::Input(input) => push(*input, None),
            Message::Call(Call { say: Say::Ask(request), answers }) => push(Input::Request(request), Some(answers)),
            Message::Call(Call { say: Say::Submit(submission), answers }) => match self.unknown_agent(&[&submission.plan]) {
                Some(why) => drop(answers.try_send(Answer::Refused(why))),
                None => {
                    push(Input::Together(self.look_at_agents(&[&submission.plan])), None);
                    push(Input::Submit(submission), Some(answers));
                }
            },
            Message::Call(Call { say: Say::SubmitAll(submissions), answers }) => {
                let plans: Vec<&Plan> = submissions.iter().map(|s| &s.plan).collect();
                match self.unknown_agent(&plans) {
                    Some(why) => drop(answers.try_send(Answer::Refused(why))),
                    None => {
                        push(Input::Together(self.look_at_agents(&plans)), None);
                        push(Input::SubmitAll(submissions), Some(answers));
                    }
                }
            }
            Message::Call(Call { say: Say::Said { label, talk }, answers }) => {
                match exchange::attempt_of(&self.context.run, &self.state, &label) {
                    Ok(attempt) => {
                        exchange::called(&self.context, &self.state, &attempt);
                        push(Input::Said { attempt, talk }, Some(answers));
                    }
                    Err(why) => drop(answers.try_send(Answer::Refused(why))),
                }
            }
            Message::Call(Call { say: Say::Look { label, look }, answers }) => {
                let attempt = exchange::attempt_of(&self.context.run, &self.state, &label);
                attempt.iter().for_each(|attempt| exchange::called(&self.context, &self.state, attempt));
                drop(answers.try_send(exchange::seen(&self.state, attempt, &look, self.clock.now())));
            }
            Message::Call(Call { say: Say::Who, answers }) => self.introduce(&answers),
            Message::Call(Call { say: Say::Follow, answers }) => self.followed_by(answers),
            Message::TasksDone => {}
            Message::Warning(text) => self.observer.warn(&text),
            Message::Signal(SIGHUP) => self.observer.detach(),
            Message::Signal(SIGTERM) => self.signal = Some(SIGTERM),
            Message::Signal(signal) => {
                // Whoever was told to go at once does not stay for a Ctrl-C that came with it.
                if self.signal != Some(SIGTERM) {
                    self.signal = Some(signal);
                }
                self.interrupts += 1;
                let how = match self.interrupts {
                    1 => Stopping::Drain,
                    2 => Stopping::Terminate,
                    _ => Stopping::Kill,
                };
                push(Input::Request(Request::StopRun { how }), Some(std::sync::mpsc::sync_channel(1).0));
            }
        }
    }

    /// Waits until everything that was asked for has been done to the worktrees. Git may hang there (a network's disk): a signal
    /// ends the waiting, and the next run puts the rest in order.
    fn finish_tasks(&mut self) {
        self.context.tell_when_idle();
        loop {
            let message = match self.pending.pop_front() {
                Some(message) => message,
                None => match self.receiver.recv() {
                    Ok(message) => message,
                    Err(_) => return,
                },
            };
            match message {
                Message::TasksDone => return,
                Message::Signal(SIGHUP) => self.observer.detach(),
                // The run has its result, and so has this process.
                Message::Signal(_) => {
                    self.observer.warn("ended before all worktrees were put in order; the next run does it");
                    return;
                }
                Message::Warning(text) => self.observer.warn(&text),
                Message::Call(Call { say: Say::Who, answers }) => self.introduce(&answers),
                Message::Call(Call { say: Say::Follow, answers }) => self.followed_by(answers),
                Message::Call(Call {
                    say: Say::Ask(_) | Say::Submit(_) | Say::SubmitAll(_) | Say::Said { .. } | Say::Look { .. },
                    answers,
                }) => {
                    drop(answers.try_send(Answer::Refused(String::from("the run has ended"))));
                }
                Message::Input(_) => {}
            }
        }
    }

    fn introduce(&self, answers: &SyncSender<Answer>) {
        drop(answers.try_send(Answer::Run { run: self.context.run.clone(), pid: std::process::id() }));
    }

    fn followed_by(&mut self, answers: SyncSender<Answer>) {
        drop(answers.try_send(Answer::Journalled(self.last_seq)));
        self.followers.push(answers);
    }

    fn perform(&self, action: Action) {
        let context = Arc::clone(&self.context);
        match action {
            Action::PreparePlan { plan } => plan::prepare(context, &self.state, &plan),
            Action::VerifyBase { plan, commit } => plan::verify_base(context, &self.state, &plan, commit),
            Action::BeginGroup { plan, group, head, refresh } => groups::begin(context, plan, group, head, refresh),
            Action::RollBackGroup { plan, group, head, landing, landings } => {
                let Some(branch) = self.state.plan(&plan).and_then(|p| p.branch.clone()) else { return };
                groups::roll_back(context, groups::TakeOff { plan, group, branch, head, landing, landings });
            }
            Action::StartAttempt { attempt, agent, fresh, base, onto, claim } => {
                attempt::start(&context, &self.state, attempt, &agent, attempt::Beginning { fresh, base, onto, claim });
            }
            Action::ProbeAttempt { attempt } => attempt::take_up(context, &self.state, attempt),
            Action::EndAttempt { attempt, now } => attempt::end(context, attempt, now),
            Action::TellRest { attempt, rest } => exchange::tell_rest(&self.context, attempt, rest),
            Action::JudgeWork { attempt } => judge::judge(&context, &self.state, attempt),
            Action::MergeBatch { batch, plan, onto, attempts } => {
                landing::merge(context, &self.state, batch, &plan, onto, attempts);
            }
            Action::VerifyBatch { batch, plan, commit, again } => landing::verify(context, &self.state, batch, &plan, commit, again),
            Action::MoveBranch { batch, plan, from, to } => landing::move_branch(context, &self.state, batch, &plan, from, to),
            Action::FreeWorkspace { attempt } => housekeeping::free(&context, attempt),
            Action::KeepWorkspace { attempt } => housekeeping::keep(&context, &self.state, attempt),
            Action::LimitAccount { account, until, limit, reason } => {
                quota::change(&context, account, move |all, name, now| all.limit(name, until, limit, &reason, now));
            }
            Action::RaiseAccount { account, from, to } => {
                quota::change(&context, account, move |all, name, now| all.raise(name, from, to, now));
            }
            Action::CheckHealth { attempts } => health::check(&context, attempts),
            Action::AbortGates => self.context.abort_gates(),
        }
    }
}

/// Without it a run works too, until the disk is full.
fn hold_reserve(setup: &Setup, sender: &Sender<Message>) -> Option<Reserve> {
    Reserve::hold(&setup.state_dir, setup.config.bounds.reserve).unwrap_or_else(|e| {
        drop(sender.send(Message::Warning(format!("no reserve of disk could be made for the run's last words: {e}"))));
        None
    })
}

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

fn listen_for_signals(sender: Sender<Message>) -> Result<signal_hook::iterator::Handle, DriverError> {
    let io = |source| DriverError::Io { what: "cannot listen for signals".into(), source };
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(io)?;
    let handle = signals.handle();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if sender.send(Message::Signal(signal)).is_err() {
                    return;
                }
            }
        })
        .map_err(io)?;
    Ok(handle)
}

/// For the crash tests: `GREENLANE_CRASH_AFTER=kind:n` kills this process right after the n-th event of that kind was
/// appended, before anything was done about it. Not in release builds.
#[cfg(debug_assertions)]
fn crash_point(records: &[Record]) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("GREENLANE_CRASH_AFTER") else { return };
    let Some((kind, n)) = wanted.split_once(':').and_then(|(k, n)| Some((k, n.parse::<u32>().ok()?))) else { return };
    for record in records {
        let body = serde_json::to_value(&record.event).unwrap_or_default();
        if body.get("event").and_then(|k| k.as_str()) == Some(kind) && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == n {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}
