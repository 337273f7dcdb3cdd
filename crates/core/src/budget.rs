//! What may be spent, and what was: tokens, money, calls of the model and time. Compares the two; ends nothing and knows no prices.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attempt::{AgentReport, ExitRecord};
use crate::time::{duration_text, format_duration, parse_duration};

/// Caps of one task or of one run. What has no cap is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Input, cached or not, and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars, as the agents themselves state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Calls of the model, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_calls: Option<u64>,
    /// Time in which attempts ran: of a task the sum of all, of a run since its start without the time in which nobody coordinated it.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub wall: Option<Duration>,
}

/// What a task or a run has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Input, cached or not, and output together.
    pub tokens: u64,
    /// US dollars, where they are stated.
    pub cost_usd: f64,
    /// Calls of the model, retries included.
    pub model_calls: u64,
    /// Time in which attempts ran.
    #[serde(with = "duration_text")]
    pub wall: Duration,
}

/// The caps of a task, and what its ended attempts have used of them: an order to a keeper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Allowance {
    /// The caps, over all attempts.
    pub budget: Budget,
    /// What the attempts before have used.
    pub spent: Spent,
}

/// One of the four things that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Input and output together.
    Tokens,
    /// US dollars.
    CostUsd,
    /// Calls of the model.
    ModelCalls,
    /// Time.
    Wall,
}

/// At this part of a cap somebody is warned, in percent. The contract's.
pub const WARN_PERCENT: u32 = 80;

impl Measure {
    /// Every one.
    pub const ALL: [Measure; 4] = [Measure::Tokens, Measure::CostUsd, Measure::ModelCalls, Measure::Wall];

    /// As in plans and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Tokens => "tokens",
            Measure::CostUsd => "cost_usd",
            Measure::ModelCalls => "model_calls",
            Measure::Wall => "wall",
        }
    }
}

impl Budget {
    /// Nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The caps of this one, and of the other what this one does not limit.
    #[must_use]
    pub fn or(&self, other: &Budget) -> Budget {
        Budget {
            tokens: self.tokens.or(other.tokens),
            cost_usd: self.cost_usd.or(other.cost_usd),
            model_calls: self.model_calls.or(other.model_calls),
            wall: self.wall.or(other.wall),
        }
    }

    /// Of each cap that both have the higher one; a cap that only this one has stays.
    #[must_use]
    pub fn raised_to(&self, other: &Budget) -> Budget {
        Budget {
            tokens: self.tokens.map(|own| other.tokens.map_or(own, |o| own.max(o))),
            cost_usd: self.cost_usd.map(|own| other.cost_usd.map_or(own, |o| own.max(o))),
            model_calls: self.model_calls.map(|own| other.model_calls.map_or(own, |o| own.max(o))),
            wall: self.wall.map(|own| other.wall.map_or(own, |o| own.max(o))),
        }
    }

    /// It limits this.
    #[must_use]
    pub fn limits(&self, measure: Measure) -> bool {
        match measure {
            Measure::Tokens => self.tokens.is_some(),
            Measure::CostUsd => self.cost_usd.is_some(),
            Measure::ModelCalls => self.model_calls.is_some(),
            Measure::Wall => self.wall.is_some(),
        }
    }

    /// Sets one cap from text: `tokens` takes `120000`, `120k` and `2M`, `wall` a duration.
    ///
    /// # Errors
    /// In words that follow on "`budget`: ".
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let text = text.trim();
        match name.trim() {
            "tokens" => self.tokens = Some(count(text).ok_or_else(|| format!("`{text}` is no number of tokens such as 120000 or 2M"))?),
            "model_calls" => self.model_calls = Some(count(text).ok_or_else(|| format!("`{text}` is no number of calls of the model"))?),
            "cost_usd" | "cost" => {
                let dollars = text.trim_start_matches('$').parse::<f64>().ok().filter(|d| d.is_finite() && *d > 0.0);
                self.cost_usd = Some(dollars.ok_or_else(|| format!("`{text}` is no amount of US dollars such as 2.50"))?);
            }
            "wall" => {
                let wall = parse_duration(text)?;
                if wall.is_zero() {
                    return Err(String::from("`wall` is zero"));
                }
                self.wall = Some(wall);
            }
            other => return Err(format!("there is no cap `{other}`; there are tokens, cost_usd, model_calls and wall")),
        }
        Ok(())
    }

    /// Reads `tokens=2M, cost_usd=5, model_calls=100, wall=4h`, in braces or not.
    ///
    /// # Errors
    /// As [`Budget::set`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let mut budget = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once(['=', ':']).ok_or_else(|| format!("`{part}` sets no cap: write it as tokens=2M"))?;
            let value = value.trim();
            budget.set(name, value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value))?;
        }
        if budget.is_empty() { Err(String::from("it sets no cap: write it as tokens=2M,cost_usd=5")) } else { Ok(budget) }
    }

    /// The first cap that is exceeded.
    #[must_use]
    pub fn exceeded_by(&self, spent: &Spent) -> Option<Measure> {
        self.first(|used, cap| used > cap, spent)
    }

    /// The first cap of which nothing is left: nobody may begin anything more.
    #[must_use]
    pub fn used_up_by(&self, spent: &Spent) -> Option<Measure> {
        self.first(|used, cap| used >= cap, spent)
    }

    /// The caps of which [`WARN_PERCENT`] are used.
    #[must_use]
    pub fn nearly_used_up_by(&self, spent: &Spent) -> Vec<Measure> {
        let near = |m: &Measure| self.of(*m, spent).is_some_and(|(used, cap)| used * 100.0 >= cap * f64::from(WARN_PERCENT));
        Measure::ALL.into_iter().filter(near).collect()
    }

    /// `120,400 of 100,000 tokens`; empty where there is no such cap.
    #[must_use]
    pub fn compare(&self, measure: Measure, spent: &Spent) -> String {
        let text = match measure {
            Measure::Tokens => self.tokens.map(|cap| format!("{} of {} tokens", thousands(spent.tokens), thousands(cap))),
            Measure::CostUsd => self.cost_usd.map(|cap| format!("${:.2} of ${cap:.2}", spent.cost_usd)),
            Measure::ModelCalls => {
                self.model_calls.map(|cap| format!("{} of {} calls of the model", thousands(spent.model_calls), thousands(cap)))
            }
            Measure::Wall => self.wall.map(|cap| format!("{} of {}", format_duration(whole_seconds(spent.wall)), format_duration(cap))),
        };
        text.unwrap_or_default()
    }

    fn first(&self, reached: impl Fn(f64, f64) -> bool, spent: &Spent) -> Option<Measure> {
        Measure::ALL.into_iter().find(|m| self.of(*m, spent).is_some_and(|(used, cap)| reached(used, cap)))
    }

    fn of(&self, measure: Measure, spent: &Spent) -> Option<(f64, f64)> {
        match measure {
            Measure::Tokens => self.tokens.map(|cap| (spent.tokens as f64, cap as f64)),
            Measure::CostUsd => self.cost_usd.map(|cap| (spent.cost_usd, cap)),
            Measure::ModelCalls => self.model_calls.map(|cap| (spent.model_calls as f64, cap as f64)),
            Measure::Wall => self.wall.map(|cap| (spent.wall.as_secs_f64(), cap.as_secs_f64())),
        }
    }
}

/// As [`Budget::parse`] reads it.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.tokens.map(|n| format!("tokens={n}")),
            self.cost_usd.map(|n| format!("cost_usd={n}")),
            self.model_calls.map(|n| format!("model_calls={n}")),
            self.wall.map(|d| format!("wall={}", format_duration(d))),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

impl Spent {
    /// What an attempt has used that tells this and has run for so long.
    #[must_use]
    pub fn of_report(report: &AgentReport, wall: Duration) -> Self {
        let usage = report.usage.as_ref();
        Self {
            tokens: usage.map_or(0, |u| u.input_tokens.saturating_add(u.output_tokens)),
            cost_usd: usage.and_then(|u| u.cost_usd).unwrap_or_default(),
            model_calls: report.model_calls,
            wall,
        }
    }

    /// What an attempt has used that has ended.
    #[must_use]
    pub fn of_record(record: &ExitRecord) -> Self {
        Self::of_report(&record.report, record.ended_at.since(record.started_at))
    }

    /// Both together.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(more.tokens),
            cost_usd: self.cost_usd + more.cost_usd,
            model_calls: self.model_calls.saturating_add(more.model_calls),
            wall: self.wall.saturating_add(more.wall),
        }
    }
}

impl Allowance {
    /// Why an attempt that has used so much has to be ended; `None`: it may go on.
    #[must_use]
    pub fn exceeded(&self, own: Spent) -> Option<String> {
        let spent = self.spent.and(own);
        self.budget.exceeded_by(&spent).map(|m| self.budget.compare(m, &spent))
    }

    /// How long the attempt may run.
    #[must_use]
    pub fn wall_left(&self) -> Option<Duration> {
        self.budget.wall.map(|cap| cap.saturating_sub(self.spent.wall))
    }
}

fn whole_seconds(d: Duration) -> Duration {
    if d < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(d.as_secs())
    }
}

/// `120000`, `120_000`, `120k`, `2M`, `1.5M`; not zero.
fn count(text: &str) -> Option<u64> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let (number, unit) = match plain.char_indices().last()? {
        (at, 'k' | 'K') => (&plain[..at], 1_000.0),
        (at, 'M' | 'm') => (&plain[..at], 1_000_000.0),
        _ => return plain.parse().ok().filter(|n| *n > 0),
    };
    let number: f64 = number.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0)?;
    let whole = number * unit;
    (1.0..1e15).contains(&whole).then_some(whole as u64)
}

/// With a comma before every third digit from the right.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(tokens: u64, cost_usd: f64, model_calls: u64, seconds: u64) -> Spent {
        Spent { tokens, cost_usd, model_calls, wall: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_budget_is_read_and_written_as_text() {
        let budget = Budget::parse("{ tokens = 1.5M, cost_usd: $2.50, model_calls=1_000, wall = \"1h30m\" }").unwrap();
        assert_eq!(budget.to_string(), "tokens=1500000,cost_usd=2.5,model_calls=1000,wall=1h30m");
        assert_eq!(Budget::parse(&budget.to_string()), Ok(budget));
        for wrong in [
            "",
            "{}",
            "tokens",
            "tokens=",
            "tokens=0",
            "tokens=-1",
            "tokens=many",
            "cost_usd=0",
            "cost=inf",
            "wall=0",
            "wall=x",
            "pounds=3",
        ] {
            assert!(Budget::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cap_is_exceeded_only_beyond_it_and_used_up_at_it() {
        let budget = Budget::parse("tokens=100k,cost_usd=1,model_calls=5,wall=1m").unwrap();
        for (spent, exceeded, used_up) in [
            (spent(99_999, 0.99, 4, 59), None, None),
            (spent(100_000, 0.0, 0, 0), None, Some(Measure::Tokens)),
            (spent(100_001, 0.0, 0, 0), Some(Measure::Tokens), Some(Measure::Tokens)),
            (spent(0, 1.01, 0, 0), Some(Measure::CostUsd), Some(Measure::CostUsd)),
            (spent(0, 0.0, 6, 0), Some(Measure::ModelCalls), Some(Measure::ModelCalls)),
            (spent(0, 0.0, 0, 61), Some(Measure::Wall), Some(Measure::Wall)),
        ] {
            assert_eq!((budget.exceeded_by(&spent), budget.used_up_by(&spent)), (exceeded, used_up), "{spent:?}");
        }
        assert_eq!(Budget::default().exceeded_by(&spent(u64::MAX, f64::MAX, u64::MAX, u64::MAX)), None);
        assert_eq!(budget.nearly_used_up_by(&spent(79_999, 0.8, 0, 48)), [Measure::CostUsd, Measure::Wall]);
    }

    #[test]
    fn an_attempt_is_told_what_was_used_before_it() {
        let budget = Budget::parse("tokens=100000,wall=90s").unwrap();
        let allowance = Allowance { budget, spent: spent(100_000, 0.0, 0, 30) };
        assert_eq!(allowance.exceeded(spent(20_400, 0.0, 0, 0)).as_deref(), Some("120,400 of 100,000 tokens"));
        assert_eq!(allowance.exceeded(Spent::default()), None);
        assert_eq!(allowance.wall_left(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn the_own_cap_goes_before_and_a_raise_never_lowers() {
        let own = Budget::parse("tokens=5").unwrap();
        let other = Budget::parse("tokens=9,model_calls=3").unwrap();
        assert_eq!(own.or(&other), Budget::parse("tokens=5,model_calls=3").unwrap());
        assert_eq!(own.raised_to(&other), Budget::parse("tokens=9").unwrap());
        assert_eq!(other.raised_to(&own), other);
    }
}
