//! The built-in templates, a repository's own, and what is said about wrong ones.

use super::*;

fn own(name: &str, text: &str) -> Override {
    Override { name: name.into(), path: format!(".greenlane/prompts/{name}.md"), text: text.into() }
}

fn full_task() -> Task {
    let mut task = Task::new("bucket");
    task.title = "Add the token bucket".into();
    task.prompt = "Write it in src/limit.rs.".into();
    task.objective = Some("Requests are limited.".into());
    task.activities = vec!["Write the bucket".into(), "Wire it in".into()];
    task.deliverables = vec!["src/limit.rs".into()];
    task.contracts = vec!["`fn take(&self, n: u32) -> bool`".into()];
    task.env.insert("PORT".into(), "4001".into());
    task.env.insert("DB_PASSWORD".into(), "hunter2".into());
    task
}

fn input(task: &Task) -> PromptInput<'_> {
    PromptInput {
        plan_name: "Rate limiting",
        plan_copy: None,
        task,
        agent: "claude",
        by_hand: false,
        ports: false,
        why: None,
        skills: &[],
        neighbours: &[],
        generated: &[],
        instructions: &[],
        others: 3,
        previous: None,
        lessons: &[],
        said: Said::NOTHING,
    }
}

#[test]
fn every_family_has_the_whole_prompt_and_words_of_its_own() {
    let templates = Templates::built_in();
    let task = full_task();
    let plain = templates.render(DEFAULT_FAMILY, &input(&task)).unwrap();
    let mut seen = std::collections::BTreeSet::from([plain.clone()]);
    for family in ["aider", "claude", "cline", "codex", "copilot", "cursor", "gemini", "opencode", "pi", "qwen", "windsurf"] {
        assert_eq!(templates.family(&[family]), family);
        let text = templates.render(family, &input(&task)).unwrap();
        let (before, rest) = text.split_once("## Your way of working\n\n- ").unwrap_or_else(|| panic!("{family}: {text}"));
        let (_, rules) = rest.split_once("## Rules\n").unwrap();
        assert_eq!(format!("{before}## Rules\n{rules}"), plain, "{family}: nothing is lost");
        assert!(!text.contains("\n\n\n") && text.ends_with(".\n"), "{family}: {text}");
        assert!(seen.insert(text), "{family} says something of its own");
    }
    assert_eq!(templates.family(&["mine", "plain"]), DEFAULT_FAMILY);
}

#[test]
fn what_the_plan_knows_has_its_sections() {
    let task = full_task();
    let neighbours =
        [Neighbour { task: "gate".into(), title: "The gate".into(), owns: vec!["src/gate/**".into(), "tests/gate.rs".into()], more: 2 }];
    let skills = [
        Skill { name: "./broken.sh".into(), gave: SkillGave::Failed { why: "it ended with code 3.".into(), output: "oh\n".into() } },
        Skill { name: "docs/style.md".into(), gave: SkillGave::Text("Be brief.\n".into()) },
        Skill { name: "./later.sh".into(), gave: SkillGave::Later },
    ];
    let full = PromptInput { why: Some("You are next."), neighbours: &neighbours, skills: &skills, ..input(&task) };
    let text = Templates::built_in().render(DEFAULT_FAMILY, &full).unwrap();
    let expected = "\
# Add the token bucket

This is task `bucket` of the plan \"Rate limiting\".

Write it in src/limit.rs.

## Objective

Requests are limited.

## Activities

- Write the bucket
- Wire it in

## Deliverables

- src/limit.rs

## Agreed with other tasks

Others build on this as you do. Keep to it exactly.

- `fn take(&self, n: u32) -> bool`

## What other tasks own

Leave these files to them, except where a file is in your own list too.

- `gate`: `src/gate/**`, `tests/gate.rs` and 2 more

## Environment

Set for you and for the checks:

- `DB_PASSWORD` (its value is not shown)
- `PORT` = `4001`

## Why you

You are next.

## From ./broken.sh

This was to prepare your work, and failed: it ended with code 3. Work without it.

```
oh
```

## From docs/style.md

Be brief.

## From ./later.sh

(It is run, or read, when an attempt starts; what it gives stands here then.)

## Rules
";
    assert_eq!(text.split_inclusive("## Rules\n").next(), Some(expected));
}

#[test]
fn the_same_task_has_the_same_prompt() {
    let task = full_task();
    let (first, second) = (Templates::built_in(), Templates::built_in());
    for _ in 0..3 {
        assert_eq!(first.render("claude", &input(&task)), second.render("claude", &input(&task)));
    }
}

#[test]
fn a_repository_replaces_a_block_or_the_whole() {
    let task = full_task();
    let own = vec![
        own("claude", "{% extends \"builtin/claude\" %}\n{% block advice %}\n{{ super() }}{% include \"house\" %}{% endblock %}\n"),
        own("house", "## House rules\n\nNo tabs in {{ task.title }}.\n\n"),
        own("mine", "{{ task.words }}\n{{ rules | items }}\nfor {{ agent }}\n"),
    ];
    let templates = Templates::with(own, &["mine"]).unwrap();
    let text = templates.render("claude", &input(&task)).unwrap();
    assert!(
        text.contains("## Your way of working\n") && text.contains("## House rules\n\nNo tabs in Add the token bucket.\n\n## Rules"),
        "{text}"
    );
    assert_eq!(templates.family(&["mine", "claude"]), "mine");
    assert!(templates.render("mine", &input(&task)).unwrap().ends_with("\nfor claude\n"));
    let codex = templates.render("codex", &input(&task)).unwrap();
    assert_eq!(codex, Templates::built_in().render("codex", &input(&task)).unwrap(), "the others are as they were");
}

#[test]
fn a_new_default_is_under_every_family() {
    let text = "{% extends \"builtin/default\" %}\n{% block goals %}\nGoals stand elsewhere.\n\n{% endblock %}\n";
    let templates = Templates::with(vec![own("default", text)], &[]).unwrap();
    let text = templates.render("gemini", &input(&full_task())).unwrap();
    assert!(text.contains("Goals stand elsewhere.") && !text.contains("## Objective") && text.contains("## Your way of working"), "{text}");
}

#[test]
fn a_wrong_template_is_told_with_file_and_line() {
    let wrong = |text: &str| {
        let problems = Templates::with(vec![own("claude", text)], &[]).unwrap_err();
        let said: Vec<_> = problems.iter().map(|p| format!("{}:{}: {}", p.path, p.line, p.message)).collect();
        (said.join("\n"), problems[0].hint.clone().unwrap_or_default())
    };
    const FILE: &str = ".greenlane/prompts/claude.md";
    let good = "{{ task.words }}\n{{ rules | items }}\n";
    let (said, _) = wrong(&format!("{good}{{% if task %}}\n"));
    assert!(said.starts_with(&format!("{FILE}:3: syntax error")), "{said}");
    let (said, hint) = wrong(&format!("{good}\n{{{{ lesons }}}}\n"));
    assert_eq!((said.as_str(), hint.as_str()), (format!("{FILE}:4: there is no value `lesons`").as_str(), "did you mean `lessons`?"));
    let (said, hint) = wrong(&format!("{good}{{{{ task.nothing }}}}\n"));
    assert!(said.starts_with(&format!("{FILE}:3: undefined value")) && hint.contains("docs/prompts.md"), "{said} {hint}");
    let (said, _) = wrong(&format!("{good}{{{{ task.title | frob }}}}\n"));
    assert!(said.starts_with(&format!("{FILE}:3: unknown filter")), "{said}");
    // Only where a task has such a value, or only where it has none.
    let (said, _) = wrong(&format!("{good}{{% if previous %}}{{{{ previous.whyy }}}}{{% endif %}}\n"));
    assert!(said.starts_with(&format!("{FILE}:3: undefined value")), "{said}");
    let (said, _) = wrong(&format!("{good}\n\n{{{{ previous.why }}}}\n"));
    assert!(said.starts_with(&format!("{FILE}:5: ")), "{said}");
    let (said, _) = wrong(&format!("{good}{{% include \"hous\" %}}\n"));
    assert!(said.starts_with(&format!("{FILE}:3: template not found")), "{said}");
    let (said, hint) = wrong("{% extends \"claude\" %}");
    assert!(said.starts_with(FILE), "{said} {hint}");
    let (said, hint) = wrong("Do something.\n");
    assert!(said.contains("does not hold the task's own words") && hint.contains("task.words"), "{said}");
    let (said, _) = wrong("{{ task.words }}\n");
    assert!(said.contains("does not hold the rules"), "{said}");
}

#[test]
fn no_template_takes_all_time_or_all_memory() {
    let good = "{{ task.words }}\n{{ rules | items }}\n";
    for endless in [
        "{% for a in range(9000) %}{% for b in range(9000) %}{{ task.title }}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'x' * 100000000 }}",
    ] {
        assert!(Templates::with(vec![own("claude", &format!("{good}{endless}\n"))], &[]).is_err(), "{endless}");
    }
    let mut task = full_task();
    task.prompt = "x".repeat(PROMPT_BYTES_MAX);
    let problem = Templates::built_in().render("claude", &input(&task)).unwrap_err();
    assert!(problem.message.contains("task `bucket` is longer than 8 MiB"), "{problem:?}");
}

#[test]
fn who_was_assigned_or_stands_in_is_told_why() {
    let mut task = full_task();
    (task.agent, task.fallbacks) = (Some("claude".into()), vec!["codex".into()]);
    assert!(why(&task, None, "codex").unwrap().contains("names `claude` first"));
    assert_eq!(why(&task, None, "claude"), None);
    task.why = Some("It tests best.".into());
    assert_eq!(why(&task, None, "claude").as_deref(), Some("It tests best."));
    assert_eq!(why(&task, None, "gemini"), None, "a person chose it");
}
