//! What must become true, whatever happened to make it so: a session has a campaign, a registrant is a prospect in its list
//! with activities of what they did, or a lead or contact that is its member. Reads from top to bottom; requests and codes are the destinations' matter.

pub mod activities;
pub mod await_campaign;
pub mod eligibility;
pub mod event_filter;
pub mod event_published;
pub mod fill;
pub mod form_campaign;
pub mod form_submitted;
pub mod left_out;
pub mod naming;
pub mod people;
pub mod reading;
pub mod refused;
pub mod removed;
pub mod roster;
pub mod session_changed;
pub mod session_ended;
pub mod session_scheduled;
pub mod to_account_engagement;
pub mod to_salesforce;
pub mod webhooks;
