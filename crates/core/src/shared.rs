//! What changed, while an attempt ran, of the things that all worktrees of a repository share. Plain data; see
//! `docs/design/tampering.md` for what is watched, and when a change is laid at an attempt's door.

use serde::{Deserialize, Serialize};

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    /// `refs/heads/…`.
    Branch,
    /// `refs/tags/…`.
    Tag,
    /// `refs/remotes/…`: what is known of another repository.
    Remote,
    /// Any other ref.
    Ref,
    /// An entry of the stash.
    Stash,
    /// The HEAD of a checkout that is not the attempt's.
    Head,
    /// A key of the repository's configuration.
    Config,
    /// A program that git runs by itself.
    Hook,
    /// Another file that git reads: `info/exclude`, `info/attributes`, ….
    File,
}

impl SharedKind {
    /// For people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SharedKind::Branch => "branch",
            SharedKind::Tag => "tag",
            SharedKind::Remote => "remote branch",
            SharedKind::Ref => "ref",
            SharedKind::Stash => "stash",
            SharedKind::Head => "HEAD",
            SharedKind::Config => "setting",
            SharedKind::Hook => "hook",
            SharedKind::File => "file",
        }
    }
}

/// One thing that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedChange {
    /// Of which kind.
    pub what: SharedKind,
    /// Its name as git's commands take it: `main`, `v1`, `core.hooksPath`, `pre-commit`.
    pub name: String,
    /// What it was; `None`: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the attempt's end found; `None`: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The attempt's own command that changed it, as its git wrote it down. `None`: it changed while the attempt ran, and nothing says by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Where what was or came is kept: a ref, or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// It is as it was before.
    pub restored: bool,
    /// Why it was not restored, or what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl SharedChange {
    /// Is it worth a person's attention? What nobody is known to have done to a ref is most often the user's own work.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        self.restored || (self.command.is_some() && self.what != SharedKind::Remote) || self.what == SharedKind::Hook
    }

    /// One line for people: what it is, what happened to it, by what, what was done about it.
    #[must_use]
    pub fn line(&self) -> String {
        let what = match (&self.before, &self.after) {
            (None, _) => "is new",
            (_, None) => "was removed",
            _ => "was changed",
        };
        let whom = match &self.command {
            Some(command) => format!(" by `{command}`"),
            None => String::from(" while it ran"),
        };
        let done = match (self.restored, &self.kept) {
            (true, Some(kept)) => format!("; put back, what came is kept in {kept}"),
            (true, None) => String::from("; put back"),
            (false, Some(kept)) => format!("; left as it is, kept in {kept}"),
            (false, None) => String::from("; left as it is"),
        };
        let note = self.note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
        format!("{} {} {what}{whom}{done}{note}", self.what.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_one_line_and_the_users_own_work_is_not_notable() {
        let mut change = SharedChange {
            what: SharedKind::Branch,
            name: "main".into(),
            before: Some("a".into()),
            after: Some("b".into()),
            command: Some("git branch -f main HEAD~1".into()),
            kept: Some("refs/greenlane/r/tamper/t/1/after/heads/main".into()),
            restored: true,
            note: None,
        };
        let line = "branch main was changed by `git branch -f main HEAD~1`; put back, what came is kept in refs/greenlane/r/tamper/t/1/after/heads/main";
        assert_eq!(change.line(), line);
        assert!(change.is_notable());
        change = SharedChange { command: None, kept: None, restored: false, note: Some("by nobody known".into()), ..change };
        assert_eq!(change.line(), "branch main was changed while it ran; left as it is (by nobody known)");
        assert!(!change.is_notable());
    }
}
