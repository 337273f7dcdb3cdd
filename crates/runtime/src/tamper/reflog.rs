//! Git's own diaries of a ref: what it was, what it became, when, and by which command. Read from the file.

use std::fs;
use std::path::Path;

use greenlane_core::ids::Oid;

/// How much of a diary's end is read.
const BYTES_MAX: u64 = 1 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// All zeros: there was none.
    pub old: String,
    pub new: String,
    /// Seconds since 1970.
    pub at: i64,
    pub message: String,
    /// `Name <mail>`.
    pub who: String,
}

impl Entry {
    pub(super) fn old(&self) -> Option<&str> {
        Some(self.old.as_str()).filter(|o| o.bytes().any(|b| b != b'0'))
    }
}

/// The last entries, oldest first; none where there is no diary.
pub(super) fn read(path: &Path) -> Vec<Entry> {
    let Ok(mut file) = fs::File::open(path) else { return Vec::new() };
    let length = file.metadata().map(|m| m.len()).unwrap_or(0);
    let mut bytes = Vec::new();
    let skipped = length.saturating_sub(BYTES_MAX);
    use std::io::{Read as _, Seek as _, SeekFrom};
    if file.seek(SeekFrom::Start(skipped)).is_err() || file.take(BYTES_MAX).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    // A first line of which the beginning was skipped has no two names of objects and is dropped.
    text.lines().filter_map(parse).collect()
}

/// Who moved a ref to where it is, and how, as its diary tells: `Name <mail>, by "commit: message"`.
#[must_use]
pub fn who_moved(common_dir: &Path, full_name: &str, to: &Oid) -> Option<String> {
    let last = read(&common_dir.join("logs").join(full_name)).pop()?;
    let how = if last.message.is_empty() { String::new() } else { format!(", by \"{}\"", last.message) };
    (last.new == to.as_str()).then(|| format!("{}{how}", last.who))
}

fn parse(line: &str) -> Option<Entry> {
    let (head, message) = line.split_once('\t').unwrap_or((line, ""));
    let mut words = head.split(' ');
    let (old, new) = (words.next()?, words.next()?);
    let is_oid = |text: &str| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let at = head.rsplit(' ').nth(1)?.parse().ok()?;
    let who = head.rsplitn(3, ' ').nth(2)?.splitn(3, ' ').nth(2)?.into();
    (is_oid(old) && is_oid(new)).then(|| Entry { old: old.into(), new: new.into(), at, message: message.into(), who })
}

#[cfg(test)]
mod tests {
    use greenlane_testkit::fuzz::Target;

    use super::*;

    #[test]
    fn damaged_diaries() {
        let oid = "a".repeat(40);
        let line = format!("{oid} {oid} A. B. <a@b> 1700000000 -0130\tcommit: ä\n");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("HEAD");
        let seeds = vec![line.repeat(3).into_bytes()];
        Target { name: "reflog", cases: 1_000, seeds, tokens: &["\t", " ", "<", "> ", "-1 "], bytes_max: 2 << 20, ..Target::default() }
            .run(|bytes| {
                fs::write(&path, bytes).unwrap();
                let read = read(&path);
                assert!(read.iter().all(|e| e.old.len() >= 40 && !e.message.contains('\n')));
                read.len().min(9)
            });
    }

    #[test]
    fn a_line_is_read_whatever_the_name_in_it() {
        let (a, zero) = ("a".repeat(40), "0".repeat(40));
        let entry = parse(&format!("{zero} {a} A. B. <a@b c> 1700000000 -0130\tbranch: Created from HEAD")).expect("an entry");
        assert_eq!((entry.old(), entry.new.as_str(), entry.at), (None, a.as_str(), 1_700_000_000));
        assert_eq!((entry.message.as_str(), entry.who.as_str()), ("branch: Created from HEAD", "A. B. <a@b c>"));
        assert_eq!(parse(&format!("{a} {a} x <y> 5 +0000")).expect("an entry").message, "");
        for broken in ["", "x y", &format!("{a} {a}"), "ff ff n <m> 1 +0000"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
