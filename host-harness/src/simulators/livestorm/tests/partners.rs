//! A technology partner's app signs in by OAuth2 and asks the API.

use super::*;
use crate::simulators::{
    request::encode,
    unknowns::{BearerRefusalBody, OldRefreshToken},
};
use base64::{Engine, engine::general_purpose::STANDARD};

const BACK: &str = "https://partner.example/callback";
const ID: &str = "simulated-livestorm-client-id";
const SECRET: &str = "simulated-livestorm-client-secret";

fn pairs(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Where the browser is led, or the status of the page that it is shown instead.
fn authorize(simulators: &Simulators, changes: &[(&str, &str)]) -> Result<String, u16> {
    let usual = [
        ("client_id", ID),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "identity:read events:read"),
        ("state", "s&1"),
    ];
    let mut query: Vec<(&str, &str)> =
        usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).collect();
    query.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let answer = bare(simulators, "GET", &format!("/oauth/authorize?{}", pairs(&query)), &[], "");
    match answer.headers().get("location") {
        Some(location) => Ok(location.to_str().unwrap().to_owned()),
        None => Err(answer.status().as_u16()),
    }
}

fn code(simulators: &Simulators, changes: &[(&str, &str)]) -> String {
    let location = authorize(simulators, changes).unwrap();
    let (_, rest) = location.split_once("code=").unwrap_or_else(|| panic!("{location}"));
    rest.split('&').next().unwrap().to_owned()
}

fn token(simulators: &Simulators, form: &[(&str, &str)]) -> (u16, Value) {
    let usual = [("client_id", ID), ("client_secret", SECRET)];
    let usual = usual.into_iter().filter(|(name, _)| form.iter().all(|(changed, _)| changed != name));
    let form: Vec<_> = usual.chain(form.iter().copied()).collect();
    let answer = bare(simulators, "POST", "/oauth/token", &[], &pairs(&form));
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

fn exchange(simulators: &Simulators, code: &str) -> (u16, Value) {
    token(simulators, &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)])
}

fn refresh(simulators: &Simulators, token_: &Value) -> (u16, Value) {
    token(simulators, &[("grant_type", "refresh_token"), ("refresh_token", token_.as_str().unwrap())])
}

fn api(simulators: &Simulators, method: &str, path: &str, access: &Value) -> (u16, Value) {
    let bearer = format!("Bearer {}", access.as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = bare(simulators, method, path, &headers, if method == "GET" { "" } else { "{}" });
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

#[test]
fn an_app_is_led_back_with_a_code_that_serves_once() {
    let (simulators, clock) = started();
    let location = authorize(&simulators, &[]).unwrap();
    assert!(location.starts_with(&format!("{BACK}?code=")) && location.ends_with("&state=s%261"), "{location}");
    let code = code(&simulators, &[]);
    let (status, tokens) = exchange(&simulators, &code);
    assert_eq!(status, 200);
    let names: Vec<_> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "created_at", "expires_in", "refresh_token", "scope", "token_type"]);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(7200)));
    assert_eq!(tokens["scope"], "identity:read events:read");
    assert_eq!(exchange(&simulators, &code).0, 400, "twice");
    let late = self::code(&simulators, &[]);
    wait(&clock, 600);
    let (status, body) = exchange(&simulators, &late);
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    let elsewhere = self::code(&simulators, &[]);
    let form = [("grant_type", "authorization_code"), ("code", &elsewhere), ("redirect_uri", "https://other.example")];
    assert_eq!(token(&simulators, &form).0, 400);
}

#[test]
fn what_is_wrong_with_a_request_for_consent_is_told_to_the_app_or_if_it_is_not_known_to_the_browser() {
    let (simulators, _) = started();
    let rows = [
        (("client_id", "other"), Err(401)),
        (("redirect_uri", ""), Err(400)),
        (("redirect_uri", "http://partner.example/callback"), Err(400)),
        (("response_type", "token"), Ok("unsupported_response_type")),
        (("scope", ""), Ok("invalid_scope")),
        (("scope", "event:read"), Ok("invalid_scope")),
        (("scope", "events:read everything"), Ok("invalid_scope")),
    ];
    for (change, expected) in rows {
        let found = authorize(&simulators, &[change]);
        let expected = expected.map(|error| format!("{BACK}?error={error}&state=s%261"));
        assert_eq!(found, expected, "{change:?}");
    }
    let odd = [("code_challenge", "x"), ("code_challenge_method", "S512")];
    assert!(authorize(&simulators, &odd).unwrap().contains("error=invalid_code_challenge_method"));
    assert!(
        authorize(&simulators, &[("redirect_uri", "http://localhost:8080/back?x=1")]).unwrap().contains("?x=1&code=")
    );
    simulators.world().livestorm.partner_app.redirect_uris = vec!["https://other.example".into()];
    assert_eq!(authorize(&simulators, &[]), Err(400), "an app that has named its addresses has no others");
    for (method, path) in [("POST", "/oauth/authorize"), ("GET", "/oauth/token")] {
        assert_eq!(bare(&simulators, method, path, &[], "").status(), 404, "{method} {path}");
    }
}

#[test]
fn pkce_is_checked_where_it_was_begun() {
    let (simulators, _) = started();
    // The pair of RFC 7636, appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let rows = [
        (&[("code_challenge", challenge), ("code_challenge_method", "S256")][..], verifier, 200),
        (&[("code_challenge", challenge), ("code_challenge_method", "S256")], "other", 400),
        (&[("code_challenge", challenge), ("code_challenge_method", "S256")], "", 400),
        (&[("code_challenge", "plain-text")], "plain-text", 200),
        (&[("code_challenge", "plain-text")], "other", 400),
        (&[], "", 200),
    ];
    for (begun, verifier, status) in rows {
        let code = code(&simulators, begun);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", BACK),
            ("code_verifier", verifier),
        ];
        assert_eq!(token(&simulators, &form).0, status, "{begun:?} {verifier}");
    }
}

#[test]
fn an_app_names_itself_in_the_form_or_the_address_and_by_basic_where_a_switch_lets_it() {
    let (simulators, _) = started();
    let ask = |named: &[(&str, &str)], in_address: bool, headers: &[(&str, &str)]| {
        let code = code(&simulators, &[]);
        let grant = pairs(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", BACK)]);
        let named = pairs(named);
        let (path, body) = match in_address {
            true => (format!("/oauth/token?{named}&{grant}"), String::new()),
            false => ("/oauth/token".to_owned(), format!("{named}&{grant}")),
        };
        bare(&simulators, "POST", &path, headers, &body)
    };
    let named = [("client_id", ID), ("client_secret", SECRET)];
    let wrong = [("client_id", ID), ("client_secret", "wrong")];
    assert_eq!(
        (ask(&named, false, &[]).status(), ask(&named, true, &[]).status()),
        (http::StatusCode::OK, http::StatusCode::OK)
    );
    let refused = ask(&wrong, false, &[]);
    assert_eq!(refused.status(), 401);
    for answer in [&refused, &ask(&named, false, &[])] {
        assert_eq!(answer.headers()["cache-control"], "no-store", "RFC 6749, section 5.1");
    }
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains(r#"error="invalid_client""#));
    let basic = format!("Basic {}", STANDARD.encode(format!("{ID}:{SECRET}")));
    for (oauth_basic, status) in [(false, 401), (true, 200)] {
        simulators.world().options.unknowns.livestorm.oauth_basic = oauth_basic;
        assert_eq!(ask(&[], false, &[("authorization", &basic)]).status(), status, "basic {oauth_basic}");
    }
    let rows = [("password", "unsupported_grant_type"), ("", "invalid_request"), ("refresh_token", "invalid_grant")];
    for (grant, error) in rows {
        let (status, body) = token(&simulators, &[("grant_type", grant)]);
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{grant}");
    }
}

#[test]
fn an_access_token_ends_and_a_refresh_brings_another_by_its_switches() {
    let (simulators, clock) = started();
    let (_, first) = exchange(&simulators, &code(&simulators, &[]));
    wait(&clock, 7199);
    assert_eq!(api(&simulators, "GET", "/v1/events", &first["access_token"]).0, 200);
    wait(&clock, 1);
    assert_eq!(api(&simulators, "GET", "/v1/events", &first["access_token"]).0, 401);
    let (status, second) = refresh(&simulators, &first["refresh_token"]);
    assert_eq!((status, &second["scope"]), (200, &first["scope"]));
    assert_eq!(api(&simulators, "GET", "/v1/events", &second["access_token"]).0, 200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(refresh(&simulators, &first["refresh_token"]).0, 400, "the old one is dead");
    simulators.world().options.unknowns.livestorm.oauth_old_refresh_token = OldRefreshToken::Stays;
    let (_, third) = refresh(&simulators, &second["refresh_token"]);
    assert_ne!(third["refresh_token"], second["refresh_token"]);
    assert_eq!(refresh(&simulators, &second["refresh_token"]).0, 200);
    simulators.world().options.unknowns.livestorm.oauth_refresh_rotates = false;
    simulators.world().options.unknowns.livestorm.oauth_expires_in_seconds = 60;
    let (_, fourth) = refresh(&simulators, &third["refresh_token"]);
    assert_eq!((&fourth["refresh_token"], &fourth["expires_in"]), (&third["refresh_token"], &json!(60)));
    simulators.world().livestorm.partner_app.expire();
    assert_eq!(api(&simulators, "GET", "/v1/ping", &fourth["access_token"]).0, 401);
    let (_, fifth) = refresh(&simulators, &fourth["refresh_token"]);
    assert_eq!(api(&simulators, "GET", "/v1/ping", &fifth["access_token"]).0, 200);
    let code = code(&simulators, &[]);
    simulators.world().livestorm.partner_app.revoke();
    assert_eq!(exchange(&simulators, &code).0, 400, "a code that was on its way");
    assert_eq!(api(&simulators, "GET", "/v1/ping", &fifth["access_token"]).0, 401);
    assert_eq!(refresh(&simulators, &fifth["refresh_token"]).0, 400);
}

#[test]
fn an_app_may_what_it_was_allowed_and_is_who_consented() {
    let (simulators, _) = started();
    let owner = simulators.world().livestorm.owner().id.clone();
    let rows = [
        ("identity:read", "GET", "/v1/me", 200),
        ("identity:read", "GET", "/v1/organization?include=organization", 200),
        ("identity:read", "GET", "/v1/events", 403),
        ("events:read", "GET", "/v1/events", 200),
        ("events:read", "POST", "/v1/events", 403),
        ("events:write", "POST", "/v1/events", 400),
        ("events:write", "GET", "/v1/events", 403),
        ("webhooks:read", "GET", "/v1/webhooks", 200),
        ("admin:read", "GET", "/v1/users", 200),
        ("admin:read", "POST", "/v1/users", 403),
        ("admin:write", "POST", "/v1/users", 400),
        ("events:read", "GET", "/v1/ping", 200),
    ];
    for (scope, method, path, status) in rows {
        let (_, tokens) = exchange(&simulators, &code(&simulators, &[("scope", scope)]));
        let (answered, body) = api(&simulators, method, path, &tokens["access_token"]);
        assert_eq!(answered, status, "{method} {path} with {scope}: {body}");
    }
    let (_, tokens) = exchange(&simulators, &code(&simulators, &[]));
    let (_, me) = api(&simulators, "GET", "/v1/me", &tokens["access_token"]);
    assert_eq!((&me["data"]["type"], &me["data"]["id"]), (&json!("users"), &json!(owner)));
    let (_, organization) = api(&simulators, "GET", "/v1/organization?include=organization", &tokens["access_token"]);
    assert_eq!(organization["included"][0]["attributes"]["name"], organization["data"]["attributes"]["name"]);
    simulators.world().livestorm.access = Access::Blocked;
    assert_eq!(api(&simulators, "GET", "/v1/ping", &tokens["access_token"]).0, 403);
}

/// No page shows the body.
#[test]
fn a_bearer_that_is_refused_is_told_by_its_challenge_and_in_words_by_a_switch() {
    let (simulators, _) = started();
    let private = simulators.world().options.livestorm_token.clone();
    for (side, is_empty) in [(BearerRefusalBody::JsonApi, false), (BearerRefusalBody::Empty, true)] {
        simulators.world().options.unknowns.livestorm.bearer_refusal_body = side;
        for bearer in ["made-up", &private] {
            let headers = [("authorization", &*format!("Bearer {bearer}"))];
            let answer = bare(&simulators, "GET", "/v1/ping", &headers, "");
            assert_eq!((answer.status().as_u16(), answer.body().is_empty()), (401, is_empty), "{side:?}");
            assert_eq!(answer.headers()["www-authenticate"], r#"Bearer realm="Doorkeeper", error="invalid_token""#);
        }
        let raw = bare(&simulators, "GET", "/v1/ping", &[("authorization", "made-up")], "");
        assert!(!raw.body().is_empty(), "a raw token's refusal has its words: {side:?}");
    }
}
