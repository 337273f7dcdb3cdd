//! Finding in what is read from top to bottom: the texts of one task and of a suite, failures, health, runs. Lists of tasks are narrowed
//! instead: [`super::rows`]. Pure.

use super::model::{Model, View};
use super::open::{Tab, paper_lines};

/// How a jump went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jumped {
    There,
    /// Nothing is searched for.
    NothingSought,
    NotFound,
}

/// The views whose rows a search narrows.
pub(super) fn is_list(view: View) -> bool {
    matches!(view, View::Tasks | View::Timeline)
}

/// Whether what is searched for stands in a line of a text.
pub(super) fn is_hit(sought: &str, line: &str) -> bool {
    !sought.is_empty() && line.to_lowercase().contains(&sought.to_lowercase())
}

/// To the next place, or the one before, and round at the end. `here_too`: the line in sight counts.
pub(super) fn jump(model: &mut Model, forward: bool, here_too: bool) -> Jumped {
    let hits = hits(model);
    let at = model.hit.unwrap_or_else(|| place(model));
    let mut after = hits.iter().filter(|i| if forward { **i > at } else { **i < at } || (here_too && **i == at));
    let next = if forward { after.next().or(hits.first()) } else { after.next_back().or(hits.last()) };
    match next {
        Some(to) => {
            go(model, *to);
            model.hit = Some(*to);
            Jumped::There
        }
        None if model.find.is_empty() => Jumped::NothingSought,
        None => Jumped::NotFound,
    }
}

/// The rows to which one jumps.
fn hits(model: &Model) -> Vec<usize> {
    if model.find.is_empty() {
        let open = model.open.as_ref().filter(|o| model.view == View::Task && o.tab == Tab::Diff);
        return open.map(super::open::OpenTask::parts).unwrap_or_default();
    }
    let among = |texts: &[&str]| (0..texts.len()).filter(|i| is_hit(&model.find, texts[*i])).collect();
    match model.view {
        View::Task => match &model.open {
            Some(open) if !matches!(open.tab, Tab::Attempts | Tab::Beats) => among(&open.texts()),
            _ => among(&drawn(model)),
        },
        View::Suite => {
            let papers = model.suite.as_ref().and_then(|s| s.papers.as_deref()).unwrap_or_default();
            among(&paper_lines(papers).into_iter().map(|(_, text)| text).collect::<Vec<_>>())
        }
        View::Failures => {
            let Some(run) = model.run() else { return Vec::new() };
            let said = |texts: &[&str], lines: &[String]| {
                texts.iter().copied().chain(lines.iter().map(String::as_str)).any(|text| is_hit(&model.find, text))
            };
            let failures = run.failures.iter().map(|f| said(&[&f.name, &f.agent, &f.kind, &f.message], &f.evidence));
            let remedy = |l: &crate::board::LessonRow| l.remedy.clone().unwrap_or_default();
            let lessons = run.lessons.iter().map(|l| said(&[&l.kind, &l.description, &l.status, &remedy(l)], &[]));
            failures.chain(lessons).enumerate().filter(|(_, hit)| *hit).map(|(i, _)| i).collect()
        }
        View::Health | View::Runs => among(&drawn(model)),
        View::Tasks | View::Timeline => Vec::new(),
    }
}

fn drawn(model: &Model) -> Vec<&str> {
    model.drawn.iter().map(String::as_str).collect()
}

/// The row in sight.
fn place(model: &Model) -> usize {
    match model.view {
        View::Task => model.open.as_ref().map_or(0, |o| o.scroll),
        View::Suite => model.suite.as_ref().map_or(0, |s| s.scroll),
        View::Failures => model.failure,
        view => model.offsets[view.index()],
    }
}

fn go(model: &mut Model, to: usize) {
    match model.view {
        View::Task => {
            if let Some(open) = &mut model.open {
                (open.scroll, open.follows) = (to, false);
            }
        }
        View::Suite => {
            if let Some(suite) = &mut model.suite {
                suite.scroll = to;
            }
        }
        View::Failures => model.failure = to,
        view => model.offsets[view.index()] = to,
    }
}
