//! A real control socket and callers who say anything: the server goes on answering.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_runtime::control::{Answer, Call, Client, Say, Server};
use greenlane_testkit::fuzz::Target;

const SEEDS: &[&str] = &[
    "\"who\"\n",
    "\"follow\"\n",
    "{\"ask\":\"pause\"}\n\"who\"\n",
    "{\"ask\":{\"stop\":{\"now\":false}}}\n",
    "{\"submit\":{\"definition\":{\"id\":\"p\",\"name\":\"p\",\"tasks\":[{\"id\":\"a\",\"title\":\"a\",\"priority\":2,\"run\":\"true\",\"timeout\":\"1h\"}]},\"base\":\"0000000000000000000000000000000000000000\",\"landed\":{},\"digests\":{}}}\n",
    "{\"submit_all\":[]}\n",
];

const TOKENS: &[&str] = &[
    "\"who\"\n",
    "{\"ask\":",
    "{\"submit\":",
    "{\"submit_all\":[",
    "null",
    "\n",
    "\r\n",
    "{\"follow\":null}\n",
    "\"priority\":256",
    "\"timeout\":1e999",
];

const PATIENCE: Duration = Duration::from_secs(60);

fn serve(path: &Path) -> Server {
    let answer = |call: Call| {
        drop(call.answers.try_send(match call.say {
            Say::Who => Answer::Run { run: RunId::from("r"), pid: 1 },
            Say::Follow => Answer::Journalled(1),
            _ => Answer::Done,
        }));
        true
    };
    Server::start(path, answer, |_| {}).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the server answers to these bytes, to the end.
fn answers(path: &Path, bytes: &[u8]) -> Vec<Answer> {
    let mut stream = UnixStream::connect(path).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    let mut answers = Vec::new();
    let mut reader = BufReader::new(stream.try_clone().expect("another"));
    // It hangs up on what is not text, with bytes unread.
    let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut line = String::new();
    while let Ok(1..) = reader.read_line(&mut line) {
        assert!(line.len() <= 4_096, "an answer of {} bytes", line.len());
        answers.push(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line} is no answer: {e}")));
        line.clear();
    }
    assert!(sent.is_ok() || std::str::from_utf8(bytes).is_err(), "{sent:?}");
    answers
}

fn is_alive(path: &Path) {
    let said = Client::connect(path).and_then(|mut c| c.say(&Say::Who));
    assert!(matches!(said, Ok(Answer::Run { .. })), "{said:?}");
}

fn socket() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("s");
    (dir, path)
}

#[test]
fn callers_who_say_anything() {
    let (_dir, path) = socket();
    let _server = serve(&path);
    let seeds = SEEDS.iter().map(|s| s.as_bytes().to_vec()).collect();
    // Each answer is waited for, so few lines are enough.
    let target = Target { name: "control socket", cases: 500, seeds, tokens: TOKENS, bytes_max: 128 * 1024, ..Target::default() };
    target.run(|bytes| {
        let answered = answers(&path, bytes);
        let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count();
        assert!(answered.len() <= bytes.split(|b| *b == b'\n').count(), "{} answers to {lines} lines", answered.len());
        is_alive(&path);
        answered
            .iter()
            .take(8)
            .map(|a| match a {
                Answer::Refused(why) => why.chars().filter(|c| c.is_alphabetic()).take(40).collect(),
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
    });
}

#[test]
fn callers_who_say_nothing_or_half_of_it_are_in_nobodys_way() {
    let (_dir, path) = socket();
    let _server = serve(&path);
    let mut idle = Vec::new();
    for n in 0..200 {
        let mut stream = UnixStream::connect(&path).expect("it listens");
        if n % 2 == 0 {
            stream.write_all(b"{\"ask\":").expect("sent");
        }
        idle.push(stream);
    }
    is_alive(&path);
    // Slow, but it gets there.
    let mut slow = idle.swap_remove(1);
    for byte in b"\"who\"\n" {
        slow.write_all(&[*byte]).expect("sent");
    }
    let mut line = String::new();
    BufReader::new(slow).read_line(&mut line).expect("answered");
    assert!(line.contains("\"pid\":1"), "{line}");
    drop(idle);
    is_alive(&path);
}
