//! What an attempt printed, as plain text: all of it, or what has come since. Never as anything that a browser would run.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::board::{AttemptRow, LogTail, Stream};

/// Of a longer log the end is given.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Lines that are given at once to whoever reads on.
const LINES_MAX: usize = 5_000;
/// How far it was read: where to go on.
const OFFSET: &str = "x-offset";
/// Nothing more comes.
const ENDED: &str = "x-ended";

/// Which output.
#[must_use]
pub fn stream(name: &str) -> Stream {
    if name == "stderr" { Stream::Err } else { Stream::Out }
}

/// As it was printed, the end of it where it is long. Blocks.
#[must_use]
pub fn whole(attempt: &AttemptRow, stream: Stream) -> Response {
    let name = if stream == Stream::Err { "stderr.log" } else { "stdout.log" };
    let (bytes, cut) = end_of(&attempt.dir.join(name)).unwrap_or_default();
    let mut body = if cut { format!("… the last {} MiB\n", BYTES_MAX >> 20).into_bytes() } else { Vec::new() };
    body.extend(bytes);
    plain(body).into_response()
}

fn end_of(path: &Path) -> std::io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(BYTES_MAX);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok((bytes, skipped > 0))
}

/// The lines for people that have come since, and how far that is. Blocks.
#[must_use]
pub fn more(attempt: &AttemptRow, stream: Stream, from: u64) -> Response {
    let mut tail = LogTail::open(&attempt.dir, stream, Some(from));
    let mut lines = tail.more();
    let mut offset = tail.offset();
    if !attempt.under_way {
        lines.extend(tail.finish());
        offset = tail.offset();
    }
    let skipped = lines.len().saturating_sub(LINES_MAX);
    let mut text: String = if skipped > 0 { format!("… {skipped} lines\n") } else { String::new() };
    for line in lines.iter().skip(skipped) {
        text.push_str(line);
        text.push('\n');
    }
    let ended = if attempt.under_way { "no" } else { "yes" };
    ([(OFFSET, offset.to_string()), (ENDED, ended.to_owned())], plain(text.into_bytes())).into_response()
}

fn plain(body: Vec<u8>) -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body)
}
