//! Every view as it is drawn, held against pictures that are kept beside this file. After a change that is wanted:
//! `GREENLANE_REGENERATE=1 cargo test -p greenlane --lib tui::`, then look at the difference.

use std::path::Path;
use std::sync::Arc;

use greenlane_core::attempt::Exit;
use greenlane_core::health::HealthStatus;
use greenlane_core::ids::TaskKey;
use greenlane_core::time::Time;
use greenlane_core::view::Coordinator;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::draw::draw;
use super::keys::action;
use super::model::{Asking, Model, Runs, View};
use super::open::{Loaded, Tab};
use super::theme::Theme;
use super::update::{Effect, update};
use crate::board::detail::Paper;
use crate::board::diff::parse;
use crate::board::{
    AccountRow, Board, Command, HealthRow, LessonRow, Machine, QuestionRow, Repository, RunBoard, TaskRow, WorkerRow, of_sample,
};
use crate::report::samples::{self, Sample};
use crate::report::{OverTime, Retries, RunLine};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 50);

/// A board of a sample with what only a machine tells.
fn board(sample: Sample, coordinator: Coordinator) -> (Board, Time) {
    let now = sample.now;
    let mut run = of_sample(sample, coordinator);
    run.machine = Machine {
        cores: 8,
        cpu_percent: Some(42.0),
        memory_percent: Some(61.0),
        disk_percent: Some(93.0),
        disk_free: Some(12_300_000_000),
        agents_cpu_percent: Some(130.0),
        agents_memory: 1_590_000_000,
        agents_processes: 12,
    };
    let repository = Repository { name: String::from("parser"), path: String::from("/home/me/parser") };
    (Board { at: now, repository, run: Some(run), trouble: None }, now)
}

/// A run in which everything is to be seen at once.
fn busy() -> (Board, Time) {
    let (mut board, now) = board(samples::half_way(), Coordinator::Alive);
    let run = board.run.as_mut().unwrap();
    let key = TaskKey::new("limits", "header");
    let header = run.tasks.iter_mut().find(|t| t.key == key).unwrap();
    header.activity = Some(String::from("edits src/header.rs (12s ago)"));
    header.iteration = Some(7);
    header.health = Some(HealthStatus::Hung);
    header.usage.input_tokens = 45_230;
    header.usage.cost_usd = Some(0.31);
    let waiting = run.tasks.iter_mut().find(|t| t.name == "guide").unwrap();
    (waiting.state, waiting.words, waiting.sign) = (String::from("awaiting_quota"), String::from("awaiting quota"), "↻");
    waiting.until = Some(Time(now.0 + 3_600_000));
    waiting.reason = Some(String::from("waits for the quota of claude"));
    run.questions = vec![QuestionRow {
        number: 3,
        key: key.clone(),
        name: String::from("header"),
        agent: String::from("claude"),
        text: vec![String::from("Which port shall the server have?"), String::from("8080 is taken on this machine.")],
        asked_at: now,
    }];
    run.accounts = vec![AccountRow {
        name: String::from("claude"),
        at_work: 1,
        limit: 2,
        free_at: Some(Time(now.0 + 3_600_000)),
        reason: Some(String::from("5-hour limit reached")),
    }];
    run.health = vec![HealthRow {
        key,
        name: String::from("header#1"),
        agent: String::from("claude"),
        status: HealthStatus::Hung,
        reason: Some(String::from("no output, CPU time or traffic for 3m20s")),
        step: Some(String::from("edits src/header.rs")),
        beat_at: Some(Time(now.0 - 12_000)),
        quiet: Some(188.0),
        evidence: Some(String::from("output")),
        iteration: Some(7),
        model_calls: 21,
        tool_calls: 34,
        tokens: Some(45_230),
        cost_usd: Some(0.31),
        cpu_seconds: 71.5,
        memory_mb: 812.4,
        processes: 12,
        output_bytes: 98_000,
        keeper_pid: Some(4711),
    }];
    run.workers = vec![WorkerRow {
        name: String::from("nightly"),
        status: HealthStatus::Healthy,
        message: Some(String::from("compiles")),
        task: None,
        at: Time(now.0 - 5_000),
    }];
    run.lessons = vec![LessonRow {
        id: String::from("3fa9c1d2aabbccdd"),
        kind: String::from("quality gate bug"),
        description: String::from("check `make links`: <n> links are dead"),
        times: 4,
        pattern: true,
        priority: 61,
        status: String::from("open"),
        last_seen: Time(now.0 - 76_000),
        remedy: Some(String::from("run `make links` before the last commit")),
    }];
    (board, now)
}

/// A thousand tasks, every tenth done.
fn thousand() -> (Board, Time) {
    let tasks = (0..1_000).map(|i| samples::task(&format!("task-{i:03}"), &[])).collect();
    let mut run = Sample::new(vec![samples::plan("many", tasks)], &[]);
    for i in 0..3 {
        run.spawn("many", &format!("task-{i:03}"));
    }
    run.wait_secs(10).exit("many", "task-001", Exit::Code { code: 1 }, "no");
    board(run, Coordinator::Alive)
}

fn model(board: Board) -> Model {
    let mut model = Model::new(Theme { color: true, utc: true }, false);
    model.take(Arc::new(board));
    model
}

fn press(model: &mut Model, keys: &str, now: Time) -> Effect {
    let mut last = Effect::Nothing;
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '→' => KeyCode::Right,
            c => KeyCode::Char(c),
        };
        if let Some(action) = action(&model.asking, model.view, KeyEvent::new(code, KeyModifiers::NONE)) {
            last = update(model, action, now);
        }
    }
    last
}

fn drawn(model: &mut Model, (width, height): (u16, u16), now: Time) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, now)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            // The second half of a wide character is no cell of its own.
            x += u16::try_from(crate::report::columns(symbol)).unwrap().max(1);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

fn held(name: &str, model: &mut Model, now: Time) {
    for (size, word) in [(SMALL, "80x24"), (LARGE, "200x50")] {
        let made = text(&drawn(model, size, now));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/tui/pictures/{name}-{word}.txt"));
        if std::env::var_os("GREENLANE_REGENERATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "{} is not what is drawn now:\n{made}", path.display());
    }
}

#[test]
fn tasks() {
    let (board, now) = busy();
    held("tasks", &mut model(board), now);
    let (board, now) = self::board(samples::two_plans(), Coordinator::Alive);
    held("two-plans", &mut model(board), Time(now.0 + 65_000));
}

/// Three plans of twenty tasks; in the last one something is at work, something failed.
#[test]
fn where_not_everything_fits_one_look_tells_what_goes_on_in_each_plan() {
    let tasks = |from: u32| (from..from + 20).map(|i| samples::task(&format!("t{i}"), &[])).collect();
    let mut run =
        Sample::new(vec![samples::plan("one", tasks(10)), samples::plan("two", tasks(40)), samples::plan("three", tasks(70))], &[]);
    let (board, now) = self::board(samples::half_way(), Coordinator::Alive);
    let mut fits = self::model(board);
    drawn(&mut fits, SMALL, now);
    press(&mut fits, "f", now);
    assert_eq!(fits.filter.name(), "unfinished", "where all fit there is nothing to be unfolded");
    for task in ["t10", "t11", "t12"] {
        run.spawn("one", task);
    }
    run.wait_secs(3);
    let (mut board, now) = self::board(run, Coordinator::Alive);
    let tasks = &mut board.run.as_mut().unwrap().tasks;
    for (name, state) in [("three/t75", "failed"), ("three/t76", "running")] {
        let at = tasks.iter().position(|t| t.name == name).unwrap();
        (tasks[at].state, tasks[at].words) = (state.to_owned(), state.to_owned());
    }
    let mut model = self::model(board);
    held("folded", &mut model, now);
    let shown = text(&drawn(&mut model, SMALL, now));
    for wanted in ["t10", "t12", "t75", "t76", "one ", "two ", "three ", "19 queued", "; f lists them"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
    // What is not listed cannot be selected; what is selected stays listed.
    press(&mut model, "G", now);
    let last = model.task().map(|t| t.name.clone()).unwrap();
    assert!(text(&drawn(&mut model, SMALL, now)).contains(last.split_once('/').unwrap().1));
    press(&mut model, "f", now);
    assert_eq!(super::rows::listed(&model).len(), 60);
    press(&mut model, "1G\u{1b}", now);
    drawn(&mut model, SMALL, now);
    let shown = text(&drawn(&mut model, SMALL, now));
    assert!(shown.contains("t89") && super::rows::listed(&model).len() < 60, "{shown}");
}

#[test]
fn until_somebody_chooses_the_first_row_is_selected_whichever_it_is() {
    let (board, now) = busy();
    let mut model = self::model(board.clone());
    assert_eq!(model.task().map(|t| t.name.as_str()), Some("docs"));
    let mut later = board.clone();
    later.run.as_mut().unwrap().tasks.reverse();
    model.take(Arc::new(later.clone()));
    assert_eq!(model.task().map(|t| t.name.as_str()), Some("bucket"), "nobody has moved");
    press(&mut model, "j", now);
    let chosen = model.selected.clone();
    model.take(Arc::new(board.clone()));
    assert_eq!(model.selected, chosen);
    press(&mut model, "g", now);
    model.take(Arc::new(later));
    assert_eq!(model.task().map(|t| t.name.as_str()), Some("bucket"), "at the top one stays there");
}

#[test]
fn timeline_failures_and_health() {
    let (board, now) = self::board(samples::ended(), Coordinator::Gone);
    let mut model = self::model(board);
    press(&mut model, "2", now);
    held("timeline", &mut model, now);
    let (board, now) = busy();
    let mut model = self::model(board);
    press(&mut model, "4", now);
    held("failures", &mut model, now);
    press(&mut model, "G", now);
    held("lessons", &mut model, now);
    press(&mut model, "5", now);
    held("health", &mut model, now);
    assert_eq!(press(&mut model, "6", now), Effect::Runs, "they are looked back on when they come in sight");
    let line = |i: u32, sample: &Sample| RunLine {
        id: format!("2601{i:02}-030405-abcd"),
        ..RunLine::of(sample.status(Coordinator::Gone), &sample.state)
    };
    let runs: Vec<RunLine> = (1..=4).rev().map(|i| line(i, &if i > 2 { samples::ended() } else { samples::half_way() })).collect();
    model.runs = Runs::Ready(OverTime::new(runs, Retries::default(), None, now));
    held("runs", &mut model, now);
}

#[test]
fn one_task_tab_by_tab() {
    let (board, now) = busy();
    let mut model = self::model(board);
    assert_eq!(press(&mut model, "\n", now), Effect::Nothing);
    assert_eq!((model.view, model.task().map(|t| t.name.as_str())), (View::Task, Some("docs")));
    let open = model.open.as_mut().unwrap();
    let long = format!("a line of more than eighty columns, {}", "which is folded where the row is full, ".repeat(3));
    open.log = ["I look at the links first.", "▸ runs `make links`", "  | 2 links are dead", "✗ it failed", "· model m", &long]
        .map(String::from)
        .into();
    open.gate = Some(vec![Paper {
        name: String::from("check-1.log"),
        lines: vec![String::from("line one"), String::from("2 links are dead")],
        cut: false,
    }]);
    open.prompt = Some(vec![String::from("# Your task"), String::new(), String::from("Do docs.")]);
    held("task-log", &mut model, now);
    assert_eq!(press(&mut model, "→", now), Effect::Diff, "git is asked when it comes in sight");
    let text = "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@ fn main\n one\n-two\n+\u{1b}[31m2\u{202e}\n three\n";
    let mut diff = parse(text);
    diff.of = String::from("in its worktree now");
    model.open.as_mut().unwrap().diff = Loaded::Ready(diff);
    held("task-diff", &mut model, now);
    press(&mut model, "→", now);
    held("task-prompt", &mut model, now);
    press(&mut model, "→", now);
    held("task-gate", &mut model, now);
    press(&mut model, "→", now);
    held("task-attempts", &mut model, now);
    let header = TaskKey::new("limits", "header");
    let mut open = super::open::OpenTask::new(header, None);
    open.tab = Tab::Beats;
    model.open = Some(open);
    held("task-beats", &mut model, now);
}

#[test]
fn what_the_suite_said_on_the_base_is_one_key_away() {
    let (board, now) = self::board(samples::red_base(), Coordinator::Gone);
    let mut model = self::model(board);
    press(&mut model, "o", now);
    assert_eq!(model.view, View::Suite);
    // As the loop does, with the files of a run that is nowhere: what the journal kept is shown.
    let plan = model.run().unwrap().plans[0].clone();
    assert!(model.suite.as_mut().unwrap().read(&plan) && !model.suite.as_mut().unwrap().read(&plan), "once is enough");
    held("suite", &mut model, now);
    press(&mut model, "o", now);
    assert_eq!((model.view, model.suite.is_none()), (View::Tasks, true), "and the same leads back");
}

#[test]
fn every_text_is_searched_and_the_next_hit_is_reached_from_where_one_is() {
    let (board, now) = busy();
    let mut model = self::model(board);
    let found = |model: &mut Model, keys: &str, sought: &str| {
        drawn(model, SMALL, now);
        press(model, keys, now);
        let message = model.message.take().map(|m| m.text);
        assert_eq!(message, None, "after {keys:?}");
        let buffer = drawn(model, SMALL, now);
        let reversed: String = buffer.content().iter().filter(|c| c.modifier.contains(Modifier::REVERSED)).map(|c| c.symbol()).collect();
        assert!(reversed.contains(sought), "after {keys:?} `{sought}` stands out:\n{reversed}\n{}", text(&buffer));
    };
    // Attempts and heartbeats of one task.
    press(&mut model, "\n→→→→", now);
    assert_eq!(model.open.as_ref().map(|o| o.tab), Some(Tab::Attempts));
    found(&mut model, "/LINKS are\n", "| 2 links are dead");
    found(&mut model, "/nowhere/\n", "/nowhere/runs/");
    let header = TaskKey::new("limits", "header");
    let mut open = super::open::OpenTask::new(header, None);
    open.tab = Tab::Beats;
    model.open = Some(open);
    found(&mut model, "/keeper\n", "process 4711");
    // The views that are texts, and failures with lessons.
    press(&mut model, "5", now);
    found(&mut model, "/one at a time\n", "as fast as one at a time");
    press(&mut model, "4", now);
    found(&mut model, "/links are\n", "docs#1");
    found(&mut model, "n", "4x");
    // Two hits on the last page, which no scrolling tells apart.
    press(&mut model, "3", now);
    let open = model.open.as_mut().unwrap();
    open.tab = Tab::Prompt;
    open.prompt = Some((0..100).map(|i| if i % 10 == 7 { format!("seven in {i}") } else { format!("line {i}") }).collect());
    found(&mut model, "/in 87\n", "seven in 87");
    found(&mut model, "/seven\n", "seven in 87");
    found(&mut model, "n", "seven in 97");
    found(&mut model, "n", "seven in 7");
    found(&mut model, "N", "seven in 97");
    press(&mut model, "/nothing like it\n", now);
    assert_eq!(model.message.take().map(|m| m.text).as_deref(), Some("`nothing like it` is not found here"));
    // What is searched for in a text narrows no list.
    press(&mut model, "1", now);
    assert!(model.search.is_empty() && text(&drawn(&mut model, SMALL, now)).contains("bucket"));
    press(&mut model, "/docs\n/head\n", now);
    assert_eq!(model.search, "head", "a search begins anew");
    press(&mut model, "/\n", now);
    assert_eq!(model.search, "");
}

#[test]
fn a_text_ends_with_its_last_page() {
    let (board, now) = busy();
    let mut model = self::model(board);
    press(&mut model, "\n→→", now);
    model.open.as_mut().unwrap().prompt = Some((0..100).map(|i| format!("line {i}.")).collect());
    press(&mut model, "G", now);
    let shown = text(&drawn(&mut model, SMALL, now));
    assert!(shown.contains("line 99.") && shown.contains("line 90."), "{shown}");
    press(&mut model, "k", now);
    let shown = text(&drawn(&mut model, SMALL, now));
    assert!(!shown.contains("line 99.") && shown.contains("line 98."), "one key, one line:\n{shown}");
}

#[test]
fn a_run_whose_coordinator_is_gone_says_what_its_key_does() {
    let asks = |coordinator, keys: &str| {
        let (board, now) = self::board(samples::half_way(), coordinator);
        let mut model = self::model(board);
        press(&mut model, keys, now);
        let shown = text(&drawn(&mut model, SMALL, now));
        (model, now, shown)
    };
    let (mut model, now, shown) = asks(Coordinator::Gone, "p");
    assert!(shown.contains("p resume") && shown.contains("(p takes the run up again"), "{shown}");
    assert!(shown.contains("Its coordinator is gone, and none of its attempts runs."), "{shown}");
    assert_eq!(press(&mut model, "y", now), Effect::Do(Command::Resume));
    let (mut model, now, shown) = asks(Coordinator::Alive, "");
    assert!(shown.contains("p pause"), "{shown}");
    let mut board = model.board.as_deref().unwrap().clone();
    board.run.as_mut().unwrap().state = String::from("stopping");
    model.take(Arc::new(board));
    assert_eq!(press(&mut model, "p", now), Effect::Nothing);
    assert!(model.message.as_ref().is_some_and(|m| m.is_error && m.text.contains("being stopped")));
    let (busy, now) = busy();
    let mut board = busy;
    board.run.as_mut().unwrap().state = String::from("interrupted");
    board.run.as_mut().unwrap().alive = false;
    let mut model = self::model(board);
    press(&mut model, "p", now);
    assert!(text(&drawn(&mut model, SMALL, now)).contains("one attempt goes on, and is taken over"));
}

#[test]
fn what_lies_over_a_view() {
    let (board, now) = busy();
    let mut model = self::model(board);
    press(&mut model, "?", now);
    held("help", &mut model, now);
    press(&mut model, "q", now);
    assert_eq!(model.asking, Asking::Nothing, "any key closes the help, and does nothing else");
    press(&mut model, "js", now);
    held("stop", &mut model, now);
    assert_eq!(press(&mut model, "n", now), Effect::Nothing);
    press(&mut model, "aport 9000", now);
    held("answer", &mut model, now);
    assert_eq!(press(&mut model, "\n", now), Effect::Do(Command::Answer { question: 3, text: String::from("port 9000") }));
    model.board = Some(Arc::new(Board { at: now, ..Board::default() }));
    held("nothing", &mut model, now);
}

#[test]
fn keys_ask_before_they_end_something_and_refuse_what_makes_no_sense() {
    let (board, now) = busy();
    let mut model = self::model(board);
    let header = vec![TaskKey::new("limits", "header")];
    model.selected = header.first().cloned();
    press(&mut model, "s", now);
    assert!(matches!(model.asking, Asking::Confirm(_)));
    assert_eq!(press(&mut model, "y", now), Effect::Do(Command::StopTasks { tasks: header.clone(), now: false }));
    press(&mut model, "s", now);
    assert_eq!(press(&mut model, "k", now), Effect::Do(Command::StopTasks { tasks: header, now: true }));
    assert_eq!(press(&mut model, "Sy", now), Effect::Do(Command::StopRun { now: false }));
    assert_eq!(press(&mut model, "r", now), Effect::Nothing, "it has not ended");
    assert!(model.message.as_ref().is_some_and(|m| m.is_error && m.text.contains("is running")));
    model.selected = Some(TaskKey::new("limits", "docs"));
    assert!(matches!(press(&mut model, "r", now), Effect::Do(Command::Retry { fresh: false, .. })));
    assert_eq!(press(&mut model, "R", now), Effect::Nothing);
    assert!(matches!(press(&mut model, "y", now), Effect::Do(Command::Retry { fresh: true, .. })));
    assert_eq!(press(&mut model, "p", now), Effect::Do(Command::Pause));
    assert_eq!(press(&mut model, "L", now), Effect::AskLand);
    assert_eq!(press(&mut model, "d", now), Effect::Nothing, "it is in nobody's hands");
    let mut other = model.board.as_deref().unwrap().clone();
    other.run.as_mut().unwrap().tasks.iter_mut().find(|t| t.name == "guide").unwrap().by_hand = true;
    model.take(Arc::new(other));
    let guide = TaskKey::new("limits", "guide");
    let done = Command::Done { task: guide, message: String::from("ok") };
    assert_eq!(press(&mut model, "dok\n", now), Effect::Do(done), "the only one in somebody's hands is meant");
    assert_eq!(press(&mut model, "q", now), Effect::Quit);
    model.inside = true;
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let pressed = action(&model.asking, model.view, interrupt).map(|a| update(&mut model, a, now));
    assert_eq!(pressed, Some(Effect::Interrupt), "Ctrl-C is the run's where it runs");
}

#[test]
fn of_a_run_that_is_over_only_what_makes_sense_is_asked_for() {
    let (board, now) = self::board(samples::ended(), Coordinator::Gone);
    let mut model = self::model(board);
    press(&mut model, "/docs\n", now);
    press(&mut model, "r", now);
    assert!(matches!(model.asking, Asking::Confirm(_)), "a coordinator is started for it, which is asked for");
    assert!(matches!(press(&mut model, "y", now), Effect::Do(Command::Retry { .. })));
    for key in ["p", "S", "s"] {
        assert_eq!(press(&mut model, key, now), Effect::Nothing, "{key}");
        assert!(model.message.take().is_some_and(|m| m.is_error), "{key}");
    }
}

#[test]
fn a_list_is_searched_filtered_and_keeps_what_is_selected() {
    let (board, now) = thousand();
    let mut model = self::model(board.clone());
    press(&mut model, "/task-07", now);
    let buffer = drawn(&mut model, SMALL, now);
    assert!(text(&buffer).contains("task-070") && !text(&buffer).contains("task-001"));
    press(&mut model, "\n", now);
    press(&mut model, "jj", now);
    assert_eq!(model.selected, Some(TaskKey::new("many", "task-072")));
    // Another board, in which rows have moved, does not move what is selected.
    let mut later = board;
    later.run.as_mut().unwrap().tasks.reverse();
    model.take(Arc::new(later));
    assert_eq!(model.selected, Some(TaskKey::new("many", "task-072")));
    press(&mut model, "\u{1b}ff", now);
    assert_eq!((model.search.as_str(), model.filter.name()), ("", "unfinished"));
    press(&mut model, "f", now);
    assert!(text(&drawn(&mut model, SMALL, now)).contains("at work"));
}

#[test]
fn the_ends_of_a_thousand_tasks_are_reached_and_only_what_is_seen_is_drawn() {
    let (board, now) = thousand();
    let mut model = self::model(board);
    held("thousand", &mut model, now);
    press(&mut model, "fG", now);
    let shown = text(&drawn(&mut model, SMALL, now));
    assert!(shown.contains("task-999"), "{shown}");
    press(&mut model, "g", now);
    let shown = text(&drawn(&mut model, SMALL, now));
    assert!(shown.contains("many") && shown.contains("0/1000"), "the plan stands over its first task:\n{shown}");
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        drawn(&mut model, LARGE, now);
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?} for a hundred pictures", begun.elapsed());
}

#[test]
fn what_others_wrote_moves_no_cursor_and_breaks_no_column() {
    let hostile = "\u{1b}[2Jx\u{202e}evil\u{7}\u{1b}]0;title\u{7} 日本語の題名がとても長い 👩‍👩‍👧‍👦 e\u{301} \u{200b}z\r\n\tend";
    let task = greenlane_core::plan::Task { title: hostile.to_owned(), ..samples::task("wide-日本語", &[]) };
    let mut run = Sample::new(vec![greenlane_core::plan::Plan { name: hostile.to_owned(), ..samples::plan("p", vec![task]) }], &[]);
    run.spawn("p", "wide-日本語");
    run.wait_secs(5).exit("p", "wide-日本語", Exit::Code { code: 1 }, hostile);
    let (board, now) = self::board(run, Coordinator::Gone);
    let mut model = self::model(board);
    for keys in ["1", "2", "4", "5", "6", "3", "?"] {
        press(&mut model, keys, now);
        for size in [SMALL, LARGE, (40, 10), (24, 8), (10, 3)] {
            let buffer = drawn(&mut model, size, now);
            for cell in buffer.content() {
                let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                assert!(!cell.symbol().chars().any(bad), "{:?} in view {keys}", cell.symbol());
            }
        }
    }
}

#[test]
fn colours_are_the_terminals_own_and_not_needed() {
    let (board, now) = busy();
    let mut model = self::model(board.clone());
    let colours = |buffer: &Buffer| buffer.content().iter().flat_map(|c| [c.fg, c.bg]).collect::<std::collections::HashSet<_>>();
    let of = |c: &Color| matches!(c, Color::Reset | Color::Red | Color::Green | Color::Yellow | Color::Cyan);
    let with = drawn(&mut model, SMALL, now);
    assert!(colours(&with).iter().all(of) && colours(&with).len() > 3);
    assert!(with.content().iter().all(|c| c.bg == Color::Reset), "the background is the reader's");
    let mut plain = self::model(board);
    plain.theme.color = false;
    let without = drawn(&mut plain, SMALL, now);
    assert_eq!(colours(&without).len(), 1, "none but the usual one");
    assert_eq!(text(&with), text(&without));
    assert!(without.content().iter().any(|c| c.modifier.contains(Modifier::REVERSED)), "what is selected is seen all the same");
}

#[test]
fn a_run_that_begins_takes_the_place_of_the_one_before() {
    let (board, now) = busy();
    let mut model = self::model(board.clone());
    press(&mut model, "\n", now);
    let mut next = board;
    next.run.as_mut().unwrap().id = "r2".into();
    model.take(Arc::new(next));
    assert_eq!((model.view, model.open.is_none()), (View::Tasks, true));
    let gone = |run: &RunBoard| run.tasks.iter().map(|t: &TaskRow| t.name.clone()).collect::<Vec<_>>();
    assert!(!gone(model.run().unwrap()).is_empty());
}
