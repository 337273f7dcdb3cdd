//! OpenAI's Chat Completions, streamed and whole.

use serde_json::{Value, json};

use super::wire::{Ask, CACHED_TOKENS, Content, EVENTS, INPUT_TOKENS, JSON, OUTPUT_TOKENS, Tool, Turn, Wire, events, text_of};

pub(super) struct Completions;

impl Wire for Completions {
    fn ask(&self, body: &Value, _path: &str) -> Ask {
        let mut ask = Ask {
            model: body["model"].as_str().unwrap_or("scripted").to_owned(),
            stream: body["stream"] == true,
            wants_json: body["response_format"]["type"].as_str().is_some_and(|t| t.starts_with("json")),
            ..Ask::default()
        };
        for message in body["messages"].as_array().into_iter().flatten() {
            match message["role"].as_str() {
                Some("user") => ask.turns.push(Turn::User(text_of(&message["content"]))),
                Some("tool") => ask.turns.push(Turn::ToolResult),
                Some("system" | "developer") => {
                    ask.system.push_str(&text_of(&message["content"]));
                    ask.system.push('\n');
                }
                _ => {}
            }
        }
        let functions = body["tools"].as_array().into_iter().flatten().map(|t| &t["function"]);
        let tools = functions
            .filter_map(|f| Some(Tool { name: f["name"].as_str()?.to_owned(), namespace: None, schema: Some(f["parameters"].clone()) }));
        ask.tools = tools.collect();
        ask
    }

    fn answer(&self, content: &Content, ask: &Ask, n: u64) -> (&'static str, String) {
        let (message, reason) = match content {
            Content::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
            Content::Call { name, input, .. } => {
                let arguments = input.to_string();
                let call = json!({"index": 0, "id": format!("call_{n:06}"), "type": "function", "function": {"name": name, "arguments": arguments}});
                (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
            }
        };
        let usage = json!({
            "prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        });
        let id = format!("chatcmpl-{n:06}");
        if !ask.stream {
            let choice = json!({"index": 0, "message": message, "finish_reason": reason});
            let whole =
                json!({"id": id, "object": "chat.completion", "created": 0, "model": ask.model, "choices": [choice], "usage": usage});
            return (JSON, whole.to_string());
        }
        let chunk = |choices: Value, usage: Value| json!({"id": id, "object": "chat.completion.chunk", "created": 0, "model": ask.model, "choices": choices, "usage": usage});
        let all = [
            chunk(json!([{"index": 0, "delta": message, "finish_reason": null}]), Value::Null),
            chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]), Value::Null),
            chunk(json!([]), usage),
        ];
        (EVENTS, events(&all, None) + "data: [DONE]\n\n")
    }

    fn error(&self, status: u16) -> Value {
        super::responses::openai_error(status)
    }
}
