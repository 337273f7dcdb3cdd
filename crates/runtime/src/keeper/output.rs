//! One output stream on disk: its head, written through, and its tail, within a limit of bytes. Knows nothing of lines.
//!
//! The head (half of the limit) goes straight to `stdout.log`, where it can be followed as it grows. What comes after goes to two alternating
//! files of a quarter each, `stdout.log.tail` and `stdout.log.tail.old`; when the stream ends they are appended, after a line that
//! tells how much is missing. Who follows a stream beyond its head sees the rest at its end. The limit is thus kept on the disk at any moment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Below this the halves would be too small to tell anything.
const LIMIT_MIN: u64 = 4 * 1024;

/// The log of one stream.
pub(super) struct CappedLog {
    path: PathBuf,
    head: Part,
    head_max: u64,
    tail: Option<Part>,
    /// Bytes in the older tail file.
    old_len: u64,
    segment_max: u64,
    /// All bytes that the stream has given, kept or not.
    total: u64,
}

struct Part {
    file: File,
    len: u64,
}

impl Part {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, len: 0 })
    }

    /// Counts what was really written, also if the disk is full half-way.
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.len += n as u64;
                    bytes = &bytes[n..];
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl CappedLog {
    pub(super) fn create(path: PathBuf, bytes_max: u64) -> io::Result<Self> {
        let limit = bytes_max.max(LIMIT_MIN);
        Ok(Self { head: Part::create(&path)?, head_max: limit / 2, tail: None, old_len: 0, segment_max: limit / 4, total: 0, path })
    }

    /// Bytes that the stream has given.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If they could not be written (disk full): they are left out then, and counted as such. The next ones may be written again.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.total += bytes.len() as u64;
        let mut rest = bytes;
        if self.tail.is_none() {
            let room = usize::try_from(self.head_max - self.head.len).unwrap_or(usize::MAX);
            let (head, more) = rest.split_at(rest.len().min(room));
            self.head.append(head)?;
            rest = more;
        }
        while !rest.is_empty() {
            let segment_max = self.segment_max;
            let tail = self.current_tail()?;
            let room = usize::try_from(segment_max - tail.len).unwrap_or(usize::MAX);
            let (now, more) = rest.split_at(rest.len().min(room));
            tail.append(now)?;
            rest = more;
        }
        Ok(())
    }

    /// The stream has ended: puts head and tail together.
    ///
    /// # Errors
    /// If the tail could not be appended; its files are left beside the log then.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let tail_len = self.tail.take().map_or(0, |tail| tail.len);
        let left_out = self.total - self.head.len - self.old_len - tail_len;
        if left_out > 0 {
            self.head.file.write_all(format!("\n[… {left_out} bytes left out …]\n").as_bytes())?;
        }
        if tail_len + self.old_len > 0 {
            for part in [self.beside(".tail.old"), self.beside(".tail")] {
                match File::open(&part) {
                    Ok(mut file) => {
                        io::copy(&mut file, &mut self.head.file)?;
                        fs::remove_file(&part)?;
                    }
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    /// The tail file with room in it.
    fn current_tail(&mut self) -> io::Result<&mut Part> {
        let current = self.beside(".tail");
        if let Some(full) = self.tail.take_if(|tail| tail.len >= self.segment_max) {
            fs::rename(&current, self.beside(".tail.old"))?;
            self.old_len = full.len;
        }
        match self.tail {
            Some(ref mut tail) => Ok(tail),
            None => Ok(self.tail.insert(Part::create(&current)?)),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(limit: u64, chunks: &[&[u8]]) -> (String, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = CappedLog::create(dir.path().join("stdout.log"), limit).unwrap();
        for chunk in chunks {
            log.append(chunk).unwrap();
            let on_disk: u64 = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
            assert!(on_disk <= limit, "{on_disk}");
        }
        log.finish().unwrap();
        let names = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        (fs::read_to_string(dir.path().join("stdout.log")).unwrap(), names)
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let half = [b'a'; 2_048];
        assert_eq!(log(4_096, &[&half, &half[..1], &half[..2_047]]).0, "a".repeat(4_096));
        assert_eq!(log(4_096, &[]).0, "");
    }

    #[test]
    fn of_a_flood_head_and_end_are_kept_and_the_gap_is_told() {
        let flood: Vec<u8> = (0..10_000).flat_map(|n| format!("{n:09}\n").into_bytes()).collect();
        for size in [7, 1_000, 5_000, flood.len()] {
            let (text, names) = log(4_096, &flood.chunks(size).collect::<Vec<_>>());
            assert!(text.starts_with("000000000\n000000001\n"), "{size}");
            assert!(text.ends_with("000009998\n000009999\n"), "{size}");
            let (head, rest) = text.split_once("\n[… ").unwrap();
            let (gap, tail) = rest.split_once(" bytes left out …]\n").unwrap();
            assert_eq!(head.len() + gap.parse::<usize>().unwrap() + tail.len(), flood.len(), "{size}");
            assert!(tail.len() >= 1_024, "{size}");
            assert_eq!(names, ["stdout.log"]);
        }
    }
}
