//! The thread: reads the journal from the cursor on, sends what has ended, moves the cursor. Where the collector does not answer it tries
//! again later and reads no further meanwhile.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use greenlane_core::ids::RunId;
use opentelemetry_sdk::trace::SpanData;

use super::cursor::{Cursor, CursorFile};
use super::export::Exporters;
use super::fold::Fold;
use super::measures::Measures;
use super::span::span;
use crate::background::gather;
use crate::journal::{Journal, JournalError, Record};

/// At the coordinator's end: how long it waits for what is left to be sent. What is not sent then is sent by the next one.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(3);

/// What ends within this time is sent at once.
const GATHER: Duration = Duration::from_secs(1);
/// How often measures are sent while anything happens.
const MEASURES_EVERY: Duration = Duration::from_secs(15);
/// Entries that are read at once.
const PAGE: u32 = 500;
/// Spans in one request: the conventions' own bound.
const SPANS_MAX: usize = 512;
/// The first pause after a collector did not answer; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Kinds of trouble that are told.
const TOLD_MAX: usize = 8;
/// Runs whose state is held: one is worked on at a time, and one before it may not have been sent to its end.
const RUNS_MAX: usize = 2;
/// Runs that wait for a collector that is gone; of older ones no more is sent.
const WAITING_MAX: usize = 64;

/// Sends until nothing comes any more, and then what is left.
pub(super) fn work(state_dir: &Path, run: &RunId, exporters: Exporters, woken: &Receiver<()>, mut complain: impl FnMut(String)) {
    let mut told: Vec<String> = Vec::new();
    let mut tell = |text: String| {
        if told.len() < TOLD_MAX && !told.contains(&text) {
            told.push(text.clone());
            complain(text);
        }
    };
    let mut sender = match Sender::new(state_dir, run, exporters) {
        Ok(sender) => sender,
        Err(e) => return tell(format!("no telemetry is sent: {e}")),
    };
    let (mut wait, mut pause) = (Duration::ZERO, PAUSE);
    loop {
        let over = match woken.recv_timeout(wait) {
            Ok(()) => gather(woken, GATHER.max(wait.min(pause))),
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        (wait, pause) = match sender.read_and_send_spans() {
            Ok(()) => (MEASURES_EVERY, PAUSE),
            Err(why) => {
                tell(format!("traces are not sent yet, and tried again: {why}"));
                (pause, (pause * 2).min(PAUSE_MAX))
            }
        };
        // Some collectors take one and not the other: neither waits for the other.
        if let Err(why) = sender.send_measures(over) {
            tell(format!("metrics are not sent, and tried again: {why} (`OTEL_METRICS_EXPORTER=none` where the collector takes none)"));
        }
        if over {
            return;
        }
    }
}

struct Sender {
    journal: Journal,
    place: String,
    exporters: Exporters,
    measures: Option<Measures>,
    file: CursorFile,
    /// As the file has it.
    saved: Cursor,
    /// Entries up to this one are taken in.
    read: u64,
    runs: Vec<(RunId, Fold)>,
    /// Of entries that are taken in, and not sent.
    spans: Vec<SpanData>,
    measured: Instant,
    /// Something was counted since.
    is_fresh: bool,
}

impl Sender {
    fn new(state_dir: &Path, run: &RunId, exporters: Exporters) -> Result<Self, JournalError> {
        let journal = Journal::read(state_dir)?;
        let file = CursorFile::in_dir(state_dir);
        // What was before anybody wanted telemetry is history, but for this very run.
        let begin = journal.since(Some(run), 0, 1)?.first().map_or(0, |first| first.seq - 1);
        let mut saved = file.read().unwrap_or(Cursor { traces: begin, metrics: begin, runs: Vec::new() });
        saved.runs.retain(|earlier| earlier != run);
        saved.runs.push(run.clone());
        let surplus = saved.runs.len().saturating_sub(WAITING_MAX);
        saved.runs.drain(..surplus);
        // Should this process send nothing, the next one knows that somebody wanted it to.
        drop(file.write(&saved));
        Ok(Self {
            journal,
            place: state_dir.to_string_lossy().into_owned(),
            measures: exporters.meter().map(|meter| Measures::new(&meter)),
            exporters,
            file,
            read: saved.traces.min(saved.metrics),
            saved,
            runs: Vec::new(),
            spans: Vec::new(),
            measured: Instant::now(),
            is_fresh: false,
        })
    }

    /// By turns, until both are done.
    fn read_and_send_spans(&mut self) -> Result<(), String> {
        loop {
            self.send_spans()?;
            let page = self.journal.since(None, self.read, PAGE).map_err(|e| e.to_string())?;
            for record in &page {
                self.take(record).map_err(|e| e.to_string())?;
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        self.send_spans()
    }

    /// When it is their time, or at the end.
    fn send_measures(&mut self, over: bool) -> Result<(), String> {
        let Some(measures) = self.measures.as_ref().filter(|_| self.is_fresh && (over || self.measured.elapsed() >= MEASURES_EVERY)) else {
            return Ok(());
        };
        if let Some((_, newest)) = self.runs.last() {
            measures.stand(&newest.state);
        }
        self.measured = Instant::now();
        self.exporters.send_measures()?;
        self.is_fresh = false;
        self.save(self.saved.traces, self.read);
        Ok(())
    }

    fn take(&mut self, record: &Record) -> Result<(), JournalError> {
        if !self.saved.runs.contains(&record.run) {
            self.read = record.seq;
            return Ok(());
        }
        let at = self.position(record)?;
        let (_, fold) = &mut self.runs[at];
        let counts = record.seq > self.saved.metrics;
        if let (true, Some(measures)) = (counts, &self.measures) {
            measures.note(&fold.state, record.at, &record.event);
        }
        let pieces = fold.take(record.at, &record.event);
        if let (true, Some(measures)) = (counts, &self.measures) {
            pieces.iter().for_each(|piece| measures.count(piece));
            self.is_fresh = true;
        }
        if record.seq > self.saved.traces && self.exporters.sends_spans() {
            let trace = fold.trace();
            self.spans.extend(pieces.into_iter().map(|piece| span(piece, trace)));
        }
        self.read = record.seq;
        Ok(())
    }

    /// Where the record's run is held, with everything taken in that was before the record.
    fn position(&mut self, record: &Record) -> Result<usize, JournalError> {
        if let Some(at) = self.runs.iter().position(|(run, _)| *run == record.run) {
            return Ok(at);
        }
        let mut fold = Fold::new(&self.place, &record.run);
        let mut seq = 0;
        loop {
            let page = self.journal.since(Some(&record.run), seq, PAGE)?;
            for earlier in page.iter().take_while(|r| r.seq < record.seq) {
                fold.take(earlier.at, &earlier.event);
            }
            match page.last() {
                Some(last) if last.seq < record.seq => seq = last.seq,
                _ => break,
            }
        }
        if self.runs.len() >= RUNS_MAX {
            self.runs.remove(0);
        }
        self.runs.push((record.run.clone(), fold));
        Ok(self.runs.len() - 1)
    }

    fn send_spans(&mut self) -> Result<(), String> {
        while !self.spans.is_empty() {
            let some: Vec<SpanData> = self.spans.iter().take(SPANS_MAX).cloned().collect();
            let n = some.len();
            self.exporters.send_spans(some)?;
            self.spans.drain(..n);
        }
        if self.read > self.saved.traces {
            let metrics = if self.measures.is_some() { self.saved.metrics } else { self.read };
            self.save(self.read, metrics);
        }
        Ok(())
    }

    /// A cursor that cannot be written costs sending the same once more.
    fn save(&mut self, traces: u64, metrics: u64) {
        (self.saved.traces, self.saved.metrics) = (traces, metrics);
        if traces == self.read && metrics == self.read {
            // All is sent but what this run has yet to do.
            let earlier = self.saved.runs.len().saturating_sub(1);
            self.saved.runs.drain(..earlier);
        }
        drop(self.file.write(&self.saved));
    }
}
