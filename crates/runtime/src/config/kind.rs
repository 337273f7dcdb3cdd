//! What a value must be: checks one TOML value, or reads one from a variable's or a flag's text, into the one form that the
//! structs read. Knows nothing of keys or files.

use greenlane_core::budget::Budget;
use greenlane_core::classify::TaskType;
use greenlane_core::plan::closest;
use greenlane_core::time::{format_duration, parse_duration};
use toml::Value;

/// The kinds of value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number in this range.
    Count {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// Any number in this range.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// A duration above zero: a time limit of nothing would end everything at once.
    Limit,
    /// A duration that may be zero.
    Delay,
    /// true or false.
    Switch,
    /// Text that is not empty.
    Text,
    /// An address on the web.
    Address,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of these words; in text separated by commas.
    Words(&'static [&'static str]),
    /// A list of texts; in a variable one on each line.
    Lines,
    /// An amount of bytes: a number, or text such as `64MiB`.
    Bytes {
        /// The least.
        min: i64,
    },
    /// Caps: a table, or text such as `tokens=2M,cost_usd=5`.
    Budget,
    /// A table of agents by type of task, or text such as `testing=codex,documentation=gemini`.
    AgentOfType,
    /// A table of text values, named like environment variables.
    Variables,
}

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Completes the sentence "`key` …".
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

fn refuse<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), hint: Some(hint.into()) })
}

impl Kind {
    /// Checks a value of a file and brings it into its one form (durations as text, bytes as a number).
    ///
    /// # Errors
    /// Says what is wrong and what to write.
    pub fn check(self, value: &Value) -> Result<Value, Refusal> {
        match (self, value) {
            (Kind::Count { min, max }, Value::Integer(n)) if (min..=max).contains(n) => Ok(value.clone()),
            (Kind::Number { min, max }, Value::Float(n)) if (min..=max).contains(n) => Ok(value.clone()),
            (Kind::Number { .. }, Value::Integer(n)) => {
                let n = i32::try_from(*n).unwrap_or(i32::MAX);
                self.check(&Value::Float(f64::from(n)))
            }
            (Kind::Limit | Kind::Delay, Value::Integer(_) | Value::Float(_)) => self.check(&Value::String(value.to_string())),
            (Kind::Limit | Kind::Delay, Value::String(text)) => self.duration(text),
            (Kind::Switch, Value::Boolean(_)) => Ok(value.clone()),
            (Kind::Text, Value::String(text)) if !text.trim().is_empty() => Ok(value.clone()),
            (Kind::Address, Value::String(text)) if text.starts_with("https://") || text.starts_with("http://") => Ok(value.clone()),
            (Kind::OneOf(words), Value::String(text)) => word(text, words).map(|()| value.clone()),
            (Kind::Words(words), Value::Array(items)) => {
                for item in items {
                    match item {
                        Value::String(text) => word(text, words)?,
                        _ => return self.wrong(value),
                    }
                }
                Ok(value.clone())
            }
            (Kind::Lines, Value::Array(items)) if items.iter().all(Value::is_str) => Ok(value.clone()),
            (Kind::Bytes { min }, Value::Integer(n)) if *n >= min => Ok(value.clone()),
            (Kind::Bytes { .. }, Value::String(text)) => match bytes(text) {
                Some(n) => self.check(&Value::Integer(n)),
                None => self.wrong(value),
            },
            (Kind::Budget, Value::String(text)) => budget(Budget::parse(text)),
            (Kind::Budget, Value::Table(table)) => budget(table.iter().try_fold(Budget::default(), |mut all, (name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                all.set(name, &text).map(|()| all)
            })),
            (Kind::AgentOfType, Value::Table(table)) => agents_of_types(table).map(|()| value.clone()),
            (Kind::Variables, Value::Table(table)) => variables(table).map(|()| value.clone()),
            _ => self.wrong(value),
        }
    }

    /// Reads the text of a variable or a flag.
    ///
    /// # Errors
    /// As [`Kind::check`].
    pub fn read(self, text: &str) -> Result<Value, Refusal> {
        let trimmed = text.trim();
        let as_text = || Value::String(trimmed.to_owned());
        let value = match self {
            Kind::Count { .. } => trimmed.parse().map_or_else(|_| as_text(), Value::Integer),
            Kind::Number { .. } => trimmed.parse().map_or_else(|_| as_text(), Value::Float),
            Kind::Switch => match trimmed.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Value::Boolean(true),
                "" | "0" | "false" | "no" | "off" => Value::Boolean(false),
                _ => as_text(),
            },
            Kind::Words(_) => list(trimmed.split(',')),
            Kind::Lines => list(text.lines()),
            Kind::AgentOfType => {
                let pairs = trimmed.split(',').filter(|p| !p.trim().is_empty()).map(|p| p.split_once('='));
                let pair = |(k, v): (&str, &str)| (k.trim().to_owned(), Value::String(v.trim().to_owned()));
                pairs.map(|p| p.map(pair)).collect::<Option<toml::Table>>().map_or_else(as_text, Value::Table)
            }
            Kind::Limit
            | Kind::Delay
            | Kind::Text
            | Kind::Address
            | Kind::OneOf(_)
            | Kind::Bytes { .. }
            | Kind::Budget
            | Kind::Variables => as_text(),
        };
        self.check(&value)
    }

    /// What a value looks like, to complete "expected …".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Kind::Count { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Number { min, max } => format!("a number from {min} to {max}"),
            Kind::Limit => String::from("a duration above zero such as \"90s\", \"30m\" or \"1h30m\""),
            Kind::Delay => String::from("a duration such as \"0s\", \"90s\" or \"30m\""),
            Kind::Switch => String::from("true or false"),
            Kind::Text => String::from("text that is not empty"),
            Kind::Address => String::from("an address that begins with https:// or http://"),
            Kind::OneOf(words) => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" or "),
            Kind::Words(words) => format!("a list of names out of {}", words.join(", ")),
            Kind::Lines => String::from("a list of texts such as [\"one\", \"two\"]"),
            Kind::Bytes { min } => format!("an amount of bytes, at least {min}, such as 1048576 or \"64MiB\""),
            Kind::Budget => String::from("caps such as { tokens = 2000000, cost_usd = 5.0, model_calls = 400, wall = \"4h\" }"),
            Kind::AgentOfType => String::from("a table such as { testing = \"codex\", documentation = \"gemini\" }"),
            Kind::Variables => String::from("a table of text values such as { NAME = \"value\" }"),
        }
    }

    fn wrong(self, value: &Value) -> Result<Value, Refusal> {
        let shown: String = value.to_string().chars().take(60).collect();
        refuse(format!("cannot be {shown}"), format!("write {}", self.expected()))
    }

    fn duration(self, text: &str) -> Result<Value, Refusal> {
        let shown = || Value::String(text.to_owned());
        match (self, parse_duration(text)) {
            (Kind::Limit, Ok(d)) if d.is_zero() => self.wrong(&shown()),
            (_, Ok(d)) if d.as_secs() > DURATION_SECONDS_MAX => {
                refuse(format!("cannot be {}", shown()), "write a duration of at most 366 days")
            }
            (_, Ok(d)) => Ok(Value::String(format_duration(d))),
            (_, Err(_)) => self.wrong(&shown()),
        }
    }
}

/// A deadline must stay a date: one year.
const DURATION_SECONDS_MAX: u64 = 366 * 24 * 60 * 60;

/// The one form: a table with the caps that are set.
fn budget(read: Result<Budget, String>) -> Result<Value, Refusal> {
    let hint = || Kind::Budget.expected();
    match read.map(|b| Value::try_from(&b)) {
        Ok(Ok(table)) => Ok(table),
        Ok(Err(e)) => refuse(format!("cannot be kept: {e}"), format!("write {}", hint())),
        Err(why) => refuse(format!("is no budget: {why}"), format!("write {}", hint())),
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::Array(items.map(str::trim).filter(|i| !i.is_empty()).map(|i| Value::String(i.to_owned())).collect())
}

fn word(text: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&text) {
        return Ok(());
    }
    let hint = match closest(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", words.join(", ")),
    };
    refuse(format!("cannot be `{text}`"), hint)
}

fn agents_of_types(table: &toml::Table) -> Result<(), Refusal> {
    for (name, value) in table {
        let types = || TaskType::ALL.into_iter().map(TaskType::as_str);
        if TaskType::named(name).is_none() {
            let hint = match closest(name, types()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("types: {}", types().collect::<Vec<_>>().join(", ")),
            };
            return refuse(format!("has `{name}`, which is no type of task"), hint);
        }
        if value.as_str().is_none_or(|agent| agent.trim().is_empty()) {
            return refuse(format!("gives {name} to {value}"), format!("write an agent's name: {name} = \"claude\""));
        }
    }
    Ok(())
}

fn variables(table: &toml::Table) -> Result<(), Refusal> {
    for (name, value) in table {
        if name.is_empty() || name.contains(['=', '\0']) {
            return refuse(format!("has a variable with the name `{name}`"), "a variable's name has no `=` in it and is not empty");
        }
        match value {
            Value::String(text) if !text.contains('\0') => {}
            _ => return refuse(format!("gives `{name}` the value {value}"), format!("write it as text: {name} = \"…\"")),
        }
    }
    Ok(())
}

fn bytes(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..end].parse().ok()?;
    let unit: i64 = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_their_one_form() {
        assert_eq!(Kind::Limit.read("90"), Ok(Value::String(String::from("1m30s"))));
        assert_eq!(Kind::Limit.check(&Value::Integer(90)), Ok(Value::String(String::from("1m30s"))));
        assert_eq!(Kind::Delay.read("0"), Ok(Value::String(String::from("0s"))));
        assert!(Kind::Limit.read("0s").is_err());
        assert!(Kind::Limit.read("9000d").is_err());
    }

    #[test]
    fn bytes_are_read_with_their_units() {
        let kind = Kind::Bytes { min: 4096 };
        assert_eq!(kind.read("64MiB"), Ok(Value::Integer(64 << 20)));
        assert_eq!(kind.read("8 kb"), Ok(Value::Integer(8000)));
        for text in ["", "many", "-1", "5 apples", "10", "99999999999999999999g"] {
            assert!(kind.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_in_variables_are_split() {
        let words = Kind::Words(&["timeout", "unknown"]);
        let list = |items: &[&str]| Value::Array(items.iter().map(|i| Value::String((*i).to_owned())).collect());
        assert_eq!(words.read("timeout, unknown"), Ok(list(&["timeout", "unknown"])));
        assert_eq!(words.read(""), Ok(list(&[])));
        assert_eq!(words.read("timeuot").map_err(|r| r.hint), Err(Some(String::from("did you mean `timeout`?"))));
        assert_eq!(Kind::Lines.read("npm ci\nmake -s deps\n"), Ok(list(&["npm ci", "make -s deps"])));
    }

    #[test]
    fn agents_of_types_are_read_from_tables_and_text() {
        let read = |text: &str| Kind::AgentOfType.read(text);
        assert_eq!(
            read("testing=codex, documentation = gemini").map(|v| v.to_string()).unwrap_or_default(),
            "{ documentation = \"gemini\", testing = \"codex\" }"
        );
        assert_eq!(read("testng=codex").map_err(|r| r.hint), Err(Some(String::from("did you mean `testing`?"))));
        assert!(read("testing").is_err() && read("testing=").is_err());
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        assert!(Kind::Count { min: 1, max: 10 }.read("0").is_err());
        assert!(Kind::Count { min: 1, max: 10 }.read("3.5").is_err());
        assert!(Kind::Number { min: 0.0, max: 1.0 }.read("NaN").is_err());
        assert_eq!(Kind::Number { min: 0.0, max: 3.0 }.check(&Value::Integer(2)), Ok(Value::Float(2.0)));
    }
}
