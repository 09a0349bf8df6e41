//! Stories with nobody to tell, so that only Livestorm's side is seen. With a host: the end-to-end tests.

use super::*;
use oracle::{Act, Delivery, Dialect, Happening};
use proptest::prelude::*;
use std::collections::BTreeSet;

async fn played_alone(story: &Story) -> Stage {
    let file = tempfile::tempdir().unwrap().path().join("host.sqlite");
    let stage = Stage::set(story, file, Options::default(), Travel::InProcess).await.unwrap();
    stage.play(story).await;
    stage
}

#[tokio::test]
async fn every_act_of_the_story_happens_and_all_word_of_it_is_sent() {
    let story = story::story();
    let stage = played_alone(&story).await;
    let played = stage.played();
    let given_up = played.undelivered.len();
    let sent: usize = story.acts.iter().map(|act| act.deliveries.len()).sum();
    // Each delivery that is given up is noted beside the acts.
    assert_eq!(played.happened.len(), story.acts.len() + given_up, "{:#?}", played.happened);
    assert_eq!(given_up, sent, "{:#?}", played.undelivered);
    let world = stage.simulators.world();
    let people: Vec<_> = world.livestorm.registrations[&played.sessions["morning"]].iter().map(|r| r.now()).collect();
    let seconds: BTreeMap<&str, u64> =
        people.iter().filter_map(|person| Some((person.email.as_str(), person.attendance.as_ref()?.seconds))).collect();
    let expected = [("Ana.Lima@example.org", 2280), ("carla@example.org", 181), ("dan+demo@example.org", 2100)];
    assert_eq!(seconds, BTreeMap::from(expected));
    let watched = people.iter().filter(|person| person.replay_watched_at.is_some()).count();
    assert_eq!(watched, 1, "Ben");
    for mapped in &story.mapping {
        assert!(world.account_engagement.custom_field(&mapped.target).is_some(), "{}", mapped.target);
    }
}

/// A demo that shows less than the product does would prove less.
#[test]
fn the_demos_story_brings_about_each_activity_and_fills_each_mapped_field() {
    let story = story::story();
    let ids = ["morning", "afternoon", "course"].map(|name| (name.to_owned(), name.to_owned()));
    let expected = oracle::expected(&story, &BTreeMap::from(ids));
    let kinds: BTreeSet<&str> = expected.activities.iter().map(|activity| activity.kind.as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(ACTIVITY_TYPES));
    for mapped in &story.mapping {
        assert!(expected.prospects.iter().any(|p| p.fields.contains_key(&mapped.target)), "{}", mapped.target);
    }
    let dan = expected.prospects.iter().find(|p| p.email.starts_with("dan")).unwrap();
    assert_eq!(dan.fields["Livestorm_Attended__c"], "false", "the afternoon is newer than the morning");
}

#[test]
fn the_demos_story_tells_apart_in_salesforce_what_the_rules_tell_apart() {
    let ids = ["morning", "afternoon", "course"].map(|name| (name.to_owned(), name.to_owned()));
    let expected = |destination| oracle::expected(&story::salesforce_story(destination), &BTreeMap::from(ids.clone()));
    let world = expected(oracle::Destination::SalesforceLeads);
    let member = |who: &str| world.members.iter().find(|member| member.email.starts_with(who)).unwrap();
    let is = |who: &str| (member(who).is, member(who).nth);
    assert_eq!(is("ben"), (oracle::Object::Contact, 0), "a contact and a lead");
    assert_eq!(is("carla"), (oracle::Object::Lead, 0), "two leads");
    assert_eq!(is("faye.ito"), (oracle::Object::Contact, 0), "a converted lead");
    let lead = |who: &str| world.leads.iter().find(|lead| lead.email.starts_with(who)).unwrap();
    assert_eq!(lead("dan").fields["Company"], "[not provided]");
    assert_eq!(lead("hana").fields["LastName"], "[not provided]");
    let labels: BTreeSet<&str> = world.members.iter().map(|member| member.status.as_str()).collect();
    assert_eq!(labels, BTreeSet::from(["Attended", "Not attended", "Registered"]));
    let replays: BTreeSet<_> = world.members.iter().filter_map(|member| member.replay.as_deref()).collect();
    assert_eq!(replays, BTreeSet::from(["Watched on-demand", "Watched replay"]));
    assert!(oracle::enough(&world).is_empty());

    let world = expected(oracle::Destination::SalesforceContacts);
    let accounts = |who: &str| world.contacts.iter().find(|c| c.email.starts_with(who)).unwrap().accounts.clone();
    assert_eq!(accounts("ana"), BTreeSet::from(["lima & söhne".to_owned()]));
    assert_eq!(accounts("dan"), BTreeSet::from([String::new()]));
    assert_eq!(world.accounts.len(), 4, "those that are there, and Horn's: {:?}", world.accounts);
}

const TOLD: Delivery = Delivery { dialect: Dialect::Rest, after: 1 };

fn a_live_event_and_one_on_demand(acts: Vec<Act>) -> Story {
    let event =
        |event: &str, on_demand| Happening::EventCreated { event: event.into(), title: event.into(), on_demand };
    let session =
        |session: &str, starts| Happening::SessionCreated { session: session.into(), event: session.into(), starts };
    let scene = [event("live", false), event("course", true), session("live", Some(3600)), session("course", None)];
    let scene = scene.map(|what| Act { at: 0, what, deliveries: vec![] });
    Story { begins_at: story::BEGINS_AT, acts: scene.into_iter().chain(acts).collect(), ..Story::default() }
}

#[tokio::test]
async fn who_attended_is_told_after_the_end_and_by_rest_alone() {
    let who = || ("live".to_string(), "ana@example.org".to_string());
    let act = |at, what, deliveries: &[Delivery]| Act { at, what, deliveries: deliveries.to_vec() };
    let ((session, email), native) = (who(), Delivery { dialect: Dialect::Native, after: 1 });
    let registered = Happening::Registered { session, email, answers: vec![], utm: vec![], team_member: false };
    let (session, email) = who();
    let attends = Happening::Attends { session, email, seconds: 60, messages: 0, questions: 0 };
    let ended = Happening::SessionEnded { session: "live".into() };
    for (ends, sent) in [(true, vec!["people.attended: nobody answers"]), (false, vec![])] {
        let mut acts = vec![act(1, registered.clone(), &[]), act(2, attends.clone(), &[native.clone(), TOLD])];
        if ends {
            acts.push(act(100, ended.clone(), &[]));
        }
        assert_eq!(played_alone(&a_live_event_and_one_on_demand(acts)).await.played().undelivered, sent);
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let session = prop_oneof![3 => Just("live".to_string()), 1 => Just("course".to_string())];
    let email = prop_oneof![Just("ana@example.org"), Just("Ana@Example.org"), Just("bo@example.org")];
    (session, email, 0..9u8, 1..99u64).prop_map(|(session, email, kind, seconds)| {
        let email = email.to_string();
        match kind {
            0..3 => Happening::Registered { session, email, answers: vec![], utm: vec![], team_member: false },
            3 => Happening::SessionStarted { session },
            4 => Happening::SessionEnded { session },
            5 | 6 => Happening::Attends { session, email, seconds, messages: 0, questions: 0 },
            7 => Happening::WatchesReplay { session, email },
            _ => Happening::Leaves { session, email },
        }
    })
}

/// What the oracle takes for happened must be what the simulated Livestorm has let happen, whatever is tried.
async fn agree(acts: Vec<(u64, Happening)>) {
    let acts = acts.into_iter().map(|(at, what)| Act { at, what, deliveries: vec![TOLD] }).collect();
    let story = a_live_event_and_one_on_demand(acts);
    let stage = played_alone(&story).await;
    let expected = oracle::expected(&story, &stage.played().sessions);
    let of = |kinds: &[&str]| -> BTreeSet<(String, String, u64)> {
        let those = expected.activities.iter().filter(|activity| kinds.contains(&activity.kind.as_str()));
        those.map(|activity| (activity.email.clone(), activity.value.clone(), activity.at)).collect()
    };
    let world = stage.simulators.world();
    let (mut registered, mut stayed_away, mut seconds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut watched = BTreeMap::new();
    for session in world.livestorm.sessions.all() {
        for person in world.livestorm.registrations[&session.id].iter().map(|person| person.now()) {
            let email = person.email.to_lowercase();
            if email.contains("livestorm-customer") {
                continue;
            }
            registered.insert((email.clone(), session.id.clone()));
            if let Some(at) = person.replay_watched_at {
                watched.entry((email.clone(), session.id.clone())).or_insert(at.seconds());
            }
            let Some(end) = session.ended_at.map(Timestamp::seconds) else { continue };
            match &person.attendance {
                _ if person.is_removed || person.created_at.seconds() > end => {}
                Some(attendance) => drop(seconds.insert((email, attendance.seconds.to_string(), end))),
                None => drop(stayed_away.insert((email, session.id.clone(), end))),
            }
        }
    }
    let told: BTreeSet<_> = of(&["people_registered"]).into_iter().map(|(email, id, _)| (email, id)).collect();
    assert_eq!(told, registered);
    assert_eq!(of(&["attendance_duration"]), seconds);
    assert_eq!(of(&["session_not_attended"]), stayed_away);
    let replays: BTreeSet<_> = watched.into_iter().map(|((email, id), at)| (email, id, at)).collect();
    assert_eq!(of(&["watched_replay", "watched_on_demand"]), replays);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn livestorm_and_the_oracle_agree_on_what_has_happened(acts in proptest::collection::vec((1..20u64, happening()), 1..25)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(agree(acts));
    }
}
