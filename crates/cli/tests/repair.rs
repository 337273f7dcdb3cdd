//! Work that was judged and refused goes back to its agent, with what the judge said, and the verdict decides.

mod common;

use common::Sandbox;

/// A sandbox with an agent `mender`: a script that writes events as claude does, keeps a session, and puts its work right only where
/// its prompt holds the words that only the judge has said.
fn with_mender(files: &[(&str, &str)], body: &str) -> Sandbox {
    let s = Sandbox::new(files);
    let script = format!(
        r#"#!/bin/sh
echo "$GREENLANE_ATTEMPT $*" >> "$OUT/calls"
prompt=$(cat "$1")
echo '{{"type":"system","subtype":"init","session_id":"s-1","model":"m"}}'
{body}
echo '{{"type":"assistant","message":{{"content":[{{"type":"text","text":"did it"}}]}}}}'
echo '{{"type":"result","subtype":"success","is_error":false,"result":"did it","session_id":"s-1","usage":{{"input_tokens":1,"output_tokens":1}}}}'
"#
    );
    let path = s.script("mender", &script).join("mender");
    s.write(
        "greenlane.toml",
        &format!(
            "[agents.mender]\ncommand = \"{}\"\nargs = [\"{{prompt_file}}\"]\nresume_args = [\"--resume\", \"{{session}}\"]\noutput = \"claude\"\nenv_allow = [\"OUT\"]\n",
            path.display()
        ),
    );
    s
}

const MENDS: &str = r#"case $prompt in *"expected 42"*) echo 42 > answer ;; *) echo 41 > answer ;; esac"#;

#[test]
fn a_failed_check_goes_back_to_the_same_session_with_its_output() {
    let s = with_mender(&[], MENDS);
    let plan = "[[task]]\nid = \"a\"\nagent = \"mender\"\nprompt = \"Write it.\"\ncheck = [\"grep -qx 42 answer || { echo expected $((40+2)); false; }\"]\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:answer", s.branch())]).trim(), "42");
    let calls = s.out_lines("calls");
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(!calls[0].contains("--resume") && calls[1].ends_with("--resume s-1"), "{calls:?}");
    assert!(s.events("retry_scheduled").is_empty(), "a repair is no retry");
    assert_eq!(s.events("repair_scheduled").len(), 1);
    assert!(ran.stderr.contains("repair 1"), "{ran:?}");
}

#[test]
fn without_repairs_it_ends_there_and_with_them_the_verdict_still_decides() {
    let never = "[[task]]\nid = \"a\"\nagent = \"mender\"\nprompt = \"Write it.\"\ncheck = [\"false\"]\n";
    for (flags, attempts) in [(&["--repairs", "0"][..], 1), (&["--repairs", "2"], 3)] {
        let s = with_mender(&[], MENDS);
        let ran = s.run(never, flags);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(s.out_lines("calls").len(), attempts);
        assert_eq!(s.states()["a"], "failed");
    }
}

#[test]
fn what_breaks_only_together_with_others_is_put_right_on_the_combined_tree() {
    // The suite wants the parts to add up; each alone does.
    let suite = "test ! -e left || test ! -e right || grep -q agreed right || { echo expected 42; false; }";
    let body = r#"case $prompt in *"expected 42"*) test -e left && echo agreed > right ;; *) echo mine > right ;; esac"#;
    let s = with_mender(&[], body);
    let plan = format!(
        "verify = ['{suite}']\n[[task]]\nid = \"left\"\nrun = \"echo > left\"\n[[task]]\nid = \"right\"\nagent = \"mender\"\nprompt = \"Write it.\"\ncheck = ['for i in 1 2 3 4 5 6 7 8 9; do git rev-parse -q --verify $(git for-each-ref --format=\"%(refname)\" \"refs/heads/greenlane/*/plan/*\"):left && exit 0; sleep 0.2; done']\n"
    );
    let ran = s.run(&plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:right", s.branch())]).trim(), "agreed");
    assert_eq!(s.task("right")["attempts"].as_array().unwrap().len(), 2);
}
