//! sObject Collections: up to 200 records in one call, which counts once.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html>
//!
//! The answer is 200 even where records fail, an array in the order sent, with `statusCode` in its errors; a request that
//! cannot be read at all is refused as a whole; with `allOrNone` one failure takes all back [confirmed]. Records of mixed
//! types are chunks, ten at most [confirmed]. Codes of the refusals of too many, and that a record without a known type
//! refuses the whole: [inferred]. What a record may hold is `sobjects.rs`, which writes each.

use super::{
    CONTENT_TYPE,
    composite::{flag, unreadable},
    describe::{Kind, ObjectType, Side},
    errors::{Fault, Refusal},
    offers,
    sobjects::{self, Upserted},
};
use crate::simulators::{
    World,
    ids::long_salesforce_id,
    request::{Answer, Call, json},
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const RECORDS_MAX: usize = 200;
const CHUNKS_MAX: usize = 10;
/// That many can be read in one call.
const READS_MAX: usize = 2000;

/// Everything at `/composite/sobjects`.
pub(super) fn handle(world: &mut World, call: &Call, version: &str, rest: &[&str]) -> Result<Answer, Refusal> {
    match (sobjects::verb(call), rest) {
        ("POST", []) => {
            let (records, all_or_none) = sent(world, call)?;
            let insert = |world: &mut World, (object, fields): (&'static ObjectType, _)| {
                sobjects::insert(world, object, fields).map(|id| told(&id))
            };
            Ok(written(world, records, all_or_none, insert))
        }
        ("PATCH", []) => {
            let (records, all_or_none) = sent(world, call)?;
            Ok(written(world, records, all_or_none, |world, (object, mut fields)| {
                let id = taken(&mut fields, "Id").as_ref().and_then(Value::as_str).map(str::to_owned);
                let missing = || Refusal::new(400, "MISSING_ARGUMENT", "Id not specified in an update call");
                let id = id.ok_or_else(missing)?;
                sobjects::change(world, object, &id, fields).map_err(|refusal| of_record(refusal, &id))?;
                Ok(told(&long_salesforce_id(&id).unwrap_or(id)))
            }))
        }
        ("PATCH", [object, field]) => upsert(world, call, object, field),
        ("DELETE", []) => {
            let ids = listed(call.param("ids").unwrap_or_default());
            counted(ids.len(), RECORDS_MAX)?;
            let all_or_none = call.param("allOrNone").is_some_and(|all| all.eq_ignore_ascii_case("true"));
            Ok(written(world, ids, all_or_none, |world, id| {
                let long = long_salesforce_id(&id).unwrap_or_else(|| id.clone());
                let object = world.salesforce.records.now(&long).and_then(|record| ObjectType::anywhere(record.object));
                let object = object.filter(|object| object.side() == Side::Data && offers(world, object));
                let removed = object.map_or_else(|| Err(Refusal::not_found()), |o| sobjects::remove(world, o, &id));
                removed.map_err(|refusal| of_record(refusal, &id))?;
                Ok(told(&long))
            }))
        }
        ("GET", [object]) => {
            let ids = listed(call.param("ids").unwrap_or_default());
            let fields = listed(call.param("fields").unwrap_or_default());
            read(world, object, version, &ids, &fields)
        }
        ("POST", [object]) => {
            let body = sobjects::body(call)?;
            let texts = |name: &str| -> Result<Vec<String>, Refusal> {
                let texts = body.get(name).and_then(Value::as_array).map(|texts| texts.iter().map(Value::as_str));
                let texts = texts.and_then(|texts| texts.map(|text| text.map(str::to_owned)).collect());
                texts.ok_or_else(|| unreadable(name))
            };
            read(world, object, version, &texts("ids")?, &texts("fields")?)
        }
        (_, []) => Err(Refusal::method_not_allowed("POST,PATCH,DELETE")),
        (_, [_]) => Err(Refusal::method_not_allowed("GET,POST,HEAD")),
        (_, [_, _]) => Err(Refusal::method_not_allowed("PATCH")),
        _ => Err(Refusal::not_found()),
    }
}

/// The field's value is the record's own here, not the path's.
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html>
fn upsert(world: &mut World, call: &Call, object: &str, field: &str) -> Result<Answer, Refusal> {
    let object = known(world, object).ok_or_else(Refusal::not_found)?;
    let (records, all_or_none) = sent(world, call)?;
    if let Some((other, _)) = records.iter().find(|(other, _)| other.name != object.name) {
        let message = format!("sObject type '{}' is not the type of the request, {}", other.name, object.name);
        return Err(Refusal::new(400, "INVALID_TYPE", message));
    }
    let external = sobjects::external_id(world.salesforce.own(object), field)?;
    let value = |fields: &Map<String, Value>| {
        let sent = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(external.name)).map(|(_, value)| value);
        match sent {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    };
    let mut times: HashMap<String, usize> = HashMap::new();
    for value in records.iter().filter_map(|(_, fields)| value(fields)) {
        *times.entry(value.to_lowercase()).or_default() += 1;
    }
    Ok(written(world, records, all_or_none, |world, (object, mut fields)| {
        let value = value(&fields);
        taken(&mut fields, external.name);
        let value = match value {
            Some(value) if times.get(&value.to_lowercase()).is_some_and(|times| *times > 1) => {
                let message = format!("Duplicate external id specified: {value}");
                return Err(Refusal::of(Fault::new("DUPLICATE_VALUE", message, &[external.name])));
            }
            Some(value) => value,
            None if external.kind == Kind::Id => String::new(),
            None => {
                let message = format!("{} not specified", external.name);
                return Err(Refusal::of(Fault::new("MISSING_ARGUMENT", message, &[external.name])));
            }
        };
        let told = |id: &str, created: bool| json!({ "id": id, "success": true, "errors": [], "created": created });
        match sobjects::upsert(world, object, external.name, &value, fields) {
            Ok(Upserted::Created(id)) => Ok(told(&id, true)),
            Ok(Upserted::Updated(id)) => Ok(told(&id, false)),
            Ok(Upserted::Several(ids)) => {
                let name = external.name;
                let message = format!("{name}: more than one record found for external id field: [{}]", ids.join(", "));
                Err(Refusal::new(400, "DUPLICATE_EXTERNAL_ID", message))
            }
            Err(refusal) => Err(of_record(refusal, &value)),
        }
    }))
}

/// Null for what is not there, in the order asked for; an unknown field refuses the whole [confirmed].
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-retrieve.html>
fn read(world: &World, object: &str, version: &str, ids: &[String], fields: &[String]) -> Result<Answer, Refusal> {
    let object = world.salesforce.own(known(world, object).ok_or_else(Refusal::not_found)?);
    counted(ids.len(), READS_MAX)?;
    if fields.is_empty() {
        return Err(Refusal::of(Fault::new("REQUIRED_FIELD_MISSING", "At least 1 field is required", &[])));
    }
    let mut columns = vec![];
    for name in std::iter::once("Id").chain(fields.iter().map(String::as_str)) {
        columns.push(object.field(name).ok_or_else(|| Refusal::no_column(name, object.name))?);
    }
    let when = world.now().minus(world.options.read_lag.salesforce);
    let shown = ids.iter().map(|id| {
        let record = world.salesforce.find(object, id, Some(when), &world.options.unknowns.salesforce);
        record.map_or(Value::Null, |record| sobjects::shown(record, &columns, version))
    });
    Ok(json(200, CONTENT_TYPE, &shown.collect()))
}

/// Writes each, in order; with `all_or_none` one failure takes the others back.
fn written<T>(
    world: &mut World,
    records: Vec<T>,
    all_or_none: bool,
    mut write: impl FnMut(&mut World, T) -> Result<Value, Refusal>,
) -> Answer {
    let saved = all_or_none.then(|| world.salesforce.saved());
    let mut results: Vec<Result<Value, Refusal>> = records.into_iter().map(|record| write(world, record)).collect();
    if let Some(saved) = saved.filter(|_| results.iter().any(Result::is_err)) {
        world.salesforce.restore(saved);
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            let message =
                "Record rolled back because not all records were valid and the request was using AllOrNone header";
            *result = Err(Refusal::new(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message));
        }
    }
    let told = results.into_iter().map(|result| match result {
        Ok(told) => told,
        Err(refusal) => json!({ "success": false, "errors": refusal.of_record() }),
    });
    json(200, CONTENT_TYPE, &told.collect())
}

fn told(id: &str) -> Value {
    json!({ "id": id, "success": true, "errors": [] })
}

/// Objects and fields of the records, and whether all of them or none are to be written.
type Sent = (Vec<(&'static ObjectType, Map<String, Value>)>, bool);

fn sent(world: &World, call: &Call) -> Result<Sent, Refusal> {
    let mut body = sobjects::body(call)?;
    let all_or_none = flag(&body, "allOrNone", false)?;
    let records = match body.remove("records") {
        None | Some(Value::Null) => vec![],
        Some(Value::Array(records)) => records,
        Some(_) => return Err(unreadable("records")),
    };
    counted(records.len(), RECORDS_MAX)?;
    let mut read = vec![];
    for record in records {
        let Value::Object(fields) = record else { return Err(unreadable("records")) };
        let name = fields.get("attributes").and_then(|attributes| attributes["type"].as_str()).unwrap_or_default();
        let object = known(world, name)
            .ok_or_else(|| Refusal::new(400, "INVALID_TYPE", format!("sObject type '{name}' is not supported.")))?;
        read.push((object, fields));
    }
    if read.chunk_by(|(a, _), (b, _)| a.name == b.name).count() > CHUNKS_MAX {
        let message =
            "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking.";
        return Err(Refusal::new(400, "LIMIT_EXCEEDED", message));
    }
    Ok((read, all_or_none))
}

fn known(world: &World, name: &str) -> Option<&'static ObjectType> {
    ObjectType::named(Side::Data, name).filter(|object| offers(world, object))
}

fn counted(records: usize, most: usize) -> Result<(), Refusal> {
    if records == 0 {
        return Err(Refusal::new(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required"));
    }
    if records > most {
        let message = format!("record limit reached. cannot submit more than {most} records into this call");
        return Err(Refusal::new(400, "EXCEEDED_ID_LIMIT", message));
    }
    Ok(())
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The value of a field, which is in the record no longer.
fn taken(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = fields.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()?;
    fields.remove(&key)
}

/// A record that is not there has no address here, only an id.
fn of_record(refusal: Refusal, id: &str) -> Refusal {
    if refusal.faults.iter().all(|fault| fault.code != "NOT_FOUND") {
        return refusal;
    }
    match long_salesforce_id(id) {
        Some(_) => Refusal::linked_to_nothing(400),
        None => Refusal::new(400, "MALFORMED_ID", format!("malformed id {id}")),
    }
}
