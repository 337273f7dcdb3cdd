//! Reads an index file for what a worktree's user did to it: paths, stages, flags. Knows git's index format, versions 2
//! to 4, and nothing of worktrees. Never writes one.

use std::collections::BTreeSet;

/// Longest path in bytes, `PATH_MAX` of Linux. Version 4 stores what a path shares with the one before it as a number, so that a short
/// file may stand for long paths without end.
const PATH_BYTES_MAX: usize = 4096;
/// Most bytes of all paths together: a repository of a million files has some 60 MB.
const PATHS_BYTES_MAX: usize = 256 << 20;

/// What an index says beyond the contents of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSummary {
    /// Paths in an unfinished merge.
    pub unmerged: BTreeSet<String>,
    /// All paths, as bytes.
    pub paths: BTreeSet<Vec<u8>>,
    /// A path is marked `skip-worktree`: a sparse checkout, or a flag set by hand.
    pub skips: bool,
}

/// Reads an index; `None` if it is not in a form known here.
#[must_use]
pub fn read(bytes: &[u8], oid_len: usize) -> Option<IndexSummary> {
    if bytes.get(..4)? != b"DIRC" {
        return None;
    }
    let version = number(bytes, 4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut summary = IndexSummary::default();
    let mut at = 12;
    let mut path: Vec<u8> = Vec::new();
    let mut total = 0;
    for _ in 0..number(bytes, 8)? {
        let start = at;
        let flags_at = at + 40 + oid_len;
        let flags = short(bytes, flags_at)?;
        at = flags_at + 2;
        if version >= 3 && flags & 0x4000 != 0 {
            summary.skips |= short(bytes, at)? & 0x4000 != 0;
            at += 2;
        }
        if version == 4 {
            // The path is stored as: cut so many bytes off the previous one, then add these.
            let (cut, next) = varint(bytes, at)?;
            path.truncate(path.len().checked_sub(cut)?);
            at = next;
        } else {
            path.clear();
        }
        let rest = bytes.get(at..)?;
        let end = rest.iter().position(|b| *b == 0)?;
        path.extend_from_slice(&rest[..end]);
        total += path.len();
        if path.len() > PATH_BYTES_MAX || total > PATHS_BYTES_MAX {
            return None;
        }
        at += end + 1;
        if version < 4 {
            // Padded with 1 to 8 NULs to a multiple of eight.
            at = start + (at - 1 - start) / 8 * 8 + 8;
        }
        if flags & 0x3000 != 0 {
            summary.unmerged.insert(String::from_utf8_lossy(&path).into_owned());
        }
        summary.paths.insert(path.clone());
    }
    Some(summary)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut value = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
    }
    Some((value, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_index_that_stands_for_endless_paths_is_refused() {
        let entry = |path: &[u8]| [&[0; 60][..], &[0, 1, 0], path, &[0]].concat();
        let mut bytes = [&b"DIRC"[..], &4_u32.to_be_bytes(), &10_000_u32.to_be_bytes()].concat();
        bytes.extend(entry(&[b'a'; 100]));
        bytes[12 + 62] = 0;
        let ordinary = [&bytes[..8], &1_u32.to_be_bytes(), &bytes[12..]].concat();
        assert_eq!(read(&ordinary, 20).map(|s| s.paths.len()), Some(1));
        let long = [&bytes[..12], &[0; 62], &[0], &[b'a'; 500_000][..], &[0]].concat();
        assert_eq!(read(&long, 20), None);
    }
}
