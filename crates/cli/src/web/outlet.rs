//! The body of a response that goes on: server-sent events as they come. Knows nothing of what they say.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// The reading end of a channel, as a body. It holds one of the places for open streams.
pub struct Outlet {
    messages: mpsc::Receiver<Bytes>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

impl Outlet {
    /// What comes on this channel, from this place.
    #[must_use]
    pub fn new(messages: mpsc::Receiver<Bytes>, place: OwnedSemaphorePermit) -> Self {
        Self { messages, _place: place }
    }
}

impl Body for Outlet {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.messages.poll_recv(cx).map(|message| message.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// One event, as it goes over the wire. `data` becomes one line of JSON, which has no line breaks of its own.
#[must_use]
pub fn event(name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_else(|_| String::from("null"));
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}

/// What keeps a connection from looking dead; nobody sees it.
pub const STILL_HERE: &[u8] = b": still here\n\n";
