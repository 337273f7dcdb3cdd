//! Looks at attempts under way, when the coordinator asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenlane_core::ids::AttemptId;
use greenlane_core::input::Input;

use super::context::Context;
use crate::health;

/// All of them on one thread: a few small files each. Where the last look still waits for its disk, this one is left out.
pub(super) fn check(context: &Arc<Context>, attempts: Vec<AttemptId>) {
    if context.looking.swap(true, Ordering::AcqRel) {
        return;
    }
    let context = Arc::clone(context);
    Context::perform("health", move || {
        let ended = Ended(&context.looking);
        let readings = attempts
            .into_iter()
            .map(|attempt| {
                let reading = health::look(&context.layout.attempt_dir(&attempt));
                (attempt, reading)
            })
            .collect();
        let room = context.room();
        drop(ended);
        context.observed(Input::RoomRead { room });
        context.observed(Input::HealthRead { readings });
    });
}

/// Says that no look is under way, however it ends.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
