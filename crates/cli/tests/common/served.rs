//! `greenlane serve` for a test, and a plain client of it that says exactly what it is told to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::Sandbox;

/// A server; it ends when this is dropped.
pub struct Served {
    child: Child,
    /// The opening URL.
    pub url: String,
    /// The same for other machines.
    pub elsewhere: Vec<String>,
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// The token in the URL.
    pub token: String,
    /// `NAME=VALUE`, as a browser sends it.
    pub cookie: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub code: u16,
    /// Everything before the empty line, in lower case but for values.
    pub head: String,
    /// The rest.
    pub body: String,
}

impl Served {
    /// Serves the sandbox's repository.
    pub fn of(s: &Sandbox) -> Self {
        Self::by(s.command(&["serve", "--json"]))
    }

    /// Serves with this command, which prints its address as JSON.
    pub fn by(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let url = told["url"].as_str().unwrap().to_owned();
        let elsewhere = told["elsewhere"].as_array().unwrap().iter().map(|u| u.as_str().unwrap().to_owned()).collect();
        let mut served = Self { child, host: String::new(), token: String::new(), cookie: String::new(), url, elsewhere };
        served.enter();
        served
    }

    /// Opens the URL as a browser does, and keeps the cookie.
    fn enter(&mut self) {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let path = format!("/{path}");
        (self.host, self.token) = (host.to_owned(), path.split_once("token=").unwrap().1.to_owned());
        let reply = self.say("GET", &path, &[("Host", host)], "");
        assert_eq!(reply.code, 303, "{reply:?}");
        let set = reply.header("set-cookie").unwrap();
        assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{set}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        self.cookie = set.split(';').next().unwrap().to_owned();
    }

    /// A request of exactly these headers, and whatever comes until the server closes.
    pub fn say(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() {
            request.push_str(&format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        Reply::of(&String::from_utf8_lossy(&answer))
    }

    /// A page, as a browser that is known fetches it.
    pub fn get(&self, path: &str) -> Reply {
        self.say("GET", path, &[("Host", &self.host), ("Cookie", &self.cookie)], "")
    }

    /// A form, as a page of ours sends it without its script: gives the words that the next page shows.
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> String {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let origin = format!("http://{}", self.host);
        let headers = [("Host", self.host.as_str()), ("Cookie", &self.cookie), ("Origin", &origin)];
        let reply = self.say("POST", path, &headers, &body.join("&"));
        assert_eq!(reply.code, 303, "{reply:?}");
        let page = self.get(reply.header("location").unwrap());
        let said = page.body.split_once("aria-live=\"polite\">").unwrap().1;
        said.split_once("</div>").unwrap().0.to_owned()
    }

    /// The lines of a stream, until one holds this text.
    pub fn stream_until(&self, path: &str, wanted: &str) -> Vec<String> {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.host, self.cookie);
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            let found = line.contains(wanted);
            lines.push(line);
            if found {
                return lines;
            }
        }
        panic!("the stream ended without `{wanted}`: {lines:?}");
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Reply {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let code = head.split(' ').nth(1).and_then(|c| c.parse().ok()).unwrap_or(0);
        Self { code, head: head.to_owned(), body: body.to_owned() }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|l| l.split_once(": "));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
