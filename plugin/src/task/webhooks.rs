//! The webhooks at Livestorm.

use super::{CHECK_WEBHOOKS, REMOVE_WEBHOOKS, RENEW_WEBHOOKS, SET_UP_WEBHOOKS, WEBHOOKS, task};
use crate::{
    call::LIVESTORM,
    domain::session::SessionId,
    host::{Instant, Subject, Task},
    plain::to_text,
};

/// Where the provider is to send what it tells. The address holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub source: String,
    pub url: String,
}

/// The connector was switched on.
#[derive(Clone, Debug, PartialEq)]
pub struct SetUpWebhooks {
    pub addresses: Vec<Address>,
    /// When that was.
    pub at: Option<Instant>,
}

/// The connector was switched off, then.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoveWebhooks {
    pub at: Option<Instant>,
}

/// `at`: when it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckWebhooks {
    pub at: Instant,
}

/// Somebody registered then, and no webhook has told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RenewWebhooks {
    pub session: SessionId,
    pub registered_at: Instant,
}

plain!(Address { source, url });
plain!(SetUpWebhooks { addresses, at });
plain!(RemoveWebhooks { at });
plain!(CheckWebhooks { at });
plain!(RenewWebhooks { session, registered_at });

fn of_webhooks(kind: &str, payload: String, dedupe: String, title: &str) -> Task {
    let subject = Subject { kind: "webhook".into(), id: LIVESTORM.into() };
    task(kind, payload, WEBHOOKS.into(), dedupe, title, subject)
}

pub fn set_up_webhooks(addresses: Vec<Address>, at: Instant) -> Task {
    let payload = to_text(&SetUpWebhooks { addresses, at: Some(at) });
    let dedupe = format!("{SET_UP_WEBHOOKS}/{at}");
    of_webhooks(SET_UP_WEBHOOKS, payload, dedupe, "Set up the webhooks at Livestorm")
}

pub fn check_webhooks(at: Instant) -> Task {
    let dedupe = format!("{CHECK_WEBHOOKS}/{at}");
    of_webhooks(
        CHECK_WEBHOOKS,
        to_text(&CheckWebhooks { at }),
        dedupe,
        "See whether the webhooks at Livestorm are there",
    )
}

pub fn renew_webhooks(payload: &RenewWebhooks) -> Task {
    let dedupe = format!("{RENEW_WEBHOOKS}/{}", payload.registered_at);
    of_webhooks(RENEW_WEBHOOKS, to_text(payload), dedupe, "A webhook of Livestorm may be silent")
}

pub fn remove_webhooks(at: Instant) -> Task {
    let payload = to_text(&RemoveWebhooks { at: Some(at) });
    of_webhooks(REMOVE_WEBHOOKS, payload, format!("{REMOVE_WEBHOOKS}/{at}"), "Remove the webhooks at Livestorm")
}
