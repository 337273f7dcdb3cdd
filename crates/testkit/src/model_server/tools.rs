//! Picks the tool that the agent itself offers, and fills its arguments by the schema it gave. For an agent without tools, which reads
//! whole files out of the answer (aider), the answer's text.

use serde_json::{Map, Value, json};

use super::wire::{Ask, Content, Tool, Turn};

/// Tools that write a whole file, by agent: claude, gemini and qwen, opencode and pi, copilot, cline.
const WRITERS: &[&str] = &["Write", "write_file", "write", "create", "editor"];
/// Tools that run a command: claude, gemini and qwen, opencode with pi and copilot, codex (by version), cline.
const RUNNERS: &[&str] = &["Bash", "run_shell_command", "bash", "exec_command", "shell_command", "shell", "local_shell", "run_commands"];

const PATH_KEYS: &[&str] = &["file_path", "filePath", "absolute_path", "path"];
const CONTENT_KEYS: &[&str] = &["content", "contents", "file_text", "text", "new_text"];
const COMMAND_KEYS: &[&str] = &["command", "cmd", "commands"];

/// By these words aider says that it takes whole files out of the answer.
const LISTINGS: &str = "*file listing*";

/// Whether a request is about the task.
pub(super) fn can_work(ask: &Ask) -> bool {
    let works = |t: &Tool| WRITERS.contains(&t.name.as_str()) || RUNNERS.contains(&t.name.as_str());
    takes_listings(ask) || ask.tools.iter().any(works)
}

/// Whether what the answer says is what is written.
pub(super) fn takes_listings(ask: &Ask) -> bool {
    ask.tools.is_empty() && ask.system.contains(LISTINGS)
}

/// The file as part of such an answer; a file without an end of its last line gets one.
pub(super) fn listing(path: &str, text: &str) -> String {
    format!("{path}\n```\n{}\n```\n", text.trim_end_matches('\n'))
}

/// The call that writes this file, by a tool for it or else by a shell.
pub(super) fn write(ask: &Ask, path: &str, text: &str) -> Option<Content> {
    if let Some((tool, schema)) = pick(ask, WRITERS)
        && let Some((path_key, content_key)) = key(schema, PATH_KEYS).zip(key(schema, CONTENT_KEYS))
    {
        // Some agents refuse a relative path; those say in their system prompt where they work.
        let path = working_directory(ask).map_or_else(|| path.to_owned(), |dir| format!("{dir}/{path}"));
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
    let value = match schema["properties"][key]["type"].as_str() {
        // Several command lines, or the words of one.
        Some("array") if key == "commands" => json!([command]),
        Some("array") => json!(["sh", "-c", command]),
        _ => json!(command),
    };
    input.insert(key.to_owned(), value);
    Some(called(tool, input))
}

/// The call of a tool that is not the agent's own: agents put the server's name before it (`mcp__greenlane__progress`).
pub(super) fn served(ask: &Ask, name: &str, input: &Value) -> Option<Content> {
    let is_it = |t: &&Tool| t.name == name && t.namespace.is_some() || t.name.ends_with(&format!("_{name}"));
    let tool = ask.tools.iter().find(is_it)?;
    Some(called(tool, input.as_object().cloned().unwrap_or_default()))
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

/// As the system prompt tells it, or the first message (qwen).
fn working_directory(ask: &Ask) -> Option<&str> {
    let marks =
        ["Primary working directory: ", "Working directory: ", "Working Directory: ", "working directory: ", "<cwd>", "in the directory: "];
    let first = ask.turns.iter().find_map(|t| if let Turn::User(text) = t { Some(text.as_str()) } else { None });
    let (_, rest) = [ask.system.as_str(), first.unwrap_or_default()]
        .into_iter()
        .find_map(|text| marks.iter().find_map(|mark| text.split_once(mark)))?;
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
    fn cline_takes_several_command_lines_at_once_and_qwen_says_first_where_it_works() {
        let ask = offering("run_commands", json!({"properties": {"commands": {"type": "array"}}, "required": ["commands"]}));
        assert_eq!(input(run(&ask, "ls")), json!({"commands": ["ls"]}));
        let mut ask = offering("write_file", json!({"properties": {"file_path": {}, "content": {}}}));
        ask.turns = vec![Turn::User(String::from("I'm in the directory: /w/repo\nIt holds nothing")), Turn::User(String::from("Do it."))];
        assert_eq!(input(write(&ask, "a.txt", "x")), json!({"file_path": "/w/repo/a.txt", "content": "x"}));
    }

    #[test]
    fn an_agent_that_offers_nothing_fitting_gets_no_call() {
        assert!(write(&offering("Read", json!({})), "a", "b").is_none());
    }
}
