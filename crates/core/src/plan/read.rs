//! Which format a text is in, and the way from text to a checked plan. Reads no files: `prompt_file`s come through the caller.

use super::context::Context;
use super::diagnostic::{Diagnostic, Severity};
use super::draft::Draft;
use super::model::Plan;
use super::node::{Node, Table, Value};
use super::{
    array, beads, group_rules, json, kitty, markdown, native, packages, phases, prd, spec_kit, stages, task_master, toml, validate, yaml,
};

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
    /// Spec Kit's `tasks.md`: phases, `T001`, `[P]`, `[US1]`; also cc-sdd's with `(P)`.
    SpecKit,
    /// Markdown with `## Phase N` and `### Stage X.Y`.
    Phases,
    /// JSON with `package_id`s and a matrix of who owns which file.
    WorkPackages,
    /// The issues of beads: `issues.jsonl`, or what `bd … --json` prints.
    Beads,
    /// task-master's `tasks.json`.
    TaskMaster,
    /// Spec Kitty's work packages: `wps.yaml`, or files with front matter.
    SpecKitty,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Toml,
        Self::Json,
        Self::Markdown,
        Self::Array,
        Self::Prd,
        Self::SpecKit,
        Self::Phases,
        Self::WorkPackages,
        Self::Beads,
        Self::TaskMaster,
        Self::SpecKitty,
    ];

    /// What it is, in a few words for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Toml => "The native plan in TOML",
            Self::Json => "The native plan in JSON",
            Self::Markdown => "A list of tasks with [P:Group-X] markers",
            Self::Array => "A JSON array of {id, description}",
            Self::Prd => "A prd.json",
            Self::SpecKit => "Spec Kit's tasks.md, also cc-sdd's",
            Self::Phases => "Markdown with phases and stages",
            Self::WorkPackages => "Work packages in JSON",
            Self::Beads => "Issues of beads: issues.jsonl, or what bd prints",
            Self::TaskMaster => "task-master's tasks.json",
            Self::SpecKitty => "Spec Kitty's work packages",
        }
    }

    /// As `--format` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Array => "array",
            Self::Prd => "prd",
            Self::SpecKit => "spec-kit",
            Self::Phases => "phases",
            Self::WorkPackages => "work-packages",
            Self::Beads => "beads",
            Self::TaskMaster => "task-master",
            Self::SpecKitty => "spec-kitty",
        }
    }
}

/// A plan's text and what is needed to read it.
pub struct PlanSource<'a> {
    /// The path as it was given: for messages, and for the id of a plan that has none.
    pub path: String,
    /// The text.
    pub text: String,
    /// Further files of the same plan, in order: path and text. Spec Kitty has a file for each work package.
    pub more: Vec<(String, String)>,
    /// The folder of a PRD (`PRD-001` of `prds/active/PRD-001`): the plan's id where it names none.
    pub folder_id: Option<String>,
    /// Reads a `prompt_file`, given as the plan writes it: relative to the plan's folder. Its error follows "cannot be read: ".
    pub files: &'a dyn Fn(&str) -> Result<String, String>,
    /// The format; `None` recognises it by content.
    pub format: Option<Format>,
}

impl<'a> PlanSource<'a> {
    /// One file, whose format shows in its content.
    pub fn new(path: impl Into<String>, text: impl Into<String>, files: &'a dyn Fn(&str) -> Result<String, String>) -> Self {
        Self { path: path.into(), text: text.into(), more: Vec::new(), folder_id: None, files, format: None }
    }
}

/// What came of reading a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The plan, if nothing in it is an error.
    pub plan: Option<Plan>,
    /// Everything that was found, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The format that it was read as; `None` where none was recognised.
    pub format: Option<Format>,
}

/// Reads and checks a plan. It never fails: what is wrong is in the diagnostics, all of it at once.
#[must_use]
pub fn read(source: &PlanSource<'_>) -> Reading {
    read_with(source, |_| ()).0
}

/// The same, and what `look` makes of the draft of a plan without errors.
pub(super) fn read_with<T>(source: &PlanSource<'_>, look: impl FnOnce(&Draft) -> T) -> (Reading, Option<T>) {
    let text = without_bom(&source.text);
    let joined = joined(text, &source.path, &source.more);
    let mut ctx = match &joined {
        Some((text, parts)) => Context::of_parts(&source.path, text, parts.clone()),
        None => Context::new(&source.path, text),
    };
    let text = ctx.text;
    let mut format = source.format;
    let draft = if text.len() > TEXT_BYTES_MAX {
        ctx.whole_file(Severity::Error, format!("the plan is longer than {} MB", TEXT_BYTES_MAX >> 20), None);
        None
    } else if text.trim().is_empty() {
        ctx.whole_file(Severity::Error, "the plan is empty", Some(String::from("a plan needs at least one task")));
        None
    } else {
        draft(&mut ctx, source, &mut format)
    };
    let Some(mut draft) = draft else { return (Reading { plan: None, diagnostics: ctx.finish(), format }, None) };
    draft.plan.source.clone_from(&source.path);
    stages::assign(&mut ctx, &mut draft);
    group_rules::apply(&mut ctx, &mut draft);
    validate::check(&mut ctx, &draft);
    let good = !ctx.has_errors();
    if good && format == Some(Format::Markdown) {
        markdown::say_that_nothing_waits(&mut ctx, &draft);
    }
    let looked = good.then(|| look(&draft));
    (Reading { plan: good.then_some(draft.plan), diagnostics: ctx.finish(), format }, looked)
}

/// Without the mark that some editors put before UTF-8 text.
pub(super) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The texts of all files behind each other, each on lines of its own, and where each begins.
pub(super) fn joined(text: &str, path: &str, more: &[(String, String)]) -> Option<(String, Vec<(usize, String)>)> {
    if more.is_empty() {
        return None;
    }
    let (mut all, mut parts) = (String::new(), Vec::new());
    for (path, text) in std::iter::once((path, text)).chain(more.iter().map(|(p, t)| (p.as_str(), without_bom(t)))) {
        if !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        parts.push((all.len(), String::from(path)));
        all.push_str(text);
    }
    Some((all, parts))
}

fn draft(ctx: &mut Context<'_>, source: &PlanSource<'_>, format: &mut Option<Format>) -> Option<Draft> {
    let id = default_id(source);
    let files = source.files;
    let found = match *format {
        Some(format) => format,
        None => match recognise(ctx.text, &source.path) {
            Guess::Known(format) => format,
            Guess::Json => {
                let node = json::parse(ctx)?;
                *format = dialect(&node);
                return from_json(ctx, &node, *format, &id, source);
            }
        },
    };
    *format = Some(found);
    match found {
        Format::Toml => {
            let table = toml::parse(ctx)?;
            Some(native::plan(ctx, &table, &id, files))
        }
        Format::Markdown => markdown::draft(ctx, &id, files),
        Format::SpecKit => spec_kit::draft(ctx, &id, files),
        Format::Phases => phases::draft(ctx, &id),
        Format::SpecKitty if has_work_package_list(ctx.text) || !ctx.text.starts_with("---") => {
            let table = yaml::document(ctx)?;
            kitty::list(ctx, &table, &id, files)
        }
        Format::SpecKitty => kitty::files(ctx, &id, files),
        Format::Beads if json::is_lines(ctx.text, &source.path) => {
            let issues = json::parse_lines(ctx);
            beads::draft(ctx, &issues, &id)
        }
        Format::Json | Format::Array | Format::Prd | Format::WorkPackages | Format::Beads | Format::TaskMaster => {
            let node = json::parse(ctx)?;
            from_json(ctx, &node, Some(found), &id, source)
        }
    }
}

/// The dialect shows in the keys.
fn dialect(node: &Node) -> Option<Format> {
    let has = |t: &Table, names: &[&str]| names.iter().any(|n| t.get(n).is_some());
    let of_item = |t: &Table| {
        if has(t, &["package_id"]) {
            Some(Format::WorkPackages)
        } else if has(t, &["issue_type", "dependency_count"]) || (has(t, &["created_at"]) && has(t, &["status"])) {
            Some(Format::Beads)
        } else {
            None
        }
    };
    match &node.value {
        Value::List(list) => list.iter().find_map(Node::table).and_then(of_item).or(Some(Format::Array)),
        Value::Table(t) if has(t, &["userStories", "stories"]) => Some(Format::Prd),
        Value::Table(t) if packages::is_document(t) => Some(Format::WorkPackages),
        Value::Table(t) if task_master::is_document(t) => Some(Format::TaskMaster),
        Value::Table(t) if prd::has_stories(t) => Some(Format::Prd),
        Value::Table(t) if has(t, &["task", "tasks"]) => Some(Format::Json),
        Value::Table(t) if has(t, &["schema_version"]) && has(t, &["data"]) => Some(Format::Beads),
        Value::Table(t) => of_item(t),
        _ => None,
    }
}

fn from_json(ctx: &mut Context<'_>, node: &Node, format: Option<Format>, id: &str, source: &PlanSource<'_>) -> Option<Draft> {
    match format {
        Some(Format::Array) => array::draft(ctx, node, id),
        Some(Format::Prd) => prd::draft(ctx, node, id),
        Some(Format::WorkPackages) => packages::draft(ctx, node, id),
        Some(Format::Beads) => {
            let issues = beads::issues(ctx, node)?;
            beads::draft(ctx, &issues, id)
        }
        Some(Format::TaskMaster) => task_master::draft(ctx, node, id, source.files),
        Some(_) => native::top_table(ctx, node).map(|table| native::plan(ctx, table, id, source.files)),
        None => {
            let hint = "it has neither `tasks` (the native plan, task-master) nor `userStories` (a prd.json) nor `work_packages`, and is no list of tasks";
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
        // The files of these formats have the same name everywhere.
        "prd" | "tasks" | "wps" | "issues" => match parts.next() {
            Some("tasks") => parts.next().unwrap_or(stem).trim_start_matches('.'),
            Some(folder) => folder.trim_start_matches('.'),
            None => stem,
        },
        wp if wp.strip_prefix("WP").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())) => match parts.next() {
            Some("tasks") => parts.next().unwrap_or(stem),
            folder => folder.unwrap_or(stem),
        },
        "" | "-" => "plan",
        stem => stem,
    };
    name.chars().filter(|c| !c.is_control()).collect()
}

#[derive(Debug, PartialEq)]
enum Guess {
    /// Which one, its keys will say.
    Json,
    Known(Format),
}

/// By content alone, but where it may be either.
fn recognise(text: &str, path: &str) -> Guess {
    match guess(text, path) {
        Syntax::Json if json::is_lines(text, path) => Guess::Known(Format::Beads),
        Syntax::Json => Guess::Json,
        Syntax::Toml => Guess::Known(Format::Toml),
        Syntax::Yaml => Guess::Known(Format::SpecKitty),
        Syntax::Markdown if kitty::is_work_package(text) => Guess::Known(Format::SpecKitty),
        Syntax::Markdown if phases::is_phase_plan(text) => Guess::Known(Format::Phases),
        Syntax::Markdown if spec_kit::is_task_list(text) => Guess::Known(Format::SpecKit),
        Syntax::Markdown => Guess::Known(Format::Markdown),
    }
}

#[derive(Debug, PartialEq)]
enum Syntax {
    Json,
    Toml,
    Markdown,
    Yaml,
}

/// Spec Kitty's `wps.yaml`: the key stands at a line's begin.
fn has_work_package_list(text: &str) -> bool {
    text.lines().any(|l| l.trim_end() == "work_packages:" || l.starts_with("work_packages: "))
}

/// By content; the file's extension decides only where the content may be either.
fn guess(text: &str, path: &str) -> Syntax {
    let start = text.trim_start();
    if start.starts_with('{') {
        return Syntax::Json;
    }
    let extension = path.rsplit_once('.').map_or(String::new(), |(_, e)| e.to_ascii_lowercase());
    if let Some(rest) = start.strip_prefix('[') {
        // `[{`, `["` and `[]` begin a list of JSON; `[defaults]` and `[[task]]` a table of TOML; `[text](…)` is Markdown's.
        let rest = rest.trim_start();
        if rest.starts_with(['{', ']', '"']) || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') || extension == "json" {
            return Syntax::Json;
        }
    }
    if matches!(extension.as_str(), "yaml" | "yml") || (has_work_package_list(text) && !start.starts_with("---\n")) {
        return Syntax::Yaml;
    }
    let toml = text.lines().any(is_toml_line);
    let markdown = start.starts_with("---") || text.lines().any(is_task_line);
    match (toml, markdown, extension.as_str()) {
        (_, _, "json") => Syntax::Json,
        (true, false, _) | (true, true, "toml") | (false, false, "toml") => Syntax::Toml,
        (true, true, "md" | "markdown") | (false, ..) => Syntax::Markdown,
        // A TOML text may quote Markdown in a prompt, and the other way round: what comes first decides.
        (true, true, _) => match text.lines().find(|l| is_toml_line(l) || is_task_line(l) || l.starts_with("---")) {
            Some(line) if is_toml_line(line) => Syntax::Toml,
            _ => Syntax::Markdown,
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
            ("{\"tasks\": []}", "x.toml", Syntax::Json),
            (" [{\"id\": 1}]", "x", Syntax::Json),
            ("[[task]]\nid = 'a'", "x.md", Syntax::Toml),
            ("[defaults]\nagent = 'a'", "x", Syntax::Toml),
            ("# A comment\nname = 'x'\n[[task]]", "x", Syntax::Toml),
            ("# Title\n\n- [ ] a", "x.toml", Syntax::Markdown),
            ("- [ ] 1.2 [P:Group-A] x", "x", Syntax::Markdown),
            ("* [P:group-a] x", "x", Syntax::Markdown),
            ("---\nname: x\n---\n- [ ] x", "x", Syntax::Markdown),
            ("[[task]]\nprompt = '''\n- [ ] x\n'''", "x", Syntax::Toml),
            ("- [ ] x\n```\n[task]\n```", "x.md", Syntax::Markdown),
            ("- [ ] x\n```\n[task]\n```", "x", Syntax::Markdown),
            ("oops", "x.toml", Syntax::Toml),
            ("oops", "x.json", Syntax::Json),
            ("oops", "x", Syntax::Markdown),
        ] {
            assert_eq!(guess(text, path), expected, "{text} in {path}");
        }
    }

    #[test]
    fn a_plan_without_id_has_its_files_or_its_folders() {
        let id = |path: &str, folder: Option<&str>| {
            let files = |_: &str| Err(String::new());
            default_id(&PlanSource { folder_id: folder.map(String::from), ..PlanSource::new(path, "", &files) })
        };
        assert_eq!(id("plans/rate-limit.toml", None), "rate-limit");
        assert_eq!(id("prds/active/PRD-7/prd.json", Some("PRD-7")), "PRD-7");
        assert_eq!(id("x/PRD-8/prd.json", None), "PRD-8");
        assert_eq!((id("prd.json", None), id("-", None), id("", None)), (String::from("prd"), String::from("plan"), String::from("plan")));
    }
}
