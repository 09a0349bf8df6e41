//! Single records: POST, GET, PATCH and DELETE on `/sobjects/<Obj>[/<id>]` [confirmed].
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve.htm>
//!
//! Every check comes from describe. A partial update changes only what is sent, and `null` clears. Text is trimmed, and
//! an empty one is null, as everywhere in Salesforce [inferred]. Deleting is soft: the record is gone for everybody else.

use super::{
    Record, Salesforce, campaigns, custom_fields,
    describe::{Access, EMAIL_MAX, Field, Kind, ObjectType, Side, Writes},
    errors::{Fault, Refusal},
    object_info, offers, rules, tooling,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::{long_salesforce_id, salesforce_id},
        request::{Answer, Call, json, no_content, with_header},
        unknowns::{MissingRecord, SalesforceUnknowns},
    },
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

/// Everything below `/services/data/vNN.N/sobjects/`, and below `tooling/sobjects/` there.
pub(super) fn handle(
    world: &mut World,
    call: &Call,
    version: &str,
    rest: &[&str],
    side: Side,
) -> Result<Answer, Refusal> {
    let object = rest.first().and_then(|name| ObjectType::named(side, name)).filter(|object| offers(world, object));
    let object = world.salesforce.own(object.ok_or_else(Refusal::not_found)?);
    let when = world.now().minus(world.options.read_lag.salesforce);
    match (verb(call), &rest[1..]) {
        ("POST", []) => {
            let id = insert(world, object, body(call)?)?;
            let told = json!({ "id": id, "success": true, "errors": [] });
            Ok(located(json(201, super::errors::CONTENT_TYPE, &told), object, version, &id))
        }
        ("GET", []) => Ok(object_info::one(world, object, version)),
        ("GET", ["describe"]) => Ok(object_info::in_full(world, object, version)),
        ("GET", [id]) => read(world, call, object, id, version, when),
        ("PATCH", [id]) => change(world, object, id, body(call)?).map(|()| no_content()),
        ("DELETE", [id]) => remove(world, object, id).map(|()| no_content()),
        ("GET", [field, value]) => {
            let found = by_external_id(&world.salesforce, object, field, value)?;
            match &found[..] {
                [] => Err(Refusal::not_found()),
                [id] => read(world, call, object, id, version, when),
                several => Ok(choice(object, version, several)),
            }
        }
        ("PATCH", [field, value]) => {
            let sent = body(call)?;
            if call.param("updateOnly").is_some_and(|only| only.eq_ignore_ascii_case("true"))
                && by_external_id(&world.salesforce, object, field, value)?.is_empty()
            {
                return Err(Refusal::not_found());
            }
            let told = |id: &str, created: bool| json!({ "id": id, "success": true, "errors": [], "created": created });
            Ok(match upsert(world, object, field, value, sent)? {
                Upserted::Created(id) => {
                    located(json(201, super::errors::CONTENT_TYPE, &told(&id, true)), object, version, &id)
                }
                Upserted::Updated(_) if world.options.unknowns.salesforce.upsert_updated_status == 204 => no_content(),
                Upserted::Updated(id) => json(200, super::errors::CONTENT_TYPE, &told(&id, false)),
                Upserted::Several(ids) => choice(object, version, &ids),
            })
        }
        ("DELETE", [field, value]) => {
            let found = by_external_id(&world.salesforce, object, field, value)?;
            match &found[..] {
                [] => Err(Refusal::not_found()),
                [id] => remove(world, object, id).map(|()| no_content()),
                several => Ok(choice(object, version, several)),
            }
        }
        (_, []) => Err(Refusal::method_not_allowed("GET,POST,HEAD")),
        (_, [_] | [_, _]) => Err(Refusal::method_not_allowed("GET,PATCH,DELETE,HEAD")),
        _ => Err(Refusal::not_found()),
    }
}

/// Where the new record is, in a header [confirmed for a part of a composite].
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-subrequest-result.html>
fn located(answer: Answer, object: &ObjectType, version: &str, id: &str) -> Answer {
    let below = object.side().path();
    with_header(answer, "location", &format!("/services/data/{version}/{below}sobjects/{}/{id}", object.name))
}

/// Clients that cannot send PATCH say so in the query [inferred from public clients].
pub(super) fn verb(call: &Call) -> &str {
    match (call.method.as_str(), call.param("_HttpMethod")) {
        ("POST", Some(instead)) => instead,
        (method, _) => method,
    }
}

/// Makes a record of what was sent. Gives its id.
pub(super) fn insert(
    world: &mut World,
    object: &'static ObjectType,
    sent: Map<String, Value>,
) -> Result<String, Refusal> {
    let object = world.salesforce.own(object);
    if object.name == custom_fields::CUSTOM_FIELD.name {
        return custom_fields::create(world, &sent);
    }
    if object.writes != Writes::All {
        let message = format!("entity type cannot be inserted: {}", object.name);
        return Err(Refusal::new(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    }
    may_write(&world.salesforce, object, "inserted")?;
    let mut fields = checked(&world.salesforce, object, sent, Access::createable)?;
    let missing: Vec<_> = object
        .fields
        .iter()
        .filter(|field| field.access.required() && fields.get(field.name).is_none_or(Value::is_null))
        .map(|field| field.name)
        .collect();
    if !missing.is_empty() {
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        return Err(Refusal::of(Fault::new("REQUIRED_FIELD_MISSING", message, &missing)));
    }
    match object.side() {
        Side::Tooling => {
            tooling::checked(&world.salesforce, object, &fields, None)?;
            if object.field("IsActive").is_some() {
                fields.entry("IsActive").or_insert(json!(false));
            }
        }
        Side::Data => rules::before(world, object, &mut fields, None)?,
    }
    world.salesforce.unique(object, &fields, None)?;
    world.salesforce.lock(object, &fields, None)?;
    Ok(world.salesforce.insert(object, fields))
}

fn read(
    world: &World,
    call: &Call,
    object: &ObjectType,
    id: &str,
    version: &str,
    when: Timestamp,
) -> Result<Answer, Refusal> {
    let record = world.salesforce.find(object, id, Some(when), &world.options.unknowns.salesforce)?;
    let fields: Vec<&Field> = match call.param("fields") {
        None => object.all_fields().collect(),
        Some(list) => list
            .split(',')
            .map(|name| object.field(name.trim()).ok_or_else(|| Refusal::no_column(name.trim(), object.name)))
            .collect::<Result<_, _>>()?,
    };
    Ok(json(200, super::errors::CONTENT_TYPE, &shown(record, &fields, version)))
}

pub(super) fn shown(record: &Record, fields: &[&Field], version: &str) -> Value {
    let mut shown = record.attributes(version);
    for field in fields {
        shown[field.name] = record.value(field.name);
    }
    shown
}

/// Changes what was sent of a record, and nothing else.
pub(super) fn change(
    world: &mut World,
    object: &'static ObjectType,
    id: &str,
    sent: Map<String, Value>,
) -> Result<(), Refusal> {
    let object = world.salesforce.own(object);
    if object.writes == Writes::None {
        let message = format!("entity type cannot be updated: {}", object.name);
        return Err(Refusal::new(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    }
    may_write(&world.salesforce, object, "updated")?;
    let id = world.salesforce.find(object, id, None, &world.options.unknowns.salesforce)?.id.clone();
    let mut fields = checked(&world.salesforce, object, sent, Access::updateable)?;
    let cleared: Vec<_> = object
        .fields
        .iter()
        .filter(|field| field.access.required() && fields.get(field.name).is_some_and(Value::is_null))
        .map(|field| field.name)
        .collect();
    if !cleared.is_empty() {
        let message = format!("Required fields are missing: [{}]", cleared.join(", "));
        return Err(Refusal::of(Fault::new("REQUIRED_FIELD_MISSING", message, &cleared)));
    }
    if object.side() == Side::Tooling {
        tooling::checked(&world.salesforce, object, &fields, Some(&id))?;
    } else {
        rules::before(world, object, &mut fields, Some(&id))?;
    }
    world.salesforce.unique(object, &fields, Some(&id))?;
    world.salesforce.lock(object, &fields, Some(&id))?;
    let now = world.now();
    world.salesforce.records.change(&id, now, |record| {
        record.fields.extend(fields);
        record.modified_at = now;
    });
    rules::after(&mut world.salesforce, object, &id, false);
    Ok(())
}

/// What an upsert did.
pub(super) enum Upserted {
    Created(String),
    Updated(String),
    /// Nothing: more than one record has the value.
    Several(Vec<String>),
}

/// Changes the record that has this value, or makes one. The value is the path's, not the body's [confirmed]
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-upsert.html>.
pub(super) fn upsert(
    world: &mut World,
    object: &'static ObjectType,
    external_field: &str,
    value: &str,
    mut sent: Map<String, Value>,
) -> Result<Upserted, Refusal> {
    let object = world.salesforce.own(object);
    let mut found = by_external_id(&world.salesforce, object, external_field, value)?;
    if found.len() > 1 {
        return Ok(Upserted::Several(found));
    }
    if let Some(id) = found.pop() {
        sent.retain(|name, _| !name.eq_ignore_ascii_case(external_field));
        change(world, object, &id, sent)?;
        return Ok(Upserted::Updated(id));
    }
    if let Some(field) = object.field(external_field).filter(|field| field.kind != Kind::Id) {
        let number = value.parse::<f64>().ok().filter(|_| matches!(field.kind, Kind::Integer | Kind::Double));
        sent.retain(|name, _| !name.eq_ignore_ascii_case(external_field));
        sent.insert(field.name.to_owned(), number.map_or_else(|| json!(value), |number| json!(number)));
        return insert(world, object, sent).map(Upserted::Created);
    }
    match value.is_empty() {
        true => insert(world, object, sent).map(Upserted::Created),
        false => Err(Refusal::not_found()),
    }
}

/// The field of this name, if it is an external id, `Id` being one too.
pub(super) fn external_id(object: &'static ObjectType, name: &str) -> Result<&'static Field, Refusal> {
    object.field(name).filter(|field| field.external_id || field.kind == Kind::Id).ok_or_else(|| {
        let message = format!("Provided external ID field does not exist or is not accessible: {name}");
        Refusal::new(404, "NOT_FOUND", message)
    })
}

/// The records with a value in a field that is an external id.
fn by_external_id(
    salesforce: &Salesforce,
    object: &'static ObjectType,
    name: &str,
    value: &str,
) -> Result<Vec<String>, Refusal> {
    let field = external_id(object, name)?;
    let value = if field.kind == Kind::Id { long_salesforce_id(value).unwrap_or_default() } else { value.to_owned() };
    Ok(salesforce.with_value(object, field, &value))
}

/// 300: the addresses of the records to choose from.
fn choice(object: &ObjectType, version: &str, ids: &[String]) -> Answer {
    let address = |id: &String| json!(format!("/services/data/{version}/sobjects/{}/{id}", object.name));
    json(300, super::errors::CONTENT_TYPE, &ids.iter().map(address).collect())
}

/// Whether the user has the right that this object takes beyond those of describe.
fn may_write(salesforce: &Salesforce, object: &ObjectType, verb: &str) -> Result<(), Refusal> {
    match object.side() {
        Side::Tooling => tooling::may_write(salesforce),
        Side::Data if object.name == "Campaign" => campaigns::may_write(salesforce, verb),
        Side::Data => Ok(()),
    }
}

/// Puts a record into the recycle bin.
pub(super) fn remove(world: &mut World, object: &'static ObjectType, id: &str) -> Result<(), Refusal> {
    let object = world.salesforce.own(object);
    if object.writes != Writes::All {
        let message = format!("entity type cannot be deleted: {}", object.name);
        return Err(Refusal::new(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    }
    if object.side() == Side::Tooling {
        tooling::may_write(&world.salesforce)?;
    }
    let id = world.salesforce.find(object, id, None, &world.options.unknowns.salesforce)?.id.clone();
    world.salesforce.lock(object, &Map::new(), Some(&id))?;
    rules::before_removal(&world.salesforce, object, &id)?;
    rules::after_removal(&mut world.salesforce, object, &id);
    Ok(())
}

impl Salesforce {
    /// A record that may be read or written: by its long or short id, as it was at `when`, or as it is.
    pub(super) fn find(
        &self,
        object: &ObjectType,
        id: &str,
        when: Option<Timestamp>,
        unknowns: &SalesforceUnknowns,
    ) -> Result<&Record, Refusal> {
        let long = long_salesforce_id(id).ok_or_else(Refusal::not_found)?;
        let record = self.records.record(&long).and_then(|record| match when {
            Some(when) => record.at(when),
            None => Some(record.now()),
        });
        let record =
            record.filter(|record| record.object == object.name && self.visible(&record.id)).ok_or_else(|| {
                match unknowns.missing_record {
                    MissingRecord::NotFound => Refusal::not_found(),
                    MissingRecord::InvalidCrossReferenceKey => Refusal::linked_to_nothing(404),
                }
            })?;
        match record.is_deleted {
            true => Err(Refusal::new(unknowns.entity_is_deleted_status, "ENTITY_IS_DELETED", "entity is deleted")),
            false => Ok(record),
        }
    }

    pub(super) fn insert(&mut self, object: &ObjectType, mut fields: Map<String, Value>) -> String {
        let now = self.clock.now();
        let number = self.made.entry(object.prefix).or_default();
        *number += 1;
        let id = salesforce_id(object.prefix, *number);
        if object.field("OwnerId").is_some() && fields.get("OwnerId").is_none_or(Value::is_null) {
            fields.insert("OwnerId".into(), json!(Salesforce::user_id()));
        }
        let record = Record {
            id: id.clone(),
            object: object.name,
            fields,
            is_deleted: false,
            created_at: now,
            modified_at: now,
        };
        self.records.insert(id.clone(), now, record);
        self.filed(&id);
        rules::after(self, object, &id, true);
        id
    }
}

pub(super) fn body(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let json_sent = call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !json_sent {
        let message = "Content-Type header specified in HTTP request is not supported";
        return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refusal::new(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of SObject")),
        Err(error) => Err(Refusal::new(400, "JSON_PARSER_ERROR", error.to_string())),
    }
}

/// The fields as they will be stored, or everything that is wrong with them. An unknown field hides all other faults.
fn checked(
    salesforce: &Salesforce,
    object: &ObjectType,
    sent: Map<String, Value>,
    may: impl Fn(Access) -> bool,
) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    let mut faults = vec![];
    for (name, value) in sent {
        if name == "attributes" {
            continue;
        }
        let field = object.field(&name).ok_or_else(|| Refusal::no_column(&name, object.name))?;
        if !may(field.access) {
            let message = format!(
                "Unable to create/update fields: {}. Please check the security settings of this field and verify that it \
                 is read/write for your profile or permission set.",
                field.name
            );
            return Err(Refusal::of(Fault::new("INVALID_FIELD_FOR_INSERT_UPDATE", message, &[field.name])));
        }
        match stored(salesforce, object, field, value)? {
            Ok(value) => {
                fields.insert(field.name.to_owned(), value);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(fields) } else { Err(Refusal { status: 400, faults }) }
}

/// As little as every address of email has [inferred].
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(_, domain)| !domain.contains('@'));
    let blank = |text: &str| text.is_empty() || text.contains(char::is_whitespace);
    parts.is_some_and(|(local, domain)| !blank(local) && !blank(domain))
}

/// The outer error is one of reading the request, and ends it; the inner one is the record's.
fn stored(
    salesforce: &Salesforce,
    object: &ObjectType,
    field: &Field,
    value: Value,
) -> Result<Result<Value, Fault>, Refusal> {
    let unreadable = |value: &Value, kind: &str| {
        let shape = match value {
            Value::String(_) => "VALUE_STRING",
            Value::Number(number) if number.is_f64() => "VALUE_NUMBER_FLOAT",
            Value::Number(_) => "VALUE_NUMBER_INT",
            Value::Bool(true) => "VALUE_TRUE",
            Value::Bool(false) => "VALUE_FALSE",
            Value::Array(_) => "START_ARRAY",
            _ => "START_OBJECT",
        };
        let message = format!("Cannot deserialize instance of {kind} from {shape} value {value}");
        Refusal::new(400, "JSON_PARSER_ERROR", message)
    };
    if value.is_null() {
        return Ok(Ok(Value::Null));
    }
    let fault = |code, message: String| Ok(Err(Fault::new(code, message, &[field.name])));
    let too_long = |text: &str, max: usize| {
        fault("STRING_TOO_LONG", format!("{}: data value too large: {text} (max length={max})", field.label))
    };
    match field.kind {
        Kind::Boolean => match value {
            Value::Bool(_) => Ok(Ok(value)),
            other => Err(unreadable(&other, "boolean")),
        },
        Kind::Integer | Kind::Double => match value {
            Value::Number(_) => Ok(Ok(value)),
            // A number in quotes is read too, as in the page's own example [confirmed].
            // <https://developer.salesforce.com/docs/platform/api-rest/guide/requests-composite-sobject-tree.html>
            Value::String(ref text) if text.trim().is_empty() => Ok(Ok(Value::Null)),
            Value::String(ref text) => match text.trim().parse::<serde_json::Number>() {
                Ok(number) => Ok(Ok(Value::Number(number))),
                Err(_) => Err(unreadable(&value, "double")),
            },
            other => Err(unreadable(&other, "double")),
        },
        Kind::Date => match value.as_str().and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok()) {
            Some(day) => Ok(Ok(json!(day.to_string()))),
            None => Err(unreadable(&value, "date")),
        },
        Kind::DateTime => match value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()) {
            Some(at) => Ok(Ok(json!(at.to_utc().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()))),
            None => Err(unreadable(&value, "datetime")),
        },
        Kind::Id | Kind::Text(_) | Kind::LongText(_) | Kind::Email | Kind::Picklist(_) | Kind::Reference(..) => {
            let Some(text) = value.as_str() else { return Err(unreadable(&value, "string")) };
            let text = text.trim();
            if text.is_empty() {
                return Ok(Ok(Value::Null));
            }
            let characters = text.chars().count();
            match field.kind {
                Kind::Text(max) | Kind::LongText(max) if characters > max => too_long(text, max),
                Kind::Email if characters > EMAIL_MAX => too_long(text, EMAIL_MAX),
                Kind::Email if !is_email(text) => {
                    fault("INVALID_EMAIL_ADDRESS", format!("{}: invalid email address: {text}", field.label))
                }
                Kind::Picklist(values) => {
                    let restricted =
                        salesforce.restricted_picklists.contains(&format!("{}.{}", object.name, field.name));
                    if restricted && !values.contains(&text) {
                        let message = format!("{}: bad value for restricted picklist field: {text}", field.label);
                        return fault("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message);
                    }
                    Ok(Ok(json!(text)))
                }
                Kind::Reference(target, _) => match long_salesforce_id(text) {
                    None => fault("MALFORMED_ID", format!("{}: id value of incorrect type: {text}", field.label)),
                    Some(id) => match salesforce.records.now(&id) {
                        Some(record) if record.object == target && !record.is_deleted => Ok(Ok(json!(id))),
                        _ => fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id".into()),
                    },
                },
                _ => Ok(Ok(json!(text))),
            }
        }
    }
}
