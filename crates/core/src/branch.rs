//! How Greenlane's own branches are called: `greenlane/<run>/task/<slug>` and `greenlane/<run>/plan/<slug>`. Knows no repository.
//!
//! Where a user's branch is called `greenlane`, git has no room for names below it; then a run's are below `greenlane-1`.

use crate::ids::{PlanId, RunId, TaskKey};
use crate::slug::{key_slug, slug};

/// What all of them begin with, unless a branch of the user's is called like that.
pub const PREFIX: &str = "greenlane";

/// The branch of a task.
#[must_use]
pub fn of_task(prefix: &str, run: &RunId, key: &TaskKey) -> String {
    format!("{prefix}/{run}/task/{}", key_slug(key))
}

/// The branch of a plan that names none.
#[must_use]
pub fn of_plan(prefix: &str, run: &RunId, plan: &PlanId) -> String {
    format!("{prefix}/{run}/plan/{}", slug(plan.as_str()))
}

/// Whether a branch (without `refs/heads/`) is called like one of Greenlane's. It need not be one: users name theirs as they like.
#[must_use]
pub fn is_shaped(name: &str) -> bool {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [prefix, run, "task" | "plan", slug] => is_prefix(prefix) && !run.is_empty() && !slug.is_empty(),
        _ => false,
    }
}

/// The same of a folder of refs (`greenlane/<run>/task`).
#[must_use]
pub fn is_shaped_folder(name: &str) -> bool {
    matches!(name.split('/').collect::<Vec<_>>().as_slice(), [prefix, run, "task" | "plan"] if is_prefix(prefix) && !run.is_empty())
}

fn is_prefix(text: &str) -> bool {
    let number = |rest: &str| rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok());
    text.strip_prefix(PREFIX).is_some_and(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_known_and_a_users_are_not() {
        let (run, key) = (RunId::from("260102-030405-abcd"), TaskKey::new("p", "a"));
        for prefix in ["greenlane", "greenlane-1", "greenlane-12"] {
            assert!(is_shaped(&of_task(prefix, &run, &key)) && is_shaped(&of_plan(prefix, &run, &key.plan)), "{prefix}");
            assert!(is_shaped_folder(&format!("{prefix}/{run}/task")));
        }
        for name in
            ["greenlane", "greenlane/docs", "greenlane/a/b", "greenlane/a/task/b/c", "greenlanes/r/task/a", "x/greenlane/r/task", "main"]
        {
            assert!(!is_shaped(name), "{name}");
        }
        assert!(!is_shaped_folder("greenlane/docs") && !is_shaped_folder("greenlane-x/r/task"));
    }
}
