//! Whether a template can be used at all: names that nobody sets, values that are missing for some tasks, the task's own words left out.
//! Tries it on two made-up tasks, one with everything and one with next to nothing. Reads no file.

use minijinja::Environment;

use super::rules::SHARED;
use super::templates::{TemplateProblem, Templates};
use super::values::NAMES;
use super::{Neighbour, Previous, PromptInput, Said, Skill, SkillGave, Work};
use crate::plan::{Task, closest};

/// What the engine itself has: functions, and the names of a loop, a block and a macro.
const ENGINE: [&str; 8] = ["range", "dict", "namespace", "loop", "self", "super", "caller", "debug"];
/// The made-up task's words; every prompt must hold them.
const WORDS: &str = "Write the sample that nobody keeps";

/// Top-level names that are never set: line, message, hint.
pub(super) fn unknown_names(environment: &Environment<'_>, name: &str, text: &str) -> Vec<(usize, String, Option<String>)> {
    let Ok(template) = environment.get_template(name) else { return Vec::new() };
    let mut wrong: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|n| !NAMES.contains(&n.as_str()) && !ENGINE.contains(&n.as_str()))
        .collect();
    wrong.sort();
    let place = |name: &str| text.lines().position(|line| holds_word(line, name)).map_or(0, |n| n + 1);
    let hint = |name: &str| match closest(name, NAMES) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", NAMES.join(", ")),
    };
    wrong.iter().map(|name| (place(name), format!("there is no value `{name}`"), Some(hint(name)))).collect()
}

fn holds_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word)
}

/// What goes wrong when it is rendered.
pub(super) fn rendering(templates: &Templates, name: &str) -> Vec<TemplateProblem> {
    let mut problems = Vec::new();
    for full in [true, false] {
        match with_sample(full, |input| templates.render(name, input)) {
            Ok(prompt) if !prompt.contains(WORDS) => problems.push(TemplateProblem {
                path: templates.path(name),
                line: 0,
                message: String::from("a prompt of it does not hold the task's own words"),
                hint: Some(String::from("put `{{ task.words }}` into it")),
            }),
            Ok(prompt) if !prompt.contains(SHARED) => problems.push(TemplateProblem {
                path: templates.path(name),
                line: 0,
                message: String::from("a prompt of it does not hold the rules of working beside others"),
                hint: Some(String::from("put `{{ rules | items }}` into it, or extend \"builtin/default\" and change some of its blocks")),
            }),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

fn with_sample<R>(full: bool, use_it: impl FnOnce(&PromptInput<'_>) -> R) -> R {
    let text = |s: &str| String::from(s);
    let mut task = Task::new("sample");
    (task.title, task.prompt) = (text("A sample"), text(WORDS));
    if !full {
        return use_it(&PromptInput {
            plan_name: "Samples",
            plan_copy: None,
            task: &task,
            agent: "",
            by_hand: false,
            ports: false,
            why: None,
            skills: &[],
            neighbours: &[],
            generated: &[],
            instructions: &[],
            others: 0,
            previous: None,
            lessons: &[],
            said: Said::NOTHING,
        });
    }
    task.role = Some(text("tester"));
    task.objective = Some(text("A sample is there."));
    for list in [&mut task.activities, &mut task.deliverables, &mut task.contracts, &mut task.criteria, &mut task.check, &mut task.owns] {
        list.push(text("sample"));
    }
    task.env.insert(text("PORT"), text("4000"));
    task.env.insert(text("API_TOKEN"), text("x"));
    let gave = |gave| Skill { name: text("sample"), gave };
    use_it(&PromptInput {
        plan_name: "Samples",
        plan_copy: Some("plan/plan.toml"),
        task: &task,
        agent: "claude",
        by_hand: true,
        ports: true,
        why: Some("Nobody else is here."),
        skills: &[
            gave(SkillGave::Output(text("x"))),
            gave(SkillGave::Text(text("x"))),
            gave(SkillGave::Failed { why: text("it ended with code 1"), output: text("x") }),
            gave(SkillGave::Later),
        ],
        neighbours: &[Neighbour { task: text("other"), title: text("Another"), owns: vec![text("docs/**")], more: 1 }],
        generated: &[text("Cargo.lock")],
        instructions: &[text("AGENTS.md")],
        others: 2,
        previous: Some(Previous { n: 1, why: "it changed nothing", output: "x", work: Work::Kept }),
        lessons: &[],
        said: &Said { tools: true, answers: vec![(text("x"), Some(text("x")))], notes: vec![(text("other"), text("x"))] },
    })
}
