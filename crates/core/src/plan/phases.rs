//! A plan of phases and stages in Markdown: `## Phase N: name`, `### Stage X.Y: name`, and labelled sections in each stage. One task a
//! stage; a phase is finished before the next begins, and stages of one phase that name no dependencies go together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Sections, keep, list_entry, put, text_entry};
use super::model::Plan;
use super::native::task;
use super::node::Table;
use super::scan::{Line, lines};
use super::tick::{Edit, Tick, Whole};
use crate::ids::GroupId;

/// Whether the text is such a plan: it has a stage with a number.
pub(super) fn is_phase_plan(text: &str) -> bool {
    lines(text, 0).iter().any(|l| heading(l, "###", "Stage").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
}

/// What stands behind the word in a heading of this level.
fn heading<'l>(line: &'l Line<'_>, level: &str, word: &str) -> Option<&'l str> {
    let rest = line.text.strip_prefix(level).filter(|_| !line.code)?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim().strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with([' ', ':'])).then(|| rest.trim())
}

/// The number and the name of `1.2: Name`.
fn numbered(rest: &str) -> Option<(&str, &str)> {
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches('.');
    let good = !number.is_empty() && number.split('.').all(|n| (1..=9).contains(&n.len()));
    good.then(|| (number, rest[end..].trim_start_matches([':', '.', ' ', '-', '–']).trim()))
}

/// A label, where it stands, and its lines with their places.
type Section = (String, Span, Vec<(String, usize)>);

/// A stage while its lines are gathered.
struct Stage {
    number: String,
    phase: String,
    name: String,
    span: Span,
    /// By label, in the order of the file: where it stands and its lines.
    sections: Vec<Section>,
    /// The mark at its heading that says that it is done; empty, at the heading's end, where there is none.
    mark: Span,
    /// The same of its phase.
    phase_mark: Span,
}

/// Reads the text.
pub(super) fn draft(ctx: &mut Context<'_>, default_id: &str) -> Option<Draft> {
    let text = ctx.text;
    let lines = lines(text, 0);
    let mut plan = Plan::new(default_id);
    let (mut stages, mut phase): (Vec<Stage>, Option<(String, Span)>) = (Vec::new(), None);
    let (mut aside, mut principles) = (String::new(), Vec::new());
    let mut open = false;
    for line in &lines {
        let span = line.at..line.at + line.text.trim_end().len();
        if let Some(title) = line.text.strip_prefix("# ").filter(|_| !line.code && plan.name == plan.id.as_str()) {
            let title = title.trim().trim_end_matches('#').trim();
            plan.name = String::from(if title.is_empty() { plan.id.as_str() } else { title });
        } else if let Some(rest) = heading(line, "##", "Phase") {
            (open, aside) = (false, String::new());
            match numbered(rest) {
                Some((number, _)) => phase = Some((String::from(number), done_mark(&line.text, line.at))),
                None => ctx.error_hint(&span, "the phase has no number", "write it as `## Phase 1: Name`"),
            }
        } else if let Some(rest) = heading(line, "###", "Stage") {
            open = true;
            stages.extend(stage(ctx, rest, phase.as_ref(), line));
        } else if let Some(name) = line.text.strip_prefix("## ").filter(|_| !line.code) {
            (open, aside) = (false, name.trim().to_lowercase());
        } else if open && line.text.starts_with("### ") && !line.code {
            // `### Phase 1 Deliverables`: what stands there is the phase's.
            (open, aside) = (false, String::new());
        } else if open {
            if let Some(stage) = stages.last_mut() {
                gather(stage, line);
            }
        } else if !line.is_blank() {
            match label(&line.text) {
                Some((name, _)) if !line.code => aside = name.to_lowercase(),
                _ if aside.starts_with("core principles") => principles.extend(line.item().map(|(item, _)| String::from(item))),
                _ if aside.starts_with("quality") || aside.starts_with("risk") => {
                    if !plan.extra.contains_key(&aside) {
                        let message = format!("the section `{}` is kept with the plan, and nothing is made of it", aside.escape_debug());
                        ctx.push(Severity::Note, &span, message, None);
                    }
                    let kept = plan.extra.entry(aside.clone()).or_default();
                    kept.push_str(if kept.is_empty() { "" } else { "\n" });
                    kept.push_str(line.text.trim());
                }
                _ => {}
            }
        }
    }
    let numbers: BTreeMap<String, String> = stages.iter().map(|s| (s.number.clone(), id_of(s))).collect();
    let mut draft = Draft::new(plan, Grouping::Named);
    let mut marked: BTreeMap<usize, (Span, Vec<usize>)> = BTreeMap::new();
    for (index, stage) in stages.iter().enumerate() {
        let table = native(ctx, stage, &numbers, &principles);
        let (mut task, mut places) =
            task(ctx, &table, None, &stage.span, index, &|_| Err(String::from("a plan of phases has no prompt files")));
        task.group = Some(GroupId::from(format!("phase-{}", stage.phase)));
        places.group = Some(stage.span.clone());
        (task.ticked, places.tick) = ticked(ctx.text, stage);
        if !stage.phase_mark.is_empty() {
            marked.entry(stage.phase_mark.start).or_insert_with(|| (stage.phase_mark.clone(), Vec::new())).1.push(index);
        }
        draft.push(task, places);
    }
    // Nobody asked for a mark at a phase that has none; one that is there goes when it is no longer true.
    draft.wholes = marked
        .into_values()
        .map(|(span, parts)| Whole { tick: Tick { done: Vec::new(), open: vec![Edit { span, text: String::new() }] }, done: true, parts })
        .collect();
    Some(draft)
}

/// The mark of a heading that says that it is done, blanks before it and all: `✅`, `[x]`, `(done)`, `**COMPLETED**`, and several of them.
/// Empty where there is none.
fn done_mark(line: &str, at: usize) -> Span {
    let full = line.trim_end();
    let mut rest = full;
    loop {
        let lower = rest.to_lowercase();
        let words = DONE.iter().flat_map(|w| [format!("**{w}**"), format!("({w})"), format!("- {w}"), format!("— {w}")]);
        let signs = ["✅", "☑", "✔", "[x]"].into_iter().map(String::from);
        // Lower case may be longer than what it was made of.
        let Some(end) = signs.chain(words).find(|m| lower.ends_with(m.as_str()) && lower.len() == rest.len()).map(|m| m.len()) else {
            break;
        };
        rest = rest[..rest.len() - end].trim_end();
    }
    at + rest.len()..at + full.len()
}

/// Words that say that a stage is done.
const DONE: [&str; 3] = ["completed", "complete", "done"];

/// Whether the stage is done, and how that is written: where it has a status there, else at its heading.
fn ticked(text: &str, stage: &Stage) -> (bool, Option<Tick>) {
    let phase_done = !stage.phase_mark.is_empty();
    let status = stage.sections.iter().find(|(name, _, _)| name.eq_ignore_ascii_case("status"));
    if let Some((value, at)) = status.and_then(|(_, _, lines)| lines.first()) {
        let word = value.to_lowercase();
        // `✅ COMPLETED (2025-10-10)`.
        let word = word.trim_start_matches(|c: char| !c.is_alphanumeric()).split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
        let tick = Tick::either(*at..*at + value.trim_end().len(), "Completed", "Not started");
        // A heading with a mark of its own says it, too.
        let tick = if stage.mark.is_empty() { tick } else { tick.and(unmark(&stage.mark)) };
        return (phase_done || !stage.mark.is_empty() || DONE.contains(&word), Some(tick));
    }
    if stage.mark.is_empty() {
        let end = stage.mark.end;
        return (phase_done, text.get(..end).map(|_| Tick::insert(end, " ✅")));
    }
    (true, Some(unmark(&stage.mark)))
}

fn unmark(mark: &Span) -> Tick {
    Tick { done: Vec::new(), open: vec![Edit { span: mark.clone(), text: String::new() }] }
}

fn id_of(stage: &Stage) -> String {
    format!("phase{}-stage{}", stage.phase, stage.number)
}

fn stage(ctx: &mut Context<'_>, rest: &str, phase: Option<&(String, Span)>, line: &Line<'_>) -> Option<Stage> {
    let span = &(line.at..line.at + line.text.trim_end().len());
    let mark = done_mark(&line.text, line.at);
    let rest = rest.strip_suffix(line.text[mark.start - line.at..mark.end - line.at].trim()).unwrap_or(rest).trim_end();
    let phase_mark = phase.map_or(0..0, |(_, mark)| mark.clone());
    let Some((number, name)) = numbered(rest) else {
        ctx.error_hint(span, "the stage has no number", "write it as `### Stage 1.1: Name`");
        return None;
    };
    if name.is_empty() {
        ctx.error_hint(span, format!("stage {number} has no name"), format!("write it as `### Stage {number}: Name`"));
    }
    let own = number.split('.').next().unwrap_or(number);
    let phase = match phase {
        Some((phase, _)) => phase.as_str(),
        None => {
            ctx.error_hint(
                span,
                format!("stage {number} stands before the first phase"),
                format!("put a heading `## Phase {own}: Name` above it"),
            );
            own
        }
    };
    if own != phase && number.contains('.') {
        let hint = format!("its task is called `phase{phase}-stage{number}`");
        ctx.push(Severity::Warning, span, format!("stage {number} stands in phase {phase}"), Some(hint));
    }
    Some(Stage {
        number: String::from(number),
        phase: String::from(phase),
        name: String::from(name),
        span: span.clone(),
        sections: Vec::new(),
        mark,
        phase_mark,
    })
}

/// `**Objective**: text` and `**Key Activities:**`, also as a list's item: the label, and what stands behind it.
fn label(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let text = super::scan::item_text(text).unwrap_or(text);
    let (inner, after) = text.strip_prefix("**")?.split_once("**")?;
    let after = after.trim_start();
    let name = inner.trim().strip_suffix(':').or_else(|| after.starts_with(':').then_some(inner.trim()))?;
    let name = name.trim();
    (!name.is_empty() && name.len() <= 60).then(|| (name, after.strip_prefix(':').unwrap_or(after).trim()))
}

fn gather(stage: &mut Stage, line: &Line<'_>) {
    // A line across the page ends nothing and says nothing.
    let rule = line.text.trim();
    if !line.code && rule.len() >= 3 && ['-', '*', '_'].iter().any(|c| rule.chars().all(|x| x == *c)) {
        return;
    }
    // An item is a label only where it is one of ours: `- **Cache**: use it` is an activity.
    // `#### Tasks` is a label, too.
    let headed = line.text.strip_prefix("#### ").filter(|_| !line.code).map(|name| (name.trim().trim_end_matches(':'), ""));
    let found = headed.or_else(|| label(&line.text)).filter(|(name, _)| !line.code && (line.item().is_none() || is_known(name)));
    if let Some((name, rest)) = found {
        let at = line.at + line.text.find(name).unwrap_or(0);
        let rest_at = line.at + (rest.as_ptr() as usize).saturating_sub(line.text.as_ptr() as usize);
        let first = (!rest.is_empty()).then(|| (String::from(rest), rest_at));
        stage.sections.push((String::from(name), at..at + name.len(), first.into_iter().collect()));
        return;
    }
    let text = (String::from(line.text.trim_end()), line.at + line.text.len() - line.text.trim_start().len());
    match stage.sections.last_mut() {
        Some((_, _, lines)) => lines.push(text),
        None if !line.is_blank() => stage.sections.push((String::new(), line.at..line.at + 1, vec![text])),
        None => {}
    }
}

/// The words for what has a key of its own.
const CRITERIA: [&str; 3] = ["validation criteria", "success criteria", "acceptance criteria"];
const DEPENDS: [&str; 3] = ["dependencies", "depends on", "dependency"];
const EFFORT: [&str; 4] = ["estimated effort", "effort", "estimate", "estimated time"];
const AGENT: [&str; 4] = ["assigned agent", "assigned agents", "agent", "primary agent"];
const FILES: [&str; 2] = ["owned files", "files"];
const OBJECTIVE: [&str; 2] = ["objective", "goal"];
const ACTIVITIES: [&str; 3] = ["key activities", "activities", "tasks"];
const DELIVERABLES: [&str; 1] = ["deliverables"];
const TEXT: [&str; 2] = ["technical implementation", "status"];

fn is_known(name: &str) -> bool {
    let name = name.to_lowercase();
    [&CRITERIA[..], &DEPENDS, &EFFORT, &AGENT, &FILES, &OBJECTIVE, &ACTIVITIES, &DELIVERABLES, &TEXT]
        .iter()
        .any(|list| list.contains(&name.as_str()))
}

fn native(ctx: &mut Context<'_>, stage: &Stage, numbers: &BTreeMap<String, String>, principles: &[String]) -> Table {
    let mut table = Table::default();
    let span = &stage.span;
    put(&mut table, text_entry("id", id_of(stage), span));
    let (name, when) = match stage.name.strip_suffix(')').and_then(|n| n.rsplit_once('(')) {
        Some((name, when)) if when.to_lowercase().starts_with("week") || when.to_lowercase().starts_with("day") => (name.trim(), when),
        _ => (stage.name.as_str(), ""),
    };
    put(&mut table, text_entry("title", String::from(name), span));
    keep(&mut table, "when", String::from(when), span);
    let mut sections = Sections::default();
    for (label, at, lines) in &stage.sections {
        let lower = label.to_lowercase();
        let items = || -> Vec<(String, Span)> {
            let texts = lines.iter().filter(|(t, _)| !t.trim().is_empty());
            let text = |t: &str| String::from(unchecked(super::scan::item_text(t.trim()).unwrap_or(t.trim())));
            texts.map(|(t, start)| (text(t), *start..*start + t.trim().len())).collect()
        };
        let listed = [("criteria", &CRITERIA[..]), ("activities", &ACTIVITIES), ("deliverables", &DELIVERABLES)];
        if let Some((key, _)) = listed.iter().find(|(key, words)| words.contains(&lower.as_str()) && table.get(key).is_none()) {
            put(&mut table, list_entry(key, with_parts(lines), at));
        } else if OBJECTIVE.contains(&lower.as_str()) && table.get("objective").is_none() {
            let text: Vec<String> = items().into_iter().map(|(t, _)| t).collect();
            put(&mut table, text_entry("objective", text.join("\n"), at));
        } else if DEPENDS.contains(&lower.as_str()) {
            let depends = items().into_iter().flat_map(|(text, place)| depends(&text, &place, numbers)).collect();
            put(&mut table, list_entry("depends", depends, at));
        } else if FILES.contains(&lower.as_str()) {
            let files = items().into_iter().flat_map(|(text, place)| {
                let paths: Vec<_> = text.split(',').map(|p| String::from(p.trim().trim_matches('`'))).filter(|p| !p.is_empty()).collect();
                paths.into_iter().map(move |p| (p, place.clone()))
            });
            put(&mut table, list_entry("owns", files.collect(), at));
        } else if lower == "status" {
            // Whether it is done is read elsewhere, and nothing for the agent; what stands below it is.
            let body: Vec<&str> = lines.iter().skip(1).map(|(t, _)| t.as_str()).collect();
            sections.plain(body.join("\n").trim_matches('\n'));
        } else if AGENT.contains(&lower.as_str()) {
            let names: Vec<(String, Span)> = items().into_iter().flat_map(|(text, place)| divided(&text, &place)).collect();
            if let Some((first, place)) = names.first() {
                put(&mut table, text_entry("agent", first.to_lowercase(), place));
                let rest = names[1..].iter().map(|(n, p)| (n.to_lowercase(), p.clone())).collect();
                put(&mut table, list_entry("fallbacks", rest, at));
            }
        } else if EFFORT.contains(&lower.as_str()) {
            for (text, place) in items() {
                match effort(&text) {
                    Some(time) => put(&mut table, text_entry("estimate", format!("{}s", time.as_secs()), &place)),
                    None => {
                        let hint = "write it as `3 hours`, `2 days` or `1 week`";
                        ctx.push(
                            Severity::Warning,
                            &place,
                            format!("`{text}` is no effort that is understood, and is ignored"),
                            Some(String::from(hint)),
                        );
                        keep(&mut table, &lower, text, &place);
                    }
                }
            }
        } else {
            let body: Vec<&str> = lines.iter().map(|(t, _)| t.as_str()).collect();
            sections.add(label, body.join("\n").trim_matches('\n'));
        }
    }
    sections.list("Principles of the whole plan", principles);
    sections.into_prompt(&mut table, span);
    table
}

/// The items of a list; what is nested in one follows it behind a colon.
fn with_parts(lines: &[(String, usize)]) -> Vec<(String, Span)> {
    let mut out: Vec<(String, Span)> = Vec::new();
    let mut first: Option<usize> = None;
    let mut parts = 0;
    for (line, at) in lines.iter().filter(|(t, _)| !t.trim().is_empty()) {
        let text = line.trim();
        let item = super::scan::item_text(text);
        let bare = unchecked(item.unwrap_or(text));
        let indent = line.len() - line.trim_start().len();
        let top = *first.get_or_insert(indent);
        match out.last_mut().filter(|_| indent > top) {
            Some((above, place)) => {
                let between = if item.is_none() {
                    " "
                } else if parts == 0 && !above.ends_with(':') {
                    ": "
                } else if parts == 0 {
                    " "
                } else {
                    "; "
                };
                parts += usize::from(item.is_some());
                above.push_str(between);
                above.push_str(bare);
                place.end = at + text.len();
            }
            None => {
                parts = 0;
                out.push((String::from(bare), *at..*at + text.len()));
            }
        }
    }
    out
}

/// Without a checkbox.
fn unchecked(item: &str) -> &str {
    ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| item.strip_prefix(mark)).unwrap_or(item)
}

fn divided(text: &str, place: &Span) -> Vec<(String, Span)> {
    let none = |t: &str| matches!(t.to_lowercase().as_str(), "" | "none" | "none." | "-" | "n/a");
    text.split([',', ';']).map(str::trim).filter(|t| !none(t)).map(|t| (String::from(t.trim_matches('`')), place.clone())).collect()
}

/// `Stage 1.1`, `1.1` or a task's id, as ids; what is none of them is left for the check of all dependencies.
fn depends(text: &str, place: &Span, numbers: &BTreeMap<String, String>) -> Vec<(String, Span)> {
    let id = |word: String| {
        let number = word.strip_prefix("Stage ").or_else(|| word.strip_prefix("stage ")).unwrap_or(&word);
        let number = numbered(number).map_or(number, |(n, _)| n);
        numbers.get(number).cloned().unwrap_or(word)
    };
    divided(text, place).into_iter().map(|(word, place)| (id(word), place)).collect()
}

/// `3 days`, `2-4 hours` (the longer), with working days of eight hours and weeks of five of them.
fn effort(text: &str) -> Option<Duration> {
    let lower = text.to_lowercase();
    let mut words = lower.split([' ', '-', '–', '~']).filter(|w| !w.is_empty());
    let mut count: Option<f64> = None;
    let unit = words.find(|word| match word.parse::<f64>() {
        Ok(n) => {
            count = Some(count.map_or(n, |c| c.max(n)));
            false
        }
        Err(_) => count.is_some() && !matches!(*word, "to" | "or"),
    })?;
    let hours = match unit.trim_matches(|c: char| !c.is_alphabetic()) {
        "minute" | "minutes" | "min" => 1.0 / 60.0,
        "hour" | "hours" | "h" => 1.0,
        "day" | "days" => 8.0,
        "week" | "weeks" => 40.0,
        _ => return None,
    };
    let hours = count? * hours;
    let seconds = (hours * 3600.0).round();
    if (1.0..=24.0 * 365.0 * 3600.0).contains(&seconds) { Duration::try_from_secs_f64(seconds).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_their_colon_inside_or_outside() {
        assert_eq!(label("**Objective**: Build it"), Some(("Objective", "Build it")));
        assert_eq!(label("**Key Activities:**"), Some(("Key Activities", "")));
        assert_eq!(label("- **Cache:** use it"), Some(("Cache", "use it")));
        assert_eq!((label("**bold** text"), label("plain: text"), label("****:")), (None, None, None));
    }

    #[test]
    fn efforts_are_spans_of_work() {
        for (text, hours) in [("3 hours", 3.0), ("2-4 days", 32.0), ("1 week", 40.0), ("~30 min", 0.5), ("1 to 2 days.", 16.0)] {
            assert_eq!(effort(text).map(|d| d.as_secs_f64() / 3600.0), Some(hours), "{text}");
        }
        for text in ["soon", "3", "0 days", "5 points", "1e300 days"] {
            assert_eq!(effort(text), None, "{text}");
        }
    }
}
