//! Lists in pages. `page[number]` counts from **0**; size 20, at most 50 (<https://developers.livestorm.co/docs/pagination>).
//! A page that does not exist is answered 400 [confirmed]. Which end of a list comes first is a switch: it is [unknown].

use super::errors::Refusal;
use crate::simulators::{
    request::Call,
    unknowns::{ItemsPerPage, ListOrder, LivestormUnknowns, OversizedPage},
};
use serde_json::{Value, json};

const SIZE_DEFAULT: usize = 20;
/// More is cut or refused, as `oversized_page` says.
const SIZE_MAX: usize = 50;

/// One page of `rows`, which come oldest first, with the meta block of the list.
pub(super) fn page<T>(call: &Call, mut rows: Vec<T>, unknowns: &LivestormUnknowns) -> Result<(Vec<T>, Value), Refusal> {
    if unknowns.list_order == ListOrder::NewestFirst {
        rows.reverse();
    }
    page_of_sorted(call, rows, unknowns)
}

/// Of rows that the request has put in order.
pub(super) fn page_of_sorted<T>(
    call: &Call,
    rows: Vec<T>,
    unknowns: &LivestormUnknowns,
) -> Result<(Vec<T>, Value), Refusal> {
    let number = number(call, "page[number]")?.unwrap_or(0);
    let size = match number_above_zero(call, "page[size]")? {
        None => SIZE_DEFAULT,
        Some(size) if size <= SIZE_MAX => size,
        Some(_) if unknowns.oversized_page == OversizedPage::Clamp => SIZE_MAX,
        Some(_) => return Err(Refusal::bad_request(format!("page[size] must be at most {SIZE_MAX}"))),
    };
    let record_count = rows.len();
    let pages = record_count.div_ceil(size);
    if number > 0 && number >= pages {
        return Err(Refusal::bad_request(format!("page {number} does not exist")));
    }
    let rows: Vec<T> = rows.into_iter().skip(number * size).take(size).collect();
    let meta = json!({
        "current_page": number,
        "previous_page": number.checked_sub(1),
        "next_page": (number + 1 < pages).then_some(number + 1),
        "record_count": record_count,
        "page_count": if pages == 0 { unknowns.empty_list_pages as usize } else { pages },
        "items_per_page": match unknowns.items_per_page {
            ItemsPerPage::PageSize => size,
            ItemsPerPage::RowsOnPage => rows.len(),
        },
    });
    Ok((rows, meta))
}

fn number(call: &Call, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = call.param(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::bad_request(format!("{name} must be a number")))
}

fn number_above_zero(call: &Call, name: &str) -> Result<Option<usize>, Refusal> {
    match number(call, name)? {
        Some(0) => Err(Refusal::bad_request(format!("{name} must be above zero"))),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(query: &str) -> Call {
        Call::new(http::Request::get(format!("/v1/events?{query}")).body(vec![]).unwrap())
    }

    #[test]
    fn pages_follow_the_reference() {
        let unknowns = LivestormUnknowns::default();
        /// Rows on the page, next page and pages; or a status.
        type Expected = Result<(usize, Value, usize), u16>;
        let rows: [(&str, usize, Expected); 9] = [
            ("", 45, Ok((20, json!(1), 3))),
            ("page[number]=2", 45, Ok((5, json!(null), 3))),
            ("page[number]=3", 45, Err(400)),
            ("page[number]=-1", 45, Err(400)),
            ("page[size]=0", 45, Err(400)),
            ("page[size]=100", 60, Ok((50, json!(1), 2))),
            ("page[number]=1&page[size]=50", 60, Ok((10, json!(null), 2))),
            ("", 0, Ok((0, json!(null), 0))),
            ("page[number]=1", 0, Err(400)),
        ];
        for (query, count, expected) in rows {
            let found = page(&get(query), (0..count).collect(), &unknowns)
                .map(|(rows, meta)| {
                    (rows.len(), meta["next_page"].clone(), meta["page_count"].as_u64().unwrap() as usize)
                })
                .map_err(|refusal| refusal.status);
            assert_eq!(found, expected, "{query} of {count}");
        }
    }

    #[test]
    fn switches_decide_the_pages_of_an_empty_list_and_what_items_per_page_counts() {
        let rows = [
            (0, ItemsPerPage::PageSize, 0, (0, 20)),
            (1, ItemsPerPage::PageSize, 0, (1, 20)),
            (1, ItemsPerPage::RowsOnPage, 0, (1, 0)),
            (1, ItemsPerPage::RowsOnPage, 25, (2, 20)),
            (0, ItemsPerPage::RowsOnPage, 3, (1, 3)),
        ];
        for (empty_list_pages, items_per_page, count, expected) in rows {
            let unknowns = LivestormUnknowns { empty_list_pages, items_per_page, ..LivestormUnknowns::default() };
            let (_, meta) = page(&get(""), (0..count).collect(), &unknowns).unwrap();
            assert_eq!(
                (&meta["page_count"], &meta["items_per_page"]),
                (&json!(expected.0), &json!(expected.1)),
                "{count}"
            );
            assert_eq!(page(&get("page[number]=1"), (0..count).collect(), &unknowns).is_ok(), count > 20);
        }
    }

    proptest! {
        #[test]
        fn whoever_follows_next_page_sees_every_row_once(count in 0usize..300, size in 1usize..80) {
            let unknowns = LivestormUnknowns::default();
            let (mut seen, mut next) = (vec![], Some(0));
            while let Some(number) = next {
                let query = format!("page[number]={number}&page[size]={size}");
                let (rows, meta) = page(&get(&query), (0..count).collect::<Vec<_>>(), &unknowns).unwrap();
                seen.extend(rows);
                next = meta["next_page"].as_u64();
            }
            prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }
}
