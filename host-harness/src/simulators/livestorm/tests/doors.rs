//! Who is let in, what headers say, and how refusals are written.

use super::*;
use crate::simulators::unknowns::{ErrorFields, OddAccept, OtherContentType, PingBody, ScopeOfTheRest};

/// With the token and these headers.
fn knock(
    simulators: &Simulators,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> http::Response<Vec<u8>> {
    let token = simulators.world().options.livestorm_token.clone();
    bare(simulators, method, path, &[&[("authorization", &*token)], headers].concat(), body)
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
        assert_eq!(ask(&simulators, "/v1/ping", "wrong").0, 401, "{access:?}");
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
        let (_, _, body) = ask(&simulators, "/v1/ping", "wrong");
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

#[test]
fn the_token_is_sent_raw_and_bearer_is_refused() {
    let (simulators, _) = started();
    let token = simulators.world().options.livestorm_token.clone();
    let rows = [
        (token.clone(), 200, false),
        (format!("Bearer {token}"), 401, true),
        ("wrong".to_owned(), 401, false),
        (String::new(), 401, false),
    ];
    for (sent, status, challenged) in rows {
        let (answered, headers, body) = ask(&simulators, "/v1/ping", &sent);
        assert_eq!(answered, status, "{sent:?}");
        assert_eq!(headers.contains_key("www-authenticate"), challenged, "{sent:?}");
        assert_eq!(headers.contains_key("ratelimit-monthly-remaining"), status == 200, "{sent:?}");
        if status == 401 {
            assert_eq!(body["errors"][0]["status"], "unauthorized");
            assert_eq!(body["errors"][0]["code"], "401");
        }
    }
    simulators.world().livestorm.refuse_token_once();
    assert_eq!(get(&simulators, "/v1/ping").0, 401);
    assert_eq!(get(&simulators, "/v1/ping").0, 200);
}

/// Not said on <https://developers.livestorm.co/docs/rate-limits-and-quotas>, so the dearer is assumed.
#[test]
fn what_is_refused_after_the_token_costs_a_request_too() {
    let (simulators, _) = started();
    let used = || simulators.world().livestorm.quota.used;
    for (path, status) in [("/v1/polls", 404), ("/v1/events/none", 404), ("/v1/events?filter[titel]=x", 400)] {
        let before = used();
        assert_eq!(get(&simulators, path).0, status, "{path}");
        assert_eq!(used(), before + 1, "{path}");
    }
    let before = used();
    assert_eq!(ask(&simulators, "/v1/ping", "wrong").0, 401);
    assert_eq!(used(), before);
    simulators.world().options.limits.livestorm_calls_per_month = before;
    assert_eq!(get(&simulators, "/v1/polls").0, 429, "the quota comes before the path");
}

#[test]
fn a_path_needs_its_scope_and_what_lacks_it_is_answered_by_a_switch() {
    let (simulators, _) = started();
    let rows = [
        ("/v1/ping", None),
        ("/v1/me", Some(Scope::Identity)),
        ("/v1/events", Some(Scope::Events)),
        ("/v1/people_attributes", Some(Scope::Events)),
        ("/v1/users", Some(Scope::Admin)),
        ("/v1/webhooks", Some(Scope::Webhooks)),
    ];
    let scopes = [Scope::Identity, Scope::Events, Scope::Admin, Scope::Webhooks];
    for status in [403, 401] {
        simulators.world().options.unknowns.livestorm.missing_scope_status = status;
        for (path, needed) in rows {
            for missing in scopes {
                simulators.world().livestorm.missing_scopes = BTreeSet::from([missing]);
                let expected = if needed == Some(missing) { status } else { 200 };
                assert_eq!(get(&simulators, path).0, expected, "{path} without {missing:?}");
            }
        }
    }
    simulators.world().livestorm.missing_scopes = BTreeSet::from([Scope::Identity]);
    assert_eq!(get(&simulators, "/v1/organization").0, 200, "either of two scopes opens it");
}

/// <https://developers.livestorm.co/reference>: what other services have and this one does not.
#[test]
fn what_is_not_in_the_vendors_list_of_calls_is_404() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let rows = [
        ("GET", "/v1".to_owned()),
        ("GET", "/v1/polls".to_owned()),
        ("GET", format!("/v1/sessions/{session}/polls")),
        ("GET", format!("/v1/sessions/{session}/emails")),
        ("GET", format!("/v1/events/{event}/emails")),
        ("GET", format!("/v1/sessions/{session}/transcript")),
        ("GET", format!("/v1/sessions/{session}/recordings/none/transcript")),
        ("GET", format!("/v1/events/{event}/tags")),
        ("GET", "/v1/jobs".to_owned()),
        ("POST", "/v1/sessions".to_owned()),
        ("POST", "/v1/people".to_owned()),
        ("POST", format!("/v1/events/{event}/people")),
        ("POST", format!("/v1/sessions/{session}/people/{ana}/merge")),
        ("PUT", format!("/v1/sessions/{session}/people/{ana}")),
        ("DELETE", format!("/v1/people/{ana}")),
    ];
    for (method, path) in rows {
        let (answered, body) = write(&simulators, method, &path, "people", json!({}));
        assert_eq!((answered, &body["errors"][0]["code"]), (404, &json!("404")), "{method} {path}");
    }
}
