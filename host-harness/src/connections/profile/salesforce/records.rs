//! Lists of records: each is judged as if it were written alone at `sobjects/<its type>`, with its fields as the body.
//!
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobject-tree.html>

use super::{
    envelope::{body, json, list, object, only, short},
    inner,
};
use crate::{
    connections::envelope::{Part, Unread},
    effect::{Method, Request},
};
use serde_json::{Map, Value};

const RECORDS_MAX: usize = 200;
/// Records with their children's children.
const LEVELS_MAX: usize = 5;

/// What an id's first three characters say of its record. An object that a customer made has a prefix of its org's own.
/// <https://help.salesforce.com/s/articleView?id=000385203&type=1>
const PREFIXES: [(&str, &str); 11] = [
    ("001", "Account"),
    ("003", "Contact"),
    ("005", "User"),
    ("006", "Opportunity"),
    ("00Q", "Lead"),
    ("00T", "Task"),
    ("00U", "Event"),
    ("00v", "CampaignMember"),
    ("01Y", "CampaignMemberStatus"),
    ("500", "Case"),
    ("701", "Campaign"),
];

/// What is to become of the records.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    Create,
    Change,
    Upsert {
        object: &'a str,
        field: &'a str,
    },
    Delete,
    /// With their children, as a tree.
    Plant {
        object: &'a str,
    },
}

/// `base` is what is before `composite`.
pub fn open(request: &Request, base: &[String], place: &str, to: To) -> Result<Vec<Part>, Unread> {
    let within = if place.is_empty() { String::new() } else { format!("{place}, ") };
    let list_of = List { request, base };
    if let To::Delete = to {
        return list_of.deleted(place, &within);
    }
    let mut body = body(request, place)?;
    let names: &[&str] = if matches!(to, To::Plant { .. }) { &["records"] } else { &["records", "allOrNone"] };
    only(&body, names, place)?;
    let sent = list(body.remove("records"), "records", RECORDS_MAX, place)?;
    let mut parts = vec![];
    for (n, value) in sent.into_iter().enumerate() {
        let place = format!("{within}record {}", n + 1);
        match to {
            To::Plant { object } => list_of.planted(&mut parts, value, Some(object), place, 1)?,
            _ => parts.push(list_of.record(value, place, to)?),
        }
    }
    Ok(parts)
}

/// The request that carries the records, and where its objects are.
struct List<'a> {
    request: &'a Request,
    base: &'a [String],
}

impl List<'_> {
    /// `below` is what its path has behind its object.
    fn part(
        &self,
        place: String,
        method: Method,
        object: &str,
        below: &[&str],
        fields: Option<Map<String, Value>>,
    ) -> Part {
        let path = self.base.iter().map(String::as_str).chain(["sobjects", object]).chain(below.iter().copied());
        let request = Request {
            connection: self.request.connection.clone(),
            method,
            path: path.map(str::to_owned).collect(),
            query: vec![],
            headers: vec![],
            body: fields.map(|fields| json(&Value::Object(fields))),
            repeat: self.request.repeat,
            purpose: self.request.purpose.clone(),
        };
        Part { place, request, object: Some(object.to_owned()), parts: vec![] }
    }

    fn record(&self, value: Value, place: String, to: To) -> Result<Part, Unread> {
        let mut fields = object(value, &place)?;
        let kind = kind(&mut fields, &["type"], &place)?;
        let wrong = |why: String| Unread::new(&place, why);
        match to {
            To::Change => {
                let id = segment(&mut fields, "id").map_err(wrong)?;
                Ok(self.part(place, Method::Patch, &kind, &[&id], Some(fields)))
            }
            To::Upsert { object, field } => {
                if object != kind {
                    return Err(wrong(format!("its type `{kind}` is not that of the address, `{}`", short(object))));
                }
                let value = segment(&mut fields, field).map_err(wrong)?;
                Ok(self.part(place, Method::Patch, &kind, &[field, &value], Some(fields)))
            }
            To::Create | To::Delete | To::Plant { .. } => Ok(self.part(place, Method::Post, &kind, &[], Some(fields))),
        }
    }

    /// A record of a tree, then its children; `object` is the type that the address says.
    fn planted(
        &self,
        parts: &mut Vec<Part>,
        value: Value,
        of: Option<&str>,
        place: String,
        level: usize,
    ) -> Result<(), Unread> {
        if level > LEVELS_MAX || parts.len() >= RECORDS_MAX {
            let why = format!("a tree has at most {RECORDS_MAX} records and {LEVELS_MAX} levels");
            return Err(Unread::new(&place, why));
        }
        let mut fields = object(value, &place)?;
        let kind = kind(&mut fields, &["type", "referenceId"], &place)?;
        if let Some(of) = of.filter(|of| *of != kind) {
            return Err(Unread::new(&place, format!("its type `{kind}` is not that of the address, `{}`", short(of))));
        }
        let mut children = vec![];
        for (name, value) in &fields {
            let place = format!("{place}, {}", short(name));
            match value {
                Value::Object(inside) if inside.keys().any(|name| name.eq_ignore_ascii_case("records")) => {
                    only(inside, &["records"], &place)?;
                    let records = list(inside.get("records").cloned(), "records", RECORDS_MAX, &place)?;
                    let child = |(n, value)| (format!("{place} {}", n + 1), value);
                    children.extend(records.into_iter().enumerate().map(child));
                }
                // A record that is referred to, by one of its fields.
                Value::Object(inside)
                    if inside.iter().all(|(name, v)| name == "attributes" || !v.is_array() && !v.is_object()) => {}
                Value::Object(_) | Value::Array(_) => {
                    return Err(Unread::new(
                        &place,
                        "what it holds is nothing that the host knows; children are under `records`",
                    ));
                }
                _ => {}
            }
        }
        parts.push(self.part(place, Method::Post, &kind, &[], Some(fields)));
        children.into_iter().try_for_each(|(place, value)| self.planted(parts, value, None, place, level + 1))
    }

    fn deleted(&self, place: &str, within: &str) -> Result<Vec<Part>, Unread> {
        let query = &self.request.query;
        let ids: Vec<&String> = query.iter().filter(|(name, _)| name == "ids").map(|(_, ids)| ids).collect();
        let known = query.iter().all(|(name, _)| name == "ids" || name == "allOrNone");
        let [ids] = ids[..] else { return Err(Unread::new(place, "its query has not one `ids`")) };
        let ids: Vec<&str> = ids.split(',').map(str::trim).collect();
        if !known || ids.len() > RECORDS_MAX {
            let why = format!("its query may have `ids`, of which {RECORDS_MAX} are allowed, and `allOrNone`");
            return Err(Unread::new(place, why));
        }
        let part = |(n, id): (usize, &&str)| {
            let place = format!("{within}record {}", n + 1);
            let kind = PREFIXES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| *kind);
            let kind = kind.ok_or_else(|| {
                let why = format!("which object `{}` is of cannot be told. Delete it alone", short(id));
                Unread::new(&place, why)
            })?;
            Ok(self.part(place, Method::Delete, kind, &[id], None))
        };
        ids.iter().enumerate().map(part).collect()
    }
}

/// The record's type, which is no field of it.
fn kind(fields: &mut Map<String, Value>, known: &[&str], place: &str) -> Result<String, Unread> {
    let wrong = |why: &str| Unread::new(place, why);
    let attributes = taken(fields, "attributes").map_err(|why| wrong(&why))?;
    let attributes = object(attributes, place).map_err(|_| wrong("its `attributes` are no JSON object"))?;
    only(&attributes, known, place)?;
    let kind = attributes.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_name = |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name(kind) {
        return Err(wrong("its attributes have no `type` that is an object's name"));
    }
    Ok(kind.to_owned())
}

/// A value that stands in the path where the record is written alone.
fn segment(fields: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    let value = match taken(fields, name)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Err(format!("its `{}` is neither a text nor a number", short(name))),
    };
    inner::reference(&value)?;
    Ok(value)
}

/// Names of fields are the same in any case; two that differ in nothing else have no one reading.
fn taken(fields: &mut Map<String, Value>, name: &str) -> Result<Value, String> {
    let names: Vec<String> = fields.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect();
    match &names[..] {
        [one] => Ok(fields.remove(one).unwrap_or_default()),
        [] => Err(format!("it has no `{}`", short(name))),
        _ => Err(format!("it has `{}` more than once", short(name))),
    }
}
