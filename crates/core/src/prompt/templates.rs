//! The templates of prompts: one for each family of agents, built in, replaced or extended by a repository's own. What is wrong with
//! one is found when it is taken in, not when an agent waits for it. Reads no file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::PromptInput;
use super::check;
use super::text::{fenced, items, names, quoted};
use super::values::Values;

/// The family of agents that have no template of their own; every built-in template extends it.
pub const DEFAULT_FAMILY: &str = "default";
/// Longest prompt in bytes: no model reads as much.
pub const PROMPT_BYTES_MAX: usize = 8 << 20;

/// `{% extends "builtin/claude" %}` names the built-in template, whatever the repository has in its place.
const BUILT_IN_PREFIX: &str = "builtin/";
/// Most instructions of one rendering, so that a loop ends. The built-in templates take a few hundred.
const FUEL: u64 = 2_000_000;
/// Most templates, blocks and macros within each other: prompts are made on threads with little stack.
const DEPTH_MAX: usize = 30;

const BUILT_IN: [(&str, &str); 13] = [
    (DEFAULT_FAMILY, include_str!("templates/default.md")),
    ("aider", include_str!("templates/aider.md")),
    ("claude", include_str!("templates/claude.md")),
    ("cline", include_str!("templates/cline.md")),
    ("codex", include_str!("templates/codex.md")),
    ("copilot", include_str!("templates/copilot.md")),
    ("cursor", include_str!("templates/cursor.md")),
    ("gemini", include_str!("templates/gemini.md")),
    ("opencode", include_str!("templates/opencode.md")),
    ("person", include_str!("templates/person.md")),
    ("pi", include_str!("templates/pi.md")),
    ("qwen", include_str!("templates/qwen.md")),
    ("windsurf", include_str!("templates/windsurf.md")),
];

/// A template of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The family that it is for, or any other name, by which others can include it.
    pub name: String,
    /// Its file, as people are told.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Its file; for a built-in template, its name.
    pub path: String,
    /// From 1; 0: no line in particular.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// All templates. Shared by the threads that start attempts.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Every name but those with the prefix.
    known: BTreeSet<String>,
    /// The files of the repository's own.
    paths: BTreeMap<String, String>,
}

impl Default for Templates {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Templates {
    /// Without any of a repository's own.
    #[must_use]
    pub fn built_in() -> Self {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH_MAX);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.add_filter("names", |all: Vec<String>| names(&all));
        environment.add_filter("items", |all: Vec<String>| items(&all));
        environment.add_filter("quoted", |text: String| quoted(&text));
        environment.add_filter("fenced", |text: String| fenced(&text));
        let mut known = BTreeSet::new();
        for (name, text) in BUILT_IN {
            // They are compiled in; a test renders each of them.
            drop(environment.add_template(name, text));
            drop(environment.add_template_owned(format!("{BUILT_IN_PREFIX}{name}"), text));
            known.insert(name.to_owned());
        }
        Self { environment, known, paths: BTreeMap::new() }
    }

    /// With those of a repository before the built-in ones of the same name. `agents`: names besides the built-in families under which
    /// a template is looked for.
    ///
    /// # Errors
    /// Everything that is wrong with any of them: each that an agent may get is rendered with and without every value.
    pub fn with(overrides: Vec<Override>, agents: &[&str]) -> Result<Self, Vec<TemplateProblem>> {
        let mut templates = Self::built_in();
        let mut problems = Vec::new();
        let mut texts = BTreeMap::new();
        for Override { name, path, text } in overrides {
            templates.paths.insert(name.clone(), path);
            match templates.environment.add_template_owned(name.clone(), text.clone()) {
                Ok(()) => {
                    templates.known.insert(name.clone());
                    texts.insert(name, text);
                }
                Err(e) => problems.push(templates.problem(&e, &name)),
            }
        }
        for (name, text) in &texts {
            problems.extend(
                check::unknown_names(&templates.environment, name, text).into_iter().map(|(line, message, hint)| TemplateProblem {
                    path: templates.path(name),
                    line,
                    message,
                    hint,
                }),
            );
        }
        if problems.is_empty() && !texts.is_empty() {
            // Not the repository's own alone: the built-in ones extend `default`.
            let read = templates.known.iter().filter(|n| agents.contains(&n.as_str()) || BUILT_IN.iter().any(|(family, _)| n == family));
            for name in read {
                problems.extend(check::rendering(&templates, name));
            }
            problems.dedup();
        }
        problems.sort_by(|a, b| (&a.path, a.line, &a.message).cmp(&(&b.path, b.line, &b.message)));
        problems.dedup();
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// The first of these names that has a template, else the default.
    #[must_use]
    pub fn family<'n>(&self, names: &[&'n str]) -> &'n str {
        names.iter().copied().find(|name| self.known.contains(*name)).unwrap_or(DEFAULT_FAMILY)
    }

    /// The repository's own templates: names and files.
    #[must_use]
    pub fn own(&self) -> Vec<(&str, &str)> {
        self.paths.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect()
    }

    /// The whole prompt, as Markdown. The same for the same input.
    ///
    /// # Errors
    /// If a repository's own template fails with these values, or the prompt is longer than [`PROMPT_BYTES_MAX`].
    pub fn render(&self, family: &str, input: &PromptInput<'_>) -> Result<String, TemplateProblem> {
        let mut out = Bounded::default();
        let template = self.environment.get_template(family).map_err(|e| self.problem(&e, family))?;
        match template.render_captured_to(Serde(Values::of(input)), &mut out) {
            Ok(_) => {}
            Err(_) if out.full => {
                let message = format!("the prompt of task `{}` is longer than {} MiB", input.task.id, PROMPT_BYTES_MAX >> 20);
                return Err(TemplateProblem { path: self.path(family), line: 0, message, hint: None });
            }
            Err(e) => return Err(self.problem(&e, family)),
        }
        Ok(String::from_utf8_lossy(&out.bytes).into_owned())
    }

    /// Where a template is from, for people.
    pub(super) fn path(&self, name: &str) -> String {
        self.paths.get(name).cloned().unwrap_or_else(|| format!("built-in template `{}`", name.trim_start_matches(BUILT_IN_PREFIX)))
    }

    fn problem(&self, error: &Error, name: &str) -> TemplateProblem {
        // The innermost knows the place: an error in a parent or an included file has that one's name.
        let mut innermost = error;
        while let Some(inner) = std::error::Error::source(innermost).and_then(|e| e.downcast_ref::<Error>()) {
            innermost = inner;
        }
        let name = innermost.name().unwrap_or(name);
        let detail = innermost.detail().map(|d| format!(": {d}")).unwrap_or_default();
        let hint = match innermost.kind() {
            ErrorKind::UndefinedError => {
                Some(format!("there are {}; docs/prompts.md says what they hold", super::values::NAMES.join(", ")))
            }
            ErrorKind::TemplateNotFound => {
                Some(String::from("other templates are named without `.md`; `builtin/NAME` is the one built in"))
            }
            ErrorKind::OutOfFuel => Some(String::from("a loop in it is far too long")),
            _ => None,
        };
        TemplateProblem {
            path: self.path(name),
            line: innermost.line().unwrap_or(0),
            message: format!("{}{detail}", innermost.kind()),
            hint,
        }
    }
}

/// Takes so many bytes and no more.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > PROMPT_BYTES_MAX {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
