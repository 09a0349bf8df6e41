//! The host that runs the connector: good enough for the real APIs, with simulators of them so that everything can be tried
//! on one machine.
//!
//! The modules from the top downward: each uses those below it, and none above.
//!
//! Invariant: nothing outside `connections/` knows a host name or a token; nothing above `durable/` knows SQL; nothing outside
//! `cli/` prints.

pub mod activation;
pub mod admin;
pub mod cli;
pub mod clock;
pub mod connections;
pub mod data_dir;
pub mod disk;
pub mod durable;
pub mod effect;
pub mod host;
pub mod ingress;
pub mod installation;
pub mod observe;
pub mod operate;
pub mod runtime;
pub mod serve;
pub mod simulators;
pub mod stage;
pub mod sync;
pub mod vault;

/// The connector that the binary carries with it.
pub const CONNECTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.wasm"));
