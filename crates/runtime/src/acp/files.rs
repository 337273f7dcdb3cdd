//! `fs/read_text_file` and `fs/write_text_file`, inside the worktree.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::{Value, json};

use super::place::Place;
use super::wire::{Code, Refusal};

/// A larger file is not read: 8 MiB.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The file's text, or the asked lines of it.
pub(super) fn read(place: &Place, params: &Value) -> Result<Value, Refusal> {
    let asked = path_of(params)?;
    let real = place.inside(asked)?;
    let about = |e: io::Error| failed(asked, &e);
    let file = fs::metadata(&real).map_err(about)?;
    // Opening a pipe would wait for whoever writes into it.
    if !file.is_file() {
        return Err(Refusal::new(Code::Params, format!("{} is no file", asked.display())));
    }
    if file.len() > FILE_BYTES_MAX {
        return Err(Refusal::new(Code::Params, format!("{} is larger than {} MiB", asked.display(), FILE_BYTES_MAX >> 20)));
    }
    let mut bytes = Vec::new();
    File::open(&real).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)).map_err(about)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::new(Code::Params, format!("{} is not text", asked.display())))?;
    Ok(json!({"content": lines(&text, count(&params["line"]), count(&params["limit"]))}))
}

/// Makes the file hold this text; its folders are made.
pub(super) fn write(place: &Place, params: &Value) -> Result<Value, Refusal> {
    let asked = path_of(params)?;
    let content = params["content"].as_str().ok_or_else(|| Refusal::new(Code::Params, "there is no `content`"))?;
    let real = place.inside(asked)?;
    let about = |e: io::Error| failed(asked, &e);
    if real.is_dir() {
        return Err(Refusal::new(Code::Params, format!("{} is a folder", asked.display())));
    }
    if let Some(folder) = real.parent() {
        fs::create_dir_all(folder).map_err(about)?;
    }
    let never_a_link = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(never_a_link).open(&real).map_err(about)?;
    file.write_all(content.as_bytes()).map_err(about)?;
    Ok(json!({}))
}

fn path_of(params: &Value) -> Result<&Path, Refusal> {
    params["path"].as_str().filter(|p| !p.is_empty()).map(Path::new).ok_or_else(|| Refusal::new(Code::Params, "there is no `path`"))
}

fn count(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// From this line on, the first being 1, at most so many.
fn lines(text: &str, first: Option<usize>, limit: Option<usize>) -> String {
    if first.is_none() && limit.is_none() {
        return text.to_owned();
    }
    text.split_inclusive('\n').skip(first.unwrap_or(1).saturating_sub(1)).take(limit.unwrap_or(usize::MAX)).collect()
}

/// Agents tell a file that is not there by these very words (gemini) or by the code.
fn failed(path: &Path, e: &io::Error) -> Refusal {
    match e.kind() {
        io::ErrorKind::NotFound => Refusal::new(Code::NotFound, format!("Resource not found: {} (ENOENT)", path.display())),
        _ => Refusal::new(Code::Internal, format!("{}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_whole_or_in_part() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "one\ntwo\nthree").unwrap();
        fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
        let place = Place::new(dir.path()).unwrap();
        let text = |params: Value| read(&place, &params).map(|v| v["content"].as_str().unwrap().to_owned());
        assert_eq!(text(json!({"path": "a"})).unwrap(), "one\ntwo\nthree");
        assert_eq!(text(json!({"path": "a", "line": 2})).unwrap(), "two\nthree");
        assert_eq!(text(json!({"path": "a", "line": 2, "limit": 1})).unwrap(), "two\n");
        assert_eq!(text(json!({"path": "a", "line": 9})).unwrap(), "");
        let code = |params: Value| text(params).unwrap_err().code;
        assert_eq!(code(json!({"path": "b"})), Code::NotFound);
        assert_eq!(
            [json!({}), json!({"path": "."}), json!({"path": "binary"}), json!({"path": "/etc/passwd"})].map(code),
            [Code::Params; 4]
        );
    }

    #[test]
    fn a_pipe_and_a_file_without_end_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
        File::create(dir.path().join("large")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        let place = Place::new(dir.path()).unwrap();
        let said = |name: &str| read(&place, &json!({"path": name})).unwrap_err().message;
        assert_eq!((said("pipe"), said("large")), ("pipe is no file".into(), "large is larger than 8 MiB".into()));
        assert!(write(&place, &json!({"path": "pipe", "content": "x"})).is_err(), "nobody reads it, and nobody is waited for");
    }

    #[test]
    fn files_are_written_inside_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fs::create_dir(&root).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("out")).unwrap();
        let place = Place::new(&root).unwrap();
        let write = |path: &str| super::write(&place, &json!({"path": path, "content": "new"}));
        write("deep/er/a.txt").unwrap();
        assert_eq!(fs::read_to_string(root.join("deep/er/a.txt")).unwrap(), "new");
        for path in ["../b", "out", "/tmp/greenlane-must-not-exist", "deep/../../b", ".git/hooks/x"] {
            assert_eq!(write(path).unwrap_err().code, Code::Params, "{path}");
        }
        assert!(!dir.path().join("b").exists());
        assert_eq!(fs::read_to_string(dir.path().join("secret")).unwrap(), "s");
        assert_eq!(write("deep").unwrap_err().message, "deep is a folder");
    }
}
