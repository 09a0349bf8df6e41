//! The connector: Livestorm webhooks into Salesforce Account Engagement (Pardot). Modules in the order the data flows; the
//! picture is in `README.md`.
//!
//! Invariant: no clock, no chance, no I/O but through `host::Host`; nothing but `glue` knows wit-bindgen.

// Its macros are used by what follows.
#[macro_use]
pub mod plain;

#[cfg(target_family = "wasm")]
mod glue;

pub mod connector;
pub mod host;

pub mod executor;
pub mod ledger;
pub mod stop;
pub mod work;

pub mod manifest;

pub mod check;
pub mod settings;

pub mod domain;
pub mod task;

pub mod livestorm;

pub mod flow;
pub mod sync;

pub mod mapping;

pub mod account_engagement;
pub mod salesforce;

pub mod calendar;
pub mod call;
pub mod json;
pub mod text;
pub mod values;

#[cfg(test)]
mod story;
#[cfg(test)]
mod test_host;
