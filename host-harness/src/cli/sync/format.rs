//! How records are printed. The Singer messages are those of <https://github.com/singer-io/getting-started>, docs/SPEC.md.

use crate::{
    clock::Timestamp,
    operate::{DELETED_AT, RowGiven, StreamShown},
};
use serde_json::{Value, json};
use std::io::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One record a line
    Jsonl,
    /// Singer's SCHEMA, RECORD and STATE
    Singer,
}

pub(super) struct Printer<'a> {
    format: Format,
    stream: &'a StreamShown,
}

impl Printer<'_> {
    pub fn new(format: Format, stream: &StreamShown) -> Printer<'_> {
        Printer { format, stream }
    }

    pub fn begin(&self) -> anyhow::Result<()> {
        let mut schema = self.stream.schema.clone();
        schema["properties"][DELETED_AT] = json!({"type": ["string", "null"], "format": "date-time"});
        let schema = json!({"type": "SCHEMA", "stream": self.stream.name, "schema": schema,
            "key_properties": self.stream.primary_key});
        match self.format {
            Format::Jsonl => Ok(()),
            Format::Singer => self.print([schema]),
        }
    }

    pub fn records(&self, rows: Vec<RowGiven>, at: Timestamp) -> anyhow::Result<()> {
        let record = |row: RowGiven| match self.format {
            Format::Jsonl => row.record(at),
            Format::Singer => json!({"type": "RECORD", "stream": self.stream.name, "record": row.record(at),
                "time_extracted": at.to_string()}),
        };
        self.print(rows.into_iter().map(record))
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
