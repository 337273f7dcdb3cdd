//! The templates of prompts that a repository brings, `.greenlane/prompts/NAME.md`: reads them, and says which one an agent gets.
//! What is wrong with one is found by the core. Writes nothing.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use greenlane_core::prompt::{Override, TemplateProblem, Templates};

use crate::agent::{AgentDef, OutputKind, Registry};

/// Where they lie, from the top of the checkout. Git does not ignore it, unlike all else there.
pub const TEMPLATES_DIR: &str = ".greenlane/prompts";

/// Most files that are read, and most bytes of each: they are written by hand.
const FILES_MAX: usize = 100;
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The templates in force in this checkout; without one, or without templates in it, those built in.
///
/// # Errors
/// Everything that is wrong with any of them, with file and line.
pub fn load_templates(top: Option<&Path>, registry: &Registry) -> Result<Templates, Vec<TemplateProblem>> {
    let Some(dir) = top.map(|top| top.join(TEMPLATES_DIR)).filter(|dir| dir.is_dir()) else { return Ok(Templates::built_in()) };
    let problem = |path: String, message: String| {
        vec![TemplateProblem { path, line: 0, message, hint: Some(String::from("docs/prompts.md says what belongs there")) }]
    };
    let listed = fs::read_dir(&dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = listed.map_err(|e| problem(TEMPLATES_DIR.to_owned(), format!("it cannot be read: {e}")))?;
    entries.retain(|e| e.path().extension().is_some_and(|x| x == "md"));
    entries.sort_by_key(fs::DirEntry::file_name);
    if entries.len() > FILES_MAX {
        return Err(problem(TEMPLATES_DIR.to_owned(), format!("it holds more than {FILES_MAX} templates")));
    }
    let (mut overrides, mut problems) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{TEMPLATES_DIR}/{name}.md");
        match read(&path) {
            Ok(text) => overrides.push(Override { name, path: shown, text }),
            Err(e) => problems.extend(problem(shown, format!("it cannot be read: {e}"))),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let agents: Vec<&str> = registry.iter().map(|a| a.name.as_str()).collect();
    Templates::with(overrides, &agents)
}

fn read(path: &Path) -> io::Result<String> {
    // Looked at first: opening a pipe would wait for its other end.
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {} KiB", FILE_BYTES_MAX / 1024)));
    }
    Ok(text)
}

/// The family whose template an agent gets: one of its own name, else what its entry says, else that of its output.
#[must_use]
pub fn family_of<'a>(templates: &Templates, agent: &'a AgentDef) -> &'a str {
    let mut names = vec![agent.name.as_str()];
    names.extend(agent.family.as_deref());
    names.extend(of_output(agent.output));
    templates.family(&names)
}

fn of_output(output: OutputKind) -> Option<&'static str> {
    match output {
        OutputKind::Plain | OutputKind::Acp => None,
        OutputKind::Claude => Some("claude"),
        OutputKind::Codex => Some("codex"),
        OutputKind::Gemini => Some("gemini"),
        OutputKind::Opencode => Some("opencode"),
        OutputKind::Qwen => Some("qwen"),
        OutputKind::Copilot => Some("copilot"),
        OutputKind::Pi => Some("pi"),
        OutputKind::Cline => Some("cline"),
        OutputKind::Aider => Some("aider"),
        OutputKind::HandOff => Some("person"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use crate::agent::AgentOverride;

    #[test]
    fn an_agent_has_the_template_of_its_name_its_family_or_its_output() {
        let over = |command: &str, output: Option<OutputKind>, family: Option<&str>| AgentOverride {
            command: Some(command.into()),
            stdin: Some("{prompt}".into()),
            output,
            family: family.map(String::from),
            ..AgentOverride::default()
        };
        let agents = BTreeMap::from([
            (String::from("mine"), over("m", Some(OutputKind::Gemini), None)),
            (String::from("ide"), over("i", None, Some("windsurf"))),
            (String::from("plain"), over("p", None, None)),
        ]);
        let registry = Registry::load(&agents).unwrap();
        let family = |name: &str| family_of(&Templates::built_in(), registry.get(name).unwrap()).to_owned();
        let got = ["claude", "cursor-agent", "mine", "ide", "plain"].map(family);
        assert_eq!(got, ["claude", "cursor", "gemini", "windsurf", "default"]);
    }

    #[test]
    fn templates_are_read_from_the_checkout_and_bad_files_are_told() {
        let top = tempfile::tempdir().unwrap();
        let registry = Registry::load(&BTreeMap::new()).unwrap();
        let load = || load_templates(Some(top.path()), &registry);
        assert!(load().is_ok_and(|t| t.own().is_empty()), "none is none");
        let dir = top.path().join(TEMPLATES_DIR);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("claude.md"), "{% extends \"builtin/claude\" %}\n").unwrap();
        fs::write(dir.join("notes.txt"), "{% nonsense").unwrap();
        assert_eq!(load().unwrap().own(), [("claude", ".greenlane/prompts/claude.md")]);
        fs::write(dir.join("codex.md"), "\n{% nonsense %}\n").unwrap();
        fs::write(dir.join("bytes.md"), b"\xff").unwrap();
        fs::create_dir(dir.join("folder.md")).unwrap();
        let said = |problems: Vec<TemplateProblem>| problems.into_iter().map(|p| p.path).collect::<Vec<_>>();
        assert_eq!(said(load().unwrap_err()), [".greenlane/prompts/bytes.md", ".greenlane/prompts/folder.md"]);
        fs::remove_file(dir.join("bytes.md")).unwrap();
        fs::remove_dir(dir.join("folder.md")).unwrap();
        let wrong = load().unwrap_err();
        assert_eq!((wrong[0].path.as_str(), wrong[0].line), (".greenlane/prompts/codex.md", 2));
        fs::write(dir.join("codex.md"), "x".repeat(300_000)).unwrap();
        assert!(load().unwrap_err()[0].message.contains("longer than 256 KiB"));
    }
}
