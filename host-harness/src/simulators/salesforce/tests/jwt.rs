//! A server that signs for a user.

use super::*;
use crate::simulators::{salesforce::SignInRefusal, unknowns::FarExpiry};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

fn assertion(head: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(head), part(claims))
}

fn present(simulators: &Simulators, assertion: &str, more: &str) -> (u16, Value) {
    let grant = encode("urn:ietf:params:oauth:grant-type:jwt-bearer");
    let form = format!("grant_type={grant}&assertion={}{more}", encode(assertion));
    let request = http::Request::post("http://x.test/services/oauth2/token").body(form.into_bytes()).unwrap();
    let answer = simulators.handle(request).unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

const NOW: u64 = 1_795_424_400;

fn usual() -> Value {
    json!({
        "iss": "simulated-client-id",
        "sub": "integration@salesforce-customer.example",
        "aud": "https://login.salesforce.com",
        "exp": NOW + 180,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = usual();
    claims[name] = value;
    claims
}

#[test]
fn a_signed_assertion_brings_an_access_token_and_nothing_to_refresh() {
    let (simulators, _) = started();
    let rs256 = json!({ "alg": "RS256" });
    let own = simulators.world().options.base_url.clone();
    for claims in [
        usual(),
        with("aud", json!("https://test.salesforce.com/")),
        with("aud", json!(own)),
        with("aud", json!("https://login.salesforce.com/services/oauth2/token")),
        with("exp", json!(NOW + 1)),
        with("exp", json!((NOW + 60).to_string())),
        with("exp", json!(NOW as f64 + 60.5)),
        with("sub", json!("Integration@Salesforce-Customer.Example")),
    ] {
        let (status, body) = present(&simulators, &assertion(&rs256, &claims, "c2lnbmVk"), "");
        assert_eq!(status, 200, "{claims}: {body}");
        let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["access_token", "id", "instance_url", "scope", "token_type"]);
        assert_eq!(body["scope"], "api pardot_api");
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", token, None).0, 200);
    }
    let (_, body) = present(&simulators, &assertion(&rs256, &usual(), "c2lnbmVk"), "&scope=id");
    assert_eq!(body["scope"], "id");
    // It is a connection of its own, and no approval.
    assert_eq!(simulators.world().salesforce.tokens.approvals(), 1);
    assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).0, 200);
}

#[test]
fn an_assertion_is_refused_by_the_reason() {
    let (simulators, _) = started();
    let rs256 = json!({ "alg": "RS256" });
    let invalid = ("invalid_grant", "invalid assertion");
    let rows = [
        (assertion(&rs256, &with("iss", json!("x")), "c2ln"), ("invalid_client_id", "client identifier invalid")),
        (assertion(&rs256, &with("aud", json!("https://x.test")), "c2ln"), ("invalid_grant", "audience is invalid")),
        (assertion(&rs256, &with("exp", json!(NOW)), "c2ln"), ("invalid_grant", "expired authorization code")),
        (assertion(&rs256, &with("exp", json!(NOW + 181)), "c2ln"), invalid),
        (assertion(&rs256, &with("exp", Value::Null), "c2ln"), invalid),
        (assertion(&rs256, &with("exp", json!(-1)), "c2ln"), invalid),
        (
            assertion(&rs256, &with("sub", json!("nobody@x.test")), "c2ln"),
            ("invalid_grant", "user hasn't approved this consumer"),
        ),
        (assertion(&json!({ "alg": "none" }), &usual(), "c2ln"), invalid),
        (assertion(&json!({ "alg": "HS256" }), &usual(), "c2ln"), invalid),
        (assertion(&rs256, &usual(), ""), invalid),
        (assertion(&rs256, &usual(), "c2ln.c2ln"), invalid),
        (assertion(&rs256, &json!([]), "c2ln"), invalid),
        ("a.b.c".into(), invalid),
        (String::new(), invalid),
    ];
    for (sent, (error, text)) in rows {
        let told = json!({ "error": error, "error_description": text });
        assert_eq!(present(&simulators, &sent, ""), (400, told), "{sent}");
    }
    let far = assertion(&rs256, &with("exp", json!(NOW + 3_600)), "c2ln");
    simulators.world().options.unknowns.salesforce.far_assertion_expiry = FarExpiry::Taken;
    assert_eq!(present(&simulators, &far, "").0, 200);
    assert_eq!(present(&simulators, &far, "&scope=nonsense").1["error"], "invalid_scope");
    simulators.world().salesforce.tokens.sign_in.refusal = Some(SignInRefusal::IpRestricted);
    let told = present(&simulators, &assertion(&rs256, &usual(), "c2ln"), "").1;
    assert_eq!(told["error_description"], "ip restricted");
    simulators.world().salesforce.tokens.sign_in.refusal = None;
    simulators.world().salesforce.revoke_tokens();
    let told = present(&simulators, &assertion(&rs256, &usual(), "c2ln"), "").1;
    assert_eq!(
        told["error_description"], "user hasn't approved this consumer",
        "who has disconnected approves no more"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_presented_is_answered(sent in "[a-zA-Z0-9._=-]{0,80}") {
        let (simulators, _) = started();
        prop_assert_eq!(present(&simulators, &sent, "").0, 400);
    }
}
