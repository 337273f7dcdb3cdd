//! The published JSON Schema against the reader: the same keys, the same bounds.

use std::collections::BTreeSet;

use greenlane_core::plan::{PLAN_KEYS, PlanSource, TASK_KEYS, read};
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/plan.schema.json")).expect("the schema is JSON")
}

fn keys(at: &str) -> BTreeSet<String> {
    let schema = schema();
    let table = schema.pointer(at).and_then(Value::as_object).unwrap_or_else(|| panic!("no {at}"));
    table.keys().filter(|k| *k != "$schema").cloned().collect()
}

fn messages(plan: &Value) -> Vec<String> {
    let files = |_: &str| Ok(String::from("x"));
    let reading = read(&PlanSource::new("p.json", plan.to_string(), &files));
    reading.diagnostics.into_iter().map(|d| d.message).collect()
}

#[test]
fn reader_and_schema_know_the_same_keys() {
    let known = |list: &[&str]| list.iter().map(|k| String::from(*k)).collect::<BTreeSet<_>>();
    assert_eq!(keys("/properties"), known(&PLAN_KEYS));
    assert_eq!(keys("/$defs/task/properties"), known(&TASK_KEYS));
    let mut in_defaults = known(&TASK_KEYS);
    for own in ["id", "ticked", "extra", "issue"] {
        in_defaults.remove(own);
    }
    assert_eq!(keys("/$defs/defaults/properties"), in_defaults);
}

#[test]
fn reader_and_schema_have_the_same_bounds() {
    let schema = schema();
    for (at, key, in_plan) in [
        ("/properties/jobs", "jobs", true),
        ("/$defs/task/properties/priority", "priority", false),
        ("/$defs/task/properties/retries", "retries", false),
    ] {
        let bound = |name: &str| schema.pointer(&format!("{at}/{name}")).and_then(Value::as_i64).expect("a bound");
        for (value, good) in
            [(bound("minimum"), true), (bound("maximum"), true), (bound("minimum") - 1, false), (bound("maximum") + 1, false)]
        {
            let mut plan = json!({"tasks": [{"id": "a", "run": "x"}]});
            let table = if in_plan { &mut plan } else { &mut plan["tasks"][0] };
            table[key] = json!(value);
            assert_eq!(messages(&plan).is_empty(), good, "{key} = {value}");
        }
    }
    let longest = schema.pointer("/$defs/id/maxLength").and_then(Value::as_u64).expect("a bound") as usize;
    for (n, good) in [(longest, true), (longest + 1, false)] {
        assert_eq!(messages(&json!({"tasks": [{"id": "é".repeat(n), "run": "x"}]})).is_empty(), good);
    }
}

#[test]
fn a_key_that_the_schema_has_is_taken() {
    for key in TASK_KEYS {
        let value = match key {
            "priority" | "retries" | "repairs" => json!(1),
            "budget" => json!({"tokens": 5}),
            "env" | "extra" => json!({"A": "b"}),
            "ticked" => json!(true),
            "skill_failure" => json!("stop"),
            "timeout" | "stall_timeout" | "check_timeout" | "skill_timeout" | "estimate" => json!("5m"),
            "depends" => json!([]),
            "issue" => json!("github:#1"),
            _ => json!("x"),
        };
        let mut task = json!({"id": "a", "title": "t"});
        task[key] = value;
        assert_eq!(messages(&json!({"$schema": "x", "tasks": [task]})), Vec::<String>::new(), "{key}");
    }
}
