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
    /// The index of a checkout that is not the attempt's.
    Index,
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
            SharedKind::Head => "HEAD of",
            SharedKind::Index => "index of",
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
    /// Is it worth a person's attention? What nobody is known to have done to a branch, a tag or the stash is most often the user's own
    /// work: that is only where something was lost by it, so that it had to be kept, or is gone.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        let of_people =
            matches!(self.what, SharedKind::Branch | SharedKind::Tag | SharedKind::Remote | SharedKind::Ref | SharedKind::Stash);
        self.restored || self.command.is_some() || !of_people || self.kept.is_some()
    }

    /// One line for people: what it is, what happened to it, by what, what was done about it.
    #[must_use]
    pub fn line(&self) -> String {
        let what = match (self.what, &self.before, &self.after) {
            (SharedKind::Head, Some(before), Some(after)) => format!("went from {before} to {after}"),
            (_, None, _) => String::from("is new"),
            (_, _, None) => String::from("was removed"),
            _ => String::from("was changed"),
        };
        let whom = match &self.command {
            Some(command) => format!(" by `{command}`"),
            None => String::from(" while it ran"),
        };
        let undone = match (self.restored, &self.before, &self.after) {
            (false, ..) => "left as it is",
            (true, None, _) => "removed again",
            (true, ..) => "put back",
        };
        // What is kept of a thing that is gone, or was left changed, is what it was; else what the attempt made of it.
        let kept = self.kept.as_ref().map(|kept| match (self.restored, &self.before, &self.after) {
            (_, _, None) | (false, Some(_), _) => format!(", what it was is kept in {kept}"),
            (true, Some(_), Some(_)) => format!(", what it had become is kept in {kept}"),
            (_, None, _) => format!(", kept in {kept}"),
        });
        let note = self.note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
        format!("{} {} {what}{whom}; {undone}{}{note}", self.what.as_str(), self.name, kept.unwrap_or_default())
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
        let line = "branch main was changed by `git branch -f main HEAD~1`; put back, what it had become is kept in refs/greenlane/r/tamper/t/1/after/heads/main";
        assert_eq!(change.line(), line);
        assert!(change.is_notable());
        change = SharedChange { command: None, kept: None, restored: false, note: Some("by nobody known".into()), ..change };
        assert_eq!(change.line(), "branch main was changed while it ran; left as it is (by nobody known)");
        assert!(!change.is_notable());
        // What was removed is kept as it was; what is new was removed again.
        let (by, kept) = (Some(String::from("git tag")), Some(String::from("refs/k")));
        change = SharedChange { after: None, command: by, kept, restored: true, note: None, ..change };
        assert_eq!(change.line(), "branch main was removed by `git tag`; put back, what it was is kept in refs/k");
        change = SharedChange { before: None, after: Some("b".into()), ..change };
        assert_eq!(change.line(), "branch main is new by `git tag`; removed again, kept in refs/k");
        // Where people's own work would be lost, and where nobody but git should write, it is for a person.
        change = SharedChange { before: Some("a".into()), command: None, restored: false, ..change };
        assert_eq!(change.line(), "branch main was changed while it ran; left as it is, what it was is kept in refs/k");
        assert!(change.is_notable());
        change = SharedChange { what: SharedKind::Head, name: "/x".into(), kept: None, ..change };
        assert_eq!(change.line(), "HEAD of /x went from a to b while it ran; left as it is");
        assert!(change.is_notable());
    }
}
