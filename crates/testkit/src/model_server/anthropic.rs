//! Anthropic's Messages API, streamed and whole.

use serde_json::{Value, json};

use super::wire::{Ask, CACHED_TOKENS, Content, EVENTS, INPUT_TOKENS, JSON, OUTPUT_TOKENS, Tool, Turn, Wire, events, text_of};

pub(super) struct Messages;

impl Wire for Messages {
    fn ask(&self, body: &Value, _path: &str) -> Ask {
        let mut turns = Vec::new();
        for message in body["messages"].as_array().into_iter().flatten().filter(|m| m["role"] == "user") {
            let results = message["content"].as_array().into_iter().flatten().filter(|p| p["type"] == "tool_result");
            turns.extend(results.map(|_| Turn::ToolResult));
            turns.push(Turn::User(text_of(&message["content"])));
        }
        let tools = body["tools"].as_array().into_iter().flatten().filter_map(|tool| {
            Some(Tool { name: tool["name"].as_str()?.to_owned(), namespace: None, schema: Some(tool["input_schema"].clone()) })
        });
        // Where the agent works may stand in a message instead of the system prompt.
        let mut system = text_of(&body["system"]);
        for message in body["messages"].as_array().into_iter().flatten() {
            system.push('\n');
            system.push_str(&text_of(&message["content"]));
        }
        Ask {
            model: body["model"].as_str().unwrap_or("scripted").to_owned(),
            system,
            turns,
            tools: tools.collect(),
            stream: body["stream"] == true,
            wants_json: !body["output_config"]["format"].is_null() || !body["output_format"].is_null(),
        }
    }

    fn answer(&self, content: &Content, ask: &Ask, n: u64) -> (&'static str, String) {
        let (block, stop_reason) = match content {
            Content::Text(text) => (json!({"type": "text", "text": text}), "end_turn"),
            Content::Call { name, input, .. } => {
                (json!({"type": "tool_use", "id": format!("toolu_{n:06}"), "name": name, "input": input}), "tool_use")
            }
        };
        let message = |content: Value, stop_reason: Value, output: u64| {
            json!({
                "id": format!("msg_{n:06}"), "type": "message", "role": "assistant", "model": ask.model, "content": content,
                "stop_reason": stop_reason, "stop_sequence": null,
                "usage": {"input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED_TOKENS, "output_tokens": output},
            })
        };
        if !ask.stream {
            return (JSON, message(json!([block]), json!(stop_reason), OUTPUT_TOKENS).to_string());
        }
        let (mut start, delta) = (
            block.clone(),
            match content {
                Content::Text(text) => json!({"type": "text_delta", "text": text}),
                Content::Call { .. } => json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}),
            },
        );
        match content {
            Content::Text(_) => start["text"] = json!(""),
            Content::Call { .. } => start["input"] = json!({}),
        }
        let all = [
            json!({"type": "message_start", "message": message(json!([]), Value::Null, 1)}),
            json!({"type": "content_block_start", "index": 0, "content_block": start}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": null}, "usage": {"output_tokens": OUTPUT_TOKENS}}),
            json!({"type": "message_stop"}),
        ];
        (EVENTS, events(&all, Some("type")))
    }

    fn error(&self, status: u16) -> Value {
        let kind = match status {
            400 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            _ => "api_error",
        };
        json!({"type": "error", "error": {"type": kind, "message": format!("scripted error {status}")}, "request_id": "req_scripted"})
    }
}
