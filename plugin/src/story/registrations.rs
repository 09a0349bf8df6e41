//! Stories of people: held, written, left out, met again.

use super::{
    START,
    ends::{ENDED, STARTS, ended_attributes, row, session_ended, watched},
    legacy,
    queue::Story,
    registered, session_attributes, session_created, with_linked_session,
    world::Fault,
};
use crate::host::{Action, HttpError, Level, MINUTE, Method, SECOND};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is told in any order.
const ACTS: usize = 11;

fn purposes(requests: &[crate::host::Request]) -> Vec<&str> {
    requests.iter().map(|request| request.purpose.as_str()).collect()
}

/// S2-12, S2-13, S2-18, S2-20, S2-21, S2-25, S2-33, S2-50, S2-70.
#[test]
fn a_new_person_becomes_a_prospect_of_the_campaign_in_the_list_with_one_activity_in_four_calls() {
    let mut story = with_linked_session();
    let before = story.sent();
    story.deliver(&registered("S1", "Ana+News@Example.org", START + MINUTE, "Éxample"));
    story.settle();
    let sent = story.sent_since(before);
    let look = "look a prospect up";
    let typed_otherwise = [look, look, "create prospect", "add to list", "create external activity"];
    assert_eq!(purposes(&sent), typed_otherwise, "a query takes one spelling");
    assert_eq!(told_in_lower_case(), typed_otherwise[1..], "four, where it was typed as it is written");
    let world = story.world.borrow();
    assert_eq!(
        world.told(),
        json!({
            "campaigns": ["Product demo - 2026-11-23 15:00 UTC"],
            "lists": [["Product demo - 2026-11-23 15:00 UTC",
                "Registrants of Livestorm session S1, kept by the Livestorm connector", "Product demo - 2026-11-23 15:00 UTC"]],
            "prospects": [{"email": "ana+news@example.org", "firstName": "Ana", "lastName": "Lund", "company": "Éxample",
                "campaignId": "Product demo - 2026-11-23 15:00 UTC"}],
            "members": [["Product demo - 2026-11-23 15:00 UTC", "ana+news@example.org"]],
            "activities": [["people_registered", "ana+news@example.org", "S1", "2026-11-22T15:01:00+00:00"]],
        })
    );
    assert_eq!(world.activities[0].value["extension"], "Livestorm");
    let actions: Vec<_> = story.host.changes_seen().into_iter().map(|change| (change.object, change.action)).collect();
    assert!(actions.ends_with(&[
        ("Prospect".into(), Action::Created),
        ("ListMembership".into(), Action::Linked),
        ("ExternalActivity".into(), Action::Created)
    ]));
}

fn told_in_lower_case() -> Vec<String> {
    let mut story = with_linked_session();
    let before = story.sent();
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    story.sent_since(before).into_iter().map(|request| request.purpose).collect()
}

/// S2-19, S2-20, S2-73, where a look-up has regard to case: the world of these stories has.
#[test]
fn a_prospect_in_another_spelling_is_found_by_what_was_typed_or_by_lower_case_and_known_from_then_on() {
    for (stands, typed) in [
        ("Ana@Example.org", ["Ana@Example.org", "ana@example.org"]),
        ("ana@example.org", ["Ana@Example.org", "ANA@example.org"]),
    ] {
        let mut story = with_linked_session();
        story.world.borrow_mut().sessions.insert("S2".into(), session_attributes(STARTS));
        story.deliver(&session_created("S2", STARTS));
        story.settle();
        story.world.borrow_mut().add_prospect(json!({"id": 7, "email": stands, "campaignId": 3}));
        story.deliver(&registered("S1", typed[0], START + MINUTE, "Example"));
        story.settle();
        let before = story.sent();
        story.deliver(&registered("S2", typed[1], START + 2 * MINUTE, "Example"));
        story.settle();
        let again = ["look a prospect up", "add to list", "create external activity"];
        assert_eq!(purposes(&story.sent_since(before)), again, "{stands}: asked for as it stands there");
        let world = story.world.borrow();
        let [prospect] = &world.prospects[..] else { panic!("{stands}: {:?}", world.prospects.len()) };
        assert_eq!((&prospect.value["campaignId"], &prospect.value["email"]), (&json!(3), &json!(stands)));
        assert!(world.memberships.len() == 2 && world.memberships.iter().all(|row| row.value["prospectId"] == 7));
        let told: Vec<_> = world.activities.iter().map(|row| &row.value["email"]).collect();
        assert_eq!(told, [stands; 2], "an activity finds the prospect by its address");
        assert_eq!(story.dead_letters(), Vec::<String>::new());
    }
}

/// S2-18, S2-19, S2-33, S2-50, S2-70, S2-73, S2-74.
#[test]
fn an_existing_prospect_joins_the_list_and_keeps_its_source_campaign() {
    let mut story = with_linked_session();
    story
        .world
        .borrow_mut()
        .add_prospect(json!({"id": 7, "email": "ana@example.org", "campaignId": 3, "firstName": "Ana",
        "city": "Oslo", "lastActivityAt": "2026-01-02T03:04:05-07:00"}));
    story.world.borrow_mut().add_prospect(json!({"id": 8, "email": "ana@example.org", "lastActivityAt": null}));
    let before = story.sent();
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    story.settle();
    let sent = story.sent_since(before);
    assert_eq!(purposes(&sent), ["look a prospect up", "update prospect", "add to list", "create external activity"]);
    let patch: Value = serde_json::from_slice(&sent[1].body.as_ref().unwrap().bytes).unwrap();
    assert_eq!(patch, json!({"lastName": "Lund", "company": "Example"}), "what stands is not written again");
    let world = story.world.borrow();
    assert_eq!(world.prospects[0].value["campaignId"], 3);
    assert_eq!(world.memberships[0].value["prospectId"], 7);
    assert_eq!(world.prospects.len(), 2);
}

#[test]
fn nothing_is_patched_where_nothing_changes() {
    let mut story = with_linked_session();
    story
        .world
        .borrow_mut()
        .add_prospect(json!({"id": 7, "email": "ana@example.org", "firstName": "Ana", "lastName": "Lund",
        "company": "Example"}));
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    story.settle();
    assert!(story.host.requests().iter().all(|request| request.method != Method::Patch));
}

#[test]
fn whoever_registers_before_the_session_is_linked_is_held_and_goes_on_by_itself() {
    let mut story = Story::new();
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    for number in 0..3 {
        story.deliver(&registered("S1", &format!("ana{number}@example.org"), START, "Example"));
    }
    story.run_due();
    assert_eq!(story.waiting(), 4, "three people and the campaign");
    assert!(
        story.waits.iter().any(|reason| reason.starts_with("Held: ana0@example.org, registered for \"S1\": its")),
        "{:?}",
        story.waits
    );
    let begun = crate::host::Host::now(&story.host);
    story.settle();
    let took = crate::host::Host::now(&story.host) - begun;
    assert!(took <= 15 * MINUTE, "woken, not after the 6 hours: {} min", took / MINUTE);
    let world = story.world.borrow();
    assert_eq!((world.campaigns.len(), world.lists.len(), world.activities.len()), (1, 1, 3));
    assert!(world.activities.iter().all(|row| row.value["activityDate"] == "2026-11-22T15:00:00+00:00"));
}

/// S1-16, S2-58: the time in the legacy body is another; whoever belongs to the team is no registrant.
#[test]
fn the_legacy_body_gets_its_time_by_rest_and_its_role_from_the_team() {
    let mut story = with_linked_session();
    {
        let mut world = story.world.borrow_mut();
        world.users = vec!["Boss@Example.org"];
        let row = |email: &str, role: &str| {
            json!({"attributes": {"email": email, "role": role,
            "registrant_detail": {"created_at": START / 1_000 + 90}}})
        };
        world
            .people
            .insert("S1".into(), vec![row("ana@example.org", "participant"), row("mod@example.org", "team_member")]);
    }
    let before = story.sent();
    for email in ["ana@example.org", "boss@example.org", "mod@example.org", "eve@example.org"] {
        story.deliver(&legacy("S1", email));
    }
    let received = story.world.borrow().now;
    story.settle();
    let sent = story.sent_since(before);
    let reads: Vec<_> = purposes(&sent).into_iter().filter(|purpose| purpose.starts_with("read")).collect();
    assert_eq!(reads, ["read team members", "read people of session", "read people of session"]);
    let world = story.world.borrow();
    let dates: Vec<_> =
        world.activities.iter().map(|row| (row.value["email"].clone(), row.value["activityDate"].clone())).collect();
    let receipt = crate::account_engagement::time(received);
    assert_eq!(
        dates,
        [(json!("ana@example.org"), json!("2026-11-22T15:01:30+00:00")), (json!("eve@example.org"), json!(receipt)),]
    );
    let left = story.host.lines(Level::Info).iter().filter(|code| *code == "left-out-team-member").count();
    assert_eq!(left, 2);
}

/// S2-58: who is registered already is no news.
#[test]
fn the_same_registration_in_both_dialects_and_again_is_one_fact() {
    let mut story = with_linked_session();
    for _ in 0..2 {
        story.deliver(&legacy("S1", "ana@example.org"));
        story.deliver(&registered("S1", "Ana@example.org", START, "Example"));
        story.settle();
    }
    // Another company is news: it is written, and the activity stays single.
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Other"));
    story.settle();
    let world = story.world.borrow();
    assert_eq!((world.prospects.len(), world.memberships.len(), world.activities.len()), (1, 1, 1));
}

#[test]
fn a_person_without_a_usable_address_is_left_out_with_a_line() {
    let mut story = with_linked_session();
    let before = story.sent();
    let mut body = registered("S1", "nobody", START, "Example");
    body["data"]["id"] = json!("P7");
    story.deliver(&body);
    story.settle();
    assert_eq!(story.sent(), before);
    assert!(story.host.lines(Level::Info).contains(&"left-out-no-address".to_string()));
    assert!(story.host.everything_said().contains("P7"));
}

/// RULES 2: two sessions may meet the same person at the same moment, while reads lag.
/// S2-11, S2-12, S2-73: a list a session, the first of them as the source.
#[test]
fn one_new_address_in_twenty_sessions_is_one_prospect_of_the_first_campaign() {
    for second_after in [0, 5 * SECOND, 59 * SECOND, 61 * SECOND, 3 * MINUTE] {
        for batch_max in [1, 3, 50] {
            let mut story = Story::new();
            story.batch_max = batch_max;
            for number in 0..20 {
                story.deliver(&session_created(&format!("S{number}"), STARTS + number * 3_600_000));
            }
            story.settle();
            story.deliver(&registered("S7", "ana@example.org", START, "First"));
            story.run_due();
            story.advance(second_after);
            for number in 0..20 {
                story.deliver(&registered(
                    &format!("S{number}"),
                    "ana@example.org",
                    START + number * SECOND,
                    &format!("C{number}"),
                ));
            }
            story.settle();
            let world = story.world.borrow();
            assert_eq!(world.prospects.len(), 1, "{second_after} {batch_max}");
            let seventh =
                world.campaigns.iter().find(|row| row.value["Description"].as_str().unwrap().contains("S7,")).unwrap();
            assert_eq!(world.prospects[0].value["campaignId"], seventh.value["number"]);
            assert_eq!(world.prospects[0].value["company"], "C19", "the newest wins");
            assert_eq!((world.memberships.len(), world.activities.len()), (20, 20));
        }
    }
}

#[test]
fn an_unknown_outcome_of_the_creation_does_not_change_the_source_campaign() {
    let mut story = Story::new();
    for number in 0..2 {
        story.deliver(&session_created(&format!("S{number}"), STARTS + number * 3_600_000));
    }
    story.settle();
    story.world.borrow_mut().faults.push(("create prospect", Fault::AnswerLost));
    story.deliver(&registered("S1", "ana@example.org", START, "A"));
    story.run_due();
    story.deliver(&registered("S0", "ana@example.org", START, "B"));
    story.settle();
    let world = story.world.borrow();
    let first = world.campaigns.iter().find(|row| row.value["Description"].as_str().unwrap().contains("S1,")).unwrap();
    assert_eq!(world.prospects.len(), 1);
    assert_eq!(world.prospects[0].value["campaignId"], first.value["number"]);
    assert_eq!(world.activities.len(), 2);
}

#[test]
fn a_prospect_that_was_deleted_meanwhile_is_looked_up_anew() {
    let mut story = with_linked_session();
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    story.settle();
    story.world.borrow_mut().prospects[0].value["isDeleted"] = json!(true);
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Other"));
    story.advance(0);
    story.settle();
    let world = story.world.borrow();
    assert_eq!(world.prospects.len(), 2, "one in the recycle bin is not restored");
    assert_eq!(world.prospects[1].value["company"], "Other");
    assert_eq!(world.prospects[1].value["firstName"], "Ana", "all that is newest, not only what is news");
    assert_eq!(
        (world.memberships.len(), world.activities.len()),
        (2, 1),
        "the new one joins, the activity stays single"
    );
}

#[test]
fn who_opted_out_or_was_taken_off_the_list_is_left_so_and_told() {
    for (name, code) in [("optedOut", "membership-opted-out"), ("isDeleted", "membership-deleted")] {
        let mut story = with_linked_session();
        story.world.borrow_mut().add_prospect(json!({"id": 7, "email": "ana@example.org"}));
        let list = story.world.borrow().lists[0].value["id"].clone();
        let mut member = json!({"id": 1, "listId": list, "prospectId": 7, "optedOut": false, "isDeleted": false});
        member[name] = json!(true);
        story.world.borrow_mut().memberships.push(super::world::Row { at: 0, value: member.clone() });
        story.deliver(&registered("S1", "ana@example.org", START, "Example"));
        story.settle();
        assert_eq!(story.host.lines(Level::Warning), [code]);
        let world = story.world.borrow();
        assert_eq!(world.memberships.iter().map(|row| &row.value).collect::<Vec<_>>(), [&member]);
        assert_eq!(world.activities.len(), 1);
    }
}

#[test]
fn a_refused_field_is_left_out_if_it_can_be_told_and_needs_attention_otherwise() {
    for (body, expected) in [
        (r#"{"code":180,"message":"Field company is not writable"}"#, None),
        (r#"{"code":180,"message":"A field is not writable"}"#, Some("Which of the fields is meant cannot be told")),
    ] {
        let mut story = with_linked_session();
        story.world.borrow_mut().faults.push(("create prospect", Fault::Answer(400, body)));
        story.deliver(&registered("S1", "ana@example.org", START, "Example"));
        story.settle();
        match expected {
            None => {
                assert_eq!(story.host.lines(Level::Warning), ["field-refused"]);
                let world = story.world.borrow();
                assert_eq!(world.prospects[0].value.get("company"), None);
                assert_eq!(world.prospects[0].value["firstName"], "Ana");
            }
            Some(said) => assert!(story.dead_letters()[0].contains(said), "{:?}", story.dead_letters()),
        }
    }
}

#[test]
fn an_address_that_is_not_taken_is_invalid_and_stays_that_persons_matter() {
    let mut story = with_linked_session();
    let refusal = r#"{"code":4,"message":"Invalid prospect email address"}"#;
    story.world.borrow_mut().faults.push(("create prospect", Fault::Answer(400, refusal)));
    for email in ["a@x", "ana@example.org"] {
        story.deliver(&registered("S1", email, START, "Example"));
    }
    story.settle();
    assert!(story.dead_letters()[0].starts_with("register Invalid: Could not write the prospect for a@x."));
    assert_eq!(story.world.borrow().activities.len(), 1);
}

#[test]
fn fifty_people_are_four_waves() {
    let mut story = with_linked_session();
    let before = story.host.wave_sizes().len();
    for number in 0..50 {
        story.deliver(&registered("S1", &format!("p{number}@example.org"), START, "Example"));
    }
    story.settle();
    assert_eq!(story.host.wave_sizes().split_off(before), [50, 50, 50, 50]);
}

#[test]
fn a_dry_run_shows_the_whole_chain_and_writes_nothing() {
    let mut story = Story::new();
    story.context.dry_run = true;
    {
        let mut world = story.world.borrow_mut();
        world.dry_run = true;
        world.sessions.insert("S1".into(), session_attributes(STARTS));
    }
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    story.settle();
    let empty = json!({"campaigns": [], "lists": [], "prospects": [], "members": [], "activities": []});
    assert_eq!(story.world.borrow().told(), empty);
    let planned: Vec<_> = story.host.changes_seen().into_iter().map(|change| (change.object, change.action)).collect();
    let expected = [
        ("Campaign", Action::Created),
        ("List", Action::Created),
        ("Prospect", Action::Created),
        ("ListMembership", Action::Linked),
        ("ExternalActivity", Action::Created),
    ];
    assert_eq!(planned, expected.map(|(object, action)| (object.to_string(), action)));
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

#[test]
fn people_of_different_ends_do_not_disturb_one_another() {
    let mut story = with_linked_session();
    story.world.borrow_mut().faults.push(("add to list", Fault::Error(HttpError::NotSent("refused".into()))));
    for number in 0..5 {
        story.deliver(&registered("S1", &format!("p{number}@example.org"), START, "Example"));
    }
    story.run_due();
    assert_eq!(story.world.borrow().activities.len(), 4);
    story.settle();
    assert_eq!(story.world.borrow().activities.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// RULES 3: any order, any repetition, the same end. (The source campaign is that of the first one handled, so all of
    /// these people register for one session, or are prospects already.) All is told when S1 is over: its end, who was in it,
    /// a replay of it, and somebody who registers after it.
    #[test]
    fn any_order_and_any_repetition_end_alike(
        order in Just((0usize..ACTS).collect::<Vec<_>>()).prop_shuffle(),
        repeats in prop::collection::vec(0usize..ACTS, 0..6),
        pauses in prop::collection::vec(0u64..200, ACTS + 6),
    ) {
        let news = |number: usize| match number {
            0 => session_created("S1", STARTS),
            1 => session_created("S2", STARTS + 3_600_000),
            2 => registered("S1", "ana@example.org", START + 20 * SECOND, "New"),
            3 => registered("S2", "Ana@example.org", START + 10 * SECOND, "Old"),
            4 => registered("S1", "eve@example.org", START, ""),
            5 => registered("S1", "eve@example.org", START, "Example"),
            6 => registered("S2", "o'brien+x@example.org", START, "Ö"),
            7 => registered("S1", "staff@unknown.livestorm.co", START, "x"),
            8 => session_ended(),
            9 => {
                let mut body = watched("ana@example.org", ENDED + 30 * MINUTE);
                let registrant = registered("S1", "ana@example.org", START + 20 * SECOND, "New");
                body["data"]["attributes"]["registrant_detail"] =
                    registrant["data"]["attributes"]["registrant_detail"].clone();
                body
            }
            _ => registered("S1", "zoe@example.org", ENDED + 5 * MINUTE, "Late"),
        };
        let tell = |order: &[usize]| {
            let mut story = Story::new();
            story.set_up(&json!({"mapping": {"prospect": [
                {"source": "fields.first_name", "target": "firstName"}, {"source": "fields.company", "target": "company"},
                {"source": "attendance.attended", "target": "Attended__c"},
                {"source": "attendance.duration", "target": "Seconds__c"},
                {"source": "replay.watched_at", "target": "Watched__c"}]}}));
            {
                let mut world = story.world.borrow_mut();
                world.sessions.insert("S1".into(), ended_attributes());
                world.sessions.insert("S2".into(), session_attributes(STARTS + 3_600_000));
                world.add_prospect(json!({"id": 7, "email": "ana@example.org", "city": "Oslo"}));
                // Livestorm says of each what their webhook says.
                let people = [(2, Some((60, 2, 0))), (5, None), (10, None)];
                let rows = people.map(|(number, attended)| {
                    let mut person = news(number)["data"].take();
                    let told = row("", attended)["attributes"].take();
                    for count in ["messages_count", "questions_count"] {
                        person["attributes"][count] = told[count].clone();
                    }
                    for detail in ["attended", "attendance_rate", "attendance_duration"] {
                        person["attributes"]["registrant_detail"][detail] = told["registrant_detail"][detail].clone();
                    }
                    person
                });
                world.people.insert("S1".into(), rows.into());
            }
            story.advance_to(ENDED + 60 * MINUTE);
            for (number, pause) in order.iter().zip(&pauses) {
                story.deliver(&news(*number));
                story.advance(pause * SECOND);
            }
            story.settle();
            assert_eq!(story.dead_letters(), Vec::<String>::new());
            story.world.borrow().told()
        };
        let all: Vec<usize> = order.iter().chain(&repeats).copied().collect();
        let expected = tell(&(0..ACTS).collect::<Vec<_>>());
        // Ana: both registrations, attended, its duration, messages, replay; Eve: registered, not attended; the others registered.
        prop_assert_eq!(expected["activities"].as_array().map(Vec::len), Some(10));
        let ana = expected["prospects"].as_array().into_iter().flatten().find(|one| one["email"] == "ana@example.org");
        prop_assert_eq!(ana.map(|ana| (&ana["company"], &ana["Seconds__c"])), Some((&json!("New"), &json!("60"))));
        prop_assert_eq!(tell(&all), expected);
    }
}
