//! The built component, in the real host, against the simulators. The suites in reading order.

mod support;

mod bad_input;
mod crash;
mod ingress;
mod order;
mod preflight;
mod runtime;
mod story;
mod unknown;
