//! Plans that are ticked off in their own text: the smallest change, in every format, and nothing guessed.

#[path = "../samples/files.rs"]
mod files;

use files::{SAMPLES, beside};
use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Format, Mark, MarkRequest, Marking, Plan, PlanSource, mark, read};

const NOW: &str = "2026-03-01T12:00:00Z";

type Texts = Vec<(String, String)>;

fn source(texts: &Texts) -> PlanSource<'_> {
    PlanSource { more: texts[1..].to_vec(), ..PlanSource::new(texts[0].0.as_str(), texts[0].1.as_str(), &beside) }
}

fn plan(texts: &Texts) -> Plan {
    let reading = read(&source(texts));
    let found: String = reading.diagnostics.iter().map(|d| d.render(false)).collect();
    reading.plan.unwrap_or_else(|| panic!("{}: {found}", texts[0].0))
}

fn marks(plan: &Plan, tasks: &[usize], done: bool) -> Vec<Mark> {
    tasks.iter().map(|t| Mark { task: plan.tasks[*t].id.clone(), title: plan.tasks[*t].title.clone(), done }).collect()
}

fn marked(texts: &Texts, marks: &[Mark]) -> (Texts, Marking) {
    let marking = mark(&MarkRequest { source: &source(texts), marks, now: NOW }).expect("a plan");
    let mut new = texts.clone();
    for (file, text) in &marking.texts {
        new[*file].1.clone_from(text);
    }
    (new, marking)
}

/// One file's text.
fn one(path: &str, text: &str) -> Texts {
    vec![(String::from(path), String::from(text))]
}

/// The text with these tasks ticked, then with them open again.
fn there_and_back(path: &str, text: &str, ids: &[&str]) -> (String, String) {
    let texts = one(path, text);
    let found = plan(&texts);
    let places: Vec<usize> = ids.iter().map(|id| found.tasks.iter().position(|t| t.id.as_str() == *id).expect("a task")).collect();
    let (ticked, marking) = marked(&texts, &marks(&found, &places, true));
    assert!(marking.refused.is_empty() && marking.changed.len() == ids.len(), "{marking:?}");
    let (open, marking) = marked(&ticked, &marks(&found, &places, false));
    assert!(marking.refused.is_empty() && marking.changed.len() == ids.len(), "{marking:?}");
    (ticked[0].1.clone(), open[0].1.clone())
}

/// The lines that differ, `-` and `+`.
fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let of = |lines: &[&str], sign: &str| lines[head..lines.len() - tail].iter().map(|l| format!("{sign}{l}\n")).collect::<String>();
    of(&old, "-") + &of(&new, "+")
}

#[test]
fn any_tasks_of_any_sample_are_ticked_and_opened_and_nothing_else_changes() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    for sample in SAMPLES {
        for round in 0..12 {
            let mut texts: Texts = sample.iter().map(|(path, text)| (String::from(*path), String::from(*text))).collect();
            if round % 3 == 1 {
                texts.iter_mut().for_each(|(_, text)| *text = text.replace('\n', "\r\n"));
            } else if round % 3 == 2 {
                texts.iter_mut().for_each(|(_, text)| text.insert(0, '\u{feff}'));
            }
            let before = plan(&texts);
            let open: Vec<usize> = (0..before.tasks.len()).filter(|t| !before.tasks[*t].ticked && rng.bool()).collect();
            let (ticked, marking) = marked(&texts, &marks(&before, &open, true));
            let what = format!("{} round {round}", sample[0].0);
            assert!(marking.refused.is_empty(), "{what}: {:?}", marking.refused);
            assert_eq!(marking.changed.len(), open.len(), "{what}");
            let after = plan(&ticked);
            for (number, task) in after.tasks.iter().enumerate() {
                assert_eq!(task.ticked, before.tasks[number].ticked || open.contains(&number), "{what}: {}", task.id);
            }
            for ((_, old), (_, new)) in texts.iter().zip(&ticked) {
                assert_eq!(old.starts_with('\u{feff}'), new.starts_with('\u{feff}'), "{what}");
                let bare = |text: &str| text.matches('\n').count() - text.matches("\r\n").count();
                assert_eq!(bare(old) == 0, bare(new) == 0, "{what}: line ends stay what they are");
            }
            // Once more is nothing.
            let (same, marking) = marked(&ticked, &marks(&before, &open, true));
            assert!(same == ticked && marking.changed.is_empty() && marking.already.len() == open.len(), "{what}");
            // And back: what had a place keeps it, and stands there as it did.
            let (opened, marking) = marked(&ticked, &marks(&before, &open, false));
            assert!(marking.refused.is_empty(), "{what}: {:?}", marking.refused);
            assert_eq!(
                plan(&opened).tasks.iter().map(|t| t.ticked).collect::<Vec<_>>(),
                before.tasks.iter().map(|t| t.ticked).collect::<Vec<_>>(),
                "{what}"
            );
            let (again, _) = marked(&opened, &marks(&before, &open, true));
            assert_eq!(again, ticked, "{what}");
        }
    }
}

#[test]
fn a_checkbox_is_one_byte() {
    let text = "# P\n\n- [ ] 1.1 [P:Group-A] ä <!-- c -->\n  - owns: a\n*  [ ] 1.2 b  \r\n- [P:Group-B] c";
    let (ticked, open) = there_and_back("p.md", text, &["1.1", "1.2", "c"]);
    assert_eq!(ticked, text.replace("[ ] 1", "[x] 1").replace("- [P:Group-B]", "- [x] [P:Group-B]"));
    assert_eq!(open, text.replace("- [P:Group-B]", "- [ ] [P:Group-B]"));
}

#[test]
fn a_heading_is_ticked_with_the_last_of_its_parts_and_opened_with_the_first() {
    let text = "- [ ] 1. Store\n  - [ ] 1.1 (P) Write\n  - [x] 1.2 (P) Read\n- [ ] 2.1 Show\n";
    let (ticked, open) = there_and_back("tasks.md", text, &["1.1"]);
    assert_eq!(ticked, text.replace("[ ] 1", "[x] 1"));
    assert_eq!(open, text);
    let text = "{\"tasks\": [{\"id\": 1, \"title\": \"t\", \"status\": \"done\", \"subtasks\": [\n {\"id\": 1, \"title\": \"a\", \"status\": \"pending\"},\n {\"id\": 2, \"title\": \"b\", \"status\": \"pending\"}]}]}";
    let texts = one("tasks.json", text);
    let found = plan(&texts);
    assert!(found.tasks.iter().all(|t| t.ticked), "a task that is done is done with its subtasks");
    let (opened, _) = marked(&texts, &marks(&found, &[0], false));
    assert_eq!(
        opened[0].1,
        text.replacen("done", "pending", 1).replace("\"b\", \"status\": \"pending\"", "\"b\", \"status\": \"done\""),
        "the other part says so itself now"
    );
}

#[test]
fn json_keeps_its_layout() {
    for (text, expected) in [
        (
            "{\"userStories\": [\n  {\n    \"id\": \"US-1\",\n    \"title\": \"t\",\n    \"passes\": false\n  }\n]}",
            "-    \"passes\": false\n+    \"passes\": true\n",
        ),
        (
            "{\"userStories\": [{\"id\":\"US-1\",\"title\":\"t\"}]}",
            "-{\"userStories\": [{\"id\":\"US-1\",\"title\":\"t\"}]}\n+{\"userStories\": [{\"id\":\"US-1\",\"title\":\"t\",\"passes\":true}]}\n",
        ),
        (
            "{\"userStories\": [\r\n\t{\r\n\t\t\"id\" : \"US-1\",\r\n\t\t\"title\" : \"t\",\r\n\t\t\"notes\" : \"\"\r\n\t}\r\n]}",
            "+\t\t\"passes\" : true,\r\n",
        ),
    ] {
        let (ticked, _) = there_and_back("prd.json", text, &["US-1"]);
        assert_eq!(diff(text, &ticked), expected);
    }
}

#[test]
fn each_format_says_it_in_its_own_word() {
    for (path, text, id, expected) in [
        ("p.toml", "[[task]]\nid = \"a\" # first\ntitle = \"t\"\n", "a", "+ticked = true\n"),
        (
            "p.toml",
            "task = [{ id = \"a\", title = \"t\" }]",
            "a",
            "-task = [{ id = \"a\", title = \"t\" }]\n+task = [{ id = \"a\", ticked = true, title = \"t\" }]\n",
        ),
        ("p.toml", "[[task]]\ntitle = \"t\"\nid = \"a\"", "a", "+ticked = true\n"),
        (
            "p.toml",
            "[[task]]\nid = \"a\"\ntitle = \"t\"\nticked = false # not yet\n",
            "a",
            "-ticked = false # not yet\n+ticked = true # not yet\n",
        ),
        (
            "a.json",
            "[{\"id\": 1, \"description\": \"d\", \"status\": \"todo\"}]",
            "1",
            "-[{\"id\": 1, \"description\": \"d\", \"status\": \"todo\"}]\n+[{\"id\": 1, \"description\": \"d\", \"status\": \"done\"}]\n",
        ),
        (
            "t.json",
            "{\"tasks\": [{\"id\": 1, \"title\": \"t\", \"details\": \"d\", \"status\": \"in-progress\"}]}",
            "1",
            "-{\"tasks\": [{\"id\": 1, \"title\": \"t\", \"details\": \"d\", \"status\": \"in-progress\"}]}\n+{\"tasks\": [{\"id\": 1, \"title\": \"t\", \"details\": \"d\", \"status\": \"done\"}]}\n",
        ),
        (
            "p.md",
            "## Phase 1: A\n### Stage 1.1: B  \n**Objective**: o\n",
            "phase1-stage1.1",
            "-### Stage 1.1: B  \n+### Stage 1.1: B ✅  \n",
        ),
        (
            "p.md",
            "## Phase 1: A\n### Stage 1.1: B\n**Status**: 🚧 In progress\n\n**Objective**: o\n",
            "phase1-stage1.1",
            "-**Status**: 🚧 In progress\n+**Status**: Completed\n",
        ),
        (
            "WP01.md",
            "---\nwork_package_id: \"WP01\"\ntitle: t\nlane: \"planned\"  # theirs\n---\nbody\n",
            "WP01",
            "-lane: \"planned\"  # theirs\n+lane: \"done\"  # theirs\n",
        ),
        ("WP01.md", "---\r\nwork_package_id: WP01\r\ntitle: t\r\n---\r\nbody\r\n", "WP01", "+lane: done\r\n"),
        (
            "wps.yaml",
            "work_packages:\n  - title: t\n    id: WP01\n  - id: WP02\n    title: u\n    status: doing\n",
            "WP01",
            "+    lane: done\n",
        ),
        (
            "wps.yaml",
            "work_packages:\n  - title: t\n    id: WP01\n  - id: WP02\n    title: u\n    status: doing\n",
            "WP02",
            "-    status: doing\n+    status: done\n",
        ),
    ] {
        let (ticked, open) = there_and_back(path, text, &[id]);
        assert_eq!(diff(text, &ticked), expected, "{text}");
        assert!(!plan(&one(path, &open)).task(&TaskId::from(id)).expect("a task").ticked);
    }
}

#[test]
fn an_issue_is_closed_with_its_times() {
    let text = "{\"id\":\"b-1\",\"title\":\"t\",\"status\":\"open\",\"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\"}\n{\"id\":\"b-2\",\"title\":\"u\",\"status\":\"open\"}\n";
    let (ticked, open) = there_and_back("issues.jsonl", text, &["b-1"]);
    assert_eq!(
        ticked.lines().next(),
        Some(
            "{\"id\":\"b-1\",\"title\":\"t\",\"status\":\"closed\",\"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-03-01T12:00:00Z\",\"closed_at\":\"2026-03-01T12:00:00Z\"}"
        )
    );
    assert_eq!(
        open.lines().next(),
        Some(
            "{\"id\":\"b-1\",\"title\":\"t\",\"status\":\"open\",\"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-03-01T12:00:00Z\"}"
        )
    );
    assert_eq!(ticked.lines().nth(1), text.lines().nth(1));
}

#[test]
fn what_is_not_surely_the_same_task_is_told_and_left_alone() {
    let before = plan(&one("p.md", "- [ ] T1 first\n- [ ] T2 second\n- [ ] third\n"));
    // Renumbered, gone, and doubled meanwhile.
    let texts = one("p.md", "- [ ] T1 new\n- [ ] T2 first\n- [ ] T3 second\n- [ ] third\n- [ ] third\n");
    let (same, marking) = marked(&texts, &marks(&before, &[0, 1, 2], true));
    assert_eq!(same, texts);
    let told: Vec<String> = marking.refused.iter().map(|(id, why)| format!("{id} {why}")).collect();
    assert_eq!(
        told,
        [
            "T1 is called \"new\" there now, and may be another task",
            "T2 is called \"first\" there now, and may be another task",
            "third has no id, and there are several of its title"
        ]
    );
    let gone = mark(&MarkRequest { source: &source(&one("p.md", "- [ ] T3 x\n")), marks: &marks(&before, &[0], true), now: NOW });
    assert_eq!(gone.expect("a plan").refused, [(TaskId::from("T1"), String::from("is not in the plan any more"))]);
    let broken = mark(&MarkRequest { source: &source(&one("p.json", "{\"tasks\": [")), marks: &[], now: NOW });
    assert_eq!(broken, Err(String::from("p.json:1: this is not JSON: expected a value, but the file ends")));
}

#[test]
fn a_lane_that_the_log_keeps_is_read_there_and_not_ours_to_move() {
    let log = "{\"at\": \"2026-01-02T00:00:00Z\", \"wp_id\": \"WP01\", \"from_lane\": \"for_review\", \"to_lane\": \"done\"}\n\
               {\"at\": \"2026-01-01T00:00:00Z\", \"wp_id\": \"WP01\", \"from_lane\": \"planned\", \"to_lane\": \"for_review\"}\n\
               {\"event_type\": \"MissionCreated\"}\nnot json\n\
               {\"at\": \"2026-01-03T00:00:00Z\", \"wp_id\": \"WP02\", \"to_lane\": \"planned\"}\n";
    let files = |name: &str| match name {
        "../status.events.jsonl" => Ok(String::from(log)),
        _ => Err(String::from("there is no such file")),
    };
    let package = |id: &str| format!("---\nwork_package_id: {id}\ntitle: {id}\nlane: planned\n---\nbody\n");
    let source = PlanSource {
        more: vec![(String::from("tasks/WP02.md"), package("WP02"))],
        ..PlanSource::new("tasks/WP01.md", package("WP01"), &files)
    };
    let reading = read(&source);
    let plan = reading.plan.expect("a plan");
    assert_eq!((reading.format, plan.tasks[0].ticked, plan.tasks[1].ticked), (Some(Format::SpecKitty), true, false));
    let marking = mark(&MarkRequest { source: &source, marks: &marks(&plan, &[1], true), now: NOW }).expect("a plan");
    assert!(marking.texts.is_empty() && marking.refused[0].1.starts_with("has its lane in status.events.jsonl"), "{marking:?}");
}
