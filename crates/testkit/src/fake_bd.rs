//! A `bd` for tests that keeps the rules of the real one: what is claimed is claimed once, what is blocked cannot be closed, and only the
//! main checkout has a store. Each issue is a folder with a file a field.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::write_program;

/// The store of one repository.
#[derive(Clone, Debug)]
pub struct FakeBd {
    beads: PathBuf,
}

impl FakeBd {
    /// Writes the program into this folder, as `bd`, and makes the store in this main checkout.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn install(bin: &Path, main: &Path) -> Self {
        fs::create_dir_all(bin).unwrap_or_else(|e| panic!("{}: {e}", bin.display()));
        write_program(&bin.join("bd"), include_str!("fake_bd.sh"));
        let beads = main.join(".beads");
        let store = beads.join("store");
        fs::create_dir_all(&store).unwrap_or_else(|e| panic!("{}: {e}", store.display()));
        let this = Self { beads };
        this.write("issues.jsonl", "");
        this
    }

    /// An open issue whose work is a command line, and which waits for others (a list with blanks).
    pub fn issue(&self, id: &str, run: &str, depends: &str) {
        let dir = self.beads.join("store").join(id);
        fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        for (field, value) in [("title", id), ("status", "open"), ("run", run), ("depends", depends)] {
            self.set(id, field, value);
        }
    }

    /// A field of an issue; empty where it has none.
    #[must_use]
    pub fn get(&self, id: &str, field: &str) -> String {
        fs::read_to_string(self.beads.join("store").join(id).join(field)).unwrap_or_default()
    }

    /// Sets it, as somebody else would.
    pub fn set(&self, id: &str, field: &str, value: &str) {
        self.write(&format!("store/{id}/{field}"), value);
    }

    /// `hang`, `garbage`, `broken`, `no-close`; empty: it works.
    pub fn behave(&self, mode: &str) {
        self.write("mode", mode);
    }

    /// How it was called so far, a line each.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.beads.join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.beads.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
