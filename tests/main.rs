//! The built component, in the real host, against the simulators. The suites in reading order.

mod support;

mod bad_input;
mod ingress;
mod crash;
mod order;
mod preflight;
mod runtime;
mod story;
mod unknown;
