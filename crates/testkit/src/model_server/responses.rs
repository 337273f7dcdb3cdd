//! OpenAI's Responses API, streamed and whole.

use serde_json::{Value, json};

use super::wire::{Ask, CACHED_TOKENS, Content, EVENTS, INPUT_TOKENS, JSON, OUTPUT_TOKENS, Tool, Turn, Wire, events, text_of};

pub(super) struct Responses;

impl Wire for Responses {
    fn ask(&self, body: &Value, _path: &str) -> Ask {
        let mut ask = Ask {
            model: body["model"].as_str().unwrap_or("scripted").to_owned(),
            system: body["instructions"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"] == true,
            wants_json: body["text"]["format"]["type"].as_str().is_some_and(|t| t.starts_with("json")),
            ..Ask::default()
        };
        for item in body["input"].as_array().into_iter().flatten() {
            match (item["type"].as_str(), item["role"].as_str()) {
                (Some("function_call_output" | "custom_tool_call_output"), _) => ask.turns.push(Turn::ToolResult),
                (_, Some("user")) => ask.turns.push(Turn::User(text_of(&item["content"]))),
                _ => {}
            }
        }
        if let Some(text) = body["input"].as_str() {
            ask.turns.push(Turn::User(text.to_owned()));
        }
        for tool in body["tools"].as_array().into_iter().flatten() {
            match tool["type"].as_str() {
                Some("namespace") => {
                    let inner = tool["tools"].as_array().into_iter().flatten();
                    ask.tools.extend(inner.filter_map(|t| offered(t, tool["name"].as_str())));
                }
                _ => ask.tools.extend(offered(tool, None)),
            }
        }
        ask
    }

    fn answer(&self, content: &Content, ask: &Ask, n: u64) -> (&'static str, String) {
        let item = match content {
            Content::Text(text) => json!({
                "type": "message", "id": format!("msg_{n:06}"), "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }),
            Content::Call { name, namespace, input } => {
                let mut item = json!({"type": "function_call", "id": format!("fc_{n:06}"), "status": "completed", "call_id": format!("call_{n:06}"), "name": name, "arguments": input.to_string()});
                if let Some(namespace) = namespace {
                    item["namespace"] = json!(namespace);
                }
                item
            }
        };
        let response = |status: &str, output: Value, usage: Value| json!({"id": format!("resp_{n:06}"), "object": "response", "created_at": 0, "model": ask.model, "status": status, "output": output, "usage": usage});
        let usage = json!({
            "input_tokens": INPUT_TOKENS, "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
            "output_tokens": OUTPUT_TOKENS, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        });
        let whole = response("completed", json!([item]), usage);
        if !ask.stream {
            return (JSON, whole.to_string());
        }
        let all = [
            json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([]), Value::Null)}),
            json!({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item}),
            json!({"type": "response.output_item.done", "sequence_number": 2, "output_index": 0, "item": item}),
            json!({"type": "response.completed", "sequence_number": 3, "response": whole}),
        ];
        (EVENTS, events(&all, Some("type")))
    }

    fn error(&self, status: u16) -> Value {
        openai_error(status)
    }
}

fn offered(tool: &Value, namespace: Option<&str>) -> Option<Tool> {
    let schema = tool.get("parameters").filter(|p| p.is_object()).cloned();
    Some(Tool { name: tool["name"].as_str()?.to_owned(), namespace: namespace.map(str::to_owned), schema })
}

/// OpenAI's error, the same in both of its protocols.
pub(super) fn openai_error(status: u16) -> Value {
    let kind = match status {
        401 => "invalid_authentication_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    json!({"error": {"message": format!("scripted error {status}"), "type": kind, "param": null, "code": kind}})
}
