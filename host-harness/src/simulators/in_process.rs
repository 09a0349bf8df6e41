//! The simulators as a `Transport`: no socket, no time-out, so paused clocks stay exact.

use super::{Cut, Simulators};
use crate::connections::transport::{Transport, TransportError};
use async_trait::async_trait;

pub(super) struct InProcess(pub(super) Simulators);

#[async_trait]
impl Transport for InProcess {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let answer = self.0.handle(request).map_err(|cut| match cut {
            Cut::Refused => TransportError::NotSent("the simulated connection was refused".into()),
            Cut::Closed => TransportError::Unknown("the simulated connection ended without an answer".into()),
        })?;
        let bytes = answer.body().len();
        if bytes > body_bytes_max {
            return Err(TransportError::Unusable {
                status: Some(answer.status().as_u16()),
                problem: format!("the answer has {bytes} bytes, {body_bytes_max} are allowed"),
            });
        }
        Ok(answer)
    }
}
