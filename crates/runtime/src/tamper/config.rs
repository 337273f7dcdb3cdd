//! The repository's configuration, key by key: what differs, which keys make git run programs, and putting keys back.
//! Git itself reads and edits; the file is replaced under git's own lock, and only if it is still what was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::git::{GitError, Repo};

/// All values of each key.
type Settings = BTreeMap<String, Vec<String>>;

/// One key that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setting {
    pub key: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// How often a lock that somebody holds is tried, and how long is waited in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads a configuration file; nothing, if it is not there.
fn read(repo: &Repo, file: &Path) -> Result<Settings, GitError> {
    let mut settings = Settings::new();
    if !file.exists() {
        return Ok(settings);
    }
    let listed = repo.git().run(&["config".as_ref(), "--file".as_ref(), file.as_os_str(), "-z".as_ref(), "--list".as_ref()])?;
    for field in listed.fields() {
        let (key, value) = field.split_once('\n').unwrap_or((&field, "true"));
        settings.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(settings)
}

/// The keys in which two files differ.
pub(super) fn differences(repo: &Repo, before: &Path, after: &Path) -> Result<Vec<Setting>, GitError> {
    let (before, after) = (read(repo, before)?, read(repo, after)?);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |settings: &Settings, key: &String| settings.get(key).cloned().unwrap_or_default();
    let all = keys.into_iter().map(|key| Setting { key: key.clone(), before: of(&before, key), after: of(&after, key) });
    Ok(all.filter(|s| s.before != s.after).collect())
}

/// Does this key name something that git runs, or that decides where what it runs and reads comes from?
pub(super) fn runs_programs(key: &str) -> bool {
    const WHOLE: &[&str] = &[
        "core.hookspath",
        "core.fsmonitor",
        "core.sshcommand",
        "core.editor",
        "core.pager",
        "core.gitproxy",
        "core.askpass",
        "core.worktree",
        "core.alternaterefscommand",
        "core.attributesfile",
        "sequence.editor",
        "diff.external",
        "include.path",
        "credential.helper",
        "gpg.program",
        "interactive.difffilter",
        "uploadpack.packobjectshook",
        "web.browser",
    ];
    const PARTS: &[(&str, &[&str])] = &[
        ("alias.", &[""]),
        ("pager.", &[""]),
        ("includeif.", &[".path"]),
        ("credential.", &[".helper"]),
        ("gpg.", &[".program", ".defaultkeycommand"]),
        ("filter.", &[".clean", ".smudge", ".process"]),
        ("diff.", &[".command", ".textconv"]),
        ("merge.", &[".driver"]),
        ("mergetool.", &[".cmd", ".path"]),
        ("difftool.", &[".cmd", ".path"]),
        ("browser.", &[".cmd", ".path"]),
        ("man.", &[".cmd", ".path"]),
        ("trailer.", &[".command", ".cmd"]),
        ("hook.", &[".command"]),
        ("tar.", &[".command"]),
        ("url.", &[".insteadof", ".pushinsteadof"]),
        ("remote.", &[".uploadpack", ".receivepack", ".vcs", ".proxy"]),
        ("sendemail.", &["cmd"]),
    ];
    let key = key.to_ascii_lowercase();
    WHOLE.contains(&key.as_str()) || PARTS.iter().any(|(head, tails)| key.starts_with(head) && tails.iter().any(|t| key.ends_with(t)))
}

/// A value for people to see; secrets stay in the copy of the file.
pub(super) fn shown(key: &str, values: &[String]) -> Option<String> {
    let key = key.to_ascii_lowercase();
    let secret = ["extraheader", "token", "password", "secret", "cookie"].iter().any(|w| key.contains(w));
    let hide = |v: &String| if secret || (v.contains("://") && v.contains('@')) { String::from("(not shown)") } else { v.clone() };
    (!values.is_empty()).then(|| values.iter().map(hide).collect::<Vec<_>>().join(", "))
}

/// Gives the keys their earlier values, each only if it still has the later one. Gives the keys that have them now.
/// `before` and `after`: the whole file then and then; where nothing else has changed it is put back to the byte.
pub(super) fn put_back(
    repo: &Repo,
    settings: &[Setting],
    whole: bool,
    before: &[u8],
    after: &[u8],
    scratch: &Path,
) -> Result<BTreeSet<String>, GitError> {
    let file = repo.common_dir().join("config");
    for _ in 0..TRIES {
        let current = fs::read(&file).map_err(GitError::Spawn)?;
        let values = read(repo, &file)?;
        let value = |s: &Setting| values.get(&s.key).cloned().unwrap_or_default();
        let (due, rest): (Vec<&Setting>, Vec<&Setting>) = settings.iter().partition(|s| value(s) == s.after);
        let mut done: BTreeSet<String> = rest.into_iter().filter(|s| value(s) == s.before).map(|s| s.key.clone()).collect();
        done.extend(due.iter().map(|s| s.key.clone()));
        if due.is_empty() {
            return Ok(done);
        }
        let edited = if whole && current == after { before.to_vec() } else { edited(repo, &current, &due, scratch)? };
        match replace(&file, &current, &edited) {
            Ok(true) => return Ok(done),
            Ok(false) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => sleep(PAUSE),
            Err(e) => return Err(GitError::Spawn(e)),
        }
    }
    Ok(BTreeSet::new())
}

fn edited(repo: &Repo, current: &[u8], due: &[&Setting], scratch: &Path) -> Result<Vec<u8>, GitError> {
    fs::write(scratch, current).map_err(GitError::Spawn)?;
    let git = |args: &[&str], codes: &[i32]| {
        let head = ["config".as_ref(), "--file".as_ref(), scratch.as_os_str()];
        let args: Vec<&std::ffi::OsStr> = head.into_iter().chain(args.iter().map(std::convert::AsRef::as_ref)).collect();
        repo.git().run_allowing(&args, codes).map(drop)
    };
    for setting in due {
        // 5: there was nothing to take away.
        git(&["--unset-all", &setting.key], &[0, 5])?;
        for value in &setting.before {
            git(&["--add", &setting.key, value], &[0])?;
        }
    }
    let bytes = fs::read(scratch).map_err(GitError::Spawn)?;
    drop(fs::remove_file(scratch));
    Ok(bytes)
}

/// Replaces the file under git's own lock. `false`: it is not any more what it was.
fn replace(file: &Path, expected: &[u8], new: &[u8]) -> io::Result<bool> {
    let lock = file.with_file_name("config.lock");
    let mut held = fs::File::options().write(true).create_new(true).open(&lock)?;
    let write = || -> io::Result<bool> {
        if fs::read(file)? != expected {
            return Ok(false);
        }
        held.write_all(new)?;
        held.set_permissions(fs::metadata(file)?.permissions())?;
        fs::rename(&lock, file)?;
        Ok(true)
    };
    let replaced = { write }();
    if !matches!(replaced, Ok(true)) {
        drop(fs::remove_file(&lock));
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_make_git_run_something_and_secrets() {
        for key in [
            "core.hooksPath",
            "alias.st",
            "filter.lfs.smudge",
            "includeif.gitdir:/x.path",
            "credential.https://x.helper",
            "url./evil.insteadof",
        ] {
            assert!(runs_programs(key), "{key}");
        }
        for key in ["user.name", "core.bare", "branch.main.remote", "remote.origin.url", "merge.conflictstyle", "diff.algorithm"] {
            assert!(!runs_programs(key), "{key}");
        }
        let of = |key: &str, value: &str| shown(key, &[value.to_owned()]).unwrap_or_default();
        assert_eq!(of("user.name", "A"), "A");
        assert_eq!(of("http.https://x.extraheader", "AUTHORIZATION: x"), "(not shown)");
        assert_eq!(of("remote.origin.url", "https://me:key@host/x"), "(not shown)");
        assert_eq!(shown("user.name", &[]), None);
    }
}
