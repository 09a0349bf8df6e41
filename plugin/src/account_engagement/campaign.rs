//! A campaign as Connected Campaigns brings it over from Salesforce. Nothing here makes one: v5 cannot, and what an
//! administrator made is never adopted (S2-66).

use super::{calls::CAMPAIGNS, query, time};
use crate::{
    host::{HOUR, Instant, MINUTE},
    json,
    stop::{Doing, Stop},
    values::Values,
    work::Work,
};
use serde_json::Value;

/// How far our clock and theirs may differ, and how long before our note the campaign may have been made.
const SLACK: u64 = 5 * MINUTE;
/// 20,000 campaigns in the time of one wait: more is no business unit of ours.
const PAGES_MAX: usize = 20;

/// Salesforce id (its first 15 characters) to the campaign's id, of all made since.
pub async fn made_since(work: &Work<'_>, since: Instant, doing: &Doing<'_>) -> Result<Values, Stop> {
    let since = time(since.saturating_sub(SLACK));
    let filter = [("createdAtAfterOrEqualTo", since.as_str()), ("orderBy", "id DESC"), ("limit", "1000")];
    let rows = query(work, &CAMPAIGNS, "id,name,salesforceId,createdAt", &filter, PAGES_MAX, doing).await?;
    let rows = rows.map_err(|error| error.stop(work.now(), doing))?;
    let mut found = Values::default();
    for (salesforce, campaign) in rows.iter().filter_map(ids) {
        found.insert(&salesforce, campaign);
    }
    Ok(found)
}

fn ids(row: &Value) -> Option<(String, String)> {
    let salesforce = row.get("salesforceId").and_then(json::scalar)?;
    Some((short(&salesforce)?.to_string(), super::id_of(row)?))
}

/// One side may give 15 characters and the other 18, which add a check sum. The 15 tell case apart.
pub fn short(salesforce_id: &str) -> Option<&str> {
    salesforce_id.get(..15)
}

/// When to look again: usually it takes 10 minutes, at times 30, later it is an exception. Full marks of the clock, so
/// that all that wait look together.
pub fn next_look(now: Instant, made_at: Instant) -> Instant {
    let step = if now.saturating_sub(made_at) < 30 * MINUTE { 2 * MINUTE } else { 15 * MINUTE };
    (now / step + 1) * step
}

/// Waiting this long, a person is told.
pub const LATE: u64 = 24 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_compared_on_fifteen_characters_with_case() {
        let row = json!({"id": 7, "salesforceId": "701000000000ABCAAY"});
        assert_eq!(ids(&row), Some(("701000000000ABC".into(), "7".into())));
        assert_ne!(short("701000000000ABC"), short("701000000000abcAAY"));
        assert_eq!(ids(&json!({"id": 7, "salesforceId": null})), None);
        assert_eq!(ids(&json!({"id": 7, "salesforceId": "701"})), None);
    }

    #[test]
    fn all_that_wait_look_at_the_same_marks() {
        let made = 10 * HOUR + 61_000;
        assert_eq!(next_look(made, made), 10 * HOUR + 2 * MINUTE);
        assert_eq!(next_look(10 * HOUR + 2 * MINUTE, made), 10 * HOUR + 4 * MINUTE);
        assert_eq!(next_look(made + 30 * MINUTE - 1, made), 10 * HOUR + 32 * MINUTE);
        assert_eq!(next_look(made + 30 * MINUTE, made), 10 * HOUR + 45 * MINUTE);
    }
}
