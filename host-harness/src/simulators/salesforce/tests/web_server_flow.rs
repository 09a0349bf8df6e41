//! Codes at a browser, tokens for codes, and connections side by side.

use super::*;
use crate::simulators::salesforce::{SignIn, SignInRefusal};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const BACK: &str = "https://app.example/callback";
const VERIFIER: &str = "a-verifier-that-somebody-made-up-0123456789abcdef";

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Pairs with some put in place of others, or taken out where the value is empty.
fn changed<'a>(usual: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<_> =
        usual.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name)).copied().collect();
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    pairs
}

const ASKED: [(&str, &str); 4] =
    [("response_type", "code"), ("client_id", "simulated-client-id"), ("redirect_uri", BACK), ("state", "a b&c=d")];

/// Status, where it leads to, and the page.
fn authorize(simulators: &Simulators, method: &str, changes: &[(&str, &str)]) -> (u16, String, String) {
    let form = form(&changed(&ASKED, changes));
    let path = "http://x.test/services/oauth2/authorize";
    let request = match method {
        "POST" => http::Request::post(path).body(form.into_bytes()),
        method => http::Request::builder().method(method).uri(format!("{path}?{form}")).body(vec![]),
    };
    let answer = simulators.handle(request.unwrap()).unwrap();
    let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), to, String::from_utf8_lossy(answer.body()).into_owned())
}

fn code(simulators: &Simulators, changes: &[(&str, &str)]) -> String {
    let (status, to, page) = authorize(simulators, "GET", changes);
    assert_eq!(status, 302, "{page}");
    let query = to.split_once('?').unwrap().1;
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap_or_else(|| panic!("{to}"));
    code.to_owned()
}

fn fetch(simulators: &Simulators, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", "simulated-client-id"),
        ("client_secret", "simulated-client-secret"),
        ("redirect_uri", BACK),
        ("code", code),
    ];
    let form = form(&changed(&usual, changes));
    let request = http::Request::post("http://x.test/services/oauth2/token").body(form.into_bytes()).unwrap();
    let answer = simulators.handle(request).unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

/// Access and refresh token of a new connection.
fn connect(simulators: &Simulators) -> (String, String) {
    let (status, body) = fetch(simulators, &code(simulators, &[]), &[]);
    assert_eq!(status, 200, "{body}");
    let token = |name: &str| body[name].as_str().unwrap().to_owned();
    (token("access_token"), token("refresh_token"))
}

fn opens(simulators: &Simulators, token: &str) -> bool {
    ask(simulators, "GET", "/services/data/v62.0/limits", token, None).0 == 200
}

fn wait(clock: &SimulatedClock, seconds: u64) {
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(seconds)));
}

#[test]
fn a_code_comes_back_with_the_state_and_brings_tokens_once() {
    let (simulators, _) = started();
    for method in ["GET", "POST"] {
        let (status, to, _) = authorize(&simulators, method, &[]);
        assert_eq!(status, 302);
        assert!(to.starts_with("https://app.example/callback?code=simulated-authorization-code-"), "{to}");
        assert!(to.ends_with("&state=a%20b%26c%3Dd"), "{to}");
    }
    let code = code(&simulators, &[]);
    let (status, body) = fetch(&simulators, &code, &[]);
    assert_eq!(status, 200, "{body}");
    for name in ["access_token", "refresh_token", "instance_url", "id", "issued_at", "signature", "token_type", "scope"]
    {
        assert!(body[name].is_string(), "{name}");
    }
    assert!(body.get("expires_in").is_none());
    let access = body["access_token"].as_str().unwrap();
    assert!(opens(&simulators, access));
    assert_eq!(fetch(&simulators, &code, &[]).1["error_description"], "expired authorization code");
    assert!(opens(&simulators, access), "showing a code twice ends nothing");
    assert_eq!(refresh(&simulators, body["refresh_token"].as_str().unwrap(), &[]).0, 200);
}

#[test]
fn an_address_with_a_query_keeps_it_and_a_request_without_state_gets_none() {
    let (simulators, _) = started();
    let rows = [
        ("https://app.example/cb?tenant=7", "https://app.example/cb?tenant=7&code="),
        ("https://app.example/cb?", "https://app.example/cb?code="),
        ("myapp://callback", "myapp://callback?code="),
        ("http://localhost:1717/OauthRedirect", "http://localhost:1717/OauthRedirect?code="),
    ];
    for (back, start) in rows {
        let (_, to, _) = authorize(&simulators, "GET", &[("redirect_uri", back), ("state", "")]);
        assert!(to.starts_with(start) && !to.contains("state"), "{to}");
    }
}

#[test]
fn what_is_wrong_with_the_app_is_told_on_a_page_and_the_rest_goes_back() {
    let (simulators, _) = started();
    let pages: [(Pairs, &str); 7] = [
        (&[("client_id", "")], "error=invalid_request&error_description=missing%20required%20parameter%3A%20client_id"),
        (&[("client_id", "x")], "error=invalid_client_id&error_description=client%20identifier%20invalid"),
        (&[("redirect_uri", "")], "error=redirect_uri_missing&"),
        (
            &[("redirect_uri", "/cb")],
            "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration",
        ),
        (&[("redirect_uri", "https://app.example/cb#fragment")], "error=redirect_uri_mismatch&"),
        (&[("redirect_uri", "https://app.example/ä\r\n")], "error=redirect_uri_mismatch&"),
        (&[("redirect_uri", "not an address")], "error=redirect_uri_mismatch&"),
    ];
    for (changes, text) in pages {
        let (status, to, page) = authorize(&simulators, "GET", changes);
        assert_eq!((status, to.as_str()), (400, ""), "{changes:?}");
        assert!(page.starts_with(text), "{page}");
    }
    let back: [(Pairs, &str); 8] = [
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("scope", "api openid")], "invalid_scope"),
        (&[("scope", "api everything")], "invalid_scope"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge", "a challenge of forty-three characters, not!!")], "invalid_request"),
        (&[("code_challenge", &challenge()), ("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge", &format!("{}=", challenge()))], "invalid_request"),
    ];
    for (changes, error) in back {
        let (status, to, _) = authorize(&simulators, "GET", changes);
        assert_eq!(status, 302);
        assert!(to.starts_with(&format!("{BACK}?error={error}&error_description=")), "{changes:?}: {to}");
        assert!(to.ends_with("&state=a%20b%26c%3Dd"), "{to}");
    }
    assert_eq!(authorize(&simulators, "PUT", &[]).0, 405);
}

#[test]
fn only_the_apps_own_addresses_and_no_app_without_its_pkce() {
    let (simulators, _) = started();
    simulators.world().salesforce.tokens.sign_in = SignIn {
        redirect_uris: vec![BACK.into(), "https://b.example".into()],
        requires_pkce: true,
        ..SignIn::default()
    };
    let challenge = challenge();
    let proved = [("code_challenge", challenge.as_str())];
    for (back, status) in
        [(BACK, 302), ("https://b.example", 302), ("https://b.example/", 400), ("https://c.example", 400)]
    {
        assert_eq!(authorize(&simulators, "GET", &[("redirect_uri", back), proved[0]]).0, status, "{back}");
    }
    let (status, _, page) = authorize(&simulators, "GET", &[]);
    assert_eq!(
        (status, page.as_str()),
        (400, "error=invalid_request&error_description=missing%20required%20code%20challenge")
    );
}

#[test]
fn who_says_no_at_the_browser_gives_no_code() {
    let (simulators, _) = started();
    simulators.world().salesforce.tokens.sign_in.refuses_authorization = true;
    let (_, to, _) = authorize(&simulators, "GET", &[("state", "7")]);
    assert_eq!(to, format!("{BACK}?error=access_denied&error_description=end-user%20denied%20authorization&state=7"));
    assert_eq!(simulators.world().salesforce.tokens.approvals(), 1);
}

#[test]
fn a_code_is_refused_by_the_reason_and_is_used_up_by_it() {
    let challenge = challenge();
    let proved: &[(&str, &str)] = &[("code_challenge", &challenge), ("code_challenge_method", "S256")];
    let right = ("code_verifier", VERIFIER);
    let rows: [(Pairs, Pairs, &str, &str); 9] = [
        (&[], &[("code", "never-made")], "invalid_grant", "invalid authorization code"),
        (&[], &[("code", "")], "invalid_request", "missing required parameter: code"),
        (&[], &[("redirect_uri", "")], "invalid_request", "missing required parameter: redirect_uri"),
        (
            &[],
            &[("redirect_uri", "https://app.example/other")],
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        ),
        (proved, &[], "invalid_grant", "invalid code verifier"),
        (proved, &[("code_verifier", "another")], "invalid_grant", "invalid code verifier"),
        (proved, &[("code_verifier", &challenge)], "invalid_grant", "invalid code verifier"),
        (proved, &[right, ("client_secret", "wrong")], "invalid_client", "invalid client credentials"),
        (proved, &[right, ("client_id", "wrong")], "invalid_client_id", "client identifier invalid"),
    ];
    for (asked, changes, error, text) in rows {
        let (simulators, _) = started();
        let code = code(&simulators, asked);
        let (status, body) = fetch(&simulators, &code, changes);
        assert_eq!(body, json!({ "error": error, "error_description": text }), "{changes:?}");
        assert_eq!(status, 400);
        let again = fetch(&simulators, &code, &[right]).0;
        let was_shown = matches!(text, "invalid code verifier" | "redirect_uri must match configuration");
        assert_eq!(again, if was_shown { 400 } else { 200 }, "{changes:?}");
    }
    let (simulators, _) = started();
    let code = code(&simulators, proved);
    assert_eq!(fetch(&simulators, &code, &[right]).0, 200);
}

#[test]
fn a_code_lives_fifteen_minutes() {
    let (simulators, clock) = started();
    let (early, late) = (code(&simulators, &[]), code(&simulators, &[]));
    wait(&clock, 15 * 60 - 1);
    assert_eq!(fetch(&simulators, &early, &[]).0, 200);
    wait(&clock, 1);
    assert_eq!(fetch(&simulators, &late, &[]).1["error_description"], "expired authorization code");
}

#[test]
fn an_app_that_needs_no_secret_is_believed_by_its_proof_and_a_wrong_secret_is_still_wrong() {
    let (simulators, _) = started();
    simulators.world().salesforce.tokens.sign_in.requires_secret = false;
    let challenge = challenge();
    let asked = [("code_challenge", challenge.as_str())];
    let (no_secret, right) = (("client_secret", ""), ("code_verifier", VERIFIER));
    let (status, body) = fetch(&simulators, &code(&simulators, &asked), &[no_secret, right]);
    assert_eq!(status, 200, "{body}");
    assert_eq!(refresh(&simulators, body["refresh_token"].as_str().unwrap(), &[("client_secret", "")]).0, 200);
    assert_eq!(fetch(&simulators, &code(&simulators, &asked), &[("client_secret", "x"), right]).0, 400);
    let own_name = form(&[("grant_type", "client_credentials"), ("client_id", "simulated-client-id")]);
    let request = http::Request::post("http://x.test/services/oauth2/token").body(own_name.into_bytes()).unwrap();
    assert_eq!(simulators.handle(request).unwrap().status(), 400, "an app in its own name has nothing but its secret");
}

#[test]
fn a_connection_has_the_scopes_that_it_asked_for() {
    let (simulators, _) = started();
    let rows = [
        ("", "api pardot_api refresh_token", true, 200),
        ("api", "api", false, 200),
        ("api offline_access", "api refresh_token", true, 200),
        ("refresh_token api id", "api id refresh_token", true, 200),
        ("pardot_api", "pardot_api", false, 403),
        ("full", "full", false, 200),
        ("id", "id", false, 403),
    ];
    for (asked, told, refreshable, status) in rows {
        let (_, body) = fetch(&simulators, &code(&simulators, &[("scope", asked)]), &[]);
        assert_eq!((&body["scope"], body["refresh_token"].is_string()), (&json!(told), refreshable), "{asked}");
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", token, None).0, status, "{asked}");
        assert_eq!(ask(&simulators, "GET", "/services/oauth2/userinfo", token, None).0, 200, "{asked}");
    }
}

#[test]
fn connections_live_side_by_side_and_end_alone() {
    let (simulators, _) = started();
    let (first, second) = (connect(&simulators), connect(&simulators));
    let own_name = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", "simulated-client-id"),
        ("client_secret", "simulated-client-secret"),
    ]);
    let request = http::Request::post("http://x.test/services/oauth2/token").body(own_name.into_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(simulators.handle(request).unwrap().body()).unwrap();
    let own_name = answer["access_token"].as_str().unwrap();

    // A spent refresh token ends its own.
    assert_eq!(refresh(&simulators, &first.1, &[]).0, 200);
    assert_eq!(refresh(&simulators, &first.1, &[]).0, 400);
    let open = |tokens: [&str; 3]| tokens.map(|token| opens(&simulators, token));
    assert_eq!(open([&first.0, &second.0, own_name]), [false, true, true]);

    let revoke = |token: &str| {
        let request = http::Request::post("http://x.test/services/oauth2/revoke");
        simulators.handle(request.body(form(&[("token", token)]).into_bytes()).unwrap()).unwrap().status().as_u16()
    };
    let third = connect(&simulators);
    assert_eq!((revoke(&second.1), revoke(&second.1)), (200, 400));
    assert_eq!(open([&second.0, &third.0, own_name]), [false, true, true]);
    // An access token ends alone: its connection goes on.
    assert_eq!(revoke(&third.0), 200);
    assert!(!opens(&simulators, &third.0));
    assert_eq!(refresh(&simulators, &third.1, &[]).0, 200);
    assert!(opens(&simulators, "simulated-access-token-0"), "the connection of the beginning is one of them");

    // The customer disconnects the app: all of them.
    simulators.world().salesforce.revoke_tokens();
    assert_eq!(open([own_name, "simulated-access-token-0", &second.0]), [false; 3]);
}

#[test]
fn the_sixth_approval_ends_the_oldest_and_those_without_a_refresh_token_do_not_count() {
    let (simulators, _) = started();
    let second = connect(&simulators);
    for _ in 0..3 {
        connect(&simulators);
    }
    assert_eq!(simulators.world().salesforce.tokens.approvals(), 5);
    fetch(&simulators, &code(&simulators, &[("scope", "api")]), &[]);
    assert!(opens(&simulators, "simulated-access-token-0"));
    connect(&simulators);
    assert_eq!(simulators.world().salesforce.tokens.approvals(), 5);
    assert!(!opens(&simulators, "simulated-access-token-0"));
    assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).1["error"], "invalid_grant");
    assert_eq!(refresh(&simulators, &second.1, &[]).0, 200);
}

#[test]
fn who_may_not_sign_in_is_told_why_at_the_browser_and_at_the_token_endpoint() {
    let rows = [
        (SignInRefusal::InactiveUser, "inactive_user", "user is inactive", true),
        (SignInRefusal::InactiveOrg, "inactive_org", "organization is inactive", true),
        (SignInRefusal::InvalidAppAccess, "invalid_app_access", "user is not admin approved to access this app", false),
        (SignInRefusal::AuthenticationFailure, "invalid_grant", "authentication failure", false),
        (SignInRefusal::IpRestricted, "invalid_grant", "ip restricted", false),
    ];
    assert_eq!(rows.map(|row| row.0), SignInRefusal::ALL);
    for (refusal, error, text, ends_sessions) in rows {
        let (simulators, _) = started();
        let early = code(&simulators, &[]);
        simulators.world().salesforce.tokens.sign_in.refusal = Some(refusal);
        let (_, to, _) = authorize(&simulators, "GET", &[]);
        assert!(to.starts_with(&format!("{BACK}?error={error}&error_description=")), "{to}");
        let told = json!({ "error": error, "error_description": text });
        assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]), (400, told.clone()));
        assert_eq!(fetch(&simulators, &early, &[]), (400, told.clone()));
        let in_its_own_name = [("grant_type", "client_credentials")];
        assert_eq!(fetch(&simulators, "", &in_its_own_name), (400, told));
        assert_eq!(opens(&simulators, "simulated-access-token-0"), !ends_sessions, "{error}");
        let userinfo = ask(&simulators, "GET", "/services/oauth2/userinfo", "simulated-access-token-0", None).0;
        assert_eq!(userinfo, if ends_sessions { 403 } else { 200 }, "{error}");

        simulators.world().salesforce.tokens.sign_in.refusal = None;
        assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).0, 200, "nothing is lost by {error}");
    }
}
