//! Which tracker knows a task, and under which name.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who keeps book of tasks beside Greenlane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackerKind {
    /// The store of beads, through `bd`.
    Beads,
    /// Issues on GitHub, through `gh`.
    Github,
    /// The plan's own file: what is done is marked there.
    Plan,
}

impl TrackerKind {
    /// All of them.
    pub const ALL: [TrackerKind; 3] = [TrackerKind::Beads, TrackerKind::Github, TrackerKind::Plan];

    /// The word in plans, options and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TrackerKind::Beads => "beads",
            TrackerKind::Github => "github",
            TrackerKind::Plan => "plan",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            TrackerKind::Beads => "beads",
            TrackerKind::Github => "GitHub",
            TrackerKind::Plan => "the plan's file",
        }
    }
}

/// Longest text that names an issue, in bytes.
const ISSUE_BYTES_MAX: usize = 300;

/// An issue that a task stands for. As text `beads:ID` or `github:OWNER/REPO#N`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// Who keeps it.
    pub tracker: TrackerKind,
    /// Its name there: an id of beads; `#N`, `OWNER/REPO#N` or `HOST/OWNER/REPO#N` of GitHub.
    pub id: String,
}

impl Issue {
    /// Reads `beads:ID`, `github:#N`, `github:[HOST/]OWNER/REPO#N`, or the address of an issue on GitHub.
    ///
    /// # Errors
    /// What is wrong, in words that follow on "`issue` ".
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > ISSUE_BYTES_MAX {
            return Err(format!("is longer than {ISSUE_BYTES_MAX} bytes"));
        }
        if let Some(address) = text.strip_prefix("https://") {
            return Self::of_address(address).ok_or_else(|| format!("is no address of an issue: {text}"));
        }
        match text.split_once(':') {
            Some(("beads", id)) if is_beads_id(id) => Ok(Self { tracker: TrackerKind::Beads, id: id.to_owned() }),
            Some(("beads", id)) => Err(format!("names no issue of beads: `{id}`")),
            Some(("github", id)) => match github_id(id) {
                Some(id) => Ok(Self { tracker: TrackerKind::Github, id }),
                None => Err(format!("names no issue of GitHub: `{id}`")),
            },
            _ => Err(format!("is not known: `{text}`")),
        }
    }

    /// `HOST/OWNER/REPO/issues/N`, whatever follows.
    fn of_address(address: &str) -> Option<Self> {
        let path = address.split(['?', '#']).next()?;
        let mut parts = path.split('/');
        let (host, owner, repo) = (parts.next()?, parts.next()?, parts.next()?);
        let number = parts.next().filter(|p| *p == "issues").and_then(|_| parts.next())?;
        let id = if host == "github.com" { format!("{owner}/{repo}#{number}") } else { format!("{host}/{owner}/{repo}#{number}") };
        Some(Self { tracker: TrackerKind::Github, id: github_id(&id)? })
    }
}

/// Nothing that `bd` could take for a flag, and nothing that is not printable.
fn is_beads_id(id: &str) -> bool {
    !id.is_empty() && !id.starts_with('-') && id.chars().all(|c| !c.is_control() && !c.is_whitespace())
}

/// In its one spelling.
fn github_id(id: &str) -> Option<String> {
    let (place, number) = id.split_once('#').unwrap_or(("", id));
    let number: u64 = number.parse().ok().filter(|n| *n > 0)?;
    let good = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        plain && !part.is_empty() && !part.starts_with(['-', '.'])
    };
    let parts: Vec<&str> = place.split('/').collect();
    let known = place.is_empty() || (matches!(parts.len(), 2 | 3) && parts.iter().all(|p| good(p)));
    known.then(|| format!("{place}#{number}"))
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tracker.as_str(), self.id)
    }
}

impl Serialize for Issue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Issue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|why| serde::de::Error::custom(format!("the issue {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_is_read_in_each_spelling_and_written_in_one() {
        for (text, written) in [
            ("beads:bd-a1b2.3", "beads:bd-a1b2.3"),
            ("github:#12", "github:#12"),
            ("github:12", "github:#12"),
            (" github:acme/wid.get#7 ", "github:acme/wid.get#7"),
            ("https://github.com/acme/widget/issues/7#issuecomment-1", "github:acme/widget#7"),
            ("https://git.acme.example/a/b/issues/9", "github:git.acme.example/a/b#9"),
        ] {
            let issue = Issue::parse(text).unwrap_or_else(|why| panic!("{text} {why}"));
            assert_eq!(issue.to_string(), written);
            assert_eq!(Issue::parse(written).as_ref(), Ok(&issue), "and read back");
        }
    }

    #[test]
    fn what_names_no_issue_is_refused() {
        for text in [
            "",
            "bd-1",
            "beads:",
            "beads:--force",
            "beads:a b",
            "github:",
            "github:acme#1",
            "github:acme/widget#0",
            "github:acme/widget#x",
            "github:../x/y#1",
            "github:a/b/c/d#1",
            "https://github.com/acme/widget/pull/7",
            "jira:A-1",
        ] {
            assert!(Issue::parse(text).is_err(), "{text}");
        }
        assert!(Issue::parse(&format!("beads:{}", "x".repeat(400))).is_err());
    }
}
