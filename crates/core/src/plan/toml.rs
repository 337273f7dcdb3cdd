//! TOML as nodes. Knows no plan keys.

use ::toml::de::{DeTable, DeValue};

use super::context::{Context, Span};
use super::node::{Entry, Node, Table, Value};

/// Reads the text; all syntax errors are reported, and then there is no table.
pub(super) fn parse(ctx: &mut Context<'_>) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(ctx.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().next().unwrap_or("it cannot be read");
        ctx.error(&span, format!("this is not TOML: {message}"));
    }
    errors.is_empty().then(|| convert_table(table.into_inner()))
}

fn convert_table(table: DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: key.span(),
            key: key.into_inner().into_owned(),
            node: convert(value.span(), value.into_inner()),
        })
        .collect();
    entries.sort_by_key(|e| e.key_span.start);
    Table { entries }
}

fn convert(span: Span, value: DeValue<'_>) -> Node {
    let value = match value {
        DeValue::String(s) => Value::Text(s.into_owned()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).map_or(Value::Other("a number beyond all bounds"), Value::Int),
        DeValue::Float(f) => f.as_str().parse().map_or(Value::Other("a number beyond all bounds"), Value::Float),
        DeValue::Boolean(b) => Value::Bool(b),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => Value::List(list.into_iter().map(|v| convert(v.span(), v.into_inner())).collect()),
        DeValue::Table(table) => Value::Table(convert_table(table)),
    };
    Node { span, value }
}
