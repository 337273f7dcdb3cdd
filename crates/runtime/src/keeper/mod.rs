//! One process for each attempt, which outlives the coordinator: it owns the agent's process tree, its output, its time limits
//! and the durable record of its end. Knows nothing of plans, tasks, git or the journal.
//!
//! The protocol of files, and the races it closes: `docs/design/keeper.md`.

mod body;
mod child;
mod claim;
mod door;
mod heartbeat;
mod identity;
mod lines;
mod output;
mod record;
mod rest;
mod runaway;
mod signals;
mod spec;
mod strays;
mod streams;
mod supervise;
mod system;
mod watch;

pub use body::{HIDDEN_VERB, dispatch, keeper_main};
pub use claim::{Probe, probe, void, wait};
pub use door::{Cancel, KeeperLost, cancel, end_left_over, run_supervised, spawn, spawn_with};
pub use heartbeat::{Evidence, Heartbeat, Phase, read_heartbeat};
pub use identity::Identity;
pub(crate) use identity::boot_id;
pub use rest::{tell_called, tell_rest};
pub use runaway::Limits;
pub use spec::{Lifetime, Spec, output_kind};
pub use strays::end_strays;

/// The wall clock, which the rest of the keeper uses for what people read; limits are measured on the monotonic clock.
fn wall_clock() -> greenlane_core::time::Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    greenlane_core::time::Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
