//! What all runs of this user know of accounts, brought to the core and back; places for attempts. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use greenlane_core::input::Input;
use greenlane_core::plan::Plan;
use greenlane_core::time::Time;

use super::context::Context;
use crate::accounts::{Accounts, AgentsFound, Lease, Watch};
use crate::clock;

/// The accounts of a run.
pub(super) struct Quotas {
    /// `None`: this user has no place where anything could be shared.
    all: Option<Accounts>,
    /// Most attempts of one account at once.
    most: AtomicU32,
    /// Held from reading to telling: an older reading never comes after a newer one.
    telling: Mutex<()>,
    watch: Mutex<Option<Watch>>,
}

impl Quotas {
    pub(super) fn new(all: Option<Accounts>) -> Self {
        Self { all, most: AtomicU32::new(u32::MAX), telling: Mutex::default(), watch: Mutex::default() }
    }

    /// A place of the account. `Ok(None)`: the account has no files, so there is nothing to hold.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`]: all are taken. Others: the files cannot be made.
    pub(super) fn take(&self, account: &str) -> io::Result<Option<Lease>> {
        let Some(all) = &self.all else { return Ok(None) };
        all.take(account, self.most.load(Ordering::Relaxed))?.map_or_else(|| Err(io::ErrorKind::WouldBlock.into()), |lease| Ok(Some(lease)))
    }

    /// Tells the core how the account stands; whatever was told of it before is older.
    pub(super) fn tell(&self, context: &Context, account: &str) {
        let Some(all) = &self.all else { return };
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        match all.read(account, self.most.load(Ordering::Relaxed)) {
            Ok(reading) => context.observed(Input::AccountRead { account: account.to_owned(), reading }),
            Err(e) => context.warn(format!("what other runs know of the account {account} cannot be read: {e}")),
        }
    }
}

/// Agents that may be asked to work on these plans. `default`: who does what names nobody.
pub(super) fn wanted_by<'a>(plans: impl Iterator<Item = &'a Plan>, default: Option<&str>) -> BTreeSet<String> {
    let tasks = plans.flat_map(|p| &p.tasks).filter(|t| t.run.is_none() && !t.ticked);
    let of = |t: &'a greenlane_core::plan::Task| {
        let first = t.agent.clone().or_else(|| default.map(str::to_owned));
        first.into_iter().chain(t.candidates.iter().cloned()).chain(t.fallbacks.iter().cloned())
    };
    tasks.flat_map(of).collect()
}

/// Looks at the agents.
pub(super) fn look(context: &Context, wanted: &BTreeSet<String>) -> AgentsFound {
    let top = context.repo.top().or(context.repo.main_top()).unwrap_or(context.repo.common_dir());
    AgentsFound::look(&context.registry, &context.environment, top, wanted)
}

/// Begins to watch the accounts, if any agent is wanted, and says how those of the wanted agents stand.
pub(super) fn begin(context: &Arc<Context>, wanted: &BTreeSet<String>, accounts: &BTreeMap<String, String>, most: u32) -> Vec<Input> {
    let quotas = &context.quotas;
    quotas.most.store(most, Ordering::Relaxed);
    let Some(all) = quotas.all.as_ref().filter(|_| !wanted.is_empty()) else { return Vec::new() };
    let mut watch = quotas.watch.lock().unwrap_or_else(PoisonError::into_inner);
    if watch.is_none() {
        let weak = Arc::downgrade(context);
        let changed = move |account: &str| {
            if let Some(context) = weak.upgrade() {
                context.quotas.tell(&context, account);
            }
        };
        match all.watch(accounts.values().cloned(), changed) {
            Ok(begun) => *watch = Some(begun),
            Err(e) => context.warn(format!("this run does not see when others meet a limit: {e}")),
        }
    }
    // After the watch has begun: what changes from now on is told.
    let used: BTreeSet<&String> = wanted.iter().filter_map(|agent| accounts.get(agent)).collect();
    let read = |account: &&String| {
        let reading = all.read(account, most).map_err(|e| context.warn(format!("the account {account} cannot be read: {e}"))).ok()?;
        Some(Input::AccountRead { account: (*account).clone(), reading })
    };
    used.iter().filter_map(read).collect()
}

/// Tells every run of this user what is known of an account, and the core what they know.
pub(super) fn change(
    context: &Arc<Context>,
    account: String,
    change: impl FnOnce(&Accounts, &str, Time) -> io::Result<()> + Send + 'static,
) {
    let context = Arc::clone(context);
    Context::perform("account", move || {
        let Some(all) = &context.quotas.all else { return };
        if let Err(e) = change(all, &account, clock::now()) {
            context.warn(format!("other runs are not told what this one knows of the account {account}: {e}"));
        }
        context.quotas.tell(&context, &account);
    });
}
