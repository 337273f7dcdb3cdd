//! Which format a text is in, and the way from text to a checked plan. Reads no files: `prompt_file`s come through the caller.

use super::context::Context;
use super::diagnostic::{Diagnostic, Severity};
use super::draft::Draft;
use super::model::Plan;
use super::node::{Node, Value};
use super::{array, json, markdown, native, prd, stages, toml, validate};

/// Longest plan in bytes.
const TEXT_BYTES_MAX: usize = 10 << 20;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The native plan in TOML.
    Toml,
    /// The native plan in JSON.
    Json,
    /// The native plan in Markdown: list items with `[P:Group-X]` markers.
    Markdown,
    /// A JSON array of `{id, description}`.
    Array,
    /// `prd.json` in the snarktank, ralph-tui and claude-loop dialects.
    Prd,
}

/// A plan's text and what is needed to read it.
pub struct PlanSource<'a> {
    /// The path as it was given: for messages, and for the id of a plan that has none.
    pub path: String,
    /// The text.
    pub text: String,
    /// The folder of a PRD (`PRD-001` of `prds/active/PRD-001`): the plan's id where it names none.
    pub folder_id: Option<String>,
    /// Reads a `prompt_file`, given as the plan writes it: relative to the plan's folder. Its error follows "cannot be read: ".
    pub files: &'a dyn Fn(&str) -> Result<String, String>,
    /// The format; `None` recognises it by content.
    pub format: Option<Format>,
}

/// What came of reading a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The plan, if nothing in it is an error.
    pub plan: Option<Plan>,
    /// Everything that was found, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a plan. It never fails: what is wrong is in the diagnostics, all of it at once.
#[must_use]
pub fn read(source: &PlanSource<'_>) -> Reading {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut ctx = Context::new(&source.path, text);
    let draft = if text.len() > TEXT_BYTES_MAX {
        ctx.whole_file(Severity::Error, format!("the plan is longer than {} MB", TEXT_BYTES_MAX >> 20), None);
        None
    } else if text.trim().is_empty() {
        ctx.whole_file(Severity::Error, "the plan is empty", Some(String::from("a plan needs at least one task")));
        None
    } else {
        draft(&mut ctx, source)
    };
    let Some(mut draft) = draft else { return Reading { plan: None, diagnostics: ctx.finish() } };
    draft.plan.source.clone_from(&source.path);
    stages::assign(&mut ctx, &mut draft);
    validate::check(&mut ctx, &draft);
    let plan = (!ctx.has_errors()).then_some(draft.plan);
    Reading { plan, diagnostics: ctx.finish() }
}

fn draft(ctx: &mut Context<'_>, source: &PlanSource<'_>) -> Option<Draft> {
    let id = default_id(source);
    match source.format {
        Some(Format::Toml) => from_toml(ctx, &id, source),
        Some(Format::Markdown) => markdown::draft(ctx, &id, source.files),
        Some(format) => json::parse(ctx).and_then(|node| from_json(ctx, &node, Some(format), &id, source)),
        None => match guess(ctx.text, &source.path) {
            Guess::Json => json::parse(ctx).and_then(|node| from_json(ctx, &node, None, &id, source)),
            Guess::Toml => from_toml(ctx, &id, source),
            Guess::Markdown => markdown::draft(ctx, &id, source.files),
        },
    }
}

fn from_toml(ctx: &mut Context<'_>, id: &str, source: &PlanSource<'_>) -> Option<Draft> {
    let table = toml::parse(ctx)?;
    Some(native::plan(ctx, &table, id, source.files))
}

/// The dialect shows in the keys.
fn from_json(ctx: &mut Context<'_>, node: &Node, format: Option<Format>, id: &str, source: &PlanSource<'_>) -> Option<Draft> {
    let keys = |names: &[&str]| node.table().is_some_and(|t| names.iter().any(|n| t.get(n).is_some()));
    let format = format.or(match &node.value {
        Value::List(_) => Some(Format::Array),
        Value::Table(_) if keys(&["userStories", "stories"]) => Some(Format::Prd),
        Value::Table(_) if keys(&["task", "tasks"]) => Some(Format::Json),
        _ => None,
    });
    match format {
        Some(Format::Array) => array::draft(ctx, node, id),
        Some(Format::Prd) => prd::draft(ctx, node, id),
        Some(_) => native::top_table(ctx, node).map(|table| native::plan(ctx, table, id, source.files)),
        None => {
            let hint = "it has neither `tasks` (the native plan) nor `userStories` (a prd.json), and is no list of tasks";
            ctx.error_hint(&(node.span.start..node.span.start + 1), "this JSON is not a plan that Greenlane knows", hint);
            None
        }
    }
}

/// The plan's `id` where it names none: its PRD's folder, else its file's name without extension.
fn default_id(source: &PlanSource<'_>) -> String {
    if let Some(folder) = source.folder_id.as_deref().filter(|f| !f.trim().is_empty()) {
        return String::from(folder);
    }
    let mut parts = source.path.rsplit(['/', '\\']).filter(|p| !p.is_empty() && *p != "." && *p != "..");
    let file = parts.next().unwrap_or("");
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name = match stem {
        // Every PRD's file has the same name.
        "prd" => parts.next().unwrap_or(stem),
        "" | "-" => "plan",
        stem => stem,
    };
    name.chars().filter(|c| !c.is_control()).collect()
}

#[derive(Debug, PartialEq)]
enum Guess {
    Json,
    Toml,
    Markdown,
}

/// By content; the file's extension decides only where the content may be either.
fn guess(text: &str, path: &str) -> Guess {
    let start = text.trim_start();
    if start.starts_with('{') {
        return Guess::Json;
    }
    let extension = path.rsplit_once('.').map_or(String::new(), |(_, e)| e.to_ascii_lowercase());
    if let Some(rest) = start.strip_prefix('[') {
        // `[{`, `["` and `[]` begin a list of JSON; `[defaults]` and `[[task]]` a table of TOML; `[text](…)` is Markdown's.
        let rest = rest.trim_start();
        if rest.starts_with(['{', ']', '"']) || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') || extension == "json" {
            return Guess::Json;
        }
    }
    let toml = text.lines().any(is_toml_line);
    let markdown = start.starts_with("---") || text.lines().any(is_task_line);
    match (toml, markdown, extension.as_str()) {
        (_, _, "json") => Guess::Json,
        (true, false, _) | (true, true, "toml") | (false, false, "toml") => Guess::Toml,
        (true, true, "md" | "markdown") | (false, ..) => Guess::Markdown,
        // A TOML text may quote Markdown in a prompt, and the other way round: what comes first decides.
        (true, true, _) => match text.lines().find(|l| is_toml_line(l) || is_task_line(l) || l.starts_with("---")) {
            Some(line) if is_toml_line(line) => Guess::Toml,
            _ => Guess::Markdown,
        },
    }
}

/// `[table]`, `[[table]]` or `key = value` at the line's start.
fn is_toml_line(line: &str) -> bool {
    let word = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | ' '));
    let line = line.trim_end();
    match line.strip_prefix('[') {
        Some(rest) => {
            let rest = rest.strip_prefix('[').unwrap_or(rest);
            rest.split_once(']').is_some_and(|(name, after)| word(name.trim()) && !after.starts_with(['(', ':']))
        }
        None => line.split_once('=').is_some_and(|(key, _)| word(key.trim()) && !key.trim().contains(' ')),
    }
}

/// A list item with a checkbox or a marker.
fn is_task_line(line: &str) -> bool {
    let line = line.trim_start();
    let Some(item) = super::scan::item_text(line) else { return false };
    let lower = item.to_ascii_lowercase();
    lower.starts_with("[ ]") || lower.starts_with("[x]") || lower.contains("[p:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_shows_in_the_content() {
        for (text, path, expected) in [
            ("{\"tasks\": []}", "x.toml", Guess::Json),
            (" [{\"id\": 1}]", "x", Guess::Json),
            ("[[task]]\nid = 'a'", "x.md", Guess::Toml),
            ("[defaults]\nagent = 'a'", "x", Guess::Toml),
            ("# A comment\nname = 'x'\n[[task]]", "x", Guess::Toml),
            ("# Title\n\n- [ ] a", "x.toml", Guess::Markdown),
            ("- [ ] 1.2 [P:Group-A] x", "x", Guess::Markdown),
            ("* [P:group-a] x", "x", Guess::Markdown),
            ("---\nname: x\n---\n- [ ] x", "x", Guess::Markdown),
            ("[[task]]\nprompt = '''\n- [ ] x\n'''", "x", Guess::Toml),
            ("- [ ] x\n```\n[task]\n```", "x.md", Guess::Markdown),
            ("- [ ] x\n```\n[task]\n```", "x", Guess::Markdown),
            ("oops", "x.toml", Guess::Toml),
            ("oops", "x.json", Guess::Json),
            ("oops", "x", Guess::Markdown),
        ] {
            assert_eq!(guess(text, path), expected, "{text} in {path}");
        }
    }

    #[test]
    fn a_plan_without_id_has_its_files_or_its_folders() {
        let id = |path: &str, folder: Option<&str>| {
            let files = |_: &str| Err(String::new());
            default_id(&PlanSource {
                path: String::from(path),
                text: String::new(),
                folder_id: folder.map(String::from),
                files: &files,
                format: None,
            })
        };
        assert_eq!(id("plans/rate-limit.toml", None), "rate-limit");
        assert_eq!(id("prds/active/PRD-7/prd.json", Some("PRD-7")), "PRD-7");
        assert_eq!(id("x/PRD-8/prd.json", None), "PRD-8");
        assert_eq!((id("prd.json", None), id("-", None), id("", None)), (String::from("prd"), String::from("plan"), String::from("plan")));
    }
}
