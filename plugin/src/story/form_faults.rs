//! One thing goes wrong at each call that registers somebody by a form, in each way; the world ends as if nothing had.

use super::{
    ends::STARTS,
    forms::{linked, poll, submit},
    queue::Story,
    session_attributes, session_created,
    world::Fault,
};
use crate::host::{HttpError, Throttle, Unusable};
use serde_json::{Value, json};

/// Two people, one of them for two sessions; `fault` befalls the request that comes after so many others.
fn tell(fault: Option<(usize, Fault)>) -> (Story, Value, Vec<String>) {
    let mut story = linked();
    story.world.borrow_mut().told = Some(Vec::new());
    story.world.borrow_mut().sessions.insert("S2".into(), session_attributes(STARTS + 3_600_000));
    story.deliver(&session_created("S2", STARTS + 3_600_000));
    story.settle();
    story.forget_entries("people", "campaign/");
    story.world.borrow_mut().add_prospect(json!({"id": 7, "email": "ben@example.org", "campaignId": 3}));
    submit(&story, "S1", "ana@example.org", json!({"company": "Example", "jobTitle": "CTO"}));
    submit(&story, "S2", "ana@example.org", json!({"company": "Example"}));
    submit(&story, "S1", "ben@example.org", json!({"firstName": "Ben"}));
    let before = story.sent();
    story.world.borrow_mut().fault_at = fault;
    // A pass that is interrupted is begun again.
    let _ = story.pass("form-submissions");
    poll(&mut story, 10);
    story.settle();
    poll(&mut story, 2);
    story.settle();
    let purposes = story.sent_since(before).into_iter().map(|request| request.purpose).collect();
    let mut told = story.world.borrow().told();
    told["S1"] = sorted(story.world.borrow().registrants("S1"));
    told["S2"] = sorted(story.world.borrow().registrants("S2"));
    (story, told, purposes)
}

fn sorted(mut people: Vec<String>) -> Value {
    people.sort();
    json!(people)
}

#[test]
fn whatever_goes_wrong_at_whatever_call_everybody_is_registered_once() {
    let (story, expected, purposes) = tell(None);
    assert_eq!(expected["S1"], json!(["ana@example.org", "ben@example.org"]));
    assert_eq!((&expected["S2"], &expected["activities"]), (&json!(["ana@example.org"]), &json!([])));
    assert_eq!((expected["members"].as_array().map(Vec::len), story.dead_letters()), (Some(3), vec![]));
    for purpose in ["look for submissions", "read the campaign of a form", "query", "read prospect", "register"] {
        assert!(purposes.iter().any(|sent| sent.contains(purpose)), "{purpose}: {purposes:?}");
    }
    let throttle = Throttle { until: super::START + 24 * 3_600_000, reason: "quota".into() };
    let faults = [
        Fault::Error(HttpError::NotSent("refused".into())),
        Fault::Error(HttpError::Throttled(throttle)),
        Fault::Error(HttpError::Stopped("time".into())),
        Fault::Error(HttpError::Unusable(Unusable { status: None, problem: "cut".into() })),
        Fault::Error(HttpError::Unauthorized("revoked".into())),
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::Answer(503, "<html>Service Unavailable"),
        Fault::Answer(429, ""),
    ];
    let polls_after = purposes.iter().rposition(|purpose| purpose != "look for submissions").unwrap();
    for (place, purpose) in
        purposes.iter().enumerate().take(polls_after + 1).filter(|(_, one)| *one != "look for submissions")
    {
        for fault in &faults {
            let (story, told, _) = tell(Some((place, fault.clone())));
            assert!(story.world.borrow().fault_at.is_none(), "{place} {purpose} was not reached");
            assert_eq!(story.dead_letters(), Vec::<String>::new(), "{place} {purpose} {fault:?}");
            assert_eq!(told, expected, "{place} {purpose} {fault:?}");
        }
    }
}

#[test]
fn a_pass_that_is_interrupted_is_begun_again() {
    let (_, expected, _) = tell(None);
    for fault in [Fault::RequestLost, Fault::Answer(503, ""), Fault::Error(HttpError::Unauthorized("revoked".into()))] {
        let (story, told, _) = tell(Some((0, fault)));
        assert_eq!((story.dead_letters(), told), (vec![], expected.clone()));
    }
}
