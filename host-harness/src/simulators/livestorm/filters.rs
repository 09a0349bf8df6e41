//! What several lists filter by: times in epoch seconds or ISO 8601, flags, comma lists; and which parameters a list
//! knows at all: the vendor's OpenAPI, as public clients carry it [confirmed].

use super::errors::Refusal;
use crate::{
    clock::Timestamp,
    simulators::{
        request::Call,
        unknowns::{Bounds, LivestormUnknowns, UnknownFilterValue, UnknownParameter},
    },
};

/// Every list has pages and may be asked for more than its rows.
const EVERYWHERE: [&str; 3] = ["page[number]", "page[size]", "include"];

/// One resource has neither pages nor filters.
pub(super) fn of_one(call: &Call, unknowns: &LivestormUnknowns) -> Result<(), Refusal> {
    let refuses = unknowns.unknown_parameter == UnknownParameter::Refuse;
    match call.query.iter().find(|(name, _)| name != "include") {
        Some((name, _)) if refuses => Err(Refusal::bad_request(format!("{name} is not a parameter of this"))),
        _ => Ok(()),
    }
}

pub(super) fn known(call: &Call, filters: &[&str], unknowns: &LivestormUnknowns) -> Result<(), Refusal> {
    known_with(call, filters, &[], unknowns)
}

/// With parameters of the list's own that are no filters.
pub(super) fn known_with(
    call: &Call,
    filters: &[&str],
    own: &[&str],
    unknowns: &LivestormUnknowns,
) -> Result<(), Refusal> {
    if unknowns.unknown_parameter == UnknownParameter::Ignore {
        return Ok(());
    }
    let known = |name: &str| {
        let filter = name.strip_prefix("filter[").and_then(|name| name.strip_suffix(']'));
        EVERYWHERE.contains(&name) || own.contains(&name) || filter.is_some_and(|name| filters.contains(&name))
    };
    match call.query.iter().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(Refusal::bad_request(format!("{name} is not a parameter of this list"))),
        None => Ok(()),
    }
}

pub(super) fn text<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.param(&format!("filter[{name}]"))
}

/// A filter by a word, of which there are so many.
pub(super) fn one_of<'a>(
    call: &'a Call,
    name: &str,
    words: &[&str],
    unknowns: &LivestormUnknowns,
) -> Result<Option<&'a str>, Refusal> {
    match text(call, name) {
        Some(word) if !words.contains(&word) && unknowns.unknown_filter_value == UnknownFilterValue::Refuse => {
            Err(Refusal::bad_request(format!("filter[{name}] must be one of {}", words.join(", "))))
        }
        word => Ok(word),
    }
}

pub(super) fn flag(call: &Call, name: &str) -> Result<Option<bool>, Refusal> {
    match text(call, name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Refusal::bad_request(format!("filter[{name}] must be true or false"))),
    }
}

/// The span of times between two filters.
pub(super) struct Span {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    bounds: Bounds,
}

impl Span {
    pub fn read(call: &Call, since: &str, until: &str, unknowns: &LivestormUnknowns) -> Result<Span, Refusal> {
        Ok(Span { since: time(call, since)?, until: time(call, until)?, bounds: unknowns.date_bounds })
    }

    /// Compared by the second, which is all that Livestorm shows of a time.
    pub fn holds(&self, at: Timestamp) -> bool {
        let (at, slack) = (at.seconds(), u64::from(self.bounds == Bounds::Exclusive));
        self.since.is_none_or(|since| at >= since.seconds() + slack)
            && self.until.is_none_or(|until| at + slack <= until.seconds())
    }

    pub fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text(call, name) else { return Ok(None) };
    let read = text.parse().ok().map(Timestamp::from_seconds).or_else(|| Timestamp::parse(text)).or_else(|| {
        let day = text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
        u64::try_from(day.and_utc().timestamp()).ok().map(Timestamp::from_seconds)
    });
    read.map(Some).ok_or_else(|| Refusal::bad_request(format!("filter[{name}] must be a time")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::request::encode;

    #[test]
    fn a_time_is_seconds_or_iso_and_its_bound_is_a_switch() {
        let at = Timestamp::parse("2026-11-22T15:00:00.700Z").unwrap();
        let second = at.seconds().to_string();
        // The bound, and whether the moment is held from there on and until there, both ends included and not.
        let rows = [
            (second.as_str(), [true, false], [true, false]),
            ("2026-11-22T15:00:00.000Z", [true, false], [true, false]),
            ("2026-11-22T16:00:00+01:00", [true, false], [true, false]),
            ("2026-11-22T14:59:59Z", [true, true], [false, false]),
            ("2026-11-22T15:00:01Z", [false, false], [true, true]),
            ("2026-11-22", [true, true], [false, false]),
            ("2026-11-23", [false, false], [true, true]),
        ];
        for (bound, since, until) in rows {
            for (filter, expected) in [("created_since", since), ("created_until", until)] {
                for (date_bounds, holds) in [Bounds::Inclusive, Bounds::Exclusive].into_iter().zip(expected) {
                    let unknowns = LivestormUnknowns { date_bounds, ..LivestormUnknowns::default() };
                    let query = format!("/?filter[{filter}]={}", encode(bound));
                    let call = Call::new(http::Request::get(query).body(vec![]).unwrap());
                    let span = Span::read(&call, "created_since", "created_until", &unknowns).unwrap();
                    assert_eq!(span.holds(at), holds, "{filter} {bound} {date_bounds:?}");
                }
            }
        }
    }
}
