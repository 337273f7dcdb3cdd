//! Which address is which page. Looks things up and hands them to the pages; what blocks does so on a thread of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use greenlane_core::ids::TaskKey;
use serde::Deserialize;

use super::actions::{self, told};
use super::guard::guard;
use super::pages::{compare, diff, frame, land, layout, overview};
use super::site::Site;
use super::view::{Address, Filter, Links, View};
use super::{METRICS_PATH, OPEN_PATH, logs, metrics};
use crate::board::diff::Diff;
use crate::board::{AttemptRow, Board, TaskRow};
use crate::error::Error;

/// Largest form.
const FORM_BYTES_MAX: usize = 128 * 1024;

/// What may stand behind a question mark.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Words {
    token: String,
    run: Option<String>,
    attempt: Option<u32>,
    /// The version from which a stream goes on.
    live: Option<String>,
    find: String,
    show: String,
    /// The number of words that came of an action.
    said: Option<u64>,
    of: String,
    read: String,
    from: u64,
    #[serde(rename = "as")]
    how: String,
    plan: Option<String>,
    into: String,
    /// Two attempts that are compared.
    a: Option<u32>,
    b: Option<u32>,
}

type Shared = State<Arc<Site>>;

/// All of them, behind the door.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route(OPEN_PATH, get(open))
        .route("/", get(all))
        .route(METRICS_PATH, get(measures))
        .route("/static/{name}", get(file))
        .route("/r/{slug}/", get(tasks))
        .route("/r/{slug}/{view}", get(view))
        .route("/r/{slug}/act", post(actions::act))
        .route("/r/{slug}/land", get(landing))
        .route("/r/{slug}/task/{plan}/{task}", get(task))
        .route("/r/{slug}/task/{plan}/{task}/diff", get(changes))
        .route("/r/{slug}/task/{plan}/{task}/compare", get(compared))
        .route("/r/{slug}/task/{plan}/{task}/log", get(log))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(site.clone(), guard))
        .with_state(site)
}

/// The token becomes a cookie, and is gone from the address.
async fn open(State(site): Shared, Query(words): Query<Words>) -> Response {
    if !site.door.token.is(&words.token) {
        return (StatusCode::UNAUTHORIZED, "this is not the token that `greenlane serve` has printed\n").into_response();
    }
    let headers = [(header::SET_COOKIE, site.door.cookie_header()), (header::REFERRER_POLICY, String::from("no-referrer"))];
    (headers, Redirect::to("/")).into_response()
}

async fn all(State(site): Shared) -> Response {
    if let [only] = site.places.as_slice() {
        return Redirect::to(&Links::new(&only.slug, None).tasks()).into_response();
    }
    let body = format!("<main id=\"main\" tabindex=\"-1\">{}</main>", overview::body(&present(&site)));
    Html(layout::page("Repositories", &body, "", "")).into_response()
}

/// The present board of each repository.
fn present(site: &Site) -> Vec<(&str, Arc<Board>)> {
    site.places.iter().map(|p| (p.slug.as_str(), p.follow().borrow().clone())).collect()
}

async fn measures(State(site): Shared) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&present(&site))).into_response()
}

async fn file(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", layout::STYLE),
        "page.js" => ("text/javascript; charset=utf-8", layout::SCRIPT),
        "icon.svg" => ("image/svg+xml", layout::ICON),
        _ => return missing(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=86400")], text).into_response()
}

fn missing() -> Response {
    let body = "<main id=\"main\" tabindex=\"-1\"><h1>There is no such page</h1><p><a href=\"/\">To the beginning</a></p></main>";
    (StatusCode::NOT_FOUND, Html(layout::page("Not found", body, "", ""))).into_response()
}

async fn tasks(State(site): Shared, Path(slug): Path<String>, Query(words): Query<Words>) -> Response {
    let filter = Filter { find: words.find.clone(), show: words.show.clone() }.bounded();
    show(site, &slug, View::Tasks(filter), words).await
}

async fn view(State(site): Shared, Path((slug, view)): Path<(String, String)>, Query(words): Query<Words>) -> Response {
    let view = match view.as_str() {
        "timeline" => View::Timeline,
        "failures" => View::Failures,
        "health" => View::Health,
        "questions" => View::Questions,
        "runs" => View::Runs,
        _ => return missing(),
    };
    show(site, &slug, view, words).await
}

async fn task(State(site): Shared, Path((slug, plan, task)): Path<(String, String, String)>, Query(words): Query<Words>) -> Response {
    let view = View::Task(TaskKey::new(plan.as_str(), task.as_str()), words.attempt);
    show(site, &slug, view, words).await
}

/// A view as a page, or the stream of what changes in it.
async fn show(site: Arc<Site>, slug: &str, view: View, words: Words) -> Response {
    let Some((place, _)) = site.place(slug) else { return missing() };
    let address = Address { place, run: words.run.clone(), view };
    if let Some(version) = &words.live {
        return site.follow(address, version).await;
    }
    let said = words.said.and_then(|n| site.words(n)).unwrap_or_default();
    blocking(move || {
        let title = format!("{} – {}", address.view.title(), site.places[address.place].slug);
        let (body, version) = site.look(&address)?;
        Ok(Html(layout::page(&title, &body, &version, &said)).into_response())
    })
    .await
}

/// Answers by what blocks; an error is a page of its own.
async fn blocking(answer: impl FnOnce() -> Result<Response, Error> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(e)) => failed(&told(&e)),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "this went wrong inside Greenlane\n").into_response(),
    }
}

fn failed(why: &str) -> Response {
    let body = "<main id=\"main\" tabindex=\"-1\"><h1>This cannot be shown</h1><p><a href=\"/\">To the beginning</a></p></main>";
    (StatusCode::NOT_FOUND, Html(layout::page("Not found", body, "", why))).into_response()
}

async fn landing(State(site): Shared, Path(slug): Path<String>, Query(words): Query<Words>) -> Response {
    let Some((place, _)) = site.place(&slug) else { return missing() };
    blocking(move || {
        let links = Links::new(&slug, words.run.as_deref());
        let asked = land::Asked { run: words.run.as_deref(), plan: words.plan.as_deref(), into: words.into.trim() };
        let body = land::body(&links, &site.places[place].session()?, &asked)?;
        let page = frame(&links, &*site.places[place].board(words.run.as_deref())?, &body);
        Ok(Html(layout::page("Land", &page, "", "")).into_response())
    })
    .await
}

/// An attempt that an address names.
struct Named<'a> {
    task: &'a TaskRow,
    attempt: &'a AttemptRow,
}

impl<'a> Named<'a> {
    fn of(board: &'a Board, key: &TaskKey, number: Option<u32>) -> Result<Self, Error> {
        let none = || Error::usage("there is no such attempt in this run");
        let task = board.run.as_ref().and_then(|run| run.task(key)).ok_or_else(none)?;
        Ok(Self { task, attempt: task.attempt_row(number).ok_or_else(none)? })
    }
}

async fn changes(State(site): Shared, Path((slug, plan, task)): Path<(String, String, String)>, Query(words): Query<Words>) -> Response {
    let Some((place, _)) = site.place(&slug) else { return missing() };
    blocking(move || {
        let (place, key) = (&site.places[place], TaskKey::new(plan.as_str(), task.as_str()));
        let board = place.board(words.run.as_deref())?;
        let named = Named::of(&board, &key, words.attempt)?;
        let changed = Diff::of(&place.session()?.repo, named.task, named.attempt).map_err(Error::usage)?;
        let links = Links::new(&slug, words.run.as_deref());
        let body = diff::body(&links, &key, &named.task.name, named.attempt.number, &changed, words.how != "column");
        let page = frame(&links, &board, &body);
        Ok(Html(layout::page(&format!("Changes of {}", named.task.name), &page, "", "")).into_response())
    })
    .await
}

async fn compared(State(site): Shared, Path((slug, plan, task)): Path<(String, String, String)>, Query(words): Query<Words>) -> Response {
    let Some((place, _)) = site.place(&slug) else { return missing() };
    blocking(move || {
        let (place, key) = (&site.places[place], TaskKey::new(plan.as_str(), task.as_str()));
        let board = place.board(words.run.as_deref())?;
        let task = board.run.as_ref().and_then(|run| run.task(&key)).ok_or_else(|| Error::usage("there is no such task in this run"))?;
        let links = Links::new(&slug, words.run.as_deref());
        let asked = compare::Asked { run: words.run.as_deref(), a: words.a, b: words.b, split: words.how != "column" };
        let body = compare::body(&links, place, &place.session()?.repo, task, asked);
        let page = frame(&links, &board, &body);
        Ok(Html(layout::page(&format!("Attempts at {}", task.name), &page, "", "")).into_response())
    })
    .await
}

async fn log(State(site): Shared, Path((slug, plan, task)): Path<(String, String, String)>, Query(words): Query<Words>) -> Response {
    let Some((place, _)) = site.place(&slug) else { return missing() };
    blocking(move || {
        let key = TaskKey::new(plan.as_str(), task.as_str());
        let board = site.places[place].board(words.run.as_deref())?;
        let attempt = Named::of(&board, &key, words.attempt)?.attempt;
        let stream = logs::stream(&words.of);
        Ok(if words.read == "on" { logs::more(attempt, stream, words.from) } else { logs::whole(attempt, stream) })
    })
    .await
}
