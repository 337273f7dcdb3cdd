//! Conversations with an agent that is a thread of the test: what it does right, and all that one can do wrong.

use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Outcome, Patience};
use super::lines::Lines;
use super::order::{Order, Permissions};
use super::place::Place;
use super::terminals::Terminals;
use super::wire::{Heard, MESSAGE_BYTES_MAX, Outbox, listen};

const SESSION: &str = "s-1";

/// The agent's side.
struct Peer {
    from_client: BufReader<PipeReader>,
    to_client: PipeWriter,
    heard: SyncSender<Heard>,
}

impl Peer {
    fn line(&mut self, text: &str) {
        // The client may have gone meanwhile.
        let _ = writeln!(self.to_client, "{text}");
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.from_client.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_default()
    }

    /// The next request, which must be this one.
    fn asked(&mut self, method: &str) -> Value {
        let message = self.hear();
        assert_eq!(message["method"], method, "{message}");
        message
    }

    fn answer(&mut self, request: &Value, result: Value) {
        self.line(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string());
    }

    fn fail(&mut self, request: &Value, error: Value) {
        self.line(&json!({"jsonrpc": "2.0", "id": request["id"], "error": error}).to_string());
    }

    fn update(&mut self, update: Value) {
        let params = json!({"sessionId": SESSION, "update": update});
        self.line(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}).to_string());
    }

    /// Asks the client for something, and gets its answer.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.line(&json!({"jsonrpc": "2.0", "id": "a-7", "method": method, "params": params}).to_string());
        let answer = self.hear();
        assert_eq!(answer["id"], "a-7", "{answer}");
        answer
    }

    /// As far as the prompt, which it returns.
    fn open(&mut self) -> Value {
        self.open_with(json!({}), json!({}))
    }

    fn open_with(&mut self, can: Value, mut opened: Value) -> Value {
        let request = self.asked("initialize");
        self.answer(&request, json!({"protocolVersion": 1, "agentCapabilities": can, "agentInfo": {"name": "fake", "version": "1"}}));
        let request = self.asked("session/new");
        opened["sessionId"] = json!(SESSION);
        self.answer(&request, opened);
        self.asked("session/prompt")
    }

    fn end_turn(&mut self, prompt: &Value) {
        self.answer(prompt, json!({"stopReason": "end_turn"}));
    }

    fn dies(&mut self, code: i32) {
        drop(self.heard.send(Heard::Ended(code)));
    }
}

fn order() -> Order {
    Order {
        prompt: "Do it.".into(),
        session: None,
        model: None,
        servers: Vec::new(),
        permissions: Permissions::Worktree,
        files: true,
        terminals: true,
    }
}

const PATIENCE: Patience = Patience { opening: Duration::from_secs(60), cancel: Duration::from_secs(60) };

/// How it ended, and what was told.
fn converse(order: &Order, worktree: &Path, patience: Patience, agent: impl FnOnce(&mut Peer) + Send + 'static) -> (Outcome, Vec<Value>) {
    let (from_client, input) = io::pipe().unwrap();
    let (output, to_client) = io::pipe().unwrap();
    let (heard, hear) = mpsc::sync_channel(4);
    listen(output, heard.clone());
    let mut peer = Peer { from_client: BufReader::new(from_client), to_client, heard: heard.clone() };
    let agent = thread::spawn(move || agent(&mut peer));
    let place = Place::new(worktree).unwrap();
    let mut told = Vec::new();
    let terminals = Terminals::new(place.clone(), heard);
    let outcome = Client::new(order, place, hear, Outbox::new(input), Lines::new(&mut told), terminals, patience).talk();
    agent.join().unwrap();
    (outcome, String::from_utf8(told).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect())
}

fn with(agent: impl FnOnce(&mut Peer) + Send + 'static) -> (Outcome, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    converse(&order(), dir.path(), PATIENCE, agent)
}

/// The error that was told, and its status.
fn error(told: &[Value]) -> (String, Value) {
    let line = told.iter().find(|l| l["type"] == "acp.error").unwrap_or_else(|| panic!("no error: {told:?}"));
    (line["message"].as_str().unwrap().to_owned(), line["status"].clone())
}

#[test]
fn a_turn_is_told_to_its_end() {
    let (outcome, told) = with(|peer| {
        peer.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "too early"}}));
        let prompt = peer.open_with(json!({}), json!({"models": {"currentModelId": "m"}}));
        assert_eq!(prompt["params"]["prompt"][0]["text"], "Do it.");
        peer.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "hi"}}));
        peer.line(
            &json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "other", "update": {"sessionUpdate": "plan"}}})
                .to_string(),
        );
        peer.answer(&prompt, json!({"stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}));
    });
    assert_eq!(outcome, Outcome::Finished);
    let types: Vec<_> = told.iter().map(|l| l["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["acp.agent", "acp.session", "acp.update", "acp.stop"], "nothing of another session, nothing before the prompt");
    assert_eq!((&told[1]["session"], &told[1]["model"], &told[3]["usage"]["inputTokens"]), (&json!(SESSION), &json!("m"), &json!(3)));
}

#[test]
fn what_it_asks_for_is_done_inside_the_worktree_and_refused_outside() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    std::fs::create_dir(&root).unwrap();
    let (outcome, told) = converse(&order(), &root, PATIENCE, |peer| {
        let prompt = peer.open();
        let wrote = peer.ask("fs/write_text_file", json!({"path": "a.txt", "content": "one"}));
        assert!(wrote["result"].is_object(), "{wrote}");
        assert_eq!(peer.ask("fs/read_text_file", json!({"path": "a.txt"}))["result"]["content"], "one");
        assert_eq!(peer.ask("fs/write_text_file", json!({"path": "../b.txt", "content": "two"}))["error"]["code"], -32602);
        assert_eq!(peer.ask("fs/read_text_file", json!({"path": "none"}))["error"]["code"], -32002);
        let options = json!([{"optionId": "y", "kind": "allow_once", "name": "y"}, {"optionId": "n", "kind": "reject_once", "name": "n"}]);
        let may = |peer: &mut Peer, path: &str| {
            let call = json!({"toolCallId": path, "kind": "edit", "title": "Edit", "locations": [{"path": path}]});
            peer.ask("session/request_permission", json!({"toolCall": call, "options": options}))["result"]["outcome"]["optionId"].clone()
        };
        assert_eq!([may(peer, "a.txt"), may(peer, "/etc/hosts")], ["y", "n"]);
        let terminal = peer.ask("terminal/create", json!({"command": "cat", "args": ["a.txt"]}))["result"].clone();
        let ended = peer.ask("terminal/wait_for_exit", terminal.clone());
        assert_eq!(ended["result"]["exitCode"], 0);
        assert_eq!(peer.ask("terminal/output", terminal.clone())["result"]["output"], "one");
        assert!(peer.ask("terminal/release", terminal)["result"].is_object());
        assert_eq!(peer.ask("terminal/create", json!({"command": "ls", "cwd": "/"}))["error"]["code"], -32602);
        assert_eq!(peer.ask("elicitation/create", json!({}))["error"]["code"], -32601);
        peer.end_turn(&prompt);
    });
    assert_eq!(outcome, Outcome::Finished);
    assert!(!dir.path().join("b.txt").exists());
    let of = |kind: &str| told.iter().filter(|l| l["type"] == kind).cloned().collect::<Vec<_>>();
    assert_eq!(of("acp.refused").len(), 2, "a line in the log for each: {told:?}");
    let rejected: Vec<_> = of("acp.permission").iter().map(|l| l["rejected"].is_string()).collect();
    assert_eq!(rejected, [false, true]);
}

#[test]
fn a_session_is_given_its_servers_of_tools() {
    let dir = tempfile::tempdir().unwrap();
    let server = json!({"name": "greenlane", "command": "greenlane", "args": ["mcp"], "env": []});
    let with_tools = Order { servers: vec![server.clone()], ..order() };
    let (outcome, _) = converse(&with_tools, dir.path(), PATIENCE, move |peer| {
        let request = peer.asked("initialize");
        peer.answer(&request, json!({"protocolVersion": 1}));
        let request = peer.asked("session/new");
        assert_eq!(request["params"]["mcpServers"], json!([server]));
        peer.answer(&request, json!({"sessionId": SESSION}));
        let prompt = peer.asked("session/prompt");
        peer.end_turn(&prompt);
    });
    assert_eq!(outcome, Outcome::Finished);
}

#[test]
fn what_is_not_offered_is_not_done() {
    let dir = tempfile::tempdir().unwrap();
    let bare = Order { files: false, terminals: false, permissions: Permissions::All, ..order() };
    let (outcome, _) = converse(&bare, dir.path(), PATIENCE, |peer| {
        let prompt = peer.open();
        assert_eq!(peer.ask("fs/read_text_file", json!({"path": "a"}))["error"]["code"], -32601);
        assert_eq!(peer.ask("terminal/create", json!({"command": "ls"}))["error"]["code"], -32601);
        peer.end_turn(&prompt);
    });
    assert_eq!(outcome, Outcome::Finished);
}

#[test]
fn reasons_to_stop_are_told_apart() {
    for reason in ["max_tokens", "max_turn_requests", "refusal", "cancelled", "tired"] {
        let (outcome, told) = with(move |peer| {
            let prompt = peer.open();
            peer.answer(&prompt, json!({"stopReason": reason}));
        });
        let stop = told.last().unwrap();
        assert_eq!((outcome, &stop["reason"], &stop["asked"]), (Outcome::Failed, &json!(reason), &json!(false)));
    }
}

#[test]
fn errors_keep_what_tells_their_kind() {
    for (sent, message, status) in [
        (json!({"code": 429, "message": "slow down"}), "slow down", json!(429)),
        (json!({"code": -32000, "message": "Authentication required"}), "Authentication required", json!(401)),
        (
            json!({"code": -32603, "message": "Internal error", "data": {"details": "API Error: 500 it broke"}}),
            "Internal error (API Error: 500 it broke)",
            Value::Null,
        ),
        (
            json!({"code": -32603, "message": "Internal error: rejected (429)", "data": {"errorKind": "rate_limit"}}),
            "Internal error: rejected (429) (rate_limit)",
            Value::Null,
        ),
        (json!({"code": -32603, "message": "", "data": {"statusCode": 503}}), "it failed without a word", json!(503)),
    ] {
        let (outcome, told) = with(move |peer| {
            let prompt = peer.open();
            peer.fail(&prompt, sent);
        });
        assert_eq!((outcome, error(&told)), (Outcome::Failed, (message.to_owned(), status)));
    }
    let (_, told) = with(|peer| {
        let request = peer.asked("initialize");
        peer.fail(&request, json!({"code": -32000, "message": "Sign in"}));
    });
    assert_eq!(error(&told), ("Sign in (answer to `initialize`)".into(), json!(401)));
    let (outcome, told) = with(|peer| {
        let request = peer.asked("initialize");
        peer.answer(&request, json!({"protocolVersion": 2}));
    });
    assert_eq!(outcome, Outcome::Failed);
    assert!(error(&told).0.contains("version 2"), "{told:?}");
}

#[test]
fn garbage_and_messages_without_end_are_passed_over() {
    let (outcome, told) = with(|peer| {
        let prompt = peer.open();
        for garbage in ["Welcome!", "[1, 2]", "{", "42", "{\"jsonrpc\": \"2.0\"}", "{\"id\": 99, \"result\": {}}", "\u{0}\u{7f}"] {
            peer.line(garbage);
        }
        peer.line(&format!("{{\"x\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000)));
        let filler = "x".repeat(1 << 20);
        for _ in 0..=MESSAGE_BYTES_MAX >> 20 {
            let _ = peer.to_client.write_all(filler.as_bytes());
        }
        peer.line("");
        peer.update(json!({"sessionUpdate": "tool_call", "toolCallId": 3, "content": {"a": []}}));
        peer.end_turn(&prompt);
    });
    assert_eq!(outcome, Outcome::Finished);
    let strays = told.iter().filter(|l| l["type"] == "acp.stray").count();
    let note = told.iter().find(|l| l["type"] == "acp.note").unwrap();
    assert!(strays == 6 && note["text"].as_str().unwrap().contains("passed over"), "{strays} {note}");
}

#[test]
fn an_agent_that_dies_is_told_by_its_exit() {
    for (before, outcome) in [(true, Outcome::AgentEnded(3)), (false, Outcome::AgentEnded(3))] {
        let (got, _) = with(move |peer| {
            if before {
                peer.asked("initialize");
            } else {
                peer.open();
            }
            peer.dies(3);
        });
        assert_eq!(got, outcome);
    }
    let (outcome, told) = with(|peer| {
        peer.asked("initialize");
        peer.line("usage: fake [options]");
        peer.dies(0);
    });
    assert_eq!(outcome, Outcome::Failed);
    assert!(error(&told).0.contains("does not speak"), "{told:?}");
    // It says its last word and is gone, whichever is heard first.
    let (outcome, _) = with(|peer| {
        let prompt = peer.open();
        peer.dies(0);
        peer.end_turn(&prompt);
    });
    assert_eq!(outcome, Outcome::Finished);
}

#[test]
fn an_agent_that_never_answers_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let short = Patience { opening: Duration::from_millis(50), ..PATIENCE };
    let (outcome, told) = converse(&order(), dir.path(), short, |peer| {
        peer.asked("initialize");
        assert_eq!(peer.hear(), Value::Null, "the client has gone");
    });
    assert_eq!(outcome, Outcome::Failed);
    assert!(error(&told).0.starts_with("it did not answer `initialize`"), "{told:?}");
}

#[test]
fn a_turn_is_cancelled_and_its_end_waited_for() {
    let (outcome, told) = with(|peer| {
        let prompt = peer.open();
        peer.heard.send(Heard::Terminate).unwrap();
        assert_eq!(peer.asked("session/cancel")["params"]["sessionId"], SESSION);
        let outcome = peer.ask("session/request_permission", json!({"toolCall": {}, "options": []}));
        assert_eq!(outcome["result"]["outcome"]["outcome"], "cancelled");
        assert!(peer.ask("terminal/create", json!({"command": "true"}))["error"].is_object(), "nothing begins any more");
        peer.answer(&prompt, json!({"stopReason": "cancelled"}));
    });
    assert_eq!(outcome, Outcome::Terminated);
    assert_eq!(told.last().unwrap()["asked"], true);
    // One that does not heed it is left after a while, or at the second word.
    let dir = tempfile::tempdir().unwrap();
    let short = Patience { cancel: Duration::from_millis(50), ..PATIENCE };
    let deaf = |peer: &mut Peer| {
        peer.open();
        peer.heard.send(Heard::Terminate).unwrap();
        peer.asked("session/cancel");
        assert_eq!(peer.hear(), Value::Null, "the client has gone");
    };
    assert_eq!(converse(&order(), dir.path(), short, deaf).0, Outcome::Terminated);
    let twice = |peer: &mut Peer| {
        peer.open();
        peer.heard.send(Heard::Terminate).unwrap();
        peer.asked("session/cancel");
        peer.heard.send(Heard::Terminate).unwrap();
        assert_eq!(peer.hear(), Value::Null, "the client has gone");
    };
    assert_eq!(converse(&order(), dir.path(), PATIENCE, twice).0, Outcome::Terminated);
}

#[test]
fn a_session_is_gone_on_with_where_the_agent_can() {
    let again = Order { session: Some("old".into()), ..order() };
    let run = |can: Value, method: Option<&'static str>, answer: Value| {
        let dir = tempfile::tempdir().unwrap();
        let (outcome, told) = converse(&again, dir.path(), PATIENCE, move |peer| {
            let request = peer.asked("initialize");
            peer.answer(&request, json!({"protocolVersion": 1, "agentCapabilities": can}));
            if let Some(method) = method {
                let request = peer.asked(method);
                assert_eq!(request["params"]["sessionId"], "old");
                if answer.is_object() {
                    peer.fail(&request, answer.clone());
                } else {
                    peer.answer(&request, answer.clone());
                }
            }
            if method.is_none() || answer.is_object() {
                let request = peer.asked("session/new");
                peer.answer(&request, json!({"sessionId": SESSION}));
            }
            let prompt = peer.asked("session/prompt");
            peer.end_turn(&prompt);
        });
        assert_eq!(outcome, Outcome::Finished, "{told:?}");
        told.iter().find(|l| l["type"] == "acp.session").map(|l| (l["session"].clone(), l["resumed"].clone())).unwrap()
    };
    let (old, new) = ((json!("old"), json!(true)), (json!(SESSION), json!(false)));
    let both = json!({"loadSession": true, "sessionCapabilities": {"resume": {}}});
    assert_eq!(run(both.clone(), Some("session/resume"), Value::Null), old);
    assert_eq!(run(json!({"loadSession": true}), Some("session/load"), Value::Null), old);
    assert_eq!(run(json!({}), None, Value::Null), new);
    assert_eq!(run(both, Some("session/resume"), json!({"code": -32002, "message": "gone"})), new);
}

#[test]
fn the_model_is_chosen_where_there_is_a_choice() {
    let wants = Order { model: Some("large".into()), ..order() };
    let options = |current: &str| json!({"configOptions": [{"id": "the-model", "category": "model", "currentValue": current}]});
    let run = |opened: Value, method: Option<&'static str>| {
        let dir = tempfile::tempdir().unwrap();
        converse(&wants, dir.path(), PATIENCE, move |peer| {
            let request = peer.asked("initialize");
            peer.answer(&request, json!({"protocolVersion": 1}));
            let request = peer.asked("session/new");
            let mut opened = opened;
            opened["sessionId"] = json!(SESSION);
            let offers = opened.as_object().unwrap().len() > 1;
            peer.answer(&request, opened);
            if let Some(method) = method {
                let request = peer.asked(method);
                assert!(request["params"]["value"] == "large" || request["params"]["modelId"] == "large", "{request}");
                peer.answer(&request, json!({}));
            }
            if offers {
                let prompt = peer.asked("session/prompt");
                peer.end_turn(&prompt);
            }
        })
    };
    for (opened, method) in [
        (options("small"), Some("session/set_config_option")),
        (options("large"), None),
        (json!({"models": {"currentModelId": "small"}}), Some("session/set_model")),
    ] {
        let (outcome, told) = run(opened, method);
        assert_eq!(outcome, Outcome::Finished, "{told:?}");
        assert_eq!(told.iter().find(|l| l["type"] == "acp.session").unwrap()["model"], "large");
    }
    let (outcome, told) = run(json!({}), None);
    assert!(outcome == Outcome::Failed && error(&told).0.contains("no choice of models"), "{told:?}");
}
