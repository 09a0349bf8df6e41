//! The built component, in the real host, against the simulators. The suites in reading order.

// A test that cannot go on says so by panicking; clippy knows that of test functions alone, not of what they share.
#![allow(clippy::unwrap_used)]

mod support;

mod backfill;
mod bad_input;
mod bad_mapping;
mod calls;
mod citations;
mod conformance;
mod crash;
mod design_card;
mod disconnected;
mod faults;
mod forms;
mod ingress;
mod order;
mod preflight;
mod preflight_salesforce;
mod protocol_spec_002;
mod protocol_spec_002_forms;
mod reconcile;
mod runtime;
mod salesforce;
mod secrets;
mod story;
mod streams;
mod switches;
mod tenants;
mod trap;
mod unknown;
