//! Pace: what is waited for here, and what the guest is told to wait for.

use super::*;

#[tokio::test]
async fn a_short_wait_is_waited_and_a_second_one_is_the_guests() {
    for repeat in [Repeat::Read, Repeat::Once] {
        let w = world(|_, n| if n == 1 { answer(429, &[("retry-after", "3")], "") } else { answer(201, &[], "") });
        assert_eq!(status(&w.one(request("events", repeat)).await), 201);
        assert_eq!(w.times(), [0, 3_000]);
        let w = world(|_, _| answer(429, &[("retry-after", "3")], ""));
        let Err(SendError::Throttled { until, .. }) = w.one(request("events", repeat)).await else {
            panic!("must be throttled")
        };
        assert_eq!(until, Timestamp(1_000_006_000));
        assert_eq!(w.times(), [0, 3_000]);
    }
}

#[tokio::test]
async fn a_used_up_quota_holds_the_account_for_every_installation_and_for_no_other_account() {
    let w = world(|got, _| {
        if got.uri.contains("pardot") {
            return answer(403, &[], r#"{"code":122,"message":"Daily API rate limit met"}"#);
        }
        fine()
    });
    let mut other = w.permit(0);
    other.installation = "two".into();
    for permit in [w.permit(0), other] {
        let answers = w.all(vec![(permit, request("ae", Repeat::Once))]).await;
        let Err(SendError::Throttled { until, reason }) = &answers[0] else { panic!("must be throttled") };
        assert_eq!(*until, Timestamp::from_seconds(1_003_600));
        assert_eq!(reason, "Account Engagement's API calls of this day are used up");
    }
    assert_eq!(w.got().len(), 1);
    assert_eq!(status(&w.one(read("crm")).await), 200);
}

#[tokio::test]
async fn requests_are_spread_and_what_would_wait_too_long_is_throttled() {
    let w = world(|_, _| fine());
    let answers = w.many(30, &read("events")).await;
    let times = w.times();
    assert_eq!(times, (0..26).map(|i| i * 200).collect::<Vec<u64>>());
    assert_eq!(answers.iter().filter(|a| matches!(a, Err(SendError::Throttled { .. }))).count(), 4);
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_provider_allows() {
    let w = world(|_, _| fine());
    assert!(w.many(40, &read("ae")).await.iter().all(|a| status(a) == 200));
    assert_eq!(w.fake.in_flight_most.load(Ordering::SeqCst), 4);
    assert_eq!(w.connections.in_flight_max("one", "ae"), 4);
    assert_eq!(w.connections.in_flight_max("one", "crm"), 5);
    assert_eq!(w.connections.in_flight_max("one", "nothing"), 1);
}

#[tokio::test]
async fn external_activities_go_out_two_a_second() {
    let w = world(|_, _| answer(201, &[], ""));
    let mut r = request("ae", Repeat::Once);
    r.path = vec!["api".into(), "v5".into(), "external-activities".into()];
    w.many(4, &r).await;
    assert_eq!(w.times(), [0, 500, 1_000, 1_500]);
}

/// A token that expired is mended by the time; who then finds no room is told of that, and not to sign in again.
#[tokio::test]
async fn an_expired_token_and_a_full_rate_together_need_no_person() {
    let w = world(|got, _| match got.token() {
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => answer(201, &[], ""),
        _ => expired(),
    });
    let mut r = request("ae", Repeat::Once);
    r.path = vec!["api".into(), "v5".into(), "external-activities".into()];
    let answers = w.many(14, &r).await;
    let throttled = answers.iter().filter(|a| matches!(a, Err(SendError::Throttled { .. }))).count();
    let made = answers.iter().filter(|a| matches!(a, Ok(r) if r.status == 201)).count();
    assert_eq!((throttled > 0, throttled + made), (true, 14), "{answers:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_left_alone_for_a_while() {
    let w = world(|_, n| if n <= 3 { reset() } else { fine() });
    assert!(matches!(w.one(read("crm")).await, Err(SendError::Unknown(_))));
    let Err(SendError::Throttled { until, .. }) = w.one(read("crm")).await else { panic!("must be throttled") };
    assert_eq!(w.got().len(), 3);
    w.clock.run_until(until).await;
    assert!(w.many(5, &read("crm")).await.iter().any(|a| matches!(a, Ok(r) if r.status == 200)));
    assert_eq!(w.got().len(), 4, "one probe");
    assert!(w.many(5, &read("crm")).await.iter().all(|a| status(a) == 200));
}

#[tokio::test]
async fn the_same_story_takes_the_same_time() {
    let mut told = vec![];
    for _ in 0..2 {
        let w = world(|_, n| if n % 3 == 0 { not_sent() } else { fine() });
        w.many(12, &read("events")).await;
        told.push(w.times());
    }
    assert_eq!(told[0], told[1]);
}
