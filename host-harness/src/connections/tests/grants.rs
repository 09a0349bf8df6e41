//! Tokens: refreshed, stored, withdrawn, connected and disconnected.

use super::*;
use crate::vault::Vault;
use secrecy::ExposeSecret;
use std::path::Path;

#[tokio::test]
async fn the_first_use_without_a_token_refreshes_first() {
    let w =
        world_with(CredentialStore::in_memory(), None, |got, n| if got.is_refresh() { tokens(n + 1) } else { fine() });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    let got = w.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].uri, "https://login.salesforce.com/services/oauth2/token");
    assert_eq!(
        got[0].body,
        "grant_type=refresh_token&refresh_token=refresh-token-1&client_id=client&client_secret=client-secret-1"
    );
    assert_eq!(got[1].token(), "Bearer 00D!access-token-2");
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_and_the_request_is_sent_once_more_whatever_its_class() {
    for repeat in [Repeat::Read, Repeat::Idempotent, Repeat::Once] {
        let w = world(|got, _| match got.token() {
            _ if got.is_refresh() => tokens(2),
            "Bearer 00D!access-token-2" => answer(201, &[], "made"),
            _ => expired(),
        });
        assert_eq!(status(&w.one(request("crm", repeat)).await), 201);
        assert_eq!(w.got().len(), 3);
    }
}

#[tokio::test]
async fn many_refused_at_once_refresh_once_and_connections_of_one_grant_share_it() {
    let w = world(|got, _| match got.token() {
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => fine(),
        _ => expired(),
    });
    let of = |place: usize| (w.permit(place), read(["crm", "ae"][place % 2]));
    let answers = w.all((0..20).map(of).collect()).await;
    assert!(answers.iter().all(|a| status(a) == 200));
    assert_eq!(w.refreshes(), 1);
}

fn stored(path: &Path) -> String {
    let opened = Vault::simulated().open("credentials", &std::fs::read_to_string(path).unwrap()).unwrap();
    String::from_utf8(opened.expose_secret().to_vec()).unwrap()
}

#[tokio::test]
async fn a_rotated_token_is_on_the_disk_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let seen = path.clone();
    let w =
        world_with(CredentialStore::open(&path, Vault::simulated()).unwrap(), Some(ACCESS), move |got, _| {
            match got.token() {
                _ if got.is_refresh() => tokens(2),
                "Bearer 00D!access-token-2" => {
                    assert!(stored(&seen).contains("refresh-token-2"));
                    fine()
                }
                _ => expired(),
            }
        });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert!(!stored(&path).contains(REFRESH));
}

#[tokio::test]
async fn a_token_that_could_not_be_stored_is_not_used_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let store = CredentialStore::open(inside.join("c.json"), Vault::simulated()).unwrap();
    let gone = inside.clone();
    let w = world_with(store, Some(ACCESS), move |got, _| {
        if got.is_refresh() {
            std::fs::remove_dir_all(&gone).unwrap();
            return tokens(2);
        }
        if got.token() == "Bearer 00D!access-token-2" { fine() } else { expired() }
    });
    let answer = w.one(read("crm")).await;
    assert!(matches!(answer, Err(SendError::Throttled { .. })), "{answer:?}");
    assert_eq!(w.got().len(), 2);
    std::fs::create_dir(&inside).unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 1, "the refresh token of the first is spent");
    assert!(stored(&inside.join("c.json")).contains("refresh-token-2"));
}

#[tokio::test]
async fn a_refresh_that_meets_another_waits_and_tries_again() {
    let w = world(|got, n| match got.token() {
        _ if got.is_refresh() && n == 2 => answer(
            400,
            &[],
            r#"{"error":"invalid_grant","error_description":"token request is already being processed"}"#,
        ),
        // What the same meeting was answered in 2024.
        _ if got.is_refresh() && n == 3 => {
            answer(400, &[], r#"{"error":"invalid_grant","error_description":"expired authorization code"}"#)
        }
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => fine(),
        _ => expired(),
    });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 3);
    assert_eq!(w.times(), [0, 0, 500, 1_500, 1_500]);
}

#[tokio::test]
async fn a_withdrawn_grant_needs_a_person_and_is_not_tried_again_at_once() {
    let w = world(|got, _| {
        if got.is_refresh() {
            let body =
                format!(r#"{{"error":"invalid_grant","error_description":"expired access/refresh token {REFRESH}"}}"#);
            return answer(400, &[], &body);
        }
        expired()
    });
    for _ in 0..3 {
        let Err(SendError::Unauthorized(said)) = w.one(request("crm", Repeat::Once)).await else {
            panic!("a person is needed")
        };
        assert_eq!(
            said,
            "account `sf` cannot sign in (invalid_grant: expired access/refresh token [secret]). Its permission was \
             withdrawn or has ended. Connect the account again"
        );
    }
    assert_eq!(w.refreshes(), 1);
    w.connections.mended("sf").await;
    assert!(w.one(read("crm")).await.is_err());
    assert_eq!(w.refreshes(), 2);
    w.store.put("sf", oauth(Some("00D!access-token-9"))).unwrap();
    assert!(w.one(read("crm")).await.is_err());
    assert_eq!(w.refreshes(), 3, "another credential is another chance");
}

/// What a person mends by `harness connect` while the host serves.
#[tokio::test]
async fn who_is_connected_anew_goes_on_at_once() {
    let w = world(|got, _| match got.token() {
        "Bearer 00D!access-token-9" => fine(),
        _ if got.is_refresh() => answer(400, &[], r#"{"error":"invalid_grant","error_description":"revoked"}"#),
        _ => expired(),
    });
    assert!(matches!(w.one(read("crm")).await, Err(SendError::Unauthorized(_))));
    w.connections.connect("sf", oauth(Some("00D!access-token-9"))).await.unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 1);
    assert!(w.connections.connect("sf", Secret::Token("short".into())).await.is_err());
    assert_eq!(status(&w.one(read("crm")).await), 200, "what cannot be kept replaces nothing");
}

#[tokio::test]
async fn who_is_disconnected_sends_nothing_more_not_even_what_waits_already_and_goes_on_once_connected_again() {
    let w = world(|_, _| fine());
    let waiting: Vec<_> = (0..3)
        .map(|place| {
            let (connections, permit, work) = (w.connections.clone(), w.permit(place), w.clock.begin());
            tokio::spawn(async move { connections.perform(permit, read("events"), work).await.0 })
        })
        .collect();
    w.clock.run_for(Duration::from_millis(100)).await;
    assert!(w.connections.disconnect("ls").await.unwrap());
    w.clock.run_until(Timestamp::MAX).await;
    let said = "no credentials for account `ls`. Connect the account";
    let mut sent = 0;
    for answer in waiting {
        match answer.await.unwrap() {
            Err(SendError::Unauthorized(why)) => assert_eq!(why, said),
            answer => sent += u32::from(status(&answer) == 200),
        }
    }
    assert_eq!((sent, w.got().len()), (1, 1));
    assert_eq!(w.one(read("events")).await, Err(SendError::Unauthorized(said.into())));
    assert_eq!(status(&w.one(read("crm")).await), 200, "another account is another matter");
    assert!(!w.connections.disconnect("ls").await.unwrap());
    w.connections.connect("ls", Secret::Token(LIVESTORM.into())).await.unwrap();
    assert_eq!(status(&w.one(read("events")).await), 200);
}

#[tokio::test]
async fn a_token_that_is_refused_even_when_fresh_is_not_refreshed_for_every_request() {
    let w = world(|got, n| {
        if got.is_refresh() {
            return tokens(n);
        }
        answer(400, &[], r#"{"code":49,"message":"Access Denied"}"#)
    });
    for _ in 0..5 {
        let Err(SendError::Unauthorized(said)) = w.one(read("ae")).await else { panic!("a person is needed") };
        assert!(said.contains("code 49"), "{said}");
    }
    assert_eq!(w.refreshes(), 1);
    w.connections.mended("sf").await;
    assert!(w.one(read("ae")).await.is_err());
    assert_eq!(w.refreshes(), 2);
}

#[tokio::test]
async fn a_refresh_ends_even_if_who_asked_for_it_is_gone() {
    let w = world(|got, _| if got.is_refresh() { tokens(2) } else { expired() });
    let connections = w.connections.clone();
    let (permit, work) = (w.permit(0), w.clock.begin());
    let task = tokio::spawn(async move { connections.perform(permit, read("crm"), work).await.0 });
    while w.refreshes() == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    w.clock.run_until(Timestamp::MAX).await;
    let access = w.store.access("sf").unwrap().unwrap();
    assert_eq!(access.token.expose_secret(), "00D!access-token-2");
}

/// S0-1: a key that was pasted goes with each request, and cannot be renewed.
#[tokio::test]
async fn a_private_token_that_is_refused_needs_a_person() {
    let w = world(|_, _| answer(401, &[], ""));
    assert!(matches!(w.one(read("events")).await, Err(SendError::Unauthorized(_))));
    assert_eq!(w.got().len(), 1);
    w.store.remove("ls").unwrap();
    let Err(SendError::Unauthorized(said)) = w.one(read("events")).await else { panic!("a person is needed") };
    assert_eq!(said, "no credentials for account `ls`. Connect the account");
}
