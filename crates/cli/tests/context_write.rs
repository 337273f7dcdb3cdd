//! `context write`: one source, the files of all agents, and nothing of a person's overwritten.

mod common;

use common::Sandbox;

const ALL: [&str; 7] =
    [".clinerules", ".cursorrules", ".gemini/settings.json", ".github/copilot-instructions.md", ".windsurfrules", "AGENTS.md", "CLAUDE.md"];

fn read(s: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(s.repo().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn with_source() -> Sandbox {
    let s = Sandbox::new(&[]);
    s.write(".greenlane/context.md", "# The project\n\nRun `make test`.\n");
    s
}

#[test]
fn one_source_becomes_every_file_and_twice_is_once() {
    let s = with_source();
    let dry = s.greenlane(&["context", "write", "--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.stdout.contains("AGENTS.md would be made") && !s.repo().join("AGENTS.md").exists(), "{dry:?}");
    let check = s.greenlane(&["context", "write", "--check"]);
    assert_eq!((check.code, s.repo().join("AGENTS.md").exists()), (1, false), "{check:?}");
    let ran = s.greenlane(&["context", "write"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for path in ALL {
        assert!(ran.stdout.contains(&format!("{path} was made\n")), "{ran:?}");
    }
    for path in ["AGENTS.md", ".cursorrules", ".github/copilot-instructions.md", ".clinerules", ".windsurfrules"] {
        assert!(read(&s, path).contains("-->\n# The project\n\nRun `make test`.\n<!-- /greenlane:context -->\n"), "{path}");
    }
    assert!(read(&s, "CLAUDE.md").contains("\n@AGENTS.md\n"), "by reference");
    assert!(read(&s, ".gemini/settings.json").contains("\"fileName\": [\"AGENTS.md\", \"GEMINI.md\"]"));
    let before: Vec<String> = ALL.iter().map(|p| read(&s, p)).collect();
    let again = s.greenlane(&["context", "write", "--json"]);
    assert!(again.code == 0 && again.stdout.contains("\"up_to_date\": true"), "{again:?}");
    assert_eq!(before, ALL.iter().map(|p| read(&s, p)).collect::<Vec<_>>());
    assert_eq!(s.greenlane(&["context", "write", "--check"]).code, 0);
    let left = s.git(&["status", "--porcelain", "-uall"]);
    assert_eq!(left.lines().count(), ALL.len() + 1, "nothing else is written: {left}");
}

#[test]
fn only_the_block_changes_with_its_source() {
    let s = with_source();
    s.write(".gemini/settings.json", "{\n  \"z\": 1,\n  \"a\": {\"b\": [1, 2]}\n}\n");
    assert_eq!(s.greenlane(&["context", "write"]).code, 0);
    s.write("AGENTS.md", &format!("Mine before.\n{}Mine after.\n", read(&s, "AGENTS.md")));
    s.write(".greenlane/context.md", "New words.\n");
    let ran = s.greenlane(&["context", "write"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = read(&s, "AGENTS.md");
    assert!(text.starts_with("Mine before.\n<!-- ") && text.ends_with("-->\nMine after.\n") && text.contains("\nNew words.\n"), "{text}");
    assert!(!text.contains("make test"));
    let settings = read(&s, ".gemini/settings.json");
    assert!(settings.contains("\"AGENTS.md\"") && settings.ends_with("  \"z\": 1,\n  \"a\": {\"b\": [1, 2]}\n}\n"), "{settings}");
}

#[test]
fn a_persons_file_is_refused_and_then_nothing_is_written() {
    let s = with_source();
    s.write("CLAUDE.md", "Mine.\n");
    let ran = s.greenlane(&["context", "write"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("error: CLAUDE.md: somebody else wrote this file") && ran.stderr.contains("--append"), "{ran:?}");
    assert_eq!((read(&s, "CLAUDE.md").as_str(), s.repo().join("AGENTS.md").exists()), ("Mine.\n", false));
    assert_eq!(s.greenlane(&["context", "write", "--append"]).code, 0);
    assert!(read(&s, "CLAUDE.md").starts_with("Mine.\n\n<!-- greenlane:context "));
    assert_eq!(s.greenlane(&["context", "write"]).code, 0, "now it has the block");
    // An edit within the block is a person's too.
    s.write("AGENTS.md", &read(&s, "AGENTS.md").replace("make test", "make check"));
    let ran = s.greenlane(&["context", "write"]);
    assert!(ran.code == 2 && ran.stderr.contains("error: AGENTS.md:1: Greenlane's block was edited"), "{ran:?}");
    assert!(read(&s, "AGENTS.md").contains("make check"));
}

#[test]
fn files_are_chosen_and_links_are_not_followed() {
    let s = with_source();
    s.write("greenlane.toml", "[context]\nsource = \"docs/agents.md\"\nfiles = [\"claude\", \"gemini\", \"cline\"]\n");
    let ran = s.greenlane(&["context", "write"]);
    assert!(ran.code == 2 && ran.stderr.contains("docs/agents.md: this is the source"), "{ran:?}");
    s.write("docs/agents.md", "Words.\n");
    s.write(".clinerules/mine.md", "Mine.\n");
    assert_eq!(s.greenlane(&["context", "write"]).code, 0);
    for path in ["CLAUDE.md", "GEMINI.md", ".clinerules/greenlane.md"] {
        assert!(read(&s, path).contains("\nWords.\n"), "{path}: there is no AGENTS.md to refer to");
    }
    assert!(!s.repo().join("AGENTS.md").exists() && !s.repo().join(".cursorrules").exists());
    let outside = s.path("outside.md");
    std::fs::write(&outside, "Not yours.\n").unwrap();
    std::fs::remove_file(s.repo().join("GEMINI.md")).unwrap();
    std::os::unix::fs::symlink(&outside, s.repo().join("GEMINI.md")).unwrap();
    let ran = s.greenlane(&["context", "write", "--append"]);
    assert!(ran.code == 2 && ran.stderr.contains("GEMINI.md: it is a link"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "Not yours.\n");
    std::fs::remove_file(s.repo().join("GEMINI.md")).unwrap();
    std::os::unix::fs::symlink("nowhere.md", s.repo().join("GEMINI.md")).unwrap();
    assert_eq!(s.greenlane(&["context", "write"]).code, 2, "nor one into nothing");
    // Among the files themselves a link is as good.
    std::fs::remove_file(s.repo().join("GEMINI.md")).unwrap();
    std::os::unix::fs::symlink("CLAUDE.md", s.repo().join("GEMINI.md")).unwrap();
    assert_eq!(s.greenlane(&["context", "write"]).code, 0);
}

#[test]
fn a_persons_agents_file_can_be_the_source() {
    let s = Sandbox::new(&[]);
    s.write("AGENTS.md", "Mine, and the source.\n");
    std::os::unix::fs::symlink("AGENTS.md", s.repo().join("CLAUDE.md")).unwrap();
    s.write("greenlane.toml", "[context]\nsource = \"AGENTS.md\"\nfiles = [\"agents\", \"claude\", \"cursor\", \"gemini\"]\n");
    let ran = s.greenlane(&["context", "write"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ".cursorrules was made\n.gemini/settings.json was made\n"), "{ran:?}");
    assert_eq!(read(&s, "AGENTS.md"), "Mine, and the source.\n");
    assert!(read(&s, ".cursorrules").contains("\nMine, and the source.\n") && read(&s, ".gemini/settings.json").contains("AGENTS.md"));
}

#[test]
fn outside_of_a_checkout_nothing_is_written() {
    let s = with_source();
    let ran = s.greenlane(&["-C", s.path("home").to_str().unwrap(), "context", "write"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(std::fs::read_dir(s.path("home")).unwrap().count(), 0);
}
