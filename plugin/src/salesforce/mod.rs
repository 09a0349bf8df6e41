//! Salesforce, for the campaigns that Connected Campaigns carries over to Account Engagement. One file an object.
//!
//! Invariant: what an administrator made is never adopted; what is made here carries the session's id.

pub mod calls;
pub mod campaign;
pub mod errors;
pub mod soql;
