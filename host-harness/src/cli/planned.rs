//! How a dry run shows what it would have sent: method, path and every field with its value, and for whom; of a request that
//! carries others, those (`planned_parts.rs`).

use super::{
    planned_parts::{Inside, inside, writes},
    timeline::title,
};
use crate::{
    connections::{Part, PlannedWrite},
    durable::Engine,
    effect::{Assignment, Body, Request, RunId},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

#[derive(Serialize)]
pub(super) struct Planned {
    connection: String,
    method: String,
    path: String,
    purpose: String,
    /// Whom it concerns, as far as the tasks of its run tell.
    whom: Vec<String>,
    /// The body: of JSON its value, of all else how much there is.
    body: Value,
    /// What it carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    carries: Vec<Inside>,
    /// How many writes it is: each part and each record is one.
    writes: usize,
}

/// With whom each is for, which the runs tell.
pub(super) async fn planned(
    engine: &dyn Engine,
    installation: &str,
    sent: Vec<PlannedWrite>,
) -> anyhow::Result<Vec<Planned>> {
    let mut runs: BTreeMap<RunId, Vec<Assignment>> = BTreeMap::new();
    let mut planned = vec![];
    for PlannedWrite { run, request, parts, .. } in sent {
        let tasks = match runs.entry(run) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(engine.tape(installation, run).await?.lead.input.assignments),
        };
        planned.push(Planned::new(request, &parts, tasks));
    }
    Ok(planned)
}

impl Planned {
    /// How many writes it is.
    pub(super) fn writes(&self) -> usize {
        self.writes
    }

    fn new(request: Request, parts: &[Part], tasks: &[Assignment]) -> Planned {
        let path = path(&request);
        let body = request.body.as_ref().map_or(Value::Null, value);
        // Of a batch, those whom the request names; where it names nobody, all may be meant.
        let text = format!("{path}{body}");
        let subject = |a: &Assignment| a.task.subject.as_ref().map(|s| s.id.clone());
        let named = |a: &&Assignment| tasks.len() == 1 || subject(a).is_some_and(|id| text.contains(&id));
        let whom = |a: &Assignment| subject(a).unwrap_or_else(|| a.task.title.clone());
        let mut found: Vec<String> = tasks.iter().filter(named).map(whom).collect();
        if found.is_empty() {
            found = tasks.iter().map(whom).collect();
        }
        found.dedup();
        Planned {
            connection: request.connection,
            method: request.method.to_string(),
            path,
            purpose: request.purpose,
            whom: found,
            body,
            carries: inside(parts),
            writes: writes(parts),
        }
    }
}

/// Path and query, for people.
pub(super) fn path(request: &Request) -> String {
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("/{}{query}", request.path.join("/"))
}

pub(super) fn value(body: &Body) -> Value {
    let other = || Value::from(format!("{} bytes of {}", body.bytes.len(), body.content_type));
    serde_json::from_slice(&body.bytes).unwrap_or_else(|_| other())
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = self.whom.join(", ");
        writeln!(f, "{}: {} for {whom}", title(&self.connection), self.purpose)?;
        writeln!(f, "     {} {}", self.method, self.path)?;
        fields(f, "     ", &self.body, !self.carries.is_empty())?;
        self.carries.iter().try_for_each(|inside| write!(f, "{inside}"))
    }
}

/// Each field on a line of its own. What a body carries is shown apart: of its lists nothing.
pub(super) fn fields(f: &mut fmt::Formatter<'_>, indent: &str, body: &Value, carries: bool) -> fmt::Result {
    let mut fields = vec![];
    match body {
        Value::Object(all) if carries => {
            let own = all.iter().filter(|(_, value)| !value.is_array());
            own.for_each(|(name, value)| flat(&mut fields, name.clone(), value));
        }
        _ => flat(&mut fields, String::new(), body),
    }
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    fields.iter().try_for_each(|(name, value)| writeln!(f, "{indent}{name:<width$} = {value}"))
}

/// Each value under its whole name.
fn flat(fields: &mut Vec<(String, String)>, name: String, value: &Value) {
    match value {
        Value::Null if name.is_empty() => {}
        Value::Object(inner) => inner.iter().for_each(|(part, value)| {
            let name = if name.is_empty() { part.clone() } else { format!("{name}.{part}") };
            flat(fields, name, value);
        }),
        Value::String(text) => fields.push((name, text.clone())),
        other => fields.push((name, other.to_string())),
    }
}
