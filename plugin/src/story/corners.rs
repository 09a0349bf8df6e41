//! Corners in which a fact, a field or a call was once too many, too few or another one.

use super::{
    START,
    ends::{ENDED, STARTS, activities, over, row, session_ended},
    queue::Story,
    registered, session_attributes, session_created, with_linked_session,
    world::Fault,
};
use crate::{
    account_engagement::time,
    host::{Host, Level, MINUTE},
    task::{ATTENDANCE, READ_PAGE, SETTLE_READ},
};
use serde_json::{Value, json};

#[test]
fn an_activity_has_the_same_value_whichever_task_sends_it() {
    let settings =
        json!({"account_engagement": {"activity_values": {"registered": "{utm.source}", "attended": "{utm.source}"}}});
    let mut r = row("ana@example.org", Some((60, 0, 0)));
    r["attributes"]["registrant_detail"]["utm_source"] = json!("mail");
    let mut out = vec![];
    for lost in [false, true] {
        let mut story = over(vec![r.clone()]);
        story.set_up(&settings);
        if !lost {
            let mut reg = registered("S1", "ana@example.org", START + MINUTE, "Example");
            reg["data"]["attributes"]["registrant_detail"]["utm_source"] = json!("mail");
            story.deliver(&reg);
            story.settle();
        }
        story.deliver(&session_ended());
        story.settle();
        out.push(activities(&story));
    }
    let (then, end) = (time(START + MINUTE), time(ENDED));
    let expected = [
        format!("ana@example.org attendance_duration 60 {end}"),
        format!("ana@example.org people_registered mail {then}"),
        format!("ana@example.org session_attended mail {end}"),
    ];
    assert_eq!(out, [expected.clone(), expected]);
}

/// RULES 3, 15.
#[test]
fn the_policy_never_ends_alike_in_every_order() {
    let settings = json!({"mapping": {"prospect": [
        {"source": "attendance.duration", "target": "Sec__c", "update": "never"}]}});
    let mut out = vec![];
    for lost in [false, true] {
        let mut story = over(vec![row("ana@example.org", Some((60, 0, 0)))]);
        story.set_up(&settings);
        let reg = registered("S1", "ana@example.org", START + MINUTE, "Example");
        if !lost {
            story.deliver(&reg);
            story.settle();
        }
        story.deliver(&session_ended());
        story.settle();
        if lost {
            story.deliver(&reg);
            story.settle();
        }
        out.push(story.world.borrow().prospects[0].value["Sec__c"].clone());
    }
    // two registrations, company missing in the one
    let settings =
        json!({"mapping": {"prospect": [{"source": "fields.company", "target": "company", "update": "never"}]}});
    let mut out2 = vec![];
    for swap in [false, true] {
        let mut story = with_linked_session();
        story.set_up(&settings);
        let mut news = vec![
            registered("S1", "ana@example.org", START + MINUTE, ""),
            registered("S1", "ana@example.org", START + 2 * MINUTE, "Acme"),
        ];
        if swap {
            news.reverse();
        }
        for n in &news {
            story.deliver(n);
            story.settle();
            story.advance(5 * MINUTE);
        }
        out2.push(story.world.borrow().prospects[0].value["company"].clone());
    }
    assert_eq!(out, ["60", "60"]);
    assert_eq!(out2, ["Acme", "Acme"]);
}

#[test]
fn a_field_that_cannot_be_read_is_taken_for_somebody_elses_where_only_empty_ones_are_written() {
    let settings = json!({"mapping": {"prospect": [{"source": "attendance.duration", "target": "Topics__c", "update": "when_empty"}]}});
    let mut story = over(vec![row("ana@example.org", Some((60, 0, 0)))]);
    story.set_up(&settings);
    story.world.borrow_mut().add_prospect(json!({"id": 7, "email": "ana@example.org", "Topics__c": "Theirs"}));
    let refusal = r#"{"code":224,"message":"The field Topics__c cannot be queried"}"#;
    story.world.borrow_mut().faults.push(("look a prospect up", Fault::Answer(400, refusal)));
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(story.world.borrow().prospects[0].value["Topics__c"], "Theirs");
}

/// S2-31, S2-32.
#[test]
fn an_on_demand_event_that_was_a_draft_when_it_was_seen_is_watched_on_demand() {
    let mut out = vec![];
    for draft_first in [true, false] {
        let mut story = Story::new();
        if draft_first {
            story.world.borrow_mut().event_attributes = json!({"scheduling_status": "draft"});
            let mut draft = session_created("S1", STARTS);
            draft["data"]["attributes"]["status"] = json!("draft");
            draft["data"]["attributes"]["estimated_started_at"] = json!(0);
            story.deliver(&draft);
            story.settle();
        }
        story.world.borrow_mut().event_attributes = json!({"scheduling_status": "on_demand"});
        let mut live = session_attributes(STARTS);
        live["status"] = json!("on_demand");
        live["estimated_started_at"] = json!(0);
        story.world.borrow_mut().sessions.insert("S1".into(), live.clone());
        let mut body = registered("S1", "ana@example.org", START + MINUTE, "Example");
        body["data"]["meta"]["webhook"]["event"] = json!("people.watched_replay");
        body["data"]["attributes"]["replay_view_detail"] = json!({"watched_at": START / 1_000 + 3600});
        story.deliver(&body);
        story.settle();
        out.push(activities(&story));
    }
    let seen = time(START + 60 * MINUTE);
    let expected = [
        format!("ana@example.org people_registered S1 {}", time(START + MINUTE)),
        format!("ana@example.org watched_on_demand S1 {seen}"),
    ];
    assert_eq!(out, [expected.clone(), expected]);
}

/// RULES 6.
#[test]
fn mapped_fields_follow_a_later_read_of_attendance() {
    let settings = json!({"mapping": {"prospect": [{"source": "attendance.duration", "target": "Sec__c"}, {"source": "attendance.attended", "target": "Att__c"}]}});
    let mut story = over(vec![row("ana@example.org", Some((99, 0, 0))), row("ben@example.org", Some((60, 0, 0)))]);
    story.set_up(&settings);
    story.deliver(&session_ended());
    story.settle();
    story
        .world
        .borrow_mut()
        .people
        .insert("S1".into(), vec![row("ana@example.org", Some((181, 0, 0))), row("ben@example.org", None)]);
    story.advance(60 * MINUTE);
    story.forget_done();
    story.deliver(&session_ended());
    story.settle();
    let world = story.world.borrow();
    let got: Vec<_> = world
        .prospects
        .iter()
        .map(|p| (p.value["email"].clone(), p.value["Sec__c"].clone(), p.value["Att__c"].clone()))
        .collect();
    assert_eq!(got[0].1, json!("181"));
    assert_eq!(got[1].2, json!("false"));
}

/// RULES 17.
#[test]
fn a_prospect_that_was_deleted_before_the_end_is_looked_up_anew() {
    let mut story = over(vec![row("ana@example.org", Some((60, 0, 0)))]);
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    story.advance(10 * MINUTE);
    story.world.borrow_mut().prospects[0].value["isDeleted"] = json!(true);
    // as the provider would: no prospect of that address
    for _ in 0..2 {
        story.world.borrow_mut().faults.push((
            "create external activity",
            Fault::Answer(400, r#"{"code":92,"message":"Prospect record could not be found"}"#),
        ));
    }
    let before = story.sent();
    story.deliver(&session_ended());
    story.settle();
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    let sent = story.sent_since(before);
    let count = |purpose: &str| sent.iter().filter(|request| request.purpose == purpose).count();
    assert_eq!(["look a prospect up", "create prospect", "add to list"].map(count), [1, 1, 1]);
    let end = time(ENDED);
    assert_eq!(
        activities(&story),
        [
            format!("ana@example.org attendance_duration 60 {end}"),
            format!("ana@example.org people_registered S1 {}", time(START + MINUTE)),
            format!("ana@example.org session_attended S1 {end}"),
        ]
    );
    let world = story.world.borrow();
    let [gone, ana] = &world.prospects[..] else { panic!("a second prospect: {:?}", world.prospects) };
    assert_eq!((&ana.value["email"], &ana.value["company"]), (&json!("ana@example.org"), &json!("Example")));
    let joined: Vec<_> = world.memberships.iter().map(|row| &row.value["prospectId"]).collect();
    assert_eq!(joined, [&gone.value["id"], &ana.value["id"]]);
}

/// RULES 17.
#[test]
fn an_activity_in_doubt_is_looked_up_by_the_date_that_was_sent() {
    let mut story = with_linked_session();
    let now = story.host.now();
    story.world.borrow_mut().faults.push(("create external activity", Fault::AnswerLost));
    story.deliver(&registered("S1", "ana@example.org", now + 5_000, "Example"));
    story.settle();
    assert_eq!(activities(&story).len(), 1);
}

#[test]
fn readings_that_are_cut_off_are_counted_and_come_to_an_end() {
    let everybody: Vec<Value> = (0..40).map(|n| row(&format!("p{n}@example.org"), Some((60, 0, 0)))).collect();
    let mut story = over(everybody);
    {
        let mut world = story.world.borrow_mut();
        world.page_size = 2;
        world.leaves_after_page = Some((0, 1));
        world.cut_second_reading_at = Some(15);
    }
    story.deliver(&session_ended());
    // first pass: all pages; afterwards every reading is cut off at its 15th page
    let mut last = 0;
    for _ in 0..4 {
        let before = story.sent();
        for _ in 0..60 {
            // each minute: after 15 reads the host stops the run
            story.advance(MINUTE);
        }
        last = story.sent() - before;
    }
    assert!(last < 15, "{last} requests in the fourth hour");
}

#[test]
fn a_session_that_never_took_place_is_not_asked_for_its_end() {
    let mut story = with_linked_session();
    let mut attributes = session_attributes(STARTS);
    attributes["status"] = json!("past_not_started");
    story.world.borrow_mut().sessions.insert("S1".into(), attributes);
    story.advance_to(ENDED);
    let mut body = registered("S1", "ana@example.org", START + MINUTE, "Example");
    body["data"]["meta"]["webhook"]["event"] = json!("people.not_attended");
    story.deliver(&body);
    let before = story.sent();
    for _ in 0..24 * 60 {
        story.advance(MINUTE);
    }
    assert!(story.sent() - before < 50);
}

/// RULES 16, S1-21.
#[test]
fn a_secret_that_cannot_be_written_is_quoted_nowhere() {
    let mut story = with_linked_session();
    story.set_up(&json!({"mapping": {"prospect": [{"source": "secret.password_key", "target": "Key__c", "transforms": [{"number": {}}]}]}}));
    let mut body = registered("S1", "ana@example.org", START + MINUTE, "Example");
    body["data"]["attributes"]["registrant_detail"]["password_key"] = json!("w68d21e717ae84ec");
    story.deliver(&body);
    story.settle();
    assert!(!story.host.everything_said().contains("w68d21e717ae84ec"), "{}", story.host.everything_said());
}

#[test]
fn a_very_large_session_keeps_to_the_follow_ups_of_a_call_and_says_what_is_cut() {
    let everybody: Vec<Value> = (0..980 * 50).map(|n| row(&format!("p{n}@example.org"), None)).collect();
    let mut story = over(everybody);
    let task =
        crate::task::session_ended(&crate::domain::session::SessionId::parse("S1").unwrap(), None, Some(ENDED), ENDED);
    story.advance(11 * MINUTE);
    let assignment = crate::host::Assignment { id: 1, task, attempt: 1, admitted_at: 0 };
    let ends = crate::connector::handle(&story.host, &story.context, &[assignment]);
    let crate::host::Outcome::Done(done) = &ends[0].1 else { panic!("{ends:?}") };
    // 50 people of the first page, the other 889 pages of 890, and the question whether they fit together.
    let count = |kind: &str| done.follow_ups.iter().filter(|task| task.kind == kind).count();
    assert_eq!([ATTENDANCE, READ_PAGE, SETTLE_READ].map(count), [50, 889, 1]);
    assert_eq!(done.follow_ups.len(), 940);
    assert_eq!(story.host.lines(Level::Warning), ["read-cut"]);
    assert!(story.host.everything_said().contains("has 49000 people; the first 44500 are read"));
}

#[test]
fn a_value_whose_answer_was_lost_is_known_as_ours_again() {
    let settings =
        json!({"mapping": {"prospect": [{"source": "fields.company", "target": "company", "update": "when_empty"}]}});
    let mut out = vec![];
    for fault in [false, true] {
        let mut story = with_linked_session();
        story.set_up(&settings);
        story
            .world
            .borrow_mut()
            .add_prospect(json!({"id": 7, "email": "ana@example.org", "firstName": "Ana", "lastName": "Lund"}));
        if fault {
            story.world.borrow_mut().faults.push(("update prospect", Fault::AnswerLost));
        }
        story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "A"));
        story.settle();
        story.advance(5 * MINUTE);
        story.deliver(&registered("S1", "ana@example.org", START + 2 * MINUTE, "B"));
        story.settle();
        out.push(story.world.borrow().prospects[0].value["company"].clone());
    }
    assert_eq!(out, ["B", "B"]);
}

/// RULES 17.
#[test]
fn an_activity_in_doubt_is_looked_up_by_what_was_sent_whatever_comes_next() {
    let mut story = with_linked_session();
    story.set_up(&json!({"account_engagement": {"activity_values": {"registered": "{fields.company}"}}}));
    story.world.borrow_mut().faults.push(("create external activity", Fault::AnswerLost));
    story
        .world
        .borrow_mut()
        .faults
        .push(("look for an activity", Fault::Answer(403, r#"{"code":46,"message":"lacks"}"#)));
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "A"));
    story.settle();
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "B"));
    story.settle();
    assert_eq!(activities(&story).len(), 1);
}

#[test]
fn the_memory_of_a_person_stays_small_however_long_the_answers_are() {
    let mut story = with_linked_session();
    let rules: Vec<Value> = (0..3).map(|n| json!({"source": "fields.essay", "target": format!("F{n}__c")})).collect();
    story.set_up(&json!({"mapping": {"prospect": rules}}));
    let mut body = registered("S1", "ana@example.org", START + MINUTE, "A");
    body["data"]["attributes"]["registrant_detail"]["fields"] = json!([{"id": "essay", "value": "x".repeat(25_000)}]);
    story.deliver(&body);
    story.settle();
    let world = story.world.borrow();
    for target in ["F0__c", "F1__c", "F2__c"] {
        assert_eq!(world.prospects[0].value[target].as_str().map(str::len), Some(25_000), "{target}");
    }
    let remembered = story.state("people", "person/ana@example.org").map(str::len);
    assert!(remembered.is_some_and(|bytes| bytes < 2_000), "{remembered:?} bytes");
}

#[test]
fn a_field_that_is_mapped_no_more_is_not_written_again() {
    let mut story = with_linked_session();
    story.set_up(&json!({"mapping": {"prospect": [{"source": "utm.source", "target": "Utm__c"}]}}));
    let mut body = registered("S1", "ana@example.org", START + MINUTE, "A");
    body["data"]["attributes"]["registrant_detail"]["utm_source"] = json!("mail");
    story.deliver(&body);
    story.settle();
    story.advance(10 * MINUTE);
    story.set_up(&json!({}));
    story.world.borrow_mut().prospects[0].value["isDeleted"] = json!(true);
    story.deliver(&registered("S1", "ana@example.org", START + 3 * MINUTE, "B"));
    story.settle();
    let world = story.world.borrow();
    assert!(world.prospects.last().unwrap().value.get("Utm__c").is_none());
}

#[test]
fn values_that_cannot_be_used_are_one_line_a_person() {
    let mut story = with_linked_session();
    let rules: Vec<Value> = (0..25)
        .map(|n| json!({"source": "fields.company", "target": format!("F{n}__c"), "transforms": [{"number": {}}]}))
        .collect();
    story.set_up(&json!({"mapping": {"prospect": rules}}));
    for n in 0..50 {
        story.deliver(&registered("S1", &format!("p{n}@example.org"), START + MINUTE, "many"));
    }
    story.run_due();
    assert_eq!(story.host.lines(Level::Warning), ["value-not-written"; 50]);
    let said = story.host.everything_said();
    for n in 0..50 {
        assert_eq!(said.matches(&format!("Of p{n}@example.org is left as it is: F0__c")).count(), 1, "p{n}");
    }
}

#[test]
fn a_replay_in_a_form_that_is_new_to_us_keeps_no_attendance_back() {
    let mut r = row("ana@example.org", Some((60, 0, 0)));
    r["attributes"]["replay_view_detail"] = json!({"watched_at": "Nov 23, 2026"});
    let mut story = over(vec![r]);
    story.deliver(&session_ended());
    story.settle();
    let end = time(ENDED);
    assert_eq!(
        activities(&story),
        [
            format!("ana@example.org attendance_duration 60 {end}"),
            format!("ana@example.org people_registered S1 {}", time(START + MINUTE)),
            format!("ana@example.org session_attended S1 {end}"),
            // When it was watched cannot be read: when it was seen counts.
            format!("ana@example.org watched_replay S1 {}", time(ENDED + 10 * MINUTE)),
        ]
    );
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

/// RULES 4: two clocks differ, and an activity is never dated in the future.
#[test]
fn no_activity_is_dated_in_the_future() {
    let mut story = with_linked_session();
    let now = story.host.now();
    story.deliver(&registered("S1", "ana@example.org", now + 3 * MINUTE, "Example"));
    story.run_due();
    assert_eq!(story.world.borrow().activities[0].value["activityDate"], time(now));
}
