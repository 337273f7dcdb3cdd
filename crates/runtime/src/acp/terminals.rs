//! `terminal/*`: commands that the agent has run for it, in the worktree and in its own process tree.
//!
//! Each is a process group of its own, so that killing one kills what it started. Their output is kept up to a limit, the newest of it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Value, json};

use super::place::Place;
use super::wire::{Code, Heard, Refusal};

/// Terminals that are not released: so many at once.
const TERMINALS_MAX: usize = 32;
/// Output that is kept where the agent names no limit, and the most that it can name: 1 and 4 MiB.
const OUTPUT_BYTES_DEFAULT: usize = 1024 * 1024;
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// After a command's end its output is waited for so long: a process that it left may hold it open for ever.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(300);

/// All terminals of a conversation.
pub(super) struct Terminals {
    place: Place,
    heard: SyncSender<Heard>,
    all: BTreeMap<u64, Terminal>,
    last: u64,
}

struct Terminal {
    group: Pid,
    output: Arc<Mutex<Output>>,
    ended: Arc<Mutex<Option<ExitStatus>>>,
    /// Requests that wait for its end.
    waiting: Vec<Value>,
}

/// The newest bytes.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Output {
    fn push(&mut self, more: &[u8]) {
        self.truncated |= more.len() > self.limit;
        let more = &more[more.len().saturating_sub(self.limit)..];
        self.bytes.extend_from_slice(more);
        // Shifted down only now and then.
        if self.bytes.len() > self.limit + self.limit / 2 + 64 {
            self.truncated = true;
            self.bytes.drain(..self.bytes.len() - self.limit);
        }
    }

    /// What is kept, from a whole character on; and whether that is not all.
    fn text(&self) -> (String, bool) {
        let mut bytes = &self.bytes[self.bytes.len().saturating_sub(self.limit)..];
        let truncated = self.truncated || bytes.len() < self.bytes.len();
        if truncated {
            while bytes.first().is_some_and(|b| b & 0b1100_0000 == 0b1000_0000) {
                bytes = &bytes[1..];
            }
        }
        (String::from_utf8_lossy(bytes).into_owned(), truncated)
    }
}

impl Terminals {
    /// Whoever listens hears of each end.
    pub(super) fn new(place: Place, heard: SyncSender<Heard>) -> Self {
        Self { place, heard, all: BTreeMap::new(), last: 0 }
    }

    /// `terminal/create`
    pub(super) fn create(&mut self, params: &Value) -> Result<Value, Refusal> {
        if self.all.len() >= TERMINALS_MAX {
            return Err(Refusal::new(Code::Params, format!("there are {TERMINALS_MAX} terminals already: release one")));
        }
        let mut command = command_of(params)?;
        let folder = match params["cwd"].as_str().filter(|dir| !dir.is_empty()) {
            Some(dir) => self.place.inside(Path::new(dir))?,
            None => self.place.root().to_owned(),
        };
        for variable in params["env"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str())
                && is_variable(name)
                && !value.contains('\0')
            {
                command.env(name, value);
            }
        }
        let cannot = |e: io::Error| Refusal::new(Code::Internal, format!("cannot run {:?}: {e}", command_name(params)));
        let (output_end, output) = io::pipe().map_err(cannot)?;
        let errors = output.try_clone().map_err(cannot)?;
        command.current_dir(folder).process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
        let spawned = command.spawn().map_err(cannot);
        // With it our copies of the pipe's ends are gone.
        drop(command);
        let mut child = spawned?;
        let limit = params["outputByteLimit"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(OUTPUT_BYTES_DEFAULT);
        let output = Arc::new(Mutex::new(Output { limit: limit.min(OUTPUT_BYTES_MAX), ..Output::default() }));
        let ended = Arc::new(Mutex::new(None));
        self.last += 1;
        let (id, group) = (self.last, Pid::from_child(&child));
        let drained = gather(output_end, Arc::clone(&output));
        let (heard, told) = (self.heard.clone(), Arc::clone(&ended));
        thread::spawn(move || {
            // It stays a zombie until its end is known here: as long as nothing is known its group cannot be another's.
            let _ = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = drained.recv_timeout(OUTPUT_PATIENCE);
            {
                let mut ended = lock(&told);
                *ended = Some(child.wait().unwrap_or_else(|_| ExitStatus::from_raw(127 << 8)));
            }
            drop(heard.send(Heard::TerminalEnded(id)));
        });
        self.all.insert(id, Terminal { group, output, ended, waiting: Vec::new() });
        Ok(json!({"terminalId": name_of(id)}))
    }

    /// `terminal/output`
    pub(super) fn output(&self, params: &Value) -> Result<Value, Refusal> {
        let terminal = self.get(params)?.1;
        let (text, truncated) = lock(&terminal.output).text();
        let status = lock(&terminal.ended).map_or(Value::Null, status_of);
        Ok(json!({"output": text, "truncated": truncated, "exitStatus": status}))
    }

    /// `terminal/wait_for_exit`; `None`: the answer to this request comes with its end.
    pub(super) fn wait(&mut self, params: &Value, request: &Value) -> Option<Result<Value, Refusal>> {
        let id = match self.get(params) {
            Ok((id, terminal)) => match *lock(&terminal.ended) {
                Some(status) => return Some(Ok(status_of(status))),
                None => id,
            },
            Err(refusal) => return Some(Err(refusal)),
        };
        self.all.get_mut(&id)?.waiting.push(request.clone());
        None
    }

    /// `terminal/kill`
    pub(super) fn kill(&self, params: &Value) -> Result<Value, Refusal> {
        self.get(params)?.1.kill();
        Ok(json!({}))
    }

    /// `terminal/release`: what still runs is killed.
    pub(super) fn release(&mut self, params: &Value) -> Result<Value, Refusal> {
        let id = self.get(params)?.0;
        if let Some(terminal) = self.all.remove(&id) {
            terminal.kill();
        }
        Ok(json!({}))
    }

    /// Kills all that still run.
    pub(super) fn kill_all(&self) {
        self.all.values().for_each(Terminal::kill);
    }

    /// The requests that waited for this terminal's end, and the answer to them.
    pub(super) fn ended(&mut self, id: u64) -> Option<(Vec<Value>, Value)> {
        let terminal = self.all.get_mut(&id)?;
        let status = (*lock(&terminal.ended))?;
        Some((std::mem::take(&mut terminal.waiting), status_of(status)))
    }

    fn get(&self, params: &Value) -> Result<(u64, &Terminal), Refusal> {
        let name = params["terminalId"].as_str().unwrap_or_default();
        let found = name.strip_prefix("terminal-").and_then(|n| n.parse().ok()).and_then(|id| Some((id, self.all.get(&id)?)));
        found.ok_or_else(|| Refusal::new(Code::Params, format!("there is no terminal {name:?}")))
    }
}

impl Terminal {
    fn kill(&self) {
        let ended = lock(&self.ended);
        if ended.is_none() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

fn name_of(id: u64) -> String {
    format!("terminal-{id}")
}

fn command_name(params: &Value) -> &str {
    params["command"].as_str().unwrap_or_default()
}

/// A program with its arguments; a whole line of shell where there are no arguments and it looks like one, as some agents send it.
fn command_of(params: &Value) -> Result<Command, Refusal> {
    let name = command_name(params);
    let args: Vec<&str> = params["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if name.is_empty() || name.contains('\0') || args.iter().any(|a| a.contains('\0')) {
        return Err(Refusal::new(Code::Params, "there is no `command`"));
    }
    let is_line = args.is_empty() && name.contains(|c: char| c.is_whitespace() || "|&;<>()$`\"'*?~#={}[]".contains(c));
    let mut command = Command::new(if is_line { "sh" } else { name });
    if is_line {
        command.args(["-c", name]);
    }
    command.args(args);
    Ok(command)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !name.starts_with("GREENLANE_")
}

/// As a shell tells it: the code, or the signal.
fn status_of(status: ExitStatus) -> Value {
    json!({"exitCode": status.code(), "signal": status.signal().map(|n| n.to_string())})
}

/// Gathers all that the pipe gives; whoever listens hears of its end.
fn gather(mut pipe: impl Read + Send + 'static, output: Arc<Mutex<Output>>) -> mpsc::Receiver<()> {
    let (done, drained) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => lock(&output).push(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = done.send(());
    });
    drained
}

/// What another thread left in the middle is data all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;

    fn terminals() -> (tempfile::TempDir, Terminals, Receiver<Heard>) {
        let dir = tempfile::tempdir().unwrap();
        let (heard, hear) = mpsc::sync_channel(8);
        let terminals = Terminals::new(Place::new(dir.path()).unwrap(), heard);
        (dir, terminals, hear)
    }

    #[test]
    fn a_command_runs_in_the_worktree_and_its_end_is_told_to_who_waits() {
        let (dir, mut all, hear) = terminals();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let env = json!([{"name": "WORD", "value": "hi"}, {"name": "GREENLANE_ATTEMPT", "value": "x"}]);
        let made = all.create(
            &json!({"command": "sh", "args": ["-c", "echo $WORD$GREENLANE_ATTEMPT; pwd; echo no >&2; exit 3"], "env": env, "cwd": "sub"}),
        );
        let id = made.unwrap();
        let answer = match all.wait(&id, &json!(9)) {
            Some(answer) => answer.unwrap(),
            None => {
                assert!(matches!(hear.recv().unwrap(), Heard::TerminalEnded(1)));
                let (waiting, answer) = all.ended(1).unwrap();
                assert_eq!(waiting, [json!(9)]);
                answer
            }
        };
        assert_eq!(answer, json!({"exitCode": 3, "signal": null}));
        let output = all.output(&id).unwrap();
        let folder = dir.path().canonicalize().unwrap().join("sub");
        assert_eq!(output["output"], format!("hi\n{}\nno\n", folder.display()));
        assert_eq!((&output["truncated"], &output["exitStatus"]["exitCode"]), (&json!(false), &json!(3)));
        all.release(&id).unwrap();
        assert!(all.output(&id).is_err(), "released");
    }

    #[test]
    fn a_line_of_shell_is_one_and_the_newest_output_is_kept() {
        let (_dir, mut all, hear) = terminals();
        let id = all.create(&json!({"command": "printf 'üüüüü'; printf 'äbc'", "outputByteLimit": 5})).unwrap();
        assert!(matches!(hear.recv().unwrap(), Heard::TerminalEnded(_)));
        let output = all.output(&id).unwrap();
        assert_eq!((&output["output"], &output["truncated"]), (&json!("äbc"), &json!(true)));
        let mut output = Output { limit: 100, ..Output::default() };
        (0..1_000).for_each(|_| output.push(b"0123456789"));
        assert!(output.bytes.len() < 300 && output.text() == ("0123456789".repeat(10), true));
    }

    #[test]
    fn what_runs_on_is_killed_with_all_that_it_started() {
        let (_dir, mut all, hear) = terminals();
        // The sleep holds the output open: it has to be killed too, else its end would not be waited for.
        let id = all.create(&json!({"command": "sleep 600 & echo $!; wait"})).unwrap();
        while all.output(&id).unwrap()["output"] == "" {
            thread::yield_now();
        }
        assert!(all.wait(&id, &json!(1)).is_none());
        all.kill(&id).unwrap();
        assert!(matches!(hear.recv().unwrap(), Heard::TerminalEnded(1)));
        assert_eq!(all.ended(1).unwrap().1, json!({"exitCode": null, "signal": "9"}));
        let sleeper: i32 = all.output(&id).unwrap()["output"].as_str().unwrap().trim().parse().unwrap();
        let is_gone = || rustix::process::test_kill_process(Pid::from_raw(sleeper).unwrap()).is_err() || is_zombie(sleeper);
        while !is_gone() {
            thread::yield_now();
        }
    }

    fn is_zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| s.contains(") Z "))
    }

    #[test]
    fn folders_elsewhere_nonsense_and_too_many_are_refused() {
        let (_dir, mut all, _hear) = terminals();
        for (params, outside) in [
            (json!({"command": "ls", "cwd": "/etc"}), true),
            (json!({"command": "ls", "cwd": ".."}), true),
            (json!({}), false),
            (json!({"command": "no-such-program-of-ours"}), false),
        ] {
            assert_eq!(all.create(&params).unwrap_err().outside, outside, "{params}");
        }
        assert!(all.output(&json!({"terminalId": "terminal-1"})).is_err());
        for _ in 0..TERMINALS_MAX {
            all.create(&json!({"command": "true"})).unwrap();
        }
        assert!(all.create(&json!({"command": "true"})).unwrap_err().message.contains("release one"));
    }
}
