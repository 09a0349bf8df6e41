//! Stories of sessions: campaign, wait, list, and who gets none.

use super::{START, queue::Story, registered, session_attributes, session_created, with_linked_session, world::Fault};
use crate::host::{Level, MINUTE};
use serde_json::{Value, json};

const STARTS: u64 = START + 86_400_000;

/// S2-16, S2-17, S2-49, S2-72, S2-76: of the title, with the date behind it.
#[test]
fn a_session_gets_one_campaign_and_one_list_of_its_name() {
    let story = with_linked_session();
    let world = story.world.borrow();
    let [campaign] = &world.campaigns[..] else { panic!("one campaign: {:?}", world.campaigns) };
    let name = "Product demo - 2026-11-23 15:00 UTC";
    assert_eq!(campaign.value["Name"], name);
    assert_eq!(campaign.value["Type"], "Webinar");
    assert_eq!(campaign.value["StartDate"], "2026-11-23");
    assert_eq!(campaign.value["EndDate"], "2026-11-23");
    assert_eq!(campaign.value["IsActive"], true);
    assert_eq!(campaign.value["Description"], "Livestorm session S1, made by the Livestorm connector");
    let [list] = &world.lists[..] else { panic!("one list: {:?}", world.lists) };
    assert_eq!(list.value["name"], name);
    assert_eq!(list.value["campaignId"], campaign.value["number"]);
    assert!(list.value["description"].as_str().unwrap().contains("S1"));
    assert!(story.state("people", "session/S1").unwrap().contains("linked"));
}

/// S2-43.
#[test]
fn all_that_wait_for_their_campaigns_are_polled_together_at_full_marks() {
    let mut story = Story::new();
    for number in 0..20 {
        story.deliver(&session_created(&format!("S{number}"), STARTS));
        story.advance(1_000);
    }
    let before = story.sent();
    story.settle();
    let polls = story.sent_since(before).iter().filter(|request| request.purpose == "look for campaigns").count();
    // 20 sessions within 20 seconds, shown after 11 minutes: 2, 4, 6, 8, 10 and 12 minutes.
    assert_eq!(polls, 6);
    assert_eq!(story.world.borrow().lists.len(), 20);
}

/// S2-42: of the wait for Account Engagement Salesforce knows nothing.
#[test]
fn the_campaign_is_made_at_once_and_its_list_when_it_has_come_over() {
    let mut story = Story::new();
    story.deliver(&session_created("S1", STARTS));
    story.run_due();
    assert_eq!((story.world.borrow().campaigns.len(), story.world.borrow().lists.len()), (1, 0));
    assert_eq!(story.world.borrow().campaigns[0].at, story.world.borrow().now, "no time has passed");
    story.settle();
    assert_eq!((story.world.borrow().campaigns.len(), story.world.borrow().lists.len()), (1, 1));
}

/// S2-43: half an hour and more is waited for as well.
#[test]
fn a_campaign_that_does_not_come_is_told_after_a_day_once_and_waited_for() {
    let mut story = Story::new();
    story.world.borrow_mut().connected_after = 26 * 60 * MINUTE;
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert_eq!(story.host.lines(Level::Warning), ["campaign-late"]);
    assert_eq!(story.world.borrow().lists.len(), 1);
    assert!(
        story.waits.iter().any(|reason| reason.contains("has not shown the campaign for 30 min")),
        "{:?}",
        story.waits
    );
    assert!(story.sent() < 150, "{} calls", story.sent());
}

#[test]
fn a_session_from_before_the_activation_costs_one_read_and_its_registrants_are_left_out() {
    let mut story = Story::new();
    let mut old = session_attributes(STARTS);
    old["created_at"] = json!(START / 1_000 - 1);
    story.world.borrow_mut().sessions.insert("S1".into(), old);
    for number in 0..30 {
        story.deliver(&registered("S1", &format!("ana{number}@example.org"), START, "Example"));
        story.advance(60_000);
    }
    story.settle();
    assert_eq!(story.sent(), 1, "{:?}", story.host.requests());
    assert_eq!(story.host.lines(Level::Info).iter().filter(|code| *code == "left-out-session").count(), 30);
    assert!(story.host.lines(Level::Info).contains(&"session-left-out".to_string()));
}

/// S1-13.
#[test]
fn sessions_that_get_none_are_told_and_answered() {
    let cases: [(&str, Value); 4] = [
        ("breakout_room_parent_session_id", json!("S0")),
        ("estimated_started_at", json!(START / 1_000 - 60)),
        ("status", json!("canceled")),
        ("status", json!("past_not_started")),
    ];
    for (name, value) in cases {
        let mut story = Story::new();
        let mut body = session_created("S1", STARTS);
        body["data"]["attributes"][name] = value;
        story.deliver(&body);
        story.deliver(&registered("S1", "ana@example.org", START, "Example"));
        story.settle();
        assert_eq!(story.sent(), 0, "{name}");
        assert!(story.host.lines(Level::Info).contains(&"left-out-session".to_string()), "{name}");
    }
}

#[test]
fn a_session_or_event_that_livestorm_does_not_know_gets_none() {
    let mut story = Story::new();
    story.deliver(&registered("S9", "ana@example.org", START, "Example"));
    story.settle();
    assert!(story.state("session/S9", "session").unwrap().contains("Livestorm does not know this session"));

    let mut story = Story::new();
    story.world.borrow_mut().event_title = None;
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert!(story.state("session/S1", "session").unwrap().contains("does not know its event"));
    assert!(story.world.borrow().campaigns.is_empty());
}

#[test]
fn a_session_without_a_date_gets_a_name_without_a_date() {
    let mut story = Story::new();
    let mut body = session_created("S1", 0);
    body["data"]["attributes"]["status"] = json!("on_demand");
    story.world.borrow_mut().event_title = Some("🎉".repeat(300));
    story.deliver(&body);
    story.settle();
    let world = story.world.borrow();
    assert_eq!(world.campaigns[0].value["Name"], "🎉".repeat(80));
    assert_eq!(world.campaigns[0].value.get("StartDate"), None);
}

#[test]
fn where_webinar_is_no_type_the_campaign_is_made_without_one_and_it_is_said() {
    let mut story = Story::new();
    story.world.borrow_mut().webinar_is_a_type = false;
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert_eq!(story.host.lines(Level::Warning), ["campaign-without-type"]);
    assert_eq!(story.world.borrow().campaigns[0].value.get("Type"), None);
    assert_eq!(story.world.borrow().lists.len(), 1);
}

#[test]
fn a_refused_campaign_needs_attention_and_goes_on_when_it_is_retried() {
    let mut story = Story::new();
    let body = r#"[{"message":"entity type cannot be inserted: Campaign","errorCode":"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY","fields":[]}]"#;
    story.world.borrow_mut().faults.push(("create campaign", Fault::Answer(400, body)));
    story.deliver(&session_created("S1", STARTS));
    story.run_due();
    story.deliver(&registered("S1", "ana@example.org", START, "Example"));
    let [dead] = &story.dead_letters()[..] else { panic!("{:?}", story.dead_letters()) };
    assert!(dead.contains("entity type cannot be inserted: Campaign") && dead.contains("Marketing User"), "{dead}");
    story.retry();
    story.settle();
    assert_eq!(story.world.borrow().activities.len(), 1);
}

#[test]
fn a_list_name_that_is_too_long_or_in_use_gives_way() {
    let mut story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        world.event_title = Some("A rather long title of a webinar about cheese".into());
        world.list_name_max = 50;
        world.names_in_use = vec!["A rather long title of a we - 2026-11-23 15:00 UTC".into()];
    }
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert_eq!(story.world.borrow().lists[0].value["name"], "A rather long title of - 2026-11-23 15:00 UTC (2)");
}

#[test]
fn settings_of_the_campaign_are_written() {
    let mut story = Story::new();
    story.context.settings =
        json!({"salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": "701000000000001AAA"}})
            .to_string();
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    let world = story.world.borrow();
    assert_eq!(world.campaigns[0].value["RecordTypeId"], "012000000000001AAA");
    assert_eq!(world.campaigns[0].value["ParentId"], "701000000000001AAA");
}

/// S2-66.
#[test]
fn a_campaign_of_the_same_name_that_somebody_else_made_is_not_taken() {
    let mut story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        let value = json!({"Id": "701000000009999AAA", "number": 9, "Name": "Product demo - 2026-11-23 15:00 UTC", "Description": null});
        world.campaigns.push(super::world::Row { at: START, value });
        world.faults.push(("create campaign", Fault::RequestLost));
    }
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    assert_eq!(story.world.borrow().campaigns.len(), 2);
    assert!(!story.state("session/S1", "session").unwrap().contains("9999"));
}
