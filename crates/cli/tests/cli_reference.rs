//! `docs/cli.md` is what the program says of itself.

use std::path::Path;
use std::process::Command;

#[test]
fn the_reference_is_the_real_help() {
    let made = Command::new(env!("CARGO_BIN_EXE_greenlane")).args(["man", "--markdown"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("GREENLANE_REGENERATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(a, b)| a != b).unwrap_or(kept.lines().count().min(made.lines().count()));
    assert!(
        kept == made,
        "docs/cli.md is out of date from line {}; make it anew: GREENLANE_REGENERATE=1 cargo test -p greenlane --test cli_reference",
        differs + 1
    );
}
