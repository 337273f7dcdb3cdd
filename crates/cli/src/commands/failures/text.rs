//! The table of failures, as wide as the terminal. Reads nothing.

use greenlane_core::failure::FailureDetail;
use greenlane_runtime::subscriber::FailureRecord;

use crate::logbook::Stored;
use crate::output::{Paint, paint};
use crate::report::{Look, clean, columns, fit};

/// The widest column of tasks.
const TASK_COLUMNS_MAX: usize = 32;
/// A message gets at least so much, on a line of its own if need be.
const MESSAGE_COLUMNS_MIN: usize = 24;

/// One line each: when, which task, what, and why.
pub(super) fn table(failures: &[Stored<FailureRecord>], look: Look) -> String {
    let rows: Vec<[String; 4]> = failures.iter().map(|s| row(&s.record)).collect();
    let widest = |column: usize, max: usize| rows.iter().map(|r| columns(&r[column])).max().unwrap_or(0).min(max);
    let (when, task, what) = (widest(0, 20), widest(1, TASK_COLUMNS_MAX.min(look.width / 3)), widest(2, 40));
    let what = what.min(look.width.saturating_sub(when + task + 4));
    let taken = when + task + what + 6;
    let mut out = String::new();
    for [at, name, kind, message] in &rows {
        let head = format!(
            "{}  {}  {}",
            paint(&fit(at, when), Paint::Dim, look.color),
            fit(name, task),
            paint(&fit(kind, what), Paint::Red, look.color)
        );
        if look.width >= taken + MESSAGE_COLUMNS_MIN {
            let message = fit(message, look.width - taken);
            out.push_str(&format!("{head}  {}\n", message.trim_end()));
        } else {
            let message = fit(message, look.width.saturating_sub(2));
            out.push_str(&format!("{}\n  {}\n", head.trim_end(), message.trim_end()));
        }
    }
    out
}

fn row(record: &FailureRecord) -> [String; 4] {
    let at = record.timestamp.get(..19).unwrap_or(&record.timestamp).replace('T', " ") + "Z";
    [at, clean(&name_of(record)), kind_of(record), clean(&record.error_message)]
}

/// `plan/task#n`, as far as it is known.
pub(super) fn name_of(record: &FailureRecord) -> String {
    let task = match (&record.plan, &record.task) {
        (Some(plan), Some(task)) => format!("{plan}/{task}"),
        (None, Some(name)) | (Some(name), None) => name.clone(),
        (None, None) => return record.worker_id.clone(),
    };
    match record.number() {
        Some(n) => format!("{task}#{n}"),
        None => task,
    }
}

/// The type, with its detail where there is one.
pub(super) fn kind_of(record: &FailureRecord) -> String {
    let kind = record.failure_type.as_str();
    record.detail().map(FailureDetail::as_str).map_or_else(|| kind.to_owned(), |detail| format!("{kind}: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(task: &str, kind: &str, detail: Option<&str>, message: &str) -> Stored<FailureRecord> {
        let mut line = json!({
            "seq": 4, "timestamp": "2026-01-02T03:04:05.678Z", "prd_id": "limits", "story_id": task, "plan": "limits", "task": task,
            "failure_type": kind, "error_message": message, "exit_code": 1, "signal": null, "stack_trace": null,
            "context": {"attempt": 2, "run": "r1"}, "worker_id": "r1/x/2",
        });
        if let Some(detail) = detail {
            line["context"]["detail"] = detail.into();
        }
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn the_table_fits_the_terminal() {
        let rows = [
            stored("bucket", "api_error", Some("rate_limit"), "429 Too many requests, and this goes on for quite a while, as it does"),
            stored("docs", "unknown", None, "exit code 3: \u{1b}[31mno\u{1b}[0m"),
        ];
        let expected = "\
2026-01-02 03:04:05Z  limits/bucket#2  api_error: rate_limit  429 Too many requests, and this goes…
2026-01-02 03:04:05Z  limits/docs#2    unknown                exit code 3: no
";
        assert_eq!(table(&rows, Look::of_width(99, false)), expected);
        let narrow = "\
2026-01-02 03:04:05Z  limits/bucket#2  api_error: rate_limit
  429 Too many requests, and this goes on for quite a while…
2026-01-02 03:04:05Z  limits/docs#2    unknown
  exit code 3: no
";
        assert_eq!(table(&rows, Look::of_width(60, false)), narrow);
        for width in [60, 80, 99, 160] {
            assert!(table(&rows, Look::of_width(width, false)).lines().all(|l| columns(l) <= width), "{width}");
        }
    }
}
