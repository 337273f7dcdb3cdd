//! Plans as people write them, one for each format, and the words that they are made of.

/// A file's name and its text.
pub const SEEDS: &[(&str, &str)] = &[
    (
        "plan.toml",
        r#"name = "Rate limiting"
id = "limits"
base = "main"
branch = "feature/limits"
verify = ["cargo test"]
verify_timeout = "5m"
jobs = 5
generated = { "Cargo.lock" = "cargo metadata" }

[defaults]
timeout = "1h"
env = { A = "1", B = 2 }
candidates = ["claude", "codex"]

[[task]]
id = "bucket"
title = "Add the token bucket"
prompt = """
Several
lines"""
group = "core"
owns = ["src/limit/**", "Cargo.toml"]
agent = "codex"
priority = 0
retries = 1
check = "cargo test limit"

[[task]]
id = "api"
depends = ["bucket"]
group = "ui"
prompt_file = "ok.md"
estimate = 90
stall_timeout = 1.5
owns = ["src/{api,web}/*.rs", "src/[a-c]?/"]

[[task]]
id = "docs"
run = 'make docs'
depends = ["bucket", "api"]
"#,
    ),
    (
        "plan.json",
        r#"{"name": "Limits", "verify": [], "generated": {"a.lock": "make lock"}, "defaults": {"retries": 2},
 "tasks": [
  {"id": "a", "prompt": "Do it", "owns": ["src/**"], "env": {"X": "1"}, "timeout": "30m"},
  {"id": "b", "depends": ["a"], "run": "true", "estimate": "1h30m", "criteria": ["it works", "it is quick"]},
  {"id": "c", "title": "C", "depends": ["a", "b"], "group": "g", "priority": 4, "fallbacks": ["codex"]}
 ]}"#,
    ),
    (
        "list.json",
        r#"[{"id": 1, "description": "[P:Group-A] Add the parser", "dependencies": [], "status": "done"},
 {"id": "2", "description": "[P:Group-A] Add tests", "subagent_type": "tester", "owns": "tests/"},
 {"id": 3, "title": "Docs", "description": "Write them", "dependsOn": [1, "2"], "applicable_skills": ["x"], "passes": false}]"#,
    ),
    (
        "prd.json",
        r#"{"project": "Shop", "branchName": "ralph/shop", "description": "A shop",
 "userStories": [
  {"id": "US-001", "title": "Schema", "description": "As a user", "acceptanceCriteria": ["Typecheck passes", {"criterion": "It works", "verified": false}], "priority": 1, "passes": false, "notes": ""},
  {"id": "US-002", "title": "API", "acceptanceCriteria": [], "priority": "high", "passes": true, "dependsOn": ["US-001"]},
  {"id": "US-003", "title": "UI", "dependencies": ["US-001"], "fileScope": ["src/ui/**"], "estimatedHours": 2.5, "estimatedComplexity": "medium", "suggestedModel": "opus", "context": {"a": 1}}
 ],
 "parallelization": {"enabled": true, "maxWorkers": 3, "groups": [{"name": "one", "stories": ["US-001"]}, {"stories": ["US-002", "US-003"]}]}}"#,
    ),
    (
        "plan.md",
        "---\nname: Limits\nbase: main\nverify: [cargo test, cargo clippy]\njobs: 3\ndefaults:\n  timeout: 30m\n  env: {A: \"1\"}\ngenerated:\n  Cargo.lock: cargo metadata\n---\n# Limits\n\n\
Text before.\n\n## One\n\n- [ ] 1.1 [P:Group-A] Add the bucket\n  - owns: src/limit/**, Cargo.toml\n  - check: cargo test limit\n  More of it,\n  in two lines.\n\n  ```sh\n  - [ ] no task\n  ```\n\
- [x] 1.2 [P:Group-A] Add the window\n- [ ] 1.3 Wire it up\n  - depends: 1.1, 1.2\n  - prompt: |\n      several\n      lines\n  - timeout: 10m\n\n<!-- - [ ] hidden -->\n\
- [ ] [P:Group-B] Parent\n  - [ ] 2.1 Child\n  - [ ] 2.2 Child\n    - run: make\n* [P: data base ] Bare\n1. [ ] T001 Numbered `[P:Group-X]`\n",
    ),
    ("small.md", "- [ ] a\n- [ ] b\n  - depends: a\n"),
    ("small.toml", "[[task]]\nid = 'a'\nrun = 'true'\n"),
];

/// Words that mean something in one format or another.
pub const TOKENS: &[&str] = &[
    "[[task]]\n",
    "[defaults]\n",
    "id = ",
    "depends = [\"",
    "owns = [\"",
    "\"tasks\": [",
    "\"userStories\": [",
    "\"id\": ",
    "\"dependsOn\": [\"",
    "- [ ] ",
    "- [x] ",
    "  - ",
    "[P:Group-A]",
    "[P:",
    "`[p:",
    "---\n",
    "name: ",
    "- depends: ",
    "- owns: ",
    "- check:\n",
    "- prompt: |\n",
    "```\n",
    "<!--",
    "-->",
    "# ",
    "\"parallelization\": {\"enabled\": true, \"groups\": [",
    "\"stories\": [\"",
    "timeout = \"",
    "1h",
    "30m",
    "estimate",
    "priority",
    "env",
    "generated",
    "verify",
    "prompt_file",
    "run",
    "candidates",
    "agent",
    "group",
    "title",
    "retries",
    "**",
    "**/*",
    "{a,b}",
    "[!a-z]",
    "\\",
    "src/",
    "../",
    "~/",
    "C:",
    "US-001",
    "T001",
    "1.2",
    "a",
    "b",
    "c",
    "bucket",
    "api",
    "defaults",
    "task",
    "&x ",
    "*x",
    "<<: *x",
    "? ",
    "!!binary ",
    "|\n",
    ">-\n",
    "\"\"\"",
    "'''",
    "0x",
    "1979-05-27",
    "null",
    "true",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "passes",
    "status",
    "done",
    "acceptanceCriteria",
    "[P] [US1] ",
    "(P) ",
    "(depends on T003-T005, T001)",
    "## Phase 2: ",
    "### Stage 1.2: ",
    "**Dependencies**: ",
    "**Validation Criteria:**\n- ",
    "\"dependencies\": [{\"depends_on_id\": \"",
    "\"type\": \"parent-child\"",
    "\"issue_type\": \"epic\"",
    "\"status\": \"deferred\"",
    "parallel:Group-",
    "\"subtasks\": [{\"id\": ",
    "\"package_id\": \"",
    "\"file_ownership_matrix\": {\"",
    "\"execution_order\": {\"phase_1_parallel\": [\"",
    "work_packages:\n  - id: ",
    "work_package_id: ",
    "lane: done\n",
    "owned_files: [",
];
