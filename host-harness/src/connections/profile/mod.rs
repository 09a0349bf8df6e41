//! What the host knows of a provider, so that no connector has to: how a request is signed, which answer means that a token
//! has expired, that we are too fast, that a quota is used up, and how fast we go. Pure, one file a provider.
//!
//! Invariant: a profile matches statuses and codes, never texts that people wrote, save where the provider gives one code
//! to two senses.
//!
//! Envelopes: a request that carries other requests. [`Provider::envelope`] tells them, so that a rule has to name them
//! outright; [`Provider::open`] opens them, so that every part is judged like a request of its own.

mod account_engagement;
mod livestorm;
mod salesforce;

use super::{
    credentials::Access,
    envelope::{Part, Unread},
    learned::TooMany,
};
use crate::{
    clock::Timestamp,
    effect::{Method, Request},
    sync::plan::Quota,
};
use chrono::DateTime;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    Livestorm,
    Salesforce,
    AccountEngagement,
}

/// What an answer says about the connection, as opposed to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing took effect. A refresh may help.
    TokenExpired(String),
    /// Nothing took effect. Too many at once or in a short time; when to come back, if it says so.
    SlowDown(TooMany, Option<Duration>),
    /// Nothing took effect, and nothing will until the quota is given anew.
    QuotaGone { wait: Duration, reason: String },
    /// Nothing took effect. The account needs a person.
    Refused(String),
    /// The provider gave up in the middle: as with a 504, it may have taken effect.
    InDoubt(String),
    /// The guest's business.
    Plain,
}

/// An answer, as a profile sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub now: Timestamp,
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// Whether the account's token can be refreshed.
    pub refreshable: bool,
    /// Whether the request carried others, and the answer carries theirs.
    pub carries: bool,
}

/// How fast we go with one provider account. Of everybody's flows together.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests in flight.
    pub in_flight_max: usize,
    pub rates: &'static [Rate],
}

/// At most so many requests of a kind in a second, evenly spread.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_second: u32,
    pub applies: fn(Method, &[String]) -> bool,
}

/// What an account may still send in its window of time, as its last answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub requests: u64,
    /// Where it says so: what the window allows in all.
    pub of: Option<u64>,
}

impl Left {
    /// Why no more is sent, where so little is left that it is kept for others. A provider that does not say how much there is
    /// in all keeps nothing back.
    pub(super) fn is_others(self, reserve_percent: u8) -> Option<String> {
        let of = self.of?;
        let kept = u128::from(of) * u128::from(reserve_percent);
        (u128::from(self.requests) * 100 < kept).then(|| {
            format!(
                "of the account's {of} calls {} are left, and {reserve_percent} % are kept for others (reserve_percent in the installation \
                 file)",
                self.requests
            )
        })
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provider::Livestorm => "Livestorm",
            Provider::Salesforce => "Salesforce",
            Provider::AccountEngagement => "Account Engagement",
        })
    }
}

impl Provider {
    pub const ALL: [Provider; 3] = [Provider::Livestorm, Provider::Salesforce, Provider::AccountEngagement];

    /// Fields of answers whose values let anybody be somebody else. No connector sees them, and no tape, unless the customer's
    /// settings ask for them by name.
    pub fn withheld(self) -> &'static [&'static str] {
        match self {
            Provider::Livestorm => &livestorm::WITHHELD,
            Provider::Salesforce | Provider::AccountEngagement => &[],
        }
    }

    /// The name by which a manifest asks for it.
    pub fn parse(name: &str) -> Option<Provider> {
        match name {
            "livestorm" => Some(Provider::Livestorm),
            "salesforce" => Some(Provider::Salesforce),
            "account-engagement" => Some(Provider::AccountEngagement),
            _ => None,
        }
    }

    /// What a person who signs in agrees to.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Provider::Livestorm => livestorm::SCOPES,
            Provider::Salesforce => salesforce::SCOPES,
            Provider::AccountEngagement => account_engagement::SCOPES,
        }
    }

    pub fn pace(self) -> Pace {
        match self {
            Provider::Livestorm => livestorm::PACE,
            Provider::Salesforce => salesforce::PACE,
            Provider::AccountEngagement => account_engagement::PACE,
        }
    }

    /// What an account may send in a window of time, where that is little enough to plan by.
    pub fn quota(self) -> Option<Quota> {
        match self {
            Provider::Livestorm => Some(livestorm::QUOTA),
            Provider::AccountEngagement => Some(account_engagement::QUOTA),
            Provider::Salesforce => None,
        }
    }

    /// How much of that is left, where an answer says so.
    pub(super) fn left(self, headers: &HeaderMap) -> Option<Left> {
        match self {
            Provider::Livestorm => livestorm::left(headers),
            Provider::Salesforce => salesforce::left(headers),
            Provider::AccountEngagement => None,
        }
    }

    /// Where it is, unless the binding says otherwise. Nothing: the token answer tells.
    pub(super) fn default_origin(self) -> Option<&'static str> {
        match self {
            Provider::Livestorm => Some(livestorm::ORIGIN),
            Provider::Salesforce => None,
            Provider::AccountEngagement => Some(account_engagement::ORIGIN),
        }
    }

    /// Headers that say for which part of the account a request is. The host owns them.
    pub(super) fn account_headers(self) -> &'static [&'static str] {
        match self {
            Provider::Livestorm | Provider::Salesforce => &[],
            Provider::AccountEngagement => &[account_engagement::BUSINESS_UNIT],
        }
    }

    /// The business unit as it is sent, or what is wrong with it.
    pub(super) fn business_unit(self, given: Option<&str>) -> Result<Option<String>, String> {
        match self {
            Provider::AccountEngagement => account_engagement::business_unit(given).map(Some),
            _ if given.is_some() => Err(format!("{self} has no business units; leave `business_unit` out")),
            _ => Ok(None),
        }
    }

    /// Signs a request. The value is marked as sensitive.
    pub(super) fn inject(
        self,
        headers: &mut HeaderMap,
        access: &Access,
        business_unit: Option<&str>,
    ) -> Result<(), http::header::InvalidHeaderValue> {
        let token = access.token.expose_secret();
        let mut value = match self {
            // A private token goes as it is: behind `Bearer` it is looked up as an OAuth token, and refused.
            Provider::Livestorm if !access.refreshable => HeaderValue::from_str(token)?,
            _ => HeaderValue::from_str(&format!("Bearer {token}"))?,
        };
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        if let (Provider::AccountEngagement, Some(unit)) = (self, business_unit) {
            headers.insert(HeaderName::from_static(account_engagement::BUSINESS_UNIT), HeaderValue::from_str(unit)?);
        }
        if !headers.contains_key(header::ACCEPT) {
            let accept = match self {
                Provider::Livestorm => livestorm::ACCEPT,
                _ => "application/json",
            };
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        Ok(())
    }

    pub fn classify(self, seen: Seen<'_>) -> Verdict {
        match self {
            Provider::Livestorm => livestorm::classify(seen),
            Provider::Salesforce => salesforce::classify(seen),
            Provider::AccountEngagement => account_engagement::classify(seen),
        }
    }

    /// Where the path of a request that carries other requests has to be spelt out in a rule.
    pub(super) fn envelope(self, path: &[String]) -> Option<usize> {
        match self {
            Provider::Salesforce => salesforce::envelope(path),
            Provider::Livestorm | Provider::AccountEngagement => None,
        }
    }

    /// Whether a request tells the provider where to send webhooks.
    pub(super) fn is_told_addresses(self, request: &Request) -> bool {
        match self {
            Provider::Livestorm => livestorm::is_told_addresses(request.method, &request.path),
            Provider::Salesforce | Provider::AccountEngagement => false,
        }
    }

    /// What a request carries.
    pub(super) fn open(self, request: &Request) -> Result<Vec<Part>, Unread> {
        match self {
            Provider::Salesforce => salesforce::open(request),
            Provider::Livestorm | Provider::AccountEngagement => Ok(vec![]),
        }
    }

    /// Whether a request that carries no others changes nothing.
    pub(super) fn reads(self, request: &Request) -> bool {
        match self {
            Provider::Salesforce => salesforce::reads(request),
            Provider::AccountEngagement => account_engagement::reads(request),
            Provider::Livestorm => request.method == Method::Get,
        }
    }
}

/// `Retry-After` in either form: seconds, or a date.
/// However long a provider says: a person may have mended it, or it may have erred by a few digits.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3600);

pub(super) fn retry_after(now: Timestamp, headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp(u64::try_from(at.timestamp_millis()).ok()?).since(now).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

    /// One row: status, headers, body, and what it means.
    pub fn check(provider: Provider, status: u16, headers: &[(&str, &str)], body: &str, expect: Verdict) {
        check_signed_in(provider, true, status, headers, body, expect);
    }

    pub fn check_signed_in(
        provider: Provider,
        refreshable: bool,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
        expect: Verdict,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let got = provider.classify(Seen {
            now: NOW,
            status,
            headers: &map,
            body: body.as_bytes(),
            refreshable,
            carries: false,
        });
        assert_eq!(got, expect, "{status} {headers:?} {body}");
    }

    fn access(token: &str, refreshable: bool) -> Access {
        Access { token: token.into(), refreshable, generation: 1, instance_url: None }
    }

    fn injected(provider: Provider, refreshable: bool, unit: Option<&str>) -> Vec<(String, String)> {
        let mut map = HeaderMap::new();
        provider.inject(&mut map, &access("t-o-k-e-n", refreshable), unit).unwrap();
        assert!(!format!("{map:?}").contains("t-o-k-e-n"));
        map.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn each_provider_is_signed_in_its_own_way() {
        let pairs = |p: &[(&str, &str)]| p.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>();
        assert_eq!(
            injected(Provider::Livestorm, false, None),
            pairs(&[("authorization", "t-o-k-e-n"), ("accept", "application/vnd.api+json")])
        );
        assert_eq!(
            injected(Provider::Livestorm, true, None),
            pairs(&[("authorization", "Bearer t-o-k-e-n"), ("accept", "application/vnd.api+json")])
        );
        assert_eq!(
            injected(Provider::Salesforce, true, None),
            pairs(&[("authorization", "Bearer t-o-k-e-n"), ("accept", "application/json")])
        );
        assert_eq!(
            injected(Provider::AccountEngagement, true, Some("0Uv000000000001AAA")),
            pairs(&[
                ("authorization", "Bearer t-o-k-e-n"),
                ("pardot-business-unit-id", "0Uv000000000001AAA"),
                ("accept", "application/json")
            ])
        );
    }

    #[test]
    fn an_accept_header_of_the_guest_stays() {
        let mut map = HeaderMap::new();
        map.insert(header::ACCEPT, HeaderValue::from_static("text/csv"));
        Provider::Salesforce.inject(&mut map, &access("token", true), None).unwrap();
        assert_eq!(map[header::ACCEPT], "text/csv");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        for (text, expect) in [
            ("7", Some(7)),
            ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
            ("99999999999", Some(6 * 3600)),
            ("Fri, 15 Jan 2038 08:00:00 GMT", Some(6 * 3600)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut map = HeaderMap::new();
            map.insert(header::RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(NOW, &map), expect.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn manifests_ask_for_a_provider_by_name() {
        assert_eq!(Provider::parse("account-engagement"), Some(Provider::AccountEngagement));
        assert_eq!(Provider::parse("salesforce"), Some(Provider::Salesforce));
        assert_eq!(Provider::parse("livestorm"), Some(Provider::Livestorm));
        assert_eq!(Provider::parse("pardot"), None);
    }
}

#[cfg(test)]
mod left_for_others {
    use super::Left;

    #[test]
    fn a_share_is_kept_where_it_is_known_how_much_there_is() {
        for (requests, of, percent, is_others) in [
            (10, Some(100), 0, false),
            (0, Some(100), 0, false),
            (20, Some(100), 20, false),
            (19, Some(100), 20, true),
            (0, Some(100), 1, true),
            (0, None, 90, false),
            (u64::MAX, Some(u64::MAX), 90, false),
        ] {
            let left = Left { requests, of };
            assert_eq!(left.is_others(percent).is_some(), is_others, "{left:?} {percent}");
        }
    }
}
