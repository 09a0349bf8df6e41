//! Streams, for whoever takes their records by program. Word for word what `operate` says.

use super::{
    Admin, App, Problem,
    answers::{Asked, Given, Refused},
};
use crate::operate::{PageAsk, PageGiven, Reader, StreamError, Streams};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};
use utoipa::IntoParams;

/// Which streams are being read for somebody, by installation and name.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<BTreeSet<(String, String)>>);

impl UnderWay {
    fn all(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct Turn {
    admin: Arc<Admin>,
    of: (String, String),
}

impl Turn {
    fn take(admin: &Arc<Admin>, id: &str, stream: &str) -> Result<Turn, Refused> {
        let of = (id.to_owned(), stream.to_owned());
        match admin.reading.all().insert(of.clone()) {
            true => Ok(Turn { admin: admin.clone(), of }),
            false => {
                let text = format!("a page of {stream} is read for somebody just now. Ask again when that is over");
                Err(Refused::new(StatusCode::CONFLICT, text))
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.admin.reading.all().remove(&self.of);
    }
}

impl Admin {
    fn reader<'a>(&'a self, id: &'a str) -> Result<Reader<'a>, Refused> {
        self.known(id)?;
        if !self.fleet.runs(id) {
            let text = format!("`{id}` does not run, so nothing of it is read. GET /v1/installations/{id} says why");
            return Err(Refused::new(StatusCode::CONFLICT, text));
        }
        let fleet = &self.fleet;
        Ok(Reader { host: &fleet.host, data: &fleet.data, rows: Some(&fleet.rows), installation: id })
    }

    fn refused(&self, error: StreamError) -> Refused {
        Refused::of_stream(error, self.fleet.host.clock.now())
    }
}

#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CostOf {
    /// A stream of which is told what its next pass will cost. To know that takes up to three calls.
    cost_of: Option<String>,
}

/// Lists the streams: what is in their rows, when each may be read again, and what the last pass took.
#[utoipa::path(get, operation_id = "list_streams", path = "/installations/{id}/streams", tag = "streams",
    params(("id" = String, Path), CostOf),
    responses((status = 200, body = Streams), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn list(
    State(admin): App,
    Path(id): Path<String>,
    Asked(CostOf { cost_of }): Asked<CostOf>,
) -> Result<Json<Streams>, Refused> {
    let shown = admin.reader(&id)?.streams(cost_of.as_deref()).await;
    shown.map(Json).map_err(|e| admin.refused(e))
}

/// Reads the next page of a stream. Keep the cursor once its rows are taken, and give it with the next call; while `more` is true that
/// one comes at once. Given again, a cursor gives its page again, or newer: nothing is skipped. Of a stream one taker at a time.
#[utoipa::path(post, operation_id = "read_stream", path = "/installations/{id}/streams/{stream}/pages", tag = "streams",
    params(("id" = String, Path), ("stream" = String, Path)), request_body = PageAsk,
    responses(
        (status = 200, body = PageGiven),
        (status = 400, description = "Not a cursor of this stream: nothing was read", body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 429, description = "The pass would begin too early: `Retry-After`, and `not_before`, say when it may", body = Problem),
        (status = 502, description = "The provider refuses, or does not answer", body = Problem),
        (status = 503, description = "Not now: `Retry-After` says when", body = Problem)
    )
)]
pub(super) async fn page(
    State(admin): App,
    Path((id, stream)): Path<(String, String)>,
    Given(ask): Given<PageAsk>,
) -> Result<Json<PageGiven>, Refused> {
    admin.reader(&id)?;
    let turn = Turn::take(&admin, &id, &stream)?;
    // To the end, even if nobody waits for the answer any more: what it takes is noted.
    let read = tokio::spawn(async move {
        let _turn = turn;
        admin.reader(&id)?.page(&stream, &ask).await.map_err(|e| admin.refused(e))
    });
    read.await.map_err(Refused::broken_off)?.map(Json)
}
