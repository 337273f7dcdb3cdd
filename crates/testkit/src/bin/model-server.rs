//! The scripted model server by itself, for people: prints its URL, then each request, until it is ended.
//!
//! `model-server [ADDRESS]`; the default is a free port of 127.0.0.1.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use greenlane_testkit::model_server::ModelServer;

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| String::from("127.0.0.1:0"));
    let server = match ModelServer::start_on(&address) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: cannot listen on {address}: {error}");
            return ExitCode::from(3);
        }
    };
    let mut out = io::stdout();
    let mut said = writeln!(out, "{}", server.url()).and_then(|()| out.flush());
    let mut shown = 0;
    // Ends when nobody reads the output any more.
    while said.is_ok() {
        server.wait_for_request(shown + 1, Duration::from_secs(3600));
        for seen in server.requests().iter().skip(shown) {
            shown += 1;
            let directive = seen.directive.as_deref().unwrap_or("-");
            said = writeln!(out, "{} {} {:?} {directive}", seen.method, seen.path, seen.answered).and_then(|()| out.flush());
        }
    }
    ExitCode::SUCCESS
}
