//! Between standard input and output and the protocol's library, which passes over what is no JSON without a word: whoever sent it would wait
//! for an answer for ever. Here it is answered as JSON-RPC has it, and everything else goes through as it is.

use std::io;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;

/// Longest message: all that a tool takes is some kilobytes.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// JSON-RPC: invalid JSON was received.
const PARSE_ERROR: i32 = -32_700;

/// Where both write, a whole line at a time.
pub type Out<W> = Arc<Mutex<W>>;

/// Hands on lines of JSON until the input ends; answers the others.
///
/// # Errors
/// If one of the streams is gone.
pub async fn incoming(
    mut from: impl AsyncBufRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    out: Out<impl AsyncWrite + Unpin>,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        let (read, whole) = next_line(&mut from, &mut line).await?;
        if !read {
            return Ok(());
        }
        let why = match serde_json::from_slice::<IgnoredAny>(&line) {
            _ if line.trim_ascii().is_empty() && whole => continue,
            _ if !whole => format!("a message has at most {LINE_BYTES_MAX} bytes"),
            Err(e) => format!("this line is no JSON: {e}"),
            Ok(_) => {
                line.push(b'\n');
                to.write_all(&line).await?;
                continue;
            }
        };
        let answer = json!({"jsonrpc": "2.0", "id": null, "error": {"code": PARSE_ERROR, "message": why}});
        write_line(&out, format!("{answer}\n").as_bytes()).await?;
    }
}

/// Hands on lines until there are no more.
///
/// # Errors
/// If one of the streams is gone.
pub async fn outgoing(mut from: impl AsyncBufRead + Unpin, out: Out<impl AsyncWrite + Unpin>) -> io::Result<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await? > 0 {
        write_line(&out, &line).await?;
        line.clear();
    }
    Ok(())
}

async fn write_line(out: &Out<impl AsyncWrite + Unpin>, line: &[u8]) -> io::Result<()> {
    let mut out = out.lock().await;
    out.write_all(line).await?;
    out.flush().await
}

/// The next line without its end. Whether there was one, and whether it is all there: of one that is too long the rest is passed over.
async fn next_line(from: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<(bool, bool)> {
    line.clear();
    let mut whole = true;
    loop {
        let before = line.len();
        let read = (&mut *from).take(LINE_BYTES_MAX).read_until(b'\n', line).await?;
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok((true, whole));
        }
        if read == 0 {
            return Ok((before > 0 || !whole, whole));
        }
        if line.len() as u64 >= LINE_BYTES_MAX {
            whole = false;
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on, and what is answered.
    fn heard(input: &[u8]) -> (String, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let out: Out<Vec<u8>> = Arc::default();
        let mut on = Vec::new();
        runtime.block_on(incoming(input, &mut on, Arc::clone(&out))).unwrap();
        let said = runtime.block_on(async { out.lock().await.clone() });
        (String::from_utf8(on).unwrap(), String::from_utf8(said).unwrap())
    }

    #[test]
    fn what_is_no_json_is_answered_and_the_rest_goes_through() {
        let (on, said) = heard(b"{\"a\": 1}\r\n\n  \nhello\n[\n{\"b\": 2}");
        assert_eq!(on, "{\"a\": 1}\r\n{\"b\": 2}\n");
        let answers: Vec<serde_json::Value> = said.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(answers.len(), 2, "{said}");
        assert!(answers.iter().all(|a| a["id"].is_null() && a["error"]["code"] == -32_700), "{said}");
        assert_eq!(heard(b"\xff\n").1.lines().count(), 1, "bytes that are no text");
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory_without_an_end() {
        let mut input = vec![b'x'; LINE_BYTES_MAX as usize * 2 + 7];
        input.extend(b"\n{}\n");
        let (on, said) = heard(&input);
        assert_eq!((on.as_str(), said.lines().count()), ("{}\n", 1), "{said}");
        assert!(said.contains("at most 4194304 bytes"), "{said}");
        let endless = vec![b' '; LINE_BYTES_MAX as usize + 1];
        assert_eq!(heard(&endless).1.lines().count(), 1);
    }

    #[test]
    fn what_is_said_comes_out_line_by_line() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let out: Out<Vec<u8>> = Arc::default();
        runtime.block_on(outgoing(&b"{}\n[]"[..], Arc::clone(&out))).unwrap();
        assert_eq!(runtime.block_on(async { out.lock().await.clone() }), b"{}\n[]");
    }
}
