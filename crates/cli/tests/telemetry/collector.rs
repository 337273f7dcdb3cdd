//! A collector that takes OTLP over HTTP and remembers what it was sent. It ends with the test's process.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What it was sent.
#[derive(Clone, Debug)]
pub struct Post {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// The collector.
pub struct Collector {
    pub address: String,
    status: Arc<AtomicU16>,
    posts: Arc<Mutex<Vec<Post>>>,
}

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub from: u64,
    pub to: u64,
    pub attributes: BTreeMap<String, Value>,
    pub links: Vec<String>,
    /// 0 unset, 1 in order, 2 an error, and why.
    pub status: (u64, String),
}

impl Collector {
    /// On a free port.
    pub fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// On this one.
    pub fn on(listener: TcpListener) -> Self {
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tiny_http::Server::from_listener(listener, None).unwrap();
        let (status, posts) = (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let collector = Self { address, status: Arc::clone(&status), posts: Arc::clone(&posts) };
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                let headers = request.headers().iter().map(|h| (h.field.to_string().to_lowercase(), h.value.to_string())).collect();
                let code = status.load(Ordering::SeqCst);
                if code == 200 {
                    posts.lock().unwrap().push(Post { path: request.url().to_owned(), headers, body });
                }
                let json = tiny_http::Header::from_bytes("content-type", "application/json").unwrap();
                drop(request.respond(tiny_http::Response::from_string("{}").with_status_code(code).with_header(json)));
            }
        });
        collector
    }

    /// From now on it answers with this code, and remembers nothing unless that is 200.
    pub fn answer(&self, code: u16) {
        self.status.store(code, Ordering::SeqCst);
    }

    /// Everything that it took.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    fn messages(&self, path: &str) -> Vec<Value> {
        self.posts().iter().filter(|p| p.path == path).map(|p| serde_json::from_slice(&p.body).unwrap()).collect()
    }

    /// The attributes of who sent.
    pub fn resource(&self) -> BTreeMap<String, Value> {
        attributes(&self.messages("/v1/traces")[0]["resourceSpans"][0]["resource"]["attributes"])
    }

    /// All spans, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for message in self.messages("/v1/traces") {
            for scope in below(&message, &["resourceSpans", "scopeSpans"]) {
                assert_eq!(scope["scope"]["name"], "greenlane");
                spans.extend(below(&scope, &["spans"]).iter().map(span));
            }
        }
        spans
    }

    /// The last value of each counter, gauge (its number) and histogram (its count), by its name and labels.
    pub fn measures(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        for message in self.messages("/v1/metrics") {
            for metric in below(&message, &["resourceMetrics", "scopeMetrics", "metrics"]) {
                let kind = ["sum", "gauge", "histogram"].into_iter().find(|k| metric[k].is_object()).unwrap();
                for point in below(&metric[kind], &["dataPoints"]) {
                    let labels: Vec<String> = attributes(&point["attributes"]).values().map(|v| v.as_str().unwrap().to_owned()).collect();
                    let value = [&point["asInt"], &point["asDouble"], &point["count"]].into_iter().find(|v| !v.is_null()).unwrap();
                    all.insert(format!("{} {}", metric["name"].as_str().unwrap(), labels.join(" ")).trim().to_owned(), number(value));
                }
            }
        }
        all
    }
}

/// The elements of lists in lists.
fn below(value: &Value, names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .fold(vec![value.clone()], |values, name| values.iter().flat_map(|v| v[*name].as_array().cloned().unwrap_or_default()).collect())
}

/// 64-bit numbers are texts in OTLP's JSON, and some programs send numbers.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn attributes(list: &Value) -> BTreeMap<String, Value> {
    let value = |v: &Value| match v.as_object().unwrap().iter().next().unwrap() {
        (kind, v) if kind == "intValue" => json!(number(v)),
        (_, v) => v.clone(),
    };
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter().map(|a| (a["key"].as_str().unwrap().to_owned(), value(&a["value"]))).collect()
}

fn span(span: &Value) -> Span {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let links = span["links"].as_array().cloned().unwrap_or_default();
    Span {
        trace: text(&span["traceId"]),
        id: text(&span["spanId"]),
        parent: text(&span["parentSpanId"]),
        name: text(&span["name"]),
        from: number(&span["startTimeUnixNano"]) as u64 / 1_000_000,
        to: number(&span["endTimeUnixNano"]) as u64 / 1_000_000,
        attributes: attributes(&span["attributes"]),
        links: links.iter().map(|l| text(&l["spanId"])).collect(),
        status: (span["status"]["code"].as_u64().unwrap_or(0), text(&span["status"]["message"])),
    }
}

/// What holds of all spans of one run: they are one tree with the run as its root, each once, each inside its parent's time, and every
/// link leads to one of them.
pub fn check_tree(spans: &[Span]) {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|s| (s.id.as_str(), s)).collect();
    assert_eq!(by_id.len(), spans.len(), "one was sent twice: {spans:#?}");
    assert_eq!(spans.iter().map(|s| &s.trace).collect::<BTreeSet<_>>().len(), 1, "{spans:#?}");
    assert_eq!(spans.iter().filter(|s| s.parent.is_empty()).map(|s| s.name.as_str()).collect::<Vec<_>>(), ["run"]);
    for span in spans {
        assert!(span.from <= span.to, "{span:#?}");
        if !span.parent.is_empty() {
            let parent = by_id.get(span.parent.as_str()).unwrap_or_else(|| panic!("without its parent: {span:#?}"));
            assert!(parent.from <= span.from && span.to <= parent.to, "outside its parent: {span:#?} {parent:#?}");
        }
        assert!(span.links.iter().all(|l| by_id.contains_key(l.as_str())), "{span:#?}");
    }
}
