//! What a key means, by what is on the screen. Pure.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{Asking, View};

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    Help,
    View(View),
    NextView,
    PreviousView,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Back,
    NextTab,
    PreviousTab,
    NextAttempt,
    PreviousAttempt,
    Follow,
    Search,
    NextMatch,
    PreviousMatch,
    Filter,
    Stop,
    StopRun,
    Retry,
    RetryFresh,
    Pause,
    Land,
    Answer,
    Done,
    Fail,
    Edit,
    Suite,
    Redraw,
    Interrupt,
    Suspend,
    Yes,
    YesAtOnce,
    No,
    Type(char),
    Erase,
    EraseWord,
    EraseAll,
    Submit,
}

/// The action of a key; `None`: it means nothing here.
pub(super) fn action(asking: &Asking, view: View, key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => return Some(Action::Interrupt),
        KeyCode::Char('z') if control => return Some(Action::Suspend),
        KeyCode::Char('l') if control => return Some(Action::Redraw),
        _ => {}
    }
    match asking {
        Asking::Nothing => plain(view, key, control),
        Asking::Help => Some(Action::Back),
        Asking::Confirm(_) => Some(match key.code {
            KeyCode::Char('y' | 'Y') => Action::Yes,
            KeyCode::Char('k' | 'K') => Action::YesAtOnce,
            _ => Action::No,
        }),
        Asking::Text(_) => typed(key, control),
    }
}

fn typed(key: KeyEvent, control: bool) -> Option<Action> {
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        KeyCode::Esc => Action::No,
        KeyCode::Enter if alt => Action::Type('\n'),
        KeyCode::Char('j') if control => Action::Type('\n'),
        KeyCode::Enter => Action::Submit,
        KeyCode::Char('w') if control => Action::EraseWord,
        KeyCode::Char('u') if control => Action::EraseAll,
        KeyCode::Char('h') if control => Action::Erase,
        KeyCode::Backspace => Action::Erase,
        KeyCode::Char(c) if !control && !alt => Action::Type(c),
        _ => return None,
    })
}

fn plain(view: View, key: KeyEvent, control: bool) -> Option<Action> {
    // Esc and another key in one breath look like this one with Alt: nothing is ended by mistake.
    if key.modifiers.contains(KeyModifiers::ALT) {
        return (key.code != KeyCode::Enter).then_some(Action::Back);
    }
    if control {
        return match key.code {
            KeyCode::Char('d' | 'f') => Some(Action::PageDown),
            KeyCode::Char('u' | 'b') => Some(Action::PageUp),
            KeyCode::Char('n') => Some(Action::Down),
            KeyCode::Char('p') => Some(Action::Up),
            _ => None,
        };
    }
    let in_task = view == View::Task;
    Some(match key.code {
        KeyCode::Char('q') => Action::Quit,
        KeyCode::Char('?') | KeyCode::F(1) => Action::Help,
        KeyCode::Char(c @ '1'..='6') => Action::View(View::ALL[(c as usize) - ('1' as usize)]),
        KeyCode::Tab => Action::NextView,
        KeyCode::BackTab => Action::PreviousView,
        KeyCode::Up | KeyCode::Char('k') => Action::Up,
        KeyCode::Down | KeyCode::Char('j') => Action::Down,
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Action::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Action::Top,
        KeyCode::End | KeyCode::Char('G') => Action::Bottom,
        KeyCode::Right if in_task => Action::NextTab,
        KeyCode::Left if in_task => Action::PreviousTab,
        KeyCode::Char(']') if in_task => Action::NextAttempt,
        KeyCode::Char('[') if in_task => Action::PreviousAttempt,
        KeyCode::Char('F') if in_task => Action::Follow,
        KeyCode::Enter | KeyCode::Right if !in_task => Action::Open,
        KeyCode::Esc | KeyCode::Backspace => Action::Back,
        KeyCode::Char('/') => Action::Search,
        KeyCode::Char('n') => Action::NextMatch,
        KeyCode::Char('N') => Action::PreviousMatch,
        KeyCode::Char('f') => Action::Filter,
        KeyCode::Char('s') => Action::Stop,
        KeyCode::Char('S') => Action::StopRun,
        KeyCode::Char('r') => Action::Retry,
        KeyCode::Char('R') => Action::RetryFresh,
        KeyCode::Char('p') => Action::Pause,
        KeyCode::Char('L') => Action::Land,
        KeyCode::Char('a') => Action::Answer,
        KeyCode::Char('d') => Action::Done,
        KeyCode::Char('x') => Action::Fail,
        KeyCode::Char('e') => Action::Edit,
        KeyCode::Char('o') => Action::Suite,
        _ => return None,
    })
}

/// The keys as `?` shows them: what they are for, and each with its meaning.
pub(super) const HELP: &[(&str, &[(&str, &str)])] = &[
    (
        "Look",
        &[
            ("1-6, Tab", "tasks, timeline, one task, failures, health, runs"),
            ("↑ ↓, j k", "up and down; PgUp PgDn, Home End (g G)"),
            ("Enter, Esc", "open the selected task; back"),
            ("← →", "one task: log, diff, prompt, gate, attempts, beats"),
            ("[ ]", "one task: attempt before, attempt after"),
            ("F", "one task: follow the log's end, or not"),
            ("o", "what the suite of the task's plan said, also on its base"),
            ("/, n N", "search; next and previous hit in a text, part of a diff"),
            ("f", "tasks: all that fit, all, unfinished, at work, not done, done"),
        ],
    ),
    (
        "Do",
        &[
            ("s, S", "stop the task; stop the run (both ask first)"),
            ("r, R", "retry the task; the same from the base (asks)"),
            ("p", "pause: nothing more starts; again: go on; resume"),
            ("a", "answer a question"),
            ("d, x", "give back a task in your hands: done; failed"),
            ("L", "land the plan's branch (asks first)"),
            ("e", "open the task's worktree in $VISUAL or $EDITOR"),
            ("Ctrl-Z, q", "suspend; quit: the run goes on"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::model::{Confirm, Purpose, Question};

    fn key(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    fn of(view: View, c: char) -> Option<Action> {
        action(&Asking::Nothing, view, key(KeyCode::Char(c)))
    }

    #[test]
    fn keys_mean_what_the_help_says() {
        assert_eq!(of(View::Tasks, '3'), Some(Action::View(View::Task)));
        assert_eq!(of(View::Tasks, 's'), Some(Action::Stop));
        assert_eq!(of(View::Tasks, 'S'), Some(Action::StopRun));
        assert_eq!((of(View::Tasks, ']'), of(View::Task, ']')), (None, Some(Action::NextAttempt)));
        let right = |view| action(&Asking::Nothing, view, key(KeyCode::Right));
        assert_eq!((right(View::Tasks), right(View::Task)), (Some(Action::Open), Some(Action::NextTab)));
        assert_eq!(of(View::Tasks, '%'), None);
    }

    #[test]
    fn a_question_takes_every_key_and_only_yes_is_yes() {
        let confirm = Asking::Confirm(Confirm::default());
        for (code, expected) in
            [(KeyCode::Char('y'), Action::Yes), (KeyCode::Char('q'), Action::No), (KeyCode::Enter, Action::No), (KeyCode::Esc, Action::No)]
        {
            assert_eq!(action(&confirm, View::Tasks, key(code)), Some(expected));
        }
        let text = Asking::Text(Question::new(Purpose::Search, String::new()));
        assert_eq!(action(&text, View::Tasks, key(KeyCode::Char('q'))), Some(Action::Type('q')));
        assert_eq!(action(&text, View::Tasks, key(KeyCode::Enter)), Some(Action::Submit));
        let newline = KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT);
        assert_eq!(action(&text, View::Tasks, newline), Some(Action::Type('\n')));
    }

    #[test]
    fn control_c_is_heard_everywhere_and_a_release_is_no_key() {
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for asking in [Asking::Nothing, Asking::Help, Asking::Text(Question::new(Purpose::Search, String::new()))] {
            assert_eq!(action(&asking, View::Tasks, interrupt), Some(Action::Interrupt));
        }
        let release = KeyEvent { kind: KeyEventKind::Release, ..key(KeyCode::Char('q')) };
        assert_eq!(action(&Asking::Nothing, View::Tasks, release), None);
    }
}
