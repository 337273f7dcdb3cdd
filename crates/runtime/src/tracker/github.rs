//! Issues on GitHub as a tracker, through `gh api`: a few calls of its REST interface, by whoever is signed in there. GitHub has no atomic
//! claim: an issue that is assigned to others is left to them, else the user is assigned, and it is looked once more who is.
//!
//! Each comment ends with a mark that readers do not see, so that nothing is said twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use greenlane_core::ids::RunId;
use serde::Deserialize;
use serde_json::Value;

use super::{Claim, GivenUp, Issue, Letter, Patience, Place, Told, Tracker, Trouble, Word};
use crate::clock;
use crate::program::{Failed, Program, Said};

/// Its program.
pub(super) const PROGRAM: &str = "gh";
/// What begins a comment's mark.
const MARK: &str = "<!-- greenlane ";
/// Longest that a limit of GitHub's is waited for before it is asked again.
const LIMIT_MAX: Duration = Duration::from_secs(3600);
/// The wait after a limit that names no end: GitHub's own advice.
const LIMIT_DEFAULT: Duration = Duration::from_secs(60);

/// The issues that `gh` can reach from the main checkout.
pub(super) struct Github {
    main: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    comments: bool,
    /// What was assigned to the user here: it was not theirs before, whichever task asks next.
    assigned: Mutex<BTreeSet<String>>,
    /// Who is signed in, by host; asked once.
    logins: Mutex<BTreeMap<String, String>>,
}

/// What GitHub says of an issue, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
struct Known {
    state: String,
    #[serde(default)]
    assignees: Vec<User>,
    #[serde(default)]
    pull_request: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    body: Option<String>,
}

/// One issue: its repository's path and its number.
struct Work<'a> {
    github: &'a Github,
    /// Empty: github.com, or what `gh` takes for the checkout's.
    host: &'a str,
    /// `repos/OWNER/REPO/issues/N`.
    path: String,
    id: &'a str,
    patience: &'a Patience,
}

impl Github {
    /// `None`: there is no main checkout to run `gh` in.
    pub fn of(place: &Place) -> Option<Self> {
        let mut environment = place.environment.clone();
        for (name, value) in [("GH_PROMPT_DISABLED", "1"), ("GH_NO_UPDATE_NOTIFIER", "1"), ("NO_COLOR", "1")] {
            environment.insert(name.into(), value.into());
        }
        for name in ["GH_DEBUG", "GH_FORCE_TTY", "CLICOLOR_FORCE", "GH_REPO"] {
            environment.remove(std::ffi::OsStr::new(name));
        }
        Some(Self {
            main: place.main.clone()?,
            environment,
            comments: place.github_comments,
            assigned: Mutex::default(),
            logins: Mutex::default(),
        })
    }

    fn work<'a>(&'a self, id: &'a str, patience: &'a Patience) -> Work<'a> {
        let (place, number) = id.split_once('#').unwrap_or(("", id));
        let (host, repo) = match place.split('/').count() {
            3 => place.split_once('/').unwrap_or(("", place)),
            _ => ("", place),
        };
        // The placeholders are filled in by `gh`, from the checkout's remotes.
        let repo = if repo.is_empty() { "{owner}/{repo}" } else { repo };
        Work { github: self, host, path: format!("repos/{repo}/issues/{number}"), id, patience }
    }
}

impl Work<'_> {
    /// One call; the answer's body.
    fn call(&self, method: &str, path: &str, fields: &[String]) -> Result<Value, Trouble> {
        let mut args = vec![String::from("api"), String::from("-i"), String::from("-X"), method.to_owned()];
        if !self.host.is_empty() {
            args.extend([String::from("--hostname"), self.host.to_owned()]);
        }
        args.push(path.to_owned());
        for field in fields {
            // Raw: what looks like a file or a number in a comment is text.
            args.extend([String::from("-f"), field.clone()]);
        }
        let program = Program { name: PROGRAM, directory: &self.github.main, environment: &self.github.environment };
        let said = program.run(&args, self.patience).map_err(|e| match e {
            Failed::Missing => Trouble::away("there is no `gh` on PATH"),
            Failed::Other(why) => Trouble::away(format!("`gh` {why}")),
        })?;
        let Some(answer) = Answer::read(&said) else {
            return Err(Trouble::away(format!("`gh api` failed: {}", said.complaint())));
        };
        answer.judged(self.id)
    }

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Trouble> {
        serde_json::from_value(value).map_err(|_| Trouble::away("`gh api` gave something else than what was asked for"))
    }

    /// Who is signed in.
    fn login(&self) -> Result<String, Trouble> {
        let known = || self.github.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = known().get(self.host) {
            return Ok(login.clone());
        }
        let User { login } = Self::read(self.call("GET", "user", &[])?)?;
        known().insert(self.host.to_owned(), login.clone());
        Ok(login)
    }

    fn look(&self) -> Result<Known, Trouble> {
        let known: Known = Self::read(self.call("GET", &self.path, &[])?)?;
        match known.pull_request {
            Some(_) => Err(Trouble::Never { why: format!("`{}` is a pull request", self.id) }),
            None => Ok(known),
        }
    }

    /// `Ok`: it is the user's; whose it was before.
    fn claim(&self) -> Result<Result<Option<String>, String>, Trouble> {
        let me = self.login()?;
        let known = self.look()?;
        if known.state != "open" {
            return Ok(Err(format!("`{}` was closed on GitHub meanwhile", self.id)));
        }
        let others = |all: &[User]| all.iter().find(|u| !u.login.eq_ignore_ascii_case(&me)).map(|u| u.login.clone());
        let taken = |by: String| Ok(Err(format!("`{}` is assigned to {by} on GitHub", self.id)));
        if let Some(by) = others(&known.assignees) {
            return taken(by);
        }
        let assigned = || self.github.assigned.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.assignees.is_empty() {
            return Ok(Ok((!assigned().contains(self.id)).then_some(me)));
        }
        assigned().insert(self.id.to_owned());
        let now: Known = Self::read(self.call("POST", &format!("{}/assignees", self.path), &[format!("assignees[]={me}")])?)?;
        if let Some(by) = others(&now.assignees) {
            // Both at the same moment: whoever sees it steps back.
            self.call("DELETE", &format!("{}/assignees", self.path), &[format!("assignees[]={me}")])?;
            return taken(by);
        }
        if now.assignees.is_empty() {
            return Err(Trouble::Never { why: format!("`{me}` cannot be assigned to `{}`: that needs the right to write there", self.id) });
        }
        Ok(Ok(None))
    }

    /// Says it, unless it was said already. Only comments since the run's day are looked through, the first hundred of them.
    fn comment(&self, run: &RunId, about: &str, text: &str) -> Result<Told, Trouble> {
        if self.has_said(&mark(run, about))? {
            return Ok(Told::Already);
        }
        let body = format!("body={text}\n\n{} -->", mark(run, about));
        self.call("POST", &format!("{}/comments", self.path), &[body]).map(|_| Told::Changed)
    }

    fn has_said(&self, mark: &str) -> Result<bool, Trouble> {
        let since = day_of(mark).map(|day| format!("&since={day}T00:00:00Z")).unwrap_or_default();
        let all: Vec<Comment> = Self::read(self.call("GET", &format!("{}/comments?per_page=100{since}", self.path), &[])?)?;
        Ok(all.iter().any(|c| c.body.as_deref().is_some_and(|body| body.contains(mark))))
    }

    fn close(&self, run: &RunId, commit: &str, text: &str) -> Result<Told, Trouble> {
        let known = self.look()?;
        if known.state != "open" {
            return Ok(Told::Already);
        }
        let me = self.login()?;
        if let Some(other) = known.assignees.iter().find(|u| !u.login.eq_ignore_ascii_case(&me)) {
            let why = format!("it is assigned to {} by now, and is theirs to close; it {text}", other.login);
            return Err(Trouble::Never { why });
        }
        self.comment(run, &format!("landed {commit}"), &format!("This {text}"))?;
        self.call("PATCH", &self.path, &[String::from("state=closed"), String::from("state_reason=completed")]).map(|_| Told::Changed)
    }

    /// What the run closed is opened again; the user is not assigned any more, where the run did that.
    fn give_back(&self, run: &RunId, was_claimed: bool, text: &str) -> Result<Told, Trouble> {
        let known = self.look()?;
        let me = self.login()?;
        let mut told = Told::Already;
        if known.state != "open" {
            if !self.has_said(&mark(run, "landed"))? {
                return Ok(Told::Already);
            }
            self.comment(run, "taken off", &format!("This {text}"))?;
            self.call("PATCH", &self.path, &[String::from("state=open")])?;
            told = Told::Changed;
        } else if self.github.comments {
            told = self.comment(run, "given up", &format!("This {text}"))?;
        }
        if was_claimed && known.assignees.iter().any(|u| u.login.eq_ignore_ascii_case(&me)) {
            self.call("DELETE", &format!("{}/assignees", self.path), &[format!("assignees[]={me}")])?;
            told = Told::Changed;
        }
        Ok(told)
    }
}

impl Tracker for Github {
    fn claim(&self, _: &RunId, issue: &Issue, patience: &Patience) -> Claim {
        match self.work(&issue.id, patience).claim() {
            Ok(Ok(from)) => Claim::Claimed { from },
            Ok(Err(why)) => Claim::Taken { why },
            Err(trouble) => Claim::Unavailable { away: matches!(trouble, Trouble::Away { .. }), why: trouble.why().to_owned() },
        }
    }

    fn tell(&self, run: &RunId, letter: &Letter, patience: &Patience) -> Result<Told, Trouble> {
        let work = self.work(&letter.item.id, patience);
        let tasks = letter.item.tasks.iter().map(|t| format!("`{}`", code(t.as_str()))).collect::<Vec<_>>().join(", ");
        let of = format!("Greenlane, run {run}, task {tasks} of the plan `{}`", code(letter.item.plan.as_str()));
        match &letter.word {
            Word::PlanEnded { .. } => Ok(Told::Already),
            Word::InHand { claimed } => {
                if !claimed && let Err(why) = work.claim()? {
                    return Err(Trouble::Never { why: format!("{why}, and is being worked on here all the same") });
                }
                if self.comments {
                    return work.comment(run, "in hand", &format!("Work on this has begun. ({of})"));
                }
                Ok(if *claimed { Told::Already } else { Told::Changed })
            }
            Word::Landed { commit, branch, verified, before: _ } => {
                let short: String = commit.as_str().chars().take(12).collect();
                let verified = if *verified { "verified by the test suite" } else { "not verified by a test suite" };
                work.close(run, &short, &format!("has landed as `{short}` on the branch `{}`, {verified}. ({of})", code(branch)))
            }
            Word::GivenUp { how, reason, owner, claimed } => {
                // What went wrong in it is nothing for the world to read.
                let text = match how {
                    GivenUp::Cancelled | GivenUp::RolledBack if !reason.is_empty() => format!("is not done: it was taken back. ({of})"),
                    how => format!("is not done: it {}. ({of})", how.words()),
                };
                work.give_back(run, *claimed && owner.is_none(), &text)
            }
        }
    }
}

/// Names from a plan between backticks: nothing in them ends the code or mentions anybody.
fn code(text: &str) -> String {
    text.chars().filter(|c| *c != '`' && !c.is_control()).collect()
}

/// Without its end: what begins like it is of the same kind.
fn mark(run: &RunId, about: &str) -> String {
    format!("{MARK}{run} {about}")
}

/// The day of a mark's run, as its id has it: `261121-…` is 2026-11-21.
fn day_of(mark: &str) -> Option<String> {
    let day = mark.strip_prefix(MARK)?.get(..6).filter(|d| d.chars().all(|c| c.is_ascii_digit()))?;
    Some(format!("20{}-{}-{}", &day[..2], &day[2..4], &day[4..]))
}

/// What came back over the wire.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    /// As `gh api -i` prints it; `None`: there was none.
    fn read(said: &Said) -> Option<Self> {
        let (head, body) = said.out.split_once("\r\n\r\n").or_else(|| said.out.split_once("\n\n"))?;
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()?;
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Some(Self { status, headers: lines.filter_map(header).collect(), body: body.to_owned() })
    }

    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.parse().ok()
    }

    /// The body, or what the answer means.
    fn judged(self, id: &str) -> Result<Value, Trouble> {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        let message = body.as_ref().and_then(|b| b.get("message")?.as_str()).unwrap_or_default();
        let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
        match self.status {
            200..=299 => body.ok_or_else(|| Trouble::away("GitHub answered with something that is not JSON")),
            403 | 429 if self.is_limit(&message) => {
                let wait = self.wait();
                let until = (clock::now() + wait).rfc3339();
                Err(Trouble::Away { why: format!("GitHub's limit of calls is used up, until about {until}"), wait: Some(wait) })
            }
            401 => Err(Trouble::away(format!("`gh` is not signed in, or not any more: {message}"))),
            404 | 410 => Err(Trouble::Never { why: format!("GitHub has no issue `{id}`, or does not show it to this account: {message}") }),
            400..=499 => Err(Trouble::Never { why: format!("GitHub refuses ({}): {message}", self.status) }),
            _ => Err(Trouble::away(format!("GitHub fails ({}): {message}", self.status))),
        }
    }

    fn is_limit(&self, message: &str) -> bool {
        self.status == 429
            || self.headers.contains_key("retry-after")
            || self.number("x-ratelimit-remaining") == Some(0)
            || message.to_lowercase().contains("rate limit")
    }

    fn wait(&self) -> Duration {
        if let Some(seconds) = self.number("retry-after") {
            return Duration::from_secs(seconds).min(LIMIT_MAX);
        }
        let now = clock::now().0 / 1000;
        let reset = self.number("x-ratelimit-reset").filter(|at| *at > now);
        reset.map_or(LIMIT_DEFAULT, |at| Duration::from_secs(at - now + 1)).min(LIMIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, String)], body: &str) -> Answer {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    #[test]
    fn a_limit_is_waited_for_as_long_as_github_says() {
        let seconds = |a: Answer| match a.judged("#1") {
            Err(Trouble::Away { wait: Some(wait), .. }) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        let at = |s: u64| (clock::now().0 / 1000 + s).to_string();
        assert_eq!(seconds(answer(429, &[("retry-after", "30".into())], "{}")), 30);
        let reset = seconds(answer(403, &[("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", at(600))], "{}"));
        assert!((600..=602).contains(&reset), "{reset}");
        assert_eq!(seconds(answer(403, &[("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", at(90_000))], "{}")), 3600);
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(seconds(answer(403, &[("x-ratelimit-remaining", "12".into())], secondary)), 60);
        let refused = answer(403, &[("x-ratelimit-remaining", "12".into())], r#"{"message":"Resource not accessible"}"#).judged("#1");
        assert!(matches!(refused, Err(Trouble::Never { .. })), "{refused:?}");
    }

    #[test]
    fn a_runs_day_is_in_its_id() {
        assert_eq!(day_of(&mark(&RunId::from("261121-220135-rrwp"), "landed")).as_deref(), Some("2026-11-21"));
        assert_eq!(day_of(&mark(&RunId::from("r1"), "landed")), None);
    }
}
