//! What was done, and doing it again.

use super::{
    Admin,
    answers::{Answer, Problem},
};
use crate::operate::{Resync, Resynced, Retry, Retrying, RunFilter, Runs, Shown};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// The runs of an installation, the newest first, and its dead letters.
#[utoipa::path(get, path = "/v1/installations/{id}/runs", tag = "runs", params(("id" = String, Path), RunFilter),
    responses((status = 200, body = Runs), (status = 422, body = Problem)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Query(filter): Query<RunFilter>,
) -> Answer<Runs> {
    Ok(Json(admin.desk.runs(&id, &filter).await?))
}

#[derive(Deserialize, IntoParams)]
pub(super) struct ShowParameters {
    /// Whether personal data are shown; masked otherwise.
    #[serde(default)]
    personal: bool,
}

/// One run: its tasks, what it asked and was answered, and how it ended.
#[utoipa::path(get, path = "/v1/installations/{id}/runs/{run}", tag = "runs",
    params(("id" = String, Path), ("run" = u64, Path), ShowParameters),
    responses((status = 200, body = Shown), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path((id, run)): Path<(String, u64)>,
    Query(ShowParameters { personal }): Query<ShowParameters>,
) -> Answer<Shown> {
    Ok(Json(admin.desk.show(&id, run, personal).await?))
}

/// Dead letters go again: those of a run, one task, or all.
#[utoipa::path(post, path = "/v1/installations/{id}/retry", tag = "runs", params(("id" = String, Path)),
    request_body = Retry, responses((status = 200, body = Retrying), (status = 404, body = Problem)))]
pub(super) async fn retry(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Json(which): Json<Retry>,
) -> Answer<Retrying> {
    Ok(Json(admin.desk.retry(&id, which).await?))
}

/// A session or a person is read again, and what is missing is done.
#[utoipa::path(post, path = "/v1/installations/{id}/resync", tag = "runs", params(("id" = String, Path)),
    request_body = Resync, responses((status = 200, body = Resynced), (status = 422, body = Problem)))]
pub(super) async fn resync(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Json(what): Json<Resync>,
) -> Answer<Resynced> {
    Ok(Json(admin.desk.resync(&id, &what).await?))
}
