//! `harness inspect`: what a component is, before anybody runs it.

use super::exit_codes;
use crate::runtime::{Limits, Refused, Runtime, contract::Manifest};
use anyhow::Context;
use serde::Serialize;
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Shows what a connector imports, exports and says of itself, without installing it
///
/// A component that imports anything but the contract's interfaces is refused, by the name of the import.
///
/// Examples:
///   harness inspect
///   harness inspect connector.wasm --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The component's file [default: the one that this program carries with it]
    component: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Inspected {
    imports: Vec<String>,
    exports: Vec<String>,
    /// Bytes.
    size: usize,
    /// SHA-256, as hex: the name under which runs are recorded.
    digest: String,
    manifest: Manifest,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let bytes = match &arguments.component {
        Some(file) => {
            std::fs::read(file).with_context(|| format!("the component {} cannot be read", file.display()))?
        }
        None => crate::CONNECTOR.to_vec(),
    };
    let runtime = Runtime::new(Limits::default())?;
    let component = match runtime.compile(&bytes) {
        Ok(component) => component,
        Err(refused @ (Refused::ForeignImport { .. } | Refused::NotAConnector(_))) => {
            eprintln!("refused: {refused}");
            return Ok(ExitCode::from(exit_codes::NOT_WELL));
        }
        Err(e) => return Err(e.into()),
    };
    let manifest = runtime.describe(&component).await?;
    let inspected = Inspected {
        imports: component.imports.clone(),
        exports: component.exports.clone(),
        size: component.bytes,
        digest: component.digest.clone(),
        manifest,
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&inspected)?)?;
    } else {
        print(&mut out, &inspected)?;
    }
    Ok(ExitCode::from(exit_codes::WELL))
}

fn print(out: &mut impl Write, i: &Inspected) -> std::io::Result<()> {
    let m = &i.manifest;
    writeln!(out, "{} {} ({})", m.name, m.version, m.title)?;
    writeln!(out, "{}", m.description)?;
    writeln!(out)?;
    writeln!(out, "size        {} bytes", i.size)?;
    writeln!(out, "sha256      {}", i.digest)?;
    writeln!(out, "imports     {}", i.imports.join("\n            "))?;
    writeln!(out, "exports     {}", i.exports.join("\n            "))?;
    let needs = m.connections.iter().map(|c| {
        let required = if c.required { "" } else { ", optional" };
        format!("{} ({}{required})", c.name, c.provider)
    });
    writeln!(out, "connections {}", needs.collect::<Vec<_>>().join("\n            "))?;
    let webhooks = m.webhooks.iter().map(|w| format!("{} (at most {} bytes)", w.name, w.max_bytes));
    writeln!(out, "webhooks    {}", webhooks.collect::<Vec<_>>().join("\n            "))?;
    writeln!(out, "batches     at most {} tasks", m.batch_tasks)
}
