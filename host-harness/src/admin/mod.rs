//! The admin interface: what a marketplace, and the command line, ask of a process that serves, over HTTP.
//!
//! ```text
//! token, Host, Origin ─> router ─> installations  their files, how they stand, what a form for their settings needs
//!                                  accounts       tokens, and how the providers' quotas are used
//!                                  sign_in        OAuth, there and back
//!                                  runs, people, streams   `operate`, word for word
//! ```
//!
//! Promises: nobody without the token is answered anything but the page that ends a sign-in, and no page in a browser can ask; no
//! answer holds a credential; every refusal says what is wrong and what to do. Its description, `docs/admin-api.json`, comes from this
//! code. Not here: TLS and other machines (a reverse proxy), what an answer means (`operate`), what runs (`serve/fleet.rs`).

mod accounts;
mod answers;
pub mod client;
mod installations;
mod people;
mod query;
mod runs;
mod sessions;
mod sign_in;
mod streams;
#[cfg(test)]
mod tests;
pub mod token;

pub use accounts::{AccountShown, AccountUsage, Accounts, Connected, Disconnected, Needs, UsageShown};
pub use answers::Problem;
pub use installations::{Checked, MayLeave, Mended, Uninstalled};
pub use runs::{Play, WhichLetters};
pub use sign_in::{RETURN, SignInLink};

use crate::{
    connections::Transport,
    durable::Engine,
    host,
    installation::InstallationFile,
    operate::Desk,
    serve::{
        self,
        fleet::{Fleet, Standing},
    },
};
use answers::Refused;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use sign_in::SignIns;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use streams::UnderWay;
use token::Token;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Description,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of a request's body. An installation file is a few kilobytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

pub struct Admin {
    fleet: Arc<Fleet>,
    /// The folder of installation files.
    config: PathBuf,
    token: Token,
    /// For the codes of sign-ins.
    transport: Arc<dyn Transport>,
    /// Where providers lead people back to, unless somebody says otherwise.
    callback: String,
    sign_ins: SignIns,
    reading: UnderWay,
}

/// What all handlers share.
type App = State<Arc<Admin>>;

impl Admin {
    pub fn new(
        fleet: Arc<Fleet>,
        config: PathBuf,
        token: Token,
        transport: Arc<dyn Transport>,
        listens_at: SocketAddr,
    ) -> Admin {
        // By name: providers take plain http of this machine, and some of them by this name alone.
        let callback = format!("http://localhost:{}{RETURN}", listens_at.port());
        let (sign_ins, reading) = Default::default();
        Admin { fleet, config, token, transport, callback, sign_ins, reading }
    }

    fn desk(&self) -> Desk {
        let host = &self.fleet.host;
        Desk { engine: host.engine.clone(), runtime: host.runtime.clone(), clock: host.clock.clone() }
    }

    /// What streams have left, where any was read here.
    fn streams(&self) -> Result<Option<Arc<dyn Engine>>, Refused> {
        let store = self.fleet.data.store_of_streams();
        Ok(store.map(|store| host::engine(&store, self.fleet.host.clock.clone())).transpose()?)
    }

    /// That something is known of it: it has a file, or something of it is kept.
    fn known(&self, id: &str) -> Result<(), Refused> {
        match self.fleet.member(id).is_some() || self.fleet.data.is_known(id)? {
            true => Ok(()),
            false => Err(Refused::no_installation(id)),
        }
    }

    /// Its file, as it was last read.
    fn file(&self, id: &str) -> Result<InstallationFile, Refused> {
        let (standing, text) = self.fleet.member(id).ok_or_else(|| Refused::no_installation(id))?;
        let unread = |why: String| Refused::new(StatusCode::CONFLICT, why);
        InstallationFile::parse(&standing.file, &text.map_err(unread)?).map_err(|e| unread(e.to_string()))
    }

    /// The folder is looked at now, to the end even if nobody waits for the answer any more. `again`: see [`Fleet::look`].
    async fn look(&self, again: Option<&str>) -> Result<(), Refused> {
        let (fleet, config, again) = (self.fleet.clone(), self.config.clone(), again.map(str::to_owned));
        let looked = tokio::spawn(async move { serve::look(&fleet, &config, again.as_deref()).await }).await;
        looked.map_err(Refused::broken_off)?.map_err(|e| {
            let problem = format!("the folder of installation files {} cannot be read: {e}", self.config.display());
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, problem)
        })
    }

    /// The same, with another try for this one. How it stands then.
    async fn look_at(&self, id: &str) -> Result<Standing, Refused> {
        self.look(Some(id)).await?;
        self.fleet.member(id).map(|(standing, _)| standing).ok_or_else(|| Refused::no_installation(id))
    }
}

/// What it is, for whoever writes a client.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "harness serve: admin interface",
        description = "Installations, their accounts, what they did and why. Every call but the page that ends a sign-in carries the \
                       token: `Authorization: Bearer TOKEN`. A refusal is a `Problem`. Times are UTC, as text."
    ),
    modifiers(&Bearer),
    security(("token" = []))
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut Description) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        api.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

fn described() -> OpenApiRouter<Arc<Admin>> {
    let large = OpenApiRouter::new().routes(routes!(runs::replay)).layer(DefaultBodyLimit::max(runs::PLAY_BYTES_MAX));
    let v1 = OpenApiRouter::new()
        .merge(large)
        .routes(routes!(installations::list))
        .routes(routes!(installations::one, installations::put, installations::uninstall))
        .routes(routes!(installations::check))
        .routes(routes!(installations::may_leave, installations::mend))
        .routes(routes!(installations::schema))
        .routes(routes!(installations::options))
        .routes(routes!(installations::pause))
        .routes(routes!(installations::resume))
        .routes(routes!(sessions::list))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::retry))
        .routes(routes!(runs::discard))
        .routes(routes!(runs::resync))
        .routes(routes!(people::why, people::forget))
        .routes(routes!(people::allow_again))
        .routes(routes!(streams::list))
        .routes(routes!(streams::page))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::usage))
        .routes(routes!(accounts::token))
        .routes(routes!(accounts::disconnect))
        .routes(routes!(sign_in::begin))
        .routes(routes!(sign_in::back));
    OpenApiRouter::with_openapi(Api::openapi()).nest("/v1", v1)
}

/// Of everything below `/v1`.
pub fn description() -> Description {
    described().into_openapi()
}

pub fn router(admin: Arc<Admin>) -> Router {
    let (router, description) = described().split_for_parts();
    router
        .route("/v1/openapi.json", get(async || Json(description)))
        .fallback(async || Refused::new(StatusCode::NOT_FOUND, NO_SUCH_PATH))
        .method_not_allowed_fallback(async || Refused::new(StatusCode::METHOD_NOT_ALLOWED, NO_SUCH_METHOD))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        // The last one stands before everything, the fallbacks included.
        .layer(middleware::from_fn_with_state(admin.clone(), guard))
        .with_state(admin)
}

const NO_SUCH_PATH: &str = "there is nothing at this path. GET /v1/openapi.json describes all that there is";
const NO_SUCH_METHOD: &str = "this path is not asked by this method. GET /v1/openapi.json describes all that there is";

async fn guard(State(admin): App, request: Request, next: Next) -> Response {
    // A browser comes there with nothing but the state of its sign-in, by whatever name the proxy has.
    if request.uri().path() == RETURN {
        return next.run(request).await;
    }
    match admits(request.headers(), &admin.token).and_then(|()| query::known(&request)) {
        Ok(()) => answers::in_one_form(next.run(request).await).await,
        Err(refused) => refused.into_response(),
    }
}

/// Pages in a browser of this machine reach it too: by their own name for it (DNS rebinding), or across origins.
fn admits(headers: &HeaderMap, token: &Token) -> Result<(), Refused> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(header::ORIGIN) {
        return Err(Refused::new(StatusCode::FORBIDDEN, "a page in a browser may not ask here. Ask from a server"));
    }
    if !text(header::HOST).is_some_and(is_this_machine) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "the Host of the request is no address of this machine. Ask 127.0.0.1 or localhost, or have the reverse proxy set \
             the Host to that",
        ));
    }
    let shown = text(header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    match shown {
        Some((scheme, shown)) if scheme.eq_ignore_ascii_case("bearer") && token.is(shown.trim()) => Ok(()),
        _ => Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "the token is missing or is not the right one. Send the header Authorization: Bearer TOKEN, where TOKEN stands in the \
             file admin-token of the data directory, or is the one that harness serve was given",
        )),
    }
}

/// A name could be pointed at this machine by anybody, an address could not.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|ip| ip.is_loopback())
}
