//! What the server knows: its door, its repositories with their present boards, the views that somebody looks at. Renders nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Bytes;
use tokio::sync::{Semaphore, mpsc, watch};

use super::guard::Door;
use super::outlet::{Outlet, STILL_HERE, event};
use super::pages;
use super::place::Place;
use super::screen::Screen;
use super::view::{Address, View};
use crate::error::Error;

/// Open streams at once, of all browsers.
const STREAMS_MAX: usize = 512;
/// Views that are kept rendered; nobody looks at more at a time, and who looks for text has one for each.
const SCREENS_MAX: usize = 256;
/// Messages that wait for a page which does not read; it is told to start anew later.
const WAITING_MAX: usize = 8;
/// Views change no oftener than this: a person sees no difference, and a thousand tasks end one by one.
const PACE: Duration = Duration::from_millis(400);
/// After a large change the next one waits: no page is sent more than this, a second, for long, ...
const BYTES_A_SECOND: usize = 32 * 1024;
/// ... but nothing waits longer.
const PACE_MAX: Duration = Duration::from_secs(3);
/// How often an open stream is written to without news: so that both ends notice that the other is gone.
const STILL_HERE_EVERY: Duration = Duration::from_secs(15);
/// Words after an action that wait to be read.
const WORDS_MAX: usize = 64;

/// See the module.
pub struct Site {
    /// Who may come in.
    pub door: Door,
    /// The repositories.
    pub places: Vec<Place>,
    /// A number in every version that tells this server from an earlier one at the same address.
    pub instance: String,
    screens: Mutex<HashMap<Address, Arc<Screen>>>,
    streams: Arc<Semaphore>,
    words: Mutex<VecDeque<(u64, String)>>,
    /// The server is about to end.
    ending: watch::Sender<bool>,
}

impl Site {
    /// Of these repositories.
    #[must_use]
    pub fn new(door: Door, places: Vec<Place>, instance: String) -> Self {
        Self {
            door,
            places,
            instance,
            screens: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            words: Mutex::default(),
            ending: watch::Sender::new(false),
        }
    }

    /// The repository with this name in addresses.
    #[must_use]
    pub fn place(&self, slug: &str) -> Option<(usize, &Place)> {
        self.places.iter().enumerate().find(|(_, p)| p.slug == slug)
    }

    /// The view, rendered as of now, and its version. Blocks: it may read files.
    ///
    /// # Errors
    /// If there is no such run.
    pub fn look(&self, address: &Address) -> Result<(String, String), Error> {
        let place = &self.places[address.place];
        let board = place.board(address.run.as_deref())?;
        let screen = self.screen(address);
        screen.show(&board, |board| pages::render(self, address, board));
        let (html, version) = screen.page();
        Ok((html, format!("{}-{version}", self.instance)))
    }

    /// The view's screen; one that nobody keeps where there are too many.
    fn screen(&self, address: &Address) -> Arc<Screen> {
        let mut screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(screen) = screens.get(address) {
            return screen.clone();
        }
        if screens.len() >= SCREENS_MAX {
            screens.retain(|_, screen| screen.is_watched());
        }
        let screen = Arc::new(Screen::new(address.clone()));
        if screens.len() < SCREENS_MAX {
            screens.insert(address.clone(), screen.clone());
        }
        screen
    }

    /// A stream of what changes in the view since a version that [`Site::look`] gave.
    pub async fn follow(self: &Arc<Self>, address: Address, version: &str) -> Response {
        let Ok(place) = self.streams.clone().try_acquire_owned() else {
            return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
        };
        let known = version.strip_prefix(&self.instance).and_then(|v| v.strip_prefix('-')?.parse().ok());
        let screen = self.screen(&address);
        let news = screen.follow();
        if !screen.set_driven(true) {
            tokio::spawn(drive(self.clone(), screen.clone()));
        }
        let (sender, messages) = mpsc::channel(WAITING_MAX);
        tokio::spawn(stream(screen, known.unwrap_or(u64::MAX), news, self.ending.subscribe(), sender));
        let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
        (headers, Body::new(Outlet::new(messages, place))).into_response()
    }

    /// Keeps words that the next page shows; gives their number.
    pub fn keep_words(&self, words: String) -> u64 {
        let mut kept = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.back().map_or(1, |(n, _)| n + 1);
        kept.push_back((number, words));
        if kept.len() > WORDS_MAX {
            kept.pop_front();
        }
        number
    }

    /// The words of this number.
    #[must_use]
    pub fn words(&self, number: u64) -> Option<String> {
        let kept = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(n, _)| *n == number).map(|(_, words)| words.clone())
    }

    /// Tells every open page that the server ends.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }
}

/// Renders a view whenever its board changes, as long as somebody follows it.
async fn drive(site: Arc<Site>, screen: Arc<Screen>) {
    let mut boards = site.places[screen.address.place].follow();
    loop {
        let board = boards.borrow_and_update().clone();
        let (of, to) = (site.clone(), screen.clone());
        // An older run does not change: then it is rendered again for nothing, and nothing is told.
        let rendered = tokio::task::spawn_blocking(move || {
            let board = match &to.address.run {
                None => Ok(board),
                run => of.places[to.address.place].board(run.as_deref()),
            };
            board.map_or(0, |board| to.show(&board, |board| pages::render(&of, &to.address, board)))
        });
        let Ok(told) = rendered.await else {
            screen.set_driven(false);
            return;
        };
        tokio::time::sleep(pause(told).max(pace(&screen.address.view))).await;
        if boards.changed().await.is_err() {
            screen.set_driven(false);
            return;
        }
        if !screen.is_watched() {
            screen.set_driven(false);
            // Somebody may have come between the two looks, and found it driven.
            if !screen.is_watched() || screen.set_driven(true) {
                return;
            }
        }
    }
}

/// How long a view stands at least. The list of runs reads a run's whole journal each time.
fn pace(view: &View) -> Duration {
    if *view == View::Runs { PACE_MAX } else { PACE }
}

/// How long a view stands that was changed by so many bytes.
fn pause(told: usize) -> Duration {
    Duration::from_secs_f64(told as f64 / BYTES_A_SECOND as f64).clamp(PACE, PACE_MAX)
}

/// Passes on what is new, until the page is gone or the server ends.
async fn stream(
    screen: Arc<Screen>,
    mut version: u64,
    mut news: watch::Receiver<u64>,
    mut ending: watch::Receiver<bool>,
    sender: mpsc::Sender<Bytes>,
) {
    loop {
        news.borrow_and_update();
        let (messages, now) = screen.since(version);
        version = now;
        for message in messages {
            if sender.send(message).await.is_err() {
                return;
            }
        }
        let something = async {
            let (mut changed, mut ends) = (std::pin::pin!(news.changed()), std::pin::pin!(ending.wait_for(|e| *e)));
            std::future::poll_fn(|cx| {
                use std::future::Future as _;
                if ends.as_mut().poll(cx).is_ready() {
                    return std::task::Poll::Ready(true);
                }
                changed.as_mut().poll(cx).map(|_| false)
            })
            .await
        };
        match tokio::time::timeout(STILL_HERE_EVERY, something).await {
            Ok(false) => {}
            Ok(true) => {
                drop(sender.send(event("end", &())).await);
                return;
            }
            Err(_) => {
                if sender.send(Bytes::from_static(STILL_HERE)).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_is_followed_by_a_pause() {
        assert_eq!([0, 1_000, 64 * 1024, 10_000_000].map(|bytes| pause(bytes).as_millis()), [400, 400, 2_000, 3_000]);
    }
}
