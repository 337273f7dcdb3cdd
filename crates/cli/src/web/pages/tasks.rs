//! Plans and their tasks: how far they are, what needs a person, what each does.

use std::collections::BTreeMap;

use askama::Template;

use super::{filters, text};
use crate::board::{Board, PlanRow, RunBoard, TaskRow};
use crate::web::pieces::Pieces;
use crate::web::view::{Filter, Links, segment};
use crate::web::words;

#[derive(Template)]
#[template(path = "summary.html", whitespace = "minimize")]
struct Summary<'a> {
    run: &'a RunBoard,
    percent: usize,
    bits: Vec<Bit>,
    words: String,
    elapsed: String,
    tokens: String,
    cost: String,
}

/// A part of the bar of progress.
struct Bit {
    class: &'static str,
    word: &'static str,
    from: usize,
    width: usize,
}

#[derive(Template)]
#[template(path = "needs.html", whitespace = "minimize")]
struct Needs<'a> {
    links: &'a Links,
    asks: Vec<Ask<'a>>,
    hands: Vec<Named<'a>>,
    judged: Vec<Named<'a>>,
}

/// A question, as far as its first line.
struct Ask<'a> {
    number: u64,
    name: &'a str,
    first: &'a str,
}

/// A task, borrowed as its templates want it.
type Named<'a> = &'a TaskRow;

#[derive(Template)]
#[template(path = "filter.html", whitespace = "minimize")]
struct FilterForm<'a> {
    action: String,
    run: Option<&'a str>,
    filter: &'a Filter,
}

#[derive(Template)]
#[template(path = "plan.html", whitespace = "minimize")]
struct Plan<'a> {
    plan: &'a PlanRow,
    index: usize,
    land: String,
}

#[derive(Template)]
#[template(path = "task_row.html", whitespace = "minimize")]
struct Row<'a> {
    links: &'a Links,
    t: &'a TaskRow,
    id: String,
    doing: String,
    /// What stands for that where other tasks say the same.
    common: Option<&'a str>,
    time: String,
    spent: Option<(String, String)>,
    buttons: Vec<Button>,
}

/// Something that can be done at once, by the page's form.
pub struct Button {
    /// What it says.
    pub name: &'static str,
    /// What it sends.
    pub value: String,
}

#[derive(Template)]
#[template(path = "tick.html", whitespace = "minimize")]
struct Tick {
    ticks: bool,
    from: u64,
    seconds: f64,
}

/// A time that goes on by itself where the script runs.
#[must_use]
pub fn ticking(board: &Board, seconds: f64, ticks: bool) -> String {
    // The moment at which it was zero: the same in every rendering, as long as it goes on.
    let from = board.at.0.saturating_sub((seconds * 1_000.0) as u64);
    text(&Tick { ticks, from, seconds })
}

const HEAD: &str = "<table class=\"flow tasks\"><caption class=\"sr\">Tasks</caption><thead><tr><th scope=\"col\" class=\"st\">state</th><th scope=\"col\" class=\"nm\">task</th>\
<th scope=\"col\">doing</th><th scope=\"col\" class=\"ag\">agent</th><th scope=\"col\" class=\"num\">time</th>";
const SPENT: &str = "<th scope=\"col\" class=\"num\">tokens</th><th scope=\"col\" class=\"num\">cost</th>";
const TAIL: &str = "<th scope=\"col\"><span class=\"sr\">actions</span></th></tr></thead>";

/// Adds them.
pub fn render(pieces: &mut Pieces, links: &Links, board: &Board, run: &RunBoard, filter: &Filter, named: Option<&str>) {
    pieces.fixed("<h1 class=\"sr\">Tasks</h1>");
    pieces.part("summary", summary(board, run));
    pieces.part("needs", needs(links, run));
    pieces.fixed(text(&FilterForm { action: links.of_run(None).tasks(), run: named, filter }));
    for (index, plan) in run.plans.iter().enumerate() {
        let land = links.page("land", &format!("plan={}", segment(plan.id.as_str())));
        pieces.part(format!("p-{index}"), text(&Plan { plan, index, land }));
        let spent = if spends(run) { SPENT } else { "" };
        let list = format!("rows-{index}");
        pieces.open_list(&list, format!("{HEAD}{spent}{TAIL}<tbody id=\"{list}\">"));
        let shown: Vec<&TaskRow> = run.tasks.iter().filter(|t| t.plan == index && is_wanted(t, filter)).collect();
        let common = common_reason(&shown).map(|reason| (reason, pieces.say(&format!("w{index}"), reason)));
        for task in shown {
            let id = format!("t-{}-{}", segment(task.key.plan.as_str()), segment(task.key.task.as_str()));
            let common = common.as_ref().filter(|(reason, _)| waits_for(task) == Some(*reason)).map(|(_, stand_in)| stand_in.as_str());
            pieces.part(id.clone(), row(links, board, run, task, id, common));
        }
        pieces.close_list("</tbody></table>");
    }
}

/// Somebody has told of tokens or cost.
fn spends(run: &RunBoard) -> bool {
    run.usage.cost_usd.is_some() || run.usage.input_tokens + run.usage.output_tokens > 0
}

fn is_wanted(task: &TaskRow, filter: &Filter) -> bool {
    let shown = match filter.show.as_str() {
        "open" => !task.ended(),
        "work" => task.is_at_work(),
        "wrong" => task.went_wrong(),
        "done" => task.state == "done",
        _ => true,
    };
    let find = filter.find.to_lowercase();
    shown && (find.is_empty() || [&task.name, &task.title, &task.agent].iter().any(|text| text.to_lowercase().contains(&find)))
}

/// Why it waits, where it does.
fn waits_for(task: &TaskRow) -> Option<&str> {
    if task.ended() || task.is_at_work() { None } else { task.reason.as_deref() }
}

/// What most of these tasks wait for, if at least two say so. A thousand wait for the same slots, and are told otherwise all at once,
/// whenever somebody takes one or gives it back: those words go to a page once, not with each row.
fn common_reason<'a>(tasks: &[&'a TaskRow]) -> Option<&'a str> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    tasks.iter().filter_map(|t| waits_for(t)).for_each(|reason| *times.entry(reason).or_default() += 1);
    times.into_iter().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 1).map(|(reason, _)| reason)
}

fn summary(board: &Board, run: &RunBoard) -> String {
    let s = &run.summary;
    let parts = [
        ("good", "done", s.done),
        ("live", "at work", s.running),
        ("odd", "need a person", s.needs_human),
        ("bad", "failed", s.failed),
        ("dim", "waiting", s.waiting),
        ("dim", "not tried", s.skipped + s.cancelled),
    ];
    let mut from = 0;
    let mut bits = Vec::new();
    for (class, word, width) in parts.into_iter().filter(|(_, _, width)| *width > 0) {
        bits.push(Bit { class, word, from, width });
        from += width;
    }
    let words = bits.iter().map(|b| format!("{} {}", b.width, b.word)).collect::<Vec<_>>().join(", ");
    text(&Summary {
        run,
        percent: s.done * 100 / s.total.max(1),
        bits,
        words,
        elapsed: ticking(board, run.elapsed, run.ticks),
        tokens: words::tokens(&run.usage),
        cost: words::cost(&run.usage),
    })
}

fn needs(links: &Links, run: &RunBoard) -> String {
    let hands = run.tasks.iter().filter(|t| t.by_hand).collect();
    let judged = run.tasks.iter().filter(|t| t.state == "needs_human").collect();
    let asks =
        run.questions.iter().map(|q| Ask { number: q.number, name: &q.name, first: q.text.first().map_or("", String::as_str) }).collect();
    text(&Needs { links, asks, hands, judged })
}

fn row(links: &Links, board: &Board, run: &RunBoard, task: &TaskRow, id: String, common: Option<&str>) -> String {
    text(&Row {
        links,
        t: task,
        id,
        doing: doing(task),
        common,
        time: if task.seconds > 0.0 { ticking(board, task.seconds, task.ticks) } else { String::new() },
        spent: spends(run).then(|| (words::tokens(&task.usage), words::cost(&task.usage))),
        buttons: buttons(run, task),
    })
}

/// What its attempt does, else why it is where it is; of what is done, nothing.
fn doing(task: &TaskRow) -> String {
    match task.state.as_str() {
        "done" => String::new(),
        _ if task.is_at_work() => task.activity.clone().or_else(|| task.reason.clone()).unwrap_or_default(),
        _ => task.reason.clone().unwrap_or_default(),
    }
}

/// What can be done about a task with one click, as it is seen here: the attempt's number goes along, so that it is of no use once there
/// is another.
#[must_use]
pub fn buttons(run: &RunBoard, task: &TaskRow) -> Vec<Button> {
    let seen = task.attempts.last().map_or(0, |a| a.n);
    let value = |what: &str| format!("{what} {seen} {} {}", segment(task.key.plan.as_str()), segment(task.key.task.as_str()));
    let mut buttons = Vec::new();
    if run.alive && !task.ended() && task.state != "landing" {
        buttons.push(Button { name: "Stop", value: value("stop") });
    }
    if task.went_wrong() && task.state != "skipped" {
        buttons.push(Button { name: "Retry", value: value("retry") });
    }
    buttons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::of_sample;
    use crate::report::samples;
    use greenlane_core::ids::TaskKey;
    use greenlane_core::view::Coordinator;

    /// A hundred tasks that wait for the same, and one that waits for another.
    fn page(reason: &str, filter: &Filter) -> Pieces {
        let mut run = of_sample(samples::half_way(), Coordinator::Alive);
        let some = run.tasks[1].clone();
        let waiting = |i: usize| TaskRow {
            key: TaskKey::new("limits", format!("w{i}").as_str()),
            name: format!("w{i}"),
            state: "ready".into(),
            words: "queued".into(),
            reason: Some(if i == 0 { "waits for `header`".into() } else { reason.into() }),
            attempts: Vec::new(),
            ..some.clone()
        };
        run.tasks.extend((0..=100).map(waiting));
        let board = Board { run: Some(run), ..Board::default() };
        let mut pieces = Pieces::default();
        let run = board.run.as_ref().unwrap_or_else(|| unreachable!("it was just put there"));
        render(&mut pieces, &Links::new("r", None), &board, run, filter, None);
        pieces
    }

    #[test]
    fn what_all_wait_for_is_told_once_and_stands_in_every_row() {
        let all = Filter::default();
        let (slots, backlog) = (page("waits for a <free> slot", &all), page("waits until it is verified", &all));
        let html = slots.html();
        assert_eq!(html.matches("waits for a &#60;free&#62; slot").count(), 100);
        assert_eq!(html.matches("waits for `header`").count(), 1);
        let patch = backlog.patch_from(&slots).unwrap();
        assert!(patch.set.is_empty() && patch.gone.is_empty(), "no row is sent: {:?}", patch.set);
        assert_eq!(patch.say.values().copied().collect::<Vec<_>>(), ["waits until it is verified"]);
    }
}
