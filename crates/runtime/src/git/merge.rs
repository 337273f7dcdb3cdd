//! Merges two commits in memory; touches no worktree, no index, no ref.
//!
//! Approach: where the two sides changed different entries of every directory and neither's change meets a removal, the
//! result is beyond doubt (git's own merge takes the same short way, and rename detection has nothing to compare), so it is
//! put together from the trees without a process. Everything else is `git merge-tree --write-tree`.

use std::collections::{BTreeMap, BTreeSet};

use greenlane_core::ids::Oid;

use super::ancestry;
use super::attributes;
use super::error::GitError;
use super::objects::{Objects, TreeEntry, answer};
use super::repo::Repo;
use super::writer::Writer;

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// This tree.
    Clean(Oid),
    /// Git could not decide.
    Conflict {
        /// The tree with conflict markers in these files.
        tree: Oid,
        /// The files, in order, without repeats.
        files: Vec<String>,
    },
}

impl Repo {
    /// Merges `theirs`, whose work began at `base`, onto `ours`.
    ///
    /// # Errors
    /// If git cannot be asked, or the histories are unrelated.
    pub fn merge_trees(&self, ours: &Oid, theirs: &Oid, base: Option<&Oid>) -> Result<Merged, GitError> {
        let objects = self.objects();
        if let Some(base) = base {
            let straight = ancestry::is_straight(objects, theirs, base)?;
            if straight && ours == base {
                return Ok(Merged::Clean(objects.require_commit(theirs)?.tree.clone()));
            }
            if straight && ancestry::on_first_parents(objects, ours, base)? {
                let tree = |commit: &Oid| objects.require_commit(commit).map(|c| c.tree.clone());
                if let Some(tree) = simple(objects, self.writer(), &tree(base)?, &tree(ours)?, &tree(theirs)?)? {
                    return Ok(Merged::Clean(tree));
                }
            }
        }
        self.merge_tree_command(ours, theirs)
    }

    fn merge_tree_command(&self, ours: &Oid, theirs: &Oid) -> Result<Merged, GitError> {
        let args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours.as_str(), theirs.as_str()];
        let attributes = attributes::lay_out(self, ours, theirs)?;
        let output = self.git_in(self.common_dir(), attributes.path()).run_allowing(&args, &[0, 1])?;
        let mut fields = output.fields();
        let tree = fields.next().map(Oid::from).ok_or_else(|| answer("merge-tree", &output.text()))?;
        if output.code == 0 {
            return Ok(Merged::Clean(tree));
        }
        let files: BTreeSet<String> = fields.collect();
        Ok(Merged::Conflict { tree, files: files.into_iter().collect() })
    }
}

/// The merge of three trees where it is beyond doubt, else `None`.
fn simple(objects: &Objects, writer: &Writer, base: &Oid, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>, GitError> {
    if ours == theirs || theirs == base {
        return Ok(Some(ours.clone()));
    }
    if ours == base {
        return Ok(Some(theirs.clone()));
    }
    let mut names: BTreeMap<Vec<u8>, [Option<TreeEntry>; 3]> = BTreeMap::new();
    for (side, tree) in [base, ours, theirs].into_iter().enumerate() {
        for entry in objects.tree(tree)? {
            let sides = names.entry(entry.name.clone()).or_default();
            sides[side] = Some(entry);
        }
    }
    let mut merged = Vec::with_capacity(names.len());
    for (name, sides) in names {
        match sides {
            [base, ours, theirs] if ours == theirs || theirs == base => {
                // A removal in a directory that both sides changed may be half of a rename into the other's way.
                if base.is_some() && ours.is_none() {
                    return Ok(None);
                }
                merged.extend(ours);
            }
            [base, ours, theirs] if ours == base => {
                if base.is_some() && theirs.is_none() {
                    return Ok(None);
                }
                merged.extend(theirs);
            }
            [Some(b), Some(o), Some(t)] if b.is_tree() && o.is_tree() && t.is_tree() => {
                match simple(objects, writer, &b.oid, &o.oid, &t.oid)? {
                    Some(oid) => merged.push(TreeEntry { mode: 0o40000, name, oid }),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        }
    }
    writer.tree(&merged).map(Some)
}
