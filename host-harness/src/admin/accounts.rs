//! Accounts: a token that a person brings, and how the providers' quotas are used. Promises: a token goes in and never comes out.

use super::{
    Admin, App, Problem,
    answers::{Refused, whole},
};
use crate::{
    connections::{App as OAuthApp, Declared, Provider, Secret, Usage, credentials::connected_name},
    installation::InstallationFile,
    operate::When,
};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How an account is used by everybody who shares it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountUsage {
    /// By the connector's name for it.
    pub connection: String,
    /// By the word of the installation file.
    pub account: String,
    pub provider: Provider,
    pub business_unit: Option<String>,
    /// Requests that the provider allows in its window, where that is little enough to plan by.
    pub quota_requests: Option<u64>,
    pub quota_window_seconds: Option<u64>,
    /// Requests that are left in the provider's window, as its last answer said. Not every provider says so.
    pub left: Option<u64>,
    pub in_flight: usize,
    /// As many as such an account may have in flight.
    pub in_flight_max: usize,
    /// As many as this one may: fewer after its provider said that there are too many at once, until time has passed without that.
    pub in_flight_now_max: usize,
    /// Of the requests in a second that such an account has: less than 100 after its provider asked to slow down, until time has passed
    /// without that. Learned since this process began.
    pub rate_percent: u64,
    /// How often its provider asked to slow down since this process began.
    pub slow_downs: u64,
    /// Nothing is sent before then.
    pub closed_until: Option<When>,
    pub closed_because: Option<String>,
    /// What is read by itself has spent its share of the quota until then.
    pub passes_wait_until: Option<When>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageShown {
    pub installation: String,
    pub accounts: Vec<AccountUsage>,
}

/// What is known of the quotas of its accounts, since this process began. Nothing is asked of a provider.
#[utoipa::path(get, path = "/installations/{id}/usage", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = UsageShown), (status = 404, body = Problem), (status = 409, body = Problem)
))]
pub(super) async fn usage(State(admin): App, Path(id): Path<String>) -> Result<Json<UsageShown>, Refused> {
    let file = admin.file(&id)?;
    let usage = admin.fleet.host.connections.usage(&id).into_iter().map(|usage| shown(&file, usage));
    Ok(Json(UsageShown { accounts: usage.collect(), installation: id }))
}

fn shown(file: &InstallationFile, usage: Usage) -> AccountUsage {
    let Usage {
        connection, provider, business_unit, quota, left, in_flight_max, pace, closed, passes_wait_until, ..
    } = usage;
    let (closed_until, closed_because) = closed.map(|hold| (When(hold.until), hold.reason)).unzip();
    AccountUsage {
        account: file.connections.get(&connection).map(|binding| binding.account.clone()).unwrap_or_default(),
        connection,
        provider,
        business_unit,
        quota_requests: quota.map(|quota| quota.requests),
        quota_window_seconds: quota.map(|quota| quota.window.as_secs()),
        left,
        in_flight: pace.in_flight,
        in_flight_max,
        in_flight_now_max: pace.slots,
        rate_percent: pace.rate_percent,
        slow_downs: pace.refusals,
        closed_until,
        closed_because,
        passes_wait_until: passes_wait_until.map(When),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// A person brings a token that was made at the provider.
    Token,
    /// A person signs in.
    SignIn,
    /// The installation file says where its secret is.
    Nothing,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountShown {
    /// By the word of the installation file.
    pub account: String,
    pub providers: Vec<Provider>,
    pub needs: Needs,
    /// Whether what it needs was brought. Whether it works, a check says.
    pub connected: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    pub installation: String,
    pub accounts: Vec<AccountShown>,
}

/// Which accounts its connections are bound to, and what each needs of a person.
#[utoipa::path(get, operation_id = "list_accounts", path = "/installations/{id}/accounts",
    tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Accounts), (status = 404, body = Problem), (status = 409, body = Problem)
))]
pub(super) async fn list(State(admin): App, Path(id): Path<String>) -> Result<Json<Accounts>, Refused> {
    let file = admin.file(&id)?;
    let declared = file.accounts().map_err(|e| Refused::new(StatusCode::CONFLICT, e.to_string()))?;
    let kept = admin.fleet.credentials.accounts();
    let shown = |(account, declared): (String, Declared)| {
        let needs = match declared {
            Declared::Given(_) => Needs::Nothing,
            Declared::Token => Needs::Token,
            Declared::App(_) => Needs::SignIn,
        };
        let bound = file.connections.values().filter(|binding| binding.account == account);
        AccountShown {
            providers: bound.map(|binding| binding.provider).collect(),
            needs,
            connected: needs == Needs::Nothing || kept.contains(&connected_name(&id, &account)),
            account,
        }
    };
    Ok(Json(Accounts { accounts: declared.into_iter().map(shown).collect(), installation: id }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenGiven {
    token: String,
}

/// An account that is connected.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Connected {
    pub installation: String,
    pub account: String,
    /// Where its data is, of a provider that says so.
    pub at: Option<String>,
}

/// Takes the token of an account that needs no sign-in, and keeps it, sealed. The installation is looked at again at once.
#[utoipa::path(post, operation_id = "give_token", path = "/installations/{id}/accounts/{account}/token",
    tag = "accounts",
    params(("id" = String, Path), ("account" = String, Path, description = "As the installation file calls it under [secrets]")),
    request_body = TokenGiven,
    responses(
        (status = 200, body = Connected), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn token(
    State(admin): App,
    Path((id, account)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Connected>, Refused> {
    let file = admin.file(&id)?;
    if let To::SignIn(_) = wanted(&file, &account)? {
        let text = format!(
            "`{account}` has an app, and somebody signs in to it. POST /v1/installations/{id}/accounts/{account}/sign-in gives the \
             link"
        );
        return Err(Refused::new(StatusCode::CONFLICT, text));
    }
    let body = whole(request, &()).await?;
    let given: TokenGiven = serde_json::from_slice(&body).map_err(|_| {
        Refused::new(
            StatusCode::BAD_REQUEST,
            "there is no token in the body. Give {\"token\": \"...\"}, and nothing else",
        )
    })?;
    let connected = admin.connect(&id, &account, Secret::Token(given.token.into())).await?;
    admin.look_at(&id).await?;
    Ok(Json(connected))
}

/// An account that is not connected any more.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Disconnected {
    pub installation: String,
    pub account: String,
    /// Whether it was connected.
    pub was_connected: bool,
}

/// Removes what was connected for an account. What needs the account waits, and says so, until it is connected again. At its provider
/// the token stays good until it is withdrawn there.
#[utoipa::path(post, operation_id = "disconnect", path = "/installations/{id}/accounts/{account}/disconnect",
    tag = "accounts",
    params(("id" = String, Path), ("account" = String, Path, description = "As the installation file calls it under [secrets]")),
    responses((status = 200, body = Disconnected), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn disconnect(
    State(admin): App,
    Path((id, account)): Path<(String, String)>,
) -> Result<Json<Disconnected>, Refused> {
    let file = admin.file(&id)?;
    wanted(&file, &account)?;
    let was_connected = admin.fleet.host.connections.disconnect(&connected_name(&id, &account)).await?;
    if was_connected {
        admin.fleet.doubt(&id).await;
        admin.look_at(&id).await?;
    }
    tracing::info!(installation = id, account, "was disconnected by the admin interface");
    Ok(Json(Disconnected { installation: id, account, was_connected }))
}

/// What a person is to bring for an account.
pub(super) enum To {
    Token,
    SignIn(OAuthApp),
}

pub(super) fn wanted(file: &InstallationFile, account: &str) -> Result<To, Refused> {
    let conflict = |text: String| Refused::new(StatusCode::CONFLICT, text);
    match file.account(account).map_err(|e| conflict(e.to_string()))? {
        Some(Declared::Token) => Ok(To::Token),
        Some(Declared::App(app)) => Ok(To::SignIn(app)),
        Some(Declared::Given(_)) => Err(conflict(format!(
            "the installation file says itself where the secret of `{account}` is, and that would be used. Leave `token` or \
             `refresh_token` out of [secrets.{account}] first"
        ))),
        None => {
            let mut bound: Vec<&str> = file.connections.values().map(|binding| binding.account.as_str()).collect();
            bound.sort_unstable();
            bound.dedup();
            let text =
                format!("no connection is bound to an account \"{account}\". Give one of these: {}", bound.join(", "));
            Err(Refused::new(StatusCode::NOT_FOUND, text))
        }
    }
}

impl Admin {
    /// It is durable when this returns well. What was refused before is tried again.
    pub(super) async fn connect(&self, id: &str, account: &str, secret: Secret) -> Result<Connected, Refused> {
        let at = match &secret {
            Secret::OAuth(grant) => grant.instance_url.clone(),
            Secret::Token(_) => None,
        };
        let name = connected_name(id, account);
        let (credentials, under) = (self.fleet.credentials.clone(), name.clone());
        let put = tokio::task::spawn_blocking(move || credentials.put(&under, secret)).await;
        put.map_err(Refused::broken_off)??;
        self.fleet.host.connections.mended(&name).await;
        let gone_on = self.desk().goes_on(id).await?;
        tracing::info!(installation = id, account, gone_on, "was connected by the admin interface");
        Ok(Connected { installation: id.into(), account: account.into(), at })
    }
}
