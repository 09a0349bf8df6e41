//! `harness map`: what the settings would make of a delivery.

use super::{
    exit_codes,
    installed::{body, source},
    timeline::table,
};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    effect::Delivery,
    host::InstallError,
    installation::InstallationFile,
    runtime::{
        Limits, Runtime,
        contract::{Context, Finding, MappedValue},
    },
    sync::plan::Plan,
};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Shows what the settings make of a delivery: each value, the field that it goes to, and what would be written there
///
/// Looks nowhere and remembers nothing: no account is needed, and no secret. What only a read at the provider can tell stands
/// in the notes.
///
/// Examples:
///   harness map --installation acme.toml --payload registration.json
///   harness map --installation acme.toml --payload - --json < registration.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The installation file; fixtures/installations/sample.toml is a commented one
    #[arg(long, value_name = "FILE")]
    installation: PathBuf,
    /// The webhook's body as Livestorm sends it; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    payload: PathBuf,
    /// The connector's webhook source that it comes by [default: the one that signs nothing]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let body = body(&arguments.payload)?;
    let file = InstallationFile::read(&arguments.installation)?;
    let previewed = preview(&file, arguments.source.as_deref(), body).await?;
    let mut out = std::io::stdout().lock();
    match (&previewed, arguments.json) {
        (Ok(values), true) => writeln!(out, "{}", serde_json::json!({ "values": values }))?,
        (Err(finding), true) => writeln!(out, "{}", serde_json::json!({ "values": [], "finding": finding }))?,
        (Ok(values), false) => writeln!(out, "{}", in_a_table(values))?,
        (Err(f), false) => writeln!(out, "{}: {} ({})\nWhat to do: {}", f.place, f.problem, f.code, f.remedy)?,
    }
    Ok(ExitCode::from(if previewed.is_ok() { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

async fn preview(
    file: &InstallationFile,
    given: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Result<Vec<MappedValue>, Finding>> {
    let runtime = Runtime::new(Limits::default())?;
    let component = runtime.compile(&file.component()?)?;
    let manifest = runtime.describe(&component).await?;
    let source = source(&manifest, given)?;
    let blockers = runtime.blockers(&component, &file.settings).await?;
    if !blockers.is_empty() {
        return Err(InstallError::Settings(blockers).into());
    }
    let context = Context {
        installation: file.id.clone(),
        settings: file.settings.clone(),
        // Whether it is too old is not the question here.
        activated_at: Timestamp(0),
        connections: file.connections.keys().cloned().collect(),
        dry_run: true,
        limits: runtime.limits(),
    };
    let delivery = Delivery {
        source: source.name.clone(),
        headers: vec![],
        body,
        received_at: SystemClock.now(),
        verified: false,
    };
    runtime.install(component, context, manifest.batch_tasks, Plan::default());
    Ok(runtime.preview(&file.id, delivery).await?)
}

fn in_a_table(values: &[MappedValue]) -> comfy_table::Table {
    let mut table = table(&["source", "value", "target", "written", "note"]);
    for v in values {
        let given = v.given.as_deref().unwrap_or("-");
        let written = v.written.as_deref().unwrap_or("-");
        table.add_row([&v.source, given, &v.target, written, &v.note]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_and_nothing_written_are_shown_as_such() {
        let value = |given: Option<&str>, written: Option<&str>, note: &str| MappedValue {
            source: "fields.company".into(),
            given: given.map(Into::into),
            target: "Prospect.company".into(),
            written: written.map(Into::into),
            note: note.into(),
        };
        let shown = in_a_table(&[value(Some("Lima"), Some("Lima"), ""), value(None, None, "empty")]).to_string();
        let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["fields.company", "Lima", "Prospect.company", "Lima"]), "{shown}");
        assert!(rows.contains(&vec!["fields.company", "-", "Prospect.company", "-", "empty"]), "{shown}");
    }
}
