//! What is answered where something is not done, and what is read of a request. Promises: one form for every refusal; no text here
//! repeats a body.

use super::{BODY_BYTES_MAX, runs::PLAY_BYTES_MAX};
use crate::{
    clock::Timestamp,
    connections::CredentialError,
    data_dir::DataDirError,
    durable::EngineError,
    host::{FixError, InstallError},
    operate::{OperateError, StreamError, When},
    runtime::{CallError, contract::Finding},
    serve::{fleet::AddError, retire::RetireError},
};
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;
use utoipa::ToSchema;

/// Bytes of what the framework says of a request.
const FRAMEWORK_SAYS_MAX: usize = 64 * 1024;

/// Why something was not done, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub problem: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub remedy: String,
    /// What the connector says of it, where it has been asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Finding>,
    /// Where it is only too early: from then on it may be asked again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_before: Option<When>,
}

impl Problem {
    /// Our own texts end with what to do, as a sentence of its own.
    fn of(text: &str) -> Problem {
        let ends = text.rmatch_indices(". ").map(|(at, _)| at).find(|at| !text[..*at].ends_with("e.g"));
        let (problem, remedy) = ends.map_or((text, ""), |at| (&text[..at], &text[at + 2..]));
        Problem { problem: problem.into(), remedy: remedy.into(), findings: vec![], not_before: None }
    }
}

/// The text that it was made of.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remedy.as_str() {
            "" => f.write_str(&self.problem),
            remedy => write!(f, "{}. {remedy}", self.problem),
        }
    }
}

#[derive(Debug)]
pub(super) struct Refused {
    pub status: StatusCode,
    pub problem: Problem,
    /// Seconds.
    retry_after: Option<u64>,
}

impl Refused {
    pub fn new(status: StatusCode, text: impl AsRef<str>) -> Refused {
        Refused { status, problem: Problem::of(text.as_ref()), retry_after: None }
    }

    pub fn no_installation(id: &str) -> Refused {
        let text = format!(
            "there is no installation `{}` here. GET /v1/installations lists those that there are",
            id.escape_default()
        );
        Refused::new(StatusCode::NOT_FOUND, text)
    }

    pub fn broken_off(error: tokio::task::JoinError) -> Refused {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("it broke off: {error}. Ask again"))
    }

    fn with(self, findings: Vec<Finding>) -> Refused {
        Refused { problem: Problem { findings, ..self.problem }, ..self }
    }

    fn until(self, at: Timestamp, now: Timestamp) -> Refused {
        let problem = Problem { not_before: Some(When(at)), ..self.problem };
        // A second more than whole ones: asked then, it is not too early again.
        Refused { problem, retry_after: Some(at.since(now).as_secs() + 1), ..self }
    }

    pub fn of_stream(error: StreamError, now: Timestamp) -> Refused {
        let (status, until) = match &error {
            StreamError::Engine(e) => (of_engine(e), None),
            StreamError::Call(e) => (of_call(e), None),
            StreamError::NoStream { .. } => (StatusCode::NOT_FOUND, None),
            StreamError::TooEarly { at, .. } => (StatusCode::TOO_MANY_REQUESTS, Some(*at)),
            StreamError::BadCursor(_) => (StatusCode::BAD_REQUEST, None),
            StreamError::Later(wait) => (StatusCode::SERVICE_UNAVAILABLE, Some(wait.until)),
            StreamError::Slow => (StatusCode::SERVICE_UNAVAILABLE, Some(now)),
            StreamError::Failed(_) => (StatusCode::BAD_GATEWAY, None),
            StreamError::Paused(_) | StreamError::Kept { .. } => (StatusCode::CONFLICT, None),
            StreamError::Broken(_) | StreamError::DataDir(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let refused = Refused::new(status, error.to_string().trim_end_matches([' ', '.']));
        match until {
            Some(at) => refused.until(at, now),
            None => refused,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<OperateError> for Refused {
    fn from(error: OperateError) -> Refused {
        let status = match &error {
            OperateError::Engine(e) => of_engine(e),
            OperateError::Call(e) => of_call(e),
            OperateError::DataDir(_) => StatusCode::INTERNAL_SERVER_ERROR,
            OperateError::NoSuchRun { .. } | OperateError::NoSuchTask { .. } | OperateError::NotForgotten { .. } => {
                StatusCode::NOT_FOUND
            }
            OperateError::NoDeadLetter { .. }
            | OperateError::IsForgotten { .. }
            | OperateError::NoResync(_)
            | OperateError::NotPlayed { .. } => StatusCode::CONFLICT,
            OperateError::RefusedSettings { .. }
            | OperateError::NoAddress(_)
            | OperateError::NoSession
            | OperateError::Refused(_) => StatusCode::BAD_REQUEST,
        };
        let refused = Refused::new(status, error.to_string());
        match error {
            OperateError::RefusedSettings { findings, .. } => refused.with(findings),
            _ => refused,
        }
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Refused {
        Refused::new(of_engine(&error), error.to_string())
    }
}

impl From<DataDirError> for Refused {
    fn from(error: DataDirError) -> Refused {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Refused {
        Refused::new(of_call(&error), error.to_string())
    }
}

impl From<CredentialError> for Refused {
    fn from(error: CredentialError) -> Refused {
        let status = match error {
            CredentialError::Malformed { .. } => StatusCode::BAD_REQUEST,
            CredentialError::NotConnected(_) | CredentialError::NoAccount(_) => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused::new(status, error.to_string())
    }
}

impl From<InstallError> for Refused {
    fn from(error: InstallError) -> Refused {
        let refused = Refused::new(StatusCode::CONFLICT, error.to_string());
        match error {
            InstallError::Settings(findings) => refused.with(findings),
            _ => refused,
        }
    }
}

impl From<AddError> for Refused {
    fn from(error: AddError) -> Refused {
        match error {
            AddError::Install(e) => e.into(),
            AddError::Credential(e) => e.into(),
            AddError::DataDir(e) => e.into(),
            AddError::Engine(e) => e.into(),
            AddError::Busy => Refused::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            AddError::File(_) | AddError::Check(_) | AddError::Stream(_) | AddError::Taken { .. } => {
                Refused::new(StatusCode::CONFLICT, error.to_string())
            }
        }
    }
}

impl From<RetireError> for Refused {
    fn from(error: RetireError) -> Refused {
        match error {
            RetireError::Engine(e) => e.into(),
            RetireError::DataDir(e) => e.into(),
        }
    }
}

impl From<FixError> for Refused {
    fn from(error: FixError) -> Refused {
        match error {
            FixError::Grant(e) => e.into(),
            FixError::Call(e) => e.into(),
        }
    }
}

/// What the connector says is in the way.
impl From<Finding> for Refused {
    fn from(finding: Finding) -> Refused {
        let problem = Problem { problem: finding.problem.clone(), remedy: finding.remedy.clone(), ..Problem::of("") };
        Refused { problem, ..Refused::new(StatusCode::CONFLICT, "") }.with(vec![finding])
    }
}

/// What the framework refuses by itself (a path or a query that cannot be read, a body that is too large) is told like all else.
pub(super) async fn in_one_form(answer: Response) -> Response {
    let is_text = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let status = answer.status();
    if !status.is_client_error() || !answer.headers().get(header::CONTENT_TYPE).is_none_or(is_text) {
        return answer;
    }
    let said = axum::body::to_bytes(answer.into_body(), FRAMEWORK_SAYS_MAX).await.unwrap_or_default();
    unread(status, &String::from_utf8_lossy(&said)).into_response()
}

/// In the framework's words, and what to do.
fn unread(status: StatusCode, said: &str) -> Refused {
    let said = said.trim().trim_end_matches('.');
    let remedy = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("A body may have {BODY_BYTES_MAX} bytes, that of a replay {PLAY_BYTES_MAX}")
        }
        _ => "GET /v1/openapi.json describes what is asked for here".into(),
    };
    Refused::new(status, format!("the request cannot be read: {said}. {remedy}"))
}

fn of_engine(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Unknown(_) => StatusCode::NOT_FOUND,
        EngineError::Invalid(_) => StatusCode::CONFLICT,
        EngineError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Store(_) | EngineError::Corrupt(_) | EngineError::Stopped(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_call(error: &CallError) -> StatusCode {
    match error {
        CallError::NoInstallation(_) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A body as JSON, whatever it calls itself; nothing at all is an empty object.
pub(super) struct Given<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let body = whole(request, state).await?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // The parser's own words may quote what it read.
        serde_json::from_slice(body).map(Given).map_err(|e| {
            let text = format!(
                "the body is not what is asked for here (line {}, column {}). GET /v1/openapi.json describes it",
                e.line(),
                e.column()
            );
            Refused::new(StatusCode::BAD_REQUEST, text)
        })
    }
}

pub(super) async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refused> {
    Bytes::from_request(request, state).await.map_err(|e| unread(e.status(), &e.body_text()))
}

/// What is asked for in the query.
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked.map(|Query(asked)| Asked(asked)).map_err(|e| unread(e.status(), &e.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_parted_from_what_to_do_and_nothing_of_the_text_is_lost() {
        let rows = [
            ("it is held; so it waits. Give it again", "it is held; so it waits", "Give it again"),
            ("a.toml cannot be read", "a.toml cannot be read", ""),
            ("One. Two. Three", "One. Two", "Three"),
            ("it is none. Give one, e.g. a.example", "it is none", "Give one, e.g. a.example"),
        ];
        for (text, problem, remedy) in rows {
            let parted = Problem::of(text);
            assert_eq!((parted.problem.as_str(), parted.remedy.as_str()), (problem, remedy));
            assert_eq!(parted.to_string(), text);
        }
    }
}
