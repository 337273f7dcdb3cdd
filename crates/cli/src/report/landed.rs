//! What landed: each plan's commits with their files and lines, and the issues that were fixed by it. Reads the repository, changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use greenlane_core::ids::Oid;
use greenlane_core::state::{PlanState, State};
use greenlane_runtime::git::{FileStat, Repo};
use serde::Serialize;

/// A plan's branch against its base.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LandedPlan {
    /// The plan.
    pub plan: String,
    /// Its branch.
    pub branch: String,
    /// Files that are not the same at its head as at its base, and the lines that came and went; binary files have none.
    #[serde(flatten)]
    pub change: Change,
    /// What landed in this run, in its order.
    pub commits: Vec<LandedTask>,
    /// Why files and lines are not known, where they are not.
    pub unknown: Option<String>,
}

/// One task's landing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LandedTask {
    /// The task.
    pub task: String,
    /// Its title.
    pub title: String,
    /// The commit on the plan's branch.
    pub commit: String,
    /// What it changed there; `None` where the repository no longer tells.
    #[serde(flatten)]
    pub change: Option<Change>,
}

/// How much was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Files.
    pub files: usize,
    /// Lines that came.
    pub lines_added: u64,
    /// Lines that went.
    pub lines_removed: u64,
}

impl Change {
    fn of(files: &[FileStat]) -> Self {
        let paths: BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
        let sum = |of: fn(&FileStat) -> Option<u64>| files.iter().filter_map(of).sum();
        Self { files: paths.len(), lines_added: sum(|f| f.added), lines_removed: sum(|f| f.removed) }
    }

    /// `3 files, +120 -4`.
    #[must_use]
    pub fn words(self) -> String {
        let files = if self.files == 1 { "file" } else { "files" };
        format!("{} {files}, +{} -{}", self.files, self.lines_added, self.lines_removed)
    }
}

/// An issue that a task stood for, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fixed {
    /// 0 is the most urgent.
    pub priority: u8,
    /// The word for it.
    pub severity: &'static str,
    /// What was to be fixed, as the plan says it.
    pub issue: String,
    /// The task.
    pub task: String,
    /// Its plan.
    pub plan: String,
    /// Its work is on the plan's branch.
    pub fixed: bool,
    /// The commit that did it.
    pub commit: Option<String>,
}

impl Fixed {
    /// Its task's name as short as it is clear: with its plan where there are several.
    #[must_use]
    pub fn task_of(&self, plans: usize) -> String {
        if plans > 1 { format!("{}/{}", self.plan, self.task) } else { self.task.clone() }
    }
}

/// Where work packages name the issues that they fix.
const ISSUES: &str = "issues_fixed";
/// The words of work packages for priorities, the most urgent first.
const SEVERITIES: [&str; 4] = ["critical", "major", "medium", "minor"];

/// Every plan on whose branch something landed in this run.
#[must_use]
pub fn landed(repo: &Repo, state: &State) -> Vec<LandedPlan> {
    let has = |p: &&PlanState| state.tasks[p.tasks.clone()].iter().any(|t| t.landed.is_some() && t.landed_before.is_none());
    state.plans.iter().filter(has).map(|p| of_plan(repo, state, p)).collect()
}

fn of_plan(repo: &Repo, state: &State, plan: &PlanState) -> LandedPlan {
    let base = &plan.submission.base;
    let whole = repo.stat_between(base, &plan.head).map(|files| Change::of(&files));
    let mut of_commit: BTreeMap<Oid, Change> = BTreeMap::new();
    for stat in repo.stat_of_commits(base, &plan.head).unwrap_or_default() {
        of_commit.insert(stat.commit, Change::of(&stat.files));
    }
    let mut tasks: Vec<_> = state.tasks[plan.tasks.clone()].iter().filter(|t| t.landed_before.is_none()).collect();
    tasks.sort_by_key(|t| t.landing_number);
    let commits = tasks.into_iter().filter_map(|t| {
        let commit = t.landed.as_ref()?;
        Some(LandedTask {
            task: t.key.task.to_string(),
            title: state.definition(t).title.clone(),
            commit: commit.to_string(),
            change: of_commit.get(commit).copied(),
        })
    });
    LandedPlan {
        plan: plan.submission.plan.id.to_string(),
        branch: plan.branch.clone().unwrap_or_default(),
        commits: commits.collect(),
        unknown: whole.as_ref().err().map(|_| format!("{base}..{} is no longer in the repository", plan.head)),
        change: whole.unwrap_or_default(),
    }
}

/// The issues of tasks that name any, critical ones first, those that are fixed before those that are not.
#[must_use]
pub fn fixed(state: &State) -> Vec<Fixed> {
    let mut all = Vec::new();
    for task in &state.tasks {
        let definition = state.definition(task);
        let listed = definition.extra.get(ISSUES).map_or("", String::as_str);
        let issues = listed.split(';').map(str::trim).filter(|i| !i.is_empty());
        for issue in issues.map(str::to_owned).chain(definition.issue.as_ref().map(ToString::to_string)) {
            all.push(Fixed {
                priority: definition.priority,
                severity: SEVERITIES.get(usize::from(definition.priority)).copied().unwrap_or("minor"),
                issue,
                task: task.key.task.to_string(),
                plan: task.key.plan.to_string(),
                fixed: task.landed.is_some(),
                commit: task.landed.as_ref().map(ToString::to_string),
            });
        }
    }
    all.sort_by_key(|f| (f.priority, !f.fixed));
    all
}
