//! Livestorm. 429 has two senses: the burst of a second, and the month's calls; headers tell which.
//! <https://developers.livestorm.co/docs/rate-limits-and-quotas>

use super::{Left, Pace, Rate, Seen, Verdict, retry_after};
use crate::{connections::learned::TooMany, effect::Method, sync::plan::Quota};
use http::HeaderMap;
use std::time::Duration;

pub const ORIGIN: &str = "https://api.livestorm.co";
pub const ACCEPT: &str = "application/vnd.api+json";

/// Of a partner's app. Names: <https://developers.livestorm.co/docs/oauth2-authentication>, of `admin:read` inferred.
pub const SCOPES: &[&str] =
    &["identity:read", "events:read", "events:write", "webhooks:read", "webhooks:write", "admin:read"];

/// By either of them anybody joins as that person. <https://developers.livestorm.co/reference/get_sessions-id-people>
pub const WITHHELD: [&str; 2] = ["password_key", "connection_link"];

pub const PACE: Pace =
    Pace { in_flight_max: IN_FLIGHT_MAX, rates: &[Rate { per_second: REQUESTS_PER_SECOND, applies: |_, _| true }] };

/// What every plan has; more can be bought. <https://developers.livestorm.co/docs/rate-limits-and-quotas>, confirmed.
pub const QUOTA: Quota = Quota { requests: 10_000, window: Duration::from_secs(30 * 86_400) };

/// Requests in flight. No limit is documented; ours: at five a second, more would only wait at the other side.
const IN_FLIGHT_MAX: usize = 5;
/// Requests a second, not to be raised; one more is answered with 429. <…/docs/rate-limits-and-quotas>, confirmed.
const REQUESTS_PER_SECOND: u32 = 5;
/// A longer `Retry-After` does not mean the burst of a second. Ours: the burst's is a few seconds.
const BURST_WAIT_MAX: Duration = Duration::from_secs(60);
/// The month is over when it is over, but a customer may buy calls meanwhile: ask again four times a day.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(6 * 3600);
/// Where no header says when the month is over.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

pub fn classify(seen: Seen<'_>) -> Verdict {
    match seen.status {
        401 if seen.refreshable => Verdict::TokenExpired("Livestorm answered 401".into()),
        401 => Verdict::Refused(
            "Livestorm refuses the token (401). Make a new one in Livestorm's account settings, with the scopes that the \
             connector asks for, and bind it"
                .into(),
        ),
        429 => too_many(seen),
        _ => Verdict::Plain,
    }
}

fn too_many(seen: Seen<'_>) -> Verdict {
    let wait = retry_after(seen.now, seen.headers);
    let used_up = remaining(seen.headers).is_some_and(|left| left <= 0);
    if !used_up && wait.is_none_or(|w| w <= BURST_WAIT_MAX) {
        return Verdict::SlowDown(TooMany::InTime, wait);
    }
    let wait = wait.or_else(|| reset(seen)).unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN_MAX);
    Verdict::QuotaGone { wait, reason: "Livestorm's calls of this month are used up".into() }
}

/// Making a webhook. <https://developers.livestorm.co/reference/post_webhooks>
pub fn is_told_addresses(method: Method, path: &[String]) -> bool {
    method == Method::Post && path == ["v1", "webhooks"]
}

pub fn left(headers: &HeaderMap) -> Option<Left> {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    Some(Left { requests: count(remaining(headers)?), of: monthly(headers, "limit").map(count) })
}

fn remaining(headers: &HeaderMap) -> Option<i64> {
    monthly(headers, "remaining")
}

/// The vendor spelt the headers in two ways.
fn monthly(headers: &HeaderMap, what: &str) -> Option<i64> {
    let value = ["monthly", "montly"].iter().find_map(|spelt| headers.get(format!("ratelimit-{spelt}-{what}")))?;
    value.to_str().ok()?.trim().parse().ok()
}

/// End of the monthly period, in epoch seconds.
fn reset(seen: Seen<'_>) -> Option<Duration> {
    let seconds: u64 = seen.headers.get("ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.saturating_sub(seen.now.seconds())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_signed_in};
    use super::{Verdict::*, *};
    use crate::connections::profile::Provider::Livestorm;

    fn gone(seconds: u64) -> Verdict {
        QuotaGone { wait: Duration::from_secs(seconds), reason: "Livestorm's calls of this month are used up".into() }
    }

    #[test]
    fn every_answer_has_its_verdict() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        check(Livestorm, 200, &[("ratelimit-monthly-remaining", "0")], "{}", Plain);
        check(Livestorm, 429, &[], r#"{"errors":[{"title":"throttle limit"}]}"#, SlowDown(TooMany::InTime, None));
        check(
            Livestorm,
            429,
            &[("retry-after", "1"), ("ratelimit-monthly-remaining", "812")],
            "",
            SlowDown(TooMany::InTime, s(1)),
        );
        check(Livestorm, 429, &[("retry-after", "60")], "", SlowDown(TooMany::InTime, s(60)));
        check(Livestorm, 429, &[("retry-after", "61")], "", gone(61));
        check(Livestorm, 429, &[("ratelimit-monthly-remaining", "0"), ("retry-after", "3")], "", gone(3));
        check(Livestorm, 429, &[("ratelimit-montly-remaining", "-1")], "", gone(3600));
        check(
            Livestorm,
            429,
            &[("ratelimit-monthly-remaining", "0"), ("ratelimit-reset", "1800000600")],
            "",
            gone(600),
        );
        check(Livestorm, 429, &[("retry-after", "1900000")], "", gone(6 * 3600));
        check(Livestorm, 401, &[], "", TokenExpired("Livestorm answered 401".into()));
        for (status, body) in [(403, ""), (402, ""), (404, ""), (409, ""), (422, ""), (500, "<html>"), (503, "")] {
            check(Livestorm, status, &[], body, Plain);
        }
    }

    #[test]
    fn what_is_left_is_told_however_it_is_spelt() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            left(&pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("ratelimit-monthly-remaining", " 12")]), Some(Left { requests: 12, of: None }));
        let both = [("ratelimit-montly-remaining", "-3"), ("ratelimit-montly-limit", "10000")];
        assert_eq!(told(&both), Some(Left { requests: 0, of: Some(10_000) }));
        assert_eq!(told(&[("ratelimit-monthly-remaining", "many"), ("ratelimit-monthly-limit", "9")]), None);
    }

    #[test]
    fn only_making_a_webhook_tells_an_address() {
        let path = |path: &[&str]| path.iter().map(|segment| segment.to_string()).collect::<Vec<_>>();
        assert!(is_told_addresses(Method::Post, &path(&["v1", "webhooks"])));
        for (method, of) in [
            (Method::Get, path(&["v1", "webhooks"])),
            (Method::Post, path(&["v1", "events"])),
            (Method::Post, path(&["v1", "webhooks", "1"])),
        ] {
            assert!(!is_told_addresses(method, &of), "{method:?} {of:?}");
        }
    }

    #[test]
    fn a_private_token_that_is_refused_needs_a_person() {
        let reason = "Livestorm refuses the token (401). Make a new one in Livestorm's account settings, with the scopes that the connector asks for, and bind it";
        check_signed_in(Livestorm, false, 401, &[], "", Refused(reason.into()));
    }
}
