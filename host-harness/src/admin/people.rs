//! One person.

use super::{
    Admin,
    answers::{Answer, Problem},
};
use crate::{
    durable::Forgotten,
    effect::Subject,
    operate::Story,
};
use axum::{
    Json,
    extract::{Path, State},
};
use std::sync::Arc;

/// What arrived of a person, what was done, what was not and why, and where it stands.
#[utoipa::path(get, path = "/v1/installations/{id}/people/{email}", tag = "people",
    params(("id" = String, Path), ("email" = String, Path)),
    responses((status = 200, body = Story), (status = 422, body = Problem)))]
pub(super) async fn why(State(admin): State<Arc<Admin>>, Path((id, email)): Path<(String, String)>) -> Answer<Story> {
    Ok(Json(admin.desk.why(&id, &email).await?))
}

/// All that is kept here of a person is deleted, and nothing is taken in of them any more. What was written at the providers stays.
#[utoipa::path(delete, path = "/v1/installations/{id}/people/{email}", tag = "people",
    params(("id" = String, Path), ("email" = String, Path)),
    responses((status = 200, body = Forgotten), (status = 409, body = Problem)))]
pub(super) async fn forget(
    State(admin): State<Arc<Admin>>,
    Path((id, email)): Path<(String, String)>,
) -> Answer<Forgotten> {
    let subject = Subject { kind: "person".into(), id: email.trim().to_lowercase() };
    Ok(Json(admin.desk.engine.forget(&id, &subject).await?))
}
