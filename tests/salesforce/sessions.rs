//! Which sessions get a campaign, when, and what it is like.

use super::*;
use host_harness::clock::Timestamp;
use oracle::Happening;
use serde_json::json;
use std::collections::BTreeSet;

/// S3-15, S3-17, S3-22
#[tokio::test]
async fn a_campaign_is_a_webinar_with_its_date_and_all_statuses() {
    let story = webinar(
        LEADS,
        Salesforce::default(),
        vec![registers(HOUR, "s", "ana@example.org", &[("last_name", "Lima")], &[rest(1)])],
    );
    let (theatre, _host) = plays_well(&story, Options::default()).await;
    let campaign = &records(&theatre, "Campaign")[0];
    let rows = [
        ("Name", json!("Product demo - 2026-11-24 10:00 UTC")),
        ("Type", json!("Webinar")),
        ("StartDate", json!("2026-11-24")),
        ("EndDate", json!("2026-11-24")),
        ("IsActive", json!(true)),
    ];
    for (field, value) in rows {
        assert_eq!(campaign[field], value, "{field}");
    }
    let id = theatre.stage.played().sessions["s"].clone();
    assert!(campaign["Description"].as_str().unwrap().contains(&id), "{campaign:#?}");
    let statuses: BTreeSet<(String, bool, bool)> = records(&theatre, "CampaignMemberStatus")
        .iter()
        .map(|status| {
            let is = |field: &str| status[field].as_bool().unwrap();
            (status["Label"].as_str().unwrap().to_owned(), is("HasResponded"), is("IsDefault"))
        })
        .collect();
    let row = |label: &str, responded, default| (label.to_owned(), responded, default);
    let expected = BTreeSet::from([
        row("Sent", false, true),
        row("Responded", true, false),
        row("Registered", false, false),
        row("Attended", true, false),
        row("Not attended", false, false),
    ]);
    assert_eq!(statuses, expected);
    let member = &records(&theatre, "CampaignMember")[0];
    assert_eq!((&member["Status"], &member["HasResponded"]), (&json!("Registered"), &json!(false)));
}

/// S3-18, S3-19: sessions that were over when they were made, and who registered for one of before the activation.
#[tokio::test]
async fn past_sessions_get_no_campaign_and_their_registrants_stay_out() {
    let happens = |at, what| oracle::Act { at, what, deliveries: vec![rest(1)] };
    let mut story = to(
        LEADS,
        Salesforce::default(),
        vec![
            event(0, "e", "Product demo"),
            session(1, "before", "e", Some(STARTS as i64), &[]),
            session(60, "past", "e", Some(-3600), &[rest(1)]),
            session(61, "s", "e", Some(STARTS as i64 + 3600), &[rest(1)]),
            registers(100, "before", "ana@example.org", &[("last_name", "Lima")], &[rest(1)]),
            registers(101, "past", "ben@example.org", &[("last_name", "Okafor")], &[rest(1)]),
            registers(102, "s", "carla@example.org", &[("last_name", "Moreau")], &[rest(1)]),
            happens(STARTS + HOUR, Happening::SessionEnded { session: "before".into() }),
        ],
    );
    let theatre = Theatre::set(&story).await;
    let theatre = Theatre { stage: theatre.stage.activated_at(BEGINS_AT + 30), ..theatre };
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    story.acts.retain(|act| match &act.what {
        Happening::Registered { session, .. } | Happening::SessionEnded { session } => session != "before",
        _ => true,
    });
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    let world = theatre.observed();
    assert_eq!((world.campaigns.len(), world.members.len()), (1, 1));
}

/// S3-18: on-demand sessions have one, without a date.
#[tokio::test]
async fn on_demand_sessions_get_a_campaign() {
    let what = Happening::EventCreated { event: "e".into(), title: "Getting started".into(), on_demand: true };
    let story = to(
        LEADS,
        Salesforce::default(),
        vec![
            oracle::Act { at: 0, what, deliveries: vec![] },
            session(1, "s", "e", None, &[rest(1)]),
            registers(HOUR, "s", "ana@example.org", &[("last_name", "Lima")], &[rest(1)]),
        ],
    );
    let (theatre, _host) = plays_well(&story, Options::default()).await;
    let campaign = &records(&theatre, "Campaign")[0];
    assert_eq!((&campaign["Name"], &campaign["StartDate"]), (&json!("Getting started"), &json!(null)));
}

/// RULES 8: a draft has none until somebody registers, or until it is published.
#[tokio::test]
async fn a_draft_gets_its_campaign_with_the_first_registration() {
    for destination in BOTH {
        let answers = [("last_name", "Lima")];
        let story = webinar(
            destination,
            Salesforce::default(),
            vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])],
        );
        let theatre = Theatre::set(&story).await;
        let host = theatre.open().await;
        theatre.stage.begin(&story);
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT)).await;
        unpublish(&theatre);
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + HOUR - 1)).await;
        assert_eq!(theatre.observed().campaigns.len(), 0, "{:#?}", log(&host).await);
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    }
}

/// What the story's event was before somebody published it.
fn unpublish(theatre: &Theatre) {
    let mut world = theatre.stage.simulators.world();
    let now = world.now();
    let events: Vec<String> = world.livestorm.events.all().map(|event| event.id.clone()).collect();
    for id in events {
        assert!(world.livestorm.events.change(&id, now, |event| event.published_at = None));
    }
}

/// RULES 10, S2-66: a campaign of the customer's own is theirs, whatever it is called.
#[tokio::test]
async fn a_campaign_of_the_customers_own_with_the_very_same_name_is_never_adopted() {
    let answers = [("last_name", "Lima")];
    let story =
        webinar(LEADS, Salesforce::default(), vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::set(&story).await;
    let theirs = theatre.stage.simulators.world().salesforce.add_campaign("Product demo - 2026-11-24 10:00 UTC");
    let _host = theatre.open().await;
    theatre.stage.play(&story).await;
    let campaigns = records(&theatre, "Campaign");
    assert_eq!(campaigns.len(), 2);
    let ours = campaigns.iter().find(|campaign| campaign["Id"] != theirs.as_str()).unwrap();
    assert_eq!(ours["Name"], "Product demo - 2026-11-24 10:00 UTC");
    let members = records(&theatre, "CampaignMember");
    assert_eq!((members.len(), &members[0]["CampaignId"]), (1, &ours["Id"]));
}
