//! Keeps what changed, and puts back what is to be put back: each thing only if it is still what the attempt left.
//! Everything here may be done twice. Decides nothing.

use std::fs;
use std::io;
use std::path::Path;

use greenlane_core::ids::Oid;
use greenlane_core::shared::SharedChange;

use super::compare::{Act, Found};
use super::files::{FileState, read_state};
use super::store::Store;
use super::{config, heads, refs, stash};
use crate::git::{Applied, Expect, Git, RefChange, Repo};

/// Most refs that one attempt's changes are kept in.
const KEPT_MAX: usize = 500;

pub(super) struct PutBack<'a> {
    pub repo: &'a Repo,
    pub store: &'a Store,
    /// Git in the attempt's worktree: the stash wants files around it.
    pub worktree_git: Git,
    /// `refs/greenlane/<run>/tamper/<slug>/<n>`.
    pub prefix: &'a str,
    pub scratch: &'a Path,
    /// The configuration then and now, whole.
    pub config: (Option<&'a FileState>, Option<&'a FileState>),
}

impl PutBack<'_> {
    pub(super) fn all(&self, found: Vec<Found>) -> Vec<SharedChange> {
        let settings: Vec<_> =
            found.iter().filter_map(|f| if let Act::Set { setting } = &f.act { Some(setting.clone()) } else { None }).collect();
        let all_settings = found.iter().filter(|f| f.change.what == greenlane_core::shared::SharedKind::Config).count();
        let set = if settings.is_empty() { Ok(Default::default()) } else { self.settings(&settings, settings.len() == all_settings) };
        // Branches that are missing come back before those that took their place are removed.
        let mut order: Vec<usize> = (0..found.len()).collect();
        // So do HEADs, which lead to the ones and hold the others.
        order.sort_by_key(|i| match &found[*i].act {
            Act::MoveRef { to: None, .. } => 2,
            Act::MoveHead { .. } => 1,
            _ => 0,
        });
        let mut changes: Vec<SharedChange> = found.iter().map(|f| f.change.clone()).collect();
        for (count, i) in order.into_iter().enumerate() {
            let change = &mut changes[i];
            let done = match &found[i].act {
                Act::Tell => Ok(false),
                Act::KeepRef { full, lost } => {
                    let lost = lost.as_ref().filter(|_| count < KEPT_MAX);
                    // The user's own branch that went on from where it was has lost nothing.
                    let gone_on = |old: &str| match &change.after {
                        Some(new) if full != "refs/stash" => self.repo.descends(&Oid::from(new.as_str()), &Oid::from(old)).unwrap_or(false),
                        _ => false,
                    };
                    change.kept = lost.filter(|old| !gone_on(old)).and_then(|old| self.keep("before", full, old));
                    Ok(false)
                }
                Act::MoveRef { full, from, to } => {
                    let before = to.as_ref().and_then(|oid| self.keep("before", full, oid));
                    change.kept = from.as_ref().filter(|_| count < KEPT_MAX).and_then(|oid| self.keep("after", full, oid)).or(before);
                    self.move_ref(full, from.as_deref(), to.as_deref())
                }
                Act::MoveHead { git_dir, from, to } => {
                    let top = Path::new(&change.name);
                    match self.move_head(git_dir, top, from, to) {
                        Ok(true) => {
                            change.note = None;
                            Ok(true)
                        }
                        Ok(false) => Ok(false),
                        // How to go back is worth more than why it was not done.
                        Err(why) => {
                            change.note = change.note.take().map(|way| format!("{why}; {way}"));
                            Ok(false)
                        }
                    }
                }
                Act::DropStash { oid } => {
                    change.kept = self.keep("after", &format!("refs/stash/{oid}"), oid);
                    match change.kept {
                        // What is kept nowhere is not dropped.
                        None => Err(String::from("it could not be kept in a ref")),
                        Some(_) => stash::drop_entry(&self.worktree_git, self.repo.common_dir(), oid).map_err(|e| e.to_string()),
                    }
                }
                Act::StoreStash { entry } => {
                    change.kept = self.keep("before", &format!("refs/stash/{}", entry.oid), &entry.oid);
                    stash::store_entry(&self.worktree_git, self.repo.common_dir(), entry).map(|()| true).map_err(|e| e.to_string())
                }
                Act::Set { setting } => {
                    change.kept = self.config.1.map(|s| self.store.path(&s.hash).display().to_string());
                    match &set {
                        Ok(done) if done.contains(&setting.key) => Ok(true),
                        Ok(_) => Err(String::from("it has changed again since, or the configuration is locked")),
                        Err(e) => Err(e.clone()),
                    }
                }
                Act::PutFile { name, from, to } => {
                    change.kept = from.as_ref().map(|s| self.store.path(&s.hash).display().to_string());
                    let kept = change.kept.clone().unwrap_or_default();
                    let back = format!(
                        "nothing says who wrote it, and git would run it; `cp {kept} {}` brings it back",
                        self.path(name).display()
                    );
                    change.note.get_or_insert(back);
                    self.put_file(name, from.as_ref(), to.as_ref()).map_err(|e| e.to_string())
                }
                Act::KeepFile { to } => {
                    change.kept = to.as_ref().map(|s| self.store.path(&s.hash).display().to_string());
                    Ok(false)
                }
            };
            match done {
                Ok(restored) => change.restored = restored,
                Err(why) => change.note = Some(why),
            }
        }
        changes
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.repo.common_dir().join(name)
    }

    /// Names the ref that leads to this object from now on.
    fn keep(&self, when: &str, full: &str, oid: &str) -> Option<String> {
        let name = format!("{}/{when}/{}", self.prefix, full.strip_prefix("refs/").unwrap_or(full));
        let change = RefChange { name: name.clone(), new: Some(Oid::from(oid)), old: Expect::Any };
        self.repo.move_refs(&[change]).is_ok_and(|done| done == Applied::Done).then_some(name)
    }

    fn move_ref(&self, full: &str, from: Option<&str>, to: Option<&str>) -> Result<bool, String> {
        if to.is_none() && heads::is_checked_out(self.repo, full) {
            return Err(String::from("a checkout is on it"));
        }
        let old = from.map_or(Expect::Missing, |oid| Expect::At(Oid::from(oid)));
        let change = RefChange { name: full.to_owned(), new: to.map(Oid::from), old };
        if self.repo.move_refs(&[change]).map_err(|e| e.to_string())? == Applied::Done {
            return Ok(true);
        }
        // Done already by a coordinator that died before it could say so; or somebody was quicker.
        let now = refs::value_now(self.repo, full).map_err(|e| e.to_string())?;
        if now.as_deref() == to { Ok(true) } else { Err(String::from("it has moved on since, or is locked")) }
    }

    /// Writes a HEAD under git's own lock, if it still is what the attempt left, and if no file becomes a changed one by that: the commit
    /// is the same, or the index holds what the old one holds.
    fn move_head(&self, git_dir: &Path, top: &Path, from: &str, to: &str) -> Result<bool, String> {
        let head = git_dir.join("HEAD");
        let now = || fs::read_to_string(&head).map(|text| text.trim_end().to_owned()).map_err(|e| e.to_string());
        let commit = |text: &str| match text.strip_prefix("ref: ") {
            Some(full) => refs::value_now(self.repo, full).map_err(|e| e.to_string()),
            None => Ok(Some(text.to_owned())),
        };
        if now()? == to {
            return Ok(true);
        }
        // An old way to keep a HEAD; it is not ours to replace.
        if fs::symlink_metadata(&head).is_ok_and(|m| !m.is_file()) {
            return Ok(false);
        }
        let Some(old) = commit(to)? else { return Ok(false) };
        if commit(from)?.as_deref() != Some(old.as_str()) {
            let compare = ["diff-index", "--cached", "--quiet", old.as_str(), "--"];
            let compared = self.repo.git_in(git_dir, top).run_allowing(&compare, &[0, 1]).map_err(|e| e.to_string())?;
            if compared.code != 0 {
                return Ok(false);
            }
        }
        let lock = git_dir.join("HEAD.lock");
        let locked = |e: io::Error| format!("it is locked ({e})");
        let mut file = fs::File::options().write(true).create_new(true).open(&lock).map_err(locked)?;
        let written = std::io::Write::write_all(&mut file, format!("{to}\n").as_bytes()).map_err(|e| e.to_string());
        let done = written.and_then(|()| match now()? == from {
            true => fs::rename(&lock, &head).map_err(|e| e.to_string()),
            false => Err(String::from("it has moved on since")),
        });
        if done.is_err() {
            drop(fs::remove_file(&lock));
        }
        done.map(|()| true)
    }

    fn settings(&self, settings: &[config::Setting], whole: bool) -> Result<std::collections::BTreeSet<String>, String> {
        let read = |state: Option<&FileState>| state.and_then(|s| self.store.read(&s.hash).ok()).unwrap_or_default();
        let (before, after) = (read(self.config.0), read(self.config.1));
        let whole = whole && !before.is_empty();
        config::put_back(self.repo, settings, whole, &before, &after, self.scratch).map_err(|e| e.to_string())
    }

    /// What stands there is moved away, looked at, and only then replaced: whoever wrote to it meanwhile finds his file again.
    fn put_file(&self, name: &str, from: Option<&FileState>, to: Option<&FileState>) -> io::Result<bool> {
        let path = self.path(name);
        let now = read_state(&path)?.map(|(_, state)| state);
        if now.as_ref() == to {
            return Ok(true);
        }
        if now.as_ref() != from {
            return Err(io::Error::other("it has changed again since"));
        }
        let aside = path.with_file_name(format!(".greenlane-{}", std::process::id()));
        if from.is_some() {
            fs::rename(&path, &aside)?;
            if read_state(&aside)?.map(|(_, state)| state).as_ref() != from {
                fs::hard_link(&aside, &path)?;
                fs::remove_file(&aside)?;
                return Err(io::Error::other("it has changed again since"));
            }
        }
        if let Some(to) = to {
            use std::os::unix::fs::PermissionsExt as _;
            let bytes = self.store.read(&to.hash)?;
            let new = path.with_file_name(format!(".greenlane-{}.new", std::process::id()));
            drop(fs::remove_file(&new));
            if to.link {
                use std::os::unix::ffi::OsStringExt as _;
                std::os::unix::fs::symlink(std::ffi::OsString::from_vec(bytes), &new)?;
            } else {
                fs::write(&new, bytes)?;
                fs::set_permissions(&new, fs::Permissions::from_mode(to.mode))?;
            }
            // A link cannot replace what somebody put there in between.
            let placed = fs::hard_link(&new, &path);
            drop(fs::remove_file(&new));
            placed?;
        }
        drop(fs::remove_file(&aside));
        Ok(true)
    }
}
