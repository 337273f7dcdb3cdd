//! A task's definition and inputs as one value: what has landed under the same value need not be done again.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::model::{Plan, Task};
use crate::graph::Graph;
use crate::ids::TaskId;

/// Changes when the way of digesting does, so that old values match nothing.
const VERSION: &str = "greenlane-task-1";

/// For each task the SHA-256 (hexadecimal) of all that its work depends on: its own words, commands, files and agent, the plan's
/// `verify` and `generated`, and the digests of the tasks it depends on. What only says when and how long to try is left out. Empty
/// if the plan has a cycle, which a validated one has not.
#[must_use]
pub fn digests(plan: &Plan) -> BTreeMap<TaskId, String> {
    let mut out = BTreeMap::new();
    let Ok(graph) = Graph::new(plan) else { return out };
    let mut common = Sha256::new();
    part(&mut common, "version", VERSION);
    part(&mut common, "verify known", if plan.verify.is_some() { "yes" } else { "no" });
    parts(&mut common, "verify", plan.verify.iter().flatten());
    parts(&mut common, "generated", plan.generated.iter().flat_map(|(k, v)| [k, v]));
    let mut by_number: Vec<String> = vec![String::new(); graph.len()];
    for number in graph.topological_order() {
        let task = &plan.tasks[number];
        let mut hash = common.clone();
        definition(&mut hash, task);
        parts(&mut hash, "depends", graph.depends(number).iter().map(|d| &by_number[*d]).collect::<std::collections::BTreeSet<_>>());
        by_number[number] = hex(&hash.finalize());
        out.insert(task.id.clone(), by_number[number].clone());
    }
    out
}

fn definition(hash: &mut Sha256, task: &Task) {
    part(hash, "id", task.id.as_str());
    part(hash, "title", &task.title);
    part(hash, "prompt", &task.prompt);
    for (name, value) in [("run", &task.run), ("agent", &task.agent), ("model", &task.model), ("role", &task.role)] {
        parts(hash, name, value.iter());
    }
    for (name, list) in [
        ("criteria", &task.criteria),
        ("check", &task.check),
        ("owns", &task.owns),
        ("skills", &task.skills),
        ("candidates", &task.candidates),
    ] {
        parts(hash, name, list.iter());
    }
    // Newer keys leave the digest of a task without them as it was.
    parts_if_any(hash, "objective", task.objective.iter());
    for (name, list) in [("activities", &task.activities), ("deliverables", &task.deliverables), ("contracts", &task.contracts)] {
        parts_if_any(hash, name, list.iter());
    }
    parts(hash, "env", task.env.iter().flat_map(|(k, v)| [k, v]));
}

/// Lengths go before texts, so that no two definitions give the same bytes.
fn part(hash: &mut Sha256, name: &str, text: &str) {
    for piece in [name, text] {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece.as_bytes());
    }
}

fn parts<'a>(hash: &mut Sha256, name: &str, list: impl IntoIterator<Item = &'a String>) {
    let list: Vec<&String> = list.into_iter().collect();
    part(hash, name, &list.len().to_string());
    for text in list {
        part(hash, "", text);
    }
}

fn parts_if_any<'a>(hash: &mut Sha256, name: &str, list: impl Iterator<Item = &'a String>) {
    let mut list = list.peekable();
    if list.peek().is_some() {
        parts(hash, name, list);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn plan() -> Plan {
        let mut plan = Plan::new("p");
        for (id, depends) in [("a", vec![]), ("b", vec!["a"]), ("c", vec!["b"]), ("d", vec![])] {
            let mut task = Task::new(id);
            task.depends = depends.into_iter().map(TaskId::from).collect();
            plan.tasks.push(task);
        }
        plan
    }

    fn changed(change: impl Fn(&mut Plan)) -> Vec<String> {
        let mut after = plan();
        change(&mut after);
        let (before, after) = (digests(&plan()), digests(&after));
        before.iter().filter(|(id, digest)| after.get(*id) != Some(digest)).map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn a_change_reaches_all_that_build_on_it() {
        assert_eq!(changed(|p| p.tasks[0].prompt.push('x')), ["a", "b", "c"]);
        assert_eq!(changed(|p| p.tasks[1].check.push(String::from("x"))), ["b", "c"]);
        assert_eq!(changed(|p| p.tasks[1].contracts.push(String::from("x"))), ["b", "c"]);
        assert_eq!(changed(|p| p.tasks[3].objective = Some(String::from("x"))), ["d"]);
        assert_eq!(changed(|p| p.tasks[3].run = Some(String::new())), ["d"]);
        assert_eq!(changed(|p| p.tasks[2].depends.clear()), ["c"]);
        assert_eq!(changed(|p| p.verify = Some(vec![])), ["a", "b", "c", "d"]);
        assert_eq!(changed(|p| drop(p.generated.insert(String::from("x"), String::from("y")))), ["a", "b", "c", "d"]);
    }

    #[test]
    fn when_and_how_long_do_not_count() {
        let none = changed(|p| {
            let t = &mut p.tasks[0];
            (t.timeout, t.estimate, t.retries, t.priority, t.line) =
                (Some(Duration::from_secs(1)), Some(Duration::from_secs(2)), Some(3), 0, 9);
            t.budget = crate::budget::Budget::parse("tokens=5").ok();
            p.name = String::from("other");
        });
        assert!(none.is_empty(), "{none:?}");
    }

    #[test]
    fn texts_do_not_run_together() {
        let with = |owns: &[&str], check: &[&str]| {
            let mut p = plan();
            p.tasks[0].owns = owns.iter().map(|s| String::from(*s)).collect();
            p.tasks[0].check = check.iter().map(|s| String::from(*s)).collect();
            digests(&p)[&TaskId::from("a")].clone()
        };
        assert_ne!(with(&["ab"], &[]), with(&["a", "b"], &[]));
        assert_ne!(with(&["a"], &[]), with(&[], &["a"]));
        assert_eq!(with(&["a"], &[]).len(), 64);
    }
}
