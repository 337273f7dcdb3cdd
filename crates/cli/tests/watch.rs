//! The dashboard in a real terminal: attached to a run, driven by keys, left as it was found.
#![cfg(feature = "tui")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Sandbox, await_file, eventually};

/// A terminal of this size with a shell in it; its server goes with it.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// Runs a line of the shell, with the environment of the sandbox.
    fn start(s: &Sandbox, size: (u16, u16), line: &str) -> Self {
        Self::start_as(s, "t", size, line)
    }

    /// One of several.
    fn start_as(s: &Sandbox, name: &str, (columns, rows): (u16, u16), line: &str) -> Self {
        let terminal = Self { socket: s.path(name) };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // Ctrl-C goes to the shell as well, which goes on. The command of the sandbox has its environment; tmux hands it on.
        let mut command = s.command_of("tmux".as_ref(), &["-S", terminal.socket.to_str().unwrap(), "-f", "/dev/null"]);
        command.env("GREENLANE", env!("CARGO_BIN_EXE_greenlane")).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.args(["new-session", "-d", "-x", &columns, "-y", &rows, &format!("sh -c 'trap : INT; {line}; sleep 1000'")]);
        assert!(command.status().unwrap().success(), "tmux is needed: scripts/test installs it");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let done = Command::new("tmux").arg("-S").arg(&self.socket).args(args).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until this stands on the screen.
    fn shows(&self, what: &str) {
        let mut last = String::new();
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || {
                last = self.text();
                last.contains(what)
            });
        }));
        assert!(shown.is_ok(), "`{what}` is not shown:\n{last}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn waits(id: &str) -> String {
    format!(
        "[[task]]\nid = \"{id}\"\nowns = [\"{id}.txt\"]\nretries = 0\nrun = '''\n{}; echo {id} > {id}.txt\n'''\n",
        await_file(&format!("go-{id}"))
    )
}

/// An agent's question, by the protocol of its tools; gives the answer.
fn ask(s: &Sandbox, task: &str, question: &str) -> std::thread::JoinHandle<String> {
    let mut command = s.command(&["mcp", "--task", task, "--wait", "50s"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let question = question.to_owned();
    std::thread::spawn(move || {
        let mut stdin = child.stdin.take().unwrap();
        let lines = [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
            format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"ask","arguments":{{"question":"{question}"}}}}}}"#),
        ];
        lines.iter().for_each(|l| writeln!(stdin, "{l}").unwrap());
        let answers: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).take(2).collect();
        drop(stdin);
        child.wait().unwrap();
        answers.last().cloned().unwrap_or_default()
    })
}

const LEFT: &str = "; echo left with $?; stty -a | grep -o \" -*icanon\"";

#[test]
#[cfg(feature = "mcp")]
fn a_run_is_looked_at_and_acted_on_and_the_terminal_given_back() {
    let s = Sandbox::new(&[]);
    let plan = format!("verify = []\n{}{}", waits("alpha"), waits("beta"));
    let run = s.start(s.run_command(&plan, &[]));
    eventually("they are at work", || s.count("attempt_spawned") == 2);
    let editor =
        s.script("editor", "#!/bin/sh\n{ pwd; stty -a | grep -o ' -*icanon'; } > $OUT/edited.new; mv $OUT/edited.new $OUT/edited\n");
    let t = Terminal::start(&s, (80, 24), &format!("EDITOR={}/editor VISUAL= $GREENLANE watch{LEFT}", editor.display()));
    t.shows("0/2 done, 2 at work");

    t.press(&["/"]);
    t.press(&["-l", "beta"]);
    t.press(&["Enter", "s"]);
    t.shows("Stop `beta`?");
    t.press(&["n"]);
    t.press(&["s"]);
    t.shows("Stop `beta`?");
    t.press(&["y"]);
    t.shows("× beta cancelled");
    assert_eq!(s.task("beta")["state"], "cancelled", "the key before was a no");
    t.press(&["r"]);
    t.shows("▶ beta running #2");
    t.press(&["Escape"]);
    t.shows("alpha");

    // The editor has the terminal, in the task's worktree, and gives it back.
    t.press(&["e"]);
    common::wait_for(&s.out("edited"));
    let edited = std::fs::read_to_string(s.out("edited")).unwrap();
    assert!(edited.starts_with(s.path("state").to_str().unwrap()) && edited.contains(" icanon") && !edited.contains("-icanon"), "{edited}");
    t.shows("0/2 done, 2 at work");

    let answer = ask(&s, "alpha", "Which port?");
    t.shows("alpha asks: Which port?");
    t.press(&["a"]);
    t.shows("question 1");
    t.press(&["-l", "take 9000"]);
    t.press(&["Enter"]);
    assert!(answer.join().unwrap().contains("take 9000"));
    t.shows("answered question 1");

    t.press(&["1", "g", "Enter"]);
    t.shows("attempt 1 of 1, followed");
    std::fs::write(s.out("go-alpha"), "").unwrap();
    std::fs::write(s.out("go-beta"), "").unwrap();
    t.shows("✓ finished");
    assert_eq!(run.wait().code, 0);
    t.press(&["q"]);
    t.shows("left with 0");
    t.shows(" icanon");
    assert!(!t.text().contains("-icanon"), "{}", t.text());
}

#[test]
fn a_run_keeps_its_contract_below_its_dashboard() {
    let s = Sandbox::new(&[]);
    let path = s.plan("plan.toml", &format!("id = \"p\"\nverify = []\n{}{}", waits("alpha"), waits("beta")));
    let t = Terminal::start(&s, (100, 30), &format!("$GREENLANE run {} --tui{LEFT}", path.display()));
    t.shows("2 at work");
    t.press(&["q"]);
    // Plain lines go on where the dashboard was.
    t.shows("greenlane watch");
    t.shows("0/2 done");
    t.press(&["C-c"]);
    t.shows("stopping");
    t.press(&["C-c"]);
    t.shows("left with 130");
    t.shows(" icanon");
}

#[test]
fn it_waits_for_the_first_run_and_a_signal_gives_the_terminal_back() {
    let s = Sandbox::new(&[]);
    let t = Terminal::start(&s, (80, 24), &format!("$GREENLANE watch{LEFT}"));
    t.shows("Nothing has run in this repository yet.");
    let plan = format!("verify = []\n{}", waits("alpha"));
    let run = s.start(s.run_command(&plan, &[]));
    t.shows("▶ alpha running");
    common::signal(child_of(&t), "TERM");
    t.shows("left with 143");
    t.shows(" icanon");
    run.signal("TERM");
    run.wait();
}

#[test]
fn what_is_over_is_taken_up_in_the_background() {
    let s = Sandbox::new(&[]);
    let run = "[[task]]\nid = \"alpha\"\nowns = [\"a.txt\"]\nretries = 0\nrun = '[ -e $OUT/ok ] && echo a > a.txt'\n";
    assert_eq!(s.run(&format!("verify = []\n{run}"), &[]).code, 1);
    let t = Terminal::start(&s, (80, 24), &format!("$GREENLANE watch{LEFT}"));
    t.shows("✗ alpha failed");
    std::fs::write(s.out("ok"), "").unwrap();
    t.press(&["r"]);
    t.shows("Retry `alpha`?");
    t.press(&["y"]);
    t.shows("✓ alpha done");
    t.shows("✓ finished");
    t.press(&["C-z"]);
    // Nobody waits for a stopped process but a shell with jobs: it is woken as such a shell does.
    let pid = child_of(&t);
    eventually("it stands still", || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") T ")));
    common::signal(pid, "CONT");
    t.shows("✓ alpha done");
    t.press(&["C-c"]);
    t.shows("left with 0");
}

/// What runs in the terminal's shell.
fn child_of(t: &Terminal) -> u32 {
    child(t.tmux(&["list-panes", "-F", "#{pane_pid}"]).trim().parse().unwrap())
}

/// The only child of a process.
fn child(pid: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

#[test]
fn without_a_terminal_it_says_what_goes_without() {
    let s = Sandbox::new(&[]);
    for (args, hint) in [(&["watch"][..], "greenlane status --watch"), (&["run", "--tui"], "plain lines")] {
        let ran = s.greenlane(args);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("needs a terminal") && ran.stderr.contains(hint), "{}", ran.stderr);
    }
}

#[test]
fn a_dashboard_whose_terminal_was_closed_ends_though_nobody_tells_it() {
    let s = Sandbox::new(&[]);
    // In a session of its own it gets no signal from the terminal.
    let t = Terminal::start(&s, (80, 24), "setsid sh -c \"echo \\$\\$ > $OUT/pid; exec $GREENLANE watch\"");
    t.shows("greenlane run");
    let pid = std::fs::read_to_string(s.path("out/pid")).unwrap();
    drop(t);
    let process = PathBuf::from("/proc").join(pid.trim());
    eventually("it has ended", || !process.exists());
}

#[test]
fn a_suite_that_is_red_on_the_base_is_read_to_its_first_line_with_one_key() {
    let s = Sandbox::new(&[]);
    let suite = "echo the very first line; for i in $(seq 1 60); do echo line $i; done; exit 3";
    let ran = s.run(&format!("verify = ['''{suite}''']\n[[task]]\nid = \"alpha\"\nowns = [\"a.txt\"]\nrun = 'echo a > a.txt'\n"), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let t = Terminal::start(&s, (80, 24), &format!("$GREENLANE watch{LEFT}"));
    t.shows("the suite is red on the base of p (o shows");
    t.press(&["o"]);
    t.shows("the very first line");
    t.press(&["G"]);
    t.shows("line 60");
    t.press(&["Escape"]);
    t.shows("- alpha skipped");
    t.press(&["q"]);
    t.shows("left with 0");
}

#[test]
fn what_is_pressed_in_the_editor_is_meant_for_the_editor() {
    let s = Sandbox::new(&[]);
    let path = s.plan("plan.toml", &format!("id = \"p\"\nverify = []\n{}", waits("alpha")));
    // It goes on after Ctrl-Z as an editor does, and Ctrl-C ends it.
    let editor = s.script("editor", "#!/bin/sh\necho edits; trap \"echo goes on\" CONT; while :; do sleep 0.1; done\n");
    let shell = format!("EDITOR={}/editor VISUAL= PS1=ready: bash --norc -i", editor.display());
    let edits = |t: &Terminal, program: &str| {
        t.shows("ready:");
        t.press(&[program, "Enter"]);
        eventually("it has a worktree", || Some(t.text()).is_some_and(|t| t.contains("alpha running") && !t.contains("prepared")));
        t.press(&["e"]);
        t.shows("edits");
        t.press(&["C-z"]);
        t.shows("Stopped");
        t.press(&["fg", "Enter"]);
        t.shows("goes on");
        t.press(&["C-c"]);
        t.shows("was ended by signal 2");
        t.shows("alpha running");
    };
    let run = Terminal::start_as(&s, "t", (80, 24), &shell);
    edits(&run, &format!("$GREENLANE run {} --tui", path.display()));
    let watch = Terminal::start_as(&s, "u", (80, 24), &shell);
    edits(&watch, "$GREENLANE watch");
    assert_eq!(s.count("stop_requested"), 0, "the run is not meant");
    watch.press(&["q"]);
    watch.shows("ready:");
    // A signal ends both, the editor and the dashboard.
    watch.press(&["clear; $GREENLANE watch; echo left with $?", "Enter"]);
    watch.shows("alpha running");
    watch.press(&["e"]);
    watch.shows("edits");
    common::signal(child(child_of(&watch)), "TERM");
    watch.shows("left with 143");
    run.press(&["C-c"]);
    run.shows("stopping");
    run.press(&["C-c"]);
    run.shows("1 cancelled");
}

#[test]
fn a_run_whose_coordinator_was_killed_is_taken_up_again_by_one_key() {
    let s = Sandbox::new(&[]);
    let plan = format!("verify = []\n{}{}", waits("alpha"), waits("beta"));
    let run = s.start(s.run_command(&plan, &[]));
    eventually("they are at work", || s.count("attempt_spawned") == 2);
    let t = Terminal::start(&s, (80, 24), &format!("$GREENLANE watch{LEFT}"));
    t.shows("0/2 done, 2 at work");
    run.signal("KILL");
    run.wait();
    t.shows("! interrupted");
    t.shows("(p takes the run up again");
    t.shows("p resume");
    t.press(&["p"]);
    t.shows("2 attempts go on, and are taken over");
    t.press(&["y"]);
    t.shows("the run is taken up in the background");
    t.shows("▶ running");
    // Once it is stopped the same key takes it up as well, and says another thing.
    t.press(&["S"]);
    t.shows("Stop the whole run?");
    t.press(&["k"]);
    t.shows("× stopped");
    t.press(&["p"]);
    t.shows("It was stopped before its end.");
    for task in ["alpha", "beta"] {
        std::fs::write(s.out(&format!("go-{task}")), "").unwrap();
    }
    t.press(&["y"]);
    t.shows("✓ finished");
    t.press(&["p"]);
    t.shows("this run is over: there is nothing to pause");
    t.press(&["q"]);
    t.shows("left with 0");
    assert!(t.text().starts_with("left with 0"), "it leaves without a word: {}", t.text());
}
