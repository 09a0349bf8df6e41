//! Every limit on a guest, on by default.

use serde::{Deserialize, Serialize};

/// What one call of a guest may use at most. The first group is told to the guest (`types.limits`), and reaching one is an
/// answer that it can act on; reaching one of the second ends the call and names the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// From the first request to the return, waiting included. Later requests are answered `stopped`.
    pub run_ms: u32,
    /// Requests in the call. One more is answered `stopped`.
    pub requests: u32,
    /// Requests in one wave. One more is answered `denied`.
    pub wave: u32,
    /// Bytes of one request's body. One more is answered `denied`.
    pub request_bytes: u32,
    /// Bytes of one answer's body, decompressed. One more makes the answer `unusable`.
    pub response_bytes: u32,
    /// Bytes of all answers of a wave together. The answer that goes over is `unusable`, and those after it.
    pub wave_bytes: u32,
    /// The longest that a request waits for pace or a provider's wish before it is answered `throttled`.
    pub hold_ms: u32,

    /// Linear memory of the instance, in bytes.
    pub memory_bytes: usize,
    /// Instructions, roughly: wasmtime's fuel. The same work always uses the same, so this is the limit that a guest
    /// reaches first and always at the same place.
    pub fuel: u64,
    /// Epoch ticks of ten milliseconds in which the guest was computing; waiting for an answer is not computing. Catches what
    /// fuel does not count.
    pub computing_ticks: u32,
    /// Bytes that the guest hands over in one call of an import. More than a whole state batch or a wave of usual size, and about
    /// its memory: what it may hold, it may send.
    pub hostcall_bytes: usize,
    pub log_lines: u32,
    pub log_bytes: usize,
    /// State entries touched by one call of an import.
    pub state_batch: usize,
    pub state_key_bytes: usize,
    pub state_value_bytes: usize,
    /// Bytes of all state entries that one call sets.
    pub state_written_bytes: usize,
    /// Follow-up tasks of one completion, and bytes of all that a call returns.
    pub follow_ups: usize,
    pub outcome_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            run_ms: 60_000,
            requests: 2_000,
            wave: 256,
            request_bytes: 4 << 20,
            response_bytes: 4 << 20,
            wave_bytes: 8 << 20,
            hold_ms: 5_000,
            memory_bytes: 64 << 20,
            fuel: 5_000_000_000,
            computing_ticks: 1_000,
            hostcall_bytes: 72 << 20,
            log_lines: 1_000,
            log_bytes: 256 << 10,
            state_batch: 1_000,
            state_key_bytes: 256,
            state_value_bytes: 64 << 10,
            state_written_bytes: 16 << 20,
            follow_ups: 1_000,
            outcome_bytes: 4 << 20,
        }
    }
}
