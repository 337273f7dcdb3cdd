//! `deficiencies file-issues`: what showed five times or more becomes an issue on the forge, through `gh`. Each at most once: before one
//! is filed, it is looked for by its id, in case an earlier call was cut off, or another clone was first.

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};

use greenlane_core::deficiency::{Deficiency, Fact};
use greenlane_runtime::clock;
use serde::{Deserialize, Serialize};

use super::{open, write_log};
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::report::clean;
use crate::session::Session;

/// Flags of `deficiencies file-issues`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies file-issues --dry-run    what would be filed
  greenlane deficiencies file-issues              file it, with the labels auto-detected and deficiency

Needs GitHub's `gh`, signed in. Exit code 3 without it, 1 if some issue could not be filed.")]
pub struct FileIssuesArgs {
    /// Show what would be filed, and file nothing
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// The ancestor's labels.
const LABELS: [&str; 2] = ["auto-detected", "deficiency"];
/// Most characters of a title.
const TITLE_CHARS_MAX: usize = 120;

#[derive(Serialize)]
struct Document {
    dry_run: bool,
    issues: Vec<Issue>,
}

#[derive(Serialize)]
struct Issue {
    id: String,
    title: String,
    body: String,
    /// Its address; `null` for a dry run, or where it failed.
    url: Option<String>,
    /// Why it could not be filed.
    error: Option<String>,
}

pub(super) fn run(args: &FileIssuesArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let mut reading = open(&session)?;
    let mut issues: Vec<Issue> = reading.book().by_priority(clock::now()).into_iter().filter(|d| d.wants_issue()).map(issue).collect();
    if !args.dry_run && !issues.is_empty() {
        let gh = Gh { session: &session, context };
        gh.present()?;
        for issue in &mut issues {
            match gh.file(issue) {
                Ok(url) => {
                    let fact = Fact::IssueFiled { id: issue.id.clone(), issue: number(&url).to_owned() };
                    reading.say(clock::now(), &fact)?.map_err(Error::usage)?;
                    issue.url = Some(url);
                }
                Err(why) => issue.error = Some(why),
            }
        }
        write_log(&session, context);
    }
    let failed: Vec<String> = issues.iter().filter_map(|i| i.error.as_ref().map(|why| format!("{}: {why}", i.id))).collect();
    if args.json {
        context.output.json(&Document { dry_run: args.dry_run, issues })?;
    } else {
        context.output.data(&text(&issues, args.dry_run))?;
        if issues.is_empty() {
            context.output.say("nothing to file: no open deficiency showed five times");
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::new(Kind::NotDone, format!("some issues could not be filed\n{}", failed.join("\n")))
        .hint("`gh auth status` shows whether it is signed in; filing again goes on with what is left"))
}

fn text(issues: &[Issue], dry_run: bool) -> String {
    let mut out = String::new();
    for issue in issues.iter().filter(|i| i.error.is_none()) {
        match &issue.url {
            Some(url) => out.push_str(&format!("{}  {}  {}\n", issue.id, url, issue.title)),
            None if dry_run => out.push_str(&format!("{}\n\n{}\n", issue.title, indented(&issue.body))),
            None => {}
        }
    }
    out
}

fn indented(body: &str) -> String {
    body.lines().map(|l| if l.is_empty() { String::from("\n") } else { format!("  {l}\n") }).collect()
}

fn issue(of: &Deficiency) -> Issue {
    let title = format!("{}: {}", of.deficiency_type.as_str().replace('_', " "), clean(&of.description));
    let title =
        if title.chars().count() > TITLE_CHARS_MAX { title.chars().take(TITLE_CHARS_MAX - 1).chain(['…']).collect() } else { title };
    Issue { id: of.id.clone(), title, body: body(of), url: None, error: None }
}

/// What programs said stands in a fence; mentions and references in it mean nothing there.
fn body(of: &Deficiency) -> String {
    let mut out = format!(
        "Seen {} times, first {}, last {}.\n\n{}",
        of.frequency,
        of.first_seen.rfc3339(),
        of.last_seen.rfc3339(),
        fenced(&of.description)
    );
    let c = &of.context;
    if !c.evidence.is_empty() {
        out.push_str(&format!("\nWhat was said:\n\n{}", fenced(&c.evidence.join("\n"))));
    }
    for (what, list) in [("Tasks", &c.tasks), ("Agents", &c.agents), ("Checks", &c.checks), ("Files", &c.files)] {
        if !list.is_empty() {
            let all: Vec<String> = list.iter().map(|e| format!("`{}`", clean(e).replace('`', "'"))).collect();
            out.push_str(&format!("\n{what}: {}\n", all.join(", ")));
        }
    }
    out.push_str("\nWhat could be done:\n\n");
    for suggestion in &of.improvement_suggestions {
        out.push_str(&format!("- {}\n", clean(suggestion).replace('@', "@\u{200b}")));
    }
    out.push_str(&format!("\ndeficiency-id: {}\n", of.id));
    out
}

fn fenced(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    let longest = lines.iter().map(|l| l.chars().take_while(|c| *c == '`').count()).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}\n", lines.join("\n"))
}

/// The number at the end of an issue's address, else the address.
fn number(url: &str) -> &str {
    url.rsplit('/').next().filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())).unwrap_or(url)
}

/// GitHub's program, in this repository.
struct Gh<'a> {
    session: &'a Session,
    context: &'a Context,
}

#[derive(Deserialize)]
struct Found {
    url: String,
}

impl Gh<'_> {
    fn present(&self) -> Result<(), Error> {
        match self.call(&["--version"], None) {
            Ok(_) => Ok(()),
            Err(why) => Err(Error::environment(format!("issues are filed through GitHub's `gh`, which cannot be used: {why}"))
                .hint("install it from https://cli.github.com and sign in with `gh auth login`; --dry-run works without it")),
        }
    }

    /// Gives the issue's address.
    fn file(&self, issue: &Issue) -> Result<String, String> {
        if let Some(url) = self.look_for(&issue.id)? {
            return Ok(url);
        }
        let create = || {
            let mut args = vec!["issue", "create", "--title", &issue.title, "--body-file", "-"];
            args.extend(LABELS.iter().flat_map(|label| ["--label", label]));
            self.call(&args, Some(&issue.body))
        };
        let said = create().or_else(|why| {
            if !why.contains("label") || !why.contains("not found") {
                return Err(why);
            }
            // A repository has these labels only once somebody made them.
            for label in LABELS {
                let description = "Found by greenlane";
                drop(self.call(&["label", "create", label, "--description", description], None));
            }
            create()
        })?;
        let url = said.lines().map(str::trim).rfind(|l| l.starts_with("http"));
        url.map(str::to_owned).ok_or_else(|| format!("`gh issue create` named no address: {}", clean(&said)))
    }

    fn look_for(&self, id: &str) -> Result<Option<String>, String> {
        let search = format!("\"deficiency-id: {id}\" in:body");
        let said = self.call(&["issue", "list", "--state", "all", "--search", &search, "--json", "url", "--limit", "1"], None)?;
        let found: Vec<Found> = serde_json::from_str(&said).map_err(|e| format!("`gh issue list` is not understood: {e}"))?;
        Ok(found.into_iter().next().map(|f| f.url))
    }

    fn call(&self, args: &[&str], input: Option<&str>) -> Result<String, String> {
        let top = self.session.repo.main_top().or(self.session.repo.top()).unwrap_or(self.session.repo.common_dir());
        let mut child = Command::new("gh")
            .args(args)
            .current_dir(top)
            .env_clear()
            .envs(&self.context.env)
            .env("GH_PROMPT_DISABLED", "1")
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("`gh` could not be started: {e}"))?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            // A body is a few kilobytes, less than a pipe holds; one that ends early says why on its standard error.
            drop(stdin.write_all(text.as_bytes()));
        }
        let output = child.wait_with_output().map_err(|e| format!("`gh` was lost: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = stderr.lines().map(clean).find(|l| !l.is_empty()).unwrap_or_else(|| output.status.to_string());
        Err(format!("`gh {}`: {said}", args.iter().take(2).copied().collect::<Vec<_>>().join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_core::deficiency::DeficiencyType;
    use greenlane_core::time::Time;

    #[test]
    fn an_issue_quotes_what_programs_said() {
        let mut of = Deficiency::new(DeficiencyType::LogicError, format!("no {}", "frob ".repeat(60)), Time(1));
        of.context.evidence.push("```\n@everyone look at #1".into());
        of.improvement_suggestions.push("ask @ada".into());
        let issue = issue(&of);
        assert!(issue.title.starts_with("logic error: no frob") && issue.title.chars().count() == TITLE_CHARS_MAX);
        assert!(issue.body.contains("````\n```\n@everyone look at #1\n````\n"), "{}", issue.body);
        assert!(!issue.body.contains("ask @ada") && issue.body.ends_with(&format!("deficiency-id: {}\n", of.id)));
    }

    #[test]
    fn an_address_ends_in_its_number() {
        assert_eq!(number("https://github.com/a/b/issues/17"), "17");
        assert_eq!(number("https://forge/x/"), "https://forge/x/");
    }
}
