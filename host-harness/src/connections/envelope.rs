//! Requests that carry requests, opened: what is inside is judged like a request of its own.
//!
//! How an envelope looks is its provider's (`profile/`); whether a part may leave is said by the rules and the form that judge
//! a request sent alone (`policy.rs`, `pipeline.rs`). Promise: all that a request carries is given, or the request is refused.
//! Not here: how many calls a provider counts for it (`profile/salesforce.rs`).

use super::profile::Provider;
use crate::effect::{Denial, Request};

/// A request within another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is, for people: ``part `lead`, record 3``.
    pub place: String,
    /// As it would be if it were sent alone.
    pub request: Request,
    /// Of a record in a list: its object.
    pub object: Option<String>,
    /// What it carries itself: records.
    pub parts: Vec<Part>,
}

/// Why what a request carries cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// Empty: the request itself.
    pub place: String,
    pub why: String,
}

impl Unread {
    pub fn new(place: &str, why: impl Into<String>) -> Unread {
        Unread { place: place.to_owned(), why: why.into() }
    }
}

/// What is inside, in its order. Nothing: it carries no requests.
pub(super) fn open(provider: Provider, request: &Request) -> Result<Vec<Part>, Denial> {
    provider.open(request).map_err(|Unread { place, why }| {
        let whole = "the request carries others".to_owned();
        let place = if place.is_empty() { whole } else { place };
        Denial {
            layer: "form".into(),
            rule: format!("{place}: {why}"),
            remedy: "What the host cannot read it cannot judge: write it as the provider's documentation does, or send the parts one by one".into(),
        }
    })
}

/// Every part, each before those that it carries. The first denial names its part.
pub(super) fn each(parts: &[Part], judge: &dyn Fn(&Request) -> Result<(), Denial>) -> Result<(), Denial> {
    parts.iter().try_for_each(|part| {
        judge(&part.request).map_err(|denial| Denial { rule: format!("{}: {}", part.place, denial.rule), ..denial })?;
        each(&part.parts, judge)
    })
}

/// Whether it holds of every part.
pub(super) fn all(parts: &[Part], holds: &dyn Fn(&Request) -> bool) -> bool {
    parts.iter().all(|part| holds(&part.request) && all(&part.parts, holds))
}

/// A request that is called a read has to be one, and so has all that it carries: reads leave in a dry run, in a check and in
/// a sync.
pub(super) fn only_reads(provider: Provider, request: &Request, parts: &[Part]) -> Result<(), Denial> {
    if !parts.is_empty() {
        return parts.iter().try_for_each(|part| {
            only_reads(provider, &part.request, &part.parts).map_err(|denial| match part.parts.is_empty() {
                true => Denial { rule: format!("{}: {}", part.place, denial.rule), ..denial },
                false => denial,
            })
        });
    }
    if provider.reads(request) {
        return Ok(());
    }
    Err(Denial {
        layer: "class".into(),
        rule: format!("{} of {provider} is called a read, and it may write", request.method),
        remedy: "Send it as `idempotent` or `once`, where the call may write".into(),
    })
}
