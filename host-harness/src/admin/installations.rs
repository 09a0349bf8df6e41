//! What is installed here, and how it stands.

use super::{
    Admin,
    answers::{Answer, Problem, Refused},
};
use crate::{
    installation::InstallationFile,
    operate::Paused,
    runtime::contract::{Choice, Finding},
    serve::{fleet::Standing, folder},
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// Every installation file, and how it stands.
#[utoipa::path(get, path = "/v1/installations", tag = "installations", responses((status = 200, body = [Standing])))]
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Vec<Standing>> {
    Json(admin.fleet.standings().await)
}

/// Installs or changes an installation: the text of its file, in TOML. Secrets stand in it by reference, never in clear. It is taken
/// up before this answers; where something stands in its way the answer says so, and it is tried again by itself.
#[utoipa::path(put, path = "/v1/installations/{id}", tag = "installations", params(("id" = String, Path)),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Standing), (status = 422, body = Problem)))]
pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    text: String,
) -> Answer<Standing> {
    let path = file_of(&admin, &id)?;
    let wrong = |problem: String| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, problem, "");
    let file = InstallationFile::parse(&path, &text).map_err(|e| wrong(e.to_string()))?;
    if file.id != id {
        return Err(wrong(format!("The file says id \"{}\", and the address says \"{id}\". Make them equal.", file.id)));
    }
    // Whole or not at all: the folder is looked at meanwhile.
    let new = path.with_extension("toml.new");
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)).map_err(not_kept)?;
    taken_up(&admin, &path).await.ok_or_else(|| Refused::no_installation(&id)).map(Json)
}

/// Stops an installation and deletes its file. What it made at the providers stays, its webhooks too: take those back before, with
/// `harness uninstall`.
#[utoipa::path(delete, path = "/v1/installations/{id}", tag = "installations", params(("id" = String, Path)),
    responses((status = 200, body = [Standing]), (status = 404, body = Problem)))]
pub(super) async fn remove(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Answer<Vec<Standing>> {
    let standings = admin.fleet.standings().await;
    let path = standings.into_iter().find(|standing| standing.installation.as_ref() == Some(&id));
    let path = path.map(|standing| standing.file).map_or_else(|| file_of(&admin, &id), Ok)?;
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Refused::no_installation(&id)),
        removed => removed.map_err(not_kept)?,
    }
    taken_up(&admin, &path).await;
    Ok(Json(admin.fleet.standings().await))
}

async fn taken_up(admin: &Admin, path: &PathBuf) -> Option<Standing> {
    if let Ok(files) = folder::read(&admin.config) {
        admin.fleet.apply(files).await;
    }
    admin.fleet.standings().await.into_iter().find(|standing| standing.file == *path)
}

fn file_of(admin: &Admin, id: &str) -> Result<PathBuf, Refused> {
    // No path of its own.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !id.is_empty() && id.chars().all(plain) {
        true => Ok(admin.config.join(format!("{id}.toml"))),
        false => Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("\"{}\" is no name for an installation.", id.escape_default()),
            "Use letters, digits, `-` and `_`.",
        )),
    }
}

fn not_kept(e: io::Error) -> Refused {
    let remedy = "See that the folder of --config can be written.";
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The file could not be changed: {e}."), remedy)
}

/// Whether it is able to work, and what to do where it is not. Reads at the providers, and changes nothing.
#[utoipa::path(post, path = "/v1/installations/{id}/check", tag = "installations", params(("id" = String, Path)),
    responses((status = 200, body = [Finding]), (status = 404, body = Problem)))]
pub(super) async fn check(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Answer<Vec<Finding>> {
    let host = &admin.fleet.host;
    Ok(Json(host.runtime.check(&id, &host.asker()).await?))
}

/// What may be set: a JSON Schema.
#[utoipa::path(get, path = "/v1/installations/{id}/settings/schema", tag = "installations",
    params(("id" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub(super) async fn schema(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Answer<Value> {
    let host = &admin.fleet.host;
    let component = host.runtime.component(&id)?;
    let manifest = host.runtime.describe(&component).await?;
    Ok(Json(serde_json::from_str(&manifest.settings_schema).unwrap_or(Value::Null)))
}

#[derive(Deserialize, IntoParams)]
pub(super) struct OptionsParameters {
    /// A JSON pointer into the settings, e.g. `/salesforce_campaign/parent_id`.
    setting: String,
}

/// What a setting may be, as the accounts have it.
#[utoipa::path(get, path = "/v1/installations/{id}/settings/options", tag = "installations",
    params(("id" = String, Path), OptionsParameters),
    responses((status = 200, body = [Choice]), (status = 422, body = Problem)))]
pub(super) async fn options(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Query(OptionsParameters { setting }): Query<OptionsParameters>,
) -> Answer<Vec<Choice>> {
    let host = &admin.fleet.host;
    let offered = host.runtime.options(&id, &setting, &host.asker()).await?;
    offered.map(Json).map_err(|f| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, f.problem, &f.remedy))
}

/// It stands still: what arrives is taken and kept, nothing is written.
#[utoipa::path(post, path = "/v1/installations/{id}/pause", tag = "installations", params(("id" = String, Path)),
    responses((status = 200, body = Paused)))]
pub(super) async fn pause(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Answer<Paused> {
    Ok(Json(admin.desk.pause(&id).await?))
}

/// It goes on, and works off what was kept.
#[utoipa::path(post, path = "/v1/installations/{id}/resume", tag = "installations", params(("id" = String, Path)),
    responses((status = 200, body = Paused)))]
pub(super) async fn resume(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Answer<Paused> {
    Ok(Json(admin.desk.resume(&id).await?))
}

/// What an installation has used.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Usage {
    /// Requests left in the account's window, by connection, as the provider's last answer said.
    left: BTreeMap<String, u64>,
    /// Deliveries that were not taken, by reason.
    refused: BTreeMap<String, u64>,
}

/// What an installation has used.
#[utoipa::path(get, path = "/v1/installations/{id}/usage", tag = "installations", params(("id" = String, Path)),
    responses((status = 200, body = Usage)))]
pub(super) async fn usage(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Json<Usage> {
    let host = &admin.fleet.host;
    let refused = host.ingress.refused().into_iter().filter(|((of, _), _)| *of == id);
    Json(Usage {
        left: host.connections.all_left(&id),
        refused: refused.map(|((_, why), count)| (why.word().to_owned(), count)).collect(),
    })
}
