//! A past session where Salesforce is the destination: the connector against a few scripted answers.

use super::{START, session_attributes};
use crate::{
    call::LIVESTORM,
    connector,
    domain::session::SessionId,
    host::{Answer, Assignment, Completion, Context, DAY, HOUR, Host, Outcome, Request},
    task::{self, FillSession, READ_PEOPLE, Reading, SESSION_READY},
    test_host::{TestHost, answer, context, ok},
};
use serde_json::{Value, json};

const BEGAN: u64 = START - 20 * DAY;
const CAMPAIGN: &str = "701000000000001AAA";

fn answers(request: &Request) -> Answer {
    let statuses = ["Sent", "Responded", "Registered", "Not attended", "Attended"];
    match (request.purpose.as_str(), request.connection.as_str()) {
        ("read session", LIVESTORM) => {
            let mut attributes = session_attributes(BEGAN);
            attributes["status"] = json!("past");
            attributes["created_at"] = json!((BEGAN - DAY) / 1_000);
            attributes["ended_at"] = json!((BEGAN + HOUR) / 1_000);
            ok(&json!({"data": {"id": "S1", "type": "sessions", "attributes": attributes}}).to_string())
        }
        ("read event", LIVESTORM) => {
            ok(&json!({"data": {"id": "E1", "type": "events", "attributes": {"title": "Product demo"}}}).to_string())
        }
        ("create campaign", _) => {
            let body: Value = serde_json::from_slice(&request.body.as_ref().unwrap().bytes).unwrap();
            assert_eq!(body["StartDate"], "2026-11-02");
            answer(201, &json!({"id": CAMPAIGN, "success": true, "errors": []}).to_string())
        }
        ("query", _) => {
            let row = |(order, label): (usize, &&str)| json!({"Id": "01Y", "Label": label, "SortOrder": order});
            let rows: Vec<Value> = statuses.iter().enumerate().map(row).collect();
            ok(&json!({"done": true, "totalSize": rows.len(), "records": rows}).to_string())
        }
        other => panic!("{other:?} is not expected"),
    }
}

/// What follows, and by which requests.
fn fill(host: &TestHost, asked_at: u64) -> (Completion, Vec<String>) {
    let before = host.requests().len();
    let context = Context { settings: r#"{"destination": "salesforce"}"#.into(), activated_at: START, ..context() };
    let session = SessionId::parse("S1").unwrap();
    let task = task::fill_session(&FillSession { session, event_id: Some("E1".into()), asked_at });
    let ends = connector::handle(host, &context, &[Assignment { id: 1, task, attempt: 1, admitted_at: host.now() }]);
    let purposes = host.requests().split_off(before).into_iter().map(|request| request.purpose).collect();
    match ends.into_iter().next() {
        Some((1, Outcome::Done(completion))) => (completion, purposes),
        other => panic!("{other:?}"),
    }
}

/// Its campaign is ready at once, so the reading follows at once; made again, there is a reading and nothing else.
#[test]
fn a_past_session_is_read_as_soon_as_its_campaign_is_there() {
    let host = TestHost::new(START + DAY, answers);
    for (asked_at, expected) in [
        (START + HOUR, vec!["read session", "read event", "create campaign", "query"]),
        (START + DAY, vec!["read session", "query"]),
    ] {
        let (completion, purposes) = fill(&host, asked_at);
        assert_eq!(purposes, expected);
        let [ready, read] = &completion.follow_ups[..] else { panic!("{completion:?}") };
        assert_eq!((ready.kind.as_str(), read.kind.as_str()), (SESSION_READY, READ_PEOPLE));
        let reading: Reading = task::payload(read).unwrap();
        assert_eq!((reading.ended_at, reading.request()), (Some(BEGAN + HOUR), Some(asked_at.to_string().as_str())));
        assert!(reading.is_last(), "nobody reads them any more");
    }
}
