//! What becomes of worktrees after a task's end. Nothing waits for it but the end of the run.

use std::sync::Arc;

use greenlane_core::attempt::Verdict;
use greenlane_core::ids::AttemptId;
use greenlane_core::slug::key_slug;
use greenlane_core::state::State;

use super::context::Context;
use crate::workspace::{Release, kept_prefix, kept_words};

/// The task's work has landed: its worktree may be used again.
pub(super) fn free(context: &Arc<Context>, attempt: AttemptId) {
    context.perform_if_held(&attempt.clone(), move |context| release(context, &attempt, Release::Landed));
}

/// The task ended without landing: its worktree is kept as it is, unless there is nothing in it to keep.
pub(super) fn keep(context: &Arc<Context>, state: &State, attempt: AttemptId) {
    let verdict = state.attempt(&attempt).and_then(|a| a.verdict.as_ref());
    let how = if verdict == Some(&Verdict::NoChange) { Release::Landed } else { Release::Kept };
    context.perform_if_held(&attempt.clone(), move |context| release(context, &attempt, how));
}

/// Asked again after a crash, this finds that the task holds no worktree any more, and does nothing.
fn release(context: &Context, attempt: &AttemptId, how: Release) {
    let Ok(workspace) = context.workspace(attempt) else { return };
    context.let_go(&attempt.key);
    if how == Release::Kept {
        // The worktree stays, but it is the user's to remove; the ref outlives that.
        let prefix = kept_prefix(&context.run, &key_slug(&attempt.key));
        if let Err(e) = context.pool.snapshot(&workspace, &prefix, &kept_words(attempt, "when it ended without landing")) {
            context.warn(format!("the work of {attempt} is in its worktree, but not in a ref: {e}"));
        }
    }
    if let Err(e) = context.pool.release(&workspace, how) {
        context.warn(format!("the worktree of {attempt} stays as it is: {e}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::mpsc::channel;

    use greenlane_core::ids::{Oid, RunId, TaskKey};
    use greenlane_testkit::repo::TempRepo;

    use super::*;
    use crate::agent::Registry;
    use crate::config::Config;
    use crate::driver::context::Setup;
    use crate::driver::layout::PreparedWorkspace;
    use crate::git::{Caller, Repo};
    use crate::workspace::{From, Holding, Prepare};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn context(temp: &TempRepo) -> Result<Context, Box<dyn std::error::Error>> {
        let repo = Repo::discover_with(temp.path(), Caller { program: temp.program().into(), env: temp.env() })?;
        let environment = BTreeMap::from([("HOME".into(), temp.beside("home").into())]);
        let config = Config::load(None, &[], &environment)?.config;
        let setup = Setup {
            tools: None,
            repo,
            state_dir: temp.beside("state"),
            pool_dir: temp.beside("pool"),
            config,
            registry: Registry::load(&BTreeMap::new())?,
            exe: temp.beside("none"),
            environment,
            templates: greenlane_core::prompt::Templates::built_in(),
        };
        let (sender, _) = channel();
        Ok(Context::new(setup, RunId::from("r"), temp.beside("socket"), sender)?)
    }

    /// Gives a task's first attempt its worktree, and writes down which.
    fn begin(
        context: &Context,
        temp: &TempRepo,
        task: &str,
    ) -> Result<(AttemptId, crate::workspace::Workspace), Box<dyn std::error::Error>> {
        let attempt = AttemptId { key: TaskKey::new("p", task), n: 1 };
        let dir = context.layout.attempt_dir(&attempt);
        std::fs::create_dir_all(&dir)?;
        let wanted = Prepare {
            run: context.run.clone(),
            key: attempt.key.clone(),
            slug: key_slug(&attempt.key),
            branch: format!("greenlane/r/task/{task}"),
            base: Oid::from(temp.head()),
            from: From::Fresh,
            log_dir: dir,
        };
        let workspace = context.pool.prepare(&wanted)?;
        context.hold(&attempt.key, &workspace);
        let (path, git_dir) = (workspace.path.clone(), workspace.git_dir.clone());
        context
            .layout
            .write_workspace(&attempt, &PreparedWorkspace { path, git_dir, branch: workspace.branch.clone(), base: wanted.base })?;
        Ok((attempt, workspace))
    }

    #[test]
    fn a_worktree_that_went_to_the_next_task_is_not_let_go_for_the_one_before() -> Tested {
        let temp = TempRepo::started();
        let context = context(&temp)?;
        let (earlier, first) = begin(&context, &temp, "a")?;
        release(&context, &earlier, Release::Landed);
        let (later, second) = begin(&context, &temp, "b")?;
        assert_eq!(first.path, second.path, "it is the same worktree");
        // A resume asks for everything once more, at the same time as it starts attempts.
        for how in [Release::Landed, Release::Kept] {
            release(&context, &earlier, how);
            let marks = context.pool.marks()?;
            assert_eq!((marks.len(), marks[0].holding, marks[0].key.as_ref()), (1, Holding::Busy, Some(&later.key)));
            assert_eq!(context.workspace(&later)?.path, second.path);
            assert!(context.workspace(&earlier).is_err());
        }
        Ok(())
    }
}
