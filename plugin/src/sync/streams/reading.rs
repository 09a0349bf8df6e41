//! One list, read page by page: one page a step, where it stands in the state.
//!
//! Promises: it ends where `meta` says so, and 400 past the last page is an end; a list whose rows moved while it was read is
//! read again, a few times; that something is *not* in a list is said only of one that was read whole and did not move.
//! Not here: what the rows mean.

use crate::{
    call::Call,
    host::{Entry, Instant},
    json::{At, kind, scalar},
    livestorm::{
        errors::{Read, read},
        paging,
    },
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    text::digest,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// A list that moves all the time is taken as it is after so many readings: each costs calls, and what was missed shows
/// as soon as its row changes again.
const TRIES_MAX: u64 = 3;
const KEY: &str = "reading";

/// Which list: a call, the ids in its path, its filters.
pub struct List<'a> {
    pub call: &'a Call,
    pub ids: &'a [&'a str],
    pub filter: Vec<(&'static str, String)>,
}

/// What one step gave.
pub struct Step {
    pub rows: Vec<Value>,
    /// None: there is more of it.
    pub end: Option<End>,
    /// When the reading began, and pages so far.
    pub began_at: Instant,
    pub pages: u64,
}

#[derive(Debug, PartialEq)]
pub enum End {
    /// Read whole while nothing moved: the marks of all that is in it.
    Whole(BTreeSet<String>),
    /// Everybody seen was handed over; somebody may have slipped through.
    Moving,
    /// Livestorm knows no such list.
    Unknown,
}

#[derive(Debug, PartialEq)]
struct Reading {
    page: u64,
    tries: u64,
    began_at: Instant,
}

plain!(Reading { page, tries, began_at });

/// What is remembered of a page until the end.
#[derive(Debug, Default, PartialEq)]
struct Noted {
    pages: Option<u64>,
    records: Option<u64>,
    marks: Vec<String>,
}

plain!(Noted { pages, records, marks });

/// The next reading begins at the first page.
pub fn forget(work: &Work<'_>) {
    work.host.delete(KEY);
}

/// Which row it is, in a few bytes and without saying it.
pub fn mark(row: &Value) -> String {
    let id = row.get("id").and_then(scalar);
    let email = || row.get("attributes").and_then(|attributes| attributes.get("email")).and_then(scalar);
    mark_of(&id.or_else(email).unwrap_or_default())
}

pub fn mark_of(id: &str) -> String {
    digest([id])[..16].into()
}

pub async fn step(work: &Work<'_>, list: &List<'_>, doing: &Doing<'_>) -> Result<Step, Stop> {
    let known = work.host.get(KEY).and_then(|text| from_text(&text).ok());
    let mut reading = known.unwrap_or(Reading { page: 0, tries: 1, began_at: work.now() });
    let (began_at, pages) = (reading.began_at, reading.page + 1);
    let over = |rows, end| {
        (0..=reading.page).for_each(|page| work.host.delete(&note_key(page)));
        forget(work);
        Ok(Step { rows, end: Some(end), began_at, pages })
    };
    let mut noted = Noted::default();
    let (mut rows, mut more) = (Vec::new(), false);
    match page(work, list, reading.page, doing).await? {
        Read::Body(mut body) => {
            if let Ok(body) = At::root(&body) {
                more = paging::next(&body, reading.page).is_some();
                let extent = paging::extent(&body);
                noted.pages = extent.map(|extent| extent.pages);
                noted.records = extent.map(|extent| extent.records);
            }
            match body.get_mut("data").map(Value::take) {
                Some(Value::Array(taken)) => rows = taken,
                None | Some(Value::Null) => {}
                Some(other) => return Err(doing.bug(&format!("Livestorm's answer: /data is {}", kind(&other)))),
            }
            noted.marks = rows.iter().map(mark).collect();
        }
        // Past the last page: rows were taken away meanwhile.
        Read::Refused(_) if reading.page > 0 => {}
        Read::Unknown => return over(rows, End::Unknown),
        other => return Err(other.stop(work.now(), doing)),
    }
    work.host.set(Entry { key: note_key(reading.page), value: to_text(&noted), subject: None });
    if !more {
        let keys: Vec<String> = (0..=reading.page).map(note_key).collect();
        let notes = work.host.get_many(&keys).into_iter().flatten();
        let notes: Vec<Noted> = notes.filter_map(|text| from_text(&text).ok()).collect();
        match whole(&notes) {
            Some(marks) => return over(rows, End::Whole(marks)),
            // One page is one moment: another reading would say the same.
            None if reading.tries >= TRIES_MAX || reading.page == 0 => return over(rows, End::Moving),
            None => reading = Reading { page: 0, tries: reading.tries + 1, began_at },
        }
    } else {
        reading.page += 1;
    }
    work.host.set(Entry { key: KEY.into(), value: to_text(&reading), subject: None });
    Ok(Step { rows, end: None, began_at, pages })
}

fn note_key(page: u64) -> String {
    format!("read/{page}")
}

async fn page(work: &Work<'_>, list: &List<'_>, number: u64, doing: &Doing<'_>) -> Result<Read, Stop> {
    let number = number.to_string();
    let mut query = vec![("page[number]", number.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
    query.extend(list.filter.iter().map(|(name, value)| (*name, value.as_str())));
    read(work, list.call, list.ids, &query, doing).await
}

/// All marks, if every page says the same of how much there is, and that much was on them.
fn whole(notes: &[Noted]) -> Option<BTreeSet<String>> {
    let first = notes.first()?;
    let same = |note: &Noted| note.pages == first.pages && note.records == first.records;
    let marks: BTreeSet<String> = notes.iter().flat_map(|note| note.marks.iter().cloned()).collect();
    let counts = first.pages == Some(notes.len() as u64) && first.records == Some(marks.len() as u64);
    (counts && notes.iter().all(same)).then_some(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_whole_only_if_its_pages_agree_and_hold_as_much_as_they_say() {
        let note = |pages, records, marks: &[&str]| Noted {
            pages: Some(pages),
            records: Some(records),
            marks: marks.iter().map(|mark| mark.to_string()).collect(),
        };
        let size = |notes: &[Noted]| whole(notes).map(|marks| marks.len());
        assert_eq!(size(&[note(2, 3, &["a", "b"]), note(2, 3, &["c"])]), Some(3));
        assert_eq!(size(&[note(1, 0, &[])]), Some(0));
        assert_eq!(size(&[note(2, 3, &["a", "b"]), note(2, 4, &["c"])]), None, "it grew");
        assert_eq!(size(&[note(2, 3, &["a", "b"]), note(2, 3, &["b"])]), None, "one row twice, another never");
        assert_eq!(size(&[note(2, 3, &["a", "b"])]), None, "a page is missing");
        assert_eq!(size(&[Noted::default()]), None, "it does not say how much there is");
    }
}
