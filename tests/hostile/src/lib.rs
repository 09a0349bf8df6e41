//! A connector that misbehaves: the kind of its first task names the attack, and the payload how far it goes.
//!
//! One crate for all attacks, so that they cost one build.

#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod guest;
