//! `greenlane mcp` as a plain client of its protocol sees it, and what becomes of what is said: through the whole program.
#![cfg(feature = "mcp")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use common::{Ran, Running, Sandbox, await_file, eventually};
use serde_json::{Value, json};

/// A client of the server of one attempt.
struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    id: u64,
}

impl Client {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Self { child, stdin, stdout, id: 0 };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let server = client.ask("initialize", hello);
        assert_eq!(server["result"]["serverInfo"]["name"], "greenlane", "{server}");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    /// Of the attempt at this task that is under way.
    fn of(s: &Sandbox, task: &str) -> Self {
        Self::start(s.command(&["mcp", "--task", task, "--wait", "1s"]))
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.begin(method, params);
        self.answer()
    }

    fn begin(&mut self, method: &str, params: Value) {
        self.id += 1;
        let id = self.id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    /// A tool's text; `Err`: it says that it is an error.
    fn call(&mut self, tool: &str, input: Value) -> Result<String, String> {
        self.begin("tools/call", json!({"name": tool, "arguments": input}));
        self.called()
    }

    fn called(&mut self) -> Result<String, String> {
        let answer = self.answer();
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        if result["isError"] == true { Err(text) } else { Ok(text) }
    }

    /// Its input ends, and it does.
    fn end(mut self) -> Ran {
        drop(self.stdin.take());
        let status = self.child.wait().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr).unwrap();
        Ran { code: status.code().unwrap_or(-1), stdout: String::new(), stderr }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.wait());
    }
}

fn waiting_task(id: &str, keys: &str) -> String {
    let wait = await_file(&format!("go-{id}"));
    format!("[[task]]\nid = \"{id}\"\nowns = [\"{id}.txt\"]\nretries = 0\n{keys}run = '''\n{wait}; echo {id} >> {id}.txt\n'''\n")
}

fn until_at_work(s: &Sandbox, attempts: usize) {
    eventually("they are at work", || s.greenlane(&["status", "--json"]).code == 0 && s.count("attempt_spawned") == attempts);
}

/// A run of which `a`, and with it or after it `b`, are at work until `$OUT/go-…` is there. Each owns a file of its name.
fn at_work(s: &Sandbox, keys_of_b: &str) -> Running {
    let plan = format!("verify = []\n{}{}", waiting_task("a", ""), waiting_task("b", keys_of_b));
    let run = s.start(s.run_command(&plan, &[]));
    until_at_work(s, if keys_of_b.is_empty() { 2 } else { 1 });
    run
}

const AFTER_A: &str = "depends = [\"a\"]\n";

fn go(s: &Sandbox, task: &str) {
    std::fs::write(s.out(&format!("go-{task}")), "").unwrap();
}

#[test]
fn the_protocol_is_spoken_and_every_tool_tells_good_input_from_bad() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, AFTER_A);
    let mut client = Client::of(&s, "a");
    let list = client.ask("tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["task", "progress", "note", "notes", "ask", "answer", "claim", "lock", "unlock", "values", "set_value"]);
    for tool in tools {
        let schema = &tool["inputSchema"];
        assert!(schema["type"] == "object" && schema["additionalProperties"] == false && tool["description"].is_string(), "{tool}");
        let required = schema["required"].as_array().unwrap();
        assert!(required.iter().all(|r| schema["properties"][r.as_str().unwrap()].is_object()), "{tool}");
        // What is not in the schema is in no tool.
        let refused = client.call(tool["name"].as_str().unwrap(), json!({"nonsense": 1})).unwrap_err();
        assert!(refused.starts_with("this input does not fit the tool: "), "{refused}");
    }
    let unknown = client.ask("tools/call", json!({"name": "rm", "arguments": {}}))["error"].clone();
    assert_eq!((&unknown["code"], &unknown["message"]), (&json!(-32602), &json!("there is no tool `rm`")));

    let task: Value = serde_json::from_str(&client.call("task", json!({})).unwrap()).unwrap();
    assert!(task["prompt"] == "" && task["run"].as_str().unwrap().ends_with("; echo a >> a.txt"), "{task}");
    assert_eq!((&task["id"], &task["owns"], &task["dependents"][0]["id"]), (&json!("a"), &json!(["a.txt"]), &json!("b")));
    assert_eq!(client.call("progress", json!({"percent": 40, "text": "digs"})), Ok(String::from("noted: 40 %")));
    for bad in [json!(101), json!(-1), json!("40"), json!(null)] {
        let refused = client.call("progress", json!({"percent": bad})).unwrap_err();
        assert!(refused.ends_with(&format!("`percent` must be a number from 0 to 100, not {bad}")), "{refused}");
    }
    assert!(called(&s), "its keeper is told that it is alive");
    assert_eq!(client.call("note", json!({"task": "b", "text": "mind the gap"})), Ok(String::from("`b` is told")));
    assert!(client.call("note", json!({"task": "z", "text": "x"})).unwrap_err().contains("no task `z`"));
    assert_eq!(client.call("notes", json!({})), Ok(String::from("no notes so far")));
    assert!(client.call("answer", json!({"question": 7})).unwrap_err().contains("no question of this number"));
    assert!(client.call("ask", json!({"question": " "})).unwrap_err().contains("is empty"));
    assert!(client.call("claim", json!({"path": "b.txt"})).unwrap_err().contains("belongs to `b`"));
    assert!(client.call("claim", json!({"path": "/etc/passwd"})).unwrap_err().contains("not relative"));
    assert!(client.call("lock", json!({"name": "db"})).unwrap().starts_with("`db` is yours until "));
    assert!(client.call("lock", json!({"name": "db", "lease_seconds": 0})).unwrap_err().contains("from 1 to 7200"));
    assert_eq!(client.call("unlock", json!({"name": "db"})), Ok(String::from("`db` is not yours any more")));
    let set = |value: &str, if_version: u64| json!({"name": "port", "value": value, "if_version": if_version});
    assert_eq!(client.call("set_value", set("1", 0)), Ok(String::from("`port` is set; version 1")));
    assert!(client.call("set_value", set("2", 7)).unwrap_err().contains("version 1, not 7"));
    client.call("set_value", json!({"name": "port"})).unwrap_err();
    let values: Value = serde_json::from_str(&client.call("values", json!({})).unwrap()).unwrap();
    assert_eq!(values, json!({"port": {"value": "1", "version": 1, "by": "a"}}));
    assert_eq!(s.task("a")["progress"]["percent"], 40);

    go(&s, "a");
    eventually("`a` has landed", || s.states()["a"] == "done");
    assert!(client.call("progress", json!({"percent": 1})).unwrap_err().contains("not at work any more"));
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let prompt = s.greenlane(&["logs", "b", "--prompt"]).stdout;
    assert!(prompt.contains("From `a`: mind the gap"), "{prompt}");
    assert!(!prompt.contains("MCP server"), "a command has no tools: {prompt}");
    go(&s, "b");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn a_claimed_file_is_changed_and_lands() {
    let s = Sandbox::new(&[]);
    let plan = format!("verify = []\n{}", waiting_task("a", "")).replace(">> a.txt", "> a.txt; echo more > more.txt");
    let run = s.start(s.run_command(&plan, &[]));
    until_at_work(&s, 1);
    let mut client = Client::of(&s, "a");
    assert_eq!(client.call("claim", json!({"path": "more.txt"})), Ok(String::from("you may change `more.txt`")));
    assert_eq!(s.task("a")["claims"], json!(["more.txt"]));
    go(&s, "a");
    assert_eq!(run.wait().code, 0);
    assert_eq!(s.landed_files(), ["a.txt", "more.txt"]);
}

#[test]
fn a_lock_waits_for_its_turn() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, "");
    let (mut a, mut b) = (Client::of(&s, "a"), Client::start(s.command(&["mcp", "--task", "b", "--wait", "60s"])));
    a.call("lock", json!({"name": "db"})).unwrap();
    assert!(b.call("lock", json!({"name": "db", "wait_seconds": 0})).unwrap_err().starts_with("`db` is taken by `a`"));
    b.begin("tools/call", json!({"name": "lock", "arguments": {"name": "db"}}));
    eventually("it is in the queue", || s.count("lock_awaited") == 1);
    a.call("unlock", json!({"name": "db"})).unwrap();
    assert!(b.called().unwrap().starts_with("`db` is yours until "));
    assert!(a.call("lock", json!({"name": "db"})).unwrap_err().contains("you are number 1 in the queue"));
    // With its holder's end it goes to the next.
    go(&s, "b");
    eventually("it has changed hands", || s.count("lock_taken") == 3);
    go(&s, "a");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn a_question_that_outlives_its_attempt_is_answered_in_the_next_prompt() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, AFTER_A);
    go(&s, "b");
    assert_eq!(s.greenlane(&["answer", "a", "x"]).code, 2, "nobody has asked");
    let mut client = Client::of(&s, "a");
    let waits = client.call("ask", json!({"question": "Which port?\nThere are two."})).unwrap();
    assert!(waits.starts_with("No answer yet; question 1 stays open."), "{waits}");
    assert!(client.call("answer", json!({"question": 1})).unwrap().starts_with("No answer yet; question 1"));
    go(&s, "a");
    eventually("it waits", || s.task("a")["state"] == "awaiting_answer");
    assert_eq!(s.reason("a"), "asks (question 1): Which port? …");
    let shown = s.greenlane(&["status"]).stdout;
    assert!(shown.contains("1 question waits for you.\n  greenlane answer a --question 1 TEXT"), "{shown}");
    let listed = s.greenlane(&["questions"]);
    assert_eq!(listed.stdout, "question 1 of a (command), open\n  Which port?\n  There are two.\n");
    let bad = [(["answer", "a", " "], "is empty"), (["answer", "z", "x"], "`z`"), (["answer", "b", "x"], "waits for no answer")];
    for (bad, why) in bad {
        let refused = s.greenlane(&bad);
        assert!(refused.code == 2 && refused.stderr.contains(why), "{bad:?}: {refused:?}");
    }
    let refused = s.greenlane(&["answer", "a", "--question", "9", "x"]);
    assert!(refused.code == 2 && refused.stderr.contains("has asked no question 9"), "{refused:?}");
    assert_eq!(s.greenlane(&["answer", "a", "port", "8080"]).code, 0);
    assert_eq!(run.wait().code, 0);
    let attempts = s.task("a")["attempts"].clone();
    assert_eq!((&attempts[0]["outcome"], &attempts[1]["outcome"]), (&json!("asked"), &json!("succeeded")));
    let prompt = s.greenlane(&["logs", "a", "--prompt"]).stdout;
    assert!(prompt.contains("You asked: Which port?") && prompt.contains("port 8080"), "{prompt}");
    assert_eq!(s.git(&["show", &format!("{}:a.txt", s.branch())]), "a\na", "its work went on");
    let all: Value = serde_json::from_str(&s.greenlane(&["questions", "--all", "--json"]).stdout).unwrap();
    let first = &all["questions"][0];
    assert_eq!((&all["schema"], &first["state"], &first["answer"]), (&json!(1), &json!("answered"), &json!("port 8080")));
}

#[test]
fn a_coordinator_that_dies_loses_nothing_that_was_said() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command(&format!("verify = []\n{}", waiting_task("a", "")), &[]);
    command.env("GREENLANE_CRASH_AFTER", "question_asked:1");
    let run = s.start(command);
    until_at_work(&s, 1);
    let mut client = Client::start(s.command(&["mcp", "--task", "a", "--wait", "10s"]));
    client.begin("tools/call", json!({"name": "ask", "arguments": {"question": "Now?"}}));
    assert_eq!(run.wait().code, -1, "the coordinator died when it had written the question down");
    let resumed = s.start(s.command(&["resume"]));
    eventually("somebody is there again", || s.greenlane(&["answer", "a", "yes"]).code == 0);
    assert_eq!(client.called(), Ok(String::from("A person answered:\n\nyes")));
    assert_eq!(s.count("question_asked"), 1, "it was asked twice and is one question");
    let mut hasty = Client::of(&s, "a");
    resumed.signal("KILL");
    resumed.wait();
    let away = hasty.call("progress", json!({"percent": 50})).unwrap_err();
    assert!(away.contains("does not answer at the moment"), "{away}");
    go(&s, "a");
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
}

/// Some attempt has called a tool, as its keeper is told.
fn called(s: &Sandbox) -> bool {
    fn below(folder: std::path::PathBuf) -> bool {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
        entries.into_iter().any(|path| path.ends_with("called") || (path.is_dir() && below(path)))
    }
    below(s.repo().join(".greenlane"))
}

#[test]
fn what_is_no_message_is_answered_and_the_server_goes_on() {
    let s = Sandbox::new(&[]);
    let mut client = Client::start(s.command(&["mcp"]));
    for (line, code) in [("hello", -32700), ("{\"jsonrpc\": \"2.0\",", -32700), ("[]", -32600), ("{\"a\": 1}", -32600)] {
        writeln!(client.stdin.as_mut().unwrap(), "{line}").unwrap();
        let answer = client.answer();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(null), &json!(code)), "{line}: {answer}");
    }
    assert_eq!(client.ask("no/such", json!({}))["error"]["code"], -32601);
    assert_eq!(client.ask("tools/list", json!({}))["result"]["tools"].as_array().map(Vec::len), Some(11));
    assert_eq!(client.end().code, 0);
}

#[test]
fn what_was_said_when_the_coordinator_died_is_said_once() {
    let said = [
        ("file_claimed", "claim", json!({"path": "more.txt"})),
        ("lock_taken", "lock", json!({"name": "db"})),
        ("value_set", "set_value", json!({"name": "port", "value": "8080"})),
        ("note_sent", "note", json!({"task": "b", "text": "mind the gap"})),
    ];
    for (event, tool, arguments) in said {
        let s = Sandbox::new(&[]);
        let plan = format!("verify = []\n{}{}", waiting_task("a", ""), waiting_task("b", AFTER_A));
        let mut command = s.run_command(&plan, &[]);
        command.env("GREENLANE_CRASH_AFTER", format!("{event}:1"));
        let run = s.start(command);
        until_at_work(&s, 1);
        let mut client = Client::of(&s, "a");
        client.begin("tools/call", json!({"name": tool, "arguments": arguments.clone()}));
        assert_eq!(run.wait().code, -1, "the coordinator died after {event}");
        // Whether the agent heard of it or not: it says the same again.
        drop(client.called());
        let resumed = s.start(s.command(&["resume"]));
        eventually("somebody is there again", || client.call(tool, arguments.clone()).is_ok());
        go(&s, "a");
        go(&s, "b");
        assert_eq!(resumed.wait().code, 0, "after {event}");
        // A lock that is taken again is renewed; a note has another token each time that it is said.
        let most = if matches!(event, "note_sent" | "lock_taken") { 2 } else { 1 };
        assert!((1..=most).contains(&s.count(event)), "after {event}: {}", s.count(event));
    }
}

#[test]
fn an_answer_on_which_the_coordinator_died_is_given() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command(&format!("verify = []\n{}", waiting_task("a", "")), &[]);
    command.env("GREENLANE_CRASH_AFTER", "question_answered:1");
    let run = s.start(command);
    until_at_work(&s, 1);
    let mut client = Client::start(s.command(&["mcp", "--task", "a", "--wait", "10s"]));
    client.begin("tools/call", json!({"name": "ask", "arguments": {"question": "Now?"}}));
    eventually("it is asked", || s.count("question_asked") == 1);
    drop(s.greenlane(&["answer", "a", "yes"]));
    assert_eq!(run.wait().code, -1, "the coordinator died when it had written the answer down");
    let resumed = s.start(s.command(&["resume"]));
    assert_eq!(client.called(), Ok(String::from("A person answered:\n\nyes")));
    assert_eq!(s.count("question_answered"), 1);
    go(&s, "a");
    assert_eq!(resumed.wait().code, 0);
}

#[test]
fn outside_a_run_each_tool_says_so() {
    let s = Sandbox::new(&[]);
    let mut client = Client::start(s.command(&["mcp"]));
    assert_eq!(client.ask("tools/list", json!({}))["result"]["tools"].as_array().map(Vec::len), Some(11));
    assert!(client.call("progress", json!({"percent": 1})).unwrap_err().contains("not within a run of Greenlane"));
    let said = client.end().stderr;
    assert!(said.contains("not within a run of Greenlane") && said.contains("`greenlane mcp --task TASK`"), "{said}");
    let refused = s.greenlane(&["mcp", "--task", "a"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(s.greenlane(&["questions"]).code, 2, "nothing ever ran here");
}
