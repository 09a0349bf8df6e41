//! The demo's story, and the rules of the Salesforce flow one by one.

use super::*;
use host_harness::{clock::Timestamp, stage::story::salesforce_story};
use std::collections::BTreeSet;

/// S3-2, S3-4 to S3-8, S3-16, S3-20 to S3-23, S3-28, S3-29: the oracle counts every lead, contact, account and member, and
/// nothing is set but the destination.
#[tokio::test]
async fn the_story_of_the_demo_ends_as_the_oracle_says() {
    for destination in BOTH {
        plays_well(&salesforce_story(destination), Options::default()).await;
    }
}

#[tokio::test]
async fn a_member_that_is_missing_is_named_as_a_problem() {
    let story = salesforce_story(LEADS);
    let (theatre, host) = plays_well(&story, Options::default()).await;
    loop {
        let last = theatre.stage.simulators.world().salesforce.records.forget_last().unwrap();
        if last.object == "CampaignMember" {
            break;
        }
    }
    let problems = theatre.problems(&story, &host).await;
    assert!(problems.iter().any(|p| p.starts_with("lost: member of campaign ")), "{problems:#?}");
}

/// RULES 1: a repeat of a story that is over writes nothing.
#[tokio::test]
async fn the_same_webhooks_again_a_day_later_write_nothing() {
    for destination in BOTH {
        let mut story = salesforce_story(destination);
        let end = story.acts.iter().map(|act| act.at).max().unwrap();
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        let changed = |theatre: &Theatre| {
            let world = theatre.stage.simulators.world();
            let stamps = world.salesforce.records.all().map(|record| (record.id.clone(), record.modified_at));
            stamps.collect::<BTreeSet<_>>()
        };
        let once = changed(&theatre);
        for act in &mut story.acts {
            let again: Vec<_> =
                act.deliveries.iter().map(|d| oracle::Delivery { after: d.after + end, ..d.clone() }).collect();
            act.deliveries.extend(again);
        }
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        assert_eq!(changed(&theatre), once);
    }
}

/// RULES 2, S3-4: twenty sessions at once, and the others 5 s, 59 s and 61 s after the first, while reads lag 60 s.
#[tokio::test]
async fn one_new_address_in_twenty_sessions_is_one_person_and_twenty_members() {
    for destination in BOTH {
        for gap in [0, 5, 59, 61] {
            let names: Vec<String> = (0..20).map(|i| format!("s{i}")).collect();
            let mut acts = vec![event(0, "e", "Product demo")];
            for (i, name) in (0..).zip(&names) {
                acts.push(session(1 + i, name, "e", Some((26 + i as i64) * 3600), &[rest(1)]));
            }
            for (i, name) in names.iter().enumerate() {
                let at = HOUR + if i == 0 { 0 } else { gap };
                let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")];
                acts.push(registers(at, name, "ana@example.org", &answers, &[rest(0)]));
            }
            let (theatre, _host) = plays_well(&to(destination, Salesforce::default(), acts), lagging()).await;
            let world = theatre.observed();
            let people = [world.leads.len(), world.contacts.len(), world.accounts.len()];
            let expected = if destination == LEADS { [1, 0, 0] } else { [0, 1, 1] };
            assert_eq!((people, world.members.len()), (expected, 20), "{destination:?}, gap {gap}");
        }
    }
}

/// S3-10 to S3-14, and RULES 2: one company is one account, though two persons bring it at the same moment, in two spellings.
#[tokio::test]
async fn a_company_is_one_account_whoever_brings_it() {
    let answers = |company: &'static str| [("first_name", "Pat"), ("last_name", "Person"), ("company", company)];
    let story = webinar(
        CONTACTS,
        Salesforce::default(),
        vec![
            registers(HOUR, "s", "ana@example.org", &answers("Lima & Söhne"), &[rest(1)]),
            registers(HOUR, "s", "ben@example.org", &answers("LIMA & SÖHNE"), &[rest(1)]),
            registers(HOUR + 30, "s", "carla@example.org", &answers(" lima & söhne "), &[rest(1)]),
            registers(HOUR + 40, "s", "dan@example.org", &answers(""), &[rest(1)]),
            registers(2 * HOUR, "s", "eve@example.org", &answers("Lima & Söhne"), &[rest(1)]),
        ],
    );
    let (theatre, _host) = plays_well(&story, lagging()).await;
    let world = theatre.observed();
    assert_eq!((world.leads.len(), world.contacts.len(), world.accounts.len()), (0, 5, 1));
    let of_none = world.contacts.iter().filter(|contact| contact.accounts.contains("")).map(|c| c.email.as_str());
    assert_eq!(of_none.collect::<Vec<_>>(), ["dan@example.org"]);
}

/// S3-12: of several accounts of one name the oldest, whatever the case of its name.
#[tokio::test]
async fn of_several_accounts_the_oldest_is_linked() {
    let account = |name: &str, made_before| oracle::PriorAccount { name: name.into(), made_before };
    let before = Salesforce {
        accounts: vec![account("Lima", 2 * HOUR), account("LIMA", 9 * HOUR), account("Lima Group", 20 * HOUR)],
        ..Salesforce::default()
    };
    let answers = [("last_name", "Lima"), ("company", "Lima")];
    let story = webinar(CONTACTS, before, vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let (theatre, _host) = plays_well(&story, Options::default()).await;
    let accounts = records(&theatre, "Account");
    let oldest = accounts.iter().find(|account| account["Name"] == "LIMA").unwrap();
    assert_eq!(records(&theatre, "Contact")[0]["AccountId"], oldest["Id"]);
}

/// S3-3, S3-30: the address alone says who somebody is, and of several contacts the oldest is meant.
#[tokio::test]
async fn the_address_alone_says_who_somebody_is() {
    for destination in BOTH {
        let before = Salesforce {
            contacts: vec![contact("Ana@Example.ORG", HOUR), contact("ana@example.org", 9 * HOUR)],
            // Everything is the same, but for the address.
            leads: vec![lead("ana.known@example.org", 9 * HOUR)],
            ..Salesforce::default()
        };
        let answers = [("first_name", "Ana"), ("last_name", "Known"), ("company", "Known & Sons")];
        let story = webinar(
            destination,
            before,
            vec![
                registers(HOUR, "s", "ANA@example.org", &answers, &[rest(1)]),
                registers(HOUR, "s", "ana.new@example.org", &answers, &[rest(1)]),
            ],
        );
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        let world = theatre.observed();
        let member = world.members.iter().find(|member| member.email == "ana@example.org").unwrap();
        assert_eq!((member.is, member.nth), (Object::Contact, 0), "{destination:?}");
        assert_eq!(world.members.len(), 2);
    }
}

/// S3-31: nothing is given that Salesforce must have, and later it is.
#[tokio::test]
async fn what_salesforce_must_have_and_nobody_gave_is_filled_in_until_somebody_gives_it() {
    for destination in BOTH {
        let given = [("last_name", "Lima"), ("company", "Lima")];
        let mut acts = vec![
            session(2, "t", "e", Some((STARTS + HOUR) as i64), &[rest(1)]),
            registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
        ];
        let story = webinar(destination, Salesforce::default(), acts.clone());
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        let name = |theatre: &Theatre| {
            let world = theatre.observed();
            world.leads.iter().chain(&world.contacts).next().unwrap().fields["LastName"].clone()
        };
        assert_eq!(name(&theatre), "[not provided]");
        acts.push(registers(2 * HOUR, "t", "ana@example.org", &given, &[rest(1)]));
        let (theatre, _host) = plays_well(&webinar(destination, Salesforce::default(), acts), Options::default()).await;
        assert_eq!(name(&theatre), "Lima");
    }
}

/// S3-32: somebody is registered as a lead, and a contact when the session ends; the membership goes on, wherever it is kept.
#[tokio::test]
async fn a_lead_that_is_converted_between_registration_and_end_stays_one_member() {
    use host_harness::simulators::unknowns::ConvertedMembers::{MoveToContact, StayWithLead};
    let answers = [("last_name", "Lima"), ("company", "Lima")];
    for stays in [MoveToContact, StayWithLead] {
        let story = webinar(LEADS, Salesforce::default(), ana_from_the_beginning_to_the_end(&answers, 1));
        let mut options = Options::default();
        options.unknowns.salesforce.converted_members = stays;
        let theatre = Theatre::with(&story, options, "{}").await;
        let host = theatre.open().await;
        theatre.stage.begin(&story);
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 2 * HOUR)).await;
        let id = records(&theatre, "Lead")[0]["Id"].as_str().unwrap().to_owned();
        theatre.stage.simulators.world().convert_lead(&id, None).unwrap();
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        let members = records(&theatre, "CampaignMember");
        assert_eq!(members.len(), 1, "{stays:?}: {members:#?}");
        assert_eq!((&members[0]["Status"], &members[0]["LeadId"]), (&"Attended".into(), &id.as_str().into()));
        assert_eq!(dead_letters(&host).await.len(), 0, "{stays:?}: {:#?}", log(&host).await);
    }
}

/// RULES 3: a registration that is told of last does not take an attendance back.
#[tokio::test]
async fn a_status_never_steps_back() {
    for destination in BOTH {
        let told_last = STARTS + 9 * HOUR;
        let acts = ana_from_the_beginning_to_the_end(&[("last_name", "Lima")], told_last);
        let story = webinar(destination, Salesforce::default(), acts);
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        let statuses: Vec<String> = theatre.observed().members.into_iter().map(|member| member.status).collect();
        assert_eq!(statuses, ["Attended"]);
    }
}
