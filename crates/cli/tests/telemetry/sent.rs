//! What a run sends, and when.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::collector::{Collector, Span, check_tree};
use super::common::{Ran, Sandbox, wait_for};

/// Sent as JSON, which is what the test's collector reads.
fn to(command: &mut Command, address: &str) {
    command.env("GREENLANE_TELEMETRY_ENDPOINT", address).env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
}

fn names(spans: &[Span]) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    spans.iter().for_each(|s| *names.entry(s.name.clone()).or_insert(0) += 1);
    names
}

fn counted(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

const PLAN: &str = "id = 'p'\nverify = ['true']\n\
    [[task]]\nid = 'a'\ntitle = 'First <script>'\nrun = 'echo $TRACEPARENT > $OUT/parent; echo a > a.txt'\ncheck = ['test -f a.txt']\n\
    [[task]]\nid = 'b'\nrun = 'test -f ../once || { touch ../once; exit 3; }; echo b > b.txt'\nretries = 1\n\
    [[task]]\nid = 'c'\nrun = 'echo c > c.txt'\ncheck = ['echo nothing good; exit 4']\nretries = 0\n\
    [[task]]\nid = 'd'\ndepends = ['c']\nrun = 'echo d > d.txt'\n";

#[test]
fn a_run_is_one_tree_of_spans_and_its_counts_are_the_runs() {
    let (sandbox, collector) = (Sandbox::new(&[]), Collector::start());
    let mut run = sandbox.run_command(PLAN, &[]);
    to(&mut run, &collector.address);
    run.env("GREENLANE_RUN_REPAIRS", "0").env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=night");
    let ran = Ran::of(run.output().unwrap());
    assert_eq!(ran.code, 1, "{ran:?}");
    let spans = collector.spans();
    check_tree(&spans);
    let names = names(&spans);
    let expected = [
        ("run", 1),
        ("suite on the base", 1),
        ("task a", 1),
        ("task b", 1),
        ("task c", 1),
        ("task d", 1),
        ("attempt by command", 4),
        ("gate", 3),
        ("landing", 2),
        ("batch", names["batch"]),
        ("suite", names["batch"]),
    ];
    assert_eq!(names, counted(&expected), "{spans:#?}");
    let one = |name: &str| spans.iter().find(|s| s.name == name).unwrap();
    let run_id = sandbox.status()["run"]["id"].clone();
    let root = one("run");
    assert_eq!((&root.attributes["cicd.pipeline.run.id"], &root.attributes["cicd.pipeline.result"]), (&run_id, &json!("failure")));
    assert_eq!((root.attributes["greenlane.tasks"].clone(), root.attributes["greenlane.tasks.done"].clone()), (json!(4.0), json!(2.0)));
    assert_eq!(root.status.0, 2);
    let a = one("task a");
    assert_eq!((&a.attributes["greenlane.task.title"], &a.attributes["greenlane.state"]), (&json!("First <script>"), &json!("done")));
    // What an agent traces itself belongs to its attempt.
    let of_a = spans.iter().find(|s| s.name.starts_with("attempt") && s.parent == a.id).unwrap();
    assert_eq!(
        std::fs::read_to_string(sandbox.out("parent")).unwrap(),
        format!("00-{}-{}-01\n", of_a.trace.to_lowercase(), of_a.id.to_lowercase())
    );
    assert_eq!(one("task b").attributes["greenlane.retries"], json!(1.0));
    let c = one("task c");
    assert_eq!((c.status.0, &c.attributes["greenlane.state"]), (2, &sandbox.task("c")["state"]));
    assert_eq!(one("task d").attributes["cicd.pipeline.task.run.result"], "skip");
    let of_b: Vec<_> = spans.iter().filter(|s| s.name.starts_with("attempt") && s.attributes["cicd.pipeline.task.name"] == "b").collect();
    let told: Vec<_> =
        of_b.iter().map(|s| (s.attributes["greenlane.attempt"].clone(), s.attributes["greenlane.outcome"].clone())).collect();
    assert_eq!(told, [(json!(1.0), json!("exit_code")), (json!(2.0), json!("succeeded"))]);
    assert_eq!((of_b[0].status.0, &of_b[0].attributes["process.exit.code"]), (2, &json!(3.0)));
    let gate = spans.iter().find(|s| s.name == "gate" && s.parent == c.id).unwrap();
    assert_eq!(gate.status, (2, String::from("`echo nothing good; exit 4` ended with 4")));
    let landing = spans.iter().find(|s| s.name == "landing" && s.parent == a.id).unwrap();
    assert_eq!(spans.iter().find(|s| s.id == landing.links[0]).unwrap().name, "batch");
    let resource = collector.resource();
    assert_eq!((&resource["service.name"], &resource["deployment.environment.name"]), (&json!("greenlane"), &json!("night")));
    assert_eq!(resource["vcs.repository.name"], "repo");
    let measures = collector.measures();
    let expected = [
        ("greenlane.tasks done", 2.0),
        ("greenlane.tasks skipped", 1.0),
        ("greenlane.attempts command exit_code", 1.0),
        ("greenlane.attempts command succeeded", 2.0),
        ("greenlane.retries", 1.0),
        ("greenlane.attempt.duration command succeeded", 2.0),
        ("greenlane.gate.duration accepted", 2.0),
        ("greenlane.landing.duration", 2.0),
        ("greenlane.queue.duration command", 4.0),
        ("greenlane.run.duration", 1.0),
        ("greenlane.tasks.open waiting", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(measures.get(name), Some(&value), "{name}: {measures:#?}");
    }
}

#[test]
fn what_a_collector_could_not_take_it_is_sent_by_the_next_run_once() {
    let sandbox = Sandbox::new(&[]);
    // A port on which nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let plan = |id: &str| format!("id = '{id}'\n[[task]]\nid = 't'\nrun = 'echo {id} > {id}.txt'\n");
    let run = |id: &str, address: &str| {
        let mut run = sandbox.run_command(&plan(id), &[]);
        to(&mut run, address);
        let ran = Ran::of(run.output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    let ran = run("one", &address);
    assert_eq!(ran.stderr.matches("traces are not sent yet, and tried again").count(), 1, "{ran:?}");
    let collector = Collector::start();
    collector.answer(503);
    assert!(run("two", &collector.address).stderr.contains("traces are not sent yet"));
    collector.answer(200);
    assert!(!run("three", &collector.address).stderr.contains("sent"));
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    collector.spans().into_iter().for_each(|s| traces.entry(s.trace.clone()).or_default().push(s));
    assert_eq!(traces.len(), 3);
    traces.values().for_each(|spans| check_tree(spans));
    assert_eq!(collector.measures()["greenlane.tasks done"], 3.0);
    // And no more than that, nor of a run of which nobody wanted any.
    let before = collector.spans().len();
    assert_eq!(sandbox.run(&plan("untold"), &[]).code, 0);
    run("four", &collector.address);
    let last = collector.spans().split_off(before);
    check_tree(&last);
    assert_eq!(collector.measures()["greenlane.tasks done"], 1.0, "the new process counts its own");
}

#[test]
fn what_a_killed_coordinator_did_not_send_its_successor_sends() {
    let (sandbox, collector) = (Sandbox::new(&[]), Collector::start());
    collector.answer(503);
    let plan = "[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n\
        [[task]]\nid = 'b'\ndepends = ['a']\nrun = 'touch $OUT/begun; while [ ! -f $OUT/go ]; do sleep 0.05; done; echo b > b.txt'\n";
    let mut run = sandbox.run_command(plan, &[]);
    to(&mut run, &collector.address);
    let running = sandbox.start(run);
    wait_for(&sandbox.out("begun"));
    running.signal("KILL");
    running.wait();
    collector.answer(200);
    std::fs::write(sandbox.out("go"), "").unwrap();
    let mut resume = sandbox.command(&["resume"]);
    to(&mut resume, &collector.address);
    let ran = Ran::of(resume.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let spans = collector.spans();
    check_tree(&spans);
    let names = names(&spans);
    assert_eq!((names["run"], names["task a"], names["task b"], names["landing"]), (1, 1, 1, 2), "{names:?}");
    assert_eq!(collector.measures()["greenlane.tasks done"], 2.0);
}

#[test]
fn a_task_that_is_tried_again_after_the_end_is_told_again_under_the_same_trace() {
    let (sandbox, collector) = (Sandbox::new(&[]), Collector::start());
    let mut run = sandbox.run_command("[[task]]\nid = 'a'\nrun = 'test -f $OUT/go && echo a > a.txt'\nretries = 0\n", &[]);
    to(&mut run, &collector.address);
    assert_eq!(run.status().unwrap().code(), Some(1));
    let first = collector.spans();
    check_tree(&first);
    std::fs::write(sandbox.out("go"), "").unwrap();
    let mut retry = sandbox.command(&["retry", "a"]);
    to(&mut retry, &collector.address);
    let ran = Ran::of(retry.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let second = collector.spans().split_off(first.len());
    check_tree(&second);
    assert_eq!(second[0].trace, first[0].trace);
    assert!(!second.iter().any(|s| first.iter().any(|f| f.id == s.id)), "{second:#?}");
    let results: Vec<_> =
        first.iter().chain(&second).filter(|s| s.name == "task a").map(|s| s.attributes["greenlane.state"].clone()).collect();
    assert_eq!(results, [json!("failed"), json!("done")]);
}

#[test]
fn without_a_word_about_the_protocol_it_is_protobuf_with_the_headers_of_the_variables() {
    let (sandbox, collector) = (Sandbox::new(&[]), Collector::start());
    let mut run = sandbox.run_command("[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n", &[]);
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret")
        .env("OTEL_METRICS_EXPORTER", "none");
    assert_eq!(run.status().unwrap().code(), Some(0));
    let posts = collector.posts();
    assert!(!posts.is_empty());
    for post in posts {
        assert_eq!((post.path.as_str(), post.headers["x-key"].as_str()), ("/v1/traces", "s3cret"));
        assert_eq!(post.headers["content-type"], "application/x-protobuf");
        assert!(!post.body.is_empty() && post.body[0] == 0x0a, "it begins with a message's first field");
    }
}

#[test]
fn a_collector_that_never_answers_does_not_keep_a_run_from_its_end() {
    let sandbox = Sandbox::new(&[]);
    // Connections are made, and nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut run = sandbox.run_command("[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n", &[]);
    to(&mut run, &format!("http://{}", silent.local_addr().unwrap()));
    run.env("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000");
    let running = sandbox.start(run);
    let ran = running.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_protocol_that_is_not_spoken_is_said_and_the_run_goes_on() {
    let sandbox = Sandbox::new(&[]);
    let mut run = sandbox.run_command("[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n", &[]);
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317").env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let ran = Ran::of(run.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("no telemetry is sent: OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`"), "{ran:?}");
}
