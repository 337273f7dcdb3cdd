//! A text as words, and the paths that stand in it. Knows nothing of what they mean.

/// Most bytes of a text that are looked at: what a task is stands at its beginning.
const TEXT_BYTES_MAX: usize = 8_000;
/// What is longer is no path that anybody wrote down.
const PATH_BYTES_MAX: usize = 200;

/// A text taken apart.
#[derive(Default)]
pub(super) struct Split {
    /// Its words in their order, lower case, plurals as singulars; those of paths are left out.
    pub words: Vec<String>,
    /// What looks like a path of a file: it has an extension, and a folder or no capital letter.
    pub paths: Vec<String>,
}

/// Takes a text apart.
pub(super) fn split(text: &str) -> Split {
    let mut out = Split::default();
    let between = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | '(' | ')' | ',' | ';' | '<' | '>');
    for token in beginning(text).split(between) {
        let bare = token.trim_matches(|c: char| matches!(c, '.' | ':' | '!' | '?' | '*')).trim_start_matches("./");
        if is_path(bare) {
            out.paths.push(bare.to_owned());
        } else {
            words(token, &mut out.words);
        }
    }
    out
}

fn words(text: &str, out: &mut Vec<String>) {
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let mut rest = word;
        while let Some(at) = hump(rest) {
            out.push(singular(rest[..at].to_lowercase()));
            rest = &rest[at..];
        }
        out.push(singular(rest.to_lowercase()));
    }
}

/// Where the first part of a name like `requireAuth` ends. Names that begin with a capital (`GraphQL`) or with a letter or two of their
/// own (`iOS`, `gRPC`) are one word.
fn hump(word: &str) -> Option<usize> {
    let at = word.find(|c: char| c.is_ascii_uppercase())?;
    (at >= 3 && word.is_ascii() && word[..at].bytes().all(|b| b.is_ascii_lowercase())).then_some(at)
}

/// A phrase of the rules as words.
pub(super) fn phrase(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    words(text, &mut out);
    out
}

/// The first bytes of it, at a character's end.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Crude, and the same for rules and texts, which is all that matters: `migrations` and `migration`, `queries` and `query` are one word.
fn singular(mut word: String) -> String {
    let cut = match word.len() {
        5.. if word.ends_with("ies") => {
            word.truncate(word.len() - 3);
            word.push('y');
            return word;
        }
        5.. if word.ends_with("sses") || word.ends_with("xes") => 2,
        4.. if word.ends_with('s') && !["ss", "us", "is"].iter().any(|e| word.ends_with(e)) => 1,
        _ => 0,
    };
    word.truncate(word.len() - cut);
    word
}

fn is_path(token: &str) -> bool {
    if token.contains("://") || token.starts_with('/') || token.len() > PATH_BYTES_MAX {
        return false;
    }
    let name = token.rsplit('/').next().unwrap_or(token);
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let is_extension = (1..=10).contains(&extension.len())
        && extension.starts_with(|c: char| c.is_ascii_lowercase())
        && extension.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    // `Node.js` is no file, and neither is `e.g`.
    is_extension
        && (stem.len() > 1 || token.contains('/'))
        && (token.contains('/') || name == "README.md" || name == "CLAUDE.md" || stem.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_singular() {
        let of = |text: &str| split(text).words;
        assert_eq!(of("Add the UI's building-blocks: classes, queries!"), ["add", "the", "ui", "s", "building", "block", "class", "query"]);
        assert_eq!(of("Redis, css, tokens and indexes"), ["redis", "css", "token", "and", "index"]);
        assert_eq!(of("requireAuth() in GraphQL, iOS and gRPC"), ["require", "auth", "in", "graphql", "ios", "and", "grpc"]);
        assert!(of("").is_empty());
        assert!(of(&"é".repeat(9_000)).iter().all(|w| w.len() <= TEXT_BYTES_MAX));
    }

    #[test]
    fn paths_are_told_from_words() {
        let text = "Change `src/a.rs` (and web/Foo.tsx), docker-compose.yml. Not Node.js, e.g. https://x.y/z.html, v2.3 or and/or.";
        let split = split(text);
        assert_eq!(split.paths, ["src/a.rs", "web/Foo.tsx", "docker-compose.yml"]);
        assert!(!split.words.contains(&String::from("foo")), "{:?}", split.words);
    }
}
