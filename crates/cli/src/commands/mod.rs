//! The verbs, a file each: its flags and what it does with them.

pub mod agents;
pub mod answer;
pub mod clean;
pub mod completions;
pub mod config;
pub mod context;
pub mod deficiencies;
pub mod demo;
pub mod detach;
pub mod doctor;
pub mod done;
pub mod events;
pub mod fail;
pub mod failures;
pub mod groups;
pub mod hand_back;
pub mod hand_over;
pub mod health;
pub mod land;
pub mod logs;
pub mod man;
pub mod mcp;
pub mod notify;
pub mod pause;
pub mod plan;
pub mod prompt;
pub mod questions;
pub mod report;
pub mod resume;
pub mod retries;
pub mod retry;
pub mod rollback;
pub mod run;
pub mod runs;
pub mod serve;
pub mod status;
pub mod stop;
pub mod tracker;
pub mod unpause;
pub mod wait;
pub mod watch;

use crate::args::Verb;
use crate::context::Context;
use crate::error::Outcome;

/// Calls the verb.
///
/// # Errors
/// Whatever keeps the verb from its work.
pub fn dispatch(verb: Verb, context: &Context) -> Outcome {
    match verb {
        Verb::Run(args) => run::run(&args, context),
        Verb::Resume(args) => resume::run(&args, context),
        Verb::Retry(args) => retry::run(&args, context),
        Verb::Plan(args) => plan::run(&args, context),
        Verb::Status(args) => status::run(&args, context),
        Verb::Logs(args) => logs::run(&args, context),
        Verb::Groups(args) => groups::run(&args, context),
        Verb::Wait(args) => wait::run(&args, context),
        Verb::Watch(args) => watch::run(&args, context),
        Verb::Stop(args) => stop::run(&args, context),
        Verb::Done(args) => done::run(&args, context),
        Verb::Fail(args) => fail::run(&args, context),
        Verb::Pause(args) => pause::run(&args, context),
        Verb::Unpause(args) => unpause::run(&args, context),
        Verb::Land(args) => land::run(&args, context),
        Verb::Rollback(args) => rollback::run(&args, context),
        Verb::Report(args) => report::run(&args, context),
        Verb::Deficiencies(args) => deficiencies::run(&args, context),
        Verb::Runs(args) => runs::run(&args, context),
        Verb::Serve(args) => serve::run(&args, context),
        Verb::Events(args) => events::run(&args, context),
        Verb::Failures(args) => failures::run(&args, context),
        Verb::Health(args) => health::run(&args, context),
        Verb::Retries(args) => retries::run(&args, context),
        Verb::Questions(args) => questions::run(&args, context),
        Verb::Answer(args) => answer::run(&args, context),
        Verb::Mcp(args) => mcp::run(&args, context),
        Verb::Clean(args) => clean::run(&args, context),
        Verb::Prompt(args) => prompt::run(&args, context),
        Verb::Context(args) => context::run(&args, context),
        Verb::Agents(args) => agents::run(&args, context),
        Verb::Tracker(args) => tracker::run(&args, context),
        Verb::Notify(args) => notify::run(&args, context),
        Verb::Config(args) => config::run(&args, context),
        Verb::Doctor(args) => doctor::run(&args, context),
        Verb::Demo(args) => demo::run(&args, context),
        Verb::Completions(args) => completions::run(&args, context),
        Verb::Man(args) => man::run(&args, context),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    fn check<A: Args>(name: &'static str) {
        let command = A::augment_args(Command::new(name));
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.starts_with("Examples:\n  greenlane "), "{name}");
        command.debug_assert();
    }

    #[test]
    fn each_verbs_flags_are_consistent_and_have_examples() {
        check::<super::run::RunArgs>("run");
        check::<super::status::StatusArgs>("status");
        check::<super::logs::LogsArgs>("logs");
        check::<super::stop::StopArgs>("stop");
        check::<super::pause::PauseArgs>("pause");
        check::<super::done::DoneArgs>("done");
        check::<super::fail::FailArgs>("fail");
        check::<super::unpause::UnpauseArgs>("unpause");
        check::<super::resume::ResumeArgs>("resume");
        check::<super::retry::RetryArgs>("retry");
        check::<super::wait::WaitArgs>("wait");
        check::<super::watch::WatchArgs>("watch");
        check::<super::groups::GroupsArgs>("groups");
        check::<super::groups::DetectArgs>("detect");
        check::<super::groups::ListArgs>("list");
        check::<super::groups::StatusArgs>("status");
        check::<super::groups::WaitArgs>("wait");
        check::<super::land::LandArgs>("land");
        check::<super::rollback::RollbackArgs>("rollback");
        check::<super::questions::QuestionsArgs>("questions");
        check::<super::answer::AnswerArgs>("answer");
        check::<super::mcp::McpArgs>("mcp");
        check::<super::clean::CleanArgs>("clean");
        check::<super::events::EventsArgs>("events");
        check::<super::failures::FailuresArgs>("failures");
        check::<super::health::HealthArgs>("health");
        check::<super::retries::RetriesArgs>("retries");
        check::<super::runs::RunsArgs>("runs");
        check::<super::report::ReportArgs>("report");
        check::<super::serve::ServeArgs>("serve");
        check::<super::tracker::TrackerArgs>("tracker");
        check::<super::tracker::SyncArgs>("sync");
        check::<super::tracker::ForgetArgs>("forget");
        check::<super::notify::NotifyArgs>("notify");
        check::<super::demo::DemoArgs>("demo");
        check::<super::deficiencies::DeficienciesArgs>("deficiencies");
    }

    #[test]
    fn flags_that_are_configuration_reach_it() {
        use clap::FromArgMatches as _;
        let words = "run p.toml -j 4 --max-plans 2 --agent a --timeout 90 --retries 1 --repairs 2 --budget tokens=2M --task-budget wall=1h \
             --strict-budget --keep-going --require-verify --base-red allow --update-plan";
        let matches = super::run::RunArgs::augment_args(Command::new("run")).get_matches_from(words.split_whitespace());
        let args = super::run::RunArgs::from_arg_matches(&matches).unwrap();
        let loaded = greenlane_runtime::config::Config::load(None, &args.settings(), &Default::default()).unwrap();
        let run = &loaded.config.run;
        assert_eq!((run.jobs, run.max_plans, run.agent.as_deref(), run.timeout.as_secs()), (4, 2, Some("a"), 90));
        assert!(run.keep_going && run.require_verify && run.base_red == greenlane_runtime::config::BaseRed::Allow);
        assert_eq!((loaded.config.retry.max, loaded.config.retry.repairs), (1, 2));
        assert_eq!((loaded.config.budget.run.tokens, loaded.config.budget.strict), (Some(2_000_000), true));
        let with_flag = greenlane_runtime::config::KEYS.iter().filter(|k| k.flag.is_some()).count();
        assert_eq!(args.settings().len(), with_flag, "every key that has a flag is set by it");
    }
}
