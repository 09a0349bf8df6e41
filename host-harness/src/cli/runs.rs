//! `harness runs`: what was done, the newest first, and what waits for a person.

use super::{
    exit_codes,
    installed::{Kept, day_or_time},
    timeline::table,
};
use crate::operate::{RunFilter, RunKind, RunRow, RunStatus, Runs, SignedOut, When};
use clap::builder::RangedU64ValueParser;
use comfy_table::Table;
use serde_json::Value;
use std::{io::Write, process::ExitCode};

/// Lists runs, the newest first, and the dead letters: what waits until somebody sees to it
///
/// A run is one go of the connector: a webhook that is turned into tasks, a batch of tasks that is worked off, or a page that is read.
/// Told from what is kept: nobody is asked, nothing is changed, and no account is needed. A dead letter is told whatever --since says.
/// Ends with 3 where there are dead letters.
///
/// Examples:
///   harness runs --installation acme.toml
///   harness runs --installation acme.toml --person ana@example.org --since 2026-11-01
///   harness runs --installation acme.toml --status failed --json | jq '.runs[].run'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    kept: Kept,
    /// Runs with something about this person alone
    #[arg(long, value_name = "EMAIL")]
    person: Option<String>,
    /// Runs that began since then, e.g. 2026-11-23 or 2026-11-23T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = day_or_time)]
    since: Option<When>,
    /// Runs that ended so: open, done, put-off, failed, broken or cancelled
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: usize,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn status(text: &str) -> Result<RunStatus, String> {
    serde_json::from_value(Value::from(text))
        .map_err(|_| "no such status; give open, done, put-off, failed, broken or cancelled".into())
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let Arguments { person, since, status, limit, json, .. } = arguments;
    let runs = at.runs(&RunFilter { person, since, status, limit: Some(limit) }).await?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&runs)?)?;
    } else {
        print(&mut out, &runs)?;
    }
    let is_well = runs.dead_letters.is_empty() && runs.signed_out.is_none();
    Ok(ExitCode::from(if is_well { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

fn print(out: &mut impl Write, runs: &Runs) -> std::io::Result<()> {
    match runs.runs.is_empty() {
        true => writeln!(out, "No such run is kept.")?,
        false => writeln!(out, "{}", in_a_table(&runs.runs))?,
    }
    if runs.more {
        writeln!(out, "There are older ones: give --limit, or narrow it with --person, --since or --status.")?;
    }
    if let Some(SignedOut { why, tasks }) = &runs.signed_out {
        let waits = if *tasks == 1 { "1 task waits".to_owned() } else { format!("{tasks} tasks wait") };
        writeln!(out, "\n{waits} for a person: {why}. Connect the account with `harness connect`; they go on then.")?;
    }
    if runs.dead_letters.is_empty() {
        return match runs.signed_out {
            Some(_) => Ok(()),
            None => writeln!(out, "\nNothing waits for a person."),
        };
    }
    writeln!(out, "\nDead letters, which wait until somebody sees to them:")?;
    for letter in &runs.dead_letters {
        let run = match (letter.run, letter.run_is_kept) {
            (Some(run), true) => format!(" (run {run})"),
            (Some(run), false) => format!(" (run {run}, which is no longer kept)"),
            (None, _) => String::new(),
        };
        writeln!(
            out,
            "- task {}{run}: {}: {}\n  What to do: {}",
            letter.task, letter.what, letter.problem, letter.remedy
        )?;
    }
    writeln!(out, "What is not wanted any more is given up with `harness discard --task N`.")?;
    Ok(())
}

fn in_a_table(runs: &[RunRow]) -> Table {
    let mut table = table(&["run", "begun (UTC)", "took", "what", "status"]);
    for run in runs {
        let more = if run.more == 0 { String::new() } else { format!("\nand {} more", run.more) };
        let why = run.why.iter().cloned().chain(run.failures.iter().map(|failed| failed.problem.clone()));
        let status = std::iter::once(word(run.status).to_owned()).chain(why).collect::<Vec<_>>().join("\n");
        table.add_row([
            run.run.to_string(),
            run.begun.0.utc().format("%F %T").to_string(),
            run.took_ms.map(took).unwrap_or_default(),
            format!("{}{}{more}", kind(run.kind), run.what),
            status,
        ]);
    }
    table
}

fn took(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}

pub(super) fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Delivery => "A webhook: ",
        RunKind::Page => "A page: ",
        RunKind::Trigger | RunKind::Tasks => "",
    }
}

pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Open => "open",
        RunStatus::Done => "done",
        RunStatus::PutOff => "put off",
        RunStatus::Failed => "failed",
        RunStatus::Broken => "broken",
        RunStatus::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    #[test]
    fn at_least_one_run_is_asked_for() {
        for (limit, is_taken) in [("0", false), ("-1", false), ("many", false), ("1", true), ("500", true)] {
            let command = Arguments::augment_args(clap::Command::new("runs"));
            let given = ["runs", "--installation", "acme.toml", "--limit", limit];
            assert_eq!(command.try_get_matches_from(given).is_ok(), is_taken, "{limit}");
        }
    }
}
