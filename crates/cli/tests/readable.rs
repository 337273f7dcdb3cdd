//! What model agents write is events; what people see of it is what was said and done.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;

use common::Sandbox;

/// Writes events as claude does, with what a terminal would obey, and fails in the end.
const TALKER: &str = r#"#!/bin/sh
cat <<'END'
{"type":"system","subtype":"init","session_id":"s-1","model":"big-model","cwd":"/w"}
{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"I look \u001b[2Jaround.\nThen I write."}]}}
{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"make all"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"cc a.c\ncc b.c\ncc c.c\ncc d.c\ncc e.c\ncc f.c","is_error":true}]}}
no event at all
{"type":"result","subtype":"success","is_error":true,"result":"API Error: 400 no such frob","session_id":"s-1"}
END
exit 1
"#;

#[test]
fn logs_report_and_failures_show_what_an_agent_said_and_did() {
    let s = Sandbox::new(&[]);
    let path = s.script("talker", TALKER).join("talker");
    let agent = format!("[agents.talker]\ncommand = {path:?}\nargs = [\"{{prompt}}\"]\noutput = \"claude\"\n");
    s.write("greenlane.toml", &agent);
    let ran = s.run("[[task]]\nid = \"a\"\nagent = \"talker\"\nprompt = \"Do it.\"\nretries = 0\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");

    let expected = "\
· session s-1
· model big-model
I look around.
Then I write.
▸ runs `make all`
  ✗ cc a.c
  ✗ cc b.c
  ✗ cc c.c
  ✗ cc d.c
  ✗ and 2 more lines
no event at all
✗ API Error: 400 no such frob
";
    for flags in [&["logs", "a"][..], &["logs", "a", "-f"]] {
        let ran = s.greenlane(flags);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, expected), "{flags:?}");
    }
    let log = fs::read_dir(s.repo().join(".greenlane/runs")).unwrap().next().unwrap().unwrap().path().join("p+a/1/stdout.log");
    assert_eq!(s.greenlane(&["logs", "a", "--raw"]).stdout, fs::read_to_string(log).unwrap());

    for args in [&["status", "a"][..], &["report"], &["failures", "show", "a"]] {
        let text = s.greenlane(args).stdout;
        assert!(text.contains("| ▸ runs `make all`\n") && text.contains("| ✗ API Error: 400 no such frob\n"), "{args:?}: {text}");
        assert!(!text.contains("{\"type\"") && !text.contains('\u{1b}'), "{args:?}: {text}");
    }
    // And so does its next attempt.
    assert_eq!(s.greenlane(&["retry", "a"]).code, 1);
    let prompt = s.greenlane(&["logs", "a", "--prompt"]).stdout;
    assert!(prompt.contains("▸ runs `make all`\n") && !prompt.contains("{\"type\""), "{prompt}");
    assert!(s.greenlane(&["failures", "show", "a"]).stdout.contains("\nWhat it said and did last\n  | I look around.\n"));
}

#[test]
fn plain_output_is_left_as_it_is_for_programs() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"printf 'one\\\\033[31m\\\\n{\\\"type\\\":1}' | tee a.txt\"\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = s.git(&["show", &format!("{}:a.txt", s.branch())]);
    assert!(expected.contains('\u{1b}'), "{expected:?}");
    assert_eq!(s.greenlane(&["logs", "a"]).stdout, expected);
    assert_eq!(s.greenlane(&["logs", "a", "--raw"]).stdout, expected);
}
