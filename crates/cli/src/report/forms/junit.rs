//! The report as JUnit XML, for what CI shows of tests: a suite for each plan, a case for each task. What is not done is a failure or
//! skipped, never left out, so that a count of cases is a count of tasks.

use std::time::Duration;

use greenlane_core::view::{Status, TaskView};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::run_report::{FailedAttempt, RunReport};
use crate::report::text::clean;
use crate::report::{state_words, time_spent};

/// The whole document.
///
/// # Errors
/// If it cannot be written, which no content brings about.
pub fn junit(report: &RunReport) -> Result<String, String> {
    let doc = &report.status;
    let mut out = Report::new(format!("greenlane {}", clean(doc.run.id.as_str())));
    out.time = Duration::try_from_secs_f64(doc.summary.elapsed_seconds).ok();
    for plan in &doc.plans {
        let mut suite = TestSuite::new(clean(&plan.id));
        suite.add_property(("branch", clean(plan.branch.as_deref().unwrap_or("none")).as_str()));
        suite.add_property(("verified", if plan.verified { "true" } else { "false" }));
        for task in doc.tasks.iter().filter(|t| t.plan == plan.id) {
            suite.add_test_case(case(doc, task, report));
        }
        out.add_test_suite(suite);
    }
    out.to_string().map_err(|e| e.to_string())
}

fn case(doc: &Status, task: &TaskView, report: &RunReport) -> TestCase {
    let reason = clean(task.reason.as_deref().unwrap_or(&task.title));
    let failed: Vec<&FailedAttempt> = report.failures.iter().filter(|f| f.plan == task.plan && f.task == task.id).collect();
    let status = match task.state.as_str() {
        "done" => TestCaseStatus::success(),
        "failed" | "needs_human" => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let last = failed.last();
            let kind = last.and_then(|f| f.kind.clone()).unwrap_or_else(|| task.state.clone());
            status.set_type(kind).set_message(reason);
            if let Some(last) = last.filter(|f| !f.evidence.is_empty()) {
                status.set_description(last.evidence.iter().map(|l| clean(l)).collect::<Vec<_>>().join("\n"));
            }
            status
        }
        state => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {reason}", state_words(state)));
            status
        }
    };
    let mut case = TestCase::new(clean(&task.id), status);
    case.set_classname(clean(&task.plan)).set_time(time_spent(task));
    let tried: Vec<String> = failed
        .iter()
        .map(|f| format!("attempt {} by {}: {}", f.number.unwrap_or(f.attempt), clean(&f.agent), clean(&f.message)))
        .chain(task.landed.as_ref().map(|commit| format!("landed as {commit} on {}", branch(doc, task))))
        .collect();
    if !tried.is_empty() {
        case.set_system_out(tried.join("\n"));
    }
    case
}

fn branch(doc: &Status, task: &TaskView) -> String {
    clean(doc.plans.iter().find(|p| p.id == task.plan).and_then(|p| p.branch.as_deref()).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_task_is_a_case() {
        let text = junit(&samples::of(&crate::report::samples::ended())).unwrap();
        assert!(
            text.contains("<testsuites name=\"greenlane r1\" tests=\"4\" skipped=\"1\" failures=\"1\" errors=\"0\" time=\"204.000\">"),
            "{text}"
        );
        assert!(text.contains("<testsuite name=\"limits\" tests=\"4\" skipped=\"1\" errors=\"0\" failures=\"1\""), "{text}");
        assert!(text.contains("<testcase name=\"header\" classname=\"limits\" time=\"82.000\">"), "{text}");
        assert!(
            text.contains("<failure message=\"check `make links` failed with exit code 2\" type=\"quality_gate_failure\">line one"),
            "{text}"
        );
        assert!(text.contains("<skipped message=\"skipped: depends on `docs`"), "{text}");
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let text = junit(&samples::hostile()).unwrap();
        assert!(!text.contains("<script") && !text.contains('\u{1b}') && !text.contains('\u{0}'), "{text}");
        assert!(quick_junit::Report::deserialize_from_str(&text).is_ok(), "{text}");
    }
}
