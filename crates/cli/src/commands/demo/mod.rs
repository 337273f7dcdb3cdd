//! `demo`: a real run on a sample repository, through the same code as `run`, and whether it went as told.

pub mod sample;

use std::path::PathBuf;
use std::process::ExitCode;

use greenlane_core::view::{Coordinator, Status, status};
use greenlane_runtime::clock;
use greenlane_runtime::driver::Start;
use greenlane_runtime::submission::Wish;

use self::sample::{Expectation, create};
use crate::context::Context;
use crate::coordinate::{Ready, Tell};
use crate::error::{Error, Kind, Outcome};
use crate::output::{Paint, paint};
use crate::plans::{self, NamedPlans};
use crate::report::{self, Look, wrapped};
use crate::start::PlanToRun;

/// Most lines that are told of one task.
const LINES_MAX: usize = 4;

/// Flags of `demo`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane demo                      in a temporary folder, which it names at the end
  greenlane demo --dir /tmp/sample    in a folder of your own, new or empty

It needs no agent and no network and takes a few seconds.")]
pub struct DemoArgs {
    /// Where to make the sample repository; new or empty [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Makes the sample, runs its plan, and holds what came of it against what was told.
///
/// # Errors
/// If something could not be made or run, or did not go as told.
pub fn run(args: &DemoArgs, context: &Context) -> Outcome {
    let dir = match &args.dir {
        Some(dir) => context.directory.join(dir),
        None => tempfile::Builder::new()
            .prefix("greenlane-demo-")
            .tempdir()
            .map_err(|e| Error::environment(format!("cannot make a temporary folder: {e}")))?
            .keep(),
    };
    let sample = create(&dir).map_err(|e| {
        Error::environment(format!("cannot make the sample in {}: {e}", dir.display())).hint("--dir takes a new or empty folder")
    })?;
    context.output.say(&sample.introduction(Look::of_stdout(context.output.color_talk).width));

    // From here on as `greenlane -C library run ../plan.toml`; the sample's greenlane.toml puts its worktrees beside it.
    let inside = context.at(&sample.repo);
    let ready = Ready::open(&inside, &[])?;
    let plans: Vec<PlanToRun> =
        plans::load(&inside, Some(&sample.repo), &NamedPlans { plans: vec![sample.plan_path.clone()], format: None })?
            .into_iter()
            .map(|p| PlanToRun { plan: p.plan, file: p.path, whole_folder: p.whole_folder, assigned: Default::default() })
            .collect();
    let _lock = ready.lock()?;
    let submissions = ready.submissions(&inside, &plans, &Wish::default())?;
    let run = clock::new_run_id();
    ready.copy_plans(&run, &plans)?;
    let start = Start::New { options: Box::new(ready.options(context)), submissions };
    let finished = ready.coordinate(&inside, &run, start, Tell::People)?;
    let document = status(&run, &finished.state, Coordinator::Alive, clock::now());
    let color = context.output.color_talk;
    context.output.say(&format!("\n{}", report::summary(&document, Look::of_stdout(color)).trim_end()));
    if let Some(signal) = finished.signal {
        context.output.say(&format!("Stopped. The sample stays in {}.", dir.display()));
        return Ok(ExitCode::from(Kind::Signal(u8::try_from(signal).unwrap_or(u8::MAX)).code()));
    }
    let surprises = compare(context, &document, &sample.expectations);
    let branch = document.run.branch.clone().unwrap_or_default();
    context.output.say(&format!("\n{}", sample.closing(&branch, &program())));
    if surprises == 0 {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Error::new(Kind::NotDone, format!("{surprises} of the demonstration's tasks did not go as told"))
            .hint("this is a fault in Greenlane or something odd about this machine: `greenlane doctor` looks for the latter"))
    }
}

/// Says of each task whether it went as told; gives the number of those that did not.
fn compare(context: &Context, document: &Status, expectations: &[Expectation]) -> usize {
    let color = context.output.color_talk;
    context.output.say(&format!("\n{}", paint("As told?", Paint::Bold, color)));
    let width = Look::of_stdout(color).width;
    let mut surprises = 0;
    for expected in expectations {
        let found = document.tasks.iter().find(|t| t.id == expected.task);
        let (state, attempts) = found.map_or(("missing", 0), |t| (t.state.as_str(), t.begun().count()));
        let as_told = state == expected.state && attempts == expected.attempts as usize;
        surprises += usize::from(!as_told);
        let sign = if as_told { paint("✓", Paint::Green, color) } else { paint("✗", Paint::Red, color) };
        let tries = match attempts {
            0 => String::from("not tried"),
            1 => String::from("1 attempt"),
            n => format!("{n} attempts"),
        };
        let told = beside(&format!("{state}, {tries}: {}", expected.why), 13, width);
        context.output.say(&format!("  {sign} {:8} {told}", expected.task));
    }
    surprises
}

/// What stands beside a name, in lines of its own column.
fn beside(text: &str, indent: usize, width: usize) -> String {
    wrapped(text, width.saturating_sub(indent), LINES_MAX).join(&format!("\n{:indent$}", ""))
}

/// How this program was called: that works again, be it on PATH or not.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| String::from("greenlane"))
}
