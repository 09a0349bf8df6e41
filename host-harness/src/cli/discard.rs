//! `harness discard`: dead letters are given up.

use super::{exit_codes, installed::Kept, letters::Letters};
use std::{io::Write, process::ExitCode};

/// Gives dead letters up, because nothing is to come of them: those of a run, one of them, or all
///
/// They are deleted, and `harness retry` cannot bring them back; the log keeps a line of each. What their runs had written before stays.
/// If it is wanted after all, `harness resync` has it read again. Ends with 3 where one was refused.
///
/// Examples:
///   harness discard --task 31 --installation acme.toml
///   harness discard 12 --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    letters: Letters,
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let discarding = at.discard(arguments.letters.which()).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&discarding)?)?;
    } else {
        for one in &discarding.tasks {
            match &one.refused {
                None => writeln!(out, "task {} is given up: {}", one.task, one.what)?,
                Some(why) => writeln!(out, "refused: {}: {why}", one.what)?,
            }
        }
        if discarding.tasks.is_empty() {
            writeln!(out, "There is no dead letter; nothing is to be given up.")?;
        }
    }
    let is_well = discarding.tasks.iter().all(|one| one.given_up);
    Ok(ExitCode::from(if is_well { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}
