//! All refs, read from git's files without git. Where they lie in tables (`reftable`), git is asked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use greenlane_core::branch;

use crate::git::Repo;

/// Refs that every worktree has of its own.
const PER_WORKTREE: &[&str] = &["refs/bisect/", "refs/worktree/", "refs/rewritten/"];

/// Where Greenlane's own refs lie, besides its branches. They move all the time and are its own business, but for those that it names.
const OWN: &[&str] = &["refs/greenlane/"];

/// How deep refs may be nested, and how many loose ones are read; beyond it something is wrong.
const DEPTH_MAX: usize = 32;
const LOOSE_MAX: usize = 100_000;

/// Is this one compared? `own`: those of Greenlane's that are.
pub(super) fn is_watched(name: &str, own: &[String]) -> bool {
    let below = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
    own.iter().any(|o| o == name) || !(below(PER_WORKTREE) || below(OWN) || is_own_branch(name) || name == "refs/stash")
}

fn is_own_branch(name: &str) -> bool {
    name.strip_prefix("refs/heads/").is_some_and(branch::is_shaped)
}

/// The text of `packed-refs`, or what `for-each-ref` says where there are no such files.
pub(super) fn packed_text(repo: &Repo) -> io::Result<Vec<u8>> {
    if repo.common_dir().join("reftable").is_dir() {
        let listed = repo.git().run(&["for-each-ref", "--format=%(objectname) %(refname)"]).map_err(io::Error::other)?;
        return Ok(listed.stdout);
    }
    match fs::read(repo.common_dir().join("packed-refs")) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// The refs in such a text.
pub(super) fn parse_packed(text: &[u8], own: &[String]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|l| !l.starts_with(['#', '^'])).filter_map(|l| l.split_once(' '));
    lines.filter(|(_, name)| is_watched(name, own)).map(|(oid, name)| (name.to_owned(), oid.to_owned())).collect()
}

/// The refs that have a file of their own.
pub(super) fn loose(common_dir: &Path, own: &[String]) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    walk(common_dir, "refs", 0, own, &mut found)?;
    for name in own {
        if let Some(value) = read_one(common_dir, name) {
            found.insert(name.clone(), value);
        }
    }
    Ok(found)
}

fn walk(common_dir: &Path, below: &str, depth: usize, own: &[String], found: &mut BTreeMap<String, String>) -> io::Result<()> {
    let entries = match fs::read_dir(common_dir.join(below)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{below}/{name}");
        if found.len() >= LOOSE_MAX || name.ends_with(".lock") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            let folder = format!("{name}/");
            let ours = name.strip_prefix("refs/heads/").is_some_and(branch::is_shaped_folder);
            if depth < DEPTH_MAX && !ours && !OWN.iter().chain(PER_WORKTREE).any(|p| *p == folder) {
                walk(common_dir, &name, depth + 1, own, found)?;
            }
        } else if is_watched(&name, own)
            && let Some(value) = read_one(common_dir, &name)
        {
            found.insert(name, value);
        }
    }
    Ok(())
}

/// A loose ref's value: a name of an object, or `ref: …`. `None`: it is not there, or was removed while we looked.
fn read_one(common_dir: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(common_dir.join(name)).ok()?;
    let value = text.trim_end();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The value of one ref now.
pub(super) fn value_now(repo: &Repo, name: &str) -> io::Result<Option<String>> {
    if !repo.common_dir().join("reftable").is_dir()
        && let Some(value) = read_one(repo.common_dir(), name)
    {
        return Ok(Some(value));
    }
    Ok(parse_packed(&packed_text(repo)?, &[name.to_owned()]).remove(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_refs_are_watched_and_of_greenlanes_only_those_that_it_names() {
        let own = [String::from("refs/heads/greenlane/r/plan/p")];
        for name in [
            "refs/heads/main",
            "refs/heads/greenlane/docs",
            "refs/tags/v1",
            "refs/notes/x",
            "refs/heads/greenlane/r/plan/p",
            "refs/remotes/o/HEAD",
        ] {
            assert!(is_watched(name, &own), "{name}");
        }
        for name in [
            "refs/greenlane/r/kept/t/1",
            "refs/heads/greenlane/r/task/t",
            "refs/heads/greenlane-1/r/plan/p",
            "refs/bisect/bad",
            "refs/stash",
        ] {
            assert!(!is_watched(name, &own), "{name}");
        }
        let text = b"# pack-refs with: peeled fully-peeled sorted \naa refs/heads/main\nbb refs/tags/v1\n^cc\ndd refs/greenlane/x\n";
        let packed = parse_packed(text, &own);
        assert_eq!(packed.into_iter().collect::<Vec<_>>(), [("refs/heads/main".into(), "aa".into()), ("refs/tags/v1".into(), "bb".into())]);
    }
}
