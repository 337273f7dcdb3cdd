//! Google's generateContent and streamGenerateContent.

use serde_json::{Value, json};

use super::wire::{Ask, CACHED_TOKENS, Content, EVENTS, INPUT_TOKENS, JSON, OUTPUT_TOKENS, Tool, Turn, Wire, events, text_of};

pub(super) struct Generate;

impl Wire for Generate {
    fn ask(&self, body: &Value, path: &str) -> Ask {
        let model = path.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or("scripted");
        let config = &body["generationConfig"];
        let mut ask = Ask {
            model: model.to_owned(),
            system: text_of(&body["systemInstruction"]),
            stream: path.ends_with(":streamGenerateContent"),
            wants_json: config["responseMimeType"] == "application/json",
            ..Ask::default()
        };
        for content in body["contents"].as_array().into_iter().flatten().filter(|c| c["role"] != "model") {
            let parts = content["parts"].as_array().into_iter().flatten();
            ask.turns.extend(parts.filter(|p| p.get("functionResponse").is_some()).map(|_| Turn::ToolResult));
            ask.turns.push(Turn::User(text_of(&content["parts"])));
        }
        let groups = body["tools"].as_array().into_iter().flatten();
        let functions = groups.flat_map(|g| g["functionDeclarations"].as_array().into_iter().flatten());
        let tools = functions.filter_map(|f| {
            let schema = f.get("parametersJsonSchema").or_else(|| f.get("parameters")).cloned();
            Some(Tool { name: f["name"].as_str()?.to_owned(), namespace: None, schema })
        });
        ask.tools = tools.collect();
        ask
    }

    fn answer(&self, content: &Content, ask: &Ask, n: u64) -> (&'static str, String) {
        let part = match content {
            Content::Text(text) => json!({ "text": text }),
            Content::Call { name, input, .. } => json!({"functionCall": {"name": name, "args": input}}),
        };
        let whole = json!({
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {
                "promptTokenCount": INPUT_TOKENS, "cachedContentTokenCount": CACHED_TOKENS,
                "candidatesTokenCount": OUTPUT_TOKENS, "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
            },
            "modelVersion": ask.model, "responseId": format!("resp-{n:06}"),
        });
        if ask.stream { (EVENTS, events(&[whole], None)) } else { (JSON, whole.to_string()) }
    }

    fn error(&self, status: u16) -> Value {
        let name = match status {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        };
        json!({"error": {"code": status, "message": format!("scripted error {status}"), "status": name}})
    }
}
