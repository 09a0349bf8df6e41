//! The demo's story, and the rules of the Account Engagement flow one by one. `RULES n` is `plugin/RULES.md`.

use crate::support::*;
use host_harness::{
    durable::{
        TaskStatus,
        journal::{self, Ending},
    },
    effect::{Driver, End, INBOX},
    simulators::Options,
    stage::{INSTALLATION, story::story as demo_story},
};
use std::collections::BTreeSet;

/// S2-48, S2-69: switched on, an event with its sessions, published; the oracle counts every member of every list.
#[tokio::test]
async fn the_story_of_the_demo_ends_as_the_oracle_says() {
    plays_well(&demo_story(), Options::default()).await;
}

#[tokio::test]
async fn an_activity_that_is_missing_is_named_as_a_problem() {
    let story = demo_story();
    let (theatre, host) = plays_well(&story, Options::default()).await;
    theatre.stage.simulators.world().account_engagement.external_activities.forget_last().unwrap();
    let problems = theatre.problems(&story, &host).await;
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("lost: external activity "), "{}", problems[0]);
}

/// RULES 1: a repeat of a story that is over writes nothing.
#[tokio::test]
async fn the_same_webhooks_again_a_day_later_write_nothing() {
    let mut story = demo_story();
    for act in &mut story.acts {
        let again: Vec<_> =
            act.deliveries.iter().map(|d| oracle::Delivery { after: d.after + 24 * HOUR, ..d.clone() }).collect();
        act.deliveries.extend(again);
    }
    plays_well(&story, Options::default()).await;
}

/// S2-44: registrations before the campaign is visible wait, and go on by themselves.
#[tokio::test]
async fn a_registration_before_the_campaign_is_visible_is_held_and_says_what_it_waits_for() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(60, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
    ]);
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_for(std::time::Duration::from_secs(120)).await;
    let held: Vec<_> = tasks(&host).await.into_iter().filter(|t| t.status == TaskStatus::Waiting).collect();
    let whys: Vec<String> = held.iter().filter_map(|t| t.waiting_for.clone()).collect();
    assert!(whys.iter().any(|w| w.contains("ana@example.org")), "{whys:#?}");
    assert!(theatre.observed().prospects.is_empty());

    theatre.stage.clock.run_until(host_harness::clock::Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
}

/// RULES 2: of a session that nobody told of, the first registration makes campaign and list.
#[tokio::test]
async fn a_registration_whose_session_was_never_heard_of_makes_the_session_first() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[]),
        registers(60, "s", "ana@example.org", &[("first_name", "Ana")], &[native(1)]),
    ]);
    plays_well(&story, Options::default()).await;
}

/// RULES 7, S2-41, S2-59: never retroactive, and the answer is remembered.
#[tokio::test]
async fn a_session_from_before_the_activation_costs_one_read_and_is_left_out_with_a_line() {
    let mut story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "old", "e", Some(26 * 3600), &[]),
        session(50, "new", "e", Some(27 * 3600), &[rest(1)]),
        registers(60, "old", "ana@example.org", &[], &[rest(1)]),
        registers(61, "old", "ben@example.org", &[], &[rest(1)]),
        registers(4000, "old", "carla@example.org", &[], &[rest(1)]),
        registers(4100, "new", "dan@example.org", &[], &[rest(1)]),
    ]);
    let theatre = Theatre::set(&story).await;
    let theatre = Theatre { stage: theatre.stage.activated_at(BEGINS_AT + 30), ..theatre };
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    story.acts.retain(|a| !matches!(&a.what, oracle::Happening::Registered { session, .. } if session == "old"));
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    assert!(codes(&host).await.iter().any(|c| c.starts_with("left-out")), "{:?}", codes(&host).await);
    let old = theatre.stage.played().sessions["old"].clone();
    let world = theatre.stage.simulators.world();
    let reads = world.requests.iter().filter(|r| r.path.ends_with(&old) && r.api.name() == "livestorm").count();
    assert_eq!(reads, 1);
}

/// S2-67: renaming breaks nothing.
#[tokio::test]
async fn a_renamed_campaign_and_list_still_take_registrations() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(2 * HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
    ]);
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_for(std::time::Duration::from_secs(HOUR)).await;
    rename_everything(&theatre, "Autumn series");
    theatre.stage.clock.run_until(host_harness::clock::Timestamp::MAX).await;
    let world = theatre.observed();
    assert_eq!(world.memberships.len(), 1);
    assert_eq!(world.memberships[0].list, "Autumn series");
    assert_eq!(world.prospects[0].source_campaigns, BTreeSet::from(["Autumn series".to_string()]));
    assert_eq!((world.campaigns.len(), world.lists.len()), (1, 1));
    drop(host);
}

/// As an admin would, in Salesforce and in Account Engagement.
fn rename_everything(theatre: &Theatre, name: &str) {
    let mut world = theatre.stage.simulators.world();
    let (now, campaigns) = (world.now(), world.salesforce.campaigns().map(|c| c.id.clone()).collect::<Vec<_>>());
    for id in campaigns {
        assert!(world.salesforce.edit_campaign(&id, "Name", name.into()));
    }
    let lists: Vec<u64> = world.account_engagement.lists.all().map(|l| l.id).collect();
    for id in lists {
        assert!(world.account_engagement.lists.change(&id, now, |l| l.name = name.into()));
    }
}

/// RULES 2: twenty sessions at once, and the others 5 s, 59 s and 61 s after the first.
#[tokio::test]
async fn one_new_address_in_twenty_sessions_is_one_prospect_from_the_first_one_handled() {
    for gap in [0, 5, 59, 61] {
        let mut acts = vec![event(0, "e", "Product demo")];
        let names: Vec<String> = (0..20).map(|i| format!("s{i}")).collect();
        for (i, name) in names.iter().enumerate() {
            acts.push(session(1 + i as u64, name, "e", Some(26 * 3600 + i as i64 * 3600), &[rest(1)]));
        }
        for (i, name) in names.iter().enumerate() {
            let at = HOUR + if i == 0 { 0 } else { gap };
            acts.push(registers(at, name, "ana@example.org", &[("first_name", "Ana")], &[rest(0)]));
        }
        let story = story(acts);
        let (theatre, host) = plays_well(&story, Options::default()).await;
        let world = theatre.observed();
        assert_eq!(world.prospects.len(), 1, "gap {gap}");
        assert_eq!(world.activities.len(), 20, "gap {gap}");
        let first = tasks(&host).await.into_iter().find(|t| t.task.kind == "register").unwrap();
        let sessions = theatre.stage.played().sessions;
        let (name, _) = sessions.iter().find(|(_, id)| first.task.payload.contains(*id)).unwrap();
        // Session n begins n hours after ten o'clock, and says so in the name of its campaign.
        let hour = (10 + name[1..].parse::<u64>().unwrap()) % 24;
        let source = world.prospects[0].source_campaigns.first().cloned().unwrap();
        assert!(source.contains(&format!(" {hour:02}:00 UTC")), "gap {gap}: {source} is not that of {name}");
    }
}

/// S2-71: sessions of one event are separate; two persons with the same address in another spelling are one.
#[tokio::test]
async fn addresses_that_differ_in_case_alone_are_one_person() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "a", "e", Some(26 * 3600), &[rest(1)]),
        session(2, "b", "e", Some(50 * 3600), &[rest(1)]),
        registers(HOUR, "a", "Ana@Example.org", &[("first_name", "Ana")], &[rest(1)]),
        registers(HOUR + 5, "b", "ana@example.ORG", &[("last_name", "Lima")], &[native(1)]),
    ]);
    let (theatre, _host) = plays_well(&story, Options::default()).await;
    assert_eq!(theatre.observed().prospects.len(), 1);
}

/// Resuming is replaying, so every recording leads a fresh instance to the same end.
#[tokio::test]
async fn a_finished_run_can_be_played_again_from_its_tape_with_no_engine() {
    let story = demo_story();
    let (_theatre, host) = plays_well(&story, Options::default()).await;
    let runs = host.engine.runs(INSTALLATION, None).await.unwrap();
    assert!(runs.len() > 10);
    for run in runs {
        let tape = host.engine.tape(INSTALLATION, run.id).await.unwrap();
        if tape.whole().is_err() {
            assert!(run.key.starts_with(INBOX), "only the body of a delivery is not kept");
            continue;
        }
        let recorded = tape.end.clone().unwrap();
        let mut again = host.runtime.open(tape.lead).await.unwrap();
        match (journal::play(tape.entries, &mut *again).await, recorded) {
            (Ok(End::Outcomes(now)), Ending::Outcomes(then)) => assert_eq!(now, then, "run {}", run.id),
            (now, then) => panic!("run {}: {now:?} where there was {then:?}", run.id),
        }
    }
}
