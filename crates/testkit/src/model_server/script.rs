//! Decides what the model says, by the directives in the last prompt that has any.
//!
//! A directive is a line of its own; several are obeyed one after the other, one for each turn of the conversation:
//!
//! ```text
//! SCRIPT: write path=src/a.txt text=one\ntwo      a tool call that writes the file; \n is a line end
//! SCRIPT: run cargo test                          a tool call that runs the command
//! SCRIPT: tool progress {"percent": 40}           a call of a tool that a server of tools offers, with this input
//! SCRIPT: text anything                           the answer, which ends the turn
//! SCRIPT: error 429 [times=N] [retry_after=S]     that HTTP status; with `times` only so often (over all attempts at a task),
//!                                                 then on with the rest
//! SCRIPT: hang                                    no answer at all
//! ```
//! A request that offers no tool to write or run with (and reads no files out of the answer), or that wants JSON, is a side request (a
//! title, a summary, a quota check) and gets harmless words whatever the prompt says: failing there would not be what the script asks for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tools;
use super::wire::{Ask, Content, Turn};

/// What stands before a directive.
const MARK: &str = "SCRIPT:";

/// What a script remembers between requests.
#[derive(Default)]
pub(super) struct Script {
    answers: u64,
    /// How often each error with `times` has been given, by the script that it stands in: a second attempt at a task has
    /// another prompt around the same script, and counts on.
    errors: BTreeMap<String, u32>,
}

pub(super) struct Decision {
    pub reply: Reply,
    pub directive: Option<String>,
    pub n: u64,
}

pub(super) enum Reply {
    Content(Content),
    Error { status: u16, retry_after: Option<u32> },
    Hang,
}

#[derive(Debug, PartialEq, Eq)]
enum Directive {
    Write { path: String, text: String },
    Run(String),
    Tool { name: String, input: Value },
    Text(String),
    Error { status: u16, times: Option<u32>, retry_after: Option<u32> },
    Hang,
}

impl Script {
    pub(super) fn decide(&mut self, ask: &Ask) -> Decision {
        self.answers += 1;
        let n = self.answers;
        let say = |text: &str| Reply::Content(Content::Text(text.to_owned()));
        if ask.wants_json {
            let value: Value = json!({"reasoning": "done", "next_speaker": "user", "title": "Scripted", "isNewTopic": false});
            return Decision { reply: say(&value.to_string()), directive: None, n };
        }
        let Some(prompt) = last_prompt(ask).filter(|_| tools::can_work(ask)) else {
            return Decision { reply: say("Scripted"), directive: None, n };
        };
        // Who has no tools gets all that is to be written at once, with the answer; a command cannot be run.
        let listings = tools::takes_listings(ask).then(|| prompt.listings()).filter(|text| !text.is_empty());
        let mut steps = if listings.is_some() { prompt.directives.len() } else { prompt.results };
        for (source, directive) in &prompt.directives {
            let decided = |reply| Decision { reply, directive: Some(source.clone()), n };
            match directive {
                Directive::Hang => return decided(Reply::Hang),
                Directive::Text(text) if steps == 0 => return decided(say(text)),
                Directive::Text(_) => {}
                Directive::Error { status, times, retry_after } => {
                    let given = self.errors.entry(prompt.script()).or_default();
                    if times.is_none_or(|times| *given < times) {
                        *given += 1;
                        return decided(Reply::Error { status: *status, retry_after: *retry_after });
                    }
                }
                Directive::Write { .. } | Directive::Run(_) | Directive::Tool { .. } if steps > 0 => steps -= 1,
                Directive::Tool { name, input } => return decided(call(tools::served(ask, name, input))),
                Directive::Write { path, text } => return decided(call(tools::write(ask, path, text))),
                Directive::Run(command) => return decided(call(tools::run(ask, command))),
            }
        }
        let last = prompt.directives.last().map(|(source, _)| source.clone());
        Decision { reply: say(&format!("{}scripted: done", listings.unwrap_or_default())), directive: last, n }
    }
}

/// A tool that is not on offer ends the conversation with words that say so: the test then sees that nothing was done.
fn call(content: Option<Content>) -> Reply {
    Reply::Content(content.unwrap_or_else(|| Content::Text(String::from("scripted: no fitting tool is on offer"))))
}

struct Prompt {
    directives: Vec<(String, Directive)>,
    /// Tool results since.
    results: usize,
}

impl Prompt {
    fn listings(&self) -> String {
        let written = self.directives.iter().filter_map(|(_, directive)| match directive {
            Directive::Write { path, text } => Some(tools::listing(path, text)),
            _ => None,
        });
        written.collect::<Vec<_>>().join("\n")
    }

    fn script(&self) -> String {
        self.directives.iter().map(|(source, _)| source.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The last of the user's messages that holds a directive: a session that is gone on with holds the earlier ones too.
fn last_prompt(ask: &Ask) -> Option<Prompt> {
    let (at, directives) = ask.turns.iter().enumerate().rev().find_map(|(at, turn)| match turn {
        Turn::User(text) => Some((at, parse(text))).filter(|(_, d)| !d.is_empty()),
        Turn::ToolResult => None,
    })?;
    let results = ask.turns[at..].iter().filter(|t| **t == Turn::ToolResult).count();
    Some(Prompt { directives, results })
}

fn parse(text: &str) -> Vec<(String, Directive)> {
    text.lines()
        .filter_map(|line| {
            let source = line.trim().strip_prefix(MARK)?.trim();
            Some((source.to_owned(), parse_one(source)?))
        })
        .collect()
}

fn parse_one(source: &str) -> Option<Directive> {
    let (verb, rest) = source.split_once(' ').unwrap_or((source, ""));
    let rest = rest.trim();
    Some(match verb {
        "write" => {
            let (path, text) = rest.strip_prefix("path=")?.split_once(" text=")?;
            Directive::Write { path: path.trim().to_owned(), text: text.replace("\\n", "\n") }
        }
        "run" => Directive::Run(rest.to_owned()),
        "tool" => {
            let (name, input) = rest.split_once(' ').unwrap_or((rest, "{}"));
            Directive::Tool { name: name.to_owned(), input: serde_json::from_str(input).ok()? }
        }
        "text" => Directive::Text(rest.to_owned()),
        "error" => {
            let mut words = rest.split_whitespace();
            let status = words.next()?.parse().ok()?;
            let (mut times, mut retry_after) = (None, None);
            for word in words {
                match word.split_once('=')? {
                    ("times", n) => times = Some(n.parse().ok()?),
                    ("retry_after", s) => retry_after = Some(s.parse().ok()?),
                    _ => return None,
                }
            }
            Directive::Error { status, times, retry_after }
        }
        "hang" => Directive::Hang,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::wire::Tool;
    use super::*;

    fn ask(turns: Vec<Turn>) -> Ask {
        let schema = json!({"properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}});
        Ask { turns, tools: vec![Tool { name: String::from("Write"), namespace: None, schema: Some(schema) }], ..Ask::default() }
    }

    fn user(text: &str) -> Turn {
        Turn::User(text.to_owned())
    }

    fn words(reply: &Reply) -> String {
        match reply {
            Reply::Content(Content::Text(text)) => text.clone(),
            Reply::Content(Content::Call { name, .. }) => format!("calls {name}"),
            Reply::Error { status, .. } => status.to_string(),
            Reply::Hang => String::from("hangs"),
        }
    }

    #[test]
    fn each_tool_result_moves_the_script_one_step_on() {
        let text = "Do it.\nSCRIPT: write path=a text=1\nSCRIPT: write path=b text=2\n";
        let mut script = Script::default();
        for (results, expected) in [(0, "calls Write"), (1, "calls Write"), (2, "scripted: done")] {
            let mut turns = vec![user(text)];
            turns.extend((0..results).map(|_| Turn::ToolResult));
            assert_eq!(words(&script.decide(&ask(turns)).reply), expected, "after {results} results");
        }
    }

    #[test]
    fn an_error_that_is_limited_stops_after_so_many() {
        let mut script = Script::default();
        let mut answer = |n: u32| {
            let text = format!("Attempt {n}.\nSCRIPT: error 429 times=2\nSCRIPT: text over");
            words(&script.decide(&ask(vec![user(&text)])).reply)
        };
        let got: Vec<_> = (0..3).map(&mut answer).collect();
        assert_eq!(got, ["429", "429", "over"]);
    }

    #[test]
    fn the_last_prompt_counts_and_so_do_the_results_since() {
        let turns = vec![user("SCRIPT: write path=a text=1"), Turn::ToolResult, user("SCRIPT: hang"), user("a reminder")];
        assert_eq!(words(&Script::default().decide(&ask(turns)).reply), "hangs");
    }

    #[test]
    fn a_side_request_gets_harmless_words() {
        let mut without_tools = ask(vec![user("SCRIPT: error 500")]);
        without_tools.tools.clear();
        let decision = Script::default().decide(&without_tools);
        assert_eq!((words(&decision.reply).as_str(), decision.directive), ("Scripted", None));
    }

    #[test]
    fn who_reads_files_out_of_the_answer_gets_them_there() {
        let mut without_tools = ask(vec![user("SCRIPT: write path=a text=1\nSCRIPT: run x\nSCRIPT: write path=d/b text=2")]);
        without_tools.tools.clear();
        without_tools.system = String::from("You MUST use this *file listing* format:");
        let decision = Script::default().decide(&without_tools);
        assert_eq!(words(&decision.reply), "a\n```\n1\n```\n\nd/b\n```\n2\n```\nscripted: done");
        without_tools.turns = vec![user("SCRIPT: error 500")];
        assert_eq!(words(&Script::default().decide(&without_tools).reply), "500");
    }

    #[test]
    fn a_directive_within_a_line_is_none() {
        assert_eq!(parse("the log said SCRIPT: hang"), []);
        assert_eq!(parse("SCRIPT: explode"), []);
        assert_eq!(
            parse("SCRIPT: write path=a b text=x\\ny")[0].1,
            Directive::Write { path: String::from("a b"), text: String::from("x\ny") }
        );
    }
}
