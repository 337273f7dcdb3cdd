//! One repository that is served: its name in addresses, its present board, the boards of earlier runs that somebody looked at.
//! Renders nothing.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::board::{Board, Feed, Which};
use crate::context::Context;
use crate::error::Error;
use crate::session::Session;
use crate::web::pages::attempts::Known;
use crate::web::pages::runs::Ended;

/// Boards of earlier runs that are kept.
const EARLIER_MAX: usize = 8;

/// See the module.
pub struct Place {
    /// Its name in addresses.
    pub slug: String,
    /// A verb that stands in it.
    pub context: Context,
    boards: watch::Receiver<Arc<Board>>,
    feed: Feed,
    earlier: Mutex<VecDeque<(String, Arc<Board>)>>,
    /// For the list of runs.
    pub ended: Ended,
    /// What attempts changed that are over.
    pub changes: Known,
}

impl Place {
    /// Begins to follow the repository.
    ///
    /// # Errors
    /// If there is no repository, or no further thread.
    pub fn open(slug: String, context: Context) -> Result<Self, Error> {
        let session = Session::open(&context)?;
        let (sender, mut boards) = watch::channel(Arc::new(Board::default()));
        // Until the server ends: its process takes the thread along.
        let each = move |board| sender.send(board).is_ok();
        let feed = Feed::start(session, Which::Current, each).map_err(|e| Error::environment(format!("cannot start a thread: {e}")))?;
        boards.mark_unchanged();
        Ok(Self { slug, context, boards, feed, earlier: Mutex::default(), ended: Ended::default(), changes: Known::default() })
    }

    /// The repository, for what asks git or the coordinator.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn session(&self) -> Result<Session, Error> {
        Session::open(&self.context)
    }

    /// Tells of each new board of the present run.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Arc<Board>> {
        self.boards.clone()
    }

    /// Something was done that no event tells of.
    pub fn refresh(&self) {
        self.feed.refresh();
    }

    /// The present board, or that of an earlier run. Blocks for the latter.
    ///
    /// # Errors
    /// If there is no such run, or its journal cannot be read.
    pub fn board(&self, run: Option<&str>) -> Result<Arc<Board>, Error> {
        let present = self.boards.borrow().clone();
        let Some(run) = run.filter(|run| present.run.as_ref().is_none_or(|r| r.id.as_str() != *run)) else { return Ok(present) };
        let kept = |earlier: &VecDeque<(String, Arc<Board>)>| earlier.iter().find(|(id, _)| id == run).map(|(_, b)| b.clone());
        if let Some(board) = kept(&self.earlier.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(board);
        }
        let session = self.session()?;
        let id = session.find_run(&session.journal()?, Some(run))?;
        let board = Feed::once(session, Which::Run(id))?;
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        // One that somebody may yet go on with is looked at anew each time.
        if board.run.as_ref().is_some_and(|r| r.ended_at.is_some()) {
            earlier.push_back((run.to_owned(), board.clone()));
        }
        if earlier.len() > EARLIER_MAX {
            earlier.pop_front();
        }
        Ok(board)
    }
}

/// A name for addresses: of the repository's folder, another one where that is taken.
#[must_use]
pub fn slug(folder: &Path, taken: &[String]) -> String {
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let kept: String = name.chars().filter(|c| c.is_alphanumeric() || "-_.".contains(*c)).collect();
    let base = kept.trim_matches('.');
    let base = if base.is_empty() { "repository" } else { base };
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    std::iter::once(base.to_owned()).chain(numbered).find(|s| !taken.contains(s)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::slug;
    use std::path::Path;

    #[test]
    fn each_repository_has_a_name_of_its_own() {
        let taken = [String::from("shop"), String::from("shop-2")];
        assert_eq!(slug(Path::new("/a/shop"), &taken), "shop-3");
        assert_eq!(slug(Path::new("/a/my shop/"), &[]), "myshop");
        assert_eq!([slug(Path::new("/"), &[]), slug(Path::new("/a/..."), &[])], ["repository", "repository"]);
    }
}
