//! Whether an agent may do what it asks for: by its entry's policy, and by the paths that it names. Asks nobody.

use std::path::Path;

use serde_json::{Value, json};

use super::order::Permissions;
use super::place::Place;

/// Names under which agents tell paths in the input of a tool.
const PATH_KEYS: [&str; 14] = [
    "file_path",
    "filePath",
    "filepath",
    "fileName",
    "absolute_path",
    "path",
    "notebook_path",
    "dir_path",
    "target_file",
    "parentDir",
    "cwd",
    "workdir",
    "directory",
    "dir",
];
/// Writing there harms nobody, and shells do it all the time.
const HARMLESS: [&str; 4] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
/// Most paths of one request that are looked at; one with more is rejected.
const PATHS_MAX: usize = 1_000;

/// The answer, before it is put into one of the options on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It may.
    Allow,
    /// It may not, and why.
    Reject(String),
}

/// Decides about this call of a tool. Of a command only its folder and the files that the agent itself names are known: what it does
/// is not seen.
pub(super) fn decide(policy: Permissions, place: &Place, call: &Value) -> Decision {
    match policy {
        Permissions::All => Decision::Allow,
        Permissions::None => Decision::Reject(String::from("its entry allows nothing")),
        Permissions::Worktree => {
            let paths = paths_of(call);
            if paths.len() > PATHS_MAX {
                return Decision::Reject(format!("it names more than {PATHS_MAX} paths"));
            }
            let outside = paths.into_iter().filter(|p| !HARMLESS.contains(p)).find_map(|p| place.inside(Path::new(p)).err());
            outside.map_or(Decision::Allow, |why| Decision::Reject(why.to_string()))
        }
    }
}

fn paths_of(call: &Value) -> Vec<&str> {
    let list = |value: &'static str| call[value].as_array().into_iter().flatten();
    let located = list("locations").filter_map(|l| l["path"].as_str());
    let changed = list("content").filter(|c| c["type"] == "diff").filter_map(|c| c["path"].as_str());
    let named = PATH_KEYS.iter().filter_map(|key| call["rawInput"][*key].as_str());
    // A page's address is none.
    located.chain(changed).chain(named).filter(|p| !p.is_empty() && !p.contains("://")).take(PATHS_MAX + 1).collect()
}

/// The answer in one of the options on offer: once rather than for good, so that what comes later is asked for too.
pub(super) fn answer(options: &Value, decision: &Decision) -> Value {
    let kinds = match decision {
        Decision::Allow => ["allow_once", "allow_always"],
        Decision::Reject(_) => ["reject_once", "reject_always"],
    };
    let options = || options.as_array().into_iter().flatten();
    let chosen = kinds.iter().find_map(|kind| options().find(|o| o["kind"] == *kind && o["optionId"].is_string()));
    match chosen {
        Some(option) => json!({"outcome": {"outcome": "selected", "optionId": option["optionId"]}}),
        // It offers no way to say so.
        None => json!({"outcome": {"outcome": "cancelled"}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(policy: Permissions, call: &Value) -> bool {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "").unwrap();
        decide(policy, &Place::new(dir.path()).unwrap(), call) != Decision::Allow
    }

    #[test]
    fn what_stays_in_the_worktree_is_allowed_and_what_leaves_it_is_not() {
        for (call, expected) in [
            (json!({"kind": "edit", "locations": [{"path": "a.txt"}]}), false),
            (json!({"kind": "edit", "locations": [{"path": "a.txt"}, {"path": "/etc/hosts"}]}), true),
            (json!({"kind": "edit", "content": [{"type": "diff", "path": "../b", "newText": "x"}]}), true),
            (json!({"kind": "edit", "rawInput": {"file_path": "/etc/hosts"}}), true),
            (json!({"kind": "other", "rawInput": {"filepath": "/etc", "parentDir": "/"}}), true),
            (json!({"kind": "edit", "locations": [{"path": ".git/config"}]}), true),
            (json!({"kind": "execute", "rawInput": {"command": "ls /etc"}}), false),
            (json!({"kind": "execute", "rawInput": {"command": "ls", "cwd": "/etc"}}), true),
            (json!({"kind": "execute", "locations": [{"path": "/dev/null"}, {"path": "new.txt"}]}), false),
            (json!({"kind": "fetch", "rawInput": {"path": "https://example.com/x"}}), false),
            (json!({"kind": "read", "locations": vec![json!({"path": "a.txt"}); PATHS_MAX + 1]}), true),
            (json!({}), false),
            (json!({"locations": 3, "rawInput": [], "content": "x"}), false),
        ] {
            assert_eq!(rejected(Permissions::Worktree, &call), expected, "{call}");
            assert!(!rejected(Permissions::All, &call) && rejected(Permissions::None, &call));
        }
    }

    #[test]
    fn the_answer_is_for_this_once_where_that_is_on_offer() {
        let option = |id: &str, kind: &str| json!({"optionId": id, "name": id, "kind": kind});
        let all = json!([option("1", "allow_always"), option("2", "allow_once"), option("3", "reject_always"), option("4", "reject_once")]);
        let chosen = |options: &Value, decision: &Decision| answer(options, decision)["outcome"]["optionId"].as_str().map(str::to_owned);
        let no = Decision::Reject(String::new());
        assert_eq!((chosen(&all, &Decision::Allow).as_deref(), chosen(&all, &no).as_deref()), (Some("2"), Some("4")));
        let few = json!([option("1", "allow_always")]);
        assert_eq!((chosen(&few, &Decision::Allow).as_deref(), chosen(&few, &no)), (Some("1"), None));
        assert_eq!(answer(&Value::Null, &no), json!({"outcome": {"outcome": "cancelled"}}));
    }
}
