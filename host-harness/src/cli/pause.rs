//! `harness pause` and `harness resume`: an installation stands still, and goes on (RULES 27).

use super::{exit_codes, installed::Kept};
use crate::operate::Paused;
use std::{io::Write, process::ExitCode};

/// Has an installation stand still: webhooks are taken and kept, and nothing is written
///
/// Survives a restart. The time in which it stands still does not count for what is put off. Given again, nothing changes.
///
/// Examples:
///   harness pause --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct PauseArguments {
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Has a paused installation go on: what was kept is worked off in its order
///
/// It goes on with the next `harness run` or `harness serve`. Where nothing is paused, nothing changes.
///
/// Examples:
///   harness resume --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ResumeArguments {
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn pause(arguments: PauseArguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let paused = at.pause().await?;
    tell(&paused, arguments.json, "stands still: what arrives is kept, and nothing is written until `harness resume`")
}

pub async fn resume(arguments: ResumeArguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let paused = at.resume().await?;
    tell(&paused, arguments.json, &format!("goes on {}", at.goes()))
}

fn tell(paused: &Paused, json: bool, words: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match json {
        true => writeln!(out, "{}", serde_json::to_string(paused)?)?,
        false => writeln!(out, "{} {words}.", paused.installation)?,
    }
    Ok(ExitCode::from(exit_codes::WELL))
}
