//! One adapter a version of the contract: only what differs from the plain words.

pub mod v0_1;
