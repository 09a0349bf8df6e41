//! Tokens that need nobody at a browser: an app in its own name, and what becomes of a token.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

fn post(simulators: &Simulators, path: &str, basic: Option<&str>, form: &str) -> (u16, Value) {
    let mut request = http::Request::post(format!("http://x.test/services/oauth2/{path}"));
    if let Some(pair) = basic {
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
    }
    let answer = simulators.handle(request.body(form.as_bytes().to_vec()).unwrap()).unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

const APP: &str = "client_id=simulated-client-id&client_secret=simulated-client-secret";

#[test]
fn an_app_signs_in_by_its_own_name_without_a_refresh_token() {
    let (simulators, _) = started();
    let rows = [
        (None, format!("grant_type=client_credentials&{APP}"), 200, None),
        (Some("simulated-client-id:simulated-client-secret"), "grant_type=client_credentials".into(), 200, None),
        (
            Some("simulated-client-id:simulated-client-secret"),
            "grant_type=client_credentials&client_id=simulated-client-id".into(),
            200,
            None,
        ),
        (Some("simulated-client-id:wrong"), "grant_type=client_credentials".into(), 400, Some("invalid_client")),
        (Some("wrong"), "grant_type=client_credentials".into(), 400, Some("invalid_client_id")),
        (None, "grant_type=password".into(), 400, Some("unsupported_grant_type")),
    ];
    for (basic, form, status, error) in rows {
        let (answered, body) = post(&simulators, "token", basic, &form);
        assert_eq!((answered, body["error"].as_str()), (status, error), "{form}: {body}");
        assert!(body.get("refresh_token").is_none());
        if status == 200 {
            assert_eq!(body["scope"], "api pardot_api");
            let token = body["access_token"].as_str().unwrap();
            assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", token, None).0, 200);
        }
    }
    // Whoever signed in by a refresh token stays signed in.
    assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).0, 200);
}

#[test]
fn a_token_is_introspected_until_it_ends_and_revoked_with_what_hangs_on_it() {
    let (simulators, _) = started();
    let ask_about = |token: &str| post(&simulators, "introspect", None, &format!("{APP}&token={token}")).1;
    let access = ask_about("simulated-access-token-0");
    assert_eq!((&access["active"], &access["token_type"]), (&json!(true), &json!("access_token")));
    let life = access["exp"].as_u64().unwrap() - access["iat"].as_u64().unwrap();
    assert_eq!(life, simulators.world().options.session_timeout.as_secs());
    assert_eq!(ask_about("simulated-refresh-token-0")["token_type"], "refresh_token");
    assert_eq!(ask_about("nobodys"), json!({ "active": false }));
    assert_eq!(post(&simulators, "introspect", None, "token=simulated-access-token-0").1["error"], "invalid_client_id");

    assert_eq!(post(&simulators, "revoke", None, "token=simulated-refresh-token-0").0, 200);
    assert_eq!(ask_about("simulated-access-token-0"), json!({ "active": false }));
    assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).1["error"], "invalid_grant");
    assert_eq!(post(&simulators, "revoke", None, "token=nobodys").0, 400);
}

/// Asks whose token it is, the token being where it is said to be.
fn whose(simulators: &Simulators, method: &str, path: &str, header: &str, form: &str) -> (u16, String) {
    let mut request = http::Request::builder().method(method).uri(format!("http://x.test{path}"));
    if !header.is_empty() {
        request = request.header("authorization", header);
    }
    let answer = simulators.handle(request.body(form.as_bytes().to_vec()).unwrap()).unwrap();
    (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
}

#[test]
fn a_token_is_taken_from_the_header_the_address_or_a_form() {
    let (simulators, _) = started();
    let identity = format!("/id/{}/{}", Salesforce::organization_id(), Salesforce::user_id());
    let (token, bad) = ("simulated-access-token-0", "simulated-refresh-token-0");
    for path in [identity.as_str(), "/services/oauth2/userinfo"] {
        let rows = [
            ("GET", String::new(), format!("Bearer {token}"), String::new(), 200),
            ("GET", String::new(), format!("bearer {token}"), String::new(), 200),
            ("POST", String::new(), format!("Bearer {token}"), String::new(), 200),
            ("GET", format!("?access_token={token}"), String::new(), String::new(), 200),
            ("GET", format!("?oauth_token={token}"), String::new(), String::new(), 200),
            ("POST", String::new(), String::new(), format!("access_token={token}"), 200),
            ("GET", String::new(), format!("Bearer {bad}"), String::new(), 403),
            ("GET", String::new(), format!("Basic {token}"), String::new(), 403),
            ("GET", String::new(), String::new(), String::new(), 403),
            ("POST", String::new(), String::new(), format!("access_token={bad}"), 403),
            ("DELETE", String::new(), format!("Bearer {token}"), String::new(), 405),
        ];
        for (method, query, header, form, status) in rows {
            let told = whose(&simulators, method, &format!("{path}{query}"), &header, &form);
            assert_eq!(told.0, status, "{method} {path}{query} {header} {form}");
            match status {
                200 => assert!(told.1.contains(&Salesforce::user_id()), "{}", told.1),
                403 => assert_eq!(told.1, "Bad_OAuth_Token"),
                _ => {}
            }
        }
    }
}

#[test]
fn userinfo_and_identity_have_what_strict_clients_read() {
    let (simulators, _) = started();
    let token = "simulated-access-token-0";
    let (_, _, userinfo) = ask(&simulators, "GET", "/services/oauth2/userinfo", token, None);
    for pointer in [
        "/sub",
        "/user_id",
        "/organization_id",
        "/preferred_username",
        "/nickname",
        "/name",
        "/email",
        "/given_name",
        "/family_name",
        "/zoneinfo",
        "/photos/picture",
        "/photos/thumbnail",
        "/profile",
        "/picture",
        "/urls/rest",
        "/urls/custom_domain",
        "/user_type",
        "/language",
        "/locale",
        "/updated_at",
    ] {
        assert!(userinfo.pointer(pointer).is_some_and(Value::is_string), "{pointer}: {userinfo}");
    }
    let path = format!("/id/{}/{}", Salesforce::organization_id(), Salesforce::user_id());
    let (_, _, identity) = ask(&simulators, "GET", &path, token, None);
    for pointer in [
        "/id",
        "/user_id",
        "/organization_id",
        "/username",
        "/nick_name",
        "/display_name",
        "/email",
        "/photos/picture",
        "/photos/thumbnail",
        "/urls/enterprise",
        "/urls/metadata",
        "/urls/partner",
        "/urls/rest",
        "/urls/sobjects",
        "/urls/search",
        "/urls/query",
        "/urls/profile",
        "/user_type",
        "/language",
        "/last_modified_date",
    ] {
        assert!(identity.pointer(pointer).is_some_and(Value::is_string), "{pointer}: {identity}");
    }
    assert!(userinfo["active"].is_boolean() && identity["asserted_user"].is_boolean());
}

#[test]
fn each_of_the_endpoints_refuses_what_it_does_not_offer() {
    let (simulators, _) = started();
    let rows = [
        ("GET", "token", 400, "invalid_request"),
        ("PUT", "token", 400, "invalid_request"),
        ("GET", "introspect", 400, "invalid_request"),
        ("GET", "revoke", 400, "invalid_request"),
        ("GET", "revoke?token=nobodys", 400, "unsupported_token_type"),
    ];
    for (method, path, status, error) in rows {
        let (answered, text) = whose(&simulators, method, &format!("/services/oauth2/{path}"), "", "");
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((answered, &body["error"]), (status, &json!(error)), "{method} {path}");
        assert!(body["error_description"].is_string());
    }
    assert_eq!(whose(&simulators, "DELETE", "/services/oauth2/revoke", "", "").0, 405);
    assert_eq!(
        whose(&simulators, "GET", "/services/oauth2/revoke?token=simulated-access-token-0", "", ""),
        (200, String::new())
    );
    assert_eq!(whose(&simulators, "GET", "/services/oauth2/nothing", "", "").0, 404);
}

#[test]
fn a_form_may_stand_in_the_address_and_an_id_may_be_short() {
    let (simulators, _) = started();
    let form = format!("grant_type=refresh_token&refresh_token=simulated-refresh-token-0&{APP}");
    let (status, body) = post(&simulators, &format!("token?{form}"), None, "");
    assert_eq!(status, 200, "{body}");
    assert_eq!(post(&simulators, "introspect?token=simulated-access-token-0", None, APP).1["active"], true);
    // What stands in the form counts.
    assert_eq!(post(&simulators, &format!("token?{form}"), None, "client_id=another").1["error"], "invalid_client_id");
    let path = format!("/id/{}/{}", &Salesforce::organization_id()[..15], &Salesforce::user_id()[..15]);
    let (status, _, user) = ask(&simulators, "GET", &path, "simulated-access-token-0", None);
    assert_eq!((status, &user["user_id"]), (200, &json!(Salesforce::user_id())));
    assert_eq!(ask(&simulators, "GET", "/id/x/y", "simulated-access-token-0", None).0, 404);
}

#[test]
fn where_the_api_is_off_data_calls_say_so() {
    use crate::simulators::salesforce::ApiOff;
    let (simulators, _) = started();
    for (off, code) in [(ApiOff::ForOrg, "API_DISABLED_FOR_ORG"), (ApiOff::ForUser, "API_CURRENTLY_DISABLED")] {
        simulators.world().salesforce.setup.api_off = Some(off);
        let (status, body) = call(&simulators, "GET", "/limits", None);
        assert_eq!((status, &body[0]["errorCode"]), (403, &json!(code)));
        assert_eq!(refresh(&simulators, "no-such-token", &[]).1["error"], "invalid_grant", "one can still sign in");
        assert_eq!(ask(&simulators, "GET", "/services/data", "", None).0, 200);
    }
    simulators.world().salesforce.setup.api_off = None;
    assert_eq!(call(&simulators, "GET", "/limits", None).0, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is sent, the answer is one of those that the pages name.
    #[test]
    fn every_request_to_sign_in_is_answered_by_a_documented_status(
        method in prop::sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"][..]),
        path in prop::sample::select(&["authorize", "token", "introspect", "revoke", "userinfo", "other", "token/x"][..]),
        pairs in prop::collection::vec((
            prop::sample::select(&["grant_type", "client_id", "client_secret", "redirect_uri", "code", "code_challenge",
                "code_challenge_method", "code_verifier", "response_type", "scope", "state", "token", "refresh_token",
                "assertion", "access_token", "jwt"][..]),
            prop_oneof![
                prop::sample::select(&["simulated-client-id", "simulated-client-secret", "code", "refresh_token",
                    "authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    "https://app.example/cb?x=%", "simulated-authorization-code-1", "simulated-access-token-0", "S256",
                    "api refresh_token"][..]).prop_map(str::to_owned),
                "[ -~é\r\n\u{0}]{0,30}",
            ],
        ), 0..8),
        in_body in any::<bool>(),
    ) {
        let (simulators, _) = started();
        let form = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        let (query, body) = if in_body { (String::new(), form) } else { (format!("?{form}"), String::new()) };
        let request = http::Request::builder().method(method).uri(format!("http://x.test/services/oauth2/{path}{query}"));
        let answer = simulators.handle(request.body(body.into_bytes()).unwrap()).unwrap();
        let status = answer.status().as_u16();
        prop_assert!([200, 302, 400, 403, 404, 405].contains(&status), "{}", status);
        prop_assert_eq!(status == 302, answer.headers().contains_key("location"));
        prop_assert_eq!(status == 405, answer.headers().contains_key("allow"));
    }
}
