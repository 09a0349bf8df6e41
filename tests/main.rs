//! The built component, in the real host, against the simulators. The suites in reading order.

mod support;

mod runtime;
mod story;
mod bad_input;
mod order;
mod crash;
