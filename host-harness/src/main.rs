//! `harness`: runs the connector, and shows what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_harness::cli::run()
}
