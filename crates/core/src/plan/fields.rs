//! Reads typed values out of a table, with plain messages where a value is of another kind. Knows no plan keys.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::{Context, Span};
use super::node::{Node, Table, Value};
use crate::budget::Budget;
use crate::time::{bounded, parse_duration};

/// A table's values, and those of the defaults behind it.
pub(super) struct Fields<'t> {
    pub own: &'t Table,
    pub defaults: Option<&'t Table>,
}

/// Longest text of one value in bytes: a prompt of 1 MiB is more than a model reads.
pub(super) const VALUE_BYTES_MAX: usize = 1 << 20;
/// Most entries of one list.
const LIST_MAX: usize = 10_000;

impl<'t> Fields<'t> {
    pub fn new(own: &'t Table, defaults: Option<&'t Table>) -> Self {
        Self { own, defaults }
    }

    /// Reads one key. What is wrong with a default was said when the defaults were read, so it is not said again.
    fn read<T>(&self, ctx: &mut Context<'_>, key: &str, read: impl FnOnce(&mut Context<'_>, &'t Node) -> Option<T>) -> Option<T> {
        if let Some(node) = self.own.get(key) {
            return read(ctx, node);
        }
        let node = self.defaults?.get(key)?;
        let was = std::mem::replace(&mut ctx.muted, true);
        let value = read(ctx, node);
        ctx.muted = was;
        value
    }

    pub fn text(&self, ctx: &mut Context<'_>, key: &str) -> Option<String> {
        self.text_at(ctx, key).map(|(text, _)| text)
    }

    /// Text that is not blank, and its place.
    pub fn text_at(&self, ctx: &mut Context<'_>, key: &str) -> Option<(String, Span)> {
        self.read(ctx, key, |ctx, node| text(ctx, key, node).map(|t| (t, node.span.clone())))
    }

    pub fn texts(&self, ctx: &mut Context<'_>, key: &str) -> Option<Vec<String>> {
        self.texts_at(ctx, key).map(|list| list.into_iter().map(|(text, _)| text).collect())
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts_at(&self, ctx: &mut Context<'_>, key: &str) -> Option<Vec<(String, Span)>> {
        self.read(ctx, key, |ctx, node| match &node.value {
            Value::List(list) => {
                if list.len() > LIST_MAX {
                    ctx.error(&node.span, format!("`{key}` has more than {LIST_MAX} entries"));
                    return None;
                }
                Some(list.iter().filter_map(|n| text(ctx, key, n).map(|t| (t, n.span.clone()))).collect())
            }
            Value::Text(_) => text(ctx, key, node).map(|t| vec![(t, node.span.clone())]),
            _ => {
                ctx.error(&node.span, format!("`{key}` must be a list of texts, not {}", node.kind()));
                None
            }
        })
    }

    /// A duration of more than nothing.
    pub fn duration(&self, ctx: &mut Context<'_>, key: &str) -> Option<Duration> {
        self.read(ctx, key, |ctx, node| {
            let parsed = match &node.value {
                Value::Text(t) => parse_duration(t),
                Value::Int(i) => u64::try_from(*i).map(Duration::from_secs).map_err(|_| String::from("it cannot be negative")),
                Value::Float(f) => Duration::try_from_secs_f64(*f).map_err(|_| String::from("it is no span of time")),
                _ => Err(format!("it must be text such as \"30m\", not {}", node.kind())),
            };
            match parsed.and_then(bounded) {
                Ok(d) if d.is_zero() => {
                    ctx.error_hint(&node.span, format!("`{key}` is zero"), format!("leave `{key}` out to have the default"));
                    None
                }
                Ok(d) => Some(d),
                Err(why) => {
                    ctx.error(&node.span, format!("`{key}`: {why}"));
                    None
                }
            }
        })
    }

    /// True or false.
    pub fn truth(&self, ctx: &mut Context<'_>, key: &str) -> Option<bool> {
        self.read(ctx, key, |ctx, node| match node.value {
            Value::Bool(b) => Some(b),
            _ => {
                ctx.error(&node.span, format!("`{key}` must be true or false, not {}", node.kind()));
                None
            }
        })
    }

    /// A whole number within bounds.
    pub fn number(&self, ctx: &mut Context<'_>, key: &str, min: u32, max: u32) -> Option<u32> {
        self.read(ctx, key, |ctx, node| match node.value {
            Value::Int(i) => {
                let fits = u32::try_from(i).ok().filter(|n| (min..=max).contains(n));
                if fits.is_none() {
                    ctx.error(&node.span, format!("`{key}` must be from {min} to {max}, not {i}"));
                }
                fits
            }
            Value::Float(f) => {
                ctx.error(&node.span, format!("`{key}` must be a whole number, not {f}"));
                None
            }
            _ => {
                ctx.error(&node.span, format!("`{key}` must be a number, not {}", node.kind()));
                None
            }
        })
    }

    /// Caps, as a table or as text: `tokens=2M, wall=1h`.
    pub fn budget(&self, ctx: &mut Context<'_>, key: &str) -> Option<Budget> {
        self.read(ctx, key, |ctx, node| {
            let read = match &node.value {
                Value::Text(text) => Budget::parse(text),
                Value::Table(table) if table.entries.is_empty() => {
                    Err(String::from("it sets no cap; there are tokens, cost_usd, model_calls and wall"))
                }
                Value::Table(table) => table.entries.iter().try_fold(Budget::default(), |mut budget, entry| {
                    let value = match &entry.node.value {
                        Value::Text(t) => t.clone(),
                        Value::Int(i) => i.to_string(),
                        Value::Float(f) => f.to_string(),
                        _ => return Err(format!("`{}` must be a number or text, not {}", entry.key, entry.node.kind())),
                    };
                    budget.set(&entry.key, &value).map(|()| budget)
                }),
                _ => Err(format!("it must be a table such as {{ tokens = 200000 }}, not {}", node.kind())),
            };
            read.map_err(|why| ctx.error(&node.span, format!("`{key}`: {why}"))).ok()
        })
    }

    /// A table of texts, numbers or truth values, all kept as text, with the places of the keys.
    pub fn map(&self, ctx: &mut Context<'_>, key: &str) -> Option<BTreeMap<String, (String, Span)>> {
        self.read(ctx, key, |ctx, node| {
            let Value::Table(table) = &node.value else {
                ctx.error(&node.span, format!("`{key}` must be a table, not {}", node.kind()));
                return None;
            };
            let mut out = BTreeMap::new();
            for entry in &table.entries {
                let value = match &entry.node.value {
                    Value::Text(t) => t.clone(),
                    Value::Int(i) => i.to_string(),
                    Value::Float(f) => f.to_string(),
                    Value::Bool(b) => b.to_string(),
                    _ => {
                        ctx.error(&entry.node.span, format!("`{key}.{}` must be text, not {}", entry.key, entry.node.kind()));
                        continue;
                    }
                };
                out.insert(entry.key.clone(), (value, entry.key_span.clone()));
            }
            Some(out)
        })
    }
}

/// Text that is not blank and no longer than a prompt may be.
fn text(ctx: &mut Context<'_>, key: &str, node: &Node) -> Option<String> {
    let Value::Text(text) = &node.value else {
        ctx.error(&node.span, format!("`{key}` must be text, not {}", node.kind()));
        return None;
    };
    if text.trim().is_empty() {
        ctx.error(&node.span, format!("`{key}` is empty"));
        return None;
    }
    if text.len() > VALUE_BYTES_MAX || text.contains('\0') {
        let why =
            if text.contains('\0') { String::from("holds a NUL character") } else { format!("is longer than {VALUE_BYTES_MAX} bytes") };
        ctx.error(&node.span, format!("`{key}` {why}"));
        return None;
    }
    Some(text.clone())
}
