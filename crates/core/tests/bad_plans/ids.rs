//! Names of tasks: missing, twice, unusable.

use crate::Case;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    ("no id", "p.toml",
     r#"[[task]]
run = "x"
"#,
     r#"error: task 1 has no id
 --> p.toml:1:1
  |
1 | [[task]]
  | ^^^^^^^^
  hint: give it an `id`
"#),
    ("a blank id", "p.toml",
     r#"[[task]]
id = " "
run = "x"
"#,
     r#"error: `id` is empty
 --> p.toml:2:6
  |
2 | id = " "
  |      ^^^
"#),
    ("an id that is a number", "p.toml",
     r#"[[task]]
id = 1
run = "x"
"#,
     r#"error: `id` must be text, not a number
 --> p.toml:2:6
  |
2 | id = 1
  |      ^
"#),
    ("an id with a control character", "p.toml",
     r#"[[task]]
id = "a\u0007b"
run = "x"
"#,
     r#"error: the task's name `a\u{7}b` holds a control character
 --> p.toml:2:6
  |
2 | id = "a\u0007b"
  |      ^^^^^^^^^^
"#),
    ("a long id", "p.toml",
     r#"[[task]]
id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
run = "x"
"#,
     r#"error: the task's name is longer than 200 characters
 --> p.toml:2:6
  |
2 | id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#),
    ("an id with a space at its end", "p.toml",
     r#"[[task]]
id = "a "
run = "x"
"#,
     r#"error: the task's name `a ` begins or ends with a space
 --> p.toml:2:6
  |
2 | id = "a "
  |      ^^^^
"#),
    ("two tasks with one id", "p.toml",
     r#"[[task]]
id = "a"
run = "x"
[[task]]
id = "a"
run = "x"
"#,
     r#"error: two tasks have the id `a`
 --> p.toml:5:6
  |
5 | id = "a"
  |      ^^^
  hint: it is defined on line 2 already
"#),
];
