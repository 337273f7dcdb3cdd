//! What an attempt changed beside its work: a warning that comes with its end, told once.

use greenlane_core::attempt::Exit;
use greenlane_core::event::Event;
use greenlane_core::input::Input;
use greenlane_core::options::RunOptions;
use greenlane_core::shared::{SharedChange, SharedKind};

use crate::story::{Story, attempt, task};

fn changed(name: &str) -> Input {
    let change = SharedChange {
        what: SharedKind::Branch,
        name: name.into(),
        before: Some("a".into()),
        after: Some("b".into()),
        command: Some("git branch -f main b".into()),
        kept: None,
        restored: true,
        note: None,
    };
    Input::SharedStateChanged { attempt: attempt("a#1"), changes: vec![change], more: 0 }
}

fn told(story: &Story) -> usize {
    story.journal.iter().filter(|(_, e)| matches!(e, Event::SharedStateChanged { .. })).count()
}

#[test]
fn it_is_told_once_and_the_work_is_judged_all_the_same() {
    let mut story = Story::new(RunOptions::default(), vec![task("a", "")]);
    story.spawned("a");
    story.feed(changed("main"));
    assert_eq!(told(&story), 1);
    // A coordinator that died before the attempt's end was journalled looks again.
    story.crash_and_resume();
    story.feed(changed("main"));
    assert_eq!(told(&story), 1);
    story.exited("a", Exit::Code { code: 0 });
    // Its checks may change something, too.
    story.feed(changed("other"));
    assert_eq!(told(&story), 2);
    let accepted = story.accepted("a");
    assert!(accepted[0].starts_with("work_judged a#1"), "{accepted:?}");
    story.lands(1, &["a"]);
    story.feed(changed("late"));
    assert_eq!(told(&story), 2, "what is no longer under way is not told");
    let names: Vec<&str> = story.state.tasks[0].attempts[0].shared.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["main", "other"]);
}
