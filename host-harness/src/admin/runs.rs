//! Runs: what was done, and what is done again. Word for word what `operate` says.

use super::{
    App, Problem,
    answers::{Asked, Given, Refused},
};
use crate::operate::{Discarding, Instead, Replayed, Resync, Resynced, Retrying, RunFilter, Runs, Shown, Which};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Bytes of a component that a run is played with, as base64 in a body.
pub(super) const PLAY_BYTES_MAX: usize = 64 << 20;

/// Lists runs, the newest first, and the dead letters.
#[utoipa::path(get, operation_id = "list_runs", path = "/installations/{id}/runs",
    tag = "runs", params(("id" = String, Path), RunFilter), responses(
    (status = 200, body = Runs), (status = 400, body = Problem), (status = 404, body = Problem)
))]
pub(super) async fn list(
    State(admin): App,
    Path(id): Path<String>,
    Asked(filter): Asked<RunFilter>,
) -> Result<Json<Runs>, Refused> {
    admin.known(&id)?;
    Ok(Json(admin.desk().runs(&id, &filter).await?))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct HowMuch {
    /// With addresses, names, and what was sent and received. Masked or left out where it is not asked for.
    personal: bool,
}

/// Shows one run: its tasks, each request with what came back, and how each task ended.
#[utoipa::path(get, operation_id = "show_run", path = "/installations/{id}/runs/{run}", tag = "runs",
    params(("id" = String, Path), ("run" = u64, Path), HowMuch),
    responses((status = 200, body = Shown), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(admin): App,
    Path((id, run)): Path<(String, u64)>,
    Asked(HowMuch { personal }): Asked<HowMuch>,
) -> Result<Json<Shown>, Refused> {
    admin.known(&id)?;
    Ok(Json(admin.desk().show(&id, run, personal).await?))
}

/// What a run is played with instead of what it ran with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Play {
    /// One JSON document, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// A component's bytes, as base64.
    #[serde(skip_serializing_if = "Option::is_none", with = "base64_text")]
    #[schema(value_type = Option<String>)]
    pub component: Option<Vec<u8>>,
    /// With the values that differ; they may name people.
    pub personal: bool,
}

mod base64_text {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => s.serialize_str(&STANDARD.encode(bytes)),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|text| STANDARD.decode(text)).transpose().map_err(D::Error::custom)
    }
}

/// Plays a recorded run once more: the same, or what would be otherwise. Nothing is sent, and nothing is changed.
#[utoipa::path(post, path = "/installations/{id}/runs/{run}/replay", tag = "runs",
    params(("id" = String, Path), ("run" = u64, Path)), request_body = Play,
    responses(
        (status = 200, body = Replayed), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn replay(
    State(admin): App,
    Path((id, run)): Path<(String, u64)>,
    Given(Play { settings, component, personal }): Given<Play>,
) -> Result<Json<Replayed>, Refused> {
    admin.known(&id)?;
    Ok(Json(admin.desk().replay(&id, run, Instead { component, settings }, personal).await?))
}

/// Exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WhichLetters {
    /// Those that this run left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// This one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all_failed: bool,
}

impl From<Which> for WhichLetters {
    fn from(which: Which) -> WhichLetters {
        match which {
            Which::Run(run) => WhichLetters { run: Some(run), ..WhichLetters::default() },
            Which::Task(task) => WhichLetters { task: Some(task), ..WhichLetters::default() },
            Which::AllFailed => WhichLetters { all_failed: true, ..WhichLetters::default() },
        }
    }
}

impl WhichLetters {
    fn one(self) -> Option<Which> {
        match self {
            WhichLetters { run: Some(run), task: None, all_failed: false } => Some(Which::Run(run)),
            WhichLetters { run: None, task: Some(task), all_failed: false } => Some(Which::Task(task)),
            WhichLetters { run: None, task: None, all_failed: true } => Some(Which::AllFailed),
            _ => None,
        }
    }

    fn said(self) -> Result<Which, Refused> {
        self.one().ok_or_else(|| {
            let text =
                "it is not said which dead letters are meant. Give one of {\"run\": N}, {\"task\": N} and {\"all_failed\": true}";
            Refused::new(StatusCode::BAD_REQUEST, text)
        })
    }
}

/// Gives dead letters again. What was written before is known and not written twice.
#[utoipa::path(post, path = "/installations/{id}/retry", tag = "runs", params(("id" = String, Path)),
    request_body = WhichLetters,
    responses(
        (status = 200, body = Retrying), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn retry(
    State(admin): App,
    Path(id): Path<String>,
    Given(which): Given<WhichLetters>,
) -> Result<Json<Retrying>, Refused> {
    admin.known(&id)?;
    let which = which.said()?;
    tracing::info!(installation = id, "dead letters are given again by the admin interface");
    Ok(Json(admin.desk().retry(&id, which).await?))
}

/// Gives dead letters up: nothing will come of them. They are deleted, and the log keeps a line of each.
#[utoipa::path(post, path = "/installations/{id}/discard", tag = "runs", params(("id" = String, Path)),
    request_body = WhichLetters,
    responses(
        (status = 200, body = Discarding), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn discard(
    State(admin): App,
    Path(id): Path<String>,
    Given(which): Given<WhichLetters>,
) -> Result<Json<Discarding>, Refused> {
    admin.known(&id)?;
    let which = which.said()?;
    tracing::info!(installation = id, "dead letters are given up by the admin interface");
    Ok(Json(admin.desk().discard(&id, which).await?))
}

/// Has one session, or one person, read again in Livestorm. `accepted` is false while the same is under way.
#[utoipa::path(post, path = "/installations/{id}/resync",
    tag = "runs", params(("id" = String, Path)), request_body = Resync,
    responses(
        (status = 200, body = Resynced), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn resync(
    State(admin): App,
    Path(id): Path<String>,
    Given(what): Given<Resync>,
) -> Result<Json<Resynced>, Refused> {
    admin.known(&id)?;
    if !admin.fleet.runs(&id) {
        let text = format!("`{id}` does not run, so nothing can be read for it. GET /v1/installations/{id} says why");
        return Err(Refused::new(StatusCode::CONFLICT, text));
    }
    tracing::info!(installation = id, "something is read again, asked for by the admin interface");
    Ok(Json(admin.desk().resync(&id, &what).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_are_meant_is_said_in_one_way() {
        for which in [Which::Run(1), Which::Task(2), Which::AllFailed] {
            assert_eq!(WhichLetters::from(which).one(), Some(which));
        }
        let both = WhichLetters { run: Some(1), task: Some(2), all_failed: false };
        assert_eq!((both.one(), WhichLetters::default().one()), (None, None));
        assert_eq!(serde_json::to_string(&WhichLetters::from(Which::Task(2))).unwrap(), "{\"task\":2}");
    }
}
