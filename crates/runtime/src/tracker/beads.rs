//! beads as a tracker, through `bd` in the main checkout. Claims are `bd`'s own: one command that fails if the issue is anybody's. A run
//! claims as `greenlane/RUN`, so that it is known for certain what is to be given back.
//!
//! Of `bd` only this is relied on: `show`, `update --claim`, `update --status --assignee`, `close --reason`, `reopen`, each with `--json`
//! and `--actor`; that a refused command ends with another code than 0; that an issue has `id`, `status`, `assignee`, `close_reason`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use greenlane_core::ids::RunId;
use serde::Deserialize;
use serde_json::Value;

use super::{Claim, GivenUp, Issue, Letter, Patience, Place, Told, Tracker, Trouble, Word};
use crate::beads::PROGRAM;
use crate::journal::Journal;
use crate::program::{Failed, Program, Said};

/// What the names begin with under which runs claim.
const ACTOR: &str = "greenlane/";

/// The store of the main checkout.
pub(super) struct Beads {
    main: PathBuf,
    state_dir: PathBuf,
    environment: BTreeMap<OsString, OsString>,
}

/// What `bd` says of an issue, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
struct Known {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    assignee: Option<String>,
    #[serde(default)]
    close_reason: Option<String>,
}

impl Known {
    fn holder(&self) -> &str {
        self.assignee.as_deref().unwrap_or_default()
    }
}

/// Why a command led to nothing.
enum Refusal {
    /// `bd` is missing, hangs, or talks of something else.
    Away(String),
    /// It refused, and says why.
    Refused(String),
}

impl Refusal {
    fn into_trouble(self) -> Trouble {
        match self {
            Refusal::Away(why) => Trouble::away(why),
            Refusal::Refused(why) => Trouble::NotYet { why },
        }
    }

    fn into_claim(self) -> Claim {
        match self {
            Refusal::Away(why) => Claim::Unavailable { why, away: true },
            Refusal::Refused(why) => Claim::Unavailable { why, away: false },
        }
    }
}

/// One run at one issue.
struct Work<'a> {
    beads: &'a Beads,
    actor: String,
    id: &'a str,
    patience: &'a Patience,
}

impl Beads {
    /// `None`: there is no main checkout to run `bd` in.
    pub fn of(place: &Place) -> Option<Self> {
        let Place { main, state_dir, environment, .. } = place;
        Some(Self { main: main.clone()?, state_dir: state_dir.clone(), environment: environment.clone() })
    }

    fn work<'a>(&'a self, run: &RunId, id: &'a str, patience: &'a Patience) -> Work<'a> {
        Work { beads: self, actor: format!("{ACTOR}{run}"), id, patience }
    }

    /// The names under which `bd` would have the user act by itself.
    fn users_names(&self) -> Vec<String> {
        let set = |name: &str| self.environment.get(std::ffi::OsStr::new(name)).and_then(|v| v.to_str()).map(str::to_owned);
        let by_git = git_user(&self.main);
        let all = [set("BEADS_ACTOR"), set("BD_ACTOR"), by_git, set("USER")];
        all.into_iter().flatten().filter(|name| !name.is_empty()).collect()
    }

    /// Claimed by another run of this repository: only one coordinates at a time, so nobody is at work on it any more.
    fn is_own_leftover(&self, holder: &str, run: &RunId) -> bool {
        let Some(other) = holder.strip_prefix(ACTOR).filter(|other| *other != run.as_str()) else { return false };
        let known = Journal::read(&self.state_dir).and_then(|journal| journal.since(Some(&RunId::from(other)), 0, 1));
        known.is_ok_and(|events| !events.is_empty())
    }
}

fn git_user(main: &Path) -> Option<String> {
    let repo = crate::git::Repo::discover(main).ok()?;
    let name = repo.git().run(&["config", "--get", "user.name"]).ok()?;
    Some(name.text().trim().to_owned())
}

impl Work<'_> {
    /// The issues that a command tells of.
    fn call(&self, args: &[&str]) -> Result<Vec<Known>, Refusal> {
        let Beads { main, environment, .. } = self.beads;
        let program = Program { name: PROGRAM, directory: main, environment };
        let verb = args.first().copied().unwrap_or_default();
        let said = program.run(&[args, &["--json", "--actor", &self.actor]].concat(), self.patience).map_err(|e| match e {
            Failed::Missing => Refusal::Away(String::from("there is no `bd` on PATH")),
            Failed::Other(why) => Refusal::Away(format!("`bd {verb}` {why}")),
        })?;
        if !said.is_good() {
            return Err(Refusal::Refused(format!("`bd {verb}` failed: {}", complaint(&said))));
        }
        issues(&said.out).ok_or_else(|| Refusal::Away(format!("`bd {verb}` said something else than an issue in JSON")))
    }

    fn show(&self) -> Result<Known, Refusal> {
        let mut all = self.call(&["show", self.id])?;
        let at = all.iter().position(|i| i.id == self.id);
        at.map(|at| all.swap_remove(at)).ok_or_else(|| Refusal::Refused(format!("`bd show` told of another issue than `{}`", self.id)))
    }

    fn claim(&self, run: &RunId) -> Claim {
        let refused = match self.claim_once() {
            Ok(()) => return Claim::Claimed { from: None },
            Err(Refusal::Away(why)) => return Claim::Unavailable { why, away: true },
            Err(Refusal::Refused(why)) => why,
        };
        let known = match self.show() {
            Ok(known) => known,
            Err(e) => return e.into_claim(),
        };
        let (id, status, holder) = (self.id, known.status.as_str(), known.holder());
        if holder == self.actor && status == "in_progress" {
            return Claim::Claimed { from: None };
        }
        let own = || self.beads.users_names().iter().any(|name| name == holder);
        let (hand_over, from) = match (status, holder) {
            ("closed" | "tombstone", _) => return Claim::Taken { why: format!("`{id}` was closed in beads meanwhile") },
            // What the plan took for work, though nobody can claim it as it is.
            ("in_progress" | "blocked", "") => (true, None),
            ("open", _) if !holder.is_empty() && own() => (true, Some(holder.to_owned())),
            (_, holder) if self.beads.is_own_leftover(holder, run) => (true, None),
            ("open", "") => (false, None),
            (_, "") => return Claim::Taken { why: format!("`{id}` is `{status}` in beads") },
            _ => return Claim::Taken { why: format!("`{id}` is claimed by {holder} in beads") },
        };
        if !hand_over {
            return Claim::Unavailable { why: refused, away: false };
        }
        let handed = self.call(&["update", id, "--status", "open", "--assignee", &self.actor]).and_then(|_| self.claim_once());
        match handed {
            Ok(()) => Claim::Claimed { from },
            Err(e) => e.into_claim(),
        }
    }

    fn claim_once(&self) -> Result<(), Refusal> {
        let all = self.call(&["update", self.id, "--claim"])?;
        match all.iter().find(|i| i.id == self.id) {
            Some(issue) if issue.holder() == self.actor => Ok(()),
            _ => Err(Refusal::Refused(String::from("`bd update --claim` did not say that it is claimed"))),
        }
    }

    fn close(&self, reason: &str) -> Result<Told, Trouble> {
        let known = self.look()?;
        let holder = known.holder();
        if known.status == "closed" {
            return Ok(Told::Already);
        }
        let others = !holder.is_empty() && holder != self.actor && !holder.starts_with(ACTOR);
        if others && known.status == "in_progress" {
            return Err(Trouble::Never { why: format!("it is claimed by {holder} by now, and is theirs to close ({reason})") });
        }
        self.call(&["close", self.id, "--reason", reason]).map(|_| Told::Changed).map_err(Refusal::into_trouble)
    }

    /// Gives it back, if it is the run's: to whom it was before, else to nobody. What the run closed is opened again.
    fn give_back(&self, run: &RunId, owner: &str, why: &str) -> Result<Told, Trouble> {
        let known = self.look()?;
        if known.status == "closed" {
            if !known.close_reason.is_some_and(|reason| reason.contains(&by(run))) {
                return Ok(Told::Already);
            }
            self.call(&["reopen", self.id, "--reason", why]).map_err(Refusal::into_trouble)?;
        } else if known.holder() != self.actor {
            return Ok(Told::Already);
        }
        self.call(&["update", self.id, "--status", "open", "--assignee", owner]).map(|_| Told::Changed).map_err(Refusal::into_trouble)
    }

    /// The issue as it is; one that is not there is told nothing.
    fn look(&self) -> Result<Known, Trouble> {
        self.show().map_err(|refusal| match refusal {
            Refusal::Refused(why) if is_missing(&why) => Trouble::Never { why: format!("beads has no issue `{}`: {why}", self.id) },
            other => other.into_trouble(),
        })
    }
}

impl Tracker for Beads {
    fn claim(&self, run: &RunId, issue: &Issue, patience: &Patience) -> Claim {
        self.work(run, &issue.id, patience).claim(run)
    }

    fn tell(&self, run: &RunId, letter: &Letter, patience: &Patience) -> Result<Told, Trouble> {
        let work = self.work(run, &letter.item.id, patience);
        match &letter.word {
            Word::InHand { claimed: true } | Word::PlanEnded { .. } => Ok(Told::Already),
            Word::InHand { claimed: false } => match work.claim(run) {
                Claim::Claimed { .. } => Ok(Told::Changed),
                Claim::Taken { why } => Err(Trouble::Never { why: format!("{why}, and is being worked on here all the same") }),
                Claim::Unavailable { why, away: true } => Err(Trouble::away(why)),
                Claim::Unavailable { why, away: false } => Err(Trouble::NotYet { why }),
            },
            Word::Landed { commit, branch, verified, before: _ } => {
                let unverified = if *verified { "" } else { ", not verified by a suite" };
                let short: String = commit.as_str().chars().take(12).collect();
                work.close(&format!("landed as {short} on {branch}{unverified} ({})", by(run)))
            }
            Word::GivenUp { how, reason, owner, claimed: _ } => {
                let colon = if reason.is_empty() { "" } else { ": " };
                let why = match how {
                    GivenUp::Cancelled | GivenUp::RolledBack if !reason.is_empty() => format!("{reason} ({})", by(run)),
                    how => format!("{}{colon}{reason} ({})", how.words(), by(run)),
                };
                work.give_back(run, owner.as_deref().unwrap_or_default(), &why)
            }
        }
    }
}

/// What each reason ends with: by it the run knows what it closed.
fn by(run: &RunId) -> String {
    format!("greenlane run {run}")
}

fn is_missing(why: &str) -> bool {
    let why = why.to_lowercase();
    ["not found", "no issue"].iter().any(|words| why.contains(words))
}

/// A list of issues, or one, each as it is or in an envelope.
fn issues(text: &str) -> Option<Vec<Known>> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let value = match value {
        Value::Object(mut fields) if !fields.contains_key("id") => fields.remove("data")?,
        other => other,
    };
    match value {
        Value::Array(all) => all.into_iter().map(|one| serde_json::from_value(one).ok()).collect(),
        one => Some(vec![serde_json::from_value(one).ok()?]),
    }
}

/// An error may come as JSON, on either stream.
fn complaint(said: &Said) -> String {
    let error = |text: &str| {
        let value: Value = serde_json::from_str(text.trim()).ok()?;
        let error = value.get("error").or_else(|| value.get("data")?.get("error"))?;
        Some(error.as_str()?.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
    };
    error(&said.out).or_else(|| error(&said.err)).unwrap_or_else(|| said.complaint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_are_read_from_each_form_that_bd_has_had() {
        for text in [
            r#"[{"id":"bd-1","status":"open","assignee":"Ann","priority":0,"dependencies":[{"id":"x"}]}]"#,
            r#"{"schema_version":1,"id":"bd-1","status":"open","assignee":"Ann"}"#,
            r#"{"schema_version":1,"data":[{"id":"bd-1","status":"open","assignee":"Ann"}]}"#,
            r#"{"schema_version":1,"data":{"id":"bd-1","status":"open","assignee":"Ann"}}"#,
        ] {
            let all = issues(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((all.len(), all[0].id.as_str(), all[0].holder()), (1, "bd-1", "Ann"), "{text}");
        }
        for text in ["", "Updated issue: bd-1", "{}", "3", r#"{"error":"x"}"#, r#"[{"title":"no id"}]"#] {
            assert!(issues(text).is_none(), "{text}");
        }
    }
}
