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

/// Why nothing follows from what is understood; the same in both dialects.
const EVENT_CREATED: &str = "campaign and list belong to a session, and an event has none yet";
const SESSION_STARTED: &str = "attendance is read when the session has ended";
const EVENT_PUBLISHED: &str =
    "its sessions have their campaigns since they were created (/salesforce_campaign/campaign_when)";
