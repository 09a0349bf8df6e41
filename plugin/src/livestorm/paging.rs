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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
