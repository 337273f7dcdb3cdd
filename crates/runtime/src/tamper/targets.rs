//! What a git command line can change: which refs, which settings. By git's documentation; a command that names a branch as
//! its starting point does not change it. In doubt: nothing, and the change is told without naming anybody.

use super::evidence::Call;

impl Call {
    /// Can this command move this ref (a full name)? What moves the branch that a checkout is on is asked elsewhere.
    pub(super) fn can_move(&self, full: &str) -> bool {
        let named = |word: &&str| names(word, full);
        let is_branch = full.starts_with("refs/heads/");
        let is_tag = full.starts_with("refs/tags/");
        match self.name.as_str() {
            "branch" if is_branch => self.branch_can_move(full),
            "tag" if is_tag => {
                let words = self.words(&["-m", "--message", "-F", "--file", "-u", "--local-user", "--cleanup"]);
                match () {
                    () if self.has(&["-l", "--list", "-v", "--verify", "--contains", "--points-at", "--merged"]) => false,
                    () if self.has(&["-d", "--delete"]) => words.iter().any(named),
                    () => words.first().is_some_and(named),
                }
            }
            "update-ref" => self.words(&["-m"]).first().is_some_and(|w| *w == full),
            "checkout" if is_branch => self.after(&["-b", "-B", "--orphan"]).iter().any(named),
            "switch" if is_branch => self.after(&["-c", "-C", "--create", "--force-create", "--orphan"]).iter().any(named),
            "worktree" if is_branch => self.after(&["-b", "-B"]).iter().any(named),
            "rebase" if is_branch => {
                let words = self.words(&["--onto", "-x", "--exec", "-s", "--strategy", "-X", "-C"]);
                words.len() >= 2 && words.last().is_some_and(named)
            }
            "fetch" | "pull" => full.starts_with("refs/remotes/") || is_tag || self.refspec_names(full),
            "remote" => full.starts_with("refs/remotes/"),
            "push" => {
                let here =
                    self.words(&["-o", "--push-option", "--repo"]).first().is_some_and(|to| *to == "." || to.starts_with(['/', '.', '~']));
                full.starts_with("refs/remotes/") || (here && (self.refspec_names(full) || self.words(&[]).iter().skip(1).any(named)))
            }
            "notes" => full.starts_with("refs/notes/"),
            "replace" => full.starts_with("refs/replace/"),
            "symbolic-ref" => self.words(&["-m"]).first().is_some_and(|w| *w == full),
            _ => false,
        }
    }

    /// Can it move any ref but that of the checkout that it runs in?
    pub(super) fn moves_refs(&self) -> bool {
        const MOVERS: &[&str] =
            &["branch", "tag", "update-ref", "checkout", "switch", "worktree", "rebase", "fetch", "pull", "push", "symbolic-ref"];
        MOVERS.contains(&self.name.as_str())
    }

    fn branch_can_move(&self, full: &str) -> bool {
        let named = |word: &&str| names(word, full);
        let words =
            self.words(&["-u", "--set-upstream-to", "--contains", "--no-contains", "--merged", "--points-at", "--sort", "--format"]);
        let looks = [
            "-u",
            "--set-upstream-to",
            "--unset-upstream",
            "-l",
            "--list",
            "-a",
            "-r",
            "--show-current",
            "--edit-description",
            "--contains",
        ];
        match () {
            () if self.has(&["-d", "-D", "--delete", "-m", "-M", "--move"]) => words.iter().any(named),
            () if self.has(&["-c", "-C", "--copy"]) => words.last().is_some_and(named),
            () if self.has(&looks) || self.args.iter().any(|a| a.starts_with("--set-upstream-to=")) => false,
            () => words.first().is_some_and(named),
        }
    }

    /// Does it remove what it names?
    pub(super) fn removes(&self) -> bool {
        match self.name.as_str() {
            "branch" => self.has(&["-d", "-D", "--delete", "-m", "-M", "--move"]),
            "tag" | "update-ref" | "push" => self.has(&["-d", "--delete"]) || self.args.iter().any(|a| a.starts_with(':')),
            "fetch" | "remote" => true,
            _ => false,
        }
    }

    /// Does it move the branch, or the HEAD, of the checkout in which it runs?
    pub(super) fn moves_its_checkout(&self) -> bool {
        const MOVERS: &[&str] = &[
            "commit",
            "merge",
            "reset",
            "rebase",
            "cherry-pick",
            "revert",
            "am",
            "pull",
            "checkout",
            "switch",
            "symbolic-ref",
            "update-ref",
            "stash",
            "bisect",
            "branch",
        ];
        MOVERS.contains(&self.name.as_str())
    }

    /// Does it name this branch (a full ref) as where to go?
    pub(super) fn leads_to(&self, full: &str) -> bool {
        self.args.iter().any(|word| names(word, full))
    }

    /// Does it write the index of the checkout in which it runs, other than to note times of files?
    pub(super) fn stages(&self) -> bool {
        const STAGERS: &[&str] = &["add", "stage", "rm", "mv", "restore", "apply", "read-tree", "update-index"];
        STAGERS.contains(&self.name.as_str())
            || (self.moves_its_checkout() && !matches!(self.name.as_str(), "branch" | "update-ref" | "symbolic-ref"))
    }

    /// Can this command give a setting of the repository this value (`None`: take it away)?
    pub(super) fn can_set(&self, key: &str, value: Option<&str>) -> bool {
        let part = |n: usize| key.splitn(3, '.').nth(n).unwrap_or_default();
        let middle = key.split_once('.').and_then(|(_, rest)| rest.rsplit_once('.')).map(|(middle, _)| middle);
        let names_middle = || middle.is_some_and(|m| self.args.iter().any(|a| a == m));
        match self.name.as_str() {
            "config" => {
                let elsewhere = ["--global", "--system", "--worktree", "-f", "--file", "--blob"];
                if self.has(&elsewhere) || self.args.iter().any(|a| a.starts_with("--file=")) {
                    return false;
                }
                let named = self.args.iter().any(|a| a.eq_ignore_ascii_case(key));
                let section = self.has(&["--remove-section", "--rename-section", "remove-section", "rename-section"]);
                match value {
                    _ if section => self.args.iter().any(|a| key.len() > a.len() && key.starts_with(a.as_str())),
                    Some(value) => named && self.args.iter().any(|a| a == value),
                    None => named && self.has(&["--unset", "--unset-all", "unset", "--replace-all"]),
                }
            }
            "remote" => part(0) == "remote" && names_middle(),
            "branch" | "checkout" | "switch" | "push" => part(0) == "branch" && names_middle(),
            "submodule" => part(0) == "submodule",
            "sparse-checkout" => part(0) == "extensions" || part(0) == "core",
            _ => false,
        }
    }

    fn has(&self, options: &[&str]) -> bool {
        self.args.iter().take_while(|a| *a != "--").any(|a| options.contains(&a.as_str()))
    }

    /// What stands after one of these options.
    fn after(&self, options: &[&str]) -> Vec<&str> {
        self.args.windows(2).filter(|w| options.contains(&w[0].as_str())).map(|w| w[1].as_str()).collect()
    }

    /// Arguments that are neither options nor values of these options.
    fn words(&self, with_value: &[&str]) -> Vec<&str> {
        let mut words = Vec::new();
        let mut args = self.args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            if with_value.contains(&arg) {
                args.next();
            } else if !arg.starts_with('-') || arg == "-" {
                words.push(arg);
            }
        }
        words
    }

    /// Is the ref on the receiving side of one of the refspecs?
    fn refspec_names(&self, full: &str) -> bool {
        self.words(&[]).iter().skip(1).filter_map(|w| w.rsplit_once(':')).any(|(_, to)| names(to, full))
    }
}

/// Does this word stand for the ref: its full name, or one of the shorter ones?
fn names(word: &str, full: &str) -> bool {
    let word = word.strip_prefix('+').unwrap_or(word);
    let short = ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"].iter().find_map(|p| full.strip_prefix(p));
    word == full || Some(word) == short || full.strip_prefix("refs/") == Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Call {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().unwrap_or_default();
        Call { name, args: words.collect(), shown: format!("git {line}"), worktree: None, start: 0, end: 0, code: Some(0) }
    }

    #[test]
    fn commands_that_move_main_and_commands_that_only_name_it() {
        for line in [
            "branch -f main HEAD~1",
            "branch -D old main",
            "branch -m main other",
            "branch main",
            "update-ref refs/heads/main HEAD~1",
            "update-ref -m why refs/heads/main HEAD~1",
            "update-ref -d refs/heads/main",
            "checkout -B main HEAD~1",
            "switch -C main",
            "worktree add -B main ../x",
            "rebase topic main",
            "fetch . topic:main",
            "fetch origin +refs/heads/x:refs/heads/main",
            "push . HEAD:main",
            "push . :main",
        ] {
            assert!(call(line).can_move("refs/heads/main"), "{line}");
        }
        for line in [
            "branch topic main",
            "branch -f topic main",
            "branch -u main topic",
            "branch --set-upstream-to=main topic",
            "branch --contains main",
            "checkout main",
            "checkout -b topic main",
            "switch main",
            "rebase main",
            "merge main",
            "log main",
            "push origin HEAD:main",
            "fetch origin main",
            "update-ref refs/heads/topic main",
            "tag main",
            "reset --hard main",
        ] {
            assert!(!call(line).can_move("refs/heads/main"), "{line}");
        }
        assert!(call("tag -a v1 -m words main").can_move("refs/tags/v1") && !call("tag v1 v2").can_move("refs/tags/v2"));
        assert!(call("fetch").can_move("refs/remotes/origin/main") && call("push -q origin x").can_move("refs/remotes/origin/x"));
    }

    #[test]
    fn settings_that_a_command_can_have_made() {
        assert!(call("config user.name Agent").can_set("user.name", Some("Agent")));
        assert!(call("config --local core.hooksPath /x").can_set("core.hookspath", Some("/x")));
        assert!(call("config set alias.st status").can_set("alias.st", Some("status")));
        assert!(call("config --unset-all user.name").can_set("user.name", None));
        assert!(call("config --remove-section alias").can_set("alias.st", None));
        assert!(call("remote set-url origin /evil").can_set("remote.origin.url", Some("/evil")));
        assert!(call("branch -u origin/x topic").can_set("branch.topic.remote", Some("origin")));
        for (line, key, value) in [
            ("config user.name", "user.name", Some("Agent")),
            ("config --global user.name Agent", "user.name", Some("Agent")),
            ("config user.name Other", "user.name", Some("Agent")),
            ("config user.name Agent", "user.email", Some("Agent")),
            ("remote -v", "remote.origin.url", Some("/evil")),
            ("status", "user.name", Some("Agent")),
        ] {
            assert!(!call(line).can_set(key, value), "{line}");
        }
    }
}
