//! Salesforce: the campaigns of both destinations, and leads, contacts, accounts and campaign members where it is the destination
//! itself. One file a subject.
//!
//! Invariant: what an administrator made is never adopted as a campaign; what is made here carries the session's id. People are
//! matched by their address alone (S3-3), and of several the oldest is taken (S3-29, S3-30).

pub mod account;
pub mod calls;
pub mod campaign;
mod campaign_changes;
pub mod describe;
pub mod errors;
pub mod field;
pub mod member;
pub mod member_status;
pub mod operations;
pub mod person;
pub mod search;
pub mod soql;
