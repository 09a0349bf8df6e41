//! What a request carries: the parts of `composite`, `composite/batch` and `composite/graph`, and the records of
//! `composite/sobjects` and `composite/tree` (`records.rs`), also as a part.
//!
//! Invariant: a name, a verb or an address under `composite` that is not known here is refused, as what cannot be read.
//! Bounds are Salesforce's own. <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite.html>

use super::{
    inner::{self, Root},
    records::{self, To},
    strict,
};
use crate::{
    connections::{
        envelope::{Part, Unread},
        policy,
    },
    effect::{Body, Method, Request},
};
use serde_json::{Map, Value};

const PARTS_MAX: usize = 25;
const GRAPHS_MAX: usize = 75;
/// Of all graphs together.
const NODES_MAX: usize = 500;

const METHODS: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// Parts in their order. Nothing: it carries no requests.
pub fn open(request: &Request) -> Result<Vec<Part>, Unread> {
    opened(request, "", true)
}

/// A path is opened in each of its readings. Only the outermost may carry requests; all may carry records.
fn opened(request: &Request, place: &str, outermost: bool) -> Result<Vec<Part>, Unread> {
    let mut parts = vec![];
    for path in policy::readings(&request.path) {
        parts.extend(opened_as(request, &path, place, outermost)?);
    }
    Ok(parts)
}

fn opened_as(request: &Request, path: &[String], place: &str, outermost: bool) -> Result<Vec<Part>, Unread> {
    let Some((base, below)) = composite(path) else { return Ok(vec![]) };
    let names: Vec<String> = below.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let records = |to| records::open(request, base, place, to);
    let object = |at: usize| below.get(at).map_or("", String::as_str);
    match (request.method, &names[..]) {
        (Method::Get, _) => Ok(vec![]),
        (Method::Post, [] | ["batch" | "graph"]) if !outermost => {
            Err(Unread::new(place, "an envelope within an envelope"))
        }
        (Method::Post, []) => {
            let mut body = body(request, place)?;
            only(&body, &["compositeRequest", "allOrNone", "collateSubrequests"], place)?;
            parts(request, body.remove("compositeRequest"), PARTS_MAX, "", &COMPOSITE)
        }
        (Method::Post, ["batch"]) => {
            let mut body = body(request, place)?;
            only(&body, &["batchRequests", "haltOnError"], place)?;
            parts(request, body.remove("batchRequests"), PARTS_MAX, "", &BATCH)
        }
        (Method::Post, ["graph"]) => graphs(request),
        (Method::Post, ["sobjects"]) => records(To::Create),
        (Method::Patch, ["sobjects"]) => records(To::Change),
        (Method::Patch, ["sobjects", _, _]) => records(To::Upsert { object: object(1), field: object(2) }),
        (Method::Delete, ["sobjects"]) => records(To::Delete),
        (Method::Post, ["tree", _]) => records(To::Plant { object: object(1) }),
        // Records by their ids: a read.
        (Method::Post, ["sobjects", _]) => {
            only(&body(request, place)?, &["ids", "fields"], place)?;
            Ok(vec![])
        }
        _ => Err(Unread::new(
            place,
            format!("{} on this address under `composite` is nothing that the host knows", request.method),
        )),
    }
}

/// What is before `composite`, and what is below.
pub fn composite(path: &[String]) -> Option<(&[String], &[String])> {
    let is = |at: usize, name: &str| path.get(at).is_some_and(|segment| segment.eq_ignore_ascii_case(name));
    if !is(0, "services") || !is(1, "data") {
        return None;
    }
    let at = if is(3, "tooling") { 4 } else { 3 };
    is(at, "composite").then(|| (&path[..at], &path[at + 1..]))
}

/// How the parts of an envelope are written.
struct Shape {
    list: &'static str,
    names: &'static [&'static str],
    body: &'static str,
    root: Root,
}

const COMPOSITE: Shape = Shape {
    list: "compositeRequest",
    names: &["method", "url", "referenceId", "body", "httpHeaders"],
    body: "body",
    root: Root::Whole,
};
const BATCH: Shape = Shape {
    list: "batchRequests",
    names: &["method", "url", "richInput"],
    body: "richInput",
    root: Root::WholeOrVersion,
};

fn graphs(request: &Request) -> Result<Vec<Part>, Unread> {
    let mut body = body(request, "")?;
    only(&body, &["graphs"], "")?;
    let mut all = vec![];
    for (n, graph) in list(body.remove("graphs"), "graphs", GRAPHS_MAX, "")?.into_iter().enumerate() {
        let place = format!("graph {}", n + 1);
        let mut graph = object(graph, &place)?;
        only(&graph, &["graphId", "compositeRequest"], &place)?;
        let left = NODES_MAX.saturating_sub(all.len());
        all.extend(parts(request, graph.remove("compositeRequest"), left, &format!("{place}, "), &COMPOSITE)?);
    }
    Ok(all)
}

fn parts(outer: &Request, sent: Option<Value>, most: usize, within: &str, shape: &Shape) -> Result<Vec<Part>, Unread> {
    let sent = list(sent, shape.list, most, within.trim_end_matches(", "))?;
    let part = |(n, value): (usize, Value)| {
        let name = value.get("referenceId").and_then(Value::as_str).map(|name| format!("`{}`", short(name)));
        let place = format!("{within}part {}", name.unwrap_or_else(|| (n + 1).to_string()));
        let request = inner_request(outer, object(value, &place)?, shape).map_err(|why| Unread::new(&place, why))?;
        let parts = opened(&request, &place, false)?;
        Ok(Part { place, request, object: None, parts })
    };
    sent.into_iter().enumerate().map(part).collect()
}

fn inner_request(outer: &Request, mut part: Map<String, Value>, shape: &Shape) -> Result<Request, String> {
    unknown(&part, shape.names)?;
    let verb = text(&part, "method")?;
    let method = METHODS.into_iter().find(|method| method.as_str() == verb);
    let method = method.ok_or_else(|| format!("`{}` is none of GET, POST, PUT, PATCH, DELETE", short(verb)))?;
    let (path, query) = inner::address(text(&part, "url")?, shape.root, method)?;
    let body = part.remove(shape.body).filter(|body| !body.is_null()).as_ref().map(json);
    let headers = headers(part.remove("httpHeaders"))?;
    let (connection, repeat, purpose) = (outer.connection.clone(), outer.repeat, outer.purpose.clone());
    Ok(Request { connection, method, path, query, headers, body, repeat, purpose })
}

fn headers(sent: Option<Value>) -> Result<Vec<(String, String)>, String> {
    let none = || "its httpHeaders are no object of texts".to_owned();
    let sent = match sent {
        None | Some(Value::Null) => return Ok(vec![]),
        Some(Value::Object(sent)) => sent,
        Some(_) => return Err(none()),
    };
    // Names are the same in any case.
    let header = |(name, value): (String, Value)| {
        let value = value.as_str().ok_or_else(none)?;
        Ok((name.to_ascii_lowercase(), value.to_owned()))
    };
    sent.into_iter().map(header).collect()
}

/// The JSON object of a request's body.
pub(super) fn body(request: &Request, place: &str) -> Result<Map<String, Value>, Unread> {
    let none = |why: &str| Unread::new(place, why);
    let body = request.body.as_ref().ok_or_else(|| none("it has no body"))?;
    let content_type = body.content_type.to_ascii_lowercase();
    let charset =
        content_type.split(';').skip(1).all(|p| matches!(p.trim(), "" | "charset=utf-8" | "charset=\"utf-8\""));
    if !policy::is_json(&content_type) || !charset {
        return Err(none("its body is not JSON in UTF-8"));
    }
    let value = strict::parse(&body.bytes).map_err(|e| none(&format!("its body is not JSON with one reading: {e}")))?;
    object(value, place)
}

pub(super) fn json(value: &Value) -> Body {
    Body { content_type: "application/json".into(), bytes: value.to_string().into_bytes() }
}

pub(super) fn object(value: Value, place: &str) -> Result<Map<String, Value>, Unread> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Unread::new(place, "it is no JSON object")),
    }
}

pub(super) fn list(value: Option<Value>, name: &str, most: usize, place: &str) -> Result<Vec<Value>, Unread> {
    match value {
        Some(Value::Array(items)) if (1..=most).contains(&items.len()) => Ok(items),
        Some(Value::Array(items)) => {
            Err(Unread::new(place, format!("`{name}` has {} items, 1 to {most} are allowed here", items.len())))
        }
        _ => Err(Unread::new(place, format!("`{name}` is no list"))),
    }
}

pub(super) fn only(object: &Map<String, Value>, known: &[&str], place: &str) -> Result<(), Unread> {
    unknown(object, known).map_err(|why| Unread::new(place, why))
}

fn unknown(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("the host does not know `{}` here, only {}", short(name), known.join(", "))),
        None => Ok(()),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    object.get(name).and_then(Value::as_str).ok_or_else(|| format!("its `{name}` is no text"))
}

/// What a guest wrote, for people.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_default().to_string()
}

#[cfg(test)]
mod tests;
