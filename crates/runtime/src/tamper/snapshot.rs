//! Everything that is compared, at one moment.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::files::{self, FileState};
use super::store::Store;
use super::{heads, refs, stash};
use crate::git::Repo;

/// The shared state of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Microseconds since 1970.
    pub at: i64,
    /// Greenlane's own refs that are compared too.
    pub own: Vec<String>,
    /// The copy of the packed refs.
    pub packed: String,
    /// Refs with a file of their own.
    pub loose: BTreeMap<String, String>,
    /// The user's checkouts and what they are at.
    pub heads: BTreeMap<String, String>,
    /// Their indexes, told apart.
    #[serde(default)]
    pub index: BTreeMap<String, String>,
    /// Files that git reads.
    pub files: BTreeMap<String, FileState>,
    /// From the oldest to the newest.
    pub stash: Vec<stash::Entry>,
}

impl Snapshot {
    pub(super) fn take(repo: &Repo, pool: &Path, store: &Store, own: &[String]) -> io::Result<Self> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let common_dir = repo.common_dir();
        // Loose ones first: a ref that is packed between the two looks is then seen twice, never not at all.
        let loose = refs::loose(common_dir, own)?;
        Ok(Self {
            at: i64::try_from(at).unwrap_or(i64::MAX),
            own: own.to_vec(),
            packed: store.keep(&refs::packed_text(repo)?)?,
            loose,
            heads: heads::look(repo, pool),
            index: heads::indexes(repo, pool),
            files: files::look(common_dir, store)?,
            stash: stash::list(common_dir),
        })
    }

    /// All watched refs and what they are.
    pub(super) fn refs(&self, store: &Store) -> io::Result<BTreeMap<String, String>> {
        let mut all = refs::parse_packed(&store.read(&self.packed)?, &self.own);
        all.extend(self.loose.iter().map(|(k, v)| (k.clone(), v.clone())));
        Ok(all)
    }

    pub(super) fn same_refs(&self, other: &Self) -> bool {
        self.packed == other.packed && self.loose == other.loose
    }
}
