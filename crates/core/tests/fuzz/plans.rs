//! Every format of a plan, damaged: read, checked, shown, written and read again.

use std::sync::LazyLock;

use greenlane_core::classify::{Classifier, RepositoryFiles};
use greenlane_core::plan::{
    Mark, MarkRequest, Native, Paths, Plan, PlanSource, Reading, check_together, comments, convert, digests, mark, ownership, read, summary,
};
use greenlane_testkit::fuzz::Target;

use crate::plan_seeds::{SEEDS, TOKENS};
use crate::samples::{SAMPLES, beside};

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

/// Findings, the word about those that are left out, and one for the whole file at most.
const FINDINGS_MAX: usize = 210;

fn read_as(path: &str, text: &str) -> Reading {
    let files = |p: &str| if p == "ok.md" { Ok(String::from("from the file")) } else { beside(p) };
    read(&PlanSource::new(path, text, &files))
}

/// What must be true of any text, and the kinds of findings it gave.
/// Read, understood, marked: whatever comes.
fn check(path: &str, bytes: &[u8]) -> Vec<String> {
    let told = understood(path, bytes);
    ticked_off(path, bytes);
    told
}

fn ticked_off(path: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(plan) = &read_as(path, &text).plan {
        marked(path, &text, plan);
    }
}

fn understood(path: &str, bytes: &[u8]) -> Vec<String> {
    // What is not UTF-8 is refused where files are read.
    let text = String::from_utf8_lossy(bytes);
    let reading = read_as(path, &text);
    let lines = text.split('\n').count();
    reading.format.map(|format| comments(&text, format));
    assert!(reading.diagnostics.len() <= FINDINGS_MAX, "{} findings", reading.diagnostics.len());
    assert_eq!(reading.plan.is_none(), reading.diagnostics.iter().any(|d| d.is_error()), "an error, or a plan");
    let mut told = 0;
    for found in &reading.diagnostics {
        assert!(found.line as usize <= lines, "line {} of {lines}", found.line);
        assert!(!found.message.trim().is_empty() && !found.message.contains('\n'), "{:?}", found.message);
        told += found.message.len() + found.hint.as_ref().map_or(0, String::len) + found.source_line.as_ref().map_or(0, String::len);
        let shown = found.render(true);
        assert!(shown.len() <= 16_000, "{} bytes about one finding", shown.len());
    }
    assert!(told <= 2 << 20, "{told} bytes of findings about {}", bytes.len());
    if let Some(plan) = &reading.plan {
        same_again(plan);
        let shown = summary(plan, 5);
        let shown = shown.unwrap_or_else(|cycles| panic!("a plan without errors has no cycle: {cycles:?}"));
        assert!(shown.largest_set.len() <= shown.largest_set_bound);
        let owners = ownership(plan, &shown, &Paths::new(["src/a.rs", "src/b/c.rs", "docs/x.md"]));
        assert_eq!(owners.suggestions.len(), shown.overlaps.iter().filter(|o| !o.ordered).count());
        for form in [Native::Toml, Native::Json] {
            let written = convert(plan, form);
            assert!(written.is_ok(), "{form:?} carries every plan: {written:?}");
        }
        // Markdown may have to refuse, but must find out.
        drop(convert(plan, Native::Markdown));
        assert!(check_together(std::slice::from_ref(plan)).is_empty());
        for task in &plan.tasks {
            let found = CLASSIFIER.classify(task, &RepositoryFiles::default());
            assert!((0.0..=1.0).contains(&found.confidence) && found.margin >= 0.0, "{found:?}");
            assert!(found.evidence.iter().all(|e| e.what.chars().count() <= 200), "{found:?}");
        }
    }
    reading.diagnostics.iter().map(|d| d.message.chars().filter(|c| c.is_alphabetic() || *c == ' ').take(24).collect()).take(12).collect()
}

/// As the journal has it: what was written is read as the same plan.
fn same_again(plan: &Plan) {
    let written = serde_json::to_string(plan).unwrap_or_else(|e| panic!("it cannot be written: {e}"));
    let again: Plan = serde_json::from_str(&written).unwrap_or_else(|e| panic!("it cannot be read again: {e}"));
    assert!(again == *plan, "another plan came back: {written:.2000}");
    assert_eq!(digests(&again), digests(plan));
}

/// Most tasks of a plan that is marked here: each mark may cost a reading.
const MARKED_MAX: usize = 40;

/// Whatever can be ticked is ticked after it, and nothing else changes.
fn marked(path: &str, text: &str, plan: &Plan) {
    let open: Vec<_> = plan.tasks.iter().filter(|t| !t.ticked).take(MARKED_MAX).collect();
    let marks: Vec<Mark> = open.iter().map(|t| Mark { task: t.id.clone(), title: t.title.clone(), done: true }).collect();
    let files = |p: &str| if p == "ok.md" { Ok(String::from("from the file")) } else { beside(p) };
    let source = PlanSource::new(path, text, &files);
    let marking = mark(&MarkRequest { source: &source, marks: &marks, now: "2026-03-01T12:00:00Z" });
    let marking = marking.unwrap_or_else(|why| panic!("it was read just now: {why}"));
    assert_eq!(marking.changed.len() + marking.refused.len(), marks.len(), "{marking:?}");
    let Some(new) = marking.texts.get(&0) else {
        assert!(marking.changed.is_empty(), "{marking:?}");
        return;
    };
    let Some(after) = read_as(path, new).plan else { panic!("no plan any more: {new:.2000}") };
    for (old, now) in plan.tasks.iter().zip(&after.tasks) {
        assert_eq!(now.ticked, old.ticked || marking.changed.contains(&old.id), "{}", old.id);
    }
}

fn fuzz(path: &str, cases: u64) {
    let own = SEEDS.iter().filter(|(p, _)| p.rsplit('.').next() == path.rsplit('.').next());
    let samples = SAMPLES.iter().copied().flatten().filter(|(p, _)| p.rsplit('.').next() == path.rsplit('.').next());
    let seeds = own.chain(samples).map(|(_, text)| text.as_bytes().to_vec()).collect();
    Target { name: path, cases, seeds, tokens: TOKENS, ..Target::default() }.run(|bytes| check(path, bytes));
}

#[test]
fn damaged_toml() {
    fuzz("plan.toml", 800);
}

#[test]
fn damaged_json() {
    fuzz("plan.json", 800);
}

#[test]
fn damaged_markdown() {
    fuzz("plan.md", 1_200);
}

#[test]
fn damaged_issues() {
    fuzz("issues.jsonl", 400);
}

#[test]
fn damaged_yaml() {
    fuzz("wps.yaml", 400);
}

/// Inputs of up to a megabyte that took from ten seconds to minutes, or gigabytes, each tried as a case: within its time, findings bounded.
#[test]
fn long_plans_that_took_minutes() {
    let many = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let tasks = |globs: &dyn Fn(usize) -> String, n| many(n, &|i| format!("[[task]]\nid='t{i}'\nrun='x'\nowns=['{}']\n", globs(i)));
    let stories = many(12_000, &|i| format!("{{\"id\":\"US-{i:05}\",\"title\":\"t\"}},"));
    let unknown = many(12_000, &|i| format!("\"XX-{i:05}\","));
    let (stories, unknown) = (stories.trim_end_matches(','), unknown.trim_end_matches(','));
    let long = "y".repeat(200_000);
    let plans = [
        ("front-matter.md", format!("---\n{}---\n- [ ] a\n", many(60_000, &|i| format!("k{i}: 1\n")))),
        ("markers.md", format!("- [ ] `{}\n", "[p:".repeat(300_000))),
        ("comments.md", format!("- [ ] a\n  {}\n", "<!-- --> `".repeat(90_000))),
        ("names.toml", format!("[[task]]\nid='x'\nrun='x'\ndepends=['{long}']\n[[task]]\nid='z{long}'\nrun='x'\n")),
        ("lines.json", format!("{{\"tasks\":[{{\"id\":\"a\",{}\"run\":\"x\"}}]}}", many(50_000, &|i| format!("\"unknown{i}\":1,")))),
        (
            "stories.json",
            format!(
                "{{\"userStories\":[{stories}],\"parallelization\":{{\"enabled\":true,\"groups\":[{{\"name\":\"g\",\"stories\":[{unknown}]}}]}}}}"
            ),
        ),
        ("wildcards.toml", tasks(&|i| format!("**/*{i}x*/{}x", "**/*/".repeat(700)), 250)),
        ("depth.toml", tasks(&|i| format!("**/{}b{i}/*", "a/".repeat(250)), 2_000)),
        (
            "groups.jsonl",
            many(9_000, &|i| {
                format!(
                    "{{\"id\":\"i{i}\",\"title\":\"t\",\"status\":\"open\",\"labels\":[\"parallel:g{i}\"],\"dependencies\":[\"i{}\"]}}\n",
                    i + 1
                )
            }),
        ),
        (
            "epics.jsonl",
            many(8_000, &|i| {
                let kind = if i % 2 == 0 { "epic" } else { "task" };
                format!(
                    "{{\"id\":\"i{i}\",\"title\":\"t\",\"issue_type\":\"{kind}\",\"parent\":\"i0\",\"dependencies\":[\"i{}\"]}}\n",
                    i / 2 * 2
                )
            }),
        ),
        ("sections.md", format!("## Phase 1: a\n### Stage 1.1: b\n{}", many(30_000, &|i| format!("## Quality {i}\nx\n")))),
        ("numbers.md", many(9_000, &|i| format!("- [ ] 2. Show\n- [ ] 2.{i} (P) Fold {i}\n"))),
        ("sequence.md", format!("## Phase 1: a\n{}", many(12_000, &|i| format!("- [ ] T{i:05} x\n")))),
        ("list.yaml", format!("work_packages:\n{}", many(20_000, &|i| format!("- {{\"id\": \"\\x41{i}\", title: x}}\n")))),
        ("estimates.toml", many(3, &|i| format!("[[task]]\nid='t{i}'\nrun='x'\nestimate=9000000000000000000\n"))),
    ];
    let (names, seeds): (Vec<_>, Vec<_>) = plans.into_iter().map(|(name, text)| (name, text.into_bytes())).unzip();
    for (name, seed) in names.into_iter().zip(seeds) {
        Target { name, cases: 0, seeds: vec![seed.clone()], ..Target::default() }.run(|bytes| understood(name, bytes));
        // Marking reads the text twice, and the test before and after it: four times what one reading may take.
        let time_max = 4 * Target::default().time_max;
        Target { name, cases: 0, seeds: vec![seed], time_max, ..Target::default() }.run(|bytes| ticked_off(name, bytes));
    }
}
