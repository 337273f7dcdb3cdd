//! The `greenlane` program. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: a keeper starts in a millisecond and pays for nothing that it does not use.
    if let Some(code) = greenlane_runtime::keeper::dispatch(std::env::args_os()) {
        return code;
    }
    if let Some(code) = greenlane_runtime::acp::dispatch(std::env::args_os()) {
        return code;
    }
    if let Some(code) = greenlane_runtime::hand_off::dispatch(std::env::args_os()) {
        return code;
    }
    if let Some(code) = greenlane_runtime::notify::dispatch(std::env::args_os()) {
        return code;
    }
    let argv: Vec<_> = std::env::args_os().collect();
    greenlane::main(argv)
}
