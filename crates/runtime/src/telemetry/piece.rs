//! What has ended, as one span tells of it and as it is counted. Knows neither the journal nor the wire.

use greenlane_core::time::Time;
use opentelemetry::trace::SpanId;
use opentelemetry::{KeyValue, Value};
use sha2::{Digest, Sha256};

/// Characters of a title or a reason that are sent: the rest is in the journal.
const TEXT_MAX: usize = 256;

/// Something with a beginning and an end.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub kind: Kind,
    pub name: String,
    pub id: SpanId,
    /// `None`: a run.
    pub parent: Option<SpanId>,
    pub from: Time,
    pub to: Time,
    pub attributes: Vec<KeyValue>,
    /// Why it is an error.
    pub failed: Option<String>,
    /// What it belongs to beside its parent.
    pub links: Vec<SpanId>,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Run,
    Task,
    Attempt,
    Gate,
    Batch,
    Suite,
    Landing,
}

impl Piece {
    /// One that is no error and has no links yet.
    pub(super) fn new(kind: Kind, name: impl Into<String>, id: SpanId, parent: Option<SpanId>, (from, to): (Time, Time)) -> Self {
        // A clock that was set back makes no span of negative length.
        let from = from.min(to);
        Self { kind, name: name.into(), id, parent, from, to, attributes: Vec::new(), failed: None, links: Vec::new() }
    }

    /// With this attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, value));
        self
    }

    /// With it, where there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// An error, for this reason, if there is one.
    pub(super) fn failed(mut self, why: Option<String>) -> Self {
        self.failed = why.map(|why| shortened(&why));
        self
    }

    /// The value of an attribute.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|a| a.key.as_str() == name).map(|a| &a.value)
    }
}

/// A number of the journal's: attributes are signed.
pub(super) fn number(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// The first line, as far as it is sent.
pub(super) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The first bytes of a digest of these words: the same words, the same id.
pub(super) fn digest<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new();
    for word in words {
        // With its length: ("ab", "c") is not ("a", "bc").
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word.as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; N];
    for (to, from) in first.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    first
}
