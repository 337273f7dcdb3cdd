//! Trackers: who keeps book of tasks beside Greenlane, one file each, behind [`Tracker`]. [`Trackers`] claims for the driver; [`Post`]
//! tells them, on a thread of its own, from the journal and with a memory ([`Outbox`]) of what each has been told.
//!
//! Nothing here holds a run up: a claim is given up after [`CLAIM_MAX`], what cannot be told is tried again, later and by the next
//! coordinator, and is listed until then. Decides nothing about a run.

mod beads;
mod github;
mod outbox;
mod plan_file;
mod post;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use greenlane_core::ids::RunId;
pub use greenlane_core::tracker::{GivenUp, Issue, Item, Letter, TrackerKind, Untold, Word};

use crate::agent::which;
use crate::config::TrackerConfig;
use crate::git::Repo;
pub use crate::program::Patience;
pub use outbox::{Outbox, OutboxError, Round, Settled};
pub use post::{LAST_WORDS, Post};
pub use store::STORE_NAME;

/// Longest that a claim may hold an attempt up.
pub const CLAIM_MAX: Duration = Duration::from_secs(10);
/// After a tracker gave no answer, attempts start without asking it for so long.
const AWAY: Duration = Duration::from_secs(60);

/// What came of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The item is the run's.
    Claimed {
        /// Whose it was before, where it was handed over.
        from: Option<String>,
    },
    /// It is somebody else's, or no work to do any more.
    Taken {
        /// For people, a whole sentence's worth.
        why: String,
    },
    /// It could not be claimed, and nobody is known to have it.
    Unavailable {
        /// Why.
        why: String,
        /// The tracker as a whole gave no answer.
        away: bool,
    },
}

/// What came of telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was changed.
    Changed,
    /// It stood so already.
    Already,
}

/// Why something could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The tracker as a whole: nothing can be told to it before some time has passed.
    Away {
        /// Why, for people.
        why: String,
        /// Not before then, where the tracker says so.
        wait: Option<Duration>,
    },
    /// This item only, and it may go well later.
    NotYet {
        /// Why, for people.
        why: String,
    },
    /// This item, and it will not go well by itself.
    Never {
        /// Why, for people.
        why: String,
    },
}

impl Trouble {
    /// The tracker gives no answer, and says nothing of when it might.
    pub fn away(why: impl Into<String>) -> Self {
        Trouble::Away { why: why.into(), wait: None }
    }

    /// Why, for people.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Trouble::Away { why, .. } | Trouble::NotYet { why } | Trouble::Never { why } => why,
        }
    }
}

/// The program through which a tracker is reached; `None`: it needs none.
#[must_use]
pub fn program_of(kind: TrackerKind) -> Option<&'static str> {
    match kind {
        TrackerKind::Beads => Some(crate::beads::PROGRAM),
        TrackerKind::Github => Some(github::PROGRAM),
        TrackerKind::Plan => None,
    }
}

/// Where a program is on the environment's PATH, whose relative places count from `dir`.
#[must_use]
pub fn find_program(name: &str, environment: &BTreeMap<OsString, OsString>, dir: &Path) -> Option<PathBuf> {
    which(Path::new(name), environment, dir)
}

/// One tracker. It looks at an item before it changes it: to claim or to tell twice is harmless.
pub trait Tracker: Send + Sync {
    /// Claims an item for a run.
    fn claim(&self, run: &RunId, issue: &Issue, patience: &Patience) -> Claim;

    /// Tells where an item stands in a run.
    ///
    /// # Errors
    /// Why it could not be told, and whether that may change.
    fn tell(&self, run: &RunId, letter: &Letter, patience: &Patience) -> Result<Told, Trouble>;
}

/// Where trackers are asked and told from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The main checkout: never a worktree; `None` for a bare repository.
    pub main: Option<PathBuf>,
    /// The repository's own folder, which all of its checkouts share.
    pub common_dir: PathBuf,
    /// Of Greenlane.
    pub state_dir: PathBuf,
    /// The user's environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// Comment on GitHub also when work begins and when it is given up.
    pub github_comments: bool,
}

impl Place {
    /// Of this repository.
    #[must_use]
    pub fn of(repo: &Repo, state_dir: &Path, environment: &BTreeMap<OsString, OsString>, config: &TrackerConfig) -> Self {
        // In a hook of git's, its variables name the place that git is at work in.
        let foreign =
            |name: &str| name.starts_with("GREENLANE_") || ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"].contains(&name);
        let environment = environment.iter().filter(|(name, _)| !foreign(&name.to_string_lossy()));
        let environment = environment.map(|(n, v)| (n.clone(), v.clone())).collect();
        Self {
            main: repo.main_top().map(Path::to_owned),
            common_dir: repo.common_dir().to_owned(),
            state_dir: state_dir.to_owned(),
            environment,
            github_comments: config.github_comments,
        }
    }
}

/// All trackers that there are.
pub struct Trackers {
    all: BTreeMap<TrackerKind, Box<dyn Tracker>>,
    /// Those that gave no answer: why, and since when.
    away: Mutex<BTreeMap<TrackerKind, (Instant, String)>>,
}

impl Trackers {
    /// Those that this version knows. A new one is added here, and is everywhere.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        let mut all: BTreeMap<TrackerKind, Box<dyn Tracker>> = BTreeMap::new();
        if let Some(beads) = beads::Beads::of(place) {
            all.insert(TrackerKind::Beads, Box::new(beads));
        }
        if let Some(github) = github::Github::of(place) {
            all.insert(TrackerKind::Github, Box::new(github));
        }
        all.insert(TrackerKind::Plan, Box::new(plan_file::PlanFile::of(place)));
        Self::with(all)
    }

    /// These.
    #[must_use]
    pub fn with(all: BTreeMap<TrackerKind, Box<dyn Tracker>>) -> Self {
        Self { all, away: Mutex::default() }
    }

    /// Claims an item for a run; comes back within about [`CLAIM_MAX`], and at once where the tracker gave no answer just now.
    #[must_use]
    pub fn claim(&self, run: &RunId, issue: &Issue) -> Claim {
        let Some(tracker) = self.all.get(&issue.tracker) else {
            return Claim::Unavailable { why: format!("{} cannot be asked here", issue.tracker.label()), away: false };
        };
        if let Some((since, why)) = self.away().get(&issue.tracker)
            && since.elapsed() < AWAY
        {
            return Claim::Unavailable { why: why.clone(), away: true };
        }
        let claim = tracker.claim(run, issue, &Patience::of(CLAIM_MAX));
        match &claim {
            Claim::Unavailable { why, away: true } => drop(self.away().insert(issue.tracker, (Instant::now(), why.clone()))),
            _ => drop(self.away().remove(&issue.tracker)),
        }
        claim
    }

    /// Those that there are.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<TrackerKind> {
        self.all.keys().copied().collect()
    }

    fn tell(&self, run: &RunId, letter: &Letter, patience: &Patience) -> Result<Told, Trouble> {
        match self.all.get(&letter.item.tracker) {
            Some(tracker) => tracker.tell(run, letter, patience),
            None => Err(Trouble::away(format!("{} cannot be told here", letter.item.tracker.label()))),
        }
    }

    fn away(&self) -> std::sync::MutexGuard<'_, BTreeMap<TrackerKind, (Instant, String)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
