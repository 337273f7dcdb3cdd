//! Does the tree still work, and when is the next look? Judges samples; takes none, and has no clock.

use std::time::{Duration, Instant};

use super::heartbeat::Evidence;
use super::system::{Connections, Sample, Waiting};

/// The first look at a tree; each further one after twice the time, up to the interval. A short command is never looked at.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Work uses at least a twentieth of one CPU over the interval, and a clock tick: less is a timer, a spinner, a garbage collector that idles. opencode
/// whose model hangs was seen to use 1.2 %.
const CPU_SHARE_MIN: u32 = 20;
const CPU_MIN: Duration = Duration::from_millis(10);

/// The evidence so far.
pub(super) struct Watch {
    interval: Duration,
    stall_timeout: Option<Duration>,
    step: Duration,
    looked: Instant,
    next: Instant,
    last: Instant,
    kind: Option<Evidence>,
    cpu_ms: u64,
    connections: Option<Connections>,
    /// Connections that were opened since the last evidence, in vain.
    opened: usize,
    waits_for: Option<String>,
}

impl Watch {
    pub(super) fn new(heartbeat: Duration, stall_timeout: Option<Duration>, now: Instant) -> Self {
        let interval = stall_timeout.map_or(heartbeat, |s| heartbeat.min(s / 4)).max(INTERVAL_MIN);
        let step = FIRST_LOOK.min(interval);
        Self {
            interval,
            stall_timeout,
            step,
            looked: now,
            next: now + step,
            last: now,
            kind: None,
            cpu_ms: 0,
            connections: None,
            opened: 0,
            waits_for: None,
        }
    }

    /// When to look at the tree next.
    pub(super) fn next_look(&self) -> Instant {
        self.stall_deadline().map_or(self.next, |stall| self.next.min(stall))
    }

    /// The agent printed something.
    pub(super) fn saw_output(&mut self, now: Instant) {
        (self.last, self.kind) = (now, Some(Evidence::Output));
    }

    /// It waited for a person until then, or called a tool of Greenlane's: that it was silent says nothing.
    pub(super) fn heard(&mut self, at: Instant, evidence: Evidence) {
        if at > self.last {
            (self.last, self.kind) = (at, Some(evidence));
        }
    }

    /// The next look, at `now`. `connections` is asked only when nothing else tells of work, `waiting` when these do not either.
    pub(super) fn look(
        &mut self,
        now: Instant,
        sample: &Sample,
        connections: impl FnOnce() -> Option<Connections>,
        waiting: impl FnOnce() -> Waiting,
    ) {
        let printed = self.kind == Some(Evidence::Output) && self.last > self.looked;
        let used = Duration::from_millis(sample.cpu_ms.saturating_sub(self.cpu_ms));
        let enough = ((now - self.looked) / CPU_SHARE_MIN).max(CPU_MIN);
        let before = self.last;
        if used >= enough {
            self.connections = None;
            if !printed {
                (self.last, self.kind) = (now, Some(Evidence::Cpu));
            }
        } else if !printed {
            let connections = connections();
            // What was there when we first looked tells nothing.
            if let (Some(before), Some(after)) = (&self.connections, &connections)
                && more_bytes(before, after)
            {
                (self.last, self.kind) = (now, Some(Evidence::Sockets));
            }
            self.opened += opened(self.connections.as_ref(), connections.as_ref());
            self.connections = connections;
        }
        if printed || self.last != before {
            (self.opened, self.waits_for) = (0, None);
        } else {
            self.waits_for = words(&waiting(), self.opened, self.connections.as_ref().map_or(0, Connections::len));
        }
        (self.cpu_ms, self.looked) = (sample.cpu_ms, now);
        self.step = (self.step * 2).min(self.interval);
        self.next = now + self.step;
    }

    /// In place of a look: nothing is to be expected of the tree before a person comes.
    pub(super) fn waits_for_a_person(&mut self, now: Instant) {
        (self.last, self.kind, self.looked) = (now, Some(Evidence::Person), now);
        (self.opened, self.waits_for) = (0, None);
        self.step = (self.step * 2).min(self.interval);
        self.next = now + self.step;
    }

    /// The stall timeout has passed without evidence. Ask only right after a look.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.stall_deadline().is_some_and(|deadline| now >= deadline)
    }

    /// The time from look to look, once the first ones are over.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// What keeps it silent, as far as its tree told at the last look.
    pub(super) fn waits_for(&self) -> Option<&str> {
        self.waits_for.as_deref()
    }

    /// The last evidence and when it was.
    pub(super) fn last_evidence(&self) -> (Instant, Option<Evidence>) {
        (self.last, self.kind)
    }

    /// Bytes on connections, where they were looked at last time.
    pub(super) fn socket_bytes(&self) -> Option<u64> {
        self.connections.as_ref().map(|c| c.values().sum())
    }

    fn stall_deadline(&self) -> Option<Instant> {
        self.stall_timeout.and_then(|stall| self.last.checked_add(stall))
    }
}

/// Bytes went over some connection. One that was opened or closed without any is no work: it may be the thousandth try.
fn more_bytes(before: &Connections, after: &Connections) -> bool {
    after.iter().any(|(connection, bytes)| *bytes > before.get(connection).copied().unwrap_or(0))
}

/// How many connections are new.
fn opened(before: Option<&Connections>, after: Option<&Connections>) -> usize {
    let (Some(before), Some(after)) = (before, after) else { return 0 };
    after.keys().filter(|c| !before.contains_key(c)).count()
}

/// Less than this in swap keeps nobody from working.
const SWAPPED_BYTES_MIN: u64 = 50_000_000;

/// What keeps a silent tree waiting, in words: the most certain first.
fn words(waiting: &Waiting, opened: usize, open: usize) -> Option<String> {
    if !waiting.disk.is_empty() {
        return Some(format!("waits for a disk: {}", waiting.disk.join(", ")));
    }
    if waiting.swapped_bytes >= SWAPPED_BYTES_MIN {
        return Some(format!("{} MB of it are in swap", waiting.swapped_bytes / 1_000_000));
    }
    match (opened, open) {
        (0, 0) => None,
        (0, 1) => Some(String::from("one connection is open and silent")),
        (0, n) => Some(format!("{n} connections are open and silent")),
        (1, _) => Some(String::from("it opened a connection and got no answer")),
        (n, _) => Some(format!("it opened {n} connections and got no answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(cpu_ms: u64) -> Sample {
        Sample { cpu_ms, ..Sample::default() }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn bytes(n: u64) -> Option<Connections> {
        Some([(1, n)].into())
    }

    #[test]
    fn looks_come_soon_and_then_seldom() {
        let start = Instant::now();
        let mut watch = Watch::new(seconds(30), None, start);
        let mut looks = Vec::new();
        for _ in 0..7 {
            let at = watch.next_look();
            looks.push((at - start).as_secs());
            watch.look(at, &cpu(0), || None, Waiting::default);
        }
        assert_eq!(looks, [1, 3, 7, 15, 31, 61, 91]);
        assert_eq!(Watch::new(seconds(30), Some(seconds(2)), start).next_look(), start + seconds(2) / 4);
    }

    #[test]
    fn silence_stalls_at_the_deadline_and_not_before() {
        let start = Instant::now();
        let mut watch = Watch::new(seconds(30), Some(seconds(8)), start);
        let mut now = start;
        while now < start + seconds(8) {
            assert!(!watch.is_stalled(now));
            now = watch.next_look();
            watch.look(now, &cpu(0), || bytes(7), Waiting::default);
        }
        assert_eq!(now, start + seconds(8));
        assert!(watch.is_stalled(now));
        assert_eq!(watch.last_evidence(), (start, None));
    }

    #[test]
    fn output_cpu_and_bytes_on_sockets_are_evidence() {
        let start = Instant::now();
        let at = |n| start + seconds(n);
        let mut watch = Watch::new(seconds(30), Some(seconds(100)), start);
        watch.saw_output(at(10));
        watch.look(at(20), &cpu(0), || panic!("not asked: there was output"), || panic!("nor this"));
        assert_eq!(watch.last_evidence(), (at(10), Some(Evidence::Output)));
        watch.look(at(30), &cpu(500), || panic!("not asked: a twentieth of ten seconds was used"), || panic!("nor this"));
        assert_eq!(watch.last_evidence(), (at(30), Some(Evidence::Cpu)));
        watch.look(at(40), &cpu(999), || bytes(7), Waiting::default);
        assert_eq!(watch.last_evidence().0, at(30), "499 ms in ten seconds is idling; the first bytes are the measure");
        watch.look(at(50), &cpu(999), || bytes(7), Waiting::default);
        assert_eq!(watch.last_evidence().0, at(30));
        watch.look(at(60), &cpu(999), || bytes(8), Waiting::default);
        assert_eq!(watch.last_evidence(), (at(60), Some(Evidence::Sockets)));
        assert_eq!(watch.socket_bytes(), Some(8));
        assert!(!watch.is_stalled(at(159)) && watch.is_stalled(at(160)));
        assert_eq!(watch.waits_for(), None);
        watch.look(at(70), &cpu(999), || bytes(8), Waiting::default);
        assert_eq!(watch.waits_for(), Some("one connection is open and silent"));
        let another = || Some([(2, 0)].into());
        watch.look(at(80), &cpu(999), another, Waiting::default);
        assert_eq!(watch.last_evidence().0, at(60), "a connection without an answer is no work");
        assert_eq!(watch.waits_for(), Some("it opened a connection and got no answer"));
        watch.look(at(90), &cpu(999), another, || Waiting { swapped_bytes: 900_000_000, ..Waiting::default() });
        assert_eq!(watch.waits_for(), Some("900 MB of it are in swap"));
        watch.look(at(100), &cpu(999), another, || Waiting { disk: vec!["dd (7)".into()], ..Waiting::default() });
        assert_eq!(watch.waits_for(), Some("waits for a disk: dd (7)"));
        watch.look(at(110), &cpu(5_000), || None, Waiting::default);
        assert_eq!(watch.waits_for(), None);
    }
}
