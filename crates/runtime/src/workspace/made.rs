//! What set-up commands leave untracked stays, and is nobody's work: within its worktree it counts as ignored, for Greenlane's git and
//! for the agent's. Knows nothing of what the files are for.
//!
//! Git has no list of ignored files for one worktree (`info/exclude` is all worktrees'), so `core.excludesFile` is pointed at one in the
//! worktree's git-dir: the user's own such list, and the paths. Without such files nothing of it happens.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{WorkspaceError, at};
use crate::git::Git;

/// The most files and folders; beyond it a set-up command writes where it should not.
const PATHS_MAX: usize = 10_000;
/// A list of ignored files is read up to here.
const USERS_BYTES_MAX: u64 = 1 << 20;

/// The list of a worktree, by its git-dir.
pub(super) fn list_of(git_dir: &Path) -> PathBuf {
    git_dir.join("greenlane.exclude")
}

/// Has set-up left something in this worktree?
pub(super) fn is_any(git_dir: &Path) -> bool {
    list_of(git_dir).is_file()
}

/// The same git, to which those files are ignored.
pub(crate) fn ignoring(git: Git, git_dir: &Path) -> Git {
    let list = list_of(git_dir);
    match list.to_str() {
        Some(text) if list.is_file() => git.with_setting(format!("core.excludesFile={text}")),
        _ => git,
    }
}

/// The same for every git that a process with this environment starts.
pub(crate) fn ignore_in(env: &mut BTreeMap<OsString, OsString>, git_dir: &Path) {
    let list = list_of(git_dir);
    if !list.is_file() {
        return;
    }
    let count = env.get(OsStr::new("GIT_CONFIG_COUNT")).and_then(|n| n.to_str()?.parse::<u32>().ok()).unwrap_or(0);
    env.insert("GIT_CONFIG_COUNT".into(), (count + 1).to_string().into());
    env.insert(format!("GIT_CONFIG_KEY_{count}").into(), "core.excludesFile".into());
    env.insert(format!("GIT_CONFIG_VALUE_{count}").into(), list.into_os_string());
}

/// Forgets what an earlier set-up left.
pub(super) fn forget(git_dir: &Path) -> Result<(), WorkspaceError> {
    let list = list_of(git_dir);
    match fs::remove_file(&list) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(at(&list)(e)),
        _ => Ok(()),
    }
}

/// Notes what is untracked now, right after set-up. `git`: in the worktree, with the index that stands for its commit. `env`: the user's,
/// for the place of the user's own list.
pub(super) fn note(git: &Git, git_dir: &Path, env: &BTreeMap<OsString, OsString>) -> Result<(), WorkspaceError> {
    let left = git.run(&["ls-files", "--others", "--exclude-standard", "--directory", "--no-empty-directory", "-z"])?;
    let paths: Vec<&[u8]> = left.stdout.split(|b| *b == 0).filter(|p| !p.is_empty()).collect();
    let list = list_of(git_dir);
    if paths.is_empty() {
        return forget(git_dir);
    }
    if paths.len() > PATHS_MAX {
        let what = format!("set-up left {} untracked files, more than the limit of {PATHS_MAX}", paths.len());
        return Err(at(git.work_tree().unwrap_or(git_dir))(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    let mut text = users(git, env);
    for path in paths {
        text.extend(pattern(path));
    }
    fs::write(&list, text).map_err(at(&list))
}

/// What the user has git ignore everywhere.
fn users(git: &Git, env: &BTreeMap<OsString, OsString>) -> Vec<u8> {
    let named = git.run_allowing(&["config", "--path", "core.excludesFile"], &[0, 1]).ok().filter(|o| o.code == 0).map(|o| o.text());
    let var = |name: &str| env.get(OsStr::new(name)).filter(|v| !v.is_empty()).map(PathBuf::from);
    let usual = || Some(var("XDG_CONFIG_HOME").or_else(|| Some(var("HOME")?.join(".config")))?.join("git/ignore"));
    let Some(file) = named.map(PathBuf::from).or_else(usual) else { return Vec::new() };
    let small = fs::metadata(&file).is_ok_and(|m| m.is_file() && m.len() <= USERS_BYTES_MAX);
    let mut text = if small { fs::read(&file).unwrap_or_default() } else { Vec::new() };
    if text.last().is_some_and(|b| *b != b'\n') {
        text.push(b'\n');
    }
    text
}

/// A path as a pattern that matches it and nothing else. None can name a line's end: `?` stands for it.
fn pattern(path: &[u8]) -> Vec<u8> {
    let mut out = vec![b'/'];
    for (n, byte) in path.iter().enumerate() {
        match byte {
            b'\n' | b'\r' => out.push(b'?'),
            b'*' | b'?' | b'[' | b'\\' => out.extend([b'\\', *byte]),
            b' ' | b'\t' if n + 1 == path.len() => out.extend([b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_pattern_for_itself() {
        for (path, want) in
            [("a b/", "/a b/\n"), ("#x", "/#x\n"), ("a*[?\\", "/a\\*\\[\\?\\\\\n"), ("end ", "/end\\ \n"), ("a\nb", "/a?b\n")]
        {
            assert_eq!(String::from_utf8_lossy(&pattern(path.as_bytes())), want);
        }
    }

    #[test]
    fn settings_of_the_environment_are_added_to() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut env = BTreeMap::from([("GIT_CONFIG_COUNT".into(), "1".into()), ("GIT_CONFIG_KEY_0".into(), "a.b".into())]);
        let before = env.clone();
        ignore_in(&mut env, dir.path());
        assert_eq!(env, before, "nothing was left");
        fs::write(list_of(dir.path()), "/x\n")?;
        ignore_in(&mut env, dir.path());
        assert_eq!(env[OsStr::new("GIT_CONFIG_COUNT")], "2");
        assert_eq!(env[OsStr::new("GIT_CONFIG_KEY_1")], "core.excludesFile");
        Ok(())
    }
}
