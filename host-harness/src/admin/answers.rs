//! Errors as answers.

use crate::{activation::CheckError, durable::EngineError, operate::OperateError, runtime::CallError};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What could not be done, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub problem: String,
    /// Empty where the problem says it.
    pub remedy: String,
}

/// A problem with its status.
pub(super) struct Refused(StatusCode, Problem);

pub(super) type Answer<T> = Result<Json<T>, Refused>;

impl Refused {
    pub fn new(status: StatusCode, problem: impl ToString, remedy: &str) -> Refused {
        Refused(status, Problem { problem: problem.to_string(), remedy: remedy.into() })
    }

    pub fn no_installation(id: &str) -> Refused {
        let problem = format!("There is no installation `{id}` here that runs.");
        let remedy = "GET /v1/installations lists the files with how they stand.";
        Refused::new(StatusCode::NOT_FOUND, problem, remedy)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<OperateError> for Refused {
    fn from(e: OperateError) -> Refused {
        let status = match &e {
            OperateError::NoSuchRun { .. } | OperateError::NoSuchTask { .. } => StatusCode::NOT_FOUND,
            OperateError::Engine(e) => of_engine(e),
            OperateError::Call(e) => of_call(e),
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Refused::new(status, e, "")
    }
}

impl From<EngineError> for Refused {
    fn from(e: EngineError) -> Refused {
        Refused::new(of_engine(&e), e, "")
    }
}

impl From<CallError> for Refused {
    fn from(e: CallError) -> Refused {
        Refused::new(of_call(&e), e, "")
    }
}

impl From<CheckError> for Refused {
    fn from(e: CheckError) -> Refused {
        Refused::new(StatusCode::UNPROCESSABLE_ENTITY, e, "")
    }
}

fn of_engine(e: &EngineError) -> StatusCode {
    match e {
        EngineError::Unknown(_) => StatusCode::NOT_FOUND,
        EngineError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        EngineError::Busy(_) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_call(e: &CallError) -> StatusCode {
    match e {
        CallError::NoInstallation(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
