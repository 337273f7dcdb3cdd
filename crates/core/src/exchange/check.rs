//! What may be said: lengths, characters, paths. Says in words for an agent what is wrong.

use super::{NAME_BYTES_MAX, PATH_BYTES_MAX, TEXT_BYTES_MAX};
use crate::overlap::Glob;

/// A text for people or other agents; `what` names it.
///
/// # Errors
/// If it is empty or longer than so many bytes.
pub fn text(what: &str, text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    match text.len() {
        0 => Err(format!("{what} is empty")),
        n if n > most => Err(format!("{what} has {n} bytes, and at most {most} are taken")),
        _ => Ok(text.to_owned()),
    }
}

/// An answer of a person's.
///
/// # Errors
/// As [`text`].
pub fn answer(said: &str) -> Result<String, String> {
    text("the answer", said, TEXT_BYTES_MAX)
}

/// The name of a lock or a value.
///
/// # Errors
/// If it is empty, too long, or no one would recognise it again.
pub fn name(what: &str, name: &str) -> Result<String, String> {
    let name = text(&format!("the name of the {what}"), name, NAME_BYTES_MAX)?;
    if name.chars().any(char::is_control) {
        return Err(format!("the name of the {what} holds a control character"));
    }
    Ok(name)
}

/// The path of a file to claim, without a leading `./`: one file or folder, no pattern, inside the repository.
///
/// # Errors
/// Says what is wrong with it.
pub fn path(path: &str) -> Result<String, String> {
    let path = text("the path", path, PATH_BYTES_MAX)?;
    let given = path.as_str();
    let wrong = |why: &str| Err(format!("`{given}` {why}"));
    let path = given.trim_start_matches("./").trim_end_matches('/');
    if given.starts_with('/') {
        return wrong("is not relative to the repository's root");
    }
    if path.contains(['*', '?', '[', ']', '{', '}', '\\']) {
        return wrong("is a pattern: claim the files by name, one by one");
    }
    if path.is_empty() || path == "." {
        return wrong("is the whole repository: claim the files or folders that you need, one by one");
    }
    for (part, why) in [
        ("..", "holds `..`: write it from the repository's root, without going up"),
        (".", "holds `.` as a folder: leave that out"),
        ("", "holds `//`: one slash between two names is enough"),
    ] {
        if path.split('/').any(|name| name == part) {
            return wrong(why);
        }
    }
    if path.split('/').any(|name| name.eq_ignore_ascii_case(".git")) {
        return wrong("belongs to git");
    }
    match Glob::new(path) {
        Ok(_) => Ok(path.to_owned()),
        Err(why) => wrong(&why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_inside_the_repository_are_claimed() {
        assert_eq!(path(" ./src/lib.rs "), Ok(String::from("src/lib.rs")));
        assert_eq!(path("docs/"), Ok(String::from("docs")));
        for bad in ["", "/etc/passwd", "../x", "a/../b", "src/*.rs", "a{b,c}", ".git/config", "x/.GIT", "a//b", "./", "."] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path(&"a/".repeat(600)).is_err());
        let told = |bad: &str| path(bad).unwrap_err();
        assert!(told("./").contains("`./` is the whole repository") && told("/").contains("not relative"), "{} {}", told("./"), told("/"));
        assert!(told("a/../b").contains("holds `..`") && told("a//b").contains("holds `//`") && told("a/./b").contains("holds `.` as"));
    }

    #[test]
    fn texts_and_names_have_limits() {
        assert_eq!(text("it", "  x \n", 1), Ok(String::from("x")));
        assert_eq!(text("it", "ab", 1), Err(String::from("it has 2 bytes, and at most 1 are taken")));
        assert!(name("lock", " \n").is_err() && name("lock", "a\u{7}b").is_err() && name("lock", &"n".repeat(101)).is_err());
        assert_eq!(name("lock", " port 80 "), Ok(String::from("port 80")));
    }
}
