//! `harness show`: one run from its beginning to its end.

use super::{
    exit_codes,
    installed::Kept,
    planned::fields,
    runs::{kind, word},
    timeline::title,
};
use crate::operate::{Moment, Shown, ShownTask, TaskEnd, What};
use serde_json::Value;
use std::{fmt, io::Write, process::ExitCode};

/// Shows one run: its tasks, each request with what came back, what the connector said, and how each task ended
///
/// The recording is played to the connector once more to know what was asked; nothing is sent, and no account is needed. Secrets are in
/// no recording. Addresses and names are masked, and what was sent and received is left out, unless --personal is given.
///
/// Examples:
///   harness show 12 --installation acme.toml
///   harness show 12 --installation acme.toml --personal
///   harness show 12 --installation acme.toml --json | jq '.timeline[] | select(.kind == "request")'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The run's number, as `harness runs` lists it
    run: u64,
    #[command(flatten)]
    kept: Kept,
    /// With addresses, names, and what was sent and received
    #[arg(long)]
    personal: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let at = arguments.kept.open()?;
    let shown = at.show(arguments.run, arguments.personal).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&shown)?)?;
    } else {
        write!(out, "{}", Page(&shown))?;
    }
    Ok(ExitCode::from(exit_codes::WELL))
}

struct Page<'a>(&'a Shown);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { run, key, begun, status, why, .. } = self.0;
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        writeln!(f, "Run {run} of {key}, begun {} UTC: {}{why}\n", begun.0.utc().format("%F %T"), word(*status))?;
        self.0.tasks.iter().try_for_each(|one| task(f, kind(self.0.kind), one))?;
        writeln!(f)?;
        if let Some(why) = &self.0.not_played {
            writeln!(f, "Which requests these were cannot be told: {why}.\n")?;
        }
        self.0.timeline.iter().try_for_each(|one| moment(f, one))
    }
}

fn task(f: &mut fmt::Formatter<'_>, kind: &str, task: &ShownTask) -> fmt::Result {
    let attempt = if task.attempt > 1 { format!(" (attempt {})", task.attempt) } else { String::new() };
    writeln!(f, "- {kind}{}{attempt}", task.what)?;
    match &task.end {
        None => writeln!(f, "  came to no end in this run"),
        Some(TaskEnd::Done { follow_ups }) if follow_ups.is_empty() => writeln!(f, "  done"),
        Some(TaskEnd::Done { follow_ups }) => writeln!(f, "  done, and then: {}", follow_ups.join("; ")),
        Some(TaskEnd::PutOff { until, why }) => writeln!(f, "  put off until {until}: {why}"),
        Some(TaskEnd::Failed { problem, remedy }) => writeln!(f, "  failed: {problem}\n  What to do: {remedy}"),
    }
}

fn moment(f: &mut fmt::Formatter<'_>, moment: &Moment) -> fmt::Result {
    let mut line = |who: &str, what: &str| writeln!(f, "{}  {who:<18}  {what}", moment.at.0.utc().format("%T"));
    match &moment.what {
        What::Line { message, fields, .. } => {
            line("Connector", message)?;
            fields.iter().try_for_each(|(name, value)| line("", &format!("{name}: {value}")))
        }
        What::Record { connection, message, .. } => line(title(connection), message),
        What::Answer { wave, place, status, error } => {
            line("", &format!("request {} of wave {}: {}", place + 1, wave + 1, ended(*status, error)))
        }
        What::Request { connection, method, path, query, purpose, status, error, sent, received, .. } => {
            let query = query.iter().map(|one| match &one.value {
                Some(value) => format!("{}={value}", one.name),
                None => format!("{}=…", one.name),
            });
            let query = query.collect::<Vec<_>>().join("&");
            let query = if query.is_empty() { query } else { format!("?{query}") };
            line(title(connection), &format!("{method} {path}{query}  ({purpose}): {}", ended(*status, error)))?;
            body(f, "sent", sent)?;
            body(f, "received", received)
        }
    }
}

fn ended(status: Option<u16>, error: &Option<String>) -> String {
    match (status, error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer is recorded".into(),
    }
}

fn body(f: &mut fmt::Formatter<'_>, name: &str, value: &Option<Value>) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    writeln!(f, "{:28}{name}:", "")?;
    fields(f, &" ".repeat(30), value, false)
}
