//! What is told of an account that does not work: once for each change, however many requests meet it.

use super::*;
use crate::observe::heard::Heard;

const MANY: usize = 8;

/// Asks often while the script says `refused`, again after a while, and once it says `fine`: all that was told, and the reasons for
/// which the account was known to be closed meanwhile.
async fn told(connection: &str, refused: fn(&Got) -> Sending) -> (Vec<String>, Vec<Option<Why>>) {
    let is_fine = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let says = is_fine.clone();
    let w = world(move |got, _| match says.load(Ordering::SeqCst) {
        true if got.is_refresh() => tokens(2),
        true => fine(),
        false => refused(got),
    });
    let closed_for = || {
        let usage = w.connections.usage("one").into_iter().find(|usage| usage.connection == connection);
        usage.unwrap().closed_for
    };
    let heard = Heard::begin();
    let mut closed = vec![closed_for()];
    for _ in 0..3 {
        assert!(w.many(MANY, &read(connection)).await.iter().all(Result::is_err));
        closed.push(closed_for());
        w.clock.run_for(Duration::from_secs(2 * 3_600)).await;
    }
    is_fine.store(true, Ordering::SeqCst);
    w.connections.mended("sf").await;
    w.many(1, &read(connection)).await;
    assert!(w.many(MANY, &read(connection)).await.iter().all(|answer| status(answer) == 200));
    closed.push(closed_for());
    closed.dedup();
    (heard.lines(), closed)
}

#[tokio::test]
async fn an_account_that_closes_is_told_once_with_what_to_do_and_once_that_it_works_again() {
    type Row = (&'static str, fn(&Got) -> Sending, Why, &'static str, &'static str);
    let rows: [Row; 4] = [
        (
            "ae",
            |_| answer(403, &[], r#"{"code":122,"message":"Daily API rate limit met"}"#),
            Why::Quota,
            " before 1970-01-12T14:46:40Z: Account Engagement's API calls of this day are used up",
            "goes on by itself",
        ),
        (
            "events",
            |_| answer(429, &[("retry-after", "600")], ""),
            Why::Quota,
            " before 1970-01-12T13:56:40Z: Livestorm's calls of this month are used up",
            "ask its provider for more",
        ),
        (
            "crm",
            |_| reset(),
            Why::Outage,
            " before 1970-01-12T13:47:",
            "the provider does not answer. It is tried again by itself; where this lasts, see the provider's status page",
        ),
        (
            "crm",
            |got| match got.is_refresh() {
                true => {
                    answer(400, &[], r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#)
                }
                false => expired(),
            },
            Why::SignIn,
            ": account `sf` cannot sign in (invalid_grant: expired access/refresh token)",
            "Connect the account again. What waits goes on by itself once that is mended",
        ),
    ];
    for (connection, refused, why, said, remedy) in rows {
        let (lines, closed) = told(connection, refused).await;
        assert_eq!(closed, [None, Some(why), None], "{connection}");
        let [closes, opens] = &lines[..] else { panic!("{connection}: {lines:#?}") };
        let account = if connection == "events" { "ls" } else { "sf" };
        let of = format!("installation=\"one\" connection=\"{connection}\" account=\"{account}\"");
        let word = why.word();
        assert!(closes.starts_with(&format!("WARN nothing is sent{said}")), "{closes}");
        for part in [remedy, &format!("{of} why=\"{word}\"")] {
            assert!(closes.contains(part), "{part}: {closes}");
        }
        assert_eq!(*opens, format!("INFO the account works again {of} was=\"{word}\""));
    }
}

#[tokio::test]
async fn a_short_pause_and_a_token_that_a_refresh_mends_are_told_to_nobody() {
    let heard = Heard::begin();
    let w = world(|_, n| if n == 1 { answer(429, &[("retry-after", "3")], "") } else { fine() });
    assert_eq!(status(&w.one(read("events")).await), 200);
    let w = world(|got, _| match got.token() {
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => fine(),
        _ => expired(),
    });
    assert!(w.many(MANY, &read("crm")).await.iter().all(|answer| status(answer) == 200));
    assert_eq!(heard.lines(), Vec::<String>::new());
}
