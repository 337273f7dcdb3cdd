//! One view as all pages see it that show it: rendered once for each change, however many pages are open, and what is new in it told to
//! all of them. Knows nothing of HTTP, nor of what the view shows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use super::outlet::event;
use super::pieces::{Patch, Pieces};
use super::view::Address;
use crate::board::Board;

/// Changes that are kept for pages which lag behind; who has missed more is shown everything anew.
const HISTORY: usize = 32;

/// A view, as it is now.
pub struct Screen {
    /// Which.
    pub address: Address,
    shown: Mutex<Shown>,
    news: watch::Sender<u64>,
    driven: AtomicBool,
}

#[derive(Default)]
struct Shown {
    board: Option<Arc<Board>>,
    pieces: Pieces,
    version: u64,
    changes: VecDeque<(u64, Bytes)>,
}

/// A patch, as it goes to a page.
#[derive(Serialize)]
struct Told<'a> {
    version: u64,
    #[serde(flatten)]
    patch: Patch<'a>,
}

impl Screen {
    /// Nothing is rendered yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, shown: Mutex::default(), news: watch::Sender::new(0), driven: AtomicBool::new(false) }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // A rendering that panicked has changed nothing.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renders the board, unless that was done, and tells what is new. Gives the bytes of that: what each page is sent.
    pub fn show(&self, board: &Arc<Board>, render: impl FnOnce(&Board) -> Pieces) -> usize {
        let mut shown = self.shown();
        if shown.board.as_ref().is_some_and(|b| Arc::ptr_eq(b, board)) {
            return 0;
        }
        let pieces = render(board);
        let next = shown.version + 1;
        let message = match pieces.patch_from(&shown.pieces) {
            Some(patch) if patch.is_empty() && shown.version > 0 => None,
            Some(patch) if shown.version > 0 => Some(event("patch", &Told { version: next, patch })),
            _ => Some(anew()),
        };
        shown.board = Some(board.clone());
        let told = message.as_ref().map_or(0, Bytes::len);
        if let Some(message) = message {
            shown.pieces = pieces;
            shown.version = next;
            shown.changes.push_back((next, message));
            if shown.changes.len() > HISTORY {
                shown.changes.pop_front();
            }
            self.news.send_replace(next);
        }
        told
    }

    /// All of it, and which version that is.
    #[must_use]
    pub fn page(&self) -> (String, u64) {
        let shown = self.shown();
        (shown.pieces.html(), shown.version)
    }

    /// What came after this version; the version afterwards.
    #[must_use]
    pub fn since(&self, version: u64) -> (Vec<Bytes>, u64) {
        let shown = self.shown();
        // Of another server, or too old.
        let all_there = version == shown.version || shown.changes.front().is_some_and(|(first, _)| *first <= version.saturating_add(1));
        if version > shown.version || !all_there {
            return (vec![anew()], shown.version);
        }
        (shown.changes.iter().filter(|(of, _)| *of > version).map(|(_, m)| m.clone()).collect(), shown.version)
    }

    /// Tells of each new version.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Somebody follows.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.news.receiver_count() > 0
    }

    /// Whether somebody renders it whenever the board changes; from now on, or no longer. Gives what was so before.
    pub fn set_driven(&self, driven: bool) -> bool {
        self.driven.swap(driven, Ordering::SeqCst)
    }
}

/// The page is to be fetched again.
#[must_use]
pub fn anew() -> Bytes {
    event("anew", &())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::view::View;

    fn screen() -> Screen {
        Screen::new(Address { place: 0, run: None, view: View::Health })
    }

    fn show(screen: &Screen, text: &str) {
        screen.show(&Arc::new(Board::default()), |_| {
            let mut pieces = Pieces::default();
            pieces.part("a", text);
            pieces
        });
    }

    fn texts(messages: &[Bytes]) -> Vec<String> {
        messages.iter().map(|m| String::from_utf8_lossy(m).into_owned()).collect()
    }

    #[test]
    fn what_is_new_is_told_once_to_each() {
        let screen = screen();
        show(&screen, "one");
        let (html, version) = screen.page();
        assert_eq!(html, "one");
        assert!(screen.since(version).0.is_empty());
        show(&screen, "one");
        assert_eq!(screen.page().1, version, "nothing is new");
        show(&screen, "two");
        let (messages, now) = screen.since(version);
        let expected = format!(
            "event: patch\ndata: {{\"version\":{now},\"set\":[{{\"id\":\"a\",\"in\":\"\",\"after\":\"\",\"html\":\"two\"}}],\"gone\":[]}}\n\n"
        );
        assert_eq!(texts(&messages), [expected]);
        assert!(screen.since(now).0.is_empty());
    }

    #[test]
    fn a_board_is_rendered_once() {
        let (screen, board) = (screen(), Arc::new(Board::default()));
        screen.show(&board, |_| Pieces::default());
        screen.show(&board, |_| unreachable!("it was rendered already"));
    }

    #[test]
    fn who_has_missed_too_much_or_knows_another_server_starts_anew() {
        let screen = screen();
        show(&screen, "0");
        let first = screen.page().1;
        (1..=HISTORY + 3).for_each(|i| show(&screen, &i.to_string()));
        assert_eq!(texts(&screen.since(first).0), ["event: anew\ndata: null\n\n"]);
        assert_eq!(texts(&screen.since(u64::MAX).0), ["event: anew\ndata: null\n\n"]);
    }
}
