//! Bulk API 2.0, ingest: jobs that write many records of one object from a table.
//! <https://developer.salesforce.com/docs/platform/api-asynch/guide/bulk-api-2-0-ingest.html>
//!
//! Promises: a job is Open until it is closed (`UploadComplete`) or aborted; its rows are written in the moment it is
//! closed, and it says InProgress for `Setup::bulk_job_time`; counts and the three tables of results are those of its
//! rows. Every request counts for the day's. Left out: the table in the request that makes a job (multipart), hard
//! deletes, query jobs, a limit of rows or bytes, and the end of old jobs.

mod csv;
mod job;
mod work;

pub(super) use job::Job;

use super::{
    CONTENT_TYPE,
    describe::{Kind, ObjectType, Side},
    errors::Refusal,
    offers, sobjects, version_number,
};
use crate::simulators::{
    World,
    ids::{long_salesforce_id, salesforce_id},
    request::{Answer, Call, answer, json, no_content},
};
use csv::{Delimiter, Format, LineEnding};
use job::{Operation, Stage};
use serde_json::{Map, Value, json};

/// The first version that has it [confirmed].
const VERSION_MIN: u32 = 41;

/// Below `/services/data/vNN.N/jobs/ingest`.
pub(super) fn handle(world: &mut World, call: &Call, version: &str, rest: &[&str]) -> Result<Answer, Refusal> {
    if version_number(version).is_none_or(|number| number < VERSION_MIN) {
        return Err(Refusal::not_found());
    }
    let method = call.method.as_str();
    let [id, rest @ ..] = rest else {
        return match method {
            "POST" => create(world, call, version),
            "GET" => Ok(list(world, call)),
            _ => Err(Refusal::method_not_allowed("GET,POST,HEAD")),
        };
    };
    let long = long_salesforce_id(id).unwrap_or_default();
    let index = world.salesforce.jobs.iter().position(|job| job.id == long).ok_or_else(Refusal::not_found)?;
    match (method, rest) {
        ("GET", []) => {
            let body = world.salesforce.jobs.get(index).map(|job| job.told_in_full(world.now()));
            Ok(json(200, CONTENT_TYPE, &body.unwrap_or_default()))
        }
        ("PATCH", []) => set_state(world, call, index),
        ("DELETE", []) => delete(world, index),
        (_, []) => Err(Refusal::method_not_allowed("GET,PATCH,DELETE,HEAD")),
        ("PUT", ["batches"]) => upload(world, call, index),
        (_, ["batches"]) => Err(Refusal::method_not_allowed("PUT")),
        (_, [table]) if Table::named(table).is_none() => Err(Refusal::not_found()),
        ("GET", [table]) => results(world, index, table),
        (_, [_]) => Err(Refusal::method_not_allowed("GET,HEAD")),
        _ => Err(Refusal::not_found()),
    }
}

fn invalid_job(message: impl std::fmt::Display) -> Refusal {
    Refusal::new(400, "INVALIDJOB", format!("InvalidJob : {message}"))
}

fn invalid_state(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "INVALIDJOBSTATE", message)
}

/// Of what may be sent, the texts. Another name is refused, as everywhere in this API.
fn texts(sent: &Map<String, Value>, names: &[&str]) -> Result<(), Refusal> {
    for (name, value) in sent {
        if !names.contains(&name.as_str()) {
            return Err(Refusal::new(400, "JSON_PARSER_ERROR", format!("Unrecognized field \"{name}\"")));
        }
        if !value.is_string() && !value.is_null() {
            let message = format!("Cannot deserialize value of type `java.lang.String` from {value}");
            return Err(Refusal::new(400, "JSON_PARSER_ERROR", message));
        }
    }
    Ok(())
}

/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/create-job.html>
fn create(world: &mut World, call: &Call, version: &str) -> Result<Answer, Refusal> {
    let sent = sobjects::body(call)?;
    let names = [
        "object",
        "operation",
        "externalIdFieldName",
        "contentType",
        "lineEnding",
        "columnDelimiter",
        "assignmentRuleId",
        "concurrencyMode",
    ];
    texts(&sent, &names)?;
    let text = |name: &str| sent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let unknown = |name: &str, value: &str| {
        Refusal::new(400, "JSON_PARSER_ERROR", format!("Cannot deserialize value \"{value}\" of {name}"))
    };

    let object = text("object").ok_or_else(|| invalid_job("Object was not specified"))?;
    let known = ObjectType::named(Side::Data, object).filter(|object| offers(world, object));
    let object = known.ok_or_else(|| invalid_job(format!("Unable to find object: {object}")))?;
    let operation = match text("operation") {
        None => return Err(invalid_job("Operation was not specified")),
        Some("hardDelete") => {
            let message = "hardDelete operation requires special user profile permission, please contact your system administrator";
            return Err(Refusal::new(400, "FEATURENOTENABLED", message));
        }
        Some(name) => {
            let known = Operation::ALL.into_iter().find(|operation| operation.name() == name);
            known.ok_or_else(|| unknown("operation", name))?
        }
    };
    if let Some(kind) = text("contentType").filter(|kind| *kind != "CSV") {
        return Err(unknown("contentType", kind));
    }
    let delimiter = text("columnDelimiter").map(|name| {
        let known = Delimiter::ALL.into_iter().find(|delimiter| delimiter.name() == name);
        known.ok_or_else(|| unknown("columnDelimiter", name))
    });
    let line_ending = text("lineEnding").map(|name| {
        let known = LineEnding::ALL.into_iter().find(|ending| ending.name() == name);
        known.ok_or_else(|| unknown("lineEnding", name))
    });
    let format = Format {
        delimiter: delimiter.transpose()?.unwrap_or(Delimiter::Comma),
        line_ending: line_ending.transpose()?.unwrap_or(LineEnding::Lf),
    };
    let external_id_field = text("externalIdFieldName").map(str::to_owned);
    match (operation, &external_id_field) {
        (Operation::Upsert, None) => {
            let message =
                format!("External ID was blank for {}. An External ID must be specified for upsert.", object.name);
            return Err(invalid_job(message));
        }
        (Operation::Upsert, Some(name)) => {
            let field = world.salesforce.own(object).field(name);
            if !field.is_some_and(|field| field.external_id || field.kind == Kind::Id) {
                return Err(invalid_job(format!(
                    "Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field for {}",
                    object.name
                )));
            }
        }
        _ => {}
    }
    let now = world.now();
    let number = world.salesforce.made.entry("750").or_default();
    *number += 1;
    let job = Job {
        id: salesforce_id("750", *number),
        object,
        operation,
        external_id_field: external_id_field.filter(|_| operation == Operation::Upsert),
        assignment_rule: text("assignmentRuleId").map(str::to_owned),
        format,
        version: version.to_owned(),
        created_at: now,
        modified_at: now,
        stage: Stage::Open,
        data: None,
        header: vec![],
        rows: vec![],
        unprocessed: vec![],
        failure: None,
    };
    let told = job.told("Open");
    world.salesforce.jobs.push(job);
    Ok(json(200, CONTENT_TYPE, &told))
}

/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/get-all-jobs.html>
fn list(world: &World, call: &Call) -> Answer {
    let now = world.now();
    let wanted = call.param("jobType").is_none_or(|kind| kind == "V2Ingest");
    let jobs = world.salesforce.jobs.iter().filter(|_| wanted).map(|job| {
        let mut told = job.told(job.state(now));
        told["jobType"] = json!("V2Ingest");
        told
    });
    let body = json!({ "done": true, "records": jobs.collect::<Vec<_>>(), "nextRecordsUrl": null });
    json(200, CONTENT_TYPE, &body)
}

/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/upload-job-data.html>
fn upload(world: &mut World, call: &Call, index: usize) -> Result<Answer, Refusal> {
    let kind = call.header("content-type").unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv") {
        let message = format!("Content-Type header specified in HTTP request is not supported: {kind}");
        return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    let now = world.now();
    let job = world.salesforce.jobs.get_mut(index).ok_or_else(Refusal::not_found)?;
    if job.stage != Stage::Open {
        return Err(invalid_state(format!("Uploading data to a Job in state {} not allowed", job.state(now))));
    }
    if job.data.is_some() {
        let message = format!(
            "Found multiple contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new \
             Job and make sure you only do 'PUT' once on a given Job.",
            job.id
        );
        return Err(invalid_state(message));
    }
    job.data = Some(String::from_utf8_lossy(&call.body).into_owned());
    job.modified_at = now;
    Ok(answer(201, CONTENT_TYPE, vec![]))
}

/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/close-job.html>
fn set_state(world: &mut World, call: &Call, index: usize) -> Result<Answer, Refusal> {
    let sent = sobjects::body(call)?;
    texts(&sent, &["state"])?;
    let now = world.now();
    let mut job = world.salesforce.jobs.get(index).cloned().ok_or_else(Refusal::not_found)?;
    let state = sent.get("state").and_then(Value::as_str).unwrap_or_default();
    match (state, job.state(now)) {
        ("UploadComplete", "Open") => {
            work::work(world, &mut job);
            job.stage = Stage::Closed(now.plus(world.salesforce.setup.bulk_job_time));
        }
        ("Aborted", "Open") => {
            work::give_up(&mut job);
            job.stage = Stage::Aborted;
        }
        // What was written stays written [confirmed].
        ("Aborted", "InProgress") => job.stage = Stage::Aborted,
        ("UploadComplete", before) => {
            return Err(invalid_state(format!("Closing already {before} Job not allowed")));
        }
        ("Aborted", before) => return Err(invalid_state(format!("Aborting already {before} Job not allowed"))),
        _ => return Err(invalid_state("state must be UploadComplete or Aborted")),
    }
    job.modified_at = now;
    let told = job.told(state);
    if let Some(slot) = world.salesforce.jobs.get_mut(index) {
        *slot = job;
    }
    Ok(json(200, CONTENT_TYPE, &told))
}

/// Not before it has ended [confirmed].
/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/delete-job.html>
fn delete(world: &mut World, index: usize) -> Result<Answer, Refusal> {
    let now = world.now();
    let state = world.salesforce.jobs.get(index).map_or("Open", |job| job.state(now));
    if matches!(state, "Open" | "InProgress") {
        return Err(invalid_state(format!("Deleting {state} Job not allowed")));
    }
    world.salesforce.jobs.remove(index);
    Ok(no_content())
}

/// What became of the rows.
#[derive(Clone, Copy)]
enum Table {
    Successful,
    Failed,
    Unprocessed,
}

impl Table {
    /// Clients write the last one in two ways.
    fn named(name: &str) -> Option<Table> {
        match name {
            "successfulResults" => Some(Table::Successful),
            "failedResults" => Some(Table::Failed),
            "unprocessedrecords" | "unprocessedRecords" => Some(Table::Unprocessed),
            _ => None,
        }
    }
}

/// <https://developer.salesforce.com/docs/platform/api-asynch/guide/get-job-successful-results.html>
fn results(world: &World, index: usize, table: &str) -> Result<Answer, Refusal> {
    let job = world.salesforce.jobs.get(index).ok_or_else(Refusal::not_found)?;
    let state = job.state(world.now());
    if matches!(state, "Open" | "InProgress") {
        return Err(invalid_state(format!("Job not completed: {state}")));
    }
    let of =
        |own: &[&str], values: &[String]| own.iter().map(|v| (*v).to_owned()).chain(values.iter().cloned()).collect();
    let rows: Vec<Vec<String>> = match Table::named(table) {
        Some(Table::Successful) => {
            let done = job.rows.iter().filter(|row| row.error.is_none());
            let done = done.map(|row| of(&[&row.id, if row.created { "true" } else { "false" }], &row.values));
            std::iter::once(of(&["sf__Id", "sf__Created"], &job.header)).chain(done).collect()
        }
        Some(Table::Failed) => {
            let failed = job.rows.iter().filter_map(|row| Some(of(&[&row.id, row.error.as_deref()?], &row.values)));
            std::iter::once(of(&["sf__Id", "sf__Error"], &job.header)).chain(failed).collect()
        }
        _ => std::iter::once(job.header.clone()).chain(job.unprocessed.iter().cloned()).collect(),
    };
    Ok(answer(200, "text/csv", csv::write(rows, job.format).into_bytes()))
}
