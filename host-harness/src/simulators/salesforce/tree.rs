//! `POST /composite/tree/<Obj>`: records with their children and children's children, all of them or none.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobject-tree.html>
//!
//! At most 200 records in all, five levels, five types; the answer names each by the request's own reference, level by
//! level, or only the one that failed [confirmed]. A reference that comes twice is refused as public clients captured it.
//! Codes of the refusals of too many: [inferred].

use super::{
    CONTENT_TYPE,
    composite::{is_reference, no_reference},
    describe::{ObjectType, Side},
    errors::{Fault, Refusal},
    offers, sobjects,
};
use crate::simulators::{
    World,
    request::{Answer, Call, json},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const RECORDS_MAX: usize = 200;
const LEVELS_MAX: usize = 5;
const TYPES_MAX: usize = 5;

/// A record that is to be made.
struct Node {
    reference: String,
    object: &'static ObjectType,
    fields: Map<String, Value>,
    parent: Parent,
}

pub(super) fn handle(world: &mut World, call: &Call, object: &str) -> Result<Answer, Refusal> {
    let root = ObjectType::named(Side::Data, object).filter(|object| offers(world, object));
    let root = root.ok_or_else(Refusal::not_found)?;
    let mut body = sobjects::body(call)?;
    let nodes = match nodes(world, root, body.remove("records"))? {
        Ok(nodes) => nodes,
        Err((reference, faults)) => return Ok(failed(&reference, &Refusal { status: 400, faults })),
    };
    let saved = world.salesforce.saved();
    let (mut ids, mut results) = (Vec::<String>::new(), vec![]);
    for node in nodes {
        let mut fields = node.fields;
        if let Some((parent, field)) = node.parent {
            fields.retain(|name, _| !name.eq_ignore_ascii_case(field));
            fields.insert(field.to_owned(), json!(ids[parent]));
        }
        match sobjects::insert(world, node.object, fields) {
            Ok(id) => {
                results.push(json!({ "referenceId": node.reference, "id": id }));
                ids.push(id);
            }
            Err(refusal) => {
                world.salesforce.restore(saved);
                return Ok(failed(&node.reference, &refusal));
            }
        }
    }
    Ok(json(201, CONTENT_TYPE, &json!({ "hasErrors": false, "results": results })))
}

fn failed(reference: &str, refusal: &Refusal) -> Answer {
    let result = json!({ "referenceId": reference, "errors": refusal.of_record() });
    json(400, CONTENT_TYPE, &json!({ "hasErrors": true, "results": [result] }))
}

/// Position of the parent among all records, and the field that leads to it.
type Parent = Option<(usize, &'static str)>;

/// The records, parents before children and level by level. The inner error is that of one record.
type Read = Result<Vec<Node>, (String, Vec<Fault>)>;

fn nodes(world: &World, root: &'static ObjectType, records: Option<Value>) -> Result<Read, Refusal> {
    let wrong = |text: &str| Refusal::new(400, "JSON_PARSER_ERROR", format!("Cannot deserialize {text}"));
    let Some(Value::Array(roots)) = records else { return Err(wrong("the value of records")) };
    if roots.is_empty() {
        return Err(Refusal::new(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required"));
    }
    let mut level: Vec<(Parent, &'static ObjectType, Value)> =
        roots.into_iter().map(|record| (None, root, record)).collect();
    let (mut nodes, mut references) = (Vec::<Node>::new(), BTreeSet::new());
    for depth in 1.. {
        if level.is_empty() {
            break;
        }
        if depth > LEVELS_MAX {
            return Err(Refusal::new(400, "INVALID_INPUT", format!("A tree has at most {LEVELS_MAX} levels")));
        }
        let mut next = vec![];
        for (parent, expected, record) in level {
            let Value::Object(mut fields) = record else { return Err(wrong("a record")) };
            let attributes = fields.remove("attributes").unwrap_or_default();
            let reference = attributes["referenceId"].as_str().filter(|reference| !reference.is_empty());
            let Some(reference) = reference.map(str::to_owned) else {
                let message = "Include a reference ID for each record in the request.";
                return Err(Refusal::new(400, "INVALID_INPUT", message));
            };
            if !is_reference(&reference) {
                let faults = no_reference(&reference).faults;
                return Ok(Err((reference, faults)));
            }
            let kind = attributes["type"].as_str().unwrap_or_default();
            let object = ObjectType::named(Side::Data, kind).filter(|object| object.name == expected.name);
            let Some(object) = object.filter(|object| offers(world, object)) else {
                let message = format!("The type of the record is not {}: '{kind}'", expected.name);
                return Ok(Err((reference, vec![Fault::new("INVALID_INPUT", message, &[])])));
            };
            if !references.insert(reference.clone()) {
                let faults = vec![
                    Fault::new("INVALID_INPUT", "Duplicate ReferenceId provided in the request.", &[]),
                    Fault::new("PROCESSING_HALTED", format!("Duplicate ReferenceId found: {reference}"), &[]),
                ];
                return Ok(Err((reference, faults)));
            }
            let mut own = Map::new();
            for (name, value) in fields {
                match (object.child(&name), value) {
                    (Some((_, child, field)), Value::Object(mut below)) => {
                        let Some(Value::Array(children)) = below.remove("records") else {
                            return Err(wrong(&format!("the value of {name}")));
                        };
                        next.extend(children.into_iter().map(|record| (Some((nodes.len(), field)), child, record)));
                    }
                    (_, value) => {
                        own.insert(name, value);
                    }
                }
            }
            nodes.push(Node { reference, object, fields: own, parent });
            if nodes.len() + next.len() > RECORDS_MAX {
                let message =
                    format!("record limit reached. cannot submit more than {RECORDS_MAX} records into this call");
                return Err(Refusal::new(400, "EXCEEDED_ID_LIMIT", message));
            }
        }
        level = next;
    }
    if nodes.iter().map(|node| node.object.name).collect::<BTreeSet<_>>().len() > TYPES_MAX {
        return Err(Refusal::new(400, "INVALID_INPUT", format!("A request has at most {TYPES_MAX} types of records")));
    }
    Ok(Ok(nodes))
}
