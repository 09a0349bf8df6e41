//! Salesforce. Limits are 403 with a code, not 429, and come without `Retry-After`.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html>
//!
//! What counts as how many: a `composite`, a `composite/graph` and a list of records are one call of the org's 24 hours, however
//! much they carry; of a `composite/batch` each part is one. For a run's `requests` each of them is one request, as it is sent
//! once; Salesforce's own bounds (25 parts, 500 nodes, 200 records) keep that from being a way around the limit. What a person is
//! shown, and what the rules judge, is each part.

mod answers;
mod envelope;
mod inner;
mod records;
mod strict;

pub use envelope::open;

use super::{Left, Pace, Seen, Verdict, retry_after};
use crate::{
    connections::{learned::TooMany, policy},
    effect::{Method, Request},
};
use http::HeaderMap;
use serde::Deserialize;
use std::time::Duration;

/// No rate: the limit is the calls of 24 hours.
/// <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_tokens_scopes.htm>, confirmed.
pub const SCOPES: &[&str] = &["api", "refresh_token"];

pub const PACE: Pace = Pace { in_flight_max: IN_FLIGHT_MAX, rates: &[] };

/// Requests in flight. Ours, moderate: Salesforce limits only calls of 20 s or more (25 an org, 5 in developer orgs), so that with
/// five nobody is refused even if all turn slow. <…/salesforce-app-limits-platform-api.html>, confirmed.
const IN_FLIGHT_MAX: usize = 5;

/// `TotalRequests`: the calls of the last 24 hours. The window rolls, so some come free again all the time.
const TOTAL_WAIT: Duration = Duration::from_secs(15 * 60);
/// `Concurrent…`: too many long calls at once. Over as soon as one of them ends.
const CONCURRENT_WAIT: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Error {
    error_code: String,
    #[serde(default)]
    message: String,
}

/// `Sforce-Limit-Info: api-usage=18/5000; per-app-api-usage=17/250(appName=X)`, on every answer.
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-limitinfo.html>, confirmed.
pub fn left(headers: &HeaderMap) -> Option<Left> {
    let told = headers.get("sforce-limit-info")?.to_str().ok()?;
    let usage = told.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, of) = usage.split_once('/')?;
    let (used, of): (u64, u64) = (used.trim().parse().ok()?, of.trim().parse().ok()?);
    Some(Left { requests: of.saturating_sub(used), of: Some(of) })
}

pub fn classify(seen: Seen<'_>) -> Verdict {
    match seen.status {
        ..400 if seen.carries => answers::classify(seen),
        ..400 => Verdict::Plain,
        _ => refusal(seen),
    }
}

/// What a refused request, or a refused part of one, says of the connection.
fn refusal(seen: Seen<'_>) -> Verdict {
    // Always a list on data calls; the first says it.
    let errors: Vec<Error> = serde_json::from_slice(seen.body).unwrap_or_default();
    let first = errors.first();
    match (seen.status, first.map(|e| e.error_code.as_str())) {
        (401, code) => Verdict::TokenExpired(format!("Salesforce answered 401 {}", code.unwrap_or("without a code"))),
        (_, Some("INVALID_SESSION_ID")) => Verdict::TokenExpired("Salesforce answered INVALID_SESSION_ID".into()),
        // The identity address answers in plain text.
        (403, None) if seen.body.trim_ascii() == b"Bad_OAuth_Token" => {
            Verdict::TokenExpired("Salesforce answered Bad_OAuth_Token".into())
        }
        (_, Some("REQUEST_LIMIT_EXCEEDED")) => match first {
            // One code, two senses: only the text tells them apart.
            Some(e) if e.message.contains("Concurrent") => Verdict::SlowDown(TooMany::AtOnce, Some(CONCURRENT_WAIT)),
            _ => Verdict::QuotaGone {
                wait: TOTAL_WAIT,
                reason: "Salesforce's API calls of the last 24 hours are used up".into(),
            },
        },
        (_, Some(code @ ("API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED"))) => Verdict::Refused(format!(
            "Salesforce answered {code}: this org or this user may not use the API. Ask the Salesforce administrator to allow it"
        )),
        (429, _) => Verdict::SlowDown(TooMany::InTime, retry_after(seen.now, seen.headers)),
        _ => Verdict::Plain,
    }
}

/// `composite`, `composite/batch` and `composite/graph` carry requests; `composite/sobjects` and `composite/tree`
/// carry records.
pub fn envelope(path: &[String]) -> Option<usize> {
    let at = path.iter().position(|s| s.eq_ignore_ascii_case("composite"))?;
    match path.get(at + 1) {
        Some(next) if next.eq_ignore_ascii_case("sobjects") || next.eq_ignore_ascii_case("tree") => None,
        _ => Some(at),
    }
}

/// Reads are GETs, save the one that runs code; and two POSTs that look for more than an address can hold.
pub fn reads(request: &Request) -> bool {
    let is = |segment: &String, name: &str| segment.eq_ignore_ascii_case(name);
    policy::readings(&request.path).iter().all(|path| match request.method {
        Method::Get => !path.iter().any(|s| is(s, "executeAnonymous")),
        Method::Post => match envelope::composite(path) {
            Some((_, [list, _])) => is(list, "sobjects"),
            Some(_) => false,
            None => {
                path.len() == 4
                    && is(&path[0], "services")
                    && is(&path[1], "data")
                    && is(&path[3], "parameterizedSearch")
            }
        },
        Method::Put | Method::Patch | Method::Delete => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::{Verdict::*, *};
    use crate::connections::profile::Provider::Salesforce;

    fn body(code: &str, message: &str) -> String {
        serde_json::json!([{"message": message, "errorCode": code}]).to_string()
    }

    #[test]
    fn what_is_left_of_the_calls_of_a_day_is_told() {
        let told = |text: &'static str| {
            left(&[(http::HeaderName::from_static("sforce-limit-info"), text.parse().unwrap())].into_iter().collect())
        };
        let of = |requests, of| Some(Left { requests, of: Some(of) });
        assert_eq!(told("api-usage=18/5000"), of(4_982, 5_000));
        assert_eq!(told("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)"), of(4_975, 5_000));
        assert_eq!(told("per-app-api-usage=17/250(appName=x); api-usage=6000/5000"), of(0, 5_000));
        for none in ["", "api-usage=", "api-usage=1", "api-usage=a/b"] {
            assert_eq!(told(none), None, "{none}");
        }
    }

    #[test]
    fn every_answer_has_its_verdict() {
        let expired = |what: &str| TokenExpired(format!("Salesforce answered {what}"));
        let session = body("INVALID_SESSION_ID", "Session expired or invalid");
        check(Salesforce, 401, &[], &session, expired("401 INVALID_SESSION_ID"));
        check(Salesforce, 401, &[], "<html>", expired("401 without a code"));
        check(Salesforce, 403, &[], &session, expired("INVALID_SESSION_ID"));
        check(Salesforce, 403, &[], "Bad_OAuth_Token", expired("Bad_OAuth_Token"));
        check(
            Salesforce,
            403,
            &[],
            &body("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            QuotaGone {
                wait: Duration::from_secs(900),
                reason: "Salesforce's API calls of the last 24 hours are used up".into(),
            },
        );
        check(
            Salesforce,
            403,
            &[],
            &body("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
            SlowDown(TooMany::AtOnce, Some(Duration::from_secs(3))),
        );
        check(
            Salesforce,
            403,
            &[],
            &body("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
            Refused("Salesforce answered API_DISABLED_FOR_ORG: this org or this user may not use the API. Ask the Salesforce administrator to allow it".into()),
        );
        check(Salesforce, 429, &[("retry-after", "2")], "", SlowDown(TooMany::InTime, Some(Duration::from_secs(2))));
        for (status, code) in [
            (503, "SERVER_UNAVAILABLE"),
            (500, "UNKNOWN_EXCEPTION"),
            (400, "UNABLE_TO_LOCK_ROW"),
            (400, "DUPLICATES_DETECTED"),
            (403, "INSUFFICIENT_ACCESS"),
            (404, "NOT_FOUND"),
            (200, "INVALID_SESSION_ID"),
        ] {
            check(Salesforce, status, &[], &body(code, "x"), Plain);
        }
        check(Salesforce, 400, &[], r#"{"error":"invalid_grant"}"#, Plain);
    }

    #[test]
    fn an_envelope_is_told_from_a_list_of_records() {
        let of = |text: &str| envelope(&text.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("services/data/v62.0/composite"), Some(3));
        assert_eq!(of("services/data/v62.0/composite/batch"), Some(3));
        assert_eq!(of("services/data/v62.0/Composite/Graph"), Some(3));
        assert_eq!(of("services/data/v62.0/composite/sobjects"), None);
        assert_eq!(of("services/data/v62.0/composite/tree/Lead"), None);
        assert_eq!(of("services/data/v62.0/sobjects/Lead"), None);
    }
}
