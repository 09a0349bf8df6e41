//! An account that a person disconnects while there is work, and connects again hours later.

use crate::support::*;
use host_harness::{
    clock::{Clock, Timestamp},
    connections::{OAuth, Secret},
    durable::TaskStatus,
    operate::{Desk, RunFilter},
    stage::INSTALLATION,
};
use std::time::Duration;

#[tokio::test]
async fn work_whose_account_is_disconnected_waits_says_so_and_goes_on_once_it_is_connected_again() {
    let acts = vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[native(1)]),
        registers(3 * HOUR, "s", "ben@example.org", &[("first_name", "Ben")], &[native(1)]),
    ];
    let story = story(acts);
    let theatre = Theatre::set(&story).await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    let clock = &theatre.stage.clock;
    let at = |hours: u64| Timestamp::from_seconds(BEGINS_AT + hours * HOUR + HOUR / 2);
    clock.run_until(at(2)).await;
    let before = theatre.observed();
    assert!(before.activities.iter().any(|activity| format!("{activity:?}").contains("ana@")), "{before:?}");

    assert!(host.connections.disconnect("salesforce").await.unwrap());
    clock.run_until(at(6)).await;
    assert_eq!(theatre.observed().activities, before.activities);
    let waiting: Vec<_> = tasks(&host).await.into_iter().filter(|task| task.status == TaskStatus::Waiting).collect();
    let says = |said: &str| waiting.iter().any(|task| task.waiting_for.as_ref().is_some_and(|why| why.contains(said)));
    assert!(says("must be signed in again (no credentials for account `salesforce`"), "{waiting:#?}");
    assert!(tasks(&host).await.iter().all(|task| task.status != TaskStatus::Dead), "nothing is given up");

    let desk = Desk { engine: host.engine.clone(), runtime: host.runtime.clone(), clock: host.clock.clone() };
    let signed_out = desk.runs(INSTALLATION, &RunFilter::default()).await.unwrap().signed_out.unwrap();
    assert!(signed_out.tasks > 0 && signed_out.why.contains("account `salesforce`"), "{signed_out:?}");

    let grant = {
        let world = theatre.stage.simulators.world();
        // It was replaced as it was used, as one that somebody signs in for anew.
        let refresh_token = world.salesforce.tokens.refresh_token().unwrap().to_owned();
        let (app, token_url) = (world.options.salesforce.clone(), world.options.base_url.clone());
        OAuth {
            token_url,
            client_id: app.client_id,
            client_secret: Some(app.client_secret.into()),
            refresh_token: refresh_token.into(),
            access_token: None,
            instance_url: None,
        }
    };
    host.connections.connect("salesforce", Secret::OAuth(Box::new(grant))).await.unwrap();
    assert!(desk.goes_on(INSTALLATION).await.unwrap() > 0);
    // Nobody who has just signed in waits for a quarter of an hour.
    clock.run_until(clock.now().plus(Duration::from_secs(60))).await;
    assert!(theatre.observed().activities.iter().any(|activity| format!("{activity:?}").contains("ben@")));
    assert_eq!(desk.goes_on(INSTALLATION).await.unwrap(), 0);
    assert_eq!(desk.runs(INSTALLATION, &RunFilter::default()).await.unwrap().signed_out, None);
    clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
}
