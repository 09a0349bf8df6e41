//! People: what became of one. Word for word what `operate` says.

use super::{App, Problem, answers::Refused};
use crate::operate::Story;
use axum::{
    Json,
    extract::{Path, State},
};

/// Tells one person's story across sessions: what arrived, what was done in which record, what was not and why, what waits.
#[utoipa::path(get, path = "/installations/{id}/people/{email}", tag = "people",
    params(("id" = String, Path), ("email" = String, Path)),
    responses((status = 200, body = Story), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn why(State(admin): App, Path((id, email)): Path<(String, String)>) -> Result<Json<Story>, Refused> {
    admin.known(&id)?;
    Ok(Json(admin.desk().why(&id, &email).await?))
}
