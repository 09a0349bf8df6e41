//! Account Engagement (Pardot). The code in the body decides, whatever the status: the statuses of most codes are not
//! documented, and some answers came as XML. <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>

use super::{Pace, Rate, Seen, Verdict, retry_after};
use crate::{
    connections::{learned::TooMany, policy},
    effect::{Method, Request},
    sync::plan::Quota,
};
use serde::Deserialize;
use std::time::Duration;

/// Production. Sandboxes and developer orgs are at `https://pi.demo.pardot.com`: the binding's `address` says so.
pub const ORIGIN: &str = "https://pi.pardot.com";
pub const BUSINESS_UNIT: &str = "pardot-business-unit-id";

/// `pardot_api` alone is its own; `api` is for the Tooling API, which knows its extensions.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/authentication.html>, confirmed.
pub const SCOPES: &[&str] = &["api", "pardot_api", "refresh_token"];

pub const PACE: Pace = Pace {
    in_flight_max: IN_FLIGHT_MAX,
    rates: &[Rate { per_second: NEW_ACTIVITIES_PER_SECOND, applies: new_activity }],
};

/// The calls of a day that the smallest edition has (Growth). <…/guide/version5overview.html>, confirmed.
pub const QUOTA: Quota = Quota { requests: 25_000, window: Duration::from_secs(86_400) };

/// Requests in flight per business unit. More than 5 are answered with code 66 (vendor's overview, confirmed); one is left to
/// the customer's other tools.
const IN_FLIGHT_MAX: usize = 4;
/// External activities have a limit of their own that no page gives, so what one more would bring is unknown: RULES 25.
const NEW_ACTIVITIES_PER_SECOND: u32 = 2;
/// The day's calls come back at midnight in the account's time zone, which no answer tells: look every hour.
const DAY_WAIT: Duration = Duration::from_secs(3600);
/// No answer with a code is longer. What is longer is not searched for one.
const ERROR_BYTES_MAX: usize = 64 * 1024;

fn new_activity(method: Method, path: &[String]) -> bool {
    method == Method::Post && path.last().is_some_and(|s| s == "external-activities")
}

/// Reads are GETs, save those of the versions before 5, in which a GET may write: `/api/prospect/version/4/do/update/id/1`.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/prospects-v4.html>
pub fn reads(request: &Request) -> bool {
    let acts = |path: &Vec<String>| path.iter().any(|segment| segment.eq_ignore_ascii_case("do"));
    request.method == Method::Get && !policy::readings(&request.path).iter().any(acts)
}

/// 18 characters as the setup page shows it, or 15, whose other three are a checksum of its capitals.
pub fn business_unit(given: Option<&str>) -> Result<String, String> {
    let id = given.ok_or("Account Engagement needs `business_unit`: Setup > Business Unit Setup shows its id")?;
    if !id.starts_with("0Uv") || !id.bytes().all(|b| b.is_ascii_alphanumeric()) || ![15, 18].contains(&id.len()) {
        return Err(format!(
            "`{}` is no business unit id: it begins with 0Uv and has 18 characters, or 15",
            id.escape_default()
        ));
    }
    if id.len() == 18 {
        return Ok(id.to_owned());
    }
    let check = id.as_bytes().chunks(5).map(|five| {
        let bits = five.iter().enumerate().fold(0u8, |n, (i, b)| n | u8::from(b.is_ascii_uppercase()) << i);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[usize::from(bits)])
    });
    Ok(id.chars().chain(check).collect())
}

/// `{"code": 49, "message": "…"}`, or `<rsp stat="fail"…><err code="49">…`.
fn code(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Error {
        code: u32,
        #[serde(rename = "message")]
        _message: String,
    }
    if body.is_empty() || body.len() > ERROR_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?.trim_start();
    if text.starts_with('{') {
        return serde_json::from_str::<Error>(text).ok().map(|e| e.code);
    }
    if !text.starts_with('<') || !text.contains("<rsp") {
        return None;
    }
    let (_, error) = text.split_once("<err")?;
    let (attributes, _) = error.split_once('>')?;
    let (_, value) = attributes.split_once("code=")?;
    let digits: String = value.trim_start_matches(['"', '\'']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

pub fn classify(seen: Seen<'_>) -> Verdict {
    let refused = |what: &str| Verdict::Refused(format!("Account Engagement {what}"));
    match (code(seen.body), seen.status) {
        // 49 also says that the user is not in this business unit. A refresh tells the two apart, since then it stays.
        (Some(code @ (49 | 184)), _) => Verdict::TokenExpired(format!("Account Engagement answered code {code}")),
        (Some(66), _) => Verdict::SlowDown(TooMany::AtOnce, retry_after(seen.now, seen.headers)),
        (Some(122), _) => Verdict::QuotaGone {
            wait: retry_after(seen.now, seen.headers).unwrap_or(DAY_WAIT).min(DAY_WAIT),
            reason: "Account Engagement's API calls of this day are used up".into(),
        },
        (Some(76), _) => {
            refused("answered code 76: API access was switched off. Ask its administrator to switch it on")
        }
        (Some(code @ (182 | 201)), _) => refused(&format!(
            "answered code {code}: it does not know this business unit at this address. Check the business unit's id, and \
             whether it is a sandbox (https://pi.demo.pardot.com)"
        )),
        (Some(203), _) => {
            refused("answered code 203: the business unit has no administrator to run as. Ask its administrator")
        }
        (Some(code @ (183 | 202 | 214)), _) => Verdict::InDoubt(format!("Account Engagement answered code {code}")),
        (_, 401) => Verdict::TokenExpired("Account Engagement answered 401".into()),
        (_, 429) => Verdict::SlowDown(TooMany::InTime, retry_after(seen.now, seen.headers)),
        _ => Verdict::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::{Verdict::*, *};
    use crate::connections::profile::Provider::AccountEngagement;

    fn json(code: u32) -> String {
        serde_json::json!({"code": code, "message": "x"}).to_string()
    }

    fn xml(code: u32) -> String {
        format!("<?xml version=\"1.0\"?>\n<rsp stat=\"fail\" version=\"1.0\"><err code=\"{code}\">x</err></rsp>")
    }

    #[test]
    fn the_code_in_the_body_decides_whatever_the_status() {
        let expired = |code| TokenExpired(format!("Account Engagement answered code {code}"));
        for status in [200, 400, 401, 403, 429, 500] {
            for body in [json, xml] {
                check(AccountEngagement, status, &[], &body(184), expired(184));
                check(AccountEngagement, status, &[], &body(49), expired(49));
                check(AccountEngagement, status, &[], &body(66), SlowDown(TooMany::AtOnce, None));
                let day = "Account Engagement's API calls of this day are used up".to_owned();
                check(
                    AccountEngagement,
                    status,
                    &[],
                    &body(122),
                    QuotaGone { wait: Duration::from_secs(3600), reason: day },
                );
                for code in [183, 202, 214] {
                    let said = format!("Account Engagement answered code {code}");
                    check(AccountEngagement, status, &[], &body(code), InDoubt(said));
                }
            }
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        check(AccountEngagement, 401, &[], "<html>", TokenExpired("Account Engagement answered 401".into()));
        check(
            AccountEngagement,
            429,
            &[("retry-after", "2")],
            "",
            SlowDown(TooMany::InTime, Some(Duration::from_secs(2))),
        );
        check(AccountEngagement, 503, &[], "", Plain);
        check(AccountEngagement, 200, &[], r#"{"id":1,"code":66}"#, Plain);
    }

    #[test]
    fn the_guests_business_stays_the_guests() {
        for code in [4, 9, 13, 38, 46, 54, 58, 62, 85, 92, 109, 128, 181, 209, 210, 245] {
            check(AccountEngagement, 400, &[], &json(code), Plain);
        }
    }

    #[test]
    fn an_account_that_needs_a_person_says_so() {
        for code in [76, 182, 201, 203] {
            let headers = http::HeaderMap::new();
            let body = json(code);
            let now = super::super::tests::NOW;
            let seen =
                Seen { now, status: 400, headers: &headers, body: body.as_bytes(), refreshable: true, carries: false };
            assert!(matches!(AccountEngagement.classify(seen), Refused(_)), "{code}");
        }
    }

    #[test]
    fn a_business_unit_of_15_characters_gets_its_checksum() {
        assert_eq!(business_unit(Some("0Uv000000000001AAA")).unwrap(), "0Uv000000000001AAA");
        assert_eq!(business_unit(Some("0Uv000000000001")).unwrap(), "0Uv000000000001CAA");
        // Capitals at the second and fourth of the first five: bits 1 and 3, the tenth letter after A.
        assert_eq!(business_unit(Some("0UvA0000000000a")).unwrap(), "0UvA0000000000aKAA");
        for bad in [None, Some(""), Some("0Uv1"), Some("001000000000001AAA"), Some("0Uv00000000\r\n01AAA")] {
            assert!(business_unit(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_new_activities_are_held_back() {
        let path = |t: &str| t.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert!(new_activity(Method::Post, &path("api/v5/external-activities")));
        assert!(!new_activity(Method::Get, &path("api/v5/external-activities")));
        assert!(!new_activity(Method::Post, &path("api/v5/objects/prospects")));
    }
}
