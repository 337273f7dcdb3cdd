//! Plans in Markdown.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("prose without tasks", "p.md",
     "# Title\n\nNothing here.\n",
     r#"error: the plan has no tasks
 --> p.md
  hint: a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`
"#),
    ("tasks that are all in code", "p.md",
     "```\n- [ ] a\n```\n<!-- - [ ] b -->\n",
     r#"error: the plan has no tasks
 --> p.md
  hint: a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`
"#),
    ("front matter that is not closed", "p.md",
     "---\nname: x\n- [ ] a\n",
     r#"error: the front matter is not closed
 --> p.md:1:1
  |
1 | ---
  | ^^^
  hint: end it with a line `---`
"#),
    ("front matter that is not YAML", "p.md",
     "---\nname: x\nverify: [a\n---\n- [ ] a\n",
     r#"error: this front matter is not YAML: unclosed bracket '['
 --> p.md:3:1
  |
3 | verify: [a
  | ^
"#),
    ("front matter of another kind", "p.md",
     "---\n- a\n---\n- [ ] a\n",
     r#"error: the front matter must be a table of keys
 --> p.md:2:1
  |
2 | - a
  | ^^^
"#),
    ("a slip in front matter", "p.md",
     "---\nname: x\nverfy: cargo test\n---\n- [ ] a\n",
     r#"error: unknown key `verfy` in the front matter
 --> p.md:3:1
  |
3 | verfy: cargo test
  | ^^^^^
  hint: did you mean `verify`?
"#),
    ("wrong values in front matter", "p.md",
     "---\nname: x\njobs: 0\nverify_timeout: soon\n---\n- [ ] a\n",
     r#"error: `jobs` must be from 1 to 1000, not 0
 --> p.md:3:7
  |
3 | jobs: 0
  |       ^
error: `verify_timeout`: `soon` is not a duration: write it as 600ms, 90s, 30m or 1h30m
 --> p.md:4:17
  |
4 | verify_timeout: soon
  |                 ^^^^
"#),
    ("a marker without a name", "p.md",
     "- [ ] 1.1 [P:Group-] x\n",
     r#"error: a group's marker has no name
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-] x
  |           ^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("a marker that is not closed", "p.md",
     "- [ ] 1.1 [P:Group-A x\n",
     r#"error: a group's marker is not closed
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-A x
  |           ^^^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("two markers", "p.md",
     "- [ ] 1.1 [P:Group-A] [P:Group-B] x\n",
     r#"error: a task can be in one group only
 --> p.md:1:23
  |
1 | - [ ] 1.1 [P:Group-A] [P:Group-B] x
  |                       ^^^^^^^^^^^
  hint: write it as `[P:Group-NAME]`
"#),
    ("a marker and another group", "p.md",
     "- [ ] 1.1 [P:Group-A] x\n  - group: B\n",
     r#"error: a task can be in one group only
 --> p.md:1:11
  |
1 | - [ ] 1.1 [P:Group-A] x
  |           ^^^^^^^^^^^
"#),
    ("a marker and nothing else", "p.md",
     "- [ ] [P:Group-A]\n",
     r#"error: the task has no text
 --> p.md:1:7
  |
1 | - [ ] [P:Group-A]
  |       ^^^^^^^^^^^
"#),
    ("a block as in YAML", "p.md",
     "- [ ] 1.1 x\n  - run: |\n      make\n      make install\n",
     r#"error: `|` begins no block in a Markdown plan
 --> p.md:2:10
  |
2 |   - run: |
  |          ^
  hint: a value is one line here: join commands with `&&`, or put them into a script and run that
"#),
    ("a slip in a short key", "p.md",
     "- [ ] 1.1 x\n  - rnu: make\n",
     r#"error: unknown key `rnu`
 --> p.md:2:5
  |
2 |   - rnu: make
  |     ^^^
  hint: did you mean `run`? If it is text for the agent, begin it with a capital
"#),
    ("a number under a key that is none", "p.md",
     "- [ ] 1.1 x\n  - retry: 2\n",
     r#"error: unknown key `retry`
 --> p.md:2:5
  |
2 |   - retry: 2
  |     ^^^^^
  hint: did you mean `retries`? If it is text for the agent, begin it with a capital
"#),
    ("a slip in Markdown", "p.md",
     "- [ ] 1.1 x\n  - depend: 1.0\n",
     r#"error: unknown key `depend`
 --> p.md:2:5
  |
2 |   - depend: 1.0
  |     ^^^^^^
  hint: did you mean `depends`? If it is text for the agent, begin it with a capital
"#),
    ("a key twice in Markdown", "p.md",
     "- [ ] 1.1 x\n  - timeout: 1h\n  - timeout: 2h\n",
     r#"error: the key `timeout` stands twice in one task
 --> p.md:3:5
  |
3 |   - timeout: 2h
  |     ^^^^^^^
"#),
    ("a key without a value", "p.md",
     "- [ ] 1.1 x\n  - owns:\n",
     r#"error: `owns` is empty
 --> p.md:2:5
  |
2 |   - owns:
  |     ^^^^
"#),
    ("a priority in words in Markdown", "p.md",
     "- [ ] 1.1 x\n  - priority: high\n",
     r#"error: `priority` must be a number, not text
 --> p.md:2:15
  |
2 |   - priority: high
  |               ^^^^
"#),
    ("a variable without a value", "p.md",
     "- [ ] 1.1 x\n  - env: FOO\n",
     r#"error: `FOO` sets no variable
 --> p.md:2:10
  |
2 |   - env: FOO
  |          ^^^
  hint: write it as `NAME=value`
"#),
    ("backticks around a glob", "p.md",
     "- [ ] 1.1 x\n  - owns: `src/**`\n  - depends: 1.2\n",
     r#"warning: the backticks are part of the value of `owns`
 --> p.md:2:11
  |
2 |   - owns: `src/**`
  |           ^^^^^^^^
  hint: write src/** without them
error: task `1.1` depends on `1.2`, which the plan does not define
 --> p.md:3:14
  |
3 |   - depends: 1.2
  |              ^^^
"#),
    ("two numbers alike in Markdown", "p.md",
     "- [ ] 1.1 x\n- [ ] 1.1 y\n",
     r#"error: two tasks have the id `1.1`
 --> p.md:2:7
  |
2 | - [ ] 1.1 y
  |       ^^^^^
  hint: it is defined on line 1 already
"#),
    ("a sequential task that waits for a later one", "p.md",
     "- [ ] 1 x\n  - depends: 2\n- [ ] 2 [P:Group-A] y\n",
     r#"error: task `1` depends on `2`, which is in a later stage (`A`): that is a cycle, as `A` waits for `1`
 --> p.md:2:14
  |
2 |   - depends: 2
  |              ^
  hint: move `2` to an earlier group, or `1` to a later one
"#),
    ("a group that goes on too late", "p.md",
     "- [ ] 1 [P:Group-A] x\n- [ ] 2 y\n- [ ] 3 [P:group-a] z\n  - depends: 2\n",
     r#"warning: task `3` joins group `A`, whose turn is before the tasks just above it
 --> p.md:3:9
  |
3 | - [ ] 3 [P:group-a] z
  |         ^^^^^^^^^^^
  hint: move it up to the others of `A`, or give it a group of its own
error: task `3` depends on `2`, which is in a later stage (`2`): that is a cycle, as `2` waits for `A`
 --> p.md:4:14
  |
4 |   - depends: 2
  |              ^
  hint: move `2` to an earlier group, or `3` to a later one
"#),
];
