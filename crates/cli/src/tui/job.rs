//! Another program that has the terminal for a while: an editor. It is a job of its own, as one of a shell is: what is pressed in it
//! (Ctrl-C, Ctrl-Z) is meant for it, and reaches neither the dashboard nor the run below. Draws nothing; the screen is given back before.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, Signal as Masked};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpgrp, kill_process, kill_process_group, waitpid};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::low_level::emulate_default_handler;

use super::wake::{Wake, Waker};

/// How long a program that is told to end may take to leave the terminal as it was.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How it came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// In words.
    Badly(String),
    /// The dashboard is to go, by this signal; so was the program.
    Signal(i32),
}

/// Runs it to its end. Stands still while it does, and goes on with it.
///
/// # Errors
/// If it cannot be started.
pub(super) fn run(mut command: Command, wake: &mut Wake) -> io::Result<Ended> {
    let own = getpgrp();
    // Where somebody else has the terminal it is not ours to give.
    let is_ours = tcgetpgrp(io::stdin()).is_ok_and(|group| group == own);
    if is_ours {
        command.process_group(0);
    }
    let pid = Pid::from_child(&command.spawn()?);
    let tell = |signal| if is_ours { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
    let hand_over = || {
        if is_ours {
            give_to(pid);
            // It may have looked at the terminal before it was its own.
            let _ = tell(Signal::CONT);
        }
    };
    hand_over();
    let (sender, receiver) = channel();
    let waker = wake.waker();
    if let Err(e) = std::thread::Builder::new().name("job".into()).spawn(move || watch(pid, &sender, &waker)) {
        let _ = tell(Signal::KILL);
        return Err(e);
    }
    let ended = loop {
        match receiver.try_recv() {
            Ok(status) if status.stopped() => {
                stand_still(is_ours.then_some(own))?;
                hand_over();
            }
            Ok(status) => break words(status),
            Err(TryRecvError::Disconnected) => break Ended::Well,
            // Pressed before it had the terminal: it was meant all the same.
            Err(TryRecvError::Empty) if wake.came(SIGTSTP) => {
                let _ = tell(Signal::TSTP);
            }
            Err(TryRecvError::Empty) => match [SIGTERM, SIGHUP].into_iter().find(|s| wake.came(*s)) {
                Some(signal) => {
                    let _ = tell(Signal::TERM).and(tell(Signal::CONT));
                    let_go(&receiver);
                    break Ended::Signal(signal);
                }
                None => wake.wait_aside(),
            },
        }
    };
    if is_ours {
        give_to(own);
    }
    // Of a terminal that was not ours to give, Ctrl-C came here as well.
    wake.came(SIGINT);
    Ok(ended)
}

/// Tells of each stop and of the end.
fn watch(pid: Pid, sender: &Sender<WaitStatus>, waker: &Waker) {
    loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => {
                let heard = sender.send(status).is_ok();
                waker.wake();
                if !heard || !status.stopped() {
                    return;
                }
            }
            Err(Errno::INTR) => {}
            Ok(None) | Err(_) => return waker.wake(),
        }
    }
}

/// As a shell expects of all of a job when a part of it is suspended: until it is brought to the foreground again.
fn stand_still(own: Option<Pid>) -> io::Result<()> {
    if let Some(own) = own {
        give_to(own);
    }
    loop {
        emulate_default_handler(SIGTSTP)?;
        if own.is_none_or(|own| tcgetpgrp(io::stdin()).is_ok_and(|group| group == own)) {
            return Ok(());
        }
    }
}

fn let_go(receiver: &Receiver<WaitStatus>) {
    while receiver.recv_timeout(LAST_WORDS).is_ok_and(|status| status.stopped()) {}
}

/// Gives the terminal to a process group, also from the background: without the signal that stops who tries.
fn give_to(group: Pid) {
    let mut mask = SigSet::empty();
    mask.add(Masked::SIGTTOU);
    let before = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    // A group that is gone needs no terminal.
    let _ = tcsetpgrp(io::stdin(), group);
    let _ = before.and_then(|before| before.thread_set_mask());
}

fn words(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => Ended::Well,
        (Some(code), _) => Ended::Badly(format!("ended with exit code {code}")),
        (None, Some(signal)) => Ended::Badly(format!("was ended by signal {signal}")),
        (None, None) => Ended::Well,
    }
}
