//! Colours by what they are for: the terminal's own sixteen and its attributes, so that it fits light and dark backgrounds. Whatever a
//! colour says a word or a sign says too.

use greenlane_core::time::Time;
use greenlane_core::view::UsageView;
use ratatui::style::{Color, Modifier, Style};

use crate::output::Paint;
use crate::report::{self, state_paint};

/// How things look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    /// With colours; without, attributes alone.
    pub color: bool,
    /// Times are the reader's own; tests want the same everywhere.
    pub utc: bool,
}

impl Theme {
    /// The style of a meaning.
    pub fn paint(self, paint: Paint) -> Style {
        let (color, modifier) = match paint {
            Paint::Bold => (None, Modifier::BOLD),
            Paint::Dim => (None, Modifier::DIM),
            Paint::Green => (Some(Color::Green), Modifier::empty()),
            Paint::Yellow => (Some(Color::Yellow), Modifier::empty()),
            Paint::Red => (Some(Color::Red), Modifier::empty()),
            Paint::RedBold => (Some(Color::Red), Modifier::BOLD),
            Paint::Cyan => (Some(Color::Cyan), Modifier::empty()),
        };
        let style = Style::new().add_modifier(modifier);
        color.filter(|_| self.color).map_or(style, |color| style.fg(color))
    }

    /// Of a task's, plan's or run's state.
    pub fn state(self, state: &str) -> Style {
        match state {
            "paused" | "stopping" => self.paint(Paint::Yellow),
            other => self.paint(state_paint(other)),
        }
    }

    /// Bold.
    pub fn bold(self) -> Style {
        self.paint(Paint::Bold)
    }

    /// Less important.
    pub fn dim(self) -> Style {
        self.paint(Paint::Dim)
    }

    /// What is selected.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What wants attention.
    pub fn alert(self) -> Style {
        self.paint(Paint::Yellow).add_modifier(Modifier::BOLD)
    }

    /// A time for the reader.
    pub fn at(self, at: Time, now: Time) -> String {
        if self.utc { at.rfc3339().get(11..16).unwrap_or_default().to_owned() } else { report::local(at, now) }
    }

    /// The times in a text for the reader.
    pub fn times(self, text: &str, now: Time) -> String {
        if self.utc { text.to_owned() } else { report::local_times(text, now) }
    }
}

/// `950`, `45.2k`, `1.3M`.
pub(super) fn tokens(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// All tokens; nothing where none were told of.
pub(super) fn tokens_of(usage: &UsageView) -> String {
    match usage.input_tokens + usage.output_tokens {
        0 => String::new(),
        n => tokens(n),
    }
}

/// `$0.50`; nothing where it is not known.
pub(super) fn cost_of(usage: &UsageView) -> String {
    usage.cost_usd.map(|cost| format!("${cost:.2}")).unwrap_or_default()
}

/// `1.5 GB`.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1_000_000 => format!("{} kB", n / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{}.{} GB", n / 1_000_000_000, n % 1_000_000_000 / 100_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_a_column() {
        assert_eq!([0, 999, 45_230, 1_390_000].map(tokens), ["0", "999", "45.2k", "1.3M"]);
        assert_eq!([5_000, 12_345_678, 1_590_000_000].map(bytes), ["5 kB", "12 MB", "1.5 GB"]);
        assert_eq!(cost_of(&UsageView::default()), "");
    }

    #[test]
    fn without_colours_there_are_attributes_alone() {
        let plain = Theme { color: false, utc: true };
        for state in ["done", "failed", "running", "queued", "paused"] {
            assert_eq!(plain.state(state).fg, None, "{state}");
        }
        assert_eq!(Theme { color: true, utc: true }.state("failed").fg, Some(Color::Red));
    }
}
