//! Tokens that need nobody at a browser: an app in its own name, and what becomes of a token.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};

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
