//! What filling in past sessions costs, by connection: bounds for the tasks of a page, from what the list says (RULES 24, 25), and
//! before a request a closer look, since what people did in a session is in no list.

use super::{DOING, Found};
use crate::{
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE},
    domain::email::Email,
    flow::{activities, left_out},
    host::Cost,
    json::At,
    livestorm::{
        calls::SESSION_PEOPLE,
        errors::{Read, read},
        paging,
        resources::{self, PersonRow, Secrets},
    },
    settings::{Destination, Settings},
    stop::Stop,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Sessions whose people are looked at before a request: the first page of each, or of as many, spread over all.
const LOOKED_AT_MAX: usize = 20;
const PEOPLE_A_PAGE: u64 = 50;
/// People of a batch of tasks.
const BATCH: u64 = 50;
/// Looks for campaigns that Connected Campaigns brings over: usually ten minutes, at times thirty and more, every two minutes.
const POLLS: Span = Span { least: 1, most: 15 };

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    least: u64,
    most: u64,
}

impl Span {
    fn exactly(number: u64) -> Span {
        Span { least: number, most: number }
    }

    fn plus(self, other: Span) -> Span {
        Span { least: self.least + other.least, most: self.most + other.most }
    }

    fn times(self, number: u64) -> Span {
        Span { least: self.least * number, most: self.most * number }
    }

    /// Of `part` things this is known: of all of them.
    fn of_all(self, part: u64, all: u64) -> Span {
        let part = part.max(1);
        Span { least: self.least * all / part, most: (self.most * all).div_ceil(part) }
    }
}

fn costs(spans: [(&str, Span); 3]) -> Vec<Cost> {
    let cost =
        |(connection, span): (&str, Span)| Cost { connection: connection.into(), least: span.least, most: span.most };
    spans.into_iter().filter(|(_, span)| span.most > 0).map(cost).collect()
}

/// Of the tasks of a page.
pub fn at_most(settings: &Settings, found: &[Found]) -> Vec<Cost> {
    of(settings, found, Span::default(), people(settings, found))
}

/// Of a whole request. `lists`: requests by which the sessions are listed.
pub async fn about(work: &Work<'_>, found: &[Found], lists: u64) -> Result<Vec<Cost>, Stop> {
    let people = match work.settings.destination {
        Destination::AccountEngagement => looked_at(work, found).await?,
        Destination::Salesforce => people(work.settings, found),
    };
    Ok(of(work.settings, found, Span::exactly(lists), people))
}

fn of(settings: &Settings, found: &[Found], lists: Span, people: Span) -> Vec<Cost> {
    let has_filter =
        !(settings.events.titles.is_empty() && settings.events.tags.is_empty() && settings.events.owners.is_empty());
    // What may have been left out, or made, is not counted as certain.
    let made = |one: &Found| Span { least: u64::from(one.is_old && !has_filter), most: 1 };
    let all_made = found.iter().map(made).fold(Span::default(), Span::plus);
    let read = |one: &Found| {
        let pages = one.registrants.div_ceil(PEOPLE_A_PAGE).max(1);
        // The session, its event where it is judged, its people.
        Span { least: 1 + u64::from(one.is_old) + if has_filter { 0 } else { pages }, most: 2 + pages }
    };
    let livestorm = found.iter().map(read).fold(lists, Span::plus);
    let people = if has_filter { Span { least: 0, ..people } } else { people };
    match settings.destination {
        Destination::AccountEngagement => {
            let polls = if all_made.most == 0 { Span::default() } else { POLLS };
            let polls = if all_made.least == 0 { Span { least: 0, ..polls } } else { polls };
            let account_engagement = people.plus(all_made).plus(polls);
            costs([(LIVESTORM, livestorm), (SALESFORCE, all_made), (ACCOUNT_ENGAGEMENT, account_engagement)])
        }
        // A campaign and the statuses of its members.
        Destination::Salesforce => {
            costs([(LIVESTORM, livestorm), (SALESFORCE, people.plus(all_made.times(3))), ("", Span::default())])
        }
    }
}

/// By the numbers of the list alone. Of a session that is not old everything may be written already.
fn people(settings: &Settings, found: &[Found]) -> Span {
    let mut all = Span::default();
    for one in found {
        let attendees = one.attendees.min(one.registrants);
        let absent = one.registrants - attendees;
        let most = match settings.destination {
            // Look up, write, join; four activities and two, and a replay each.
            Destination::AccountEngagement if settings.registers_from_forms() => 4 * one.registrants,
            Destination::AccountEngagement => 9 * attendees + 6 * absent,
            // Four for each batch, and as much again for replays.
            Destination::Salesforce => 8 * one.registrants.div_ceil(BATCH),
        };
        all = all.plus(Span { least: 0, most });
    }
    all
}

/// A page of the people of some sessions, and what each of them will cost. The rest is taken to be like them.
async fn looked_at(work: &Work<'_>, found: &[Found]) -> Result<Span, Stop> {
    let with_people: Vec<&Found> = found.iter().filter(|one| one.registrants > 0).collect();
    let each = with_people.len().div_ceil(LOOKED_AT_MAX).max(1);
    let (mut known, mut rows_seen, mut span) = (BTreeSet::new(), 0, Span::default());
    for one in with_people.iter().step_by(each) {
        let query = [("page[number]", "0"), ("page[size]", paging::PAGE_SIZE_MAX)];
        let body = match read(work, &SESSION_PEOPLE, &[one.id.as_str()], &query, &DOING).await? {
            Read::Body(body) => body,
            // Deleted meanwhile.
            Read::Unknown => continue,
            other => return Err(other.stop(work.now(), &DOING)),
        };
        let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        rows_seen += rows.len() as u64;
        for row in rows {
            let person = At::root(row).and_then(|row| resources::person(&row, work.now(), Secrets::default()));
            let of_row = person.ok().and_then(|person| of_person(work.settings, one, &person, &mut known));
            // Of a session that is not old it may be written already.
            let of_row = of_row.map(|span| if one.is_old { span } else { Span { least: 0, ..span } });
            span = span.plus(of_row.unwrap_or_default());
        }
    }
    if rows_seen == 0 {
        return Ok(people(work.settings, found));
    }
    let registrants: u64 = found.iter().map(|one| one.registrants).sum();
    Ok(span.of_all(rows_seen, registrants))
}

/// None: the person is left out.
fn of_person(settings: &Settings, session: &Found, person: &PersonRow, known: &mut BTreeSet<Email>) -> Option<Span> {
    if left_out::why(&person.registration, &settings.left_out, None).is_some() {
        return None;
    }
    let is_new = known.insert(person.registration.email.clone()?);
    // Looked up once; written where something changes.
    let prospect = Span { least: u64::from(is_new), most: 1 + u64::from(is_new) };
    let attendance = if session.is_on_demand { 0 } else { activities::attendance(&person.attendance).len() as u64 };
    let activities = 1 + attendance + u64::from(person.replay.is_some());
    let activities = if settings.registers_from_forms() { 0 } else { activities };
    let joins = 1;
    Some(prospect.plus(Span::exactly(joins + activities)))
}
