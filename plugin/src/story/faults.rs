//! One thing goes wrong at each call of each flow, in each way; the world ends as if nothing had.

use super::{
    START,
    ends::{ENDED, STARTS, activities, ended_attributes, row, session_ended, watched},
    legacy,
    queue::Story,
    registered, session_attributes, session_created,
    world::Fault,
};
use crate::{
    account_engagement::time,
    host::{HttpError, Instant, MINUTE, Throttle, Unusable},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn tell(faults: Vec<(&'static str, Fault)>) -> (Story, Value) {
    let mut story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        world.faults = faults;
        world.sessions.insert("S2".into(), session_attributes(STARTS + 3_600_000));
        world.add_prospect(json!({"id": 7, "email": "eve@example.org", "city": "Oslo"}));
        let row =
            json!({"attributes": {"email": "bo@example.org", "registrant_detail": {"created_at": START / 1_000 + 90}}});
        world.people.insert("S1".into(), vec![row]);
    }
    story.deliver(&session_created("S1", STARTS));
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    story.deliver(&registered("S2", "eve@example.org", START, "Example"));
    story.deliver(&legacy("S1", "bo@example.org"));
    story.settle();
    let told = story.world.borrow().told();
    (story, told)
}

/// Two people have registered; their session ends, a third one was in it too, and one watches the replay. `fault` befalls the
/// request that comes after so many others, from the end on.
fn tell_of_the_end(fault: Option<(usize, Fault)>) -> (Story, Vec<String>) {
    let mut story = Story::new();
    story.set_up(&json!({"mapping": {"prospect": [
        {"source": "fields.company", "target": "company"}, {"source": "attendance.duration", "target": "Seconds__c"},
        {"source": "replay.watched", "target": "Watched__c"}]}}));
    // What it will be is asked when the replay is watched.
    story.world.borrow_mut().event_attributes = json!({"scheduling_status": "draft"});
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    for email in ["ana@example.org", "ben@example.org"] {
        story.deliver(&registered("S1", email, START + MINUTE, "Example"));
    }
    story.settle();
    story.advance_to(ENDED);
    {
        let mut world = story.world.borrow_mut();
        world.page_size = 2;
        world.event_attributes = json!({"scheduling_status": "ended"});
        world.sessions.insert("S1".into(), ended_attributes());
        let people = [("ana", Some((60, 2, 1))), ("ben", None), ("cy", Some((90, 0, 3)))];
        let rows = people.map(|(name, attended)| row(&format!("{name}@example.org"), attended));
        world.people.insert("S1".into(), rows.into());
        world.fault_at = fault;
    }
    let before = story.sent();
    story.deliver(&session_ended());
    story.settle();
    story.advance(2 * 60 * MINUTE);
    story.deliver(&watched("ben@example.org", ENDED + 60 * MINUTE));
    story.settle();
    let purposes = story.sent_since(before).into_iter().map(|request| request.purpose).collect();
    (story, purposes)
}

const WRITES_ONCE: [&str; 3] = ["create campaign", "create list", "create external activity"];
const WRITES: [&str; 3] = ["create prospect", "update prospect", "add to list"];
const READS: [&str; 6] = [
    "read session",
    "read event",
    "read team members",
    "read people of session",
    "look for campaigns",
    "look a prospect up",
];

fn passing_faults(until: Instant) -> Vec<Fault> {
    let throttle = Throttle { until, reason: "quota".into() };
    vec![
        Fault::Error(HttpError::NotSent("refused".into())),
        Fault::Error(HttpError::Throttled(throttle)),
        Fault::Error(HttpError::Stopped("time".into())),
        Fault::Error(HttpError::Unusable(Unusable { status: None, problem: "cut".into() })),
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::Answer(503, "<html>Service Unavailable"),
        Fault::Answer(429, ""),
    ]
}

#[test]
fn whatever_goes_wrong_once_at_whatever_call_the_world_ends_alike() {
    let (_, expected) = tell(vec![]);
    assert_eq!(expected["activities"].as_array().map(Vec::len), Some(3));
    for purpose in WRITES_ONCE.into_iter().chain(WRITES).chain(READS) {
        for fault in passing_faults(START + 24 * 60 * MINUTE) {
            let (story, told) = tell(vec![(purpose, fault.clone())]);
            assert!(story.world.borrow().faults.is_empty(), "{purpose} was not reached");
            assert_eq!(story.dead_letters(), Vec::<String>::new(), "{purpose} {fault:?}");
            assert_eq!(told, expected, "{purpose} {fault:?}");
        }
    }
}

#[test]
fn whatever_goes_wrong_at_whatever_call_after_the_end_the_world_ends_alike() {
    let (story, purposes) = tell_of_the_end(None);
    let expected = story.world.borrow().told();
    let (then, end, seen) = (time(START + MINUTE), time(ENDED), time(ENDED + 60 * MINUTE));
    assert_eq!(
        activities(&story),
        [
            format!("ana@example.org attendance_duration 60 {end}"),
            format!("ana@example.org messages_sent 2 {end}"),
            format!("ana@example.org people_registered S1 {then}"),
            format!("ana@example.org questions_asked 1 {end}"),
            format!("ana@example.org session_attended S1 {end}"),
            format!("ben@example.org people_registered S1 {then}"),
            format!("ben@example.org session_not_attended S1 {end}"),
            format!("ben@example.org watched_replay S1 {seen}"),
            format!("cy@example.org attendance_duration 90 {end}"),
            format!("cy@example.org people_registered S1 {then}"),
            format!("cy@example.org questions_asked 3 {end}"),
            format!("cy@example.org session_attended S1 {end}"),
        ]
    );
    let of_the_end = [
        "add to list",
        "create external activity",
        "create prospect",
        "look a prospect up",
        "read event",
        "read people of session",
        "read session",
        "update prospect",
    ];
    assert_eq!(purposes.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(of_the_end));
    let mut faults = passing_faults(ENDED + 24 * 60 * MINUTE);
    faults.push(Fault::Error(HttpError::Unauthorized("revoked".into())));
    for (place, purpose) in purposes.iter().enumerate() {
        for fault in &faults {
            let (story, _) = tell_of_the_end(Some((place, fault.clone())));
            assert!(story.world.borrow().fault_at.is_none(), "{place} {purpose} was not reached");
            assert_eq!(story.dead_letters(), Vec::<String>::new(), "{place} {purpose} {fault:?}");
            assert_eq!(story.world.borrow().told(), expected, "{place} {purpose} {fault:?}");
        }
    }
}

#[test]
fn a_sign_in_that_must_be_renewed_is_waited_for() {
    let (_, expected) = tell(vec![]);
    for purpose in WRITES_ONCE.into_iter().chain(WRITES).chain(READS) {
        if purpose != "read team members" {
            let (story, told) = tell(vec![(purpose, Fault::Error(HttpError::Unauthorized("revoked".into())))]);
            assert_eq!((story.dead_letters(), told), (vec![], expected.clone()), "{purpose}");
        }
    }
}

#[test]
fn two_lost_answers_in_a_row_still_make_one() {
    let (_, expected) = tell(vec![]);
    for purpose in WRITES_ONCE {
        for faults in [[Fault::RequestLost, Fault::AnswerLost], [Fault::RequestLost, Fault::RequestLost]] {
            let (_, told) = tell(faults.into_iter().map(|fault| (purpose, fault)).collect());
            assert_eq!(told, expected, "{purpose}");
        }
    }
}

#[test]
fn a_campaign_whose_answer_was_lost_for_hours_is_still_found_in_account_engagement() {
    let long = Throttle { until: START + 5 * 60 * MINUTE, reason: "quota".into() };
    let faults =
        vec![("create campaign", Fault::AnswerLost), ("look for a campaign", Fault::Error(HttpError::Throttled(long)))];
    let (story, told) = tell(faults);
    assert_eq!((story.dead_letters(), told), (vec![], tell(vec![]).1));
}

#[test]
fn activities_that_cannot_be_read_back_are_never_sent_twice_and_need_attention() {
    for body in [
        r#"{"code":46,"message":"This API user lacks sufficient permissions"}"#,
        r#"{"code":60}"#,
        r#"{"code":198}"#,
        "",
    ] {
        for (status, lost) in [(403, Fault::AnswerLost), (404, Fault::RequestLost), (405, Fault::AnswerLost)] {
            let (story, _) =
                tell(vec![("create external activity", lost), ("look for an activity", Fault::Answer(status, body))]);
            let [dead] = &story.dead_letters()[..] else { panic!("{:?}", story.dead_letters()) };
            assert!(dead.starts_with("register NeedsAttention") && dead.contains("See whether the prospect"), "{dead}");
            assert!(story.world.borrow().activities.len() <= 3);
        }
    }
}

#[test]
fn after_the_ability_was_given_a_retry_looks_and_goes_on() {
    for lost in [Fault::AnswerLost, Fault::RequestLost] {
        let (mut story, _) =
            tell(vec![("create external activity", lost), ("look for an activity", Fault::Answer(403, ""))]);
        story.retry();
        story.settle();
        let told = story.world.borrow().told();
        assert_eq!((story.dead_letters(), told), (vec![], tell(vec![]).1));
    }
}

#[test]
fn an_extension_that_is_not_there_is_told_with_what_to_do() {
    let refusal = Fault::Answer(400, r#"{"code":999,"message":"Extension is not assigned"}"#);
    let (mut story, _) = tell(vec![("create external activity", refusal)]);
    let dead = story.dead_letters();
    assert!(dead[0].contains("Extension is not assigned") && dead[0].contains("extension Livestorm"), "{dead:?}");
    story.retry();
    story.settle();
    assert_eq!(story.world.borrow().told(), tell(vec![]).1);
}
