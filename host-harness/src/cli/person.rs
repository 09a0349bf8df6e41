//! How an error reads to a person: what happened, and below it why, cause by cause.

use super::exit_codes;
use std::process::ExitCode;

pub fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::from(exit_codes::FAILED)
}
