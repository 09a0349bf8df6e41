//! The tasks: their kinds, payloads, ordering keys and dedupe keys (RULES 1, 2). Keys share no state; they tell each other
//! by these.
//!
//! ```text
//! event/<id>     event-published
//! session/<id>   session-created, session-changed, ensure-session, campaign-found, session-ended, read-people, read-page, settle-read,
//!                unreadable-person, fill-session, forget-people
//! campaigns      await-campaign
//! webhooks       set-up-webhooks, check-webhooks, renew-webhooks, remove-webhooks
//! people         session-ready, register, attendance, replay, removed, form-submitted
//! ```
//!
//! What each carries stands beside how it is made: `sessions`, `readings`, `people`, `webhooks`.

mod people;
mod readings;
mod sessions;
#[cfg(test)]
mod tests;
mod webhooks;

pub use people::*;
pub use readings::*;
pub use sessions::*;
pub use webhooks::*;

use crate::{
    domain::session::SessionId,
    host::{Lane, Subject, Task},
    plain::{Plain, from_text},
    text,
};

pub const SESSION_CREATED: &str = "session-created";
pub const ENSURE_SESSION: &str = "ensure-session";
pub const CAMPAIGN_FOUND: &str = "campaign-found";
pub const AWAIT_CAMPAIGN: &str = "await-campaign";
pub const SESSION_READY: &str = "session-ready";
pub const SESSION_ENDED: &str = "session-ended";
pub const READ_PAGE: &str = "read-page";
pub const SETTLE_READ: &str = "settle-read";
pub const EVENT_PUBLISHED: &str = "event-published";
pub const REGISTER: &str = "register";
pub const ATTENDANCE: &str = "attendance";
pub const REPLAY: &str = "replay";
pub const REMOVED: &str = "removed";
pub const UNREADABLE: &str = "unreadable-person";
pub const SESSION_CHANGED: &str = "session-changed";
pub const READ_PEOPLE: &str = "read-people";
pub const FILL_SESSION: &str = "fill-session";
pub const FORGET_PEOPLE: &str = "forget-people";

pub const SET_UP_WEBHOOKS: &str = "set-up-webhooks";
pub const CHECK_WEBHOOKS: &str = "check-webhooks";
pub const RENEW_WEBHOOKS: &str = "renew-webhooks";
pub const REMOVE_WEBHOOKS: &str = "remove-webhooks";
pub const FORM_SUBMITTED: &str = "form-submitted";

pub const PEOPLE: &str = "people";
pub const CAMPAIGNS: &str = "campaigns";
pub const WEBHOOKS: &str = "webhooks";

/// The contract's bound on a payload, less a little.
pub const PAYLOAD_BYTES_MAX: usize = 60 * 1024;

pub fn session_key(session: &SessionId) -> String {
    format!("session/{session}")
}

fn task(kind: &str, payload: String, ordering_key: String, dedupe_key: String, title: &str, subject: Subject) -> Task {
    Task {
        kind: kind.into(),
        payload,
        ordering_key,
        dedupe_key,
        lane: Lane::Prompt,
        not_before: None,
        title: text::fit(title, 200),
        subject: Some(subject),
    }
}

/// The payload of a task; what it holds instead, for the failure.
pub fn payload<P: Plain>(task: &Task) -> Result<P, String> {
    from_text(&task.payload).map_err(|error| format!("The payload of {} cannot be read: {error}", task.kind))
}
