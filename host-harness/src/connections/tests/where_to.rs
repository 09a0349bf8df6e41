//! Where requests lead, what they carry, and what is refused before it is sent.

use super::*;

#[tokio::test]
async fn each_connection_leads_to_its_provider_and_is_signed_there() {
    let w = world(|_, _| fine());
    for connection in ["crm", "ae", "events"] {
        let mut r = read(connection);
        r.query = vec![("q".into(), "a+b c".into())];
        assert_eq!(status(&w.one(r).await), 200);
    }
    let got = w.got();
    let uris: Vec<&str> = got.iter().map(|g| g.uri.as_str()).collect();
    assert_eq!(
        uris,
        [
            "https://example.my.salesforce.com/services/x?q=a%2Bb%20c",
            "https://pi.pardot.com/services/x?q=a%2Bb%20c",
            "https://api.livestorm.co/services/x?q=a%2Bb%20c"
        ]
    );
    let bearer = format!("Bearer {ACCESS}");
    assert_eq!(got.iter().map(Got::token).collect::<Vec<_>>(), [&*bearer, &*bearer, LIVESTORM]);
    assert_eq!(got[1].headers["pardot-business-unit-id"], UNIT);
    assert!(got.iter().all(|g| g.method == "GET"));
}

#[tokio::test]
async fn an_installation_may_give_another_address_and_only_the_operator_a_private_one() {
    let w = world(|_, _| fine());
    let mut b = bindings();
    b.get_mut("crm").unwrap().address = Some("http://127.0.0.1:8080".into());
    let refused =
        w.connections.install("one", b.clone(), everything(), CallLimits::default(), Withheld::default()).unwrap_err();
    assert!(refused.to_string().starts_with("connection `crm`: http:// is for private addresses"), "{refused}");
    b.get_mut("crm").unwrap().allow_private_addresses = true;
    w.connections.install("one", b, everything(), CallLimits::default(), Withheld::default()).unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.got()[0].uri, "http://127.0.0.1:8080/services/x");
}

#[tokio::test]
async fn an_address_that_the_provider_gives_is_checked_like_any_other() {
    let w = world_with(CredentialStore::in_memory(), None, |got, _| {
        assert!(got.is_refresh(), "nothing may be sent to {}", got.uri);
        let body = r#"{"access_token":"00D!access-token-2","instance_url":"https://169.254.169.254"}"#;
        answer(200, &[], body)
    });
    let Err(SendError::Denied(denial)) = w.one(read("crm")).await else { panic!("must be refused") };
    assert_eq!(denial.layer, "installation");
}

#[tokio::test]
async fn what_is_kept_of_a_quota_for_others_is_not_sent_and_is_looked_for_again() {
    let usage = ["api-usage=79/100", "api-usage=81/100", "api-usage=40/100"];
    let w = world(move |_, number| answer(200, &[("sforce-limit-info", usage[number - 1])], "{}"));
    let mut b = bindings();
    b.get_mut("crm").unwrap().reserve_percent = 91;
    let refused =
        w.connections.install("one", b.clone(), everything(), CallLimits::default(), Withheld::default()).unwrap_err();
    assert_eq!(refused.to_string(), "connection `crm`: reserve_percent is 91. Give a share from 0 to 90");
    b.get_mut("crm").unwrap().reserve_percent = 20;
    w.connections.install("one", b, everything(), CallLimits::default(), Withheld::default()).unwrap();
    // 21 are left, then 19.
    for _ in 0..2 {
        assert_eq!(status(&w.one(read("crm")).await), 200);
    }
    let Err(SendError::Throttled { until, reason }) = w.one(read("crm")).await else { panic!("kept for others") };
    assert_eq!(until, w.clock.now().plus(Duration::from_secs(3600)));
    assert!(reason.contains("of the account's 100 calls 19 are left, and 20 % are kept for others"), "{reason}");
    assert_eq!(w.got().len(), 2);
    w.clock.run_until(until).await;
    assert_eq!(status(&w.one(read("crm")).await), 200, "more is left by then");
}

#[tokio::test]
async fn what_is_refused_is_not_sent() {
    let w = world(|_, _| fine());
    let mut rules = everything();
    rules[0].path = vec!["services".into()];
    w.connections
        .install(
            "one",
            bindings(),
            rules,
            CallLimits { request_bytes: 10, ..CallLimits::default() },
            Withheld::default(),
        )
        .unwrap();
    let mut big = read("events");
    big.body = Some(Body { content_type: "text/plain".into(), bytes: vec![b'x'; 11] });
    let mut secret = read("events");
    secret.query = vec![("token".into(), LIVESTORM.into())];
    for (request, layer) in [(read("crm"), "manifest"), (read("mail"), "installation"), (big, "form"), (secret, "form")]
    {
        let Err(SendError::Denied(denial)) = w.one(request).await else { panic!("{layer} must refuse") };
        assert_eq!(denial.layer, layer);
        assert!(!denial.remedy.is_empty() && !format!("{denial:?}").contains(LIVESTORM));
    }
    w.connections.remove("one");
    assert!(matches!(w.one(read("events")).await, Err(SendError::Stopped(_))));
    assert!(w.got().is_empty());
}

#[tokio::test]
async fn nothing_starts_after_its_permit_ends() {
    let w = world(|_, _| not_sent());
    let mut permit = w.permit(0);
    permit.send_before = Timestamp(999_999_999);
    let answers = w.all(vec![(permit.clone(), read("crm"))]).await;
    assert!(matches!(answers[0], Err(SendError::Stopped(_))));
    assert!(w.got().is_empty());
    // Here the first try fits, and its answer stands.
    permit.send_before = Timestamp(1_000_000_000);
    let answers = w.all(vec![(permit, read("crm"))]).await;
    assert!(matches!(answers[0], Err(SendError::NotSent(_))));
    assert_eq!(w.got().len(), 1);
}
