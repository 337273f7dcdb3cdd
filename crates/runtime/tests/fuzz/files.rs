//! Files that people, agents and crashes leave damaged: plans as bytes, a keeper's folder, workers, accounts, git's index.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use greenlane_core::time::Time;
use greenlane_runtime::accounts::Accounts;
use greenlane_runtime::git::index_file;
use greenlane_runtime::health::workers::workers;
use greenlane_runtime::keeper::{Probe, probe, read_heartbeat, wait};
use greenlane_runtime::plan_files::load_plans;
use greenlane_testkit::fuzz::Target;
use greenlane_testkit::repo::TempRepo;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn plans_of_any_bytes() {
    let dir = folder();
    fs::create_dir(dir.path().join("PRD-001")).expect("made");
    let names = ["plan.toml", "plan.json", "plan.md", "plan", "PRD-001"];
    let seeds = [
        "[[task]]\nid = \"a\"\nrun = \"true\"\nprompt_file = \"plan.md\"\n",
        "{\"userStories\": [{\"id\": \"US-1\", \"title\": \"t\"}]}",
        "- [ ] 1.1 [P:Group-A] ä\n  - owns: src/**\n",
    ];
    let target = Target {
        name: "plan files",
        cases: 200,
        seeds: seeds.map(|s| s.as_bytes().to_vec()).to_vec(),
        bytes_max: 256 * 1024,
        ..Target::default()
    };
    target.run(|bytes| {
        let mut ways = Vec::new();
        for name in names {
            let path = if name == "PRD-001" { dir.path().join(name).join("prd.json") } else { dir.path().join(name) };
            fs::write(path, bytes).expect("written");
            let loaded = load_plans(Some(dir.path()), dir.path(), &[PathBuf::from(name)], None);
            assert_eq!(loaded.plans.is_empty(), loaded.has_errors(), "a plan, or an error");
            assert!(loaded.diagnostics.len() <= 210);
            if std::str::from_utf8(bytes).is_err() {
                assert!(loaded.diagnostics.iter().any(|d| d.message.contains("not UTF-8")));
            }
            ways.push((loaded.plans.len(), loaded.diagnostics.len().min(3)));
        }
        ways
    });
}

#[test]
fn a_keepers_folder() {
    let dir = folder();
    let identity = r#"{"pid":4000000,"started_ticks":5,"boot_id":"b"}"#;
    let seeds = [
        format!("{{\"keeper\":{identity}}}"),
        format!("{{\"void\":{identity}}}"),
        String::from(r#"{"exit":{"kind":"code","code":0},"started_at":1,"ended_at":2,"report":{"model_calls":1,"tool_calls":2}}"#),
        String::from(
            r#"{"at":1,"started_at":1,"pid":5,"phase":"running","last_output_at":null,"last_evidence_at":1,"last_evidence":null,"stopped":[],"cpu_ms":1,"memory_bytes":1,"memory_peak_bytes":1,"processes":1,"output_bytes":1,"socket_bytes":null,"tool_calls":0,"model_calls":0,"activity":null,"usage":null}"#,
        ),
    ];
    let seeds = seeds.into_iter().map(String::into_bytes).collect();
    Target { name: "keeper's folder", cases: 500, seeds, bytes_max: 256 * 1024, ..Target::default() }.run(|bytes| {
        for file in ["claim", "exit.json", "heartbeat.json"] {
            fs::write(dir.path().join(file), bytes).expect("written");
        }
        let found = probe(dir.path()).expect("nobody holds it");
        assert!(!matches!(found, Probe::NeverBegan | Probe::Running(_)), "{found:?}");
        assert_eq!(wait(dir.path()).expect("nobody to wait for"), found);
        (std::mem::discriminant(&found), read_heartbeat(dir.path()).is_some())
    });
}

#[test]
fn workers_and_accounts() {
    let dir = folder();
    let env = BTreeMap::from([("XDG_STATE_HOME".into(), dir.path().into())]);
    let accounts = Accounts::of_user(&env).expect("a place");
    accounts.limit("a", Time(5), 2, "too many", Time(1)).expect("written");
    let file = find(dir.path(), "a.json");
    fs::create_dir(dir.path().join("workers")).expect("made");
    let seeds = [
        r#"{"name":"w","at":1767323045000,"uptime_ms":5,"boot_id":"b","status":"healthy","message":"m","memory_mb":1.5,"process":{"pid":1,"started_ticks":1,"boot_id":"b"}}"#,
        r#"{"paused_until":5,"reason":"too many","limit":2,"changed_at":1}"#,
    ];
    let target = Target {
        name: "workers and accounts",
        cases: 500,
        seeds: seeds.map(|s| s.as_bytes().to_vec()).to_vec(),
        bytes_max: 128 * 1024,
        ..Target::default()
    };
    target.run(|bytes| {
        fs::write(dir.path().join("workers/w.json"), bytes).expect("written");
        let known = workers(dir.path(), Time(1_767_323_046_000)).expect("passed over");
        fs::write(&file, bytes).expect("written");
        let reading = accounts.read("a", 10).expect("made anew");
        assert!(reading.free.is_some_and(|n| n <= 10));
        accounts.raise("a", 2, 3, Time(3)).expect("made anew");
        accounts.limit("a", Time(u64::MAX), 1, "again", Time(4)).expect("made anew");
        assert_eq!(accounts.read("a", 10).expect("it is whole again").limit, Some(1));
        (known.len(), reading.limit.is_some(), reading.paused_until.is_some())
    });
}

fn find(dir: &Path, name: &str) -> PathBuf {
    let entries = fs::read_dir(dir).expect("a folder").filter_map(|e| Some(e.ok()?.path()));
    let mut found = entries
        .filter_map(|p| if p.is_dir() { Some(find(&p, name)).filter(|f| f.exists()) } else { Some(p).filter(|p| p.ends_with(name)) });
    found.next().unwrap_or_default()
}

#[test]
fn gits_index() {
    let repo = TempRepo::started();
    for n in 0..20 {
        repo.write(&format!("folder/of/files/{n}.txt"), "x");
    }
    repo.git(&["add", "."]);
    let mut seeds = Vec::new();
    for version in ["2", "3", "4"] {
        repo.git(&["update-index", "--index-version", version]);
        repo.git(&["update-index", "--skip-worktree", "folder/of/files/3.txt"]);
        let index = fs::read(repo.path().join(".git/index")).expect("an index");
        assert!(index_file::read(&index, 20).is_some_and(|s| s.paths.len() >= 20));
        seeds.push(index);
    }
    Target { name: "git's index", cases: 2_000, seeds, ..Target::default() }.run(|bytes| {
        let read = index_file::read(bytes, 20);
        let paths = read.as_ref().map_or(0, |s| s.paths.iter().map(Vec::len).sum::<usize>());
        assert!(paths <= 256 << 20, "{paths} bytes of paths out of {}", bytes.len());
        read.map(|s| (s.paths.len().min(30), s.unmerged.len().min(5), s.skips))
    });
}
