//! Reads one configuration file into layers: every key must be known, every value of its kind, and each problem names its line.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use greenlane_core::plan::closest;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::error::{Location, Problem};
use super::keys::{AGENT_KEYS, KEYS, SECTIONS, key_of_path};
use super::kind::Kind;
use super::layers::{Layers, Origin};

/// A configuration is written by hand; what is larger is not one.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file's text; `None` if there is no such file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, Problem> {
    let whole = |message: String, hint: &str| Problem {
        message,
        hint: Some(hint.to_owned()),
        location: Some(Location { path: path.to_owned(), line: 0, column: 0 }),
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(whole(format!("cannot be read: {e}"), "make the file readable, or move it away")),
    };
    let mut bytes = Vec::new();
    if let Err(e) = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        return Err(whole(format!("cannot be read: {e}"), "make it a file that is readable, or move it away"));
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(whole(String::from("is larger than 1 MiB"), "a configuration is a small file: is this the right one?"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| whole(String::from("is not UTF-8 text"), "save it as UTF-8"))
}

/// Lays a file's values over `layers`. `origin` makes a value's origin from its line.
pub(super) fn lay(text: &str, path: &Path, origin: impl Fn(usize) -> Origin, layers: &mut Layers) -> Vec<Problem> {
    let place = |span: Range<usize>| {
        let (line, column) = line_and_column(text, span.start);
        Location { path: path.to_owned(), line, column }
    };
    let spans = match DeTable::parse(text) {
        Ok(spans) => spans,
        Err(e) => return vec![syntax(&e, &place)],
    };
    // The same text once more, as plain values: the spanned form keeps numbers as text.
    let values: Table = match toml::from_str(text) {
        Ok(values) => values,
        Err(e) => return vec![syntax(&e, &place)],
    };
    let mut reader = Reader { place: &place, origin: &origin, layers, problems: Vec::new() };
    reader.root(spans.get_ref(), &values);
    let mut problems = reader.problems;
    problems.sort_by_key(|p| p.location.as_ref().map(|l| (l.line, l.column)));
    problems
}

fn syntax(e: &toml::de::Error, place: &impl Fn(Range<usize>) -> Location) -> Problem {
    Problem {
        message: format!("is not valid TOML: {}", e.message().lines().collect::<Vec<_>>().join(", ")),
        hint: Some(String::from("correct the line; https://toml.io shows the format")),
        location: Some(place(e.span().unwrap_or(0..0))),
    }
}

struct Reader<'a, P, O> {
    place: &'a P,
    origin: &'a O,
    layers: &'a mut Layers,
    problems: Vec<Problem>,
}

impl<P: Fn(Range<usize>) -> Location, O: Fn(usize) -> Origin> Reader<'_, P, O> {
    fn root(&mut self, spans: &DeTable<'_>, values: &Table) {
        for (name, spanned) in spans {
            let section = name.get_ref().as_ref();
            match (SECTIONS.contains(&section), spanned.get_ref(), values.get(section)) {
                (true, DeValue::Table(inner), Some(Value::Table(table))) if section == "agents" => self.agents(inner, table),
                (true, DeValue::Table(inner), Some(Value::Table(table))) => self.section(section, inner, table),
                (true, _, _) => self.problem(
                    name.span(),
                    format!("`{section}` must be a section"),
                    Some(format!("write [{section}] on a line of its own")),
                ),
                (false, _, _) => self.problem(name.span(), format!("unknown key `{section}`"), Some(root_hint(section))),
            }
        }
    }

    fn section(&mut self, section: &str, spans: &DeTable<'_>, values: &Table) {
        for (name, spanned) in spans {
            let path = format!("{section}.{}", name.get_ref());
            match (key_of_path(&path), values.get(name.get_ref().as_ref())) {
                (Some(key), Some(value)) => self.value(&[section, key.name()], key.kind, spanned, value),
                _ => {
                    let hint = key_hint(section, name.get_ref());
                    self.problem(name.span(), format!("unknown key `{}` in [{section}]", name.get_ref()), Some(hint));
                }
            }
        }
    }

    fn agents(&mut self, spans: &DeTable<'_>, values: &Table) {
        for (name, spanned) in spans {
            let agent = name.get_ref().as_ref();
            let (DeValue::Table(inner), Some(Value::Table(table))) = (spanned.get_ref(), values.get(agent)) else {
                let hint = format!("write [agents.{agent}] on a line of its own, its keys under it");
                self.problem(name.span(), format!("`agents.{agent}` must be a table"), Some(hint));
                continue;
            };
            for (key_name, spanned) in inner {
                let key = key_name.get_ref().as_ref();
                match (AGENT_KEYS.iter().find(|(k, _)| *k == key), table.get(key)) {
                    (Some((_, kind)), Some(value)) => self.value(&["agents", agent, key], *kind, spanned, value),
                    _ => {
                        let known = || AGENT_KEYS.iter().map(|(k, _)| *k);
                        let hint = match closest(key, known()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
                        };
                        self.problem(key_name.span(), format!("unknown key `{key}` in [agents.{agent}]"), Some(hint));
                    }
                }
            }
        }
    }

    fn value(&mut self, path: &[&str], kind: Kind, spanned: &Spanned<DeValue<'_>>, value: &Value) {
        match kind.check(value) {
            Ok(value) => {
                let line = (self.place)(spanned.span()).line;
                self.layers.set(path, value, (self.origin)(line));
            }
            Err(refusal) => self.problem(spanned.span(), format!("`{}` {}", path.join("."), refusal.message), refusal.hint),
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        self.problems.push(Problem { message, hint, location: Some((self.place)(span)) });
    }
}

/// A key written outside its section is the likeliest mistake: `jobs = 3` at the top of the file.
fn root_hint(name: &str) -> String {
    if let Some(key) = KEYS.iter().find(|k| k.name() == name) {
        return format!("`{name}` belongs under [{}]", key.section());
    }
    match closest(name, SECTIONS.iter().copied()) {
        Some(near) => format!("did you mean [{near}]?"),
        None => format!("sections: {}", SECTIONS.join(", ")),
    }
}

fn key_hint(section: &str, name: &str) -> String {
    if let Some(key) = KEYS.iter().find(|k| k.name() == name) {
        return format!("`{name}` belongs under [{}]", key.section());
    }
    let known = || KEYS.iter().filter(|k| k.section() == section).map(|k| k.name());
    match closest(name, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
    }
}

/// The place of a byte offset, both from 1; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
