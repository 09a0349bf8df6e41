//! Past sessions, on request alone: without it the connector is not retroactive (RULES 7). Sessions are listed since a date, of one
//! event or of all, and each becomes a task that gives it its campaign and reads its people. No rows.
//!
//! ```text
//! begun ──> a page of a list ──> a few tasks ──> a few more ... ──> the next page of the list ... ──> over
//! ```
//!
//! Promises: the first page reads nothing, and fixes the moment by which the tasks of this request are told apart from those of
//! another: whatever page is asked for once more says the same. Each page says what its tasks will cost, so that the host can pace
//! them, and has few of them, so that it can stop between them. Not here: what is done for a session (`flow/fill.rs`).

pub(super) mod costs;
mod request;

use super::{Asked, Halt, cursor};
use crate::{
    call::Call,
    domain::session::{Session, SessionId, Status},
    flow::eligibility,
    host::{Cost, Entry, Instant, Page, SECOND, Source, Subject},
    json::{At, Problem},
    livestorm::{
        calls::{EVENT_SESSIONS, SESSIONS},
        errors::{Read, read, read_all},
        paging, resources,
    },
    plain::{from_text, to_text},
    stop::Doing,
    task::{self, FillSession},
    work::Work,
};
use request::Request;
use serde_json::Value;

pub const NAME: &str = "backfill";

const SESSIONS_A_PAGE: usize = 5;
/// A list that moves while it is read is read again, so often.
const AGAIN_MAX: u64 = 2;
/// Of the page of the list that was read last, the sessions that are still to become tasks.
const LEFT: &str = "left";

const DOING: Doing<'_> = Doing { what: "list the past sessions", whom: "the Livestorm workspace" };

pub fn source() -> Source {
    Source {
        name: NAME.into(),
        title: "Past sessions".into(),
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
    since: Instant,
    event: Option<String>,
    /// Which of the lists, and which of its pages is next.
    list: u64,
    page: u64,
    /// How many there were by the first page.
    records: Option<u64>,
    again: u64,
    /// How many stand under `LEFT`.
    left: u64,
}

plain!(Place { begun_at, since, event, list, page, records, again, left });

/// A session that is to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub id: SessionId,
    pub event_id: Option<String>,
    pub registrants: u64,
    pub attendees: u64,
    /// Made before the connector was switched on: it has no campaign but by a request like this.
    pub is_old: bool,
    /// Nobody has attended it.
    pub is_on_demand: bool,
}

#[derive(Debug, Default, PartialEq)]
struct Left {
    sessions: Vec<Found>,
}

plain!(Found { id, event_id, registrants, attendees, is_old, is_on_demand });
plain!(Left { sessions });

struct List<'a> {
    call: &'static Call,
    ids: Vec<&'a str>,
    filter: Vec<(&'static str, String)>,
}

/// Sessions on demand have no date, and are not in a list that asks for one.
fn lists(request: &Request, until: Instant) -> Vec<List<'_>> {
    let seconds = |at: Instant| (at / SECOND).to_string();
    let list = |filter| List { call: &SESSIONS, ids: Vec::new(), filter };
    match &request.event {
        Some(event) => vec![List { call: &EVENT_SESSIONS, ids: vec![event.as_str()], filter: Vec::new() }],
        None => vec![
            list(vec![("filter[date_from]", seconds(request.since)), ("filter[date_to]", seconds(until))]),
            list(vec![("filter[status]", "on_demand".into()), ("filter[created_since]", seconds(request.since))]),
        ],
    }
}

pub async fn page(work: &Work<'_>, asked: &Asked<'_>) -> Result<Page, Halt> {
    let request = request::read(asked.parameters, work.now())?;
    let place: Option<Place> = cursor::read(NAME, work.now(), asked.cursor)?;
    let place = place.filter(|place| place.since == request.since && place.event == request.event);
    let Some((begun_at, mut place)) = place.and_then(|place| Some((place.begun_at?, place))) else {
        work.host.delete(LEFT);
        let Request { since, event } = request;
        return Ok(end(Place { begun_at: Some(work.now()), since, event, ..Place::default() }, work.now(), true));
    };
    let lists = lists(&request, begun_at);
    let mut left: Left = work.host.get(LEFT).and_then(|text| from_text(&text).ok()).unwrap_or_default();
    if left.sessions.len() as u64 != place.left {
        // They are known no more: the same sessions are told again, which are the same tasks.
        (left, place) = (Left::default(), Place { list: 0, page: 0, records: None, again: 0, left: 0, ..place });
    }
    if let Some(list) = lists.get(place.list as usize).filter(|_| left.sessions.is_empty()) {
        left.sessions = listed(work, list, &request, begun_at, &mut place).await?;
    }
    let rest = left.sessions.split_off(left.sessions.len().min(SESSIONS_A_PAGE));
    let now = std::mem::replace(&mut left.sessions, rest);
    place.left = left.sessions.len() as u64;
    match place.left {
        0 => work.host.delete(LEFT),
        _ => work.host.set(Entry { key: LEFT.into(), value: to_text(&left), subject: None }),
    }
    let more = place.left > 0 || place.list < lists.len() as u64;
    let task = |found: &Found| {
        let Found { id, event_id, .. } = found.clone();
        task::fill_session(&FillSession { session: id, event_id, asked_at: begun_at })
    };
    let (tasks, costs) = (now.iter().map(task).collect(), costs::at_most(work.settings, &now));
    let place = if more { place } else { Place::default() };
    Ok(Page { tasks, costs, ..end(place, begun_at, more) })
}

fn end(place: Place, at: Instant, more: bool) -> Page {
    Page { rows: Vec::new(), tasks: Vec::new(), cursor: cursor::write(NAME, at, &place), more, costs: Vec::new() }
}

/// One page of a list; `place` goes on to the next one.
async fn listed(
    work: &Work<'_>,
    list: &List<'_>,
    request: &Request,
    until: Instant,
    place: &mut Place,
) -> Result<Vec<Found>, Halt> {
    let number = place.page.to_string();
    let mut query = vec![("page[number]", number.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
    query.extend(list.filter.iter().map(|(name, value)| (*name, value.as_str())));
    let body = match read(work, list.call, &list.ids, &query, &DOING).await? {
        Read::Body(body) => body,
        // Past the last page: the list has become shorter meanwhile.
        Read::Refused(_) if place.page > 0 => Value::Null,
        other => return Err(not_listed(work, request, &other)),
    };
    let root = At::root(&body).ok();
    let records = root.as_ref().and_then(paging::extent).map(|extent| extent.records);
    let first = if place.page == 0 { records } else { place.records };
    match root.and_then(|root| paging::next(&root, place.page)) {
        Some(next) => (place.page, place.records) = (next, first),
        // A session was taken out of it: one may have slipped from a page that was still to come to one that was read.
        None if first != records && place.again < AGAIN_MAX => (place.page, place.again) = (0, place.again + 1),
        None => (place.list, place.page, place.again) = (place.list + 1, 0, 0),
    }
    let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(rows.iter().filter_map(|row| wanted(work, row, request, until, true)).collect())
}

fn not_listed(work: &Work<'_>, request: &Request, read: &Read) -> Halt {
    match (read, &request.event) {
        (Read::Unknown, Some(event)) => {
            let why = format!("Livestorm does not know the event {event}. Nothing was written.");
            let remedy = "See in Livestorm whether it was deleted, and give its id as `event`: it stands in the address of its page.";
            Halt::Stop(DOING.failed(crate::host::FailureClass::Invalid, &why, remedy))
        }
        _ => read.stop(work.now(), &DOING).into(),
    }
}

/// One that cannot be read keeps none of the others back.
fn wanted(work: &Work<'_>, row: &Value, request: &Request, until: Instant, tells: bool) -> Option<Found> {
    let (session, found) = match At::root(row).and_then(|row| found(&row, work.context.activated_at)) {
        Ok(read) => read,
        Err(problem) => {
            let message = format!("A session of Livestorm's list cannot be read, and is not filled in: {problem}");
            work.warn("session-unreadable", &message, None);
            return None;
        }
    };
    match verdict(&session, request.since, until) {
        Verdict::Fill => Some(found),
        Verdict::LeftOut(why) if tells => {
            let message = format!("Session {} is not filled in: {why}", session.id);
            work.info("backfill-left-out", &message, Some(Subject::session(session.id.as_str())));
            None
        }
        Verdict::LeftOut(_) | Verdict::NotMeant => None,
    }
}

pub(super) fn found(row: &At<'_>, activated_at: Instant) -> Result<(Session, Found), Problem> {
    let session = resources::session(row)?;
    let attributes = row.object("attributes")?;
    let number = |name: &str| attributes.text_or_none(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let found = Found {
        id: session.id.clone(),
        event_id: session.event_id.clone(),
        registrants: number("registrants_count"),
        attendees: number("attendees_count"),
        is_old: session.created_at.is_none_or(|at| at / SECOND < activated_at / SECOND),
        is_on_demand: session.status == Status::OnDemand,
    };
    Ok((session, found))
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Fill,
    /// It is one of those that were asked for, and gets nothing all the same.
    LeftOut(String),
    NotMeant,
}

/// | the session                                                            | is       |
/// |------------------------------------------------------------------------|----------|
/// | has ended, and was to begin since then; on demand, and made since then | filled   |
/// | the same, and a breakout room, never begun, cancelled, past when made  | left out |
/// | any other                                                              | not meant|
fn verdict(session: &Session, since: Instant, until: Instant) -> Verdict {
    let at = match session.status {
        Status::OnDemand => session.created_at,
        _ => session.estimated_started_at.or(session.ended_at),
    };
    let is_over = session.ended_at.is_some()
        || matches!(session.status, Status::OnDemand | Status::Past | Status::PastNotStarted | Status::Canceled);
    if !is_over || at.is_none_or(|at| at < since || at > until) {
        return Verdict::NotMeant;
    }
    match eligibility::why_not(session, 0) {
        Some(why) => Verdict::LeftOut(why),
        None => Verdict::Fill,
    }
}

/// All lists are read, and the people of a few of their sessions: who attended and wrote is in no list.
pub async fn cost(work: &Work<'_>, parameters: &str) -> Result<Vec<Cost>, Halt> {
    let request = request::read(parameters, work.now())?;
    let (mut all, mut rows_read) = (Vec::new(), Vec::new());
    for list in lists(&request, work.now()) {
        let filter: Vec<(&str, &str)> = list.filter.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let rows = match read_all(work, list.call, &list.ids, &filter, &DOING).await? {
            Ok(rows) => rows,
            Err(other) => return Err(not_listed(work, &request, &other)),
        };
        all.extend(rows.iter().filter_map(|row| wanted(work, row, &request, work.now(), false)));
        rows_read.push(rows.len() as u64);
    }
    let lists = rows_read.iter().map(|rows| rows.div_ceil(50).max(1)).sum();
    let registrants: u64 = all.iter().map(|found| found.registrants).sum();
    let message = format!("To be filled in: {} sessions with {registrants} registrants", all.len());
    work.info("backfill-estimate", &message, None);
    Ok(costs::about(work, &all, lists).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host::DAY, story::state::says};

    const SINCE: Instant = 1_795_359_600_000;

    #[test]
    fn the_table_of_sessions_holds_row_by_row() {
        let base = Session {
            id: SessionId::parse("S1").unwrap(),
            event_id: None,
            status: Status::Past,
            created_at: Some(SINCE - DAY),
            estimated_started_at: Some(SINCE),
            ended_at: Some(SINCE + 1),
            breakout_of: None,
            updated_at: None,
        };
        let check = |session: Session, expected: &str| {
            let verdict = verdict(&session, SINCE, SINCE + DAY);
            let said = match &verdict {
                Verdict::Fill => "fill",
                Verdict::NotMeant => "not meant",
                Verdict::LeftOut(why) => why,
            };
            assert!(said.contains(expected), "{session:?}: {said}");
        };
        let on_demand =
            Session { status: Status::OnDemand, estimated_started_at: None, ended_at: None, ..base.clone() };
        check(base.clone(), "fill");
        check(Session { ended_at: None, ..base.clone() }, "fill");
        check(Session { estimated_started_at: Some(SINCE - 1), ..base.clone() }, "not meant");
        check(Session { estimated_started_at: Some(SINCE + DAY + 1), ..base.clone() }, "not meant");
        check(Session { status: Status::Live, ended_at: None, ..base.clone() }, "not meant");
        check(Session { status: Status::Upcoming, ended_at: None, ..base.clone() }, "not meant");
        check(Session { created_at: Some(SINCE), ..on_demand.clone() }, "fill");
        check(on_demand, "not meant");
        check(Session { status: Status::Canceled, ended_at: None, ..base.clone() }, "it is cancelled");
        check(Session { status: Status::PastNotStarted, ended_at: None, ..base.clone() }, "never started");
        check(Session { breakout_of: Some("S0".into()), ..base.clone() }, "breakout room");
        check(Session { created_at: Some(SINCE + 1), ..base.clone() }, "past already when it was created");
        check(Session { created_at: None, ..base }, "does not say when it was created");
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_request_is_still_read() {
        let id = SessionId::parse("S1").unwrap();
        let found = Found {
            id,
            event_id: Some("E1".into()),
            registrants: 30,
            attendees: 12,
            is_old: true,
            is_on_demand: false,
        };
        says("sync/backfill", LEFT, &Left { sessions: vec![found] });
    }
}
