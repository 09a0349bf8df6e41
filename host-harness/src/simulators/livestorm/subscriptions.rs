//! Webhooks made by the REST API: one event and one address each. <https://developers.livestorm.co/reference/post_webhooks>;
//! neither a secret nor a flag that it is enabled stands in its attributes [confirmed], so a disabled one is told by its
//! absence or not at all [unknown]. It is made and deleted, and there is no path to read or change a single one [confirmed].
//! Addresses are HTTPS (<https://developers.livestorm.co/docs/webhook-signatures>); one of this machine may be plain HTTP
//! here, as `Options` says. Not here: what they send (`webhooks.rs`), and when (`deliveries.rs`).

use super::{
    Livestorm,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    filters,
    paging::page,
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::uuid,
        options::Options,
        request::{Answer, Call, json, no_content},
        unknowns::{DisabledWebhooks, DuplicateWebhook},
    },
};
use serde_json::{Value, json};
use std::net::IpAddr;

/// What may be subscribed to. <https://developers.livestorm.co/docs/webhooks-1>, confirmed.
pub const TRIGGERS: [&str; 10] = [
    "event.created",
    "session.created",
    "event.published",
    "people.registered",
    "session.started",
    "session.ended",
    "people.attended",
    "people.not_attended",
    "people.watched_replay",
    "job.ended",
];

/// Longer addresses are refused [unknown]; it is what many a server takes.
const URL_BYTES_MAX: usize = 2048;

#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub url: String,
    /// `people.registered` and the like.
    pub event: String,
    pub created_at: Timestamp,
    /// After five retries in vain [confirmed]. Whether it is listed then is a switch.
    pub is_disabled: bool,
    pub is_deleted: bool,
}

impl Subscription {
    pub(super) fn is_heard(&self) -> bool {
        !self.is_disabled && !self.is_deleted
    }

    fn resource(&self) -> Value {
        let made = self.created_at.seconds();
        let attributes = json!({ "url": self.url, "event": self.event, "created_at": made, "updated_at": made });
        resource("webhooks", &self.id, attributes)
    }
}

impl Livestorm {
    /// Gives its id.
    pub fn add_subscription(&mut self, event: &str, url: &str) -> String {
        let now = self.clock.now();
        let id = uuid("webhook", &format!("{event}/{}", self.subscriptions.len()));
        let subscription = Subscription {
            id: id.clone(),
            url: url.to_owned(),
            event: event.to_owned(),
            created_at: now,
            is_disabled: false,
            is_deleted: false,
        };
        self.subscriptions.insert(id.clone(), now, subscription);
        id
    }

    /// What Livestorm does with one whose address does not answer. `false` where there is no such webhook.
    pub fn disable_subscription(&mut self, id: &str) -> bool {
        let now = self.clock.now();
        self.subscriptions.change(id, now, |subscription| subscription.is_disabled = true)
    }
}

/// Why an address is none that Livestorm would post to.
pub fn refused_url(url: &str, options: &Options) -> Option<&'static str> {
    if url.is_empty() {
        return Some("url can't be blank");
    }
    let parsed = url.parse::<http::Uri>().ok().filter(|_| url.len() <= URL_BYTES_MAX);
    let Some((parsed, host)) = parsed.as_ref().and_then(|parsed| Some((parsed, parsed.host()?))) else {
        return Some("url is invalid");
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match parsed.scheme_str() {
        _ if host.is_empty() => Some("url is invalid"),
        Some("https") => None,
        Some("http") if is_here && options.livestorm_webhooks.loopback_http => None,
        _ => Some("url must be HTTPS"),
    }
}

/// `None`: none of these paths.
pub(super) fn route(
    world: &mut World,
    call: &Call,
    segments: &[&str],
    when: Timestamp,
) -> Option<Result<Answer, Refusal>> {
    Some(match (call.method.as_str(), segments) {
        ("GET", ["v1", "webhooks"]) => list(world, call, when).map(|body| json(200, CONTENT_TYPE, &body)),
        ("POST", ["v1", "webhooks"]) => make(world, call),
        ("DELETE", ["v1", "webhooks", id]) => delete(world, id),
        _ => return None,
    })
}

/// `GET /v1/webhooks`
fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    filters::known(call, &["event"], unknowns)?;
    let shows_disabled = unknowns.disabled_webhooks == DisabledWebhooks::Shown;
    let fits = |subscription: &&Subscription| {
        !subscription.is_deleted
            && (shows_disabled || !subscription.is_disabled)
            && filters::text(call, "event").is_none_or(|event| event == subscription.event)
    };
    let (rows, meta) = page(call, livestorm.subscriptions.all_at(when).filter(fits).collect(), unknowns)?;
    let rows = rows.into_iter().map(Subscription::resource);
    Ok(json!({ "data": rows.collect::<Vec<_>>(), "meta": meta }))
}

/// `POST /v1/webhooks`
fn make(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let body = Body::with_attributes(call, "webhooks", &world.options.unknowns.livestorm)?;
    let url = body.text("url")?.flatten().unwrap_or_default().to_owned();
    if let Some(why) = refused_url(&url, &world.options) {
        return Err(body.wrong(why));
    }
    let event = body.needed_text("event")?;
    if !TRIGGERS.contains(&event.as_str()) {
        return Err(body.wrong(format!("event must be one of {}", TRIGGERS.join(", "))));
    }
    let is_same = |known: &Subscription| known.is_heard() && known.url == url && known.event == event;
    let is_there = world.livestorm.subscriptions.all().any(is_same);
    match world.options.unknowns.livestorm.duplicate_webhook {
        DuplicateWebhook::Conflict if is_there => return Err(Refusal::by_rule(409, "This webhook exists already")),
        DuplicateWebhook::Unprocessable if is_there => {
            return Err(Refusal::by_rule(422, "url has already been taken"));
        }
        _ => {}
    }
    let id = world.livestorm.add_subscription(&event, &url);
    let made = world.livestorm.subscriptions.now(&id).ok_or_else(Refusal::not_found)?;
    Ok(json(201, CONTENT_TYPE, &json!({ "data": made.resource() })))
}

/// `DELETE /v1/webhooks/{id}`. What was not yet posted to it is not posted any more [inferred].
fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let now = world.now();
    world.livestorm.subscriptions.now(id).filter(|known| !known.is_deleted).ok_or_else(Refusal::not_found)?;
    world.livestorm.subscriptions.change(id, now, |subscription| subscription.is_deleted = true);
    world.livestorm.forget_deliveries_to(id);
    Ok(no_content())
}
