//! Repositories as they are: found, read, written, merged, landed. Real git; both versions where they differ.

use std::path::Path;

use greenlane_core::ids::{Oid, RunId};
use greenlane_runtime::git::{
    Applied, Caller, DryRun, Expect, FileStat, LandError, LandMode, Landed, Merged, Moved, RefChange, Repo, RepoError, changes,
};
use greenlane_testkit::program::write_program;
use greenlane_testkit::repo::{SYSTEM_GIT, TempRepo};

fn open(repo: &TempRepo) -> Repo {
    open_at(repo, repo.path())
}

fn open_at(repo: &TempRepo, dir: &Path) -> Repo {
    Repo::discover_with(dir, Caller { program: repo.program().to_owned(), env: repo.env() }).expect("a repository")
}

/// A test for each git that this machine has.
fn with_each_git(test: impl Fn(&TempRepo)) {
    let mut programs = vec!["git"];
    if Path::new(SYSTEM_GIT).exists() {
        programs.push(SYSTEM_GIT);
    }
    for program in programs {
        let repo = TempRepo::with_git(program);
        repo.start();
        test(&repo);
    }
}

fn branch_with(repo: &TempRepo, branch: &str, from: &str, files: &[(&str, &str)]) -> Oid {
    repo.git(&["checkout", "-q", "-b", branch, from]);
    for (path, text) in files {
        repo.write(path, text);
    }
    let commit = repo.commit(branch);
    repo.git(&["checkout", "-q", "main"]);
    Oid::from(commit)
}

#[test]
fn a_repository_is_found_from_everywhere_inside_it() {
    with_each_git(|temp| {
        temp.write("deep/down/file", "x");
        temp.commit("deep");
        let linked = temp.beside("linked");
        temp.git(&["worktree", "add", "-q", "--detach", linked.to_str().expect("text")]);
        for (dir, top) in [
            (temp.path().to_owned(), temp.path()),
            (temp.path().join("deep/down"), temp.path()),
            (temp.path().join(".git"), temp.path()),
            (linked.clone(), &linked),
            (linked.join("deep"), &linked),
        ] {
            let repo = open_at(temp, &dir);
            assert_eq!(repo.common_dir(), temp.path().join(".git"));
            assert_eq!(repo.top(), Some(top), "from {}", dir.display());
            assert_eq!(repo.main_top(), Some(temp.path()));
            assert_eq!(repo.state_dir(), temp.path().join(".greenlane"));
            assert_eq!(repo.require_head().expect("a head").as_str(), temp.head());
        }
    });
}

#[test]
fn in_a_linked_worktree_head_is_that_worktrees() {
    let temp = TempRepo::started();
    let linked = temp.beside("linked");
    temp.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().expect("text")]);
    temp.git_in(&linked, &["commit", "-q", "--allow-empty", "-m", "ahead"]);
    let repo = open_at(&temp, &linked);
    assert_eq!(repo.require_head().expect("a head").as_str(), temp.git_in(&linked, &["rev-parse", "HEAD"]));
    assert_eq!(repo.require_revision("HEAD~1").expect("its parent").as_str(), temp.head());
}

#[test]
fn bare_shallow_and_detached_are_repositories_too() {
    let temp = TempRepo::started();
    temp.write("more", "1");
    temp.commit("more");
    let url = format!("file://{}", temp.path().display());
    let (bare, shallow) = (temp.beside("bare"), temp.beside("shallow"));
    temp.git(&["clone", "-q", "--bare", &url, bare.to_str().expect("text")]);
    temp.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().expect("text")]);
    let repo = open_at(&temp, &bare);
    assert!(repo.is_bare());
    assert_eq!((repo.top(), repo.state_dir()), (None, bare.join("greenlane").as_path()));
    let repo = open_at(&temp, &shallow);
    let head = repo.require_head().expect("a head");
    assert!(repo.descends(&head, &head).expect("an answer"));
    assert!(!repo.descends(&head, &Oid::from("0123456789012345678901234567890123456789")).expect("an answer"));
    temp.git(&["checkout", "-q", "--detach"]);
    assert_eq!(open(&temp).require_head().expect("a head").as_str(), temp.head());
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let temp = TempRepo::new();
    let repo = open(&temp);
    let error = repo.require_head().expect_err("no commits");
    assert!(matches!(error, RepoError::NoCommits) && error.hint().is_some_and(|h| h.contains("first commit")), "{error}");

    let nowhere = temp.beside("nowhere");
    assert!(matches!(Repo::discover(&nowhere), Err(RepoError::NoDirectory(_))));
    std::fs::create_dir(&nowhere).expect("a directory");
    let found = Repo::discover_with(&nowhere, Caller { program: "git".into(), env: temp.env() });
    assert!(matches!(found, Err(RepoError::NotARepository(_))), "{found:?}");

    let program = temp.beside("no-such-git").into_os_string();
    assert!(matches!(Repo::discover_with(temp.path(), Caller { program, env: vec![] }), Err(RepoError::GitMissing)));

    let old = temp.beside("old-git");
    write_program(&old, "#!/bin/sh\necho git version 2.37.1\n");
    match Repo::discover_with(temp.path(), Caller { program: old.into_os_string(), env: vec![] }) {
        Err(RepoError::GitTooOld { found }) => assert_eq!(found, "2.37.1"),
        other => panic!("{other:?}"),
    }

    std::fs::write(temp.path().join(".git/HEAD"), "nonsense").expect("a broken repository");
    match Repo::discover_with(temp.path(), Caller { program: "git".into(), env: temp.env() }) {
        Err(error @ (RepoError::Refused { .. } | RepoError::NotARepository(_))) => assert!(error.hint().is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn excluded_once() {
    let temp = TempRepo::started();
    let repo = open(&temp);
    repo.exclude().expect("written");
    repo.exclude().expect("written");
    let text = std::fs::read_to_string(temp.path().join(".git/info/exclude")).expect("it");
    assert_eq!(text.matches("/.greenlane/*\n!/.greenlane/prompts/\n!/.greenlane/skills/\n!/.greenlane/context.md\n").count(), 1);
    temp.write(".greenlane/state.db", "x");
    assert_eq!(temp.git(&["status", "--porcelain"]), "");
    temp.write(".greenlane/prompts/claude.md", "x");
    temp.git(&["add", ".greenlane"]);
    assert_eq!(temp.git(&["status", "--porcelain"]), "A  .greenlane/prompts/claude.md", "templates can be tracked");
    // As an earlier version wrote it.
    std::fs::write(temp.path().join(".git/info/exclude"), "x\n/.greenlane/\ny").expect("written");
    repo.exclude().expect("written");
    let text = std::fs::read_to_string(temp.path().join(".git/info/exclude")).expect("it");
    assert_eq!(text, "x\ny\n/.greenlane/*\n!/.greenlane/prompts/\n!/.greenlane/skills/\n!/.greenlane/context.md\n");
}

#[test]
fn commits_are_the_users_or_the_fallbacks_and_never_signed() {
    with_each_git(|temp| {
        temp.git(&["config", "commit.gpgsign", "true"]);
        temp.git(&["config", "gpg.program", "/bin/false"]);
        let head = Oid::from(temp.head());
        let repo = open(temp);
        let tree = repo.tree_of(&head).expect("a tree");
        let commit = repo.write_commit(&tree, std::slice::from_ref(&head), "By the user\n\nGreenlane-Run: r").expect("a commit");
        assert_eq!(
            temp.git(&["show", "-s", "--format=%an|%ce|%s|%(trailers:key=Greenlane-Run,valueonly)", commit.as_str()]),
            "Test|test@example.org|By the user|r"
        );

        let nobody = temp.beside("nobody");
        std::fs::write(&nobody, "[user]\n\tuseConfigOnly = true\n").expect("a configuration");
        let env = vec![("GIT_CONFIG_GLOBAL".into(), nobody.into()), ("GIT_CONFIG_NOSYSTEM".into(), "1".into())];
        let repo = Repo::discover_with(temp.path(), Caller { program: temp.program().to_owned(), env }).expect("a repository");
        let commit = repo.write_commit(&tree, &[], "By nobody").expect("a commit");
        assert_eq!(temp.git(&["show", "-s", "--format=%an <%ae>", commit.as_str()]), "Greenlane <greenlane@localhost>");
        repo.create_branch("by-nobody", &commit).expect("a branch, reflog included");
    });
}

#[test]
fn refs_move_together_or_not_at_all() {
    with_each_git(|temp| {
        let repo = open(temp);
        let one = Oid::from(temp.head());
        let two = repo.write_commit(&repo.tree_of(&one).expect("tree"), std::slice::from_ref(&one), "two").expect("a commit");
        let apply = |changes: &[RefChange]| repo.move_refs(changes).expect("an answer");
        assert_eq!(apply(&[RefChange::created("refs/heads/a", &one), RefChange::created("refs/heads/b", &one)]), Applied::Done);
        assert_eq!(apply(&[RefChange::moved("refs/heads/a", &one, &two), RefChange::moved("refs/heads/b", &two, &one)]), Applied::Refused);
        assert_eq!(repo.resolve("a").expect("an answer"), Some(one.clone()));
        assert_eq!(apply(&[RefChange::moved("refs/heads/a", &one, &two)]), Applied::Done);
        assert_eq!(apply(&[RefChange::created("refs/heads/a", &two)]), Applied::Refused);
        assert_eq!(apply(&[RefChange { name: "refs/heads/b".into(), new: None, old: Expect::Any }]), Applied::Done);
        assert_eq!(repo.resolve("b").expect("an answer"), None);
        assert_eq!(repo.move_branch("a", &one, &two).expect("an answer"), Moved::Moved, "it is there already");
        temp.git(&["branch", "-f", "a", "main"]);
        assert_eq!(repo.move_branch("a", &two, &two).expect("an answer"), Moved::Raced { actual: Some(one.clone()) });
    });
}

#[test]
fn a_taken_name_gets_a_suffix() {
    let temp = TempRepo::started();
    let repo = open(&temp);
    let head = Oid::from(temp.head());
    let create = |name: &str| repo.create_branch(name, &head).expect("a branch");
    assert_eq!([create("feature"), create("feature"), create("feature")], ["feature", "feature-1", "feature-2"]);
    assert_eq!(create("feature/x"), "feature-1-1/x", "a branch stands where a directory is needed, `feature-1` too");
    assert_eq!(create("dir/x"), "dir/x");
    assert_eq!(create("dir"), "dir-1");
    temp.git(&["pack-refs", "--all"]);
    assert_eq!(create("dir/x"), "dir/x-1");
    assert!(repo.create_branch("not a..name", &head).is_err());
}

#[test]
fn merges_agree_with_git() {
    with_each_git(|temp| {
        for n in 0..6 {
            temp.write(&format!("d{n}/f"), "line 1\nline 2\nline 3\n");
            temp.write(&format!("d{n}/g"), &format!("something else entirely {n}\nto be renamed\nperhaps\n"));
        }
        let base = Oid::from(temp.commit("base"));
        let a = branch_with(temp, "a", "main", &[("d1/f", "line 1\nline 2\nline 3 by a\n"), ("d1/new-a", "a"), ("top-a", "a")]);
        let b = branch_with(temp, "b", "main", &[("d1/new-b", "b"), ("d2/f", "by b\n"), ("top/b", "b")]);
        let c = branch_with(temp, "c", "main", &[("d1/f", "line 1 by c\nline 2\nline 3\n")]);
        let x = branch_with(temp, "x", "main", &[("d1/f", "x\n")]);
        temp.git(&["checkout", "-q", "-b", "moved", "main"]);
        temp.git(&["mv", "d1", "elsewhere"]);
        let moved = Oid::from(temp.commit("moved"));
        temp.git(&["checkout", "-q", "main"]);
        let repo = open(temp);
        for (ours, theirs) in
            [(&a, &b), (&b, &a), (&a, &c), (&b, &c), (&moved, &b), (&b, &moved), (&moved, &a), (&base, &a), (&a, &x), (&x, &moved)]
        {
            let onto = repo.write_commit(&repo.tree_of(ours).expect("tree"), &[base.clone(), ours.clone()], "landed").expect("a commit");
            let quick = repo.merge_trees(&onto, theirs, Some(&base)).expect("an answer");
            let slow = repo.merge_trees(&onto, theirs, None).expect("an answer");
            assert_eq!(quick, slow, "{ours} and {theirs}");
        }
        assert_eq!(
            repo.merge_trees(&a, &x, Some(&base)).map(|m| matches!(m, Merged::Conflict { files, .. } if files == ["d1/f"])).ok(),
            Some(true)
        );
    });
}

#[test]
fn independent_work_merges_without_a_process() {
    let temp = TempRepo::started();
    let base = Oid::from(temp.head());
    let a = branch_with(&temp, "a", "main", &[("src/a", "a")]);
    let b = branch_with(&temp, "b", "main", &[("src/b", "b")]);
    let repo = open(&temp);
    let Merged::Clean(tree) = repo.merge_trees(&base, &a, Some(&base)).expect("an answer") else { panic!("a conflict") };
    let onto = repo.write_commit(&tree, &[base.clone(), a], "Land a").expect("a commit");
    let merged = repo.merge_trees(&onto, &b, Some(&base)).expect("an answer");
    let Merged::Clean(tree) = merged else { panic!("a conflict") };
    assert_eq!(temp.git(&["ls-tree", "-r", "--name-only", tree.as_str()]), "README.md\nsrc/a\nsrc/b");
}

#[test]
fn differences_name_both_sides_of_a_rename() {
    let temp = TempRepo::started();
    temp.write("src/one", "1");
    temp.write("src/sub/two", "2");
    let before = Oid::from(temp.commit("before"));
    temp.git(&["mv", "src/sub/two", "moved"]);
    temp.write("src/one", "changed");
    let after = Oid::from(temp.commit("after"));
    let repo = open(&temp);
    let tree = |c: &Oid| repo.tree_of(c).expect("a tree");
    let found = changes(repo.objects(), &tree(&before), &tree(&after)).expect("an answer");
    assert_eq!(found.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["moved", "src/one", "src/sub/two"]);
}

#[test]
fn landing_on_a_users_branch_takes_its_clean_checkout_along_or_refuses() {
    with_each_git(|temp| {
        let repo = open(temp);
        let work = branch_with(temp, "plan", "main", &[("new/file", "work\n"), ("README.md", "# Better\n")]);
        let land = |mode, dry| repo.land_into("main", "plan", mode, "Land it", dry);

        let before = temp.fingerprint();
        assert!(matches!(
            land(LandMode::Merge, DryRun::Yes).expect("a forecast"),
            Landed::Moved { commit: Some(_), fast_forward: true, .. }
        ));
        temp.write("README.md", "# Mine\n");
        let error = land(LandMode::Merge, DryRun::No).expect_err("not clean");
        assert!(matches!(&error, LandError::NotClean { checkout, .. } if checkout == temp.path()), "{error}");
        temp.git(&["checkout", "-q", "--", "README.md"]);
        temp.write("new/file", "in the way\n");
        assert!(matches!(land(LandMode::Merge, DryRun::No), Err(LandError::InTheWay { .. })));
        std::fs::remove_dir_all(temp.path().join("new")).expect("moved away");
        assert_eq!(temp.fingerprint().without_index(), before.without_index());

        temp.write("mine.txt", "untracked");
        assert!(matches!(land(LandMode::Merge, DryRun::No).expect("landed"), Landed::Moved { commit: Some(c), .. } if c == work));
        assert_eq!(temp.git(&["status", "--porcelain"]), "?? mine.txt");
        assert_eq!(temp.git(&["rev-parse", "main"]), work.as_str());
        assert_eq!(land(LandMode::Merge, DryRun::No).expect("landed"), Landed::AlreadyIn);
    });
}

#[test]
fn a_merge_a_squash_and_a_conflict() {
    let temp = TempRepo::started();
    let repo = open(&temp);
    branch_with(&temp, "plan", "main", &[("work", "1")]);
    branch_with(&temp, "other", "main", &[("work", "2")]);
    branch_with(&temp, "release", "main", &[("release", "1")]);
    let release = temp.git(&["rev-parse", "release"]);
    let landed = repo.land_into("release", "plan", LandMode::Merge, "Land", DryRun::No).expect("landed");
    assert!(matches!(landed, Landed::Moved { fast_forward: false, ref checkouts, .. } if checkouts.is_empty()), "{landed:?}");
    assert_eq!(temp.git(&["log", "-1", "--format=%P", "release"]).split(' ').count(), 2);
    assert!(
        matches!(repo.land_into("release", "other", LandMode::Merge, "Land", DryRun::No), Err(LandError::Conflict { files, .. }) if files == ["work"])
    );
    temp.git(&["branch", "-f", "release", &release]);
    repo.land_into("release", "plan", LandMode::Squash, "Squashed", DryRun::No).expect("landed");
    assert_eq!(temp.git(&["log", "-1", "--format=%P %s", "release"]), format!("{release} Squashed"));
    assert!(matches!(repo.land_into("nope", "plan", LandMode::Merge, "", DryRun::No), Err(LandError::UnknownBranch(_))));
}

#[test]
fn a_rollback_keeps_what_it_takes_off() {
    let temp = TempRepo::started();
    let repo = open(&temp);
    let base = Oid::from(temp.head());
    let a = branch_with(&temp, "a", "main", &[("a", "a")]);
    let first = repo.write_commit(&repo.tree_of(&a).expect("tree"), &[base.clone(), a.clone()], "Land a").expect("a commit");
    let second = repo.write_commit(&repo.tree_of(&a).expect("tree"), std::slice::from_ref(&first), "Land b").expect("a commit");
    repo.create_branch("plan", &second).expect("a branch");
    let run = RunId::from("r1");
    assert!(repo.rollback(&run, "plan", &a).is_err(), "a second parent is no landing");
    let done = repo.rollback(&run, "plan", &first).expect("rolled back");
    assert_eq!((done.from, done.to, done.kept.as_str()), (second.clone(), base, "refs/greenlane/r1/rolled-back/1"));
    assert_eq!(repo.resolve(&done.kept).expect("an answer"), Some(second));
}

#[test]
fn a_long_lived_process_that_dies_is_replaced() {
    let temp = TempRepo::started();
    // Each of them answers one question, then it is gone.
    let mortal = temp.beside("mortal-git");
    let script = "#!/bin/sh\ncase \"$*\" in *--batch-command*|*--stdin-paths*) head -n 1 | git \"$@\";; *) exec git \"$@\";; esac\n";
    write_program(&mortal, script);
    let repo = Repo::discover_with(temp.path(), Caller { program: mortal.into_os_string(), env: temp.env() }).expect("a repository");
    let head = repo.require_head().expect("a head");
    let tree = repo.tree_of(&head).expect("a tree");
    for n in 0..3 {
        let commit = repo.write_commit(&tree, std::slice::from_ref(&head), &format!("number {n}")).expect("a commit");
        assert_eq!(repo.create_branch(&format!("b{n}"), &commit).expect("a branch"), format!("b{n}"));
        assert_eq!(temp.git(&["log", "-1", "--format=%s", &format!("b{n}")]), format!("number {n}"));
    }
}

#[test]
fn commits_and_branches_are_measured_in_files_and_lines() {
    with_each_git(|temp| {
        let repo = open(temp);
        // Whatever the user likes to see.
        temp.git(&["config", "diff.renames", "copies"]);
        temp.git(&["config", "diff.external", "false"]);
        let base = Oid::from(temp.head());
        branch_with(temp, "work", "main", &[("a.txt", "one\ntwo\n"), ("ü b.txt", "x\n")]);
        temp.git(&["merge", "-q", "--no-ff", "-m", "lands a", "work"]);
        let first = Oid::from(temp.head());
        std::fs::write(temp.path().join("logo.bin"), [0u8, 1, 2, 0]).expect("written");
        temp.write("a.txt", "one\n");
        let second = Oid::from(temp.commit("lands b"));
        let stats = repo.stat_of_commits(&base, &second).expect("stats");
        assert_eq!(stats.iter().map(|s| &s.commit).collect::<Vec<_>>(), [&first, &second], "a merge is one landing");
        let file = |path: &str, added, removed| FileStat { path: path.into(), added, removed };
        assert_eq!(stats[0].files, [file("a.txt", Some(2), Some(0)), file("ü b.txt", Some(1), Some(0))]);
        assert_eq!(stats[1].files, [file("a.txt", Some(0), Some(1)), file("logo.bin", None, None)]);
        let whole = repo.stat_between(&base, &second).expect("stats");
        assert_eq!(whole[0], file("a.txt", Some(1), Some(0)), "what came and went again does not count");
        assert!(repo.stat_between(&base, &Oid::from("1".repeat(40))).is_err());
    });
}
