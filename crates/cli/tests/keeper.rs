//! The keeper with real processes, through the real binary. Tests wait for files, locks and processes, up to a limit, never by the clock.

#[path = "keeper/bounds.rs"]
mod bounds;
#[path = "keeper/claims.rs"]
mod claims;
#[path = "keeper/ends.rs"]
mod ends;
#[path = "keeper/evidence.rs"]
mod evidence;
#[path = "keeper/output.rs"]
mod output;
#[path = "keeper/rest.rs"]
mod rest;
#[path = "keeper/strays.rs"]
mod strays;
#[path = "keeper/support.rs"]
mod support;
#[path = "keeper/talks.rs"]
mod talks;
