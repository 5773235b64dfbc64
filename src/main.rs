//! The `afluente` command. Everything it does stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    afluente::cli::main()
}
