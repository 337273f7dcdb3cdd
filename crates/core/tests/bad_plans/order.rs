//! What tasks wait for: unknown, themselves, each other, a later group.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("an unknown dependency", "p.toml",
     r#"[[task]]
id = "db-schema"
run = "x"

[[task]]
id = "api-tests"
run = "x"
depends = ["schema"]
"#,
     r#"error: task `api-tests` depends on `schema`, which the plan does not define
 --> p.toml:8:12
  |
8 | depends = ["schema"]
  |            ^^^^^^^^
  hint: did you mean `db-schema`?
"#),
    ("an unknown dependency like nothing", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["zzz"]
"#,
     r#"error: task `a` depends on `zzz`, which the plan does not define
 --> p.toml:4:12
  |
4 | depends = ["zzz"]
  |            ^^^^^
"#),
    ("a task that waits for itself", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["a"]
"#,
     r#"error: task `a` depends on itself
 --> p.toml:4:12
  |
4 | depends = ["a"]
  |            ^^^
"#),
    ("a cycle", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
depends = ["c"]
[[task]]
id = "b"
run = "x"
depends = ["a"]
[[task]]
id = "c"
run = "x"
depends = ["b"]
"#,
     r#"error: the tasks wait for each other: a → c → b → a
 --> p.toml:4:12
  |
4 | depends = ["c"]
  |            ^^^
"#),
    ("a dependency on a later group", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
group = "core"
depends = ["b"]
[[task]]
id = "b"
run = "x"
group = "ui"
"#,
     r#"error: task `a` depends on `b`, which is in a later stage (`ui`): that is a cycle, as `ui` waits for `core`
 --> p.toml:5:12
  |
5 | depends = ["b"]
  |            ^^^
  hint: move `b` to an earlier group, or `a` to a later one
"#),
    ("a cycle by way of a barrier", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
group = "core"
depends = ["free"]
[[task]]
id = "b"
run = "x"
group = "ui"
[[task]]
id = "free"
run = "x"
depends = ["b"]
"#,
     r#"error: the tasks wait for each other: a → free → b → a (`b` waits for `a` by its group's turn)
 --> p.toml:5:12
  |
5 | depends = ["free"]
  |            ^^^^^^
"#),
];
