//! One session, or one person, read again because somebody asks: for whom a webhook was lost, or who cannot be found. No rows.
//!
//! | asked for | is read                                                            | becomes                                          |
//! |-----------|--------------------------------------------------------------------|--------------------------------------------------|
//! | a session | itself                                                             | over: *fill-session*; else *read-people*         |
//! | a person  | in each session made since the connector was switched on that has registrants | what a reading of the session makes of them |
//!
//! Promises: the tasks have keys of their own, so that they run although they were done before, and the ledger keeps each fact single;
//! the first page reads nothing, and fixes the moment by which these tasks are told apart, so that a page that is asked for once more
//! says the same. Not here: what is done for a session (`flow/fill.rs`, `flow/reading.rs`) or a person (`flow/people.rs`).

mod request;

use super::{
    Asked, Halt,
    backfill::{self, Found, costs},
    cursor,
};
use crate::{
    call::LIVESTORM,
    domain::{
        email::Email,
        session::{Session, SessionId, Status},
    },
    flow::reading,
    host::{Cost, FailureClass, Instant, Page, SECOND, Source, Subject, Task},
    json::At,
    livestorm::{
        calls::{SESSION, SESSION_PEOPLE, SESSIONS},
        errors::{Read, read, read_all},
        paging,
    },
    stop::Doing,
    task::{self, FillSession, Reading},
    work::Work,
};
use request::Request;
use serde_json::Value;

pub const NAME: &str = "resync";

pub fn source() -> Source {
    Source {
        name: NAME.into(),
        title: "One session or one person, once more".into(),
        schema: String::new(),
        primary_key: Vec::new(),
        min_interval_ms: 0,
        parameters: request::SCHEMA.into(),
        scheduled: false,
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Place {
    /// None: the last request is done with.
    begun_at: Option<Instant>,
    /// Of the list of sessions, the next page.
    page: u64,
    /// Sessions that were looked into, and in how many of them the person was.
    looked: u64,
    found: u64,
}

plain!(Place { begun_at, page, looked, found });

pub async fn page(work: &Work<'_>, asked: &Asked<'_>) -> Result<Page, Halt> {
    let request = request::read(asked.parameters)?;
    let place: Option<Place> = cursor::read(NAME, work.now(), asked.cursor)?;
    let Some((at, place)) = place.and_then(|place| Some((place.begun_at?, place))) else {
        let begun_at = Some(work.now());
        return Ok(end(Place { begun_at, ..Place::default() }, work.now(), true));
    };
    match request {
        Request::Session(id) => {
            let (task, found) = session(work, &id, at).await?;
            let page = end(Place::default(), at, false);
            Ok(Page { tasks: vec![task], costs: costs::at_most(work.settings, &[found]), ..page })
        }
        Request::Person(email) => person(work, &email, at, place).await,
    }
}

fn end(place: Place, at: Instant, more: bool) -> Page {
    Page { rows: Vec::new(), tasks: Vec::new(), cursor: cursor::write(NAME, at, &place), more, costs: Vec::new() }
}

/// By what the tasks of this request are told apart from others.
fn label(session: &SessionId, at: Instant) -> String {
    FillSession { session: session.clone(), event_id: None, asked_at: at }.label()
}

async fn session(work: &Work<'_>, id: &SessionId, at: Instant) -> Result<(Task, Found), Halt> {
    let whom = format!("session {id}");
    let doing = Doing { what: "read its people again", whom: &whom };
    let body = match read(work, &SESSION, &[id.as_str()], &[], &doing).await? {
        Read::Body(body) => body,
        Read::Unknown => {
            let why = format!("Livestorm does not know the session {id}. Nothing was written.");
            let remedy =
                "See in Livestorm whether it was deleted, and give its id: it stands in the address of its page.";
            return Err(Halt::Stop(doing.failed(FailureClass::Invalid, &why, remedy)));
        }
        other => return Err(other.stop(work.now(), &doing).into()),
    };
    let unread = |problem| doing.bug(&format!("Livestorm's answer: {problem}"));
    let row = At::root(&body).and_then(|root| root.object("data")).map_err(unread)?;
    let (session, found) = backfill::found(&row, work.context.activated_at).map_err(unread)?;
    if session.id != *id {
        return Err(Halt::Stop(doing.bug("Livestorm answered with another session")));
    }
    let is_over = session.ended_at.is_some() || matches!(session.status, Status::OnDemand | Status::Past);
    let task = match is_over {
        true => task::fill_session(&FillSession { session: id.clone(), event_id: session.event_id, asked_at: at }),
        false => task::read_people(&Reading { session: id.clone(), ended_at: None, label: Some(label(id, at)) }),
    };
    Ok((task, found))
}

/// A page of the list, and the person in each of its sessions.
async fn person(work: &Work<'_>, email: &Email, at: Instant, place: Place) -> Result<Page, Halt> {
    let doing = Doing { what: "find the sessions", whom: email.as_str() };
    let body = list(work, place.page, &doing).await?;
    let next = At::root(&body).ok().and_then(|body| paging::next(&body, place.page));
    let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (mut tasks, mut place, mut found) = (Vec::new(), place, Vec::new());
    for row in rows {
        let Ok((session, listed)) = At::root(row).and_then(|row| backfill::found(&row, work.context.activated_at))
        else {
            let message = format!("A session of Livestorm's list cannot be read, and {email} is not looked for in it");
            work.warn("session-unreadable", &message, None);
            continue;
        };
        if listed.registrants == 0 {
            continue;
        }
        place.looked += 1;
        let of_session = in_session(work, email, &session, at, &doing).await?;
        if of_session.is_empty() {
            continue;
        }
        place.found += 1;
        tasks.extend(of_session);
        found.push(Found { registrants: 1, attendees: 1, ..listed });
    }
    let (place, more) = match next {
        Some(page) => (Place { begun_at: Some(at), page, ..place }, true),
        None => {
            tell(work, email, &place);
            (Place::default(), false)
        }
    };
    Ok(Page { tasks, costs: costs::at_most(work.settings, &found), ..end(place, at, more) })
}

/// Whom the list knows nothing of, nobody else will find.
fn tell(work: &Work<'_>, email: &Email, place: &Place) {
    let Place { looked, found, .. } = place;
    let message = match found {
        0 => format!(
            "{email} is in none of the {looked} sessions that were made since the connector was switched on. See in Livestorm by which \
             address they registered"
        ),
        _ => format!("{email} was read again in {found} of {looked} sessions"),
    };
    work.info("resync-person", &message, Some(Subject::person(email.as_str())));
}

/// Who registers again may stand there twice.
async fn in_session(
    work: &Work<'_>,
    email: &Email,
    session: &Session,
    at: Instant,
    doing: &Doing<'_>,
) -> Result<Vec<Task>, Halt> {
    let filter = [("filter[email]", email.as_str())];
    let rows = match read_all(work, &SESSION_PEOPLE, &[session.id.as_str()], &filter, doing).await? {
        Ok(rows) => rows,
        // Deleted meanwhile.
        Err(Read::Unknown) => return Ok(Vec::new()),
        Err(other) => return Err(other.stop(work.now(), doing).into()),
    };
    // Before attendance is ready it would be taken for absence.
    let ended_at = session
        .ended_at
        .filter(|ended_at| session.status != Status::OnDemand && ended_at + task::ATTENDANCE_READY <= at);
    let label = label(&session.id, at);
    let reading = Reading { session: session.id.clone(), ended_at, label: Some(label) };
    Ok(rows.iter().flat_map(|row| reading::of_one(work, &reading, row)).collect())
}

async fn list(work: &Work<'_>, page: u64, doing: &Doing<'_>) -> Result<Value, Halt> {
    // Whether the bound itself is within is on no page.
    let since = (work.context.activated_at.saturating_sub(SECOND) / SECOND).to_string();
    let number = page.to_string();
    let query = [
        ("page[number]", number.as_str()),
        ("page[size]", paging::PAGE_SIZE_MAX),
        ("filter[created_since]", since.as_str()),
    ];
    match read(work, &SESSIONS, &[], &query, doing).await? {
        Read::Body(body) => Ok(body),
        // Past the last page: the list has become shorter meanwhile.
        Read::Refused(_) if page > 0 => Ok(Value::Null),
        other => Err(other.stop(work.now(), doing).into()),
    }
}

/// Of a session, what its people may cost; of a person, what looking for them costs: how many will be found is not known before.
pub async fn cost(work: &Work<'_>, parameters: &str) -> Result<Vec<Cost>, Halt> {
    match request::read(parameters)? {
        Request::Session(id) => {
            let (_, found) = session(work, &id, work.now()).await?;
            Ok(costs::at_most(work.settings, &[found]))
        }
        Request::Person(email) => {
            let doing = Doing { what: "find the sessions", whom: email.as_str() };
            let body = list(work, 0, &doing).await?;
            let extent = At::root(&body).ok().as_ref().and_then(paging::extent).unwrap_or_default();
            let least = extent.pages.max(1);
            Ok(vec![Cost { connection: LIVESTORM.into(), least, most: least + extent.records }])
        }
    }
}
