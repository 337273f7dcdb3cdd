//! The report in the forms that others read: Markdown for a pull request, one HTML file for a person, JUnit XML for CI. Each is drawn
//! from the document of `report --json`. Reads nothing, changes nothing.

mod html;
mod junit;
mod markdown;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;

use std::time::Duration;

use super::text::humane;

/// Seconds for people.
fn seconds(seconds: f64) -> String {
    humane(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod samples {
    use std::path::Path;

    use greenlane_core::ids::RunId;
    use greenlane_core::view::Coordinator;
    use greenlane_runtime::driver::Layout;

    use crate::report::history::Gatherer;
    use crate::report::landed::{Change, LandedPlan, LandedTask};
    use crate::report::run_report::{RunReport, run_report};
    use crate::report::samples::{Sample, ended};

    /// A run that ended, as its report; every text that an agent or a plan brings is hostile.
    pub fn hostile() -> RunReport {
        let mut report = of(&ended());
        for task in &mut report.status.tasks {
            task.title = String::from("Do <script>alert(1)</script> | `x` & \u{1b}[31m@everyone ]]>");
        }
        for landed in report.landed.iter_mut().flat_map(|p| &mut p.commits) {
            landed.title = report.status.tasks[0].title.clone();
        }
        for failure in &mut report.failures {
            failure.message = String::from("```\n<img src=x onerror=alert(1)> #1");
            failure.evidence = vec![String::from("</pre><script>alert(2)</script>"), String::from("```"), String::from("\u{0} ]]>")];
        }
        report
    }

    pub fn of(run: &Sample) -> RunReport {
        let mut gatherer = Gatherer::default();
        run.events().for_each(|e| gatherer.take(e));
        let layout = Layout::new(Path::new("/s"), &RunId::from("r1"));
        let landed = LandedPlan {
            plan: String::from("limits"),
            branch: String::from("greenlane/r1/plan/limits"),
            change: Change { files: 3, lines_added: 120, lines_removed: 4 },
            commits: ["bucket", "header"]
                .map(|task| LandedTask {
                    task: String::from(task),
                    title: format!("Do {task}"),
                    commit: "6d65726765".repeat(4),
                    change: Some(Change { files: 2, lines_added: 60, lines_removed: 2 }),
                })
                .into(),
            unknown: None,
        };
        run_report(run.status(Coordinator::Gone), &run.state, gatherer.done(), Vec::new(), vec![landed], &layout)
    }
}
