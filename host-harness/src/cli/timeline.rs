//! What an engine can tell of an installation, as lines for people: its run log, and what became of records at providers.

pub(super) use crate::operate::{tasks, title};
use crate::{
    clock::Timestamp,
    durable::{Engine, EngineError},
    operate::{about, sentence},
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;
use std::io::Write;

/// A line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    /// The line's code in the run log; nothing for a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Reads on from where it has read before.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    line: Option<u64>,
    change: Option<u64>,
}

impl Timeline {
    /// Nothing of what is there already is read.
    pub async fn read_so_far(engine: &dyn Engine, installation: &str) -> Result<Timeline, EngineError> {
        let mut timeline = Timeline::default();
        timeline.read_on(engine, installation).await?;
        Ok(timeline)
    }

    /// What is new since the last call, in the order of its times.
    pub async fn read_on(&mut self, engine: &dyn Engine, installation: &str) -> Result<Vec<Moment>, EngineError> {
        let mut moments = vec![];
        loop {
            let lines = engine.log(installation, self.line).await?;
            let Some(last) = lines.last() else { break };
            self.line = Some(last.id);
            moments.extend(lines.into_iter().map(|l| {
                let what = match about(&l.line.subject) {
                    Some(whom) if !l.line.message.contains(whom) => format!("{whom}: {}", l.line.message),
                    _ => l.line.message,
                };
                Moment { at: l.at, who: "Connector".into(), what, code: Some(l.line.code) }
            }));
        }
        loop {
            let changes = engine.changes(installation, self.change).await?;
            let Some(last) = changes.last() else { break };
            self.change = Some(last.id);
            moments.extend(changes.into_iter().filter_map(|c| {
                let who = title(&c.change.connection).to_owned();
                Some(Moment { at: c.at, who, what: sentence(&c.change)?, code: None })
            }));
        }
        moments.sort_by_key(|m| m.at);
        Ok(moments)
    }
}

/// One line each.
pub(super) fn print(out: &mut impl Write, moments: &[Moment]) -> std::io::Result<()> {
    let mut line = |m: &Moment| writeln!(out, "{}  {:<18}  {}", m.at.utc().format("%F %T"), m.who, m.what);
    moments.iter().try_for_each(&mut line)?;
    out.flush()
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(140);
    table.set_header(header.to_vec());
    table
}

pub(super) fn as_text<S: serde::Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(at)
}
