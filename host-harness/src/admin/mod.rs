//! What a marketplace asks the process that serves, over HTTP. Thin: each answer is one question to the library (`operate`, `serve`),
//! and its description (OpenAPI) is generated from this code.
//!
//! Promises: nothing is answered to who does not know the token; a secret comes in and never goes out; an error says what happened and
//! what to do. Not here: TLS, and who of the marketplace's people may ask what.

mod answers;
mod installations;
mod people;
mod runs;

pub use answers::Problem;

use crate::{operate::Desk, serve::fleet::Fleet};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use secrecy::{ExposeSecret, SecretString};
use std::{path::PathBuf, sync::Arc};
use subtle::ConstantTimeEq;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Whom the interface asks.
pub struct Admin {
    pub fleet: Arc<Fleet>,
    pub desk: Desk,
    /// The folder of installation files.
    pub config: PathBuf,
    pub token: SecretString,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "harness",
        description = "Installations of the connector, their runs and their people. Every path but /v1/openapi.json wants \
                       `Authorization: Bearer` with the token of the data directory's file `admin-token`. Times are RFC 3339 in UTC."
    ),
    tags(
        (name = "installations", description = "What is installed here, and how it stands"),
        (name = "runs", description = "What was done, and doing it again"),
        (name = "people", description = "One person"),
    )
)]
struct Description;

fn described() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(installations::list))
        .routes(routes!(installations::put, installations::remove))
        .routes(routes!(installations::check))
        .routes(routes!(installations::schema))
        .routes(routes!(installations::options))
        .routes(routes!(installations::pause))
        .routes(routes!(installations::resume))
        .routes(routes!(installations::usage))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::retry))
        .routes(routes!(runs::resync))
        .routes(routes!(people::why, people::forget))
}

/// The interface as OpenAPI.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

pub fn router(admin: Arc<Admin>) -> Router {
    let (router, description) = described().split_for_parts();
    let described = get(move || std::future::ready(Json(description.clone())));
    let guarded = router.layer(middleware::from_fn_with_state(admin.clone(), known)).with_state(admin);
    guarded.route("/v1/openapi.json", described)
}

/// Lets through who knows the token.
async fn known(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(admin.token.expose_secret().as_bytes())) {
        return next.run(request).await;
    }
    let problem = Problem {
        problem: "The token is missing or wrong.".into(),
        remedy: "Send `Authorization: Bearer` with what stands in the data directory's file `admin-token`.".into(),
    };
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(problem)).into_response()
}
