//! Which files differ between two trees. Reads only the directories that differ; renames count on both sides,
//! as nothing is guessed about them. Starts no process.

use std::collections::BTreeMap;

use greenlane_core::ids::Oid;

use super::error::GitError;
use super::objects::{Objects, TreeEntry};

/// How a path differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the repository's top, with `/`; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Its mode before; `None`: it was not there.
    pub old_mode: Option<u32>,
    /// Its mode after; `None`: it is gone.
    pub new_mode: Option<u32>,
    /// What it holds after.
    pub new: Option<Oid>,
}

/// The files that differ, in the order of their paths.
///
/// # Errors
/// If a tree cannot be read.
pub fn changes(objects: &Objects, old: &Oid, new: &Oid) -> Result<Vec<Change>, GitError> {
    let mut found = Vec::new();
    walk(objects, Some(old), Some(new), "", &mut found)?;
    Ok(found)
}

fn walk(objects: &Objects, old: Option<&Oid>, new: Option<&Oid>, prefix: &str, found: &mut Vec<Change>) -> Result<(), GitError> {
    if old == new {
        return Ok(());
    }
    let read = |tree: Option<&Oid>| tree.map_or_else(|| Ok(Vec::new()), |t| objects.tree(t));
    let mut names: BTreeMap<Vec<u8>, [Option<TreeEntry>; 2]> = BTreeMap::new();
    for (side, entries) in [read(old)?, read(new)?].into_iter().enumerate() {
        for entry in entries {
            let sides = names.entry(entry.name.clone()).or_default();
            sides[side] = Some(entry);
        }
    }
    for (name, [before, after]) in names {
        if before == after {
            continue;
        }
        let path = format!("{prefix}{}", String::from_utf8_lossy(&name));
        let (old_tree, new_tree) = (before.as_ref().filter(|e| e.is_tree()), after.as_ref().filter(|e| e.is_tree()));
        if old_tree.is_some() || new_tree.is_some() {
            walk(objects, old_tree.map(|e| &e.oid), new_tree.map(|e| &e.oid), &format!("{path}/"), found)?;
        }
        let (old_file, new_file) = (before.filter(|e| !e.is_tree()), after.filter(|e| !e.is_tree()));
        if old_file.is_some() || new_file.is_some() {
            found.push(Change {
                path,
                old_mode: old_file.map(|e| e.mode),
                new_mode: new_file.as_ref().map(|e| e.mode),
                new: new_file.map(|e| e.oid),
            });
        }
    }
    Ok(())
}

/// A tree with some paths replaced (`Some`) or taken out (`None`).
///
/// # Errors
/// If a tree cannot be read or written.
pub fn with_paths(
    repo_objects: &Objects,
    writer: &super::writer::Writer,
    tree: &Oid,
    paths: &BTreeMap<String, Option<(u32, Oid)>>,
) -> Result<Oid, GitError> {
    let mut entries: BTreeMap<Vec<u8>, TreeEntry> = repo_objects.tree(tree)?.into_iter().map(|e| (e.name.clone(), e)).collect();
    let mut below: BTreeMap<String, BTreeMap<String, Option<(u32, Oid)>>> = BTreeMap::new();
    for (path, value) in paths {
        if let Some((dir, rest)) = path.split_once('/') {
            below.entry(dir.to_owned()).or_default().insert(rest.to_owned(), value.clone());
            continue;
        }
        let name = path.clone().into_bytes();
        match value {
            Some((mode, oid)) => drop(entries.insert(name.clone(), TreeEntry { mode: *mode, name, oid: oid.clone() })),
            None => drop(entries.remove(&name)),
        }
    }
    for (dir, inner) in below {
        let name = dir.into_bytes();
        let subtree = match entries.get(&name) {
            Some(entry) if entry.is_tree() => entry.oid.clone(),
            _ => writer.tree(&[])?,
        };
        let oid = with_paths(repo_objects, writer, &subtree, &inner)?;
        if repo_objects.tree(&oid)?.is_empty() {
            entries.remove(&name);
        } else {
            entries.insert(name.clone(), TreeEntry { mode: 0o40000, name, oid });
        }
    }
    writer.tree(&entries.into_values().collect::<Vec<_>>())
}
