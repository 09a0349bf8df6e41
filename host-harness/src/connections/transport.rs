//! The last hop: the network, or the simulators called in the process.
//!
//! Below policy and injection, so whatever is sent through it has passed them. Promises: says whether anything
//! may have reached the other side. Not here: whether to send again (`retry.rs`).

use crate::clock::Work;
use async_trait::async_trait;

/// An answer that did not come, by what the other side may have seen of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing of it left: no name, no connection, no TLS.
    #[error("{0}")]
    NotSent(String),
    /// It left, or may have, and no answer came.
    #[error("{0}")]
    Unknown(String),
    /// An answer came that breaks a limit or HTTP itself.
    #[error("{problem}")]
    Unusable { status: Option<u16>, problem: String },
}

#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request with an absolute address. The answer's body is decompressed and at most `body_bytes_max` long.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;

    /// The same for who holds a work: one that lets simulated time go by gives it up meanwhile.
    async fn send_at_work(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
        work: Work,
    ) -> (Result<http::Response<Vec<u8>>, TransportError>, Work) {
        (self.send(request, body_bytes_max).await, work)
    }
}
