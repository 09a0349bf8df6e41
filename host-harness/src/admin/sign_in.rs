//! A person signs in for an account: the link, and the way back.
//!
//! Promises: an answer is taken for the sign-in alone whose state it shows, once, and within 15 minutes; neither a code nor a token is
//! told or logged. Not here: what a sign-in asks and proves (`connections/sign_in.rs`).

use super::{
    App, Problem,
    accounts::{Connected, To, wanted},
    answers::{Given, Refused},
};
use crate::{
    clock::Timestamp,
    connections::{SignIn, SignInError},
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use utoipa::ToSchema;

/// Where a provider leads people back to.
pub const RETURN: &str = "/v1/sign-in/return";
const LASTS: Duration = Duration::from_secs(15 * 60);
/// Sign-ins under way. The oldest makes room.
const UNDER_WAY_MAX: usize = 1_000;

/// By a digest of the state: how long it takes to find one says nothing of the others.
#[derive(Default)]
pub(super) struct SignIns(Mutex<HashMap<[u8; 32], Begun>>);

struct Begun {
    installation: String,
    account: String,
    at: Timestamp,
    sign_in: SignIn,
}

impl SignIns {
    fn all(&self) -> MutexGuard<'_, HashMap<[u8; 32], Begun>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn begin(&self, begun: Begun) {
        let mut all = self.all();
        let now = begun.at;
        all.retain(|_, other| now.since(other.at) < LASTS);
        let oldest = all.iter().min_by_key(|(_, other)| other.at).map(|(state, _)| *state);
        if let Some(oldest) = oldest.filter(|_| all.len() >= UNDER_WAY_MAX) {
            all.remove(&oldest);
        }
        all.insert(digest(begun.sign_in.state().expose_secret()), begun);
    }

    /// Once.
    fn take(&self, state: &str, now: Timestamp) -> Option<Begun> {
        self.all().remove(&digest(state)).filter(|begun| now.since(begun.at) < LASTS)
    }
}

fn digest(state: &str) -> [u8; 32] {
    Sha256::digest(state).into()
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Callback {
    /// The app's callback address, to the letter; whoever listens there hands the query over to /v1/sign-in/return. Left out: that path
    /// of this interface itself, by the name localhost.
    callback: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInLink {
    /// For the person's browser. It is good for one sign-in.
    pub link: String,
    pub callback: String,
    pub lasts_seconds: u64,
}

/// Begins a sign-in for an account that has an app.
#[utoipa::path(post, operation_id = "begin_sign_in", path = "/installations/{id}/accounts/{account}/sign-in",
    tag = "accounts",
    params(("id" = String, Path), ("account" = String, Path, description = "As the installation file calls it under [secrets]")),
    request_body = Callback,
    responses(
        (status = 200, body = SignInLink), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn begin(
    State(admin): App,
    Path((id, account)): Path<(String, String)>,
    Given(Callback { callback }): Given<Callback>,
) -> Result<Json<SignInLink>, Refused> {
    let file = admin.file(&id)?;
    let To::SignIn(app) = wanted(&file, &account)? else {
        let text = format!(
            "`{account}` has no app to sign in to. POST /v1/installations/{id}/accounts/{account}/token takes its token"
        );
        return Err(Refused::new(StatusCode::CONFLICT, text));
    };
    let bound = || file.connections.values().filter(|binding| binding.account == account);
    let (providers, allow_private) = (bound().map(|b| b.provider), bound().any(|b| b.allow_private_addresses));
    let callback = callback.unwrap_or_else(|| admin.callback.clone());
    let sign_in = SignIn::begin(&account, app, providers, &callback, allow_private)
        .map_err(|e| Refused::new(status(&e), e.to_string()))?;
    let link = sign_in.link();
    admin.sign_ins.begin(Begun { installation: id, account, at: admin.fleet.host.clock.now(), sign_in });
    Ok(Json(SignInLink { link, callback, lasts_seconds: LASTS.as_secs() }))
}

/// Where a provider leads the person back to. Needs no token: the state is what proves it. Whoever accepts `application/json` is
/// answered in that; everybody else gets a page.
#[utoipa::path(get, operation_id = "end_sign_in", path = "/sign-in/return", tag = "accounts", security(()),
    params(("code" = Option<String>, Query), ("state" = String, Query), ("error" = Option<String>, Query)),
    responses((status = 200, body = Connected), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn back(State(admin): App, headers: HeaderMap, uri: Uri) -> Response {
    let wants_json = headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json");
    let query = uri.query().unwrap_or_default().to_owned();
    // To the end, even if the browser goes away: a code is used up by whoever shows it.
    let returned = tokio::spawn({
        let admin = admin.clone();
        async move { admin.returned(&query).await }
    });
    let returned = returned.await.unwrap_or_else(|e| Err(Refused::broken_off(e)));
    if let Ok(connected) = &returned {
        // The page does not wait for what providers are asked.
        let (admin, id) = (admin.clone(), connected.installation.clone());
        tokio::spawn(async move { admin.look_at(&id).await.map(drop) });
    }
    let mut response = match (returned, wants_json) {
        (Ok(connected), true) => Json(connected).into_response(),
        (Ok(_), false) => "Signed in. Close this page.\n".into_response(),
        (Err(refused), true) => refused.into_response(),
        (Err(refused), false) => (refused.status, format!("{}\n", refused.problem)).into_response(),
    };
    // The address of this page holds a code.
    let told = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    told.into_iter()
        .for_each(|(name, value)| drop(response.headers_mut().insert(name, header::HeaderValue::from_static(value))));
    response
}

impl super::Admin {
    async fn returned(&self, query: &str) -> Result<Connected, Refused> {
        let state = state_in(query).unwrap_or_default();
        let Some(begun) = self.sign_ins.take(&state, self.fleet.host.clock.now()) else {
            let text =
                "this is the answer to no sign-in that is under way: it is over, or older than 15 minutes. Begin again";
            return Err(Refused::new(StatusCode::NOT_FOUND, text));
        };
        let Begun { installation, account, sign_in, .. } = begun;
        let code = sign_in.code(&format!("?{query}")).map_err(|e| Refused::new(status(&e), e.to_string()))?;
        let secret = sign_in.finish(code, &*self.transport).await;
        let secret = secret.map_err(|e| Refused::new(status(&e), e.to_string()))?;
        self.connect(&installation, &account, secret).await
    }
}

fn status(error: &SignInError) -> StatusCode {
    match error {
        SignInError::NoCode | SignInError::NotTheAnswer | SignInError::Callback { .. } => StatusCode::BAD_REQUEST,
        SignInError::NoAnswer { .. } => StatusCode::BAD_GATEWAY,
        SignInError::NoPage { .. }
        | SignInError::Address { .. }
        | SignInError::Refused { .. }
        | SignInError::NotForLong { .. } => StatusCode::CONFLICT,
    }
}

/// It is drawn of characters that no encoding touches.
fn state_in(query: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix("state=")).map(str::to_owned)
}
