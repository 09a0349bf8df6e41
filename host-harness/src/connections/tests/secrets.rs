//! What goes out and comes in without its secrets.

use super::*;
use crate::vault::Vault;

#[tokio::test]
async fn the_address_of_webhooks_goes_out_whole_and_links_by_which_people_join_come_in_where_the_settings_name_them() {
    let w = world(|got, _| answer(201, &[], &got.body));
    let told = r#"{"connection_link":"https://app.livestorm.co/p/1?key=made-up","url":"https://h.example/hooks/one/s/{address-secret}"}"#;
    let without = told.replace("https://app.livestorm.co/p/1?key=made-up", scrub::MARK);
    let asks = r#"{"mapping":{"prospect":[{"source":"secret.connection_link","target":"Link__c"}]}}"#;
    for (settings, seen) in [("{}", without.as_str()), (asks, told)] {
        let withheld = Withheld::of(Some("made-up-address-secret".into()), settings);
        w.connections.install("one", bindings(), everything(), CallLimits::default(), withheld).unwrap();
        for (path, is_told) in [("webhooks", true), ("events", false)] {
            let mut r = request("events", Repeat::Once);
            r.path = vec!["v1".into(), path.into()];
            r.body = Some(Body { content_type: "application/json".into(), bytes: told.into() });
            let answers = w.all(vec![(w.permit(0), r)]).await;
            assert_eq!(String::from_utf8(answers[0].clone().unwrap().body).unwrap(), seen, "{settings} {path}");
            let sent = w.fake.got.lock().unwrap().last().unwrap().body.clone();
            assert_eq!(sent.contains("/made%2Dup%2Daddress%2Dsecret\""), is_told, "{sent}");
            assert_eq!(sent.contains(scrub::IN_ADDRESS), !is_told, "{sent}");
        }
    }
    let address = w.connections.without_secret("one", "https://h.example/hooks/one/s/made%2Dup%2Daddress%2Dsecret");
    assert_eq!(address, "https://h.example/hooks/one/s/{address-secret}");
}

#[tokio::test]
async fn no_secret_is_in_any_answer_error_or_debug_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = CredentialStore::open(folder.path().join("c.json"), Vault::simulated()).unwrap();
    // Repeats all that it was sent, in every place where an answer can.
    let w = world_with(store, Some(ACCESS), |got, n| {
        let said = format!("{} {:?} {}", got.token(), got.body, percent(got.token()));
        match (got.is_refresh(), n % 5) {
            (true, 0) => Err(TransportError::Unknown(said)),
            (true, _) => answer(400, &[], &serde_json::json!({"error": "odd", "error_description": said}).to_string()),
            (false, 0) => Err(TransportError::Unknown(said)),
            (false, 1) => Err(TransportError::NotSent(said)),
            (false, 2) => Err(TransportError::Unusable { status: None, problem: said }),
            (false, 3) => expired(),
            (false, _) => answer(
                400,
                &[("x-echo", got.token()), ("set-cookie", "session-of-somebody"), ("authorization", got.token())],
                &said,
            ),
        }
    });
    let mut seen = format!("{:?} {:?} {:?}", w.connections, w.store, bindings());
    let mut kinds = std::collections::BTreeSet::new();
    for place in 0..40 {
        let connection = ["crm", "ae", "events"][place % 3];
        let repeat = [Repeat::Read, Repeat::Once][place % 2];
        let answers = w.all(vec![(w.permit(place), request(connection, repeat))]).await;
        seen += &format!("{answers:?}");
        match &answers[0] {
            Ok(response) => {
                seen += &String::from_utf8_lossy(&response.body);
                kinds.insert("response".to_owned());
            }
            Err(e) => {
                seen += &e.to_string();
                kinds.insert(format!("{e:?}").split(['(', ' ']).next().unwrap().to_owned());
            }
        }
        w.connections.mended("sf").await;
        w.clock.run_for(Duration::from_secs(3_600)).await;
    }
    assert!(kinds.len() >= 4, "enough happened: {kinds:?}");
    assert!(seen.contains("[secret]"));
    for secret in [ACCESS, REFRESH, CLIENT_SECRET, LIVESTORM, "session-of-somebody", &percent(ACCESS)] {
        let at = seen.find(secret);
        assert!(at.is_none(), "{secret} in …{}…", &seen[at.unwrap_or(0).saturating_sub(200)..][..300]);
    }
}

fn percent(text: &str) -> String {
    pipeline::encode(text)
}
