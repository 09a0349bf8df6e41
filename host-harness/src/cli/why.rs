//! `harness why`: one person's story, across sessions.

use super::{exit_codes, installed::Kept};
use crate::operate::{Story, Told, ToldKind};
use std::{io::Write, process::ExitCode};

/// Tells one person's story: what arrived, what was done in which record, what was not and why, what waits, and what to do
///
/// Across all sessions, oldest first; the last line says where it stands. Told from what is kept: nobody is asked, nothing is changed,
/// and no account is needed. Ends with 3 where somebody must do something, and where nobody of this address is known.
///
/// Examples:
///   harness why ana@example.org --installation acme.toml
///   harness why ana@example.org --installation acme.toml --json | jq -r .stands
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The person's address
    email: String,
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let story = at.why(&arguments.email).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&story)?)?;
    } else {
        print(&mut out, &story)?;
    }
    Ok(ExitCode::from(if story.needs_a_person { exit_codes::NOT_WELL } else { exit_codes::WELL }))
}

fn print(out: &mut impl Write, story: &Story) -> std::io::Result<()> {
    for Told { at, kind, connection, what, remedy, until, wakes, .. } in &story.told {
        let word = match kind {
            ToldKind::Arrived => "arrived",
            ToldKind::Noted => "",
            ToldKind::Done => "done",
            ToldKind::NotDone => "not done",
            ToldKind::Waits => "waits",
            ToldKind::Failed => "failed",
        };
        let place = connection.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let until = until.map(|until| match wakes {
            true => format!(" (as soon as that is there; looked at again at {until})"),
            false => format!(" (no sooner than {until})"),
        });
        let until = until.unwrap_or_default();
        writeln!(out, "{}  {word:<8}  {place}{what}{until}", at.0.utc().format("%F %T"))?;
        if let Some(remedy) = remedy {
            writeln!(out, "{:31}What to do: {remedy}", "")?;
        }
    }
    if !story.told.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", story.stands)
}
