//! The streams: people, events and sessions of the whole workspace, as records (RULES 21 to 23; what each field means is in
//! `docs/streams.md`).
//!
//! ```text
//! gather: lists of sessions (and of events), page by page ──> people of the sessions that changed or are due
//! tell:   each record that changed since the last pass that was told to its end, once
//! ```
//!
//! Promises: one request a page at most, so that nothing is lost of it where the next one has to wait; a pass in which
//! nothing changed gives no row; what vanished from a list that was read whole and did not move is told as deleted. Not
//! here: how often (the host).

mod events;
mod pass;
mod people;
mod reading;
mod records;
mod registration;
mod sessions;
mod shape;
#[cfg(test)]
mod tests;

use super::{Asked, Halt, cursor};
use crate::{
    call::{Call, LIVESTORM},
    host::{Cost, DAY, Instant, MINUTE, Page, SECOND, Source},
    json::At,
    livestorm::{
        calls::{EVENTS, SESSIONS},
        errors::{Read, read},
        paging,
    },
    stop::Doing,
    work::Work,
};
use pass::{Pass, Place};
use reading::{End, List};
use serde_json::Value;

/// Two passes are at least so far apart (RULES 22).
const MIN_INTERVAL: u64 = 30 * MINUTE;
/// Sessions that every pass reads, however long they were not updated: from so long ago to so far ahead (RULES 21).
const AGO: u64 = 7 * DAY;
const AHEAD: u64 = 30 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    People,
    Events,
    Sessions,
}

const ALL: [Stream; 3] = [Stream::People, Stream::Events, Stream::Sessions];

/// What is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Sessions,
    Events,
}

pub fn sources() -> Vec<Source> {
    let source = |stream: Stream| {
        let (title, schema, key) = match stream {
            Stream::People => ("People", include_str!("people.schema.json"), "email"),
            Stream::Events => ("Events", include_str!("events.schema.json"), "id"),
            Stream::Sessions => ("Sessions", include_str!("sessions.schema.json"), "id"),
        };
        Source {
            name: stream.name().into(),
            title: title.into(),
            schema: schema.into(),
            primary_key: vec![key.into()],
            min_interval_ms: MIN_INTERVAL,
            parameters: String::new(),
            scheduled: true,
        }
    };
    ALL.into_iter().map(source).collect()
}

pub fn of(source: &str) -> Option<Stream> {
    ALL.into_iter().find(|stream| stream.name() == source)
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Stream::People => "people",
            Stream::Events => "events",
            Stream::Sessions => "sessions",
        }
    }

    /// What a pass reads before it reads people. Sessions before events, which take from them when they are.
    fn lists(self, pass: &Pass) -> Vec<(Of, List<'static>)> {
        let list = |of, filter: &[(&'static str, Instant)]| {
            let call: &'static Call = if of == Of::Sessions { &SESSIONS } else { &EVENTS };
            let filter = filter.iter().map(|(name, at)| (*name, (at / SECOND).to_string())).collect();
            (of, List { call, ids: &[], filter })
        };
        let mut lists = match pass.since {
            None => vec![list(Of::Sessions, &[])],
            Some(since) => vec![
                list(
                    Of::Sessions,
                    &[
                        ("filter[date_from]", pass.started.saturating_sub(AGO)),
                        ("filter[date_to]", pass.started + AHEAD),
                    ],
                ),
                list(Of::Sessions, &[("filter[updated_since]", since)]),
            ],
        };
        if self == Stream::Events {
            let since = pass.since.map(|since| ("filter[updated_since]", since));
            lists.push(list(Of::Events, since.as_slice()));
        }
        lists
    }

    fn found(self, work: &Work<'_>, pass: &mut Pass, of: Of, row: &Value) {
        match (self, of) {
            (Stream::People, _) => people::session_found(work, row),
            (Stream::Events, Of::Sessions) => events::session_found(work, pass, row),
            (Stream::Events, Of::Events) => events::found(work, pass, row),
            (Stream::Sessions, _) => sessions::found(work, pass, row),
        }
    }

    /// Everything that is there was in the list.
    fn not_found(self, work: &Work<'_>, pass: &mut Pass, of: Of, end: End) {
        let End::Whole(marks) = end else { return };
        match (self, of) {
            (Stream::People, _) => people::session_not_found(work, &marks),
            (Stream::Events, Of::Sessions) => events::session_not_found(work, pass, &marks),
            (Stream::Events, Of::Events) => events::not_found(work, pass, &marks),
            (Stream::Sessions, _) => sessions::not_found(work, pass, &marks),
        }
    }
}

pub async fn page(work: &Work<'_>, stream: Stream, asked: &Asked<'_>) -> Result<Page, Halt> {
    let place: Option<Place> = cursor::read(stream.name(), work.now(), asked.cursor)?;
    let mut place = place.unwrap_or_default();
    let mut pass = Pass::open(work, &mut place);
    let mut rows = Vec::new();
    if let Some(told) = &place.told {
        (rows, place.told) = records::changed(work, stream, place.done, told);
    } else {
        gather(work, stream, &mut pass).await?;
        pass.keep(work);
        // Nothing is looked through where nothing can be told.
        place.told = Some(String::new()).filter(|_| pass.over && pass.changed_in > place.done);
    }
    let more = !pass.over || place.told.is_some();
    if !more {
        place = Place { done: pass.started, pass: None, told: None };
    }
    Ok(Page {
        rows,
        tasks: Vec::new(),
        cursor: cursor::write(stream.name(), place.at(), &place),
        more,
        costs: Vec::new(),
    })
}

async fn gather(work: &Work<'_>, stream: Stream, pass: &mut Pass) -> Result<(), Halt> {
    let lists = stream.lists(pass);
    let count = lists.len() as u64;
    let list = lists.into_iter().zip(0..).find(|(_, number)| *number == pass.lists);
    let Some(((of, list), _)) = list else {
        return Ok(people::step(work, pass).await?);
    };
    let doing = Doing { what: "list sessions and events", whom: "the Livestorm workspace" };
    let step = reading::step(work, &list, &doing).await?;
    for row in &step.rows {
        stream.found(work, pass, of, row);
    }
    if let Some(end) = step.end {
        if pass.since.is_none() {
            stream.not_found(work, pass, of, end);
        }
        pass.lists += 1;
        if pass.lists == count {
            pass.all_listed();
            pass.over = stream != Stream::People;
        }
    }
    Ok(())
}

/// What the next pass costs: of each list the first page says how many there are.
pub async fn cost(work: &Work<'_>, stream: Stream) -> Result<Vec<Cost>, Halt> {
    let last = Pass::last(work);
    // Whoever asks has no cursor: one who was told all that is known.
    let done = last.as_ref().and_then(|last| last.listed_at).unwrap_or_default();
    let pass = Pass::after(last, done, work.now());
    let doing = Doing { what: "see what a pass will cost", whom: "the Livestorm workspace" };
    let (mut lists, mut at_least, mut of_these) = (0, 0, 0);
    for (of, list) in stream.lists(&pass) {
        let mut query = vec![("page[number]", "0"), ("page[size]", paging::PAGE_SIZE_MAX)];
        query.extend(list.filter.iter().map(|(name, value)| (*name, value.as_str())));
        let body = match read(work, list.call, list.ids, &query, &doing).await? {
            Read::Body(body) => body,
            other => return Err(other.stop(work.now(), &doing).into()),
        };
        let extent = At::root(&body).ok().as_ref().and_then(paging::extent).unwrap_or_default();
        lists += extent.pages.max(1);
        if of == Of::Sessions && stream == Stream::People {
            let pages = people::pages(&body, extent.records);
            of_these += pages;
            // With all sessions on one page it is known of each; else it is one at least.
            at_least += if extent.pages <= 1 { pages } else { extent.records };
        }
    }
    let (least, most) = match stream {
        Stream::People if pass.all => (at_least, of_these.max(at_least)),
        Stream::People => {
            let due = people::pages_due(work, &pass);
            // Of those that are not due, none may have changed, or all.
            (due, if pass.since.is_none() { due.max(of_these) } else { due + of_these })
        }
        Stream::Events | Stream::Sessions => (0, 0),
    };
    Ok(vec![Cost { connection: LIVESTORM.into(), least: lists + least, most: lists + most }])
}
