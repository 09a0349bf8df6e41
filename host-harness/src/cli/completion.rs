//! `harness completion`: what a shell needs to complete the command line.

use super::exit_codes;
use clap_complete::Shell;
use std::{io::Write, process::ExitCode};

/// Prints the completion script of a shell
///
/// Examples:
///   harness completion bash > ~/.local/share/bash-completion/completions/harness
///   harness completion zsh > ~/.zfunc/_harness
///   harness completion fish > ~/.config/fish/completions/harness.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    shell: Shell,
}

pub fn run(arguments: Arguments, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = vec![];
    clap_complete::generate(arguments.shell, &mut command, "harness", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::from(exit_codes::WELL))
}
