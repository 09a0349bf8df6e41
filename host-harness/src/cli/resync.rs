//! `harness resync`: one session or one person is read again.

use super::{exit_codes, installed::Kept};
use crate::operate::Resync;
use std::{io::Write, process::ExitCode};

/// Has one session, or one person, read again in Livestorm: what was missed comes, and nothing is written twice
///
/// A person is looked for in the sessions that were made since the installation was switched on: one call for each. It is read with the
/// next `harness run` or `harness serve`. Ends with 3 where the same was asked for before and is not over.
///
/// Examples:
///   harness resync --session 71cfa73b-6fbe-4f55-b219-28f4b195ae94 --installation acme.toml
///   harness resync --person ana@example.org --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[group(id = "what", required = true, multiple = false, args = ["session", "person"])]
pub struct Arguments {
    /// The session's id: it stands in the address of its page in Livestorm
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The person's address
    #[arg(long, value_name = "EMAIL")]
    person: Option<String>,
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let what = match (arguments.session, arguments.person) {
        (Some(session), _) => Resync::Session(session),
        (None, person) => Resync::Person(person.unwrap_or_default()),
    };
    let resynced = at.resync(&what).await?;
    let mut out = std::io::stdout().lock();
    match (arguments.json, resynced.accepted) {
        (true, _) => writeln!(out, "{}", serde_json::to_string(&resynced)?)?,
        (false, true) => writeln!(out, "It is read {} (task {}).", at.goes(), resynced.task)?,
        (false, false) => {
            writeln!(out, "It was asked for before, and is read {} (task {}).", at.goes(), resynced.task)?;
        }
    }
    Ok(ExitCode::from(if resynced.accepted { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}
