//! What becomes of a job's rows. Each is written as a single record would be, and told of with the same codes.
//! <https://developer.salesforce.com/docs/platform/api-asynch/guide/datafiles-valid-csv-record-rows.html>
//!
//! Promises: an empty value says nothing, and `#N/A` clears [confirmed]; one row's fault is that row's own; a table that
//! cannot be read, or whose header names no field, fails the whole job before any row is looked at. Left out: relations
//! in the header (`Account.Key__c`).

use super::{
    csv::{self, Unreadable},
    job::{Job, Operation, Row},
};
use crate::simulators::{
    World,
    ids::long_salesforce_id,
    salesforce::{
        describe::{Field, Kind, ObjectType},
        errors::{Fault, Refusal},
        sobjects::{self, Upserted},
    },
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

/// Does all of a job's work.
pub(super) fn work(world: &mut World, job: &mut Job) {
    let rows = match rows(world, job) {
        Ok(rows) => rows,
        Err(failure) => {
            job.failure = Some(failure);
            return;
        }
    };
    // Only the rule that the job names runs, unlike with single records.
    world.salesforce.setup.request.unassigned = job.assignment_rule.is_none();
    job.rows = rows.into_iter().map(|values| row(world, job, values)).collect();
}

/// Nobody will look at the rows of a job that was given up.
pub(super) fn give_up(job: &mut Job) {
    let text = job.data.take().unwrap_or_default();
    let mut rows = csv::read(&text, job.format).unwrap_or_default().into_iter();
    job.header = rows.next().unwrap_or_default();
    job.unprocessed = rows.collect();
}

/// The rows below the header, or why there are none to be had.
fn rows(world: &World, job: &mut Job) -> Result<Vec<Vec<String>>, String> {
    let text = job.data.take().unwrap_or_default();
    let read = csv::read(&text, job.format).map_err(|unreadable| match unreadable {
        Unreadable::Quote => {
            "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"
                .to_owned()
        }
        Unreadable::LineEnding => {
            let name = job.format.line_ending.name();
            format!("ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {name}")
        }
    })?;
    let mut rows = read.into_iter();
    job.header = rows.next().unwrap_or_default();
    job.unprocessed = rows.collect();
    if job.unprocessed.is_empty() {
        return Err("InvalidBatch : Records not found".into());
    }
    let object = world.salesforce.own(job.object);
    if let Some(name) = job.header.iter().find(|name| object.field(name).is_none()) {
        return Err(format!("InvalidBatch : Field name not found : {name}"));
    }
    if job.operation == Operation::Delete && job.header.len() != 1 {
        return Err("InvalidBatch : Delete batch must only have Id field".into());
    }
    if let Some(field) = job.external_id_field.as_ref().filter(|field| column(job, field).is_none()) {
        return Err(format!("InvalidBatch : Field name not found : {field}"));
    }
    if job.unprocessed.iter().any(|row| row.len() != job.header.len()) {
        return Err("InvalidBatch : Failed to parse CSV. The number of values differs from that of the header".into());
    }
    Ok(std::mem::take(&mut job.unprocessed))
}

fn column(job: &Job, name: &str) -> Option<usize> {
    job.header.iter().position(|column| column.eq_ignore_ascii_case(name))
}

fn row(world: &mut World, job: &Job, values: Vec<String>) -> Row {
    let own_id = column(job, "Id").and_then(|at| values.get(at)).cloned().unwrap_or_default();
    match written(world, job, &values, &own_id) {
        Ok((id, created)) => Row { id, created, error: None, values },
        Err(refusal) => {
            let error = refusal.faults.first().map(told).unwrap_or_default();
            // The id is told where the row named one.
            Row { id: own_id, created: false, error: Some(error), values }
        }
    }
}

/// `REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --`, as in captured answers.
fn told(fault: &Fault) -> String {
    let fields = fault.fields.join(" ");
    let joint = if fields.is_empty() { "" } else { " " };
    format!("{}:{}:{fields}{joint}--", fault.code, fault.message)
}

/// The id of the record, and whether it is new.
fn written(world: &mut World, job: &Job, values: &[String], own_id: &str) -> Result<(String, bool), Refusal> {
    let object = world.salesforce.own(job.object);
    let mut fields = fields(object, job, values)?;
    match job.operation {
        Operation::Insert => sobjects::insert(world, object, fields).map(|id| (id, true)),
        Operation::Update => {
            let id = named(own_id, "update")?;
            fields.retain(|name, _| name != "Id");
            sobjects::change(world, object, &id, fields).map_err(linked)?;
            Ok((id, false))
        }
        Operation::Delete => {
            let id = named(own_id, "delete")?;
            sobjects::remove(world, object, &id).map_err(linked)?;
            Ok((id, false))
        }
        Operation::Upsert => {
            let name = job.external_id_field.as_deref().unwrap_or("Id");
            let value = column(job, name).and_then(|at| values.get(at)).map(String::as_str).unwrap_or_default();
            if value.is_empty() && !name.eq_ignore_ascii_case("Id") {
                return Err(Refusal::new(400, "MISSING_ARGUMENT", format!("{name} not specified")));
            }
            match sobjects::upsert(world, object, name, value, fields).map_err(linked)? {
                Upserted::Created(id) => Ok((id, true)),
                Upserted::Updated(id) => Ok((id, false)),
                Upserted::Several(ids) => {
                    let message = format!("{name}: more than one record found for external id field: {ids:?}");
                    Err(Refusal::new(400, "DUPLICATE_EXTERNAL_ID", message))
                }
            }
        }
    }
}

/// The id that a row names.
fn named(id: &str, verb: &str) -> Result<String, Refusal> {
    if id.is_empty() {
        return Err(Refusal::new(400, "MISSING_ARGUMENT", format!("Id not specified in an {verb} call")));
    }
    long_salesforce_id(id).ok_or_else(|| {
        Refusal::of(Fault::new("MALFORMED_ID", format!("Record ID: id value of incorrect type: {id}"), &["Id"]))
    })
}

/// A record that is not there is told as a link to nowhere: there is no address that could be wrong.
fn linked(refusal: Refusal) -> Refusal {
    match refusal.faults.first().map(|fault| fault.code) {
        Some("NOT_FOUND") => Refusal::linked_to_nothing(400),
        _ => refusal,
    }
}

/// A row as the fields of a record.
fn fields(object: &ObjectType, job: &Job, values: &[String]) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    for (at, (name, text)) in job.header.iter().zip(values).enumerate() {
        let Some(field) = object.field(name) else { continue };
        let value = match text.as_str() {
            "" => continue,
            "#N/A" => Value::Null,
            text => value(field, text).map_err(|kind| {
                let message = format!(
                    "Failed to deserialize field at col {at}. Due to, '{text}' is not a valid value for the type {kind}"
                );
                Refusal::of(Fault::new("INVALID_FIELD", message, &[field.name]))
            })?,
        };
        fields.insert(field.name.to_owned(), value);
    }
    Ok(fields)
}

/// A text as its field has it, or the kind that it is not of.
fn value(field: &Field, text: &str) -> Result<Value, &'static str> {
    let text = text.trim();
    match field.kind {
        // <https://developer.salesforce.com/docs/platform/api-asynch/guide/datafiles-valid-csv-record-rows.html>
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" | "on" | "1" => Ok(json!(true)),
            "no" | "n" | "false" | "off" | "0" => Ok(json!(false)),
            _ => Err("xsd:boolean"),
        },
        Kind::Integer => text.parse::<i64>().map(|number| json!(number)).map_err(|_| "xsd:int"),
        Kind::Double => match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => Ok(json!(number)),
            None => Err("xsd:double"),
        },
        Kind::Date => {
            let day = text.parse::<NaiveDate>().ok();
            let day = day.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc().date_naive()));
            day.map(|day| json!(day.to_string())).ok_or("xsd:date")
        }
        Kind::DateTime => {
            let day = text.parse::<NaiveDate>().map(|day| format!("{day}T00:00:00Z"));
            let text = day.unwrap_or_else(|_| text.to_owned());
            // With a colon in the offset, and without, as this API tells its own times.
            let at = DateTime::parse_from_rfc3339(&text);
            let at = at.or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z"));
            at.map(|at| json!(at.to_rfc3339())).map_err(|_| "xsd:dateTime")
        }
        _ => Ok(json!(text)),
    }
}
