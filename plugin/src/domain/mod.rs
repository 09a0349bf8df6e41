//! What the connector talks about, whatever the source and the destination.
//!
//! Invariant: no name of a provider's field, no address, no I/O in here. What is parsed at the edge cannot be wrong.

pub mod attendance;
pub mod email;
pub mod event;
pub mod fact;
pub mod registrant;
pub mod replay_view;
pub mod session;
