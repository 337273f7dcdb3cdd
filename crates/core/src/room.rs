//! How much room the machine has left, and the floors below which nothing more is started. Compares; knows nothing of a machine.

use serde::{Deserialize, Serialize};

/// The floors. 0: there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPolicy {
    /// Least free disk, in bytes, where worktrees and where the state lie.
    pub disk_free_min: u64,
    /// Least available memory, in bytes.
    pub memory_free_min: u64,
}

impl Default for RoomPolicy {
    fn default() -> Self {
        Self { disk_free_min: 512 << 20, memory_free_min: 256 << 20 }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Of the places that are written to the one with the least free disk, and how many bytes; `None`: it could not be told.
    pub disk_free: Option<(String, u64)>,
    /// Bytes of memory that could be had now, within the limits of this process; `None`: it could not be told.
    pub memory_free: Option<u64>,
}

impl RoomPolicy {
    /// What there is too little of, in words; `None`: there is enough. Once there was too little, a quarter more than the floor is
    /// asked for, so that nothing starts and ends in turns.
    #[must_use]
    pub fn short_of(&self, room: &Room, was_short: bool) -> Option<String> {
        let wanted = |min: u64| if was_short { min.saturating_add(min / 4) } else { min };
        if let Some((place, free)) = room.disk_free.as_ref().filter(|(_, free)| *free < wanted(self.disk_free_min)) {
            return Some(format!("{} of disk are free at {place}, and {} are the least", size(*free), size(wanted(self.disk_free_min))));
        }
        let free = room.memory_free.filter(|free| *free < wanted(self.memory_free_min))?;
        Some(format!("{} of memory are available, and {} are the least", size(free), size(wanted(self.memory_free_min))))
    }
}

/// `640 MiB`, `1.5 GiB`.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_048_576 => (1_024.0, "KiB"),
        1_048_576..1_073_741_824 => (1_048_576.0, "MiB"),
        1_073_741_824..1_099_511_627_776 => (1_073_741_824.0, "GiB"),
        _ => (1_099_511_627_776.0, "TiB"),
    };
    let n = bytes as f64 / unit;
    if n < 10.0 && n.fract() >= 0.05 { format!("{n:.1} {name}") } else { format!("{n:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_floor_there_is_too_little_and_enough_is_a_quarter_more() {
        let policy = RoomPolicy { disk_free_min: 400 << 20, memory_free_min: 100 << 20 };
        let room = |disk: u64, memory: u64| Room { disk_free: Some((String::from("/w"), disk << 20)), memory_free: Some(memory << 20) };
        for (disk, memory, was_short, short) in [
            (400, 100, false, None),
            (399, 100, false, Some("399 MiB of disk are free at /w, and 400 MiB are the least")),
            (9_999, 99, false, Some("99 MiB of memory are available, and 100 MiB are the least")),
            (499, 9_999, true, Some("499 MiB of disk are free at /w, and 500 MiB are the least")),
            (500, 125, true, None),
        ] {
            assert_eq!(policy.short_of(&room(disk, memory), was_short).as_deref(), short, "{disk} {memory}");
        }
        assert_eq!(policy.short_of(&Room::default(), true), None, "what cannot be told keeps nobody waiting");
        let none = RoomPolicy { disk_free_min: 0, memory_free_min: 0 };
        assert_eq!(none.short_of(&room(0, 0), true), None);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 900 << 10, 1_536 << 20, 20 << 30, 5 << 40].map(size), ["0 KiB", "900 KiB", "1.5 GiB", "20 GiB", "5 TiB"]);
    }
}
