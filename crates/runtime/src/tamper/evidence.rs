//! What an attempt's git processes wrote down about themselves: command line, repository, beginning and end.
//! Git does that by itself where `GIT_TRACE2_EVENT` names a folder; nothing of its behaviour changes. Judges nothing.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The most processes of one attempt that are written down; git stops by itself then.
const PROCESSES_MAX: usize = 4096;

/// How much of one process's words is read: 1 MiB.
const BYTES_MAX: u64 = 1 << 20;

/// How much of a command line is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// One git process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The subcommand: `branch`.
    pub name: String,
    /// What comes after it.
    pub args: Vec<String>,
    /// The whole command line, for people.
    pub shown: String,
    /// The checkout that it worked in.
    pub worktree: Option<PathBuf>,
    /// Microseconds since 1970.
    pub start: i64,
    pub end: i64,
    /// `None`: it was killed, or handed over to another program.
    pub code: Option<i32>,
}

/// The variables that make git write into this folder, which must exist: where there is none, git would make a file of that name.
pub(super) fn variables(dir: &Path) -> [(OsString, OsString); 3] {
    [
        ("GIT_TRACE2_EVENT".into(), dir.as_os_str().to_owned()),
        ("GIT_TRACE2_MAX_FILES".into(), PROCESSES_MAX.to_string().into()),
        // Regions inside of commands are of no interest here.
        ("GIT_TRACE2_EVENT_NESTING".into(), "1".into()),
    ]
}

/// All processes, in the order in which they began.
pub(super) fn read(dir: &Path) -> Vec<Call> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().take(PROCESSES_MAX + 1);
    let mut calls: Vec<Call> = entries.filter_map(|e| read_one(&e.path())).collect();
    calls.sort_by_key(|c| c.start);
    calls
}

fn read_one(path: &Path) -> Option<Call> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    parse(&String::from_utf8_lossy(&bytes))
}

#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    argv: Vec<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    worktree: Option<PathBuf>,
    #[serde(default)]
    code: Option<i32>,
}

fn parse(text: &str) -> Option<Call> {
    let (mut argv, mut name, mut worktree, mut code) = (Vec::new(), None, None, None);
    let (mut start, mut end) = (None, None);
    for line in text.lines().filter_map(|l| serde_json::from_str::<Line>(l).ok()) {
        let at = line.time.and_then(|t| t.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_microsecond);
        start = start.or(at);
        end = at.or(end);
        match line.event.as_str() {
            "start" => argv = line.argv,
            "cmd_name" => name = line.name,
            // The first is the one that it was started in; others are submodules.
            "def_repo" if worktree.is_none() => worktree = line.worktree,
            "exit" => code = line.code,
            _ => {}
        }
    }
    let name = name?;
    let at = subcommand(&argv).filter(|at| argv[*at] == name)?;
    let mut shown = argv[at..].iter().fold(String::from("git"), |all, word| all + " " + word);
    if shown.chars().count() > SHOWN_CHARS_MAX {
        shown = shown.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect();
    }
    Some(Call { name, args: argv[at + 1..].to_vec(), shown, worktree, start: start?, end: end?, code })
}

/// Where the subcommand stands, after git's own options.
fn subcommand(argv: &[String]) -> Option<usize> {
    const WITH_VALUE: &[&str] = &["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env", "--attr-source"];
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        match word.as_str() {
            option if WITH_VALUE.contains(&option) => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_own_words() {
        let text = r#"{"event":"version","sid":"s","thread":"main","time":"2026-01-02T03:04:05.000001Z","exe":"2.47.3"}
{"event":"start","sid":"s","time":"2026-01-02T03:04:05.000002Z","argv":["git","-C","/x","-c","a=b","branch","-f","main","HEAD~1"]}
{"event":"def_repo","sid":"s","time":"2026-01-02T03:04:05.000003Z","repo":1,"worktree":"/w"}
{"event":"cmd_name","sid":"s","time":"2026-01-02T03:04:05.000004Z","name":"branch","hierarchy":"branch"}
not json
{"event":"exit","sid":"s","time":"2026-01-02T03:04:05.000007Z","code":0}"#;
        let call = parse(text).expect("a call");
        assert_eq!((call.name.as_str(), call.args.join(" ").as_str()), ("branch", "-f main HEAD~1"));
        assert_eq!(call.shown, "git branch -f main HEAD~1");
        assert_eq!((call.worktree, call.end - call.start, call.code), (Some("/w".into()), 6, Some(0)));
        // An alias is not what moved anything: its child is, which writes for itself.
        assert_eq!(parse(&text.replace("\"name\":\"branch\"", "\"name\":\"_run_git_alias_\"")), None);
        assert_eq!(parse(""), None);
    }
}
