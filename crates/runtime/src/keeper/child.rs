//! Starts the agent's process. Knows nothing of what becomes of it.

use std::fs::{self, File};
use std::io::{self, PipeReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Pid;

use super::spec::Spec;

/// The name of the variable that marks every process of an attempt.
pub(super) const LABEL_VARIABLE: &str = "GREENLANE_ATTEMPT";

/// A started agent. It is reaped by the keeper's loop, with everything else that becomes a child of the keeper.
pub(super) struct Started {
    pub(super) pid: Pid,
    pub(super) stdout: PipeReader,
    pub(super) stderr: PipeReader,
}

/// Starts the agent in a process group of its own, in its directory, with the keeper's own environment.
///
/// # Errors
/// Words for the user: why it did not start.
pub(super) fn start(spec: &Spec, dir: &Path) -> Result<Started, String> {
    let (program, arguments) = spec.argv.split_first().ok_or("there is no command to run")?;
    let client = client_of(spec, dir);
    let (program, arguments) = client.as_deref().and_then(<[String]>::split_first).unwrap_or((program, arguments));
    let plumbing = |e: io::Error| format!("cannot prepare the process: {e}");
    let (stdout, stdout_end) = io::pipe().map_err(plumbing)?;
    let (stderr, stderr_end) = io::pipe().map_err(plumbing)?;
    let stdin = match &spec.stdin {
        Some(text) => Stdio::from(file_with(text, dir).map_err(plumbing)?),
        None => Stdio::null(),
    };
    let mut command = Command::new(program);
    if client.is_some() {
        // Else a list of processes shows the link by which it is started.
        command.arg0("greenlane");
    }
    command.args(arguments).current_dir(&spec.cwd).process_group(0).stdin(stdin).stdout(stdout_end).stderr(stderr_end);
    if std::env::var_os(LABEL_VARIABLE).is_none_or(|label| label != *spec.label) {
        command.env(LABEL_VARIABLE, &spec.label);
    }
    match command.spawn() {
        // The command is dropped here, and with it our copies of the ends that the agent writes to: its end is ours to see.
        Ok(child) => Ok(Started { pid: Pid::from_child(&child), stdout, stderr }),
        Err(_) if !spec.cwd.is_dir() => Err(format!("the directory {} does not exist", spec.cwd.display())),
        Err(e) if e.kind() == io::ErrorKind::NotFound && !program.contains('/') => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            Err(format!("cannot run `{program}`: no folder of the attempt's PATH has it, which is `{}`", path.to_string_lossy()))
        }
        Err(e) => Err(format!("cannot run `{program}`: {e}")),
    }
}

/// The command line of the client that talks to an agent which has to be talked to.
fn client_of(spec: &Spec, dir: &Path) -> Option<Vec<String>> {
    spec.acp.as_ref()?;
    // The very program that runs here, also where its file was replaced meanwhile.
    let linked = Path::new("/proc/self/exe");
    let exe = if linked.exists() { linked.to_owned() } else { std::env::current_exe().ok()? };
    Some(vec![exe.display().to_string(), crate::acp::HIDDEN_VERB.to_owned(), dir.display().to_string()])
}

/// An open file without a name that holds the text: unlike a pipe it needs nobody to feed it.
fn file_with(text: &str, dir: &Path) -> io::Result<File> {
    let path = dir.join("stdin");
    fs::write(&path, text)?;
    let file = File::open(&path);
    fs::remove_file(&path)?;
    file
}
