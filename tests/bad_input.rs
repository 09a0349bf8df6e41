//! What goes wrong outside: bodies that are none, or of somebody else; people, titles and attendance that are odd; a token that
//! expires, the wrong account.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    durable::{LogLine, TaskStatus},
    effect::FailureClass,
    host::Host,
    ingress::Refusal,
    simulators::{
        Options,
        faults::{Fault, FaultPlan, FaultRule, Selector},
        livestorm::{Dialect, Occurrence},
    },
    stage::INSTALLATION,
};
use oracle::Happening;
use std::time::Duration;

const ADDRESS_SECRET: &str = "simulated-address-secret";

async fn send(host: &Host, body: &[u8]) -> Result<(), Refusal> {
    host.ingress.receive(INSTALLATION, "livestorm", ADDRESS_SECRET, &[], body.to_vec()).await.map(|_| ())
}

fn quiet() -> oracle::Story {
    story(vec![event(0, "e", "Product demo")])
}

#[tokio::test]
async fn what_is_not_understood_is_kept_with_its_reason_and_can_be_retried() {
    let story = quiet();
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    let bodies: [&[u8]; 6] = [
        br#"{"data":{"id":"x""#,
        b"",
        b"\xff\xfe",
        b"[]",
        br#"{"hello":"world"}"#,
        br#"{"data":{"id":"s","type":"sessions","attributes":{"event_id":7,"created_at":"soon"},"meta":{"webhook":{"event":"session.created"}}}}"#,
    ];
    for body in bodies {
        send(&host, body).await.unwrap();
    }
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    let kept = tasks(&host).await;
    assert_eq!(kept.len(), bodies.len());
    for t in &kept {
        let failure = t.failure.as_ref().unwrap_or_else(|| panic!("{} went through", t.task.payload));
        assert_eq!((t.status, failure.class), (TaskStatus::Dead, FailureClass::Invalid), "{}", t.task.payload);
        assert!(failure.problem.len() > 40 && !failure.remedy.is_empty(), "{failure:?}");
    }
    host.engine.retry(INSTALLATION, kept[0].id).await.unwrap();
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(tasks(&host).await[0].status, TaskStatus::Dead);
}

#[tokio::test]
async fn what_may_not_come_in_is_counted_and_not_kept() {
    let story = quiet();
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    let max = host.ingress.max_bytes(INSTALLATION, "livestorm", ADDRESS_SECRET).unwrap() as usize;
    assert_eq!(send(&host, &vec![b' '; max]).await, Ok(()));
    assert_eq!(send(&host, &vec![b' '; max + 1]).await, Err(Refusal::TooLarge));
    let to = |source: &'static str, secret: &'static str| {
        host.ingress.receive(INSTALLATION, source, secret, &[], b"{}".to_vec())
    };
    assert_eq!(to("livestorm", "guessed").await, Err(Refusal::NoSuchAddress));
    assert_eq!(to("nobody", ADDRESS_SECRET).await, Err(Refusal::NoSuchAddress));
    assert_eq!(to("livestorm-signed", ADDRESS_SECRET).await, Err(Refusal::BadSignature));
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(tasks(&host).await.len(), 1);
    let refused: u64 = host.ingress.refused().values().sum();
    assert_eq!(refused, 4);
}

#[tokio::test]
async fn odd_people_and_titles_arrive_whole() {
    let title = format!("🎉 \"Ünïcode\" & <b>O'Neill</b> {}", "very long ".repeat(30));
    let emails = [
        "plus+tag@example.org",
        "o'neill@example.org",
        "UPPER@EXAMPLE.ORG",
        "ünïcode@exämple.org",
        "\"quoted\"@example.org",
        "percent%40&x=y@example.org",
    ];
    let mut acts = vec![
        event(0, "e", &title),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        session(2, "undated", "e", None, &[rest(1)]),
    ];
    for (i, email) in emails.iter().enumerate() {
        let answers = [("first_name", "Zoë \"Z\""), ("last_name", "O'Neill\\"), ("company", "Søn & <Co>")];
        let deliveries = if i % 2 == 0 { [rest(1)] } else { [native(1)] };
        acts.push(registers(HOUR + i as u64, "s", email, &answers, &deliveries));
        acts.push(registers(HOUR + 100 + i as u64, "undated", email, &answers, &deliveries));
    }
    plays_well(&story(acts), Options::default()).await;
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_is_refreshed_and_nobody_notices() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
        registers(5 * HOUR, "s", "ben@example.org", &[("first_name", "Ben")], &[rest(1)]),
    ]);
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    for hour in 1..=4 {
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + hour * HOUR)).await;
        theatre.stage.simulators.world().expire_tokens();
    }
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_wrong_business_unit_loses_nothing_and_says_what_to_do() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(60, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
    ]);
    let theatre = Theatre::set(&story).await;
    let right = theatre.stage.simulators.world().options.business_unit_id.clone();
    let host = theatre.open().await;
    theatre.stage.simulators.world().options.business_unit_id = "0UvSIM000000999AAA".into();
    theatre.stage.begin(&story);
    theatre.stage.clock.run_for(Duration::from_secs(HOUR)).await;
    let kept = tasks(&host).await;
    let whys: Vec<String> = kept
        .iter()
        .filter(|t| t.status != TaskStatus::Done)
        .map(|t| {
            t.waiting_for
                .clone()
                .or(t.failure.as_ref().map(|f| format!("{} {}", f.problem, f.remedy)))
                .unwrap_or_default()
        })
        .collect();
    assert!(whys.iter().any(|w| w.to_lowercase().contains("business unit")), "{whys:#?}");

    // Somebody mends it; what was given up goes again, and all is well in the end.
    theatre.stage.simulators.world().options.business_unit_id = right;
    for t in kept.iter().filter(|t| t.status == TaskStatus::Dead) {
        host.engine.retry(INSTALLATION, t.id).await.unwrap();
    }
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
}

/// A session that is held, with everybody of `people` in the room for these seconds.
fn held(starts: u64, lasts: u64, people: &[(&str, u64)], told_after: u64) -> Vec<oracle::Act> {
    let happens = |at, what, deliveries: &[oracle::Delivery]| oracle::Act { at, what, deliveries: deliveries.to_vec() };
    let session = || "s".to_string();
    let mut acts = vec![happens(starts, Happening::SessionStarted { session: session() }, &[])];
    acts.extend(people.iter().map(|(email, seconds)| {
        let (session, email) = (session(), email.to_string());
        let attends = Happening::Attends { session, email, seconds: *seconds, messages: 0, questions: 0 };
        happens(starts + lasts, attends, &[])
    }));
    acts.push(happens(starts + lasts, Happening::SessionEnded { session: session() }, &[rest(told_after)]));
    acts
}

const STARTS: u64 = 26 * HOUR;

/// Ana and Ben are registered; what follows is said.
fn webinar(rest_of_it: Vec<oracle::Act>) -> oracle::Story {
    let mut acts = vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(STARTS as i64), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
        registers(HOUR, "s", "ben@example.org", &[("first_name", "Ben")], &[rest(1)]),
    ];
    acts.extend(rest_of_it);
    story(acts)
}

/// S1-18: RULES 5, as given.
#[tokio::test]
async fn seconds_that_exceed_the_session_are_written_as_they_are_told() {
    let story = webinar(held(STARTS, 91, &[("ana@example.org", 181)], 1));
    let (theatre, _host) = plays_well(&story, Options::default()).await;
    let durations: Vec<String> = theatre
        .observed()
        .activities
        .into_iter()
        .filter(|a| a.kind == "attendance_duration")
        .map(|a| a.value)
        .collect();
    assert_eq!(durations, ["181"]);
}

/// Word of a replay comes first, the session's end is told an hour later.
#[tokio::test]
async fn a_replay_that_is_told_before_the_end_is_no_attendance_and_loses_none() {
    let mut acts = held(STARTS, 1800, &[("ana@example.org", 900)], 2 * HOUR);
    for email in ["ana@example.org", "ben@example.org"] {
        let what = Happening::WatchesReplay { session: "s".into(), email: email.into() };
        acts.push(oracle::Act { at: STARTS + HOUR, what, deliveries: vec![rest(1)] });
    }
    let (theatre, _host) = plays_well(&webinar(acts), Options::default()).await;
    let world = theatre.observed();
    let count = |kind: &str| world.activities.iter().filter(|a| a.kind == kind).count();
    assert_eq!((count("watched_replay"), count("session_attended"), count("session_not_attended")), (2, 1, 1));
}

/// A body that Livestorm sends, with other words in it.
fn forged(theatre: &Theatre, occurrence: &Occurrence, dialect: Dialect, words: &[(&str, &str)]) -> Vec<u8> {
    let world = theatre.stage.simulators.world();
    let body = world.livestorm.webhook_body(occurrence, dialect, &world.options.unknowns.livestorm).unwrap();
    let mut body = String::from_utf8(body).unwrap();
    for (there, instead) in words {
        assert!(body.contains(there), "{there} is not in {body}");
        body = body.replace(there, instead);
    }
    body.into_bytes()
}

/// RULES 6: what a body says of attendance brings the reading about, and nothing else.
#[tokio::test]
async fn attendance_of_somebody_who_never_registered_is_nobodys_and_brings_the_reading_about() {
    let story = webinar(held(STARTS, 1800, &[("ana@example.org", 900)], 1));
    let mut untold = story.clone();
    let end = untold.acts.iter_mut().find(|a| matches!(a.what, Happening::SessionEnded { .. }));
    end.unwrap().deliveries.clear();
    for by_person in [true, false] {
        let theatre = Theatre::set(&story).await;
        let host = theatre.open().await;
        theatre.stage.play(&untold).await;
        let session = theatre.stage.played().sessions["s"].clone();
        let person = theatre.stage.simulators.world().livestorm.person_id("ana@example.org").unwrap();
        let ghost = [("ana@example.org", "ghost@example.org"), (&person, "99999999-0000-4000-8000-000000000000")];
        let body = match by_person {
            true => {
                let attended = Occurrence::Attended { session, person: person.clone() };
                forged(&theatre, &attended, Dialect::RestManaged, &ghost)
            }
            // The native dialect lists who was there.
            false => forged(&theatre, &Occurrence::SessionEnded { session }, Dialect::Native, &ghost[..1]),
        };
        send(&host, &body).await.unwrap();
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new(), "{by_person}");
    }
}

/// Somebody pasted the address of our webhook into another workspace.
#[tokio::test]
async fn word_of_a_session_that_the_workspace_does_not_have_writes_nothing_and_says_so() {
    let story = webinar(held(STARTS, 1800, &[("ana@example.org", 900)], 1));
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    let session = theatre.stage.played().sessions["s"].clone();
    let person = theatre.stage.simulators.world().livestorm.person_id("ana@example.org").unwrap();
    let event = theatre.stage.simulators.world().livestorm.events.all().next().unwrap().id.clone();
    let registered = Occurrence::Registered { session: session.clone(), person: person.clone() };
    let watched = Occurrence::WatchedReplay { session: session.clone(), person: person.clone() };
    let attended = Occurrence::Attended { session: session.clone(), person };
    let created = Occurrence::SessionCreated { session: session.clone() };
    let ended = Occurrence::SessionEnded { session: session.clone() };
    for (n, occurrence) in [created, registered, ended, attended, watched].iter().enumerate() {
        let another = format!("11111111-2222-4333-8444-{n:012}");
        let elsewhere = [(session.as_str(), another.as_str()), (&event, "66666666-7777-4888-8999-000000000000")];
        let before = theatre.observed();
        send(&host, &forged(&theatre, occurrence, Dialect::RestManaged, &elsewhere)).await.unwrap();
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        assert_eq!(theatre.observed(), before, "{occurrence:?}");
        let said =
            |l: &LogLine| l.line.message.contains(&another) && l.line.message.contains("Livestorm does not know");
        let lines = log(&host).await;
        assert!(lines.iter().any(said), "{occurrence:?}: {lines:#?}");
    }
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
}

/// Rows move up when somebody is taken out: who slips from a page that is still to come to one that was read is found again.
#[tokio::test]
async fn a_person_who_is_removed_between_two_pages_of_the_reading_hides_nobody() {
    const LASTS: u64 = 1800;
    let emails: Vec<String> = (0..120).map(|n| format!("p{n}@example.org")).collect();
    let mut acts = vec![event(0, "e", "Product demo"), session(1, "s", "e", Some(STARTS as i64), &[rest(1)])];
    acts.extend(emails.iter().map(|email| registers(HOUR, "s", email, &[("first_name", "Pat")], &[rest(1)])));
    let there: Vec<(&str, u64)> = emails.iter().map(|email| (email.as_str(), 600)).collect();
    acts.extend(held(STARTS, LASTS, &there, 1));
    // Of the first page, a second after it was read.
    let read_at = STARTS + LASTS + 600;
    for email in &emails[3..8] {
        let what = Happening::Leaves { session: "s".into(), email: email.clone() };
        acts.push(oracle::Act { at: read_at + 10, what, deliveries: vec![] });
    }
    let busy = Fault::Answer { status: 503, headers: vec![], body: "busy".into() };
    let on = Selector::call("GET", "/v1/sessions/*/people");
    let faults = FaultPlan::rules([FaultRule { on, skip: 1, times: 6, what: busy }]);
    let (theatre, _host) = plays_well(&story(acts), Options { faults, ..Options::default() }).await;
    let world = theatre.stage.simulators.world();
    let reads: Vec<u64> = world
        .requests
        .iter()
        .filter(|r| r.path.ends_with("/people") && r.status == Some(200))
        .map(|r| r.at.seconds() - BEGINS_AT)
        .collect();
    // The first page before they left, the others after, and all of them once more.
    assert!(reads[0] < read_at + 10 && reads[1] > read_at + 10 && reads.len() >= 6, "{reads:?}");
}
