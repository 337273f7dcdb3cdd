//! The coordinator as stories: given this state, this input at this time, exactly these events and actions.

mod landing;
mod quotas;
mod resuming;
mod starting;
mod stopping;
mod story;
mod trying_again;
