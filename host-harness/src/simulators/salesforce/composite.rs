//! `POST /composite`: up to 25 requests in one call, of which later ones use what earlier ones answered; and `/composite/graph`,
//! which is several such calls, each all or nothing.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-composite-post.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-graph.html>
//!
//! Each part is answered as a request of its own would be, and the whole counts as one call; at most five parts are
//! queries or collections; a part inherits Accept, Authorization and Content-Type, and one that names them itself ends the
//! whole with 400; `allOrNone` takes everything back, and all parts but the failed one are then PROCESSING_HALTED; a
//! reference without a value is that too [confirmed], with a status that is a switch; so is each collection in it all or nothing, whatever it says itself
//! [confirmed] <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-allornone.html>, with the
//! status that it has by itself [inferred]. Codes of the refusals of the whole, and that a part for a resource
//! that composite does not support is not found: [inferred]. A value that is put into an address is encoded there, and one
//! that is the whole of a text keeps its kind [inferred].

use super::{CONTENT_TYPE, batch, collections, errors::Refusal, route, setup::RequestOptions, sobjects, tree};
use crate::simulators::{
    World,
    request::{Answer, Call, encode, json},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

const PARTS_MAX: usize = 25;
const QUERIES_MAX: usize = 5;
const GRAPHS_MAX: usize = 75;
const NODES_MAX: usize = 500;

/// Of a part that was taken back, or that lacks a reference; its status is a switch.
const HALTED: &str = "PROCESSING_HALTED";

/// What an address may not hold as it is, and people write all the same.
const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Everything at `/composite`.
pub(super) fn handle(world: &mut World, call: &Call, version: &str, rest: &[&str]) -> Result<Answer, Refusal> {
    match (call.method.as_str(), rest) {
        (_, ["sobjects", rest @ ..]) => collections::handle(world, call, version, rest),
        ("POST", []) => composite(world, call),
        ("POST", ["graph"]) => graphs(world, call),
        ("POST", ["batch"]) => batch::handle(world, call, version),
        ("POST", ["tree", object]) => tree::handle(world, call, object),
        ("GET", []) => {
            let resource = |name: &str| (name.to_owned(), json!(format!("/services/data/{version}/composite/{name}")));
            let resources = ["tree", "batch", "sobjects", "graph"].into_iter().map(resource).collect();
            Ok(json(200, CONTENT_TYPE, &Value::Object(resources)))
        }
        (_, []) => Err(Refusal::method_not_allowed("GET,POST,HEAD")),
        (_, ["graph" | "batch"] | ["tree", _]) => Err(Refusal::method_not_allowed("POST")),
        _ => Err(Refusal::not_found()),
    }
}

/// One request of several.
struct Part {
    method: Method,
    url: String,
    reference: String,
    body: Option<Value>,
    headers: HeaderMap,
}

fn composite(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let mut body = sobjects::body(call)?;
    let all_or_none = flag(&body, "allOrNone", false)?;
    flag(&body, "collateSubrequests", true)?;
    let parts = parts(body.remove("compositeRequest"), PARTS_MAX)?;
    let queries =
        parts.iter().filter(|part| matches!(part.resource()[..], ["query" | "queryAll", ..] | ["composite", ..]));
    if queries.count() > QUERIES_MAX {
        let message = format!("Limit of {QUERIES_MAX} query and sObject collection subrequests exceeded");
        return Err(invalid(message));
    }
    let allowed = |part: &Part| {
        matches!(
            part.resource()[..],
            ["sobjects" | "query" | "queryAll", ..]
                | ["tooling", "sobjects" | "query", ..]
                | ["composite", "sobjects", ..]
        )
    };
    let (told, _) = run(world, call, &parts, all_or_none, allowed);
    Ok(json(200, CONTENT_TYPE, &json!({ "compositeResponse": told })))
}

/// Nodes are single records alone.
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-graph-composite-subrequest.html>
fn graphs(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let mut body = sobjects::body(call)?;
    let Some(Value::Array(graphs)) = body.remove("graphs") else { return Err(unreadable("graphs")) };
    if graphs.is_empty() || graphs.len() > GRAPHS_MAX {
        return Err(invalid(format!("A request has 1 to {GRAPHS_MAX} graphs")));
    }
    let (mut read, mut ids) = (vec![], HashSet::new());
    for graph in graphs {
        let Value::Object(mut graph) = graph else { return Err(unreadable("graphs")) };
        let id = text(&graph, "graphId")?;
        if !ids.insert(id.clone()) {
            return Err(invalid(format!("Duplicate graphId found: {id}")));
        }
        read.push((id, parts(graph.remove("compositeRequest"), NODES_MAX)?));
    }
    if read.iter().map(|(_, parts)| parts.len()).sum::<usize>() > NODES_MAX {
        return Err(invalid(format!("A request has at most {NODES_MAX} nodes")));
    }
    let told = read.into_iter().map(|(id, parts)| {
        let (told, successful) =
            run(world, call, &parts, true, |part| matches!(part.resource()[..], ["sobjects", _, ..]));
        json!({ "graphId": id, "graphResponse": { "compositeResponse": told }, "isSuccessful": successful })
    });
    let told: Vec<Value> = told.collect();
    Ok(json(200, CONTENT_TYPE, &json!({ "graphs": told })))
}

/// Answers of all parts, and whether none failed.
fn run(
    world: &mut World,
    outer: &Call,
    parts: &[Part],
    all_or_none: bool,
    allowed: impl Fn(&Part) -> bool,
) -> (Vec<Value>, bool) {
    let halted_status = world.options.unknowns.salesforce.halted_part_status;
    let saved = all_or_none.then(|| world.salesforce.saved());
    let (mut told, mut known) = (vec![], HashMap::new());
    let mut failed = None;
    for (n, part) in parts.iter().enumerate() {
        let answer = match allowed(part) {
            true => part.answer(world, outer, &known, all_or_none),
            false => Err(Refusal::not_found()),
        };
        let answer = answer.unwrap_or_else(|refusal| match refusal.faults.iter().any(|fault| fault.code == HALTED) {
            true => Refusal { status: halted_status, ..refusal }.answer(),
            false => refusal.answer(),
        });
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let headers: Map<String, Value> = location.map(|at| ("Location".to_owned(), json!(at))).into_iter().collect();
        told.push(part.told(status, &body, headers));
        let record_failed = |told: &Value| told["success"] == json!(false);
        let rolled_back =
            all_or_none && part.is_collection() && body.as_array().is_some_and(|a| a.iter().any(record_failed));
        if status >= 400 || rolled_back {
            failed = failed.or(Some(n));
            if all_or_none {
                break;
            }
        } else {
            known.insert(part.reference.as_str(), body);
        }
    }
    if let (Some(saved), Some(failed)) = (saved, failed) {
        world.salesforce.restore(saved);
        let message = "The transaction was rolled back since another operation in the same transaction failed.";
        let halted = json!([{ "errorCode": HALTED, "message": message }]);
        let kept = told.swap_remove(failed);
        let each = parts.iter().enumerate().map(|(n, part)| match n == failed {
            true => kept.clone(),
            false => part.told(halted_status, &halted, Map::new()),
        });
        told = each.collect();
    }
    (told, failed.is_none())
}

impl Part {
    /// The resource below the version.
    fn resource(&self) -> Vec<&str> {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        match [segments.next(), segments.next(), segments.next()] {
            [Some("services"), Some("data"), Some(_)] => segments.collect(),
            _ => vec![],
        }
    }

    fn is_collection(&self) -> bool {
        matches!(self.resource()[..], ["composite", "sobjects", ..])
    }

    fn answer(
        &self,
        world: &mut World,
        outer: &Call,
        known: &HashMap<&str, Value>,
        all_or_none: bool,
    ) -> Result<Answer, Refusal> {
        let url = filled(&self.url, known, |value| match value {
            Value::String(text) => encode(text),
            other => encode(&other.to_string()),
        })?;
        let mut body = self.body.as_ref().map(|body| filled_in(body, known)).transpose()?;
        let overridden = all_or_none && self.is_collection();
        if let Some(Value::Object(body)) = body.as_mut().filter(|_| overridden) {
            body.insert("allOrNone".to_owned(), json!(true));
        }
        let call = inner(outer, &self.method, &url, &self.headers, body.as_ref());
        let mut call = call.ok_or_else(Refusal::not_found)?;
        if overridden {
            call.query.retain(|(name, _)| name != "allOrNone");
            call.query.push(("allOrNone".to_owned(), "true".to_owned()));
        }
        answered(world, &call)
    }

    fn told(&self, status: u16, body: &Value, headers: Map<String, Value>) -> Value {
        json!({ "body": body, "httpHeaders": headers, "httpStatusCode": status, "referenceId": self.reference })
    }
}

/// The answer to a request within another, with the options of its own headers; each part has its own.
pub(super) fn answered(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    world.salesforce.setup.request = RequestOptions::of(call, world.requests.len());
    route(world, call)
}

/// A request within another, that inherits what is said of reading it. Nothing where `url` is none.
pub(super) fn inner(
    outer: &Call,
    method: &Method,
    url: &str,
    headers: &HeaderMap,
    body: Option<&Value>,
) -> Option<Call> {
    let url: http::Uri = utf8_percent_encode(url, UNSAFE).to_string().parse().ok()?;
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let mut request = http::Request::new(body);
    *request.method_mut() = method.clone();
    *request.uri_mut() = url;
    *request.headers_mut() = headers.clone();
    for name in [header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE] {
        if let Some(value) = outer.headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    Some(Call::new(request))
}

fn parts(sent: Option<Value>, most: usize) -> Result<Vec<Part>, Refusal> {
    let Some(Value::Array(sent)) = sent else { return Err(unreadable("compositeRequest")) };
    if sent.is_empty() || sent.len() > most {
        return Err(invalid(format!("A request has 1 to {most} subrequests")));
    }
    let (mut parts, mut references) = (vec![], HashSet::new());
    for part in sent {
        let Value::Object(mut part) = part else { return Err(unreadable("compositeRequest")) };
        let reference = text(&part, "referenceId")?;
        if !is_reference(&reference) {
            return Err(no_reference(&reference));
        }
        if !references.insert(reference.clone()) {
            return Err(invalid("Duplicate ReferenceId provided in the request."));
        }
        let method = verb(&text(&part, "method")?)?;
        let mut headers = HeaderMap::new();
        let sent = part.get("httpHeaders").filter(|headers| !headers.is_null());
        for (name, value) in sent
            .map(|sent| sent.as_object().ok_or_else(|| unreadable("httpHeaders")))
            .transpose()?
            .into_iter()
            .flatten()
        {
            let (name, value) = match (name.parse::<HeaderName>(), value.as_str().map(HeaderValue::from_str)) {
                (Ok(name), Some(Ok(value))) => (name, value),
                _ => return Err(unreadable("httpHeaders")),
            };
            if [header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE].contains(&name) {
                return Err(invalid(format!("The header {name} is not allowed in a subrequest")));
            }
            headers.insert(name, value);
        }
        let url = text(&part, "url")?;
        let body = part.remove("body").filter(|body| !body.is_null());
        parts.push(Part { method, url, reference, body, headers });
    }
    Ok(parts)
}

/// What a reference may be.
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn no_reference(text: &str) -> Refusal {
    let message = format!(
        "Provided referenceId ('{text}') must start with a letter or a number, and it can contain only letters, numbers and \
         underscores ('_')."
    );
    invalid(message)
}

/// Verbs are told apart by case [confirmed].
pub(super) fn verb(text: &str) -> Result<Method, Refusal> {
    match text {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" => text.parse().map_err(|_| unreadable("method")),
        _ => Err(unreadable("method")),
    }
}

pub(super) fn text(object: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        None | Some(Value::Null) => {
            Err(Refusal::new(400, "REQUIRED_FIELD_MISSING", format!("Required fields are missing: [{name}]")))
        }
        Some(_) => Err(unreadable(name)),
    }
}

pub(super) fn flag(object: &Map<String, Value>, name: &str, default: bool) -> Result<bool, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(unreadable(name)),
    }
}

pub(super) fn unreadable(name: &str) -> Refusal {
    Refusal::new(400, "JSON_PARSER_ERROR", format!("Cannot deserialize the value of {name}"))
}

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "INVALID_INPUT", message)
}

/// All texts of a body, with their references resolved.
fn filled_in(body: &Value, known: &HashMap<&str, Value>) -> Result<Value, Refusal> {
    Ok(match body {
        Value::String(text) => match text.strip_prefix("@{").and_then(|rest| rest.strip_suffix('}')) {
            Some(path) if !path.contains('}') => resolved(path, known)?.clone(),
            _ => {
                json!(filled(text, known, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))?)
            }
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| filled_in(item, known)).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| Ok((name.clone(), filled_in(value, known)?));
            Value::Object(fields.iter().map(field).collect::<Result<_, Refusal>>()?)
        }
        other => other.clone(),
    })
}

/// A text with every `@{…}` in it replaced.
fn filled(text: &str, known: &HashMap<&str, Value>, print: impl Fn(&Value) -> String) -> Result<String, Refusal> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((path, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&print(resolved(path, known)?));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `reference.field[0].field`, down to a value that is neither object nor list.
fn resolved<'a>(path: &str, known: &'a HashMap<&str, Value>) -> Result<&'a Value, Refusal> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (reference, steps) = path.split_at(end);
    let value = known.get(reference).and_then(|body| walked(body, steps));
    value.filter(|value| !value.is_null() && !value.is_array() && !value.is_object()).ok_or_else(|| {
        let message = format!("Invalid reference specified. No value for {path} found in {reference}");
        Refusal::new(400, HALTED, message)
    })
}

fn walked<'a>(mut value: &'a Value, mut steps: &str) -> Option<&'a Value> {
    while !steps.is_empty() {
        if let Some(rest) = steps.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            value = value.get(&rest[..end])?;
            steps = &rest[end..];
        } else {
            let (index, rest) = steps.strip_prefix('[')?.split_once(']')?;
            value = value.get(index.trim().parse::<usize>().ok()?)?;
            steps = rest;
        }
    }
    Some(value)
}
