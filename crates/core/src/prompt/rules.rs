//! The rules of working beside others and of being judged. They say what Greenlane does, so they are not a template's to word.

use super::PromptInput;
use super::text::names;

/// What nobody may do to the repository that all share. Every prompt has to say it.
pub(super) const SHARED: &str = "Never use `git stash` or `git push`, never change git's configuration or hooks, never switch, create or delete branches or worktrees: the repository is shared by all worktrees.";

/// Each a paragraph without a line break.
pub(super) fn rules(input: &PromptInput<'_>) -> Vec<String> {
    let mut rules = Vec::new();
    let mut rule = |text: String| rules.push(text);
    let questions = if input.said.tools { "Decide yourself what you can" } else { "Nobody can answer questions; decide" };
    rule(if input.by_hand {
        String::from("Work only inside this directory: it is a git worktree made for this task.")
    } else {
        format!("Work only inside the current directory: it is a git worktree of your own. {questions} and go on.")
    });
    if input.others > 0 {
        rule(String::from(
            "Other agents work at the same time, each in another worktree, on other files. Change nothing that your task does not need.",
        ));
    }
    let owns = &input.task.owns;
    if !owns.is_empty() {
        let mut text = format!("Change only {}", names(owns));
        if !input.generated.is_empty() {
            text.push_str(&format!(", and where they follow from that {}", names(input.generated)));
        }
        let claim = if input.said.tools { ", unless you claimed it first" } else { "" };
        rule(format!("{text}. Work that touches anything else is refused{claim}."));
    }
    let checks = &input.task.check;
    if checks.is_empty() {
        rule(String::from("Your work is verified when you have finished: the project's own tests must pass with it."));
    } else {
        let commands = names(checks);
        rule(format!(
            "When you have finished, Greenlane itself runs {commands} here, and then the project's own tests; only what passes is taken. Run the same before you stop."
        ));
    }
    if !input.instructions.is_empty() {
        rule(format!("The project's own instructions hold; the nearest to a file wins. Read {}.", names(input.instructions)));
    }
    rule(String::from(
        "Leave your work in this worktree, committed or not. Only what is there counts, not what you say about it; where you could not finish, say why and leave what you have.",
    ));
    if input.by_hand {
        let id = &input.task.id;
        rule(format!(
            "When it is done, commit here or run `greenlane done {id}`; if it is not to be done, `greenlane fail {id} --reason \"…\"`. Greenlane waits for one of these, however long it takes, and goes on with other tasks meanwhile."
        ));
    }
    rule(String::from(SHARED));
    rules
}
