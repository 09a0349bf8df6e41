//! What webhooks missed is found by looking: whatever subset of them is lost, the world ends as if none had been.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    durable::TaskStatus,
    simulators::{Options, livestorm::NewRegistrant, unknowns::DeletedMembership},
    stage::{
        INSTALLATION,
        story::{salesforce_story, story as demo_story},
    },
};
use oracle::{Act, Delivery, Destination, Happening, Story};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const DAY: u64 = 24 * HOUR;
/// The last reading of a session is seven days after its end, and what it finds may wait for its share of the quota.
const LONG_ENOUGH: Duration = Duration::from_secs(9 * DAY);

/// The same story, of which word comes only where `comes` says so. What must come of it is that of all words.
async fn ends_as_if_all_had_come(story: &Story, comes: &[bool]) {
    let mut lossy = story.clone();
    for (act, comes) in lossy.acts.iter_mut().zip(comes) {
        if !comes {
            act.deliveries.clear();
        }
    }
    let mut theatre = Theatre::with(story, Options::default(), "{}").await;
    theatre.stage = theatre.stage.looking_for(LONG_ENOUGH);
    let host = theatre.open().await;
    theatre.stage.play(&lossy).await;
    let problems = theatre.problems(story, &host).await;
    assert!(problems.is_empty(), "{problems:#?}\n{comes:?}\n{:#?}", log(&host).await);
}

/// Word of everything by REST, once and soon.
fn told(mut story: Story) -> Story {
    for act in &mut story.acts {
        if !act.deliveries.is_empty() {
            act.deliveries = vec![Delivery { dialect: oracle::Dialect::Rest, after: 1 }];
        }
    }
    story
}

/// S0-33, S0-35, S1-3.
#[tokio::test]
async fn with_no_webhook_at_all_everything_is_found_by_looking() {
    let story = told(demo_story());
    ends_as_if_all_had_come(&story, &vec![false; story.acts.len()]).await;
    let story = told(salesforce_story(Destination::SalesforceLeads));
    ends_as_if_all_had_come(&story, &vec![false; story.acts.len()]).await;
}

/// S1-3: Livestorm disables a webhook that nobody answers, and shows it as before. Silence gives it away.
#[tokio::test]
async fn a_webhook_that_livestorm_has_disabled_is_made_anew_and_what_it_missed_is_there() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(5 * DAY as i64), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
        registers(3 * HOUR, "s", "bo@example.org", &[("first_name", "Bo")], &[]),
    ]);
    let mut theatre = Theatre::with(&story, Options::default(), "{}").await;
    theatre.stage = theatre.stage.looking_for(LONG_ENOUGH);
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    let until = |hours: u64| theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + hours * HOUR));
    until(2).await;
    let heard = || -> Vec<String> {
        let world = theatre.stage.simulators.world();
        let hooks = world.livestorm.subscriptions.all().filter(|hook| hook.event == "people.registered");
        hooks.filter(|hook| !hook.is_disabled && !hook.is_deleted).map(|hook| hook.id.clone()).collect()
    };
    let first = heard();
    assert_eq!(first.len(), 1);
    {
        let mut world = theatre.stage.simulators.world();
        let now = Timestamp::from_seconds(BEGINS_AT + 2 * HOUR);
        assert!(world.livestorm.subscriptions.change(&first[0], now, |hook| hook.is_disabled = true));
    }
    until(30).await;
    let second = heard();
    assert!(second.len() == 1 && second != first, "{second:?}");
    assert!(codes(&host).await.contains("webhooks-renewed"));
    let members: Vec<String> = theatre.observed().memberships.into_iter().map(|member| member.email).collect();
    assert_eq!(members, ["ana@example.org", "bo@example.org"]);
}

/// Taken out of the session and off its list, and then registered again: back in the list, or a person is told to put them there,
/// where Account Engagement keeps a membership that was deleted from being made anew.
#[tokio::test]
async fn who_was_taken_off_and_registers_again_is_back_or_somebody_is_told() {
    const ANA: &str = "ana@example.org";
    for side in [DeletedMembership::MakeAnother, DeletedMembership::AlreadyMember] {
        let story = story(vec![
            event(0, "e", "Product demo"),
            session(1, "s", "e", Some(20 * DAY as i64), &[rest(1)]),
            registers(HOUR, "s", ANA, &[("first_name", "Ana")], &[rest(1)]),
            registers(HOUR, "s", "bo@example.org", &[("first_name", "Bo")], &[rest(1)]),
        ]);
        let mut options = Options::default();
        options.unknowns.account_engagement.deleted_membership = side;
        let mut theatre = Theatre::with(&story, options, r#"{"removed_registrants": "remove"}"#).await;
        theatre.stage = theatre.stage.looking_for(LONG_ENOUGH);
        let host = theatre.open().await;
        theatre.stage.begin(&story);
        let until = |hours: u64| theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + hours * HOUR));
        let members = || -> Vec<String> {
            let members = theatre.observed().memberships.into_iter().map(|member| member.email);
            members.collect::<BTreeSet<_>>().into_iter().collect()
        };
        let session = || {
            let world = theatre.stage.simulators.world();
            (world.livestorm.registrations.keys().next().unwrap().clone(), world.livestorm.people[ANA].id.clone())
        };
        // A reading has met them.
        until(30).await;
        assert_eq!(members(), [ANA, "bo@example.org"], "{side:?}");
        let (session, ana) = session();
        assert!(theatre.stage.simulators.world().livestorm.remove_registrant(&session, &ana));
        until(80).await;
        assert_eq!(members(), ["bo@example.org"], "{side:?}");
        let again = NewRegistrant { email: ANA.into(), first_name: "Ana".into(), ..NewRegistrant::default() };
        theatre.stage.simulators.world().livestorm.register(&session, again).unwrap();
        until(180).await;
        let needs: Vec<String> = tasks(&host)
            .await
            .into_iter()
            .filter(|task| task.status == TaskStatus::Dead)
            .filter_map(|task| task.failure.map(|failure| failure.remedy))
            .collect();
        match side {
            DeletedMembership::MakeAnother => assert_eq!((members().len(), needs.len()), (2, 0), "{needs:?}"),
            DeletedMembership::AlreadyMember => {
                assert_eq!((members().len(), needs.len()), (1, 1), "{needs:?}");
                assert!(needs[0].contains("retry"), "{needs:?}");
            }
        }
    }
}

/// RULES 21, 22. A month with twenty sessions to come and sixty that end, some of whose webhooks are lost.
#[tokio::test]
async fn a_month_of_looking_keeps_to_the_quota_and_finds_what_was_lost_in_time() {
    const ENDED: u64 = 60;
    const WATCHED: u64 = 20;
    let mut acts = vec![event(0, "e", "Product demo")];
    let mut due: Vec<(String, &str, u64)> = vec![];
    for number in 0..ENDED + WATCHED {
        let name = format!("s{number}");
        // One ends every half day; those that are watched lie beyond the month.
        let starts = if number < ENDED { 6 * HOUR + number * 12 * HOUR } else { (31 + number - ENDED) * DAY };
        acts.push(session(1 + number, &name, "e", Some(starts as i64), &[rest(1)]));
        for person in 0..3 {
            let email = format!("p{number}-{person}@example.org");
            let at = starts.min(29 * DAY) - 3 * HOUR + 60 * person;
            // Of every third session one registration is told by nobody.
            let deliveries = if number.is_multiple_of(3) && person == 1 { vec![] } else { vec![rest(1)] };
            // Since when it must be there: an hour after the webhook, or a day after the end.
            let by = match (deliveries.is_empty(), number < ENDED) {
                (false, _) => Some(at + HOUR),
                (true, true) => Some(starts + HOUR + DAY),
                (true, false) => None,
            };
            due.extend(by.map(|by| (email.clone(), "ListMembership", by)));
            acts.push(registers(at, &name, &email, &[("first_name", "Ana"), ("company", "Example")], &deliveries));
        }
        if number < ENDED {
            let happens = |at: u64, what: Happening, deliveries: Vec<Delivery>| Act { at, what, deliveries };
            acts.push(happens(starts, Happening::SessionStarted { session: name.clone() }, vec![]));
            acts.push(happens(starts + HOUR, Happening::SessionEnded { session: name.clone() }, vec![rest(1)]));
        }
    }
    // On demand, a replay that nobody tells of: by the weekly reading.
    let what = Happening::EventCreated { event: "d".into(), title: "Course".into(), on_demand: true };
    acts.push(Act { at: 2, what, deliveries: vec![] });
    acts.push(session(3, "course", "d", None, &[rest(1)]));
    acts.push(registers(DAY, "course", "dana@example.org", &[("first_name", "Dana")], &[rest(1)]));
    let watches = Happening::WatchesReplay { session: "course".into(), email: "dana@example.org".into() };
    acts.push(Act { at: 3 * DAY, what: watches, deliveries: vec![] });
    due.push(("dana@example.org".into(), "ListMembership", DAY + HOUR));
    due.push(("dana@example.org".into(), "watched_on_demand", 3 * DAY + 7 * DAY));
    let story = story(acts);
    let mut theatre = Theatre::with(&story, Options::default(), "{}").await;
    theatre.stage = theatre.stage.looking_for(LONG_ENOUGH);
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 30 * DAY)).await;
    let requests = theatre.stage.simulators.world().snapshot().requests;
    assert!((1_000..10_000).contains(&requests["livestorm"]), "{requests:?}");
    assert!(!codes(&host).await.iter().any(|code| code == "provider-pause"), "no quota was used up");
    let (mut seen, mut after) = (BTreeMap::new(), None);
    loop {
        let changes = host.engine.changes(INSTALLATION, after).await.unwrap();
        let Some(last) = changes.last() else { break };
        after = Some(last.id);
        for kept in changes {
            let what = match kept.change.object.as_str() {
                "ExternalActivity" => kept.change.detail.clone().unwrap_or_default(),
                object => object.to_owned(),
            };
            let who = kept.change.subject.map(|subject| subject.id).unwrap_or_default();
            seen.entry((who, what)).or_insert(kept.at.seconds() - BEGINS_AT);
        }
    }
    let late: Vec<_> = due
        .iter()
        .filter(|(who, what, by)| seen.get(&(who.clone(), what.to_string())).is_none_or(|at| at > by))
        .map(|(who, what, by)| (who, what, by, seen.get(&(who.clone(), what.to_string()))))
        .collect();
    assert!(late.is_empty(), "{} of {} are late: {late:#?} {requests:?}", late.len(), due.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_webhooks_are_lost_the_world_ends_as_if_none_had_been(
        (comes, in_salesforce) in (proptest::collection::vec(any::<bool>(), 64), any::<bool>())
    ) {
        let story = told(if in_salesforce { salesforce_story(Destination::SalesforceLeads) } else { demo_story() });
        assert!(story.acts.len() <= comes.len());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ends_as_if_all_had_come(&story, &comes));
    }
}
