//! Stories of what comes after a registration: the end of a session, attendance, replays; and of what settings change.

use super::{START, queue::Story, registered, session_attributes, session_created, with_linked_session};
use crate::{
    account_engagement::time,
    host::{Admission, Level, MINUTE},
};
use serde_json::{Value, json};

pub const STARTS: u64 = START + 86_400_000;
pub const ENDED: u64 = STARTS + 30 * MINUTE;

/// A row of the session's people, as REST has it after the end.
pub fn row(email: &str, attended: Option<(u64, u64, u64)>) -> Value {
    let (seconds, messages, questions) = attended.unwrap_or_default();
    let mut row = registered("S1", email, START + MINUTE, "Example")["data"].take();
    row["attributes"]["messages_count"] = json!(messages);
    row["attributes"]["questions_count"] = json!(questions);
    let detail = &mut row["attributes"]["registrant_detail"];
    detail["attended"] = json!(attended.is_some());
    detail["attendance_rate"] = if attended.is_some() { json!(100) } else { json!(null) };
    detail["attendance_duration"] = json!(seconds);
    row
}

pub fn session_ended() -> Value {
    json!({"data": {"id": "S1", "type": "sessions", "attributes": ended_attributes(),
        "meta": {"webhook": {"id": "W1", "event": "session.ended"}}}})
}

pub fn ended_attributes() -> Value {
    let mut attributes = session_attributes(STARTS);
    attributes["status"] = json!("past");
    attributes["started_at"] = json!(STARTS / 1_000);
    attributes["ended_at"] = json!(ENDED / 1_000);
    attributes
}

/// Session S1 is over, these people were in it, and nobody has told yet.
pub fn over(rows: Vec<Value>) -> Story {
    let mut story = with_linked_session();
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    story.world.borrow_mut().people.insert("S1".into(), rows);
    story.advance_to(ENDED);
    story
}

pub fn activities(story: &Story) -> Vec<String> {
    let world = story.world.borrow();
    let mut told: Vec<String> = world
        .activities
        .iter()
        .map(|row| {
            let text = |name: &str| row.value[name].as_str().unwrap().to_string();
            format!("{} {} {} {}", text("email"), text("type"), text("value"), text("activityDate"))
        })
        .collect();
    told.sort();
    told
}

fn at(instant: u64) -> String {
    time(instant)
}

/// S2-14, S2-23, S2-26 to S2-30, S2-51, S2-60 to S2-63, S2-65, S2-68; a session of half an hour with 1,900 s of attendance is written as given (S1-18).
#[test]
fn the_end_of_a_session_tells_who_attended_and_who_did_not() {
    let mut story = over(vec![row("ana@example.org", Some((1_900, 3, 0))), row("ben@example.org", None)]);
    for email in ["ana@example.org", "ben@example.org"] {
        story.deliver(&registered("S1", email, START + MINUTE, "Example"));
    }
    story.settle();
    let before = story.sent();
    story.deliver(&session_ended());
    story.advance(9 * MINUTE);
    assert_eq!(story.sent(), before, "attendance is ready ten minutes after the end");
    story.settle();
    let (registered, ended) = (at(START + MINUTE), at(ENDED));
    assert_eq!(
        activities(&story),
        [
            format!("ana@example.org attendance_duration 1900 {ended}"),
            format!("ana@example.org messages_sent 3 {ended}"),
            format!("ana@example.org people_registered S1 {registered}"),
            format!("ana@example.org session_attended S1 {ended}"),
            format!("ben@example.org people_registered S1 {registered}"),
            format!("ben@example.org session_not_attended S1 {ended}"),
        ]
    );
    let purposes: Vec<_> = story.sent_since(before).iter().map(|request| request.purpose.clone()).collect();
    let [reads @ .., _, _, _, _] = &purposes[..] else { panic!("{purposes:?}") };
    assert_eq!(reads, ["read session", "read people of session"], "three and one activities, and nobody looked up");
    // Told again, by whomever: nothing more.
    let sent = story.sent();
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(story.sent(), sent);
}

#[test]
fn who_registered_after_the_end_or_belongs_to_the_team_has_no_attendance_and_a_lost_registration_is_caught_up() {
    let mut late = row("late@example.org", None);
    late["attributes"]["registrant_detail"]["created_at"] = json!(ENDED / 1_000 + 60);
    let mut host = row("host@example.org", Some((60, 0, 0)));
    host["attributes"]["role"] = json!("team_member");
    let mut story = over(vec![row("lost@example.org", None), late, host]);
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(
        activities(&story),
        [
            format!("late@example.org people_registered S1 {}", at(ENDED + MINUTE)),
            format!("lost@example.org people_registered S1 {}", at(START + MINUTE)),
            format!("lost@example.org session_not_attended S1 {}", at(ENDED)),
        ]
    );
    let world = story.world.borrow();
    assert_eq!((world.prospects.len(), world.memberships.len()), (2, 2));
}

/// RULES 6: an activity cannot be removed, so a later *attended* comes in addition, and nothing is taken back.
#[test]
fn a_later_read_that_differs_adds_attended_and_takes_nothing_back() {
    for (first, then, expected) in [
        (
            None,
            Some((60, 0, 0)),
            vec!["attendance_duration", "people_registered", "session_attended", "session_not_attended"],
        ),
        (Some((60, 0, 0)), None, vec!["attendance_duration", "people_registered", "session_attended"]),
    ] {
        let mut story = over(vec![row("ana@example.org", first)]);
        story.deliver(&session_ended());
        story.settle();
        story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", then)]);
        story.forget_done();
        story.deliver(&session_ended());
        story.settle();
        let kinds: Vec<String> =
            activities(&story).iter().map(|told| told.split(' ').nth(1).unwrap_or_default().to_string()).collect();
        assert_eq!(kinds, expected);
        assert!(story.host.lines(Level::Warning).contains(&"attendance-changed".to_string()));
    }
}

/// Pages of two; somebody is taken out of page 0 after it was read, so that the next one slips through.
#[test]
fn nobody_is_missed_when_somebody_leaves_between_two_pages() {
    let everybody: Vec<Value> = (0..7).map(|number| row(&format!("p{number}@example.org"), Some((60, 0, 0)))).collect();
    let mut story = over(everybody);
    {
        let mut world = story.world.borrow_mut();
        world.page_size = 2;
        world.leaves_after_page = Some((0, 1));
    }
    story.deliver(&session_ended());
    story.settle();
    let attended: Vec<String> = activities(&story)
        .into_iter()
        .filter(|told| told.contains("session_attended"))
        .map(|told| told[..2].into())
        .collect();
    assert_eq!(attended, ["p0", "p1", "p2", "p3", "p4", "p5", "p6"], "p1 was seen before they left");
    assert!(story.host.lines(Level::Warning).is_empty());
    for entry in ["read/page/0", "read/page/3", "read/passes"] {
        assert_eq!(story.state("session/S1", entry), None, "{entry} is of no use any more");
    }
}

#[test]
fn the_end_of_a_session_that_gets_no_campaign_costs_no_read_of_its_people() {
    let mut story = Story::new();
    let mut old = ended_attributes();
    old["created_at"] = json!(START / 1_000 - 1_000_000);
    story.world.borrow_mut().sessions.insert("S1".into(), old);
    story.advance_to(ENDED);
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(story.host.requests().len(), 1);
    assert!(story.host.lines(Level::Info).contains(&"ended-left-out".to_string()));
}

#[test]
fn the_end_of_a_session_that_was_never_heard_of_makes_everything() {
    let mut story = Story::new();
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", Some((60, 1, 1)))]);
    story.advance_to(ENDED);
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    assert_eq!(activities(&story).len(), 5);
    let world = story.world.borrow();
    assert_eq!((world.campaigns.len(), world.lists.len(), world.memberships.len()), (1, 1, 1));
}

pub fn watched(email: &str, at: u64) -> Value {
    let mut body = registered("S1", email, START + MINUTE, "Example");
    body["data"]["meta"]["webhook"]["event"] = json!("people.watched_replay");
    body["data"]["attributes"]["registrant_detail"]["has_viewed_replay"] = json!(true);
    body["data"]["attributes"]["replay_view_detail"] = json!({"watched_at": at / 1_000});
    body
}

/// S2-24, S2-31, S2-32.
#[test]
fn a_replay_of_a_live_event_and_a_view_of_an_on_demand_one_are_two_activities() {
    for (scheduling, expected) in [("ended", "watched_replay"), ("on_demand", "watched_on_demand")] {
        let mut story = Story::new();
        story.world.borrow_mut().event_attributes = json!({"scheduling_status": scheduling});
        story.deliver(&session_created("S1", STARTS));
        story.settle();
        story.advance_to(ENDED);
        let seen = ENDED + 60 * MINUTE;
        story.advance(2 * 60 * MINUTE);
        for _ in 0..2 {
            story.deliver(&watched("ana@example.org", seen));
            story.settle();
        }
        assert_eq!(
            activities(&story),
            [
                format!("ana@example.org people_registered S1 {}", at(START + MINUTE)),
                format!("ana@example.org {expected} S1 {}", at(seen)),
            ]
        );
    }
}

/// RULES 3, 15: attendance fields follow the end, registration fields the registration, whatever comes first.
/// S2-18, S2-22, S2-52.
#[test]
fn mapped_fields_are_written_at_their_occasion_and_a_late_registration_does_not_touch_attendance() {
    let settings = json!({"mapping": {"prospect": [
        {"source": "attendance.duration", "target": "Minutes__c", "transforms": [{"number": {"divide_by": 60, "decimals": 0}}]},
        {"source": "attendance.attended", "target": "Attended__c", "transforms": [{"boolean": {}}, {"default": "false"}]},
        {"source": "event.title", "target": "Last_Event__c"},
        {"source": "session.ended_at", "target": "Last_Ended__c"},
        {"source": "fields.company", "target": "company", "update": "when_empty"}]}});
    for late in [false, true] {
        let mut story = over(vec![row("ana@example.org", Some((181, 0, 0)))]);
        story.set_up(&settings);
        story.world.borrow_mut().add_prospect(json!({"id": 7, "email": "ana@example.org", "company": "Theirs"}));
        if !late {
            story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
            story.settle();
        }
        story.deliver(&session_ended());
        story.settle();
        if late {
            story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
            story.settle();
        }
        let world = story.world.borrow();
        let ana = &world.prospects[0].value;
        assert_eq!(ana["Minutes__c"], json!(3), "as a number");
        assert_eq!(ana["Attended__c"], json!(true), "as a boolean");
        assert_eq!(ana["Last_Event__c"], "Product demo");
        assert_eq!(ana["Last_Ended__c"], "2026-11-23T15:30:00Z");
        assert_eq!((ana["company"].as_str(), ana["firstName"].as_str()), (Some("Theirs"), Some("Ana")));
    }
}

/// S2-61, S2-62: each number reaches the field, and the activity, that is its own.
#[test]
fn the_counts_of_an_attendance_are_not_mixed_up() {
    let targets = ["Duration__c", "Rate__c", "Messages__c", "Questions__c", "Votes__c", "Up_Votes__c"];
    let sources = ["duration", "rate", "messages", "questions", "votes", "up_votes"];
    let rules: Vec<Value> = std::iter::zip(sources, targets)
        .map(|(source, target)| json!({"source": format!("attendance.{source}"), "target": target}))
        .collect();
    let mut ana = row("ana@example.org", Some((1_575, 4, 3)));
    ana["attributes"]["votes_count"] = json!(2);
    ana["attributes"]["up_votes_count"] = json!(1);
    ana["attributes"]["registrant_detail"]["attendance_rate"] = json!(87);
    let mut story = over(vec![ana]);
    story.set_up(&json!({"mapping": {"prospect": rules}}));
    story.deliver(&session_ended());
    story.settle();
    let world = story.world.borrow();
    let written = targets.map(|target| world.prospects[0].value[target].as_str().unwrap_or_default());
    assert_eq!(written, ["1575", "87", "4", "3", "2", "1"]);
    let numbers: Vec<String> = activities(&story).into_iter().filter(|told| !told.contains(" S1 ")).collect();
    let expected = [("attendance_duration", 1_575), ("messages_sent", 4), ("questions_asked", 3)];
    assert_eq!(numbers, expected.map(|(kind, count)| format!("ana@example.org {kind} {count} {}", at(ENDED))));
}

/// A multi-select field cannot be queried (code 224): it is asked for no more for a day, and written all the same.
#[test]
fn a_field_that_cannot_be_read_is_written_and_not_asked_for_again() {
    let mut story = with_linked_session();
    story.set_up(&json!({"mapping": {"prospect": [{"source": "fields.company", "target": "Topics__c"}]}}));
    let refusal = r#"{"code":224,"message":"The field Topics__c cannot be queried"}"#;
    story.world.borrow_mut().faults.push(("look a prospect up", super::world::Fault::Answer(400, refusal)));
    for email in ["ana@example.org", "ben@example.org"] {
        story.deliver(&registered("S1", email, START + MINUTE, "Example"));
        story.settle();
    }
    let lookups: Vec<bool> = story
        .host
        .requests()
        .iter()
        .filter(|request| request.purpose == "look a prospect up")
        .map(|request| request.query.iter().any(|(_, value)| value.contains("Topics__c")))
        .collect();
    assert_eq!(lookups, [true, false, false]);
    assert!(story.world.borrow().prospects.iter().all(|row| row.value["Topics__c"] == "Example"));
}

/// RULES 13: judged when first seen and again at the first registration; once linked, in for good.
/// S1-4: webhooks tell of every event, so what is kept is chosen here.
#[test]
fn an_event_that_the_filter_passes_over_is_judged_again_at_its_first_registration() {
    let filter = |events: Value| json!({"events": events});
    let rows = [
        (filter(json!({"titles": ["DEMO"]})), true),
        (filter(json!({"tags": ["marketing"]})), true),
        (filter(json!({"titles": ["workshop"]})), false),
        (filter(json!({"owners": ["olive@example.org"]})), false),
    ];
    for (settings, takes_part) in rows {
        let mut story = Story::new();
        story.set_up(&settings);
        story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
        story.deliver(&session_created("S1", STARTS));
        story.settle();
        assert_eq!(story.world.borrow().campaigns.len(), usize::from(takes_part), "{settings}");
        story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
        story.settle();
        assert_eq!(activities(&story).len(), usize::from(takes_part), "{settings}");
        let left_out = story.host.lines(Level::Info).contains(&"left-out-session".to_string());
        assert_eq!(left_out, !takes_part);
    }
    // Renamed in between.
    let mut story = Story::new();
    story.set_up(&filter(json!({"titles": ["workshop"]})));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert!(story.host.lines(Level::Info).contains(&"session-passed-over".to_string()));
    story.world.borrow_mut().event_title = Some("Workshop".into());
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    assert_eq!(activities(&story).len(), 1);
}

/// RULES 8: with the setting, a draft waits for its event, or for somebody to register.
#[test]
fn a_draft_waits_for_its_event_where_the_settings_say_so() {
    let published = json!({"data": {"id": "E1", "type": "events", "attributes": {"title": "x"},
        "meta": {"webhook": {"event": "event.published"}}}});
    for by_registration in [false, true] {
        let mut story = Story::new();
        story.set_up(&json!({"salesforce_campaign": {"campaign_when": "event_published"}}));
        let mut draft = session_created("S1", STARTS);
        draft["data"]["attributes"]["status"] = json!("draft");
        story.deliver(&draft);
        story.settle();
        assert_eq!(story.world.borrow().campaigns.len(), 0);
        assert!(story.host.lines(Level::Info).contains(&"session-waits".to_string()));
        story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
        if by_registration {
            story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
        } else {
            assert!(matches!(story.deliver(&published), Admission::Tasks(_)));
        }
        story.settle();
        assert_eq!(story.world.borrow().campaigns.len(), 1);
        assert_eq!(story.world.borrow().lists.len(), 1);
    }
}

/// RULES 5: the customer's text in the place of the session's id.
/// S2-25: title and date within the activity itself.
#[test]
fn the_value_of_an_activity_can_be_a_text_of_the_customer() {
    let mut story = with_linked_session();
    story.set_up(
        &json!({"account_engagement": {"activity_values": {"registered": "{event.title}, {session.starts_at}"}}}),
    );
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    let told = activities(&story);
    assert!(told[0].contains("people_registered Product demo, 2026-11-23T15:00:00Z "), "{told:?}");
}
