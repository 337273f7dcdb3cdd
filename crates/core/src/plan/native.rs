//! The native plan's keys, the same in TOML, JSON and Markdown: tables in, tasks out. Knows nothing of syntax.

use std::collections::BTreeMap;

use super::branch::check_branch;
use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping, Places};
use super::fields::{Fields, VALUE_BYTES_MAX};
use super::group_rules;
use super::model::{Group, PRIORITY_DEFAULT, Plan, SkillFailure, Task};
use super::node::{Node, Table};
use super::suggest;
use super::tick::Tick;
use crate::ids::{GroupId, PlanId, TaskId};
use crate::overlap::Glob;
use crate::tracker::Issue;

/// The keys of a plan; docs/plan.schema.json has the same.
pub const PLAN_KEYS: [&str; 14] = [
    "name",
    "id",
    "base",
    "branch",
    "verify",
    "verify_timeout",
    "jobs",
    "generated",
    "group_order",
    "groups",
    "extra",
    "defaults",
    "task",
    "tasks",
];
/// The last of them, which Markdown has as list items.
const TASK_LISTS: usize = 2;

/// The plan's keys without its tasks.
pub(super) fn header_keys() -> &'static [&'static str] {
    &PLAN_KEYS[..PLAN_KEYS.len() - TASK_LISTS]
}

/// The keys of a task; docs/plan.schema.json has the same.
pub const TASK_KEYS: [&str; 34] = [
    "id",
    "title",
    "prompt",
    "prompt_file",
    "objective",
    "activities",
    "deliverables",
    "contracts",
    "depends",
    "group",
    "owns",
    "agent",
    "candidates",
    "fallbacks",
    "model",
    "role",
    "skills",
    "skill_timeout",
    "skill_failure",
    "criteria",
    "check",
    "priority",
    "retries",
    "repairs",
    "timeout",
    "stall_timeout",
    "check_timeout",
    "budget",
    "estimate",
    "issue",
    "env",
    "run",
    "ticked",
    "extra",
];

/// Words that other tools have for our keys.
const SYNONYMS: [(&str, &str); 20] = [
    ("dependencies", "depends"),
    ("depends_on", "depends"),
    ("dependson", "depends"),
    ("needs", "depends"),
    ("after", "depends"),
    ("requires", "depends"),
    ("files", "owns"),
    ("filescope", "owns"),
    ("paths", "owns"),
    ("description", "prompt"),
    ("instructions", "prompt"),
    ("command", "run"),
    ("cmd", "run"),
    ("script", "run"),
    ("test", "check"),
    ("tests", "check"),
    ("retry", "retries"),
    ("name", "title"),
    ("acceptance_criteria", "criteria"),
    ("subagent_type", "role"),
];

/// How alike an unknown key must be to be an error and not a mere warning: `depend`, `own`, `chek`.
const KEY_ALIKE_MIN: f64 = 0.74;
/// Most attempts at once and most retries that make any sense.
const JOBS_MAX: u32 = 1000;
const RETRIES_MAX: u32 = 100;
/// Most bytes of all tasks together: defaults and prompt files are in each task that has them, so that a short plan may stand for much
/// more than fits into memory.
const FILLED_BYTES_MAX: usize = 64 << 20;
/// Longest id and group name in characters.
const ID_CHARS_MAX: usize = 200;

/// Reads `prompt_file`s; relative to the plan's folder.
pub(super) type Files<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads a plan out of its table.
pub(super) fn plan(ctx: &mut Context<'_>, table: &Table, default_id: &str, files: Files<'_>) -> Draft {
    unknown_keys(ctx, table, &PLAN_KEYS, "in the plan");
    let mut draft = Draft::new(header(ctx, table, default_id), Grouping::Named);
    draft.group_rules = group_rules::read(ctx, table);
    let defaults = defaults(ctx, table, files);
    if let (Some(_), Some(second)) = (table.entry("task"), table.entry("tasks")) {
        ctx.error(&second.key_span, "the plan has both `task` and `tasks`");
    }
    let Some(entry) = table.entry("task").or_else(|| table.entry("tasks")) else { return draft };
    let Some(list) = entry.node.list() else {
        // JSON's keys are quoted where they stand.
        let json = ctx.text[entry.key_span.clone()].starts_with('"');
        let hint = if json { "write a list: \"tasks\": [{…}, {…}]" } else { "write `[[task]]`, with two brackets, for each task" };
        ctx.error_hint(&entry.key_span, format!("`{}` must be a list of tasks, not {}", entry.key, entry.node.kind()), hint);
        return draft;
    };
    for (index, node) in list.iter().enumerate() {
        let Some(own) = node.table() else {
            ctx.error(&node.span, format!("a task must be a table, not {}", node.kind()));
            continue;
        };
        let (task, mut places) = task(ctx, own, defaults, &node.span, index, files);
        // JSON has a colon behind its keys.
        let json = own.entries.first().is_some_and(|e| ctx.text[e.key_span.end..e.node.span.start].trim_start().starts_with(':'));
        places.tick =
            if json { Tick::json(ctx.text, own, "ticked", &["title", "id"], "true", "false") } else { Tick::toml(ctx.text, own, "ticked") };
        draft.push(task, places);
    }
    draft
}

/// The plan's own keys.
pub(super) fn header(ctx: &mut Context<'_>, table: &Table, default_id: &str) -> Plan {
    let fields = Fields::new(table, None);
    let mut plan = Plan::new(PlanId::from(default_id));
    if let Some((id, span)) = fields.text_at(ctx, "id") {
        check_plan_id(ctx, &id, &span);
        plan.id = PlanId::from(id);
    }
    plan.name = fields.text(ctx, "name").unwrap_or_else(|| plan.id.to_string());
    if let Some((base, span)) = fields.text_at(ctx, "base") {
        if base.starts_with('-') || base.chars().any(|c| c.is_whitespace() || c.is_control()) {
            ctx.error(&span, format!("`{base}` cannot be a revision"));
        }
        plan.base = Some(base);
    }
    if let Some((branch, span)) = fields.text_at(ctx, "branch") {
        if let Err(why) = check_branch(&branch) {
            ctx.error(&span, format!("`{}` cannot be a branch: it {why}", branch.escape_debug()));
        }
        plan.branch = Some(branch);
    }
    plan.verify = fields.texts(ctx, "verify");
    plan.verify_timeout = fields.duration(ctx, "verify_timeout");
    plan.jobs = fields.number(ctx, "jobs", 1, JOBS_MAX);
    for (glob, (command, span)) in fields.map(ctx, "generated").unwrap_or_default() {
        check_glob(ctx, "generated", &glob, &span);
        if command.trim().is_empty() {
            ctx.error(&span, format!("`generated.{glob}` has an empty command"));
        }
        plan.generated.insert(glob, command);
    }
    for (name, span) in fields.texts_at(ctx, "group_order").unwrap_or_default() {
        check_id(ctx, "group", &name, &span);
        let id = GroupId::from(name);
        if plan.groups.iter().any(|g| g.id == id) {
            ctx.error(&span, format!("`group_order` names `{id}` twice"));
        }
        let stage = u32::try_from(plan.groups.len()).unwrap_or(u32::MAX);
        plan.groups.push(Group::new(id, stage));
    }
    plan.extra = fields.map(ctx, "extra").unwrap_or_default().into_iter().map(|(key, (value, _))| (key, value)).collect();
    plan
}

/// Reads the defaults once, as if they were a task, so that what is wrong with them is said once.
pub(super) fn defaults<'t>(ctx: &mut Context<'_>, table: &'t Table, files: Files<'_>) -> Option<&'t Table> {
    let node = table.get("defaults")?;
    let Some(defaults) = node.table() else {
        ctx.error(&node.span, format!("`defaults` must be a table, not {}", node.kind()));
        return None;
    };
    if let Some(id) = defaults.entry("id") {
        ctx.error(&id.key_span, "`defaults` cannot give an id: each task needs its own");
    }
    for entry in ["ticked", "extra", "issue"].iter().filter_map(|key| defaults.entry(key)) {
        ctx.error(&entry.key_span, format!("`defaults` cannot give `{}`: it is each task's own", entry.key));
    }
    let (_, _) = task_fields(ctx, &Fields::new(defaults, None), Task::new("defaults"), files);
    unknown_keys(ctx, defaults, &TASK_KEYS, "in the defaults");
    Some(defaults)
}

/// One task; it gets an id even if the plan gives none, so that reading goes on.
pub(super) fn task(
    ctx: &mut Context<'_>,
    own: &Table,
    defaults: Option<&Table>,
    span: &Span,
    index: usize,
    files: Files<'_>,
) -> (Task, Places) {
    let fields = Fields::new(own, defaults);
    let first_line = span.start..ctx.text[span.start..span.end].find('\n').map_or(span.end, |n| span.start + n);
    let (id, id_span) = match Fields::new(own, None).text_at(ctx, "id") {
        Some((id, at)) => {
            check_id(ctx, "task", &id, &at);
            (id, at)
        }
        None => {
            if own.entry("id").is_none() {
                ctx.error_hint(&first_line, format!("task {} has no id", index + 1), "give it an `id`");
            }
            (format!("#{}", index + 1), first_line)
        }
    };
    unknown_keys(ctx, own, &TASK_KEYS, &format!("in task `{id}`"));
    let mut task = Task::new(&id);
    task.line = ctx.line(span.start);
    if ctx.filled > FILLED_BYTES_MAX {
        return (task, Places { id: id_span, has_work: true, ..Places::default() });
    }
    let (mut task, mut places) = task_fields(ctx, &fields, task, files);
    ctx.filled += size(&task);
    if ctx.filled > FILLED_BYTES_MAX {
        let hint = "what many tasks have in common goes into a file of the repository that their prompts name";
        let message = format!("with defaults and prompt files the tasks hold more than {} MB", FILLED_BYTES_MAX >> 20);
        ctx.error_hint(&id_span, message, hint);
    }
    if own.get("run").is_some()
        && let Some(agent) = ["agent", "candidates", "fallbacks"].iter().find_map(|k| own.entry(k))
    {
        let message = format!("task `{id}` has `run`, so its `{}` is not used", agent.key);
        ctx.push(Severity::Warning, &agent.key_span, message, None);
    }
    if task.run.is_some() {
        // Those of the defaults are for the tasks without a command.
        (task.agent, task.candidates, task.fallbacks) = (None, Vec::new(), Vec::new());
    }
    places.id = id_span;
    (task, places)
}

/// About how many bytes it takes.
fn size(task: &Task) -> usize {
    let words = [&task.activities, &task.deliverables, &task.contracts];
    let lists = [&task.owns, &task.candidates, &task.fallbacks, &task.skills, &task.criteria, &task.check].into_iter().chain(words);
    let listed = lists.flatten().map(|text| text.len() + size_of::<String>());
    let variables = task.env.iter().chain(&task.extra).map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>());
    let texts = [
        Some(&task.prompt),
        Some(&task.title),
        task.objective.as_ref(),
        task.run.as_ref(),
        task.role.as_ref(),
        task.model.as_ref(),
        task.agent.as_ref(),
    ];
    let depends = task.depends.iter().map(|id| id.as_str().len() + size_of::<TaskId>());
    let texts = texts.into_iter().flatten().map(String::len);
    size_of::<Task>() + listed.chain(variables).chain(depends).chain(texts).sum::<usize>()
}

/// All keys but the id.
fn task_fields(ctx: &mut Context<'_>, fields: &Fields<'_>, mut task: Task, files: Files<'_>) -> (Task, Places) {
    let mut places = Places::default();
    if let Some(title) = fields.text(ctx, "title") {
        task.title = title.lines().find(|l| !l.trim().is_empty()).unwrap_or(&title).trim().to_owned();
        places.has_work = true;
    }
    prompt(ctx, fields, &mut task, files);
    places.has_work |= !task.prompt.is_empty() || fields.own.entry("prompt").is_some() || fields.own.entry("prompt_file").is_some();
    for (id, span) in fields.texts_at(ctx, "depends").unwrap_or_default() {
        task.depends.push(TaskId::from(id.trim()));
        places.depends.push(span);
    }
    if let Some((group, span)) = fields.text_at(ctx, "group") {
        check_id(ctx, "group", &group, &span);
        task.group = Some(GroupId::from(group));
        places.group = Some(span);
    }
    for (glob, span) in fields.texts_at(ctx, "owns").unwrap_or_default() {
        check_glob(ctx, "owns", &glob, &span);
        task.owns.push(glob);
    }
    agents(ctx, fields, &mut task);
    task.model = fields.text(ctx, "model");
    task.role = fields.text(ctx, "role");
    task.skills = fields.texts(ctx, "skills").unwrap_or_default();
    task.skill_timeout = fields.duration(ctx, "skill_timeout");
    task.skill_failure = skill_failure(ctx, fields);
    task.objective = fields.text(ctx, "objective");
    task.activities = fields.texts(ctx, "activities").unwrap_or_default();
    task.deliverables = fields.texts(ctx, "deliverables").unwrap_or_default();
    task.contracts = fields.texts(ctx, "contracts").unwrap_or_default();
    task.criteria = fields.texts(ctx, "criteria").unwrap_or_default();
    task.check = fields.texts(ctx, "check").unwrap_or_default();
    task.priority = fields.number(ctx, "priority", 0, 4).and_then(|p| u8::try_from(p).ok()).unwrap_or(PRIORITY_DEFAULT);
    task.issue = issue(ctx, fields);
    task.retries = fields.number(ctx, "retries", 0, RETRIES_MAX);
    task.repairs = fields.number(ctx, "repairs", 0, RETRIES_MAX);
    task.timeout = fields.duration(ctx, "timeout");
    task.stall_timeout = fields.duration(ctx, "stall_timeout");
    task.check_timeout = fields.duration(ctx, "check_timeout");
    task.budget = fields.budget(ctx, "budget");
    task.estimate = fields.duration(ctx, "estimate");
    task.env = env(ctx, fields);
    task.run = fields.text(ctx, "run");
    task.ticked = fields.truth(ctx, "ticked").unwrap_or(false);
    // A task's own alone: what is unknown of one task says nothing of another.
    let own = Fields::new(fields.own, None);
    task.extra = own.map(ctx, "extra").unwrap_or_default().into_iter().map(|(key, (value, _))| (key, value)).collect();
    places.has_work |= fields.own.entry("run").is_some() || task.run.is_some();
    (task, places)
}

fn skill_failure(ctx: &mut Context<'_>, fields: &Fields<'_>) -> SkillFailure {
    match fields.text_at(ctx, "skill_failure") {
        None => SkillFailure::Tell,
        Some((word, _)) if word == "tell" => SkillFailure::Tell,
        Some((word, _)) if word == "stop" => SkillFailure::Stop,
        Some((word, span)) => {
            let hint = "`tell` lets the agent work without it, `stop` fails the attempt";
            ctx.error_hint(&span, format!("`skill_failure` is `tell` or `stop`, not `{}`", word.escape_debug()), hint);
            SkillFailure::Tell
        }
    }
}

fn prompt(ctx: &mut Context<'_>, fields: &Fields<'_>, task: &mut Task, files: Files<'_>) {
    if let (Some(_), Some(second)) = (fields.own.entry("prompt"), fields.own.entry("prompt_file")) {
        ctx.error(&second.key_span, "a task has either `prompt` or `prompt_file`, not both");
    }
    // A prompt of the task's own goes before a file of the defaults, and the other way round.
    let own_file = fields.own.entry("prompt_file").is_some();
    if !own_file && let Some(text) = fields.text(ctx, "prompt") {
        task.prompt = text;
    } else if let Some((path, span)) = fields.text_at(ctx, "prompt_file") {
        match files(&path) {
            Ok(text) if text.trim().is_empty() => ctx.error(&span, format!("the prompt file `{path}` is empty")),
            Ok(text) if text.len() > VALUE_BYTES_MAX => {
                ctx.error(&span, format!("the prompt file `{path}` is longer than {VALUE_BYTES_MAX} bytes"));
            }
            Ok(text) => task.prompt = text,
            Err(why) => ctx.error_hint(
                &span,
                format!("the prompt file `{path}` cannot be read: {why}"),
                "the path is relative to the plan's folder",
            ),
        }
    }
}

/// The issue that it stands for.
fn issue(ctx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Issue> {
    let (text, span) = fields.text_at(ctx, "issue")?;
    let read = Issue::parse(&text);
    read.map_err(|why| ctx.error_hint(&span, format!("`issue` {why}"), "write `beads:ID`, `github:OWNER/REPO#N` or an issue's address"))
        .ok()
}

/// `agent` or `candidates`; the task's own choice of one goes before the defaults' of the other.
fn agents(ctx: &mut Context<'_>, fields: &Fields<'_>, task: &mut Task) {
    let (agent, candidates) = (fields.own.entry("agent"), fields.own.entry("candidates"));
    if let (Some(_), Some(second)) = (agent, candidates) {
        ctx.error(&second.key_span, "a task has either `agent` or `candidates`, not both");
    }
    if candidates.is_none() {
        task.agent = fields.text(ctx, "agent");
    }
    if agent.is_none() {
        task.candidates = fields.texts(ctx, "candidates").unwrap_or_default();
    }
    task.fallbacks = fields.texts(ctx, "fallbacks").unwrap_or_default();
}

/// The defaults' variables and the task's own over them.
fn env(ctx: &mut Context<'_>, fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Some(defaults) = fields.defaults {
        let was = std::mem::replace(&mut ctx.muted, true);
        all = Fields::new(defaults, None).map(ctx, "env").unwrap_or_default();
        ctx.muted = was;
    }
    all.extend(Fields::new(fields.own, None).map(ctx, "env").unwrap_or_default());
    let mut env = BTreeMap::new();
    for (name, (value, span)) in all {
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty();
        if !good {
            ctx.error(&span, format!("`{name}` cannot be the name of a variable"));
        } else if name.starts_with("GREENLANE_") {
            ctx.error(&span, format!("`{name}` is Greenlane's own to set"));
        } else if value.contains('\0') {
            ctx.error(&span, format!("the value of `{name}` holds a NUL character"));
        } else {
            env.insert(name, value);
        }
    }
    env
}

/// Reports an id that a plan cannot have.
pub(super) fn check_plan_id(ctx: &mut Context<'_>, id: &str, span: &Span) {
    check_id(ctx, "plan", id, span);
    if id.contains('/') {
        ctx.error_hint(span, format!("the plan's id `{id}` holds `/`"), "a task is named as PLAN/TASK, so a plan's id cannot");
    }
}

/// Reports an id or a group's name that cannot be one.
pub(super) fn check_id(ctx: &mut Context<'_>, what: &str, id: &str, span: &Span) {
    if id.chars().count() > ID_CHARS_MAX {
        ctx.error(span, format!("the {what}'s name is longer than {ID_CHARS_MAX} characters"));
    } else if id.chars().any(char::is_control) {
        ctx.error(span, format!("the {what}'s name `{}` holds a control character", id.escape_debug()));
    } else if id.trim() != id {
        ctx.error(span, format!("the {what}'s name `{id}` begins or ends with a space"));
    }
}

/// Reports a glob that cannot be read or leaves the repository.
pub(super) fn check_glob(ctx: &mut Context<'_>, key: &str, glob: &str, span: &Span) {
    if let Err(why) = Glob::new(glob) {
        ctx.error(span, format!("`{key}`: `{}` {why}", glob.escape_debug()));
    }
}

/// A slip where it is close to a known key, and then an error; else ignored with a warning.
pub(super) fn unknown_keys(ctx: &mut Context<'_>, table: &Table, known: &[&'static str], place: &str) {
    for entry in table.entries.iter().filter(|e| !known.contains(&e.key.as_str()) && e.key != "$schema") {
        let message = format!("unknown key `{}` {place}", entry.key.escape_debug());
        match meant(&entry.key, known) {
            Some(key) => ctx.error_hint(&entry.key_span, message, format!("did you mean `{key}`?")),
            None => ctx.push(Severity::Warning, &entry.key_span, format!("{message} is ignored"), None),
        }
    }
}

/// The known key that was probably meant.
pub(super) fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = key.to_lowercase().replace('-', "_");
    let synonym = SYNONYMS.iter().find(|(word, ours)| *word == plain && known.contains(ours)).map(|(_, ours)| *ours);
    synonym
        .or_else(|| suggest::best(&plain, known.iter().copied(), KEY_ALIKE_MIN))
        .or_else(|| suggest::shuffled(&plain, known.iter().copied()))
}

/// A node as a table of the native shape, for messages about a wrong top level.
pub(super) fn top_table<'n>(ctx: &mut Context<'_>, node: &'n Node) -> Option<&'n Table> {
    let table = node.table();
    if table.is_none() {
        ctx.error(&node.span, format!("a plan must be a table of keys, not {}", node.kind()));
    }
    table
}
