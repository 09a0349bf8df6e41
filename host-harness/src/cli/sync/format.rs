//! How records are printed. The Singer messages are those of <https://github.com/singer-io/getting-started>, docs/SPEC.md.

use crate::{
    clock::Timestamp,
    runtime::contract::{Row, RowChange, Source},
};
use anyhow::Context;
use serde_json::{Value, json};
use std::io::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One record a line
    Jsonl,
    /// Singer's SCHEMA, RECORD and STATE
    Singer,
}

/// When a record was found to be gone: the name that Singer's targets know.
const DELETED_AT: &str = "_sdc_deleted_at";

pub(super) struct Printer<'a> {
    format: Format,
    source: &'a Source,
    schema: Value,
}

impl Printer<'_> {
    pub fn new(format: Format, source: &Source) -> anyhow::Result<Printer<'_>> {
        let mut schema: Value = serde_json::from_str(&source.schema)
            .with_context(|| format!("the connector's schema of {} is not JSON", source.name))?;
        schema["properties"][DELETED_AT] = json!({"type": ["string", "null"], "format": "date-time"});
        Ok(Printer { format, source, schema })
    }

    pub fn begin(&self) -> anyhow::Result<()> {
        let schema = json!({"type": "SCHEMA", "stream": self.source.name, "schema": self.schema,
            "key_properties": self.source.primary_key});
        match self.format {
            Format::Jsonl => Ok(()),
            Format::Singer => self.print([schema]),
        }
    }

    pub fn records(&self, rows: &[Row], at: Timestamp) -> anyhow::Result<()> {
        let record = |row: &Row| -> anyhow::Result<Value> {
            let mut value: Value = serde_json::from_str(&row.value).context("a record of the connector is not JSON")?;
            if row.change == RowChange::Delete {
                value[DELETED_AT] = at.to_string().into();
            }
            Ok(match self.format {
                Format::Jsonl => value,
                Format::Singer => json!({"type": "RECORD", "stream": self.source.name, "record": value,
                    "time_extracted": at.to_string()}),
            })
        };
        self.print(rows.iter().map(record).collect::<Result<Vec<_>, _>>()?)
    }

    pub fn state(&self, value: &Value) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => Ok(()),
            Format::Singer => self.print([json!({"type": "STATE", "value": value})]),
        }
    }

    fn print(&self, lines: impl IntoIterator<Item = Value>) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        Ok(out.flush()?)
    }
}
