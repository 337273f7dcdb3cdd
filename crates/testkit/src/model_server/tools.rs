//! Picks the tool that the agent itself offers, and fills its arguments by the schema it gave.

use serde_json::{Map, Value, json};

use super::wire::{Ask, Content, Tool};

/// Tools that write a whole file, by agent: claude, gemini and qwen, opencode and pi.
const WRITERS: &[&str] = &["Write", "write_file", "write"];
/// Tools that run a command: claude, gemini and qwen, opencode, codex (by version).
const RUNNERS: &[&str] = &["Bash", "run_shell_command", "bash", "exec_command", "shell_command", "shell", "local_shell"];

const PATH_KEYS: &[&str] = &["file_path", "filePath", "absolute_path", "path"];
const CONTENT_KEYS: &[&str] = &["content", "contents", "file_text", "text"];
const COMMAND_KEYS: &[&str] = &["command", "cmd"];

/// Whether a request with these tools is about the task.
pub(super) fn can_work(tools: &[Tool]) -> bool {
    tools.iter().any(|t| WRITERS.contains(&t.name.as_str()) || RUNNERS.contains(&t.name.as_str()))
}

/// The call that writes this file, by a tool for it or else by a shell.
pub(super) fn write(ask: &Ask, path: &str, text: &str) -> Option<Content> {
    if let Some((tool, schema)) = pick(ask, WRITERS)
        && let Some((path_key, content_key)) = key(schema, PATH_KEYS).zip(key(schema, CONTENT_KEYS))
    {
        // Some agents refuse a relative path; those say in their system prompt where they work.
        let path = working_directory(&ask.system).map_or_else(|| path.to_owned(), |dir| format!("{dir}/{path}"));
        let mut input = required(schema);
        input.insert(path_key.to_owned(), json!(path));
        input.insert(content_key.to_owned(), json!(text));
        return Some(called(tool, input));
    }
    let parent = path.rsplit_once('/').map_or(String::new(), |(dir, _)| format!("mkdir -p {} && ", quote(dir)));
    run(ask, &format!("{parent}printf '%s' {} > {}", quote(text), quote(path)))
}

/// The call that runs this command.
pub(super) fn run(ask: &Ask, command: &str) -> Option<Content> {
    let (tool, schema) = pick(ask, RUNNERS)?;
    let key = key(schema, COMMAND_KEYS)?;
    let mut input = required(schema);
    let list = schema["properties"][key]["type"] == "array";
    input.insert(key.to_owned(), if list { json!(["sh", "-c", command]) } else { json!(command) });
    Some(called(tool, input))
}

fn pick<'a>(ask: &'a Ask, names: &[&str]) -> Option<(&'a Tool, &'a Value)> {
    let tool = names.iter().find_map(|name| ask.tools.iter().find(|t| t.name == *name))?;
    Some((tool, tool.schema.as_ref()?))
}

fn called(tool: &Tool, input: Map<String, Value>) -> Content {
    Content::Call { name: tool.name.clone(), namespace: tool.namespace.clone(), input: Value::Object(input) }
}

fn key<'a>(schema: &Value, names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| schema["properties"].get(name).is_some())
}

/// Something harmless for whatever else the schema requires, such as a description.
fn required(schema: &Value) -> Map<String, Value> {
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names
        .map(|name| {
            let value = match schema["properties"][name]["type"].as_str() {
                Some("boolean") => json!(false),
                Some("integer" | "number" | "NUMBER" | "INTEGER") => json!(10_000),
                Some("array") => json!([]),
                _ => json!("scripted"),
            };
            (name.to_owned(), value)
        })
        .collect()
}

fn working_directory(system: &str) -> Option<&str> {
    let marks = ["Primary working directory: ", "Working directory: ", "working directory: ", "<cwd>"];
    let (_, rest) = marks.iter().find_map(|mark| system.split_once(mark))?;
    let line = rest.lines().next()?;
    let path = line.split("</cwd>").next()?.trim().trim_end_matches(['.', '/']);
    path.starts_with('/').then_some(path)
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(name: &str, schema: Value) -> Ask {
        Ask { tools: vec![Tool { name: name.to_owned(), namespace: None, schema: Some(schema) }], ..Ask::default() }
    }

    fn input(content: Option<Content>) -> Value {
        match content {
            Some(Content::Call { input, .. }) => input,
            _ => Value::Null,
        }
    }

    #[test]
    fn a_file_is_written_with_the_agents_own_names_for_things() {
        let mut ask = offering("write", json!({"properties": {"filePath": {}, "content": {}}, "required": ["filePath", "content"]}));
        ask.system = String::from("<env>\n  Working directory: /w/repo\n</env>");
        assert_eq!(input(write(&ask, "a.txt", "x")), json!({"filePath": "/w/repo/a.txt", "content": "x"}));
    }

    #[test]
    fn without_a_tool_for_files_a_shell_does_it() {
        let ask = offering("exec_command", json!({"properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}));
        assert_eq!(input(write(&ask, "d/a.txt", "it's")), json!({"cmd": r"mkdir -p 'd' && printf '%s' 'it'\''s' > 'd/a.txt'"}));
        let ask = offering("shell", json!({"properties": {"command": {"type": "array"}}}));
        assert_eq!(input(run(&ask, "ls")), json!({"command": ["sh", "-c", "ls"]}));
    }

    #[test]
    fn an_agent_that_offers_nothing_fitting_gets_no_call() {
        assert!(write(&offering("Read", json!({})), "a", "b").is_none());
    }
}
