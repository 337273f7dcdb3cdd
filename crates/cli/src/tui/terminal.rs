//! The terminal while a dashboard has it, and giving it back: on every way out, a panic in any thread included.

use std::io::{self, IsTerminal as _, Stdout, StdoutLock, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{execute, queue};
use ratatui::{Frame, Terminal};

/// Somebody has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// There is a terminal to draw on and to read keys from.
#[must_use]
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Standard output while the terminal is taken; afterwards nothing gets through, so that nothing is drawn over what is told then.
pub(super) struct Out(Stdout);

impl Out {
    fn while_taken<T>(&self, otherwise: T, write: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<T>) -> io::Result<T> {
        let mut out = self.0.lock();
        if TAKEN.load(Ordering::SeqCst) { write(&mut out) } else { Ok(otherwise) }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.while_taken(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.while_taken((), |out| out.flush())
    }
}

/// The terminal; given back when dropped.
pub(super) struct Screen {
    pub terminal: Terminal<CrosstermBackend<Out>>,
}

impl Screen {
    /// Takes it.
    ///
    /// # Errors
    /// If it refuses.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            // First the terminal, so that the words can be read. Whoever draws in another thread waits meanwhile, and then has no
            // terminal to draw on any more; in a release build nothing comes after this.
            std::panic::set_hook(Box::new(move |panic| {
                let _nobody_else = io::stdout().lock();
                give_back();
                before(panic);
            }));
        });
        enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(Out(io::stdout()))).inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }

    /// Draws.
    ///
    /// # Errors
    /// If the terminal refuses, or a panic elsewhere has given it back.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture)?;
        if TAKEN.load(Ordering::SeqCst) { Ok(()) } else { Err(io::Error::other("a part of this program has failed")) }
    }

    /// Gives it back while something else has it, then takes it again.
    ///
    /// # Errors
    /// If it refuses.
    pub fn without<T>(&mut self, other: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        let done = other();
        enter()?;
        self.terminal.clear()?;
        Ok(done)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide).inspect_err(|_| give_back())
}

/// Once for each time that it was taken. A terminal that is gone cannot be given back.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        drop(queue!(out, DisableBracketedPaste, LeaveAlternateScreen, Show));
        drop(out.flush());
        drop(disable_raw_mode());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    /// Run by the test below, in a terminal.
    #[test]
    #[ignore = "only in a terminal of its own"]
    fn panics_while_it_has_the_terminal() {
        let mut screen = Screen::take().unwrap();
        let (sender, drawn) = std::sync::mpsc::channel();
        // As the loop does, as often as it can, until it is refused.
        let draws = std::thread::spawn(move || {
            let picture = |f: &mut Frame<'_>| f.render_widget("drawn over everything", f.area());
            while screen.terminal.clear().and_then(|()| screen.draw(picture)).is_ok() {
                let _ = sender.send(());
            }
        });
        drawn.recv().unwrap();
        // In another thread: the hook is everybody's.
        drop(std::thread::spawn(|| panic!("on purpose")).join());
        draws.join().unwrap();
        std::process::abort();
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_says_a_word_and_nobody_draws_over_it() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("t");
        let tmux = |args: &[&str]| {
            let done = Command::new("tmux").arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(args).output().unwrap();
            String::from_utf8_lossy(&done.stdout).into_owned()
        };
        let me = std::env::current_exe().unwrap();
        let name = "tui::terminal::tests::panics_while_it_has_the_terminal";
        // The more is said the longer it takes.
        let line = format!(
            "RUST_BACKTRACE=full {} --ignored --exact {name} --nocapture; stty -a | grep -o \" -*icanon\"; sleep 100",
            me.display()
        );
        tmux(&["new-session", "-d", "-x", "150", "-y", "50", &format!("sh -c '{line}'")]);
        let (began, mut shown) = (Instant::now(), String::new());
        while !shown.contains("icanon") && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(50));
            shown = tmux(&["capture-pane", "-p", "-S", "-"]);
        }
        let flags = tmux(&["display", "-p", "#{alternate_on} #{cursor_flag}"]);
        tmux(&["kill-server"]);
        assert!(shown.contains("on purpose") && shown.contains(" icanon") && !shown.contains("-icanon"), "{shown}");
        assert!(!shown.contains("drawn over"), "that was on the other screen: {shown}");
        assert_eq!(flags.trim(), "0 1", "the usual screen, with its cursor");
    }
}
