//! Who does not look is told: through a command, and through a webhook that the real `curl` posts to.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::{Sandbox, eventually};
use serde_json::Value;

/// A server that takes posts and says when each came. It ends with the test's process.
fn webhook(status: u16) -> (String, Receiver<(Instant, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook?secret=s3cret", listener.local_addr().unwrap());
    let server = tiny_http::Server::from_listener(listener, None).unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            drop(sender.send((Instant::now(), serde_json::from_str(&body).unwrap())));
            drop(request.respond(tiny_http::Response::empty(status)));
        }
    });
    (address, receiver)
}

const LONG: Duration = Duration::from_secs(60);
const PLAN: &str =
    "[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n[[task]]\nid = 'b'\nrun = 'echo \"quote\\\" and \\\\ slash\"; exit 3'\nretries = 0\n";

#[test]
fn the_end_of_a_run_is_told_once_to_the_command_and_to_the_webhook() {
    let sandbox = Sandbox::new(&[]);
    let (address, posts) = webhook(204);
    let mut run = sandbox.run_command(PLAN, &[]);
    run.env("GREENLANE_NOTIFY_AFTER", "0").env("GREENLANE_NOTIFY_WEBHOOK", &address);
    run.env("GREENLANE_NOTIFY_COMMAND", "cat > $OUT/told.json; echo \"$GREENLANE_NOTICE_KIND: $GREENLANE_NOTICE_TITLE\" > $OUT/told.txt");
    assert_eq!(run.status().unwrap().code(), Some(1));
    let (_, told) = posts.recv_timeout(LONG).unwrap();
    let title = told["title"].as_str().unwrap();
    assert!(title.starts_with("Run ") && title.ends_with(" ended: 1 of 2 tasks landed"), "{title}");
    assert_eq!(told["notices"][0]["kind"], "ended");
    assert!(told["text"].as_str().unwrap().contains("\nb: exit code 3"), "{told:#}");
    eventually("the command is told too", || fs::read_to_string(sandbox.path("out/told.txt")).is_ok_and(|t| t.ends_with('\n')));
    assert_eq!(fs::read_to_string(sandbox.path("out/told.txt")).unwrap(), format!("ended: {title}\n"));
    let by_command: Value = serde_json::from_str(&fs::read_to_string(sandbox.path("out/told.json")).unwrap()).unwrap();
    assert_eq!(by_command, told);
    // Another run tells of itself alone.
    let mut again = sandbox.run_command("[[task]]\nid = 'c'\nrun = 'echo c > c.txt'\n", &[]);
    again.env("GREENLANE_NOTIFY_AFTER", "0").env("GREENLANE_NOTIFY_WEBHOOK", &address).env("GREENLANE_NOTIFY_EVERY", "100ms");
    assert_eq!(again.status().unwrap().code(), Some(0));
    let (_, told) = posts.recv_timeout(LONG).unwrap();
    assert!(told["title"].as_str().unwrap().ends_with(" is done: 1 of 1 tasks landed"), "{told:#}");
    assert_eq!(told["notices"].as_array().unwrap().len(), 1, "{told:#}");
}

#[test]
fn what_comes_soon_is_told_together_and_later() {
    let sandbox = Sandbox::new(&[]);
    let (address, posts) = webhook(200);
    let every = Duration::from_secs(3);
    let plan = "[[task]]\nid = 'a'\nprompt = 'do a'\nagent = 'person'\n[[task]]\nid = 'b'\nprompt = 'do b'\nagent = 'person'\n";
    let mut run = sandbox.run_command(plan, &[]);
    run.env("GREENLANE_NOTIFY_AFTER", "0").env("GREENLANE_NOTIFY_WEBHOOK", &address).env("GREENLANE_NOTIFY_EVERY", "3s");
    let running = sandbox.start(run);
    let (first, told) = posts.recv_timeout(LONG).unwrap();
    assert_eq!(told["notices"][0]["kind"], "person", "{told:#}");
    assert!(told["title"].as_str().unwrap().ends_with("is in your hands"), "{told:#}");
    let mut notices = told["notices"].as_array().unwrap().clone();
    for task in ["a", "b"] {
        eventually("it is in somebody's hands", || sandbox.greenlane(&["fail", task]).code == 0);
    }
    let ran = running.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let mut last = first;
    while !notices.iter().any(|n| n["kind"] == "ended") {
        let (at, told) = posts.recv_timeout(LONG).unwrap();
        assert!(at.duration_since(last) >= every - Duration::from_millis(300), "too soon: {:?}", at.duration_since(last));
        last = at;
        notices.extend(told["notices"].as_array().unwrap().clone());
    }
    let hands: Vec<_> = notices.iter().filter(|n| n["title"].as_str().unwrap().ends_with("is in your hands")).collect();
    assert_eq!(hands.len(), 2, "each once: {notices:#?}");
}

#[test]
fn a_channel_that_fails_is_told_by_the_verb_and_by_doctor_without_its_address() {
    let sandbox = Sandbox::new(&[]);
    let nobody = sandbox.greenlane(&["notify"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("neither `command` nor `webhook` is set"), "{nobody:?}");
    let (address, posts) = webhook(500);
    sandbox.write("greenlane.toml", &format!("[notify]\nwebhook = \"{address}\"\nafter = 0\n"));
    let tried = sandbox.greenlane(&["notify", "hello"]);
    assert_eq!(tried.code, 1, "{tried:?}");
    assert_eq!(posts.recv_timeout(LONG).unwrap().1["text"], "Greenlane\nhello");
    assert!(tried.stdout.contains("the webhook: failed: ") && !tried.stdout.contains("s3cret"), "{}", tried.stdout);
    assert_eq!(sandbox.run("[[task]]\nid = 'c'\nrun = 'echo c > c.txt'\n", &[]).code, 0);
    posts.recv_timeout(LONG).unwrap();
    eventually("the trouble is remembered", || sandbox.greenlane(&["doctor"]).stdout.contains("the last one failed: the webhook: "));
    sandbox.write("greenlane.toml", "[notify]\nwebhook = \"hooks.example.org\"\n");
    let wrong = sandbox.greenlane(&["notify"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("https:// or http://"), "{wrong:?}");
}
