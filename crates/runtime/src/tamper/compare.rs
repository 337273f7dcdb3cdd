//! Two snapshots and the evidence between them: what differs, whose doing it is, and what is to be done about it. Does nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use greenlane_core::shared::{SharedChange, SharedKind};
use serde::{Deserialize, Serialize};

use super::config::{self, Setting};
use super::evidence::Call;
use super::files::FileState;
use super::snapshot::Snapshot;
use super::store::Store;
use super::{head_moves, heads, reflog, stash};
use crate::git::Repo;

/// A file's time stamp is that of the system's last tick, so it may lie this much before the write: 10 ms, the longest tick in use.
const TICK_MICROS: i64 = 10_000;

/// One difference, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    pub change: SharedChange,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Act {
    /// Told, nothing more.
    Tell,
    /// Told; its earlier value goes to a ref where nothing else may lead to it any more.
    KeepRef { full: String, lost: Option<String> },
    /// The ref goes from what it is to what it was.
    MoveRef { full: String, from: Option<String>, to: Option<String> },
    /// The HEAD of a checkout goes back, where its files stay what they are compared with.
    MoveHead { git_dir: PathBuf, from: String, to: String },
    /// The entry is taken off the stash.
    DropStash { oid: String },
    /// The entry is put back.
    StoreStash { entry: stash::Entry },
    /// The key gets its earlier values.
    Set { setting: Setting },
    /// The file becomes what it was.
    PutFile { name: String, from: Option<FileState>, to: Option<FileState> },
    /// Told, with the copy of what it was.
    KeepFile { to: Option<FileState> },
}

/// Whose attempt it was, and what its git says.
pub(super) struct Witness<'a> {
    pub repo: &'a Repo,
    /// The attempt's worktree, its git-dir, its branch as a full ref.
    pub worktree: &'a Path,
    pub git_dir: &'a Path,
    pub branch: String,
    /// Commands in this repository only.
    pub calls: Vec<Call>,
}

impl<'a> Witness<'a> {
    pub(super) fn new(repo: &'a Repo, worktree: &'a Path, git_dir: &'a Path, branch: &str, calls: Vec<Call>) -> Self {
        // An agent's tests make repositories of their own; what git does there is nobody's business.
        let mut known: BTreeMap<PathBuf, bool> = BTreeMap::new();
        let mut is_ours = |c: &Call| {
            let top = c.worktree.clone()?;
            Some(*known.entry(top.clone()).or_insert_with(|| top == worktree || heads::git_dir_of(repo, &top).is_some()))
        };
        let calls = calls.into_iter().filter(|c| is_ours(c).unwrap_or(false)).collect();
        Self { repo, worktree, git_dir, branch: format!("refs/heads/{branch}"), calls }
    }

    fn own(&self, call: &Call) -> bool {
        call.worktree.as_deref() == Some(self.worktree)
    }
}

/// All differences. `programs`: for config files, the copies of what they were and are.
pub(super) fn compare(witness: &Witness<'_>, store: &Store, before: &Snapshot, after: &Snapshot) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let moves_refs = witness.calls.iter().any(Call::moves_refs);
    if moves_refs || !before.same_refs(after) {
        let (was, is) = (before.refs(store)?, after.refs(store)?);
        let names: BTreeSet<&String> = was.keys().chain(is.keys()).filter(|n| **n != witness.branch).collect();
        for name in names {
            let (was, is) = (was.get(name), is.get(name));
            if was != is {
                found.extend(one_ref(witness, name, was, is, before));
            } else if moves_refs && let Some(meanwhile) = taken_back(witness, name, is) {
                found.extend(one_ref(witness, name, Some(&meanwhile), is, before).filter(|f| f.change.command.is_some()));
            }
        }
    }
    found.extend(stash_entries(witness, before, after));
    if before.heads != after.heads {
        let branches = before.refs(store)?;
        found.extend(head_moves::heads_moved(witness, before, after, |full| branches.contains_key(full)));
    }
    found.extend(head_moves::indexes_changed(witness, before, after));
    let names: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    for name in names {
        let (was, is) = (before.files.get(name), after.files.get(name));
        if was == is {
            continue;
        }
        match (name.as_str(), was, is) {
            ("config", Some(was), Some(is)) if was.hash == is.hash => {}
            ("config", Some(was), Some(is)) => {
                let all = config::differences(witness.repo, &store.path(&was.hash), &store.path(&is.hash)).map_err(io::Error::other)?;
                found.extend(all.into_iter().map(|s| one_setting(witness, s)));
            }
            _ => found.push(one_file(name, was, is)),
        }
    }
    // What somebody has to look at comes first.
    found.sort_by_key(|f| !(f.change.command.is_some() || matches!(f.act, Act::PutFile { .. } | Act::Set { .. } | Act::MoveHead { .. })));
    Ok(found)
}

/// A ref that is what it was, because the attempt took back what somebody else had done meanwhile: what it was in between.
fn taken_back(witness: &Witness<'_>, full: &str, is: Option<&String>) -> Option<String> {
    if !witness.calls.iter().any(|c| c.can_move(full)) {
        return None;
    }
    let diary = reflog::read(&witness.repo.common_dir().join("logs").join(full));
    let last = diary.last().filter(|e| Some(&e.new) == is && e.old != e.new)?;
    let theirs = witness.calls.iter().any(|c| c.can_move(full) && seconds(c).contains(&last.at));
    last.old().filter(|_| theirs).map(str::to_owned)
}

fn kind_and_name(full: &str) -> (SharedKind, String) {
    let of = |prefix: &str| full.strip_prefix(prefix).map(str::to_owned);
    if let Some(name) = of("refs/heads/") {
        (SharedKind::Branch, name)
    } else if let Some(name) = of("refs/tags/") {
        (SharedKind::Tag, name)
    } else if let Some(name) = of("refs/remotes/") {
        (SharedKind::Remote, name)
    } else {
        (SharedKind::Ref, full.to_owned())
    }
}

fn one_ref(witness: &Witness<'_>, full: &str, was: Option<&String>, is: Option<&String>, before: &Snapshot) -> Option<Found> {
    let (what, name) = kind_and_name(full);
    let culprit = culprit(witness, full, was.map(String::as_str), is.map(String::as_str), before);
    if culprit.is_none() && before.own.iter().any(|o| o == full) {
        return None; // Greenlane's own doing, or the task's whose branch it is.
    }
    let mut change =
        SharedChange { what, name, before: was.cloned(), after: is.cloned(), command: None, kept: None, restored: false, note: None };
    let symbolic = [was, is].into_iter().flatten().any(|v| v.starts_with("ref:"));
    let Some((command, fetched, to)) = culprit else {
        return Some(Found { act: Act::KeepRef { full: full.to_owned(), lost: was.cloned().filter(|_| !symbolic) }, change });
    };
    change.command = Some(command);
    if what == SharedKind::Remote || fetched || symbolic {
        change.note = Some(String::from("what is known of other repositories is left alone")).filter(|_| !symbolic);
        return Some(Found { act: Act::KeepRef { full: full.to_owned(), lost: was.cloned().filter(|_| !symbolic) }, change });
    }
    if to.as_ref() != was {
        change.note = Some(String::from("somebody else had moved it since the attempt began; it is back where they had left it"));
    }
    Some(Found { act: Act::MoveRef { full: full.to_owned(), from: is.cloned(), to }, change })
}

/// The attempt's command that left the ref as it is, whether that fetched it, and what the ref was before the attempt's own changes.
fn culprit(
    witness: &Witness<'_>,
    full: &str,
    was: Option<&str>,
    is: Option<&str>,
    before: &Snapshot,
) -> Option<(String, bool, Option<String>)> {
    let suspects: Vec<&Call> = witness.calls.iter().filter(|c| c.can_move(full) || in_another_checkout(witness, c, full, before)).collect();
    let Some(is) = is else {
        let last = suspects.iter().rev().find(|c| c.removes() && c.code == Some(0))?;
        return Some((last.shown.clone(), last.name == "fetch" || last.name == "remote", was.map(str::to_owned)));
    };
    let common_dir = witness.repo.common_dir();
    let diary = reflog::read(&common_dir.join("logs").join(full));
    let in_call = |c: &&&Call| match modified_micros(&common_dir.join(full)) {
        Some(at) => during(c, at),
        // Packed since: the diary's seconds are what there is.
        None => diary.last().is_some_and(|e| e.new == is && seconds(c).contains(&e.at)),
    };
    if let Some(last) = suspects.iter().rev().find(in_call) {
        let to = value_before(&diary, was, is, &suspects);
        // What is new is the doing of the command that made it, whatever went on there afterwards.
        let made = suspects.iter().find(|c| was.is_none() && c.can_move(full) && c.code == Some(0)).unwrap_or(last);
        return Some((made.shown.clone(), matches!(last.name.as_str(), "fetch" | "pull"), to));
    }
    // Its own worktree stood on that branch, and its HEAD's diary says what was done there.
    let short = full.strip_prefix("refs/heads/")?;
    let mut on = witness.branch.strip_prefix("refs/heads/").unwrap_or_default().to_owned();
    let mut own = Vec::new();
    for entry in reflog::read(&witness.git_dir.join("logs/HEAD")).into_iter().filter(|e| e.at >= before.at / 1_000_000) {
        match entry.message.strip_prefix("checkout: moving from ").and_then(|m| m.rsplit_once(" to ")) {
            Some((_, to)) => on = to.to_owned(),
            None if on == short => own.push(entry),
            None => {}
        }
    }
    let last = own.last().filter(|e| e.new == is)?;
    let command = format!("git {} on {short}", last.message.split([':', ' ']).next().unwrap_or("commit"));
    let first = own.iter().find(|e| e.old() == was).unwrap_or(&own[0]);
    Some((command, false, first.old().map(str::to_owned)))
}

/// The value before the attempt's own changes, from the ref's diary: the user may have moved it between the attempt's begin and the command.
fn value_before(diary: &[reflog::Entry], was: Option<&str>, is: &str, suspects: &[&Call]) -> Option<String> {
    let was = was.map(str::to_owned);
    let Some(last) = diary.last().filter(|e| e.new == is && !e.message.starts_with("Branch: renamed")) else { return was };
    let mut value = last.old();
    for entry in diary.iter().rev().skip(1).take(suspects.len().saturating_sub(1)) {
        let theirs = suspects.iter().any(|c| seconds(c).contains(&entry.at));
        if value == was.as_deref() || !theirs || Some(entry.new.as_str()) != value {
            break;
        }
        value = entry.old();
    }
    value.map(str::to_owned)
}

fn in_another_checkout(witness: &Witness<'_>, call: &Call, full: &str, before: &Snapshot) -> bool {
    let Some(top) = call.worktree.as_deref().filter(|_| !witness.own(call) && call.moves_its_checkout()) else { return false };
    let then = before.heads.get(&top.display().to_string()).and_then(|h| h.strip_prefix("ref: ").map(str::to_owned));
    let now = || heads::git_dir_of(witness.repo, top).and_then(|d| heads::branch_of(&d));
    then.as_deref() == Some(full) || now().as_deref() == Some(full)
}

fn seconds(call: &Call) -> std::ops::RangeInclusive<i64> {
    call.start / 1_000_000..=call.end / 1_000_000
}

/// Was the command at work at this time of a file?
pub(super) fn during(call: &Call, at: i64) -> bool {
    call.start - TICK_MICROS <= at && at <= call.end
}

pub(super) fn modified_micros(path: &Path) -> Option<i64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

fn stash_entries(witness: &Witness<'_>, before: &Snapshot, after: &Snapshot) -> Vec<Found> {
    let stashes: Vec<&Call> = witness.calls.iter().filter(|c| c.name == "stash").collect();
    let branches = branches_stood_on(witness, before);
    let change = |entry: &stash::Entry, came: bool, command: Option<String>| SharedChange {
        what: SharedKind::Stash,
        name: entry.message.clone(),
        before: (!came).then(|| entry.oid.clone()),
        after: came.then(|| entry.oid.clone()),
        command,
        kept: None,
        restored: false,
        note: None,
    };
    let missing = |from: &[stash::Entry], there: &[stash::Entry]| -> Vec<stash::Entry> {
        from.iter().filter(|e| !there.iter().any(|t| t.oid == e.oid)).cloned().collect()
    };
    let mut found = Vec::new();
    for entry in missing(&after.stash, &before.stash) {
        // The entry itself names the branch that it was made on; only the attempt works on its own.
        let on = |branch: &str| entry.message.contains(&format!(" on {branch}:")) || entry.message.starts_with(&format!("On {branch}:"));
        let then = |c: &&&Call| seconds(c).contains(&entry.at);
        let own = stashes.iter().filter(|c| witness.own(c)).find(then);
        let elsewhere =
            stashes.iter().filter(|c| !witness.own(c) && c.args.first().is_none_or(|a| a == "push" || a.starts_with('-'))).find(then);
        let by_name = stashes.iter().find(|c| c.args.contains(&entry.oid));
        if on(&branches[0]) || by_name.is_some() || (own.is_some() && branches.iter().any(|b| on(b))) {
            let command = by_name.or(own).map_or_else(|| String::from("git stash"), |c| c.shown.clone());
            found.push(Found { change: change(&entry, true, Some(command)), act: Act::DropStash { oid: entry.oid.clone() } });
        } else if let Some(call) = elsewhere {
            let mut told = change(&entry, true, Some(call.shown.clone()));
            let top = call.worktree.as_deref().unwrap_or(witness.worktree).display();
            told.note = Some(format!("what was changed in {top} lies in it: `git -C {top} stash pop` brings it back"));
            found.push(Found { change: told, act: Act::Tell });
        } else {
            found.push(Found { change: change(&entry, true, None), act: Act::Tell });
        }
    }
    for entry in missing(&before.stash, &after.stash) {
        let takes =
            |c: &Call| c.args.first().is_some_and(|a| ["pop", "drop", "clear", "branch"].contains(&a.as_str())) && c.code != Some(1);
        let call = stashes.iter().find(|c| takes(c));
        let act = if call.is_some() {
            Act::StoreStash { entry: entry.clone() }
        } else {
            Act::KeepRef { full: String::from("refs/stash"), lost: Some(entry.oid.clone()) }
        };
        let mut told = change(&entry, false, call.map(|c| c.shown.clone()));
        if call.is_none() {
            told.note = Some(format!("`git stash store -m '{}' {}` brings it back", entry.message.replace('\'', "'\\''"), entry.oid));
        }
        found.push(Found { change: told, act });
    }
    found
}

/// The branches that the attempt's worktree was on, its own first; `(no branch)` is how the stash calls a HEAD that is on none.
fn branches_stood_on(witness: &Witness<'_>, before: &Snapshot) -> Vec<String> {
    let mut branches = vec![witness.branch.strip_prefix("refs/heads/").unwrap_or_default().to_owned(), String::from("(no branch)")];
    for entry in reflog::read(&witness.git_dir.join("logs/HEAD")).into_iter().filter(|e| e.at >= before.at / 1_000_000) {
        if let Some((_, to)) = entry.message.strip_prefix("checkout: moving from ").and_then(|m| m.rsplit_once(" to ")) {
            branches.push(to.to_owned());
        }
    }
    branches
}

fn one_setting(witness: &Witness<'_>, setting: Setting) -> Found {
    let value = setting.after.last().map(String::as_str);
    let call = witness.calls.iter().rev().find(|c| c.can_set(&setting.key, value));
    let program = config::runs_programs(&setting.key);
    // What git notes down in passing (which branch follows which, sparse checkouts, submodules) is left.
    let in_passing = call.is_some_and(|c| !matches!(c.name.as_str(), "config" | "remote" | "branch"));
    // A setting that is gone runs nothing.
    let act = if (call.is_some() && !in_passing) || (program && !setting.after.is_empty()) {
        Act::Set { setting: setting.clone() }
    } else {
        Act::Tell
    };
    let change = SharedChange {
        what: SharedKind::Config,
        name: setting.key.clone(),
        before: config::shown(&setting.key, &setting.before),
        after: config::shown(&setting.key, &setting.after),
        command: call.map(|c| c.shown.clone()),
        kept: None,
        restored: false,
        note: (program && call.is_none()).then(|| {
            let again = config::shown(&setting.key, &setting.after).map(|v| format!("; `git config {} '{v}'` sets it again", setting.key));
            let again = again.unwrap_or_default();
            format!("it can make git run a program, and nothing says who set it{again}")
        }),
    };
    Found { change, act }
}

fn one_file(name: &str, was: Option<&FileState>, is: Option<&FileState>) -> Found {
    let hook = name.strip_prefix("hooks/");
    let hash = |state: Option<&FileState>| state.map(|s| format!("{} mode {:o}", &s.hash[..12.min(s.hash.len())], s.mode));
    let change = SharedChange {
        what: if hook.is_some() { SharedKind::Hook } else { SharedKind::File },
        name: hook.unwrap_or(name).to_owned(),
        before: hash(was),
        after: hash(is),
        command: None,
        kept: None,
        restored: false,
        note: None,
    };
    // A hook that is gone runs nothing; one that came or changed would be run by the user's next commit.
    let act = match (hook, is) {
        (Some(_), Some(_)) => Act::PutFile { name: name.to_owned(), from: is.cloned(), to: was.cloned() },
        _ => Act::KeepFile { to: was.cloned() },
    };
    Found { change, act }
}
