//! `harness forget`: what is kept here of a person goes.

use super::{exit_codes, installed::Kept};
use crate::{durable::Forgotten, operate::Forgetting};
use std::{io::Write, process::ExitCode};

/// Forgets a person: what is kept here and names them is deleted, and what comes about them later is dropped
///
/// Recordings, tasks (those that still wait too), lines, changes, what the connector remembers of them, and rows of streams that are kept. Left is a salted hash, by which
/// news about them is known and dropped. Nothing is deleted at Livestorm, Salesforce or Account Engagement: do that there, and first, or a
/// stream that is read later names them again. Backups keep what they have.
/// Ends with 3 where work about somebody else still names them: it goes with its time, or once it is done; then ask again.
///
/// Examples:
///   harness forget ana@example.org --installation acme.toml
///   harness forget ana@example.org --allow-again --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Their address, in upper or lower case
    email: String,
    /// Takes in again what comes about them
    #[arg(long)]
    allow_again: bool,
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let mut out = std::io::stdout().lock();
    if arguments.allow_again {
        let allowed = at.allow_again(&arguments.email).await?;
        match arguments.json {
            true => writeln!(out, "{}", serde_json::to_string(&allowed)?)?,
            false => writeln!(out, "From now on what comes about {} is taken in again.", allowed.person)?,
        }
        return Ok(ExitCode::from(exit_codes::WELL));
    }
    let forgetting = at.forget(&arguments.email).await?;
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&forgetting)?)?,
        false => tell(&mut out, &forgetting)?,
    }
    let is_well = forgetting.gone.still_named == 0;
    Ok(ExitCode::from(if is_well { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

fn tell(out: &mut impl Write, Forgetting { person, gone, rows, .. }: &Forgetting) -> std::io::Result<()> {
    let Forgotten { runs, tasks, lines, changes, state, still_named } = gone;
    writeln!(
        out,
        "{person} is forgotten here. Deleted: {runs} recordings, {tasks} tasks, {lines} lines, {changes} changes, {state} entries of \
         memory, {rows} rows. What comes about them from now on is dropped. At Livestorm, Salesforce and Account Engagement nothing was deleted."
    )?;
    if *still_named > 0 {
        writeln!(
            out,
            "{still_named} texts that are somebody else's still name them: work that waits or is a dead letter, or memory. See to the \
             dead letters (`harness runs`), and ask again."
        )?;
    }
    Ok(())
}
