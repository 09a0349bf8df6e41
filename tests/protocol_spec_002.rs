//! Spec 002, "Testing Protocol - Register From Livestorm", step by step as a person walks through it, on the simulated clock.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    runtime::contract::Severity,
    simulators::{
        Options,
        lagged::Lagged,
        livestorm::{Attendance, Role},
        options::CampaignDelay,
    },
    stage::INSTALLATION,
};
use oracle::{Act, Happening, List, MappedField, Membership, Prior, Story, World};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const MINUTE: u64 = 60;
const NEW: &str = "new.tester@example.org";
const EXISTING: &str = "existing.tester@example.org";
const NAME: &str = "Pardot Test Event - 2026-11-24 10:00 UTC";

// When each step is taken, after the flow was installed.
const CREATED: u64 = MINUTE;
/// The campaign may be half an hour old, and the list that follows it a quarter of an hour younger.
const SUBMITTED: u64 = 50 * MINUTE;
const STARTED: u64 = 26 * HOUR;
const ENDED: u64 = STARTED + 2 * MINUTE;
/// "Wait for a few minutes."
const LOOKED_AT: u64 = ENDED + 15 * MINUTE;

fn protocol() -> Story {
    let mapped = [
        ("fields.topics", "Topics__c"),
        ("attendance.attended", "Livestorm_Attended__c"),
        ("attendance.duration", "Livestorm_Seconds__c"),
        ("attendance.messages", "Livestorm_Messages__c"),
        ("attendance.questions", "Livestorm_Questions__c"),
    ];
    let joins =
        Happening::Attends { session: "test".into(), email: NEW.into(), seconds: 95, messages: 2, questions: 1 };
    let answers = |first: &'static str| [("first_name", first), ("last_name", "Tester"), ("topics", "Testing")];
    Story {
        prospects: vec![Prior {
            email: EXISTING.into(),
            fields: vec![("firstName".into(), "E.".into()), ("city".into(), "Lyon".into())],
            last_active_before: Some(24 * HOUR),
        }],
        mapping: mapped.map(|(source, target)| MappedField { source: source.into(), target: target.into() }).to_vec(),
        ..story(vec![
            event(CREATED, "event", "Pardot Test Event"),
            session(CREATED, "test", "event", Some(26 * 3600), &[rest(1)]),
            registers(SUBMITTED, "test", NEW, &answers("New"), &[rest(1)]),
            registers(SUBMITTED + MINUTE, "test", EXISTING, &answers("Existing"), &[native(1)]),
            happens(STARTED, Happening::SessionStarted { session: "test".into() }),
            Act { at: STARTED + MINUTE, what: joins, deliveries: vec![] },
            happens(ENDED, Happening::SessionEnded { session: "test".into() }),
        ])
    }
}

fn happens(at: u64, what: Happening) -> Act {
    Act { at, what, deliveries: vec![rest(1)] }
}

/// What the External Activities section of a prospect shows: type, value and date, in seconds after the story began.
fn activities(world: &World, email: &str) -> BTreeSet<(String, String, u64)> {
    let of = world.activities.iter().filter(|a| a.email == email);
    of.map(|a| (a.kind.clone(), a.value.clone(), a.at - BEGINS_AT)).collect()
}

fn lists(world: &World, email: &str) -> Vec<String> {
    world.memberships.iter().filter(|m| m.email == email).map(|m: &Membership| m.list.clone()).collect()
}

fn fields(world: &World, email: &str) -> BTreeMap<String, String> {
    let [prospect] = &world.prospects.iter().filter(|p| p.email == email).collect::<Vec<_>>()[..] else {
        panic!("one prospect has the address {email}: {:#?}", world.prospects)
    };
    prospect.fields.clone()
}

fn sources(world: &World, email: &str) -> Vec<String> {
    world.prospects.iter().filter(|p| p.email == email).flat_map(|p| p.source_campaigns.clone()).collect()
}

/// S2-48 to S2-52, S2-58.
async fn walk_through(campaign_delay: Duration) {
    let story = protocol();
    let options = Options { campaign_delay: CampaignDelay::Fixed(campaign_delay), ..Options::default() };
    let theatre = Theatre::with(&story, options, "{}").await;
    let until = async |seconds: u64| theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + seconds)).await;

    // 1. "Log into your Integry workspace, and install the Pardot flow." S2-48; nothing that blocks stands in its way, S2-2.
    let host = theatre.open().await;
    let checking = tokio::spawn({
        let host = host.clone();
        async move { host.runtime.check(INSTALLATION, &host.asker()).await }
    });
    while !checking.is_finished() {
        until(CREATED / 2).await;
        tokio::task::yield_now().await;
    }
    let findings = checking.await.unwrap().unwrap();
    let blockers: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Blocker).collect();
    assert!(blockers.is_empty(), "{blockers:#?}");
    assert_eq!(theatre.observed().campaigns, []);

    // 2. "Create a new event with a new session. Make sure to publish this event." S2-48
    theatre.stage.begin(&story);
    until(CREATED + 30).await;
    {
        let world = theatre.stage.simulators.world();
        let published: Vec<bool> = world.livestorm.events.all().map(|e| e.published_at.is_some()).collect();
        assert_eq!(published, [true]);
        // S2-42: in Salesforce immediately.
        assert_eq!(world.salesforce.campaigns().map(|c| c.value("Name")).collect::<Vec<_>>(), [NAME]);
    }

    // 3. "Wait until you see a new campaign with the same name as your event. Also make sure that a list was created with the
    // same name." S2-49, S2-43; the date stands in the name too, S2-72.
    until(SUBMITTED - 1).await;
    {
        let world = theatre.stage.simulators.world();
        let seen: Vec<_> = world.account_engagement.campaigns.all().filter(|c| c.name == NAME).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let after = seen[0].created_at.since(Timestamp::from_seconds(BEGINS_AT + CREATED));
        assert!(after <= Duration::from_secs(30 * MINUTE + 5), "after {after:?}");
    }
    let list = List { name: NAME.into(), campaign: Some(NAME.into()) };
    assert_eq!(theatre.observed().lists, [list]);

    // 4. "Fill the form with a test email account that doesn't belong to a team member or registrant. Submit." S2-50, S2-58
    {
        let world = theatre.stage.simulators.world();
        for email in [NEW, EXISTING] {
            assert_eq!(world.livestorm.person_id(email), None, "{email} is known in Livestorm");
        }
    }
    assert!(lists(&theatre.observed(), EXISTING).is_empty());
    until(SUBMITTED + 5 * MINUTE).await;
    let id = theatre.stage.played().sessions["test"].clone();
    let registrants = || -> Vec<(String, Option<Attendance>)> {
        let world = theatre.stage.simulators.world();
        let of = world.livestorm.registrations[&id].iter().map(Lagged::now);
        of.filter(|r| r.role == Role::Participant).map(|r| (r.email.clone(), r.attendance.clone())).collect()
    };
    assert_eq!(registrants(), [(NEW.to_string(), None), (EXISTING.to_string(), None)]);

    // 5. "Existing prospects will be added to the associated list. New prospects to both the list and campaign." S2-50
    let world = theatre.observed();
    for email in [NEW, EXISTING] {
        assert_eq!(lists(&world, email), [NAME], "{email}");
    }
    assert_eq!((sources(&world, NEW), sources(&world, EXISTING)), (vec![NAME.to_string()], vec![]));
    // S2-18, S2-19: updated with what was filled in; what was not asked for stays.
    let existing = fields(&world, EXISTING);
    assert_eq!((existing["firstName"].as_str(), existing["city"].as_str()), ("Existing", "Lyon"));
    // S2-21, S2-60, S2-63, S2-68
    let shows = |rows: &[(&str, &str, u64)]| -> BTreeSet<(String, String, u64)> {
        rows.iter().map(|(kind, value, at)| (kind.to_string(), value.to_string(), *at)).collect()
    };
    assert_eq!(activities(&world, NEW), shows(&[("people_registered", &id, SUBMITTED)]));
    assert_eq!(activities(&world, EXISTING), shows(&[("people_registered", &id, SUBMITTED + MINUTE)]));

    // 6. "Start your test event, join, make the event run for at least one minute and end the event." S2-51
    until(ENDED).await;
    {
        let world = theatre.stage.simulators.world();
        let session = world.livestorm.sessions.now(&id).unwrap();
        let (started, ended) = (session.started_at.unwrap(), session.ended_at.unwrap());
        assert!(ended.since(started) >= Duration::from_secs(60));
    }
    let joined = Attendance { seconds: 95, messages: 2, questions: 1, ..Attendance::default() };
    assert_eq!(registrants(), [(NEW.to_string(), Some(joined)), (EXISTING.to_string(), None)]);
    assert_eq!(theatre.observed().activities.len(), 2, "nobody's attendance is told before the event is over");

    // 7. "Wait for a few minutes and head to the External Activities section of the prospect." S2-51, S2-26 to S2-30, S2-60 to S2-63
    until(LOOKED_AT).await;
    let world = theatre.observed();
    let came = [
        ("people_registered", id.as_str(), SUBMITTED),
        ("session_attended", &id, ENDED),
        ("attendance_duration", "95", ENDED),
        ("messages_sent", "2", ENDED),
        ("questions_asked", "1", ENDED),
    ];
    assert_eq!(activities(&world, NEW), shows(&came));
    let stayed_away = [("people_registered", id.as_str(), SUBMITTED + MINUTE), ("session_not_attended", &id, ENDED)];
    assert_eq!(activities(&world, EXISTING), shows(&stayed_away));

    // 8. "Check that the custom fields mapped during the setup process have been correctly updated." S2-52, S2-22
    let custom = |email: &str| -> Vec<(String, String)> {
        fields(&world, email).into_iter().filter(|(name, _)| name.ends_with("__c")).collect()
    };
    let expected = |attended: &str, seconds: &str, messages: &str, questions: &str| {
        let rows = [
            ("Livestorm_Attended__c", attended),
            ("Livestorm_Messages__c", messages),
            ("Livestorm_Questions__c", questions),
            ("Livestorm_Seconds__c", seconds),
            ("Topics__c", "Testing"),
        ];
        rows.map(|(name, value)| (name.to_string(), value.to_string())).to_vec()
    };
    assert_eq!(custom(NEW), expected("true", "95", "2", "1"));
    assert_eq!(custom(EXISTING), expected("false", "0", "0", "0"));

    // "If that's the case, your connector is ready to use!" And nothing is left over or comes later.
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    assert_eq!(theatre.observed(), world);
}

#[tokio::test]
async fn the_testing_protocol_register_from_livestorm_ends_ready_to_use() {
    // Connected Campaigns at its usual pace, and as slow as it may be.
    for minutes in [10, 30] {
        walk_through(Duration::from_secs(minutes * MINUTE)).await;
    }
}
