//! A session's people are read: at its end (RULES 4, 6), whenever the reconciliation asks (RULES 21), and where a past session was
//! asked for (RULES 7). 5,000 registrants are no
//! single run.
//!
//! ```text
//! begin ── page 0 ─┬─> tasks, a few a person ──> people
//!                  ├─> read-page 1 .. n ──────> tasks ...
//!                  └─> settle-read: do the pages fit together? if not, reads again until a pass is stable
//! ```
//!
//! | the row tells                             | becomes                        |
//! |-------------------------------------------|--------------------------------|
//! | registered, and the session has not ended | *register*                     |
//! | registered after the end                  | *register*: no attendance      |
//! | registered before the end                 | *attendance*                   |
//! | has watched                               | *replay* in addition           |
//!
//! Promises: the tasks have the dedupe keys of those that webhooks lead to, and keys of their own where a past session was asked for,
//! since its people may have been left out before; nobody is missed because somebody was taken out of the session between two pages:
//! then rows move up, and one slips from a page that is still to come to one that was read. If another registers in the same moments, all
//! numbers are as they were and nothing shows it: who slipped is found by the next reading, and taken for removed until then, so whoever
//! acts on that asks Livestorm first. Who is read twice is one task, by its dedupe key. Two readings of one session do not disturb each
//! other. Not here: what is written of a person (`people.rs`), when the end is to be read (`session_ended.rs`), when else
//! (`sync/reconcile`).

use super::{left_out, roster, session_scheduled};
use crate::{
    domain::session::SessionId,
    host::{Completion, Entry, Instant, Lane, MINUTE, SECOND, Subject, Task},
    json::{self, At, Problem, scalar},
    livestorm::{
        admit::Wanted,
        calls::SESSION_PEOPLE,
        errors::{Read, read},
        paging::{self, Extent},
        resources::{self, PersonRow},
    },
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    task::{self, Ended, FORGET_PEOPLE, READ_PAGE, READ_PEOPLE, Reading, UNREADABLE},
    text::digest,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Pages that one run reads: some hundred kilobytes each, and their people are follow-ups of at most 4 MiB in all.
pub const PAGES_A_RUN: u32 = 8;
/// A list that changes all the time is taken as it is, and said, after so many readings to its end.
const PASSES_MAX: u64 = 5;
/// A reading again is one run, so that it is one moment as nearly as can be: at five pages a second, 40 of the 60 seconds of a
/// run. 10,000 people. And about so many pages are read again in all, of a quota of 10,000 calls in 30 days.
const PAGES_AGAIN_MAX: u64 = 200;
/// What readings that were cut off may cost in addition, until one has come to its end.
const PAGES_CUT_OFF_MAX: u64 = 2 * PAGES_AGAIN_MAX;
/// Of what a reading leaves to be given, so much is a task: as much as two pages give.
const REST_A_TASK: usize = 200;
/// Of what is forgotten of a session; a scan is 1,000 entries.
const SCANS_A_RUN: usize = 5;
/// Follow-ups of a call are at most 1,000: the pages, and two for each person of the first of them. 44,500 people.
const PAGES_MAX: u64 = 890;

/// One of the kinds of task. `pages`: how many this run may still read.
pub async fn step(work: &Work<'_>, task: &Task, pages: &mut u32) -> Result<Completion, Stop> {
    match task.kind.as_str() {
        UNREADABLE => unreadable(work, task::payload(task).map_err(Stop::bug)?),
        READ_PEOPLE => asked_for(work, task::payload(task).map_err(Stop::bug)?).await,
        READ_PAGE => one_page(work, task::payload(task).map_err(Stop::bug)?, pages).await,
        FORGET_PEOPLE => forget(work, &task::payload(task).map_err(Stop::bug)?),
        _ => match task::payload(task).map_err(Stop::bug)? {
            task::SettleRead { reading, rest: Some(keys) } => rest(work, &reading, &keys, pages),
            task::SettleRead { reading, rest: None } => settle(work, reading).await,
        },
    }
}

/// The list of sessions gives a reason to read them. Whether the session takes part is not judged by that, but when somebody turns out
/// to have registered (RULES 13).
async fn asked_for(work: &Work<'_>, reading: Reading) -> Result<Completion, Stop> {
    if let Some(why) = session_scheduled::left_out(work).map_err(Stop::bug)? {
        let message = format!("The people of session {} are not read: {why}", reading.session);
        work.info("read-left-out", &message, Some(Subject::session(reading.session.as_str())));
        return Ok(Completion::default());
    }
    Ok(begin(work, &reading).await?.unwrap_or_default())
}

/// The first page, and what is to follow it. None: nobody is in the session, or it is gone.
pub async fn begin(work: &Work<'_>, reading: &Reading) -> Result<Option<Completion>, Stop> {
    let id = &reading.session;
    let whom = format!("session {id}");
    let doing = Doing { what: "read who took part", whom: &whom };
    let Some(first) = page(work, id, 0, &doing).await? else { return Ok(None) };
    let mut follow_ups = tasks(work, reading, &first.rows);
    // One page is one moment: nothing can move between its rows.
    if first.extent.pages <= 1 {
        let gone = missing(work, reading, &[first.noted()]);
        follow_ups.extend(give_all(work, reading, &gone));
    } else {
        if first.extent.pages > PAGES_MAX {
            let message = format!(
                "Session {id} has {} people; the first {} are read, since no run can have more follow-ups.",
                first.extent.records,
                PAGES_MAX * 50
            );
            work.warn("read-cut", &message, Some(Subject::session(id.as_str())));
        }
        note(work, reading, 0, &first);
        follow_ups.extend((1..first.extent.pages.min(PAGES_MAX)).map(|page| task::read_page(reading, page)));
        follow_ups.push(task::settle_read(reading));
    }
    Ok(Some(Completion { follow_ups, wakes: Vec::new() }))
}

/// What was read of one page.
#[derive(Debug, Default, PartialEq)]
struct Noted {
    records: u64,
    pages: u64,
    /// Who was on it.
    marks: Vec<String>,
    /// When it was asked for.
    read_at: Option<Instant>,
}

plain!(Noted { records, pages, marks, read_at });

/// Where this reading keeps what it has seen: apart from others of the same session, and in its old place for the one at the end.
fn place(reading: &Reading, what: &str) -> String {
    match &reading.label {
        Some(label) => format!("read/{what}/{label}"),
        None => format!("read/{what}"),
    }
}

fn page_key(reading: &Reading, page: u64) -> String {
    format!("{}/{page}", place(reading, "page"))
}

async fn one_page(work: &Work<'_>, task: task::ReadPage, pages: &mut u32) -> Result<Completion, Stop> {
    let task::ReadPage { reading, page: number } = task;
    let whom = format!("session {}", reading.session);
    let doing = Doing { what: "read who took part", whom: &whom };
    // Past the last page: people were taken out meanwhile, which `settle` sees.
    if *pages == 0 {
        return Err(doing.later(work.now() + SECOND, "other pages are read first"));
    }
    *pages -= 1;
    let read = page(work, &reading.session, number, &doing).await?.unwrap_or_default();
    note(work, &reading, number, &read);
    Ok(Completion { follow_ups: tasks(work, &reading, &read.rows), wakes: Vec::new() })
}

async fn settle(work: &Work<'_>, reading: Reading) -> Result<Completion, Stop> {
    let (id, reading) = (&reading.session, &reading);
    let whom = format!("session {id}");
    let doing = Doing { what: "read everybody who took part", whom: &whom };
    let Some(first) = noted(work, reading, 0) else { return Ok(Completion::default()) };
    let mut told = Vec::new();
    for page in 0..first.pages.min(PAGES_MAX) {
        let Some(noted) = noted(work, reading, page) else {
            return Err(doing.later(work.now() + 2 * MINUTE, &format!("page {} is still to be read", page + 1)));
        };
        told.push(noted);
    }
    if is_stable(&told) {
        return Ok(over(work, reading, first.pages, &told));
    }
    let mut readings: Readings =
        work.host.get(&passes_key(reading)).and_then(|text| from_text(&text).ok()).unwrap_or_default();
    if !readings.may_go_on(first.pages) {
        let message = format!(
            "The people of session {id} changed while they were read, and could not be read in one piece in {} more \
             readings of {} pages in all; about {PAGES_AGAIN_MAX} are read again at most, since each is a call of \
             Livestorm's quota. Who was seen is written; compare the session's list with Livestorm to see whether \
             somebody is missing",
            readings.number,
            readings.pages.unwrap_or_default()
        );
        work.warn("read-unstable", &message, Some(Subject::session(id.as_str())));
        return Ok(over(work, reading, first.pages, &[]));
    }
    let known: BTreeSet<String> = told.into_iter().flat_map(|page| page.marks).collect();
    let (mut again, mut number) = (Vec::new(), 0);
    while again.last().is_none_or(|page: &Noted| number < page.pages.min(PAGES_AGAIN_MAX)) {
        let read = page(work, id, number, &doing).await?.unwrap_or_default();
        // Kept at once: one that is cut off has cost them as well.
        readings.pages = Some(readings.pages.unwrap_or_default() + 1);
        keep(work, reading, &readings);
        for row in read.rows.iter().filter(|row| !known.contains(&mark(row))) {
            let mark = mark(row);
            if work.host.get(&missed_key(reading, &mark)).is_some() {
                continue;
            }
            for (number, task) in tasks_of(work, reading, row).into_iter().enumerate() {
                let name = if number == 0 { mark.clone() } else { format!("{mark}.{number}") };
                let value = to_text(&Missed::of(&task));
                work.host.set(Entry { key: missed_key(reading, &name), value, subject: task.subject });
            }
        }
        again.push(read.noted());
        number += 1;
    }
    if is_stable(&again) {
        return Ok(over(work, reading, first.pages, &again));
    }
    readings.number += 1;
    keep(work, reading, &readings);
    let wait = (30 * SECOND) << readings.number.min(10);
    Err(doing.later(work.now() + wait, "its people change while they are read; they are read again"))
}

/// How often it was read again.
#[derive(Debug, Default, PartialEq)]
struct Readings {
    /// To the end, and something had moved.
    number: u64,
    /// Pages of all readings, of those that were cut off too.
    pages: Option<u64>,
}

plain!(Readings { number, pages });

impl Readings {
    /// To its end at least once, if it can be.
    fn may_go_on(&self, pages: u64) -> bool {
        let so_far = self.pages.unwrap_or_default();
        pages <= PAGES_AGAIN_MAX
            && match self.number {
                0 => so_far < PAGES_CUT_OFF_MAX,
                number => number < PASSES_MAX && so_far + pages <= PAGES_AGAIN_MAX,
            }
    }
}

fn passes_key(reading: &Reading) -> String {
    place(reading, "passes")
}

fn keep(work: &Work<'_>, reading: &Reading, readings: &Readings) {
    work.host.set(Entry { key: passes_key(reading), value: to_text(readings), subject: None });
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

    fn task(self) -> Task {
        let Missed { kind, payload, ordering_key, dedupe_key, title } = self;
        let person: Option<task::Person> = from_text(&payload).ok();
        let subject = person.map(|person| Subject::person(person.registration.person()));
        Task { kind, payload, ordering_key, dedupe_key, lane: Lane::Bulk, not_before: None, title, subject }
    }
}

fn missed_key(reading: &Reading, mark: &str) -> String {
    format!("{}/{mark}", place(reading, "missed"))
}

/// Whom the readings again showed in addition: their entries. Those of other readings of the session may stand below.
fn missed(work: &Work<'_>, reading: &Reading) -> Vec<String> {
    let prefix = missed_key(reading, "");
    let (mut keys, mut after) = (Vec::new(), None::<String>);
    loop {
        let entries = work.host.scan(&prefix, after.as_deref(), 1_000);
        let Some(last) = entries.last() else { return keys };
        after = Some(last.key.clone());
        let own = |entry: &Entry| !entry.key[prefix.len()..].contains('/');
        keys.extend(entries.into_iter().filter(own).map(|entry| entry.key));
    }
}

/// Whoever was missed becomes a task, and what is remembered of the reading is of no use any more. `all`: the pages of a reading in
/// which nothing moved, where there was one.
fn over(work: &Work<'_>, reading: &Reading, pages: u64, all: &[Noted]) -> Completion {
    let mut keys = missed(work, reading);
    keys.extend(missing(work, reading, all));
    let follow_ups = give_all(work, reading, &keys);
    let pages = (0..pages.min(PAGES_MAX)).map(|page| page_key(reading, page));
    pages.chain([passes_key(reading)]).for_each(|key| work.host.delete(&key));
    Completion { follow_ups, wakes: Vec::new() }
}

/// What stands under these keys, as tasks: at once as far as a call may give it, and the rest by tasks of its own.
fn give_all(work: &Work<'_>, reading: &Reading, keys: &[String]) -> Vec<Task> {
    let (now, later) = keys.split_at(keys.len().min(REST_A_TASK));
    let mut tasks = give(work, reading, now);
    let parts = later.chunks(REST_A_TASK).enumerate();
    tasks.extend(parts.map(|(part, keys)| task::rest_of_read(reading, part, keys)));
    tasks
}

fn rest(work: &Work<'_>, reading: &Reading, keys: &[String], pages: &mut u32) -> Result<Completion, Stop> {
    if *pages < 2 {
        let whom = format!("session {}", reading.session);
        let doing = Doing { what: "give the rest of who took part", whom: &whom };
        return Err(doing.later(work.now() + SECOND, "other pages are read first"));
    }
    *pages -= 2;
    Ok(Completion { follow_ups: give(work, reading, keys), wakes: Vec::new() })
}

fn give(work: &Work<'_>, reading: &Reading, keys: &[String]) -> Vec<Task> {
    let task = |key: &String| {
        if key.starts_with(roster::PREFIX) {
            return roster::gone(work, reading, key);
        }
        let missed: Missed = from_text(&work.host.get(key)?).ok()?;
        work.host.delete(key);
        Some(missed.task())
    };
    keys.iter().filter_map(task).collect()
}

/// Who was seen by an earlier reading, and is on none of these pages, provided that they are all and fit together: their entries in
/// the roster.
fn missing(work: &Work<'_>, reading: &Reading, pages: &[Noted]) -> Vec<String> {
    let mut gone = Vec::new();
    if let (true, Some(began_at)) = (is_stable(pages), pages.first().and_then(|page| page.read_at)) {
        let marks = pages.iter().flat_map(|page| page.marks.iter().cloned()).collect();
        gone = roster::missing(work, began_at, &marks);
    }
    if reading.is_last() {
        let gone: BTreeSet<&str> = gone.iter().map(String::as_str).collect();
        roster::forget(work, roster::PREFIX, usize::MAX, |key| gone.contains(key));
    }
    gone
}

/// Nothing more is expected of the session. What is asked for anew goes on, and forgets by itself.
fn forget(work: &Work<'_>, task: &task::ForgetPeople) -> Result<Completion, Stop> {
    for prefix in [roster::PREFIX, "read/"] {
        if !roster::forget(work, prefix, SCANS_A_RUN, |key| key.contains(task::FILLING)) {
            let whom = format!("session {}", task.session);
            let doing = Doing { what: "forget who took part", whom: &whom };
            return Err(doing.later(work.now() + SECOND, "there is more than a run forgets"));
        }
    }
    Ok(Completion::default())
}

/// Every page says the same of how many there are, and that many different people were on them.
fn is_stable(pages: &[Noted]) -> bool {
    let Some(first) = pages.first() else { return false };
    let same = |page: &Noted| page.records == first.records && page.pages == first.pages;
    let people: BTreeSet<&String> = pages.iter().flat_map(|page| &page.marks).collect();
    pages.iter().all(same) && pages.len() as u64 == first.pages && people.len() as u64 == first.records
}

fn noted(work: &Work<'_>, reading: &Reading, page: u64) -> Option<Noted> {
    work.host.get(&page_key(reading, page)).and_then(|text| from_text(&text).ok())
}

fn note(work: &Work<'_>, reading: &Reading, page: u64, read: &Page) {
    work.host.set(Entry { key: page_key(reading, page), value: to_text(&read.noted()), subject: None });
}

#[derive(Default)]
struct Page {
    rows: Vec<Value>,
    extent: Extent,
    read_at: Option<Instant>,
}

impl Page {
    fn noted(&self) -> Noted {
        let Extent { records, pages } = self.extent;
        Noted { records, pages, marks: self.rows.iter().map(mark).collect(), read_at: self.read_at }
    }
}

/// None: there is no such page.
async fn page(work: &Work<'_>, id: &SessionId, number: u64, doing: &Doing<'_>) -> Result<Option<Page>, Stop> {
    let number_text = number.to_string();
    let query = [("page[number]", number_text.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
    let read_at = Some(work.now());
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
    Ok(Some(Page { rows, extent, read_at }))
}

/// Who it is, in a few bytes and without saying it.
fn mark(row: &Value) -> String {
    let id = row.get("id").and_then(scalar);
    let email = row.get("attributes").and_then(|attributes| attributes.get("email")).and_then(scalar);
    digest([id.or(email).unwrap_or_default().as_str()])[..12].into()
}

fn tasks(work: &Work<'_>, reading: &Reading, rows: &[Value]) -> Vec<Task> {
    rows.iter().flat_map(|row| tasks_of(work, reading, row)).collect()
}

/// What one row brings about. The hosts are in every session; they are no news, and no line.
fn tasks_of(work: &Work<'_>, reading: &Reading, row: &Value) -> Vec<Task> {
    let read = read_row(work, row, reading.ended_at, &mark(row), reading.request());
    read.unwrap_or_else(|problem| vec![unread(reading, row, &problem)])
}

/// Kept as it is, so that a later version can read it.
fn unread(reading: &Reading, row: &Value, problem: &Problem) -> Task {
    let payload = task::Unreadable { row: json::text(row), ended_at: reading.ended_at, problem: problem.to_string() };
    task::unreadable(&reading.session, &payload, &mark(row))
}

fn read_row(
    work: &Work<'_>,
    row: &Value,
    ended_at: Option<Instant>,
    mark: &str,
    request: Option<&str>,
) -> Result<Vec<Task>, Problem> {
    let person = person(work, row)?;
    if left_out::why(&person.registration, &work.settings.left_out, None).is_some() {
        return Ok(Vec::new());
    }
    let removed_at = roster::meet(work, &person.registration, &person.attendance, mark);
    Ok(done(work, person, ended_at, request, removed_at))
}

fn person(work: &Work<'_>, row: &Value) -> Result<PersonRow, Problem> {
    let secrets = Wanted::new(work.settings).secrets;
    At::root(row).and_then(|row| resources::person(&row, work.now(), secrets))
}

/// The row of somebody who was asked for by name, outside the session's own key: the roster stays as it is. Whoever is left out is told
/// as that, since somebody wants to know.
pub fn of_one(work: &Work<'_>, reading: &Reading, row: &Value) -> Vec<Task> {
    match person(work, row) {
        Ok(person) => match left_out::why(&person.registration, &work.settings.left_out, None) {
            Some(why) => {
                left_out::tell(work, &person.registration, &why);
                Vec::new()
            }
            None => done(work, person, reading.ended_at, reading.request(), None),
        },
        Err(problem) => vec![unread(reading, row, &problem)],
    }
}

/// What somebody did becomes tasks.
fn done(
    work: &Work<'_>,
    person: PersonRow,
    ended_at: Option<Instant>,
    request: Option<&str>,
    removed_at: Option<Instant>,
) -> Vec<Task> {
    let PersonRow { mut registration, attendance, replay } = person;
    registration.values.retain(|source| work.settings.reads(source));
    let watched = replay.map(|replay| task::replay(registration.clone(), replay, work.settings));
    let first = match ended_at {
        Some(at) if registration.registered_at.is_none_or(|registered_at| registered_at <= at) => {
            task::attendance(registration, Ended { at, attendance }, work.settings)
        }
        // Who registered after the end has no attendance (RULES 6), and is a registrant all the same.
        _ => task::register(registration, work.settings),
    };
    let again = |task| match removed_at {
        Some(removed_at) => task::back(task, removed_at),
        None => task,
    };
    let found = |task| match request {
        Some(request) => task::filled(task, request),
        None => task::found(task),
    };
    [first].into_iter().chain(watched).map(found).map(again).collect()
}

/// Tried again, by a version that may be able to. Until then a person sees it.
fn unreadable(work: &Work<'_>, task: task::Unreadable) -> Result<Completion, Stop> {
    let row = json::parse(task.row.as_bytes()).map_err(Stop::bug)?;
    match read_row(work, &row, task.ended_at, &mark(&row), None) {
        Ok(follow_ups) => Ok(Completion { follow_ups, wakes: Vec::new() }),
        Err(problem) => Err(Stop::bug(format!(
            "A person of a session cannot be read, so nothing is written of what they did in it: {problem}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Host, HttpError, Level},
        story::state::says,
        task::SETTLE_READ,
        test_host::{TestHost, ok, on_host},
    };
    use serde_json::json;
    use std::{cell::RefCell, rc::Rc};

    fn pages(rows: &[(u64, u64, &[&str])]) -> Vec<Noted> {
        let page = |(records, pages, marks): &(u64, u64, &[&str])| Noted {
            records: *records,
            pages: *pages,
            marks: marks.iter().map(|mark| mark.to_string()).collect(),
            read_at: None,
        };
        rows.iter().map(page).collect()
    }

    #[test]
    fn pages_fit_together_or_somebody_was_missed() {
        type Page<'a> = (u64, u64, &'a [&'a str]);
        let rows: [(&[Page<'_>], bool); 7] = [
            (&[(3, 2, &["a", "b"]), (3, 2, &["c"])], true),
            // Somebody was taken out of page 0 after it was read: c moved there, unseen.
            (&[(4, 2, &["a", "b"]), (3, 2, &["d"])], false),
            (&[(3, 2, &["a", "b"]), (3, 2, &["b"])], false),
            // The same, and d registered at once: nothing shows that there is a c.
            (&[(3, 2, &["a", "b"]), (3, 2, &["d"])], true),
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
        let reading = Reading { session: SessionId::parse("S1").unwrap(), ended_at: Some(1), label: None };
        let (mark, marks) = ("0123456789ab".to_string(), ["aaaaaaaaaaaa", "bbbbbbbbbbbb"].map(String::from).to_vec());
        says("session/S1", &page_key(&reading, 3), &Noted { records: 152, pages: 4, marks, read_at: None });
        says("session/S1", &passes_key(&reading), &Readings { number: 2, pages: None });
        let missed = Missed {
            kind: "attendance".into(),
            payload: "{}".into(),
            ordering_key: "people".into(),
            dedupe_key: "attended/S1/1/2".into(),
            title: "What ana@example.org did in session S1".into(),
        };
        says("session/S1", &missed_key(&reading, &mark), &missed);
    }

    /// S1-3: a page that does not show all that it says there is takes nobody for removed.
    #[test]
    fn only_pages_that_fit_together_show_that_somebody_is_missing() {
        let shown = Rc::new(RefCell::new((vec!["ana", "ben"], 2)));
        let behind = shown.clone();
        let host = TestHost::new(1_645_463_000_000, move |_| {
            let (names, records) = behind.borrow().clone();
            let row = |name: &&str| {
                json!({"id": name, "attributes": {"email": format!("{name}@example.org"), "role": "participant",
                    "registrant_detail": {"session_id": "S1", "created_at": 1_644_845_990}}})
            };
            let rows: Vec<Value> = names.iter().map(row).collect();
            ok(&json!({"data": rows, "meta": {"page_count": 1, "record_count": records}}).to_string())
        });
        let read = |names: &[&'static str], records: u64| {
            *shown.borrow_mut() = (names.to_vec(), records);
            let reading = Reading { session: SessionId::parse("S1").unwrap(), ended_at: None, label: Some("r".into()) };
            host.set_now(host.now() + SECOND);
            let end = on_host(&host, async |work| begin(work, &reading).await);
            let tasks = end.unwrap().unwrap().follow_ups;
            tasks.into_iter().map(|task| (task.kind, task.dedupe_key)).collect::<Vec<_>>()
        };
        let kinds = |tasks: &[(String, String)]| tasks.iter().map(|(kind, _)| kind.clone()).collect::<Vec<_>>();
        let first = read(&["ana", "ben"], 2);
        assert_eq!(kinds(&first), ["register", "register"]);
        assert_eq!(kinds(&read(&["ana"], 2)), ["register"], "the page is not whole");
        assert_eq!(kinds(&read(&["ana"], 1)), ["register", "removed"]);
        assert_eq!(kinds(&read(&["ana"], 1)), ["register"], "told once");
        // Back again: news, whatever was done before.
        let back = read(&["ana", "ben"], 2);
        assert!(back[0] == first[0] && back[1].0 == "register" && back[1].1 != first[1].1, "{back:?}");
        assert_eq!(read(&["ana", "ben"], 2), first);
    }

    type People = Rc<RefCell<Vec<String>>>;

    fn names(numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|number| format!("p{number}")).collect()
    }

    /// Livestorm shows these people, so many a page. `change`: what becomes of them, or goes wrong, before a page is read.
    fn shows(people: &People, size: usize, change: impl Fn(usize, &People) -> Option<HttpError> + 'static) -> TestHost {
        let behind = people.clone();
        TestHost::new(1_645_463_000_000, move |request| {
            let page: usize = request.query[0].1.parse().unwrap();
            if let Some(error) = change(page, &behind) {
                return Err(error);
            }
            let all = behind.borrow();
            let row = |name: &String| {
                json!({"id": name, "attributes": {"email": format!("{name}@example.org"), "role": "participant",
                    "registrant_detail": {"session_id": "S1", "created_at": 1_644_845_990}}})
            };
            let rows: Vec<Value> = all.iter().skip(page * size).take(size).map(row).collect();
            let meta = json!({"page_count": all.len().div_ceil(size), "record_count": all.len()});
            ok(&json!({"data": rows, "meta": meta}).to_string())
        })
    }

    fn run(host: &TestHost, task: &Task) -> Result<Vec<Task>, Stop> {
        host.set_now(host.now() + SECOND);
        let end = on_host(host, async |work| step(work, task, &mut PAGES_A_RUN.clone()).await);
        let follow_ups = end?.follow_ups;
        assert!(follow_ups.len() <= 1_000, "{} follow-ups", follow_ups.len());
        Ok(follow_ups)
    }

    fn reading(label: &str) -> Reading {
        Reading { session: SessionId::parse("S1").unwrap(), ended_at: None, label: Some(label.into()) }
    }

    fn is_ours(task: &Task) -> bool {
        [READ_PAGE, SETTLE_READ].contains(&task.kind.as_str())
    }

    /// The reading and all that follows on the session's own key; what comes of it for people.
    fn whole(host: &TestHost, label: &str) -> Vec<Task> {
        let (mut waiting, mut people) = (vec![task::read_people(&reading(label))], Vec::new());
        while !waiting.is_empty() {
            let (ours, others) = run(host, &waiting.remove(0)).unwrap().into_iter().partition(is_ours);
            waiting.extend::<Vec<Task>>(ours);
            people.extend(others);
        }
        people
    }

    fn removed(tasks: &[Task]) -> Vec<String> {
        let gone = tasks.iter().filter(|task| task.kind == "removed");
        gone.map(|task| task.subject.clone().unwrap().id).collect()
    }

    #[test]
    fn who_was_met_after_a_reading_began_is_not_missing_in_it() {
        let people: People = Rc::new(RefCell::new(names(0..2)));
        let host = shows(&people, 1, |_, _| None);
        let older = run(&host, &task::read_people(&reading("older"))).unwrap();
        let [.., page, settle] = &older[..] else { panic!("{older:?}") };
        run(&host, page).unwrap();
        people.borrow_mut().push("eve".into());
        whole(&host, "newer");
        assert_eq!(removed(&run(&host, settle).unwrap()), [""; 0]);
        people.borrow_mut().pop();
        assert_eq!(removed(&whole(&host, "last")), ["eve@example.org"]);
    }

    /// A quota that ends, an answer that does not come: that is nothing that the list has done.
    #[test]
    fn a_reading_that_is_cut_off_is_not_one_of_those_that_showed_a_change() {
        let people: People = Rc::new(RefCell::new(names(0..3)));
        let is_down = Rc::new(RefCell::new(false));
        let behind = is_down.clone();
        let host = shows(&people, 1, move |page, _| {
            (page == 1 && *behind.borrow()).then(|| HttpError::NotSent("refused".into()))
        });
        let first = run(&host, &task::read_people(&reading("r"))).unwrap();
        people.borrow_mut().remove(0);
        let ours: Vec<&Task> = first.iter().filter(|task| is_ours(task)).collect();
        let [second, third, settle] = &ours[..] else { panic!("{first:?}") };
        run(&host, second).unwrap();
        run(&host, third).unwrap();
        is_down.replace(true);
        for _ in 0..2 * PASSES_MAX {
            assert!(matches!(run(&host, settle), Err(Stop::Later(_))));
        }
        is_down.replace(false);
        let seen: Vec<Task> = run(&host, settle).unwrap();
        let kinds: Vec<&str> = seen.iter().map(|task| task.kind.as_str()).collect();
        assert_eq!(kinds, ["register", "removed"], "whom it had missed, and who has left");
        assert_eq!(host.lines(Level::Warning), [""; 0]);
        assert_eq!(host.state("read/passes/r"), None);
    }

    /// A call for each page, of 10,000 in 30 days.
    #[test]
    fn a_list_that_never_stands_still_is_read_again_a_few_times_the_fewer_the_longer_it_is() {
        for (count, then, cut_off_at, expected) in [
            (3, 3, None, 15..=15),
            (60, 60, None, 180..=180),
            (150, 150, None, 150..=150),
            (201, 201, None, 0..=0),
            (150, 500, None, 200..=200),
            (150, 150, Some(99), 400..=500),
        ] {
            let people: People = Rc::new(RefCell::new(names(0..2 * count)));
            let is_again = Rc::new(RefCell::new(false));
            let behind = is_again.clone();
            let host = shows(&people, 2, move |page, people| {
                let is_odd = people.borrow().len() % 2 == 1;
                let pages = if *behind.borrow() { then } else { count as usize };
                people.borrow_mut().resize(2 * pages - usize::from(!is_odd), "last".into());
                (*behind.borrow() && cut_off_at == Some(page)).then(|| HttpError::Stopped("time".into()))
            });
            let first = run(&host, &task::read_people(&reading("r"))).unwrap();
            let (settle, pages) = first.split_last().unwrap();
            pages.iter().filter(|task| is_ours(task)).for_each(|task| drop(run(&host, task).unwrap()));
            is_again.replace(true);
            let before = host.requests().len();
            let is_over = (0..20).any(|_| run(&host, settle).is_ok());
            let again = host.requests().len() - before;
            assert!(is_over && expected.contains(&again), "{count} {cut_off_at:?}: {again}");
            assert_eq!(host.lines(Level::Warning), ["read-unstable"]);
        }
    }

    /// Follow-ups of a call are at most 1,000.
    #[test]
    fn of_thousands_who_came_and_went_while_they_were_read_nobody_is_lost() {
        let people: People = Rc::new(RefCell::new(names(0..700)));
        let is_quick = Rc::new(RefCell::new(false));
        let behind = is_quick.clone();
        let host = shows(&people, 50, move |page, people| {
            if page == 1 && behind.replace(false) {
                people.replace(names(1_000..6_000));
            }
            None
        });
        assert_eq!(whole(&host, "before").len(), 700);
        people.borrow_mut().truncate(51);
        is_quick.replace(true);
        let tasks = whole(&host, "r");
        let keys: BTreeSet<&String> = tasks.iter().map(|task| &task.dedupe_key).collect();
        assert_eq!((removed(&tasks).len(), keys.len()), (700, 700 + 50 + 5_000), "fifty were seen at first");
        assert_eq!(host.scan("read/", None, 1_000), []);
        assert_eq!(removed(&whole(&host, "after")).len(), 0, "told once");
        people.borrow_mut().clear();
        assert_eq!(removed(&whole(&host, task::LAST_READING.0)).len(), 5_000);
        assert_eq!(host.scan("", None, 1_000), [], "nobody is kept after the last reading");
    }

    #[test]
    fn what_is_forgotten_of_a_session_is_a_little_a_run_and_leaves_alone_what_was_asked_for_since() {
        let host = TestHost::new(1_645_463_000_000, |_| panic!("nothing is asked"));
        let set = |key: String| host.set(Entry { key, value: "1".into(), subject: None });
        (0..7_000).for_each(|number| set(format!("roster/{number}")));
        ["read/page/3", "read/page/fill-1/0", "session"].iter().for_each(|key| set(key.to_string()));
        let task = task::forget_people(&SessionId::parse("S1").unwrap(), 1);
        assert!(matches!(run(&host, &task), Err(Stop::Later(_))));
        assert_eq!(host.scan("roster/", None, 1_000).len(), 1_000);
        assert_eq!(run(&host, &task), Ok(Vec::new()));
        let left: Vec<String> = host.scan("", None, 1_000).into_iter().map(|entry| entry.key).collect();
        assert_eq!(left, ["read/page/fill-1/0", "session"]);
    }
}
