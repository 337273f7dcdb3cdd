//! How often the classification is right, on texts that people labelled, against what the ancestors did.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the core does not look, but its tests keep a page and measure time"
)]

mod baseline;
mod labelled;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use greenlane_core::classify::{Classifier, RepositoryFiles, TaskType};
use labelled::Part;

/// Below these the classification has become worse than it was when the table was last stated.
const FLOORS: [(Part, f64); 5] = [(Part::Tuned, 0.94), (Part::HeldOut, 0.86), (Part::Public, 0.84), (Part::Fresh, 0.76), (Part::Last, 0.7)];
/// So much better than the better of the ancestors on texts that the rules were not tuned on.
const AHEAD: f64 = 0.25;

#[test]
fn the_set_is_what_it_says_of_itself() {
    let all = labelled::all();
    assert!(all.len() >= 220, "{}", all.len());
    for kind in TaskType::ALL {
        for part in [Part::Tuned, Part::HeldOut] {
            let n = all.iter().filter(|l| l.kind == kind && l.part == part).count();
            assert!(n >= if part == Part::Tuned { 10 } else { 5 }, "{kind} in {part:?}: {n}");
        }
    }
    let mut texts: Vec<_> = all.iter().map(|l| (l.title, l.body)).collect();
    texts.sort_unstable();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "a text stands there twice");
}

#[test]
fn it_is_right_more_often_than_the_ancestors_and_not_less_than_it_was() {
    let measured = table::measure();
    let share = |of: table::Count| of.share();
    for (part, floor) in FLOORS {
        let ours = share(measured.ours(part));
        assert!(ours >= floor, "{}: {ours:.3} is below {floor}", part.as_str());
        let better = share(measured.orchestrator(part)).max(share(measured.coordinator(part)));
        assert!(ours >= better + AHEAD, "{}: {ours:.3} is not clearly better than {better:.3}", part.as_str());
    }
}

#[test]
fn the_page_states_what_is_measured() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/classification.md");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let made = table::into_page(&kept, &table::measure());
    if std::env::var_os("GREENLANE_REGENERATE").is_some() {
        std::fs::write(&path, &made).unwrap_or_else(|e| panic!("{e}"));
        return;
    }
    assert!(
        kept == made,
        "docs/classification.md does not state what is measured; make it anew: \
         GREENLANE_REGENERATE=1 cargo test -p greenlane-core --test classification"
    );
}

/// What is wrong among the texts that the rules may be changed for; the others stay unseen. `--nocapture` shows it.
#[test]
fn what_is_wrong_among_the_tuned_texts_can_be_looked_at() {
    let classifier = Classifier::built_in();
    let mut wrong: BTreeMap<TaskType, Vec<String>> = BTreeMap::new();
    for one in labelled::all().iter().filter(|l| matches!(l.part, Part::Tuned | Part::Fresh)) {
        let found = classifier.classify(&one.task(), &RepositoryFiles::default());
        if found.kind != Some(one.kind) {
            let top: Vec<String> = found.scores.iter().take(3).map(|(k, p)| format!("{k} {p}")).collect();
            let why: Vec<String> = found.evidence.iter().take(4).map(|e| format!("{} {} {}", e.what, e.kind, e.points)).collect();
            wrong.entry(one.kind).or_default().push(format!("{}\n      {} <- {}", one.title, top.join(", "), why.join("; ")));
        }
    }
    for (kind, titles) in &wrong {
        println!("{kind}:");
        titles.iter().for_each(|t| println!("    {t}"));
    }
    let n: usize = wrong.values().map(Vec::len).sum();
    assert!(n <= 60, "{n} of the tuned texts are wrong");
}

#[test]
fn ten_thousand_tasks_take_no_time_worth_speaking_of() {
    let classifier = Classifier::built_in();
    let tasks: Vec<_> = labelled::all().iter().map(labelled::Labelled::task).collect();
    let began = std::time::Instant::now();
    let known = tasks.iter().cycle().take(10_000).filter(|t| classifier.classify(t, &RepositoryFiles::default()).kind.is_some()).count();
    assert!(known > 9_000);
    println!("10,000 tasks in {:?}", began.elapsed());
    // Ten times what it takes in a build for tests on an idle machine; a release is quicker still.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
