//! The source. Deliveries of both dialects and rows of the REST API become the words of `domain/`.
//!
//! Invariant: no name of a destination is in here.

pub mod admit;
pub mod calls;
pub mod errors;
pub mod paging;
pub mod registration_time;
pub mod resources;
pub mod team;
pub mod time;
pub mod webhook_json_api;
pub mod webhook_legacy;
