//! The built component, in the real host, against the simulators. The suites in reading order.

mod runtime;
