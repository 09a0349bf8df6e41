//! What becomes of a member of a Salesforce campaign who is removed from the session, and comes back: the connector against a few
//! scripted answers.

use super::START;
use crate::{
    call::LIVESTORM,
    connector,
    domain::{attendance::Attendance, fact::Fact, registrant::Registration},
    host::{Assignment, Context, Entry, Host, Outcome, Request, Subject, Task},
    settings,
    task::{self, Ended, Person},
    test_host::{TestHost, context, ok, registration},
};
use serde_json::{Value, json};

const SETTINGS: &str = r#"{"destination": "salesforce", "removed_registrants": "remove"}"#;
const CAMPAIGN: &str = "701000000000001AAA";

fn salesforce(request: &Request) -> crate::host::Answer {
    ok(&match request.purpose.as_str() {
        // Livestorm has them no more.
        "read people of session" => json!({"data": [], "meta": {"next_page": null}}),
        "describe" => json!({"fields": []}),
        "write people and members" => {
            let parts = sent(request);
            let told = parts.iter().map(|part| json!({"httpStatusCode": 204, "referenceId": part["referenceId"]}));
            json!({"compositeResponse": told.collect::<Vec<_>>()})
        }
        other => panic!("{other} is not expected"),
    }
    .to_string())
}

fn sent(request: &Request) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&request.body.as_ref().unwrap().bytes).unwrap();
    body["compositeRequest"].as_array().unwrap().clone()
}

/// A member who is known, with this standing.
fn host(standing: &str) -> TestHost {
    let host = TestHost::new(START, salesforce);
    let link = json!({"in-salesforce": {"campaign": CAMPAIGN, "name": "Demo", "on_demand": false}});
    let person = json!({"fields": [], "record": {"id": "00Q000000000001AAA", "kind": "Lead"}});
    let member = json!({"campaign": CAMPAIGN, "fields": [], "id": "00v000000000001AAA", "standing": standing});
    for (key, value, subject) in [
        ("session/S1", link, Subject::session("S1")),
        ("salesforce-person/ana@example.org", person, Subject::person("ana@example.org")),
        ("member/S1/ana@example.org", member, Subject::person("ana@example.org")),
    ] {
        host.set(Entry { key: key.into(), value: value.to_string(), subject: Some(subject) });
    }
    host
}

/// Handles it; the values of the status that were written.
fn statuses(host: &TestHost, task: Task) -> Vec<String> {
    let before = host.requests().len();
    let context = Context { settings: SETTINGS.into(), ..context() };
    let assignment = Assignment { id: 1, task, attempt: 1, admitted_at: host.now() };
    let ends = connector::handle(host, &context, &[assignment]);
    assert!(matches!(&ends[..], [(1, Outcome::Done(_))]), "{ends:?}");
    let writes = host.requests().split_off(before);
    let writes = writes.iter().filter(|request| request.purpose == "write people and members");
    let part = |part: Value| {
        assert!(part["url"].as_str().unwrap().ends_with("/sobjects/CampaignMember/00v000000000001AAA"), "{part}");
        part["body"]["Status"].as_str().unwrap().to_string()
    };
    writes.flat_map(sent).map(part).collect()
}

fn ana(received_at: u64) -> Registration {
    Registration { received_at, registered_at: Some(START - 5_000), ..registration("S1", "ana@example.org") }
}

fn attendance(received_at: u64, attended: bool) -> Task {
    let attendance = Attendance { attended, ..Attendance::default() };
    let settings = settings::parse(SETTINGS).unwrap();
    task::found(task::attendance(ana(received_at), Ended { at: START, attendance }, &settings))
}

/// RULES 3, 11: who was removed has a status for it, until something newer is told of them.
#[test]
fn a_member_who_is_removed_has_the_status_for_it_until_they_are_seen_again() {
    let host = host("registered");
    assert_eq!(statuses(&host, task::removed(ana(START), false, START)), ["Removed"]);
    assert_eq!(statuses(&host, task::removed(ana(START), false, START)), Vec::<String>::new(), "it is so already");
    host.set_now(START + 1_000);
    assert_eq!(statuses(&host, attendance(START - 1_000, false)), Vec::<String>::new(), "older than the removal");
    assert_eq!(statuses(&host, attendance(START + 900, false)), ["Not attended"]);
    assert_eq!(statuses(&host, attendance(START + 900, false)), Vec::<String>::new());
    let changes = host.changes_seen();
    assert!(changes.iter().any(|one| one.detail.as_deref() == Some("Demo: Removed")), "{changes:?}");
    assert!(!host.requests().iter().any(|request| request.purpose == "create people and members"));
}

#[test]
fn whoever_attended_keeps_that_and_who_is_nobody_is_not_made() {
    for (standing, has_attended) in [("attended", false), ("registered", true)] {
        let host = host(standing);
        assert_eq!(statuses(&host, task::removed(ana(START), has_attended, START)), Vec::<String>::new());
        assert!(host.lines(crate::host::Level::Info).contains(&"registrant-removed".to_string()));
    }
    // An attendance is news of somebody who was there, however old it is.
    let host = host("registered");
    assert_eq!(statuses(&host, task::removed(ana(START), false, START)), ["Removed"]);
    assert_eq!(statuses(&host, attendance(START - 1_000, true)), ["Attended"]);
    // Never heard of in Salesforce.
    let host = TestHost::new(START, salesforce);
    let link = json!({"in-salesforce": {"campaign": CAMPAIGN, "name": "Demo"}}).to_string();
    host.set(Entry { key: "session/S1".into(), value: link, subject: Some(Subject::session("S1")) });
    assert_eq!(statuses(&host, task::removed(ana(START), false, START)), Vec::<String>::new());
    // Nor is the session: a registration that waits for it is older.
    let host = TestHost::new(START, salesforce);
    assert_eq!(statuses(&host, task::removed(ana(START), false, START)), Vec::<String>::new());
    assert!(host.requests().iter().all(|request| request.connection == LIVESTORM));
    let key = Fact::Removed.state_key(&ana(START).session, "ana@example.org");
    assert!(host.get(&key).is_some_and(|removal| removal.contains(&START.to_string())));
    let person: Person = task::payload(&task::removed(ana(START), true, START)).unwrap();
    assert!(person.ended.is_some_and(|ended| ended.attendance.attended));
}
