//! People: what became of one. Word for word what `operate` says.

use super::{App, Problem, answers::Refused};
use crate::operate::{Forgetting, Story, Whom};
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

/// Forgets a person: deletes what is kept here and names them, and drops what comes about them later. At the providers nothing is deleted.
#[utoipa::path(delete, path = "/installations/{id}/people/{email}", tag = "people",
    params(("id" = String, Path), ("email" = String, Path)),
    responses(
        (status = 200, body = Forgetting), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, description = "A run is under way that may name them: ask again in a moment", body = Problem)
    )
)]
pub(super) async fn forget(
    State(admin): App,
    Path((id, email)): Path<(String, String)>,
) -> Result<Json<Forgetting>, Refused> {
    admin.known(&id)?;
    let streams = admin.streams()?;
    Ok(Json(admin.desk().forget(&id, &email, streams.as_deref(), admin.fleet.rows.clone()).await?))
}

/// Takes in again what comes about somebody who was forgotten.
#[utoipa::path(post, path = "/installations/{id}/people/{email}/allow-again", tag = "people",
    params(("id" = String, Path), ("email" = String, Path)),
    responses((status = 200, body = Whom), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn allow_again(
    State(admin): App,
    Path((id, email)): Path<(String, String)>,
) -> Result<Json<Whom>, Refused> {
    admin.known(&id)?;
    let streams = admin.streams()?;
    Ok(Json(admin.desk().allow_again(&id, &email, streams.as_deref()).await?))
}
