//! What must become true, whatever happened to make it so: a session has a campaign and a list, a registrant is a prospect in
//! that list with an activity. Reads from top to bottom; requests and codes are the destinations' matter.

pub mod await_campaign;
pub mod eligibility;
pub mod left_out;
pub mod naming;
pub mod registered;
pub mod session_scheduled;
