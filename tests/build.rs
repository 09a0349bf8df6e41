//! Makes the connector that misbehaves, for the tests of the runtime.

#[path = "../host-harness/build/guest.rs"]
mod guest;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../host-harness/build/guest.rs");
    guest::or_exit(guest::build("hostile", "tests/hostile", "hostile.wasm"));
}
