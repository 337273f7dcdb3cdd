//! Bytes into lines. Knows nothing of what they say.

/// A longer line is cut here: 1 MiB.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// The unfinished line of one stream.
#[derive(Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes and gives the lines that they complete, without line ends (`\n` or `\r\n`); what is not UTF-8 is replaced.
    pub(super) fn feed(&mut self, mut bytes: &[u8], line: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            if self.partial.is_empty() {
                give(&bytes[..end.min(LINE_BYTES_MAX)], line);
            } else {
                self.push(&bytes[..end]);
                give(&self.partial, line);
                // A long line's memory is not kept for the short ones that follow.
                self.partial = Vec::new();
            }
            bytes = &bytes[end + 1..];
        }
        self.push(bytes);
    }

    /// The stream has ended: gives the last line if it had no end.
    pub(super) fn finish(&mut self, line: &mut dyn FnMut(&str)) {
        if !self.partial.is_empty() {
            give(&std::mem::take(&mut self.partial), line);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX - self.partial.len();
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn give(bytes: &[u8], line: &mut dyn FnMut(&str)) {
    line(&String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)));
}

#[cfg(test)]
mod tests {
    use greenlane_testkit::fuzz::random;

    use super::*;

    #[test]
    fn however_bytes_arrive_the_lines_are_the_same() {
        let pieces: [&[u8]; 9] = [b"\n", b"\r\n", b"\r", b"{\"a\":1}", b"\xc3\xa4", b"\xff", b"\0", b"", &[b'x'; 700_000]];
        random("lines", 300, |rng| {
            let most = if rng.u8(..20) == 0 { 9 } else { 8 };
            let bytes = (0..rng.usize(..30)).map(|_| pieces[rng.usize(..most)]).collect::<Vec<_>>().concat();
            let mut chunks = Vec::new();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let longest = if rng.bool() { 3 } else { 1 << 20 };
                let (chunk, after) = rest.split_at(rng.usize(1..=rest.len().min(longest)));
                chunks.push(chunk);
                rest = after;
                if chunks.len() > 2_000 {
                    chunks.push(std::mem::take(&mut rest));
                }
            }
            assert_eq!(lines(&chunks), lines(&[&bytes]));
        });
    }

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.feed(chunk, &mut |l| out.push(l.to_owned()));
        }
        lines.finish(&mut |l| out.push(l.to_owned()));
        out
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        assert_eq!(lines(&[b"one\ntw", b"o\r\n", b"", b"\nthr", b"ee"]), ["one", "two", "", "three"]);
        assert_eq!(lines(&[b"\xffx\n"]), ["\u{fffd}x"]);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let long = vec![b'x'; 700_000];
        let got = lines(&[&long, &long, b"\nnext\n"]);
        assert_eq!(got.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, 4]);
    }
}
