//! Signing in. <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm>; bodies [inferred from
//! public clients].
//!
//! Where what stands: `authorize.rs` gives codes, this file and `jwt.rs` give tokens, `tokens.rs` knows what is worth
//! something, `about.rs` tells of tokens and whose they are, `sign_in.rs` is what an admin sets.
//!
//! Promises: no `expires_in`, so a client must refresh when it is refused. Nothing of a refused request is kept, but for a
//! code, which is used up by whoever shows it. Left out: the user-agent flow, the device flow, user name and password,
//! SAML bearers, and id tokens.

mod about;
mod authorize;
mod jwt;
mod scopes;
mod sign_in;
mod tokens;

pub use sign_in::{SignIn, SignInRefusal};
pub use tokens::Tokens;

pub(super) use {
    about::{identity, introspect, revoke, userinfo},
    authorize::authorize,
    scopes::SCOPES,
};

use super::{Salesforce, errors};
use crate::simulators::{
    World,
    ids::salesforce_id,
    options::Options,
    request::{Answer, Call, json, with_header},
    unknowns::RefreshRace,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokens::{Code, Granted};

/// The pairs of a form, and behind them those of the address, which are taken too [inferred from public clients].
struct Form(Vec<(String, String)>);

impl Form {
    fn of(call: &Call) -> Form {
        Form([call.form(), call.query.clone()].concat())
    }

    /// Empty where it is missing.
    fn sent(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}

fn refused(error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    unkept(json(400, errors::CONTENT_TYPE, &body))
}

fn wrong_verb(allowed: &str) -> Answer {
    errors::Refusal::method_not_allowed(allowed).answer()
}

/// Nobody on the way may keep it.
fn unkept(answer: Answer) -> Answer {
    with_header(answer, "cache-control", "no-cache, no-store")
}

/// `POST /services/oauth2/token`: for a code, for a refresh token, or for the app in its own name (client credentials,
/// which bring no refresh token).
pub(super) fn token(world: &mut World, call: &Call) -> Answer {
    let form = Form::of(call);
    if call.method != http::Method::POST {
        return refused("invalid_request", "HTTP POST is required");
    }
    let grant = match form.sent("grant_type") {
        "authorization_code" => for_code,
        "refresh_token" => for_refresh_token,
        "client_credentials" => for_app,
        jwt::GRANT_TYPE => jwt::for_assertion,
        _ => return refused("unsupported_grant_type", "grant type not supported"),
    };
    let granted = match grant(world, call, &form) {
        Ok(granted) => granted,
        Err(refused) => return *refused,
    };
    let (now, options) = (world.clock.now(), &world.options);
    let issued_at = now.0.to_string();
    let id = identity_url(options);
    let mut body = json!({
        "access_token": granted.access_token,
        "instance_url": options.base_url,
        "signature": STANDARD.encode(Sha256::digest(format!("{id}{issued_at}"))),
        "id": id,
        "token_type": "Bearer",
        "issued_at": issued_at,
        "scope": granted.scopes.told(&world.salesforce.scopes),
    });
    if let Some(refresh_token) = granted.refresh_token {
        body["refresh_token"] = json!(refresh_token);
    }
    // The answer to an assertion is shorter.
    if let Some(keys) = body.as_object_mut().filter(|_| form.sent("grant_type") == jwt::GRANT_TYPE) {
        keys.retain(|name, _| name != "issued_at" && name != "signature");
    }
    unkept(json(200, errors::CONTENT_TYPE, &body))
}

type Grant = Result<Granted, Box<Answer>>;

/// The second half of the web server flow.
/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm>
fn for_code(world: &mut World, call: &Call, form: &Form) -> Grant {
    let (now, options, tokens) = (world.clock.now(), &world.options, &mut world.salesforce.tokens);
    App::check(call, form, options, tokens.sign_in.requires_secret)?;
    for name in ["code", "redirect_uri"] {
        if form.sent(name).is_empty() {
            return Err(Box::new(refused("invalid_request", &format!("missing required parameter: {name}"))));
        }
    }
    let code = tokens.use_code(form.sent("code"), now).map_err(|text| Box::new(refused("invalid_grant", text)))?;
    if code.redirect_uri != form.sent("redirect_uri") {
        return Err(Box::new(refused("redirect_uri_mismatch", "redirect_uri must match configuration")));
    }
    if !proves(&code, form.sent("code_verifier")) {
        return Err(Box::new(refused("invalid_grant", "invalid code verifier")));
    }
    may_sign_in(tokens)?;
    let refreshable = code.scopes.cover("refresh_token", &world.salesforce.scopes);
    Ok(tokens.begin(code.scopes, refreshable, now, options))
}

/// Whether whoever shows a code is who asked for it (RFC 7636, section 4.6). Where nothing was to be proved, a verifier
/// says nothing.
fn proves(code: &Code, verifier: &str) -> bool {
    let hash = || URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    code.challenge.as_ref().is_none_or(|challenge| *challenge == hash())
}

/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm>
fn for_refresh_token(world: &mut World, call: &Call, form: &Form) -> Grant {
    let (now, options, tokens) = (world.clock.now(), &world.options, &mut world.salesforce.tokens);
    App::check(call, form, options, tokens.sign_in.requires_secret)?;
    may_sign_in(tokens)?;
    if tokens.races() {
        let text = match options.unknowns.salesforce.refresh_race {
            RefreshRace::AlreadyBeingProcessed => "token request is already being processed",
            RefreshRace::ExpiredAuthorizationCode => "expired authorization code",
        };
        return Err(Box::new(refused("invalid_grant", text)));
    }
    let granted = tokens.refresh(form.sent("refresh_token"), now, options);
    granted.ok_or_else(|| Box::new(refused("invalid_grant", "expired access/refresh token")))
}

/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_client_credentials_flow.htm>
fn for_app(world: &mut World, call: &Call, form: &Form) -> Grant {
    let (now, options, allowed) = (world.clock.now(), &world.options, &world.salesforce.scopes);
    let tokens = &mut world.salesforce.tokens;
    App::check(call, form, options, true)?;
    may_sign_in(tokens)?;
    let scopes = scopes::Scopes::asked(form.sent("scope"), allowed);
    let scopes = scopes.map_err(|text| Box::new(refused("invalid_scope", text)))?;
    // An app in its own name has nothing to refresh.
    Ok(tokens.begin(scopes.without("refresh_token"), false, now, options))
}

fn may_sign_in(tokens: &Tokens) -> Result<(), Box<Answer>> {
    let told = tokens.sign_in.refusal.map(SignInRefusal::told);
    told.map_or(Ok(()), |(error, description)| Err(Box::new(refused(error, description))))
}

/// The one connected app.
struct App;

impl App {
    fn is(id: &str, options: &Options) -> bool {
        id == options.salesforce.client_id
    }

    /// Whether the app is known, by HTTP Basic or else by the form, which may name the app beside Basic too. A secret
    /// that is sent must be right, even where none is asked for.
    fn check(call: &Call, form: &Form, options: &Options, secret_required: bool) -> Result<(), Box<Answer>> {
        let basic = call.header("authorization").and_then(|value| {
            let (scheme, encoded) = value.split_once(' ')?;
            let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
            let (id, secret) =
                String::from_utf8(pair).ok()?.split_once(':').map(|(id, s)| (id.to_owned(), s.to_owned()))?;
            Some((id, secret))
        });
        let by_form = || (form.sent("client_id").to_owned(), form.sent("client_secret").to_owned());
        let (id, secret) = basic.unwrap_or_else(by_form);
        if !App::is(&id, options) {
            return Err(Box::new(refused("invalid_client_id", "client identifier invalid")));
        }
        if secret != options.salesforce.client_secret && (secret_required || !secret.is_empty()) {
            return Err(Box::new(refused("invalid_client", "invalid client credentials")));
        }
        Ok(())
    }
}

fn identity_url(options: &Options) -> String {
    format!("{}/id/{}/{}", options.base_url, Salesforce::organization_id(), Salesforce::user_id())
}

impl Salesforce {
    /// The one user whose token it is.
    pub fn user_id() -> String {
        salesforce_id("005", 1)
    }

    pub fn organization_id() -> String {
        salesforce_id("00D", 1)
    }

    /// Whether a token, which is worth something, may be used for this.
    pub(in crate::simulators) fn allows(&self, token: &str, scope: &str) -> bool {
        self.tokens.scopes_of(token).is_some_and(|scopes| scopes.cover(scope, &self.scopes))
    }
}
