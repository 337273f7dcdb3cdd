//! The coordinator as stories: given this state, this input at this time, exactly these events and actions.

mod budgets;
mod by_hand;
mod claims;
mod exchange;
mod figures;
mod groups;
mod health;
mod landing;
mod quotas;
mod resuming;
mod room;
mod shared;
mod starting;
mod stopping;
mod story;
mod trying_again;
