//! The examples and the words at the end of each verb's help, in lines as wide as the terminal. They stand in the source in lines of its
//! own width; broken a second time at the terminal's they would be ragged.

use clap::{Command, CommandFactory as _};

use crate::args::Cli;
use crate::report::{columns, wrapped};

/// What goes on of an example that is too long for a line.
const INDENT: &str = "      ";

/// The command line, with help for so many columns.
#[must_use]
pub fn command(width: usize) -> Command {
    fit(Cli::command().term_width(width), width)
}

fn fit(command: Command, width: usize) -> Command {
    let command = command.mut_subcommands(|inner| fit(inner, width));
    match command.get_after_help().map(ToString::to_string) {
        Some(text) => command.after_help(reflowed(&text, width)),
        None => command,
    }
}

/// Paragraphs are joined and broken at the width; each indented line stays one, what is too long of it goes below.
fn reflowed(text: &str, width: usize) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let end = |paragraph: &mut String, out: &mut Vec<String>| {
        out.extend(wrapped(&std::mem::take(paragraph), width, usize::MAX));
    };
    for line in text.lines() {
        if line.is_empty() || line.starts_with(' ') {
            end(&mut paragraph, &mut out);
            out.extend(example(line, width));
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
    }
    end(&mut paragraph, &mut out);
    out.join("\n")
}

/// A command, and behind several blanks what it is for.
fn example(line: &str, width: usize) -> Vec<String> {
    if columns(line) <= width {
        return vec![line.to_owned()];
    }
    let below = |text: &str| wrapped(text, width.saturating_sub(INDENT.len()), usize::MAX).into_iter().map(|l| format!("{INDENT}{l}"));
    let indent = line.len() - line.trim_start().len();
    if indent >= INDENT.len() {
        // Words that stand below their command already.
        return below(line.trim_start()).collect();
    }
    match line[indent..].split_once("  ") {
        Some((command, words)) if indent + columns(command) <= width => {
            std::iter::once(format!("{}{command}", &line[..indent])).chain(below(words.trim_start())).collect()
        }
        // What cannot be told apart is broken as it comes; a shell's line is still one to copy where it fits.
        _ => {
            let mut lines = wrapped(line.trim_start(), width.saturating_sub(INDENT.len()), usize::MAX).into_iter();
            let first = lines.next().map(|l| format!("{}{l}", &line[..indent]));
            first.into_iter().chain(lines.map(|l| format!("{INDENT}{l}"))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_once_and_examples_keep_their_lines() {
        let text =
            "Examples:\n  greenlane logs bucket   what its latest attempt printed\n  greenlane logs\n\nOne two three\nfour five six.";
        let narrow = "Examples:\n  greenlane logs bucket\n      what its latest\n      attempt printed\n  greenlane logs\n\nOne two three four five\nsix.";
        assert_eq!(reflowed(text, 23), narrow);
        assert_eq!(reflowed(text, 110), text.replace("three\nfour", "three four"));
    }

    #[test]
    fn no_line_of_any_help_is_broken_a_second_time() {
        for width in [60, 80, 100] {
            let mut pending = vec![command(width)];
            while let Some(mut verb) = pending.pop() {
                let text = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(text.lines().all(|l| columns(l) <= width), "{} at {width}:\n{text}", verb.get_name());
                let help = verb.render_help().to_string();
                assert!(text.is_empty() || help.contains(text.trim_end()), "{} at {width}:\n{help}\nhas not\n{text}", verb.get_name());
                pending.extend(verb.get_subcommands().cloned());
            }
        }
    }
}
