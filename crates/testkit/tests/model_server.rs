//! The scripted model server over real sockets, one conversation for each protocol it speaks.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use greenlane_testkit::model_server::{Answered, ModelServer};
use serde_json::{Value, json};

fn open(server: &ModelServer, method: &str, path: &str, body: &Value) -> TcpStream {
    let host = server.url().trim_start_matches("http://");
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).expect("a connection");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .expect("a request");
    stream
}

/// Status line and headers, and the body.
fn ask(server: &ModelServer, path: &str, body: &Value) -> (String, String) {
    let mut answer = String::new();
    open(server, "POST", path, body).read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

const PROMPT: &str = "Do it.\nSCRIPT: write path=a.txt text=one\n";

fn file_tool() -> Value {
    json!({"type": "object", "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}})
}

#[test]
fn anthropic_messages() {
    let server = ModelServer::start().expect("a server");
    let tools = json!([{"name": "Write", "input_schema": file_tool()}]);
    let user = json!({"role": "user", "content": [{"type": "text", "text": PROMPT}]});
    let mut body = json!({"model": "m", "stream": true, "system": "Primary working directory: /w", "tools": tools, "messages": [user]});
    let (head, events) = ask(&server, "/v1/messages?beta=true", &body);
    assert!(head.contains("text/event-stream"), "{head}");
    assert!(events.contains("event: content_block_start") && events.contains(r#"\"file_path\":\"/w/a.txt\""#), "{events}");
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]});
    body["messages"] = json!([user, {"role": "assistant", "content": []}, result]);
    body["stream"] = json!(false);
    let (_, whole) = ask(&server, "/v1/messages", &body);
    assert!(whole.contains("scripted: done") && whole.contains("\"cache_read_input_tokens\":200"), "{whole}");
    assert!(ask(&server, "/v1/messages/count_tokens", &body).1.contains("input_tokens"));
    assert_eq!(server.count("write path=a.txt"), 2);
}

#[test]
fn openai_responses() {
    let server = ModelServer::start().expect("a server");
    let shell = json!({"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {"type": "string"}}}});
    let user = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]});
    let mut body = json!({"model": "m", "stream": true, "tools": [shell], "input": [user]});
    let (_, events) = ask(&server, "/v1/responses", &body);
    assert!(events.contains("event: response.completed") && events.contains("printf '%s' 'one' > 'a.txt'"), "{events}");
    body["input"] = json!([user, {"type": "function_call_output", "call_id": "c", "output": "ok"}]);
    assert!(ask(&server, "/v1/responses", &body).1.contains("scripted: done"));
}

#[test]
fn openai_chat() {
    let server = ModelServer::start().expect("a server");
    let tool = json!({"type": "function", "function": {"name": "write", "parameters": file_tool()}});
    let user = json!({"role": "user", "content": PROMPT});
    let mut body = json!({"model": "m", "stream": true, "tools": [tool], "messages": [user]});
    let (_, events) = ask(&server, "/v1/chat/completions", &body);
    assert!(events.contains("tool_calls") && events.trim_end().ends_with("data: [DONE]"), "{events}");
    body["messages"] = json!([user, {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "ok"}]);
    assert!(ask(&server, "/v1/chat/completions", &body).1.contains("scripted: done"));
    body["tools"] = json!([]);
    assert!(ask(&server, "/v1/chat/completions", &body).1.contains("Scripted"));
    let last = server.requests().pop().expect("a request");
    assert_eq!((last.answered, last.directive), (Answered::Side, None));
}

#[test]
fn google_generate_content() {
    let server = ModelServer::start().expect("a server");
    let tools = json!([{"functionDeclarations": [{"name": "write_file", "parametersJsonSchema": file_tool()}]}]);
    let user = json!({"role": "user", "parts": [{"text": PROMPT}]});
    let mut body = json!({"tools": tools, "contents": [user]});
    let (_, events) = ask(&server, "/v1beta/models/m:streamGenerateContent?alt=sse", &body);
    assert!(events.starts_with("data: {") && events.contains("\"functionCall\""), "{events}");
    body["contents"] =
        json!([user, {"role": "model", "parts": []}, {"role": "user", "parts": [{"functionResponse": {"name": "write_file"}}]}]);
    assert!(ask(&server, "/v1beta/models/m:generateContent", &body).1.contains("scripted: done"));
}

#[test]
fn errors_in_each_protocol() {
    let server = ModelServer::start().expect("a server");
    let prompt = "SCRIPT: error 429 retry_after=7";
    let chat_tool = json!({"function": {"name": "bash", "parameters": {"properties": {"command": {}}}}});
    let chat = json!({"tools": [chat_tool], "messages": [{"role": "user", "content": prompt}]});
    let (head, body) = ask(&server, "/v1/chat/completions", &chat);
    assert!(head.starts_with("HTTP/1.1 429") && head.to_lowercase().contains("retry-after: 7"), "{head}");
    assert!(body.contains("rate_limit_error"), "{body}");
    let messages = json!({"tools": [{"name": "Bash", "input_schema": {}}], "messages": [{"role": "user", "content": prompt}]});
    assert!(ask(&server, "/v1/messages", &messages).1.contains("rate_limit_error"));
    let declarations = json!([{"functionDeclarations": [{"name": "write_file"}]}]);
    let generate = json!({"tools": declarations, "contents": [{"role": "user", "parts": [{"text": prompt}]}]});
    assert!(ask(&server, "/v1beta/models/m:generateContent", &generate).1.contains("RESOURCE_EXHAUSTED"));
    assert!(ask(&server, "/nothing/here", &json!({})).0.starts_with("HTTP/1.1 404"));
}

#[test]
fn one_that_hangs_holds_nobody_up() {
    let server = ModelServer::start().expect("a server");
    let tool = json!({"function": {"name": "bash", "parameters": {"properties": {"command": {}}}}});
    let hang = json!({"tools": [tool], "messages": [{"role": "user", "content": "SCRIPT: hang"}]});
    let mut hanging = open(&server, "POST", "/v1/chat/completions", &hang);
    assert!(server.wait_for("hang", 1, Duration::from_secs(30)));
    assert!(!server.wait_for("hang", 2, Duration::from_millis(1)));
    assert!(ask(&server, "/v1/messages/count_tokens", &json!({})).1.contains("input_tokens"));
    hanging.set_read_timeout(Some(Duration::from_millis(1))).expect("a limit");
    assert!(hanging.read(&mut [0]).is_err(), "it has no answer");
    drop(server);
}
