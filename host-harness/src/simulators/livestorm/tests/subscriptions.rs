//! Webhooks made and deleted by the REST API.

use super::*;
use crate::simulators::unknowns::{DisabledWebhooks, DuplicateWebhook};
use proptest::prelude::*;

pub(super) fn webhook(url: &str, event: &str) -> String {
    json!({"data": {"type": "webhooks", "attributes": {"url": url, "event": event}}}).to_string()
}

const URL: &str = "https://hooks.example.org/livestorm?key=made-up";

#[test]
fn a_webhook_is_made_listed_and_deleted() {
    let (simulators, _) = started();
    let (status, made) = send(&simulators, "POST", "/v1/webhooks", &webhook(URL, "session.ended"));
    assert_eq!(status, 201, "{made}");
    let now = simulators.world().now().seconds();
    let attributes = json!({"url": URL, "event": "session.ended", "created_at": now, "updated_at": now});
    assert_eq!(made["data"]["attributes"], attributes, "no secret, and no flag that it is enabled");
    assert_eq!(made["data"]["type"], "webhooks");
    let count = |query: &str| get(&simulators, &format!("/v1/webhooks{query}")).1["meta"]["record_count"].clone();
    assert_eq!(get(&simulators, "/v1/webhooks").1["data"][0], made["data"]);
    assert_eq!((count("?filter[event]=session.ended"), count("?filter[event]=job.ended")), (json!(1), json!(0)));
    let id = made["data"]["id"].as_str().unwrap();
    for status in [204, 404] {
        assert_eq!(send(&simulators, "DELETE", &format!("/v1/webhooks/{id}"), "").0, status);
    }
    assert_eq!(count(""), 0);
}

#[test]
fn every_trigger_of_the_documents_can_be_subscribed_to() {
    let (simulators, _) = started();
    for event in super::super::subscriptions::TRIGGERS {
        assert_eq!(send(&simulators, "POST", "/v1/webhooks", &webhook(URL, event)).0, 201, "{event}");
    }
}

/// The vendor's list of calls has neither.
#[test]
fn a_single_webhook_is_neither_read_nor_changed() {
    let (simulators, _) = started();
    let id = simulators.world().livestorm.add_subscription("session.ended", URL);
    for method in ["GET", "PATCH", "PUT", "POST"] {
        let answered = send(&simulators, method, &format!("/v1/webhooks/{id}"), &webhook(URL, "job.ended"));
        assert_eq!(answered.0, 404, "{method}");
    }
}

#[test]
fn an_address_that_is_not_https_and_an_event_that_is_none_are_refused() {
    let (simulators, _) = started();
    let long = format!("https://example.org/{}", "a".repeat(2048));
    let rows = [
        (webhook("http://hooks.example.org/", "session.ended"), 422),
        (webhook("http://10.0.0.1/", "session.ended"), 422),
        (webhook("ftp://hooks.example.org/", "session.ended"), 422),
        (webhook("hooks.example.org", "session.ended"), 422),
        (webhook("https://", "session.ended"), 422),
        (webhook("", "session.ended"), 422),
        (webhook(&long, "session.ended"), 422),
        (webhook(URL, "session.cancelled"), 422),
        (webhook(URL, "job.created"), 422),
        (webhook(URL, ""), 422),
        (json!({"data": {"type": "webhooks", "attributes": {"url": URL}}}).to_string(), 422),
        (json!({"data": {"type": "webhooks", "attributes": {"event": "job.ended"}}}).to_string(), 422),
        (json!({"data": {"attributes": {"url": URL, "event": ["job.ended"]}}}).to_string(), 422),
        (json!({"data": {"type": "people", "attributes": {"url": URL, "event": "job.ended"}}}).to_string(), 400),
        (json!({"target_url": URL, "event_name": "job.ended"}).to_string(), 400),
        (String::new(), 400),
        (webhook("http://127.0.0.1:9000/hook", "session.ended"), 201),
        (webhook("http://[::1]:9000/hook", "session.ended"), 201),
        (webhook("http://localhost/hook", "session.ended"), 201),
    ];
    for (body, status) in rows {
        let (answered, answer) = send(&simulators, "POST", "/v1/webhooks", &body);
        assert_eq!(answered, status, "{}: {answer}", &body[..body.len().min(120)]);
    }
    simulators.world().options.livestorm_webhooks.loopback_http = false;
    let here = webhook("http://127.0.0.1:9000/hook", "session.ended");
    assert_eq!(send(&simulators, "POST", "/v1/webhooks", &here).0, 422);
}

#[test]
fn the_second_of_the_same_webhook_and_a_disabled_one_are_switches() {
    let (simulators, _) = started();
    let post = || send(&simulators, "POST", "/v1/webhooks", &webhook(URL, "session.ended")).0;
    assert_eq!(post(), 201);
    let rows =
        [(DuplicateWebhook::Conflict, 409), (DuplicateWebhook::Unprocessable, 422), (DuplicateWebhook::SecondRow, 201)];
    let other = |event: &str| send(&simulators, "POST", "/v1/webhooks", &webhook(URL, event));
    for (side, status) in rows {
        simulators.world().options.unknowns.livestorm.duplicate_webhook = side;
        assert_eq!(post(), status, "{side:?}");
        let (answered, made) = other("job.ended");
        assert_eq!(answered, 201, "of another event: {side:?}");
        let id = made["data"]["id"].as_str().unwrap();
        simulators.world().livestorm.disable_subscription(id);
        assert_eq!(other("job.ended").0, 201, "of a dead one: {side:?}");
        assert_eq!(send(&simulators, "DELETE", &format!("/v1/webhooks/{id}"), "").0, 204);
        let alive = get(&simulators, "/v1/webhooks?filter[event]=job.ended").1["data"][0]["id"].clone();
        let alive = format!("/v1/webhooks/{}", alive.as_str().unwrap());
        assert_eq!(send(&simulators, "DELETE", &alive, "").0, 204);
    }
    let dead = simulators.world().livestorm.subscriptions.all().next().unwrap().id.clone();
    simulators.world().livestorm.disable_subscription(&dead);
    for (side, count) in [(DisabledWebhooks::Hidden, 1), (DisabledWebhooks::Shown, 2)] {
        simulators.world().options.unknowns.livestorm.disabled_webhooks = side;
        assert_eq!(get(&simulators, "/v1/webhooks").1["meta"]["record_count"], count, "{side:?}");
    }
}

#[test]
fn a_token_without_the_scope_for_webhooks_makes_and_deletes_none() {
    let (simulators, _) = started();
    let id = simulators.world().livestorm.add_subscription("session.ended", URL);
    simulators.world().livestorm.missing_scopes.insert(Scope::Webhooks);
    assert_eq!(send(&simulators, "POST", "/v1/webhooks", &webhook(URL, "job.ended")).0, 403);
    assert_eq!(send(&simulators, "DELETE", &format!("/v1/webhooks/{id}"), "").0, 403);
}

proptest! {
    #[test]
    fn whatever_address_is_sent_is_taken_as_https_or_refused(url in "(https?://)?[a-z0-9.:/@\\[\\]%? -]{0,40}", body in ".{0,80}") {
        let (simulators, _) = started();
        let (status, answer) = send(&simulators, "POST", "/v1/webhooks", &webhook(&url, "job.ended"));
        prop_assert!(matches!(status, 201 | 422), "{}", answer);
        prop_assert!(status == 422 || url.starts_with("https://") || url.contains("localhost") || url.contains("127."));
        prop_assert_eq!(send(&simulators, "POST", "/v1/webhooks", &body).0, 400);
    }
}
