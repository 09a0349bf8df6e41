//! Who is let in, what headers say, and how refusals are written.

use super::{event_writes::write, *};
use crate::simulators::unknowns::{ErrorFields, OddAccept, OtherContentType, PingBody, ScopeOfTheRest};

/// With headers.
fn knock(
    simulators: &Simulators,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> http::Response<Vec<u8>> {
    let token = simulators.world().options.livestorm_token.clone();
    let mut request =
        http::Request::builder().method(method).uri(format!("http://x.test{path}")).header("authorization", token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    simulators.handle(request.body(body.as_bytes().to_vec()).unwrap()).unwrap()
}

#[test]
fn a_workspace_that_is_not_open_answers_403_to_everything_and_a_token_taken_back_401() {
    let rows = [
        (Access::Open, 200),
        (Access::NotValidated, 403),
        (Access::Blocked, 403),
        (Access::NotInPlan, 403),
        (Access::TokenRevoked, 401),
    ];
    for (access, status) in rows {
        let (simulators, _) = started();
        simulators.world().livestorm.access = access;
        for path in ["/v1/ping", "/v1/me", "/v1/events", "/v1/users"] {
            let (answered, body) = get(&simulators, path);
            assert_eq!(answered, status, "{path} {access:?}");
            assert_eq!(body["errors"].is_array(), status != 200, "{path} {access:?}");
        }
        assert_eq!(ask(&simulators, Method::GET, "/v1/ping", "wrong").0, 401, "{access:?}");
    }
}

#[test]
fn a_scope_that_is_for_reading_refuses_writes_before_it_looks_at_them() {
    let (simulators, _) = started();
    simulators.world().livestorm.read_only_scopes = BTreeSet::from([Scope::Events, Scope::Admin]);
    let rows = [("POST", "/v1/events", 403), ("DELETE", "/v1/events/none", 403), ("POST", "/v1/users", 403)];
    for (method, path, status) in rows {
        assert_eq!(write(&simulators, method, path, "events", json!({})).0, status, "{method} {path}");
    }
    for path in ["/v1/events", "/v1/users", "/v1/organization"] {
        assert_eq!(get(&simulators, path).0, 200, "{path}");
    }
    simulators.world().livestorm.read_only_scopes.clear();
    assert_eq!(write(&simulators, "POST", "/v1/events", "events", json!({ "title": "x" })).0, 201);
}

#[test]
fn which_scope_opens_jobs_and_attributes_is_a_switch() {
    let (simulators, _) = started();
    let job = simulators.world().livestorm.add_job(1, 0);
    for (side, needed) in [(ScopeOfTheRest::Events, Scope::Events), (ScopeOfTheRest::Admin, Scope::Admin)] {
        simulators.world().options.unknowns.livestorm.scope_of_jobs_and_attributes = side;
        for missing in [Scope::Events, Scope::Admin] {
            simulators.world().livestorm.missing_scopes = BTreeSet::from([missing]);
            for path in ["/v1/people_attributes".to_owned(), format!("/v1/jobs/{job}")] {
                let status = if missing == needed { 403 } else { 200 };
                assert_eq!(get(&simulators, &path).0, status, "{path} {side:?} without {missing:?}");
            }
        }
    }
}

#[test]
fn answers_are_json_api_and_bodies_that_or_plain_json() {
    let (simulators, _) = started();
    let body = r#"{"data":{"type":"events","attributes":{"title":"x"}}}"#;
    let rows = [
        (&[("content-type", "application/vnd.api+json")][..], 201, 201),
        (&[("content-type", "application/json")], 201, 201),
        (&[("content-type", "Application/JSON; charset=utf-8")], 201, 201),
        (&[("content-type", "text/plain")], 415, 201),
        (&[("content-type", "application/x-www-form-urlencoded")], 415, 201),
        (&[], 415, 201),
    ];
    for (headers, strict, lax) in rows {
        for (side, status) in [(OtherContentType::Refuse, strict), (OtherContentType::Read, lax)] {
            simulators.world().options.unknowns.livestorm.other_content_type = side;
            let answer = knock(&simulators, "POST", "/v1/events", headers, body);
            assert_eq!(answer.status(), status, "{headers:?} {side:?}");
            assert_eq!(answer.headers()["content-type"], "application/vnd.api+json");
        }
    }
    simulators.world().options.unknowns.livestorm.other_content_type = OtherContentType::Refuse;
    assert_eq!(knock(&simulators, "GET", "/v1/events", &[("content-type", "text/plain")], "x").status(), 200);
    assert_eq!(knock(&simulators, "DELETE", "/v1/events/none", &[], "").status(), 404, "no body, no type");
}

#[test]
fn an_odd_accept_is_answered_all_the_same_or_406_as_its_switch_says() {
    let (simulators, _) = started();
    let rows = [
        (&[("accept", "application/vnd.api+json")][..], 200),
        (&[("accept", "text/html, application/vnd.api+json;q=0.5")], 200),
        (&[("accept", "*/*")], 200),
        (&[("accept", "application/*")], 200),
        (&[("accept", "application/json")], 406),
        (&[("accept", "text/html")], 406),
        (&[], 406),
    ];
    for (headers, strict) in rows {
        for (side, status) in [(OddAccept::Answer, 200), (OddAccept::Refuse, strict)] {
            simulators.world().options.unknowns.livestorm.odd_accept = side;
            assert_eq!(knock(&simulators, "GET", "/v1/events", headers, "").status(), status, "{headers:?} {side:?}");
        }
    }
}

#[test]
fn a_refusal_is_written_in_four_words_whose_forms_are_a_switch() {
    let (simulators, _) = started();
    let rows = [
        (ErrorFields::WordStatus, json!("404"), json!("not_found")),
        (ErrorFields::WordCode, json!("not_found"), json!("404")),
        (ErrorFields::NumericTexts, json!("404"), json!("404")),
        (ErrorFields::Numbers, json!(404), json!(404)),
    ];
    for (side, code, status) in rows {
        simulators.world().options.unknowns.livestorm.error_fields = side;
        let (_, body) = get(&simulators, "/v1/events/none");
        let error = body["errors"][0].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "detail", "status", "title"]);
        assert_eq!((&error["code"], &error["status"]), (&code, &status), "{side:?}");
        let (_, _, body) = ask(&simulators, Method::GET, "/v1/ping", "wrong");
        assert_eq!(body["errors"][0]["status"].is_number(), side == ErrorFields::Numbers, "the token's refusal too");
    }
}

#[test]
fn a_ping_has_no_body_or_an_empty_object() {
    let (simulators, _) = started();
    for (side, body) in [(PingBody::Empty, ""), (PingBody::Object, "{}")] {
        simulators.world().options.unknowns.livestorm.ping_body = side;
        assert_eq!(knock(&simulators, "GET", "/v1/ping", &[], "").body(), body.as_bytes());
    }
}

/// Every name in both spellings; which stand in which answer is said differently by two texts.
#[test]
fn each_header_of_the_quota_stands_where_its_switches_say() {
    for (spelling, name) in [("monthly", "monthly"), ("montly", "montly")] {
        let (simulators, _) = started();
        let mut world = simulators.world();
        world.options.unknowns.livestorm.monthly_header = serde_json::from_value(json!(spelling)).unwrap();
        world.options.limits.livestorm_calls_per_second = 5;
        drop(world);
        let answer = knock(&simulators, "GET", "/v1/events", &[], "");
        let rows = [
            (format!("ratelimit-{name}-limit"), "10000"),
            (format!("ratelimit-{name}-remaining"), "9999"),
            ("ratelimit-interval-limit".into(), "5"),
            ("ratelimit-interval-remaining".into(), "4"),
        ];
        for (header, value) in rows {
            assert_eq!(answer.headers()[&header], value, "{header}");
        }
        for absent in ["retry-after", "ratelimit-reset"] {
            assert!(!answer.headers().contains_key(absent), "{absent}");
        }
        simulators.world().options.unknowns.livestorm.reset_header_always = true;
        let answer = knock(&simulators, "GET", "/v1/events", &[], "");
        let reset = simulators.world().now().plus(Duration::from_secs(30 * 24 * 60 * 60)).seconds();
        assert_eq!(answer.headers()["ratelimit-reset"], reset.to_string());
        for on_429 in [false, true] {
            let (simulators, _) = started();
            let mut world = simulators.world();
            world.options.unknowns.livestorm.monthly_header = serde_json::from_value(json!(spelling)).unwrap();
            world.options.unknowns.livestorm.monthly_headers_on_429 = on_429;
            world.options.limits.livestorm_calls_per_second = 0;
            drop(world);
            simulators.world().options.limits.livestorm_calls_per_month = 0;
            let answer = knock(&simulators, "GET", "/v1/events", &[], "");
            assert_eq!(answer.status(), 429);
            for header in ["retry-after", "ratelimit-reset", "ratelimit-interval-limit", "ratelimit-interval-remaining"]
            {
                assert!(answer.headers().contains_key(header), "{header}");
            }
            assert_eq!(answer.headers().contains_key(format!("ratelimit-{name}-limit")), on_429);
            assert_eq!(answer.headers().contains_key(format!("ratelimit-{name}-remaining")), on_429);
        }
    }
}

#[test]
fn whether_a_call_that_fails_costs_is_a_switch() {
    let (simulators, _) = started();
    let used = || simulators.world().livestorm.quota.used;
    for (counts, cost) in [(true, 3), (false, 0)] {
        simulators.world().options.unknowns.livestorm.failed_calls_count = counts;
        let before = used();
        for (path, status) in [("/v1/polls", 404), ("/v1/events/none", 404), ("/v1/events?filter[titel]=x", 400)] {
            assert_eq!(get(&simulators, path).0, status, "{path}");
        }
        assert_eq!(used() - before, cost);
        assert_eq!(get(&simulators, "/v1/events").0, 200);
        assert_eq!(used() - before, cost + 1);
    }
}
