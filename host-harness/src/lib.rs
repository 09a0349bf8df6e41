pub mod clock;
pub mod effect;
pub mod runtime;
pub mod durable {
    pub const DELIVERY: &str = "delivery";
    pub const INBOX: &str = "inbox/";
}

/// The connector that the binary carries with it.
pub const CONNECTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.wasm"));
