//! What a planned request carries, as a person wants to know it: each part with its fields and their values, and a list of
//! records as how many of which object, with the names of their fields.

use super::planned::{fields, path, value};
use crate::{
    connections::Part,
    effect::{Method, Request},
};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// A part, or all records of one object that are written in the same way.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Inside {
    Part { place: String, method: String, path: String, body: Value, carries: Vec<Inside> },
    Records { count: usize, object: String, method: String, fields: Vec<String> },
}

pub(super) fn inside(parts: &[Part]) -> Vec<Inside> {
    let mut all: Vec<Inside> = vec![];
    for part in parts {
        let method = part.request.method.to_string();
        let Some(object) = &part.object else {
            all.push(Inside::Part {
                place: part.place.clone(),
                method,
                path: path(&part.request),
                body: part.request.body.as_ref().map_or(Value::Null, value),
                carries: inside(&part.parts),
            });
            continue;
        };
        let same = |one: &&mut Inside| matches!(one, Inside::Records { object: o, method: m, .. } if o == object && *m == method);
        match all.iter_mut().find(same) {
            Some(Inside::Records { count, fields, .. }) => {
                *count += 1;
                fields.extend(names(&part.request));
                fields.sort();
                fields.dedup();
            }
            _ => {
                let fields = names(&part.request);
                all.push(Inside::Records { count: 1, object: object.clone(), method, fields });
            }
        }
    }
    all
}

/// How many writes a request is: of what carries others, those others, save its reads.
pub(super) fn writes(parts: &[Part]) -> usize {
    let of = |part: &Part| match part.parts.is_empty() {
        true => usize::from(part.request.method != Method::Get),
        false => writes(&part.parts),
    };
    if parts.is_empty() { 1 } else { parts.iter().map(of).sum() }
}

fn names(request: &Request) -> Vec<String> {
    match request.body.as_ref().map(value) {
        Some(Value::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => vec![],
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inside::Part { place, method, path, body, carries } => {
                writeln!(f, "     - {place}: {method} {path}")?;
                fields(f, "       ", body, !carries.is_empty())?;
                carries.iter().try_for_each(|inside| write!(f, "  {inside}"))
            }
            Inside::Records { count, object, method, fields } => {
                let records = if *count == 1 { "record" } else { "records" };
                let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
                writeln!(f, "     - {count} {records} of {object}, {method}{fields}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Body, Repeat};
    use serde_json::json;

    fn part(method: Method, path: &str, body: Value, object: Option<&str>, parts: Vec<Part>) -> Part {
        let request = Request {
            connection: "salesforce".into(),
            method,
            path: path.split('/').map(str::to_owned).collect(),
            query: vec![],
            headers: vec![],
            body: (!body.is_null())
                .then(|| Body { content_type: "application/json".into(), bytes: body.to_string().into() }),
            repeat: Repeat::Once,
            purpose: "p".into(),
        };
        Part { place: "part `x`".into(), request, object: object.map(str::to_owned), parts }
    }

    fn record(method: Method, object: &str, body: Value) -> Part {
        part(method, &format!("sobjects/{object}"), body, Some(object), vec![])
    }

    #[test]
    fn parts_are_listed_with_their_values_and_records_are_counted() {
        let records = vec![
            record(Method::Post, "Lead", json!({ "Email": "ana@example.org" })),
            record(Method::Post, "Contact", json!({ "LastName": "x" })),
            record(Method::Post, "Lead", json!({ "Company": "y" })),
            record(Method::Delete, "Task", Value::Null),
        ];
        let list = json!({ "allOrNone": true, "records": [{ "Email": "ana@example.org" }] });
        let parts = [
            part(Method::Get, "query", Value::Null, None, vec![]),
            part(Method::Patch, "sobjects/Lead/1", json!({ "City": "Lyon" }), None, vec![]),
            part(Method::Post, "composite/sobjects", list, None, records),
        ];
        assert_eq!(writes(&parts), 5);
        assert_eq!(writes(&[]), 1);
        let shown: String = inside(&parts).iter().map(Inside::to_string).collect();
        assert_eq!(
            shown,
            "     - part `x`: GET /query\n\
             \x20    - part `x`: PATCH /sobjects/Lead/1\n\
             \x20      City = Lyon\n\
             \x20    - part `x`: POST /composite/sobjects\n\
             \x20      allOrNone = true\n\
             \x20      - 2 records of Lead, POST: Company, Email\n\
             \x20      - 1 record of Contact, POST: LastName\n\
             \x20      - 1 record of Task, DELETE\n"
        );
    }
}
