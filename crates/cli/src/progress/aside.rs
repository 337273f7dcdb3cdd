//! A display on a thread of its own: a terminal that is held (Ctrl-S) or a pipe that nobody reads holds up what is shown, never the run.
//!
//! Approach: the driver's records are handed on through a channel; the thread replays them in a state of its own, as any follower
//! does. What waits there is bounded by the run's own length. Knows nothing of what is drawn.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use greenlane_core::state::State;
use greenlane_runtime::clock::Steady;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;

enum Told {
    /// The first records, with the state after them.
    First(Box<State>, Vec<Record>),
    Records(Vec<Record>),
    Warning(String),
    Detach,
}

/// What the driver sees of a display.
pub struct Aside {
    sender: Option<Sender<Told>>,
    over: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    has_begun: bool,
}

impl Aside {
    /// Makes the display on its own thread, and shows there what is handed in.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub fn start(display: impl FnOnce() -> Box<dyn Observer> + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let (ending, over) = channel();
        let thread = std::thread::Builder::new().name("display".into()).spawn(move || {
            show(&mut *display(), &receiver);
            // Nobody waits for it any more where the patience was over before.
            let _ = ending.send(());
        })?;
        Ok(Self { sender: Some(sender), over, thread: Some(thread), has_begun: false })
    }

    /// Waits until everything is shown, for at most `patience` (`None`: as long as it takes). `false`: not everything is.
    pub fn finish(&mut self, patience: Option<Duration>) -> bool {
        self.sender = None;
        if patience.is_some_and(|patience| self.over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout)) {
            return false;
        }
        self.thread.take().is_none_or(|thread| thread.join().is_ok())
    }

    fn tell(&self, told: Told) {
        // A display that is gone shows nothing; the run goes on.
        drop(self.sender.as_ref().map(|sender| sender.send(told)));
    }
}

impl Observer for Aside {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        if self.has_begun {
            self.tell(Told::Records(records.to_vec()));
        } else {
            self.has_begun = true;
            self.tell(Told::First(Box::new(state.clone()), records.to_vec()));
        }
    }

    fn warn(&mut self, text: &str) {
        self.tell(Told::Warning(text.to_owned()));
    }

    fn detach(&mut self) {
        self.tell(Told::Detach);
    }
}

fn show(display: &mut dyn Observer, receiver: &Receiver<Told>) {
    let (mut state, mut clock) = (State::default(), Steady::new());
    let mut has_begun = false;
    loop {
        let told = match display.tick_interval() {
            Some(interval) if has_begun => receiver.recv_timeout(interval),
            _ => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match told {
            Ok(Told::First(after, records)) => {
                (state, has_begun) = (*after, true);
                display.journalled(&state, &records);
            }
            Ok(Told::Records(records)) => {
                if let Err(e) = records.iter().try_for_each(|r| state.apply(r.at, &r.event)) {
                    display.warn(&format!("nothing more is shown: {e}"));
                    return;
                }
                display.journalled(&state, &records);
            }
            Ok(Told::Warning(text)) => display.warn(&text),
            Ok(Told::Detach) => display.detach(),
            Err(RecvTimeoutError::Timeout) => display.tick(&state, clock.now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_core::event::Event;
    use greenlane_core::ids::RunId;
    use greenlane_core::time::Time;

    /// Draws nothing before it is let, like a terminal that is held; then says what it has seen.
    struct Held {
        let_go: Receiver<()>,
        seen: Sender<(u64, bool)>,
    }

    impl Observer for Held {
        fn journalled(&mut self, state: &State, records: &[Record]) {
            let _ = self.let_go.recv();
            for record in records {
                self.seen.send((record.seq, state.paused)).unwrap();
            }
        }
        fn warn(&mut self, _: &str) {}
    }

    #[test]
    fn a_display_that_is_held_up_holds_nothing_up_and_shows_everything_later() {
        let (go, let_go) = channel();
        let (seen, shown) = channel();
        let mut aside = Aside::start(move || Box::new(Held { let_go, seen })).unwrap();
        let mut state = State::default();
        for (seq, event) in (1..).zip([Event::RunStarted { options: Box::default() }, Event::RunPaused, Event::RunUnpaused]) {
            state.apply(Time(seq), &event).unwrap();
            aside.journalled(&state, &[Record { seq, run: RunId::from("r"), at: Time(seq), event }]);
        }
        assert!(!aside.finish(Some(Duration::from_millis(1))), "nothing is shown yet");
        drop(go);
        assert!(aside.finish(None));
        assert_eq!(shown.iter().collect::<Vec<_>>(), [(1, false), (2, true), (3, false)]);
    }
}
