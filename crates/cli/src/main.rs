//! The program `greenlane`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: a keeper starts in a millisecond and pays for nothing that it does not use.
    if let Some(code) = greenlane_runtime::keeper::dispatch(std::env::args_os()) {
        return code;
    }
    ExitCode::SUCCESS
}
