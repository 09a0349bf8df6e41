//! The source. Deliveries of both dialects and rows of the REST API become the words of `domain/`.
//!
//! Invariant: no name of a destination is in here.

pub mod admit;
pub mod calls;
pub mod errors;
pub mod paging;
pub mod registration;
pub mod registration_time;
pub mod resources;
pub mod sample;
pub mod team;
pub mod time;
pub mod webhook_json_api;
pub mod webhook_legacy;

use crate::settings::{CampaignWhen, Settings};

/// Why nothing follows from what is understood; the same in both dialects.
const EVENT_CREATED: &str = "campaign and list belong to a session, and an event has none yet";
const SESSION_STARTED: &str = "attendance is read when the session has ended";
const EVENT_PUBLISHED: &str =
    "its sessions have their campaigns since they were created (/salesforce_campaign/campaign_when)";

/// What the connector waits to be told. Not *people attended* and *not attended*: one delivery a person, and all that each of them
/// brings about is the reading that *session ended* brings about.
const NEEDED: [&str; 4] = ["session.created", "people.registered", "session.ended", "people.watched_replay"];

/// The webhooks that are needed: where campaigns wait for it, also that an event is published.
pub fn webhooks_needed(settings: &Settings) -> Vec<&'static str> {
    let waits = settings.campaign_when() == CampaignWhen::EventPublished;
    NEEDED.into_iter().chain(waits.then_some("event.published")).collect()
}
