//! `plan --convert`: the plan in a native form on standard output, and what could not go along on standard error.

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;
use greenlane_core::plan::{Native, comments, convert};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::plans::{self, NamedPlans};

/// Most lines of comments that are listed.
const LISTED_MAX: usize = 50;

/// The native forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// With [[task]]
    Toml,
    /// With "tasks"
    Json,
    /// With front matter and a list of tasks
    Markdown,
}

/// Writes the one plan that is named.
///
/// # Errors
/// If it is not one plan, if it is wrong, or if the form cannot carry all of it.
pub fn run(form: Form, named: &NamedPlans, context: &Context, top: Option<&Path>) -> Outcome {
    let loaded = plans::load(context, top, named)?;
    let [one] = loaded.as_slice() else {
        return Err(
            Error::usage(format!("--convert takes one plan, not {}", loaded.len())).hint("name one: greenlane plan FILE --convert toml")
        );
    };
    let native = match form {
        Form::Toml => Native::Toml,
        Form::Json => Native::Json,
        Form::Markdown => Native::Markdown,
    };
    let text = convert(&one.plan, native).map_err(|why| {
        let error = Error::usage(format!("the plan cannot be written in this form without becoming another: {}", why.join("; ")));
        if form == Form::Markdown {
            error.hint("TOML and JSON carry everything: --convert toml")
        } else {
            error.hint("this is a fault in Greenlane: please report it")
        }
    })?;
    let lost = one.format.map(|format| comments(&one.text, format)).unwrap_or_default();
    if !lost.is_empty() && !context.output.quiet {
        context.output.tell(&format!("note: this stays behind, as it is in no task of {}:\n", one.plan.source));
        for (line, text) in lost.iter().take(LISTED_MAX) {
            context.output.tell(&format!("  {line}: {}\n", text.escape_debug()));
        }
        if lost.len() > LISTED_MAX {
            context.output.tell(&format!("  and {} more lines\n", lost.len() - LISTED_MAX));
        }
    }
    context.output.data(&text)?;
    Ok(ExitCode::SUCCESS)
}
