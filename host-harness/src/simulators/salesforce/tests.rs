mod bulk;
mod collections;
mod composite;
mod custom_fields;
mod fuzz;
mod jwt;
mod limits;
mod membership;
mod object_info;
mod org_features;
mod queries;
mod records;
mod sides;
mod signing_in;
mod web_server_flow;

use super::*;
use crate::{
    clock::SimulatedClock,
    simulators::{Options, Simulators, request::encode},
};

fn started() -> (Simulators, SimulatedClock) {
    let clock = SimulatedClock::new(Timestamp::parse("2026-11-23T09:00:00Z").unwrap());
    (Simulators::new(Arc::new(clock.clone()), Options::default()), clock)
}

fn ask(
    simulators: &Simulators,
    method: &str,
    path: &str,
    token: &str,
    body: Option<Value>,
) -> (u16, http::HeaderMap, Value) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://x.test{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
        .unwrap();
    let answer = simulators.handle(request).unwrap();
    let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    (answer.status().as_u16(), answer.headers().clone(), body)
}

fn call(simulators: &Simulators, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let token = simulators.world().options.salesforce.access_token.clone();
    let (status, _, body) = ask(simulators, method, &format!("/services/data/v62.0{path}"), &token, body);
    (status, body)
}

fn query(simulators: &Simulators, soql: &str) -> (u16, Value) {
    call(simulators, "GET", &format!("/query?q={}", encode(soql)), None)
}

/// Gives the id of a new record.
fn made(simulators: &Simulators, object: &str, fields: Value) -> String {
    let (status, body) = call(simulators, "POST", &format!("/sobjects/{object}"), Some(fields));
    assert_eq!(status, 201, "{object}: {body}");
    body["id"].as_str().unwrap().to_owned()
}

/// Live records of an object.
fn total(simulators: &Simulators, object: &str) -> Value {
    query(simulators, &format!("SELECT Id FROM {object}")).1["totalSize"].clone()
}

fn campaign(simulators: &Simulators, fields: Value) -> String {
    let (status, body) = call(simulators, "POST", "/sobjects/Campaign", Some(fields));
    assert_eq!((status, &body["success"]), (201, &json!(true)), "{body}");
    body["id"].as_str().unwrap().to_owned()
}

fn refresh(simulators: &Simulators, refresh_token: &str, changed: &[(&str, &str)]) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", "simulated-client-id"),
        ("client_secret", "simulated-client-secret"),
        ("refresh_token", refresh_token),
    ];
    for (name, value) in changed {
        form.iter_mut().filter(|(key, _)| key == name).for_each(|pair| pair.1 = value);
    }
    let form: Vec<_> = form.into_iter().map(|(key, value)| format!("{key}={}", encode(value))).collect();
    let request = http::Request::post("http://x.test/services/oauth2/token").body(form.join("&").into_bytes()).unwrap();
    let answer = simulators.handle(request).unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

#[test]
fn a_refresh_answers_tokens_and_the_instance_and_no_lifetime() {
    let (simulators, _) = started();
    simulators.world().options.base_url = "http://127.0.0.1:7".into();
    let (status, body) = refresh(&simulators, "simulated-refresh-token-0", &[]);
    assert_eq!(status, 200);
    assert_eq!(body["instance_url"], "http://127.0.0.1:7");
    assert_eq!(body["issued_at"], "1795424400000");
    assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("api pardot_api refresh_token")));
    assert!(body["id"].as_str().unwrap().starts_with("http://127.0.0.1:7/id/00D"), "{body}");
    assert!(body["signature"].as_str().is_some_and(|signature| !signature.is_empty()), "{body}");
    assert!(body.get("expires_in").is_none());
    let token = body["access_token"].as_str().unwrap();
    let (status, _, user) = ask(&simulators, "GET", "/services/oauth2/userinfo", token, None);
    assert_eq!((status, &user["user_id"]), (200, &json!(Salesforce::user_id())));
    assert_eq!(ask(&simulators, "GET", "/services/oauth2/userinfo", "wrong", None).0, 403);
}

#[test]
fn the_id_of_a_token_leads_to_its_user_and_org() {
    let (simulators, _) = started();
    simulators.world().options.base_url = "http://x.test".into();
    let (_, tokens) = refresh(&simulators, "simulated-refresh-token-0", &[]);
    let path = tokens["id"].as_str().unwrap().strip_prefix("http://x.test").unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    let (status, _, user) = ask(&simulators, "GET", path, token, None);
    assert_eq!(status, 200);
    let rows = [
        ("/id", tokens["id"].clone()),
        ("/user_id", json!(Salesforce::user_id())),
        ("/organization_id", json!(Salesforce::organization_id())),
        ("/username", json!("integration@salesforce-customer.example")),
        ("/urls/rest", json!("http://x.test/services/data/v{version}/")),
        ("/urls/query", json!("http://x.test/services/data/v{version}/query/")),
    ];
    for (pointer, value) in rows {
        assert_eq!(user.pointer(pointer), Some(&value), "{pointer}");
    }
    let rest = user["urls"]["rest"].as_str().unwrap().replace("{version}", "62.0");
    assert_eq!(ask(&simulators, "GET", rest.strip_prefix("http://x.test").unwrap(), token, None).0, 200);
    assert_eq!(ask(&simulators, "GET", "/id/00D/005", token, None).0, 404);

    let refused = http::Request::get(format!("http://x.test{path}")).body(vec![]).unwrap();
    let refused = simulators.handle(refused).unwrap();
    assert_eq!((refused.status().as_u16(), refused.body().as_slice()), (403, &b"Bad_OAuth_Token"[..]));
    assert_eq!(ask(&simulators, "GET", path, "wrong", None).0, 403);
    assert!(simulators.world().requests.iter().all(|seen| seen.api == crate::simulators::Api::Salesforce));
}

#[test]
fn a_version_tells_its_resources_to_whom_it_knows() {
    let (simulators, _) = started();
    let (status, resources) = call(&simulators, "GET", "/", None);
    assert_eq!((status, &resources["query"]), (200, &json!("/services/data/v62.0/query")));
    assert_eq!(resources["sobjects"], "/services/data/v62.0/sobjects");
    assert_eq!(ask(&simulators, "GET", resources["limits"].as_str().unwrap(), "simulated-access-token-0", None).0, 200);
    assert_eq!(call(&simulators, "POST", "/", None).0, 405);
    assert_eq!(ask(&simulators, "GET", "/services/data/v62.0", "wrong", None).0, 401);
}

#[test]
fn a_refresh_is_refused_by_the_reason() {
    let (simulators, _) = started();
    let good = "simulated-refresh-token-0";
    let rows = [
        (good, vec![("grant_type", "password")], "unsupported_grant_type"),
        (good, vec![("client_id", "x")], "invalid_client_id"),
        (good, vec![("client_secret", "x")], "invalid_client"),
        ("never-issued", vec![], "invalid_grant"),
    ];
    for (token, changed, error) in rows {
        let (status, body) = refresh(&simulators, token, &changed);
        assert_eq!((status, &body["error"]), (400, &json!(error)));
    }
    simulators.world().salesforce.refuse_next_refreshes(1);
    assert_eq!(refresh(&simulators, good, &[]).1["error_description"], "token request is already being processed");
    assert_eq!(refresh(&simulators, good, &[]).0, 200);
}

#[test]
fn an_old_refresh_token_used_again_revokes_everything() {
    let (simulators, _) = started();
    let (_, first) = refresh(&simulators, "simulated-refresh-token-0", &[]);
    let (status, second) = refresh(&simulators, first["refresh_token"].as_str().unwrap(), &[]);
    assert_eq!(status, 200);
    let access = second["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", &access, None).0, 200);
    assert_eq!(refresh(&simulators, "simulated-refresh-token-0", &[]).0, 400);
    assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", &access, None).0, 401);
    assert_eq!(refresh(&simulators, second["refresh_token"].as_str().unwrap(), &[]).0, 400);
}

#[test]
fn without_rotation_a_refresh_token_serves_again_and_is_not_answered() {
    let (simulators, _) = started();
    simulators.world().options.rotate_refresh_tokens = false;
    for _ in 0..2 {
        let (status, body) = refresh(&simulators, "simulated-refresh-token-0", &[]);
        assert_eq!((status, body.get("refresh_token")), (200, None));
    }
}

#[test]
fn an_access_token_ends_by_the_clock_or_by_the_world() {
    let (simulators, clock) = started();
    assert_eq!(call(&simulators, "GET", "/limits", None).0, 200);
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(2 * 60 * 60)));
    let (status, body) = call(&simulators, "GET", "/limits", None);
    let ended = json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]);
    assert_eq!((status, body), (401, ended));
    let (_, fresh) = refresh(&simulators, "simulated-refresh-token-0", &[]);
    let fresh = fresh["access_token"].as_str().unwrap();
    assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", fresh, None).0, 200);
    simulators.world().expire_tokens();
    assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", fresh, None).0, 401);
}

#[test]
fn a_scope_that_was_not_given_closes_its_api() {
    let (simulators, _) = started();
    let (_, all) = refresh(&simulators, "simulated-refresh-token-0", &[]);
    assert_eq!(all["scope"], "api pardot_api refresh_token");
    let unit = |token: &str| {
        let request = http::Request::get("http://x.test/api/v5/objects/account?fields=id")
            .header("authorization", format!("Bearer {token}"))
            .header("pardot-business-unit-id", simulators.world().options.business_unit_id.clone());
        simulators.handle(request.body(vec![]).unwrap()).unwrap().status().as_u16()
    };
    for (missing, salesforce, account_engagement) in [("", 200, 200), ("api", 403, 200), ("pardot_api", 200, 401)] {
        simulators.world().salesforce.scopes = oauth::SCOPES.into_iter().filter(|scope| *scope != missing).collect();
        let token = all["access_token"].as_str().unwrap();
        assert_eq!(ask(&simulators, "GET", "/services/data/v62.0/limits", token, None).0, salesforce, "{missing}");
        assert_eq!(unit(token), account_engagement, "{missing}");
    }
}

#[test]
fn versions_need_no_token_and_old_ones_are_gone() {
    let (simulators, _) = started();
    assert_eq!(ask(&simulators, "GET", "/services/data/", "none", None).0, 200);
    let token = simulators.world().options.salesforce.access_token.clone();
    for (version, status) in [("v62.0", 200), ("v30.0", 410), ("v99.0", 404), ("62", 404)] {
        assert_eq!(ask(&simulators, "GET", &format!("/services/data/{version}/limits"), &token, None).0, status);
    }
}

#[test]
fn the_day_has_its_requests_and_every_answer_tells_how_many_are_used() {
    let (simulators, clock) = started();
    simulators.world().options.limits.salesforce_calls_per_day = 2;
    simulators.world().options.session_timeout = Duration::from_secs(1_000_000);
    let token = simulators.world().options.salesforce.access_token.clone();
    for (status, told) in [(200, "api-usage=1/2"), (200, "api-usage=2/2"), (403, "api-usage=2/2")] {
        let (answered, headers, body) = ask(&simulators, "GET", "/services/data/v62.0/limits", &token, None);
        assert_eq!((answered, headers["sforce-limit-info"].to_str().unwrap()), (status, told), "{body}");
    }
    futures_util::FutureExt::now_or_never(clock.run_for(DAY));
    assert_eq!(call(&simulators, "GET", "/limits", None).1["DailyApiRequests"]["Remaining"], 1);
}

#[test]
fn a_campaign_is_made_read_changed_and_deleted() {
    let (simulators, _) = started();
    let id = campaign(
        &simulators,
        json!({ "Name": " Demo ", "startdate": "2026-11-23", "Type": "Webinar", "Description": "" }),
    );
    assert!(id.starts_with("701SIM") && id.len() == 18);
    let (_, read) = call(&simulators, "GET", &format!("/sobjects/Campaign/{id}"), None);
    let rows = [
        ("Name", json!("Demo")),
        ("StartDate", json!("2026-11-23")),
        ("Status", json!("Planned")),
        ("IsActive", json!(false)),
        ("Description", json!(null)),
        ("CreatedDate", json!("2026-11-23T09:00:00.000+0000")),
        ("OwnerId", json!(Salesforce::user_id())),
        ("NumberOfLeads", json!(0)),
    ];
    for (name, value) in rows {
        assert_eq!(read[name], value, "{name}");
    }
    assert_eq!(read["attributes"]["type"], "Campaign");

    let short = &id[..15];
    assert_eq!(
        call(&simulators, "PATCH", &format!("/sobjects/campaign/{short}"), Some(json!({ "IsActive": true }))).0,
        204
    );
    let (_, read) = call(&simulators, "GET", &format!("/sobjects/Campaign/{id}?fields=IsActive,Name"), None);
    assert_eq!((&read["IsActive"], &read["Name"], read.get("Type")), (&json!(true), &json!("Demo"), None));

    assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/Campaign/{id}"), None).0, 204);
    let (status, body) = call(&simulators, "GET", &format!("/sobjects/Campaign/{id}"), None);
    assert_eq!((status, &body[0]["errorCode"]), (404, &json!("ENTITY_IS_DELETED")));
    assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"], 0);
}

#[test]
fn a_record_is_refused_by_its_fields() {
    let (simulators, _) = started();
    simulators.world().salesforce.restricted_picklists.insert("Campaign.Type".into());
    let stranger = crate::simulators::ids::salesforce_id("701", 999);
    let rows = [
        (json!({}), "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (json!({ "Name": "  " }), "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (json!({ "Name": "é".repeat(81) }), "STRING_TOO_LONG", "(max length=80)"),
        (json!({ "Name": "x", "Titel": 1 }), "INVALID_FIELD", "No such column 'Titel' on sobject of type Campaign"),
        (json!({ "Name": "x", "NumberOfLeads": 1 }), "INVALID_FIELD_FOR_INSERT_UPDATE", "NumberOfLeads"),
        (json!({ "Name": "x", "StartDate": "23.11.2026" }), "JSON_PARSER_ERROR", "instance of date from VALUE_STRING"),
        (json!({ "Name": "x", "IsActive": "yes" }), "JSON_PARSER_ERROR", "instance of boolean"),
        (json!({ "Name": "x", "Type": "Webinair" }), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Webinair"),
        (json!({ "Name": "x", "ParentId": stranger }), "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        (json!({ "Name": "x", "ParentId": "12" }), "MALFORMED_ID", "id value of incorrect type: 12"),
        (json!(["x"]), "JSON_PARSER_ERROR", "SObject"),
    ];
    for (sent, code, text) in rows {
        let (status, body) = call(&simulators, "POST", "/sobjects/Campaign", Some(sent.clone()));
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{sent}");
        assert!(body[0]["message"].as_str().unwrap().contains(text), "{sent}: {body}");
    }
    assert_eq!(call(&simulators, "POST", "/sobjects/Webinar", Some(json!({}))).0, 404);
    assert_eq!(call(&simulators, "PUT", "/sobjects/Campaign", None).0, 405);
    campaign(&simulators, json!({ "Name": "é".repeat(80) }));
}

#[test]
fn who_is_no_marketing_user_makes_no_campaign() {
    let (simulators, _) = started();
    simulators.world().salesforce.set_marketing_user(false);
    let (status, body) = call(&simulators, "POST", "/sobjects/Campaign", Some(json!({ "Name": "x" })));
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")));
    assert_eq!(body[0]["message"], "entity type cannot be inserted: Campaign");
    assert_eq!(call(&simulators, "GET", "/sobjects/Campaign/describe", None).1["createable"], false);
    let me = format!("/sobjects/User/{}", Salesforce::user_id());
    assert_eq!(call(&simulators, "PATCH", &me, Some(json!({ "UserPermissionsMarketingUser": true }))).0, 204);
    campaign(&simulators, json!({ "Name": "x" }));
}

fn tooling_query(simulators: &Simulators, soql: &str) -> (u16, Value) {
    call(simulators, "GET", &format!("/tooling/query?q={}", encode(soql)), None)
}

fn set_up(simulators: &Simulators, object: &str, fields: Value) -> String {
    let (status, body) = call(simulators, "POST", &format!("/tooling/sobjects/{object}"), Some(fields));
    assert_eq!((status, &body["success"]), (201, &json!(true)), "{body}");
    body["id"].as_str().unwrap().to_owned()
}

#[test]
fn extension_assignment_and_types_are_set_up_by_the_tooling_api_and_are_what_activities_are_checked_against() {
    let (simulators, _) = started();
    let unit = simulators.world().options.business_unit_id.clone();
    let (_, tenants) = tooling_query(&simulators, "SELECT Id, PardotTenantId, PardotTenantName FROM PardotTenant");
    assert_eq!(tenants["records"][0]["Id"], json!(unit));
    let known = || simulators.world().salesforce.extension("Livestorm", &unit);
    assert_eq!(known(), None);
    let fields = json!({ "MasterLabel": "Livestorm", "DeveloperName": "Livestorm" });
    let extension = set_up(&simulators, "MarketingAppExtension", fields);
    assert!(!known().unwrap().is_active, "not unless somebody says so");
    let path = format!("/tooling/sobjects/MarketingAppExtension/{extension}");
    assert_eq!(call(&simulators, "PATCH", &path, Some(json!({ "IsActive": true }))).0, 204);
    set_up(
        &simulators,
        "MarketingAppExtAssignment",
        json!({ "MarketingAppExtensionId": extension, "ParentId": &unit[..15] }),
    );
    for (name, is_active) in [("people_registered", true), ("session_attended", false)] {
        set_up(
            &simulators,
            "MarketingAppExtActivity",
            json!({ "DeveloperName": name, "MasterLabel": name, "MarketingAppExtensionId": extension, "IsActive": is_active }),
        );
    }
    let mut ready = crate::simulators::account_engagement::Extension::ready(
        "Livestorm",
        &["people_registered", "session_attended"],
    );
    ready.types[1].is_active = false;
    assert_eq!(known(), Some(ready.clone()));
    let soql =
        "SELECT DeveloperName, MarketingAppExtension.DeveloperName FROM MarketingAppExtActivity WHERE IsActive = true";
    let (status, found) = tooling_query(&simulators, soql);
    assert_eq!((status, found["totalSize"].clone()), (200, json!(1)), "{found}");
    assert_eq!(found["records"][0]["MarketingAppExtension"]["DeveloperName"], "Livestorm");
    let url = found["records"][0]["attributes"]["url"].as_str().unwrap();
    assert!(url.starts_with("/services/data/v62.0/tooling/sobjects/MarketingAppExtActivity/"), "{url}");

    simulators.world().set_extension(ready.clone());
    assert_eq!(known(), Some(ready), "a story's extension is the same thing");
    let (_, found) = tooling_query(&simulators, "SELECT Id FROM MarketingAppExtension");
    assert_eq!(found["totalSize"], 1);
}

#[test]
fn a_set_up_is_refused_by_its_names_fields_and_rights() {
    let (simulators, _) = started();
    let unit = simulators.world().options.business_unit_id.clone();
    let extension = set_up(
        &simulators,
        "MarketingAppExtension",
        json!({ "MasterLabel": "Livestorm", "DeveloperName": "Livestorm" }),
    );
    let assignment = || json!({ "MarketingAppExtensionId": extension, "ParentId": unit });
    set_up(&simulators, "MarketingAppExtAssignment", assignment());
    let named = |name: &str| json!({ "MasterLabel": "x", "DeveloperName": name });
    let rows = [
        ("MarketingAppExtension", named("livestorm"), "DUPLICATE_DEVELOPER_NAME"),
        ("MarketingAppExtension", named("1st"), "FIELD_INTEGRITY_EXCEPTION"),
        ("MarketingAppExtension", named("a b"), "FIELD_INTEGRITY_EXCEPTION"),
        ("MarketingAppExtension", named("a__b"), "FIELD_INTEGRITY_EXCEPTION"),
        ("MarketingAppExtension", named("a_"), "FIELD_INTEGRITY_EXCEPTION"),
        ("MarketingAppExtension", named("é"), "FIELD_INTEGRITY_EXCEPTION"),
        ("MarketingAppExtension", json!({ "DeveloperName": "x" }), "REQUIRED_FIELD_MISSING"),
        ("MarketingAppExtActivity", named("people_registered"), "REQUIRED_FIELD_MISSING"),
        ("MarketingAppExtAssignment", json!({ "ParentId": unit }), "REQUIRED_FIELD_MISSING"),
        ("MarketingAppExtAssignment", json!({ "MarketingAppExtensionId": extension }), "REQUIRED_FIELD_MISSING"),
        (
            "MarketingAppExtAssignment",
            json!({ "MarketingAppExtensionId": extension, "ParentId": extension }),
            "INVALID_CROSS_REFERENCE_KEY",
        ),
        ("MarketingAppExtAssignment", assignment(), "DUPLICATE_VALUE"),
        ("PardotTenant", named("x"), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    ];
    for (object, sent, code) in rows {
        let (status, body) = call(&simulators, "POST", &format!("/tooling/sobjects/{object}"), Some(sent.clone()));
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{object} {sent}");
    }
    assert_eq!(call(&simulators, "POST", "/sobjects/MarketingAppExtension", Some(named("x"))).0, 404);
    assert_eq!(query(&simulators, "SELECT Id FROM MarketingAppExtension").1[0]["errorCode"], "INVALID_TYPE");
    assert_eq!(tooling_query(&simulators, "SELECT Id FROM Campaign").1[0]["errorCode"], "INVALID_TYPE");

    simulators.world().salesforce.set_profile("Standard User", false);
    let (status, body) = call(&simulators, "POST", "/tooling/sobjects/MarketingAppExtension", Some(named("x")));
    assert_eq!((status, &body[0]["errorCode"]), (403, &json!("INSUFFICIENT_ACCESS")));
    let me = format!(
        "SELECT Profile.Name, Profile.PermissionsModifyAllData FROM User WHERE Id = '{}'",
        Salesforce::user_id()
    );
    let (_, body) = query(&simulators, &me);
    let profile = &body["records"][0]["Profile"];
    assert_eq!((&profile["Name"], &profile["PermissionsModifyAllData"]), (&json!("Standard User"), &json!(false)));
    simulators.world().account_engagement.edition = crate::simulators::account_engagement::Edition::Growth;
    assert_eq!(tooling_query(&simulators, "SELECT Id FROM MarketingAppExtension").1[0]["errorCode"], "INVALID_TYPE");
    assert_eq!(tooling_query(&simulators, "SELECT Id FROM PardotTenant").0, 200);
}

proptest::proptest! {
    /// The rule as the page says it, letter by letter, against the one that the simulator has.
    #[test]
    fn a_developer_name_is_taken_as_its_page_says(name in "[a-c1_ é]{0,6}") {
        let letters: Vec<char> = name.chars().collect();
        let fits = letters.first().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.last() != Some(&'_')
            && letters.iter().all(|c| c.is_ascii_alphanumeric() || *c == '_')
            && !letters.windows(2).any(|two| two == ['_', '_']);
        let (simulators, _) = started();
        let sent = json!({ "MasterLabel": "x", "DeveloperName": name });
        let (status, _) = call(&simulators, "POST", "/tooling/sobjects/MarketingAppExtension", Some(sent));
        // Space around a text is nobody's.
        let trimmed = name.trim();
        proptest::prop_assert!(status == if fits { 201 } else { 400 } || trimmed != name, "{name:?} {status}");
    }
}

#[test]
fn a_query_finds_sorts_and_cuts() {
    let (simulators, clock) = started();
    let first = campaign(&simulators, json!({ "Name": "Alpha", "StartDate": "2026-11-23", "BudgetedCost": 5 }));
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(60)));
    let second = campaign(&simulators, json!({ "Name": "beta", "IsActive": true, "Description": first }));
    campaign(&simulators, json!({ "Name": "Gamma it's", "StartDate": "2026-12-01", "ParentId": second }));
    let rows: [(&str, &[&str]); 15] = [
        ("ORDER BY Name DESC", &["Gamma it's", "beta", "Alpha"]),
        ("WHERE Name = 'BETA'", &["beta"]),
        ("WHERE Name LIKE '%a' ORDER BY Name", &["Alpha", "beta"]),
        ("WHERE Name = 'Gamma it\\'s'", &["Gamma it's"]),
        ("WHERE IsActive = true OR StartDate > 2026-11-30 ORDER BY Name", &["beta", "Gamma it's"]),
        ("WHERE StartDate = null", &["beta"]),
        ("WHERE StartDate != 2026-11-23 ORDER BY Name", &["beta", "Gamma it's"]),
        ("WHERE CreatedDate >= 2026-11-23T10:01:00+01:00 ORDER BY Name", &["beta", "Gamma it's"]),
        ("WHERE CreatedDate < 2026-11-23T09:01:00Z", &["Alpha"]),
        ("WHERE NOT (Name IN ('alpha', 'beta'))", &["Gamma it's"]),
        ("WHERE Name NOT IN ('alpha', 'beta')", &["Gamma it's"]),
        ("WHERE Parent.Name = 'beta'", &["Gamma it's"]),
        ("WHERE BudgetedCost >= 5.0", &["Alpha"]),
        ("ORDER BY StartDate NULLS LAST, Name LIMIT 1 OFFSET 1", &["Gamma it's"]),
        ("ORDER BY StartDate LIMIT 1", &["beta"]),
    ];
    for (rest, names) in rows {
        let (status, body) = query(&simulators, &format!("SELECT Id, Name FROM Campaign {rest}"));
        let found: Vec<_> = body["records"].as_array().unwrap().iter().map(|r| r["Name"].as_str().unwrap()).collect();
        assert_eq!((status, found.as_slice()), (200, names), "{rest}");
    }
    let (_, body) = query(
        &simulators,
        &format!("SELECT Owner.Profile.Name, Parent.Name FROM Campaign WHERE Id = '{}'", &first[..15]),
    );
    assert_eq!(body["records"][0]["Owner"]["Profile"]["Name"], "System Administrator");
    assert_eq!(body["records"][0]["Parent"], json!(null));
    let me = format!("SELECT UserPermissionsMarketingUser FROM User WHERE Id = '{}'", Salesforce::user_id());
    assert_eq!(query(&simulators, &me).1["records"][0]["UserPermissionsMarketingUser"], true);
    assert_eq!(query(&simulators, "SELECT Name FROM Organization").1["totalSize"], 1);
}

#[test]
fn query_all_finds_the_deleted_too() {
    let (simulators, _) = started();
    campaign(&simulators, json!({ "Name": "kept" }));
    for n in 0..250 {
        let gone = campaign(&simulators, json!({ "Name": format!("gone {n:03}") }));
        assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/Campaign/{gone}"), None).0, 204);
    }
    let ask_for = |resource: &str, rest: &str| {
        let soql = encode(&format!("SELECT Name, IsDeleted FROM Campaign {rest}"));
        call(&simulators, "GET", &format!("/{resource}?q={soql}"), None).1
    };
    assert_eq!(ask_for("query", "")["totalSize"], 1);
    assert_eq!(ask_for("query", "WHERE IsDeleted = true")["totalSize"], 0);
    assert_eq!(ask_for("queryAll", "WHERE IsDeleted = false")["totalSize"], 1);
    let first = ask_for("queryAll", "ORDER BY Name LIMIT 1");
    assert_eq!((&first["records"][0]["Name"], &first["records"][0]["IsDeleted"]), (&json!("gone 000"), &json!(true)));
    assert_eq!(call(&simulators, "POST", "/queryAll", None).0, 405);

    let token = simulators.world().options.salesforce.access_token.clone();
    let path = format!("/services/data/v62.0/queryAll?q={}", encode("SELECT Name FROM Campaign"));
    let request = http::Request::get(format!("http://x.test{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("sforce-query-options", "batchSize=200")
        .body(vec![])
        .unwrap();
    let page: Value = serde_json::from_slice(simulators.handle(request).unwrap().body()).unwrap();
    let next = page["nextRecordsUrl"].as_str().unwrap();
    assert!(next.starts_with("/services/data/v62.0/query/"), "{next}");
    for next in [next.to_owned(), next.replace("/query/", "/queryAll/")] {
        let (status, _, rest) = ask(&simulators, "GET", &next, &token, None);
        assert_eq!((status, rest["records"].as_array().map(Vec::len)), (200, Some(51)), "{next}");
    }
}

#[test]
fn a_query_is_refused_by_its_text_names_and_kinds() {
    let (simulators, _) = started();
    let rows = [
        ("SELECT Id FROM Campaign WHERE Name = 'it's'", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Webinar", "INVALID_TYPE", "sObject type 'Webinar' is not supported."),
        ("SELECT Titel FROM Campaign", "INVALID_FIELD", "No such column 'Titel'"),
        ("SELECT Id FROM Campaign ORDER BY Titel", "INVALID_FIELD", "No such column 'Titel'"),
        ("SELECT Boss.Name FROM Campaign", "INVALID_FIELD", "Didn't understand relationship 'Boss'"),
        ("SELECT Id FROM Campaign WHERE Description LIKE '%x%'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Campaign WHERE StartDate = '2026-11-23'", "INVALID_FIELD", "must be of type date"),
        ("SELECT Id FROM Campaign WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Campaign WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
    ];
    for (soql, code, text) in rows {
        let (status, body) = query(&simulators, soql);
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{soql}");
        assert!(body[0]["message"].as_str().unwrap().contains(text), "{soql}: {body}");
    }
}

#[test]
fn a_long_answer_comes_in_pages_and_every_row_comes_once() {
    let (simulators, _) = started();
    for n in 0..450 {
        campaign(&simulators, json!({ "Name": format!("Campaign {n:03}") }));
    }
    let token = simulators.world().options.salesforce.access_token.clone();
    let mut path = format!("/services/data/v62.0/query?q={}", encode("SELECT Name FROM Campaign ORDER BY Name"));
    let mut seen = vec![];
    loop {
        let request = http::Request::get(format!("http://x.test{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("sforce-query-options", "batchSize=200")
            .body(vec![])
            .unwrap();
        let answer = simulators.handle(request).unwrap();
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["totalSize"], 450);
        seen.extend(body["records"].as_array().unwrap().iter().map(|row| row["Name"].as_str().unwrap().to_owned()));
        assert_eq!(body["done"] == true, body.get("nextRecordsUrl").is_none());
        match body.get("nextRecordsUrl") {
            Some(next) => path = next.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, (0..450).map(|n| format!("Campaign {n:03}")).collect::<Vec<_>>());
    assert_eq!(
        call(&simulators, "GET", "/query/01gSIM000000000099-200", None).1[0]["errorCode"],
        "INVALID_QUERY_LOCATOR"
    );
}

#[test]
fn a_lagging_reader_does_not_see_what_was_just_written() {
    let (simulators, clock) = started();
    simulators.world().options.read_lag.salesforce = Duration::from_secs(5);
    let id = campaign(&simulators, json!({ "Name": "x" }));
    assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"], 0);
    assert_eq!(call(&simulators, "PATCH", &format!("/sobjects/Campaign/{id}"), Some(json!({ "Name": "y" }))).0, 204);
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(5)));
    assert_eq!(query(&simulators, "SELECT Name FROM Campaign").1["records"][0]["Name"], "y");
}
