//! What `plan` says of each task: what kind of work it is, who does it and why. The rules are the core's.

use greenlane_core::classify::{Assignment, Choice, Classification, Evidence, TaskType};
use greenlane_core::plan::{Plan, Task};
use greenlane_runtime::agent::{COMMAND, Registry};
use greenlane_runtime::config::Config;
use greenlane_runtime::plan_files::Loaded;
use serde::Serialize;

use super::{PlanArgs, diagnostic, heading, span};
use crate::assign::{self, Assigned, Assigning, History};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Paint, paint};

/// So many types are told where nobody asks why.
const SCORES_MAX: usize = 2;
/// Most things that counted that a line tells.
const EVIDENCE_MAX: usize = 5;

/// What was found out about a task.
#[derive(Serialize)]
pub struct Looked {
    /// Its evidence only where somebody asks why.
    classification: Classification,
    /// `null`: the plan or the configuration names an agent, or nobody is here.
    assignment: Option<Assignment>,
}

/// Of all plans, in their order.
pub struct AllLooked {
    /// For each plan, for each of its tasks in their order.
    pub tasks: Vec<Vec<Looked>>,
    assigning: Assigning,
}

/// What an agent has shown at one type of task.
#[derive(Serialize)]
pub struct ShownDocument {
    #[serde(rename = "type")]
    kind: TaskType,
    agent: String,
    attempts: u32,
    landed: u32,
    smoothed_rate: f64,
    cost_usd: Option<f64>,
    seconds: f64,
}

impl AllLooked {
    /// What agents have shown here.
    pub fn shown(&self) -> Vec<ShownDocument> {
        let document = |(kind, agent, shown): (TaskType, &str, greenlane_core::classify::Shown)| ShownDocument {
            kind,
            agent: agent.to_owned(),
            attempts: shown.attempts,
            landed: shown.landed,
            smoothed_rate: (shown.rate() * 100.0).round() / 100.0,
            cost_usd: (shown.cost_told > 0).then_some(shown.cost_usd),
            seconds: shown.seconds,
        };
        self.assigning.record.iter().map(document).collect()
    }
}

/// Classifies every task, and writes into the plans who does what they name nobody for, where that is asked for.
///
/// # Errors
/// If the journal cannot be read or `[assign]` names an agent that nobody knows.
pub fn look(args: &PlanArgs, context: &Context, config: &Config, registry: &Registry, loaded: &mut Loaded) -> Result<AllLooked, Error> {
    let mut tasks = loaded.plans.iter().flat_map(|p| &p.plan.tasks);
    let matters = args.why || tasks.any(|t| !t.ticked && assign::is_open(t, config));
    let history = if args.no_history || !matters { History::Ignored } else { History::Configured };
    let assigning = Assigning::open(context, config, registry, history)?;
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for one in &mut loaded.plans {
        let mut assigned = std::collections::BTreeMap::new();
        let mut told = false;
        let mut looked = Vec::with_capacity(one.plan.tasks.len());
        for task in &one.plan.tasks {
            let mut found = assigning.classify(task);
            let is_open = !task.ticked && assign::is_open(task, config);
            let assignment = if is_open { assigning.assign(&found) } else { None };
            match &assignment {
                Some(a) => {
                    let by = Assigned { agent: a.agent.clone(), fallbacks: a.secondaries.clone(), why: a.why.clone() };
                    assigned.insert(task.id.clone(), by);
                }
                None if is_open && !told => {
                    told = true;
                    problems.push(diagnostic(&one.plan, assign::nobody_here()));
                }
                None => {}
            }
            if !args.why {
                found.evidence.clear();
                found.size.words.clear();
                found.scores.truncate(SCORES_MAX);
            }
            looked.push(Looked { classification: found, assignment });
        }
        assign::fill_in(&mut one.plan, &assigned);
        all.push(looked);
    }
    loaded.diagnostics.extend(problems);
    Ok(AllLooked { tasks: all, assigning })
}

/// The section of the view; empty where nobody was assigned and nobody asked.
pub fn section(args: &PlanArgs, plan: &Plan, looked: &[Looked], all: &AllLooked, color: bool) -> String {
    if !args.why && looked.iter().all(|l| l.assignment.is_none()) {
        return String::new();
    }
    let mut out = format!("\n{}\n", heading("Who does what", color));
    let shown: Vec<(&Task, &Looked)> =
        plan.tasks.iter().zip(looked).filter(|(t, l)| !t.ticked && (args.why || l.assignment.is_some())).collect();
    let width = |of: &dyn Fn(&(&Task, &Looked)) -> usize| shown.iter().map(of).max().unwrap_or(0).min(32);
    let id_width = width(&|(t, _)| t.id.as_str().chars().count());
    let agent_width = width(&|(t, _)| agent(t).chars().count());
    for (task, looked) in &shown {
        let found = &looked.classification;
        let why = match &looked.assignment {
            Some(a) => format!("{:.2}  {}", a.confidence, a.why),
            None => format!("      {}", named(task, found)),
        };
        out.push_str(&format!("  {:id_width$}  {:agent_width$}  {why}\n", task.id, agent(task)));
        if args.why {
            for line in reasons(found, looked.assignment.as_ref()) {
                out.push_str(&format!("  {:id_width$}  {}\n", "", paint(&line, Paint::Dim, color)));
            }
        }
    }
    record(&mut out, all, color);
    out
}

fn agent(task: &Task) -> &str {
    if task.run.is_some() { COMMAND } else { task.agent.as_deref().unwrap_or("-") }
}

fn named(task: &Task, found: &Classification) -> String {
    let kind = found.kind.map_or("of no known type", TaskType::as_str);
    let by = if task.run.is_some() {
        "its own command"
    } else if task.agent.is_some() {
        "the plan names it"
    } else if !task.candidates.is_empty() {
        "candidates are compared"
    } else {
        "the default agent"
    };
    format!("{} {kind}: {by}", found.size.complexity)
}

/// What a classification follows from, a line each.
fn reasons(found: &Classification, assignment: Option<&Assignment>) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(kind) = found.kind {
        let counted = |e: &Evidence| format!("{} {} ({})", e.what, e.points, e.place);
        let of: Vec<String> = found.evidence.iter().filter(|e| e.kind == kind).take(EVIDENCE_MAX).map(counted).collect();
        let rival = found.scores.get(1).map(|(second, points)| format!("; next {second} {points}")).unwrap_or_default();
        let points = found.scores.first().map_or(0.0, |(_, points)| *points);
        out.push(format!("{kind} {points} (confidence {:.2}): {}{rival}", found.confidence, of.join(", ")));
    }
    let words: Vec<String> = found.size.words.iter().take(EVIDENCE_MAX).map(|(word, points)| format!("{word} {points:+}")).collect();
    let words = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
    let points = found.size.points;
    let unit = if (points.abs() - 1.0).abs() < f64::EPSILON { "point" } else { "points" };
    out.push(format!("{} with {points} {unit}{words}", found.size.complexity));
    let mut rest = Vec::new();
    rest.extend(found.role.as_ref().map(|role| format!("role {role}")));
    if !found.stacks.is_empty() {
        rest.push(format!("stack {}", found.stacks.join(", ")));
    }
    if let Some(a) = assignment.filter(|a| !a.secondaries.is_empty()) {
        rest.push(format!("then {}", a.secondaries.join(", ")));
    }
    if let Some(a) = assignment.filter(|a| a.by == Choice::History) {
        rest.push(format!("moved by the record (--no-history for the rules alone), {} ahead", a.margin));
    }
    if !rest.is_empty() {
        out.push(rest.join("; "));
    }
    out
}

fn record(out: &mut String, all: &AllLooked, color: bool) {
    let rows = all.shown();
    if rows.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", heading("What agents have shown here", color)));
    let width = |of: &dyn Fn(&ShownDocument) -> usize| rows.iter().map(of).max().unwrap_or(0).min(32);
    let (kind_width, agent_width) = (width(&|r| r.kind.as_str().len()), width(&|r| r.agent.chars().count()));
    for row in &rows {
        let each = |sum: f64| sum / f64::from(row.attempts.max(1));
        let cost = row.cost_usd.map(|sum| format!(", ${:.2} each", each(sum))).unwrap_or_default();
        out.push_str(&format!(
            "  {:kind_width$}  {:agent_width$}  landed {} of {} (smoothed {:.2}), {} each{cost}\n",
            row.kind,
            row.agent,
            row.landed,
            row.attempts,
            row.smoothed_rate,
            span(each(row.seconds))
        ));
    }
}
