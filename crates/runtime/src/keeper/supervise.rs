//! From the agent's start to the end of its whole tree: one thread, one `poll`.
//!
//! *Approach*: the loop sleeps until there is output, a signal (SIGCHLD among them), the parent's end, or a deadline. Each turn reads, reaps, then heeds
//! requests, then time; in that order, so that an agent that has ended by itself is never called cancelled or timed out. The tree is gone when
//! `wait` says that there are no children: as subreaper we inherit every orphan, so nothing can be left beside it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use greenlane_core::attempt::{Exit, ExitRecord};
use greenlane_core::budget::{Measure, Spent};
use greenlane_core::failure::Resources;
use greenlane_core::time::Time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd as _;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, wait};

use crate::{clock, health, machine};

use super::body::complain;
use super::heartbeat::{Evidence, Heartbeat, Phase};
use super::rest::{self, Rested};
use super::runaway::{Detector, Limits};
use super::signals::Signals;
use super::spec::Spec;
use super::streams::Streams;
use super::system::{self, Process, Sample};
use super::watch::Watch;
use super::{child, wall_clock};

/// What an agent leaves behind may end by itself for so long, before it is told to: a pipeline's last `tee`, a shell's last child.
const LEFTOVERS_PATIENCE: Duration = Duration::from_millis(100);
/// The grace of leftovers, unless the attempt's own is shorter.
const LEFTOVERS_GRACE: Duration = Duration::from_secs(2);
/// Killing goes on in rounds with growing pauses, since a tree may fork between a look and a signal.
const KILL_PAUSE_MIN: Duration = Duration::from_millis(5);
const KILL_PAUSE_MAX: Duration = Duration::from_millis(500);
/// What SIGKILL does not end in that time is another user's, or stuck in the kernel. It is recorded in the log and left.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// News of what the agent does are written at most so often.
const NEWS_PAUSE: Duration = Duration::from_secs(2);

enum Stage {
    /// Nobody has asked for an end.
    Running,
    /// SIGTERM was sent to the tree.
    Ending { kill_at: Instant },
    /// The agent has ended by itself; others are left.
    Lingering { terminate_at: Instant },
    /// They were sent SIGTERM.
    Leftovers { kill_at: Instant },
    /// SIGKILL, in rounds.
    Killing { since: Instant, next: Instant, pause: Duration },
}

struct Keeping<'a> {
    spec: &'a Spec,
    dir: &'a Path,
    signals: &'a Signals,
    streams: Streams,
    life_line: Option<io::Stdin>,
    agent: Pid,
    began: Instant,
    started_at: Time,
    stage: Stage,
    /// The agent's own end.
    status: Option<WaitStatus>,
    /// There are no children left.
    childless: bool,
    /// Why we ended it; what its exit code says does not matter then.
    ended_by: Option<Exit>,
    watch: Watch,
    sample: Sample,
    memory_peak_bytes: u64,
    /// When [`Keeping::sample`] was taken.
    sampled: Instant,
    oom_kills_before: Option<u64>,
    /// Processes that were stopped when it was ended for want of evidence.
    stopped: Vec<String>,
    last_output: Option<Instant>,
    heartbeat_at: Option<Instant>,
    activity: Option<String>,
    strays: BTreeSet<(i32, u64)>,
    runaway: Detector,
    /// How long it has waited for people, when that was last looked up.
    rested: Rested,
    /// Of that, time in which it worked all the same: an agent need not stand still while it waits for an answer.
    worked: Duration,
    /// When its tree was last looked at.
    looked: Instant,
    /// Most of a cap is used up.
    nearly_used_up: bool,
    /// The heartbeat has told of that.
    nearly_used_up_told: bool,
}

/// Runs the agent to the end of its tree and tells how it ended.
pub(super) fn supervise(spec: &Spec, dir: &Path, signals: &Signals, mut streams: Streams, life_line: Option<io::Stdin>) -> ExitRecord {
    let started_at = wall_clock();
    let began = Instant::now();
    let oom_kills = machine::oom_kills();
    let failed = |message: String| ExitRecord {
        resources: Some(machine::resources(&spec.cwd)),
        ..ExitRecord::new(Exit::FailedToStart { message }, started_at, wall_clock())
    };
    if signals.terminate_asked() || signals.kill_asked() {
        // Cancelled between the claim and the start.
        return ExitRecord { exit: Exit::Cancelled, ..failed(String::new()) };
    }
    let started = match child::start(spec, dir) {
        Ok(started) => started,
        Err(message) => return failed(message),
    };
    if let Err(e) = streams.connect(started.stdout, started.stderr) {
        complain(&format!("output cannot be read: {e}"));
    }
    let mut keeping = Keeping {
        spec,
        dir,
        signals,
        streams,
        life_line,
        agent: started.pid,
        began,
        started_at,
        stage: Stage::Running,
        status: None,
        childless: false,
        ended_by: None,
        watch: Watch::new(spec.heartbeat, spec.stall_timeout, began),
        sample: Sample::default(),
        memory_peak_bytes: 0,
        sampled: began,
        oom_kills_before: oom_kills,
        stopped: Vec::new(),
        last_output: None,
        heartbeat_at: None,
        activity: None,
        strays: BTreeSet::new(),
        runaway: Detector::new(spec.reader.filter(|kind| kind.tells_tools()).map_or_else(Limits::default, |_| spec.runaway)),
        rested: Rested::default(),
        worked: Duration::ZERO,
        looked: began,
        nearly_used_up: false,
        nearly_used_up_told: false,
    };
    keeping.run();
    keeping.record()
}

impl Keeping<'_> {
    fn run(&mut self) {
        loop {
            self.reap();
            if self.is_over() {
                break;
            }
            self.heed_requests();
            self.heed_time(Instant::now());
            self.sleep();
            self.read();
        }
        self.streams.finish();
        self.tell_complaints();
    }

    fn is_over(&self) -> bool {
        let gave_up = matches!(self.stage, Stage::Killing { since, .. } if since.elapsed() >= KILL_LIMIT);
        if gave_up {
            let left: Vec<String> = system::descendants(self.agent).iter().map(|p| p.pid.to_string()).collect();
            complain(&format!("these processes cannot be killed and are left: {}", left.join(" ")));
        }
        gave_up || (self.childless && !system::group_is_left(self.agent))
    }

    /// Takes every child that has ended, ours and those that we inherited.
    fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.agent => self.status = Some(status),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => {
                    self.childless = true;
                    break;
                }
            }
        }
    }

    fn heed_requests(&mut self) {
        self.signals.drain();
        if self.signals.kill_asked() {
            self.kill(Exit::Cancelled);
        } else if self.signals.terminate_asked() {
            self.terminate(Exit::Cancelled);
        }
    }

    fn heed_time(&mut self, now: Instant) {
        if self.status.is_some() {
            self.heed_agents_end(now);
        }
        match self.stage {
            Stage::Running => {
                if self.is_timed_out(now) {
                    self.terminate(Exit::TimedOut);
                } else if self.spec.allowance.wall_left().is_some_and(|left| now - self.began >= left) {
                    self.terminate_over_budget(now);
                } else if now >= self.watch.next_look() {
                    self.look(now);
                    if self.watch.is_stalled(now) {
                        // Ending it makes it run on: seen now or never.
                        self.stopped = self.sample.stopped.clone();
                        self.terminate(Exit::Stalled);
                    }
                } else if self.has_news(now) {
                    self.beat(now);
                }
            }
            Stage::Lingering { terminate_at } if now >= terminate_at => {
                let kill_at = now + LEFTOVERS_GRACE.min(self.spec.grace);
                self.stage = Stage::Leftovers { kill_at };
                self.send_terminate();
                self.beat(now);
            }
            Stage::Ending { kill_at } | Stage::Leftovers { kill_at } if now >= kill_at => self.start_killing(now),
            _ => {}
        }
        if let Stage::Killing { since, next, pause } = self.stage
            && now >= next
        {
            let found = system::kill_all(self.agent);
            self.count_strays(&found);
            self.stage = Stage::Killing { since, next: now + pause, pause: (pause * 2).min(KILL_PAUSE_MAX) };
        }
    }

    /// The agent itself has ended, and others are left.
    fn heed_agents_end(&mut self, now: Instant) {
        match self.stage {
            Stage::Running => self.stage = Stage::Lingering { terminate_at: now + LEFTOVERS_PATIENCE },
            // The grace was the agent's; what it left behind gets the shorter one.
            Stage::Ending { kill_at } => {
                self.stage = Stage::Leftovers { kill_at: kill_at.min(now + LEFTOVERS_GRACE.min(self.spec.grace)) };
                if self.spec.acp.is_some() {
                    self.send_terminate();
                }
            }
            _ => {}
        }
    }

    /// Asks the tree to end. No effect if it is ending already.
    fn terminate(&mut self, why: Exit) {
        if matches!(self.stage, Stage::Running) && self.status.is_none() {
            self.ended_by = Some(why);
            let now = Instant::now();
            self.take_sample(now);
            self.stage = Stage::Ending { kill_at: now.checked_add(self.spec.grace).unwrap_or(now) };
            self.send_terminate();
            self.beat(now);
        }
    }

    /// Ends the tree now.
    fn kill(&mut self, why: Exit) {
        if self.status.is_none() && self.ended_by.is_none() {
            self.ended_by = Some(why);
        }
        if !matches!(self.stage, Stage::Killing { .. }) {
            self.start_killing(Instant::now());
        }
    }

    fn start_killing(&mut self, now: Instant) {
        self.stage = Stage::Killing { since: now, next: now, pause: KILL_PAUSE_MIN };
    }

    /// SIGTERM to every process of the tree, once each (to some programs a second one means to drop everything); a stopped one must run on
    /// to hear it. Each process by itself and not the group: agents start shells that leave it.
    ///
    /// One that talks to its agent is told alone: it has the agent end its turn first. What is left after it is told then.
    fn send_terminate(&mut self) {
        let mut found = system::descendants(self.agent);
        if self.spec.acp.is_some() && self.status.is_none() {
            found.retain(|process| process.pid == self.agent);
        }
        self.count_strays(&found);
        for process in &found {
            system::signal(process, Signal::TERM);
            system::signal(process, Signal::CONT);
        }
    }

    fn count_strays(&mut self, found: &[Process]) {
        if self.status.is_some() {
            self.strays.extend(found.iter().map(Process::key));
        }
    }

    fn look(&mut self, now: Instant) {
        self.take_sample(now);
        if self.spec.hand_off {
            self.watch.waits_for_a_person(now);
        } else {
            self.watch.look(now, &self.sample, || system::connections(self.agent), || system::waiting(self.agent));
        }
        let asked_before = self.rested.ago == Some(Duration::ZERO);
        let (at, evidence) = self.watch.last_evidence();
        let worked = at > self.looked && evidence != Some(Evidence::Person);
        self.read_rest(now);
        if worked && asked_before && !self.spec.hand_off {
            self.worked += now - self.looked;
        }
        self.looked = now;
        self.beat(now);
    }

    /// What its time limit does not count.
    fn rest(&self) -> Duration {
        self.rested.total.saturating_sub(self.worked)
    }

    /// Waiting for a person is no time of its own, and no silence. A call of Greenlane's tools is none either, but it may be the one that waits.
    fn read_rest(&mut self, now: Instant) {
        self.rested = rest::read(self.dir, wall_clock());
        if let Some(at) = self.rested.ago.and_then(|ago| now.checked_sub(ago)) {
            self.watch.heard(at, Evidence::Person);
        }
        if let Some(at) = rest::called_ago(self.dir).and_then(|ago| now.checked_sub(ago)) {
            self.watch.heard(at, Evidence::Tools);
        }
    }

    fn is_timed_out(&mut self, now: Instant) -> bool {
        let Some(limit) = self.spec.timeout else { return false };
        if now - self.began < limit.saturating_add(self.rest()) {
            return false;
        }
        // What was known of it may be old. Only that: a wait that is heard of now would hide from the next look that it worked before.
        self.rested = rest::read(self.dir, wall_clock());
        now - self.began >= limit.saturating_add(self.rest())
    }

    fn take_sample(&mut self, now: Instant) {
        self.sample = system::sample(self.agent);
        self.sampled = now;
        self.memory_peak_bytes = self.memory_peak_bytes.max(self.sample.memory_bytes);
    }

    /// The agent does something else than at the last heartbeat. Without a heartbeat so far there is none for this either: a short attempt has none.
    fn has_news(&self, now: Instant) -> bool {
        // The coordinator warns by what it reads in the heartbeat: that most of a cap is used up is told at once.
        self.nearly_used_up != self.nearly_used_up_told
            || self.heartbeat_at.is_some_and(|at| now - at >= NEWS_PAUSE) && self.streams.activity() != self.activity.as_deref()
    }

    fn beat(&mut self, now: Instant) {
        let wall = wall_clock();
        let at = |then: Instant| Time(wall.0.saturating_sub(u64::try_from((now.saturating_duration_since(then)).as_millis()).unwrap_or(0)));
        let report = self.streams.report();
        let (evidence, last_evidence) = self.watch.last_evidence();
        self.activity = self.streams.activity().map(str::to_owned);
        self.heartbeat_at = Some(now);
        self.nearly_used_up_told = self.nearly_used_up;
        let heartbeat = Heartbeat {
            at: wall,
            started_at: self.started_at,
            pid: u32::try_from(self.agent.as_raw_nonzero().get()).unwrap_or(0),
            phase: self.phase(),
            last_output_at: self.last_output.map(at),
            last_evidence_at: at(evidence),
            last_evidence,
            uptime_ms: Some(clock::uptime_ms()),
            every_ms: u64::try_from(self.watch.interval().as_millis()).unwrap_or(u64::MAX),
            stopped: self.sample.stopped.clone(),
            stopped_processes: self.sample.stopped_processes,
            retrying: health::retrying(&report),
            waits_for: self.watch.waits_for().map(str::to_owned),
            iteration: health::iteration(&report),
            cpu_ms: self.sample.cpu_ms,
            memory_bytes: self.sample.memory_bytes,
            memory_peak_bytes: self.memory_peak_bytes,
            processes: self.sample.processes,
            output_bytes: self.streams.total(),
            socket_bytes: self.watch.socket_bytes(),
            tool_calls: report.tool_calls,
            model_calls: report.model_calls,
            activity: self.activity.clone(),
            usage: report.usage,
        };
        if let Err(e) = heartbeat.write(self.dir) {
            complain(&format!("cannot write the heartbeat: {e}"));
        }
        self.tell_complaints();
    }

    fn phase(&self) -> Phase {
        match self.stage {
            Stage::Running => Phase::Running,
            Stage::Ending { .. } => Phase::Ending,
            Stage::Lingering { .. } | Stage::Leftovers { .. } => Phase::Leftovers,
            Stage::Killing { .. } => Phase::Killing,
        }
    }

    fn tell_complaints(&mut self) {
        if let Some(complaint) = self.streams.complaint() {
            complain(&complaint);
        }
    }

    /// Until something happens or is due.
    fn sleep(&mut self) {
        let now = Instant::now();
        let timeout = self.wake_at().map(|at| at.saturating_duration_since(now)).into_iter().chain(self.look_again()).min();
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        let mut waiting = vec![PollFd::new(self.signals, PollFlags::IN)];
        waiting.extend(self.streams.open().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        if let Some(line) = &self.life_line {
            waiting.push(PollFd::from_borrowed_fd(line.as_fd(), PollFlags::IN));
        }
        // An interruption is a signal, and the signal is in the pipe.
        let _ = poll(&mut waiting, timeout.as_ref());
        let parent_is_gone = self.life_line.is_some() && waiting.last().is_some_and(|line| !line.revents().is_empty());
        drop(waiting);
        if parent_is_gone {
            self.life_line = None;
            self.kill(Exit::Cancelled);
        }
    }

    fn look_again(&self) -> Option<Duration> {
        system::LOOK_AGAIN.filter(|_| self.status.is_some())
    }

    fn wake_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Running => {
                let timeout = self.spec.timeout.and_then(|t| self.began.checked_add(t.saturating_add(self.rest())));
                let wall = self.spec.allowance.wall_left().and_then(|left| self.began.checked_add(left));
                let news = self.heartbeat_at.filter(|_| self.streams.activity() != self.activity.as_deref()).map(|at| at + NEWS_PAUSE);
                [Some(self.watch.next_look()), timeout, wall, news].into_iter().flatten().min()
            }
            Stage::Ending { kill_at } | Stage::Leftovers { kill_at } => Some(kill_at),
            Stage::Lingering { terminate_at } => Some(terminate_at),
            Stage::Killing { next, .. } => Some(next),
        }
    }

    fn read(&mut self) {
        if self.streams.read() {
            let now = Instant::now();
            self.last_output = Some(now);
            self.watch.saw_output(now);
            self.heed_bounds(now);
        }
    }

    /// Ends an agent that has used too much or goes round in circles. One that has said that it is done is on its way out: its work is
    /// paid for.
    fn heed_bounds(&mut self, now: Instant) {
        let calls = self.streams.take_calls();
        if !matches!(self.stage, Stage::Running) || self.spec.reader.is_none() {
            return;
        }
        let report = self.streams.report();
        if report.finished == Some(true) {
            return;
        }
        if let Some(message) = self.spec.allowance.exceeded(Spent::of_report(&report, now - self.began)) {
            self.terminate(Exit::OverBudget { message });
            return;
        }
        self.nearly_used_up = self.nearly_used_up || self.spec.allowance.is_nearly_used_up(Spent::of_report(&report, Duration::ZERO));
        let total = self.streams.total();
        if !calls.is_empty() {
            self.runaway.call_ended(total);
        }
        let repeated = calls.iter().find_map(|call| self.runaway.called(call));
        if let Some(message) = repeated.or_else(|| self.runaway.printed(total, report.tool_calls)) {
            self.terminate(Exit::Runaway { message });
        }
    }

    fn terminate_over_budget(&mut self, now: Instant) {
        let allowance = &self.spec.allowance;
        let spent = allowance.spent.and(Spent::of_report(&self.streams.report(), now - self.began));
        let message = allowance.budget.compare(Measure::Wall, &spent);
        self.terminate(Exit::OverBudget { message });
    }

    fn record(&self) -> ExitRecord {
        let (cpu_ms, largest) = system::usage_of_ended();
        let (stdout_tail, stderr_tail) = self.streams.tails();
        ExitRecord {
            report: self.streams.report(),
            strays_ended: u32::try_from(self.strays.len()).unwrap_or(u32::MAX),
            memory_peak_bytes: self.memory_peak_bytes.max(largest),
            cpu_ms,
            resources: Some(self.resources(cpu_ms, largest)),
            stopped: self.stopped.clone(),
            oom_kills: self.oom_kills_before.and_then(|before| machine::oom_kills().map(|now| now.saturating_sub(before))),
            stdout_tail,
            stderr_tail,
            waited_ms: u64::try_from(self.rest().as_millis()).unwrap_or(u64::MAX),
            ..ExitRecord::new(self.exit(), self.started_at, wall_clock())
        }
    }

    /// What the tree used at its end: its memory at the last look (of one that was never looked at, the largest process's), and its CPU time
    /// since that look. And the machine, now.
    fn resources(&self, cpu_ms: u64, largest: u64) -> Resources {
        let memory = if self.sample.memory_bytes > 0 { self.sample.memory_bytes } else { largest };
        let passed = self.sampled.elapsed().as_secs_f64() * 1_000.0;
        let used = cpu_ms.saturating_sub(self.sample.cpu_ms) as f64;
        let tenths = |n: f64| (n * 10.0).round() / 10.0;
        Resources {
            memory_mb: Some(tenths(memory as f64 / 1e6)),
            cpu_percent: (passed > 0.0).then(|| tenths(100.0 * used / passed)),
            ..machine::resources(&self.spec.cwd)
        }
    }

    fn exit(&self) -> Exit {
        if let Some(why) = &self.ended_by {
            return why.clone();
        }
        match self.status.map(|s| (s.exit_status(), s.terminating_signal())) {
            Some((Some(code), _)) => Exit::Code { code },
            Some((_, Some(signal))) => Exit::Signal { signal },
            // Only where it could not be killed within the limit, after the keeper had decided to end it.
            _ => Exit::Cancelled,
        }
    }
}
