//! What a template can name: the values that a prompt is made of, cut to their limits. `docs/prompts.md` lists them for people.

use serde::Serialize;

use super::text::{beginning_of, end_of, one_line};
use super::{Neighbour, PromptInput, SkillGave, Work, lessons, rules, said};

/// Most characters of an earlier attempt's output that are repeated, and of a skill's; the end tells most.
const OUTPUT_CHARS_MAX: usize = 3_000;
/// Most characters of a skill's prompt file.
const TEXT_CHARS_MAX: usize = 12_000;
/// Most skills whose output joins a prompt.
const SKILLS_MAX: usize = 50;
/// Most characters of a variable's value.
const VALUE_CHARS_MAX: usize = 200;
/// What the name of a variable holds whose value is nobody's to read.
const SECRET: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH"];

/// Ports differ from attempt to attempt, the prompt of a task does not.
const PORTS: Variable<'static> =
    Variable { name: "GREENLANE_PORT", value: None, what: Some("the first of ten ports that no other task uses; take these for servers") };

/// The top-level names.
pub(super) const NAMES: [&str; 14] = [
    "task",
    "plan",
    "agent",
    "why",
    "skills",
    "neighbours",
    "generated",
    "instructions",
    "others",
    "environment",
    "previous",
    "lessons",
    "said",
    "rules",
];

#[derive(Serialize)]
pub(super) struct Values<'a> {
    task: TaskValues<'a>,
    plan: PlanValues<'a>,
    agent: &'a str,
    why: Option<&'a str>,
    skills: Vec<SkillValues>,
    neighbours: &'a [Neighbour],
    generated: &'a [String],
    instructions: &'a [String],
    others: usize,
    environment: Vec<Variable<'a>>,
    previous: Option<PreviousValues<'a>>,
    lessons: String,
    said: String,
    rules: Vec<String>,
}

#[derive(Serialize)]
struct TaskValues<'a> {
    id: &'a str,
    title: &'a str,
    /// Empty where the title says it all.
    words: &'a str,
    role: Option<&'a str>,
    objective: Option<&'a str>,
    activities: &'a [String],
    deliverables: &'a [String],
    criteria: &'a [String],
    contracts: &'a [String],
    checks: &'a [String],
    owns: &'a [String],
}

#[derive(Serialize)]
struct PlanValues<'a> {
    name: &'a str,
    copy: Option<&'a str>,
}

#[derive(Serialize)]
struct SkillValues {
    name: String,
    /// `output`, `text`, `failed` or `later`.
    gave: &'static str,
    text: String,
    why: String,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    /// `None`: it is secret.
    value: Option<String>,
    /// What it is for, in place of a value that is not the same each time.
    what: Option<&'static str>,
}

#[derive(Serialize)]
struct PreviousValues<'a> {
    n: u32,
    why: &'a str,
    output: String,
    /// `kept`, `combined` or `dropped`.
    work: &'static str,
}

impl<'a> Values<'a> {
    pub(super) fn of(input: &PromptInput<'a>) -> Self {
        let task = input.task;
        let (title, words) = (task.title.trim(), task.prompt.trim());
        let said = |text: &'a str| Some(text.trim()).filter(|t| !t.is_empty());
        Self {
            task: TaskValues {
                id: task.id.as_str(),
                title,
                words: if words == title { "" } else { words },
                role: task.role.as_deref().and_then(said),
                objective: task.objective.as_deref().and_then(said),
                activities: &task.activities,
                deliverables: &task.deliverables,
                criteria: &task.criteria,
                contracts: &task.contracts,
                checks: &task.check,
                owns: &task.owns,
            },
            plan: PlanValues { name: input.plan_name, copy: input.plan_copy },
            agent: input.agent,
            why: input.why.and_then(said),
            skills: input.skills.iter().take(SKILLS_MAX).map(skill).collect(),
            neighbours: input.neighbours,
            generated: input.generated,
            instructions: input.instructions,
            others: input.others,
            environment: task.env.iter().map(|(name, value)| variable(name, value)).chain(input.ports.then_some(PORTS)).collect(),
            previous: input.previous.as_ref().map(|previous| PreviousValues {
                n: previous.n,
                why: previous.why.trim().trim_end_matches('.'),
                output: end_of(previous.output, OUTPUT_CHARS_MAX),
                work: match previous.work {
                    Work::Kept => "kept",
                    Work::Combined => "combined",
                    Work::Dropped => "dropped",
                },
            }),
            lessons: lessons::section(input.lessons),
            said: said::section(input.said),
            rules: rules::rules(input),
        }
    }
}

fn skill(skill: &super::Skill) -> SkillValues {
    let (gave, text, why) = match &skill.gave {
        SkillGave::Output(output) => ("output", end_of(output, OUTPUT_CHARS_MAX), ""),
        SkillGave::Text(text) => ("text", beginning_of(text, TEXT_CHARS_MAX), ""),
        SkillGave::Failed { why, output } => ("failed", end_of(output, OUTPUT_CHARS_MAX), why.trim().trim_end_matches('.')),
        SkillGave::Later => ("later", String::new(), ""),
    };
    SkillValues { name: one_line(&skill.name), gave, text, why: one_line(why) }
}

fn variable<'a>(name: &'a str, value: &str) -> Variable<'a> {
    let upper = name.to_uppercase();
    let secret = SECRET.iter().any(|word| upper.contains(word));
    Variable { name, what: None, value: (!secret).then(|| one_line(&beginning_of(value, VALUE_CHARS_MAX))) }
}
