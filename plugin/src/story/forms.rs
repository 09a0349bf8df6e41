//! Stories of people who register by forms of Account Engagement.

use super::{
    START,
    ends::{ENDED, STARTS, activities, ended_attributes, session_ended, watched},
    queue::Story,
    registered, session_attributes, session_created,
};
use crate::host::{Action, Host, Level, MINUTE};
use serde_json::{Value, json};

/// With attendance and replay in custom fields.
pub fn settings() -> Value {
    json!({"registration": "account_engagement_forms", "left_out": {"domains": ["staff.example.org"]}, "mapping": {"prospect": [
        {"source": "attendance.attended", "target": "Attended__c"}, {"source": "attendance.duration", "target": "Seconds__c"},
        {"source": "attendance.messages", "target": "Messages__c"}, {"source": "replay.watched", "target": "Watched__c"}]}})
}

/// S1 is linked; people register by forms.
pub fn linked() -> Story {
    let mut story = Story::new();
    story.set_up(&settings());
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    story
}

pub fn submit(story: &Story, session: &str, email: &str, answers: Value) -> u64 {
    let mut world = story.world.borrow_mut();
    let campaign = world.campaign_of(session);
    world.submit(campaign, email, answers)
}

/// The host's polls, and Livestorm's webhooks where it sends any.
pub fn poll(story: &mut Story, minutes: u64) {
    for _ in 0..minutes.div_ceil(2) {
        story.pass("form-submissions").unwrap();
        story.run_due();
        let webhooks = story.world.borrow_mut().told.as_mut().map(std::mem::take).unwrap_or_default();
        for webhook in webhooks {
            story.deliver(&webhook);
        }
        story.advance(2 * MINUTE);
    }
}

fn purposes(story: &Story, before: usize) -> Vec<String> {
    let mut purposes: Vec<String> = story.sent_since(before).into_iter().map(|request| request.purpose).collect();
    purposes.retain(|purpose| purpose != "look for submissions");
    purposes
}

fn prospect(story: &Story, email: &str) -> Value {
    let world = story.world.borrow();
    world.prospects.iter().find(|row| row.value["email"] == email).map(|row| row.value.clone()).unwrap()
}

/// S2-35, S2-46, S2-47, S2-53 to S2-57: whether Livestorm tells of a registration by its API or not.
#[test]
fn whoever_submits_a_form_of_a_session_is_its_registrant_within_ten_minutes_and_gets_fields_and_no_activities() {
    for webhooks in [None, Some(Vec::new())] {
        let mut story = linked();
        story.world.borrow_mut().told = webhooks;
        let before = story.sent();
        submit(&story, "S1", "ana@example.org", json!({"firstName": "Ana", "company": "Example", "jobTitle": ""}));
        poll(&mut story, 10);
        assert_eq!(story.world.borrow().registrants("S1"), ["ana@example.org"]);
        let sent = ["read prospect", "read team members", "register", "look a prospect up", "add to list"];
        let mut purposes = purposes(&story, before);
        purposes.sort_by_key(|purpose| sent.iter().position(|known| known == purpose));
        let looks = purposes.iter().filter(|purpose| *purpose == "look a prospect up").count();
        purposes.dedup();
        assert_eq!((purposes, looks), (sent.map(String::from).to_vec(), 1), "and the webhook brings nothing about");
        let ana = prospect(&story, "ana@example.org");
        let campaign = story.world.borrow().campaign_of("S1");
        assert_eq!(
            (&ana["campaignId"], &ana["company"], &ana["jobTitle"]),
            (&json!(campaign), &json!("Example"), &json!(""))
        );
        let registrant = story.world.borrow().people["S1"][0]["attributes"].clone();
        assert_eq!((&registrant["first_name"], &registrant["last_name"]), (&json!("Ana"), &Value::Null));

        story.advance_to(ENDED);
        {
            let mut world = story.world.borrow_mut();
            world.sessions.insert("S1".into(), ended_attributes());
            let row = &mut world.people.get_mut("S1").unwrap()[0]["attributes"];
            row["messages_count"] = json!(3);
            row["registrant_detail"]["attended"] = json!(true);
            row["registrant_detail"]["attendance_duration"] = json!(181);
        }
        story.deliver(&session_ended());
        story.settle();
        story.deliver(&watched("ana@example.org", ENDED + 60 * MINUTE));
        story.settle();
        let ana = prospect(&story, "ana@example.org");
        let fields =
            ["Attended__c", "Seconds__c", "Messages__c", "Watched__c", "company", "firstName"].map(|name| &ana[name]);
        assert_eq!(
            fields,
            [&json!("true"), &json!("181"), &json!("3"), &json!("true"), &json!("Example"), &json!("Ana")]
        );
        assert_eq!((activities(&story), story.dead_letters()), (vec![], vec![]));
        assert_eq!(story.world.borrow().memberships.len(), 1);
    }
}

/// RULES 17: the prospect that the form made is the one, also where a look-up has regard to case, and whether Livestorm's webhook
/// or our own word of the registration is handled.
#[test]
fn who_submits_an_address_with_capitals_is_one_prospect_in_the_list() {
    for webhooks in [None, Some(Vec::new())] {
        let mut story = linked();
        story.world.borrow_mut().told = webhooks;
        submit(&story, "S1", "Form.Fan@Example.org", json!({"company": "Example"}));
        let before = story.sent();
        poll(&mut story, 10);
        let looks = purposes(&story, before).iter().filter(|purpose| *purpose == "look a prospect up").count();
        let world = story.world.borrow();
        assert_eq!((world.registrants("S1"), looks), (vec!["form.fan@example.org".to_string()], 1));
        assert_eq!((world.prospects.len(), world.memberships.len(), story.dead_letters()), (1, 1, vec![]));
        assert_eq!(world.memberships[0].value["prospectId"], world.prospects[0].value["id"]);
    }
}

/// RULES 19: nobody gets activities, whichever form they came by; the source campaign of who was there before stays.
#[test]
fn who_registers_at_livestorm_joins_the_list_without_activities_too() {
    let mut story = linked();
    story.world.borrow_mut().add_prospect(json!({"id": 7, "email": "ben@example.org", "campaignId": 3}));
    story.deliver(&registered("S1", "ben@example.org", START + MINUTE, "Example"));
    story.deliver(&registered("S1", "cy@example.org", START + MINUTE, "Example"));
    story.settle();
    assert_eq!((activities(&story).len(), story.world.borrow().memberships.len()), (0, 2));
    assert_eq!(prospect(&story, "ben@example.org")["campaignId"], 3);
    submit(&story, "S1", "ben@example.org", json!({"firstName": "Ben"}));
    poll(&mut story, 10);
    assert_eq!(prospect(&story, "ben@example.org")["campaignId"], 3);
}

/// Both ways in, in both orders: once in Livestorm, once in Account Engagement.
#[test]
fn who_registers_both_ways_exists_once() {
    for form_first in [true, false] {
        let mut story = linked();
        story.world.borrow_mut().told = Some(Vec::new());
        let by_livestorm = registered("S1", "ana@example.org", START + 61 * MINUTE, "Example");
        if form_first {
            submit(&story, "S1", "ana@example.org", json!({"company": "Example"}));
            poll(&mut story, 10);
            story.deliver(&by_livestorm);
        } else {
            story.world.borrow_mut().people.insert("S1".into(), vec![by_livestorm["data"].clone()]);
            story.deliver(&by_livestorm);
            story.settle();
            submit(&story, "S1", "ana@example.org", json!({"company": "Example"}));
        }
        poll(&mut story, 10);
        story.settle();
        let posts = |purpose: &str| story.host.requests().iter().filter(|request| request.purpose == purpose).count();
        assert_eq!((posts("register"), posts("add to list")), (1, 1), "{form_first}");
        let world = story.world.borrow();
        assert_eq!((world.registrants("S1").len(), world.prospects.len(), world.memberships.len()), (1, 1, 1));
        assert_eq!((world.activities.len(), story.dead_letters()), (0, vec![]));
    }
}

#[test]
fn a_form_that_is_submitted_twice_and_for_two_sessions_registers_once_for_each() {
    let mut story = linked();
    story.world.borrow_mut().sessions.insert("S2".into(), session_attributes(STARTS + 60 * MINUTE));
    story.deliver(&session_created("S2", STARTS + 60 * MINUTE));
    story.settle();
    for session in ["S1", "S1", "S2"] {
        submit(&story, session, "ana@example.org", json!({"company": "Example"}));
    }
    poll(&mut story, 10);
    submit(&story, "S1", "ana@example.org", json!({"company": "Example"}));
    poll(&mut story, 10);
    let world = story.world.borrow();
    assert_eq!((world.registrants("S1").len(), world.registrants("S2").len()), (1, 1));
    assert_eq!((world.prospects.len(), world.memberships.len(), story.dead_letters()), (1, 2, vec![]));
}

#[test]
fn a_question_that_the_event_does_not_ask_is_left_out_told_once_and_sent_no_more() {
    let mut story = linked();
    for name in ["ana", "ben"] {
        submit(
            &story,
            "S1",
            &format!("{name}@example.org"),
            json!({"company": "Example", "jobTitle": "CTO", "phone": "+47 1"}),
        );
        poll(&mut story, 4);
    }
    assert_eq!(story.world.borrow().registrants("S1"), ["ana@example.org", "ben@example.org"]);
    assert_eq!(story.host.lines(Level::Warning), ["answer-left-out", "answer-left-out"], "job_title and phone_number");
    let registrations = story.host.requests().iter().filter(|request| request.purpose == "register").count();
    assert_eq!(registrations, 4, "three of the first, one of the second");
}

/// S2-46: a form of another campaign is left alone, with one line for the campaign and one for each submission, so that whoever
/// asks after a person is told why; so is one whose campaign is a copy of ours, with our description.
#[test]
fn a_form_of_another_campaign_registers_nobody() {
    let mut story = linked();
    let (other, copy) = {
        let mut world = story.world.borrow_mut();
        let copied = "Livestorm session S1, made by the Livestorm connector";
        (world.add_campaign("Spring fair"), world.add_campaign(copied))
    };
    for campaign in [other, copy] {
        for number in 0..3 {
            story.world.borrow_mut().submit(campaign, &format!("p{number}@example.org"), json!({}));
            poll(&mut story, 4);
        }
    }
    assert_eq!(story.world.borrow().registrants("S1"), Vec::<String>::new());
    assert!(story.world.borrow().memberships.is_empty());
    let told = |level| story.host.lines(level).into_iter().filter(|code| code == "form-left-alone").count();
    assert_eq!((told(Level::Info), told(Level::Warning), story.dead_letters()), (1, 1, vec![]));
    let people = story.host.lines(Level::Info).into_iter().filter(|code| code == "left-out-campaign").count();
    assert_eq!(people, 6);
    let said = story.host.everything_said();
    assert!(said.contains("p0@example.org submitted form") && said.contains("is registered for no session"), "{said}");
}

/// S2-44: held until the session is linked, and lost to nobody.
#[test]
fn who_submits_before_the_session_is_linked_is_registered_when_it_is() {
    let mut story = Story::new();
    story.set_up(&settings());
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.deliver(&session_created("S1", STARTS));
    story.run_due();
    submit(&story, "S1", "ana@example.org", json!({}));
    submit(&story, "S1", "ben@example.org", json!({}));
    poll(&mut story, 6);
    assert_eq!(story.world.borrow().registrants("S1"), Vec::<String>::new());
    assert!(story.waits.iter().any(|wait| wait.starts_with("Held: ana@example.org")), "{:?}", story.waits);
    let begun = story.host.now();
    story.settle();
    assert!(story.host.now() - begun <= 15 * MINUTE, "woken, not after six hours");
    assert_eq!(story.world.borrow().registrants("S1"), ["ana@example.org", "ben@example.org"]);
    assert_eq!((story.world.borrow().memberships.len(), story.dead_letters()), (2, vec![]));
}

#[test]
fn a_submission_that_is_shown_late_and_sessions_linked_by_an_earlier_version_are_found() {
    let mut story = linked();
    story.forget_entries("people", "campaign/");
    let late = submit(&story, "S1", "late@example.org", json!({}));
    story.world.borrow_mut().submissions.last_mut().unwrap().at += 15 * MINUTE;
    let soon = submit(&story, "S1", "soon@example.org", json!({}));
    assert!(late < soon);
    poll(&mut story, 20);
    assert_eq!(story.world.borrow().registrants("S1"), ["soon@example.org", "late@example.org"]);
    let looks = story.host.requests().iter().filter(|request| request.purpose == "read the campaign of a form").count();
    assert_eq!((looks, story.dead_letters()), (1, vec![]));
}

#[test]
fn a_prospect_that_is_gone_needs_attention_and_a_merged_one_is_found_by_the_address() {
    let mut story = linked();
    for name in ["gone", "merged"] {
        submit(&story, "S1", &format!("{name}@example.org"), json!({"company": "Old"}));
    }
    {
        let mut world = story.world.borrow_mut();
        for row in &mut world.prospects {
            row.value["isDeleted"] = json!(true);
        }
        world.add_prospect(json!({"id": 7, "email": "merged@example.org", "company": "New"}));
    }
    poll(&mut story, 4);
    assert_eq!(story.world.borrow().registrants("S1"), ["merged@example.org"]);
    let [dead] = &story.dead_letters()[..] else { panic!("{:?}", story.dead_letters()) };
    assert!(
        dead.contains("NeedsAttention") && dead.contains("gone@example.org") && dead.contains("recycle bin"),
        "{dead}"
    );
    let world_prospects = story.world.borrow().prospects.len();
    assert_eq!(world_prospects, 3, "nobody is made anew who was deleted");
    // Restored, and tried again.
    story.world.borrow_mut().prospects[0].value["isDeleted"] = json!(false);
    story.retry();
    story.settle();
    assert_eq!(story.world.borrow().registrants("S1"), ["merged@example.org", "gone@example.org"]);
}

/// S2-74 of forms: two prospects with one address are one registrant.
#[test]
fn prospects_who_share_an_address_are_registered_once() {
    let mut story = linked();
    {
        let mut world = story.world.borrow_mut();
        world.add_prospect(json!({"id": 7, "email": "ana@example.org", "lastActivityAt": "2026-01-02T03:04:05+00:00"}));
        world.add_prospect(json!({"id": 8, "email": "ana@example.org", "lastActivityAt": "2026-11-22T03:04:05+00:00"}));
    }
    submit(&story, "S1", "ana@example.org", json!({"firstName": "Ana"}));
    let mut of_the_first = story.world.borrow().submissions[0].clone();
    (of_the_first.value["id"], of_the_first.value["prospectId"]) = (json!(9_999), json!(7));
    story.world.borrow_mut().submissions.push(of_the_first);
    poll(&mut story, 6);
    let world = story.world.borrow();
    assert_eq!((world.registrants("S1").len(), world.memberships.len()), (1, 1));
    assert_eq!(world.memberships[0].value["prospectId"], 8, "the one with the latest activity");
}

/// RULES 14.
#[test]
fn the_team_and_who_is_left_out_is_not_registered_and_a_line_says_so() {
    let mut story = linked();
    story.forget_entries("people", "team");
    story.world.borrow_mut().users = vec!["Boss@Example.org"];
    for email in ["boss@example.org", "eve@staff.example.org", "ana@example.org"] {
        submit(&story, "S1", email, json!({}));
    }
    let nobody = submit(&story, "S1", "x@example.org", json!({}));
    let mut world = story.world.borrow_mut();
    let activity = &mut world.submissions.last_mut().unwrap().value;
    assert_eq!(activity["id"], nobody);
    (activity["prospectId"], activity["prospect"]) = (Value::Null, Value::Null);
    drop(world);
    poll(&mut story, 6);
    assert_eq!(story.world.borrow().registrants("S1"), ["ana@example.org"]);
    let lines = story.host.lines(Level::Info);
    for code in ["left-out-team-member", "left-out-domain", "left-out-no-address"] {
        assert_eq!(lines.iter().filter(|line| *line == code).count(), 1, "{code}");
    }
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

#[test]
fn a_session_that_takes_nobody_any_more_needs_attention() {
    let mut story = linked();
    story.world.borrow_mut().sessions.get_mut("S1").unwrap()["status"] = json!("canceled");
    submit(&story, "S1", "ana@example.org", json!({}));
    poll(&mut story, 6);
    let [dead] = &story.dead_letters()[..] else { panic!("{:?}", story.dead_letters()) };
    assert!(dead.starts_with("form-submitted NeedsAttention") && dead.contains("over or cancelled"), "{dead}");
    assert!(story.world.borrow().memberships.is_empty());
}

/// RULES 26: what would be done is shown, and nothing is written.
#[test]
fn a_dry_run_shows_the_registration() {
    let mut story = linked();
    submit(&story, "S1", "ana@example.org", json!({"company": "Example"}));
    story.context.dry_run = true;
    story.world.borrow_mut().dry_run = true;
    poll(&mut story, 6);
    assert!(story.world.borrow().registrants("S1").is_empty() && story.world.borrow().memberships.is_empty());
    let shown: Vec<_> = story.host.changes_seen().into_iter().map(|change| (change.object, change.action)).collect();
    assert!(shown.contains(&("Registrant".into(), Action::Created)), "{shown:?}");
    assert!(shown.contains(&("ListMembership".into(), Action::Linked)), "{shown:?}");
}

/// The settings were changed while something waited.
#[test]
fn what_waits_when_the_other_way_in_is_chosen_is_left_alone() {
    let mut story = linked();
    submit(&story, "S1", "ana@example.org", json!({}));
    story.pass("form-submissions").unwrap();
    story.set_up(&json!({}));
    story.settle();
    assert!(story.world.borrow().registrants("S1").is_empty());
    assert_eq!((story.waiting(), story.dead_letters()), (0, vec![]));
    assert!(story.host.lines(Level::Info).contains(&"form-left-alone".to_string()));
}
