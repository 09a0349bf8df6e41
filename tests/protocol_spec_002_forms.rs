//! Spec 002, "Testing Protocol - Register From Pardot", step by step as a person walks through it, on the simulated clock.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    runtime::contract::{Finding, Severity},
    simulators::{
        Options,
        lagged::Lagged,
        livestorm::{Attendance, Registration, Role},
        options::CampaignDelay,
    },
    stage::INSTALLATION,
};
use oracle::{Act, Destination, Happening, MappedField, Prior, Story, World};
use std::{collections::BTreeMap, time::Duration};

const MINUTE: u64 = 60;
const NEW: &str = "new.tester@example.org";
const EXISTING: &str = "existing.tester@example.org";
const NAME: &str = "Pardot Test Event - 2026-11-24 10:00 UTC";

// When each step is taken, after the flow was installed.
const CREATED: u64 = MINUTE;
const SUBMITTED: u64 = 50 * MINUTE;
/// "This may take up to 10 minutes, so please be patient."
const PATIENCE: u64 = 10 * MINUTE;
const STARTED: u64 = 26 * HOUR;
const ENDED: u64 = STARTED + 2 * MINUTE;
/// "Wait for a few minutes."
const LOOKED_AT: u64 = ENDED + 15 * MINUTE;

fn protocol() -> Story {
    let mapped = [
        ("attendance.attended", "Livestorm_Attended__c"),
        ("attendance.duration", "Livestorm_Seconds__c"),
        ("attendance.messages", "Livestorm_Messages__c"),
        ("attendance.questions", "Livestorm_Questions__c"),
        ("replay.watched", "Livestorm_Replay__c"),
    ];
    let joins =
        Happening::Attends { session: "test".into(), email: NEW.into(), seconds: 95, messages: 2, questions: 1 };
    let answers = |first: &'static str| [("firstName", first), ("lastName", "Tester"), ("company", "Example Ltd")];
    Story {
        prospects: vec![Prior {
            email: EXISTING.into(),
            fields: vec![("firstName".into(), "E.".into()), ("city".into(), "Lyon".into())],
            last_active_before: Some(24 * HOUR),
        }],
        mapping: mapped.map(|(source, target)| MappedField { source: source.into(), target: target.into() }).to_vec(),
        destination: Destination::AccountEngagementForms,
        ..story(vec![
            event(CREATED, "event", "Pardot Test Event"),
            session(CREATED, "test", "event", Some(26 * 3600), &[rest(1)]),
            submits(SUBMITTED, Some("test"), NEW, &answers("New"), false),
            // By a form of the customer's own that posts to a form handler; and by a form of another campaign.
            submits(SUBMITTED + MINUTE, Some("test"), EXISTING, &answers("Existing"), true),
            submits(SUBMITTED + MINUTE, None, "elsewhere.tester@example.org", &answers("Else"), false),
            happens(STARTED, Happening::SessionStarted { session: "test".into() }),
            Act { at: STARTED + MINUTE, what: joins, deliveries: vec![] },
            happens(ENDED, Happening::SessionEnded { session: "test".into() }),
        ])
    }
}

fn happens(at: u64, what: Happening) -> Act {
    Act { at, what, deliveries: vec![rest(1)] }
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

/// S2-53 to S2-57.
async fn walk_through(campaign_delay: Duration) {
    let story = protocol();
    let options = Options { campaign_delay: CampaignDelay::Fixed(campaign_delay), ..Options::default() };
    let theatre = Theatre::with(&story, options, "{}").await;
    let until = async |seconds: u64| theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + seconds)).await;
    let host = theatre.open().await;
    let check = async |at: u64| -> Vec<Finding> {
        let checking = tokio::spawn({
            let host = host.clone();
            async move { host.runtime.check(INSTALLATION, &host.asker()).await }
        });
        let mut now = at;
        while !checking.is_finished() {
            until(now).await;
            now += 1;
            tokio::task::yield_now().await;
        }
        checking.await.unwrap().unwrap()
    };

    // 1. "Log into your Integry workspace, and install the Pardot flow." S2-53; nothing that blocks stands in its way.
    let findings = check(CREATED / 2).await;
    let blockers: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Blocker).collect();
    assert!(blockers.is_empty(), "{blockers:#?}");
    assert!(!findings.iter().any(|f| f.code.starts_with("activity-type")), "no activity type is asked for");

    // 2. "Create a new event with a new session." 3. "Wait until you see a new campaign with the same name as your event." S2-53
    theatre.stage.begin(&story);
    until(SUBMITTED - 1).await;
    let id = theatre.stage.played().sessions["test"].clone();
    let campaign = {
        let world = theatre.stage.simulators.world();
        let seen: Vec<_> = world.account_engagement.campaigns.all().filter(|c| c.name == NAME).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].id
    };

    // 4. "Create a new form in Pardot. Under the Campaign field, select the campaign that was created by the connector." S2-54
    // 5. "Fill it with a test email account that doesn't belong to an existing team member or registrant. Submit the form. The person is
    // added as a prospect under the form and is registered to the corresponding session. This may take up to 10 minutes." S2-55, S2-47
    for email in [NEW, EXISTING] {
        let world = theatre.stage.simulators.world();
        assert_eq!(world.livestorm.person_id(email), None, "{email} is known in Livestorm");
    }
    until(SUBMITTED + MINUTE + PATIENCE).await;
    {
        let seen = theatre.stage.simulators.world().snapshot();
        let of_the_session: Vec<_> =
            seen.forms.iter().chain(&seen.form_handlers).filter(|f| f.campaign_id == campaign).collect();
        assert_eq!((of_the_session.len(), seen.forms.len(), seen.form_handlers.len()), (2, 2, 1));
    }
    let world = theatre.observed();
    assert_eq!((sources(&world, NEW), sources(&world, EXISTING)), (vec![NAME.to_string()], vec![]));
    let existing = fields(&world, EXISTING);
    assert_eq!((existing["firstName"].as_str(), existing["city"].as_str()), ("Existing", "Lyon"));

    // 6. "Open the people tab, filtering for the corresponding session. The prospect will appear as a registrant." S2-56
    let registrants = || -> Vec<Registration> {
        let world = theatre.stage.simulators.world();
        let all = world.livestorm.registrations[&id].iter().map(Lagged::now);
        all.filter(|r| r.role == Role::Participant).cloned().collect()
    };
    let seen = registrants();
    assert_eq!(seen.iter().map(|r| r.email.as_str()).collect::<Vec<_>>(), [NEW, EXISTING]);
    for (person, submitted_at) in seen.iter().zip([SUBMITTED, SUBMITTED + MINUTE]) {
        let after = person.created_at.since(Timestamp::from_seconds(BEGINS_AT + submitted_at));
        assert!(after <= Duration::from_secs(5 * MINUTE), "{} after {after:?}", person.email);
        assert!(person.is_from_api && person.last_name == "Tester");
    }
    // S2-46: which form belongs to which session stands in the check.
    let findings = check(SUBMITTED + MINUTE + PATIENCE).await;
    let told = |code: &str| findings.iter().filter(|f| f.code == code).map(|f| f.problem.clone()).collect::<Vec<_>>();
    assert!(told("form").len() == 2 && told("form").iter().all(|said| said.contains(&id)), "{findings:#?}");
    assert_eq!(told("form-elsewhere").len(), 1, "{findings:#?}");

    // 7. "Start your test event, join, make the event run for at least one minute, and end the event." S2-57
    until(ENDED).await;
    let joined = Attendance { seconds: 95, messages: 2, questions: 1, ..Attendance::default() };
    let attended: Vec<_> = registrants().into_iter().map(|r| r.attendance).collect();
    assert_eq!(attended, [Some(joined), None]);

    // 8. "Wait for a few minutes and check the custom fields. This version of the connector doesn't add any external activities." S2-57
    until(LOOKED_AT).await;
    let world = theatre.observed();
    let custom = |email: &str| -> Vec<(String, String)> {
        fields(&world, email).into_iter().filter(|(name, _)| name.ends_with("__c")).collect()
    };
    let expected = |attended: &str, seconds: &str, messages: &str, questions: &str| {
        let rows = [
            ("Livestorm_Attended__c", attended),
            ("Livestorm_Messages__c", messages),
            ("Livestorm_Questions__c", questions),
            ("Livestorm_Seconds__c", seconds),
        ];
        rows.map(|(name, value)| (name.to_string(), value.to_string())).to_vec()
    };
    assert_eq!(custom(NEW), expected("true", "95", "2", "1"));
    assert_eq!(custom(EXISTING), expected("false", "0", "0", "0"));
    assert_eq!(world.activities, []);
    let lists: Vec<_> = world.memberships.iter().map(|m| (m.list.as_str(), m.email.as_str())).collect();
    assert_eq!(lists, [(NAME, NEW), (NAME, EXISTING)]);

    // "If that's the case, your connector is ready to use!" And nothing is left over or comes later.
    theatre.stage.end(&story).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    assert_eq!(theatre.observed(), world);
}

#[tokio::test]
async fn the_testing_protocol_register_from_pardot_ends_ready_to_use() {
    // Connected Campaigns at its usual pace, and as slow as it may be.
    for minutes in [10, 30] {
        walk_through(Duration::from_secs(minutes * MINUTE)).await;
    }
}
