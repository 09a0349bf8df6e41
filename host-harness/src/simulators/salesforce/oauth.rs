//! Tokens. <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm>; bodies
//! [inferred from public clients].
//!
//! Promises: no `expires_in`, so a client must refresh when it is refused. With rotation each refresh token may be used
//! once, and using an old one again revokes all tokens of the connection [confirmed].

use super::{Record, Salesforce, errors::Refusal};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::salesforce_id,
        options::Options,
        request::{Answer, Call, answer, json, with_header},
        unknowns::RefreshRace,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// What a connection asks for.
pub(super) const SCOPES: [&str; 3] = ["api", "pardot_api", "refresh_token"];

/// Which tokens are worth something.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// With the time of issue.
    access: HashMap<String, Timestamp>,
    /// Nothing, once it is revoked: the customer has to connect anew.
    refresh: Option<String>,
    /// Refresh tokens that were used.
    spent: HashSet<String>,
    issued: u64,
    /// Refreshes yet to be refused because another one is under way.
    races_due: u32,
}

impl Tokens {
    pub(super) fn new(now: Timestamp, options: &Options) -> Tokens {
        Tokens {
            access: HashMap::from([(options.salesforce.access_token.clone(), now)]),
            refresh: Some(options.salesforce.refresh_token.clone()),
            spent: HashSet::new(),
            issued: 0,
            races_due: 0,
        }
    }

    /// A new access token.
    fn issue(&mut self, now: Timestamp, options: &Options) -> String {
        self.issued += 1;
        let token = format!("simulated-access-token-{}", self.issued);
        self.access.retain(|_, issued| now < issued.plus(options.session_timeout));
        self.access.insert(token.clone(), now);
        token
    }

    pub(super) fn expire(&mut self) {
        self.access.clear();
    }

    pub(super) fn revoke(&mut self) {
        self.access.clear();
        self.refresh = None;
    }

    pub(super) fn refuse_next_refreshes(&mut self, times: u32) {
        self.races_due = times;
    }

    /// Whether a bearer token opens a data call, here and in Account Engagement.
    pub(in crate::simulators) fn opens(&self, token: &str, now: Timestamp, options: &Options) -> bool {
        self.access.get(token).is_some_and(|issued| now < issued.plus(options.session_timeout))
    }

    /// What a client would hold that has stored every answer so far.
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh.as_deref()
    }
}

fn refused(error: &str, description: &str) -> Answer {
    json(400, super::errors::CONTENT_TYPE, &json!({ "error": error, "error_description": description }))
}

/// `POST /services/oauth2/token`: a refresh, or the app in its own name (client credentials, which bring no refresh token).
/// Other grants need a person at a browser.
pub(super) fn token(world: &mut World, call: &Call) -> Answer {
    let form = call.form();
    let sent = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    // An app in its own name has nothing to refresh.
    let own_name = sent("grant_type") == "client_credentials";
    let scopes = world.salesforce.scopes.iter().copied().filter(|scope| !own_name || *scope != "refresh_token");
    let scope = scopes.collect::<Vec<_>>().join(" ");
    let (now, options, tokens) = (world.clock.now(), &world.options, &mut world.salesforce.tokens);
    if call.method != http::Method::POST {
        return refused("invalid_request", "HTTP POST is required");
    }
    if !own_name && sent("grant_type") != "refresh_token" {
        return refused("unsupported_grant_type", "grant type not supported");
    }
    if let Err(refused) = app(call, &form, options) {
        return *refused;
    }
    if own_name {
        let access_token = tokens.issue(now, options);
        return unkept(&granted(&access_token, &scope, now, options));
    }
    if let Some(due) = tokens.races_due.checked_sub(1) {
        tokens.races_due = due;
        return refused(
            "invalid_grant",
            match options.unknowns.salesforce.refresh_race {
                RefreshRace::AlreadyBeingProcessed => "token request is already being processed",
                RefreshRace::ExpiredAuthorizationCode => "expired authorization code",
            },
        );
    }
    if tokens.spent.contains(sent("refresh_token")) {
        tokens.revoke();
    }
    if tokens.refresh.as_deref() != Some(sent("refresh_token")) {
        return refused("invalid_grant", "expired access/refresh token");
    }
    let access_token = tokens.issue(now, options);
    let mut body = granted(&access_token, &scope, now, options);
    if options.rotate_refresh_tokens {
        let next = format!("simulated-refresh-token-{}", tokens.issued);
        tokens.spent.extend(tokens.refresh.replace(next.clone()));
        body["refresh_token"] = json!(next);
    }
    unkept(&body)
}

/// Tokens, which nobody on the way may keep.
fn unkept(body: &Value) -> Answer {
    with_header(json(200, super::errors::CONTENT_TYPE, body), "cache-control", "no-cache, no-store")
}

/// Whether the app is known, by HTTP Basic or else by the form, which may name the app beside Basic too.
fn app(call: &Call, form: &[(String, String)], options: &Options) -> Result<(), Box<Answer>> {
    let sent = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let basic = call.header("authorization").and_then(|value| {
        let (scheme, encoded) = value.split_once(' ')?;
        let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
        let (id, secret) =
            String::from_utf8(pair).ok()?.split_once(':').map(|(id, s)| (id.to_owned(), s.to_owned()))?;
        Some((id, secret))
    });
    let by_form = || (sent("client_id").unwrap_or_default(), sent("client_secret").unwrap_or_default());
    let (id, secret) = basic.unwrap_or_else(by_form);
    if id != options.salesforce.client_id {
        return Err(Box::new(refused("invalid_client_id", "client identifier invalid")));
    }
    if secret != options.salesforce.client_secret {
        return Err(Box::new(refused("invalid_client", "invalid client credentials")));
    }
    Ok(())
}

/// What every grant answers.
fn granted(access_token: &str, scope: &str, now: Timestamp, options: &Options) -> Value {
    let issued_at = now.0.to_string();
    let id = identity_url(options);
    json!({
        "access_token": access_token,
        "instance_url": options.base_url,
        "signature": STANDARD.encode(Sha256::digest(format!("{id}{issued_at}"))),
        "id": id,
        "token_type": "Bearer",
        "issued_at": issued_at,
        "scope": scope,
    })
}

/// `POST /services/oauth2/introspect` (RFC 7662): whether a token is worth something, and for how long.
pub(super) fn introspect(world: &World, call: &Call) -> Answer {
    if call.method != http::Method::POST {
        return refused("invalid_request", "HTTP POST is required");
    }
    let (form, options, tokens) = (call.form(), &world.options, &world.salesforce.tokens);
    if let Err(refused) = app(call, &form, options) {
        return *refused;
    }
    let token = form.iter().find(|(key, _)| key == "token").map_or("", |(_, value)| value.as_str());
    let known = |kind: &str| {
        json!({
            "active": true,
            "scope": world.salesforce.scopes.iter().copied().collect::<Vec<_>>().join(" "),
            "client_id": options.salesforce.client_id,
            "username": world.salesforce.records.now(&Salesforce::user_id()).map(|user| user.value("Username")),
            "sub": identity_url(options),
            "token_type": kind,
        })
    };
    let body = match tokens.access.get(token).filter(|_| tokens.opens(token, world.clock.now(), options)) {
        Some(issued) => {
            let mut body = known("access_token");
            body["iat"] = json!(issued.seconds());
            body["nbf"] = json!(issued.seconds());
            body["exp"] = json!(issued.plus(options.session_timeout).seconds());
            body
        }
        None if tokens.refresh.as_deref() == Some(token) => known("refresh_token"),
        None => json!({ "active": false }),
    };
    json(200, super::errors::CONTENT_TYPE, &body)
}

/// `POST /services/oauth2/revoke`, or GET with `token` in the address: a refresh token takes its access tokens with it.
pub(super) fn revoke(world: &mut World, call: &Call) -> Answer {
    let form = call.form();
    let sent = form.iter().find(|(key, _)| key == "token").map(|(_, value)| value.as_str());
    let token = sent.or(call.param("token")).unwrap_or_default();
    let tokens = &mut world.salesforce.tokens;
    if tokens.refresh.as_deref() == Some(token) {
        tokens.revoke();
    } else if tokens.access.remove(token).is_none() {
        return refused("unsupported_token_type", "this token type is not supported");
    }
    answer(200, super::errors::CONTENT_TYPE, vec![])
}

fn identity_url(options: &Options) -> String {
    format!("{}/id/{}/{}", options.base_url, Salesforce::organization_id(), Salesforce::user_id())
}

/// `GET /services/oauth2/userinfo`.
pub(super) fn userinfo(world: &World, call: &Call) -> Answer {
    let user = match asker(world, call) {
        Ok(user) => user,
        Err(refused) => return *refused,
    };
    let body = json!({
        "sub": identity_url(&world.options),
        "user_id": user.id,
        "organization_id": Salesforce::organization_id(),
        "preferred_username": user.value("Username"),
        "name": user.value("Name"),
        "email": user.value("Email"),
        "zoneinfo": user.value("TimeZoneSidKey"),
        "active": true,
        "user_type": "STANDARD",
    });
    json(200, super::errors::CONTENT_TYPE, &body)
}

/// `GET /id/<organization>/<user>`, the `id` of a token's answer. `{version}` is for the client to fill in [confirmed].
/// <https://developer.salesforce.com/docs/platform/mobile-sdk/guide/oauth-using-identity-urls.html>
pub(super) fn identity(world: &World, call: &Call, organization: &str, user: &str) -> Answer {
    let asker = match asker(world, call) {
        Ok(asker) => asker,
        Err(refused) => return *refused,
    };
    if organization != Salesforce::organization_id() || user != asker.id {
        return Refusal::not_found().answer();
    }
    let rest = format!("{}/services/data/v{{version}}/", world.options.base_url);
    let body = json!({
        "id": identity_url(&world.options),
        "asserted_user": true,
        "user_id": asker.id,
        "organization_id": organization,
        "username": asker.value("Username"),
        "display_name": asker.value("Name"),
        "email": asker.value("Email"),
        "urls": { "rest": rest, "sobjects": format!("{rest}sobjects/"), "query": format!("{rest}query/") },
        "active": true,
        "user_type": "STANDARD",
    });
    json(200, super::errors::CONTENT_TYPE, &body)
}

/// Whose token it is. A bad one is told in plain text here [inferred from public clients].
fn asker<'a>(world: &'a World, call: &Call) -> Result<&'a Record, Box<Answer>> {
    let known = call.bearer().is_some_and(|t| world.salesforce.tokens.opens(t, world.clock.now(), &world.options));
    let user = world.salesforce.records.now(&Salesforce::user_id()).filter(|_| known);
    user.ok_or_else(|| Box::new(answer(403, "text/html;charset=UTF-8", b"Bad_OAuth_Token".to_vec())))
}

impl Salesforce {
    /// The one user whose token it is.
    pub fn user_id() -> String {
        salesforce_id("005", 1)
    }

    pub fn organization_id() -> String {
        salesforce_id("00D", 1)
    }
}
