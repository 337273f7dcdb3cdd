//! What a tool call looks like to a person. Knows the usual names of tools and of their arguments, in any agent.

use serde_json::Value;

/// One line about a call of this tool; paths below `worktree` are shown relative to it.
pub(super) fn describe(tool: &str, input: &Value, worktree: &str) -> String {
    let text = |keys: &[&str]| keys.iter().find_map(|key| input[*key].as_str());
    let path = text(&["file_path", "filePath", "absolute_path", "path", "notebook_path", "dir_path"]).map(|p| relative(p, worktree));
    let with = |verb: &str, object: Option<&str>| object.map_or_else(|| format!("{verb} something"), |o| format!("{verb} {o}"));
    match tool.to_lowercase().as_str() {
        "write" | "write_file" | "create" => with("writes", path),
        "edit" | "editor" | "multiedit" | "replace" | "notebookedit" | "patch" | "apply_patch" | "str_replace" => with("edits", path),
        "read" | "read_file" | "view" | "read_many_files" => with("reads", path),
        "ls" | "list" | "list_directory" => with("looks into", path),
        "bash" | "run_shell_command" | "shell" | "exec_command" => {
            with("runs", text(&["command", "cmd"]).map(|c| format!("`{}`", command(c))).as_deref())
        }
        "grep" | "glob" | "search_file_content" | "grep_search" => with("searches for", text(&["pattern", "query"])),
        "webfetch" | "web_fetch" | "websearch" | "google_web_search" => with("looks up", text(&["url", "query", "prompt"])),
        "task" | "agent" => with("asks a helper:", text(&["description", "prompt"])),
        "todowrite" | "write_todos" | "update_plan" => String::from("plans"),
        _ => format!("uses {tool}"),
    }
}

/// A command as the agent meant it, without the shell that it is wrapped in.
pub(super) fn command(line: &str) -> &str {
    for shell in ["/bin/bash -lc ", "/bin/sh -c ", "bash -lc ", "/bin/zsh -lc ", "sh -c "] {
        if let Some(inner) = line.strip_prefix(shell) {
            let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
            return quote.and_then(|q| inner.strip_prefix(q)?.strip_suffix(q)).unwrap_or(inner);
        }
    }
    line
}

/// The path below the worktree, or as it is.
pub(super) fn relative<'a>(path: &'a str, worktree: &str) -> &'a str {
    path.strip_prefix(worktree).and_then(|p| p.strip_prefix('/')).filter(|p| !worktree.is_empty() && !p.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_reads_as_a_sentence_without_a_subject() {
        for (tool, input, expected) in [
            ("Write", json!({"file_path": "/w/repo/src/a.rs"}), "writes src/a.rs"),
            ("Write", json!({"file_path": "/w/repository/a.rs"}), "writes /w/repository/a.rs"),
            ("run_shell_command", json!({"command": "cargo test"}), "runs `cargo test`"),
            ("read", json!({"filePath": "b.rs"}), "reads b.rs"),
            ("Edit", json!({}), "edits something"),
            ("mcp__x__y", json!({}), "uses mcp__x__y"),
        ] {
            assert_eq!(describe(tool, &input, "/w/repo"), expected);
        }
    }

    #[test]
    fn the_shell_around_a_command_is_not_shown() {
        assert_eq!(command(r#"/bin/bash -lc "cargo test""#), "cargo test");
        assert_eq!(command("/bin/bash -lc ls"), "ls");
        assert_eq!(command("make"), "make");
    }
}
