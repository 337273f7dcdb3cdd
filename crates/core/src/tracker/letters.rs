//! What each tracker is to be told, drawn from where a run stands: never from single events, so that it does not matter how many of them
//! were missed, and only the newest word about an item counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Issue, TrackerKind};
use crate::attempt::Suite;
use crate::ids::{Oid, PlanId, RunId, TaskId, TaskKey};
use crate::state::{Phase, PlanPhase, PlanState, State, TaskState};

/// What a tracker keeps book of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Which tracker.
    pub tracker: TrackerKind,
    /// Its name there: an issue's; `PLAN/TASK` or `PLAN/` for the plan's file.
    pub id: String,
    /// The plan.
    pub plan: PlanId,
    /// Its tasks: several may stand for one issue. Empty: the plan as a whole.
    pub tasks: Vec<TaskId>,
    /// What its task says, or its plan's name.
    pub title: String,
    /// The plan's file, absolute, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// In which way a task was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenUp {
    /// It failed.
    Failed,
    /// It needs a person.
    NeedsHuman,
    /// Another's end kept it from going on.
    Skipped,
    /// It was called off.
    Cancelled,
    /// It had landed, and was taken off the branch again.
    RolledBack,
    /// Its run was stopped.
    Stopped,
}

impl GivenUp {
    /// For people: follows on the task's name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            GivenUp::Failed => "failed",
            GivenUp::NeedsHuman => "needs a person",
            GivenUp::Skipped => "was skipped",
            GivenUp::Cancelled => "was called off",
            GivenUp::RolledBack => "was taken off its branch again",
            GivenUp::Stopped => "was stopped with its run",
        }
    }
}

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Word {
    /// Somebody is at work on it.
    InHand {
        /// Its tracker has said that it is this run's.
        claimed: bool,
    },
    /// All of its tasks are on the plan's branch.
    Landed {
        /// The last one's commit there.
        commit: Oid,
        /// The branch.
        branch: String,
        /// A suite was green on all of them.
        verified: bool,
        /// This earlier run landed it; of a plan's file only, whose marks are of the plan, not of one run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<RunId>,
    },
    /// The run will not land it, as things stand.
    GivenUp {
        /// In which way.
        how: GivenUp,
        /// For people; may be empty.
        reason: String,
        /// Its tracker has said that it is this run's.
        #[serde(default)]
        claimed: bool,
        /// Whose it was before it was handed over to the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    },
    /// Nothing of the plan is left to do; of a plan as a whole.
    PlanEnded {
        /// Every task is on its branch.
        done: bool,
    },
}

impl Letter {
    /// Said of the same by a newer run, it leaves nothing to be told of what the older one said.
    #[must_use]
    pub fn supersedes(&self, older: &Letter) -> bool {
        let same = self.item.tracker == older.item.tracker && self.item.id == older.item.id;
        let is_plan = self.item.tracker == TrackerKind::Plan;
        if !same || (is_plan && self.item.file != older.item.file) {
            return false;
        }
        match (&self.word, &older.word) {
            (Word::Landed { .. } | Word::PlanEnded { .. }, _) => true,
            // It has landed all the same, if on another branch.
            (_, Word::Landed { .. }) => false,
            // Nobody but the older run gives back what it had, unless the newer one has taken it over.
            (Word::InHand { claimed } | Word::GivenUp { claimed, .. }, Word::GivenUp { claimed: true, .. }) => is_plan || *claimed,
            _ => true,
        }
    }

    /// A newer run has landed the same itself: an older run's word that it will not do it says nothing any more.
    #[must_use]
    pub fn is_moot_after(&self, newer: &Letter) -> bool {
        let gives_up = matches!(self.word, Word::GivenUp { .. } | Word::InHand { .. });
        gives_up && matches!(newer.word, Word::Landed { before: None, .. }) && newer.supersedes(self)
    }
}

/// One item and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Letter {
    /// Of what.
    pub item: Item,
    /// What is to be told.
    pub word: Word,
}

/// Something that a tracker could not be told yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Untold {
    /// In which run it happened.
    pub run: RunId,
    /// What is to be told, of what, to whom.
    #[serde(flatten)]
    pub letter: Letter,
    /// How often it was tried.
    pub tries: u32,
    /// Why it could not be told; `None`: nobody has tried yet.
    pub problem: Option<String>,
    /// It will not be tried again by itself.
    pub given_up: bool,
}

/// What the trackers in force are to be told of this run, what landed in the order in which it did. Of what it never touched nothing is
/// said, but to the plan's own file: what has landed in an earlier run is to be marked there as well.
#[must_use]
pub fn letters(state: &State) -> Vec<Letter> {
    let Some(options) = state.options.as_ref().filter(|o| !o.trackers.is_empty()) else { return Vec::new() };
    let mut out = Vec::new();
    for plan in &state.plans {
        let submission = &plan.submission;
        let (id, file, branch) = (&submission.plan.id, &submission.file, plan.branch.clone().unwrap_or_default());
        let mut issues: BTreeMap<&Issue, Vec<&TaskState>> = BTreeMap::new();
        for task in &state.tasks[plan.tasks.clone()] {
            if let Some(issue) = state.definition(task).issue.as_ref().filter(|i| options.trackers.contains(&i.tracker)) {
                issues.entry(issue).or_default().push(task);
            }
            if options.trackers.contains(&TrackerKind::Plan)
                && let Some(word) = word(state, &[task], &branch).or_else(|| landed_before(plan, task, &branch))
            {
                let name = format!("{id}/{}", task.key.task);
                out.push(Letter { item: item(state, TrackerKind::Plan, name, &[task], file.as_ref()), word });
            }
        }
        for (issue, tasks) in issues {
            if let Some(word) = word(state, &tasks, &branch) {
                out.push(Letter { item: item(state, issue.tracker, issue.id.clone(), &tasks, file.as_ref()), word });
            }
        }
        if let PlanPhase::Ended { done } = plan.phase
            && options.trackers.contains(&TrackerKind::Plan)
        {
            let (plan, title, file) = (id.clone(), submission.plan.name.clone(), file.clone());
            let item = Item { tracker: TrackerKind::Plan, id: format!("{id}/"), plan, tasks: Vec::new(), title, file };
            out.push(Letter { item, word: Word::PlanEnded { done } });
        }
    }
    let landing = |letter: &Letter| {
        let of = |task: &TaskId| state.task(&TaskKey { plan: letter.item.plan.clone(), task: task.clone() }).and_then(|t| t.landing_number);
        letter.item.tasks.iter().filter_map(of).max()
    };
    // Whoever closes what another one waits for does that first; the end of a plan comes after all of its tasks.
    out.sort_by_cached_key(|letter| (matches!(letter.word, Word::PlanEnded { .. }), landing(letter)));
    out
}

fn item(state: &State, tracker: TrackerKind, id: String, tasks: &[&TaskState], file: Option<&String>) -> Item {
    let title = tasks.first().map(|t| state.definition(t).title.clone()).unwrap_or_default();
    let plan = tasks.first().map_or_else(|| PlanId::from(""), |t| t.key.plan.clone());
    Item { tracker, id, plan, tasks: tasks.iter().map(|t| t.key.task.clone()).collect(), title, file: file.cloned() }
}

/// Where these tasks stand together; `None`: the run never touched them.
fn word(state: &State, tasks: &[&TaskState], branch: &str) -> Option<Word> {
    if tasks.iter().all(|t| t.phase == Phase::Done) {
        let last = tasks.iter().filter(|t| t.landing_number.is_some()).max_by_key(|t| t.landing_number)?;
        let verified = tasks.iter().all(|t| !t.landed_unverified);
        return Some(Word::Landed { commit: last.landed.clone()?, branch: branch.to_owned(), verified, before: None });
    }
    // One that landed and was taken off again has attempts, too.
    let touched =
        |t: &&&TaskState| t.claimed || t.rolled_back || t.landing_number.is_some() || t.attempts.iter().any(|a| a.spawned.is_some());
    tasks.iter().find(touched)?;
    let claimed = tasks.iter().any(|t| t.claimed);
    let under_way = |t: &&TaskState| t.phase.active() && t.attempts.iter().any(|a| a.spawned.is_some() || t.claimed);
    if state.ended_at.is_none() && tasks.iter().any(|t| under_way(t) || (!t.phase.ended() && may_go_on(state, t))) {
        return Some(Word::InHand { claimed });
    }
    let worst = tasks.iter().find(|t| t.phase.ended() && t.phase != Phase::Done);
    let how = match worst.map(|t| (t.phase, t.cancelled_with_run)) {
        Some((Phase::Failed, _)) => GivenUp::Failed,
        Some((Phase::NeedsHuman, _)) => GivenUp::NeedsHuman,
        Some((Phase::Skipped, _)) => GivenUp::Skipped,
        Some(_) if worst.is_some_and(|t| t.rolled_back) => GivenUp::RolledBack,
        Some((_, false)) => GivenUp::Cancelled,
        _ => GivenUp::Stopped,
    };
    let reason = worst.and_then(|t| t.reason.clone()).unwrap_or_default();
    let owner = tasks.iter().find_map(|t| t.claimed_from.clone());
    Some(Word::GivenUp { how, reason, claimed, owner })
}

/// It landed in an earlier run, and this one has seen by now whether its suite is green on that.
fn landed_before(plan: &PlanState, task: &TaskState, branch: &str) -> Option<Word> {
    let before = task.landed_before.as_ref()?;
    let begun = matches!(plan.phase, PlanPhase::Running | PlanPhase::Ended { .. }) && plan.branch.is_some();
    let verified = !plan.verify.is_empty() && matches!(plan.base_suite, Some(Suite::Green { .. }));
    let (commit, branch) = (before.commit.clone(), branch.to_owned());
    begun.then(|| Word::Landed { commit, branch, verified, before: Some(before.run.clone()) })
}

/// It waits, and the run will come to it; nothing of its issue has been given up as long as that is so.
fn may_go_on(state: &State, task: &TaskState) -> bool {
    state.stopping.is_none() && !matches!(state.plans[task.plan].phase, PlanPhase::Ended { .. })
}
