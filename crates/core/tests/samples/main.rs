//! The sample plans of `docs/plans`: each is recognised, read and planned, and what comes out is what stands in `plans.txt`.

mod files;

use std::fmt::Write as _;

use files::{SAMPLES, Sample, beside};
use greenlane_core::plan::{Format, Native, Plan, PlanSource, Reading, convert, digests, meaning, read, summary};

fn reading(sample: Sample, format: Option<Format>) -> Reading {
    let more = sample[1..].iter().map(|(path, text)| (String::from(*path), String::from(*text))).collect();
    read(&PlanSource { more, format, ..PlanSource::new(sample[0].0, sample[0].1, &beside) })
}

fn plan(sample: Sample) -> Plan {
    let reading = reading(sample, None);
    // That a list has no order is true of it in every form.
    let told = reading.diagnostics.iter().filter(|d| !d.message.starts_with("nothing here says an order"));
    let found: String = told.map(|d| d.render(false)).collect();
    reading.plan.unwrap_or_else(|| panic!("{}: {found}", sample[0].0))
}

/// All that a plan says, in a few lines a task.
fn shown(plan: &Plan) -> String {
    let mut out = format!("{} {:?} jobs {:?} branch {:?}\n", plan.id, plan.name, plan.jobs, plan.branch);
    for (key, value) in &plan.extra {
        writeln!(out, "  extra {key}: {value:?}").expect("text");
    }
    for task in &plan.tasks {
        let (ticked, stage) = (if task.ticked { "x" } else { " " }, task.stage.map(|s| s.to_string()).unwrap_or_default());
        let depends: Vec<&str> = task.depends.iter().map(|d| d.as_str()).collect();
        let group = task.group.as_ref().map(|g| format!(" ({g})")).unwrap_or_default();
        writeln!(out, "  [{ticked}] {stage:>2} {}: {}{group} p{} <- {}", task.id, task.title, task.priority, depends.join(" "))
            .expect("text");
        if let Some(objective) = &task.objective {
            writeln!(out, "         objective {objective}").expect("text");
        }
        for (name, list) in [("activities", &task.activities), ("deliverables", &task.deliverables), ("contracts", &task.contracts)] {
            if !list.is_empty() {
                writeln!(out, "         {name} {}", list.join(" | ")).expect("text");
            }
        }
        for (name, list) in [("owns", &task.owns), ("criteria", &task.criteria), ("skills", &task.skills), ("fallbacks", &task.fallbacks)] {
            if !list.is_empty() {
                writeln!(out, "         {name} {}", list.join(" | ")).expect("text");
            }
        }
        for (name, value) in [("agent", &task.agent), ("role", &task.role), ("model", &task.model)] {
            if let Some(value) = value {
                writeln!(out, "         {name} {value}").expect("text");
            }
        }
        if let Some(estimate) = task.estimate {
            writeln!(out, "         estimate {estimate:?}").expect("text");
        }
        for (key, value) in &task.extra {
            writeln!(out, "         extra {key}: {value:?}").expect("text");
        }
        for line in task.prompt.lines() {
            writeln!(out, "         > {line}").expect("text");
        }
    }
    out
}

#[test]
fn every_sample_is_read_as_what_it_is() {
    let mut all = String::new();
    for sample in SAMPLES {
        let reading = reading(sample, None);
        writeln!(all, "=== {} as {}", sample[0].0, reading.format.map_or("?", Format::name)).expect("text");
        for d in &reading.diagnostics {
            writeln!(all, "{:?} {}:{}: {}", d.severity, d.file, d.line, d.message).expect("text");
        }
        if let Some(plan) = reading.plan {
            all.push_str(&shown(&plan));
        }
    }
    let expected = include_str!("plans.txt");
    if all != expected {
        let differs = all.lines().zip(expected.lines()).position(|(a, b)| a != b).unwrap_or(0);
        panic!("line {} of plans.txt differs; all of it:\n{all}", differs + 1);
    }
}

#[test]
fn every_sample_can_be_planned_and_its_format_named() {
    let mut formats = Vec::new();
    for sample in SAMPLES {
        let plan = plan(sample);
        let summary = summary(&plan, 5).expect("no cycle");
        assert!(!summary.waves.is_empty(), "{}", sample[0].0);
        let format = reading(sample, None).format.expect("a format");
        assert_eq!(reading(sample, Some(format)).plan.as_ref(), Some(&plan), "{} named as {}", sample[0].0, format.name());
        formats.push(format);
    }
    for format in Format::ALL {
        assert!(formats.contains(&format), "there is no sample of {}", format.name());
    }
}

/// Reads what was written; the id and the name stand in the text.
fn again(text: &str, form: Native) -> Plan {
    let path = match form {
        Native::Toml => "other.toml",
        Native::Json => "other.json",
        Native::Markdown => "other.md",
    };
    let reading = read(&PlanSource::new(path, text, &beside));
    // That a list has no order is true of it in every form.
    let told = reading.diagnostics.iter().filter(|d| !d.message.starts_with("nothing here says an order"));
    let found: String = told.map(|d| d.render(false)).collect();
    assert!(found.is_empty(), "{found}\n{text}");
    reading.plan.expect("a plan")
}

#[test]
fn every_sample_is_the_same_plan_in_every_native_form() {
    for sample in SAMPLES {
        let plan = plan(sample);
        for form in [Native::Toml, Native::Json, Native::Markdown] {
            let text = convert(&plan, form).unwrap_or_else(|why| panic!("{} as {form:?}: {why:?}", sample[0].0));
            let read = again(&text, form);
            assert_eq!(meaning(&read), meaning(&plan), "{}:\n{text}", sample[0].0);
            assert_eq!(digests(&read), digests(&plan), "what landed stays landed");
            assert_eq!(convert(&read, form).as_ref(), Ok(&text), "written again it is the same text");
        }
    }
}

#[test]
fn plans_made_of_parts_of_the_samples_are_the_same_in_every_form() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    let all: Vec<Plan> = SAMPLES.iter().map(|s| plan(s)).collect();
    for round in 0..300 {
        // Tasks of any samples under new ids, in any order; what they wait for among them stays.
        let mut mixed = all[rng.usize(..all.len())].clone();
        mixed.tasks = (0..rng.usize(1..8))
            .map(|_| {
                let tasks = &all[rng.usize(..all.len())].tasks;
                tasks[rng.usize(..tasks.len())].clone()
            })
            .collect();
        mixed.groups.clear();
        let stages = rng.usize(..4);
        for (number, task) in mixed.tasks.iter_mut().enumerate() {
            task.id = format!("{}{number}", ["a", "T00", "1.", "x/../y ", "Ünï-", "US-00"][rng.usize(..6)]).into();
            task.depends.clear();
            (task.group, task.stage) = (None, None);
            // What only the native forms have.
            if rng.bool() {
                task.objective = Some(String::from("It is there: \"as said\"."));
                task.activities = vec![String::from("look, then write"), String::from("read `x`")];
                task.deliverables = vec![String::from("f.rs")];
                task.contracts = vec![String::from("a() -> b, for all")];
                task.skills = vec![String::from("git log -3")];
                task.skill_timeout = Some(std::time::Duration::from_secs(5));
                task.skill_failure = greenlane_core::plan::SkillFailure::Stop;
            }
        }
        let mut order: Vec<u32> = Vec::new();
        for number in 0..mixed.tasks.len() {
            let stage = rng.usize(..=stages);
            if stage < stages {
                let stage = u32::try_from(stage).expect("small");
                mixed.tasks[number].stage = Some(stage);
                mixed.tasks[number].group = rng.bool().then(|| format!("g{stage}").as_str().into());
                order.push(stage);
            }
            if number > 0 && rng.bool() {
                let before = rng.usize(..number);
                let fits = match (mixed.tasks[before].stage, mixed.tasks[number].stage) {
                    (Some(a), Some(b)) => a <= b,
                    _ => true,
                };
                if fits && (mixed.tasks[before].stage.is_some() || mixed.tasks[number].stage.is_none()) {
                    let id = mixed.tasks[before].id.clone();
                    mixed.tasks[number].depends.push(id);
                }
            }
        }
        order.sort_unstable();
        order.dedup();
        mixed.groups = order.iter().map(|s| greenlane_core::plan::Group::new(format!("g{s}").as_str(), *s)).collect();
        if summary(&mixed, 1).is_err() {
            continue;
        }
        for form in [Native::Toml, Native::Json, Native::Markdown] {
            let text = convert(&mixed, form).unwrap_or_else(|why| panic!("round {round} as {form:?}: {why:?}\n{mixed:#?}"));
            assert_eq!(meaning(&again(&text, form)), meaning(&mixed), "{text}");
        }
    }
}

#[test]
fn what_bd_prints_is_read_in_each_of_its_shapes() {
    let issue = r#"{"id": "b-2", "title": "t", "status": "in_progress", "priority": "P1", "issue_type": "task", "dependencies": [
        {"id": "b-1", "title": "first", "status": "closed", "dependency_type": "blocks"},
        {"id": "b-3", "title": "next", "status": "open", "dependency_type": "related"},
        {"id": "b-4", "title": "other", "status": "open", "dependency_type": "waits-for"}],
        "metadata": {"fallback_agents": ["codex"], "applicable_skills": ["lint"], "owns": ["src/**"], "colour": "red"}}"#;
    let other = r#"{"id": "b-4", "title": "other", "status": "open", "issue_type": "task"}"#;
    for text in [
        format!("[{issue}, {other}]"),
        format!("{{\"schema_version\": 1, \"data\": [{issue}, {other}]}}"),
        format!("{}\n{other}\n", issue.replace('\n', " ")),
    ] {
        let reading = read(&PlanSource::new("p", text.as_str(), &beside));
        assert_eq!(reading.format, Some(Format::Beads), "{text}");
        let told: Vec<&str> = reading.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(told, ["`b-2` is in progress already, and is done from its start here", "the field `colour` is not used"]);
        let plan = reading.plan.expect("a plan");
        assert_eq!(
            shown(&plan).lines().skip(1).collect::<Vec<_>>(),
            [
                "  [ ]    b-2: t p1 <- b-4",
                "         owns src/**",
                "         skills lint",
                "         fallbacks codex",
                "         extra colour: \"red\"",
                "         extra issue_type: \"task\"",
                "  [ ]    b-4: other p2 <- ",
                "         extra issue_type: \"task\"",
            ]
        );
    }
    let one = read(&PlanSource::new("p", other, &beside));
    assert_eq!((one.format, one.plan.map(|p| p.tasks.len())), (Some(Format::Beads), Some(1)));
}
