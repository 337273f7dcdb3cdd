//! What the reader makes of the lines of the client of the Agent Client Protocol.

use greenlane_core::attempt::{AgentReport, Exit, ExitRecord};
use greenlane_core::failure::{FailureDetail, FailureType, of_exit};
use greenlane_core::time::Time;
use greenlane_runtime::agent::{OutputKind, Readable, Shown, ToolCall, guess, reader};
use serde_json::{Value, json};

fn read(lines: &[Value]) -> (AgentReport, Vec<String>, Vec<ToolCall>) {
    let mut reader = reader(OutputKind::Acp);
    let (mut activities, mut calls) = (Vec::new(), Vec::new());
    for line in lines {
        reader.line(&line.to_string());
        activities.extend(reader.activity().map(str::to_owned));
        calls.extend(reader.take_calls());
    }
    (reader.report(), activities, calls)
}

fn shown(lines: &[Value]) -> Vec<String> {
    let mut readable = Readable::new(OutputKind::Acp);
    let mut all: Vec<Shown> = lines.iter().flat_map(|l| readable.line(&l.to_string())).collect();
    all.extend(readable.finish());
    all.iter().map(Shown::plain).collect()
}

fn session() -> Value {
    json!({"type": "acp.session", "session": "s", "resumed": false, "model": "m", "cwd": "/w"})
}

fn update(update: Value) -> Value {
    json!({"type": "acp.update", "update": update})
}

fn stop(reason: &str, asked: bool) -> Value {
    json!({"type": "acp.stop", "reason": reason, "asked": asked, "usage": null})
}

fn call(id: &str, more: Value) -> Value {
    let mut call = json!({"sessionUpdate": "tool_call_update", "toolCallId": id});
    for (key, value) in more.as_object().into_iter().flatten() {
        call[key] = value.clone();
    }
    update(call)
}

fn words(id: &str, text: &str) -> Value {
    update(json!({"sessionUpdate": "agent_message_chunk", "messageId": id, "content": {"type": "text", "text": text}}))
}

#[test]
fn a_call_is_told_once_however_it_comes_in_pieces() {
    let lines = [
        session(),
        // As claude does: first that there is one, then its input.
        call("1", json!({"title": "Preparing file…", "kind": "edit", "name": "Write", "rawInput": {}, "status": "pending"})),
        call("1", json!({"title": "Write a.txt", "rawInput": {"file_path": "/w/a.txt"}, "locations": [{"path": "/w/a.txt"}]})),
        call("1", json!({"status": "completed", "rawOutput": "File created"})),
        call("1", json!({"status": "completed"})),
        // As gemini does: its first word is the question.
        json!({"type": "acp.permission", "rejected": null, "call": {"toolCallId": "2", "title": "make", "kind": "execute", "status": "pending"}}),
        call("2", json!({"status": "failed", "content": [{"type": "content", "content": {"type": "text", "text": "no rule"}}]})),
        // As opencode does: the folder before the command.
        call("3", json!({"title": "bash", "kind": "execute", "rawInput": {"cwd": "/w"}, "status": "pending"})),
        call("3", json!({"title": "ls", "rawInput": {"cwd": "/w", "command": "ls"}, "status": "in_progress"})),
        call("3", json!({"status": "completed"})),
        words("x", "all "),
        words("x", "done"),
        stop("end_turn", false),
    ];
    let (report, activities, calls) = read(&lines);
    assert_eq!((report.tool_calls, report.last_message.as_str(), report.finished), (3, "all done", Some(true)));
    assert_eq!((report.session.as_deref(), report.model.as_deref()), (Some("s"), Some("m")));
    for activity in ["edits a.txt", "runs `make`", "runs `ls`", "writing"] {
        assert!(activities.iter().any(|a| a == activity), "{activity}: {activities:?}");
    }
    assert_eq!(calls.iter().map(|c| c.what.as_str()).collect::<Vec<_>>(), ["edits a.txt", "runs `make`", "runs `ls`"]);
    assert_eq!(
        shown(&lines),
        [
            "· session s",
            "· model m",
            "▸ edits a.txt",
            "  | File created",
            "▸ runs `make`",
            "  | no rule",
            "▸ runs `ls`",
            "all done",
            "· done"
        ]
    );
}

#[test]
fn equal_calls_are_equal_and_others_are_not() {
    let run = |id: &str, command: &str| {
        [
            call(id, json!({"kind": "execute", "rawInput": {"command": command}})),
            call(id, json!({"status": "completed", "rawOutput": "(no output)"})),
        ]
    };
    let (_, _, calls) = read(&[run("1", "make"), run("2", "make"), run("3", "make x")].concat());
    assert_eq!((calls[0].call, calls[0].result), (calls[1].call, calls[1].result));
    assert_ne!(calls[1].call, calls[2].call);
}

#[test]
fn words_of_two_messages_are_not_run_together() {
    let (report, ..) = read(&[words("a", "first"), words("b", "second")]);
    assert_eq!(report.last_message, "second");
    let (report, ..) = read(&[words("", "first"), call("1", json!({"status": "completed"})), words("", "second")]);
    assert_eq!(report.last_message, "second");
}

#[test]
fn tokens_are_counted_by_each_agents_way_of_telling_them() {
    let of = |usage: Value| {
        let usage = read(&[json!({"type": "acp.stop", "reason": "end_turn", "usage": usage})]).0.usage.unwrap_or_default();
        (usage.input_tokens, usage.cached_tokens, usage.output_tokens)
    };
    assert_eq!(of(json!({"inputTokens": 3000, "outputTokens": 150, "cachedReadTokens": 600, "totalTokens": 3750})), (3_600, 600, 150));
    assert_eq!(of(json!({"inputTokens": 10, "outputTokens": 5, "cachedReadTokens": 4, "totalTokens": 15})), (10, 4, 5));
    assert_eq!(of(json!({"input_tokens": 3000, "output_tokens": 150})), (3_000, 0, 150));
    assert_eq!(read(&[stop("end_turn", false)]).0.usage, None, "told by nobody");
    let cost = update(json!({"sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": {"amount": 0.5, "currency": "USD"}}));
    let euros = update(json!({"sessionUpdate": "usage_update", "cost": {"amount": 9.0, "currency": "EUR"}}));
    let usage =
        read(&[cost, euros, json!({"type": "acp.stop", "reason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 1}})]).0.usage;
    assert_eq!(usage.map(|u| (u.cost_usd, u.input_tokens)), Some((Some(0.5), 1)));
    // One tells them with each call of its model, beside a message without a word.
    let mut empty = words("", "");
    empty["usage"] = json!({"inputTokens": 1000, "outputTokens": 50, "totalTokens": 1050, "cachedReadTokens": 200});
    let (report, ..) = read(&[words("", "done"), empty.clone(), empty, stop("end_turn", false)]);
    assert_eq!(report.usage.map(|u| (u.input_tokens, u.cached_tokens, u.output_tokens)), Some((2_000, 400, 100)));
    assert_eq!((report.model_calls, report.last_message.as_str()), (2, "done"));
}

/// How a conversation that ended with this line is judged.
fn judged(exit: Exit, lines: &[Value]) -> Option<(FailureType, Option<FailureDetail>, String)> {
    let record = ExitRecord { report: read(lines).0, ..ExitRecord::new(exit, Time(0), Time(1)) };
    of_exit(&record).map(|f| (f.kind, f.detail, f.message))
}

#[test]
fn ends_are_told_apart() {
    use FailureDetail as D;
    use FailureType as T;
    let failed = |line: Value| judged(Exit::Code { code: 1 }, &[session(), line]).map(|(kind, detail, _)| (kind, detail));
    let error = |message: &str, status: Value| json!({"type": "acp.error", "message": message, "status": status});
    for (line, expected) in [
        (error("Authentication required", json!(401)), (T::ApiError, Some(D::Authentication))),
        (error("slow down", json!(429)), (T::ApiError, Some(D::RateLimit))),
        (error("Internal error: API Error: Request rejected (429) · limited (rate_limit)", Value::Null), (T::ApiError, Some(D::RateLimit))),
        (error("Internal error: API Error: 500 it broke", Value::Null), (T::ApiError, Some(D::ServerError))),
        (error("it did not answer `initialize` for 180 s", Value::Null), (T::Unknown, None)),
        (stop("max_tokens", false), (T::ApiError, None)),
        (stop("max_turn_requests", false), (T::Unknown, None)),
        (stop("refusal", false), (T::ApiError, None)),
        (stop("cancelled", false), (T::Unknown, None)),
    ] {
        assert_eq!(failed(line.clone()), Some(expected), "{line}");
    }
    assert_eq!(judged(Exit::Code { code: 0 }, &[session(), stop("end_turn", false)]), None, "the gate's turn");
    // It died in the middle: by its exit, as any other.
    assert_eq!(judged(Exit::Code { code: 137 }, &[session()]).map(|f| f.1), Some(Some(D::OutOfMemory)));
    assert_eq!(judged(Exit::Code { code: 0 }, &[session()]).map(|f| f.0), Some(T::Unknown));
    // It was asked to end, and calls that a success.
    assert_eq!(judged(Exit::TimedOut, &[session(), stop("end_turn", true)]).map(|f| f.0), Some(T::Timeout));
    assert_eq!(judged(Exit::Cancelled, &[session(), stop("cancelled", true)]), None);
    let rejected =
        json!({"type": "acp.permission", "rejected": "/etc lies outside", "call": {"toolCallId": "1", "title": "Edit", "kind": "edit"}});
    let told = judged(Exit::Code { code: 1 }, &[session(), rejected, error("it gave up", Value::Null)]);
    assert_eq!(told.map(|f| f.1), Some(Some(D::PermissionDenied)));
}

#[test]
fn what_no_client_wrote_is_passed_over_and_what_one_wrote_is_known() {
    for line in [
        json!({"type": "acp.update"}),
        json!({"type": "acp.stop"}),
        json!({"type": "acp.permission", "call": 3}),
        json!({"type": "acp.new"}),
    ] {
        let (report, ..) = read(&[line]);
        assert_eq!((report.tool_calls, report.session), (0, None));
    }
    let many: Vec<Value> = (0..500).map(|n| call(&n.to_string(), json!({"title": "x"}))).collect();
    assert_eq!(read(&many).0.tool_calls, 500, "and only some are remembered");
    assert_eq!(guess(&session().to_string()), Some(OutputKind::Acp));
    assert_eq!(shown(&[json!({"type": "acp.stray", "text": "Welcome!"})]), ["Welcome!"]);
    assert_eq!(
        shown(&[json!({"type": "acp.refused", "method": "fs/write_text_file", "why": "/etc/x lies outside of the worktree"})]).len(),
        1
    );
}
