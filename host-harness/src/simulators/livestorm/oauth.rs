//! Signing in by OAuth2, which only technology partners may (<https://developers.livestorm.co/docs/oauth2-authentication>):
//! `/oauth/authorize` and `/oauth/token`, on the application's host and not the API's [confirmed]; one address serves both here.
//!
//! The server is Doorkeeper, as its challenge says [confirmed], so what no page tells of refusals is as Doorkeeper does it
//! [inferred]. Promises: the owner consents at once, for there is nobody at a browser; a code serves once and for ten minutes; PKCE
//! is checked where it was begun. Rotation and lifetimes are switches. Not here: how a partner gets its id and secret.

use super::{Livestorm, Scope, errors::Refusal};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::{Answer, Call, answer, encode, json, with_header},
        unknowns::{LivestormUnknowns, OldRefreshToken},
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Names [confirmed], but for the last three [inferred].
const SCOPES: [(&str, Scope, Level); 8] = [
    ("identity:read", Scope::Identity, Level::Read),
    ("events:read", Scope::Events, Level::Read),
    ("events:write", Scope::Events, Level::Write),
    ("webhooks:read", Scope::Webhooks, Level::Read),
    ("webhooks:write", Scope::Webhooks, Level::Write),
    ("admin:read", Scope::Admin, Level::Read),
    ("admin:write", Scope::Admin, Level::Write),
    ("identity:write", Scope::Identity, Level::Write),
];

const CODE_LIFE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Read,
    Write,
}

/// What an app was allowed, by the names that it asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted(Vec<String>);

impl Granted {
    /// Nothing where a name is none.
    fn read(text: &str) -> Option<Granted> {
        let names: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let is_known = |name: &String| SCOPES.iter().any(|(known, ..)| known == name);
        (!names.is_empty() && names.iter().all(is_known)).then_some(Granted(names))
    }

    /// Any of these scopes is enough; none is needed where there is none.
    pub fn opens(&self, verb: &str, scopes: &[Scope]) -> bool {
        let level = if verb == "GET" { Level::Read } else { Level::Write };
        let given: BTreeSet<(Scope, Level)> = SCOPES
            .iter()
            .filter(|(name, ..)| self.0.iter().any(|granted| granted == name))
            .map(|(_, scope, level)| (*scope, *level))
            .collect();
        scopes.is_empty() || scopes.iter().any(|scope| given.contains(&(*scope, level)))
    }
}

/// The app that a partner has been given, and what it holds.
#[derive(Clone, Debug)]
pub struct PartnerApp {
    pub client_id: String,
    pub client_secret: String,
    /// Where codes may be sent. None: wherever is HTTPS, or this machine.
    pub redirect_uris: Vec<String>,
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, (Granted, Timestamp)>,
    refresh: BTreeMap<String, Granted>,
    issued: u64,
}

#[derive(Clone, Debug)]
struct Code {
    redirect_uri: String,
    granted: Granted,
    /// With its method.
    challenge: Option<(String, bool)>,
    ends: Timestamp,
}

impl Default for PartnerApp {
    fn default() -> Self {
        PartnerApp {
            client_id: "simulated-livestorm-client-id".into(),
            client_secret: "simulated-livestorm-client-secret".into(),
            redirect_uris: vec![],
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            issued: 0,
        }
    }
}

impl PartnerApp {
    /// What a bearer token may, or why it is none.
    pub(super) fn granted(&self, token: &str, now: Timestamp) -> Result<&Granted, Refusal> {
        match self.access.get(token) {
            Some((granted, ends)) if now < *ends => Ok(granted),
            _ => Err(Refusal::not_an_oauth_token()),
        }
    }

    /// All access tokens are worth nothing from here on; refresh tokens stay.
    pub fn expire(&mut self) {
        self.access.clear();
    }

    /// The customer takes the app away.
    pub fn revoke(&mut self) {
        self.access.clear();
        self.refresh.clear();
        self.codes.clear();
    }

    fn may_redirect_to(&self, uri: &str) -> bool {
        let is_near = ["http://localhost", "http://127.0.0.1"].iter().any(|near| uri.starts_with(near));
        match &self.redirect_uris[..] {
            [] => uri.starts_with("https://") || is_near,
            known => known.iter().any(|known| known == uri),
        }
    }

    fn next(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("simulated-livestorm-{kind}-{}", self.issued)
    }

    fn issue(&mut self, granted: Granted, now: Timestamp, refresh: String, unknowns: &LivestormUnknowns) -> Answer {
        let life = Duration::from_secs(unknowns.oauth_expires_in_seconds);
        let access = self.next("access");
        self.access.retain(|_, (_, ends)| now < *ends);
        self.access.insert(access.clone(), (granted.clone(), now.plus(life)));
        let body = json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": life.as_secs(),
            "refresh_token": refresh,
            "scope": granted.0.join(" "),
            "created_at": now.seconds(),
        });
        self.refresh.insert(refresh, granted);
        with_header(json(200, CONTENT_TYPE, &body), "cache-control", "no-store")
    }
}

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// `None`: none of these paths.
pub(super) fn handle(world: &mut World, call: &Call) -> Option<Answer> {
    Some(match (call.method.as_str(), &call.segments()[..]) {
        ("GET", ["oauth", "authorize"]) => authorize(world, call),
        ("POST", ["oauth", "token"]) => token(world, call),
        (_, ["oauth", ..]) => page(404, "The page you were looking for doesn't exist."),
        _ => return None,
    })
}

fn page(status: u16, text: &str) -> Answer {
    answer(status, "text/html; charset=utf-8", format!("<!DOCTYPE html><html><body><p>{text}</p></body></html>").into())
}

/// An address that is not the app's is never led to.
fn authorize(world: &mut World, call: &Call) -> Answer {
    let now = world.now();
    let app = &mut world.livestorm.partner_app;
    let sent = |name: &str| call.param(name).unwrap_or_default().to_owned();
    if sent("client_id") != app.client_id {
        return page(401, "Client authentication failed due to unknown client.");
    }
    let redirect_uri = sent("redirect_uri");
    if !app.may_redirect_to(&redirect_uri) {
        return page(400, "The redirect uri included is not valid.");
    }
    let back = |result: &str| {
        let state = call.param("state").map(|state| format!("&state={}", encode(state))).unwrap_or_default();
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        let empty = answer(302, "text/html; charset=utf-8", vec![]);
        with_header(empty, "location", &format!("{redirect_uri}{joint}{result}{state}"))
    };
    if sent("response_type") != "code" {
        return back("error=unsupported_response_type");
    }
    let Some(granted) = Granted::read(&sent("scope")) else { return back("error=invalid_scope") };
    let challenge = match (call.param("code_challenge"), call.param("code_challenge_method")) {
        (None, _) => None,
        (Some(challenge), Some("S256")) => Some((challenge.to_owned(), true)),
        (Some(challenge), None | Some("plain")) => Some((challenge.to_owned(), false)),
        (Some(_), Some(_)) => return back("error=invalid_code_challenge_method"),
    };
    let code = app.next("code");
    let ends = now.plus(CODE_LIFE);
    app.codes.insert(code.clone(), Code { redirect_uri: redirect_uri.clone(), granted, challenge, ends });
    back(&format!("code={code}"))
}

fn refused(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    let answer = with_header(json(status, CONTENT_TYPE, &body), "cache-control", "no-store");
    if status == 401 {
        let challenge = format!(r#"Bearer realm="Doorkeeper", error="{error}", error_description="{description}""#);
        return with_header(answer, "www-authenticate", &challenge);
    }
    answer
}

/// What is sent stands in the form or in the address, as two public clients do it.
fn token(world: &mut World, call: &Call) -> Answer {
    let (now, unknowns) = (world.clock.now(), &world.options.unknowns.livestorm);
    let app = &mut world.livestorm.partner_app;
    let pairs: Vec<_> = call.form().into_iter().chain(call.query.clone()).collect();
    let sent = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let by_name = (sent("client_id").to_owned(), sent("client_secret").to_owned());
    let client = basic(call).filter(|_| unknowns.oauth_basic).unwrap_or(by_name);
    if client != (app.client_id.clone(), app.client_secret.clone()) {
        return refused(401, "invalid_client", "Client authentication failed.");
    }
    let invalid = || refused(400, "invalid_grant", "The provided authorization grant is invalid, expired or revoked.");
    match sent("grant_type") {
        "authorization_code" => {
            let Some(code) = app.codes.remove(sent("code")) else { return invalid() };
            let is_proved = code.challenge.is_none_or(|challenge| proves(sent("code_verifier"), &challenge));
            if code.ends <= now || code.redirect_uri != sent("redirect_uri") || !is_proved {
                return invalid();
            }
            let refresh = app.next("refresh");
            app.issue(code.granted, now, refresh, unknowns)
        }
        "refresh_token" => {
            let old = sent("refresh_token").to_owned();
            let Some(granted) = app.refresh.get(&old).cloned() else { return invalid() };
            if !unknowns.oauth_refresh_rotates {
                return app.issue(granted, now, old, unknowns);
            }
            if unknowns.oauth_old_refresh_token == OldRefreshToken::Dies {
                app.refresh.remove(&old);
            }
            let refresh = app.next("refresh");
            app.issue(granted, now, refresh, unknowns)
        }
        "" => refused(400, "invalid_request", "Missing required parameter: grant_type."),
        _ => refused(400, "unsupported_grant_type", "The authorization grant type is not supported."),
    }
}

/// RFC 7636.
fn proves(verifier: &str, (challenge, is_hashed): &(String, bool)) -> bool {
    match is_hashed {
        true => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge,
        false => verifier == challenge,
    }
}

fn basic(call: &Call) -> Option<(String, String)> {
    let (scheme, encoded) = call.header("authorization")?.split_once(' ')?;
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
    let (id, secret) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Who asks the API.
#[derive(Debug)]
pub(super) enum Caller {
    PrivateToken,
    App(Granted),
}

impl Livestorm {
    /// Whether this caller may do this below these scopes.
    pub(super) fn lets(&self, caller: &Caller, verb: &str, scopes: &[Scope]) -> bool {
        match caller {
            Caller::PrivateToken => self.may(verb, scopes),
            Caller::App(granted) => granted.opens(verb, scopes),
        }
    }
}
