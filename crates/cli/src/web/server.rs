//! The listening socket and its connections, each with its limits. Knows nothing of what is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Open connections at once; further ones wait. A browser opens at most six to a server.
const CONNECTIONS_MAX: usize = 1_024;
/// The head of a request is there by then, or the connection is closed.
const HEAD_MAX: Duration = Duration::from_secs(15);
/// The head of a request is no longer.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// After an error of the system (too many open files), before it is asked again.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// The runtime on which everything asynchronous happens: one thread, and a few for what blocks (git, the journal, files).
///
/// # Errors
/// If the system has no threads or no event queue to give.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(BLOCKING_THREADS).build()
}

/// Pages that are rendered, and requests that are carried out, at once.
const BLOCKING_THREADS: usize = 8;

/// Listens there.
///
/// # Errors
/// If the address is taken or not this machine's.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        // Events are small, and each is to be there at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES_MAX);
            // A browser that goes away in the middle of something is no news.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}
