//! Imports: prospects, and their places in lists, by the thousand.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/import-v5.html> confirms the paths, the match columns, the
//! list columns, the statuses, the counts and the abilities. How batches are uploaded and a job is started stands in the
//! pages of version 4 (<https://developer.salesforce.com/docs/marketing/pardot/guide/import-v4.html>) and is [inferred] here:
//! `multipart/form-data` with a part `importFile`, answered 204, and PATCH `{"state": "Ready"}`.
//!
//! Promises: a job that is due is done before anybody looks; a row that fails is counted, told in the errors' file, and hinders
//! no other row. What is due is done at its own moment. Not here: how a row becomes a prospect (`prospect_rows.rs`).

use super::{
    Ability, AccountEngagement,
    body::{Body, UPLOAD_BYTES_MAX},
    csv,
    errors::Refusal,
    list_memberships, multipart,
    prospect_rows::{self, Cell},
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{
    clock::Timestamp,
    simulators::{
        Options, World,
        request::{Answer, Call, answer},
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

pub(super) static IMPORT: Object = Object {
    path: "imports",
    fields: &[
        "id",
        "operation",
        "object",
        "status",
        "isExpired",
        "batchesRef",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
        "createdCount",
        "updatedCount",
        "errorCount",
        "errorRef",
    ],
    relations: &[("createdBy", Kind::User, "createdById"), ("updatedBy", Kind::User, "updatedById")],
    // [inferred]
    filters: &[Filter::Number("id"), Filter::Exact("status"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

/// Batches of one import: code 160 above it. This and the four below are version 4's [confirmed for it].
const BATCHES_MAX: usize = 10;
/// Bytes of a batch, which must be smaller. Code 204 [inferred].
const BATCH_BYTES: usize = 10 << 20;
/// Batches of one day: code 164 above it.
const BATCHES_A_DAY: usize = 1000;
const OPEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const RESULT_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Lists of one row, added to and removed from together [confirmed].
const LISTS_MAX: usize = 20;

const MATCHES: [&str; 3] = ["matchId", "matchSalesforceId", "matchEmail"];
const LISTS: [&str; 2] = ["addToList", "removeFromList"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Open,
    Waiting,
    Processing,
    Complete,
    Canceling,
    Canceled,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Open => "Open",
            Status::Waiting => "Waiting",
            Status::Processing => "Processing",
            Status::Complete => "Complete",
            Status::Canceling => "Canceling",
            Status::Canceled => "Canceled",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Import {
    pub id: u64,
    pub status: Status,
    pub is_expired: bool,
    pub created_count: u64,
    pub updated_count: u64,
    /// The errors' file: those rows that failed, each with why. Its header is not among them.
    pub errors: Vec<Vec<String>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    restores_deleted: bool,
    creates_on_no_match: bool,
    /// By column: whether it is written over what is there, and whether an empty cell is.
    columns: BTreeMap<String, (bool, bool)>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    batches: Vec<Timestamp>,
    ready_at: Option<Timestamp>,
}

impl Import {
    pub(super) fn field(&self, name: &str, options: &Options) -> Field {
        let at = |below: &str| format!("{}/api/v5/imports/{}/{below}", options.base_url, self.id);
        let done = self.status == Status::Complete;
        let count = |count: u64| if done { Field::Int(count) } else { Field::Null };
        match name {
            "id" => Field::Int(self.id),
            "operation" => Field::text("Upsert"),
            "object" => Field::text("Prospect"),
            "status" => Field::text(self.status.name()),
            "isExpired" => Field::Bool(self.is_expired),
            "batchesRef" if self.takes_batches() => Field::text(at("batches")),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            "createdCount" => count(self.created_count),
            "updatedCount" => count(self.updated_count),
            "errorCount" => count(self.errors.len() as u64),
            "errorRef" if done && !self.is_expired && !self.errors.is_empty() => Field::text(at("errors")),
            _ => Field::Null,
        }
    }

    /// How many have been taken.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    fn takes_batches(&self) -> bool {
        self.status == Status::Open && !self.is_expired
    }
}

/// What a path below `imports` asks for beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    AddBatch,
    Cancel,
    Errors,
}

/// `POST /imports`: as JSON, or as a form with that JSON in `importInput` and a first batch in `importFile`.
pub(super) fn create(world: &mut World, call: &Call) -> Result<u64, Refusal> {
    let form = call.header("content-type").and_then(multipart::boundary);
    let (body, files) = match form {
        None => (Body::read(call)?, vec![]),
        Some(boundary) => form_of(call, &boundary)?,
    };
    let body = body.only(&["operation", "object", "restoreDeleted", "createOnNoMatch", "fields", "state", "status"])?;
    for (name, only) in [("operation", "Upsert"), ("object", "Prospect")] {
        if !body.required_text(name)?.eq_ignore_ascii_case(only) {
            return Err(Refusal::about(154, name));
        }
    }
    let ready = is_ready(&body)?;
    let by_default = world.options.unknowns.account_engagement.import_creates_on_no_match;
    let now = world.now();
    let mut import = Import {
        id: 800_001 + world.account_engagement.imports.len() as u64,
        status: Status::Open,
        is_expired: false,
        created_count: 0,
        updated_count: 0,
        errors: vec![],
        created_at: now,
        updated_at: now,
        restores_deleted: body.flag("restoreDeleted")?.unwrap_or(false),
        creates_on_no_match: body.flag("createOnNoMatch")?.unwrap_or(by_default),
        columns: columns(&body)?,
        header: vec![],
        rows: vec![],
        batches: vec![],
        ready_at: None,
    };
    if !files.is_empty() {
        take_batch(world, &mut import, &files)?;
    }
    if ready {
        start(&mut import, now)?;
    }
    let id = import.id;
    world.account_engagement.imports.insert(id, now, import);
    Ok(id)
}

/// `PATCH /imports/<id>`: to `Ready`, and nothing else.
pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let body = body.only(&["state", "status"])?;
    let mut import = found(world, id)?;
    if !is_ready(&body)? {
        return Err(Refusal::about(153, "state"));
    }
    if !import.takes_batches() {
        return Err(Refusal::code(155));
    }
    start(&mut import, world.now())?;
    keep(world, import);
    Ok(())
}

pub(super) fn add_batch(world: &mut World, id: u64, call: &Call) -> Result<(), Refusal> {
    let mut import = found(world, id)?;
    if !import.takes_batches() {
        return Err(Refusal::code(161));
    }
    let boundary = call.header("content-type").and_then(multipart::boundary).ok_or(Refusal::code(151))?;
    if call.body.is_empty() {
        return Err(Refusal::code(152));
    }
    let parts = multipart::parts(&call.body, &boundary).ok_or(Refusal::code(158))?;
    let files: Vec<&[u8]> = parts.iter().filter(|part| part.name == "importFile").map(|part| part.content).collect();
    take_batch(world, &mut import, &files)?;
    keep(world, import);
    Ok(())
}

/// `POST …/do/cancel`. What is being processed is cancelled when it would have been done.
pub(super) fn cancel(world: &mut World, id: u64) -> Result<(), Refusal> {
    let mut import = found(world, id)?;
    import.status = match import.status {
        Status::Open | Status::Waiting => Status::Canceled,
        Status::Processing => Status::Canceling,
        Status::Complete | Status::Canceling | Status::Canceled => return Err(Refusal::code(161)),
    };
    keep(world, import);
    Ok(())
}

/// The rows that failed, each with why.
pub(super) fn errors(world: &World, id: u64) -> Result<Answer, Refusal> {
    let import = found(world, id)?;
    if import.status != Status::Complete || import.is_expired || import.errors.is_empty() {
        return Err(Refusal::code(109));
    }
    let header = import.header.iter().map(String::as_str).chain(["error"]);
    let rows = import.errors.iter().map(|row| csv::line(row.iter().map(String::as_str)));
    let text: String = [csv::line(header)].into_iter().chain(rows).collect();
    Ok(answer(200, "text/csv; charset=utf-8", text.into_bytes()))
}

fn found(world: &World, id: u64) -> Result<Import, Refusal> {
    world.account_engagement.imports.now(&id).cloned().ok_or(Refusal::code(109))
}

fn keep(world: &mut World, mut import: Import) {
    let now = world.now();
    import.updated_at = now;
    let id = import.id;
    world.account_engagement.imports.change(&id, now, |kept| *kept = import);
}

fn form_of<'a>(call: &'a Call, boundary: &str) -> Result<(Body, Vec<&'a [u8]>), Refusal> {
    if call.body.len() > UPLOAD_BYTES_MAX {
        return Err(Refusal::code(204));
    }
    let parts = multipart::parts(&call.body, boundary).ok_or(Refusal::code(158))?;
    let input =
        parts.iter().find(|part| part.name == "importInput").ok_or_else(|| Refusal::about(153, "importInput"))?;
    let Ok(Value::Object(properties)) = serde_json::from_slice(input.content) else {
        return Err(Refusal::code(150));
    };
    let files = parts.iter().filter(|part| part.name == "importFile").map(|part| part.content).collect();
    Ok((Body(properties), files))
}

fn is_ready(body: &Body) -> Result<bool, Refusal> {
    for name in ["state", "status"] {
        match body.text(name)? {
            Some(state) if state.eq_ignore_ascii_case("Ready") => return Ok(true),
            Some(_) => return Err(Refusal::about(154, name)),
            None => {}
        }
    }
    Ok(false)
}

/// `fields`: for each column whether it is written over what is there, and whether an empty cell is
/// [inferred from version 4's `columns`].
fn columns(body: &Body) -> Result<BTreeMap<String, (bool, bool)>, Refusal> {
    let refused = || Refusal::about(154, "fields");
    let columns = match body.0.get("fields") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Array(columns)) => columns,
        Some(_) => return Err(refused()),
    };
    let column = |column: &Value| {
        let column = Body(column.as_object().ok_or_else(refused)?.clone());
        let column = column.only(&["field", "overwrite", "nullOverwrite"])?;
        let flag = |name| column.flag(name).map(|flag| flag.unwrap_or(true));
        Ok((column.required_text("field")?, (flag("overwrite")?, flag("nullOverwrite")?)))
    };
    columns.iter().map(column).collect()
}

fn start(import: &mut Import, now: Timestamp) -> Result<(), Refusal> {
    if import.rows.is_empty() {
        return Err(Refusal::code(156));
    }
    import.status = Status::Waiting;
    import.ready_at = Some(now);
    Ok(())
}

/// One file of rows, the header first; each batch of an import has the same header.
fn take_batch(world: &World, import: &mut Import, files: &[&[u8]]) -> Result<(), Refusal> {
    let file = match files {
        [] => return Err(Refusal::code(162)),
        [file] => file,
        _ => return Err(Refusal::code(163)),
    };
    let now = world.now();
    let day = now.minus(Duration::from_secs(24 * 60 * 60));
    let batches = world.account_engagement.imports.all().flat_map(|import| &import.batches);
    match (file.len(), import.batches.len(), batches.filter(|at| **at > day).count()) {
        (BATCH_BYTES.., ..) => return Err(Refusal::code(204)),
        (_, BATCHES_MAX.., _) => return Err(Refusal::code(160)),
        (.., BATCHES_A_DAY..) => return Err(Refusal::code(164)),
        _ => {}
    }
    let rows = std::str::from_utf8(file).ok().and_then(csv::read).ok_or(Refusal::code(159))?;
    let Some((header, rows)) = rows.split_first().filter(|(_, rows)| !rows.is_empty()) else {
        return Err(Refusal::code(159));
    };
    if rows.iter().any(|row| row.len() != header.len()) {
        return Err(Refusal::code(159));
    }
    let other = !import.header.is_empty() && import.header != *header;
    let options_fit = import.columns.is_empty()
        || (import.columns.len() == header.len() && header.iter().all(|name| import.columns.contains_key(name)));
    let known = |name: &String| {
        MATCHES.contains(&name.as_str()) || LISTS.contains(&name.as_str()) || prospect_rows::is_writable(world, name)
    };
    if other || !options_fit || !header.iter().all(known) {
        return Err(Refusal::code(130));
    }
    if header.iter().any(|name| LISTS.contains(&name.as_str()))
        && !world.account_engagement.may(Some(Ability::ViewLists))
    {
        return Err(Refusal::code(46));
    }
    import.header = header.clone();
    import.rows.extend(rows.iter().cloned());
    import.batches.push(now);
    Ok(())
}

/// Moves every import on to where it stands by now.
pub(super) fn settle(world: &mut World) {
    let now = world.now();
    // A job waits for half of its time, and is processed for the other half.
    let whole = Duration::from_secs(world.options.unknowns.account_engagement.import_seconds.into());
    let ids: Vec<u64> = world.account_engagement.imports.all().map(|import| import.id).collect();
    for id in ids {
        while let Some((at, status)) =
            next(world.account_engagement.imports.now(&id), whole).filter(|(at, _)| *at <= now)
        {
            if status == Some(Status::Complete) {
                run(world, id, at);
            }
            world.account_engagement.imports.change(&id, at, |import| match status {
                None => import.is_expired = true,
                Some(status) => {
                    import.status = status;
                    import.updated_at = at;
                }
            });
        }
    }
}

/// What becomes of an import next by itself, and when: another status, or (`None`) that it lapses.
fn next(import: Option<&Import>, whole: Duration) -> Option<(Timestamp, Option<Status>)> {
    let import = import?;
    let ready = import.ready_at.unwrap_or(import.created_at);
    match import.status {
        Status::Waiting => Some((ready.plus(whole / 2), Some(Status::Processing))),
        Status::Processing => Some((ready.plus(whole), Some(Status::Complete))),
        Status::Canceling => Some((ready.plus(whole).max(import.updated_at), Some(Status::Canceled))),
        _ if import.is_expired => None,
        Status::Open => Some((import.created_at.plus(OPEN_LIFE), None)),
        Status::Complete | Status::Canceled => Some((import.updated_at.plus(RESULT_LIFE), None)),
    }
}

fn run(world: &mut World, id: u64, at: Timestamp) {
    let Some(import) = world.account_engagement.imports.now(&id).cloned() else { return };
    let (mut created, mut updated, mut errors) = (0, 0, vec![]);
    for cells in &import.rows {
        let row: Vec<(&str, &str)> =
            import.header.iter().map(String::as_str).zip(cells.iter().map(|cell| cell.trim())).collect();
        match one(world, &import, &row, at) {
            Ok(true) => created += 1,
            Ok(false) => updated += 1,
            Err(refusal) => {
                let said = cells.iter().cloned().chain([format!("{} (code {})", refusal.message, refusal.code)]);
                errors.push(said.collect());
            }
        }
    }
    world.account_engagement.imports.change(&id, at, |import| {
        (import.created_count, import.updated_count, import.errors) = (created, updated, errors);
    });
}

/// One row: `true` where it made a prospect. Lists are looked at first, so a row is taken whole or not at all.
fn one(world: &mut World, import: &Import, row: &[(&str, &str)], at: Timestamp) -> Result<bool, Refusal> {
    let filled = |names: &[&str]| -> Vec<(&str, &str)> {
        row.iter().copied().filter(|(name, cell)| names.contains(name) && !cell.is_empty()).collect()
    };
    let target = match filled(&MATCHES)[..] {
        [] => None,
        [(name, key)] => matched(world, import, name, key)?,
        _ => return Err(Refusal::message(154, "A row may fill one match column only")),
    };
    let mut lists = vec![];
    for (name, cell) in filled(&LISTS) {
        for list in cell.split([',', ';']).map(str::trim).filter(|list| !list.is_empty()) {
            let list = list.parse().map_err(|_| Refusal::code(55))?;
            list_memberships::takes_members(world, list)?;
            lists.push((list, name == "addToList"));
        }
    }
    if lists.len() > LISTS_MAX {
        return Err(Refusal::about(154, "addToList"));
    }
    let own = row.iter().filter(|(name, _)| !MATCHES.contains(name) && !LISTS.contains(name));
    let cells = own.filter_map(|(name, cell)| {
        let (overwrites, nulls) = import.columns.get(*name).copied().unwrap_or((true, true));
        let keeps = target.is_some() && cell.is_empty() && !nulls;
        (!keeps).then(|| Cell { name, text: cell, overwrites: target.is_none() || overwrites })
    });
    let prospect = prospect_rows::put(world, target, cells.collect(), at)?;
    for (list, is_member) in lists {
        list_memberships::put(&mut world.account_engagement, list, prospect, is_member, at);
    }
    Ok(target.is_none())
}

/// Whom a row is about. Nothing where somebody is to be made.
fn matched(world: &World, import: &Import, name: &str, key: &str) -> Result<Option<u64>, Refusal> {
    let email_match = world.options.unknowns.account_engagement.email_match;
    let unit: &AccountEngagement = &world.account_engagement;
    let by_email = |deleted| unit.latest_with(key, email_match, deleted);
    let found = match name {
        "matchId" => key.parse().ok().and_then(|id: u64| unit.prospects.now(&id)),
        "matchSalesforceId" => unit.prospects.all().find(|p| p.fields.get("salesforceId") == Some(&Value::from(key))),
        _ => by_email(false).or_else(|| by_email(true)).and_then(|id| unit.prospects.now(&id)),
    };
    match found {
        Some(prospect) if prospect.is_deleted && !import.restores_deleted => Err(Refusal::code(132)),
        Some(prospect) => Ok(Some(prospect.id)),
        None if import.creates_on_no_match => Ok(None),
        None => Err(Refusal::code(92)),
    }
}
