//! What a landing would do, and the form that confirms it: it names the commits that were looked at, and lands no others.

use askama::Template;
use greenlane_core::state::State;

use super::text;
use crate::commands::land::{self, LandArgs, PlanLanded};
use crate::error::Error;
use crate::report::clean;
use crate::session::{Opened, Session};
use crate::web::view::Links;

#[derive(Template)]
#[template(path = "land.html", whitespace = "minimize")]
struct Page<'a> {
    links: &'a Links,
    here: String,
    carried: Vec<(&'static str, String)>,
    what: String,
    run: String,
    plan: Option<&'a str>,
    into: String,
    heads: String,
    problem: Option<String>,
    plans: Vec<Plan>,
    possible: bool,
}

struct Plan {
    id: String,
    told: String,
    partly: bool,
    verified: bool,
    conflicts: Vec<String>,
}

/// What is looked at.
pub struct Asked<'a> {
    /// A run's id; `None`: the present one.
    pub run: Option<&'a str>,
    /// Of which plan; `None`: all.
    pub plan: Option<&'a str>,
    /// Where to; empty: where the user stands.
    pub into: &'a str,
}

/// The page's body.
///
/// # Errors
/// If there is no such run, or git fails.
pub fn body(links: &Links, session: &Session, asked: &Asked<'_>) -> Result<String, Error> {
    let opened = session.open_run(asked.run)?;
    let here = || land::branch_here(&session.repo).unwrap_or_default();
    let into = if asked.into.is_empty() { here() } else { asked.into.to_owned() };
    let args = LandArgs {
        plan: asked.plan.map(str::to_owned),
        into: Some(into.clone()).filter(|i| !i.is_empty()),
        dry_run: true,
        ..LandArgs::default()
    };
    let (problem, landed) = match land::land(&session.repo, &opened, &args) {
        Ok((_, landed)) => (None, landed),
        Err(e) => (Some(e.problems.into_iter().map(|p| clean(&p.message)).collect::<Vec<_>>().join("; ")), Vec::new()),
    };
    let possible = problem.is_none() && landed.iter().any(|l| l.result == "would_land") && landed.iter().all(|l| l.message.is_none());
    let carried = [("run", asked.run), ("plan", asked.plan)].into_iter().filter_map(|(name, v)| Some((name, v?.to_owned()))).collect();
    Ok(text(&Page {
        links,
        here: links.of_run(None).page("land", ""),
        carried,
        what: asked.plan.map_or_else(|| String::from("all plans"), clean),
        run: opened.run.to_string(),
        plan: asked.plan,
        heads: heads(&opened.state, asked.plan),
        problem,
        plans: landed.iter().map(|l| plan(l, &into)).collect(),
        into,
        possible,
    }))
}

fn plan(landed: &PlanLanded, into: &str) -> Plan {
    Plan {
        id: clean(&landed.id),
        told: landed.message.as_deref().map_or_else(|| clean(&land::told(landed, into)), clean),
        partly: landed.partly && landed.result == "would_land",
        verified: landed.verified || landed.result != "would_land",
        conflicts: landed.conflicts.iter().map(|c| clean(c)).collect(),
    }
}

/// The heads of the plans' branches: what somebody has looked at is what lands, or nothing does.
#[must_use]
pub fn heads(state: &State, plan: Option<&str>) -> String {
    let of = state.plans.iter().filter(|p| plan.is_none_or(|id| p.submission.plan.id.as_str() == id));
    of.map(|p| p.head.to_string()).collect::<Vec<_>>().join(",")
}

/// Whether the branches are where they were when somebody looked.
///
/// # Errors
/// If not, with what to do.
pub fn require_seen(opened: &Opened, plan: Option<&str>, seen: &str) -> Result<(), Error> {
    if heads(&opened.state, plan) == seen {
        return Ok(());
    }
    Err(Error::usage("something has landed since you looked").hint("look again, then land"))
}
