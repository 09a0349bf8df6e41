//! Which news are the same, and what an earlier version has queued.

use super::*;
use crate::{
    domain::{
        attendance::Attendance,
        email::Email,
        registrant::{Registration, Role},
        replay_view::ReplayView,
        session::{self, Session, Status},
    },
    settings::Settings,
};
use std::collections::{BTreeMap, BTreeSet};

fn registration() -> Registration {
    Registration {
        session: SessionId::parse("S1").unwrap(),
        event_id: None,
        event_title: None,
        person_id: Some("P1".into()),
        email: Email::parse("Ana@example.org").ok(),
        email_problem: None,
        email_as_typed: None,
        role: Some(Role::Participant),
        guest_speaker: None,
        registered_at: Some(5),
        received_at: 7,
        values: [("fields.company", "Example")].into_iter().collect(),
    }
}

fn register(registration: Registration) -> Task {
    super::register(registration, &Settings::default())
}

#[test]
fn the_same_news_has_the_same_dedupe_key_whenever_and_in_whatever_dialect_it_comes() {
    let first = register(registration());
    let legacy = Registration {
        received_at: 900,
        registered_at: None,
        role: None,
        person_id: Some("another id".into()),
        ..registration()
    };
    assert_eq!(first.dedupe_key, register(legacy).dedupe_key);
    let newer = Registration { values: [("fields.company", "Other")].into_iter().collect(), ..registration() };
    assert_ne!(first.dedupe_key, register(newer).dedupe_key);
    assert_eq!(first.subject, Some(Subject::person("ana@example.org")));
}

/// S0-35: a webhook's body and a row of the list, hours later.
#[test]
fn a_session_is_the_same_news_by_whatever_way_it_is_told_and_however_far_it_has_come() {
    let told = Session {
        id: SessionId::parse("S1").unwrap(),
        event_id: Some("E1".into()),
        status: Status::Upcoming,
        created_at: Some(1),
        estimated_started_at: Some(2),
        ended_at: None,
        breakout_of: None,
        updated_at: Some(1),
    };
    let key = |session: &Session| session_created(session.clone()).dedupe_key;
    let listed = Session { status: Status::Past, ended_at: Some(3), updated_at: Some(4), ..told.clone() };
    assert_eq!(key(&told), key(&listed));
    let draft = Session { status: Status::Draft, ..told.clone() };
    let moved = Session { estimated_started_at: Some(5), ..told.clone() };
    assert!(key(&draft) != key(&told) && key(&moved) != key(&told));
}

#[test]
fn an_unwritten_answer_makes_no_news() {
    let mut more = registration();
    more.values.insert("fields.colour", "red".into());
    assert_eq!(register(registration()).dedupe_key, register(more).dedupe_key);
}

#[test]
fn a_payload_survives_its_way_through_the_queue() {
    let first = register(registration());
    let task = held(&first, payload(&first).unwrap());
    let person = Person { registration: registration(), held: true, ended: None, watched: None, found: None };
    assert_eq!(payload::<Person>(&task), Ok(person));
    assert!(
        payload::<AwaitCampaign>(&task).is_err_and(|why| why.starts_with("The payload of register cannot be read"))
    );
}

#[test]
fn whoever_tells_of_an_end_brings_the_same_read_about() {
    let session = SessionId::parse("S1").unwrap();
    let told = session_ended(&session, None, Some(1_000_000), 1_060_000);
    let by_person = session_ended(&session, Some("E1".into()), None, 1_200_000);
    assert_eq!(told.dedupe_key, by_person.dedupe_key);
    assert_eq!(told.not_before, Some(1_000_000 + ATTENDANCE_READY));
    assert_eq!(by_person.not_before, Some(1_200_000 + ATTENDANCE_READY));
}

#[test]
fn attendance_that_differs_is_news_and_the_same_is_not() {
    let settings = Settings::default();
    let task = |duration| {
        let attendance = Attendance { attended: true, duration, ..Attendance::default() };
        attendance_of(attendance, &settings)
    };
    assert_eq!(task(Some(181)).dedupe_key, task(Some(181)).dedupe_key);
    assert_ne!(task(Some(181)).dedupe_key, task(Some(182)).dedupe_key);
    assert_eq!(task(None).lane, Lane::Bulk);
}

fn attendance_of(attendance: Attendance, settings: &Settings) -> Task {
    super::attendance(registration(), Ended { at: 9, attendance }, settings)
}

/// The kinds that this file names; its other words are ordering keys.
fn kinds() -> BTreeSet<&'static str> {
    let words = include_str!("mod.rs").lines().filter(|line| line.starts_with("pub const "));
    let words = words.filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
    words.filter(|word| ![PEOPLE, CAMPAIGNS, WEBHOOKS].contains(word)).collect()
}

/// Payloads as the first version queued them, by their kinds.
struct Samples(BTreeMap<String, Vec<String>>);

impl Samples {
    fn of_the_first_version() -> Self {
        let mut samples: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in include_str!("../../../fixtures/tasks/0.1.0.jsonl").lines() {
            let sample: serde_json::Value = serde_json::from_str(line).unwrap();
            let kind = sample["kind"].as_str().unwrap().to_string();
            samples.entry(kind).or_default().push(sample["payload"].to_string());
        }
        Self(samples)
    }

    /// The samples of the kind say this, with nothing lost.
    fn say<P: Plain + std::fmt::Debug + PartialEq>(&self, kind: &str, expected: Vec<P>) {
        let read = |text: &String| {
            payload::<P>(&Task { kind: kind.into(), payload: text.clone(), ..register(registration()) })
        };
        let samples = self.0.get(kind).map(Vec::as_slice).unwrap_or_default();
        let read: Result<Vec<P>, String> = samples.iter().map(read).collect();
        assert_eq!(read, Ok(expected), "{kind}");
    }
}

#[test]
fn every_kind_of_task_has_a_sample_of_the_first_version() {
    let samples = Samples::of_the_first_version();
    assert_eq!(samples.0.keys().map(String::as_str).collect::<BTreeSet<_>>(), kinds());
}

/// Payloads that an earlier version has queued are handled by every later one.
#[test]
fn payloads_of_the_first_version_are_still_read() {
    let samples = Samples::of_the_first_version();
    let id = |text: &str| SessionId::parse(text).unwrap();
    let some = |text: &str| Some(text.to_string());
    let (s1, event_id) = (id("S1"), some("E1"));
    let session = Session {
        id: s1.clone(),
        event_id: event_id.clone(),
        status: session::Status::Draft,
        created_at: Some(1_644_845_096_000),
        estimated_started_at: Some(1_645_459_200_000),
        ended_at: None,
        breakout_of: None,
        updated_at: None,
    };
    let room = Session {
        id: id("S3"),
        event_id: event_id.clone(),
        status: session::Status::Past,
        created_at: Some(1_644_845_097_000),
        estimated_started_at: Some(1_645_459_201_000),
        ended_at: Some(1_645_461_002_000),
        breakout_of: some("S1"),
        updated_at: None,
    };
    let moved = Session { updated_at: Some(1_644_845_098_000), ..room.clone() };
    samples.say(SESSION_CREATED, vec![SessionCreated { session }, SessionCreated { session: room }]);
    samples.say(SESSION_CHANGED, vec![SessionCreated { session: moved }]);
    samples.say(
        FILL_SESSION,
        vec![FillSession { session: s1.clone(), event_id: event_id.clone(), asked_at: 1_645_470_000_000 }],
    );
    samples.say(ENSURE_SESSION, vec![EnsureSession { session: s1.clone(), event_id: event_id.clone() }]);
    let (salesforce_id, name) = ("701000000000001AAA".to_string(), "Product demo - 2022-02-21 16:00 UTC");
    let await_campaign = AwaitCampaign {
        session: s1.clone(),
        salesforce_id: salesforce_id.clone(),
        made_at: 1_644_845_100_000,
        name: name.into(),
    };
    samples.say(AWAIT_CAMPAIGN, vec![await_campaign]);
    samples.say(CAMPAIGN_FOUND, vec![CampaignFound { session: s1.clone(), salesforce_id, campaign: "7".into() }]);
    let linked = |event_id, title, on_demand| Link::Linked {
        campaign: "7".into(),
        list: "9".into(),
        name: name.into(),
        starts_at: Some(1_645_459_200_000),
        linked_at: 1_644_845_800_000,
        event_id,
        title,
        on_demand,
    };
    let in_salesforce = Link::InSalesforce {
        campaign: "701000000000001AAA".into(),
        name: name.into(),
        starts_at: Some(1_645_459_200_000),
        event_id: event_id.clone(),
        title: some("Product demo"),
        on_demand: Some(true),
    };
    let ready = |session: &str, link| SessionReady { session: id(session), link };
    samples.say(
        SESSION_READY,
        vec![
            ready("S1", linked(None, None, None)),
            ready("S2", Link::LeftOut { reason: "it is cancelled".into() }),
            ready("S3", linked(event_id.clone(), some("Product demo"), Some(true))),
            ready("S4", in_salesforce),
        ],
    );
    let ended_at = 1_645_461_000_000;
    samples.say(
        SESSION_ENDED,
        vec![SessionEnded { session: s1.clone(), event_id: event_id.clone(), ended_at: Some(ended_at) }],
    );
    let ended_at = Some(ended_at);
    let at_the_end = Reading { session: s1.clone(), ended_at, label: None };
    let later = Reading { label: some("day"), ..at_the_end.clone() };
    samples.say(READ_PEOPLE, vec![later]);
    samples.say(READ_PAGE, vec![ReadPage { reading: at_the_end.clone(), page: 3 }]);
    let keys = ["roster/0a52723b4299c6df", "read/missed/0123456789ab"].map(String::from).to_vec();
    let settle = |rest| SettleRead { reading: at_the_end.clone(), rest };
    samples.say(SETTLE_READ, vec![settle(None), settle(Some(keys))]);
    samples.say(FORGET_PEOPLE, vec![ForgetPeople { session: s1.clone() }]);
    let row = r#"{"attributes":{"email":7},"id":"P9","type":"people"}"#.into();
    let problem = "/attributes/email: a text was expected, found a number".into();
    samples.say(UNREADABLE, vec![Unreadable { row, ended_at, problem }]);
    samples.say(EVENT_PUBLISHED, vec![EventPublished { event_id: "E1".into() }]);

    let addresses = vec![Address { source: "livestorm".into(), url: "https://hooks.example.org/made-up".into() }];
    let set_up = |at| SetUpWebhooks { addresses: addresses.clone(), at };
    samples.say(SET_UP_WEBHOOKS, vec![set_up(None), set_up(Some(1_644_845_100_000))]);
    let off_at = Some(1_644_846_000_000);
    samples.say(REMOVE_WEBHOOKS, vec![RemoveWebhooks { at: None }, RemoveWebhooks { at: off_at }]);
    samples.say(CHECK_WEBHOOKS, vec![CheckWebhooks { at: 1_644_932_400_000 }]);
    samples.say(RENEW_WEBHOOKS, vec![RenewWebhooks { session: s1.clone(), registered_at: 1_644_845_990_000 }]);

    let ana = Registration {
        session: s1,
        event_id,
        event_title: some("Product demo"),
        person_id: some("P1"),
        email: Email::parse("ana@example.org").ok(),
        email_problem: None,
        email_as_typed: None,
        role: Some(Role::Participant),
        guest_speaker: None,
        registered_at: Some(1_644_845_990_000),
        received_at: 1_644_846_000_000,
        values: [("fields.company", "Example"), ("fields.first_name", "Ana")].into_iter().collect(),
    };
    let registered = Person { registration: ana.clone(), held: false, ended: None, watched: None, found: None };
    samples.say(REGISTER, vec![registered]);
    let gone = Person {
        registration: Registration { event_id: None, event_title: None, values: Default::default(), ..ana.clone() },
        held: false,
        ended: None,
        watched: None,
        found: Some(true),
    };
    samples.say(REMOVED, vec![gone]);
    let attendance = Attendance {
        attended: true,
        rate: some("87.5"),
        duration: Some(1_575),
        messages: 4,
        questions: 3,
        votes: 2,
        up_votes: 1,
    };
    let ana = Registration { guest_speaker: Some(true), ..ana };
    let ended = ended_at.map(|at| Ended { at, attendance });
    samples.say(ATTENDANCE, vec![Person { registration: ana.clone(), held: true, ended, watched: None, found: None }]);
    let nobody = Registration { email: None, email_problem: some("there is none"), ..ana };
    let watched = Some(ReplayView { watched_at: Some(1_645_547_400_000) });
    let submitted = FormSubmitted {
        activity: "700000001".into(),
        campaign: "7".into(),
        form: some("31"),
        handler: None,
        prospect: some("1007"),
        email: Email::parse("ana@example.org").ok(),
        submitted_at: 1_644_845_980_000,
        held: false,
    };
    let by_handler =
        FormSubmitted { form: None, handler: some("32"), prospect: None, email: None, held: true, ..submitted.clone() };
    samples.say(FORM_SUBMITTED, vec![submitted, by_handler]);
    samples.say(REPLAY, vec![Person { registration: nobody, held: false, ended: None, watched, found: None }]);
}
