//! Dry runs: what they send, and when they are over.

use super::*;

#[tokio::test]
async fn in_a_dry_run_reads_travel_and_writes_are_judged_noted_and_not_sent() {
    let w = world(|_, _| fine());
    let crm_alone = everything().into_iter().filter(|rule| rule.connection == "crm").collect();
    w.connections.install("one", bindings(), crm_alone, CallLimits::default(), Withheld::default()).unwrap();
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let rehearsal = Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    let ask = async |request: Request| rehearsal.perform(w.permit(0), request, runs.begin()).await.0;

    assert_eq!(status(&ask(read("crm")).await), 200);
    for repeat in [Repeat::Once, Repeat::Idempotent] {
        assert_eq!(ask(request("crm", repeat)).await, Err(SendError::DryRun));
        let refused = ask(request("ae", repeat)).await;
        assert!(matches!(refused, Err(SendError::Denied(_))), "{refused:?}");
    }
    assert_eq!(w.got().len(), 1, "the read alone was sent");
    let planned: Vec<_> = rehearsal.planned().into_iter().map(|p| (p.at, p.request.connection)).collect();
    assert_eq!(planned, [(runs.now(), "crm".into()), (runs.now(), "crm".into())]);
    assert!(!rehearsal.over().is_cancelled());
}

#[tokio::test]
async fn a_dry_run_is_over_at_a_connection_that_does_not_work_and_where_only_the_provider_could_go_on() {
    let w = world(|got, _| if got.uri.contains("pardot") { answer(503, &[], "") } else { fine() });
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let fresh = || Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    let rehearsal = fresh();
    let mut times = 0;
    while !rehearsal.over().is_cancelled() {
        let _ = rehearsal.perform(w.permit(0), read("crm"), runs.begin()).await;
        times += 1;
    }
    assert_eq!((times, w.got().len(), rehearsal.broken()), (9, 8, None));

    let rehearsal = fresh();
    let work = runs.begin();
    let asked = async { rehearsal.perform(w.permit(0), read("ae"), work).await };
    let (_, ()) = tokio::join!(asked, w.clock.run_until(Timestamp::MAX));
    assert_eq!(rehearsal.broken(), Some(("ae".into(), "the provider answered 503".into())));
    assert!(rehearsal.over().is_cancelled());
}
