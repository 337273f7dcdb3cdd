//! What all runs of a user on this machine know of the accounts that agents work on, and the places that each account has: small files
//! in one folder, changed under a lock, watched by every coordinator. Keeps what it is told; how long to wait, and how many to let in,
//! is the core's business.

mod agents;
mod record;
mod slots;
mod watch;

pub use agents::{AgentsFound, accounts_of, unusable};
pub use record::Accounts;
pub use slots::Lease;
pub use watch::Watch;
