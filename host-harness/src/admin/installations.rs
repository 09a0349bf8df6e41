//! Installations: their files, how they stand, whether they could work, and what a form for their settings needs.
//!
//! A file is put whole or not at all, and taken up before the answer. Not here: what stands in it (`installation`), when it runs
//! (`serve/fleet.rs`).

use super::{
    Admin, App, Problem,
    answers::{Given, Refused, whole},
};
use crate::{
    activation, disk,
    host::InstallError,
    installation::InstallationFile,
    operate::Paused,
    runtime::contract::{Choice, EgressRule, Finding, Severity},
    serve::fleet::{AddError, Standing},
};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fs, io, path::PathBuf};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed {
    #[serde(flatten)]
    standing: Standing,
    /// Whether somebody has it stand still.
    paused: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Installations {
    installations: Vec<Listed>,
}

/// How every file of the folder stands.
#[utoipa::path(get, operation_id = "list_installations", path = "/installations", tag = "installations", responses(
    (status = 200, body = Installations), (status = 401, body = Problem)
))]
pub(super) async fn list(State(admin): App) -> Result<Json<Installations>, Refused> {
    let mut installations = vec![];
    for standing in admin.fleet.standings() {
        let paused = admin.is_paused(&standing).await?;
        installations.push(Listed { standing, paused });
    }
    Ok(Json(Installations { installations }))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneInstallation {
    #[serde(flatten)]
    standing: Standing,
    /// Whether somebody has it stand still.
    paused: bool,
    /// The text of its file. Not where it cannot be read as one: a secret may stand in it by mistake.
    text: Option<String>,
}

/// How one installation stands, and its file.
#[utoipa::path(get, operation_id = "show_installation", path = "/installations/{id}",
    tag = "installations", params(("id" = String, Path)), responses(
    (status = 200, body = OneInstallation), (status = 404, body = Problem)
))]
pub(super) async fn one(State(admin): App, Path(id): Path<String>) -> Result<Json<OneInstallation>, Refused> {
    let (standing, text) = admin.fleet.member(&id).ok_or_else(|| Refused::no_installation(&id))?;
    let text = text.ok().filter(|text| InstallationFile::parse(&standing.file, text).is_ok());
    let paused = admin.is_paused(&standing).await?;
    Ok(Json(OneInstallation { standing, paused, text }))
}

/// Puts its file in the folder, or another text in its place, and takes it up at once. The answer says how it stands then: running,
/// held by what is found to be in its way, or broken. What ran before runs on while the new text is broken.
#[utoipa::path(put, operation_id = "put_installation", path = "/installations/{id}",
    tag = "installations", params(("id" = String, Path)),
    request_body(content = String, content_type = "application/toml", description = "The text of an installation file with this id"),
    responses((status = 200, body = Standing), (status = 400, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn put(
    State(admin): App,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Standing>, Refused> {
    let body = whole(request, &()).await?;
    let wrong = |text: String| Refused::new(StatusCode::BAD_REQUEST, text);
    let text = String::from_utf8(body.into()).map_err(|_| wrong("the body is no text. Put TOML, as UTF-8".into()))?;
    if id.starts_with('.') {
        return Err(wrong("files that begin with a dot are not looked at. Give it another id".into()));
    }
    let path = admin.path(&id);
    let file = InstallationFile::parse(&path, &text).map_err(|e| wrong(e.to_string()))?;
    if file.id != id {
        return Err(wrong(format!(
            "the text is that of `{}`, and the path says `{id}`. Put it to its own path",
            file.id
        )));
    }
    if let Some(other) = id_in(&path).filter(|other| *other != id) {
        let text = format!("{} is the file of `{other}`. Give one of them another id", path.display());
        return Err(Refused::new(StatusCode::CONFLICT, text));
    }
    write(path, text.into_bytes()).await?;
    let standing = admin.look_at(&id).await?;
    tracing::info!(installation = id, status = standing.status.word(), "its file was put by the admin interface");
    Ok(Json(standing))
}

impl Admin {
    async fn is_paused(&self, standing: &Standing) -> Result<bool, Refused> {
        match &standing.installation {
            Some(id) => Ok(self.fleet.host.engine.counts(id).await?.paused),
            None => Ok(false),
        }
    }

    /// While this is mended, where the connector mends something by that name.
    async fn may_leave(&self, id: &str, code: &str) -> Result<Result<Vec<EgressRule>, Vec<Finding>>, Refused> {
        let told = self.fleet.host.runtime.fix_egress(id, code).await?;
        if told.as_ref().is_ok_and(Vec::is_empty) {
            let code = code.escape_default();
            let text = format!(
                "there is nothing `{code}` that can be mended from here. A check says what can: its findings that are fixable"
            );
            return Err(Refused::new(StatusCode::NOT_FOUND, text));
        }
        Ok(told)
    }

    /// Of the file that has this id already, else one of its name.
    fn path(&self, id: &str) -> PathBuf {
        let has = self.fleet.member(id).map(|(standing, _)| standing.file);
        has.unwrap_or_else(|| self.config.join(format!("{id}.toml")))
    }
}

/// Of what stands in the file now.
fn id_in(path: &std::path::Path) -> Option<String> {
    InstallationFile::parse(path, &fs::read_to_string(path).ok()?).ok().map(|file| file.id)
}

async fn write(path: PathBuf, text: Vec<u8>) -> Result<(), Refused> {
    let shown = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || disk::replace(&path, &text)).await;
    written.map_err(Refused::broken_off)?.map_err(|e| unwritten(&shown, &e))
}

fn unwritten(file: &str, error: &io::Error) -> Refused {
    let text = format!("{file} cannot be changed: {error}. Let the user of harness serve write to its folder");
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, text)
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Uninstalled {
    pub installation: String,
    /// Whether it was on.
    pub switched_off: bool,
    /// What could not be done before it was off. It waits for whoever installs it again.
    pub left: Vec<String>,
}

/// Switches it off and removes its file. Its webhooks are taken back at Livestorm first, for which it has half a minute; what could not
/// be done by then is told. What is under way ends as given back. What it made, and what is kept of it, stays.
#[utoipa::path(delete, path = "/installations/{id}", tag = "installations", params(("id" = String, Path)), responses(
    (status = 200, body = Uninstalled), (status = 404, body = Problem)
))]
pub(super) async fn uninstall(State(admin): App, Path(id): Path<String>) -> Result<Json<Uninstalled>, Refused> {
    let (standing, _) = admin.fleet.member(&id).ok_or_else(|| Refused::no_installation(&id))?;
    // To the end, even if nobody waits for the answer any more.
    let done = tokio::spawn(async move {
        let retired = admin.fleet.retire(&id).await?;
        match fs::remove_file(&standing.file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(unwritten(&standing.file.display().to_string(), &e));
            }
            _ => {}
        }
        admin.look(None).await?;
        tracing::info!(installation = id, "was uninstalled by the admin interface");
        Ok(Uninstalled { installation: id, switched_off: retired.switched_off, left: retired.left })
    });
    done.await.map_err(Refused::broken_off)?.map(Json)
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    pub findings: Vec<Finding>,
    /// With one it is not switched on.
    pub blockers: usize,
}

/// Looks whether it is able to work, with its own accounts, and changes nothing there. One that is held and has nothing in its way any
/// more is switched on.
#[utoipa::path(post, path = "/installations/{id}/check",
    tag = "installations", params(("id" = String, Path)), responses(
    (status = 200, body = Checked), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)
))]
pub(super) async fn check(State(admin): App, Path(id): Path<String>) -> Result<Json<Checked>, Refused> {
    let file = admin.file(&id)?;
    let findings = match admin.fleet.findings(&file).await {
        // What a check is for.
        Err(AddError::Install(InstallError::Settings(findings))) => findings,
        findings => findings?,
    };
    let blockers = findings.iter().filter(|f| f.severity == Severity::Blocker).count();
    if !activation::is_blocked(&findings) && !admin.fleet.runs(&id) {
        admin.look_at(&id).await?;
    }
    Ok(Json(Checked { findings, blockers }))
}

/// What would leave to mend a finding.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MayLeave {
    pub code: String,
    pub allowed: Vec<EgressRule>,
    /// Why it cannot be mended.
    pub refused: Vec<Finding>,
}

/// What would be allowed to leave, for this alone, if this finding were to be mended. Nothing is sent.
#[utoipa::path(get, operation_id = "show_fix", path = "/installations/{id}/fixes/{code}", tag = "installations",
    params(("id" = String, Path), ("code" = String, Path, description = "The code of a fixable finding")),
    responses((status = 200, body = MayLeave), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn may_leave(
    State(admin): App,
    Path((id, code)): Path<(String, String)>,
) -> Result<Json<MayLeave>, Refused> {
    let _lent = admin.fleet.lend(&admin.file(&id)?).await?;
    let (allowed, refused) = match admin.may_leave(&id, &code).await? {
        Ok(allowed) => (allowed, vec![]),
        Err(refused) => (vec![], refused),
    };
    Ok(Json(MayLeave { code, allowed, refused }))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Mended {
    pub done: Vec<Finding>,
    /// Why it was not mended.
    pub refused: Vec<Finding>,
}

/// Mends a finding that is fixable, at the provider.
#[utoipa::path(post, operation_id = "fix", path = "/installations/{id}/fixes/{code}", tag = "installations",
    params(("id" = String, Path), ("code" = String, Path, description = "The code of a fixable finding")),
    responses((status = 200, body = Mended), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn mend(State(admin): App, Path((id, code)): Path<(String, String)>) -> Result<Json<Mended>, Refused> {
    let file = admin.file(&id)?;
    // To the end, even if nobody waits for the answer any more.
    let mended = tokio::spawn(async move {
        let _lent = admin.fleet.lend(&file).await?;
        Ok::<_, Refused>(match admin.may_leave(&file.id, &code).await? {
            Ok(_) => activation::mend(&admin.fleet.host, &file.id, &code).await?,
            Err(refused) => Err(refused),
        })
    });
    let (done, refused) = match mended.await.map_err(Refused::broken_off)?? {
        Ok(done) => (done, vec![]),
        Err(refused) => (vec![], refused),
    };
    Ok(Json(Mended { done, refused }))
}

/// The JSON Schema of its settings.
#[utoipa::path(get, operation_id = "settings_schema", path = "/installations/{id}/settings/schema",
    tag = "settings", params(("id" = String, Path)), responses(
    (status = 200, body = Object, description = "A JSON Schema"), (status = 404, body = Problem)
))]
pub(super) async fn schema(State(admin): App, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    let runtime = &admin.fleet.host.runtime;
    let component = admin.file(&id)?.component().map_err(AddError::from)?;
    let component = runtime.compile(&component).map_err(InstallError::from)?;
    let manifest = runtime.describe(&component).await?;
    let unread = |e| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the connector's schema is no JSON: {e}"));
    serde_json::from_str(&manifest.settings_schema).map(Json).map_err(unread)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    /// A JSON pointer into the settings, e.g. /mapping/prospect/0/target.
    setting: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Choices {
    choices: Vec<Choice>,
}

/// What a setting can be, as its own accounts have it now: for a form.
#[utoipa::path(post, operation_id = "settings_options", path = "/installations/{id}/settings/options",
    tag = "settings", params(("id" = String, Path)),
    request_body = Setting,
    responses((status = 200, body = Choices), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn options(
    State(admin): App,
    Path(id): Path<String>,
    Given(Setting { setting }): Given<Setting>,
) -> Result<Json<Choices>, Refused> {
    let _lent = admin.fleet.lend(&admin.file(&id)?).await?;
    let host = &admin.fleet.host;
    let choices = host.runtime.options(&id, &setting, &host.asker()).await??;
    Ok(Json(Choices { choices }))
}

/// Has it stand still: webhooks are taken and kept, and nothing is written.
#[utoipa::path(post, path = "/installations/{id}/pause",
    tag = "installations", params(("id" = String, Path)), responses(
    (status = 200, body = Paused), (status = 404, body = Problem)
))]
pub(super) async fn pause(State(admin): App, Path(id): Path<String>) -> Result<Json<Paused>, Refused> {
    admin.known(&id)?;
    tracing::info!(installation = id, "is paused by the admin interface");
    Ok(Json(admin.desk().pause(&id).await?))
}

/// Has it go on: what was kept is worked off in its order.
#[utoipa::path(post, path = "/installations/{id}/resume",
    tag = "installations", params(("id" = String, Path)), responses(
    (status = 200, body = Paused), (status = 404, body = Problem)
))]
pub(super) async fn resume(State(admin): App, Path(id): Path<String>) -> Result<Json<Paused>, Refused> {
    admin.known(&id)?;
    tracing::info!(installation = id, "is resumed by the admin interface");
    Ok(Json(admin.desk().resume(&id).await?))
}
