//! What webhooks missed: sessions are listed, each is compared with what is remembered of it, and what is new becomes the task that
//! its webhook would have led to (RULES 21, 22). No rows.
//!
//! ```text
//! a pass:  all      sessions made since the connector was switched on; once a week, and at first
//!      or  window   those from 7 days ago to 30 days ahead; every two hours: numbers of registrants move no time of change
//!     and  recent   those changed since the last pass, and an hour before
//!    then  due      people that are to be read now, of the sessions that are remembered
//! ```
//!
//! Promises: an idle pass is one request, at times two; a pass that comes late begins where the last one began that came to its end;
//! no list is trusted not to shift while it is paged through, since each is read again. Not here: what a session means (`seen.rs`),
//! reading its people (`flow/reading.rs`).

mod seen;

use super::{Asked, Halt, cursor};
use crate::{
    call::LIVESTORM,
    domain::session::SessionId,
    host::{Action, Cost, DAY, Entry, HOUR, Instant, MINUTE, Page, SECOND, Source, Subject, Task},
    json::At,
    livestorm::{
        calls::SESSIONS,
        errors::{Read, read},
        paging,
    },
    plain::{from_text, to_text},
    stop::Doing,
    task,
    work::Work,
};
use seen::{Row, Seen};
use serde_json::Value;

pub const NAME: &str = "reconcile";

const MIN_INTERVAL: u64 = 10 * MINUTE;
/// Longer than Livestorm repeats a webhook, and than any clock is off.
const LOOK_BACK: u64 = HOUR;
const BEHIND: u64 = 7 * DAY;
const AHEAD: u64 = 30 * DAY;
const EACH_WINDOW: u64 = 2 * HOUR;
const EACH_ALL: u64 = 7 * DAY;
/// Requests of readings that a pass gives rise to, about: what a pass costs keeps the next one away, and with it what is found by the list
/// alone. What is left over is due in the next pass.
const READINGS_A_PASS: u64 = 10;
/// Sessions whose people a page looks into; a page has at most 1,000 tasks.
const DUE_A_PAGE: u32 = 500;
const EACH_CHECK: u64 = DAY;
const KEY: &str = "session/";
/// When all sessions were listed last: what is older and not remembered is forgotten, and not new.
const KNOWN: &str = "known-since";

pub fn source() -> Source {
    Source {
        name: NAME.into(),
        title: "What webhooks missed".into(),
        schema: String::new(),
        primary_key: Vec::new(),
        min_interval_ms: MIN_INTERVAL,
        parameters: String::new(),
        scheduled: true,
    }
}

/// Where a pass is, and when the last ones began that came to their end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Place {
    /// None: it is over.
    begun_at: Option<Instant>,
    step: Option<String>,
    page: u64,
    /// Of the sessions that are remembered, the last one that was looked into.
    after: Option<String>,
    recent_at: Option<Instant>,
    window_at: Option<Instant>,
    all_at: Option<Instant>,
    /// When the webhooks were looked at.
    checked_at: Option<Instant>,
}

plain!(Place { begun_at, step, page, after, recent_at, window_at, all_at, checked_at });

const ALL: &str = "all";
const WINDOW: &str = "window";
const RECENT: &str = "recent";
const DUE: &str = "due";

impl Place {
    fn is_due(last: Option<Instant>, each: u64, at: Instant) -> bool {
        last.is_none_or(|last| last + each <= at)
    }

    fn first_step(&self, at: Instant) -> &'static str {
        if Self::is_due(self.all_at, EACH_ALL, at) {
            ALL
        } else if Self::is_due(self.window_at, EACH_WINDOW, at) {
            WINDOW
        } else {
            RECENT
        }
    }

    fn after_step(step: &str) -> &'static str {
        if step == WINDOW { RECENT } else { DUE }
    }

    /// The pass has come to its end.
    fn over(&self, at: Instant) -> Place {
        let first = self.first_step(at);
        Place {
            recent_at: Some(at),
            window_at: if first == RECENT { self.window_at } else { Some(at) },
            all_at: if first == ALL { Some(at) } else { self.all_at },
            checked_at: if self.checks(at) { Some(at) } else { self.checked_at },
            ..Place::default()
        }
    }

    /// Once a day, whether the webhooks are there.
    fn checks(&self, at: Instant) -> bool {
        Self::is_due(self.checked_at, EACH_CHECK, at)
    }

    fn filter(&self, step: &str, at: Instant, activated_at: Instant) -> Vec<(&'static str, String)> {
        let seconds = |at: Instant| (at / SECOND).to_string();
        // Whether the bound itself is within is on no page.
        let mut filter = vec![("filter[created_since]", seconds(activated_at.saturating_sub(SECOND)))];
        match (step, self.recent_at) {
            (WINDOW, _) => {
                filter.push(("filter[date_from]", seconds(at.saturating_sub(BEHIND))));
                filter.push(("filter[date_to]", seconds(at + AHEAD)));
            }
            (RECENT, Some(recent_at)) => {
                filter.push(("filter[updated_since]", seconds(recent_at.saturating_sub(LOOK_BACK))));
            }
            _ => {}
        }
        filter
    }
}

pub async fn page(work: &Work<'_>, asked: &Asked<'_>) -> Result<Page, Halt> {
    let place: Place = cursor::read(NAME, work.now(), asked.cursor)?.unwrap_or_default();
    let at = place.begun_at.unwrap_or_else(|| work.now());
    let step = place.step.clone().unwrap_or_else(|| place.first_step(at).into());
    let (next, given) = match step.as_str() {
        DUE => due(work, &place, at),
        step => list(work, &place, step, at).await?,
    };
    let more = next.begun_at.is_some();
    let cursor = cursor::write(NAME, at, &next);
    Ok(Page { rows: Vec::new(), tasks: given.tasks, cursor, more, costs: cost_of(0, given.requests) })
}

/// Tasks, and what they will ask of Livestorm.
#[derive(Default)]
struct Given {
    tasks: Vec<Task>,
    requests: u64,
}

impl Given {
    fn add(&mut self, seen: &Seen, tasks: impl IntoIterator<Item = Task>) {
        for task in tasks {
            self.requests += seen::requests(seen, &task);
            self.tasks.push(task);
        }
    }
}

fn cost_of(least: u64, most: u64) -> Vec<Cost> {
    let cost = Cost { connection: LIVESTORM.into(), least, most };
    if most > 0 { vec![cost] } else { Vec::new() }
}

/// One page of the list.
async fn list(work: &Work<'_>, place: &Place, step: &str, at: Instant) -> Result<(Place, Given), Halt> {
    let doing = Doing { what: "list the sessions", whom: "the Livestorm workspace" };
    let number = place.page.to_string();
    let filter = place.filter(step, at, work.context.activated_at);
    let mut query = vec![("page[number]", number.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
    query.extend(filter.iter().map(|(name, value)| (*name, value.as_str())));
    let body = match read(work, &SESSIONS, &[], &query, &doing).await? {
        Read::Body(body) => body,
        // Past the last page: the list has become shorter meanwhile.
        Read::Refused(_) if place.page > 0 => Value::Null,
        other => return Err(other.stop(work.now(), &doing).into()),
    };
    let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known_since = work.host.get(KNOWN).and_then(|text| text.parse().ok());
    let mut given = Given::default();
    rows.iter().for_each(|row| listed(work, row, at, known_since, &mut given));
    let begun_at = Some(at);
    let next = At::root(&body).ok().and_then(|body| paging::next(&body, place.page));
    let next = match next {
        Some(page) => Place { begun_at, step: Some(step.into()), page, ..place.clone() },
        None => Place { begun_at, step: Some(Place::after_step(step).into()), page: 0, ..place.clone() },
    };
    Ok((next, given))
}

/// One that cannot be read keeps none of the others back.
fn listed(work: &Work<'_>, row: &Value, at: Instant, known_since: Option<Instant>, given: &mut Given) {
    let row = match At::root(row).and_then(|row| Row::read(&row)) {
        Ok(row) => row,
        Err(problem) => {
            let message = format!("A session of Livestorm's list cannot be read, and is passed over: {problem}");
            work.warn("session-unreadable", &message, None);
            return;
        }
    };
    let id = &row.session.id;
    let before = remembered(work, id);
    let (seen, tasks) = seen::look(before.as_ref(), &row, at, work.context.activated_at, known_since);
    let Some(seen) = seen else { return };
    if before.as_ref() != Some(&seen) {
        remember(work, id, &seen);
    }
    if before.is_none_or(|before| before.registrants != seen.registrants) {
        let (subject, count) = (Subject::session(id.as_str()), seen.registrants.to_string());
        work.changed(LIVESTORM, "Session", Some(id.as_str()), Action::Unchanged, &subject, &count);
    }
    given.add(&seen, tasks);
}

/// Of the sessions that are remembered, those whose people are to be read; those long over are forgotten.
fn due(work: &Work<'_>, place: &Place, at: Instant) -> (Place, Given) {
    let entries = work.host.scan(KEY, place.after.as_deref(), DUE_A_PAGE);
    let (mut given, mut readings) = (Given::default(), Vec::new());
    for (id, seen) in entries.iter().filter_map(read_entry) {
        match seen::due(&id, &seen, at) {
            Some(reading) => readings.push((seen.ended_at.is_none(), seen.read_at, id, reading)),
            None if seen::is_over(&seen, at) => {
                work.host.delete(&key(&id));
                given.tasks.push(task::forget_people(&id, at));
            }
            None => {}
        }
    }
    // Sessions that have ended, then those that wait longest.
    readings.sort_by_key(|(is_before, read_at, ..)| (*is_before, *read_at));
    for (_, _, id, (after, task)) in readings {
        if given.requests < READINGS_A_PASS {
            remember(work, &id, &after);
            given.add(&after, [task]);
        }
    }
    match entries.last() {
        Some(last) if entries.len() == DUE_A_PAGE as usize => {
            let after = Some(last.key.clone());
            (Place { begun_at: Some(at), step: Some(DUE.into()), page: 0, after, ..place.clone() }, given)
        }
        _ => {
            if place.checks(at) {
                given.tasks.push(task::check_webhooks(at));
                given.requests += 1;
            }
            if place.first_step(at) == ALL {
                work.host.set(Entry { key: KNOWN.into(), value: at.to_string(), subject: None });
            }
            (place.over(at), given)
        }
    }
}

/// By one look: what is remembered is not at hand. At least a page of what has changed; at most all pages, and a reading of everybody.
pub async fn cost(work: &Work<'_>) -> Result<Vec<Cost>, Halt> {
    let doing = Doing { what: "see how many sessions there are", whom: "the Livestorm workspace" };
    let since = (work.context.activated_at / SECOND).to_string();
    let query =
        [("page[number]", "0"), ("page[size]", paging::PAGE_SIZE_MAX), ("filter[created_since]", since.as_str())];
    let body = match read(work, &SESSIONS, &[], &query, &doing).await? {
        Read::Body(body) => body,
        other => return Err(other.stop(work.now(), &doing).into()),
    };
    let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows = rows.iter().filter_map(|row| Row::read(&At::root(row).ok()?).ok());
    let readings: u64 = rows.map(|row| 3 + row.registrants.div_ceil(50).max(1)).sum();
    let pages = At::root(&body).ok().as_ref().and_then(paging::extent).map_or(1, |extent| extent.pages);
    // The other pages are taken to be like the first one; and one look at the webhooks.
    Ok(cost_of(1, pages * (1 + readings) + 2))
}

fn key(id: &SessionId) -> String {
    format!("{KEY}{id}")
}

fn read_entry(entry: &Entry) -> Option<(SessionId, Seen)> {
    Some((SessionId::parse(entry.key.strip_prefix(KEY)?).ok()?, from_text(&entry.value).ok()?))
}

/// What cannot be read is seen anew: its tasks are those that were given before.
fn remembered(work: &Work<'_>, id: &SessionId) -> Option<Seen> {
    from_text(&work.host.get(&key(id))?).ok()
}

fn remember(work: &Work<'_>, id: &SessionId, seen: &Seen) {
    let subject = Some(Subject::session(id.as_str()));
    work.host.set(Entry { key: key(id), value: to_text(seen), subject });
}
