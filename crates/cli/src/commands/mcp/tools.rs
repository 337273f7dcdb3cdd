//! The list of tools: names, words for the model, schemas of their input.

use serde_json::{Value, json};

/// One tool.
pub struct ToolText {
    /// Its name.
    pub name: &'static str,
    /// What for.
    pub description: &'static str,
    /// The schema of its input: properties, and which of them must be there.
    pub properties: fn() -> Value,
    /// Those that must be there.
    pub required: &'static [&'static str],
}

fn none() -> Value {
    json!({})
}

fn text(what: &str) -> Value {
    json!({"type": "string", "description": what})
}

/// All of them.
pub const TOOLS: &[ToolText] = &[
    ToolText {
        name: "task",
        description: "Shows your task (what is to be done, what you may change, what is checked), the tasks before and after it, and the other tasks at work.",
        properties: none,
        required: &[],
    },
    ToolText {
        name: "progress",
        description: "Tells the people who watch the run how far you are.",
        properties: || {
            json!({
                "percent": {"type": "number", "minimum": 0, "maximum": 100, "description": "0 to 100; may go down if more is left than you thought"},
                "text": text("what you are doing, in a few words"),
            })
        },
        required: &["percent"],
    },
    ToolText {
        name: "note",
        description: "Tells another task something that it needs to know: its agent reads it with `notes`, or at its next start.",
        properties: || json!({"task": text("the other task's id, as `task` lists it"), "text": text("what it needs to know")}),
        required: &["task", "text"],
    },
    ToolText { name: "notes", description: "Shows the notes that other tasks have left for yours.", properties: none, required: &[] },
    ToolText {
        name: "ask",
        description: "Asks a person what you can neither find out nor decide yourself, and waits a while for the answer. Your time limits rest meanwhile.",
        properties: || json!({"question": text("all that somebody needs to know to answer it; offer choices where you can")}),
        required: &["question"],
    },
    ToolText {
        name: "answer",
        description: "Waits on for the answer to a question that you have asked before.",
        properties: || json!({"question": {"type": "integer", "minimum": 1, "description": "its number, as `ask` gave it"}}),
        required: &["question"],
    },
    ToolText {
        name: "claim",
        description: "Asks for a file that your task does not own, before you change it. Granted if no other unfinished task owns or has claimed it; it is yours until your task ends.",
        properties: || json!({"path": text("one file, from the repository's root")}),
        required: &["path"],
    },
    ToolText {
        name: "lock",
        description: "Takes a lock that all tasks of the run know by its name, for what only one may use at a time: a port, a database, a device. Waits its turn for a while. Take it again to keep it for longer.",
        properties: || {
            json!({
                "name": text("the same for all who use the thing: `port-5432`"),
                "lease_seconds": {"type": "integer", "minimum": 1, "maximum": 7200, "description": "given back by itself after that; 600 if not said"},
                "wait_seconds": {"type": "integer", "minimum": 0, "description": "how long to wait for it; 0: not at all"},
            })
        },
        required: &["name"],
    },
    ToolText {
        name: "unlock",
        description: "Gives a lock back, or leaves its queue.",
        properties: || json!({"name": text("as it was taken")}),
        required: &["name"],
    },
    ToolText {
        name: "values",
        description: "Shows values that tasks of this run share by name, each with its version.",
        properties: || json!({"name": text("only this one")}),
        required: &[],
    },
    ToolText {
        name: "set_value",
        description: "Sets a value for all tasks of this run.",
        properties: || {
            json!({
                "name": text("its name"),
                "value": {"type": ["string", "null"], "description": "null takes it away"},
                "if_version": {"type": "integer", "minimum": 0, "description": "only if it still has this version; 0: only if it is not set"},
            })
        },
        required: &["name", "value"],
    },
];

/// The JSON Schema of a tool's input.
pub fn schema(tool: &ToolText) -> serde_json::Map<String, Value> {
    let schema = json!({"type": "object", "properties": (tool.properties)(), "required": tool.required, "additionalProperties": false});
    match schema {
        Value::Object(schema) => schema,
        _ => serde_json::Map::new(),
    }
}
