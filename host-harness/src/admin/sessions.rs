//! Sessions: which have a campaign. Word for word what `operate` says.

use super::{App, Problem, answers::Refused};
use crate::operate::Sessions;
use axum::{
    Json,
    extract::{Path, State},
};

/// Lists the sessions that were met, each with its campaign, or with why it has none and what to do.
#[utoipa::path(get, operation_id = "list_sessions", path = "/installations/{id}/sessions", tag = "sessions",
    params(("id" = String, Path)), responses((status = 200, body = Sessions), (status = 404, body = Problem))
)]
pub(super) async fn list(State(admin): App, Path(id): Path<String>) -> Result<Json<Sessions>, Refused> {
    admin.known(&id)?;
    Ok(Json(admin.desk().sessions(&id).await?))
}
