//! The life of a PRD beside its stories: the status in `MANIFEST.yaml` and what it may become, the hash of what was approved, and the
//! entries of `progress.txt`. Texts in, texts out; reads and moves no files.

use std::time::Duration;

use super::context::Context;
use super::manifest::hash;
use super::tick::{Edit, Tick};
use super::yaml;
use crate::time::Time;

/// Where a PRD stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrdStatus {
    /// Not approved yet.
    Draft,
    /// Approved, to be done.
    Active,
    /// Done.
    Completed,
    /// Given up.
    Abandoned,
}

impl PrdStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Active, Self::Completed, Self::Abandoned];

    /// The word in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The status that a manifest's text has.
    #[must_use]
    pub fn of(manifest: &str) -> Option<Self> {
        let table = yaml::document(&mut Context::new("", manifest))?;
        let word = table.get("status")?.text()?;
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Draft, active, completed, one after the other; a draft or an active PRD may be abandoned. Nothing else, and nothing back.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Draft, Self::Active) | (Self::Active, Self::Completed) | (Self::Draft | Self::Active, Self::Abandoned)
        )
    }
}

/// What is to change in a manifest.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManifestChange<'a> {
    /// The next status.
    pub status: Option<PrdStatus>,
    /// How many stories are done; written where the manifest counts them.
    pub completed_stories: Option<usize>,
    /// `prd.json` before and after stories were marked in it. Where the one before is what was approved, the other is so too: marks change
    /// nothing of what is to be done.
    pub marked: Option<(&'a str, &'a str)>,
    /// The moment as RFC 3339, for a manifest that has `updated_at`.
    pub now: &'a str,
}

/// The manifest with that change, everything else byte for byte; the same text where there is nothing to change.
///
/// # Errors
/// Why not, for people: a status that cannot follow, or a manifest that cannot be changed line by line.
pub fn change_manifest(text: &str, change: &ManifestChange<'_>) -> Result<String, String> {
    let bare = super::read::without_bom(text);
    let mut ctx = Context::new("", bare);
    let Some(table) = yaml::document(&mut ctx) else { return Err(String::from("the manifest is not YAML")) };
    let written = |key: &str| table.get(key).is_some();
    let mut edits: Vec<Edit> = Vec::new();
    let all = 0..bare.len();
    let mut set = |key: &str, value: &str| match Tick::yaml(bare, &all, key, "", "", value, value) {
        Some(tick) => {
            edits.extend(tick.done);
            Ok(())
        }
        None => Err(format!("the manifest has `{key}` in a place that is not understood")),
    };
    if let Some(next) = change.status {
        let Some(status) = PrdStatus::of(bare) else { return Err(String::from("the manifest has no status that is known")) };
        if status != next {
            if !status.may_become(next) {
                return Err(format!("a PRD that is {} cannot become {}", status.as_str(), next.as_str()));
            }
            set("status", next.as_str())?;
        }
    }
    if let Some(count) = change.completed_stories.filter(|_| written("completed_stories")) {
        set("completed_stories", &count.to_string())?;
    }
    if let Some((before, after)) = change.marked {
        edits.extend(approval(bare, &hash(before), &hash(after)));
    }
    edits.retain(|e| bare.get(e.span.clone()) != Some(e.text.as_str()));
    if edits.is_empty() {
        return Ok(String::from(text));
    }
    if written("updated_at") {
        edits.extend(Tick::yaml(bare, &all, "updated_at", "", "", change.now, change.now).into_iter().flat_map(|t| t.done));
    }
    edits.sort_by_key(|e| e.span.start);
    let mut out = String::from(&text[..text.len() - bare.len()]);
    let mut at = 0;
    for edit in &edits {
        out.push_str(bare.get(at..edit.span.start).ok_or("the manifest cannot be changed line by line")?);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(bare.get(at..).unwrap_or(""));
    if yaml::document(&mut Context::new("", super::read::without_bom(&out))).is_none() {
        return Err(String::from("the manifest cannot be changed line by line"));
    }
    Ok(out)
}

/// The hash of what was approved, where it is that one; `sha256:` before it stays, and quotes too.
fn approval(text: &str, before: &str, after: &str) -> Option<Edit> {
    let at = text.match_indices("approval_hash:").map(|(at, key)| at + key.len()).next()?;
    let line = text[at..].lines().next()?;
    let found = line.to_ascii_lowercase().find(before)?;
    Some(Edit { span: at + found..at + found + before.len(), text: String::from(after) })
}

/// A story that has landed, for `progress.txt`.
#[derive(Clone, Debug, Default)]
pub struct ProgressEntry<'a> {
    /// When it was told.
    pub at: Time,
    /// The story's id.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its commit, and the branch that it is on.
    pub commit: &'a str,
    /// The branch.
    pub branch: &'a str,
    /// The run.
    pub run: &'a str,
    /// Who did it.
    pub agent: Option<&'a str>,
    /// How long its attempts took together.
    pub took: Duration,
    /// How many there were.
    pub attempts: u32,
    /// What went wrong on the way, a line each.
    pub lessons: &'a [String],
}

/// Longest title and lesson of an entry in characters, and most lessons: a log of a hundred stories is read by people and agents.
const ENTRY_CHARS_MAX: usize = 300;
const LESSONS_MAX: usize = 5;

/// The entry as it is appended: a heading with date and story, what is known of it, a line that ends it.
#[must_use]
pub fn progress_entry(entry: &ProgressEntry<'_>) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ENTRY_CHARS_MAX).collect::<String>();
    let mut out = format!("## {} - {}: {}\n", entry.at.rfc3339(), line(entry.id), line(entry.title));
    out.push_str(&format!("- {}\n", landed_line(entry.commit, entry.branch)));
    let tries = if entry.attempts == 1 { String::from("1 attempt") } else { format!("{} attempts", entry.attempts) };
    let agent = entry.agent.map(|a| format!(" by {}", line(a))).unwrap_or_default();
    out.push_str(&format!(
        "- Done{agent} in {}, {tries}, run {}\n",
        crate::time::format_duration(Duration::from_secs(entry.took.as_secs())),
        entry.run
    ));
    for lesson in entry.lessons.iter().take(LESSONS_MAX) {
        out.push_str(&format!("- Learned: {}\n", line(lesson)));
    }
    out.push_str("---\n");
    out
}

/// The same for a story that was taken off its branch again.
#[must_use]
pub fn progress_taken_back(at: Time, id: &str, title: &str, reason: &str) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ENTRY_CHARS_MAX).collect::<String>();
    let why = if reason.trim().is_empty() { String::new() } else { format!(": {}", line(reason)) };
    format!("## {} - {}: {}\n- Taken off its branch again{why}\n---\n", at.rfc3339(), line(id), line(title))
}

/// Whether a log has this landing already: on this branch, or, without one, on any.
#[must_use]
pub fn progress_has(log: &str, commit: &str, branch: Option<&str>) -> bool {
    let wanted = format!("- {}", landed_line(commit, branch.unwrap_or_default()));
    log.lines().any(|l| if branch.is_some() { l == wanted } else { l.starts_with(&wanted) })
}

fn landed_line(commit: &str, branch: &str) -> String {
    format!("Landed as {commit} on {branch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\u{feff}# Ours\r\nid: PRD-001\r\ntitle: 'x: y'\r\nstatus: \"active\" # since May\r\nowner: me\r\ncreated_at: 2026-01-01\r\nstory_count: 3\r\ncompleted_stories: 0\r\nupdated_at: 2026-01-01T00:00:00Z\r\napproval:\r\n  approved_by: you\r\n  approval_hash: sha256:HASH\r\n";

    #[test]
    fn statuses_follow_each_other() {
        use PrdStatus::{Abandoned, Active, Completed, Draft};
        let legal: Vec<(PrdStatus, PrdStatus)> =
            PrdStatus::ALL.into_iter().flat_map(|a| PrdStatus::ALL.map(|b| (a, b))).filter(|(a, b)| a.may_become(*b)).collect();
        assert_eq!(legal, [(Draft, Active), (Draft, Abandoned), (Active, Completed), (Active, Abandoned)]);
        let text = MANIFEST.replace("active", "draft");
        let change = ManifestChange { status: Some(Completed), ..ManifestChange::default() };
        assert_eq!(change_manifest(&text, &change), Err(String::from("a PRD that is draft cannot become completed")));
    }

    #[test]
    fn only_what_changes_is_changed() {
        let (before, after) = ("{\"passes\": false}", "{\"passes\": true}");
        let text = MANIFEST.replace("HASH", &hash(before).to_uppercase());
        let change = ManifestChange {
            status: Some(PrdStatus::Completed),
            completed_stories: Some(3),
            marked: Some((before, after)),
            now: "2026-02-02T00:00:00Z",
        };
        let expected = text
            .replace("\"active\"", "\"completed\"")
            .replace("stories: 0", "stories: 3")
            .replace("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z")
            .replace(&hash(before).to_uppercase(), &hash(after));
        assert_eq!(change_manifest(&text, &change).as_deref(), Ok(expected.as_str()));
        assert_eq!(change_manifest(&expected, &change).as_deref(), Ok(expected.as_str()), "twice is once");
        // What was changed by somebody else was not approved, and is not made so here.
        let other = MANIFEST.replace("HASH", &hash("{}"));
        let marks = ManifestChange { marked: Some((before, after)), ..ManifestChange::default() };
        assert_eq!(change_manifest(&other, &marks), Ok(other.clone()));
        let small = "status: active";
        assert_eq!(change_manifest(small, &change).as_deref(), Ok("status: completed"));
        assert!(change_manifest("{id: x, status: active}", &change).is_err(), "no line of its own");
    }

    #[test]
    fn an_entry_is_short_and_found_again() {
        let lessons: Vec<String> = (0..9).map(|n| format!("tests\nfailed {n} {}", "x".repeat(1000))).collect();
        let entry = ProgressEntry {
            at: Time(1_767_225_600_000),
            id: "US-001",
            title: "Keep\n## a page",
            commit: "abc",
            branch: "prd/x",
            run: "r1",
            agent: Some("claude"),
            took: Duration::from_secs(192),
            attempts: 2,
            lessons: &lessons,
        };
        let text = progress_entry(&entry);
        assert!(text.starts_with("## 2026-01-01T00:00:00.000Z - US-001: Keep ## a page\n- Landed as abc on prd/x\n- Done by claude in 3m12s, 2 attempts, run r1\n- Learned: tests failed 0 xx"), "{text}");
        assert!(text.ends_with("\n---\n") && text.lines().count() == 4 + LESSONS_MAX && text.len() < 2_500, "{text}");
        assert!(progress_has(&text, "abc", Some("prd/x")) && progress_has(&text, "abc", None));
        assert!(!progress_has(&text, "abc", Some("prd/y")) && !progress_has("", "abc", Some("prd/x")));
        assert!(!progress_has(&text, "ab", Some("prd/x")) && !progress_has(&text, "ab", None));
        assert_eq!(
            progress_taken_back(Time(0), "US-001", "Keep", ""),
            "## 1970-01-01T00:00:00.000Z - US-001: Keep\n- Taken off its branch again\n---\n"
        );
    }
}
