//! The `greenlane` program. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    greenlane::main(argv)
}
