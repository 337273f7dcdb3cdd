//! What agents and programs print, damaged: what it is taken for is bounded, and told quickly.

use greenlane_core::attempt::{AgentError, AgentReport, Exit, ExitRecord};
use greenlane_core::deficiency::{normalise, telling_line};
use greenlane_core::failure::{UTC_ONLY, http_status, is_error_line, last_lines, of_exit, reset_at, stack_trace};
use greenlane_core::time::Time;
use greenlane_testkit::fuzz::Target;

const NOW: Time = Time(1_767_323_045_000);

const SEEDS: &[&str] = &[
    "Claude AI usage limit reached|1767326645\nYour limit will reset at 3pm (Europe/Berlin).",
    "You've hit your usage limit. Try again at Jan 3rd, 2026 3:05 PM, or in 3 days 5 hours and 28 minutes.",
    "429 Too Many Requests\nretry-after: 30\nx-ratelimit-reset-requests: 6m0s\nx-ratelimit-reset: 1767323095",
    "{\"error\":{\"code\":429,\"message\":\"Resource exhausted\",\"details\":[{\"retryDelay\":\"34.1s\"}],\"resets_at\": 1767326645000}}",
    "rate limit until 2026-01-02T03:05:05Z, or 2026-01-02 04:04:05.5 +01:00; resets Dec 5 at 10:30am (UTC)",
    "thread 'main' (41) panicked at src/main.rs:3:5:\nindex out of bounds: the len is 0\nstack backtrace:\n   0: rust_begin_unwind\nnote: run with `RUST_BACKTRACE=1`\n",
    "Traceback (most recent call last):\n  File \"/w/a.py\", line 2, in <module>\n    f()\nZeroDivisionError: division by zero\n",
    "TypeError: x is not a function\n    at Object.<anonymous> (/w/a.js:1:1)\n    at node:internal/main:36:49\n",
    "Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat Main.f(Main.java:7)\nCaused by: java.io.IOException: gone\n\t... 2 more\n",
    "panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:\nmain.main()\n\t/w/main.go:6 +0x1d\nexit status 2",
    "error[E0425]: cannot find value `x` in this scope --> /home/ada/w/4/src/lib.rs:12:5\nFAILED tests/test_a.py::test_b[x] - assert 3 == 4 in 0.12s",
    "OSError: no such file '/tmp/pytest-of-ada/pytest-12/tmpab12cd_x/a.db' 3f2b8a10-1111-4222-8333-abcdefabcdef 260102-030405-abcd 0x7ffd1 10.0.0.1:80",
    "bash: foo: command not found\nMemoryError: out of memory\nNo space left on device\nCONFLICT (content): Merge conflict in a\n",
];

const TOKENS: &[&str] = &[
    "resets ",
    "reset at ",
    "again in ",
    "retry-after: ",
    "until ",
    "2026-01-02",
    "T03:04:05",
    "3pm",
    "12am",
    "(UTC)",
    "+99:99",
    "dec 31",
    "feb 30",
    "9999",
    "1767323045",
    "days",
    "ms",
    "and ",
    "429",
    "HTTP 500",
    "error: ",
    "panicked at",
    "goroutine 1",
    "panic: ",
    "    at f (a.js:1:1)\n",
    "Caused by: ",
    "Traceback (most recent call last):",
    "\x1b[",
    "tmp.",
    "0x",
    "exit code ",
    "status ",
    "1m30s",
    "<path>",
    "/",
    "~/",
    "µs",
    "İ",
    "ǅ",
    "ß",
];

fn check(bytes: &[u8]) -> (Option<String>, u8, usize) {
    let text = String::from_utf8_lossy(bytes);
    // Every zone there is, some that there are not.
    for offsets in [UTC_ONLY, &|_| Some(3_600), &|_| Some(-93_599), &|_| Some(i32::MAX), &|_| None] {
        if let Some(at) = reset_at(&text, NOW, offsets) {
            assert!(at >= NOW && at.0 - NOW.0 <= 35 * 86_400_000, "{at:?}");
        }
    }
    for now in [Time(0), Time(u64::MAX), Time(253_402_300_799_000)] {
        let _ = reset_at(&text, now, &|_| Some(0));
    }
    let trace = stack_trace(&text);
    assert!(trace.as_ref().is_none_or(|t| t.chars().count() <= 8_001 && t.lines().count() <= 100));
    let line = normalise(&text, &["/home/ada/w/4", "/"]);
    assert!(line.chars().count() <= 300 && !line.chars().any(char::is_control), "{line:?}");
    assert!(last_lines(&text).len() <= 100);
    let _ = telling_line(&text);
    let status = http_status(&text);
    assert!(status.is_none_or(|s| (100..600).contains(&s)));
    let _ = text.lines().take(2_000).filter(|l| is_error_line(l)).count();
    // As the keeper hands it on: the last 4,000 characters.
    let tail: String = text.chars().rev().take(4_000).collect::<Vec<_>>().into_iter().rev().collect();
    let mut ways = 0;
    let exits = [
        Exit::Code { code: 1 },
        Exit::Code { code: 137 },
        Exit::Code { code: -1 },
        Exit::Signal { signal: 9 },
        Exit::TimedOut,
        Exit::Stalled,
    ];
    for (n, exit) in exits.into_iter().enumerate() {
        let error = (n % 2 == 0).then(|| AgentError { message: tail.clone(), status, reset_at: None });
        let report = AgentReport { error, model_calls: n as u64 % 3, last_message: tail.clone(), ..AgentReport::default() };
        let record =
            ExitRecord { exit, started_at: NOW, ended_at: NOW, report, stdout_tail: tail.clone(), stderr_tail: tail.clone(), ..empty() };
        let failure = of_exit(&record);
        if let Some(failure) = failure {
            assert!(failure.message.chars().count() <= 2_000 && !failure.message.contains('\n'), "{:?}", failure.message);
            ways = ways * 31 + failure.kind as usize * 16 + failure.detail.map_or(0, |d| d as usize + 1);
        }
    }
    (status.map(|s| s.to_string()), u8::from(trace.is_some()), ways)
}

fn empty() -> ExitRecord {
    let text = r#"{"exit":{"kind":"code","code":0},"started_at":0,"ended_at":0}"#;
    serde_json::from_str(text).unwrap_or_else(|e| panic!("an old record: {e}"))
}

#[test]
fn damaged_output() {
    let seeds = SEEDS.iter().map(|s| s.as_bytes().to_vec()).collect();
    Target { name: "output", cases: 400, seeds, tokens: TOKENS, ..Target::default() }.run(check);
}
