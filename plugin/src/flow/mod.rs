//! What must become true, whatever happened to make it so: a session has a campaign and a list, a registrant is a prospect in
//! that list, with activities of what they did. Reads from top to bottom; requests and codes are the destinations' matter.

pub mod activities;
pub mod await_campaign;
pub mod eligibility;
pub mod event_filter;
pub mod event_published;
pub mod left_out;
pub mod naming;
pub mod people;
pub mod session_ended;
pub mod session_scheduled;
