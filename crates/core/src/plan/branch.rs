//! Names of branches as git allows them. Knows no repository.

/// Longest branch name in bytes: file systems take 255 for one name.
const BRANCH_BYTES_MAX: usize = 200;

/// Checks the rules of `git check-ref-format --branch`.
///
/// # Errors
/// Says, in words that follow the quoted name, what is wrong.
pub fn check_branch(name: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(String::from(why));
    if name.is_empty() {
        return wrong("is empty");
    }
    if name.len() > BRANCH_BYTES_MAX {
        return Err(format!("is longer than {BRANCH_BYTES_MAX} bytes"));
    }
    if let Some(c) = name.chars().find(|c| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')) {
        return Err(match c {
            ' ' => String::from("holds a space"),
            c if c.is_ascii_control() => String::from("holds a control character"),
            c => format!("holds `{c}`"),
        });
    }
    if name == "@" || name.contains("@{") {
        return wrong("holds `@{` or is `@`");
    }
    if name.starts_with('-') {
        return wrong("begins with `-`");
    }
    if name.contains("..") || name.ends_with('.') {
        return wrong("holds `..` or ends with `.`");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
        return wrong("has a part that is empty, begins with `.` or ends with `.lock`");
    }
    if name == "HEAD" || name.starts_with("refs/") {
        return wrong("is `HEAD` or begins with `refs/`: name the branch alone");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_has_it() {
        for good in ["main", "feature/PRD-001", "a.b", "x@y", "ü"] {
            assert_eq!(check_branch(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a..b",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "-a",
            "@",
            "a@{1}",
            "a~1",
            "a^",
            "a:b",
            "HEAD",
            "refs/heads/a",
            "a.",
            "a\u{7}",
            "a\\b",
            "a*",
        ] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
        assert!(check_branch(&"a".repeat(300)).is_err());
    }
}
