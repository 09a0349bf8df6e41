//! `harness replay`: a recorded run once more, offline.

use super::{exit_codes, installed::Kept};
use crate::operate::{DifferenceKind, EffectKind, Field, Instead, Replayed};
use anyhow::Context;
use serde_json::Value;
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Plays a recorded run once more, offline: is it the same, or what would be otherwise
///
/// With the connector and the settings that it had, every request must be the same to the byte. With another component, or with the
/// settings of the installation file as they are now, it is told which requests, entries of its memory, lines and outcomes are removed,
/// added or changed, and what it asked for that was never recorded. Nothing is sent, and nothing is changed. Ends with 3 where something
/// differs.
///
/// Examples:
///   harness replay 12 --installation acme.toml
///   harness replay 12 --installation acme.toml --component new-connector.wasm
///   harness replay 12 --installation acme.toml --settings --personal
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The run's number, as `harness runs` lists it
    run: u64,
    #[command(flatten)]
    kept: Kept,
    /// Play it with this component instead
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Play it with the settings of the installation file instead of those that it ran with
    #[arg(long)]
    settings: bool,
    /// With the values that differ; they may name people
    #[arg(long)]
    personal: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let read = |path: PathBuf| {
        std::fs::read(&path).with_context(|| format!("the component {} cannot be read", path.display()))
    };
    let component = arguments.component.map(read).transpose()?;
    let at = arguments.kept.open()?;
    let settings = arguments.settings.then(|| at.file.settings.clone());
    let replayed = at.replay(arguments.run, Instead { component, settings }, arguments.personal).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&replayed)?)?;
    } else {
        print(&mut out, &replayed)?;
    }
    Ok(ExitCode::from(if replayed.same { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

fn print(out: &mut impl Write, replayed: &Replayed) -> std::io::Result<()> {
    let Replayed { run, requests, told, .. } = replayed;
    match (replayed.same, &replayed.divergence) {
        (true, _) => {
            writeln!(out, "Run {run} does the same: {requests} requests, {told} lines, changes and entries of memory.")?
        }
        (false, Some(divergence)) => writeln!(out, "Run {run} does not do the same: {divergence}.")?,
        (false, None) => writeln!(out, "Run {run} does otherwise:")?,
    }
    for difference in &replayed.differences {
        writeln!(out, "- {} {}: {}", effect(difference.effect), word(difference.is), difference.name)?;
        difference.fields.iter().try_for_each(|one| field(out, one))?;
    }
    for what in &replayed.never_recorded {
        writeln!(out, "- asked for and never recorded: {what}")?;
    }
    for remark in &replayed.remarks {
        writeln!(out, "Mind: {remark}.")?;
    }
    Ok(())
}

fn field(out: &mut impl Write, field: &Field) -> std::io::Result<()> {
    let shown = |value: &Option<Value>| value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
    let (before, after) = (shown(&field.before), shown(&field.after));
    match (field.before.is_some() && field.after.is_some(), word(field.is)) {
        (true, word) => writeln!(out, "    {} {word}:{before} ->{after}", field.place),
        (false, word) => writeln!(out, "    {} {word}{before}{after}", field.place),
    }
}

fn effect(effect: EffectKind) -> &'static str {
    match effect {
        EffectKind::Request => "request",
        EffectKind::Memory => "memory",
        EffectKind::Line => "line",
        EffectKind::Record => "change of a record",
        EffectKind::Outcome => "outcome",
    }
}

fn word(is: DifferenceKind) -> &'static str {
    match is {
        DifferenceKind::Removed => "removed",
        DifferenceKind::Added => "added",
        DifferenceKind::Changed => "changed",
    }
}
