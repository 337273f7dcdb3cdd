//! The pages, a file each: what of a board each shows, in [`Pieces`]. They read what they are given and ask nothing.

pub mod attempts;
mod bar;
pub mod compare;
pub mod diff;
mod failures;
mod health;
pub mod land;
pub mod layout;
pub mod overview;
mod questions;
pub mod runs;
mod task;
mod tasks;
mod timeline;

use askama::Template;

use super::pieces::Pieces;
use super::site::Site;
use super::view::{Address, Links, View};
use crate::board::Board;

/// The view of a board.
#[must_use]
pub fn render(site: &Site, address: &Address, board: &Board) -> Pieces {
    let place = &site.places[address.place];
    let links = Links::new(&place.slug, address.run.as_deref());
    let mut pieces = Pieces::default();
    bar::render(&mut pieces, &links, board, Some(&address.view));
    pieces.fixed(format!("<main id=\"main\" tabindex=\"-1\">{}", act_form(&links, board)));
    bar::trouble(&mut pieces, board);
    match (&address.view, &board.run) {
        (View::Runs, _) => runs::render(&mut pieces, &links, place, board.run.as_ref().map(|r| r.id.as_str())),
        (_, None) => pieces.fixed(NOTHING),
        (View::Tasks(filter), Some(run)) => tasks::render(&mut pieces, &links, board, run, filter, address.run.as_deref()),
        (View::Timeline, Some(run)) => timeline::render(&mut pieces, &links, run),
        (View::Failures, Some(run)) => failures::render(&mut pieces, &links, run),
        (View::Health, Some(run)) => health::render(&mut pieces, &links, board, run),
        (View::Questions, Some(run)) => questions::render(&mut pieces, &links, run),
        (View::Task(key, attempt), Some(_)) => task::render(&mut pieces, &links, place, board, key, *attempt),
    }
    pieces.fixed("</main>");
    pieces
}

const NOTHING: &str =
    "<h1>Nothing has run here yet</h1><p><code>greenlane run PLAN</code> starts a run; this page shows it as soon as it begins.</p>";

/// A page of a repository that does not change by itself: below the bar.
#[must_use]
pub fn frame(links: &Links, board: &Board, body: &str) -> String {
    let mut pieces = Pieces::default();
    bar::render(&mut pieces, links, board, None);
    pieces.fixed(format!("<main id=\"main\" tabindex=\"-1\">{}{body}</main>", act_form(links, board)));
    pieces.html()
}

/// A template's text. That of our own templates cannot fail: they write into memory.
fn text(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

/// The form that all buttons of a page belong to: it says of which run, as somebody sees it, what is asked for.
fn act_form(links: &Links, board: &Board) -> String {
    let run = board.run.as_ref().map(|r| r.id.to_string()).unwrap_or_default();
    text(&ActForm { action: &links.act(), run: &run })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<form id=\"act\" method=\"post\" action=\"{{ action }}\" hidden><input type=\"hidden\" name=\"of\" value=\"{{ run }}\"></form>"
)]
struct ActForm<'a> {
    action: &'a str,
    run: &'a str,
}

/// Filters that templates know by name.
pub mod filters {
    use askama::{Result, Values};

    /// The class of a state's colour.
    #[askama::filter_fn]
    pub fn tone(state: impl std::fmt::Display, _: &dyn Values) -> Result<&'static str> {
        Ok(crate::web::words::tone(&state.to_string()))
    }

    /// Seconds for people.
    #[askama::filter_fn]
    pub fn span(seconds: &f64, _: &dyn Values) -> Result<String> {
        Ok(crate::web::words::span(seconds))
    }
}
