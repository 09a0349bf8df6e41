//! People who register by forms of Account Engagement: the story of the demo, whichever way what nobody knows turns out, and stopped at
//! points of it.

use crate::{crash::dies_at_each_and_ends_well, support::*};
use host_harness::{
    simulators::{Options, livestorm::Role, unknowns::Unknowns},
    stage::story::forms_story,
};
use oracle::{Act, Delivery, Destination, Happening, MappedField, Story};
use serde_json::{Value, json};

/// S2-35, S2-46, S2-47, S2-55 to S2-57: told by the oracle; and nothing is asked twice of anybody.
#[tokio::test]
async fn whoever_submits_a_form_of_a_session_is_registered_once_and_nobody_else_is() {
    let (theatre, host) = plays_well(&forms_story(), Options::default()).await;
    let world = theatre.observed();
    assert_eq!((world.activities.len(), world.registrants.len()), (0, 7));
    let codes = codes(&host).await;
    for code in ["form-left-alone", "left-out-team-member"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let world = theatre.stage.simulators.world();
    let people = world.livestorm.registrations.values().flatten().map(|person| person.now());
    let (by_api, by_form): (Vec<_>, Vec<_>) =
        people.filter(|p| p.role == Role::Participant).partition(|p| p.is_from_api);
    let named = |email: &str| by_form.iter().any(|person| person.email == email);
    assert!(named("ana.lima@example.org") && by_form.len() == 1, "Faye had come by the other form before");
    assert_eq!(by_api.len(), 6);
}

#[tokio::test]
async fn whichever_way_what_nobody_knows_turns_out_the_story_ends_alike() {
    let switches: [(&str, Value); 6] = [
        ("/livestorm/already_registered_status", json!(422)),
        ("/livestorm/unknown_field_status", json!(400)),
        ("/livestorm/email_match", json!("sensitive")),
        ("/account_engagement/activity_lateness", json!("every-second")),
        ("/account_engagement/activity_type_name", json!("type")),
        ("/account_engagement/salesforce_id_length", json!("fifteen")),
    ];
    for (switch, side) in switches {
        let mut unknowns = serde_json::to_value(Unknowns::default()).unwrap();
        let place = unknowns.pointer_mut(switch).unwrap_or_else(|| panic!("there is no switch {switch}"));
        assert_ne!(*place, side, "{switch}");
        *place = side;
        let unknowns: Unknowns = serde_json::from_value(unknowns).unwrap_or_else(|why| panic!("{switch}: {why}"));
        plays_well(&forms_story(), Options { unknowns, ..Options::default() }).await;
    }
}

/// RULES 17: a look-up of prospects has regard to case by default, and the prospect that the form made is the one.
#[tokio::test]
async fn who_submits_an_address_with_capitals_is_one_prospect_in_the_list() {
    let answers = [("firstName", "Ana"), ("lastName", "Lima"), ("company", "Example Ltd")];
    let story = Story {
        destination: Destination::AccountEngagementForms,
        ..story(vec![
            event(1, "e", "Product demo"),
            session(2, "s", "e", Some(3_600), &[rest(1), native(3)]),
            submits(2_400, Some("s"), "Form.Fan@Example.org", &answers, false),
        ])
    };
    let (theatre, _) = plays_well(&story, Options::default()).await;
    let seen = theatre.stage.simulators.world().snapshot();
    let addresses: Vec<&str> = seen.prospects.iter().map(|prospect| prospect.email.as_str()).collect();
    assert_eq!(addresses, ["Form.Fan@Example.org"]);
    assert_eq!(theatre.observed().memberships.len(), 1);
}

/// An afternoon with people of each way in: a pass every two minutes makes most of the points.
fn short() -> Story {
    let answers = [("firstName", "Ana"), ("lastName", "Lima"), ("company", "Example Ltd")];
    let registers_too = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Example Ltd")];
    let mapped = [("attendance.attended", "Attended__c"), ("attendance.duration", "Seconds__c")];
    let joins = |email: &str| Happening::Attends {
        session: "s".into(),
        email: email.into(),
        seconds: 95,
        messages: 2,
        questions: 1,
    };
    let at = |at, what, deliveries: &[Delivery]| Act { at, what, deliveries: deliveries.to_vec() };
    Story {
        destination: Destination::AccountEngagementForms,
        mapping: mapped.map(|(source, target)| MappedField { source: source.into(), target: target.into() }).to_vec(),
        ..story(vec![
            event(1, "e", "Product demo"),
            session(2, "s", "e", Some(3_600), &[rest(1), native(3)]),
            submits(2_400, Some("s"), "ana@example.org", &answers, false),
            submits(2_401, Some("s"), "ana@example.org", &answers, true),
            registers(2_460, "s", "ben@example.org", &registers_too, &[rest(1), native(9)]),
            submits(2_520, Some("s"), "ben@example.org", &answers, false),
            submits(2_520, None, "cy@example.org", &answers, false),
            at(3_900, joins("ana@example.org"), &[]),
            at(4_200, Happening::SessionEnded { session: "s".into() }, &[rest(1), native(5)]),
        ])
    }
}

#[test]
fn stopped_at_points_of_it_the_story_ends_alike() {
    dies_at_each_and_ends_well(&short(), 5);
}
