//! Which view is meant: what stands in an address, and the address of each view. Renders nothing.

use std::fmt::Write as _;

use greenlane_core::ids::TaskKey;
use serde::Deserialize;

/// A view of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Its place among the repositories.
    pub place: usize,
    /// A run other than the present one.
    pub run: Option<String>,
    /// What of it.
    pub view: View,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Plans and tasks.
    Tasks(Filter),
    /// When each attempt ran.
    Timeline,
    /// What went wrong, and what is known to help.
    Failures,
    /// How attempts, workers and the machine are.
    Health,
    /// What waits for a person.
    Questions,
    /// All runs.
    Runs,
    /// One task, and which attempt of it as people count them.
    Task(TaskKey, Option<u32>),
}

/// Which tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Part of the id, the title or the agent; empty: all.
    pub find: String,
    /// `open`, `work`, `wrong` or `done`; anything else: all.
    pub show: String,
}

/// Longest text that is looked for.
const FIND_CHARS_MAX: usize = 100;

impl Filter {
    /// Within reason.
    #[must_use]
    pub fn bounded(self) -> Self {
        let show = if SHOWN.iter().any(|(name, _)| *name == self.show) { self.show } else { String::new() };
        Self { find: self.find.trim().chars().take(FIND_CHARS_MAX).collect(), show }
    }

    /// Everything is shown.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.find.is_empty() && self.show.is_empty()
    }
}

/// Which tasks can be asked for, and as what.
pub const SHOWN: [(&str, &str); 5] = [("", "all"), ("open", "not done"), ("work", "at work"), ("wrong", "went wrong"), ("done", "done")];

impl View {
    /// What the browser's tab is called.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            View::Tasks(_) => String::from("Tasks"),
            View::Timeline => String::from("Timeline"),
            View::Failures => String::from("Failures"),
            View::Health => String::from("Health"),
            View::Questions => String::from("Questions"),
            View::Runs => String::from("Runs"),
            View::Task(key, _) => crate::report::clean(key.task.as_str()),
        }
    }
}

/// Addresses below one repository, of one run.
#[derive(Clone, Debug)]
pub struct Links {
    base: String,
    run: Option<String>,
}

impl Links {
    /// Of the repository with this name in addresses.
    #[must_use]
    pub fn new(slug: &str, run: Option<&str>) -> Self {
        Self { base: format!("/r/{}/", segment(slug)), run: run.map(str::to_owned) }
    }

    /// A page of its own, with more words behind the question mark.
    #[must_use]
    pub fn page(&self, name: &str, more: &str) -> String {
        let run = self.run.as_ref().map(|r| format!("run={}", segment(r)));
        let words: Vec<String> = run.into_iter().chain((!more.is_empty()).then(|| more.to_owned())).collect();
        let mark = if words.is_empty() { "" } else { "?" };
        format!("{}{name}{mark}{}", self.base, words.join("&"))
    }

    /// Plans and tasks.
    #[must_use]
    pub fn tasks(&self) -> String {
        self.page("", "")
    }

    /// A task.
    #[must_use]
    pub fn task(&self, key: &TaskKey) -> String {
        self.page(&task_path(key), "")
    }

    /// Of an attempt at a task: its page (empty), `/diff`, `/log`.
    #[must_use]
    pub fn attempt(&self, key: &TaskKey, number: u32, what: &str, more: &str) -> String {
        let more = if more.is_empty() { String::new() } else { format!("&{more}") };
        self.page(&format!("{}{what}", task_path(key)), &format!("attempt={number}{more}"))
    }

    /// Two attempts at a task side by side.
    #[must_use]
    pub fn compare(&self, key: &TaskKey, more: &str) -> String {
        self.page(&format!("{}/compare", task_path(key)), more)
    }

    /// Where forms go.
    #[must_use]
    pub fn act(&self) -> String {
        self.page("act", "")
    }

    /// The same of another run; `None`: of the present one.
    #[must_use]
    pub fn of_run(&self, run: Option<&str>) -> Self {
        Self { base: self.base.clone(), run: run.map(str::to_owned) }
    }
}

fn task_path(key: &TaskKey) -> String {
    format!("task/{}/{}", segment(key.plan.as_str()), segment(key.task.as_str()))
}

/// A text as one part of a path, or as a value behind a question mark.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) && text != "." && text != ".." {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_is_one_part_of_an_address() {
        assert_eq!(segment("a/b c?#%ü<\"'"), "a%2Fb%20c%3F%23%25%C3%BC%3C%22%27");
        assert_eq!([segment(".."), segment(".")], ["%2E%2E", "%2E"]);
        let links = Links::new("re po", Some("r1"));
        let key = TaskKey::new("p", "a/b");
        assert_eq!(links.task(&key), "/r/re%20po/task/p/a%2Fb?run=r1");
        assert_eq!(links.attempt(&key, 2, "/log", "of=stderr"), "/r/re%20po/task/p/a%2Fb/log?run=r1&attempt=2&of=stderr");
        assert_eq!(links.of_run(None).tasks(), "/r/re%20po/");
    }

    #[test]
    fn what_is_looked_for_has_its_limits() {
        let wild = Filter { find: format!("  {}", "x".repeat(1_000)), show: "everything".into() }.bounded();
        assert_eq!((wild.find.len(), wild.show.as_str()), (FIND_CHARS_MAX, ""));
        assert!(Filter::default().bounded().is_all());
    }
}
