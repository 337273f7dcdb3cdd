//! What a plan says of its groups: `groups.NAME`, with `refresh` and `on_failure`. Which groups there are is told by the tasks.

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::Draft;
use super::fields::Fields;
use super::model::OnFailure;
use super::native::unknown_keys;
use super::node::Table;
use super::suggest::closest;

/// The keys of one group; docs/plan.schema.json has the same.
pub const GROUP_KEYS: [&str; 2] = ["refresh", "on_failure"];

/// What is said of one group.
pub(super) struct GroupRules {
    name: String,
    at: Span,
    refresh: Option<String>,
    on_failure: Option<OnFailure>,
}

/// Reads them from the plan's table, or its front matter.
pub(super) fn read(ctx: &mut Context<'_>, plan: &Table) -> Vec<GroupRules> {
    let Some(entry) = plan.entry("groups") else { return Vec::new() };
    let Some(groups) = entry.node.table() else {
        let hint = "write `[groups.NAME]` with `refresh` or `on_failure` below it; which task is in a group its own `group` says";
        ctx.error_hint(&entry.node.span, format!("`groups` must be a table, not {}", entry.node.kind()), hint);
        return Vec::new();
    };
    let mut all = Vec::new();
    for group in &groups.entries {
        let name = &group.key;
        let Some(table) = group.node.table() else {
            ctx.error_hint(
                &group.node.span,
                format!("`groups.{}` must be a table, not {}", name.escape_debug(), group.node.kind()),
                "such as { on_failure = \"rollback\" }",
            );
            continue;
        };
        unknown_keys(ctx, table, &GROUP_KEYS, &format!("of group `{}`", name.escape_debug()));
        let fields = Fields::new(table, None);
        let refresh = fields.text(ctx, "refresh");
        let on_failure = fields.text_at(ctx, "on_failure").and_then(|(word, at)| match word.as_str() {
            "keep" => Some(OnFailure::Keep),
            "rollback" => Some(OnFailure::Rollback),
            _ => {
                let hint = closest(&word, ["keep", "rollback"]).map_or_else(String::new, |w| format!("did you mean `{w}`?"));
                ctx.error_hint(&at, format!("`on_failure` is `keep` or `rollback`, not `{}`", word.escape_debug()), hint);
                None
            }
        });
        all.push(GroupRules { name: name.clone(), at: group.key_span.clone(), refresh, on_failure });
    }
    all
}

/// Gives them to the groups, once all tasks have theirs. As in tasks, upper and lower case are one.
pub(super) fn apply(ctx: &mut Context<'_>, draft: &mut Draft) {
    let groups = &mut draft.plan.groups;
    let mut given: Vec<String> = Vec::new();
    for rules in std::mem::take(&mut draft.group_rules) {
        let key = rules.name.to_lowercase();
        let Some(group) = groups.iter_mut().find(|g| g.id.as_str().to_lowercase() == key) else {
            let hint = match closest(&rules.name, groups.iter().map(|g| g.id.as_str())) {
                Some(name) => format!("did you mean `{name}`?"),
                None if groups.is_empty() => String::from("no task of the plan is in a group"),
                None => {
                    let names: Vec<&str> = groups.iter().map(|g| g.id.as_str()).take(super::suggest::HINTS_MAX).collect();
                    format!("its groups are {}", names.join(", "))
                }
            };
            ctx.error_hint(&rules.at, format!("no task is in group `{}`", rules.name.escape_debug()), hint);
            continue;
        };
        if given.contains(&key) {
            ctx.push(Severity::Error, &rules.at, format!("`groups` names `{}` twice", group.id), None);
        }
        given.push(key);
        group.refresh = rules.refresh;
        group.on_failure = rules.on_failure;
    }
}
