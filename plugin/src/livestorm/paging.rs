//! Pages count from 0, and `meta` says when it is over: never the number of rows, since a page may be shorter than asked.

use crate::json::At;

/// More is clamped or refused. <https://developers.livestorm.co/docs/pagination>, confirmed.
pub const PAGE_SIZE_MAX: &str = "50";
/// A bound of our own: 50,000 rows. What needs more is cut into windows of time.
pub const PAGES_MAX: u64 = 1_000;

/// The page after `current`, if there is one.
pub fn next(body: &At<'_>, current: u64) -> Option<u64> {
    let meta = body.object("meta").ok()?;
    let number = |name: &str| meta.text_or_none(name).and_then(|text| text.parse::<u64>().ok());
    let next = match number("next_page") {
        Some(next) => Some(next),
        // Answers of 2021 have no `next_page`, those of today say null at the end.
        None => number("page_count")
            .filter(|pages| number("current_page").unwrap_or(current) + 1 < *pages)
            .map(|_| current + 1),
    };
    next.filter(|next| *next > current && *next < PAGES_MAX)
}

/// How much there is in all, as the answer of any page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub pages: u64,
    pub records: u64,
}

/// None: the answer does not say.
pub fn extent(body: &At<'_>) -> Option<Extent> {
    let meta = body.object("meta").ok()?;
    let number = |name: &str| meta.text_or_none(name).and_then(|text| text.parse::<u64>().ok());
    // An empty list has 0 pages or 1.
    Some(Extent { pages: number("page_count")?.clamp(1, PAGES_MAX), records: number("record_count")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_page_says_how_much_there_is() {
        let rows = [
            (json!({"meta": {"page_count": 3, "record_count": 101}}), Some(Extent { pages: 3, records: 101 })),
            (json!({"meta": {"page_count": 0, "record_count": 0}}), Some(Extent { pages: 1, records: 0 })),
            (json!({"meta": {"page_count": 3}}), None),
            (json!({}), None),
        ];
        for (body, expected) in rows {
            assert_eq!(extent(&At::root(&body).unwrap()), expected, "{body}");
        }
    }

    #[test]
    fn meta_says_when_it_is_over() {
        let rows = [
            (json!({"meta": {"current_page": 0, "next_page": 1, "page_count": 2}}), 0, Some(1)),
            (json!({"meta": {"current_page": 1, "next_page": null, "page_count": 2}}), 1, None),
            (json!({"meta": {"page_count": 3, "record_count": 101, "items_per_page": 1}}), 1, Some(2)),
            (json!({"meta": {"page_count": 3}}), 2, None),
            (json!({"meta": {"page_count": 0}}), 0, None),
            (json!({"meta": {"next_page": "2"}}), 1, Some(2)),
            (json!({"meta": {"next_page": 1}}), 1, None),
            (json!({"data": []}), 0, None),
            (json!({"meta": []}), 0, None),
        ];
        for (body, current, expected) in rows {
            assert_eq!(next(&At::root(&body).unwrap(), current), expected, "{body}");
        }
    }
}
