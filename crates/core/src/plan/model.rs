//! What a plan is once it was read and validated. Knows nothing of the format it came from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::ids::{GroupId, PlanId, TaskId};
use crate::time::duration_text;
use crate::tracker::Issue;

/// A validated, immutable description of tasks. Tasks stand in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Unique among the plans of a run.
    pub id: PlanId,
    /// For people.
    pub name: String,
    /// The file that it came from, as given; empty for a plan without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The revision that its branch starts from; `None` is HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The branch on which it lands; `None` is `greenlane/<run>/plan/<slug>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commands that must pass on the combined tree. `None`: detect them; empty: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Vec<String>>,
    /// Time limit of one whole verification; default 10 m.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub verify_timeout: Option<Duration>,
    /// Most attempts of this plan at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// Generated files (path or glob) and the command that makes them anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generated: BTreeMap<String, String>,
    /// Fields of the plan's file that mean nothing to Greenlane, as they stood there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// In the order of their barriers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// In the order of the file.
    pub tasks: Vec<Task>,
}

/// Tasks that start together. The tasks of stage `n + 1` wait for all of stage `n`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The NAME of `[P:Group-NAME]`; of an unmarked, sequential task in a file with markers: that task's id.
    pub id: GroupId,
    /// Its place in the order of barriers, from 0.
    pub stage: u32,
    /// The command that refreshes the context before its first task; `None`: the run's, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// What becomes of what landed when a task of it does not; `None`: as the run says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

impl Group {
    /// A group without anything of its own.
    #[must_use]
    pub fn new(id: impl Into<GroupId>, stage: u32) -> Self {
        Self { id: id.into(), stage, refresh: None, on_failure: None }
    }
}

/// What becomes of the landed work of a group that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It stays on the branch, which is green.
    #[default]
    Keep,
    /// The branch goes back to where it was before the group; what is taken off stays in a ref.
    Rollback,
}

impl OnFailure {
    /// As in plans and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OnFailure::Keep => "keep",
            OnFailure::Rollback => "rollback",
        }
    }
}

/// One unit of work, with the plan's `[defaults]` already filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique in its plan.
    pub id: TaskId,
    /// One line for people; the id where the plan has none.
    pub title: String,
    /// What is to be done, for the agent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// What is to be reached, in a sentence, for the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// The steps of the work, for the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<String>,
    /// What must be there at the end, for the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliverables: Vec<String>,
    /// What this task and others have agreed on, such as the signature of a function, for their prompts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// The task starts when all of these have landed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<TaskId>,
    /// The group that it was marked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Barrier: it waits for every task of a lower stage. `None`: outside all barriers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// Globs; empty: it may touch anything and overlaps nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<String>,
    /// The agent's name; `None`: the run's default. Ignored where `run` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Why that agent, where Greenlane chose it: no key of a plan's, and no part of its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Agents whose alternative attempts are to be compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// Agents to use when the first cannot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// The model that the agent is told to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The persona in the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Run before the agent; their output joins the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Limit of each skill; default 2 m.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub skill_timeout: Option<Duration>,
    /// What a skill that fails does to the attempt.
    #[serde(default, skip_serializing_if = "SkillFailure::is_default")]
    pub skill_failure: SkillFailure,
    /// What must be true at the end, for the prompt (`acceptanceCriteria` of a PRD).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Commands that must pass in the task's worktree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// 0 first; default 2.
    pub priority: u8,
    /// Most further attempts; `None`: the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// How often refused work goes back to the agent; `None`: the run's for a model, never for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs: Option<u32>,
    /// Wall-clock limit of an attempt; `None`: the run's (1 h).
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Longest silence; `None`: the agent's default (15 m for models, none for commands).
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Duration>,
    /// Limit of each check; `None`: the run's (10 m).
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub check_timeout: Option<Duration>,
    /// Caps over all of its attempts; what stands here goes before the run's own defaults, cap by cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The issue that it stands for, in a tracker; no part of its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// How long it is thought to take.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Duration>,
    /// Variables for the agent and the checks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The command agent: no model, just this `sh -c` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Fields of the plan's file that mean nothing to Greenlane, as they stood there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// Ticked in the plan already (`[x]`, `passes: true`): nothing to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ticked: bool,
    /// The line of the source file where it is defined, from 1; 0 where unknown.
    #[serde(default)]
    pub line: u32,
}

/// What a skill that fails does to the attempt that it was run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkillFailure {
    /// The prompt and the log say so, and the agent works without its output.
    #[default]
    Tell,
    /// The attempt fails before its agent starts.
    Stop,
}

impl SkillFailure {
    fn is_default(&self) -> bool {
        *self == Self::Tell
    }
}

/// The priority of a task that names none.
pub const PRIORITY_DEFAULT: u8 = 2;

impl Task {
    /// A task with this id and everything else at its default.
    pub fn new(id: impl Into<TaskId>) -> Self {
        let id = id.into();
        Self {
            title: id.to_string(),
            id,
            prompt: String::new(),
            objective: None,
            activities: Vec::new(),
            deliverables: Vec::new(),
            contracts: Vec::new(),
            depends: Vec::new(),
            group: None,
            stage: None,
            owns: Vec::new(),
            agent: None,
            why: None,
            candidates: Vec::new(),
            fallbacks: Vec::new(),
            model: None,
            role: None,
            skills: Vec::new(),
            skill_timeout: None,
            skill_failure: SkillFailure::Tell,
            criteria: Vec::new(),
            check: Vec::new(),
            priority: PRIORITY_DEFAULT,
            retries: None,
            repairs: None,
            timeout: None,
            stall_timeout: None,
            check_timeout: None,
            budget: None,
            issue: None,
            estimate: None,
            env: BTreeMap::new(),
            run: None,
            extra: BTreeMap::new(),
            ticked: false,
            line: 0,
        }
    }
}

impl Plan {
    /// A plan with this id, no tasks, and everything else at its default.
    pub fn new(id: impl Into<PlanId>) -> Self {
        let id = id.into();
        Self {
            name: id.to_string(),
            id,
            source: String::new(),
            base: None,
            branch: None,
            verify: None,
            verify_timeout: None,
            jobs: None,
            generated: BTreeMap::new(),
            extra: BTreeMap::new(),
            groups: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// The task with this id.
    #[must_use]
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|t| t.id == *id)
    }
}
