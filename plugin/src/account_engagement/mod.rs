//! A destination: Salesforce Account Engagement (Pardot), API v5. One file an object.
//!
//! Invariant: of several prospects with one address the most recently active is chosen (S2-74); what an
//! administrator made is never adopted; an activity is never sent twice.

pub mod activity;
pub mod answers;
pub mod calls;
pub mod campaign;
pub mod errors;
pub mod external_activity;
pub mod list;
pub mod list_membership;
pub mod prospect;

use crate::{
    calendar,
    call::Call,
    host::{Answer, HttpError, Instant, MINUTE, Response},
    json,
    stop::{Doing, Stop, for_http},
    work::Work,
};
use errors::ApiError;
use serde_json::Value;

/// ISO 8601 with a numeric offset. A time that ends in `Z` was refused in a real run.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>; the refusal [inferred from public clients].
pub fn time(at: Instant) -> String {
    format!("{}+00:00", calendar::iso(at))
}

/// A number where the id is one (they are integers in JSON), else the text (a dry run's placeholder).
pub fn id_value(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| Value::from(id), Value::from)
}

/// The id in an answer.
pub fn id_of(value: &Value) -> Option<String> {
    value.get("id").and_then(json::scalar).filter(|id| !id.is_empty())
}

/// The answer to an idempotent write.
pub enum Written {
    Answer(Response),
    Planned,
}

/// Takes the host's errors out of an answer to a write.
pub fn written(answer: Answer, now: Instant, doing: &Doing<'_>) -> Result<Written, Stop> {
    match answer {
        Ok(response) => Ok(Written::Answer(response)),
        Err(HttpError::DryRun) => Ok(Written::Planned),
        Err(error) => Err(for_http(&error, now, doing)),
    }
}

/// All rows of a query, page by page: after the first, only `fields` and the token are sent. At most `pages_max` pages.
pub async fn query(
    work: &Work<'_>,
    call: &Call,
    fields: &str,
    filter: &[(&str, &str)],
    pages_max: usize,
    doing: &Doing<'_>,
) -> Result<Result<Vec<Value>, ApiError>, Stop> {
    let mut rows = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..pages_max {
        let mut query = vec![("fields", fields)];
        match &token {
            Some(token) => query.push(("nextPageToken", token)),
            None => query.extend(filter),
        }
        let answer = work.send(call.request(&[], &query, None)).await;
        let now = work.now();
        let response = answer.map_err(|error| for_http(&error, now, doing))?;
        if !response.is_success() {
            return Ok(Err(ApiError::of(&response)));
        }
        let mut body = json::parse(&response.body)
            .map_err(|why| doing.later(now + MINUTE, &format!("Account Engagement's answer is not JSON ({why})")))?;
        if let Some(Value::Array(page)) = body.get_mut("values").map(Value::take) {
            rows.extend(page);
        }
        match body.get("nextPageToken").and_then(Value::as_str) {
            Some(next) if token.as_deref() != Some(next) => token = Some(next.into()),
            _ => break,
        }
    }
    Ok(Ok(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::PLACEHOLDER;
    use crate::test_host::{TestHost, ok, on_host};
    use serde_json::json;

    #[test]
    fn times_carry_a_numeric_offset() {
        assert_eq!(time(1_645_459_200_123), "2022-02-21T16:00:00+00:00");
    }

    #[test]
    fn an_id_is_a_number_and_a_placeholder_a_text() {
        assert_eq!(id_value("42"), json!(42));
        assert_eq!(id_value(PLACEHOLDER), json!("dry-run"));
        assert_eq!(id_of(&json!({"id": 42})).as_deref(), Some("42"));
        assert_eq!(id_of(&json!({})), None);
    }

    #[test]
    fn the_next_page_is_asked_for_with_its_token_and_the_fields_alone() {
        let host = TestHost::new(0, |request| {
            let first = request.query.iter().all(|(name, _)| name != "nextPageToken");
            ok(&json!({"values": [{"id": u8::from(!first)}], "nextPageToken": first.then_some("t")}).to_string())
        });
        let doing = Doing { what: "x", whom: "y" };
        let rows = on_host(&host, async |work| {
            query(work, &calls::CAMPAIGNS, "id", &[("limit", "1000"), ("orderBy", "id DESC")], 9, &doing).await
        });
        assert_eq!(rows, Ok(Ok(vec![json!({"id": 0}), json!({"id": 1})])));
        let second = &host.requests()[1].query;
        assert_eq!(second, &[("fields".to_string(), "id".to_string()), ("nextPageToken".to_string(), "t".to_string())]);
    }
}
