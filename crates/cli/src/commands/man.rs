//! `man`: the manual pages, and the same reference as Markdown, made from the command line's own definition.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;

use crate::context::Context;
use crate::error::{Error, Outcome};

/// Flags of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane man | man -l -
  greenlane man run | man -l -
  greenlane man --dir ~/.local/share/man/man1
  greenlane man --markdown > docs/cli.md")]
pub struct ManArgs {
    /// The verb whose page to print; without it, the page of greenlane itself
    #[arg(value_name = "VERB", conflicts_with_all = ["dir", "markdown"])]
    pub verb: Option<String>,
    /// Write all pages into DIR, which is made if need be
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print the reference of all verbs as Markdown
    #[arg(long, conflicts_with = "dir")]
    pub markdown: bool,
}

/// Prints a page, or writes all.
pub fn run(args: &ManArgs, context: &Context) -> Outcome {
    // A fixed width: the reference must not depend on the terminal that it was made on.
    let mut root = crate::help::command(100);
    root.build();
    if args.markdown {
        context.output.data(&markdown(&mut root))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(dir) = &args.dir {
        let count = write_pages(&root, dir).map_err(|e| Error::environment(format!("cannot write into `{}`: {e}", dir.display())))?;
        context.output.say(&format!("{count} pages written to {}", dir.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let command = match &args.verb {
        None => &root,
        Some(verb) => root
            .find_subcommand(verb)
            .ok_or_else(|| Error::usage(format!("no verb `{verb}`")).hint("`greenlane --help` lists the verbs"))?,
    };
    let page = page(command).map_err(|e| Error::environment(format!("cannot make the page: {e}")))?;
    context.output.bytes(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help")
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // A page is named `greenlane-run`, its usage says `greenlane run`.
    let name = command.get_bin_name().unwrap_or("greenlane").replace(' ', "-");
    clap_mangen::Man::new(command.clone().name(name)).manual("Greenlane").render(&mut page)?;
    Ok(page)
}

fn write_pages(root: &Command, dir: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let mut pending = vec![root];
    let mut count = 0;
    while let Some(command) = pending.pop() {
        let name = command.get_bin_name().unwrap_or("greenlane").replace(' ', "-");
        std::fs::write(dir.join(format!("{name}.1")), page(command)?)?;
        count += 1;
        pending.extend(visible(command));
    }
    Ok(count)
}

/// The reference: for each verb exactly what `--help` says.
fn markdown(root: &mut Command) -> String {
    let mut out = String::from(
        "# The command line\n\n<!-- Made from the program's own help: GREENLANE_REGENERATE=1 cargo test -p greenlane --test cli_reference -->\n",
    );
    section(root, &mut out, 2);
    out
}

fn section(command: &mut Command, out: &mut String, depth: usize) {
    let title = command.get_bin_name().unwrap_or("greenlane").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    out.push_str(&format!("\n{} `{title}`\n\n```text\n{}\n```\n", "#".repeat(depth), help.join("\n").trim_end()));
    let names: Vec<String> = visible(command).map(|c| c.get_name().to_owned()).collect();
    for name in names {
        if let Some(inner) = command.find_subcommand_mut(&name) {
            section(inner, out, (depth + 1).min(4));
        }
    }
}
