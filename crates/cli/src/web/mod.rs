//! The dashboard in the browser: `greenlane serve`, `run --web`. Draws the same boards as the terminal's; decides nothing about a run.
//!
//! Approach: one [`Feed`](crate::board::Feed) for each repository gives a board whenever something changed ([`place`]). A view of it is
//! rendered once for each change however many pages show it, and what is new in it goes to all of them by server-sent events
//! ([`screen`], [`pieces`]). A page is readable without the script, which only keeps it fresh; what changes anything is a plain form
//! ([`actions`]). Who may come in is decided in one room ([`guard`]). See docs/dashboard.md.

pub mod actions;
mod guard;
mod logs;
mod metrics;
mod outlet;
mod pages;
mod pieces;
mod place;
mod reach;
mod routes;
mod screen;
mod server;
mod site;
mod token;
pub mod view;
pub mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use guard::Door;
use place::{Place, slug};
pub use reach::Opening;
use site::Site;
use token::Secret;

use crate::context::Context;
use crate::error::Error;

/// The opening URL's path.
const OPEN_PATH: &str = "/open";
/// Where Prometheus reads.
const METRICS_PATH: &str = "/metrics";

/// What is served, and where.
pub struct Wanted {
    /// Directories in the repositories; none: the one where the verb stands.
    pub directories: Vec<PathBuf>,
    /// Where to listen; port 0: any that is free.
    pub listen: SocketAddr,
    /// Further names by which it may be reached.
    pub names: Vec<String>,
}

/// Serves until the process ends, or `until` comes back. `ready` is told where.
///
/// # Errors
/// If a directory is no repository, or the address cannot be had.
pub fn serve(
    wanted: Wanted,
    context: &Context,
    ready: impl FnOnce(&Opening) -> Result<(), Error>,
    until: impl FnOnce() + Send + 'static,
) -> Result<(), Error> {
    let io = |what: &str, e: std::io::Error| Error::environment(format!("{what}: {e}"));
    let places = open_places(&wanted, context)?;
    let beyond = !wanted.listen.ip().is_loopback();
    let mut names = wanted.names;
    // Who is on another machine calls this one by its name. It is not for others to choose, so no foreign name gets in by it.
    names.extend(reach::host_name().filter(|own| beyond && !names.contains(own)));
    let own = if beyond { reach::own_addresses() } else { Vec::new() };
    let door = Door::new(names.clone(), beyond).map_err(|e| io("the system gives no random numbers", e))?;
    let instance = Secret::new().map_err(|e| io("the system gives no random numbers", e))?;
    let runtime = server::runtime().map_err(|e| io("cannot start the server", e))?;
    runtime.block_on(async move {
        let listener = server::listen(wanted.listen).await.map_err(|e| {
            Error::environment(format!("cannot listen at {}: {e}", wanted.listen))
                .hint("another port: `--listen 127.0.0.1:0` takes any that is free")
        })?;
        let address = listener.local_addr().map_err(|e| io("cannot listen", e))?;
        let path = format!("{OPEN_PATH}?token={}", door.token.reveal());
        ready(&Opening::new(address, &names, &own, &path))?;
        let site = Arc::new(Site::new(door, places, instance.reveal().get(..8).unwrap_or_default().to_owned()));
        let serving = tokio::spawn(server::serve(listener, routes::router(site.clone())));
        let ended = tokio::task::spawn_blocking(until).await;
        drop(ended);
        site.end();
        // So that open pages hear of it.
        tokio::time::sleep(LAST_WORDS).await;
        serving.abort();
        Ok(())
    })
}

/// How long the last events take to get through to pages on this machine.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(300);

fn open_places(wanted: &Wanted, context: &Context) -> Result<Vec<Place>, Error> {
    let here = [PathBuf::from(".")];
    let named = if wanted.directories.is_empty() { &here[..] } else { &wanted.directories };
    let mut places: Vec<Place> = Vec::new();
    let mut slugs = Vec::new();
    let mut known = Vec::new();
    for directory in named {
        let at = context.at(&context.directory.join(directory));
        let home = crate::session::Session::open(&at)?.repo.home().to_owned();
        // Named twice, or by two of its worktrees.
        if known.contains(&home) {
            continue;
        }
        let name = slug(&home, &slugs);
        slugs.push(name.clone());
        known.push(home);
        places.push(Place::open(name, at)?);
    }
    Ok(places)
}
