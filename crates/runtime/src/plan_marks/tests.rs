use std::path::Path;

use greenlane_core::plan::ProgressEntry;

use super::*;

/// A folder that looks like a checkout.
struct Checkout {
    dir: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join(".git")).expect("a folder");
        Self { dir }
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn git(&self) -> PathBuf {
        self.dir.path().join(".git")
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(path)).expect("a text")
    }

    fn mark(&self, path: &Path, id: &str, title: &str, done: bool) -> Result<Marked, MarkError> {
        mark_tasks(
            &self.git(),
            path,
            &[Mark { task: TaskId::from(id), title: String::from(title), done }],
            MarkRules { verified: true },
            Time(0),
        )
    }
}

const PRD: &str =
    "{\"userStories\": [\n  {\"id\": \"US-1\", \"title\": \"a\", \"passes\": false},\n  {\"id\": \"US-2\", \"title\": \"b\"}\n]}\n";

fn prd(c: &Checkout) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    let hash: String = Sha256::digest(PRD.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let manifest = format!(
        "id: PRD-001\ntitle: t\nstatus: active\nowner: me\ncreated_at: 2026-01-01\ncompleted_stories: 0\napproval:\n  approved_by: you\n  approved_at: 2026-01-01\n  approval_hash: {hash}\n"
    );
    c.write("prds/active/PRD-001/MANIFEST.yaml", &manifest);
    c.write("prds/active/PRD-001/prd.json", PRD)
}

fn good(c: &Checkout, folder: &str) -> bool {
    let loaded = crate::plan_files::load_plans(Some(c.dir.path()), c.dir.path(), &[PathBuf::from(folder)], None);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.diagnostics.is_empty()
}

#[test]
fn a_prd_lives_from_its_first_story_to_its_last() {
    let c = Checkout::new();
    let path = prd(&c);
    assert!(good(&c, "prds/active/PRD-001"));
    assert_eq!(c.mark(&path, "US-1", "a", true).expect("marked").changed, [TaskId::from("US-1")]);
    assert!(c.text("prds/active/PRD-001/prd.json").contains("\"a\", \"passes\": true"));
    assert!(c.text("prds/active/PRD-001/MANIFEST.yaml").contains("completed_stories: 1"));
    assert!(good(&c, "prds/active/PRD-001"), "the approval holds for the text with its marks");
    let open = finish(&c.git(), &path, Time(0)).expect_err("a story is open").to_string();
    assert_eq!(open, "PRD-001 stays in prds/active: not marked as passed: US-2");
    // Taken off again, and done again with the other one.
    c.mark(&path, "US-1", "a", false).expect("marked");
    assert_eq!(c.text("prds/active/PRD-001/prd.json"), PRD);
    assert!(good(&c, "prds/active/PRD-001") && c.text("prds/active/PRD-001/MANIFEST.yaml").contains("completed_stories: 0"));
    for (id, title) in [("US-1", "a"), ("US-2", "b")] {
        c.mark(&path, id, title, true).expect("marked");
        let lessons = [String::from("tests failed once")];
        let entry =
            ProgressEntry { id, title, commit: id, branch: "x", run: "r", attempts: 1, lessons: &lessons, ..ProgressEntry::default() };
        note(&c.git(), &path, &entry, Some("x")).expect("noted");
        note(&c.git(), &path, &entry, Some("x")).expect("noted once");
    }
    let moved = finish(&c.git(), &path, Time(0)).expect("moved");
    let there = c.dir.path().join("prds/completed/PRD-001/prd.json");
    assert_eq!(moved, Finished::Moved(there.clone()));
    assert!(!path.exists() && c.text("prds/completed/PRD-001/MANIFEST.yaml").contains("status: completed\n"));
    assert_eq!(c.text("prds/completed/PRD-001/progress.txt").matches("- Landed as US-").count(), 2);
    assert_eq!(finish(&c.git(), &path, Time(0)).expect("there"), Finished::Already(there.clone()));
    // What is asked of the old place is done in the new one.
    assert_eq!(c.mark(&path, "US-2", "b", false).expect("marked").path, there);
    note_taken_back(&c.git(), &path, Time(0), "US-2", "b", "it broke").expect("noted");
    assert!(c.text("prds/completed/PRD-001/progress.txt").ends_with("US-2: b\n- Taken off its branch again: it broke\n---\n"));
}

#[test]
fn what_a_crash_left_half_done_is_done_by_doing_it_again() {
    let c = Checkout::new();
    let path = prd(&c);
    // The plan's file was written, its manifest was not.
    c.write("prds/active/PRD-001/prd.json", &PRD.replace("\"passes\": false", "\"passes\": true"));
    let again = c.mark(&path, "US-1", "a", true).expect("marked");
    assert_eq!((again.changed.len(), again.already.len()), (0, 1));
    assert!(good(&c, "prds/active/PRD-001"));
    // What was changed beside the marks was never approved.
    c.write("prds/active/PRD-001/prd.json", &PRD.replace("\"title\": \"b\"", "\"title\": \"other\""));
    c.mark(&path, "US-1", "a", true).expect("marked");
    let loaded = crate::plan_files::load_plans(Some(c.dir.path()), c.dir.path(), &[PathBuf::from("prds/active/PRD-001")], None);
    assert!(loaded.has_errors());
}

#[test]
fn a_prd_that_cannot_be_completed_stays() {
    let c = Checkout::new();
    let path = prd(&c);
    c.write("prds/active/PRD-001/prd.json", &PRD.replace("false", "true").replace("\"b\"", "\"b\", \"passes\": true"));
    c.write("prds/completed/PRD-001/prd.json", "{}");
    let collision = finish(&c.git(), &path, Time(0)).expect_err("taken").to_string();
    assert!(
        collision.starts_with("PRD-001 stays in prds/active: ") && collision.ends_with("prds/completed/PRD-001 is there already"),
        "{collision}"
    );
    std::fs::remove_dir_all(c.dir.path().join("prds/completed")).expect("removed");
    let manifest = c.text("prds/active/PRD-001/MANIFEST.yaml");
    c.write("prds/active/PRD-001/MANIFEST.yaml", &manifest.replace("status: active", "status: abandoned"));
    let illegal = finish(&c.git(), &path, Time(0)).expect_err("illegal").to_string();
    assert_eq!(illegal, "PRD-001 stays in prds/active: a PRD that is abandoned cannot become completed");
    assert!(path.exists());
    assert_eq!(finish(&c.git(), &c.write("plan/prd.json", PRD), Time(0)).expect("nothing"), Finished::NoPrd);
}

#[test]
fn nothing_outside_of_the_repository_is_written() {
    let c = Checkout::new();
    let other = Checkout::new();
    let plain = tempfile::tempdir().expect("a folder");
    let text = "- [ ] a\n";
    let outside = [other.write("p.md", text), plain.path().join("p.md"), c.write(".git/p.md", text)];
    std::fs::write(&outside[1], text).expect("a file");
    let link = c.dir.path().join("link.md");
    std::os::unix::fs::symlink(&outside[0], &link).expect("a link");
    for path in outside.iter().chain([&link]) {
        assert!(matches!(c.mark(path, "a", "a", true), Err(MarkError::Outside(_))), "{}", path.display());
        assert_eq!(std::fs::read_to_string(path).expect("a text"), text);
    }
    // A linked worktree is the same repository.
    let worktree = tempfile::tempdir().expect("a folder");
    c.write(".git/worktrees/w/commondir", "../..\n");
    std::fs::write(worktree.path().join(".git"), format!("gitdir: {}\n", c.git().join("worktrees/w").display())).expect("a file");
    let path = worktree.path().join("p.md");
    std::fs::write(&path, text).expect("a file");
    assert_eq!(c.mark(&path, "a", "a", true).expect("marked").changed.len(), 1);
}

#[test]
fn a_file_that_is_gone_read_only_or_no_plan_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let c = Checkout::new();
    let path = c.write("p.md", "- [ ] a\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("a mode");
    assert!(matches!(c.mark(&path, "a", "a", true), Err(MarkError::File { why: ReplaceError::ReadOnly, .. })));
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(c.mark(&path, "a", "a", true), Err(MarkError::File { why: ReplaceError::Gone, .. })));
    let path = c.write("p.json", "{\"tasks\": [{\"id\": \"a\"");
    let told = c.mark(&path, "a", "a", true).expect_err("no plan").to_string();
    assert!(told.starts_with("the plan cannot be read any more: ") && told.contains("p.json:1: this is not JSON"), "{told}");
    // Named as Markdown by the user, though it looks like TOML.
    let path = c.write("odd", "[x]\n\n- [ ] a\n");
    assert_eq!(c.mark(&path, "a", "a", true).expect("marked").changed.len(), 1);
    assert_eq!(c.text("odd"), "[x]\n\n- [x] a\n");
}
