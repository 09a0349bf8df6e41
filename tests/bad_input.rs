//! What goes wrong outside: bodies that are none, people and titles that are odd, a token that expires, the wrong account.

use crate::support::*;
use host_harness::{
    clock::Timestamp, durable::TaskStatus, effect::FailureClass, host::Host, ingress::Refusal, simulators::Options,
    stage::INSTALLATION,
};
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
