//! What may be sent again, and how often.

use super::*;

#[tokio::test]
async fn once_is_never_sent_again_after_it_may_have_left() {
    let scripts: [fn(&Got, usize) -> Sending; 6] = [
        |_, _| reset(),
        |_, _| answer(500, &[], "oops"),
        |_, _| answer(503, &[("retry-after", "1")], ""),
        |_, _| answer(504, &[], ""),
        |_, _| answer(400, &[], r#"{"code":202,"message":"request timed out"}"#),
        |_, _| Err(TransportError::Unusable { status: Some(502), problem: "too long".into() }),
    ];
    for script in scripts {
        let w = world(script);
        let got = w.one(request("ae", Repeat::Once)).await;
        assert!(matches!(got, Err(SendError::Unknown(_))), "{got:?}");
        assert_eq!(w.got().len(), 1);
    }
}

#[tokio::test]
async fn what_was_certainly_not_sent_is_sent_twice_more_whatever_its_class() {
    for repeat in [Repeat::Read, Repeat::Idempotent, Repeat::Once] {
        let w = world(|_, n| if n < 3 { not_sent() } else { answer(201, &[], "") });
        assert_eq!(status(&w.one(request("crm", repeat)).await), 201);
        let w = world(|_, _| not_sent());
        assert_eq!(w.one(request("crm", repeat)).await, Err(SendError::NotSent("connection refused".into())));
        let times = w.times();
        assert_eq!(times.len(), 3);
        assert!((250..=500).contains(&times[1]) && (500..=1_000).contains(&(times[2] - times[1])), "{times:?}");
    }
}

#[tokio::test]
async fn a_read_is_sent_twice_more_and_then_told_as_it_is() {
    let w = world(|_, _| answer(503, &[], "busy"));
    assert_eq!(status(&w.one(read("crm")).await), 503);
    assert_eq!(w.got().len(), 3);
    let w = world(|_, n| if n == 1 { reset() } else { fine() });
    assert_eq!(status(&w.one(request("crm", Repeat::Idempotent)).await), 200);
    let w = world(|_, _| reset());
    assert_eq!(w.one(read("crm")).await, Err(SendError::Unknown("connection reset".into())));
    let w = world(|_, _| answer(500, &[], "a bug"));
    assert_eq!(status(&w.one(read("crm")).await), 500);
    assert_eq!(w.got().len(), 1);
    let w = world(|_, _| answer(404, &[], "none"));
    assert_eq!(status(&w.one(request("crm", Repeat::Once)).await), 404);
}

#[tokio::test]
async fn an_answer_that_breaks_a_limit_is_unusable() {
    let w = world(|_, _| answer(200, &[], &"x".repeat(101)));
    let limits = CallLimits { response_bytes: 100, ..CallLimits::default() };
    w.connections.install("one", bindings(), everything(), limits, Withheld::default()).unwrap();
    let problem = "the answer has more than 100 bytes (limits.response-bytes)".to_owned();
    let expect = Err(SendError::Unusable { status: Some(200), problem });
    assert_eq!(w.one(request("crm", Repeat::Once)).await, expect);
    assert_eq!(w.got().len(), 1);
}
