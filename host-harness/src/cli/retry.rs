//! `harness retry`: dead letters go again, and what was put off goes on.

use super::{exit_codes, installed::Kept, letters::Letters};
use std::{io::Write, process::ExitCode};

/// Gives dead letters again: those of a run, one of them, or all
///
/// Each goes as a first attempt, with the next `harness run` or `harness serve`. See to the problem first: it would come again. What was
/// written before is known and not written twice. With --task also one that waits, which then goes on before its time. Ends with 3
/// where one was refused.
///
/// Examples:
///   harness retry 12 --installation acme.toml
///   harness retry --task 31 --installation acme.toml
///   harness retry --all-failed --installation acme.toml
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
    let retrying = at.retry(arguments.letters.which()).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&retrying)?)?;
    } else {
        for one in &retrying.tasks {
            match &one.refused {
                None => writeln!(out, "task {} goes again: {}", one.task, one.what)?,
                Some(why) => writeln!(out, "refused: {}: {why}", one.what)?,
            }
        }
        match retrying.tasks.iter().filter(|one| one.went_again).count() {
            0 if retrying.tasks.is_empty() => writeln!(out, "There is no dead letter; nothing is to be given again.")?,
            0 => {}
            _ => writeln!(out, "They go {}.", at.goes())?,
        }
    }
    let is_well = retrying.tasks.iter().all(|one| one.went_again);
    Ok(ExitCode::from(if is_well { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}
