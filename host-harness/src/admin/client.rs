//! Whoever finds the data directory in use asks the process that has it. Promises: the token is shown to this machine alone, at the
//! address that the holder of the directory has noted; a refusal reads as it would where the question is answered here.

use super::{
    Problem,
    token::{Token, TokenError},
};
use crate::{
    connections::{NetworkTransport, SocketTimes, Transport, TransportError, to_private},
    data_dir::{AdminAt, DataDir, DataDirError},
};
use http::{Method, Request, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{net::SocketAddr, path::Path, time::Duration};

/// A check asks providers, and may wait for its turn before.
const TIME: Duration = Duration::from_secs(180);
/// What is shown of one run may be all that it sent and received.
const ANSWER_BYTES_MAX: usize = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{problem}")]
    Refused { status: StatusCode, problem: Problem },
    #[error(
        "the `harness serve` that has the data directory does not answer at {at}: {problem}. Its log says what it does"
    )]
    NoAnswer { at: SocketAddr, problem: String },
    #[error(
        "what answers at {at} answers something else than is asked for: {problem}. Use the version of harness that serves there"
    )]
    OtherAnswer { at: SocketAddr, problem: String },
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(
        "the data directory is in use by a `harness serve`, and its token is not here. Give it in the environment variable \
         {}",
        super::token::TOKEN_VARIABLE
    )]
    NoToken,
}

pub struct Client {
    transport: NetworkTransport,
    at: SocketAddr,
    token: Token,
}

impl Client {
    /// Of whoever has this data directory, if that answers questions.
    pub fn of(data: &Path) -> Result<Option<Client>, ClientError> {
        let Some(AdminAt { address, token_file }) = DataDir::admin_of(data)? else { return Ok(None) };
        let token = match (Token::of_environment()?, token_file) {
            (Some(token), _) => token,
            (None, Some(file)) => Token::read(&file)?,
            (None, None) => return Err(ClientError::NoToken),
        };
        let times = SocketTimes { total: TIME, ..SocketTimes::default() };
        Ok(Some(Client { transport: NetworkTransport::new(times), at: address, token }))
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, ClientError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::DELETE, path, None).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let at = self.at;
        let other = |problem: String| ClientError::OtherAnswer { at, problem };
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{at}{path}"))
            .header(header::AUTHORIZATION, self.token.header())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .map_err(|e| other(e.to_string()))?;
        let answer = self.transport.send(to_private(request), ANSWER_BYTES_MAX).await.map_err(|e| {
            let (TransportError::NotSent(problem)
            | TransportError::Unknown(problem)
            | TransportError::Unusable { problem, .. }) = e;
            ClientError::NoAnswer { at, problem }
        })?;
        let status = answer.status();
        if status.is_success() {
            return serde_json::from_slice(answer.body()).map_err(|e| other(e.to_string()));
        }
        match serde_json::from_slice(answer.body()) {
            Ok(problem) => Err(ClientError::Refused { status, problem }),
            Err(_) => Err(other(format!("status {status}"))),
        }
    }
}

/// A part of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
