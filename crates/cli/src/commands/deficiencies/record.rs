//! `deficiencies record`: for people and scripts that saw something which no journal has.

use std::process::ExitCode;

use greenlane_core::deficiency::{Context as Evidence, DeficiencyType, Fact};
use greenlane_runtime::clock;
use serde::Serialize;

use super::{kind, open_or_make, write_log};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Session;

/// Flags of `deficiencies record`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies record logic_error \"off by one in the pager\" --context check=\"cargo test pager\"
  greenlane deficiencies record api_failure \"the proxy drops long streams\" --solution \"set HTTPS_PROXY\" --context agent=codex

Types: coordinator_bug, silent_failure, resource_issue, api_failure, logic_error, quality_gate_bug, configuration_error, missing_feature.
Recording the same again counts it again; numbers, places and ids in the description make no difference.")]
pub struct RecordArgs {
    /// Which of the eight types
    #[arg(value_name = "TYPE", value_parser = kind)]
    pub kind: DeficiencyType,
    /// What goes wrong, in a sentence
    #[arg(value_name = "DESCRIPTION")]
    pub description: String,
    /// What else is known: `check=`, `file=`, `task=`, `agent=`, `evidence=` may be given several times; any other KEY is kept as it is
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// What helps
    #[arg(long, value_name = "TEXT")]
    pub solution: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    frequency: u64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(String::from("write it as KEY=VALUE")),
    }
}

pub(super) fn run(args: &RecordArgs, context: &Context) -> Outcome {
    if args.description.trim().is_empty() {
        return Err(Error::usage("the description is empty").hint("say in a sentence what goes wrong"));
    }
    let session = Session::open(context)?;
    let mut reading = open_or_make(&session)?;
    let fact = Fact::recorded(args.kind, &args.description, &evidence(&args.context), args.solution.as_deref());
    let id = reading.say(clock::now(), &fact)?.map_err(Error::usage)?;
    write_log(&session, context);
    if args.json {
        let frequency = reading.book().get(&id).map_or(0, |d| d.frequency);
        context.output.json(&Document { id: &id, frequency })?;
    } else {
        context.output.data(&format!("{id}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn evidence(pairs: &[(String, String)]) -> Evidence {
    let mut of = Evidence::default();
    for (key, value) in pairs {
        let list = match key.as_str() {
            "check" => &mut of.checks,
            "file" => &mut of.files,
            "task" => &mut of.tasks,
            "agent" => &mut of.agents,
            "evidence" => &mut of.evidence,
            _ => {
                of.notes.insert(key.clone(), value.clone().into());
                continue;
            }
        };
        list.push(value.clone());
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_evidence_and_others_are_kept() {
        let pairs = ["check=a=b", "check=c", "file=x/**", "who=me"].map(|p| pair(p).unwrap());
        let of = evidence(&pairs);
        assert_eq!((of.checks.as_slice(), of.files.as_slice()), (&["a=b".to_owned(), "c".to_owned()][..], &["x/**".to_owned()][..]));
        assert_eq!(of.notes.get("who"), Some(&"me".into()));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
