//! `MANIFEST.yaml` beside a `prd.json`: what state the PRD is in, and whether what was approved is what stands there. Reads no files.

use sha2::{Digest, Sha256};

use super::context::Context;
use super::diagnostic::{Diagnostic, Severity};
use super::foreign::{Ignored, described, is_blank};
use super::node::{Entry, Node, Table};
use super::suggest::closest;
use super::yaml;

/// A manifest's text, and what it is about.
#[derive(Clone, Debug)]
pub struct ManifestSource<'a> {
    /// Its path, for messages.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The text of the `prd.json` beside it.
    pub prd: &'a str,
    /// The name of their folder.
    pub folder: &'a str,
}

const REQUIRED: [&str; 5] = ["id", "title", "status", "owner", "created_at"];
const OPTIONAL: [&str; 9] =
    ["priority", "branch_name", "story_count", "completed_stories", "contributors", "tags", "approval", "abandon_reason", "updated_at"];
const STATUSES: [&str; 4] = ["draft", "active", "completed", "abandoned"];
const PRIORITIES: [&str; 4] = ["critical", "high", "medium", "low"];
/// Digits of an id at least: `PRD-001`.
const ID_DIGITS_MIN: usize = 3;

/// What is wrong with the manifest, or with running the PRD that it is about.
#[must_use]
pub fn check_manifest(source: &ManifestSource<'_>) -> Vec<Diagnostic> {
    let mut ctx = Context::new(source.path, source.text);
    if source.text.trim().is_empty() {
        ctx.whole_file(Severity::Error, "the manifest is empty", Some(format!("it needs {}", REQUIRED.join(", "))));
        return ctx.finish();
    }
    if let Some(table) = yaml::document(&mut ctx) {
        fields(&mut ctx, &table, source);
    }
    ctx.finish()
}

fn fields(ctx: &mut Context<'_>, table: &Table, source: &ManifestSource<'_>) {
    let mut ignored = Ignored::default();
    for entry in table.entries.iter().filter(|e| !REQUIRED.contains(&e.key.as_str()) && !OPTIONAL.contains(&e.key.as_str())) {
        match closest(&entry.key, REQUIRED.iter().chain(&OPTIONAL).copied()) {
            Some(near) if table.get(near).is_none() => {
                ctx.error_hint(&entry.key_span, format!("unknown field `{}`", entry.key.escape_debug()), format!("did you mean `{near}`?"));
            }
            _ => ignored.add(entry),
        }
    }
    ignored.report(ctx);
    for name in REQUIRED.iter().filter(|n| table.get(n).is_none_or(is_blank)) {
        ctx.whole_file(Severity::Error, format!("the manifest has no `{name}`"), Some(format!("add a line `{name}: …`")));
    }
    if let Some(entry) = table.entry("id").filter(|e| !is_blank(&e.node)) {
        id(ctx, entry, source.folder);
    }
    one_of(ctx, table.entry("priority"), &PRIORITIES);
    let status = one_of(ctx, table.entry("status"), &STATUSES);
    let approval = table.entry("approval").filter(|e| !is_blank(&e.node));
    let place = table.entry("status").map_or(0..1, |e| e.node.span.clone());
    match status {
        Some("draft") => {
            let hint = format!(
                "approve it: `status: active`, and `approval` with approved_by, approved_at and approval_hash {}",
                hash(source.prd)
            );
            ctx.error_hint(&place, "the PRD is a draft", hint);
        }
        Some("abandoned") => {
            let why = table.get("abandon_reason").map(described).filter(|w| !w.is_empty()).map(|w| format!(": {w}")).unwrap_or_default();
            ctx.error_hint(
                &place,
                format!("the PRD was abandoned{why}"),
                "make a new one of it with another id: an abandoned PRD stays so",
            );
        }
        Some("completed") => {
            ctx.push(Severity::Warning, &place, String::from("the PRD is completed"), None);
        }
        _ => {}
    }
    match (status, approval) {
        (Some("active" | "completed"), None) => {
            let hint = format!("add `approval` with approved_by, approved_at and approval_hash {}", hash(source.prd));
            ctx.error_hint(&place, "the PRD is not approved", hint);
        }
        (Some("active" | "completed"), Some(entry)) => approved(ctx, entry, source.prd),
        _ => {}
    }
}

/// Letters, a hyphen, three digits or more; and the folder's name.
fn id(ctx: &mut Context<'_>, entry: &Entry, folder: &str) {
    let id = described(&entry.node);
    let good = id.split_once('-').is_some_and(|(letters, digits)| {
        let upper = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_uppercase());
        upper && digits.len() >= ID_DIGITS_MIN && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if !good {
        ctx.error_hint(
            &entry.node.span,
            format!("`{}` is no id of a PRD", id.escape_debug()),
            "write it as capitals and three digits: `PRD-001`",
        );
    } else if id != folder {
        let hint = format!("call the folder `{id}`, or give the manifest the id `{folder}`");
        ctx.push(Severity::Warning, &entry.node.span, format!("the PRD `{id}` lies in a folder of another name"), Some(hint));
    }
}

fn one_of(ctx: &mut Context<'_>, entry: Option<&Entry>, words: &[&'static str]) -> Option<&'static str> {
    let entry = entry.filter(|e| !is_blank(&e.node))?;
    let word = described(&entry.node);
    let found = words.iter().copied().find(|w| *w == word);
    if found.is_none() {
        let near = closest(&word, words.iter().copied());
        let hint = near.map_or_else(|| format!("there are {}", words.join(", ")), |n| format!("did you mean `{n}`?"));
        ctx.error_hint(&entry.node.span, format!("`{}`: there is no `{}`", entry.key, word.escape_debug()), hint);
    }
    found
}

fn approved(ctx: &mut Context<'_>, entry: &Entry, prd: &str) {
    let Some(table) = entry.node.table() else {
        ctx.error(&entry.node.span, format!("`approval` must be a table, not {}", entry.node.kind()));
        return;
    };
    for name in ["approved_by", "approved_at", "approval_hash"].iter().filter(|n| table.get(n).is_none_or(is_blank)) {
        ctx.error_hint(&entry.key_span, format!("the approval has no `{name}`"), format!("add a line `{name}: …` below `approval`"));
    }
    let Some(given) = table.entry("approval_hash").filter(|e| !is_blank(&e.node)) else { return };
    let (wanted, found) = (plain(&given.node), hash(prd));
    if wanted != found {
        ctx.error_hint(
            &given.node.span,
            "prd.json is not what was approved: it has another SHA-256",
            format!(
                "have the change approved and write `approval_hash: {found}`, or take back the change (`git log -p prd.json` shows it)"
            ),
        );
    }
}

/// Also as `sha256:…`, in any case.
fn plain(node: &Node) -> String {
    let text = described(node).to_ascii_lowercase();
    String::from(text.strip_prefix("sha256:").unwrap_or(&text).trim())
}

pub(super) fn hash(prd: &str) -> String {
    Sha256::digest(prd.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRD: &str = "{}";
    const GOOD: &str = "id: PRD-001\ntitle: x\nstatus: active\nowner: me\ncreated_at: 2026-01-01T00:00:00Z\napproval:\n  approved_by: you\n  approved_at: 2026-01-02T00:00:00Z\n  approval_hash: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n";

    fn told(text: &str) -> Vec<String> {
        let found = check_manifest(&ManifestSource { path: "MANIFEST.yaml", text, prd: PRD, folder: "PRD-001" });
        found.iter().map(|d| format!("{}:{} {}", d.line, d.message, d.hint.as_deref().unwrap_or("-"))).collect()
    }

    fn with(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        told(&GOOD.replacen(from, to, 1)).join("\n")
    }

    #[test]
    fn an_approved_prd_is_good() {
        assert_eq!(told(GOOD), Vec::<String>::new());
        assert_eq!(with("approval_hash: 44136F".to_lowercase().as_str(), "approval_hash: sha256:44136F"), "");
        assert_eq!(with("owner: me\n", "owner: me\ncolour: red\n"), "5:the field `colour` is not used -");
    }

    #[test]
    fn each_wrong_manifest_gets_its_message() {
        let hash = hash(PRD);
        for (from, to, message) in [
            (
                "44136fa",
                "00000fa",
                "9:prd.json is not what was approved: it has another SHA-256 have the change approved and write `approval_hash: HASH`, or take back the change (`git log -p prd.json` shows it)",
            ),
            ("id: PRD-001", "id: prd-1", "1:`prd-1` is no id of a PRD write it as capitals and three digits: `PRD-001`"),
            (
                "id: PRD-001",
                "id: PRD-002",
                "1:the PRD `PRD-002` lies in a folder of another name call the folder `PRD-002`, or give the manifest the id `PRD-001`",
            ),
            ("status: active", "status: actve", "3:`status`: there is no `actve` did you mean `active`?"),
            (
                "status: active",
                "status: draft",
                "3:the PRD is a draft approve it: `status: active`, and `approval` with approved_by, approved_at and approval_hash HASH",
            ),
            (
                "status: active",
                "status: abandoned\nabandon_reason: too dear",
                "3:the PRD was abandoned: too dear make a new one of it with another id: an abandoned PRD stays so",
            ),
            ("status: active", "status: completed", "3:the PRD is completed -"),
            ("owner: me\n", "", "0:the manifest has no `owner` add a line `owner: …`"),
            (
                "owner: me\n",
                "ownr: me\nowner: \"\"\n",
                "0:the manifest has no `owner` add a line `owner: …`\n4:the field `ownr` is not used -",
            ),
            ("owner: me\n", "owner: me\npriorty: high\n", "5:unknown field `priorty` did you mean `priority`?"),
            ("owner: me\n", "owner: me\npriority: urgent\n", "5:`priority`: there is no `urgent` there are critical, high, medium, low"),
            ("  approved_by: you\n", "", "6:the approval has no `approved_by` add a line `approved_by: …` below `approval`"),
            (
                "approval:\n",
                "approval: yes\nother:\n",
                "6:`approval` must be a table, not true or false -\n7:the field `other` is not used -",
            ),
        ] {
            assert_eq!(with(from, to), message.replace("HASH", &hash), "{to}");
        }
        let unapproved = &GOOD[..GOOD.find("approval").unwrap_or(0)];
        assert!(told(unapproved)[0].starts_with("3:the PRD is not approved add `approval`"), "{:?}", told(unapproved));
        assert_eq!(told(" \n"), ["0:the manifest is empty it needs id, title, status, owner, created_at"]);
        assert!(told("id: [\n")[0].contains("this file is not YAML"), "{:?}", told("id: [\n"));
    }
}
