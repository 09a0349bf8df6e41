use super::{
    account_engagement::{Extension, NewProspect},
    faults::{Fault, FaultRule, Selector},
    *,
};
use crate::{
    clock::{SimulatedClock, Timestamp},
    connections::transport::TransportError,
};
use serde_json::{Value, json};

fn started() -> Simulators {
    Simulators::new(Arc::new(SimulatedClock::new(Timestamp::from_seconds(1_795_424_400))), Options::default())
}

fn request(simulators: &Simulators, method: &str, path: &str, body: Value) -> http::Request<Vec<u8>> {
    let options = &simulators.world().options;
    let token = match path.starts_with("/v1") {
        true => options.livestorm_token.clone(),
        false => format!("Bearer {}", options.salesforce.access_token),
    };
    http::Request::builder()
        .method(method)
        .uri(format!("http://simulators.test{path}"))
        .header("authorization", token)
        .header("pardot-business-unit-id", options.business_unit_id.clone())
        .header("content-type", "application/json")
        .body(if body.is_null() { vec![] } else { body.to_string().into_bytes() })
        .unwrap()
}

/// Each row: a fault on a create, what the transport says, and whether a list was made.
#[tokio::test]
async fn a_fault_is_seen_in_the_process_as_what_it_may_have_done() {
    let answer = Fault::Answer { status: 503, headers: vec![("x-why".into(), "storm".into())], body: "{}".into() };
    let rows = [
        (Fault::RefuseConnection, Err("not sent"), 0),
        (Fault::CutBeforeEffect, Err("unknown"), 0),
        (Fault::CutAfterEffect, Err("unknown"), 1),
        (answer, Ok(503), 0),
        (Fault::ExpireToken, Ok(401), 0),
    ];
    for (what, expected, lists) in rows {
        let simulators = started();
        simulators.world().faults.rules =
            vec![FaultRule::once(Selector::call("POST", "/api/v5/objects/lists"), what.clone())];
        let create = || request(&simulators, "POST", "/api/v5/objects/lists", json!({ "name": "Demo" }));
        let seen = match simulators.transport().send(create(), 10_000).await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(TransportError::NotSent(_)) => Err("not sent"),
            Err(TransportError::Unknown(_)) => Err("unknown"),
            Err(TransportError::Unusable { .. }) => Err("unusable"),
        };
        assert_eq!(seen, expected, "{what:?}");
        let world = simulators.world();
        assert_eq!(world.account_engagement.lists.len(), lists, "{what:?}");
        assert_eq!(world.requests[0].status, seen.ok());
    }
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_unusable() {
    let simulators = started();
    let answer = simulators.transport().send(request(&simulators, "GET", "/v1/events", Value::Null), 5).await;
    assert!(matches!(answer, Err(TransportError::Unusable { status: Some(200), .. })), "{answer:?}");
}

#[test]
fn every_request_is_counted_with_its_api_and_keeps_no_secret() {
    let simulators = started();
    for path in ["/v1/ping", "/v1/nowhere?filter[email]=ana@example.org", "/services/data/v62.0/limits", "/elsewhere"] {
        simulators.handle(request(&simulators, "GET", path, Value::Null)).unwrap();
    }
    let counts = simulators.world().snapshot().requests;
    let named = |name: &str| counts[name];
    assert_eq!((named("livestorm"), named("salesforce"), named("account-engagement")), (2, 1, 0));
    let kept = format!("{:?}", simulators.world().requests);
    assert!(!kept.contains("ana@") && !kept.contains("token"), "{kept}");
}

#[test]
fn a_snapshot_is_the_truth_without_lag_and_is_read_back_from_json() {
    let simulators = started();
    let ana = simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    simulators.world().set_extension(Extension::ready("Livestorm", &["people_registered"]));
    let send = |path: &str, body: Value| {
        let answer = simulators.handle(request(&simulators, "POST", path, body)).unwrap();
        assert_eq!(answer.status(), 201);
    };
    send("/services/data/v62.0/sobjects/Campaign", json!({ "Name": "Demo", "StartDate": "2026-11-23" }));
    send("/api/v5/objects/lists", json!({ "name": "Demo" }));
    send("/api/v5/objects/list-memberships", json!({ "listId": 3001, "prospectId": ana }));
    let activity =
        json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org", "value": "s1" });
    send("/api/v5/external-activities", activity);
    let mut snapshot = simulators.world().snapshot();
    assert_eq!(snapshot.campaigns[0].name, "Demo");
    assert_eq!(snapshot.campaigns[0].account_engagement_id, None);
    assert_eq!(snapshot.list_memberships[0].prospect_email, "ana@example.org");
    assert_eq!(snapshot.prospects[0].source_campaign_name.as_deref(), Some("Website Tracking"));
    assert_eq!(snapshot.external_activities[0].prospect_id, Some(ana));
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    assert!(snapshot.repeat_external_activity(0) && snapshot.remove_external_activity(0));
    assert!(!snapshot.remove_external_activity(1));
}
