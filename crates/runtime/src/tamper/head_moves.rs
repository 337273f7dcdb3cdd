//! What an attempt did to a checkout of the user's: where its HEAD points, and what its index holds. Does nothing itself.

use std::path::Path;

use greenlane_core::shared::{SharedChange, SharedKind};

use super::compare::{Act, Found, Witness, during, modified_micros};
use super::evidence::Call;
use super::snapshot::Snapshot;
use super::{heads, reflog};

/// Every HEAD that is not what it was. Back it goes where the attempt's own command moved it, or where it was written without git.
pub(super) fn heads_moved(witness: &Witness<'_>, before: &Snapshot, after: &Snapshot, is_branch: impl Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    for (top, was) in &before.heads {
        let Some(is) = after.heads.get(top).filter(|is| *is != was) else { continue };
        let git_dir = heads::git_dir_of(witness.repo, Path::new(top));
        let call = mover(witness, Path::new(top), git_dir.as_deref(), was, is);
        let by_git = git_dir.as_deref().is_none_or(|d| diary_explains(d, before, was, is));
        if call.is_none() && by_git && !was.starts_with("ref: ") && !is.starts_with("ref: ") {
            continue; // A person who commits on no branch.
        }
        let files_went_along = call.map_or(by_git, |c| !matches!(c.name.as_str(), "symbolic-ref" | "update-ref" | "branch"));
        let short = |head: &str| head.strip_prefix("ref: refs/heads/").unwrap_or(head).to_owned();
        let change = SharedChange {
            what: SharedKind::Head,
            name: top.clone(),
            before: Some(short(was)),
            after: Some(short(is)),
            command: call.map(|c| c.shown.clone()),
            kept: None,
            restored: false,
            note: Some(way_back(top, was, files_went_along, &is_branch)),
        };
        let act = match git_dir {
            Some(git_dir) if call.is_some() || !by_git => Act::MoveHead { git_dir, from: is.clone(), to: was.clone() },
            _ => Act::Tell,
        };
        found.push(Found { change, act });
    }
    found
}

/// The attempt's command that was at work when this HEAD was written: the first one that names what it is now, else the first that can have done it.
fn mover<'w>(witness: &'w Witness<'_>, top: &Path, git_dir: Option<&Path>, was: &str, is: &str) -> Option<&'w Call> {
    let written = modified_micros(&git_dir?.join("HEAD"))?;
    let now_on = is.strip_prefix("ref: ");
    let able = |c: &&Call| {
        let there = c.worktree.as_deref() == Some(top) && c.moves_its_checkout();
        // Renaming a branch takes every checkout of it along; `--git-dir` names a HEAD from anywhere.
        let renamed = |head: Option<&str>| head.is_some_and(|full| c.name == "branch" && c.can_move(full));
        let from_afar = c.name == "symbolic-ref" && now_on.is_some_and(|full| c.leads_to(full));
        (there || from_afar || (renamed(was.strip_prefix("ref: ")) && renamed(now_on))) && c.code.is_none_or(|code| code == 0)
    };
    let all: Vec<&Call> = witness.calls.iter().filter(able).filter(|c| during(c, written)).collect();
    all.iter().find(|c| now_on.is_some_and(|full| c.leads_to(full))).or(all.first()).copied()
}

/// Does that checkout's own diary tell how it came there? Git notes every change of branches in it, whoever makes it; who writes the
/// file himself, or uses `symbolic-ref`, leaves nothing. Where no diary is kept: perhaps.
fn diary_explains(git_dir: &Path, before: &Snapshot, was: &str, is: &str) -> bool {
    let path = git_dir.join("logs/HEAD");
    let short = is.strip_prefix("ref: refs/heads/").unwrap_or(is);
    let on_none = !was.starts_with("ref: ");
    let tells = |e: &reflog::Entry| {
        let moves = e.message.starts_with("checkout:") || e.message.starts_with("Branch:");
        // On no branch, every commit moves it.
        e.message.starts_with("rebase") || ((moves || on_none) && e.new == short) || (moves && e.message.ends_with(short))
    };
    !path.exists() || reflog::read(&path).iter().filter(|e| e.at >= before.at / 1_000_000).any(tells)
}

/// The command that leads back: files that went along have to come back, those that did not must stay.
fn way_back(top: &str, was: &str, files_went_along: bool, is_branch: impl Fn(&str) -> bool) -> String {
    let way = match (was.strip_prefix("ref: "), files_went_along) {
        (Some(full), true) if is_branch(full) => format!("switch {}", full.strip_prefix("refs/heads/").unwrap_or(full)),
        (Some(full), _) => format!("symbolic-ref HEAD {full}"),
        (None, true) => format!("switch --detach {was}"),
        (None, false) => format!("update-ref --no-deref HEAD {was}"),
    };
    let files = if files_went_along { "its files went along: look at them, then" } else { "its files are what they were:" };
    format!("{files} `git -C {top} {way}` goes back")
}

/// The index of the user's checkout, where a command of the attempt's own wrote it: what a person stages meanwhile is his own.
pub(super) fn indexes_changed(witness: &Witness<'_>, before: &Snapshot, after: &Snapshot) -> Vec<Found> {
    let mut found = Vec::new();
    for (top, was) in &before.index {
        let Some(is) = after.index.get(top).filter(|is| *is != was) else { continue };
        let written = heads::git_dir_of(witness.repo, Path::new(top)).and_then(|d| modified_micros(&d.join("index")));
        let Some(written) = written else { continue };
        let there = || witness.calls.iter().filter(|c| c.worktree.as_deref() == Some(Path::new(top)));
        // A `git status` after it may have written it once more, with the times of files.
        let Some(call) = there().find(|c| c.stages()).filter(|_| there().any(|c| during(c, written))) else { continue };
        let change = SharedChange {
            what: SharedKind::Index,
            name: top.clone(),
            before: Some(was.clone()),
            after: Some(is.clone()),
            command: Some(call.shown.clone()),
            kept: None,
            restored: false,
            note: Some(format!(
                "`git -C {top} diff --cached` shows what is staged now; `git -C {top} restore --staged FILE` takes a file out again"
            )),
        };
        found.push(Found { change, act: Act::Tell });
    }
    found
}
