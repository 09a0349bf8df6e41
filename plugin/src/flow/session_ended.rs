//! A session has ended: its people are read, and each becomes a task of their own (RULES 4, 6). 5,000 registrants are no single
//! run.
//!
//! ```text
//! session-ended ── page 0 ─┬─> attendance, one a person ──> people
//!                          ├─> read-page 1 .. n ──────────> attendance ...
//!                          └─> settle-read: do the pages fit together? if not, reads again until a pass is stable
//! ```
//!
//! Promises: nobody is missed because somebody was taken out of the session between two pages: then rows move up, and one slips
//! from a page that is still to come to one that was read. Who is read twice is one task, by its dedupe key. Not here: what is
//! written of a person (`people.rs`).

use super::{left_out, session_scheduled};
use crate::{
    domain::session::{SessionId, Status},
    host::{Completion, DAY, Entry, HOUR, Instant, Lane, MINUTE, SECOND, Subject, Task},
    json::{self, At, Problem, scalar},
    livestorm::{
        admit::Wanted,
        calls::{SESSION, SESSION_PEOPLE},
        errors::{Read, read},
        paging::{self, Extent},
        resources::{self, PersonRow},
    },
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    task::{self, Ended, READ_PAGE, SESSION_ENDED, UNREADABLE},
    text::digest,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Pages that one run reads: some hundred kilobytes each, and their people are follow-ups of at most 4 MiB in all.
pub const PAGES_A_RUN: u32 = 8;
/// Livestorm says of a session that it has ended a little after it has.
const NOT_ENDED_YET: u64 = 2 * MINUTE;
/// A list that changes all the time is taken as it is, and said, after so many readings.
const PASSES_MAX: u64 = 5;
/// A reading again is one run, so that it is one moment as nearly as can be: at five pages a second, 40 of the 60 seconds of a
/// run. 10,000 people.
const PAGES_AGAIN_MAX: u64 = 200;
const PASSES_KEY: &str = "read/passes";
/// Follow-ups of a call are at most 1,000: the pages, and the people of the first of them. 45,000 people.
const PAGES_MAX: u64 = 900;
const WAITS_KEY: &str = "read/waits-since";

/// Since when an end is waited for that Livestorm does not confirm.
fn waits_since(work: &Work<'_>) -> Instant {
    let noted = work.host.get(WAITS_KEY).and_then(|text| text.parse().ok());
    noted.unwrap_or_else(|| {
        work.host.set(Entry { key: WAITS_KEY.into(), value: work.now().to_string(), subject: None });
        work.now()
    })
}

/// One of the three kinds of task. `pages`: how many this run may still read.
pub async fn step(work: &Work<'_>, task: &Task, pages: &mut u32) -> Result<Completion, Stop> {
    match task.kind.as_str() {
        SESSION_ENDED => ended(work, task::payload(task).map_err(Stop::bug)?).await,
        UNREADABLE => unreadable(work, task::payload(task).map_err(Stop::bug)?),
        READ_PAGE => one_page(work, task::payload(task).map_err(Stop::bug)?, pages).await,
        _ => settle(work, task::payload(task).map_err(Stop::bug)?).await,
    }
}

/// What was read of one page.
#[derive(Debug, Default, PartialEq)]
struct Noted {
    records: u64,
    pages: u64,
    /// Who was on it.
    marks: Vec<String>,
}

plain!(Noted { records, pages, marks });

fn page_key(page: u64) -> String {
    format!("read/page/{page}")
}

async fn ended(work: &Work<'_>, task: task::SessionEnded) -> Result<Completion, Stop> {
    let id = task.session;
    let whom = format!("session {id}");
    let doing = Doing { what: "read who took part", whom: &whom };
    let nothing = |code: &str, why: &str| {
        let message = format!("Session {id} has ended, and nothing is written of it: {why}");
        work.info(code, &message, Some(Subject::session(id.as_str())));
        Ok(Completion::default())
    };
    if let Some(why) = session_scheduled::why_not(work, &id, task.event_id).await? {
        return nothing("ended-left-out", &why);
    }
    let Some(body) = session_scheduled::resource(work, &SESSION, id.as_str(), &[], &doing).await? else {
        return nothing("ended-gone", "it is not in Livestorm any more");
    };
    let session = session_scheduled::parsed(&body, &doing, resources::session)?;
    if session.status == Status::OnDemand {
        return nothing("ended-on-demand", "an on-demand session has no attendance");
    }
    if matches!(session.status, Status::Canceled | Status::PastNotStarted) {
        return nothing("ended-never-begun", "it did not take place");
    }
    let Some(ended_at) = session.ended_at.or(task.ended_at) else {
        let waits_since = waits_since(work);
        let waited = work.now().saturating_sub(waits_since);
        if waited >= DAY {
            work.host.delete(WAITS_KEY);
            return nothing("ended-not-told", "Livestorm has not said for a day that it has ended");
        }
        let next = if waited < 30 * MINUTE { NOT_ENDED_YET } else { HOUR };
        return Err(doing.later(work.now() + next, "Livestorm does not say yet that it has ended"));
    };
    if work.host.get(WAITS_KEY).is_some() {
        work.host.delete(WAITS_KEY);
    }
    if work.now() < ended_at + task::ATTENDANCE_READY {
        return Err(doing.later(ended_at + task::ATTENDANCE_READY, "attendance is ready ten minutes after the end"));
    }
    session_scheduled::keep_open(work).await?;
    let Some(first) = page(work, &id, 0, &doing).await? else {
        return nothing("ended-nobody", "nobody is in it");
    };
    let mut follow_ups = tasks(work, &id, &first.rows, ended_at);
    // One page is one moment: nothing can move between its rows.
    if first.extent.pages > 1 {
        if first.extent.pages > PAGES_MAX {
            let message = format!(
                "Session {id} has {} people; the first {} are read, since no run can have more follow-ups.",
                first.extent.records,
                PAGES_MAX * 50
            );
            work.warn("read-cut", &message, Some(Subject::session(id.as_str())));
        }
        note(work, 0, &first);
        follow_ups.extend((1..first.extent.pages.min(PAGES_MAX)).map(|page| task::read_page(&id, page, ended_at)));
        follow_ups.push(task::settle_read(&id, ended_at));
    }
    Ok(Completion { follow_ups, wakes: Vec::new() })
}

async fn one_page(work: &Work<'_>, task: task::ReadPage, pages: &mut u32) -> Result<Completion, Stop> {
    let whom = format!("session {}", task.session);
    let doing = Doing { what: "read who took part", whom: &whom };
    // Past the last page: people were taken out meanwhile, which `settle` sees.
    if *pages == 0 {
        return Err(doing.later(work.now() + SECOND, "other pages are read first"));
    }
    *pages -= 1;
    let read = page(work, &task.session, task.page, &doing).await?.unwrap_or_default();
    note(work, task.page, &read);
    Ok(Completion { follow_ups: tasks(work, &task.session, &read.rows, task.ended_at), wakes: Vec::new() })
}

async fn settle(work: &Work<'_>, task: task::SettleRead) -> Result<Completion, Stop> {
    let id = task.session;
    let whom = format!("session {id}");
    let doing = Doing { what: "read everybody who took part", whom: &whom };
    let Some(first) = noted(work, 0) else { return Ok(Completion::default()) };
    let mut told = Vec::new();
    for page in 0..first.pages.min(PAGES_MAX) {
        let Some(noted) = noted(work, page) else {
            return Err(doing.later(work.now() + 2 * MINUTE, &format!("page {} is still to be read", page + 1)));
        };
        told.push(noted);
    }
    if is_stable(&told) {
        return Ok(over(work, first.pages, Readings::default()));
    }
    let mut readings: Readings = work.host.get(PASSES_KEY).and_then(|text| from_text(&text).ok()).unwrap_or_default();
    if readings.number >= PASSES_MAX || first.pages > PAGES_AGAIN_MAX {
        let message = format!(
            "The people of session {id} changed while they were read, and could not be read in one piece in {} more \
             readings. Who was seen is written; compare the session's list with Livestorm to see whether somebody is missing",
            readings.number
        );
        work.warn("read-unstable", &message, Some(Subject::session(id.as_str())));
        return Ok(over(work, first.pages, readings));
    }
    // Counted before it begins: one that is cut off is one as well.
    readings.number += 1;
    keep(work, &readings);
    let known: BTreeSet<String> = told.into_iter().flat_map(|page| page.marks).collect();
    let (mut again, mut number) = (Vec::new(), 0);
    while again.last().is_none_or(|page: &Noted| number < page.pages) {
        let read = page(work, &id, number, &doing).await?.unwrap_or_default();
        for row in read.rows.iter().filter(|row| !known.contains(&mark(row))) {
            let (mark, task) = (mark(row), task_of(work, &id, row, task.ended_at));
            if let (false, Some(task)) = (readings.missed.contains(&mark), task) {
                let value = to_text(&Missed::of(&task));
                work.host.set(Entry { key: missed_key(&mark), value, subject: task.subject });
                readings.missed.push(mark);
                keep(work, &readings);
            }
        }
        again.push(read.noted());
        number += 1;
    }
    if is_stable(&again) {
        return Ok(over(work, first.pages, readings));
    }
    let wait = (30 * SECOND) << readings.number.min(10);
    Err(doing.later(work.now() + wait, "its people change while they are read; they are read again"))
}

/// How often it was read again, and whom that showed in addition.
#[derive(Debug, Default, PartialEq)]
struct Readings {
    number: u64,
    missed: Vec<String>,
}

plain!(Readings { number, missed });

fn keep(work: &Work<'_>, readings: &Readings) {
    work.host.set(Entry { key: PASSES_KEY.into(), value: to_text(readings), subject: None });
}

/// A task that waits for the end of the readings.
#[derive(Debug, PartialEq)]
struct Missed {
    kind: String,
    payload: String,
    ordering_key: String,
    dedupe_key: String,
    title: String,
}

plain!(Missed { kind, payload, ordering_key, dedupe_key, title });

impl Missed {
    fn of(task: &Task) -> Missed {
        let Task { kind, payload, ordering_key, dedupe_key, title, .. } = task.clone();
        Missed { kind, payload, ordering_key, dedupe_key, title }
    }

    fn task(self, subject: Option<Subject>) -> Task {
        let Missed { kind, payload, ordering_key, dedupe_key, title } = self;
        Task { kind, payload, ordering_key, dedupe_key, lane: Lane::Bulk, not_before: None, title, subject }
    }
}

fn missed_key(mark: &str) -> String {
    format!("read/missed/{mark}")
}

/// Whoever was missed becomes a task, and what is remembered of the reading is of no use any more.
fn over(work: &Work<'_>, pages: u64, readings: Readings) -> Completion {
    let missed = readings.missed.iter().filter_map(|mark| {
        let missed: Missed = from_text(&work.host.get(&missed_key(mark))?).ok()?;
        let person: Option<task::Person> = from_text(&missed.payload).ok();
        let subject = person.map(|person| Subject::person(person.registration.person()));
        Some(missed.task(subject))
    });
    let follow_ups = missed.collect();
    let keys = readings.missed.iter().map(|mark| missed_key(mark)).chain((0..pages.min(PAGES_MAX)).map(page_key));
    keys.chain([PASSES_KEY.to_string()]).for_each(|key| work.host.delete(&key));
    Completion { follow_ups, wakes: Vec::new() }
}

/// Every page says the same of how many there are, and that many different people were on them.
fn is_stable(pages: &[Noted]) -> bool {
    let Some(first) = pages.first() else { return false };
    let same = |page: &Noted| page.records == first.records && page.pages == first.pages;
    let people: BTreeSet<&String> = pages.iter().flat_map(|page| &page.marks).collect();
    pages.iter().all(same) && pages.len() as u64 == first.pages && people.len() as u64 == first.records
}

fn noted(work: &Work<'_>, page: u64) -> Option<Noted> {
    work.host.get(&page_key(page)).and_then(|text| from_text(&text).ok())
}

fn note(work: &Work<'_>, page: u64, read: &Page) {
    work.host.set(Entry { key: page_key(page), value: to_text(&read.noted()), subject: None });
}

#[derive(Default)]
struct Page {
    rows: Vec<Value>,
    extent: Extent,
}

impl Page {
    fn noted(&self) -> Noted {
        let Extent { records, pages } = self.extent;
        Noted { records, pages, marks: self.rows.iter().map(mark).collect() }
    }
}

/// None: there is no such page.
async fn page(work: &Work<'_>, id: &SessionId, number: u64, doing: &Doing<'_>) -> Result<Option<Page>, Stop> {
    let number_text = number.to_string();
    let query = [("page[number]", number_text.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
    let mut body = match read(work, &SESSION_PEOPLE, &[id.as_str()], &query, doing).await? {
        Read::Body(body) => body,
        Read::Refused(_) if number > 0 => return Ok(None),
        // Deleted meanwhile.
        Read::Unknown => return Ok(None),
        other => return Err(other.stop(work.now(), doing)),
    };
    let extent = At::root(&body).ok().as_ref().and_then(paging::extent);
    let extent = extent.ok_or_else(|| doing.bug("Livestorm's answer: /meta does not say how many people there are"))?;
    let rows = match body.get_mut("data").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    Ok(Some(Page { rows, extent }))
}

/// Who it is, in a few bytes and without saying it.
fn mark(row: &Value) -> String {
    let id = row.get("id").and_then(scalar);
    let email = row.get("attributes").and_then(|attributes| attributes.get("email")).and_then(scalar);
    digest([id.or(email).unwrap_or_default().as_str()])[..12].into()
}

fn tasks(work: &Work<'_>, id: &SessionId, rows: &[Value], ended_at: Instant) -> Vec<Task> {
    rows.iter().filter_map(|row| task_of(work, id, row, ended_at)).collect()
}

/// What one row brings about. The hosts are in every session; they are no news, and no line.
fn task_of(work: &Work<'_>, id: &SessionId, row: &Value, ended_at: Instant) -> Option<Task> {
    read_row(work, row, ended_at).unwrap_or_else(|problem| {
        // Kept as it is, so that a later version can read it.
        let row_text = json::text(row);
        let payload = task::Unreadable { row: row_text, ended_at, problem: problem.to_string() };
        Some(task::unreadable(id, &payload, &mark(row)))
    })
}

fn read_row(work: &Work<'_>, row: &Value, ended_at: Instant) -> Result<Option<Task>, Problem> {
    let secrets = Wanted::new(work.settings).secrets;
    let person = At::root(row).and_then(|row| resources::person(&row, work.now(), secrets))?;
    let PersonRow { mut registration, attendance, .. } = person;
    if left_out::why(&registration, &work.settings.left_out, None).is_some() {
        return Ok(None);
    }
    // Who registered after the end has no attendance (RULES 6), and is a registrant all the same.
    if registration.registered_at.is_some_and(|at| at > ended_at) {
        registration.values.retain(|source| work.settings.reads(source));
        return Ok(Some(Task { lane: Lane::Bulk, ..task::register(registration, work.settings) }));
    }
    Ok(Some(task::attendance(registration, Ended { at: ended_at, attendance }, work.settings)))
}

/// Tried again, by a version that may be able to. Until then a person sees it.
fn unreadable(work: &Work<'_>, task: task::Unreadable) -> Result<Completion, Stop> {
    let row = json::parse(task.row.as_bytes()).map_err(Stop::bug)?;
    match read_row(work, &row, task.ended_at) {
        Ok(task) => Ok(Completion { follow_ups: task.into_iter().collect(), wakes: Vec::new() }),
        Err(problem) => Err(Stop::bug(format!(
            "A person of an ended session cannot be read, so no attendance is written of them: {problem}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Host,
        story::state::{sample, says},
        test_host::{TestHost, on_host},
    };

    fn pages(rows: &[(u64, u64, &[&str])]) -> Vec<Noted> {
        let page = |(records, pages, marks): &(u64, u64, &[&str])| Noted {
            records: *records,
            pages: *pages,
            marks: marks.iter().map(|mark| mark.to_string()).collect(),
        };
        rows.iter().map(page).collect()
    }

    #[test]
    fn pages_fit_together_or_somebody_was_missed() {
        type Page<'a> = (u64, u64, &'a [&'a str]);
        let rows: [(&[Page<'_>], bool); 6] = [
            (&[(3, 2, &["a", "b"]), (3, 2, &["c"])], true),
            // Somebody was taken out of page 0 after it was read: c moved there, unseen.
            (&[(4, 2, &["a", "b"]), (3, 2, &["d"])], false),
            (&[(3, 2, &["a", "b"]), (3, 2, &["b"])], false),
            (&[(3, 2, &["a", "b"])], false),
            (&[(0, 1, &[])], true),
            (&[], false),
        ];
        for (given, expected) in rows {
            assert_eq!(is_stable(&pages(given)), expected, "{given:?}");
        }
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_reading_is_still_read() {
        let (mark, marks) = ("0123456789ab".to_string(), ["aaaaaaaaaaaa", "bbbbbbbbbbbb"].map(String::from).to_vec());
        says("session/S1", &page_key(3), &Noted { records: 152, pages: 4, marks });
        says("session/S1", PASSES_KEY, &Readings { number: 2, missed: vec![mark.clone()] });
        let missed = Missed {
            kind: "attendance".into(),
            payload: "{}".into(),
            ordering_key: "people".into(),
            dedupe_key: "attended/S1/1/2".into(),
            title: "What ana@example.org did in session S1".into(),
        };
        says("session/S1", &missed_key(&mark), &missed);
        let host = TestHost::new(1_645_463_000_000, |_| panic!("nothing is asked"));
        let value = sample("session/S1", WAITS_KEY).into();
        host.set(Entry { key: WAITS_KEY.into(), value, subject: None });
        assert_eq!(on_host(&host, async |work| waits_since(work)), 1_645_461_660_000);
    }
}
