//! Webhooks made by the REST API: one event and one address each. <https://developers.livestorm.co/reference/post_webhooks>;
//! neither a secret nor a flag that it is enabled stands in its attributes [confirmed], so a disabled one is told by its
//! absence [unknown]. Not here: what they send (`webhooks.rs`).

use super::{Livestorm, errors::Refusal, filters, paging::page, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid, request::Call},
};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub url: String,
    /// `people.registered` and the like.
    pub event: String,
    pub created_at: Timestamp,
    /// After five retries in vain [confirmed]: no longer listed.
    pub is_disabled: bool,
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

/// `GET /v1/webhooks`
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    filters::known(call, &["event"], unknowns)?;
    let fits = |subscription: &&Subscription| {
        !subscription.is_disabled && filters::text(call, "event").is_none_or(|event| event == subscription.event)
    };
    let (rows, meta) = page(call, livestorm.subscriptions.all_at(when).filter(fits).collect(), unknowns)?;
    let rows = rows.into_iter().map(|subscription| {
        let made = subscription.created_at.seconds();
        let attributes = json!({
            "url": subscription.url,
            "event": subscription.event,
            "created_at": made,
            "updated_at": made,
        });
        resource("webhooks", &subscription.id, attributes)
    });
    Ok(json!({ "data": rows.collect::<Vec<_>>(), "meta": meta }))
}
